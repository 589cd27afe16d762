"""Best alignments of one set of joints with another, per pose.

A pose is the last two axes (j, 3); every leading axis is a batch. Units and frame of reference are
the caller's, the same for both arguments. Everything is computed and returned in float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError, ShapeError, check_shape


@dataclass(frozen=True)
class Similarity:
    """Similarity transforms ``point -> scale * rotation @ point + translation``.

    Args:
        scale: (*) not negative.
        rotation: (*, 3, 3) proper rotations, acting on column vectors.
        translation: (*, 3).
    """

    scale: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray

    def apply(self, points: np.ndarray) -> np.ndarray:
        """Transform points (*, j, 3)."""
        turned = points @ np.swapaxes(self.rotation, -1, -2)
        return self.scale[..., None, None] * turned + self.translation[..., None, :]


def similarity(source: Any, target: Any) -> Similarity:
    """The similarity that brings each source pose closest to its target pose.

    Least squares over rotation, translation and scale; reflections are excluded (Umeyama, 1991).

    Degenerate poses: a source whose joints all coincide gets scale 1 and no rotation, and lands on
    the target's mean. A target whose joints all coincide gives scale 0. Joints on one line leave
    the turn about it open; any best one is returned.

    Args:
        source: (*, j, 3) poses to move.
        target: (*, j, 3) poses to match, of the same shape.

    Raises:
        ShapeError: when the shapes differ or do not end in (j, 3).
        InputError: when a value is not finite, or there are no joints.
    """
    moved, fixed = pose_pair(source, target, ("source", "target"), "* j 3")
    mean_moved, mean_fixed = moved.mean(axis=-2), fixed.mean(axis=-2)
    centred = moved - mean_moved[..., None, :]
    covariance = np.swapaxes(fixed - mean_fixed[..., None, :], -1, -2) @ centred  # (*, 3, 3)
    u, singular, vt = np.linalg.svd(covariance)
    # The nearest orthogonal matrix may be a reflection; the nearest rotation then gives up the
    # weakest direction.
    sign = np.where(np.linalg.det(u) * np.linalg.det(vt) < 0, -1.0, 1.0)
    signs = np.stack([np.ones_like(sign), np.ones_like(sign), sign], axis=-1)
    rotation = (u * signs[..., None, :]) @ vt

    size = (centred**2).sum(axis=(-2, -1))
    # Centring equal joints leaves rounding errors, which must not be blown up to a pose.
    rounding = 8.0 * np.finfo(np.float64).eps * np.abs(moved).max(axis=(-2, -1))
    point = size <= moved.shape[-2] * rounding**2
    scale = (singular * signs).sum(axis=-1) / np.where(point, 1.0, size)
    scale = np.where(point, 1.0, scale)
    rotation = np.where(point[..., None, None], np.eye(3), rotation)
    turned_mean = (rotation @ mean_moved[..., None])[..., 0]
    return Similarity(scale, rotation, mean_fixed - scale[..., None] * turned_mean)


def procrustes(source: Any, target: Any) -> np.ndarray:
    """The source poses (*, j, 3), each brought as close to its target as a `similarity` can."""
    transform = similarity(source, target)
    return transform.apply(np.asarray(source, dtype=np.float64))


def scale_to(source: Any, target: Any) -> np.ndarray:
    """The source poses (*, j, 3), each multiplied by the number that brings it closest to target.

    Least squares about the origin, without translation; the number may be negative. A source that
    is all zeros stays so.

    Raises:
        ShapeError: when the shapes differ or do not end in (j, 3).
        InputError: when a value is not finite, or there are no joints.
    """
    moved, fixed = pose_pair(source, target, ("source", "target"), "* j 3")
    size = (moved**2).sum(axis=(-2, -1), keepdims=True)
    product = (moved * fixed).sum(axis=(-2, -1), keepdims=True)
    return moved * (product / np.where(size > 0, size, 1.0))


def pose_pair(
    first: Any, second: Any, names: tuple[str, str], pattern: str
) -> tuple[np.ndarray, np.ndarray]:
    """Two arrays of poses in float64, checked as in `check_pose_pair`."""
    a, b = check_pose_pair(first, second, names, pattern)
    return a.astype(np.float64, copy=False), b.astype(np.float64, copy=False)


def check_pose_pair(
    first: Any, second: Any, names: tuple[str, str], pattern: str
) -> tuple[np.ndarray, np.ndarray]:
    """Two arrays of poses, checked to have one and the same shape; floats keep their type.

    Args:
        first: array of poses.
        second: array of poses.
        names: what to call them in messages.
        pattern: the shape both must have, for `check_shape`.

    Raises:
        ShapeError: when the shapes differ (nothing is ever broadcast) or do not fit the pattern.
        InputError: when an axis is empty or a value is not finite.
    """
    a, b = _floats(first), _floats(second)
    if a.shape != b.shape:
        raise ShapeError(
            f"{names[0]} has shape {a.shape} but {names[1]} has shape {b.shape}; "
            "give both in the same shape",
            str(b.shape),
            a.shape,
        )
    check_shape(a, pattern, names[0])
    if a.size == 0:
        raise InputError(
            f"{names[0]} and {names[1]} are empty, of shape {a.shape}; give at least one pose"
        )
    for array, name in zip((a, b), names, strict=True):
        check_finite(array, name)
    return a, b


def check_finite(points: np.ndarray, name: str, what: str = "joints") -> None:
    """Raise `InputError` where a point of (*, c) is NaN or infinite; `what` the points are."""
    finite = np.isfinite(points)
    if not finite.all():
        raise InputError(
            f"{name} has {int((~finite).any(axis=-1).sum())} {what} with NaN or infinite values; "
            "leave those frames out"
        )


def _floats(values: Any) -> np.ndarray:
    array = np.asarray(values)
    return array if array.dtype.kind == "f" else np.asarray(values, dtype=np.float64)
