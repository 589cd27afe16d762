"""The virtual camera: a real camera turned, in software, to look at the person."""

from __future__ import annotations

import numpy as np

from ..errors import check_shape


def virtual_rotation(rays: np.ndarray) -> np.ndarray:
    """Rotations (*, 3, 3) that turn a camera to look along rays (*, 2), without rolling it.

    ``R @ (x, y, 1)`` of the ray lies on the optical axis. The turn is a pan about the camera's y
    axis followed by a tilt about the new x axis, so the image's vertical stays vertical.
    """
    check_shape(rays, "* 2", "rays")
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
