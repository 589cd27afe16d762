"""What ``langlift data check`` and ``describe`` share: which dataset is meant."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..datasets.checking.guess import CORPUS, guess_dataset
from ..datasets.places import DATA_VARIABLE, data_folder, place_of
from ..datasets.registry import DATASETS, open_dataset
from ..errors import InputError, unknown
from ..protocols.catalogue import find_protocol

if TYPE_CHECKING:
    from ..datasets.recordings import RecordedDataset


def choose(path: Path | None, name: str | None) -> tuple[str, Path]:
    """The name of the dataset that is meant, and where it lies.

    Args:
        path: its folder or file, or a folder with a folder for each dataset; None for that of the
            environment.
        name: of the dataset; found out from the files if None.

    Raises:
        InputError: when nobody says where it is, or which of several it is.
    """
    folder = data_folder(path)
    if folder is None:
        raise InputError(
            f"no path given; give the folder or file of the dataset, or set {DATA_VARIABLE} to it"
        )
    if name is not None:
        if name not in (*DATASETS, CORPUS):
            raise unknown("dataset", name, (*DATASETS, CORPUS))
        return name, place_of(name, folder)
    if inside := [name for name in DATASETS if (folder / name).is_dir()]:
        flags = " or ".join(f"--dataset {name}" for name in inside)
        raise InputError(f"{folder} has a folder for {', '.join(inside)}; say which with {flags}")
    return guess_dataset(folder), folder


def open_chosen(path: Path, name: str, annotation: str | None) -> RecordedDataset:
    """The dataset of that name at a path."""
    if name == CORPUS:
        raise InputError(
            f"{path} is a motion corpus, which has no 2D to check; langlift data describe tells "
            "what it holds"
        )
    find_protocol(name, annotation)  # says which option is missing, or is none of this dataset
    options = {} if annotation is None else {"annotation": annotation}
    return open_dataset(name, path, **options)
