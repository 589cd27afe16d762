"""Look into what a pickled data set holds: a clear sentence where it is odd."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InputError, check_shape
from .stand_ins import kind_of


def dictionary(value: Any, what: str) -> dict[str, Any]:
    """A dictionary by text that holds something.

    Args:
        value: from the file.
        what: what to call it in the message.

    Raises:
        InputError: for anything else; the message does not name the file.
    """
    if not isinstance(value, dict) or not value or any(type(key) is not str for key in value):
        got = f"of type {kind_of(value)}"
        if isinstance(value, dict):
            got = "a dictionary by other things than text" if value else "an empty dictionary"
        raise InputError(
            f"{what} is {got}; it must be a dictionary by name: give the data set's own file"
        )
    return value


def by_subject(value: Any, what: str) -> dict[str, dict[str, Any]]:
    """A dictionary of dictionaries by text, such as ``{subject: {video: ...}}``.

    Raises:
        InputError: for anything else, see `dictionary`.
    """
    return {
        key: dictionary(of, f"{what} of {key!r}") for key, of in dictionary(value, what).items()
    }


def member(values: dict[str, Any], name: str, what: str) -> Any:
    """An entry of a dictionary that must be there.

    Raises:
        InputError: where it is not; the message does not name the file.
    """
    if name not in values:
        raise InputError(
            f"{what} lacks {name!r} and holds {', '.join(values)}; the file is of another version: "
            "give the data set's own file"
        )
    return values[name]


def numbers(value: Any, pattern: str, what: str) -> np.ndarray:
    """An array of real numbers of a shape, see `check_shape`.

    Raises:
        InputError: for anything else; the message does not name the file.
    """
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "biuf":
        raise InputError(
            f"{what} is no array of numbers ({kind_of(value)}); give the data set's own file"
        )
    check_shape(value, pattern, what)
    return value


def frames_of(value: Any) -> int | None:
    """How many frames an array (f, ...) has; None for what is no array."""
    return len(value) if isinstance(value, np.ndarray) and value.ndim else None
