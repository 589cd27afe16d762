"""What data an experiment needs, and whether it is there."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from ..datasets.registry import open_dataset
from ..errors import InputError
from ..protocols.catalogue import PROTOCOLS
from .experiment import Experiment

#: Names the folder with the datasets where no other is given.
DATA_VARIABLE = "LANGLIFT_DATA"
#: Files by dataset; ``{source}`` and ``{variant}`` are those of the experiment.
_FILES = {
    "human36m": "data_3d_h36m.npz, data_2d_h36m_{source}.npz",
    "human36m-motionbert": "h36m_sh_conf_cam_source_final.pkl",
    "humaneva": "data_3d_humaneva15.npz, data_2d_humaneva15_{source}.npz",
    "mpi-inf-3dhp": "data_{{train,test}}_3dhp*.npz with {variant} labels",
    "egohumans": "EgoHumans, 2D {source}",
}


def files_of(experiment: Experiment) -> str:
    """The files that an experiment needs, in words."""
    files = _FILES[experiment.protocol].format(source=experiment.source, variant=experiment.variant)
    return f"{files}; {experiment.extra}" if experiment.extra else files


def data_folder(given: str | Path | None) -> Path | None:
    """The folder with the datasets: the given one, or that of the environment; None for neither."""
    named = given or os.environ.get(DATA_VARIABLE)
    return Path(named) if named else None


def place_of(dataset: str, folder: Path) -> Path:
    """Where a dataset lies: in a folder of its name within the given one, or the given one."""
    return own if (own := folder / dataset).exists() else folder


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
        dataset = PROTOCOLS[experiment.protocol].dataset
        key = (dataset, experiment.variant)
        if key not in self._sources:
            self._sources[key] = self._look(*key)
        found = self._sources[key]
        if isinstance(found, str):
            return found
        if experiment.source not in found:
            return f"no 2D {experiment.source}"
        return f"not looked for: {experiment.extra}" if experiment.extra else ""

    def _look(self, dataset: str, variant: str) -> tuple[str, ...] | str:
        """The 2D sources of a dataset, or why it cannot be opened."""
        if self.folder is None:
            return "no folder given"
        options = {"annotation": variant} if variant else {}
        try:
            return tuple(open_dataset(dataset, place_of(dataset, self.folder), **options).sources())
        except InputError as error:
            return str(error)
