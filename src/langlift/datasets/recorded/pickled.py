"""Data sets that were saved as pickled Python objects: `langlift.formats.object_arrays` by name.

The field's files are dictionaries of arrays: ``.npz`` with an array of objects inside, or a bare
pickle. Here every message names the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...formats.files import naming
from ...formats.object_arrays import read_objects, read_pickle


def load_objects(path: Path, names: Sequence[str]) -> dict[str, Any]:
    """Arrays of an ``.npz`` file that may hold pickled objects.

    Args:
        path: the file.
        names: the arrays that are wanted; others stay unread.

    Returns:
        See `read_objects`.

    Raises:
        InputError: naming the file, when it is no such file or half of one, lacks an array or asks
            for code.
    """
    with naming(path):
        return read_objects(path, names)


def load_pickle(path: Path) -> Any:
    """The one object of a pickle file: plain values, lists, dictionaries and numpy arrays.

    Raises:
        InputError: naming the file, when it is no pickle or half of one, or asks for code.
    """
    with naming(path):
        return read_pickle(path)
