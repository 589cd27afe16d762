"""Settings from plain values: how a config dataclass is read back from a file's header or JSON."""

from __future__ import annotations

import dataclasses
import reprlib
import sys
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from ..errors import InputError, unknown


def config_from_dict(kind: type, values: Any, narrower: Mapping[str, type] | None = None) -> Any:
    """A config dataclass, nested ones included, from plain values such as JSON holds.

    Args:
        kind: the dataclass.
        values: settings by name; those left out have their defaults.
        narrower: classes of fields whose annotation is too general to build them.

    Raises:
        InputError: for an unknown setting, or a value that is not of the setting's kind.
    """
    if not isinstance(values, dict):
        raise InputError(f"{kind.__name__} is {values!r}; it must be settings by name")
    hints = get_type_hints(kind) | dict(narrower or {})
    known = {f.name: f for f in dataclasses.fields(kind) if f.init}
    arguments = {}
    for name, value in values.items():
        if name not in known:
            raise unknown(f"setting of {kind.__name__}", name, known)
        hint = hints[name]
        if dataclasses.is_dataclass(hint):
            arguments[name] = config_from_dict(hint, value)  # type: ignore[arg-type]
            continue
        try:
            arguments[name] = checked_value(name, hint, value)
        except InputError as error:
            raise InputError(
                f"a setting of {kind.__name__} has a value of the wrong kind: {error}"
            ) from error
    none = dataclasses.MISSING
    absent = [n for n, f in known.items() if f.default is none and f.default_factory is none]
    if absent := [name for name in absent if name not in arguments]:
        raise InputError(f"{kind.__name__} has no {', '.join(absent)}; add what is missing")
    return kind(**arguments)


def checked_value(name: str, hint: Any, value: Any) -> Any:
    """A plain value as what a type annotation asks for: lists become tuples, whole floats stay out.

    Args:
        name: what to call the value in the message.
        hint: ``int``, ``float`` (finite; a whole number will do), ``bool``, another class, a
            ``Literal``, a ``tuple`` of these, or `Any`.
        value: a value such as JSON holds.

    Raises:
        InputError: for any other value; the message says what is accepted.
    """
    if get_origin(hint) is tuple:
        kinds = _kinds_of_items(hint, value)
        if kinds is not None:
            pairs = zip(kinds, value, strict=True)
            return tuple(checked_value(f"{name}[{n}]", *pair) for n, pair in enumerate(pairs))
    elif _is_of(hint, value):
        return float(value) if hint is float else value
    raise InputError(f"{name} is {reprlib.repr(value)}; it must be {_in_words(hint)}")


def _kinds_of_items(hint: Any, value: Any) -> tuple[Any, ...] | None:
    """What each item has to be by a tuple's annotation, None where it is no list of that length."""
    if not isinstance(value, list | tuple):
        return None
    kinds = get_args(hint)
    kinds = kinds[:1] * len(value) if kinds[1:] == (...,) else kinds
    return kinds if len(kinds) == len(value) else None


def _is_of(hint: Any, value: Any) -> bool:
    """Whether a value that is no tuple is what an annotation asks for."""
    if get_origin(hint) in (Union, UnionType):
        return any(_is_of(choice, value) for choice in get_args(hint))
    if get_origin(hint) is Literal:
        return any(type(value) is type(choice) and value == choice for choice in get_args(hint))
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return abs(value) <= sys.float_info.max  # neither infinite, NaN nor too long for a float
    if hint is int and isinstance(value, bool):
        return False
    return hint is Any or (isinstance(hint, type) and isinstance(value, hint))


def _in_words(hint: Any) -> str:
    """What an annotation accepts."""
    items = get_args(hint)
    if get_origin(hint) in (Union, UnionType):
        return " or ".join(map(_in_words, items))
    if get_origin(hint) is Literal:
        return f"one of {', '.join(map(repr, items))}"
    if get_origin(hint) is tuple:
        count = "" if items[1:] == (...,) else f"{len(items)} "
        return f"a list of {count}values, each {_in_words(items[0])}"
    return _KINDS.get(hint, f"a {getattr(hint, '__name__', hint)}")


_KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a finite number",
    str: "text",
    dict: "values by name",
    NoneType: "nothing",
}
