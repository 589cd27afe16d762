"""``langlift data``: what a dataset's files hold, and whether they are what they should be."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from ..errors import InputError, unknown
from .arguments import comma_list, parse, progress
from .data_choice import choose, open_chosen
from .data_describe import DescribeArguments, run_describe
from .tables import cell, console, print_line, print_table

if TYPE_CHECKING:
    from ..datasets.checking.quality import Group, Quality, SubjectContents

_WORDS = ("check", "2D", "the worst of them", "where")
_COLOURS = {"ok": "green", "note": "cyan", "warning": "yellow", "error": "bold red"}
FOUND_ERRORS = 1


@dataclass(frozen=True)
class CheckArguments:
    """Look whether a dataset's files are what they should be; exit status 1 if they are not.

    Args:
        path: folder or file of the dataset, or a folder with a folder for each (default: the
            environment variable LANGLIFT_DATA).
        dataset: its name (see docs/data.md); found out from the files if absent.
        annotation: labels of MPI-INF-3DHP: annot3 or univ.
        source: kinds of 2D to look at, separated by commas; all if absent.
        frames: of each recording whose geometry is looked at.
        quiet: print nothing but errors.
        json: print everything that was found as JSON.
    """

    path: Annotated[tyro.conf.Positional[Path | None], tyro.conf.arg(metavar="PATH")] = None
    dataset: str | None = None
    annotation: str | None = None
    source: Annotated[str | None, tyro.conf.arg(aliases=["--sources"])] = None
    frames: int = 64
    quiet: bool = False
    json: bool = False


def run(argv: Sequence[str]) -> int:
    """Run the verb."""
    if not argv or argv[0] in ("-h", "--help"):
        print(
            "usage: langlift data check [PATH] [--dataset NAME] | "
            "langlift data describe [PATH] [--dataset NAME] [--out FOLDER] | "
            "langlift data import FOLDER --out CORPUS"
        )
        return 0
    if argv[0] == "check":
        return _check(parse(CheckArguments, argv[1:], "data check"))
    if argv[0] == "describe":
        return run_describe(parse(DescribeArguments, argv[1:], "data describe"))
    if argv[0] == "import":
        from .data_import import run as run_import

        return run_import(argv[1:])
    raise unknown("data command", argv[0], ("check", "describe", "import"))


def _check(args: CheckArguments) -> int:
    from ..datasets.checking.quality import check_dataset

    if args.frames < 2:
        raise InputError(f"frames is {args.frames}; at least 2 must be looked at")
    name, path = choose(args.path, args.dataset)
    dataset = open_chosen(path, name, args.annotation)
    sources = None
    if args.source is not None:
        sources = comma_list(args.source, dataset.sources(), "2D source")
    with progress(f"checking {name}", args.quiet or args.json) as advance:
        quality = check_dataset(dataset, sources, args.frames, advance)
    if args.json:
        about = {"dataset": name, "path": str(path), **quality.content()}
        print(json.dumps({**about, "facts": dataset.facts()}))
    elif not args.quiet:
        _show(name, path, quality)
    return FOUND_ERRORS if quality.level == "error" else 0


def _show(name: str, path: Path, quality: Quality) -> None:
    from ..datasets.checking.quality import grouped

    on = console()
    print_line(on, f"{name}: {path}")
    print_table(on, "What the files hold", *contents_cells(quality.contents))
    header = ["level", "check", "2D", "times", "the worst of them", "where"]
    rows = [
        [
            f"[{_COLOURS[g.worst.level]}]{g.worst.level}[/]",
            *map(
                cell,
                (g.worst.check, g.worst.source, g.count, g.worst.message, _where(g)),
            ),
        ]
        for g in grouped(quality.findings)
    ]
    print_table(on, "What was found", header, rows, words=_WORDS)
    errors = sum(finding.level == "error" for finding in quality.findings)
    warnings = sum(finding.level == "warning" for finding in quality.findings)
    print_line(on, f"{_count(errors, 'error')}, {_count(warnings, 'warning')}")


def _where(group: Group) -> str:
    """Where it was found; of what is right one place is enough."""
    return group.where if group.worst.level in ("warning", "error") else group.worst.where


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def contents_cells(contents: Sequence[SubjectContents]) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the table of what the files hold."""
    sources = list(dict.fromkeys(source for each in contents for source in each.frames_2d))
    header = ["subject", "actions", "cameras", "recordings", "3D frames"]
    header += [f"2D frames, {source}" for source in sources]
    rows = [
        [
            each.subject,
            f"{len(each.actions)}",
            f"{len(each.cameras)}",
            f"{each.recordings:,}",
            f"{each.frames_3d:,}",
            *(f"{each.frames_2d[s]:,}" if s in each.frames_2d else "-" for s in sources),
        ]
        for each in contents
    ]
    return header, [[cell(value) for value in row] for row in rows]
