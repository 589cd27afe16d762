"""Training windows: a step's batch depends on the step alone, and input and target belong together.

The geometry is checked from the outside: with every disturbance off, one position of the person
(and one size, where features are scaled) must explain all 17 joints of a frame to the last digits.
"""

import dataclasses

import numpy as np
import pytest
import torch
from tiny_runs import tiny_config

from langlift.actions import ActionVocabulary
from langlift.datasets.augment import AugmentConfig, nothing
from langlift.datasets.clips import LabelledClip
from langlift.datasets.mocap_views import TRAINING_CAMERAS
from langlift.datasets.synthetic import synthetic_clip, synthetic_clips
from langlift.datasets.views import CameraRanges
from langlift.errors import InputError
from langlift.geometry.cameras import denormalize_screen
from langlift.geometry.human36m import human36m_cameras
from langlift.lifting.features import FeatureConfig
from langlift.skeletons import HUMAN36M_17
from langlift.training.batches import WindowSampler

PADDING = (4, 4)
CLIPS = synthetic_clips(8, seed=5, frames=(40, 90))
ACTIONS = ActionVocabulary(tuple(sorted({c.action for c in CLIPS})))
SCREEN = FeatureConfig("screen")


def sampler(clips=CLIPS, actions=ACTIONS, padding=PADDING, **changes):
    return WindowSampler(clips, actions, tiny_config(**changes), padding)


def clip_of(joints, action="walk", subject="someone", source="toy", name="toy", fps=50.0):
    return LabelledClip(name, subject, source, action, "", np.asarray(joints), fps)


NAMES = ("xy", "joints", "action", "confidence")


def same(a, b):
    return all(torch.equal(getattr(a, n), getattr(b, n)) for n in NAMES)


SETTINGS = [
    {},
    {"cameras": "human36m"},
    {"cameras": "human36m", "features": SCREEN},
    {"augment": nothing()},
    {"augment": AugmentConfig(mix=1, tilt_share=1, noise=1, drop=1, coco=1)},
]


@pytest.mark.parametrize("settings", SETTINGS)
def test_batch_depends_on_seed_and_step_only(settings):
    one, other = sampler(**settings), sampler(**settings)
    forward = [one.batch(step) for step in range(3)]
    backward = [other.batch(step) for step in (2, 1, 0)][::-1]
    assert all(same(a, b) for a, b in zip(forward, backward, strict=True))
    np.random.default_rng().random(100)
    torch.rand(100)
    assert same(one.batch(1), forward[1])
    assert not same(forward[0], forward[1])
    assert not same(sampler(seed=4, **settings).batch(0), forward[0])


def test_drawing_leaves_the_random_state_of_torch_and_numpy_alone():
    before, legacy = torch.get_rng_state(), np.random.get_state()[1].copy()
    sampler().batch(0)
    assert torch.equal(before, torch.get_rng_state())
    assert (np.random.get_state()[1] == legacy).all()


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize(("frames", "padding"), [(9, (4, 4)), (1, (13, 13)), (5, (8, 0))])
def test_shapes_and_finite_values(settings, frames, padding):
    batch = sampler(padding=padding, frames=frames, **settings).batch(0)
    assert batch.xy.shape == (8, frames + sum(padding), 17, 2)
    assert batch.joints.shape == (8, frames, 17, 3)
    assert batch.action.shape == (8,)
    assert (batch.xy.dtype, batch.joints.dtype) == (torch.float32, torch.float32)
    assert batch.action.dtype == torch.int64
    assert batch.xy.isfinite().all() and batch.joints.isfinite().all()
    assert (batch.joints[:, :, 0] == 0).all()  # relative to the pelvis
    assert 0.3 < batch.joints[:, :, 10].norm(dim=-1).mean() < 1.2  # metres
    assert batch.confidence.shape == batch.xy.shape[:-1]
    assert batch.confidence.dtype == torch.float32
    assert ((batch.confidence >= 0) & (batch.confidence <= 1)).all()


def explained_by_one_person(rays, target, scaled):
    """How far (metres) the best position of the person leaves any joint from its ray.

    A joint at root + t on the ray (s gx, s gy): root_x + t_x = s gx (root_z + t_z), linear in
    root_x, root_y, s root_z and s; s is 1 where features are not scaled.
    """
    left, right = [], []
    for c in (0, 1):
        one = np.eye(2)[c][None].repeat(17, 0)
        g, t, z = rays[:, c], target[:, c], target[:, 2]
        columns = [one, -g[:, None]] + ([-(g * z)[:, None]] if scaled else [])
        left.append(np.concatenate(columns, axis=1))
        right.append(-t if scaled else g * z - t)
    a, b = np.concatenate(left), np.concatenate(right)
    answer, *_ = np.linalg.lstsq(a, b, rcond=None)
    depth = answer[2] / answer[3] if scaled else answer[2]
    return np.abs(a @ answer - b).max(), depth


