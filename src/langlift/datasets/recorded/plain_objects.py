"""Look into what a pickled data set holds, and into units: a clear sentence where it is odd."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import InputError, check_shape
from ...formats.stand_ins import kind_of
from ...skeletons import Skeleton

#: The longest bone of a person, metres; a child's is longer than the first.
_LONGEST_BONE = (0.05, 2.0)
_UNITS = {"metres": 1.0, "millimetres": 1000.0}


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


def check_unit(joints: np.ndarray, skeleton: Skeleton, unit: str, what: str) -> None:
    """Raise `InputError` unless the bones have the length of a person's.

    Args:
        joints: (f, j, 3) in the unit; frames with NaN are left out.
        skeleton: theirs.
        unit: ``metres`` or ``millimetres``: what a file of this kind is in.
        what: whose joints they are, for the message.
    """
    joints = joints[np.isfinite(joints).all(axis=(1, 2))]
    if not len(joints):
        return
    child, parent = np.array(skeleton.bones).T
    lengths = np.linalg.norm(joints[:, child] - joints[:, parent], axis=-1)
    longest = float(np.median(lengths.max(axis=1)))
    low, high = (limit * _UNITS[unit] for limit in _LONGEST_BONE)
    if low <= longest <= high:
        return
    other = next(
        (u for u, per in _UNITS.items() if u != unit and 0.05 * per <= longest <= 2.0 * per), None
    )
    guess = f", which would be right in {other}" if other else ""
    raise InputError(
        f"the longest bone of {what} measures {longest:.4g} {unit}{guess}; this file must be in "
        f"{unit}: convert it, or give the data set's own"
    )
