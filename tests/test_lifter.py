"""The Lifter: any length and rate in, the same out; what it must not depend on; what it tells."""

import numpy as np
import pytest
import torch
from lifting_fixtures import ACTIONS, LENS, bundle, lifter, mirrored, randomised, track
from safetensors.torch import load_file

from langlift._version import __version__
from langlift.actions import ActionVocabulary
from langlift.datasets.mocap_views import make_view
from langlift.datasets.synthetic import synthetic_clips
from langlift.geometry import human36m_cameras
from langlift.lifting.bundle import save_bundle, weights_digest
from langlift.lifting.features import (
    FeatureConfig,
    from_virtual,
    mirror_joints,
    person_features,
)
from langlift.lifting.lifter import ACTION_WINDOW, Lifter, LiftOptions
from langlift.methods.base import Method, Prediction
from langlift.skeletons import COCO_17, HUMAN36M_17
from langlift.tracks import Keypoints

FPS = (12.5, 25.0, 30.0, 50.0, 59.94, 120.0)
LENGTHS = (1, 2, 3, 8, 9, 10, 80, 81, 82, 108, 109, 300)
ONCE = LiftOptions(flip=False)
LEFT_WRIST = HUMAN36M_17.index("left_wrist")


class Watched(Method):
    """A network that writes down how many frames it is given."""

    def __init__(self, inner: Method) -> None:
        super().__init__()
        self.inner, self.config, self.actions = inner, inner.config, inner.actions
        self.given: list[int] = []

    @property
    def padding(self) -> tuple[int, int]:
        return self.inner.padding

    def predict(self, xy, confidence=None, *, guidance=None, sampling=None) -> Prediction:
        assert xy.shape[0] == 1 and xy.shape[2:] == (17, 2)
        self.given.append(xy.shape[1])
        return self.inner.predict(xy, confidence, guidance=guidance, sampling=sampling)

    def training_loss(self, batch):
        return self.inner.training_loss(batch)


def watched(**fields) -> tuple[Lifter, Watched]:
    plain = lifter(**fields)
    network = Watched(plain.network)
    return Lifter(plain.bundle, network), network


def holes(frames: int, share: float, seed: int = 0) -> np.ndarray:
    """(f, 17) confidences: 0 for a share of the joints."""
    return (np.random.default_rng(seed).random((frames, 17)) >= share).astype(float)


@pytest.mark.parametrize("fps", FPS)
@pytest.mark.parametrize("frames", LENGTHS)
def test_any_length_at_any_rate_comes_back_as_long(frames, fps):
    motion = lifter().lift(track(frames, fps))
    assert motion.joints.shape == (frames, 17, 3) and motion.fps == fps
    assert np.isfinite(motion.joints).all()
    assert (motion.joints[:, 0] == 0).all()
    assert np.abs(motion.joints).max() > 0.01
    assert motion.space == "root" and motion.skeleton == HUMAN36M_17 and motion.root is None


@pytest.mark.parametrize("fps", FPS)
@pytest.mark.parametrize("frames", LENGTHS)
def test_action_windows_cover_all_frames_in_order(frames, fps):
    action = lifter().lift(track(frames, fps), options=ONCE).action
    first, last = action.windows.T
    assert first[0] == 0 and last[-1] == frames
    assert (last > first).all() and (first >= 0).all() and (last <= frames).all()
    assert (np.diff(first) >= 0).all() and (np.diff(last) >= 0).all()
    assert (first[1:] <= last[:-1]).all()  # no frame between two windows
    assert action.labels == ACTIONS.labels
    assert action.probabilities.sum(axis=1) == pytest.approx(np.ones(len(first)), abs=1e-5)


@pytest.mark.parametrize(
    ("frames", "windows"),
    [
        (1, [[0, 1]]),
        (81, [[0, 81]]),
        (82, [[0, 81], [27, 82]]),
        (108, [[0, 81], [27, 108]]),
        (109, [[0, 81], [27, 108], [54, 109]]),
    ],
)
def test_action_windows_have_their_known_places(frames, windows):
    assert lifter().lift(track(frames), options=ONCE).action.windows.tolist() == windows


