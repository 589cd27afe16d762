"""Chunks of sequences as VideoPose3D's published training and evaluation cut them.

The chunks of an epoch (`chunk_pairs`), and a store that hands out batches of them (`WindowStore`).
Training with ``windows = "epochs"`` takes its batches from such a store
(`langlift.training.epochs`); drawn windows come from `langlift.training.batches`. Source: the
chunked generator of the code of Pavllo et al., "3D human pose estimation in video with temporal
convolutions and semi-supervised training", CVPR 2019.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Self

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError, check_shape


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


class WindowStore:
    """All windows of an epoch, stored so that each is one contiguous run.

    A sequence is kept with its end frames repeated as often as its outermost windows need, and
    followed by its mirror image. Windows then overlap in memory instead of being cut, padded and
    mirrored one by one, and a batch is a gather of whole runs.

    Windows have the numbers of the rows of `chunk_pairs`; shuffle those numbers for an epoch.

    Args:
        sequences_xy: (f, j, c) per sequence; the first coordinate is horizontal, centred on 0.
        sequences_joints: (f, j, 3) per sequence, of the same lengths, the first axis horizontal.
        mirror: (j) for each joint the joint on the other side.
        chunk: target frames of a window.
        padding: frames of xy before and after the target frames.
        mirrored: every window a second time, mirrored left to right.

    Raises:
        InputError: for no sequence at all, sequences without frames, lengths that differ, a mirror
            that is none, a chunk below 1 or a negative padding.
        ShapeError: for sequences of other shapes.
    """

    def __init__(
        self,
        sequences_xy: Sequence[np.ndarray],
        sequences_joints: Sequence[np.ndarray],
        mirror: np.ndarray | Sequence[int],
        chunk: int,
        padding: tuple[int, int],
        mirrored: bool = True,
    ) -> None:
        swap = np.asarray(mirror)
        lengths = _check_sequences(sequences_xy, sequences_joints, swap)
        if min(padding) < 0:
            raise InputError(f"padding is {padding}; give the frames before and after, 0 or more")
        self.chunk = chunk
        self.padding = padding
        self._pairs = chunk_pairs(lengths, chunk, mirrored)
        copies = 2 if mirrored else 1
        xy, self._xy_starts = _lay_out(sequences_xy, swap, chunk, padding, copies)
        joints, self._joint_starts = _lay_out(sequences_joints, swap, chunk, (0, 0), copies)
        self._xy = _runs(xy, chunk + sum(padding))
        self._joints = _runs(joints, chunk)
        self._buffers: list[tuple[Tensor, Tensor] | None] = [None, None]

    def __len__(self) -> int:
        """Windows of an epoch, the mirrored ones included."""
        return len(self._pairs)

    @property
    def device(self) -> torch.device:
        """Where the sequences are, and the batches will be."""
        return self._xy.device

    def to(self, device: torch.device | str) -> Self:
        """The same store with its sequences on another device; there, batches cost no transfer."""
        moved = copy.copy(self)
        for name in ("_xy", "_joints"):
            runs: Tensor = getattr(self, name)
            setattr(moved, name, _runs(_array(runs).to(device), runs.shape[1]))
        moved._xy_starts = self._xy_starts.to(device)
        moved._joint_starts = self._joint_starts.to(device)
        moved._buffers = [None, None]
        return moved

    def batch(
        self,
        indices: np.ndarray | Tensor | Sequence[int],
        out: tuple[Tensor, Tensor] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Windows by their numbers.

        Args:
            indices: (b) numbers of windows, below ``len(store)``.
            out: tensors of the batch's shapes to write to. Without it the store writes to two
                batches of its own in turns, because fresh memory costs more than the copy: a
                batch keeps its values until the call after the next one; clone what is to stay.

        Returns:
            xy (b, before + chunk + after, j, c) and joints (b, chunk, j, 3), float32.

        Raises:
            IndexError: for a number that no window has.
        """
        at = torch.as_tensor(indices, dtype=torch.long, device=self.device)
        if (at < 0).any():
            raise IndexError(f"window {int(at.min())}: numbers count from 0")
        xy, joints = self._room(len(at)) if out is None else out
        torch.index_select(self._xy, 0, self._xy_starts[at], out=xy)
        torch.index_select(self._joints, 0, self._joint_starts[at], out=joints)
        return xy, joints

    def sequence_of(self, indices: np.ndarray | Sequence[int]) -> tuple[np.ndarray, ...]:
        """Where windows come from: per number the sequence, the first target frame, the mirror.

        Returns:
            three arrays (b): sequence; first target frame, below 0 where it is a repeated first
            frame; whether the window is mirrored.
        """
        rows = self._pairs[np.asarray(indices)]
        return rows[:, 0], rows[:, 1], rows[:, 3] == 1

    def _room(self, count: int) -> tuple[Tensor, Tensor]:
        """The batch whose turn it is, grown where it is too small."""
        held = self._buffers.pop(0)
        if held is None or len(held[0]) < count:
            held = (
                self._xy.new_empty((count, *self._xy.shape[1:])),
                self._joints.new_empty((count, *self._joints.shape[1:])),
            )
        self._buffers.append(held)
        return held[0][:count], held[1][:count]


