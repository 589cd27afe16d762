"""Rotations as unit quaternions and matrices.

Quaternions are (w, x, y, z). A rotation matrix acts on column vectors: ``rotated = matrix @ v``.
Angles are radians, counter-clockwise about the axis in a right-handed frame. Results have the
floating type of the first argument; the arithmetic is done in float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InputError, check_shape


def as_double(value: Any) -> tuple[np.ndarray, np.dtype]:
    """An array in float64 for the arithmetic, and the floating type its result should have."""
    array = np.asarray(value)
    kept = array.dtype if np.issubdtype(array.dtype, np.floating) else np.dtype(np.float64)
    return array.astype(np.float64), kept


def quaternion_conjugate(q: Any) -> np.ndarray:
    """The inverse rotation of unit quaternions (*, 4)."""
    values, dtype = as_double(q)
    check_shape(values, "* 4", "quaternions")
    return (values * np.array([1.0, -1.0, -1.0, -1.0])).astype(dtype)


def quaternion_rotate(q: Any, v: Any) -> np.ndarray:
    """Rotate vectors (*, 3) by unit quaternions (*, 4); leading axes broadcast.

    The result has the floating type of `v`.
    """
    quaternions, _ = as_double(q)
    vectors, dtype = as_double(v)
    check_shape(quaternions, "* 4", "quaternions")
    check_shape(vectors, "* 3", "vectors")
    axis = quaternions[..., 1:]
    twice = 2.0 * np.cross(axis, vectors)
    return (vectors + quaternions[..., :1] * twice + np.cross(axis, twice)).astype(dtype)


def quaternion_to_matrix(q: Any) -> np.ndarray:
    """Rotation matrices (*, 3, 3) of unit quaternions (*, 4)."""
    values, dtype = as_double(q)
    check_shape(values, "* 4", "quaternions")
    rotated_axes = quaternion_rotate(values[..., None, :], np.eye(3))  # one rotated axis per row
    return np.swapaxes(rotated_axes, -1, -2).astype(dtype)


def matrix_to_quaternion(matrix: Any) -> np.ndarray:
    """Unit quaternions (*, 4) with w >= 0 of rotation matrices (*, 3, 3)."""
    m, dtype = as_double(matrix)
    check_shape(m, "* 3 3", "rotation matrices")
    trace = np.trace(m, axis1=-2, axis2=-1)
    # The symmetric matrix 4 q q^T, entry by entry. Its largest diagonal entry is at least 1, so
    # that row divided by its own length is the quaternion without any cancellation.
    outer = np.empty((*m.shape[:-2], 4, 4))
    outer[..., 0, 0] = 1.0 + trace
    for i in range(3):
        j, k = (i + 1) % 3, (i + 2) % 3
        outer[..., i + 1, i + 1] = 1.0 - trace + 2.0 * m[..., i, i]
        outer[..., 0, i + 1] = outer[..., i + 1, 0] = m[..., k, j] - m[..., j, k]
        outer[..., i + 1, j + 1] = outer[..., j + 1, i + 1] = m[..., i, j] + m[..., j, i]
    best = np.diagonal(outer, axis1=-2, axis2=-1).argmax(axis=-1)
    row = np.take_along_axis(outer, best[..., None, None], axis=-2)[..., 0, :]
    unit = row / np.linalg.norm(row, axis=-1, keepdims=True)
    return np.where(unit[..., :1] < 0, -unit, unit).astype(dtype)


def axis_angle_matrix(axis: Any, angle: Any) -> np.ndarray:
    """Rotation matrices about axes (*, 3) of any length by angles (*) in radians.

    Raises:
        InputError: for an axis of length zero.
    """
    directions, dtype = as_double(axis)
    check_shape(directions, "* 3", "axis")
    length = np.linalg.norm(directions, axis=-1, keepdims=True)
    if (length == 0).any():
        raise InputError("a rotation axis has length zero; give a vector with a direction")
    half = np.asarray(angle, dtype=np.float64)[..., None] / 2.0
    real, imaginary = np.broadcast_arrays(np.cos(half), np.sin(half) * directions / length)
    quaternion = np.concatenate([real[..., :1], imaginary], axis=-1)
    return quaternion_to_matrix(quaternion).astype(dtype)


def rotation_z(angle: Any) -> np.ndarray:
    """Rotation matrices (*, 3, 3) about z by angles (*) in radians: from x towards y."""
    _, dtype = as_double(angle)
    return axis_angle_matrix(np.array([0.0, 0.0, 1.0]), angle).astype(dtype)


def look_at(position: Any, target: Any, up: Any = (0.0, 0.0, 1.0), roll: float = 0.0) -> np.ndarray:
    """Orientation of a camera (x right, y down, z forward) that looks at a point.

    Args:
        position: (*, 3) where the camera stands, world metres.
        target: (*, 3) the point its optical axis goes through, world metres.
        up: (3,) the world direction that points upwards in the image.
        roll: radians the camera is then turned about its optical axis, clockwise as seen from
            behind it.

    Returns:
        (*, 4) unit quaternion camera -> world, float64.

    Raises:
        InputError: when the target is the position, or lies straight above or below it.
    """
    forward = np.asarray(target, dtype=np.float64) - np.asarray(position, dtype=np.float64)
    check_shape(forward, "* 3", "the direction from position to target")
    distance = np.linalg.norm(forward, axis=-1, keepdims=True)
    if (distance == 0).any():
        raise InputError("the camera stands at the point it looks at; move one of them")
    forward = forward / distance
    upward = np.asarray(up, dtype=np.float64)
    check_shape(upward, "3", "up")
    right = np.cross(forward, upward)
    sideways = np.linalg.norm(right, axis=-1, keepdims=True)
    if (sideways <= 1e-9 * np.linalg.norm(upward)).any():
        raise InputError(
            "the camera looks straight along `up`, so left and right are undefined; give another "
            "`up` direction"
        )
    right = right / sideways
    axes = np.stack([right, np.cross(forward, right), forward], axis=-1)  # (*, 3, 3) columns
    return matrix_to_quaternion(axes @ rotation_z(float(roll)))
