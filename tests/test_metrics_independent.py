"""Every metric against a second computation: plain loops, scipy, one joint at a time."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes
from scipy.optimize import minimize_scalar
from scipy.spatial.transform import Rotation

from langlift import metrics
from langlift.geometry import Camera
from langlift.skeletons import HUMAN36M_17, MPI_INF_3DHP_17

FRAMES = 6
CLOSE = {"abs": 1e-6, "rel": 0}


@pytest.fixture(scope="module")
def poses() -> tuple[np.ndarray, np.ndarray]:
    """Poses of the size of people and predictions some centimetres off; also a mirrored one."""
    rng = np.random.default_rng(4)
    gt = rng.normal(scale=0.3, size=(FRAMES, 17, 3))
    gt[:, 0] = 0
    pred = gt + rng.normal(scale=0.08, size=gt.shape)
    pred[2] *= [-1, 1, 1]
    return pred, gt


@pytest.fixture(scope="module")
def guesses(poses: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    rng = np.random.default_rng(5)
    return poses[1] + rng.normal(scale=0.1, size=(7, FRAMES, 17, 3))


def apart(a: np.ndarray, b: np.ndarray) -> float:
    return math.dist(a.tolist(), b.tolist())


def mean_error(pred: np.ndarray, gt: np.ndarray) -> float:
    errors = [apart(a, b) for p, g in zip(pred, gt, strict=True) for a, b in zip(p, g, strict=True)]
    return sum(errors) / len(errors)


def test_mpjpe(poses: tuple[np.ndarray, np.ndarray]) -> None:
    pred, gt = poses
    assert metrics.mpjpe(pred, gt) == pytest.approx(mean_error(pred, gt), **CLOSE)
    zeroed = pred.copy()
    zeroed[:, 0] = 0
    assert metrics.mpjpe(pred, gt, zero_root=True) == pytest.approx(mean_error(zeroed, gt), **CLOSE)


def test_pa_mpjpe_by_orthogonal_procrustes(poses: tuple[np.ndarray, np.ndarray]) -> None:
    """scipy's best orthogonal matrix where it is a rotation; frame 2 is mirrored."""
    pred, gt = poses
    found = metrics.pa_mpjpe(pred, gt, reduce="frame")
    for f in (0, 1, 3, 4, 5):
        centre = gt[f].mean(axis=0)
        moved, fixed = pred[f] - pred[f].mean(axis=0), gt[f] - centre
        turn, total = orthogonal_procrustes(moved, fixed)
        assert np.linalg.det(turn) > 0
        aligned = total / (moved**2).sum() * moved @ turn + centre
        assert found[f] == pytest.approx(mean_error(aligned[None], gt[f : f + 1]), **CLOSE)


def test_pa_mpjpe_by_align_vectors_where_a_reflection_would_be_better(
    poses: tuple[np.ndarray, np.ndarray],
) -> None:
    pred, gt = poses[0][2], poses[1][2]
    moved, fixed = pred - pred.mean(axis=0), gt - gt.mean(axis=0)
    assert np.linalg.det(orthogonal_procrustes(moved, fixed)[0]) < 0
    turned = Rotation.align_vectors(fixed, moved)[0].apply(moved)
    aligned = max(0.0, (turned * fixed).sum() / (turned**2).sum()) * turned
    wanted = mean_error(aligned[None], fixed[None])
    assert metrics.pa_mpjpe(pred[None], gt[None]) == pytest.approx(wanted, **CLOSE)


def test_n_mpjpe_by_a_search_for_the_scale(poses: tuple[np.ndarray, np.ndarray]) -> None:
    found = metrics.n_mpjpe(*poses, reduce="frame")
    for f, (pred, gt) in enumerate(zip(*poses, strict=True)):
        scale = minimize_scalar(lambda s, p=pred, g=gt: ((s * p - g) ** 2).sum(), tol=1e-12).x
        assert found[f] == pytest.approx(mean_error(scale * pred[None], gt[None]), **CLOSE)


def test_errors_of_movement(poses: tuple[np.ndarray, np.ndarray]) -> None:
    pred, gt = poses
    speeds, accelerations = [], []
    for t in range(FRAMES - 1):
        for j in range(17):
            speeds.append(apart(pred[t + 1, j] - pred[t, j], gt[t + 1, j] - gt[t, j]))
    for t in range(1, FRAMES - 1):
        for j in range(17):
            bent = [a[t + 1, j] + a[t - 1, j] - 2 * a[t, j] for a in (pred, gt)]
            accelerations.append(apart(*bent))
    assert metrics.mpjve(pred, gt) == pytest.approx(np.mean(speeds), **CLOSE)
    assert metrics.acceleration_error(pred, gt) == pytest.approx(np.mean(accelerations), **CLOSE)


