"""Shares of joints closer than a threshold: PCK and AUC, as MPI-INF-3DHP's evaluator counts them.

That evaluator (MATLAB, Mehta et al., 3DV 2017) scores 14 of the 17 joints in 8 groups; pelvis,
spine and head are not scored, the top of the head is. Its total weighs each group by its joints.
Some Python versions of it count all joints: their figures are higher and not comparable.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import InputError
from ..skeletons import MPI_INF_3DHP_17, Skeleton
from .blocks import Reduce, checked_joints, distances, frame_values

#: Metres; an error must lie below, not at it.
PCK_THRESHOLD = 0.150
#: 0, 5, ..., 150 mm, in metres. The first can never be kept, so the highest AUC is 30/31: 96.77 %.
AUC_THRESHOLDS = np.arange(0, 151, 5) / 1000.0

#: The groups of joints that MPI-INF-3DHP's evaluator scores, in the order of its table.
MPI_INF_3DHP_GROUPS: dict[str, tuple[str, ...]] = {
    "Head": ("head_top",),
    "Neck": ("neck",),
    "Shoulders": ("right_shoulder", "left_shoulder"),
    "Elbows": ("right_elbow", "left_elbow"),
    "Wrists": ("right_wrist", "left_wrist"),
    "Hips": ("right_hip", "left_hip"),
    "Knees": ("right_knee", "left_knee"),
    "Ankles": ("right_ankle", "left_ankle"),
}
#: The 14 joints of these groups, by name.
MPI_INF_3DHP_SCORED_JOINTS = tuple(j for group in MPI_INF_3DHP_GROUPS.values() for j in group)
#: The name of the joint-weighted total in the tables by group.
TOTAL = "Total"


def scored_joints(skeleton: Skeleton = MPI_INF_3DHP_17) -> tuple[int, ...]:
    """Indices of the joints that MPI-INF-3DHP scores, for `pck` and `auc`.

    Raises:
        InputError: when the skeleton lacks one of them.
    """
    return tuple(skeleton.index(joint) for joint in MPI_INF_3DHP_SCORED_JOINTS)


def pck(
    pred: Any,
    gt: Any,
    threshold: float = PCK_THRESHOLD,
    joints: Sequence[int] | None = None,
    reduce: Reduce = "mean",
) -> np.ndarray:
    """Percentage of correct keypoints: joints whose error lies below the threshold, per cent.

    Args:
        pred: (*, f, j, 3) metres relative to the root.
        gt: (*, f, j, 3) metres relative to the root.
        threshold: metres; an error of exactly this does not count as correct.
        joints: indices of the joints that count; all if None. MPI-INF-3DHP counts those of
            `scored_joints`.
        reduce: ``mean`` for (*), ``frame`` for (*, f).
    """
    if not threshold > 0:
        raise InputError(f"threshold is {threshold}; it must be above 0 metres")
    return _share(pred, gt, lambda errors: errors < threshold, joints, reduce)


def auc(
    pred: Any, gt: Any, joints: Sequence[int] | None = None, reduce: Reduce = "mean"
) -> np.ndarray:
    """Area under the curve of PCK: its mean over thresholds 0, 5, ..., 150 mm (31), per cent.

    Args:
        pred: (*, f, j, 3) metres relative to the root.
        gt: (*, f, j, 3) metres relative to the root.
        joints: indices of the joints that count; all if None. MPI-INF-3DHP counts those of
            `scored_joints`.
        reduce: ``mean`` for (*), ``frame`` for (*, f).
    """
    return _share(pred, gt, _share_of_thresholds, joints, reduce)


def pck_by_group(
    pred: Any,
    gt: Any,
    skeleton: Skeleton = MPI_INF_3DHP_17,
    threshold: float = PCK_THRESHOLD,
) -> dict[str, np.ndarray]:
    """PCK of every group of `MPI_INF_3DHP_GROUPS` and of all, ``Total``: name to (*), per cent.

    Args:
        pred: (*, f, j, 3) metres relative to the root.
        gt: (*, f, j, 3) metres relative to the root.
        skeleton: whose joints these are; it must have the 14 that are scored.
        threshold: metres.
    """
    return _by_group(lambda joints: pck(pred, gt, threshold, joints), skeleton)


def auc_by_group(pred: Any, gt: Any, skeleton: Skeleton = MPI_INF_3DHP_17) -> dict[str, np.ndarray]:
    """AUC of every group of `MPI_INF_3DHP_GROUPS` and of all, ``Total``: name to (*), per cent."""
    return _by_group(lambda joints: auc(pred, gt, joints), skeleton)


def _by_group(
    share: Callable[[list[int]], np.ndarray], skeleton: Skeleton
) -> dict[str, np.ndarray]:
    found = {
        name: share([skeleton.index(joint) for joint in group])
        for name, group in MPI_INF_3DHP_GROUPS.items()
    }
    sizes = [len(group) for group in MPI_INF_3DHP_GROUPS.values()]
    total = sum(n * share for n, share in zip(sizes, found.values(), strict=True)) / sum(sizes)
    return {**found, TOTAL: np.asarray(total)}


def _share_of_thresholds(errors: np.ndarray) -> np.ndarray:
    """Share of `AUC_THRESHOLDS` that lie above each error."""
    reached = np.searchsorted(AUC_THRESHOLDS, errors, side="right")
    return 1.0 - reached / len(AUC_THRESHOLDS)


def _share(
    pred: Any,
    gt: Any,
    count: Callable[[np.ndarray], np.ndarray],
    joints: Sequence[int] | None,
    reduce: Reduce,
) -> np.ndarray:
    chosen = None if joints is None else checked_joints(joints, pred)

    def measure(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
        if chosen is not None:
            predicted, truth = predicted[..., chosen, :], truth[..., chosen, :]
        return 100.0 * count(distances(predicted, truth)).mean(axis=-1)

    return frame_values(pred, gt, measure, reduce)
