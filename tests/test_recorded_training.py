"""Recordings as training data: takes, and windows of them."""

import dataclasses

import numpy as np
import pytest
import torch
from recorded_runs import (
    ACTIONS,
    DRAWN,
    EPOCHS,
    SIZE,
    load,
    noisy,
    recorded_config,
    recording,
    subjects,
)
from test_batches import NAMES, same

from langlift.datasets.augment import AugmentConfig, nothing
from langlift.datasets.synthetic import synthetic_clips
from langlift.errors import InputError
from langlift.geometry.cameras import Camera, normalize_screen
from langlift.lifting.features import FeatureConfig
from langlift.methods import METHODS
from langlift.methods.vpose import VPoseConfig
from langlift.skeletons import COCO_17, HUMAN36M_17, HUMANEVA_15, MPI_INF_3DHP_17
from langlift.tracks import Keypoints
from langlift.training.epochs import EpochSampler, make_sampler
from langlift.training.take_batches import TakeSampler
from langlift.training.takes import takes_of

PADDING = (4, 4)
SCREEN = FeatureConfig("screen")


def kept(batch):
    return type(batch)(*(getattr(batch, name).clone() for name in NAMES))


def screen_of(r):
    return normalize_screen(r.keypoints.xy, SIZE)


# Takes


def test_a_take_is_its_recording():
    r = recording()
    (take,) = takes_of(r, SCREEN)
    assert (take.name, take.subject, take.action, len(take)) == ("A/walk/1", "A", "walk", 30)
    np.testing.assert_allclose(take.screen, screen_of(r), atol=1e-6)
    np.testing.assert_allclose(take.joints, r.joints - r.joints[:, :1], atol=1e-6)
    assert (take.joints[:, 0] == 0).all() and take.confidence is None
    assert take.screen.dtype == take.joints.dtype == np.float32


def test_frames_that_do_not_count_are_cut_out():
    scored = np.ones(30, dtype=bool)
    scored[[0, 11, 12, 29]] = False
    r = recording(scored=scored, frame_actions=np.array(["a"] * 15 + ["b"] * 15))
    r.joints[~scored] = np.nan
    one, two = takes_of(r, SCREEN)
    assert (one.name, two.name) == ("A/walk/1 [1:11]", "A/walk/1 [13:29]")
    np.testing.assert_allclose(two.screen, screen_of(r)[13:29], atol=1e-6)
    assert list(two.frame_actions) == ["a"] * 2 + ["b"] * 14
    r.scored[:] = False
    assert list(takes_of(r, SCREEN)) == []


def test_joints_that_were_not_seen_are_filled_as_in_lifting():
    r = recording()
    xy = r.keypoints.xy.copy()
    xy[10:14, 3] = np.nan  # short: in time
    xy[:, 13] = np.nan  # always: on the parent joint
    sure = np.full((30, 17), 0.8)
    r = dataclasses.replace(r, keypoints=Keypoints(xy, HUMAN36M_17, 50, SIZE, confidence=sure))
    (take,) = takes_of(r, SCREEN, confidence=True)
    seen = normalize_screen(xy, SIZE)
    np.testing.assert_allclose(
        take.screen[10:14, 3], np.linspace(seen[9, 3], seen[14, 3], 6)[1:5], atol=1e-6
    )
    np.testing.assert_array_equal(take.screen[:, 13], take.screen[:, 12])
    expected = np.where(np.isnan(xy[..., 0]), 0, np.float32(0.8))
    np.testing.assert_array_equal(take.confidence, expected)
    scored = np.arange(30) < 5
    lost = np.where(scored[:, None, None], np.nan, xy)
    keypoints = Keypoints(lost, HUMAN36M_17, 50, SIZE)
    blind = dataclasses.replace(r, keypoints=keypoints, scored=scored)
    assert list(takes_of(blind, SCREEN)) == []  # nothing is seen in the frames that count


def test_detections_in_another_convention_are_converted():
    r = recording(skeleton=HUMANEVA_15)
    coco = recording(skeleton=COCO_17).keypoints
    (take,) = takes_of(dataclasses.replace(r, keypoints=coco), SCREEN)
    wrist, other = HUMANEVA_15.index("left_wrist"), COCO_17.index("left_wrist")
    seen = normalize_screen(coco.xy, SIZE)
    np.testing.assert_allclose(take.screen[:, wrist], seen[:, other], atol=1e-6)
    hips = [COCO_17.index(f"{side}_hip") for side in ("left", "right")]
    np.testing.assert_allclose(take.screen[:, 0], seen[:, hips].mean(axis=1), atol=1e-6)


