"""Where the datasets of a user lie: at a path that is given, or at the one of the environment."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import InputError

#: Names the folder with the datasets where no other is given.
DATA_VARIABLE = "LANGLIFT_DATA"


def data_folder(given: str | Path | None) -> Path | None:
    """The folder with the datasets: the given one, or that of the environment; None for neither."""
    named = given or os.environ.get(DATA_VARIABLE)
    return Path(named) if named else None


def place_of(dataset: str, folder: Path) -> Path:
    """Where a dataset lies: in a folder of its name within the given one, or the given one."""
    return own if (own := folder / dataset).exists() else folder


def find_place(dataset: str, given: str | Path | None) -> Path:
    """Where a dataset lies, by what a user gave or the environment says.

    Args:
        dataset: name in `DATASETS`.
        given: its folder or file, or a folder with a folder for each dataset; None for that of
            `DATA_VARIABLE`.

    Raises:
        InputError: when nobody says where it is.
    """
    folder = data_folder(given)
    if folder is None:
        raise InputError(
            f"--data is missing: nobody says where the files of {dataset} are; give their folder, "
            f"or set {DATA_VARIABLE} to it or to one with a folder {dataset} in it"
        )
    return place_of(dataset, folder)
