"""Windows as the papers draw them: each once per epoch, at the place that step and seed name."""

import dataclasses

import numpy as np
import pytest
import torch
from test_batches import ACTIONS, CLIPS, NAMES, PADDING, same
from tiny_runs import losses, run, tiny_config, tiny_data

from langlift.actions import ActionVocabulary
from langlift.datasets.augment import AugmentConfig, nothing
from langlift.datasets.clips import LabelledClip
from langlift.datasets.mocap_views import TRAINING_CAMERAS, centered
from langlift.datasets.synthetic import synthetic_clip
from langlift.errors import InputError
from langlift.geometry.cameras import normalize_screen
from langlift.geometry.human36m import human36m_cameras
from langlift.lifting.features import FeatureConfig, mirror_features, mirror_joints
from langlift.methods.base import Batch
from langlift.training.batches import WindowSampler
from langlift.training.cost import measure_cost
from langlift.training.data import load_data
from langlift.training.epochs import EpochSampler, make_sampler
from langlift.training.loop import make_bundle
from langlift.training.recipes import recipe

EPOCHS = {
    **{"windows": "epochs", "cameras": "human36m", "augment": nothing()},
    "features": FeatureConfig("screen"),
}
NOISE = {"augment": AugmentConfig(**{**vars(nothing()), "noise": 1.0, "noise_amount": 1.0})}


def epochs(clips=CLIPS[:2], padding=PADDING, **changes):
    return EpochSampler(clips, ACTIONS, tiny_config(**{**EPOCHS, **changes}), padding)


def kept(batch):
    """A copy, because the sampler uses its memory again."""
    return type(batch)(*(getattr(batch, name).clone() for name in NAMES))


def rows(sampler, steps):
    """The joints of every window of so many steps, as bytes."""
    batches = (sampler.batch(step) for step in steps)
    return [window.numpy().tobytes() for batch in batches for window in batch.joints]


