"""Ways to make one pose of several hypotheses: their order, what they read, what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langlift.errors import InputError, ShapeError
from langlift.geometry import Camera, human36m_cameras
from langlift.metrics import (
    action_accuracy,
    calibration,
    joint_best,
    joint_projected,
    mpjpe,
    pose_best,
    pose_mean,
    spread,
)

CAMERA = human36m_cameras("S9")[0]
seeds = st.integers(0, 100_000)


def guessed(seed: int, h: int = 5, *leading: int) -> tuple[np.ndarray, np.ndarray]:
    """Hypotheses (*, h, 4, 17, 3) about a truth (*, 4, 17, 3)."""
    rng = np.random.default_rng(seed)
    gt = rng.normal(scale=0.3, size=(*leading, 4, 17, 3))
    noise = rng.normal(scale=0.05, size=(*leading, h, 4, 17, 3))
    return np.expand_dims(gt, -4) + noise, gt


def seen(gt: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where a root four metres away is, and the pixels of the truth there."""
    root = np.broadcast_to([0.1, 0.0, 4.0], (*gt.shape[:-2], 3)).copy()
    return root, CAMERA.project(gt + root[..., None, :])


@settings(deadline=None, max_examples=25)
@given(seeds, st.integers(1, 6))
def test_the_ways_keep_their_order(seed: int, h: int) -> None:
    hypotheses, gt = guessed(seed, h)
    root, xy = seen(gt)
    xy += np.random.default_rng(seed).normal(scale=2.0, size=xy.shape)

    def error(pose: np.ndarray) -> np.ndarray:
        return mpjpe(pose, gt, reduce="frame")

    joint, pose = error(joint_best(hypotheses, gt)), error(pose_best(hypotheses, gt))
    tiny = 1e-12
    assert (joint <= pose + tiny).all()
    assert all((pose <= error(one) + tiny).all() for one in hypotheses)
    assert (joint <= error(joint_projected(hypotheses, root, CAMERA, xy)) + tiny).all()
    sequence = pose_best(hypotheses, gt, per="sequence")
    assert pose.mean() <= error(sequence).mean() + tiny
    assert error(sequence).mean() == pytest.approx(min(error(one).mean() for one in hypotheses))
    single = np.mean([error(one) for one in hypotheses], axis=0)
    assert (error(pose_mean(hypotheses)) <= single + tiny).all(), "a distance is convex"


def test_one_hypothesis_is_the_answer_of_every_way() -> None:
    hypotheses, gt = guessed(0, 1, 2)
    answers = [
        joint_best(hypotheses, gt),
        pose_best(hypotheses, gt),
        pose_best(hypotheses, gt, per="sequence"),
        pose_mean(hypotheses),
        joint_projected(hypotheses, seen(gt)[0], CAMERA, seen(gt)[1]),
    ]
    for answer in answers:
        assert answer.shape == gt.shape
        assert np.array_equal(answer, hypotheses[:, 0])
    assert not spread(hypotheses).any()


def test_the_truth_among_the_hypotheses_is_found() -> None:
    hypotheses, gt = guessed(1)
    hypotheses[3] = gt
    assert np.array_equal(joint_best(hypotheses, gt), gt)
    assert np.array_equal(pose_best(hypotheses, gt), gt)
    assert np.array_equal(pose_best(hypotheses, gt, per="sequence"), gt)
    assert np.array_equal(joint_projected(hypotheses, seen(gt)[0], CAMERA, seen(gt)[1]), gt)
    assert not np.allclose(pose_mean(hypotheses), gt)


def test_the_order_of_the_hypotheses_says_nothing() -> None:
    hypotheses, gt = guessed(2, 4)
    root, xy = seen(gt)
    for ways in (
        lambda some: joint_best(some, gt),
        lambda some: pose_best(some, gt),
        lambda some: pose_best(some, gt, per="sequence"),
        lambda some: joint_projected(some, root, CAMERA, xy),
        pose_mean,
        spread,
        lambda some: calibration(some, gt).shares,
    ):
        assert ways(hypotheses) == pytest.approx(ways(hypotheses[[2, 0, 3, 1]]))


