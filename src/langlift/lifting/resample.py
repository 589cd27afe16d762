"""Between frame rates: the network has one, videos have many."""

from __future__ import annotations

import numpy as np


def frame_times(frames: int, fps_from: float, fps_to: float) -> np.ndarray:
    """Where, in source frames, the frames of the other rate lie; both tracks start together.

    The last source frame is never passed, so ``frames`` frames at one rate cover the same time.
    """
    count = int(np.floor((frames - 1) * fps_to / fps_from + 1e-9)) + 1
    return np.arange(count) * (fps_from / fps_to)


def resample_joints(joints: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Interpolate (f, j, c) linearly at positions (n) in frames; held beyond the ends."""
    low, high, part = _between(len(joints), at)
    mixed = joints[low] + part[:, None, None] * (joints[high] - joints[low])
    return mixed.astype(joints.dtype)


def resample_points(
    xy: np.ndarray, seen: np.ndarray, at: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The same for 2D points of which some are not seen.

    Args:
        xy: (f, j, 2); ignored where not seen.
        seen: (f, j).
        at: (n) positions in frames.

    Returns:
        (n, j, 2), and (n, j): a new frame's joint is seen where it is in both frames it lies
        between, and where no joint is ever seen that way, in the nearest frame.
    """
    low, high, _ = _between(len(xy), at)
    both = seen[low] & seen[high]
    if both.any():
        return resample_joints(np.where(seen[..., None], xy, 0), at), both
    nearest = np.clip(np.rint(at).astype(int), 0, len(xy) - 1)
    if not seen[nearest].any():
        # A lower rate would skip every frame that has a joint: take the first that has one.
        nearest = np.full_like(nearest, int(seen.any(axis=1).argmax()))
    return np.where(seen[..., None], xy, 0)[nearest], seen[nearest]


def _between(frames: int, at: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frames before and after each position, and how far between them it lies."""
    at = np.clip(at, 0, frames - 1)
    low = np.floor(at + 1e-9).astype(int)
    part = np.maximum(at - low, 0)
    high = np.where(part > 1e-9, np.minimum(low + 1, frames - 1), low)
    return low, high, part
