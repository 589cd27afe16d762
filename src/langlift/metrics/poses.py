"""Errors of poses, each frame by itself: distances, with and without alignment, depth, by joint."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InputError, check_shape
from ..geometry.alignment import procrustes, scale_to
from ..skeletons import Skeleton
from .blocks import Reduce, by_blocks, checked, distances, frame_values


def joint_errors(pred: Any, gt: Any) -> np.ndarray:
    """Distance of every joint from its truth: (*, f, j) metres."""
    predicted, truth = checked(pred, gt)
    return by_blocks((predicted, truth), predicted.shape[:-3], distances)


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
    joints = np.shape(pred)[-2] if np.ndim(pred) > 1 else 0
    if zero_root and joints and not 0 <= root < joints:
        raise InputError(f"root is joint {root}; it must be from 0 to {joints - 1}")

    def measure(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
        if zero_root:
            predicted[..., root, :] = 0.0
        return distances(predicted, truth).mean(axis=-1)

    return frame_values(pred, gt, measure, reduce)


def pa_mpjpe(pred: Any, gt: Any, reduce: Reduce = "mean") -> np.ndarray:
    """MPJPE after the best similarity per frame (Human3.6M protocol 2, "P-MPJPE").

    Rotation, translation and scale, no reflection; see `geometry.alignment.similarity`, also for
    poses whose joints all coincide.
    """

    def measure(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
        return distances(procrustes(predicted, truth), truth).mean(axis=-1)

    return frame_values(pred, gt, measure, reduce)


def n_mpjpe(pred: Any, gt: Any, reduce: Reduce = "mean") -> np.ndarray:
    """MPJPE after the best scale per frame, about the origin (Rhodin et al., CVPR 2018).

    The scale may be negative, as in the code everyone reports it with: a prediction that is the
    truth mirrored through the root, ``pred = -gt``, scores 0. Read it beside MPJPE, never alone.
    """

    def measure(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
        return distances(scale_to(predicted, truth), truth).mean(axis=-1)

    return frame_values(pred, gt, measure, reduce)


def d_mpjpe(pred: Any, gt: Any, reduce: Reduce = "mean") -> np.ndarray:
    """Mean absolute error in depth, |z - z_gt|, over all joints ("D-MPJPE" of ActionPrompt).

    Both must be in camera axes: depth is along the optical axis. "Tail D-MPJPE" is the mean of this
    over the hardest actions, which a protocol names.
    """

    def measure(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
        return np.abs(predicted[..., 2] - truth[..., 2]).mean(axis=-1)

    return frame_values(pred, gt, measure, reduce)


def per_joint(pred: Any, gt: Any) -> np.ndarray:
    """Mean error of every joint over the frames: (*, j) metres. Its mean over joints is `mpjpe`."""
    return joint_errors(pred, gt).mean(axis=-2)


def per_part(pred: Any, gt: Any, skeleton: Skeleton) -> dict[str, np.ndarray]:
    """Mean error of every body part over its joints and the frames: part to (*) metres.

    Args:
        pred: (*, f, j, 3) metres.
        gt: (*, f, j, 3) metres.
        skeleton: whose joints these are. Its parts are five, see `Skeleton.parts`; the root counts
            with the trunk. A part without joints is left out.

    Raises:
        ShapeError: also when the poses have other joints than the skeleton.
    """
    errors = per_joint(pred, gt)
    check_shape(errors, f"* {len(skeleton)}", f"the error per joint of skeleton {skeleton.name!r}")
    return {
        part: errors[..., list(joints)].mean(axis=-1)
        for part, joints in skeleton.parts.items()
        if joints
    }
