"""Errors of 3D poses, as pure functions over (*, f, j, 3).

All take predictions and ground truth in metres, of one and the same shape (nothing is broadcast),
and answer in metres, computed in float64. Both are meant root-relative in camera axes (x right,
y down, z forward), as the Human3.6M protocols are. Leading axes are videos (or hypotheses): with
``reduce="mean"`` each gets one number, the mean over its frames and joints (*); with
``reduce="frame"`` each gets one number per frame (*, f).

All raise ShapeError for shapes that differ or do not end in (f, j, 3), and InputError for empty or
non-finite values. The columns "P2" and "P3" of papers mean different things in different papers;
the names here are the only ones used.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from .errors import InputError, unknown
from .geometry.alignment import pose_pair, procrustes, scale_to

Reduce = Literal["mean", "frame"]


def joint_errors(pred: Any, gt: Any) -> np.ndarray:
    """Distance of every joint from its truth: (*, f, j) metres."""
    predicted, truth = _poses(pred, gt)
    return np.linalg.norm(predicted - truth, axis=-1)


def mpjpe(
    pred: Any, gt: Any, zero_root: bool = False, root: int = 0, reduce: Reduce = "mean"
) -> np.ndarray:
    """Mean per-joint position error over all joints, the root included (Human3.6M protocol 1).

    Args:
        pred: (*, f, j, 3) metres.
        gt: (*, f, j, 3) metres, its root at zero if `zero_root`.
        zero_root: put the predicted root at zero first. D3DP and FinePOSE do, VideoPose3D and
            MixSTE do not; the difference is small but systematic, so a report must say which.
        root: index of the root joint, for `zero_root`.
        reduce: ``mean`` for (*), ``frame`` for (*, f).
    """
    predicted, truth = _poses(pred, gt)
    if zero_root:
        joints = predicted.shape[-2]
        if not 0 <= root < joints:
            raise InputError(f"root is joint {root}; it must be from 0 to {joints - 1}")
        predicted = predicted.copy()
        predicted[..., root, :] = 0.0
    return _reduced(joint_errors(predicted, truth).mean(axis=-1), reduce)


def pa_mpjpe(pred: Any, gt: Any, reduce: Reduce = "mean") -> np.ndarray:
    """MPJPE after the best similarity per frame (Human3.6M protocol 2, "P-MPJPE").

    Rotation, translation and scale, no reflection; see `geometry.alignment.similarity`, also for
    poses whose joints all coincide.
    """
    predicted, truth = _poses(pred, gt)
    return mpjpe(procrustes(predicted, truth), truth, reduce=reduce)


def n_mpjpe(pred: Any, gt: Any, reduce: Reduce = "mean") -> np.ndarray:
    """MPJPE after the best scale per frame, about the origin (Rhodin et al., CVPR 2018).

    The scale may be negative, as in the code everyone reports it with: a prediction that is the
    truth mirrored through the root, ``pred = -gt``, scores 0. Read it beside MPJPE, never alone.
    """
    predicted, truth = _poses(pred, gt)
    return mpjpe(scale_to(predicted, truth), truth, reduce=reduce)


def mpjve(pred: Any, gt: Any, reduce: Reduce = "mean") -> np.ndarray:
    """Mean per-joint velocity error: MPJPE of first differences in time (VideoPose3D), m/frame.

    The frames of each leading entry must be one video in order, each frame once: at the seam of
    two videos or windows a difference has no meaning. Multiply by the frame rate for m/s.

    Args:
        pred: (*, f, j, 3) metres, f >= 2.
        gt: (*, f, j, 3) metres.
        reduce: ``mean`` for (*), ``frame`` for (*, f - 1).

    Raises:
        InputError: for a video of one frame, which has no velocity.
    """
    predicted, truth = _poses(pred, gt)
    if predicted.shape[-3] < 2:
        raise InputError(
            "the velocity error needs a video of at least 2 frames, got 1; leave this video out"
        )
    return mpjpe(np.diff(predicted, axis=-3), np.diff(truth, axis=-3), reduce=reduce)


def d_mpjpe(pred: Any, gt: Any, reduce: Reduce = "mean") -> np.ndarray:
    """Mean absolute error in depth, |z - z_gt|, over all joints ("D-MPJPE" of ActionPrompt).

    Both must be in camera axes: depth is along the optical axis.
    """
    predicted, truth = _poses(pred, gt)
    return _reduced(np.abs(predicted[..., 2] - truth[..., 2]).mean(axis=-1), reduce)


def _poses(pred: Any, gt: Any) -> tuple[np.ndarray, np.ndarray]:
    return pose_pair(pred, gt, ("pred", "gt"), "* f j 3")


def _reduced(frames: np.ndarray, reduce: str) -> np.ndarray:
    """Per-frame values (*, f) as they are, or their mean (*)."""
    if reduce == "frame":
        return frames
    if reduce == "mean":
        return frames.mean(axis=-1)
    raise unknown("reduce", str(reduce), ("mean", "frame"))
