"""Work on long recordings a block of frames at a time, in float64."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import numpy as np

from ..errors import InputError, unknown
from ..geometry.alignment import check_pose_pair

Reduce = Literal["mean", "frame"]

#: Numbers in a block of the largest array: 2 MB of float64, which stay near the processor.
_BLOCK = 2**18


def checked(pred: Any, gt: Any) -> tuple[np.ndarray, np.ndarray]:
    """Predictions and truth (*, f, j, 3) as arrays of one shape, whose values are finite.

    Raises:
        ShapeError: for shapes that differ or do not end in (f, j, 3).
        InputError: for empty arrays or values that are not finite.
    """
    return check_pose_pair(pred, gt, ("pred", "gt"), "* f j 3")


def by_blocks(
    arrays: Sequence[np.ndarray],
    leading: tuple[int, ...],
    measure: Callable[..., np.ndarray],
    order: int = 0,
) -> np.ndarray:
    """Apply a function to blocks of frames of arrays (*, ..., f, j, c); gives (*, f - order, ...).

    Args:
        arrays: each with the leading axes first and the frames third from the end.
        leading: sizes of the leading axes, which all arrays share.
        measure: takes a float64 copy of each array's block (b, ..., f, j, c), which it may change,
            and gives (b, f - order, ...).
        order: how many frames more than it gives the function needs, as differences do.
    """
    videos = int(np.prod(leading, dtype=np.int64))
    flat = [a.reshape(videos, *a.shape[len(leading) :]) for a in arrays]
    frames = flat[0].shape[-3] - order
    per_frame = max(a[0].size // a.shape[-3] for a in flat)
    answer: np.ndarray | None = None
    for some, here in _blocks(videos, frames, max(1, _BLOCK // per_frame)):
        seen = slice(here.start, here.stop + order)
        found = measure(*(a[some, ..., seen, :, :].astype(np.float64) for a in flat))
        if answer is None:
            answer = np.empty((videos, frames, *found.shape[2:]), dtype=found.dtype)
        answer[some, here] = found
    assert answer is not None  # the callers refuse arrays without frames
    return answer.reshape(*leading, *answer.shape[1:])


def frame_values(
    pred: Any,
    gt: Any,
    measure: Callable[[np.ndarray, np.ndarray], np.ndarray],
    reduce: Reduce,
    order: int = 0,
) -> np.ndarray:
    """A number per frame of every video, or its mean: (*, f - order) or (*).

    Args:
        pred: (*, f, j, 3) metres.
        gt: (*, f, j, 3) metres.
        measure: gives one number per frame of a block, see `by_blocks`.
        reduce: ``mean`` or ``frame``.
        order: see `by_blocks`.
    """
    if reduce not in ("mean", "frame"):
        raise unknown("reduce", str(reduce), ("mean", "frame"))
    predicted, truth = checked(pred, gt)
    values = by_blocks((predicted, truth), predicted.shape[:-3], measure, order)
    return values.mean(axis=-1) if reduce == "mean" else values


def distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Euclidean distances of points (*, c): (*)."""
    return lengths(first - second)


def lengths(vectors: np.ndarray) -> np.ndarray:
    """Euclidean lengths of vectors (*, c): (*)."""
    return np.sqrt(np.einsum("...c,...c->...", vectors, vectors))


def checked_joints(joints: Sequence[int] | None, poses: Any) -> list[int]:
    """The indices of the joints of poses (*, j, 3) that count; all of them for None.

    Raises:
        InputError: when none is chosen, one twice, or one that is not there.
    """
    shape = np.shape(poses)
    count = shape[-2] if len(shape) > 1 else 0
    if joints is None:
        return [*range(count)]
    chosen = [int(j) for j in joints]
    if not chosen:
        raise InputError("no joints are chosen; give at least one index, or None for all")
    if len(set(chosen)) != len(chosen):
        twice = next(j for j in chosen if chosen.count(j) > 1)
        raise InputError(f"joint {twice} is chosen twice; give each index once")
    wrong = [j for j in chosen if not 0 <= j < count]
    if count and wrong:
        raise InputError(f"there is no joint {wrong[0]}; choose from 0 to {count - 1}")
    return chosen


def _blocks(videos: int, frames: int, size: int) -> Iterator[tuple[slice, slice]]:
    """Slices of videos and of frames, of `size` frames at most; short videos go together."""
    together = max(1, size // frames)
    for video in range(0, videos, together):
        some = slice(video, min(video + together, videos))
        for start in range(0, frames, size):
            yield some, slice(start, min(start + size, frames))
