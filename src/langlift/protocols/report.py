"""Figures that say what they are.

A figure never travels without its tags: dataset, split, 2D source, camera, where the action label
came from, how it was averaged, how many clips. One that used ground truth at test time carries the
word ``oracle`` in every table and file: a report in which it would not is refused, when it is made
as well as when it is printed, saved or read back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..errors import InputError, printable
from ..formats.files import atomic_write, naming, read_json
from .origin import Origin
from .report_form import MOST_DIGITS, Unit, are_digits, check_form, is_figure

#: The tag that holds free text, which may speak of other figures than the row's.
NOTE = "note"
#: Facts that speak of other figures than the report's own.
_OF_OTHERS = ("experiment", "note", "notes", "published", "published figures")


@dataclass(frozen=True)
class Figure:
    """One number with its 95 % interval (None where none was computed).

    Args:
        value: in its unit.
        unit: of the value and the interval.
        low: lower end of the interval.
        high: upper end of the interval.
        digits: shown after the point; None for those that are usual for the unit.
    """

    value: float
    unit: Unit
    low: float | None = None
    high: float | None = None
    digits: int | None = None

    def __post_init__(self) -> None:
        if not (self.digits is None or are_digits(self.digits)):
            raise InputError(
                f"digits is {self.digits!r}; a figure has 0 to {MOST_DIGITS} digits after the point"
            )
        for value in (self.value, self.low, self.high):
            if value is not None and not is_figure(value):
                raise InputError(f"a figure is {value!r}; it must be a number, and finite")

    def __str__(self) -> str:
        digits = self.shown_digits
        text = f"{self.value:.{digits}f}"
        if self.low is not None and self.high is not None:
            text += f" [{self.low:.{digits}f}, {self.high:.{digits}f}]"
        return text

    @property
    def shown_digits(self) -> int:
        """Digits after the point: two of a ratio, else one, where no others were asked for."""
        usual = 2 if self.unit == "x" else 1
        return usual if self.digits is None else self.digits

    def content(self) -> dict[str, Any]:
        """As plain values, for JSON; usual digits are not told."""
        return {n: v for n, v in asdict(self).items() if n != "digits" or v is not None}


@dataclass(frozen=True)
class Row:
    """One model under one kind of input.

    Args:
        model: name of the model.
        tags: what the figures are of (2D source, camera, label source, ...); the same keys in
            every row of a table.
        figures: metric name to figure.
        origin: what was used to make them.
        published: whether they are somebody else's, of which the facts of a report say nothing.
    """

    model: str
    tags: Mapping[str, str]
    figures: Mapping[str, Figure]
    origin: Origin = field(default_factory=Origin)
    published: bool = False

    @property
    def name(self) -> str:
        """The model's name, with ``oracle`` and why where it applies."""
        return f"{self.model} ({self.origin.mark})" if self.origin.oracle else self.model

    def check(self, *about: str) -> None:
        """Refuse figures that used ground truth of the test data without the word ``oracle``.

        Args:
            about: texts that hold for these figures, besides those of the row.

        Raises:
            InputError: when a text, a tag, a name or the origin says that they did and the mark
                of the row would not.
        """
        tags = [f"{name}: {value}" for name, value in self.tags.items() if name != NOTE]
        texts = (self.model, *tags, *self.figures, *about)
        told = [truth for text in texts for truth in self.origin.untold(text)]
        if "oracle" not in self.name:
            told += self.origin.truth_used
        if told:
            raise InputError(
                f"the figures of {self.model!r} used ground truth of the test data "
                f"({', '.join(dict.fromkeys(told))}) but would not carry the word oracle for it; "
                "give their row that origin"
            )


@dataclass(frozen=True)
class Table:
    """Rows under one heading.

    Args:
        title: the heading; what it says holds for every row.
        rows: all with the same tags; a metric that a row lacks is shown as ``-``.
        what: what the rows are, for the head of the first column.
    """

    title: str
    rows: Sequence[Row]
    what: str = "model"

    def cells(self) -> tuple[list[str], list[list[str]]]:
        """Header and cells as text."""
        if not self.rows:
            raise InputError(f"table {self.title!r} has no rows; evaluate at least one model")
        tags = list(self.rows[0].tags)
        units = {n: f.unit for row in self.rows for n, f in row.figures.items()}
        header = [self.what, *tags, *(f"{name} ({unit})" for name, unit in units.items())]
        body = [
            [
                row.name,
                *(row.tags[t] for t in tags),
                *(str(row.figures[n]) if n in row.figures else "-" for n in units),
            ]
            for row in self.rows
        ]
        return header, body


