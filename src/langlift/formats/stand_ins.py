"""What stands for the functions and classes that a pickle may name, see `unpickle`.

Stand-ins check what they are given, which the functions of numpy and torch do not: those trust
their arguments. None changes for the next file, and none touches what a value holds before it knows
that this ends: a few bytes may stand for tuples in tuples that take for ever to hash or to print.
"""

from __future__ import annotations

import math
import re
import reprlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ..errors import InputError

#: Letters and bytes of the array types that are read: numbers, truth values, text and objects.
_PLAIN_TYPE = re.compile(r"b1|[iufc](?:1|2|4|8|16)|[SU][0-9]{1,9}|O[48]?")
_MOST_AXES = 64  # of an array; those of numpy and torch have no more
_TOO_LARGE = 2**63  # for any size
_KEYS = (str, bytes, int, float, bool, type(None))  # exact types
_NUMPY_HOMES = ("numpy.core", "numpy._core")
#: All that plain data asks for: arrays, numbers, and what old protocols write bytes and dicts with.
_PLAIN = (
    *("numpy.ndarray", "numpy.dtype", "_codecs.encode"),
    *(f"{home}.multiarray.{name}" for home in _NUMPY_HOMES for name in ("_reconstruct", "scalar")),
    *(f"{home}.numeric._frombuffer" for home in _NUMPY_HOMES),
    *("collections.OrderedDict", "collections.defaultdict"),
    *(f"{home}.{kind}" for home in ("builtins", "__builtin__") for kind in ("bytes", "bytearray")),
    # What the values of a defaultdict start as; never called.
    *(f"{home}.{kind}" for home in ("builtins", "__builtin__") for kind in ("list", "dict")),
)
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
    """Base of what a pickle may name or hold but not change; `shown` is its kind in messages."""

    __slots__ = ()
    shown = "object"

    def __setstate__(self, state: object) -> None:
        raise InputError(f"it changes a {self.shown}, which no file of plain data does")


class Inert:
    """Stands for an object whose values are not needed; takes and forgets anything."""

    __slots__ = ()
    shown = "object"

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


def kind_of(value: object) -> str:
    """What a value from a file is, for messages; never the value itself, which may be endless."""
    if value is None or isinstance(value, type):
        return "None" if value is None else "class"
    return getattr(type(value), "shown", type(value).__name__)


def are_sizes(numbers: Sequence[Any]) -> bool:
    """Whether these are a few whole numbers from 0 that fit into 63 bits, as are whose product."""
    if len(numbers) > _MOST_AXES:
        return False
    if any(type(n) is not int or not 0 <= n < _TOO_LARGE for n in numbers):
        return False
    return math.prod(max(n, 1) for n in numbers) < _TOO_LARGE


def check_keys(keys: Iterable[Any]) -> None:
    """Raise `InputError` unless all can be hashed at once: plain values, no containers.

    Hashing tuples in tuples can take for ever or overflow the stack, and whole numbers beyond 63
    bits can be chosen to collide.
    """
    for key in keys:
        plain = type(key) in _KEYS or isinstance(key, np.integer | np.str_ | Inert)
        if not plain:
            raise InputError(
                f"it holds a dictionary or set with a key of type {kind_of(key)}; only text and "
                "numbers are read as keys"
            )
        if type(key) is int and not -_TOO_LARGE <= key < _TOO_LARGE:
            raise InputError("it holds a dictionary or set with a number of over 63 bits as key")


class Callee(Fixed):
    """A function of ours that a pickle may call; the function itself stays out of its reach."""

    __slots__ = ("_function",)
    shown = "function"

    def __init__(self, function: Callable[..., Any]) -> None:
        object.__setattr__(self, "_function", function)

    def __call__(self, *args: Any) -> Any:
        """What the function gives."""
        return self._function(*args)


class Named(Fixed):
    """A class that a pickle names only to hand it on, such as ``numpy.ndarray``."""

    __slots__ = ()
    shown = "class"


class _Dict(dict):
    """A mapping of any kind; attributes that were set on it are left out."""

    __slots__ = ()
    shown = "dict"

    def __setstate__(self, state: object) -> None:
        """Leave them out."""


class _Type(Fixed):
    """An array type; its byte order comes in a second step."""

    __slots__ = ("dtype",)
    shown = "array type"

    def __init__(self, name: Any, *_: Any) -> None:
        text = name.decode("ascii") if isinstance(name, bytes) else name
        if not isinstance(text, str) or not _PLAIN_TYPE.fullmatch(text):
            said = reprlib.repr(text) if isinstance(text, str) else kind_of(text)
            raise InputError(f"it holds arrays of type {said}; only numbers and text are read")
        self.dtype = np.dtype("O" if text[0] == "O" else text)

    def __setstate__(self, state: Any) -> None:
        if any(part is not None for part in state[2:5]):
            raise InputError("it holds structured arrays; only numbers and text are read")
        order = state[1].decode("ascii") if isinstance(state[1], bytes) else state[1]
        if order in ("<", ">"):
            self.dtype = self.dtype.newbyteorder(order)


