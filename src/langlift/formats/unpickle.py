"""Pickles read without running any code from the file: the only module that touches pickle.

A pickle is a program that may call whatever it can name. Here a name is looked up in a fixed table
(`stand_ins`) and in nothing else: plain containers, numpy arrays and what the caller adds. What is
known to be a harmless leftover (random generators, settings of a training run) becomes an `Inert`
placeholder; every other name refuses the file. `unpickle_plain` is for data sets: it takes arrays
of any size, and no leftovers.

A few bytes may also stand for very much: keys that take for ever to hash, copies of copies. So keys
are plain values alone, and how much may be read and made is limited.
"""

from __future__ import annotations

import os
import pickle
import struct
import sys
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, ClassVar

from ..errors import InputError
from .files import one_line
from .stand_ins import Callee, Inert, check_keys, kind_of, plain_stand_ins, stand_ins

#: Most bytes of a pickle; the tensors of a checkpoint are outside of it.
LONGEST = 8 * 2**20
_MOST_MADE = 128 * 2**20  # bytes given to and made by functions, which may copy one value often
_MADE_PER_BYTE = 32  # of plain data beyond that: a number of numpy, 20 bytes in the file, is 450
_LONGEST_NAME = 200  # letters of a name in a message
_READER: Any = pickle._Unpickler  # type: ignore[attr-defined]


def _left(stream: BinaryIO) -> int:
    """Bytes from here to the end."""
    here = stream.tell()
    size = stream.seek(0, os.SEEK_END) - here
    stream.seek(here)
    return size


class _Bounded:
    """A stream that gives no more than it has: files make room for all that is asked for first."""

    def __init__(self, stream: BinaryIO, allowed: int | None, size: int) -> None:
        self._stream = stream
        self._room = size if allowed is None else min(size, allowed)
        self._beyond = size - self._room  # there, but more than is allowed

    def check(self, count: int) -> None:
        """Raise unless so many bytes may still be read."""
        if count > self._room + self._beyond:
            raise EOFError("it ends within a value")
        if count > self._room:
            raise InputError(
                f"its pickled part has more than {LONGEST >> 20} MiB; give a checkpoint, whose "
                "numbers are in tensors"
            )

    def read(self, count: int) -> bytes:
        """Exactly so many bytes."""
        if count > self._room:
            self.check(count)
        self._room -= count
        data = self._stream.read(count)
        if len(data) != count:
            raise EOFError("it ends within a value")
        return data

    def read_changeable(self, count: int) -> bytearray:
        """Exactly so many bytes, of which no copy is made on the way."""
        self.check(count)
        self._room -= count
        data = bytearray(count)
        if self._stream.readinto(data) != count:  # type: ignore[attr-defined]
            raise EOFError("it ends within a value")
        return data

    def readline(self) -> bytes:
        """The next line; a name that the end cuts must not be taken for another."""
        line = self._stream.readline(self._room + 1)
        self.check(len(line))
        self._room -= len(line)
        if not line.endswith(b"\n"):
            raise EOFError("it ends within a line")
        return line


