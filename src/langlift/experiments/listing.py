"""The list of experiments as tables and as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

from ..protocols.published import Published
from .experiment import Experiment
from .needs import DataFinder, files_of

HEADER = ("name", "table", "row", "protocol, 2D", "published", "class", "data", "state")
_SHORT = {"parameters": "{:.2f} M", "MACs": "{:.1f} G", "PCK": "{:.1f} %", "AUC": "{:.1f} %"}
_SHORT["action accuracy"] = "{:.1f} %"


def state_of(experiment: Experiment, finder: DataFinder) -> str:
    """Whether an experiment can be run here, and if not why."""
    if experiment.lacks:
        return experiment.lacks
    missing = finder.missing(experiment)
    return f"data not there: {missing}" if missing else "ready"


def figures_of(row: Published | None) -> str:
    """The figures of a published row, with ``oracle`` and why; errors in millimetres."""
    if row is None:
        return "not known"
    shown = [f"{n} {_SHORT.get(n, '{:.1f}').format(v)}" for n, v in row.figures.items()]
    figures = ", ".join(shown)
    return f"{figures} ({row.origin.mark})" if row.origin.oracle else figures


def class_of(row: Published | None) -> str:
    """What a published row was made from, and what of it is inferred."""
    if row is None:
        return "-"
    inferred = f"inferred: {row.inferred}" if row.inferred else ""
    return "; ".join(part for part in (row.origin.label, inferred) if part)


def cells(experiment: Experiment, finder: DataFinder) -> tuple[str, ...]:
    """A line of the table, in the order of `HEADER`."""
    where = " ".join(part for part in (experiment.protocol, experiment.variant) if part)
    return (
        experiment.name,
        experiment.table,
        experiment.row,
        f"{where}, {experiment.source}",
        figures_of(experiment.published),
        class_of(experiment.published),
        files_of(experiment),
        state_of(experiment, finder),
    )


def tables(
    experiments: Sequence[Experiment], finder: DataFinder
) -> list[tuple[str, list[tuple[str, ...]]]]:
    """Title and lines of a table for each paper."""
    return [
        (paper, [cells(experiment, finder) for experiment in rows])
        for paper, rows in groupby(experiments, key=lambda experiment: experiment.paper)
    ]


def content(experiment: Experiment, finder: DataFinder) -> dict[str, Any]:
    """An experiment as plain values, for JSON."""
    row = experiment.published
    values = asdict(experiment)
    values["settings"] = {"kind": type(experiment.settings).__name__, **values["settings"]}
    values["published"] = None if row is None else {**asdict(row), "mark": row.origin.mark}
    values["files"] = files_of(experiment)
    values["state"] = state_of(experiment, finder)
    values["ready"] = values["state"] == "ready"
    return values
