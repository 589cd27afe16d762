"""From 2D joints to what a network sees, and from what it says back to camera axes.

Two kinds. ``screen`` is the field's usual normalisation by the image; the network then has to know
the camera. ``person`` turns a *virtual camera* to follow the person, scales by the person's size
in the image and hands the network a pose that no longer depends on where in the image, how far
away or how large the person is. Both are computed once for a whole track, which then goes through
a network without being cut up. (`person` averages over up to 121 frames around each frame, so near
the ends of a training window the features differ a little from those of the whole track.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.ndimage import uniform_filter1d

from ..errors import InputError
from ..geometry.virtual import virtual_rotation
from ..skeletons import HUMAN36M_17, Skeleton

_MOST_FRAMES = 10_000  # minutes; more is a damaged file
_SMALLEST_SCALE = 1e-4  # of a ray; a person this small is one point


@dataclass(frozen=True)
class FeatureConfig:
    """How 2D joints are normalised for a network; stored in the bundle.

    Args:
        kind: ``person`` or ``screen``.
        center_frames: frames over which the virtual camera's direction is averaged.
        scale_frames: frames over which the person's size is averaged.
        gap_frames: a joint missing for at most so many frames is interpolated in time; one missing
            for longer is put on its parent joint, a zero-length bone that a network can recognise.
    """

    kind: Literal["person", "screen"] = "person"
    center_frames: int = 41
    scale_frames: int = 121
    gap_frames: int = 12

    def __post_init__(self) -> None:
        if self.kind not in ("person", "screen"):
            raise InputError(f"feature kind is {self.kind!r}; it must be 'person' or 'screen'")
        for name in ("center_frames", "scale_frames"):
            value = getattr(self, name)
            if not 1 <= value <= _MOST_FRAMES or value % 2 == 0:
                raise InputError(
                    f"{name} is {value}; it must be odd and at least 1, at most {_MOST_FRAMES}"
                )
        if not 0 <= self.gap_frames <= _MOST_FRAMES:
            raise InputError(
                f"gap_frames is {self.gap_frames}; it must be at least 0 and at most {_MOST_FRAMES}"
            )


def fill_missing(
    points: np.ndarray, seen: np.ndarray, gap_frames: int, skeleton: Skeleton = HUMAN36M_17
) -> tuple[np.ndarray, np.ndarray]:
    """Give every joint a place.

    Args:
        points: (*, f, j, c); values where not seen are ignored.
        seen: (*, f, j).
        gap_frames: longest gap that is interpolated (or held, at the ends of a track).
        skeleton: of the points; it has a root and a tree.

    Returns:
        The filled points, and (*, f, j) True where a joint was seen or interpolated.
    """
    if seen.all():
        return points, seen
    points = np.where(seen[..., None], points, 0)
    between, distance = _interpolate(points, seen)
    known = seen | (distance <= gap_frames)
    # In a frame without any joint the whole pose is taken from the frames around it.
    lost = ~known.any(axis=-1, keepdims=True)
    known = known | (lost & np.isfinite(distance))
    filled = np.where(known[..., None], between, 0)
    root = skeleton.root_index
    middle = (filled * known[..., None]).sum(axis=-2) / np.maximum(known.sum(axis=-1)[..., None], 1)
    filled[..., root, :] = np.where(known[..., root, None], filled[..., root, :], middle)
    for j, parent in skeleton.from_root:
        absent = ~known[..., j, None]
        filled[..., j, :] = np.where(absent, filled[..., parent, :], filled[..., j, :])
    return filled, known


def _interpolate(points: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Linear interpolation in time, held at the ends; and the length of the gap at each frame."""
    frames = seen.shape[-2]
    at = np.arange(frames)[:, None]
    before = np.maximum.accumulate(np.where(seen, at, -1), axis=-2)
    after = np.flip(
        np.minimum.accumulate(np.flip(np.where(seen, at, frames), axis=-2), axis=-2), axis=-2
    )
    none = (before < 0) & (after >= frames)
    gap = np.where(none, np.inf, after - before - 1)
    low = np.where(before < 0, after, before)
    high = np.where(after >= frames, before, after)
    low, high = np.clip(low, 0, frames - 1), np.clip(high, 0, frames - 1)
    part = np.where(high > low, (at - low) / np.maximum(high - low, 1), 0.0)[..., None]
    start = np.take_along_axis(points, low[..., None], axis=-3)
    end = np.take_along_axis(points, high[..., None], axis=-3)
    return start + part * (end - start), np.where(seen, 0, gap)


