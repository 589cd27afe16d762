"""Batches of training windows: the store of whole runs against the published generators' way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import numpy as np
import torch
from machine import in_turns
from material import Setup
from reference_windows import NaiveWindows
from table import Row

from langlift.datasets.windows import WindowStore
from langlift.skeletons import HUMAN36M_17

_REFERENCE = "window by window in float64"
_GAUGE, _AGREEMENT = 164.0, 1.15  # GF/s of one thread where the published generators were timed
_FRAMES, _LENGTH = 500_000, 2_500  # in all, and of a sequence
_COMPARED = 8  # batches that are compared value by value


@dataclass(frozen=True)
class _Kind:
    """A generator: its chunks, its batch, and the ratio wanted; seconds are the published one's."""

    name: str
    chunk: int
    padding: tuple[int, int]
    batch: int
    seconds: float
    limit: float | None


_KINDS = (
    _Kind("1 frame seen in 243", 1, (121, 121), 1024, 0.060, 6.0),
    _Kind("sequences of 243 frames", 243, (0, 0), 64, 0.0088, 4.0),
    _Kind("sequences of 243 frames", 243, (0, 0), 4, 0.00053, None),
)


def windows(setup: Setup) -> list[Row]:
    """Windows per second on one thread, as beside a training step; every batch is a new one."""
    rows, agreements, unequal = [], [], 0.0
    sequences = _sequences(setup)
    with _one_thread():
        for kind in _KINDS:
            size = setup.size(kind.batch, min(kind.batch, 8))
            store, naive = _generators(sequences, kind, size)
            gauge = setup.gauge()
            ours, theirs = _drawing(store, store, size), _drawing(naive, store, size)
            times = in_turns(ours, theirs, setup.rounds * 3)
            gauge = (gauge + setup.gauge()) / 2
            target = None
            if kind.limit is not None:
                target = setup.target(kind.limit, "at least", of="ratio")
            name = f"windows, {kind.name}, batch {size}"
            rate = size / times.seconds
            rows.append(Row(name, rate, "windows/s", target, times.ratio, _REFERENCE))
            share = times.reference_seconds / (kind.seconds * _GAUGE / gauge)
            agreements.append(_agreement(setup, name, share))
            unequal = max(unequal, _largest_difference(store, naive, size))
    name = "windows, largest difference to those cut one by one"
    return [*rows, Row(name, unequal, "", setup.target(0.0, "at most")), *agreements]


def _agreement(setup: Setup, name: str, share: float) -> Row:
    title = f"{name}: one by one against the published generator, time at equal gauge"
    return Row(title, share, "x published", setup.target(_AGREEMENT, "at most"))


def _generators(
    sequences: tuple[list[np.ndarray], list[np.ndarray]], kind: _Kind, size: int
) -> tuple[WindowStore, NaiveWindows]:
    mirror = HUMAN36M_17.mirror
    left = [joint for joint, other in enumerate(mirror) if other < joint]
    right = [int(mirror[joint]) for joint in left]
    store = WindowStore(*sequences, mirror, kind.chunk, kind.padding)
    return store, NaiveWindows(*sequences, left, right, kind.chunk, kind.padding, size)


def _drawing(generator: Any, store: WindowStore, size: int) -> Callable[[], Any]:
    """Draws the next batch of a shuffled epoch, so that no window lies in the processor's cache."""
    order = np.random.default_rng(0).permutation(len(store))
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


def _sequences(setup: Setup) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Random xy and joints, float32, as the papers' arrays are."""
    rng = np.random.default_rng(0)
    length = setup.size(_LENGTH, 250)
    count = setup.size(_FRAMES, 500) // length
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