def test_a_windows_probabilities_are_the_softmax_of_its_mean_logits():
    made = lifter()
    keypoints = track(100)
    logits: list[torch.Tensor] = []
    head = made.network.action_head
    head.register_forward_hook(lambda *call: logits.append(call[2][0].detach()))
    action = made.lift(keypoints, LENS, ONCE).action
    (scores,) = logits
    assert scores.shape == (100, 3)
    for (first, last), row in zip(action.windows, action.probabilities, strict=True):
        expected = torch.softmax(scores[first:last].double().mean(dim=0), dim=0)
        assert row == pytest.approx(expected.numpy(), abs=1e-5)
    assert len(action.windows) == 2 and ACTION_WINDOW == 81


def test_without_classes_there_is_no_action():
    assert lifter(actions=ActionVocabulary(())).lift(track(20)).action is None


@pytest.mark.parametrize("chunk", [1, 7, 64])
@pytest.mark.parametrize("causal", [False, True])
def test_chunks_leave_no_seam(chunk, causal):
    made = lifter(changes={"causal": causal})
    keypoints = track(150, confidence=holes(150, 0.1))
    whole = made.lift(keypoints, LENS)
    parts = made.lift(keypoints, LENS, LiftOptions(chunk=chunk))
    assert np.abs(parts.joints - whole.joints).max() < 1e-5
    assert parts.action.probabilities == pytest.approx(whole.action.probabilities, abs=1e-5)