def directions(features):
    """(17, 2) from person features: joint 0 is its direction, the others are relative to it."""
    return np.concatenate([features[:1], features[:1] + features[1:]])


@pytest.mark.parametrize("cameras", ["random", "human36m"])
@pytest.mark.parametrize("lengths", [(1, 1), (41, 121), (5, 9)])
def test_person_features_are_the_projection_of_the_target(cameras, lengths):
    features = FeatureConfig(center_frames=lengths[0], scale_frames=lengths[1])
    batch = sampler(cameras=cameras, features=features, augment=nothing()).batch(2)
    depths = []
    for w in range(8):
        for f in (0, 4, 8):
            seen = directions(batch.xy[w, f + PADDING[0]].double().numpy())
            target = batch.joints[w, f].double().numpy()
            error, depth = explained_by_one_person(seen, target, scaled=True)
            assert error < 2e-5
            depths.append(depth)
    assert min(depths) > 0.8 and 2.5 < np.mean(depths) < 7


def test_screen_features_are_the_projection_of_the_target():
    """Through the real lenses; which of the four it was is told by the smallest error."""
    lenses = human36m_cameras(TRAINING_CAMERAS[0])  # the intrinsics are those of all subjects
    batch = sampler(cameras="human36m", features=SCREEN, augment=nothing()).batch(1)
    used = set()
    for w in range(8):
        target = batch.joints[w, 4].double().numpy()
        screen, errors = batch.xy[w, 4 + PADDING[0]].double().numpy(), []
        for lens in lenses:
            rays = lens.rays(denormalize_screen(screen, lens.image_size))
            errors.append(explained_by_one_person(rays, target, scaled=False)[0])
        assert min(errors) < 2e-5
        assert sorted(errors)[1] > 2 * min(errors)
        used.add(int(np.argmin(errors)))
    assert len(used) > 1


def test_windows_without_changes_are_pieces_of_the_clips():
    """Bone lengths of the target are those of a clip, and it lies where the network looks."""
    batch = sampler(cameras="human36m", features=SCREEN, augment=nothing(), batch=16).batch(0)
    child, parent = np.array(HUMAN36M_17.bones).T
    known = {}
    for clip in CLIPS:
        bones = np.linalg.norm(clip.joints[0, child] - clip.joints[0, parent], axis=-1)
        known.setdefault(ACTIONS.index(clip.action), []).append(bones)
    for joints, action in zip(batch.joints.numpy(), batch.action.tolist(), strict=True):
        bones = np.linalg.norm(joints[4, child] - joints[4, parent], axis=-1)
        sides = [bones, bones[HUMAN36M_17.mirror[1:] - 1]]  # half of the windows are mirrored
        assert any(np.allclose(b, k, atol=3e-3) for b in sides for k in known[action])


def confidence(**changes):
    """Of 32 windows without other disturbances."""
    augment = dataclasses.replace(nothing(), **changes)
    return sampler(augment=augment, batch=32).batch(0).confidence


def test_confidence_of_clean_noisy_and_missing_joints():
    assert (confidence() == 1).all()
    certain = [confidence(noise=1.0, noise_amount=amount) for amount in (0.2, 1.0)]
    assert certain[0].min() >= 0.8 and certain[1].min() < 0.6  # as much as the noise was drawn
    assert all(0 < c.std() < 0.3 for c in certain) and certain[1].mean() < certain[0].mean()
    some = confidence(noise=0.5, noise_amount=1.0)
    clean = (some == 1).flatten(1).all(dim=1)
    assert 4 < clean.sum() < 28
    missing = confidence(drop=1.0)
    assert set(missing.unique().tolist()) == {0.0, 1.0}
    assert 0.02 < (missing == 0).float().mean() < 0.4


def test_a_joint_without_confidence_was_filled_in():
    """Whatever stands there has nothing to do with where the joint is."""
    augment, gap = dataclasses.replace(nothing(), drop=1.0), FeatureConfig("screen", gap_frames=0)
    settings = {"cameras": "human36m", "features": gap, "batch": 32}
    lost = sampler(augment=augment, **settings).batch(0)
    whole = sampler(augment=nothing(), **settings).batch(0)
    assert torch.equal(lost.joints, whole.joints)
    same_place = (lost.xy == whole.xy).all(dim=-1)
    assert same_place[lost.confidence == 1].all()
    assert not same_place[..., 1:][lost.confidence[..., 1:] == 0].any()