@dataclass(frozen=True)
class Report:
    """The outcome of an evaluation.

    Args:
        protocol: its name.
        facts: everything that holds for all figures: dataset, split, licence, averaging,
            intervals, versions, weights.
        tables: the figures.
    """

    protocol: str
    facts: Mapping[str, Any]
    tables: Sequence[Table] = field(default_factory=tuple)

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        """Refuse what `Row.check` refuses, in all tables, by their titles and the facts, too."""
        models = {row.model for table in self.tables for row in table.rows if not row.published}
        facts = {model: self._facts_on(model, models) for model in models}
        for table in self.tables:
            for row in table.rows:
                row.check(table.title, *(() if row.published else facts[row.model]))

    def _facts_on(self, model: str, models: Set[str]) -> list[str]:
        """The facts that hold for a model's figures, as text; of facts by model, its own."""
        return [
            f"{name}: {in_words(value.get(model, '') if by_model else value)}"
            for name, value in self.facts.items()
            if name not in _OF_OTHERS
            for by_model in [isinstance(value, Mapping) and not models.isdisjoint(value)]
        ]

    @classmethod
    def from_content(cls, content: Any) -> Report:
        """The report that `content` was made of.

        Raises:
            InputError: for values of another form, or an origin and its mark that do not agree.
        """
        check_form(content)
        tables = [
            Table(t["title"], [_row(r) for r in t["rows"]], t.get("what", "model"))
            for t in content["tables"]
        ]
        return cls(content["protocol"], dict(content["facts"]), tables)

    @classmethod
    def from_file(cls, path: str | Path) -> Report:
        """The report in a JSON file; the message of every `InputError` names the file."""
        with naming(path):
            return cls.from_content(read_json(Path(path)))

    def markdown(self) -> str:
        """The report as Markdown; names from files stay in the line and cell they are of."""
        self.check()
        lines = [f"# Protocol `{self.protocol}`", ""]
        lines += [f"- {name}: {in_words(value)}" for name, value in self.facts.items()]
        for table in self.tables:
            header, body = table.cells()
            lines += ["", f"## {table.title}", "", _line(header), "|" + "---|" * len(header)]
            lines += map(_line, body)
        return "\n".join(map(printable, lines)) + "\n"

    def content(self) -> dict[str, Any]:
        """The report as plain values, for JSON."""
        self.check()
        return {
            "protocol": self.protocol,
            "facts": dict(self.facts),
            "tables": [
                {
                    "title": t.title,
                    "what": t.what,
                    "rows": [_content(row) for row in t.rows],
                }
                for t in self.tables
            ],
        }

    def save(self, folder: Path, stem: str) -> list[Path]:
        """Write Markdown and JSON; returns the paths."""
        texts = {".md": self.markdown(), ".json": _json(self.content())}
        paths = []
        for suffix, text in texts.items():
            path = folder / f"{stem}{suffix}"
            with atomic_write(path) as temporary:
                temporary.write_text(text, encoding="utf-8")
            paths.append(path)
        return paths


def _content(row: Row) -> dict[str, Any]:
    """A row as plain values."""
    figures = {name: figure.content() for name, figure in row.figures.items()}
    return {**asdict(row), "figures": figures, "mark": row.origin.mark}


def _row(content: Mapping[str, Any]) -> Row:
    """A row of `Report.content`; rows of before there were origins have only ``oracle``, false."""
    if "origin" not in content and content["oracle"]:
        raise InputError("a row says oracle but not why; evaluate it again with this langlift")
    origin = Origin(**content.get("origin", {}))
    if (mark := content.get("mark", None if "origin" in content else "")) != origin.mark:
        raise InputError(
            f"the row of {content['model']!r} is marked {mark!r}, but its origin says "
            f"{origin.mark!r}; restore the file that langlift wrote"
        )
    figures = {name: Figure(**figure) for name, figure in content["figures"].items()}
    published = content.get("published", False)
    return Row(content["model"], dict(content["tags"]), figures, origin, published)


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def _line(cells: Sequence[str]) -> str:
    """A line of a table in Markdown."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def in_words(value: Any) -> str:
    """A fact as text."""
    if isinstance(value, Mapping):
        return "; ".join(f"{k}: {v}" for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(str(v) for v in value)
    return str(value)