def test_what_pose_best_chooses_for() -> None:
    gt = np.zeros((2, 3, 2, 3))  # two sequences of three frames
    hypotheses = np.zeros((2, 2, 3, 2, 3))
    hypotheses[:, 0, 0] = 0.9  # the first guess is wrong in the first frame
    hypotheses[0, 1, 1:] = 0.1
    hypotheses[1, 1, 1:] = 0.5
    assert not pose_best(hypotheses, gt).any()
    whole = pose_best(hypotheses, gt, per="sequence")
    assert np.array_equal(whole[0], hypotheses[0, 1])  # 0.2 in all, against 0.9
    assert np.array_equal(whole[1], hypotheses[1, 0])  # 0.9, against 1.0
    with pytest.raises(InputError, match="unknown per 'batch'; known: pose, sequence"):
        pose_best(hypotheses, gt, per="batch")  # type: ignore[arg-type]


def test_leading_axes_are_separate_videos_and_long_ones_are_cut(monkeypatch) -> None:
    hypotheses, gt = guessed(3, 5, 2, 3)
    root, xy = seen(gt)

    def answers(some, true, place, pixels) -> list[np.ndarray]:
        return [
            joint_best(some, true),
            pose_best(some, true),
            pose_best(some, true, "sequence"),
            pose_mean(some),
            joint_projected(some, place, CAMERA, pixels),
            spread(some),
            calibration(some, true).shares,
        ]

    together = answers(hypotheses, gt, root, xy)
    monkeypatch.setattr("langlift.metrics.blocks._BLOCK", 5 * 17 * 3)  # a frame at a time
    for a, b in np.ndindex(2, 3):
        alone = answers(hypotheses[a, b], gt[a, b], root[a, b], xy[a, b])
        for whole, one in zip(together, alone, strict=True):
            assert whole[a, b] == pytest.approx(one)


def test_a_missing_keypoint_leaves_the_mean() -> None:
    hypotheses, gt = guessed(4)
    root, xy = seen(gt)
    xy[1, 6] = np.nan
    found = joint_projected(hypotheses, root, CAMERA, xy)
    assert found[1, 6] == pytest.approx(hypotheses[:, 1, 6].mean(axis=0))
    assert (np.abs(found[1, 5] - hypotheses[:, 1, 5]).sum(axis=-1) == 0).any()


def test_a_hypothesis_behind_the_camera_is_not_chosen() -> None:
    hypotheses, gt = guessed(5, 3)
    root, xy = seen(gt)
    hypotheses[0, :, 2, 2] -= 9.0
    chosen = joint_projected(hypotheses, root, CAMERA, xy)[:, 2]
    assert (chosen[:, 2] > -1).all()
    hypotheses[:, 0, 2, 2] -= 9.0
    chosen = joint_projected(hypotheses, root, CAMERA, xy)[0, 2]
    assert chosen == pytest.approx(hypotheses[:, 0, 2].mean(axis=0))


def test_the_lens_takes_part_in_the_choice() -> None:
    """Two guesses, one exact through the lens and the other exact without it."""
    bent = Camera("bent", (1000, 1000), (1000.0, 1000.0), (500.0, 500.0), radial=(-0.3, 0, 0))
    root = np.array([[0.0, 0.0, 3.0]])
    true = np.array([[[1.2, 0.9, 0.0]]])
    xy = bent.project(true + root)
    straight = np.concatenate([bent.rays(xy), np.ones((1, 1, 1))], axis=-1) * 3 - root
    flat = (xy - 500) / 1000 * 3
    wrong = np.concatenate([flat, np.zeros((1, 1, 1))], axis=-1)
    assert np.abs(wrong - true).max() > 0.05
    found = joint_projected(np.stack([wrong, straight]), root, bent, xy)
    assert found == pytest.approx(true)


def test_spread_is_the_noise() -> None:
    rng = np.random.default_rng(6)
    hypotheses = rng.normal(scale=0.02, size=(200, 5, 17, 3))
    assert spread(hypotheses).mean() == pytest.approx(0.02 * np.sqrt(3), rel=0.02)


# Calibration


def drawn(scale: float, count: int = 19) -> tuple[np.ndarray, np.ndarray]:
    """Truth with noise of 1 about a place, and hypotheses with noise of `scale` about it."""
    rng = np.random.default_rng(7)
    place = rng.normal(size=(600, 17, 3))
    gt = place + rng.normal(size=place.shape)
    return place + scale * rng.normal(size=(count, *place.shape)), gt


def test_hypotheses_drawn_like_the_truth_are_calibrated() -> None:
    for count in (19, 9, 3):  # levels 0.1 apart are hit exactly by 19
        found = calibration(*drawn(1.0, count))
        assert found.levels.max() == pytest.approx({19: 0.9, 9: 0.8, 3: 0.5}[count])
        assert found.shares == pytest.approx(found.levels, abs=0.012 if count == 19 else 0.03)
    assert calibration(*drawn(1.0)).error < 0.01


