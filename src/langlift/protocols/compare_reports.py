"""The same figures of two reports, and their differences; unlike figures are never subtracted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .report import Figure, Report, Row, Table, in_words

#: Facts about the models, the program or the wording. All others are about the test: where one of
#: them differs, the figures are of different things.
OF_THE_MODEL = frozenset(
    (
        *("weights", "precision", "flip averaging", "classical models", "approximations"),
        *("device", "experiment", "scale", "seed", "2D and 3D"),
        *("action", "actions told"),  # whether figures may be subtracted, `Origin.kind` tells
    )
)
#: What is said elsewhere, too: what differs from the protocol is in the facts on root, windows, ...
_OF_THE_TEXT = frozenset(
    (
        *("title", "note", "notes", "langlift", "other than the protocol"),
        *("published", "published figures", "files"),
    )
)
#: A tag that is about the model: how many classes it knows. Accuracies are of these classes only.
_CLASSES, _ACCURACIES = "K", ("action accuracy", "label accuracy")
#: Tags that match no rows: the class goes by `Origin.kind`, which leaves out what may differ.
_UNMATCHED = (_CLASSES, "class")
_PAPER = "paper"  # a tag of published rows, which are the same in every report
_GAP = "difference"  # at the end of the names of figures that are differences already
_SHOWN = 5


@dataclass(frozen=True)
class Pair:
    """Two rows of the same class and what their figures differ by.

    Args:
        table: title of the table both are in.
        a: the row of A.
        b: the row of B.
        figures: metric to the figure of A, that of B, and B - A.
    """

    table: str
    a: Row
    b: Row
    figures: Mapping[str, tuple[Figure, Figure, float]]

    @property
    def name(self) -> str:
        """The model, or both, with ``oracle`` where it applies."""
        return self.a.name if self.a.name == self.b.name else f"{self.a.name} -> {self.b.name}"

    @property
    def of(self) -> str:
        """The tags of both rows."""
        return ", ".join(f"{name}: {value}" for name, value in _tags(self.a).items())


@dataclass(frozen=True)
class ReportComparison:
    """Rows of two reports that are of the same class, side by side.

    Args:
        names: what A and B are called.
        facts: what both reports say alike about the test, and what they are of.
        pairs: the rows that could be compared.
        notes: what could not, and why, a sentence each.
    """

    names: tuple[str, str]
    facts: dict[str, str]
    pairs: tuple[Pair, ...]
    notes: tuple[str, ...]

    def cells(self) -> tuple[list[str], list[list[str]]]:
        """Header and cells of a table, as text."""
        body = [
            [p.table, p.name, p.of, f"{name} ({a.unit})", str(a), str(b), _signed(gap, a)]
            for p in self.pairs
            for name, (a, b, gap) in p.figures.items()
        ]
        return ["table", "of", "tags", "figure", "A", "B", "B - A"], body

    def content(self) -> dict[str, Any]:
        """The comparison as plain values, for JSON."""
        return {
            "kind": "reports",
            "a": self.names[0],
            "b": self.names[1],
            "facts": self.facts,
            "rows": [
                {
                    "table": p.table,
                    "tags": _tags(p.a),
                    "a": {"model": p.a.model, "mark": p.a.origin.mark},
                    "b": {"model": p.b.model, "mark": p.b.origin.mark},
                    "figures": {
                        name: {"a": a.content(), "b": b.content(), "difference": gap}
                        for name, (a, b, gap) in p.figures.items()
                    },
                }
                for p in self.pairs
            ],
            "notes": [*self.notes],
        }


def compare_reports(a: Report, b: Report, names: tuple[str, str] = ("A", "B")) -> ReportComparison:
    """Match the rows of two reports and subtract the figures of the same class.

    Rows are of the same class when the reports are of one protocol and say the same about the test
    (all facts but those of `OF_THE_MODEL`), and the rows stand in tables of one title, with the
    same tags (2D source, average, ...) and the same `Origin.kind` (whether the true action was
    given, how hypotheses were aggregated). Of these, rows of one model are matched; where each
    report has one row left, they are matched as two models. What is not matched is told.
    """
    facts = {
        "A": names[0],
        "B": names[1],
        "protocol": a.protocol if a.protocol == b.protocol else f"{a.protocol} and {b.protocol}",
    }
    notes, alike = _of_the_reports(a, b)
    pairs: list[Pair] = []
    if alike:
        shared = {table.title: table for table in _own_tables(b)}
        for table in _own_tables(a):
            if table.title in shared:
                found, told = _in_table(table, shared.pop(table.title))
                pairs += found
                notes += told
            else:
                notes.append(f"only A has the table {table.title!r}")
        notes += [f"only B has the table {title!r}" for title in shared]
        if not pairs:
            notes.append("no row of A is of the same class as one of B: nothing is subtracted")
    return ReportComparison(names, facts, tuple(pairs), tuple(notes))


def _of_the_reports(a: Report, b: Report) -> tuple[list[str], bool]:
    """What differs between two reports, and whether their figures are of the same class."""
    if a.protocol != b.protocol:
        return [
            f"A is of protocol {a.protocol} and B of {b.protocol}: figures of different protocols "
            "are of different classes and never subtracted"
        ], False
    differ = [
        name
        for name in dict.fromkeys([*a.facts, *b.facts])
        if name not in _OF_THE_TEXT and a.facts.get(name) != b.facts.get(name)
    ]
    notes = [
        f"{name} differs: {one} in A, {other} in B"
        for fact in differ
        for name, one, other in _told(fact, a.facts.get(fact), b.facts.get(fact))
    ]
    test = [name for name in differ if name not in OF_THE_MODEL]
    if test:
        notes.append(
            f"A and B are not of the same test ({', '.join(test)}): their figures are of different "
            "classes and never subtracted"
        )
    return notes, not test


def _told(name: str, a: Any, b: Any) -> Iterator[tuple[str, str, str]]:
    """What a fact is called and says in A and in B; of facts by name, those that differ.

    A model that only one report measured is no difference between the models of both.
    """
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        for key in dict.fromkeys([*a, *b]):
            shared = key in a and key in b
            if a.get(key) != b.get(key) and (shared or name not in OF_THE_MODEL):
                yield f"{name} of {key}", _words(a.get(key)), _words(b.get(key))
    else:
        yield name, _words(a), _words(b)


def _words(value: Any) -> str:
    return "not stated" if value is None else in_words(value)


def _own_tables(report: Report) -> list[Table]:
    """The tables of figures that are worth subtracting."""
    return [t for t in report.tables if not any(_given_or_gap(row) for row in t.rows)]


def _given_or_gap(row: Row) -> bool:
    return _PAPER in row.tags or all(name.endswith(_GAP) for name in row.figures)


def _in_table(a: Table, b: Table) -> tuple[list[Pair], list[str]]:
    """The pairs of rows of two tables with one title, and what is left over in words."""
    pairs, left = [], ([*a.rows], [*b.rows])
    for one, other in _matches(a, b):
        pairs.append(Pair(a.title, one, other, dict(_differences(one, other))))
        left[0].remove(one)
        left[1].remove(other)
    notes = []
    if left[0] or left[1]:
        told = [f"{_named(row)} of A" for row in left[0]] + [f"{_named(r)} of B" for r in left[1]]
        more = f" and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
        notes.append(
            f"{a.title}: no row of the same class for {'; '.join(told[:_SHOWN])}{more}: figures of "
            "different classes are never subtracted"
        )
    missing = {
        name for p in pairs for name in {*p.a.figures, *p.b.figures} if name not in p.figures
    }
    if missing:
        names = sorted(missing)
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        notes.append(
            f"{a.title}: {'; '.join(names[:_SHOWN])}{more} not subtracted where only one row has "
            "it, in another unit, or over another number of classes"
        )
    return [p for p in pairs if p.figures], notes


def _matches(a: Table, b: Table) -> Iterator[tuple[Row, Row]]:
    theirs = _by_class(b.rows)
    for key, rows in _by_class(a.rows).items():
        others = theirs.get(key, [])
        counts = Counter(row.model for row in (*rows, *others))
        same = {row.model: row for row in others}
        known = [row for row in rows if row.model in same and counts[row.model] == 2]
        yield from ((row, same[row.model]) for row in known)
        names = {row.model for row in known}
        rest = [row for row in rows if row.model not in names]
        rest_of_b = [row for row in others if row.model not in names]
        if len(rest) == len(rest_of_b) == 1 and a.what == b.what == "model":
            yield rest[0], rest_of_b[0]


def _by_class(rows: Sequence[Row]) -> dict[Any, list[Row]]:
    found: dict[Any, list[Row]] = {}
    for row in rows:
        found.setdefault((tuple(sorted(_tags(row).items())), row.origin.kind), []).append(row)
    return found


def _tags(row: Row) -> dict[str, str]:
    return {name: str(value) for name, value in row.tags.items() if name not in _UNMATCHED}


def _named(row: Row) -> str:
    """A row by its model, tags and kind, for a sentence."""
    action, aggregation = row.origin.kind
    kind = [aggregation] if aggregation != "single" else []
    kind += ["true action given"] if action == "given" else []
    words = [*(f"{name} {value}" for name, value in _tags(row).items()), *kind]
    return f"{row.model} ({', '.join(words)})" if words else row.model


def _differences(a: Row, b: Row) -> Iterator[tuple[str, tuple[Figure, Figure, float]]]:
    other_classes = a.tags.get(_CLASSES) != b.tags.get(_CLASSES)
    for name, figure in a.figures.items():
        theirs = b.figures.get(name)
        if theirs is None or theirs.unit != figure.unit:
            continue
        if not (name in _ACCURACIES and other_classes):
            yield name, (figure, theirs, theirs.value - figure.value)


def _signed(gap: float, like: Figure) -> str:
    return f"{gap:+.{like.shown_digits}f}"