def test_targets_in_units_of_the_image():
    r = recording(metres_per_unit=np.linspace(1, 3, 30))
    (take,) = takes_of(r, SCREEN, unit="screen")
    relative = r.joints - r.joints[:, :1]
    np.testing.assert_allclose(take.joints[0], relative[0], atol=1e-6)
    np.testing.assert_allclose(take.joints[29], relative[29] / 3, atol=1e-6)
    message = r"'A/walk/1' does not say how many metres a unit of the image is, .*; choose a"
    for metres in (None, np.zeros(30)):
        with pytest.raises(InputError, match=message):
            list(takes_of(recording(metres_per_unit=metres), SCREEN, unit="screen"))


# Windows


def expected_windows(takes, chunk=9):
    """Every window of an epoch by hand, plain then mirrored: xy, joints and label's place."""
    swap = HUMAN36M_17.mirror
    for take in takes:
        offset = (-(-len(take) // chunk) * chunk - len(take)) // 2
        for start in range(-offset, len(take) - offset, chunk):
            wide = np.clip(np.arange(start - 4, start + chunk + 4), 0, len(take) - 1)
            xy, joints = take.screen[wide], take.joints[wide[4:-4]]
            label = ACTIONS.index(take.action)
            yield xy, joints, label
            yield xy[:, swap] * [-1, 1], joints[:, swap] * [-1, 1, 1], ACTIONS.mirror[label]


def test_an_epoch_has_every_window_of_the_recordings_and_its_mirror_image():
    data = load()
    known = list(expected_windows(data.train))
    sampler = EpochSampler(data.train, ACTIONS, recorded_config(batch=4), PADDING)
    assert sampler.windows == len(known) == 2 * 2 * (4 + 7 + 3)
    targets, left = np.array([joints for _, joints, _ in known]), set(range(len(known)))
    for step in range(len(known) // 4):
        batch = sampler.batch(step)
        for xy, joints, action in zip(batch.xy, batch.joints, batch.action, strict=True):
            found = int(np.abs(targets - joints.numpy()).max(axis=(1, 2, 3)).argmin())
            np.testing.assert_allclose(joints, known[found][1], atol=1e-6)
            np.testing.assert_allclose(xy, known[found][0], atol=1e-6)
            assert int(action) == known[found][2]
            left.remove(found)
        assert (batch.confidence == 1).all()
    assert not left


def test_drawn_windows_are_pieces_of_the_recordings():
    data = load()
    sampler = TakeSampler(data.train, ACTIONS, recorded_config(**DRAWN, batch=64), PADDING)
    batch, swap = sampler.batch(0), HUMAN36M_17.mirror
    found = {}
    for xy, joints, action in zip(*(getattr(batch, n).numpy() for n in NAMES[:3]), strict=True):
        for flip in (False, True):
            points = xy[:, swap] * [-1, 1] if flip else xy
            target = joints[:, swap] * [-1, 1, 1] if flip else joints
            for n, take in enumerate(data.train):
                start = np.abs(take.joints - target[0]).max(axis=(1, 2)).argmin()
                wide = np.clip(np.arange(start - 4, start + 13), 0, len(take) - 1)
                if not np.allclose(take.joints[wide[4:-4]], target, atol=1e-6):
                    continue
                np.testing.assert_allclose(points, take.screen[wide], atol=1e-6)
                label = ACTIONS.index(take.action)
                assert action == (ACTIONS.mirror[label] if flip else label)
                found.setdefault((n, flip), set()).add(int(start))
    assert sum(map(len, found.values())) > 40
    assert {flip for _, flip in found} == {False, True} and len({n for n, _ in found}) == 6


@pytest.mark.parametrize("windows", [EPOCHS, DRAWN])
@pytest.mark.parametrize("augment", [nothing(), AugmentConfig(**{**vars(nothing()), "drop": 1.0})])
def test_a_batch_depends_on_seed_and_step_only(windows, augment):
    if windows is EPOCHS and augment.drop:
        return
    data, settings = load(), {**windows, "augment": augment}
    one, other = (
        make_sampler(data.train, ACTIONS, recorded_config(**settings), PADDING) for _ in range(2)
    )
    forward = [kept(one.batch(step)) for step in range(12)]
    assert all(same(kept(other.batch(step)), forward[step]) for step in (11, 0, 5))
    assert not same(forward[0], forward[1])
    seeded = make_sampler(data.train, ACTIONS, recorded_config(**settings, seed=4), PADDING)
    assert not same(seeded.batch(0), forward[0])


def test_a_window_is_named_by_its_middle_frame():
    labels = np.array(["walk"] * 13 + ["raise_left_arm"] * 14)
    takes = list(takes_of(recording(frames=27, frame_actions=labels), SCREEN))
    sampler = EpochSampler(takes, ACTIONS, recorded_config(batch=6), PADDING)
    batch = sampler.batch(0)
    middles = {tuple(np.round(take, 5)) for take in takes[0].joints[:, 5]}
    assert len(middles) == 27
    for joints, action in zip(batch.joints.numpy(), batch.action.tolist(), strict=True):
        other = joints[:, HUMAN36M_17.mirror] * [-1, 1, 1]
        near = [np.abs(takes[0].joints - j[4]).max(axis=(1, 2)) for j in (joints, other)]
        flip = int(near[1].min() < near[0].min())
        frame = int(near[flip].argmin())
        assert frame in (4, 13, 22)
        side = ("left", "right")[flip]
        assert ACTIONS.labels[action] == ("walk" if frame < 13 else f"raise_{side}_arm")


def test_confidence_is_given_to_networks_that_ask_for_it():
    sure = np.full((30, 17), 0.25)
    r = recording()
    points = Keypoints(r.keypoints.xy, HUMAN36M_17, 50, SIZE, confidence=sure)
    r = dataclasses.replace(r, keypoints=points)
    asking = METHODS["dstformer"].config(frames=9, channels=8, representation=8, depth=1, heads=2)
    assert asking.uses_confidence
    for windows in (EPOCHS, DRAWN):
        for model, expected in ((asking, 0.25), (VPoseConfig(widths=(3, 3), channels=8), 1)):
            config = recorded_config(**windows, model=model, selection="fixed")
            data = load(config, subjects(("A",)), held=[r])
            batch = make_sampler(data.train, data.actions, config, (0, 0)).batch(0)
            assert (batch.confidence == expected).all() and batch.xy.shape[-1] == 2


@pytest.mark.parametrize("skeleton", [HUMAN36M_17, HUMANEVA_15, MPI_INF_3DHP_17])
def test_noise_and_missing_joints_change_the_2d_alone(skeleton):
    takes = list(takes_of(recording(frames=90, skeleton=skeleton), SCREEN))

    def batch(augment):
        config = recorded_config(**{**DRAWN, "augment": augment}, batch=64)
        return TakeSampler(takes, ACTIONS, config, PADDING).batch(0)

    plain = batch(nothing())
    moved = batch(noisy(noise=1.0, noise_amount=1.0))
    assert torch.equal(plain.joints, moved.joints) and torch.equal(plain.action, moved.action)
    error = (moved.xy - plain.xy).abs()
    assert 1e-4 < error.median() < 0.05 and (moved.confidence < 1).any()
    lost = batch(noisy(drop=1.0))
    hidden = lost.confidence == 0
    assert torch.equal(plain.joints, lost.joints) and 0.02 < hidden.float().mean() < 0.5
    assert (lost.xy != plain.xy)[~hidden].sum() == 0
    assert (lost.xy != plain.xy)[hidden].float().mean() > 0.9
    limbs = [list(limb) for part, limb in skeleton.parts.items() if part != "torso_head"]
    whole = [hidden[:, :, limb].all(dim=2) for limb in limbs]
    assert any(limb.any() for limb in whole)  # limbs of this skeleton are hidden together


def test_noise_is_as_large_as_the_person_in_the_image():
    """A person of 1.7 m, 5.2 m from a camera of Human3.6M, has the height noise is made for."""
    clip = synthetic_clips(1, seed=0, frames=20)[0]
    facing = clip.joints[..., [0, 2, 1]] * [1, -1, 1]  # x right, y down, z forward
    camera = Camera.assumed((1000, 1000)).replaced(focal=(1145.0, 1145.0))
    joints = facing - facing[:, :1] + [0, 0, 5.2]
    xy = Keypoints(camera.project(joints), HUMAN36M_17, 50, (1000, 1000))
    r = dataclasses.replace(recording(frames=20), keypoints=xy, joints=joints)
    (take,) = takes_of(r, SCREEN)
    config = recorded_config(**DRAWN)
    sampler = TakeSampler([take], ACTIONS, config, PADDING)
    height = sampler._height(take.screen[None], take.joints[None])
    assert height == pytest.approx([0.75], rel=0.15)
    twice = sampler._height(2 * take.screen[None], take.joints[None])
    assert twice == pytest.approx(2 * height)
    assert sampler._height(take.screen[None], 7 * take.joints[None]) == pytest.approx(height)


def test_material_must_be_of_one_kind():
    takes, clips = load().train, synthetic_clips(1, seed=0)
    other = list(takes_of(recording(skeleton=MPI_INF_3DHP_17), SCREEN))
    for windows in (EPOCHS, DRAWN):
        config = recorded_config(**windows)
        for material, message in (
            ([], "there are no training recordings; check the dataset, its 2D source and"),
            ([*takes, *clips], "cameras is 'recorded', but the training data are clips of motion"),
            ([*takes, *other], "'A/walk/1' has the skeleton mpi_inf_3dhp_17 and 'A/walk/1' human3"),
        ):
            with pytest.raises(InputError, match=message):
                make_sampler(material, ACTIONS, config, PADDING)
        filmed = dataclasses.replace(config, cameras="human36m")
        with pytest.raises(InputError, match=r"are recordings, .*; set cameras to 'recorded'"):
            make_sampler(takes, ACTIONS, filmed, PADDING)
