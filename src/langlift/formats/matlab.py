"""MATLAB's ``.mat`` files: arrays of numbers and cells of them, and nothing else.

MATLAB 5 to 7.2 wrote a format of their own, which scipy reads; 7.3 writes HDF5, which h5py reads.
Both give the same here: arrays with the axes in MATLAB's order (HDF5 has them the other way round)
and cells as flat lists in MATLAB's order, first axis fastest.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from .files import check_exists, naming, one_line

Value = np.ndarray | list[np.ndarray]

_MATLAB5 = b"MATLAB 5.0 MAT-file"
_HDF5 = b"\x89HDF\r\n\x1a\n"
_HDF5_PLACES = (0, 512)  # with the header of MATLAB in front, or without
_LARGEST = 4 * 2**30
_NUMERIC = {"double", "single", "logical"}
_NUMERIC |= {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}


def load_mat(path: str | Path, names: Sequence[str]) -> dict[str, Value]:
    """Variables of a ``.mat`` file of either format.

    Args:
        path: the file.
        names: the variables that are read; all must be there. Others stay unread.

    Returns:
        By name: an array as MATLAB has it, or a list of arrays for a cell.

    Raises:
        InputError: for a file that is no ``.mat``, is damaged or lacks a variable, for one that is
            neither numbers nor a cell of them, for more than 4 GiB, and without h5py where it is
            needed. The message names the file.
    """
    path = Path(path)
    with naming(path):
        check_exists(path)
        if path.is_dir():
            raise InputError("this is a folder; give a .mat file")
        if _is_hdf5(path):
            return _load_hdf5(path, names)
        return _load_matlab5(path, names)


def _is_hdf5(path: Path) -> bool:
    """Whether this is MATLAB 7.3's format; `InputError` where it is none of MATLAB's."""
    with path.open("rb") as stream:
        start = stream.read(_HDF5_PLACES[-1] + len(_HDF5))
    if any(start[place : place + len(_HDF5)] == _HDF5 for place in _HDF5_PLACES):
        return True
    if not start.startswith(_MATLAB5):
        raise InputError(
            "this is no .mat file of MATLAB 5 or later (its first bytes are others); the download "
            "is damaged, or it is a file of another type"
        )
    return False


@contextmanager
def _damage_in_words() -> Iterator[None]:
    """Say in one sentence what scipy and h5py raise on damaged bytes."""
    try:
        yield
    except (InputError, PermissionError):
        raise
    except Exception as error:  # damaged bytes make these libraries raise nearly anything
        raise InputError(
            f"this .mat file cannot be read ({one_line(error)}); it is damaged or cut off: "
            "download it again"
        ) from error


def _check_there(names: Sequence[str], found: Sequence[str]) -> None:
    for name in names:
        if name not in found:
            held = ", ".join(found) or "none"
            raise InputError(
                f"the variable {name!r} is missing; the file holds {held}: give the file of the "
                "dataset as it was published"
            )


def _check_size(numbers: int) -> None:
    if numbers * 8 > _LARGEST:
        raise InputError("its variables take more than 4 GiB; give the dataset's own file")


def _refused(name: str, kind: str) -> InputError:
    return InputError(
        f"the variable {name!r} is a {kind}; only numbers and cells of numbers are read: give the "
        "dataset's own file"
    )


def _load_matlab5(path: Path, names: Sequence[str]) -> dict[str, Value]:
    from scipy.io import loadmat, whosmat

    with _damage_in_words():
        listed = {name: (shape, kind) for name, shape, kind in whosmat(path)}
        _check_there(names, list(listed))
        for name in names:
            if listed[name][1] not in (*_NUMERIC, "cell"):
                raise _refused(name, listed[name][1])
        _check_size(sum(math.prod(listed[name][0]) for name in names))
        stored = loadmat(path, variable_names=list(names))
        return {name: _value5(name, stored[name]) for name in names}


def _value5(name: str, value: Any) -> Value:
    if value.dtype.kind != "O":
        return value
    parts = list(value.reshape(-1, order="F"))
    for part in parts:
        if not isinstance(part, np.ndarray) or part.dtype.kind not in "biuf":
            raise _refused(name, "cell of other things than numbers")
    return parts


def _load_hdf5(path: Path, names: Sequence[str]) -> dict[str, Value]:
    try:
        import h5py
    except ImportError:
        raise InputError(
            "this .mat file is of MATLAB 7.3, which needs h5py; install it with "
            "pip install 'langlift[data]'"
        ) from None
    with _damage_in_words(), h5py.File(path, "r") as file:
        _check_there(names, [name for name in map(str, file) if not name.startswith("#")])
        return {name: _value73(file, name, h5py) for name in names}


def _value73(file: Any, name: str, h5py: Any) -> Value:
    # A link may lead out of the file.
    inside = isinstance(file.get(name, getlink=True), h5py.HardLink)
    if not inside or not isinstance(file[name], h5py.Dataset):
        raise _refused(name, "group or link")
    data = file[name]
    if data.dtype != h5py.ref_dtype:
        return _numbers73(name, data, h5py)
    if data.size > 10_000:
        raise InputError(f"the cell {name!r} has {data.size:,} parts; give the dataset's own file")
    parts = [file[reference] for reference in data[()].reshape(-1)]
    _check_size(sum(part.size for part in parts if isinstance(part, h5py.Dataset)))
    return [_numbers73(name, part, h5py) for part in parts]


def _numbers73(name: str, data: Any, h5py: Any) -> np.ndarray:
    """The numbers of an HDF5 dataset; refused where its numbers lie in another file."""
    if not isinstance(data, h5py.Dataset) or data.dtype.kind not in "biuf":
        raise _refused(name, "cell, structure or text")
    if data.external or data.is_virtual:
        raise InputError(f"the numbers of {name!r} are in another file; give the whole file")
    if data.attrs.get("MATLAB_class") == b"char":
        raise _refused(name, "text")
    if data.attrs.get("MATLAB_empty"):
        return np.zeros(tuple(int(v) for v in data[()]))
    _check_size(data.size)
    return np.asarray(data[()]).T
