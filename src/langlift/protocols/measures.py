"""What can be measured of a prediction, by the names that tables print.

Every measure is a number per frame, in metres (per frame) or per cent, so that any average (over
frames, actions, videos, subjects) can be made of sums. Measures of motion compare frames: one that
looks at `lag` further frames has as many numbers fewer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ..metrics import (
    acceleration_error,
    auc,
    d_mpjpe,
    mpjpe,
    mpjve,
    n_mpjpe,
    pa_mpjpe,
    pck,
    scored_joints,
)
from ..skeletons import Skeleton
from .report import Unit

#: From the unit of the numbers to the one in which they are shown.
SHOWN: Mapping[str, float] = {"mm": 1000.0, "mm/frame": 1000.0, "mm/frame2": 1000.0, "%": 1.0}

PerFrame = Callable[[np.ndarray, np.ndarray, Skeleton], np.ndarray]


@dataclass(frozen=True)
class Measure:
    """One column.

    Args:
        unit: in which it is shown; `SHOWN` leads to it.
        of: (f, j, 3) prediction and truth, metres relative to the root, in camera axes, and their
            skeleton, to (f - lag) numbers.
        description: what it is, for people.
        lag: further frames that each number looks at.
    """

    unit: Unit
    of: PerFrame
    description: str
    lag: int = 0


def _all_joints(metric: Callable[..., np.ndarray]) -> PerFrame:
    return lambda pred, gt, skeleton: metric(pred, gt, reduce="frame")


def _scored_joints(metric: Callable[..., np.ndarray]) -> PerFrame:
    """On the 14 joints that MPI-INF-3DHP's evaluator counts."""

    def of(pred: np.ndarray, gt: np.ndarray, skeleton: Skeleton) -> np.ndarray:
        return metric(pred, gt, joints=scored_joints(skeleton), reduce="frame")

    return of


MEASURES: dict[str, Measure] = {
    "MPJPE": Measure("mm", _all_joints(mpjpe), "mean distance of the joints from their truth"),
    "P-MPJPE": Measure("mm", _all_joints(pa_mpjpe), "MPJPE after each frame's best similarity"),
    "N-MPJPE": Measure("mm", _all_joints(n_mpjpe), "MPJPE after each frame's best scale"),
    "D-MPJPE": Measure("mm", _all_joints(d_mpjpe), "mean distance of the joints in depth"),
    "MPJVE": Measure("mm/frame", _all_joints(mpjve), "MPJPE of first differences in time", 1),
    "acceleration error": Measure(
        "mm/frame2", _all_joints(acceleration_error), "MPJPE of second differences in time", 2
    ),
    "PCK": Measure("%", _scored_joints(pck), "share of 14 joints nearer than 150 mm"),
    "AUC": Measure("%", _scored_joints(auc), "mean PCK over thresholds 0, 5, ..., 150 mm"),
}