def test_depth_joints_and_parts(poses: tuple[np.ndarray, np.ndarray]) -> None:
    pred, gt = poses
    depths = [abs(pred[f, j, 2] - gt[f, j, 2]) for f in range(FRAMES) for j in range(17)]
    assert metrics.d_mpjpe(pred, gt) == pytest.approx(sum(depths) / len(depths), **CLOSE)
    joints = [mean_error(pred[:, j : j + 1], gt[:, j : j + 1]) for j in range(17)]
    assert metrics.per_joint(pred, gt) == pytest.approx(np.array(joints), **CLOSE)
    arm = [HUMAN36M_17.index(f"left_{joint}") for joint in ("shoulder", "elbow", "wrist")]
    wanted = mean_error(pred[:, arm], gt[:, arm])
    assert metrics.per_part(pred, gt, HUMAN36M_17)["left_arm"] == pytest.approx(wanted, **CLOSE)


def test_pck_and_auc_threshold_by_threshold(poses: tuple[np.ndarray, np.ndarray]) -> None:
    pred, gt = poses
    scored = [j for j in range(17) if j not in (14, 15, 16)]  # pelvis, spine, head
    errors = 1000 * np.linalg.norm(pred - gt, axis=-1)[:, scored]
    below = [100 * np.mean(errors < threshold) for threshold in range(0, 151, 5)]
    assert 20 < below[-1] < 100
    joints = metrics.scored_joints(MPI_INF_3DHP_17)
    assert sorted(joints) == scored
    assert metrics.pck(pred, gt, joints=joints) == pytest.approx(below[-1], **CLOSE)
    assert metrics.auc(pred, gt, joints=joints) == pytest.approx(np.mean(below), **CLOSE)


def test_the_best_and_the_mean_of_hypotheses(
    poses: tuple[np.ndarray, np.ndarray], guesses: np.ndarray
) -> None:
    gt = poses[1]
    best = metrics.joint_best(guesses, gt)
    by_pose, by_sequence = (metrics.pose_best(guesses, gt, per) for per in ("pose", "sequence"))
    totals = [mean_error(guess, gt) for guess in guesses]
    assert by_sequence == pytest.approx(guesses[totals.index(min(totals))], **CLOSE)
    for f in range(FRAMES):
        of_poses = [mean_error(guess[f : f + 1], gt[f : f + 1]) for guess in guesses]
        assert by_pose[f] == pytest.approx(guesses[of_poses.index(min(of_poses)), f], **CLOSE)
        for j in range(17):
            errors = [apart(guess[f, j], gt[f, j]) for guess in guesses]
            assert best[f, j] == pytest.approx(guesses[errors.index(min(errors)), f, j], **CLOSE)
    mean = sum(guesses) / 7
    assert metrics.pose_mean(guesses) == pytest.approx(mean, **CLOSE)
    squares = sum(((guess - mean) ** 2).sum(axis=-1) for guess in guesses) / 7
    assert metrics.spread(guesses) == pytest.approx(np.sqrt(squares), **CLOSE)


def test_joint_projected_joint_by_joint(
    poses: tuple[np.ndarray, np.ndarray], guesses: np.ndarray
) -> None:
    gt = poses[1]
    camera = Camera("plain", (1000, 800), (1100.0, 1050.0), (510.0, 390.0))
    root = np.array([0.2, -0.1, 4.0]) + 0.05 * np.arange(FRAMES)[:, None]

    def pixel(point: np.ndarray) -> np.ndarray:
        x, y, z = point
        return np.array([1100 * x / z + 510, 1050 * y / z + 390])

    xy = np.array([[pixel(gt[f, j] + root[f]) for j in range(17)] for f in range(FRAMES)]) + 3.0
    found = metrics.joint_projected(guesses, root, camera, xy)
    for f in range(FRAMES):
        for j in range(17):
            off = [apart(pixel(guess[f, j] + root[f]), xy[f, j]) for guess in guesses]
            assert found[f, j] == pytest.approx(guesses[off.index(min(off)), f, j], **CLOSE)


def test_calibration_by_numpys_quantiles(
    poses: tuple[np.ndarray, np.ndarray], guesses: np.ndarray
) -> None:
    levels = [0.2, 0.5, 0.75]  # the last one is as far as 7 hypotheses reach
    found = metrics.calibration(guesses, poses[1], levels)
    for level, share in zip(levels, found.shares, strict=True):
        low, high = np.quantile(
            guesses, [(1 - level) / 2, (1 + level) / 2], axis=0, method="weibull"
        )
        inside = (low <= poses[1]) & (poses[1] <= high)
        assert share == pytest.approx(inside.mean(), **CLOSE)
    off = [abs(share - level) for share, level in zip(found.shares, levels, strict=True)]
    assert found.error == pytest.approx(sum(off) / 3, **CLOSE)


def test_action_accuracy_by_counting() -> None:
    rng = np.random.default_rng(6)
    predicted, true = rng.integers(0, 3, size=(2, 50))
    right = sum(int(p == t) for p, t in zip(predicted.tolist(), true.tolist(), strict=True))
    assert 0 < right < 50
    assert metrics.action_accuracy(predicted, true) == pytest.approx(100 * right / 50, **CLOSE)
