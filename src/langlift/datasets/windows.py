"""Chunks of sequences as VideoPose3D's published training and evaluation cut them.

langlift's own training draws windows keyed by the step (`langlift.training.batches`); this is for
whoever compares with an epoch of the published recipe. Source: the chunked generator of the code of
Pavllo et al., "3D human pose estimation in video with temporal convolutions and semi-supervised
training", CVPR 2019.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import InputError


def chunk_starts(frames: int, length: int) -> np.ndarray:
    """First frames of the chunks that cover a sequence.

    The chunks are as few as possible and as a whole centred on the sequence, so the first may start
    before frame 0 and the last end after the last frame; the end frames stand in for those that are
    not there (``numpy.pad`` with ``mode="edge"``).

    Args:
        frames: length of the sequence.
        length: length of a chunk.

    Returns:
        (n) first frames, ``length`` apart, the first at ``-((n * length - frames) // 2)``.

    Raises:
        InputError: when either is less than 1.
    """
    for name, value in (("frames", frames), ("length", length)):
        if value < 1:
            raise InputError(f"{name} is {value}; a sequence and a chunk have at least 1 frame")
    count = -(-frames // length)
    offset = (count * length - frames) // 2
    return np.arange(count) * length - offset


def chunk_pairs(lengths: Sequence[int], chunk: int, mirrored: bool = True) -> np.ndarray:
    """Every chunk of an epoch, before shuffling.

    Args:
        lengths: frames of each sequence.
        chunk: length of a chunk; 1 for the published networks with one output frame.
        mirrored: every chunk a second time, to be mirrored left to right.

    Returns:
        (n, 4) whole numbers: sequence, first frame, one past the last frame, 1 where the chunk is
        to be mirrored; sequence by sequence, the mirrored chunks after the plain ones.

    Raises:
        InputError: when a length is less than 1.
    """
    rows = [np.zeros((0, 4), dtype=int)]
    for sequence, frames in enumerate(lengths):
        starts = chunk_starts(frames, chunk)
        for flip in (0, 1) if mirrored else (0,):
            same = np.full_like(starts, sequence), np.full_like(starts, flip)
            rows.append(np.stack([same[0], starts, starts + chunk, same[1]], axis=1))
    return np.concatenate(rows)
