"""Arrays and pickles that hold plain Python objects, read without running anything from them.

The field's files are dictionaries of arrays: ``.npz`` with an array of objects inside, or a bare
pickle. `langlift.formats.unpickle` reads them by a table of names; here they are taken out of their
files, and what comes back is checked to be plain values through and through.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from ..errors import InputError
from .files import check_exists, naming
from .npz_arrays import check_text, damage_in_words, load_arrays
from .stand_ins import kind_of
from .unpickle import unpickle_plain

_BUFFER = 2**20
#: An archive may unpack to so many times its size, and so much more; numbers of cameras and motion
#: capture hardly shrink at all.
_MOST_PACKED, _SMALL = 100, 64 * 2**20
_DEEPEST = 16  # dictionaries and lists in each other; the published files have at most 5
_PLAIN = (str, bytes, int, float, bool, complex, type(None))


def load_objects(path: Path, names: Sequence[str]) -> dict[str, Any]:
    """Arrays of an ``.npz`` file that may hold pickled objects.

    Args:
        path: the file.
        names: the arrays that are wanted; others stay unread.

    Returns:
        Of each name a numpy array, or where it is an array of objects its content: the object
        itself where the array has no axes (how ``numpy.savez`` stores a dictionary), else lists.
        Arrays may be read-only.

    Raises:
        InputError: naming the file, when it is no such file or half of one, lacks an array or asks
            for code.
    """
    with naming(path):
        check_exists(path)
        return _objects(path, names)


def _objects(path: Path, names: Sequence[str]) -> dict[str, Any]:
    with damage_in_words(), zipfile.ZipFile(path) as archive:
        held = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        for name in names:
            if name not in held:
                raise InputError(
                    f"the array {name!r} is missing; the file holds "
                    f"{', '.join(held) or 'nothing'}, so it may be another of the data set"
                )
        return {name: _member(path, archive, held[name], name) for name in names}


def load_pickle(path: Path) -> Any:
    """The one object of a pickle file: plain values, lists, dictionaries and numpy arrays.

    Raises:
        InputError: naming the file, when it is no pickle or half of one, or asks for code.
    """
    with naming(path):
        check_exists(path)
        with path.open("rb", buffering=_BUFFER) as stream:
            return _only(stream, path.stat().st_size)


def _member(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> Any:
    stored = min(info.compress_size, path.stat().st_size)
    if info.file_size > _MOST_PACKED * stored + _SMALL:
        raise InputError(
            f"the array {name!r} claims {info.file_size >> 20} MiB in {stored >> 10} KiB, far more "
            "than any data set shrinks; fetch the file again from where it was published"
        )
    with archive.open(info) as packed:
        # zipfile has no type for it, but it reads like a raw file.
        stream = io.BufferedReader(cast(io.RawIOBase, packed), _BUFFER)
        if _is_of_objects(stream, name):
            return _only(stream, info.file_size - stream.tell(), stored)
    return load_arrays(path, lambda other: other == name)[name]


def _is_of_objects(stream: BinaryIO, name: str) -> bool:
    """Read an array's header, so that its values come next."""
    version = np.lib.format.read_magic(stream)
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in readers:
        raise InputError(f"the array {name!r} is of npy version {version}; 1.0 and 2.0 are read")
    _, _, dtype = readers[version](stream)
    if dtype.hasobject and dtype.kind != "O":
        raise InputError(f"the array {name!r} mixes objects and numbers; save plain arrays")
    return dtype.kind == "O"


def _only(stream: BinaryIO, size: int, stored: int | None = None) -> Any:
    """The one object of a stream, which ends behind it; the end also checks an archive's sums."""
    value = unpickle_plain(stream, size, stored)
    if stream.read(1):
        raise InputError("more follows its first object; give a file with one")
    return _plain(value, {}, _DEEPEST)


def _plain(value: Any, seen: dict[int, Any], levels: int) -> Any:
    """The value with every array and dictionary of the usual type; each is converted once.

    Raises:
        InputError: for what is no data, such as a class, or for values nested deep or in a ring.
    """
    if type(value) in _PLAIN or isinstance(value, np.generic):
        return value
    if id(value) in seen:
        return seen[id(value)]
    if levels == 0:
        raise InputError(f"its values are nested more than {_DEEPEST} deep; no data set here is")
    if isinstance(value, np.ndarray):
        array = value.view(np.ndarray)
        check_text(array, "it")
        plain: Any = _unboxed(array, seen, levels) if array.dtype.hasobject else array
    elif isinstance(value, dict):
        plain = {_key(k): _plain(v, seen, levels - 1) for k, v in value.items()}
    elif isinstance(value, list | tuple):
        plain = type(value)(_plain(each, seen, levels - 1) for each in value)
    else:
        raise InputError(f"it holds a {kind_of(value)} where data should be; refused")
    seen[id(value)] = plain
    return plain


def _key(key: Any) -> Any:
    return str(key) if isinstance(key, np.str_) else key


def _unboxed(array: np.ndarray, seen: dict[int, Any], levels: int) -> Any:
    """The content of an array of objects."""
    if array.ndim == 0:
        return _plain(array.item(), seen, levels - 1)
    if array.ndim == 1:
        return [_plain(value, seen, levels - 1) for value in array]
    return [_unboxed(part, seen, levels) for part in array]