class _Array(np.ndarray):
    """An array that checks what it is filled with."""

    shown = "array"

    def __setstate__(self, state: Any) -> None:
        _, shape, kind, columns_first, data = state
        dtype = _dtype(kind)
        if isinstance(data, str):  # bytes of Python 2
            data = data.encode("latin1")
        count = math.prod(_shape(shape))
        fits = isinstance(data, list if dtype.hasobject else bytes)
        if not fits or len(data) != count * (1 if dtype.hasobject else max(dtype.itemsize, 1)):
            raise InputError("it holds an array whose data does not fit its shape")
        super().__setstate__((1, shape, dtype, bool(columns_first), data))  # type: ignore[arg-type]


def _dtype(kind: Any) -> np.dtype:
    if not isinstance(kind, _Type):
        raise InputError("it holds an array of no known type")
    return kind.dtype


def _shape(shape: Any) -> tuple[int, ...]:
    if not isinstance(shape, tuple) or not are_sizes(shape):
        raise InputError("it holds an array without a proper shape")
    return shape


def _empty_array(kind: Any, *_: Any) -> np.ndarray:
    if not isinstance(kind, Named):
        raise InputError("it holds an array of no known class")
    return np.empty(0, np.int8).view(_Array)


def _array_from_buffer(data: Any, kind: Any, shape: Any, order: Any) -> np.ndarray:
    dtype = _dtype(kind)
    if dtype.hasobject or not isinstance(data, bytes | bytearray | memoryview):
        raise InputError("it holds an array whose data does not fit its type")
    array = np.frombuffer(data, dtype).reshape(_shape(shape), order=order)  # no copy
    return array.view(_Array)


def _number(kind: Any, data: Any = None) -> Any:
    dtype = _dtype(kind)
    if dtype.hasobject:
        return data
    raw = data.encode("latin1") if isinstance(data, str) else data
    return np.frombuffer(raw, dtype, count=1)[0]


def _encoded(text: str, encoding: str) -> bytes:
    """How bytes are written in old protocols."""
    if not isinstance(encoding, str) or encoding not in ("latin1", "latin-1"):
        said = reprlib.repr(encoding) if isinstance(encoding, str) else kind_of(encoding)
        raise InputError(f"it holds bytes in the encoding {said}; only latin1 is read")
    return text.encode("latin1")


def _bytes(data: Any = b"", encoding: str = "latin1") -> bytes:
    """Bytes from bytes or text; a number would make so many zeros."""
    if not isinstance(data, bytes | str):
        raise InputError("it holds bytes that are made of neither bytes nor text")
    return data if isinstance(data, bytes) else _encoded(data, encoding)


def _dict(pairs: Any = ()) -> _Dict:
    """A dictionary from another or from pairs, whose keys are checked first."""
    if not isinstance(pairs, dict):
        if not isinstance(pairs, list | tuple):
            raise InputError(f"it makes a dictionary from {kind_of(pairs)}; only pairs are read")
        if not all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in pairs):
            raise InputError("it makes a dictionary from values that are no pairs")
        check_keys(pair[0] for pair in pairs)
    return _Dict(pairs)


def _set_of(kind: Callable[[Any], Any]) -> Callee:
    """Makes a set of that kind from values that are checked first."""

    def made(values: Any = ()) -> Any:
        if not isinstance(values, list | tuple | set | frozenset):
            raise InputError(f"it makes a set from {kind_of(values)}; only lists are read")
        check_keys(values)
        return kind(values)

    return Callee(made)


def _rebuilt(kind: Any, *_: Any) -> Inert:
    """An object in the oldest protocol, of a class that is a placeholder here."""
    if not (isinstance(kind, type) and issubclass(kind, Inert)):
        raise InputError("it holds an object of no known class")
    return kind()


def stand_ins() -> dict[str, Any]:
    """Everything that a file may name, afresh: a file may not change it for the next one."""
    table: dict[str, Any] = {name: type("Leftover", (Inert,), {}) for name in _LEFTOVERS}
    table |= {
        "numpy.ndarray": Named(),
        "numpy.dtype": Callee(_Type),
        "_codecs.encode": Callee(_encoded),
        "collections.OrderedDict": Callee(_dict),
        "collections.Counter": Callee(_dict),
        "collections.defaultdict": Callee(lambda *_: _Dict()),
    }
    for home in _NUMPY_HOMES:
        table[f"{home}.multiarray._reconstruct"] = Callee(_empty_array)
        table[f"{home}.multiarray.scalar"] = Callee(_number)
        table[f"{home}.numeric._frombuffer"] = Callee(_array_from_buffer)
    for home in ("builtins", "__builtin__"):
        table[f"{home}.set"], table[f"{home}.frozenset"] = _set_of(set), _set_of(frozenset)
        table[f"{home}.complex"] = Callee(complex)
        for kind in (object, list, tuple, int, float, str, bool):  # what others are made with
            table[f"{home}.{kind.__name__}"] = Named()
        table[f"{home}.dict"] = Callee(_dict)
        table[f"{home}.bytes"] = Callee(_bytes)
        table[f"{home}.bytearray"] = Callee(lambda *data: bytearray(_bytes(*data)))
    for home in ("copyreg", "copy_reg"):
        table[f"{home}._reconstructor"] = Callee(_rebuilt)
    return table


def plain_stand_ins() -> dict[str, Any]:
    """What a file of arrays in lists and dictionaries may name, afresh; no placeholders."""
    table = stand_ins()
    return {name: table[name] for name in _PLAIN}
