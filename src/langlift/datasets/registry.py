"""The datasets that users own, by name: what each is, and how it is opened."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from ..errors import InputError, unknown
from .recordings import RecordedDataset


@dataclass(frozen=True)
class DatasetEntry:
    """One dataset.

    Args:
        module: of `langlift.datasets` that reads it; imported when it is opened.
        reader: the class in it.
        description: what it is and which files are read, for people.
    """

    module: str
    reader: str
    description: str


DATASETS: dict[str, DatasetEntry] = {
    "human36m": DatasetEntry(
        "recorded.human36m",
        "Human36m",
        "Human3.6M in VideoPose3D's layout: data_3d_h36m.npz and data_2d_h36m_*.npz in a folder",
    ),
    "human36m-motionbert": DatasetEntry(
        "recorded.motionbert",
        "MotionBertHuman36m",
        "Human3.6M in MotionBERT's layout: h36m_sh_conf_cam_source_final.pkl",
    ),
    "humaneva": DatasetEntry(
        "recorded.humaneva",
        "HumanEva",
        "HumanEva-I: data_3d_humaneva15.npz and data_2d_humaneva15_*.npz in a folder",
    ),
    "mpi-inf-3dhp": DatasetEntry(
        "recorded.mpi_inf_3dhp",
        "MpiInf3dhp",
        "MPI-INF-3DHP: data_train_3dhp*.npz and data_test_3dhp*.npz, or the original folders",
    ),
    "egohumans": DatasetEntry(
        "recorded.egohumans",
        "EgoHumans",
        "EgoHumans: a folder of .npz files in the layout of docs/data.md, one per sequence",
    ),
    "custom": DatasetEntry(
        "recorded.custom",
        "CustomPairs",
        "your own 2D and 3D: .npz files in the layout of docs/data.md",
    ),
}


def open_dataset(name: str, path: str | Path, **options: Any) -> RecordedDataset:
    """Open a dataset.

    Args:
        name: in `DATASETS`.
        path: the folder or file.
        options: of the reader, such as ``annotation`` of MPI-INF-3DHP.

    Raises:
        InputError: for an unknown name, an option that the reader lacks or wants, or files that
            are not what they should be.
    """
    if name not in DATASETS:
        raise unknown("dataset", name, DATASETS)
    entry = DATASETS[name]
    reader = getattr(import_module(f".{entry.module}", __package__), entry.reader)
    known = [p for p in inspect.signature(reader).parameters if p != "path"]
    for option in options:
        if option not in known:
            takes = f"it takes {', '.join(known)}" if known else "it takes none"
            raise InputError(f"dataset {name} has no option {option!r}; {takes}")
    return reader(Path(path), **options)
