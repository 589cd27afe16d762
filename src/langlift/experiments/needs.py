"""What data an experiment needs, and whether it is there."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ..datasets.places import place_of
from ..datasets.registry import DATASETS
from ..errors import InputError
from ..protocols.catalogue import PROTOCOLS, find_protocol
from ..protocols.evaluation import open_for
from .experiment import Experiment

#: What a table says of its 2D where that names no file.
_UNNAMED = {"detected": "detections, not stated which", "not stated": "2D not stated"}


def files_of(experiment: Experiment) -> str:
    """The files that an experiment needs, in words."""
    dataset, source = PROTOCOLS[experiment.protocol].dataset, experiment.source
    if source in _UNNAMED:
        named = [name for name in DATASETS[dataset].files if "{source}" not in name] or [dataset]
        files = ", ".join((*named, _UNNAMED[source]))
    else:
        files = DATASETS[dataset].files_of(source) or f"{dataset}, 2D {source}"
    labels = f" with {experiment.variant} labels" if experiment.variant else ""
    return f"{files}{labels}; {experiment.extra}" if experiment.extra else f"{files}{labels}"


@dataclass
class DataFinder:
    """Looks which datasets are there, each once.

    Args:
        folder: with the datasets, None where nobody said where they are.
    """

    folder: Path | None
    _sources: dict[tuple[str, str], tuple[str, ...] | str] = field(default_factory=dict)

    def missing(self, experiment: Experiment) -> str:
        """Why the data of an experiment cannot be used; empty if they are there."""
        key = (experiment.protocol, experiment.variant)
        if key not in self._sources:
            self._sources[key] = self._look(*key)
        found = self._sources[key]
        if isinstance(found, str):
            return found
        if experiment.source not in found:
            return _UNNAMED.get(experiment.source, f"no 2D {experiment.source}")
        return f"not looked for: {experiment.extra}" if experiment.extra else ""

    def _look(self, protocol: str, variant: str) -> tuple[str, ...] | str:
        """The 2D sources of a protocol's dataset, or why it cannot be opened."""
        if self.folder is None:
            return "no folder given"
        try:
            spec = find_protocol(protocol, variant or None)
            return open_for(spec, place_of(spec.dataset, self.folder)).sources()
        except InputError as error:
            return str(error).removeprefix(f"{self.folder}: ")  # which the list names itself