def test_too_little_and_too_much_spread_are_told_apart() -> None:
    small, large = calibration(*drawn(0.3)), calibration(*drawn(3.0))
    assert (small.shares < small.levels).all() and small.error > 0.2
    assert (large.shares > large.levels).all() and large.error > 0.2


def test_the_joints_that_count() -> None:
    hypotheses, gt = drawn(0.3)
    gt[:, 0], hypotheses[:, :, 0] = 0.0, 0.0  # a root: always inside
    with_root = calibration(hypotheses, gt)
    without = calibration(hypotheses, gt, joints=range(1, 17))
    assert with_root.shares == pytest.approx((1 + 16 * without.shares) / 17)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"levels": [0.5, 0.95]}, r"level 0.95 is beyond the 0.667 that 5 hypotheses reach"),
        ({"levels": [50]}, r"levels are \[50\]; give shares between 0 and 1"),
        ({"levels": []}, r"levels are \[\]; give shares between 0 and 1"),
        ({"joints": [17]}, "there is no joint 17; choose from 0 to 16"),
        ({"joints": []}, "no joints are chosen"),
    ],
)
def test_what_calibration_refuses(options: dict, words: str) -> None:
    hypotheses, gt = guessed(8)
    with pytest.raises(InputError, match=words):
        calibration(hypotheses, gt, **options)
    with pytest.raises(InputError, match="needs at least 2 hypotheses, got 1"):
        calibration(hypotheses[:1], gt)


# Refusals


@pytest.mark.parametrize("way", [joint_best, pose_best, calibration])
def test_a_truth_of_another_shape_is_refused(way) -> None:
    hypotheses, gt = guessed(9)
    with pytest.raises(
        ShapeError,
        match=r"gt has shape \(1, 17, 3\); beside hypotheses of shape \(5, 4, 17, 3\) "
        r"it must be \(4, 17, 3\)",
    ):
        way(hypotheses, gt[:1])
    with pytest.raises(InputError, match="gt has 1 joints with NaN"):
        way(hypotheses, _with_nan(gt))


def _with_nan(poses: np.ndarray) -> np.ndarray:
    broken = poses.copy()
    broken[..., 1, 2, 0] = np.nan
    return broken


@pytest.mark.parametrize("way", [pose_mean, spread])
def test_unusable_hypotheses_are_refused(way) -> None:
    hypotheses, _ = guessed(10)
    with pytest.raises(
        ShapeError, match=r"hypotheses has shape \(17, 3\); it must be \(\*, h, f, j, 3\)"
    ):
        way(hypotheses[0, 0])
    with pytest.raises(InputError, match=r"hypotheses are empty, of shape \(0, 4, 17, 3\)"):
        way(hypotheses[:0])
    with pytest.raises(InputError, match="hypotheses has 5 joints with NaN or infinite values"):
        way(_with_nan(hypotheses))


def test_a_root_or_keypoints_that_do_not_fit_are_refused() -> None:
    hypotheses, gt = guessed(11)
    root, xy = seen(gt)
    with pytest.raises(ShapeError, match=r"root has shape \(3,\); .* it must be \(4, 3\)"):
        joint_projected(hypotheses, root[0], CAMERA, xy)
    with pytest.raises(ShapeError, match=r"xy has shape \(4, 16, 2\); .* must be \(4, 17, 2\)"):
        joint_projected(hypotheses, root, CAMERA, xy[:, :16])
    root[2, 1] = np.inf
    with pytest.raises(InputError, match="root has 1 places with NaN or infinite values"):
        joint_projected(hypotheses, root, CAMERA, xy)


# Actions


def test_action_accuracy_of_labels_and_of_indices() -> None:
    assert action_accuracy(["walk", "run", "sit"], ["walk", "sit", "sit"]) == pytest.approx(200 / 3)
    assert action_accuracy(np.array([1, 2]), [1, 0]) == 50


@pytest.mark.parametrize(
    ("predicted", "true", "words"),
    [
        (["walk"], ["walk", "run"], r"predicted has shape \(1,\) but true has shape \(2,\)"),
        ([], [], "there are no labels to compare; give at least one recording"),
        (["walk"], [3], "give both as text or both as class indices"),
        ([0.2, 0.8], [0, 1], "predicted labels are of type float64"),
        ([None], ["walk"], "predicted labels are of type object"),
    ],
)
def test_labels_that_cannot_be_compared_are_refused(predicted, true, words: str) -> None:
    with pytest.raises(InputError, match=words):
        action_accuracy(predicted, true)
