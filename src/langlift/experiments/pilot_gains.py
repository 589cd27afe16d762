"""Figures of pilots: means over seeds and clips, differences that pair, and what is hard."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..errors import InputError
from ..protocols.measured import Measured, bootstrap, difference, frame_mean, interval
from ..protocols.mocap_tables import CLASS_CLIPS
from ..protocols.report import Figure
from ..protocols.view_errors import ViewErrors

#: From measured views to a number per view, metres.
PerView = Callable[[ViewErrors], np.ndarray]
#: The errors that the tables tell.
METRICS: Mapping[str, PerView] = {
    "MPJPE": lambda found: found.mpjpe,
    "D-MPJPE": lambda found: found.d_mpjpe,
}
TAIL = 3


@dataclass(frozen=True)
class Seeds:
    """The same row measured with several seeds, on the same views.

    Args:
        found: seed to measurement.

    Raises:
        InputError: without any, or where they are of other views or 2D.
    """

    found: Mapping[int, ViewErrors]

    def __post_init__(self) -> None:
        if not self.found:
            raise InputError("there are no measurements; run the pilots first")
        for other in self.found.values():
            self.first.check_beside(other)

    @property
    def first(self) -> ViewErrors:
        """That of the least seed, for what all have in common."""
        return self.found[min(self.found)]

    @property
    def clips(self) -> int:
        """How many clips there are."""
        return len(self.first.clips)

    def mean(self, of: PerView) -> np.ndarray:
        """(v) mean over the seeds."""
        return np.mean([of(found) for found in self.found.values()], axis=0)

    @property
    def result(self) -> Measured:
        """The views as intervals are made of them."""
        return Measured(self.first.clip, self.first.frames, {}, self.first.right)

    def only(self, chosen: Collection[int]) -> Seeds:
        """Some of the seeds.

        Raises:
            InputError: where one was not measured.
        """
        absent = sorted(set(chosen) - set(self.found))
        if absent:
            raise InputError(
                f"seed {absent[0]} was not measured, but {_told(self.found)}; run the pilot with it"
            )
        return Seeds({seed: self.found[seed] for seed in sorted(chosen)})


def paired(one: Seeds, other: Seeds) -> tuple[Seeds, Seeds]:
    """Both with the seeds that both have.

    Raises:
        InputError: where they have none in common, or are of other views or 2D.
    """
    both = set(one.found) & set(other.found)
    if not both:
        raise InputError(
            f"one row was measured with {_told(one.found)}, the other with {_told(other.found)}; "
            "run both with the same seed"
        )
    one.first.check_beside(other.first)
    return one.only(both), other.only(both)


def _told(seeds: Collection[int]) -> str:
    return f"seed {', '.join(map(str, sorted(seeds)))}"


def figure(seeds: Seeds, of: PerView, within: np.ndarray | None = None) -> Figure:
    """Frame mean over the views of a group, mean over the seeds."""
    return interval(seeds.result, _within(seeds.mean(of), within), "mm", seeds.clips)


def gap(prompted: Seeds, bare: Seeds, of: PerView, within: np.ndarray | None = None) -> Figure:
    """The same of a row minus that of another, on the same resamples, over equal seeds.

    Raises:
        InputError: where they are of other views or 2D, or have no seed in common.
    """
    prompted, bare = paired(prompted, bare)
    mine, theirs = _within(prompted.mean(of), within), _within(bare.mean(of), within)
    return difference((prompted.result, mine), (bare.result, theirs), bare.clips)


def spread(prompted: Seeds, bare: Seeds, of: PerView) -> str:
    """The differences of equal seeds, for people; millimetres."""
    prompted, bare = paired(prompted, bare)
    gaps = [_mean(prompted.found[n], of) - _mean(bare.found[n], of) for n in bare.found]
    return ", ".join(f"{1000 * value:+.2f}" for value in gaps)


def accuracy(seeds: Seeds, classes: Sequence[str]) -> Figure | None:
    """Views whose action was named rightly, over some classes; None where none was named."""
    scored = np.isin(seeds.first.action, classes)
    right = np.mean([np.where(scored, f.right, np.nan) for f in seeds.found.values()], axis=0)
    if not np.isfinite(right).any():
        return None
    each = Measured(seeds.first.clip, np.ones(len(right)), {}, right)
    return interval(each, right, "%", seeds.clips)


def tail_figure(seeds: Seeds, tail: Sequence[str]) -> Figure:
    """Mean of the D-MPJPE of the classes of a tail."""
    draws, values = _tail(seeds, tail)
    low, high = np.nanpercentile(draws, [2.5, 97.5]) * 1000
    return Figure(values * 1000, "mm", float(low), float(high))


def tail_gap(prompted: Seeds, bare: Seeds, tail: Sequence[str]) -> Figure:
    """The same of a row minus that of another, on the same resamples, over equal seeds."""
    mine, theirs = (_tail(seeds, tail) for seeds in paired(prompted, bare))
    low, high = np.nanpercentile(mine[0] - theirs[0], [2.5, 97.5]) * 1000
    return Figure((mine[1] - theirs[1]) * 1000, "mm", float(low), float(high), 2)


def _tail(seeds: Seeds, tail: Sequence[str]) -> tuple[np.ndarray, float]:
    depth, label = seeds.mean(METRICS["D-MPJPE"]), seeds.first.action
    each = [np.where(label == name, depth, np.nan) for name in tail]
    draws = np.nanmean([bootstrap(seeds.result, values, seeds.clips) for values in each], axis=0)
    return draws, float(np.mean([frame_mean(seeds.result, values) for values in each]))


def common_classes(found: ViewErrors, scored: Sequence[str]) -> list[str]:
    """The scored classes with enough clips for a mean."""
    counts = Counter(found.actions.tolist())
    return [name for name in scored if counts[name] >= CLASS_CLIPS]


def hardest(found: ViewErrors, classes: Sequence[str]) -> list[str]:
    """The classes with the largest error in depth, worst first: the tail."""
    depth, known = found.d_mpjpe, [name for name in classes if (found.action == name).any()]
    if len(known) < TAIL:
        raise InputError(
            f"{len(known)} of the classes {', '.join(classes)} were measured; a tail needs {TAIL}"
        )
    means = {n: np.average(depth[w], weights=found.frames[w])
             for n in known for w in [found.action == n]}  # fmt: skip
    return sorted(known, key=lambda name: -means[name])[:TAIL]


def fifths(values: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """Name and views (v) of the fifths of a value of views, least first; NaN belongs to none."""
    edges = np.nanquantile(values, np.linspace(0, 1, 6))
    place = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, 4)
    place[~np.isfinite(values)] = -1
    return [(f"fifth {n + 1}: {edges[n]:.3g} to {edges[n + 1]:.3g}", place == n) for n in range(5)]


def bands(values: np.ndarray, edges: Sequence[float]) -> list[tuple[str, np.ndarray]]:
    """Name and views (v) of the bands between edges, least first; NaN belongs to none.

    For values of which many are equal, such as 0, so that their fifths would not be fifths.
    """
    ends = [-np.inf, *edges, np.inf]
    names = [f"below {edges[0]:g}", *(f"{a:g} to {b:g}" for a, b in pairwise(edges))]
    names.append(f"{edges[-1]:g} and above")
    within = ((a <= values) & (values < b) for a, b in pairwise(ends))
    return list(zip(names, within, strict=True))


def _within(values: np.ndarray, within: np.ndarray | None) -> np.ndarray:
    return values if within is None else np.where(within, values, np.nan)


def _mean(found: ViewErrors, of: PerView) -> float:
    return float(np.average(of(found), weights=found.frames))
