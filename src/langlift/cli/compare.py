"""``langlift compare``: two motions or two reports side by side."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Annotated

import tyro

from ..protocols.compare import compare
from ..protocols.compare_motions import MotionComparison
from ..protocols.compare_reports import ReportComparison
from .arguments import parse
from .tables import cell, console, print_line, print_table


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
    on = console()
    for name, value in found.facts.items():
        print_line(on, f"{name}: {value}")
    header, body = found.cells()
    if isinstance(found, MotionComparison):
        print_table(on, None, header, [[cell(value) for value in row] for row in body])
    else:
        for title, rows in groupby(body, key=lambda row: row[0]):
            cells = [[cell(value) for value in row[1:]] for row in rows]
            print_table(on, title, header[1:], cells, words=("tags", "figure"))
    for note in found.notes:
        print_line(on, f"note: {note}")