def _check_sequences(
    sequences_xy: Sequence[np.ndarray], sequences_joints: Sequence[np.ndarray], mirror: np.ndarray
) -> list[int]:
    """Frames of each sequence; raises where the two lists or the mirror do not go together."""
    if not len(sequences_xy):
        raise InputError("there are no sequences; a store needs at least one")
    if len(sequences_xy) != len(sequences_joints):
        raise InputError(
            f"got {len(sequences_xy)} sequences of xy and {len(sequences_joints)} of joints; give "
            "one of each per sequence"
        )
    count = len(mirror)
    if not np.array_equal(np.sort(mirror), np.arange(count)):
        raise InputError(f"mirror is {mirror.tolist()}; it must name each joint once, from 0")
    size = sequences_xy[0].shape[-1]
    for number, (xy, joints) in enumerate(zip(sequences_xy, sequences_joints, strict=True)):
        check_shape(xy, f"f {count} {size}", f"xy of sequence {number}")
        check_shape(joints, f"f {count} 3", f"joints of sequence {number}")
        if len(xy) != len(joints):
            raise InputError(
                f"sequence {number} has {len(xy)} frames of xy and {len(joints)} of joints; "
                "both must have the same"
            )
    return [len(xy) for xy in sequences_xy]


def _lay_out(
    sequences: Sequence[np.ndarray],
    mirror: np.ndarray,
    chunk: int,
    padding: tuple[int, int],
    copies: int,
) -> tuple[Tensor, Tensor]:
    """Padded sequences, each followed by its mirror image, and where each window starts.

    Returns:
        (frames of all, j, c) float32, and (windows) first frames in it.
    """
    firsts = [chunk_starts(len(sequence), chunk) for sequence in sequences]
    sizes = [len(first) * chunk + sum(padding) for first in firsts]
    array = np.empty((copies * sum(sizes), *sequences[0].shape[1:]), dtype=np.float32)
    starts, at = [], 0
    for sequence, first, size in zip(sequences, firsts, sizes, strict=True):
        frames = np.arange(size) + first[0] - padding[0]
        array[at : at + size] = sequence[np.clip(frames, 0, len(sequence) - 1)]
        if copies == 2:
            image = array[at + size : at + 2 * size]
            image[:] = array[at : at + size][:, mirror]
            image[..., 0] *= -1
        for _ in range(copies):
            starts.append(at + np.arange(len(first)) * chunk)
            at += size
    return torch.from_numpy(array), torch.from_numpy(np.concatenate(starts))


def _runs(array: Tensor, length: int) -> Tensor:
    """Every run of so many frames of (n, j, c), as a view (n - length + 1, length, j, c)."""
    frame, joint, _ = array.stride()
    shape = (len(array) - length + 1, length, *array.shape[1:])
    return array.as_strided(shape, (frame, frame, joint, 1))


def _array(runs: Tensor) -> Tensor:
    """The array that `_runs` made its view of."""
    count, length, *rest = runs.shape
    return runs.as_strided((count + length - 1, *rest), runs.stride()[1:])
