"""The measurements of pilots, found by what was trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import get_args

import numpy as np

from ..errors import InputError
from ..protocols.view_errors import ViewErrors
from . import Experiment, find_experiment
from .pilot_gains import Seeds, common_classes, hardest, paired
from .pilots import Pilot, Way, errors_of
from .settings import PromptSettings

BARE, FULL = "actionprompt-3-baseline", "actionprompt-3-full"
#: Where one seed is shown, this one.
SHOWN_SEED = 0
_Measurements = dict[Way, ViewErrors]


@dataclass(frozen=True)
class Results:
    """What was measured of pilots, by what was trained and not by the name of a row.

    Several tables of the paper repeat a row; a pilot serves all of them.

    Args:
        pilots: all that there may be.
        out: their folder.
        scored: classes of the corpus that are in training and test.
    """

    pilots: Sequence[Pilot]
    out: Path
    scored: Sequence[str]
    _read: dict[str, _Measurements] = field(default_factory=dict)

    def seeds(self, row: str, source: str = "noisy", way: Way = "predicted") -> Seeds | None:
        """The measurements of a row; None where there are none yet.

        Raises:
            InputError: where a pilot was measured with different weights.
        """
        wanted = _trained(row)
        frames = min(wanted.frames or 81, 81)
        found: dict[int, ViewErrors] = {}
        for pilot in self.pilots:
            mine = _trained(pilot.experiment)
            same = (mine.method, mine.settings) == (wanted.method, wanted.settings)
            if same and (pilot.source, pilot.frames, pilot.text) == (source, frames, "minilm"):
                errors = self._measurements(pilot).get(way)
                if errors is not None:
                    found.setdefault(pilot.seed, errors)
        return Seeds(found) if found else None

    def shown(self, row: str, way: Way = "predicted") -> Seeds | None:
        """The one seed of a row on noisy 2D that tables of single seeds show; None without it."""
        seeds = self.seeds(row, way=way)
        return seeds.only([SHOWN_SEED]) if seeds and SHOWN_SEED in seeds.found else None

    def pair(
        self, row: str, bare: str, source: str = "noisy", way: Way = "predicted"
    ) -> tuple[Seeds, Seeds] | None:
        """Two rows with the seeds that both were measured with; None where there are none."""
        one, other = self.seeds(row, source, way), self.seeds(bare, source, way)
        if one is None or other is None or not set(one.found) & set(other.found):
            return None
        return paired(one, other)

    def _measurements(self, pilot: Pilot) -> _Measurements:
        """All that was measured of a pilot, of the same weights."""
        if pilot.name not in self._read:
            found: _Measurements = {}
            for way in get_args(Way):
                if (errors := errors_of(pilot, self.out, way)) is not None:
                    found[way] = errors
            _check_weights(pilot.name, found)
            self._read[pilot.name] = found
        return self._read[pilot.name]

    def need(self, row: str, source: str = "noisy", way: Way = "predicted") -> Seeds:
        """The same as `seeds`, or an error that says what to run."""
        seeds = self.seeds(row, source, way)
        if seeds is None:
            raise InputError(
                f"pilot {row} with {source} 2D was not measured ({way}) in {self.out}; run it first"
            )
        return seeds

    @property
    def classes(self) -> list[str]:
        """Classes with enough clips."""
        return common_classes(self.need(BARE).first, self.scored)

    @property
    def known(self) -> np.ndarray:
        """(c) whether the class of each clip is one that the networks were trained on."""
        return np.isin(self.need(BARE).first.actions, self.scored)

    @property
    def tail(self) -> list[str]:
        """The hardest classes of the bare VPose on the validation part."""
        return hardest(self.need(BARE, way="validation").first, self.classes)


def _check_weights(name: str, found: _Measurements) -> None:
    """Raise where the ways of one pilot were measured with different weights."""
    ways = list(found)
    for way in ways[1:]:
        one, other = found[ways[0]].weights, found[way].weights
        if one != other:
            raise InputError(
                f"pilot {name} was measured ({ways[0]}) with weights {one[:12]!r} and ({way}) with "
                f"{other[:12]!r}; run it again, which measures anew what is outdated"
            )


def _trained(row: str) -> Experiment:
    """An experiment by what is trained: where the label comes from at test is no part of that."""
    experiment = find_experiment(row)
    if isinstance(experiment.settings, PromptSettings):
        return replace(experiment, settings=replace(experiment.settings, label="predicted"))
    return experiment
