"""How well a recording's 2D and 3D belong together, whatever is known of its camera."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ...geometry.cameras import Camera, to_rays
from ..recordings import Recording

How = Literal[
    "through its camera", "with a fitted focal length", "scaled to the 2D", "moved to the 2D"
]

_FEWEST_JOINTS = 4
_ROUNDS = 3  # of a fit that leaves the worst points out
_KEPT = 0.8  # share of the points that each round keeps


@dataclass(frozen=True, eq=False)
class Sample:
    """Some frames of a recording, in the joints that its 2D and 3D share.

    Args:
        frames: (n) which frames of the recording.
        xy: (n, j, 2) pixels, NaN where not seen.
        mirrored: (n, j, 2) the same with left and right exchanged.
        joints: (n, j, 3) metres, camera axes.
        lens: the camera, None where the dataset has no intrinsics.
        placed: whether the root is where the person is.
    """

    frames: np.ndarray
    xy: np.ndarray
    mirrored: np.ndarray
    joints: np.ndarray
    lens: Camera | None
    placed: bool

    @property
    def size(self) -> float:
        """Median over the frames of the longer side of the box around the person, pixels."""
        seen = self.xy[np.isfinite(self.xy).all(axis=-1).sum(axis=1) > 1]
        if not len(seen):
            return float("nan")
        sides = np.nanmax(seen, axis=1) - np.nanmin(seen, axis=1)
        return float(np.median(sides.max(axis=-1)))


@dataclass(frozen=True)
class Fit:
    """How far the 3D, seen by the camera, lies from the 2D.

    Args:
        how: what was known of the camera.
        error: median distance over joints and frames, pixels.
        tail: the distance that a tenth of the points exceed, pixels.
        exchanged: the median with left and right of the 2D exchanged.
        size: of the person in the image, pixels.
    """

    how: How
    error: float
    tail: float
    exchanged: float
    size: float


def sample(recording: Recording, frames: np.ndarray) -> Sample | None:
    """Those of the given frames that count; None where 2D and 3D share too few joints.

    Args:
        recording: where they are from.
        frames: (n) frame numbers.
    """
    seen, truth = recording.keypoints.skeleton, recording.skeleton
    common = [joint for joint in truth.joints if joint in seen.joints]
    if len(common) < _FEWEST_JOINTS:
        return None
    kept = frames[recording.counted[frames]]
    xy = recording.keypoints.xy[kept].astype(np.float64)
    at = [seen.index(joint) for joint in common]
    return Sample(
        frames=kept,
        xy=xy[:, at],
        mirrored=xy[:, seen.mirror][:, at],
        joints=recording.joints[kept][:, [truth.index(joint) for joint in common]],
        lens=recording.lens,
        placed=recording.placed,
    )


@np.errstate(over="ignore", invalid="ignore")  # what lies too far off for numbers fits nothing
def fit(of: Sample) -> Fit | None:
    """How far the 3D lies from the 2D; None where no joint of a frame that counts is seen."""
    how, distances = _distances(of, of.xy)
    if not distances.size:
        return None
    _, exchanged = _distances(of, of.mirrored)
    middle, tail = np.quantile(distances, (0.5, 0.9), method="higher")
    return Fit(how, float(middle), float(tail), float(np.median(exchanged)), of.size)


@np.errstate(over="ignore", invalid="ignore")
def fit_moved(of: Sample) -> Fit | None:
    """How far the 3D lies from the 2D when its image is moved to it in each frame.

    Where the lens is not known the image is scaled too, as it must be where the truth is of a body
    scaled to one size. None where the place is not known, or too few joints are seen.
    """
    if not of.placed:
        return None
    joints = of.joints.astype(np.float64)
    made = to_rays(joints) if of.lens is None else of.lens.project(joints)
    move = _scaled if of.lens is None else _moved
    distances, exchanged = (
        each[np.isfinite(each)]
        for each in (np.linalg.norm(move(made, xy) - xy, axis=-1) for xy in (of.xy, of.mirrored))
    )
    if not distances.size or not exchanged.size:
        return None
    middle, tail = np.quantile(distances, (0.5, 0.9), method="higher")
    return Fit("moved to the 2D", float(middle), float(tail), float(np.median(exchanged)), of.size)


def with_joints_of(of: Sample, other: Sample) -> Sample:
    """The 2D of one sample with the 3D and camera of another, over the frames that both have."""
    _, mine, theirs = np.intersect1d(of.frames, other.frames, return_indices=True)
    return replace(
        of,
        frames=of.frames[mine],
        xy=of.xy[mine],
        mirrored=of.mirrored[mine],
        joints=other.joints[theirs],
        lens=other.lens,
        placed=other.placed,
    )


def _distances(of: Sample, xy: np.ndarray) -> tuple[How, np.ndarray]:
    """What was known of the camera, and the distance of each point that was seen, in pixels."""
    if of.placed and of.lens is not None:
        how: How = "through its camera"
        made = of.lens.project(of.joints.astype(np.float64))
    elif of.placed:
        how = "with a fitted focal length"
        made = _shared_focal(to_rays(of.joints.astype(np.float64)), xy)
    else:
        how = "scaled to the 2D"
        made = _scaled(of.joints[..., :2].astype(np.float64), xy)
    distance = np.linalg.norm(made - xy, axis=-1)
    known = np.isfinite(xy).all(axis=-1)
    # What is behind the camera has no image and lies infinitely far from the 2D.
    return how, np.where(np.isfinite(distance), distance, np.inf)[known]


def _shared_focal(rays: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """Rays (n, j, 2) as pixels of the camera with square pixels that fits them best to the 2D."""
    flat, target = rays.reshape(-1, 2), xy.reshape(-1, 2)
    use = np.asarray(np.isfinite(flat).all(axis=-1) & np.isfinite(target).all(axis=-1))
    made = np.full_like(flat, np.nan)
    for _ in range(_ROUNDS if use.any() else 0):
        made = _scale_and_shift(flat, target, use)
        distance = np.where(use, np.linalg.norm(made - target, axis=-1), np.inf)
        use &= distance <= np.quantile(distance[use], _KEPT)
    return made.reshape(rays.shape)


def _moved(points: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """Points (n, j, 2) in pixels shifted in each frame to fit the 2D best; NaN with few joints."""
    known = np.asarray(np.isfinite(xy).all(axis=-1) & np.isfinite(points).all(axis=-1))
    use = known.sum(axis=1) >= _FEWEST_JOINTS
    gap = np.where(known[..., None], points - xy, np.nan)[use]
    made = np.full_like(points, np.nan)
    made[use] = points[use] - np.nanmedian(gap, axis=1, keepdims=True)
    return made


def _scaled(points: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """Points (n, j, 2) in metres scaled and shifted in each frame to fit the 2D best."""
    made = np.full_like(points, np.nan)
    for n, (one, target) in enumerate(zip(points, xy, strict=True)):
        use = np.asarray(np.isfinite(target).all(axis=-1) & np.isfinite(one).all(axis=-1))
        if use.sum() >= _FEWEST_JOINTS:
            made[n] = _scale_and_shift(one, target, use)
    return made


def _scale_and_shift(points: np.ndarray, target: np.ndarray, use: np.ndarray) -> np.ndarray:
    """Points (n, 2) with the scale, never negative, and shift that fit those in use best."""
    middle, aim = points[use].mean(axis=0), target[use].mean(axis=0)
    spread = ((points[use] - middle) ** 2).sum()
    shared = ((points[use] - middle) * (target[use] - aim)).sum()
    scale = max(shared / spread, 0.0) if spread > 0 else 0.0
    return (points - middle) * scale + aim
