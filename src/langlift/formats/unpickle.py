"""Pickles read without running any code from the file: the only module that touches pickle.

A pickle is a program that may call whatever it can name. Here a name is looked up in a fixed table
and in nothing else: plain containers, numpy arrays and what the caller adds. Whatever is known to
be a harmless leftover (random generators, settings of a training run) becomes an `Inert`
placeholder; every other name refuses the file. What the table holds are stand-ins of our own that
check what they are given, never the functions of numpy or torch: those trust their arguments.
"""

from __future__ import annotations

import math
import pickle
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, BinaryIO

import numpy as np

from ..errors import InputError
from .files import one_line

#: Letters and bytes of the array types that are read: numbers, truth values, text and objects.
_PLAIN_TYPE = re.compile(r"b1|[iufc](?:1|2|4|8|16)|[SU][0-9]{1,9}|O[48]?")
_NUMPY_HOMES = ("numpy.core", "numpy._core")
#: Leftovers of training runs whose values nobody needs.
_LEFTOVERS = (
    *("numpy.random._pickle.__randomstate_ctor", "numpy.random._pickle.__generator_ctor"),
    *("numpy.random._pickle.__bit_generator_ctor", "numpy.random.__RandomState_ctor"),
    *("numpy.random.mtrand.__RandomState_ctor", "mtrand.__RandomState_ctor"),
    *("numpy.random._mt19937.MT19937", "numpy.random._pcg64.PCG64"),
    *("numpy.random.bit_generator.__pyx_unpickle_SeedSequence",),
    *("numpy.random.bit_generator.SeedSequence", "argparse.Namespace", "easydict.EasyDict"),
    *("yacs.config.CfgNode", "pathlib.PosixPath", "pathlib.WindowsPath"),
    *("mmcv.utils.config.ConfigDict", "mmengine.config.config.ConfigDict"),
    *("mmengine.logging.history_buffer.HistoryBuffer",),
    *("mmengine.logging.message_hub.MessageHub",),
)


class Fixed:
    """Base of what a pickle may name or hold but not change."""

    __slots__ = ()

    def __setstate__(self, state: object) -> None:
        raise InputError(f"it changes {type(self).__name__}, which no file of plain data does")


class Inert:
    """Stands for an object whose values are not needed; takes and forgets anything."""

    __slots__ = ()

    def __new__(cls, *args: object, **named: object) -> Inert:
        """One more placeholder."""
        return object.__new__(cls)

    def __setstate__(self, state: object) -> None:
        """Forget it."""

    def __setitem__(self, key: object, value: object) -> None:
        """Forget it."""

    def append(self, value: object) -> None:
        """Forget it."""

    def extend(self, values: Iterable[object]) -> None:
        """Forget them."""


