"""Projection as plain functions over arrays, so that one call serves many cameras.

The lens parameters broadcast against the points: give focal lengths of shape (b, 1, 1, 2) for
points of shape (b, f, j, 3). The distortion has VideoPose3D's form (its tangential term is
``p * r2 + (p . x) * x``), which the whole field's Human3.6M numbers are made with.
"""

from __future__ import annotations

import numpy as np


def project_points(
    points: np.ndarray,
    focal: np.ndarray,
    center: np.ndarray,
    radial: np.ndarray | None = None,
    tangential: np.ndarray | None = None,
) -> np.ndarray:
    """Project camera-space points to the image.

    Args:
        points: (*, 3) metres, x right, y down, z forward; z must be positive.
        focal: (*, 2) in the unit of the result (pixels or screen units).
        center: (*, 2) principal point, same unit.
        radial: (*, 3) k1, k2, k3; no distortion when None.
        tangential: (*, 2) p1, p2.

    Returns:
        (*, 2). As in VideoPose3D, x/z and y/z are clamped to [-1, 1] before they are distorted.
    """
    ray = points[..., :2] / points[..., 2:]
    if radial is not None and tangential is not None:
        ray = distort(np.clip(ray, -1, 1), radial, tangential)
    return focal * ray + center


def distort(ray: np.ndarray, radial: np.ndarray, tangential: np.ndarray) -> np.ndarray:
    """Lens distortion of (*, 2) rays x/z, y/z (VideoPose3D's form)."""
    r2 = (ray**2).sum(axis=-1, keepdims=True)
    gain = 1 + r2 * (radial[..., :1] + r2 * (radial[..., 1:2] + r2 * radial[..., 2:]))
    gain = gain + (tangential * ray).sum(axis=-1, keepdims=True)
    return ray * gain + tangential * r2


def unproject_rays(
    pixels: np.ndarray,
    focal: np.ndarray,
    center: np.ndarray,
    radial: np.ndarray | None = None,
    tangential: np.ndarray | None = None,
    iterations: int = 20,
) -> np.ndarray:
    """The undistorted rays (x/z, y/z) of image points: the inverse of `project_points`.

    Args:
        pixels: (*, 2); NaN stays NaN.
        focal: (*, 2), and the other lens parameters as in `project_points`.
        center: (*, 2).
        radial: (*, 3) or None.
        tangential: (*, 2) or None.
        iterations: fixed-point steps; 20 reach float64 accuracy inside a Human3.6M image.
    """
    seen = (pixels - center) / focal
    if radial is None or tangential is None:
        return seen
    ray = seen
    for _ in range(iterations):
        # Far outside the image the polynomial turns around; the clip keeps the steps finite there.
        ray = np.clip(ray - (distort(ray, radial, tangential) - seen), -2, 2)
    return ray


def virtual_rotation(rays: np.ndarray) -> np.ndarray:
    """Rotations (*, 3, 3) that turn a camera to look along rays (*, 2), without rolling it.

    ``R @ (x, y, 1)`` of the ray lies on the optical axis. The turn is a pan about the camera's y
    axis followed by a tilt about the new x axis, so the image's vertical stays vertical.
    """
    x, y = rays[..., 0], rays[..., 1]
    flat = np.sqrt(x**2 + 1)
    full = np.sqrt(x**2 + y**2 + 1)
    cos_pan, sin_pan = 1 / flat, x / flat
    cos_tilt, sin_tilt = flat / full, y / full
    zero = np.zeros_like(x)
    rows = [
        [cos_pan, zero, -sin_pan],
        [-sin_tilt * sin_pan, cos_tilt, -sin_tilt * cos_pan],
        [cos_tilt * sin_pan, sin_tilt, cos_tilt * cos_pan],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
