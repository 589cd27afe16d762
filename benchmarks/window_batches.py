"""Batches of training windows: the store of whole runs against the published generators' way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import cycle
from typing import Any

import numpy as np
import torch
from agreement import agreement
from encoders import peak_mb
from machine import in_turns
from material import Setup
from reference_windows import NaiveWindows
from table import Row

from langlift.datasets.windows import WindowStore
from langlift.skeletons import HUMAN36M_17

_REFERENCE = "window by window in float64"
_GAUGE = 164.0  # GF/s of one thread where the published generators were timed
_FRAMES, _LENGTH = 500_000, 2_500  # in all, and of a sequence
_FRAMES_QUICK = 500
_COMPARED = 8  # batches that are compared value by value

#: xy and joints.
_Sequences = tuple[list[np.ndarray], list[np.ndarray]]


@dataclass(frozen=True)
class _Kind:
    """A generator: its chunks, its batch, and the ratio wanted; seconds are the published one's."""

    name: str
    chunk: int
    padding: tuple[int, int]
    batch: int
    seconds: float
    limit: float | None


_KINDS = {
    "frames": _Kind("1 frame seen in 243", 1, (121, 121), 1024, 0.060, 6.0),
    "sequences": _Kind("sequences of 243 frames", 243, (0, 0), 64, 0.0088, 4.0),
    "few": _Kind("sequences of 243 frames", 243, (0, 0), 4, 0.00053, None),
}
_WEIGHED = ("frames", "sequences")  # whose memory is measured
_WAYS = {"ours": "our store", "reference": "one by one"}


def windows(setup: Setup) -> list[Row]:
    """Windows per second on one thread, as beside a training step, every batch a new one; and peak
    memory."""
    rows, agreements, unequal = [], [], 0.0
    sequences = _sequences(setup.quick)
    with _one_thread():
        for key, kind in _KINDS.items():
            size = _size(kind, setup.quick)
            store, naive = _store(sequences, kind), _naive(sequences, kind, size)
            gauge = setup.gauge()
            ours, theirs = _drawing(store, size), _drawing(naive, size)
            times = in_turns(ours, theirs, setup.rounds * 3)
            gauge = (gauge + setup.gauge()) / 2
            target = None
            if kind.limit is not None:
                target = setup.target(kind.limit, "at least", of="ratio")
            name = f"windows, {kind.name}, batch {size}"
            rate = size / times.seconds
            rows.append(Row(name, rate, "windows/s", target, times.ratio, _REFERENCE))
            if key in _WEIGHED:
                rows += _memory(setup, key, name)
            took = times.reference_seconds
            agreements.append(agreement(setup, name, took, kind.seconds, gauge, _GAUGE))
            unequal = max(unequal, _largest_difference(store, naive, size))
    name = "windows, largest difference to those cut one by one"
    return [*rows, Row(name, unequal, "", setup.target(0.0, "at most")), *agreements]


def one_draw(name: str, form: str, quick: bool) -> Callable[[], Any]:
    """Draws batches of a kind with one of `_WAYS`; the other generator is not built."""
    kind, sequences = _KINDS[name], _sequences(quick)
    size = _size(kind, quick)
    if form == "reference":
        return _drawing(_naive(sequences, kind, size), size)
    return _drawing(_store(sequences, kind), size)


def _memory(setup: Setup, key: str, title: str) -> list[Row]:
    """Peak memory of processes that make the frames, build one generator and draw with it."""
    alone, frames = replace(setup, threads=1), _FRAMES_QUICK if setup.quick else _FRAMES
    return [
        Row(
            f"{title}, {way}: peak memory, the {frames:,} frames included",
            peak_mb(alone, key, form, work="draw"),
            "MB",
        )
        for form, way in _WAYS.items()
    ]


def _size(kind: _Kind, quick: bool) -> int:
    return min(kind.batch, 8) if quick else kind.batch


def _store(sequences: _Sequences, kind: _Kind) -> WindowStore:
    return WindowStore(*sequences, HUMAN36M_17.mirror, kind.chunk, kind.padding)


def _naive(sequences: _Sequences, kind: _Kind, size: int) -> NaiveWindows:
    mirror = HUMAN36M_17.mirror
    left = [joint for joint, other in enumerate(mirror) if other < joint]
    right = [int(mirror[joint]) for joint in left]
    return NaiveWindows(*sequences, left, right, kind.chunk, kind.padding, size)


def _drawing(generator: WindowStore | NaiveWindows, size: int) -> Callable[[], Any]:
    """Draws the next batch of a shuffled epoch, so that no window lies in the processor's cache."""
    order = np.random.default_rng(0).permutation(len(generator))
    batches = cycle(np.array_split(order, max(1, len(order) // size)))
    return lambda: generator.batch(next(batches)[:size])


def _largest_difference(store: WindowStore, naive: NaiveWindows, size: int) -> float:
    """Over the first and last windows, which look beyond their sequences, and random ones."""
    draws = np.random.default_rng(1).integers(len(store), size=(_COMPARED, size))
    ends = np.arange(-size // 2, size // 2) % len(store)
    return max(
        float((ours - theirs).abs().max())
        for indices in (ends, *draws)
        for ours, theirs in zip(store.batch(indices), naive.batch(indices), strict=True)
    )


def _sequences(quick: bool) -> _Sequences:
    """Random xy and joints, float32, as the papers' arrays are."""
    rng = np.random.default_rng(0)
    frames, length = (_FRAMES_QUICK, 250) if quick else (_FRAMES, _LENGTH)
    count = frames // length
    xy, joints = (
        [rng.standard_normal((length, 17, size), dtype=np.float32) for _ in range(count)]
        for size in (2, 3)
    )
    return xy, joints


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
