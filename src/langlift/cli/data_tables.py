"""What ``langlift data check`` and ``describe`` share: which dataset is meant, and tables."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..datasets.checking.guess import CORPUS
from ..datasets.registry import DATASETS, open_dataset
from ..errors import InputError, printable, unknown

if TYPE_CHECKING:
    from rich.console import Console

    from ..datasets.recordings import RecordedDataset

_PIPE_COLUMNS = 220
#: Columns of words; the others are figures.
_WORDS = {"level", "check", "2D", "the worst of them", "where", "subject", "action"}


def where(path: Path | None, data: Path | None) -> Path:
    """The one path of the two ways to give it."""
    given = [p for p in (path, data) if p is not None]
    if len(given) != 1:
        got = "no path given" if not given else f"two paths given, {given[0]} and {given[1]}"
        raise InputError(f"{got}; give the folder or file of the dataset once")
    return given[0]


def open_named(path: Path, name: str, annotation: str | None) -> RecordedDataset:
    """The dataset of that name at a path."""
    if name == CORPUS:
        raise InputError(
            f"{path} is a motion corpus, which has no 2D to check; langlift data describe tells "
            "what it holds"
        )
    if name not in DATASETS:
        raise unknown("dataset", name, DATASETS)
    options = {} if annotation is None else {"annotation": annotation}
    return open_dataset(name, path, **options)


def cell(value: Any) -> str:
    """A value as text that a table shows as it is."""
    from rich.markup import escape

    return escape(printable(str(value)))


def console() -> Console:
    """Where tables are printed."""
    from rich.console import Console

    # A table that is cut to 80 columns loses digits; a file or pipe has no width.
    return Console() if sys.stdout.isatty() else Console(width=_PIPE_COLUMNS)


def print_table(
    on: Console, title: str, header: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    """Print rows of cells, see `cell`."""
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for name in header:
        table.add_column(name, justify="left" if name in _WORDS else "right", overflow="fold")
    for row in rows:
        table.add_row(*row)
    on.print(table)
