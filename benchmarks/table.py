"""Rows of measurements: judged against their targets, printed, and written as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.table import Table

from langlift.cli.lift import make_folder
from langlift.formats.files import atomic_write

FORMAT = "langlift benchmarks 1"


@dataclass(frozen=True)
class Target:
    """A limit that a value is to keep.

    Args:
        limit: in the row's unit, or of its ratio.
        better: whether the figure is to be at least or at most the limit.
        of: the figure that is judged.
    """

    limit: float
    better: Literal["at least", "at most"]
    of: Literal["value", "ratio"] = "value"

    def met(self, figure: float) -> bool:
        """Whether a figure keeps the limit."""
        return figure >= self.limit if self.better == "at least" else figure <= self.limit

    def __str__(self) -> str:
        return f"{self.better} {number(self.limit)}{' x' if self.of == 'ratio' else ''}"


@dataclass(frozen=True)
class Row:
    """One measured figure.

    Args:
        name: what was measured, sizes included.
        value: the figure.
        unit: of the value and the target.
        target: the limit, or None.
        ratio: how many times as fast as the reference form, or None where there is none.
        reference: what the ratio is against.
        group: the group of measurements it belongs to.
        quiet: whether the machine was free while it was measured.
    """

    name: str
    value: float
    unit: str
    target: Target | None = None
    ratio: float | None = None
    reference: str = ""
    group: str = ""
    quiet: bool = True

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without one."""
        if self.target is None:
            return None
        figure = self.ratio if self.target.of == "ratio" else self.value
        return figure is not None and self.target.met(figure)

    def of(self, group: str, quiet: bool) -> Row:
        """The row with the circumstances it was measured in."""
        return replace(self, group=group, quiet=quiet)


def show(rows: Sequence[Row], head: Mapping[str, Any], console: Console) -> None:
    """Print the machine and one table."""
    for name, value in head.items():
        console.print(f"{name}: {_plain(value)}", highlight=False, markup=False)
    table = Table("measured", "value", "unit", "target", "met", "ratio", "to")
    for column in (1, 3, 5):
        table.columns[column].justify = "right"
    for row in rows:
        name = row.name if row.quiet else f"{row.name} (busy machine)"
        target = "" if row.target is None else str(row.target)
        met = {None: "", True: "yes", False: "NO"}[row.met]
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        table.add_row(name, number(row.value), row.unit, target, met, ratio, row.reference)
    console.print(table)
    judged = [row.met for row in rows if row.met is not None]
    if judged:
        console.print(f"{sum(judged)} of {len(judged)} targets met", highlight=False)


def write_json(rows: Sequence[Row], head: Mapping[str, Any], path: Path) -> Path:
    """Write the machine and all rows. Atomic."""
    make_folder(path.parent)
    entries = [{**asdict(row), "met": row.met} for row in rows]
    content = {"format": FORMAT, **head, "rows": entries}
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return path


def number(value: float) -> str:
    """A figure with the digits that mean something: 12,345 or 3.21 or 0.000123."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_plain(item)}" for name, item in value.items())
    if isinstance(value, list | tuple):
        return " ".join(map(_plain, value)) or "none"
    return number(value) if isinstance(value, float) else str(value)
