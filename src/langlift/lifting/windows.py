"""How a track is cut for a network: which frames each pass sees and which it answers for.

Every frame is answered for once. Networks that slide over a sequence get large chunks that overlap
by exactly their receptive field. Networks that take windows get windows side by side: where any
length will do, equally long ones; where the length is fixed, the last window is moved back until
it ends with the track, and answers only for the frames that no other has answered for.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np


@dataclass(frozen=True)
class Window:
    """One pass.

    Args:
        frames: (n) the input frames, counted in the padded track; a track that is shorter than a
            fixed window repeats its last one.
        keep: the part of the pass's output frames that is used.
    """

    frames: np.ndarray
    keep: slice

    @property
    def kept(self) -> int:
        """How many output frames are used."""
        return self.keep.stop - self.keep.start


def dense_windows(frames: int, padding: int, chunk: int) -> list[Window]:
    """Chunks for a network that slides.

    Args:
        frames: of the track.
        padding: frames that a pass needs beyond its output frames, before and after together.
        chunk: most output frames of a pass.
    """
    parts = []
    for start in range(0, frames, chunk):
        count = min(chunk, frames - start)
        parts.append(Window(np.arange(start, start + count + padding), slice(0, count)))
    return parts


def even_windows(frames: int, most: int) -> list[Window]:
    """As few windows of at most `most` frames as possible, all of nearly the same length."""
    count = -(-frames // most)
    edges = np.linspace(0, frames, count + 1).round().astype(int)
    return [Window(np.arange(a, b), slice(0, b - a)) for a, b in pairwise(edges)]


def fixed_windows(frames: int, length: int) -> list[Window]:
    """Windows of exactly `length` frames, the last one moved back to the end of the track."""
    if frames <= length:
        held = np.minimum(np.arange(length), frames - 1)
        return [Window(held, slice(0, frames))]
    starts = list(range(0, frames - length + 1, length))
    parts = [Window(np.arange(s, s + length), slice(0, length)) for s in starts]
    rest = frames - len(parts) * length
    if rest:
        last = np.arange(frames - length, frames)
        parts.append(Window(last, slice(length - rest, length)))
    return parts
