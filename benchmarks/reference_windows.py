"""Batches of windows in the way of the published generators, to measure `WindowStore` against.

VideoPose3D's generator (Pavllo et al., CVPR 2019), which the later papers took over, goes through a
batch window by window: it cuts the frames, repeats the end frames where the window looks beyond
them, mirrors the window in place, and keeps the batch in float64; the training loop converts it.
Written anew from that description.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from langlift.datasets.windows import chunk_pairs


class NaiveWindows:
    """Windows of sequences, one by one.

    Args:
        sequences_xy: (f, j, 2) per sequence.
        sequences_joints: (f, j, 3) per sequence.
        left: joints of the left side.
        right: those of the right, in the same order.
        chunk: target frames of a window.
        padding: frames of xy before and after them.
        size: most windows of a batch.
    """

    def __init__(
        self,
        sequences_xy: Sequence[np.ndarray],
        sequences_joints: Sequence[np.ndarray],
        left: list[int],
        right: list[int],
        chunk: int,
        padding: tuple[int, int],
        size: int,
    ) -> None:
        self.xy, self.joints = sequences_xy, sequences_joints
        self.sides, self.others = left + right, right + left
        self.padding = padding
        self.pairs = [tuple(row) for row in chunk_pairs([len(s) for s in sequences_xy], chunk)]
        count = sequences_xy[0].shape[1]
        self._batch_xy = np.empty((size, chunk + sum(padding), count, 2))
        self._batch_joints = np.empty((size, chunk, count, 3))

    def __len__(self) -> int:
        return len(self.pairs)

    def batch(self, indices: np.ndarray) -> tuple[Tensor, Tensor]:
        """The windows of these numbers: (b, frames, j, 2) and (b, chunk, j, 3), float32."""
        before, after = self.padding
        for row, index in enumerate(indices):
            sequence, first, last, flip = self.pairs[index]
            cut_xy = _cut(self.xy[sequence], first - before, last + after)
            cut_joints = _cut(self.joints[sequence], first, last)
            for batch, cut in ((self._batch_xy, cut_xy), (self._batch_joints, cut_joints)):
                batch[row] = cut
                if flip:
                    batch[row, :, :, 0] *= -1
                    batch[row][:, self.sides] = batch[row][:, self.others]
        count = len(indices)
        return (
            torch.from_numpy(self._batch_xy[:count].astype("float32")),
            torch.from_numpy(self._batch_joints[:count].astype("float32")),
        )


def _cut(sequence: np.ndarray, first: int, last: int) -> np.ndarray:
    """Frames first to last, the ends of the sequence repeated."""
    low, high = max(first, 0), min(last, len(sequence))
    short = low - first, last - high
    if any(short):
        return np.pad(sequence[low:high], (short, (0, 0), (0, 0)), "edge")
    return sequence[low:high]
