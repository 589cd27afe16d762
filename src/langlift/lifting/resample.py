"""Between frame rates: the network has one, videos have many."""

from __future__ import annotations

import numpy as np


def frame_times(frames: int, fps_from: float, fps_to: float) -> np.ndarray:
    """Where, in source frames, the frames of the other rate lie; both tracks start together.

    The first lies on the first source frame and the last on the last one, for which it comes up to
    one frame early: without it the source frames after the last regular position would have no
    frame of their own, and on the way back they would all hold the same pose.

    Returns:
        (n) positions, rising by ``fps_from / fps_to``, the last step by at most that.
    """
    count = int(np.ceil((frames - 1) * fps_to / fps_from - 1e-9)) + 1
    return np.minimum(np.arange(count) * (fps_from / fps_to), frames - 1)


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
        at: (n) positions in frames, rising.

    Returns:
        (n, j, 2), each joint interpolated between the frames that saw it, and (n, j): a new frame's
        joint is seen where it is in both frames it lies between, and in the new frame nearest to
        one that saw it. The second keeps every sighting of a detector that skips frames.
    """
    low, high, _ = _between(len(xy), at)
    found = seen[low] & seen[high]
    points = np.zeros((len(at), *xy.shape[1:]), dtype=xy.dtype)
    middles = (at[1:] + at[:-1]) / 2
    for j in range(xy.shape[1]):
        (when,) = np.nonzero(seen[:, j])
        if when.size:
            found[np.searchsorted(middles, when), j] = True
            for c in range(xy.shape[2]):
                points[:, j, c] = np.interp(at, when, xy[when, j, c])
    return points, found


def _between(frames: int, at: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frames before and after each position, and how far between them it lies."""
    at = np.clip(at, 0, frames - 1)
    low = np.floor(at + 1e-9).astype(int)
    part = np.maximum(at - low, 0)
    high = np.where(part > 1e-9, np.minimum(low + 1, frames - 1), low)
    return low, high, part
