"""Errors of 3D poses, as pure functions over (*, f, j, 3).

All take predictions and ground truth in metres, of one and the same shape (nothing is broadcast),
and compute in float64. Both are meant root-relative in camera axes (x right, y down, z forward), as
the protocols of the papers are. Leading axes are videos: with ``reduce="mean"`` each gets one
number, the mean over its frames and joints (*); with ``reduce="frame"`` each gets one number per
frame (*, f). Errors come back in metres, shares (PCK, AUC, accuracy) in per cent, 0 to 100.

All raise ShapeError for shapes that differ or do not end in the axes above, and InputError for
empty or non-finite values. The columns "P2" and "P3" of papers mean different things in different
papers; the names here are the only ones used.

Functions over hypotheses (*, h, f, j, 3) make one pose of several. `joint_best` and `pose_best`
choose with the ground truth: a figure made with them is an *oracle* and must be called so.

Long recordings are worked on in blocks of frames, so that what a function needs beside its input
and its answer does not grow with them.
"""

from .actions import action_accuracy
from .blocks import Reduce
from .calibration import Calibration, calibration
from .hypotheses import joint_best, joint_projected, pose_best, pose_mean, spread
from .poses import d_mpjpe, joint_errors, mpjpe, n_mpjpe, pa_mpjpe, per_joint, per_part
from .thresholds import (
    MPI_INF_3DHP_GROUPS,
    MPI_INF_3DHP_SCORED_JOINTS,
    auc,
    auc_by_group,
    pck,
    pck_by_group,
    scored_joints,
)
from .velocity import acceleration_error, mpjve

__all__ = [
    "MPI_INF_3DHP_GROUPS",
    "MPI_INF_3DHP_SCORED_JOINTS",
    "Calibration",
    "Reduce",
    "acceleration_error",
    "action_accuracy",
    "auc",
    "auc_by_group",
    "calibration",
    "d_mpjpe",
    "joint_best",
    "joint_errors",
    "joint_projected",
    "mpjpe",
    "mpjve",
    "n_mpjpe",
    "pa_mpjpe",
    "pck",
    "pck_by_group",
    "per_joint",
    "per_part",
    "pose_best",
    "pose_mean",
    "scored_joints",
    "spread",
]