def test_pieces_are_keyed_by_their_number():
    whole, parts = sampler(), sampler(accumulate=2)
    first, second = parts.batch(3, 0), parts.batch(3, 1)
    assert len(first.xy) == len(second.xy) == 4
    assert not same(first, second) and same(sampler(accumulate=2).batch(3, 1), second)
    assert not torch.equal(whole.batch(3).xy[:4], first.xy)


def test_disturbances_change_what_is_seen_and_never_the_target():
    calm = sampler(cameras="human36m", features=SCREEN, augment=nothing())
    truth = calm.batch(0)
    habit = {"habit": 0.1, "habit_share": 1.0}
    for one in ({"noise": 1.0, "noise_amount": 1.0}, {"drop": 1.0}, {"coco": 1.0}, habit):
        augment = dataclasses.replace(nothing(), **one)
        batch = sampler(cameras="human36m", features=SCREEN, augment=augment).batch(0)
        assert torch.equal(batch.joints, truth.joints), one
        assert torch.equal(batch.action, truth.action)
        changed = (batch.xy - truth.xy).abs()
        assert changed.max() > 0.005, one
        if "noise" in one:
            assert 0.0005 < changed.mean() < 0.02  # a few pixels of 500 per screen unit


def test_turned_windows_are_seen_from_all_sides():
    """Fixed cameras see people face every way: they are turned about the vertical."""
    clip = synthetic_clip("squat", np.random.default_rng(0), frames=60)
    many = sampler([clip], cameras="human36m", features=SCREEN, batch=200, augment=nothing())
    hips = many.batch(0).joints[:, 4, 4] - many.batch(0).joints[:, 4, 1]
    angle = torch.atan2(hips[:, 0], hips[:, 2])
    assert (torch.histc(angle, 8, -np.pi, np.pi) > 8).all()


def test_half_of_the_windows_are_mirrored():
    """A person with one arm up: with which hand tells a mirrored window."""
    pose = synthetic_clip("squat", np.random.default_rng(0), frames=1).joints[0].copy()
    pose[13] = pose[11] + (0, 0, 0.5)  # left wrist above the left shoulder
    clip = clip_of(np.repeat(pose[None], 40, axis=0), ACTIONS.labels[0])
    joints = sampler([clip], augment=nothing(), batch=400).batch(0).joints[:, 4]
    left_up = joints[:, 13, 1] < joints[:, 16, 1]  # y counts downwards
    assert left_up.float().mean() == pytest.approx(0.5, abs=0.08)


@pytest.mark.parametrize("speed", [0.3, 0.0])
def test_speed(speed):
    """A hand that goes away from the pelvis by 1 cm per frame shows how fast a window is played."""
    pose = synthetic_clip("squat", np.random.default_rng(0), frames=1).joints[0]
    joints = np.repeat(pose[None], 200, axis=0)
    joints[:, 13] = joints[:, 0] + (1 + np.arange(200)[:, None] / 100) * (0.0, 0.0, 1.0)
    clip = clip_of(joints, ACTIONS.labels[0])
    augment = dataclasses.replace(nothing(), speed=speed)
    windows = sampler([clip], cameras="human36m", features=SCREEN, augment=augment, batch=300)
    reach = windows.batch(0).joints.norm(dim=-1).amax(dim=2)
    pace = reach.diff(dim=1) / 0.01
    # A window at the end of the clip repeats the last frame when it is played faster.
    pace = pace[:, 3:6].double()
    assert (pace.amax(dim=1) - pace.amin(dim=1)).median() < 1e-3  # one speed per window
    factor = pace.mean(dim=1).numpy()
    if speed == 0:
        assert factor == pytest.approx(1.0, abs=1e-3)
    else:
        assert factor.min() > 1 / 1.3 - 1e-3 and factor.max() < 1.3 + 1e-3
        assert np.log(factor).mean() == pytest.approx(0, abs=0.03)
        assert np.log(factor).std() == pytest.approx(np.log(1.3) / np.sqrt(3), rel=0.1)


def test_clips_shorter_than_the_window_repeat_their_end_frames():
    short = synthetic_clip("punch", np.random.default_rng(1), frames=5)
    single = clip_of(short.joints[:1], ACTIONS.labels[0])
    batch = sampler([single], augment=nothing(), frames=20).batch(0)
    assert batch.xy.isfinite().all()
    still = batch.joints - batch.joints[:, :1]
    assert still.abs().max() < 1e-5  # one frame, held
    batch = sampler(
        [short], frames=60, cameras="human36m", features=SCREEN, augment=nothing()
    ).batch(0)
    change = batch.joints.diff(dim=1).norm(dim=-1).amax(dim=2)
    assert ((change > 1e-5).sum(dim=1) <= 5).all()  # four steps, cut at any fraction of a frame
    assert (change > 1e-5).any()