def test_every_window_comes_once_in_every_epoch():
    """Two epochs whose length is no multiple of the batch, read through to the last window."""
    sampler = epochs(batch=8)
    chunks = sum(-(-len(clip) // 9) for clip in CLIPS[:2])
    count = chunks * 4 * 2  # cameras, and mirrored
    assert sampler.windows == count and count % 8 == 0
    sampler = epochs(batch=3 * 8)
    found = rows(sampler, range(count // 4))
    first, second = found[:count], found[count : 2 * count]
    assert len(set(first)) == count and set(first) == set(second)
    assert first != second and first != sorted(first)


def test_a_batch_depends_on_seed_and_step_only():
    one, other = epochs(), epochs()
    forward = [kept(one.batch(step)) for step in range(40)]  # past the end of the first epoch
    assert one.windows < 40 * 8
    for step in (39, 0, 17, 25, 3):
        assert same(kept(other.batch(step)), forward[step])
    assert not same(epochs(seed=4).batch(0), forward[0])


@pytest.mark.parametrize("noise", [False, True])
def test_pieces_are_parts_of_the_batch(noise):
    settings = NOISE if noise else {}
    whole, parts = epochs(**settings), epochs(accumulate=4, **settings)
    for step in (0, 20):
        batch = kept(whole.batch(step))
        pieces = [kept(parts.batch(step, piece)) for piece in range(4)]
        for name in NAMES:
            together = torch.cat([getattr(piece, name) for piece in pieces])
            assert torch.equal(together, getattr(batch, name)), name


def nearest(clip, camera):
    """Depth in metres, in front of a camera, of what comes nearest to it in a clip."""
    return camera.to_camera(centered(clip.joints).astype(np.float64))[..., 2].min()


def every_view(clip, number):
    """Screen coordinates and root-relative joints of a clip by the cameras of its turn."""
    world = centered(clip.joints).astype(np.float64)
    for camera in human36m_cameras(TRAINING_CAMERAS[number % 5]):
        joints = camera.to_camera(world)
        joints[..., 2] += max(0, 1 - nearest(clip, camera))
        screen = normalize_screen(camera.project(joints), camera.image_size)
        yield screen, joints - joints[:, :1]


def running(clip):
    """The clip along a path of 14 m, longer than there is room between the cameras."""
    way = np.linspace(-7, 7, len(clip))[:, None, None] * np.array([0.0, 1.0, 0.0])
    return dataclasses.replace(clip, joints=clip.joints + way)


@pytest.mark.parametrize("clips", [CLIPS[:2], [running(clip) for clip in CLIPS[:2]]])
def test_windows_are_views_of_the_clips_plain_and_mirrored(clips):
    """Views by a camera that the person runs past are those from where nobody is too near."""
    known = []
    for number, clip in enumerate(clips):
        offset = (-(-len(clip) // 9) * 9 - len(clip)) // 2
        for screen, joints in every_view(clip, number):
            for start in range(-offset, len(clip), 9):
                frames = np.clip(np.arange(start - 4, start + 13), 0, len(clip) - 1)
                pair = screen[frames], joints[frames[4:-4]], ACTIONS.index(clip.action)
                known += [pair, (mirror_features(pair[0]), mirror_joints(pair[1]), pair[2])]
    targets = np.array([joints for _, joints, _ in known])
    batch, used = epochs(clips).batch(3), set()
    for xy, joints, action in zip(batch.xy, batch.joints, batch.action, strict=True):
        found = int(np.abs(targets - joints.numpy()).max(axis=(1, 2, 3)).argmin())
        np.testing.assert_allclose(joints, known[found][1], atol=1e-5)
        np.testing.assert_allclose(xy, known[found][0], atol=1e-5)
        labels = (known[found][2], ACTIONS.mirror[known[found][2]])
        assert int(action) == labels[found % 2]
        used.add(found)
    assert len(used) == 8
    assert (batch.confidence == 1).all() and batch.confidence.shape == batch.xy.shape[:-1]


def test_a_view_without_an_image_is_told_as_data(monkeypatch):
    """Were the camera not to step back, this would be the loss that is nan at step 0."""
    monkeypatch.setattr("langlift.training.epochs.way_back", lambda joints: 0.0)
    clip = running(CLIPS[0])
    assert min(nearest(clip, camera) for camera in human36m_cameras("S1")) < 0
    message = rf"clip '{clip.clip_id}' has no finite image in camera .*; check that its joints are"
    with pytest.raises(InputError, match=message):
        epochs([clip])


#: The architecture of each method in a size for tests.
TINY = {
    "vpose": {"widths": (3, 3), "channels": 8},
    "a3dhp": {"frames": 27, "channels": 8},
    "mixste": {"frames": 27, "channels": 8, "depth": 1, "heads": 2},
    "dstformer": {"frames": 27, "channels": 8, "representation": 8, "depth": 1, "heads": 2},
}


@pytest.fixture(scope="module")
def synthetic():
    """All clips of ``--data synthetic``; some run past a camera of their turn."""
    data = load_data("synthetic", recipe("paper"))
    views = [
        nearest(clip, camera)
        for number, clip in enumerate(data.train)
        for camera in human36m_cameras(TRAINING_CAMERAS[number % 5])
    ]
    assert len(views) == 1680 and min(views) < 0
    return data


@pytest.mark.parametrize("method", TINY)
def test_the_papers_recipe_sees_all_synthetic_clips(synthetic, method):
    """A whole epoch, window by window, and a step on some of them."""
    config = recipe("paper", method)
    model = dataclasses.replace(config.model, **TINY[method])
    frames = min(config.frames, 27)
    config = dataclasses.replace(config, model=model, frames=frames, batch=4096, precision="fp32")
    network = make_bundle(method, config, synthetic).build().train()
    sampler = make_sampler(synthetic.train, synthetic.actions, config, network.padding)
    steps = -(-sampler.windows // config.batch)
    for step in range(steps):
        batch = sampler.batch(step)
        assert all(torch.isfinite(getattr(batch, name)).all() for name in NAMES)
    assert steps > 1
    few = Batch(*(getattr(batch, name)[:8] for name in NAMES))
    assert torch.isfinite(network.training_loss(few).total)


def test_noise_is_drawn_once_per_view():
    clean, noisy = epochs(), epochs(**NOISE)
    count = clean.windows // 8
    one = [kept(noisy.batch(step)) for step in range(count)]
    again = [kept(noisy.batch(step)) for step in range(count, 2 * count)]
    for step in range(count):
        plain = clean.batch(step)
        assert torch.equal(one[step].joints, plain.joints)
        error = (one[step].xy - plain.xy).abs()
        assert 1e-4 < error.median() < 0.02
    first, second = (
        sorted(window.numpy().tobytes() for batch in batches for window in batch.xy)
        for batches in (one, again)
    )
    assert first == second
    sure = torch.cat([batch.confidence for batch in one])
    assert 0.5 < sure.mean() < 1 and sure.min() >= 0 and sure.max() <= 1 and sure.std() > 0.05


def test_a_mirrored_window_has_the_mirrored_label():
    joints = np.tile(synthetic_clip("walk", np.random.default_rng(0), frames=1).joints, (40, 1, 1))
    clips = [
        LabelledClip(side, "someone", "toy", f"raise_{side}_arm", "", joints)
        for side in ("left", "right")
    ]
    actions = ActionVocabulary(("raise_left_arm", "raise_right_arm", "wave"))
    config = tiny_config(**EPOCHS, batch=80)
    batch = EpochSampler(clips, actions, config, PADDING).batch(0)
    assert batch.action.bincount().tolist() == [40, 40]  # 2 clips of 5 windows, 4 views, mirrored
    unknown = EpochSampler(clips, ActionVocabulary(("wave",)), config, PADDING).batch(0)
    assert (unknown.action == -1).all()


def test_the_settings_choose_the_sampler():
    assert isinstance(make_sampler(CLIPS, ACTIONS, tiny_config(), PADDING), WindowSampler)
    assert isinstance(make_sampler(CLIPS, ACTIONS, tiny_config(**EPOCHS), PADDING), EpochSampler)
    with pytest.raises(InputError, match="there are no training clips"):
        epochs([])


def test_a_run_in_epochs_is_the_same_in_one_piece_and_when_resumed(tmp_path):
    """Read ahead on a thread into memory that is used again: the losses are still those."""
    config = tiny_config(**EPOCHS, steps=30, batch=64, validate_every=0, checkpoint_every=10)
    data = tiny_data(0)
    run(tmp_path / "whole", config, data)

    def report(entry):
        if entry["step"] == 17:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "run", config, data, report=report)
    run(tmp_path / "run", config, data, resume=True)
    assert losses(tmp_path / "run") == losses(tmp_path / "whole")
    assert len(losses(tmp_path / "whole")) == 30
    cost = measure_cost("vpose", config, data)
    assert cost.epoch_steps == pytest.approx(
        EpochSampler(data.train, data.actions, config, PADDING).windows / 64
    )
