"""Errors of movement: first and second differences in time."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InputError
from .blocks import Reduce, frame_values, lengths


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
    return _difference_error(pred, gt, reduce, 1, "velocity")


def acceleration_error(pred: Any, gt: Any, reduce: Reduce = "mean") -> np.ndarray:
    """Mean per-joint error of second differences in time, x[t+2] - 2 x[t+1] + x[t], m/frame^2.

    A measure of jitter: noise that is independent from frame to frame counts six times (in
    variance) what it does in a position. As for `mpjve`, each leading entry must be one video in
    order. Multiply by the square of the frame rate for m/s^2.

    Args:
        pred: (*, f, j, 3) metres, f >= 3.
        gt: (*, f, j, 3) metres; zeros give the mean acceleration of `pred` itself.
        reduce: ``mean`` for (*), ``frame`` for (*, f - 2).

    Raises:
        InputError: for a video of fewer than three frames, which has no acceleration.
    """
    return _difference_error(pred, gt, reduce, 2, "acceleration")


def _difference_error(pred: Any, gt: Any, reduce: Reduce, order: int, what: str) -> np.ndarray:
    frames = np.shape(pred)[-3] if np.ndim(pred) > 2 else 0
    if 0 < frames <= order and np.shape(pred) == np.shape(gt):
        raise InputError(
            f"the {what} error needs a video of at least {order + 1} frames, got {frames}; "
            "leave this video out"
        )

    def measure(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
        return lengths(np.diff(predicted - truth, n=order, axis=-3)).mean(axis=-1)

    return frame_values(pred, gt, measure, reduce, order)
