"""How a figure of ours may stand to the published one: beside it, or not at all, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..protocols.published import Published
from ..protocols.report import Figure, Report, Row, Table
from ..protocols.tables import NOT_SHOWN
from .experiment import Experiment
from .listing import class_of, figures_of
from .networks import PAPERS_READER, Reader, reader_of
from .scales import SCALES


def with_published(
    report: Report,
    experiment: Experiment,
    scale: str,
    corpus: bool,
    seed: int,
    text: Reader | None = None,
) -> Report:
    """A report on an experiment, with the published figure where it may stand beside ours.

    It may where the run had the published size, the data are those of the row, whole, and the
    published figure is of the same class and average and nothing of it is inferred. Elsewhere a
    fact says what was published and why it is not beside ours, and tables of other published
    figures are left out.

    Args:
        report: of the evaluation, its first table being the overall one.
        experiment: what was run.
        scale: name in `SCALES`.
        corpus: whether it ran on the motion corpus instead of the row's data.
        seed: of the run.
        text: what read its prompts, where that was chosen.
    """
    apart, reader = why_apart(report, experiment, scale, corpus, text), reader_of(experiment, text)
    row = experiment.published
    facts = {
        "experiment": f"{experiment.name}: {experiment.paper}, {experiment.table}, "
        f"{experiment.row}",
        "scale": f"{scale}: {SCALES[scale].description}",
        "seed": str(seed),
        **({"text encoder": reader} if reader else {}),
        **({"note": experiment.note} if experiment.note else {}),
    }
    if row is not None and apart:
        mark = class_of(row)
        told = f"{figures_of(row)}{f' ({mark})' if mark else ''}, at full scale on the row's data"
        facts["published"] = f"{told}; not comparable with this run: {apart}"
    tables = list(report.tables)
    if row is not None and not apart:
        tables.insert(0, _side_by_side(report, row))
    if scale != "full" or corpus:
        tables = [t for t in tables if not all(row.published for row in t.rows)]
    return replace(report, facts={**facts, **report.facts}, tables=tables)


def why_apart(
    report: Report, experiment: Experiment, scale: str, corpus: bool, text: Reader | None = None
) -> str:
    """Why the published figure may not stand beside ours; empty where it may."""
    row, ours = experiment.published, report.tables[0].rows[0]
    if corpus:
        return "the data are the motion corpus"
    if scale != "full":
        return f"the scale is {scale}, which is no reproduction"
    if "published figures" in report.facts:
        return str(report.facts["published figures"]).removeprefix(NOT_SHOWN)
    if row is None:
        return "no figure is known"
    if text not in (None, PAPERS_READER):
        return f"its text encoder is {PAPERS_READER}, ours is {text}"
    if row.inferred:
        return f"{row.inferred} is inferred"
    if row.source != experiment.source:
        return f"its 2D source is {row.source}, ours is {experiment.source}"
    if row.average and ours.tags["average"] != f"{row.average} mean":
        return f"its average is the {row.average} mean, ours the {ours.tags['average']}"
    if row.origin.kind != ours.origin.kind:
        return f"it is of another class ({class_of(row)})"
    return ""


def _side_by_side(report: Report, row: Published) -> Table:
    """Our figures and the published ones of the same metrics."""
    overall = report.tables[0].rows
    ours = overall[0]
    figures = {**ours.figures, **_tail(overall)}
    shared = {name: figures[name] for name in row.figures if name in figures}
    theirs = {name: Figure(row.figures[name], figure.unit) for name, figure in shared.items()}
    own = {"figure": "ours", "2D": row.source, "class": row.origin.label}
    return Table(
        f"{row.paper}, {row.table}: {row.model}",
        [
            Row(ours.model, own, shared, ours.origin),
            Row(row.model, {**own, "figure": "published"}, theirs, row.origin, published=True),
        ],
    )


def _tail(overall: Sequence[Row]) -> dict[str, Figure]:
    """Figures of the row of the tail actions, by their published names."""
    found = [row for row in overall if row.tags.get("average", "").startswith("tail")]
    return {f"tail {name}": figure for row in found for name, figure in row.figures.items()}
