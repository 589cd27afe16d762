"""What langlift says when an input cannot be used.

Every message tells what was got, what is accepted and what to do. The command prints it in one
line and exits with status 2; in Python it is an ordinary exception.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any


def printable(text: str) -> str:
    """The text with everything escaped that cannot be printed, line ends included.

    File names and names in files may hold anything, also what moves the cursor of a terminal.
    """
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
    )


class LangliftError(Exception):
    """Something the caller can mend; the message says how, in one `printable` line."""

    def __init__(self, message: str = "") -> None:
        super().__init__(printable(message))


class InputError(LangliftError, ValueError):
    """An input (argument, file, array) that cannot be used as it is."""


class ShapeError(InputError):
    """An array of another shape than the function takes; carries both as attributes."""

    def __init__(self, message: str, expected: str, got: tuple[int, ...]) -> None:
        super().__init__(message)
        self.expected = expected
        self.got = got


def unknown(kind: str, name: str, known: Iterable[str], listed: str = "") -> InputError:
    """The error for a name that is not in a registry, with the nearest known one.

    Args:
        kind: what the name is of, for the sentence ("skeleton", "model").
        name: what was got.
        known: the names that are accepted.
        listed: what lists them, where they are too many for a sentence: the nearest are named.
    """
    names = sorted(known)
    if listed:
        near = difflib.get_close_matches(name.lower(), names, n=3, cutoff=0.0)
        return InputError(f"unknown {kind} {name!r}; nearest: {', '.join(near)}; {listed} has all")
    near = difflib.get_close_matches(name.lower(), [n.lower() for n in names], n=1, cutoff=0.5)
    hint = ""
    if near:
        hint = f"; did you mean {next(n for n in names if n.lower() == near[0])!r}?"
    return InputError(f"unknown {kind} {name!r}; known: {', '.join(names)}{hint}")


def check_shape(array: Any, pattern: str, name: str) -> dict[str, int]:
    """Check an array's shape against a small shape language; returns the sizes of the named axes.

    Args:
        array: anything with a ``shape``.
        pattern: axes separated by spaces; a number must match, a letter names an axis (the same
            letter twice must have the same size), a leading ``*`` stands for any axes.
        name: what to call the array in the message.

    Raises:
        ShapeError: when the shape does not fit.
    """
    shape: Sequence[int] = tuple(array.shape)
    axes = pattern.split()
    tail = axes[1:] if axes[0] == "*" else axes
    rank_fits = len(shape) >= len(tail) if axes[0] == "*" else len(shape) == len(tail)
    sizes: dict[str, int] = {}
    fits = rank_fits
    if rank_fits:
        for axis, size in zip(tail, shape[len(shape) - len(tail) :], strict=True):
            wanted = int(axis) if axis.isdigit() else sizes.setdefault(axis, size)
            fits = fits and wanted == size
    if not fits:
        raise ShapeError(
            f"{name} has shape {tuple(shape)}; it must be ({', '.join(axes)})",
            pattern,
            tuple(shape),
        )
    return sizes
