"""Cameras for training: many at once, drawn at random around a moving person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..geometry.cameras import Camera, normalize_screen
from ..geometry.rotations import quaternion_to_matrix

IMAGE_SIZE = 1000.0


@dataclass(frozen=True)
class CameraRanges:
    """Where training cameras may be. Each pair is (lowest, highest), drawn uniformly.

    Args:
        distance: metres from the camera to the person, along the optical axis.
        pitch: degrees, within -90 and 90; positive looks down on the person.
        roll: degrees about the optical axis.
        focal: focal length over image width.
        off_center: largest distance of the person from the image centre, over image width.
        wide_share: share of windows that draw from these ranges; the rest draws from a narrow,
            everyday part of them (pitch -5 to 20, roll within 3, distance 3.5 to 6.5 m).
    """

    distance: tuple[float, float] = (2.0, 8.0)
    pitch: tuple[float, float] = (-10.0, 60.0)
    roll: tuple[float, float] = (-15.0, 15.0)
    focal: tuple[float, float] = (0.6, 1.6)
    off_center: float = 0.35
    wide_share: float = 0.5

    def __post_init__(self) -> None:
        for name in ("distance", "pitch", "roll", "focal"):
            low, high = getattr(self, name)
            if not low <= high:
                raise InputError(f"camera {name} is ({low}, {high}); give (lowest, highest)")
        if self.distance[0] <= 0.5 or self.focal[0] <= 0:
            raise InputError(
                "cameras must be more than 0.5 m away and have a positive focal length"
            )
        if not (self.pitch[0] > -90 and self.pitch[1] < 90):
            raise InputError(
                f"camera pitch is {self.pitch}; it must stay within -90 and 90 degrees, where the "
                "image has an upright"
            )
        if not self.off_center >= 0 or not 0 <= self.wide_share <= 1:
            raise InputError(
                f"off_center is {self.off_center} and wide_share {self.wide_share}; the first "
                "cannot be negative, the second must be within 0 and 1"
            )


@dataclass(frozen=True)
class CameraBatch:
    """b cameras; arrays broadcast over frames and joints.

    Args:
        rotation: (b, 3, 3) world to camera.
        position: (b, 3) metres, world.
        focal: (b, 2) pixels.
        center: (b, 2) pixels.
        lenses: b calibrated cameras whose lenses distort, or None for plain pinholes.
    """

    rotation: np.ndarray
    position: np.ndarray
    focal: np.ndarray
    center: np.ndarray
    lenses: tuple[Camera, ...] | None = None

    @classmethod
    def of(cls, cameras: Sequence[Camera]) -> CameraBatch:
        """Calibrated cameras as a batch."""
        parts = [[quaternion_to_matrix(c.orientation).T for c in cameras]]
        parts += [[getattr(c, n) for c in cameras] for n in ("position", "focal", "center")]
        arrays = [np.array(part, dtype=np.float32) for part in parts]
        return cls(arrays[0], arrays[1], arrays[2], arrays[3], lenses=tuple(cameras))

    def to_camera(self, world: np.ndarray) -> np.ndarray:
        """World points (b, f, j, 3) to camera space."""
        return (world - self.position[:, None, None]) @ self.rotation[:, None].swapaxes(-1, -2)

    def project(self, points: np.ndarray) -> np.ndarray:
        """Camera-space points (b, f, j, 3) to pixels (b, f, j, 2)."""
        if self.lenses is not None:
            pairs = zip(self.lenses, points, strict=True)
            return np.stack([camera.project(each) for camera, each in pairs])
        rays = points[..., :2] / points[..., 2:]
        return self.focal[:, None, None] * rays + self.center[:, None, None]

    def rays(self, pixels: np.ndarray) -> np.ndarray:
        """Pixels (b, f, j, 2) to undistorted rays."""
        if self.lenses is not None:
            pairs = zip(self.lenses, pixels, strict=True)
            return np.stack([camera.rays(each) for camera, each in pairs])
        return (pixels - self.center[:, None, None]) / self.focal[:, None, None]

    def screen(self, pixels: np.ndarray) -> np.ndarray:
        """Pixels (b, f, j, 2) to screen units, each by its own camera's image."""
        square = (int(IMAGE_SIZE), int(IMAGE_SIZE))
        if self.lenses is None:
            return normalize_screen(pixels, square)
        pairs = zip(self.lenses, pixels, strict=True)
        return np.stack([normalize_screen(each, camera.image_size) for camera, each in pairs])


def random_cameras(
    target: np.ndarray, ranges: CameraRanges, rng: np.random.Generator
) -> CameraBatch:
    """One camera per target, looking at it from a random side.

    Args:
        target: (b, 3) metres, world: the person.
        ranges: where cameras may be.
        rng: source of all randomness.
    """
    b = len(target)
    wide = rng.random(b) < ranges.wide_share

    def draw(everyday: tuple[float, float], anywhere: tuple[float, float]) -> np.ndarray:
        u = rng.random(b)
        narrow = np.clip(everyday, *anywhere)
        return np.where(
            wide,
            anywhere[0] + u * (anywhere[1] - anywhere[0]),
            narrow[0] + u * (narrow[1] - narrow[0]),
        )

    distance = draw((3.5, 6.5), ranges.distance)
    pitch = np.radians(draw((-5.0, 20.0), ranges.pitch))
    roll = np.radians(draw((-3.0, 3.0), ranges.roll))
    focal = draw((1.0, 1.3), ranges.focal) * IMAGE_SIZE
    yaw = rng.uniform(0, 2 * np.pi, b)
    forward = np.stack(
        [np.cos(yaw) * np.cos(pitch), np.sin(yaw) * np.cos(pitch), -np.sin(pitch)], axis=-1
    )
    rotation = _look_along(forward, roll)
    # Where the person is in the image, as a ray; the camera is moved sideways, not turned.
    spot = rng.uniform(-1, 1, (b, 2)) * ranges.off_center * IMAGE_SIZE / focal[:, None]
    spot = np.where(wide[:, None], spot, 0.4 * spot)
    offset = np.concatenate([spot, np.ones((b, 1))], axis=1) * distance[:, None]
    position = target - np.einsum("bcd,bc->bd", rotation, offset)
    kind = target.dtype
    return CameraBatch(
        rotation.astype(kind),
        position.astype(kind),
        np.repeat(focal[:, None], 2, axis=1).astype(kind),
        np.full((b, 2), IMAGE_SIZE / 2, dtype=kind),
    )


def _look_along(forward: np.ndarray, roll: np.ndarray) -> np.ndarray:
    """World-to-camera rotations (b, 3, 3): z along `forward`, y down, turned by `roll`."""
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right, axis=-1, keepdims=True)
    down = np.cross(forward, right)
    cos, sin = np.cos(roll)[:, None], np.sin(roll)[:, None]
    return np.stack([cos * right + sin * down, cos * down - sin * right, forward], axis=1)