def person_features(
    rays: np.ndarray,
    seen: np.ndarray,
    config: FeatureConfig,
    frames: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Features of the ``person`` kind, for the 17 joints of Human3.6M.

    Args:
        rays: (*, f, 17, 2) undistorted rays x/z, y/z of the joints; ignored where not seen, and
            where not finite (a pixel that no ray reaches through the lens).
        seen: (*, f, 17).
        config: averaging lengths.
        frames: the frames to take once the gaps are filled, repeated ones included; all if None.

    Returns:
        features: (*, f, 17, 2); joint 0 relative to the averaged direction, the others relative to
            joint 0, in units of the person's size.
        rotation: (*, f, 3, 3) from camera to virtual-camera axes.
    """
    seen = seen & np.isfinite(rays).all(axis=-1)
    rays, known = fill_missing(rays, seen, config.gap_frames)
    if frames is not None:
        rays, known = rays[..., frames, :, :], known[..., frames, :]
    center = _running_mean(rays[..., 0, :], config.center_frames)
    rotation = virtual_rotation(center)
    turned = to_virtual(_homogeneous(rays), rotation)
    # A joint at the edge of a very wide view may be nearly at a right angle to the person.
    flat = turned[..., :2] / np.maximum(turned[..., 2:], 0.05)
    relative = flat - flat[..., :1, :]
    weight = known.astype(rays.dtype)[..., None]
    square = (relative**2 * weight).sum(axis=(-1, -2)) / np.maximum(weight.sum(axis=(-1, -2)), 1)
    size = np.sqrt(_running_mean(square[..., None], config.scale_frames))[..., None]
    size = np.maximum(size, _SMALLEST_SCALE)
    features = np.concatenate([flat[..., :1, :], relative[..., 1:, :]], axis=-2) / size
    return features.astype(np.float32), rotation.astype(np.float32)


def screen_features(
    screen: np.ndarray,
    seen: np.ndarray,
    config: FeatureConfig,
    frames: np.ndarray | None = None,
    skeleton: Skeleton = HUMAN36M_17,
) -> np.ndarray:
    """Features of the ``screen`` kind: (*, f, j, 2) screen coordinates with the gaps filled."""
    filled = fill_missing(screen, seen, config.gap_frames, skeleton)[0].astype(np.float32)
    return filled if frames is None else filled[..., frames, :, :]


def to_virtual(joints: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """Camera axes (*, f, j, 3) to the virtual camera's."""
    return joints @ rotation.swapaxes(-1, -2)


def from_virtual(joints: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """The virtual camera's axes (*, f, j, 3) back to the camera's."""
    return joints @ rotation


def mirror_features(features: np.ndarray) -> np.ndarray:
    """The features of the mirrored person (any of the two kinds); an involution."""
    return features[..., HUMAN36M_17.mirror, :] * np.array([-1, 1], dtype=features.dtype)


def mirror_joints(joints: np.ndarray) -> np.ndarray:
    """The 3D joints (*, 17, 3) of the mirrored person in camera or virtual axes; an involution."""
    return joints[..., HUMAN36M_17.mirror, :] * np.array([-1, 1, 1], dtype=joints.dtype)


def _homogeneous(rays: np.ndarray) -> np.ndarray:
    return np.concatenate([rays, np.ones_like(rays[..., :1])], axis=-1)


def _running_mean(values: np.ndarray, frames: int) -> np.ndarray:
    """Mean over a centred window of (*, f, c), the ends of the track repeated."""
    if frames == 1:
        return values
    return uniform_filter1d(values, frames, axis=-2, mode="nearest")
