"""Whether the spread of hypotheses says how wrong they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError
from .blocks import by_blocks, checked_joints
from .hypotheses import checked_hypotheses

#: Levels that are looked at where none are named, as far as the number of hypotheses reaches.
LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
_EXACT = 1e-9


@dataclass(frozen=True, eq=False)
class Calibration:
    """How often the truth lies where the hypotheses say it does.

    Args:
        levels: (k) shares p of the hypotheses' distribution, 0 to 1.
        shares: (*, k) shares of the true coordinates that lie within the central p of it, 0 to 1. A
            calibrated model has ``shares == levels``, an overconfident one has less.
        error: (*) expected calibration error: mean of |share - level| over the levels, 0 to 1.
    """

    levels: np.ndarray
    shares: np.ndarray
    error: np.ndarray


def calibration(
    hypotheses: Any,
    gt: Any,
    levels: Sequence[float] | None = None,
    joints: Sequence[int] | None = None,
) -> Calibration:
    """Shares of the truth within the central intervals of the hypotheses.

    Each coordinate of each joint is looked at by itself. Its central p-interval lies between the
    quantiles (1 - p)/2 and (1 + p)/2 of its h hypotheses, the quantile q being their order
    statistic number q (h + 1), interpolated: with it a truth that is drawn like the hypotheses lies
    inside with probability p at every p where no interpolation is needed, whatever the distribution
    and however few the hypotheses. h of them reach up to p = (h - 1)/(h + 1).

    Args:
        hypotheses: (*, h, f, j, 3) metres, h >= 2.
        gt: (*, f, j, 3) metres.
        levels: the p, each between 0 and 1; 0.1, 0.2, ..., 0.9 as far as h reaches if None.
        joints: indices of the joints that count; all if None. Leave a root at zero out: it lies
            within every interval and says nothing.

    Raises:
        InputError: for a level that the number of hypotheses does not reach.
    """
    several, truth = checked_hypotheses(hypotheses, gt)
    wanted = _checked_levels(levels, several.shape[-4])
    if joints is not None:
        chosen = checked_joints(joints, truth)
        several, truth = several[..., chosen, :], truth[..., chosen, :]

    def inside(some: np.ndarray, true: np.ndarray) -> np.ndarray:
        some.sort(axis=1)
        found = [_within(some, true, level) for level in wanted]
        return np.stack(found, axis=-1).mean(axis=(-3, -2))  # (b, f, k)

    shares = by_blocks((several, truth), truth.shape[:-3], inside).mean(axis=-2)
    return Calibration(wanted, shares, np.abs(shares - wanted).mean(axis=-1))


def _within(ordered: np.ndarray, true: np.ndarray, level: float) -> np.ndarray:
    """Which true coordinates (b, f, j, 3) lie in the central interval of hypotheses in order."""
    low, high = (_quantile(ordered, (1 + side * level) / 2) for side in (-1, 1))
    return (low <= true) & (true <= high)


def _quantile(ordered: np.ndarray, q: float) -> np.ndarray:
    """Quantile of hypotheses (b, h, ...) in order: number q (h + 1), counted from 1."""
    count = ordered.shape[1]
    place = min(max(q * (count + 1) - 1, 0.0), count - 1.0)
    below = min(int(place + _EXACT), count - 2)
    part = place - below
    if part < _EXACT:  # no rounding error where it is one of the hypotheses
        return ordered[:, below]
    if part > 1 - _EXACT:
        return ordered[:, below + 1]
    return ordered[:, below] + part * (ordered[:, below + 1] - ordered[:, below])


def _checked_levels(levels: Sequence[float] | None, count: int) -> np.ndarray:
    reach = (count - 1) / (count + 1)
    if count < 2:
        raise InputError(
            f"calibration needs at least 2 hypotheses, got {count}; sample more of them"
        )
    if levels is None:
        return np.array([level for level in LEVELS if level <= reach + _EXACT])
    wanted = np.asarray(levels, dtype=np.float64).reshape(-1)
    if wanted.size == 0 or not ((wanted > 0) & (wanted < 1)).all():
        raise InputError(f"levels are {[*levels]}; give shares between 0 and 1")
    if wanted.max() > reach + _EXACT:
        raise InputError(
            f"level {wanted.max():g} is beyond the {reach:.3g} that {count} hypotheses reach; "
            "lower it or sample more of them"
        )
    return wanted