# The form of pickle that is written in Python: it keeps what it has seen in a dictionary, where the
# one in C has an array that a single number in the file can make as large as the memory.
class _Unpickler(_READER):
    """Looks names up in a table, checks keys and limits what is made."""

    dispatch: ClassVar[dict[int, Any]] = dict(_READER.dispatch)

    def __init__(
        self,
        stream: _Bounded,
        table: Mapping[str, Any],
        persistent: Callable[[Any], Any] | None,
        encoding: str,
        may_make: int,
    ) -> None:
        super().__init__(stream, encoding=encoding)
        self._bytes = stream
        self._may_make = may_make
        self._names = table
        self._persistent = persistent

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in of that name."""
        full = f"{module}.{name}"
        if full not in self._names:
            raise InputError(
                f"it holds code (it asks for {_short(full)}); refused: give a file of plain data"
            )
        return self._names[full]

    def get_extension(self, code: int) -> Any:
        """Names by number: what they stand for is not in the file."""
        raise InputError(
            f"it holds code (it asks for extension {code}); refused: give a file of plain data"
        )

    def persistent_load(self, pid: Any) -> Any:
        """What the file around the pickle holds."""
        if self._persistent is None:
            raise InputError("it refers to data outside of itself; give the whole file")
        return self._persistent(pid)

    def _made(self, *values: Any) -> None:
        """Count what a function was given or has made."""
        self._spend(sum(map(sys.getsizeof, values)))

    def _spend(self, count: int) -> None:
        self._may_make -= count
        if self._may_make < 0:
            raise InputError("it makes far more of its values than it holds; refused")

    def _instantiate(self, klass: Any, args: Any) -> None:
        _check_callable(klass)
        self._made(*args)
        super()._instantiate(klass, args)
        self._made(self.stack[-1])

    def load_reduce(self) -> None:
        """Call a function of the table."""
        _check_callable(self.stack[-2])
        self._made(*self.stack[-1])
        super().load_reduce()
        self._made(self.stack[-1])

    def load_build(self) -> None:
        """Fill an object with its state."""
        super().load_build()
        self._made(self.stack[-1])

    def load_frame(self) -> None:
        """The announcement of a part; the library would copy all of it and read the copy."""
        (count,) = struct.unpack("<Q", self.read(8))
        self._bytes.check(count)

    def load_bytearray8(self) -> None:
        """Bytes that can be changed; the library makes room before it looks whether they come."""
        (count,) = struct.unpack("<Q", self.read(8))
        self.append(self._bytes.read_changeable(count))

    def load_empty_set(self) -> None:
        """A set, which takes much room for one byte."""
        self.append(set())
        self._made(self.stack[-1])

    def load_frozenset(self) -> None:
        """A set of the values since the mark."""
        items = self.pop_mark()
        check_keys(items)
        self.append(frozenset(items))

    def load_additems(self) -> None:
        """Values into a set."""
        items, target = self.pop_mark(), self.stack[-1]
        if not isinstance(target, set):
            raise InputError(f"it adds members to {kind_of(target)}, which is no set")
        check_keys(items)
        target.update(items)

    def load_dict(self) -> None:
        """A dictionary of the pairs since the mark."""
        items = self.pop_mark()
        self.append(self._filled({}, items))

    def load_setitem(self) -> None:
        """One entry of a dictionary."""
        value, key = self.stack.pop(), self.stack.pop()
        self._filled(self.stack[-1], [key, value])

    def load_setitems(self) -> None:
        """Entries of a dictionary."""
        items = self.pop_mark()
        self._filled(self.stack[-1], items)

    def _filled(self, target: Any, items: list[Any]) -> Any:
        if not isinstance(target, dict | Inert):
            raise InputError(f"it sets entries of {kind_of(target)}, which is no dictionary")
        if len(items) % 2:
            raise InputError("it holds a dictionary with a key that has no value")
        check_keys(items[::2])
        for key, value in zip(items[::2], items[1::2], strict=True):
            target[key] = value
        return target

    for _code, _load in (
        (pickle.REDUCE, load_reduce),
        (pickle.BUILD, load_build),
        (pickle.FRAME, load_frame),
        (pickle.BYTEARRAY8, load_bytearray8),
        (pickle.EMPTY_SET, load_empty_set),
        (pickle.FROZENSET, load_frozenset),
        (pickle.ADDITEMS, load_additems),
        (pickle.DICT, load_dict),
        (pickle.SETITEM, load_setitem),
        (pickle.SETITEMS, load_setitems),
    ):
        dispatch[_code[0]] = _load
    del _code, _load


def _counted(load: Callable[[Any], None], room: int) -> Callable[[Any], None]:
    """The same instruction, its room counted."""

    def counted(self: _Unpickler) -> None:
        self._spend(room)
        load(self)

    return counted


class _PlainUnpickler(_Unpickler):
    """Counts also the containers and references that take far more room than bytes in the file."""

    dispatch: ClassVar[dict[int, Any]] = dict(_Unpickler.dispatch)
    for _codes, _room in (
        ((pickle.EMPTY_LIST, pickle.EMPTY_DICT, pickle.LIST, pickle.DICT), 64),
        ((pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3, pickle.MARK), 64),
        ((pickle.PUT, pickle.BINPUT, pickle.LONG_BINPUT, pickle.MEMOIZE), 96),
    ):
        for _code in _codes:
            dispatch[_code[0]] = _counted(dispatch[_code[0]], _room)
    del _codes, _code, _room


def _check_callable(function: Any) -> None:
    """Raise `InputError` unless it is a function of the table or the class of a placeholder."""
    inert = isinstance(function, type) and issubclass(function, Inert)
    if not (inert or isinstance(function, Callee)):
        raise InputError(
            f"it calls a {kind_of(function)}, which no file of plain data does; refused"
        )


def _short(name: str) -> str:
    """A name with the middle left out where it is very long."""
    return name if len(name) <= _LONGEST_NAME else f"{name[:100]}...{name[-50:]}"


def unpickle(
    stream: BinaryIO,
    names: Mapping[str, Any] | None = None,
    persistent: Callable[[Any], Any] | None = None,
    encoding: str = "utf-8",
) -> Any:
    """The next pickled object of a stream, without running code from it.

    Args:
        stream: read from where it is, up to the end of this pickle.
        names: further ``module.name`` that it may ask for, and their stand-ins: `Callee`, `Named`
            or other `Fixed` objects.
        persistent: gives what the pickle refers to as stored outside of it.
        encoding: of texts that Python 2 wrote; ``latin1`` also takes its arrays.

    Returns:
        Plain values, lists, tuples, dictionaries and numpy arrays; `Inert` for what is not needed.

    Raises:
        InputError: when it asks for anything else, or is damaged. The message does not name the
            file, see `langlift.formats.files.naming`.
    """
    table = stand_ins() | dict(names or {})
    source = _Bounded(stream, LONGEST, _left(stream))
    return _loaded(_Unpickler(source, table, persistent, encoding, _MOST_MADE))


def unpickle_plain(stream: BinaryIO, size: int | None = None, stored: int | None = None) -> Any:
    """The next pickled object of a stream, which holds arrays and plain values alone.

    Large arrays are not copied: they stand on the bytes that were read, and may be read-only. What
    small values may take of memory is in proportion to the file.

    Args:
        stream: buffered, read from where it is up to the end of this pickle.
        size: bytes that are left in the stream; found by going to its end if omitted.
        stored: bytes that these take on the disk, where they are packed.

    Returns:
        Plain values, lists, tuples, dictionaries and numpy arrays, also those of Python 2. Names
        of the table may be left as values, see `langlift.formats.object_arrays`.

    Raises:
        InputError: as `unpickle`; leftovers of training runs are refused too.
    """
    size = _left(stream) if size is None else size
    may_make = _MOST_MADE + _MADE_PER_BYTE * (size if stored is None else stored) + 4 * size
    source = _Bounded(stream, None, size)
    return _loaded(_PlainUnpickler(source, plain_stand_ins(), None, "latin1", may_make))


def _loaded(reader: _Unpickler) -> Any:
    """What the pickle holds, every fault as an `InputError`."""
    try:
        return reader.load()
    except InputError:
        raise
    except Exception as error:  # damaged bytes make any operation on any value
        # The texts of some errors are about our own objects, not about the file.
        ours = isinstance(error, TypeError | AttributeError | LookupError)
        said = "an instruction does not fit its values" if ours else one_line(error)
        raise InputError(
            f"its pickled part cannot be read ({said}); the file is damaged, cut off or "
            "of another type"
        ) from error