@pytest.mark.parametrize("chunk", [100, 2048])
def test_the_network_never_sees_more_than_a_chunk_and_its_padding(chunk):
    made, network = watched()
    made.lift(track(5000), options=LiftOptions(flip=True, chunk=chunk))
    assert max(network.given) == min(chunk, 5000) + 8
    assert len(network.given) == 2 * -(-5000 // chunk)
    assert sum(network.given) == 2 * 5000 + 8 * len(network.given)  # every frame once a pass


def test_a_long_track_has_the_memory_of_a_chunk():
    made, network = watched()
    motion = made.lift(track(20_000), options=ONCE)
    assert len(motion) == 20_000 and max(network.given) == 2048 + 8


@pytest.mark.parametrize("causal", [False, True])
def test_each_frame_is_turned_back_by_its_own_virtual_camera(causal):
    # The network says the same pose in every frame; it comes back in the camera's axes.
    made = lifter(changes={"causal": causal})
    shrink = made.network.encoder.shrink
    shrink.weight.data.zero_()
    said = shrink.bias.detach().reshape(17, 3).numpy()
    keypoints = track(60)
    lifted = made.lift(keypoints, LENS, ONCE).joints
    rays = LENS.rays(keypoints.xy.astype(np.float64))
    _, rotation = person_features(rays, keypoints.seen, made.bundle.features)
    assert np.abs(rotation[0] - rotation[-1]).max() > 0.01
    assert lifted == pytest.approx(from_virtual(said - said[:1], rotation), abs=1e-5)


@pytest.mark.parametrize("kind", ["person", "screen"])
@pytest.mark.parametrize("fps", [25.0, 50.0, 59.94])
def test_lifting_the_mirrored_image_mirrors_the_motion(kind, fps):
    made = lifter(features=FeatureConfig(kind))
    keypoints = track(120, fps, confidence=holes(120, 0.1))
    plain = made.lift(keypoints, LENS)
    other = made.lift(mirrored(keypoints), LENS.mirrored())
    assert np.abs(other.joints - mirror_joints(plain.joints)).max() < 1e-4
    assert other.action.probabilities == pytest.approx(plain.action.probabilities, abs=1e-4)


def test_without_flip_a_random_network_is_not_symmetric():
    made = lifter()
    plain = made.lift(track(30), LENS, ONCE)
    other = made.lift(mirrored(track(30)), LENS.mirrored(), ONCE)
    assert np.abs(other.joints - mirror_joints(plain.joints)).max() > 0.01


def test_flip_is_the_mean_of_the_two_lifts():
    made = lifter()
    plain = made.lift(track(30), LENS, ONCE).joints
    other = made.lift(mirrored(track(30)), LENS.mirrored(), ONCE).joints
    both = made.lift(track(30), LENS).joints
    assert both == pytest.approx((plain + mirror_joints(other)) / 2, abs=1e-5)


@pytest.mark.parametrize("kind", ["person", "screen"])
@pytest.mark.parametrize("fps", [30.0, 50.0, 59.94])
def test_an_unseen_joints_place_changes_nothing(kind, fps):
    made = lifter(features=FeatureConfig(kind))
    keypoints = track(90, fps)
    confidence = holes(90, 0.3)
    results = []
    for offset in (0.0, 300.0, np.nan):
        xy = np.where((confidence > 0)[..., None], keypoints.xy, keypoints.xy + offset)
        results.append(made.lift(keypoints.replaced(xy=xy, confidence=confidence)).joints)
    assert np.array_equal(results[0], results[1]) and np.array_equal(results[0], results[2])


@pytest.mark.parametrize("fps", [25.0, 50.0, 59.94])
def test_missing_joints_frames_and_ends_stay_finite(fps):
    confidence = np.ones((100, 17))
    confidence[:, LEFT_WRIST] = 0
    confidence[:7] = confidence[40:70] = confidence[95:] = 0
    motion = lifter().lift(track(100, fps, confidence=confidence))
    assert np.isfinite(motion.joints).all() and len(motion) == 100
    only = np.zeros((100, 17))
    only[33, [0, 1, 4, LEFT_WRIST]] = 1
    motion = lifter().lift(track(100, fps, confidence=only))
    assert np.isfinite(motion.joints).all() and len(motion) == 100


def test_a_short_gap_in_steady_motion_changes_little():
    made, frames = lifter(), 60
    steady = track(1).xy + np.arange(frames)[:, None, None] * [0.5, 0.2]
    confidence = np.ones((frames, 17))
    confidence[20:30, LEFT_WRIST] = 0
    confidence[:6, LEFT_WRIST] = 0
    whole = Keypoints(steady, "human36m_17", 50, LENS.image_size)
    # The gap in the middle is filled exactly; at the start the first sighting is held.
    holed = whole.replaced(confidence=confidence)
    held = steady.copy()
    held[:6, LEFT_WRIST] = steady[6, LEFT_WRIST]
    expected = made.lift(whole.replaced(xy=held)).joints
    assert np.abs(made.lift(holed).joints - expected).max() < 1e-4


@pytest.mark.parametrize("fps", [59.94, 60.0, 120.0])
def test_a_detector_that_skips_every_second_frame_is_followed(fps):
    made = lifter()
    every = np.ones((120, 17))
    every[1::2] = 0
    whole = made.lift(track(120, fps), LENS).joints
    skipped = made.lift(track(120, fps, confidence=every), LENS).joints
    assert np.abs(skipped - whole).mean() < 0.1 * np.abs(whole - whole.mean(axis=0)).mean()


@pytest.mark.parametrize("fps", [25.0, 100.0])
def test_another_rate_gives_the_same_motion_at_other_moments(fps):
    made = lifter()
    seconds = 3
    same = made.lift(track(int(50 * seconds) + 1, 50), LENS).joints
    other = made.lift(track(int(fps * seconds) + 1, fps), LENS).joints
    step = max(1, int(50 / fps)), max(1, int(fps / 50))
    a, b = same[:: step[0]], other[:: step[1]]
    spread = np.abs(a - a.mean(axis=0)).mean()
    assert a.shape == b.shape and np.abs(a - b).mean() < 0.05 * spread


def test_frames_at_the_models_rate_are_not_resampled():
    made, network = watched(fps=30.0)
    made.lift(track(47, 30.0), options=ONCE)
    assert network.given == [47 + 8]
    made.lift(track(47, 60.0), options=ONCE)
    assert network.given[1:] == [24 + 8]


@pytest.mark.parametrize("kind", ["person", "screen"])
def test_the_features_of_the_bundle_are_used(kind):
    motion = lifter(features=FeatureConfig(kind)).lift(track(20), LENS)
    shifted = track(20)
    shifted = shifted.replaced(xy=shifted.xy + np.array([60, 0]))
    moved = lifter(features=FeatureConfig(kind)).lift(shifted, LENS)
    assert np.abs(moved.joints - motion.joints).max() > 1e-3


def test_the_provenance_says_how_it_was_made(tmp_path):
    of = bundle(card={"licence": "CC0-1.0"})
    path = tmp_path / "mine.safetensors"
    save_bundle(path, of, randomised(of.build()).state_dict())
    made = Lifter.from_file(path)
    keypoints = track(5, 30, provenance={"file": "clip.json"})
    said = made.lift(keypoints, options=LiftOptions(flip=False)).provenance
    assert said["file"] == "clip.json" and said["langlift"] == __version__
    assert said["model"] == "mine" and said["method"] == "vpose"
    assert said["weights_sha256"] == weights_digest(load_file(path))
    assert said["weights_licence"] == "CC0-1.0"
    assert said["precision"] == "fp32" and said["flip"] is False
    assert said["input_fps"] == 30 and said["model_fps"] == 50
    assert said["camera"] == "assumed: focal length 1152 px, image 1000 x 1002"
    assert said["smoothing"] == "none"
    assert "estimated by the model" in said["action"]
    given = made.lift(keypoints, LENS, LiftOptions(precision="bf16")).provenance
    assert given["camera"] == "given: focal length 1145 px, image 1000 x 1002"
    assert given["precision"] == "bf16" and given["flip"] is True


def test_weights_without_a_licence_say_so():
    assert lifter().lift(track(3)).provenance["weights_licence"] == "not stated"


def test_the_provenance_claims_no_action_where_there_is_none():
    said = lifter(actions=ActionVocabulary(())).lift(track(3)).provenance
    assert said["action"] == "none"


def test_coco_keypoints_are_converted_and_it_is_said():
    clip = synthetic_clips(1, seed=3)[0]
    view = make_view(clip, human36m_cameras("S9")[0], "gt", skeleton="coco_17")
    assert view.keypoints.skeleton == COCO_17
    motion = lifter().lift(view.keypoints, view.camera)
    assert motion.skeleton == HUMAN36M_17 and len(motion) == len(clip)
    said = motion.provenance
    assert said["converted_from"] == "coco_17"
    assert any("head_top" in note for note in said["conversion_notes"])
    assert np.isfinite(motion.joints).all()


@pytest.mark.parametrize("chunk", [50, 2048])
def test_bf16_is_close_to_fp32(chunk):
    made = lifter(changes={"channels": 32})
    exact = made.lift(track(120), LENS).joints
    fast = made.lift(track(120), LENS, LiftOptions(precision="bf16", chunk=chunk)).joints
    assert fast.dtype == np.float32
    assert 0 < np.abs(fast - exact).max() < 0.05 * np.abs(exact).max()


@pytest.mark.parametrize(("fps", "total"), [(50.0, 300), (25.0, 599)])
def test_progress_is_told_to_the_end(fps, total):
    told: list[tuple[int, int]] = []
    options = LiftOptions(chunk=128)
    lifter().lift(track(300, fps), options=options, progress=lambda *at: told.append(at))
    assert told == [(min(n, total), total) for n in range(128, total + 128, 128)]


def test_lifting_is_the_same_to_the_bit_every_time():
    keypoints = track(200, 29.97, confidence=holes(200, 0.1))
    torch.manual_seed(1)
    first = lifter().lift(keypoints)
    torch.manual_seed(2)
    second = lifter().lift(keypoints)
    assert np.array_equal(first.joints, second.joints)
    assert np.array_equal(first.action.probabilities, second.action.probabilities)


def test_lifting_leaves_the_keypoints_and_the_network_alone():
    made, keypoints = lifter(), track(50, 30, confidence=holes(50, 0.2))
    before = keypoints.xy.copy(), keypoints.confidence.copy()
    state = {name: value.clone() for name, value in made.network.state_dict().items()}
    made.lift(keypoints)
    assert np.array_equal(keypoints.xy, before[0], equal_nan=True)
    assert np.array_equal(keypoints.confidence, before[1])
    assert all(torch.equal(v, state[n]) for n, v in made.network.state_dict().items())
