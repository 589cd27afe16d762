"""Cameras: world <-> camera <-> pixels, rays, and the virtual camera that looks along a ray.

Frames of reference: world is metres, right-handed, z up. Camera space is metres, right-handed,
x right, y down, z forward. Pixels have their origin at the top left corner, x right, y down. A ray
is the point (x/z, y/z) where a line of sight meets the plane z = 1 of camera space.

The lens is that of VideoPose3D (Pavllo et al., CVPR 2019), which Human3.6M's 2D ground truth in
that format was made with. Its tangential term differs from OpenCV's, so OpenCV's p1, p2 are not
interchangeable with those here. Arrays come back in the floating type they came in; the arithmetic
is done in float64.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import InputError, check_shape
from .rotations import as_double, quaternion_to_matrix

_NEWTON_STEPS = 50
#: Residual, in units of the plane z = 1, under which a ray counts as found.
_RAY_TOLERANCE = 1e-10


@dataclass(frozen=True)
class Camera:
    """A calibrated camera; frozen, comparable and hashable.

    Args:
        name: what to call it.
        image_size: (width, height) in pixels.
        focal: (fx, fy) in pixels.
        center: (cx, cy) principal point in pixels.
        radial: (k1, k2, k3) of the lens.
        tangential: (p1, p2) of the lens, in VideoPose3D's form.
        orientation: unit quaternion (w, x, y, z), camera -> world; normalised when made.
        position: (3,) where the camera stands, world metres.

    Raises:
        InputError: for a field of another length, that is not finite, a size or focal length that
            is not positive, or a quaternion whose length is not 1 within 1e-3.
    """

    name: str
    image_size: tuple[int, int]
    focal: tuple[float, float]
    center: tuple[float, float]
    radial: tuple[float, float, float] = (0.0, 0.0, 0.0)
    tangential: tuple[float, float] = (0.0, 0.0)
    orientation: tuple[float, float, float, float] = (1.0, 0.0, 0.0, 0.0)
    position: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        lengths = {"focal": 2, "center": 2, "radial": 3, "tangential": 2}
        for field, length in (lengths | {"orientation": 4, "position": 3}).items():
            values = _numbers(getattr(self, field), length, f"camera {self.name!r}: {field}")
            object.__setattr__(self, field, values)
        object.__setattr__(self, "image_size", _size(self.image_size))
        if min(self.focal) <= 0:
            raise InputError(
                f"camera {self.name!r}: focal is {self.focal}; it must be positive, in pixels"
            )
        norm = float(np.linalg.norm(self.orientation))
        if abs(norm - 1.0) > 1e-3:
            raise InputError(
                f"camera {self.name!r}: the orientation has length {norm:.4g}; it must be a unit "
                "quaternion (w, x, y, z), camera to world"
            )
        object.__setattr__(self, "orientation", tuple(v / norm for v in self.orientation))

    @classmethod
    def assumed(cls, image_size: tuple[int, int], focal_ratio: float = 1.15) -> Camera:
        """A camera for footage without calibration: no distortion, principal point in the middle.

        Args:
            image_size: (width, height) in pixels.
            focal_ratio: focal length over the longer side of the image. 1.15 is that of the
                Human3.6M cameras (47 degrees across).
        """
        width, height = _size(image_size)
        focal = focal_ratio * max(width, height)
        return cls("assumed", (width, height), (focal, focal), (width / 2, height / 2))

    def replaced(self, **changes: Any) -> Camera:
        """The same camera with some fields changed, validated again."""
        return replace(self, **changes)

    def mirrored(self) -> Camera:
        """The camera whose image is this one's image mirrored left to right.

        It sees the camera-space point (-x, y, z) at pixel (width - px, py) if this one sees
        (x, y, z) at (px, py): cx becomes width - cx and p1 changes sign (in screen units both
        change sign). Orientation and position are kept, so in the world the person is mirrored in
        the plane through the camera's y and z axes.
        """
        (cx, cy), (p1, p2) = self.center, self.tangential
        return self.replaced(center=(self.image_size[0] - cx, cy), tangential=(-p1, p2))

    def to_camera(self, world: Any) -> np.ndarray:
        """World points (*, 3) in metres to camera space (*, 3)."""
        points, dtype = as_double(world)
        check_shape(points, "* 3", "world points")
        rotation = quaternion_to_matrix(self.orientation)  # camera -> world
        return ((points - self.position) @ rotation).astype(dtype)

    def to_world(self, cam: Any) -> np.ndarray:
        """Camera-space points (*, 3) in metres to world (*, 3)."""
        points, dtype = as_double(cam)
        check_shape(points, "* 3", "camera-space points")
        rotation = quaternion_to_matrix(self.orientation)
        return (points @ rotation.T + self.position).astype(dtype)

    def project(self, cam_points: Any, distort: bool = True) -> np.ndarray:
        """Camera-space points (*, 3) to pixels (*, 2).

        As in VideoPose3D, x/z and y/z are clamped to [-1, 1] before a lens distorts them, where
        its polynomial would run away: a point more than 45 degrees off the axis lands on that
        border. Unlike there, nothing is clamped where nothing is distorted, so wide pinhole
        images stay right. A point that is not in front of the camera (z <= 0) has no image: NaN.

        Args:
            cam_points: (*, 3) metres, camera space.
            distort: apply the lens; False is the plain pinhole.
        """
        points, dtype = as_double(cam_points)
        flat = to_rays(points)
        if distort and self._distorts:
            flat = self._distorted(np.clip(flat, -1.0, 1.0))
        return (flat * self.focal + self.center).astype(dtype)

    def rays(self, px: Any) -> np.ndarray:
        """Pixels (*, 2) to undistorted rays (*, 2): x/z and y/z in camera space.

        The inverse of `project` where that does not clamp, by Newton's method to 1e-10 in float64;
        exact without distortion. A pixel that no ray reaches through this lens (far outside the
        image of a barrel lens) becomes NaN, as does a NaN pixel.
        """
        pixels, dtype = as_double(px)
        check_shape(pixels, "* 2", "pixels")
        linear = (pixels - self.center) / self.focal
        if self._distorts:
            linear = self._undistorted(linear)
        return linear.astype(dtype)

    @property
    def _distorts(self) -> bool:
        return any(self.radial) or any(self.tangential)

    def _lens(self, rays: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of rays (*, 2): their squared length, the factor they are scaled by, its slope in r^2."""
        k1, k2, k3 = self.radial
        r2 = (rays**2).sum(axis=-1)
        scale = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3)) + rays @ np.array(self.tangential)
        return r2, scale, k1 + r2 * (2.0 * k2 + r2 * 3.0 * k3)

    def _distorted(self, rays: np.ndarray) -> np.ndarray:
        r2, scale, _ = self._lens(rays)
        return rays * scale[..., None] + r2[..., None] * np.array(self.tangential)

    def _undistorted(self, wanted: np.ndarray) -> np.ndarray:
        """Solve `_distorted(rays) = wanted` for every point at once; NaN without a solution."""
        rays = wanted.copy()
        # Points without a solution run away; they are told apart afterwards, not by a warning.
        with np.errstate(all="ignore"):
            for _ in range(_NEWTON_STEPS):
                (a, b), (c, d) = self._slopes(rays)
                residual = self._distorted(rays) - wanted
                u, v = residual[..., 0], residual[..., 1]
                determinant = (a * d - b * c)[..., None]
                step = np.stack([d * u - b * v, a * v - c * u], axis=-1) / determinant
                rays = rays - step
                if not (np.abs(step) > 1e-13).any():  # the error is the square of the last step
                    break
            (a, b), (c, d) = self._slopes(rays)
            upright = (a * d - b * c > 0) & ((rays**2).sum(axis=-1) < self._fold())
            good = upright & (np.abs(self._distorted(rays) - wanted).max(axis=-1) <= _RAY_TOLERANCE)
        return np.where(good[..., None], rays, np.nan)

    def _fold(self) -> float:
        """The squared radius r^2 of rays at which the radial polynomial stops rising, or infinity.

        Past it the image turns over: a solution there is no line of sight. (The tangential terms
        are small; they are judged at the solution alone.)
        """
        k1, k2, k3 = self.radial
        # The slope 1 + 3 k1 r^2 + ..., solved in 1 / r^2: monic, so tiny coefficients do no harm.
        roots = np.roots([1.0, 3.0 * k1, 5.0 * k2, 7.0 * k3])
        turns = roots.real[(np.abs(roots.imag) < 1e-9) & (roots.real > 0)]
        return 1.0 / turns.max() if turns.size else np.inf

    def _slopes(self, rays: np.ndarray) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
        """The Jacobian of `_distorted` at rays (*, 2), by rows."""
        (x, y), (p1, p2) = (rays[..., 0], rays[..., 1]), self.tangential
        _, scale, slope = self._lens(rays)
        by_x, by_y = 2.0 * slope * x + p1, 2.0 * slope * y + p2  # slopes of the scale
        return (
            (scale + x * by_x + 2.0 * p1 * x, x * by_y + 2.0 * p1 * y),
            (y * by_x + 2.0 * p2 * x, scale + y * by_y + 2.0 * p2 * y),
        )


