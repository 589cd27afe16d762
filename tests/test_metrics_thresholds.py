"""PCK and AUC: the evaluator's values, which joints count, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from langlift.errors import InputError, ShapeError
from langlift.metrics import (
    MPI_INF_3DHP_GROUPS,
    MPI_INF_3DHP_SCORED_JOINTS,
    auc,
    auc_by_group,
    pck,
    pck_by_group,
    scored_joints,
)
from langlift.skeletons import HUMAN36M_17, HUMANEVA_15, MPI_INF_3DHP_17


def off_by(metres: float, frames: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Every joint off by so much, in a different direction each frame."""
    gt = np.zeros((frames, 17, 3))
    pred = gt.copy()
    for f in range(frames):
        pred[f, :, f % 3] = metres * (-1) ** f
    return pred, gt


@pytest.mark.parametrize(
    ("metres", "correct", "area"),
    [(0.0, 100, 96.7742), (0.1499, 100, 3.2258), (0.150, 0, 0), (0.2, 0, 0), (0.005, 100, 93.5484),
     (0.145, 100, 3.2258), (0.0449, 100, 70.9677)],
)  # fmt: skip
def test_values_of_the_official_evaluator(metres: float, correct: float, area: float) -> None:
    pred, gt = off_by(metres)
    assert pck(pred, gt) == pytest.approx(correct)
    assert auc(pred, gt) == pytest.approx(area, abs=5e-5)


def test_thresholds_are_strict_and_ones_own() -> None:
    pred, gt = off_by(0.05)
    assert pck(pred, gt, threshold=0.05) == 0
    assert pck(pred, gt, threshold=0.0501) == 100


def test_shares_per_frame_and_per_video() -> None:
    pred, gt = np.zeros((2, 3, 17, 3)), np.zeros((2, 3, 17, 3))
    pred[0, 1, :5, 0] = 1.0
    assert pck(pred, gt, reduce="frame")[0] == pytest.approx([100, 100 * 12 / 17, 100])
    assert pck(pred, gt) == pytest.approx([100 * 46 / 51, 100])
    assert auc(pred, gt) == pytest.approx(30 / 31 * pck(pred, gt))
    assert auc(pred, gt, reduce="frame").shape == (2, 3)


def test_fourteen_joints_are_scored_by_name() -> None:
    assert len(MPI_INF_3DHP_SCORED_JOINTS) == 14 and len(MPI_INF_3DHP_GROUPS) == 8
    groups = {n: [MPI_INF_3DHP_17.index(j) for j in g] for n, g in MPI_INF_3DHP_GROUPS.items()}
    assert groups == {
        "Head": [0], "Neck": [1], "Shoulders": [2, 5], "Elbows": [3, 6], "Wrists": [4, 7],
        "Hips": [8, 11], "Knees": [9, 12], "Ankles": [10, 13],
    }  # fmt: skip
    left_out = {"pelvis", "spine", "head"}
    assert {MPI_INF_3DHP_17.joints[j] for j in range(17)} - left_out == set(
        MPI_INF_3DHP_SCORED_JOINTS
    )


def test_joints_that_are_not_scored_do_not_count() -> None:
    pred, gt = off_by(0.0)
    for joint in ("pelvis", "spine", "head"):
        pred[:, MPI_INF_3DHP_17.index(joint)] += 1.0
    assert pck(pred, gt, joints=scored_joints()) == 100
    assert pck(pred, gt) == pytest.approx(100 * 14 / 17)


def test_the_total_weighs_groups_by_their_joints() -> None:
    rng = np.random.default_rng(0)
    gt = rng.normal(size=(2, 9, 17, 3))
    pred = gt + rng.normal(scale=0.08, size=gt.shape)
    pred[:, :, 0] += 0.5  # the group of one joint is the worst
    for table, whole in ((pck_by_group(pred, gt), pck), (auc_by_group(pred, gt), auc)):
        assert list(table) == [*MPI_INF_3DHP_GROUPS, "Total"]
        assert table["Total"] == pytest.approx(whole(pred, gt, joints=scored_joints()))
        unweighted = np.mean([table[name] for name in MPI_INF_3DHP_GROUPS], axis=0)
        assert (np.abs(unweighted - table["Total"]) > 0.5).all()
        knees = [9, 12]
        assert table["Knees"] == pytest.approx(whole(pred, gt, joints=knees))
    nearer = pck_by_group(pred, gt, threshold=0.1)
    assert (nearer["Total"] < pck_by_group(pred, gt)["Total"]).all()


def test_a_skeleton_without_a_scored_joint_is_refused() -> None:
    with pytest.raises(InputError, match="unknown joint of skeleton 'humaneva_15' 'head_top'"):
        scored_joints(HUMANEVA_15)
    with pytest.raises(InputError, match="unknown joint of skeleton 'human36m_17' 'neck'"):
        pck_by_group(*off_by(0.0), skeleton=HUMAN36M_17)


@pytest.mark.parametrize("metric", [pck, auc])
@pytest.mark.parametrize(
    ("joints", "words"),
    [
        ([], "no joints are chosen; give at least one index, or None for all"),
        ([3, 17], "there is no joint 17; choose from 0 to 16"),
        ([-1], "there is no joint -1; choose from 0 to 16"),
        ([2, 5, 2], "joint 2 is chosen twice; give each index once"),
    ],
)
def test_joints_that_cannot_be_chosen_are_told(metric, joints: list[int], words: str) -> None:
    with pytest.raises(InputError, match=words):
        metric(*off_by(0.1), joints=joints)


@pytest.mark.parametrize("threshold", [0.0, -0.1, float("nan")])
def test_a_threshold_that_nothing_is_below(threshold: float) -> None:
    with pytest.raises(InputError, match=r"threshold is .*; it must be above 0 metres"):
        pck(*off_by(0.1), threshold=threshold)


@pytest.mark.parametrize("metric", [pck, auc, pck_by_group, auc_by_group])
def test_mismatched_shapes_are_refused(metric) -> None:
    pred, gt = off_by(0.1)
    with pytest.raises(
        ShapeError, match=r"pred has shape \(4, 17, 3\) but gt has shape \(3, 17, 3\)"
    ):
        metric(pred, gt[:3])
    pred[1, 2, 0] = np.nan
    with pytest.raises(InputError, match="pred has 1 joints with NaN or infinite values"):
        metric(pred, gt)


def test_an_unknown_reduction_is_told_the_nearest() -> None:
    with pytest.raises(InputError, match=r"unknown reduce 'frames'.*did you mean 'frame'"):
        pck(*off_by(0.1), reduce="frames")  # type: ignore[arg-type]
