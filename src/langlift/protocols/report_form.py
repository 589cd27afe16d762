"""The form of a report as plain values, and what is wrong with one that somebody changed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from math import nan
from numbers import Real
from typing import Any, Literal, get_args

from ..errors import InputError
from .catalogue import PROTOCOLS
from .origin import Origin

Unit = Literal["mm", "mm/frame", "mm/frame2", "%", "x"]

_KINDS = {
    **{str: "a text", dict: "an object", list: "a list"},
    **{bool: "true or false", int: "a whole number"},
}
_LARGEST = 1e300  # differences stay finite
#: Digits after the point that a figure may be shown with.
MOST_DIGITS = 6
_TOLD = 40  # characters of a wrong value


def check_form(content: Any) -> None:
    """Refuse what is no report as plain values, see `Report.content`.

    Raises:
        InputError: with the first fault: something that is missing, empty or of another type, a
            figure that is no finite number, rows of one table with different tags.
    """
    for fault in _faults(content):
        raise InputError(
            f"this is no report of langlift evaluate ({fault}); give the .json file that it wrote"
        )


def _faults(content: Any) -> Iterator[str]:
    """What is wrong; what follows the first fault may rest on it."""
    yield from _wrong(content, "the report", {"protocol": str, "facts": dict, "tables": list})
    yield from (f"the {name} are empty" for name in ("facts", "tables") if not content[name])
    for k, table in enumerate(content["tables"], 1):
        yield from _wrong(table, f"table {k}", {"title": str, "rows": list}, {"what": str})
        title, rows = table["title"], table["rows"]
        if not rows:
            yield f"table {title!r} has no rows"
        for n, row in enumerate(rows, 1):
            yield from _faults_of_row(row, f"row {n} of table {title!r}")
            if row.get("published") and "paper" not in row["tags"]:
                yield f"row {n} of table {title!r} is said to be published but has no tag 'paper'"
            if row["tags"].keys() != rows[0]["tags"].keys():
                yield f"row {n} of table {title!r} has other tags than the first"
    if content["protocol"] in PROTOCOLS:
        yield from _of_unknown_weights(content)


def _of_unknown_weights(content: Mapping[str, Any]) -> Iterator[str]:
    """Where a measured row is of a model of whose weights the facts say nothing."""
    weights = content["facts"].get("weights")
    known = weights if isinstance(weights, dict) else {}
    for table in content["tables"]:
        for row in table["rows"]:
            if not row.get("published") and row["model"] not in known:
                yield f"the fact 'weights' does not name {row['model']!r}"


def _faults_of_row(row: Any, where: str) -> Iterator[str]:
    has = {"model": str, "tags": dict, "figures": dict}
    yield from _wrong(row, where, has, {"mark": str, "published": bool})
    if "origin" in row:
        names = {f.name: str for f in fields(Origin)}
        yield from _wrong(row["origin"], f"the origin of {where}", {}, names, only=True)
    elif not isinstance(row.get("oracle"), bool):  # which rows of before there were origins have
        yield f"{where} has no 'origin'"
    yield from _wrong(row["tags"], f"the tags of {where}", dict.fromkeys(row["tags"], str))
    for name, figure in row["figures"].items():
        what = f"the figure {name!r} of {where}"
        bounds = {"low": object, "high": object}
        may = {**bounds, "digits": int}
        yield from _wrong(figure, what, {"value": object, "unit": str}, may, only=True)
        if not are_digits(figure.get("digits", 0)):
            yield f"'digits' of {what} is {_told(figure['digits'])}, beyond 0 to {MOST_DIGITS}"
        if figure["unit"] not in get_args(Unit):
            yield f"{what} has the unit {_told(figure['unit'])}"
        for key in ("value", *bounds):
            number = figure.get(key)
            if not (is_figure(number) or (number is None and key in bounds)):
                yield f"{key!r} of {what} is {_told(number)} instead of a finite number"


def are_digits(value: Any) -> bool:
    """Whether something is a number of digits after the point, see `MOST_DIGITS`."""
    return type(value) is int and 0 <= value <= MOST_DIGITS


def is_figure(value: Any) -> bool:
    """Whether something is a finite number, of a size that can be subtracted."""
    number: Any = value if isinstance(value, Real) and not isinstance(value, bool) else nan
    return -_LARGEST <= number <= _LARGEST  # not so for NaN


def _wrong(
    value: Any,
    what: str,
    must: Mapping[str, type],
    may: Mapping[str, type] | None = None,
    only: bool = False,
) -> Iterator[str]:
    """Where something is no object with these entries (and, with `only`, no others)."""
    if not isinstance(value, dict):
        yield f"{what} is {_told(value)} instead of an object"
    yield from (f"{what} has no {name!r}" for name in must if name not in value)
    known = {**must, **(may or {})}
    for name, entry in value.items():
        if name in known and not isinstance(entry, known[name]):
            yield f"{name!r} of {what} is {_told(entry)} instead of {_KINDS[known[name]]}"
        if only and name not in known:
            yield f"{what} has an entry {_told(name)}, which is not known"


def _told(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= _TOLD else f"{text[:_TOLD]}..."