def to_rays(points: Any) -> np.ndarray:
    """Camera-space points (*, 3) to rays (*, 2): x/z and y/z; NaN where z <= 0."""
    values, dtype = as_double(points)
    check_shape(values, "* 3", "camera-space points")
    depth = values[..., 2:]
    return (values[..., :2] / np.where(depth > 0, depth, np.nan)).astype(dtype)


def normalize_screen(px: Any, image_size: tuple[int, int]) -> np.ndarray:
    """Pixels (*, 2) to screen units: x runs from -1 to 1 over the width, y has the same scale."""
    pixels, dtype = as_double(px)
    check_shape(pixels, "* 2", "pixels")
    width, height = _size(image_size)
    return (pixels * 2.0 / width - np.array([1.0, height / width])).astype(dtype)


def denormalize_screen(screen: Any, image_size: tuple[int, int]) -> np.ndarray:
    """Screen units (*, 2) back to pixels; the inverse of `normalize_screen`."""
    points, dtype = as_double(screen)
    check_shape(points, "* 2", "screen points")
    width, height = _size(image_size)
    return ((points + np.array([1.0, height / width])) * width / 2.0).astype(dtype)


def _numbers(values: Any, length: int, what: str) -> tuple[float, ...]:
    try:
        numbers = tuple(float(v) for v in values)
    except (TypeError, ValueError):
        numbers = ()
    if len(numbers) != length or not np.isfinite(numbers).all():
        raise InputError(f"{what} is {values!r}; it must be {length} finite numbers")
    return numbers


def _size(image_size: Any) -> tuple[int, int]:
    numbers = _numbers(image_size, 2, "the image size (width, height)")
    if min(numbers) < 1 or any(v != int(v) for v in numbers):
        raise InputError(
            f"the image size is {tuple(image_size)}; it must be two positive whole numbers of "
            "pixels (width, height)"
        )
    return int(numbers[0]), int(numbers[1])
