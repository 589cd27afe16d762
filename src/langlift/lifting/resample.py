"""Between frame rates: the network has one, videos have many."""

from __future__ import annotations

import numpy as np


def frame_times(frames: int, fps_from: float, fps_to: float) -> np.ndarray:
    """Where, in source frames, the frames of the other rate lie; both tracks start together.

    The last source frame is never passed, so ``frames`` frames at one rate cover the same time.
    """
    count = int(np.floor((frames - 1) * fps_to / fps_from + 1e-9)) + 1
    return np.arange(count) * (fps_from / fps_to)


def resample(
    values: np.ndarray, at: np.ndarray, seen: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Linear interpolation in time.

    Args:
        values: (f, j, c).
        at: (n) positions in frames; held beyond the ends.
        seen: (f, j); a new frame counts as seen where both frames it lies between are.

    Returns:
        (n, j, c), and (n, j) or None.
    """
    last = len(values) - 1
    at = np.clip(at, 0, last)
    low = np.floor(at + 1e-9).astype(int)
    part = np.maximum(at - low, 0)
    high = np.where(part > 1e-9, np.minimum(low + 1, last), low)
    if seen is not None:
        values = np.where(seen[..., None], values, 0)
    mixed = values[low] + part[:, None, None] * (values[high] - values[low])
    return mixed.astype(values.dtype), None if seen is None else seen[low] & seen[high]