def test_labels_outside_the_vocabulary_are_minus_one():
    known, strange = clip_of(CLIPS[0].joints, "walk"), clip_of(CLIPS[1].joints, "moonwalk")
    actions = ActionVocabulary(("walk", "something else"))
    found = sampler([known, strange], actions, batch=64).batch(0).action
    assert set(found.tolist()) == {0, -1}
    assert set(sampler([strange], actions).batch(0).action.tolist()) == {-1}
    assert set(sampler(CLIPS, ActionVocabulary(())).batch(0).action.tolist()) == {-1}


def shares(clips, **changes):
    """How often each clip's label is drawn in 2000 windows of one frame."""
    actions = ActionVocabulary(tuple(c.action for c in clips))
    windows = sampler(
        clips, actions, batch=2000, frames=1, padding=(0, 0), augment=nothing(), **changes
    )
    return torch.bincount(windows.batch(0).action, minlength=len(clips)).numpy() / 2000


def still(frames, action, **what):
    return clip_of(np.repeat(CLIPS[0].joints[:1], frames, axis=0), action, **what)


def test_clips_count_with_the_square_root_of_their_groups_frames():
    found = shares([still(10, "a"), still(90, "b"), still(40, "c")])
    assert found == pytest.approx(np.sqrt([10, 90, 40]) / np.sqrt([10, 90, 40]).sum(), abs=0.035)


def test_a_group_is_one_person_doing_one_action():
    """Four clips of one group count as one of four times the length, another person's on top."""
    group = [still(10, "walk") for _ in range(4)]
    clips = [*group, still(40, "run"), still(40, "walk", subject="other")]
    actions = ActionVocabulary(("walk", "run"))
    windows = sampler(clips, actions, batch=2000, frames=1, padding=(0, 0), augment=nothing())
    share = (windows.batch(0).action == 0).float().mean()
    assert float(share) == pytest.approx(2 / 3, abs=0.035)


def test_synthetic_clips_get_their_share():
    clips = [
        still(200, "real"),
        still(50, "s1", source="synthetic"),
        still(50, "s2", source="synthetic"),
    ]
    found = shares(clips, synthetic_clips=2, synthetic_share=0.2)
    assert found == pytest.approx([0.8, 0.1, 0.1], abs=0.03)
    assert shares(clips, synthetic_clips=2, synthetic_share=0.0)[0] == 1.0
    assert shares(clips[1:]) == pytest.approx([0.5, 0.5], abs=0.04)  # alone they are everything


def test_a_camera_that_people_would_run_into_steps_back():
    """A person who walks 12 m passes any camera that stands 2 m away."""
    walk = CLIPS[0].joints[:1] + np.linspace(-6, 6, 120)[:, None, None] * np.array([1.0, 0, 0])
    ranges = CameraRanges(distance=(2.0, 2.0), wide_share=1.0)
    features = FeatureConfig(center_frames=1, scale_frames=1)
    clip = clip_of(walk, ACTIONS.labels[0])
    windows = sampler(
        [clip], ranges=ranges, features=features, augment=nothing(), frames=60, batch=16
    )
    batch = windows.batch(0)
    depths = []
    for w in range(16):
        for f in range(0, 60, 6):
            seen = directions(batch.xy[w, f + 4].double().numpy())
            error, depth = explained_by_one_person(seen, batch.joints[w, f].double().numpy(), True)
            assert error < 1e-4
            depths.append(depth)
    assert min(depths) > 0.6  # the pelvis; no joint is nearer than a metre along the old axis


def test_no_clips():
    with pytest.raises(InputError, match="there are no training clips; check the corpus folder"):
        sampler([])


def test_clips_of_another_rate_are_refused():
    with pytest.raises(InputError, match="'toy' has 30 frames per second; networks are trained"):
        sampler([clip_of(CLIPS[0].joints, fps=30.0)])


def test_a_mirrored_window_has_the_mirrored_label():
    joints = np.tile(synthetic_clip("walk", np.random.default_rng(0), frames=1).joints, (40, 1, 1))
    clips = []
    for side in ("left", "right"):
        raised = joints.copy()
        raised[:, HUMAN36M_17.index(f"{side}_wrist"), 2] += 1.0
        clips.append(clip_of(raised, action=f"raise_{side}_arm", name=side))
    actions = ActionVocabulary(("raise_left_arm", "raise_right_arm"))
    made = sampler(clips, actions, cameras="human36m", augment=nothing(), batch=32)
    batch = made.batch(0)
    # y points down, so the raised wrist has the smaller y.
    left, right = (
        batch.joints[:, 0, HUMAN36M_17.index(f"{side}_wrist"), 1] for side in ("left", "right")
    )
    assert torch.equal(batch.action, (right < left).long())
    assert set(batch.action.tolist()) == {0, 1}
