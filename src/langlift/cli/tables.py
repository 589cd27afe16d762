"""Tables in the terminal, for all verbs: figures are never cut, whatever the terminal's width."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from ..errors import printable
from ..protocols.report import Report, in_words

if TYPE_CHECKING:
    from rich.console import Console

Rows = Sequence[Sequence[str]]
#: A file or pipe has no width; every row is one line in it.
_PIPE_COLUMNS = 1000
#: Borders and padding of a column, and the border that ends the table.
_FRAME, _END = 3, 1
#: In a column of text words may be broken that are longer; the first column's are never.
_WORD = 32
#: Where columns of text would have to be narrower than this, rows are printed as paragraphs.
_TEXT = 24


def console() -> Console:
    """Where tables are printed: the terminal, or a file or pipe, as wide as COLUMNS says if set."""
    from rich.console import Console

    class Output(Console):
        def on_broken_pipe(self) -> NoReturn:
            raise BrokenPipeError  # or it would exit with 1, which tells of errors in data

    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) > 0:
        return Output(width=int(columns))
    return Output() if sys.stdout.isatty() else Output(width=_PIPE_COLUMNS)


def cell(value: Any) -> str:
    """A value as a cell that shows it as it is."""
    from rich.markup import escape

    return escape(printable(str(value)))


def print_line(on: Console, text: str) -> None:
    """Print text as it is, in one line whatever the width: folded words cannot be copied."""
    on.print(printable(text), markup=False, highlight=False, soft_wrap=True)


def print_facts(on: Console, facts: Mapping[str, Any]) -> None:
    """Print what holds for all tables that follow, a line each."""
    for name, value in facts.items():
        print_line(on, f"  {name}: {in_words(value)}")


def print_table(
    on: Console,
    title: str | None,
    header: Sequence[str],
    rows: Rows,
    words: Collection[str] = (),
    tags: Collection[str] = (),
) -> None:
    """Print a table; what does not fit beside the rest stands in a further table below it.

    Args:
        on: where.
        title: above it, None for none.
        header: of the columns. The first tells what a row is, and is repeated in every part with
            all that it takes to tell the rows apart, and with the columns of text behind it as
            far as they leave half of the width.
        rows: of cells, see `cell`; styles may be added to those.
        words: columns of text besides the first, which are folded where there is no room.
        tags: columns that tell what a row is, besides the first and those of text.
    """
    from rich.table import Table

    texts = {header[0], *words}
    needed = _needed_by(header, rows, texts, on.width)
    lead = _telling(header, rows, {*texts, *tags})
    parts = _parts([width for width, _ in needed], [n in texts for n in header], lead, on.width)
    for k, part in enumerate(parts):
        table = Table(title=None if k or title is None else cell(title), title_justify="left")
        widths = _widened([needed[c] for c in part], on.width)
        for c, width in zip(part, widths, strict=True):
            justify = "left" if header[c] in texts else "right"
            table.add_column(cell(header[c]), justify=justify, overflow="fold", width=width)
        table.width = _total(widths)
        for row in rows:
            table.add_row(*(row[c] for c in part))
        on.print(table, crop=False)


def print_texts(on: Console, title: str, header: Sequence[str], rows: Rows) -> None:
    """Print a table of text; where it would be hard to read, a paragraph for each row instead.

    Args:
        on: where.
        title: above it.
        header: of the columns; the first cell of a row is the head of its paragraph.
        rows: of cells, see `cell`.
    """
    from rich.padding import Padding

    needed = _needed_by(header, rows, set(header), on.width)
    if _total(max(least, min(most, _TEXT)) for least, most in needed) <= on.width:
        print_table(on, title, header, rows, words=header)
        return
    on.print(f"[italic]{cell(title)}[/]", highlight=False)
    for name, *texts in rows:
        on.print(f"[bold]{name}[/]", highlight=False, soft_wrap=True)
        told = " | ".join(
            f"[dim]{cell(head)}:[/] {text}" for head, text in zip(header[1:], texts, strict=True)
        )
        on.print(Padding(told, (0, 0, 0, 2), expand=False), highlight=False)


def show_report(report: Report) -> None:
    """Print a report; as everywhere, figures made with the truth carry the word oracle.

    Raises:
        InputError: for a report whose rows do not, see `Report.check`.
    """
    report.check()
    on = console()
    print_line(on, f"protocol {report.protocol}")
    print_facts(on, report.facts)
    for table in report.tables:
        header, body = table.cells()
        rows = [[cell(value) for value in row] for row in body]
        told = {name: "".join(row.tags[name] for row in table.rows) for name in table.rows[0].tags}
        words = [name for name, text in told.items() if any(map(str.isalpha, text))]
        print_table(on, table.title, header, rows, words, tags=[*told])


def _total(widths: Iterable[int]) -> int:
    """Width of a table of columns of these widths."""
    return sum(width + _FRAME for width in widths) + _END


def _needed_by(
    header: Sequence[str], rows: Rows, texts: Collection[str], width: int
) -> list[tuple[int, int]]:
    """`_needed` of every column."""
    return [
        _needed(name, [row[k] for row in rows], name in texts, _WORD if k else width)
        for k, name in enumerate(header)
    ]


def _needed(name: str, cells: Sequence[str], text: bool, word: int) -> tuple[int, int]:
    """The least width of a column, longer words being broken, and that at which none is folded."""
    from rich.cells import cell_len
    from rich.text import Text

    lines = [Text.from_markup(value).plain for value in cells]
    least = max(map(cell_len, name.split()), default=1)
    longest = max(map(cell_len, lines), default=1)
    if not text:
        return max(least, longest), max(least, longest)
    unbroken = max((cell_len(part) for line in lines for part in line.split()), default=1)
    return max(least, min(unbroken, word)), max(cell_len(name), longest)


def _telling(header: Sequence[str], rows: Rows, among: Collection[str]) -> list[int]:
    """The first column, and of some others those that it takes to tell the rows apart."""
    found: list[int] = [0]
    count = len({row[0] for row in rows})
    for c in range(1, len(header)):
        more = len({tuple(row[k] for k in (*found, c)) for row in rows})
        if header[c] in among and more > count:
            found.append(c)
            count = more
    return found


def _parts(
    least: Sequence[int], text: Sequence[bool], telling: Sequence[int], width: int
) -> list[list[int]]:
    """The columns of each part, those that tell the rows apart in every one."""
    columns = range(len(least))

    def total(of: Sequence[int]) -> int:
        return _total(least[c] for c in of)

    if total(columns) <= width:
        return [[*columns]]
    lead = [*telling]
    for c in columns[1:]:
        if not text[c] or (c not in lead and 2 * total([*lead, c]) > width):
            break
        lead = sorted({*lead, c})
    parts = [lead]
    for c in columns:
        if c in lead:
            continue
        if len(parts[-1]) > len(lead) and total([*parts[-1], c]) > width:
            parts.append(lead)
        parts[-1] = sorted([*parts[-1], c])
    return parts


def _widened(needed: Sequence[tuple[int, int]], width: int) -> list[int]:
    """The widths of a part's columns: what room is left goes to those that would be folded."""
    widths = [least for least, _ in needed]
    left = width - _total(widths)
    while left > 0 and any(w < most for w, (_, most) in zip(widths, needed, strict=True)):
        narrow = [k for k, (_, most) in enumerate(needed) if widths[k] < most]
        widths[min(narrow, key=lambda k: widths[k])] += 1
        left -= 1
    return widths
