"""``langlift compare``: two motions or two reports side by side."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import tyro

from ..errors import printable
from ..protocols.compare import compare
from ..protocols.compare_motions import MotionComparison
from ..protocols.compare_reports import ReportComparison
from .arguments import parse

_PIPE_COLUMNS = 220


@dataclass(frozen=True)
class CompareArguments:
    """Compare two motions of the same frames, or two reports of one protocol.

    Args:
        a: a motion (.npz or .json of `langlift lift`) or a report (.json of `langlift evaluate`).
        b: another one of the same kind.
        skeleton: bring the joints of both motions to this convention first.
        worst: list so many of the joints that are farthest apart.
        json: print JSON.
    """

    a: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="A")]
    b: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="B")]
    skeleton: str | None = None
    worst: int = 5
    json: bool = False


def run(argv: Sequence[str]) -> int:
    """Run the verb."""
    args = parse(CompareArguments, argv, "compare")
    found = compare(args.a, args.b, args.skeleton, args.worst)
    if args.json:
        print(json.dumps(found.content()))
    else:
        _show(found)
    return 0


def _show(found: MotionComparison | ReportComparison) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console() if sys.stdout.isatty() else Console(width=_PIPE_COLUMNS)
    for name, value in found.facts.items():
        console.print(printable(f"{name}: {value}"), markup=False, highlight=False)
    header, body = found.cells()
    if body:
        table = Table()
        for k, name in enumerate(header):
            table.add_column(name, justify="left" if k == 0 else "right")
        for row in body:
            table.add_row(*(escape(printable(cell)) for cell in row))
        console.print(table)
    for note in found.notes:
        console.print(printable(f"note: {note}"), markup=False, highlight=False, soft_wrap=True)