class Callee(Fixed):
    """A function of ours that a pickle may call; the function itself stays out of its reach."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., Any]) -> None:
        object.__setattr__(self, "_function", function)

    def __call__(self, *args: Any) -> Any:
        """What the function gives."""
        return self._function(*args)


class Named(Fixed):
    """A class that a pickle names only to hand it on, such as ``numpy.ndarray``."""

    __slots__ = ()


class _Dict(dict):
    """A mapping of any kind; attributes that were set on it are left out."""

    __slots__ = ()

    def __setstate__(self, state: object) -> None:
        """Leave them out."""


class _Type(Fixed):
    """An array type; its byte order comes in a second step."""

    __slots__ = ("dtype",)

    def __init__(self, name: Any, *_: Any) -> None:
        text = name.decode("ascii") if isinstance(name, bytes) else str(name)
        if not _PLAIN_TYPE.fullmatch(text):
            raise InputError(f"it holds arrays of type {text!r}; only numbers and text are read")
        self.dtype = np.dtype("O" if text[0] == "O" else text)

    def __setstate__(self, state: Any) -> None:
        if any(part is not None for part in state[2:5]):
            raise InputError("it holds structured arrays; only numbers and text are read")
        order = state[1].decode("ascii") if isinstance(state[1], bytes) else state[1]
        if order in ("<", ">"):
            self.dtype = self.dtype.newbyteorder(order)


class _Array(np.ndarray):
    """An array that checks what it is filled with."""

    def __setstate__(self, state: Any) -> None:
        _, shape, kind, columns_first, data = state
        dtype = _dtype(kind)
        if isinstance(data, str):  # bytes of Python 2
            data = data.encode("latin1")
        count = math.prod(_shape(shape))
        fits = isinstance(data, list if dtype.hasobject else bytes)
        if not fits or len(data) != count * (1 if dtype.hasobject else dtype.itemsize):
            raise InputError("it holds an array whose data does not fit its shape")
        super().__setstate__((1, shape, dtype, bool(columns_first), data))  # type: ignore[arg-type]


def _dtype(kind: Any) -> np.dtype:
    if not isinstance(kind, _Type):
        raise InputError("it holds an array of no known type")
    return kind.dtype


def _shape(shape: Any) -> tuple[int, ...]:
    if not isinstance(shape, tuple) or any(type(n) is not int or n < 0 for n in shape):
        raise InputError("it holds an array without a proper shape")
    return shape


def _empty_array(kind: Any, *_: Any) -> np.ndarray:
    if not isinstance(kind, Named):
        raise InputError("it holds an array of no known class")
    return np.empty(0, np.int8).view(_Array)


def _array_from_buffer(data: Any, kind: Any, shape: Any, order: Any) -> np.ndarray:
    dtype = _dtype(kind)
    if dtype.hasobject:
        raise InputError("it holds an array whose data does not fit its type")
    array = np.frombuffer(bytes(data), dtype).reshape(_shape(shape), order=order)
    return array.view(_Array)


def _number(kind: Any, data: Any = None) -> Any:
    dtype = _dtype(kind)
    if dtype.hasobject:
        return data
    raw = data.encode("latin1") if isinstance(data, str) else data
    return np.frombuffer(raw, dtype, count=1)[0]


def _encoded(text: str, encoding: str) -> bytes:
    """How bytes are written in old protocols."""
    if encoding not in ("latin1", "latin-1"):
        raise InputError(f"it holds bytes in the encoding {encoding!r}; only latin1 is read")
    return text.encode("latin1")


def _bytes(data: Any = b"", encoding: str = "latin1") -> bytes:
    """Bytes from bytes or text; a number would make so many zeros."""
    if not isinstance(data, bytes | str):
        raise InputError("it holds bytes that are made of neither bytes nor text")
    return data if isinstance(data, bytes) else _encoded(data, encoding)


def _rebuilt(kind: Any, *_: Any) -> Inert:
    """An object in the oldest protocol, of a class that is a placeholder here."""
    if not (isinstance(kind, type) and issubclass(kind, Inert)):
        raise InputError("it holds an object of no known class")
    return kind()


def _table() -> dict[str, Any]:
    """Everything that a file may name, afresh: a file may not change it for the next one."""
    table: dict[str, Any] = {name: type("Leftover", (Inert,), {}) for name in _LEFTOVERS}
    table |= {
        "numpy.ndarray": Named(),
        "numpy.dtype": Callee(_Type),
        "_codecs.encode": Callee(_encoded),
        "collections.OrderedDict": Callee(_Dict),
        "collections.Counter": Callee(_Dict),
        "collections.defaultdict": Callee(lambda *_: _Dict()),
    }
    for home in _NUMPY_HOMES:
        table[f"{home}.multiarray._reconstruct"] = Callee(_empty_array)
        table[f"{home}.multiarray.scalar"] = Callee(_number)
        table[f"{home}.numeric._frombuffer"] = Callee(_array_from_buffer)
    for home in ("builtins", "__builtin__"):
        for kind in (set, frozenset, complex):
            table[f"{home}.{kind.__name__}"] = Callee(kind)
        for kind in (object, list, tuple, int, float, str, bool):  # what others are made with
            table[f"{home}.{kind.__name__}"] = Named()
        table[f"{home}.dict"] = Callee(_Dict)
        table[f"{home}.bytes"] = Callee(_bytes)
        table[f"{home}.bytearray"] = Callee(lambda *data: bytearray(_bytes(*data)))
    for home in ("copyreg", "copy_reg"):
        table[f"{home}._reconstructor"] = Callee(_rebuilt)
    return table


def _whole_line(stream: BinaryIO) -> bytes:
    """The next line; a name that the end of the file cuts must not be taken for another."""
    line = stream.readline()
    if not line.endswith(b"\n"):
        raise EOFError("it ends within a line")
    return line


# The form of pickle that is written in Python: it keeps what it has seen in a dictionary, where the
# one in C has an array that a single number in the file can make as large as the memory.
class _Unpickler(pickle._Unpickler):  # type: ignore[name-defined]
    """Looks names up in a table."""

    def __init__(
        self,
        stream: BinaryIO,
        table: Mapping[str, Any],
        persistent: Callable[[Any], Any] | None,
        encoding: str,
    ) -> None:
        super().__init__(stream, encoding=encoding)
        self._file_readline = lambda: _whole_line(stream)
        self._names = table
        self._persistent = persistent

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in of that name."""
        full = f"{module}.{name}"
        if full not in self._names:
            raise InputError(
                f"it holds code (it asks for {full}); refused: give a file of plain data"
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
    table = _table() | dict(names or {})
    try:
        return _Unpickler(stream, table, persistent, encoding).load()
    except InputError:
        raise
    except Exception as error:  # damaged bytes make any operation on any value
        raise InputError(
            f"its pickled part cannot be read ({one_line(error)}); the file is damaged, cut off or "
            "of another type"
        ) from error
