"""Take ``.npz`` files apart safely: no pickle, and every kind of damage in one sentence."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from .files import one_line

_LARGEST = 4 * 2**30


def array_names(path: Path) -> list[str]:
    """Names of the arrays in an npz file; an empty list where it is none."""
    try:
        return list(_array_bytes(path))
    except (InputError, IsADirectoryError):
        return []


def load_arrays(path: Path, wanted: Callable[[str], bool]) -> dict[str, np.ndarray]:
    """The wanted arrays of an npz file; all others stay unread.

    Raises:
        InputError: when the file is no npz or damaged, or a wanted array is pickled or the wanted
            arrays are larger than 4 GiB. The message does not name the file, see `naming`.
    """
    names = {name: size for name, size in _array_bytes(path).items() if wanted(name)}
    if sum(names.values()) > _LARGEST:
        raise InputError("the arrays take more than 4 GiB; cut the clip into parts")
    with damage_in_words(), np.load(path, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in names}
    for name, value in arrays.items():
        if not isinstance(value, np.ndarray):
            raise InputError(f"{name!r} is no array; save the file with numpy.savez")
    return arrays


def array_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Shape of each array in an npz file, from their headers alone; entries of other kinds are out.

    Raises:
        InputError: when the file is no npz or damaged; the message does not name the file.
    """
    heads = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    shapes = {}
    with damage_in_words(), zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            name, dot, kind = entry.filename.rpartition(".")
            if dot and kind == "npy":
                with archive.open(entry) as stream:
                    shapes[name] = heads[np.lib.format.read_magic(stream)](stream)[0]
    return shapes


def _array_bytes(path: Path) -> dict[str, int]:
    """Unpacked size in bytes of each array in an npz file."""
    with damage_in_words(), zipfile.ZipFile(path) as archive:
        return {i.filename.removesuffix(".npy"): i.file_size for i in archive.infolist()}


@contextmanager
def damage_in_words() -> Iterator[None]:
    """Say in one sentence what zipfile, zlib and numpy raise on foreign or damaged bytes."""
    try:
        yield
    except (InputError, PermissionError, IsADirectoryError):
        raise
    except Exception as error:  # damaged bytes make these libraries raise nearly anything
        if "allow_pickle" in str(error):
            raise InputError(
                "the file holds pickled Python objects, which are never loaded because they can "
                "run code; save plain numeric arrays"
            ) from error
        raise InputError(
            f"this cannot be read as npz ({one_line(error)}); the file is damaged, cut off or of "
            "another type"
        ) from error


def numeric(arrays: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    """An array by name that must be there and hold real numbers."""
    if name not in arrays:
        found = ", ".join(arrays) or "none that is known"
        raise InputError(f"the array {name!r} is missing; the file holds {found}")
    if arrays[name].dtype.kind not in "biuf":
        raise InputError(f"the array {name!r} is of type {arrays[name].dtype}; it must be numbers")
    return arrays[name]


def whole(arrays: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    """An array by name that must be there and hold whole numbers."""
    if numeric(arrays, name).dtype.kind not in "iu":
        raise InputError(f"the array {name!r} is of type {arrays[name].dtype}; it must be integers")
    return arrays[name]


def strings(arrays: Mapping[str, np.ndarray], name: str) -> list[str]:
    """An array of text by name, flattened."""
    array = arrays.get(name, np.empty(0))
    try:
        if array.dtype.kind == "S":
            array = np.char.decode(array, "utf-8")
    except ValueError as error:
        raise _damaged_text(f"the array {name!r}", error) from error
    if array.dtype.kind == "U":
        check_text(array, f"the array {name!r}")
        return [str(v) for v in array.reshape(-1).tolist()]
    raise InputError(f"the array {name!r} is missing or of type {array.dtype}; it must be text")


def check_text(array: np.ndarray, what: str) -> None:
    """Raise `InputError` for an array of text that Python cannot hold; others are left alone."""
    if array.dtype.kind == "U":
        try:
            # numpy makes Python strings of any 32 bits, and Python breaks on them later.
            array.astype(array.dtype.newbyteorder("<")).tobytes().decode("utf-32-le")
        except UnicodeDecodeError as error:
            raise _damaged_text(what, error) from error


def _damaged_text(what: str, error: ValueError) -> InputError:
    return InputError(f"{what} holds damaged text ({one_line(error)}); get the file anew")


def string(arrays: Mapping[str, np.ndarray], name: str) -> str:
    """One text by name."""
    found = strings(arrays, name)
    if len(found) != 1:
        raise InputError(f"the array {name!r} holds {len(found)} texts; it must hold one")
    return found[0]


def scalar(arrays: Mapping[str, np.ndarray], name: str) -> Any:
    """One number by name, None where the file has none."""
    if name not in arrays:
        return None
    array = numeric(arrays, name)
    if array.size != 1:
        raise InputError(f"{name} has shape {array.shape}; it must be one number")
    return array.reshape(()).item()
