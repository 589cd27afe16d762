"""The tables of an evaluation on recordings, and the published figures that may stand beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from .._version import __version__
from ..datasets.recordings import RecordedDataset
from ..lifting.lifter import Lifter
from .card import other_labels
from .evaluation import EvaluationOptions, Plan, compared, measured
from .measures import MEASURES, SHOWN
from .origin import Origin, action_words
from .published import Published, published_for
from .report import NOTE, Figure, Report, Row, Table, Unit
from .scores import Score, average, joint_means, mean_of, tail_mean
from .spec import Average, ProtocolSpec

_ROOTS = {
    "keep": "as the network put it; it counts as a joint",
    "zero": "the predicted root put at 0, the other joints as they are",
    "subtract": "the predicted root subtracted from all joints",
}
_WINDOWS = {
    "track": "the whole video; every frame counts once",
    "separate": "windows of the network's length, the last one moved back: the frames that it "
    "shares with the one before count twice",
    "averaged": "windows of the network's length, the last one moved back: a frame of two windows "
    "counts once, with the mean of both errors",
}
_AVERAGES: dict[Average, str] = {
    "action": "action mean",
    "sequence": "sequence mean",
    "subject and action": "subject and action mean",
    "frame": "frame mean",
}
#: What the fact on published figures starts with.
NOT_SHOWN = "not shown: "
_SHOWN_MISSING = 5


@dataclass(frozen=True)
class Result:
    """What one model did with one kind of 2D.

    Args:
        model: what the model is called in the tables.
        lifter: the model.
        plan: what was evaluated.
        scores: of all recordings.
        origin: what its figures are made from.
    """

    model: str
    lifter: Lifter
    plan: Plan
    scores: Sequence[Score]
    origin: Origin


def report(
    results: Sequence[Result],
    dataset: RecordedDataset,
    spec: ProtocolSpec,
    usual: ProtocolSpec,
    options: EvaluationOptions,
) -> Report:
    """Tables of all models and 2D sources.

    Args:
        results: of at least one model.
        dataset: the data.
        spec: the protocol as it was applied.
        usual: the protocol as it stands in `PROTOCOLS`; what differs is stated.
        options: what was evaluated.
    """
    tables = [_overall(results, spec), *_action_accuracy(results, spec)]
    tables += _by_action(results, spec)
    if spec.average == "subject and action":
        tables.append(_by_subject_and_action(results, spec))
    else:
        tables.append(_by_group("subject", results, spec, lambda score: score.subject))
    apart = any(score.sequence != score.subject for r in results for score in r.scores)
    if "sequence" in (spec.average, spec.beside) and apart:
        tables.append(_by_group("sequence", results, spec, lambda score: score.sequence))
    tables += _by_joint(results, spec)
    told = facts(results, dataset, spec, usual, options)
    if reason := why_no_published(results, spec, options):
        told["published figures"] = f"{NOT_SHOWN}{reason}"
    else:
        tables += _published(results, spec)
    return Report(spec.name, told, tables)


def why_no_published(
    results: Sequence[Result], spec: ProtocolSpec, options: EvaluationOptions
) -> str:
    """Why published figures may not stand beside these, in words; empty where they may."""
    for result in results:
        if result.origin.training == "test":
            return f"{result.model} was trained on subjects that are measured"
    if said := _other_labels(results, spec):
        return said[0]
    if said := _chosen(spec, options):
        return f"they are of the whole test set, and these are of {said[0]}"
    missing = max((r.plan.left_out for r in results), key=len)
    videos = f"{len(missing)} videos of it are missing here"
    return f"they are of the whole test set, and {videos}" if missing else ""


def _row(
    result: Result,
    spec: ProtocolSpec,
    figures: Mapping[str, Figure],
    tags: Mapping[str, str] | None = None,
) -> Row:
    own = {"2D": result.plan.source, **(tags or {})}
    return Row(result.model, own, figures, result.origin)


def _figure(measure: str, value: float) -> Figure:
    unit = MEASURES[measure].unit
    return Figure(value * SHOWN[unit], unit)


def _figures(spec: ProtocolSpec, value: Callable[[str], float | None]) -> dict[str, Figure]:
    found = {name: value(name) for name in spec.metrics}
    return {name: _figure(name, mean) for name, mean in found.items() if mean is not None}


def _overall(results: Sequence[Result], spec: ProtocolSpec) -> Table:
    """A row for each average of each model, the headline first."""
    rows = []
    for result in results:
        counts = {
            "class": result.origin.label,
            "recordings": str(len(result.scores)),
            "frames": str(sum(score.frames for score in result.scores)),
        }
        for name, figures in _averages(result.scores, spec).items():
            rows.append(_row(result, spec, figures, {"average": name, **counts}))
    return Table("Overall", rows)


def _averages(scores: Sequence[Score], spec: ProtocolSpec) -> dict[str, dict[str, Figure]]:
    """Figures by the name of the average."""
    shown = {
        _AVERAGES[kind]: _figures(spec, lambda m, k=kind: average(scores, m, k))
        for kind in dict.fromkeys((spec.average, spec.beside, "frame"))
    }
    if tail := _figures(spec, lambda m: tail_mean(scores, m, spec.tail)) if spec.tail else {}:
        shown[f"tail: mean of {', '.join(spec.tail)}"] = tail
    return shown


def _action_accuracy(results: Sequence[Result], spec: ProtocolSpec) -> list[Table]:
    """How often networks that name an action were right, of recordings of labels they know."""
    rows = []
    for result in results:
        right, asked = (sum(score.named[n] for score in result.scores) for n in (0, 1))
        if asked:
            figures = {"action accuracy": Figure(100 * right / asked, "%")}
            rows.append(_row(result, spec, figures, {"recordings": f"{asked:.0f}"}))
    return [Table("Action accuracy, recording mean", rows)] if rows else []


def _labels(results: Sequence[Result], spec: ProtocolSpec) -> list[str]:
    """Class labels in the protocol's order, further ones by name; none if there is only ``""``."""
    found = {label for r in results for score in r.scores for label in score.sums}
    known = [label for label in spec.actions if label in found]
    labels = [*known, *sorted(found - set(known))]
    return [] if labels == [""] else labels


def _by_action(results: Sequence[Result], spec: ProtocolSpec) -> list[Table]:
    """MPJPE with a column for each label, as papers have it; all measures with a row for each."""
    labels = _labels(results, spec)
    if not labels:
        return []
    wide, long = [], []
    for result in results:
        columns = {}
        for label in labels:
            own = _figures(
                spec, lambda m, r=result, k=label: mean_of(r.scores, m, lambda _, of: of == k)
            )
            if own:
                name = label or "no label"
                columns[name] = own["MPJPE"]
                long.append(_row(result, spec, own, {"action": name}))
        wide.append(_row(result, spec, columns))
    return [Table("MPJPE by action, frame means", wide), Table("By action, frame means", long)]


def _by_subject_and_action(results: Sequence[Result], spec: ProtocolSpec) -> Table:
    rows = []
    for result in results:
        keys = dict.fromkeys(
            (label, score.subject)
            for label in _labels(results, spec)
            for score in result.scores
            if label in score.sums
        )
        for measure in spec.metrics:
            figures = {}
            for action, subject in keys:
                mean = mean_of(
                    result.scores,
                    measure,
                    lambda s, own, a=action, p=subject: (own, s.subject) == (a, p),
                )
                if mean is not None:
                    column = f"{action} {subject.rpartition('/')[2]}"
                    figures[column] = _figure(measure, mean)
            rows.append(_row(result, spec, figures, {"measure": measure}))
    return Table("By subject and action, frame means", rows)


def _by_group(
    what: str, results: Sequence[Result], spec: ProtocolSpec, group: Callable[[Score], str]
) -> Table:
    rows = []
    for result in results:
        for key in dict.fromkeys(group(score) for score in result.scores):
            own = [score for score in result.scores if group(score) == key]
            figures = _figures(spec, lambda m, o=own: mean_of(o, m))
            tags = {what: key, "frames": str(sum(score.frames for score in own))}
            rows.append(_row(result, spec, figures, tags))
    return Table(f"By {what}, frame means", rows)


def _by_joint(results: Sequence[Result], spec: ProtocolSpec) -> list[Table]:
    """Mean distances of joints and of the parts of the body, over all frames."""
    joints: list[Row] = []
    parts: list[Row] = []
    for result in results:
        skeleton = compared(spec, result.lifter)
        means = joint_means(result.scores) * SHOWN["mm"]
        by_joint = dict(zip(skeleton.joints, means.tolist(), strict=True))
        by_part = {name: float(means[list(own)].mean()) for name, own in skeleton.parts.items()}
        for rows, found in ((joints, by_joint), (parts, by_part)):
            # With blanks a terminal can break the heads of so many columns.
            figures = {name.replace("_", " "): Figure(v, "mm") for name, v in found.items()}
            rows.append(_row(result, spec, figures))
    return [
        Table("Mean distance by joint, frame means", joints),
        Table("Mean distance by part of the body, frame means", parts),
    ]


def _published(results: Sequence[Result], spec: ProtocolSpec) -> list[Table]:
    """For each class of figures that is among ours: those figures, and their single actions."""
    tables = []
    classes = dict.fromkeys((r.plan.source, r.origin.kind) for r in results)
    for source, (action, aggregation) in classes:
        origin = Origin(
            action="given" if action == "given" else "none",
            aggregation=aggregation,  # pyright: ignore[reportArgumentType]  from an Origin
        )
        found = published_for(spec.name, spec.variant, source, origin, spec.average)
        of = [spec.name, source, *([spec.variant] if spec.variant else [])]
        title = f"Published, same class ({', '.join([*of, aggregation])}, action {action})"
        if rows := [_published_row(row) for row in found if row.figures]:
            tables.append(Table(title, rows))
        if rows := [_published_actions(row, spec) for row in found if row.actions]:
            tables.append(Table(f"{title}: MPJPE by action", rows))
    return tables


def _published_row(row: Published) -> Row:
    sizes = {"parameters": "M", "MACs": "G"}
    shown = {n: f"{row.figures[n]:g} {unit}" for n, unit in sizes.items() if n in row.figures}
    tags = {
        "paper": f"{row.paper}, {row.table}",
        "window": str(row.frames or "-"),
        **dict.fromkeys(sizes, "-"),
        **shown,
        NOTE: row.caveats or "-",
    }
    figures = {n: Figure(v, _unit(n)) for n, v in row.figures.items() if n not in sizes}
    return Row(row.model, tags, figures, row.origin, published=True)


def _published_actions(row: Published, spec: ProtocolSpec) -> Row:
    """In the protocol's order, so that the columns are those of our table."""
    order = [*(name for name in spec.actions if name in row.actions), *row.actions]
    figures = {name: Figure(row.actions[name], "mm") for name in dict.fromkeys(order)}
    tags = {"paper": row.paper, "window": str(row.frames or "-")}
    return Row(row.model, tags, figures, row.origin, published=True)


def _unit(metric: str) -> Unit:
    """Of a published figure; one that is an average of ours has the unit of that."""
    if metric == "action accuracy":
        return "%"
    return MEASURES[metric.removeprefix("tail ")].unit


def facts(
    results: Sequence[Result],
    dataset: RecordedDataset,
    spec: ProtocolSpec,
    usual: ProtocolSpec,
    options: EvaluationOptions,
) -> dict[str, Any]:
    """Everything that holds for all figures."""
    first = results[0]
    notes = dict.fromkeys(n for r in results for score in r.scores for n in score.notes)
    told: dict[str, Any] = {
        "title": spec.title,
        **dataset.facts(list(dict.fromkeys(r.plan.source for r in results))),
        "recordings": measured([r.plan for r in results]),
        "subjects": first.plan.subjects or dataset.subjects,
        "actions": first.plan.actions,
        "left out by the protocol": spec.excluded,
        "not evaluated": _shortened(first.plan.left_out),
        "other than the protocol": "; ".join(
            (*deviations(spec, usual, options), *_other_labels(results, spec))
        ),
        "root": _ROOTS[spec.root],
        "windows": _WINDOWS[spec.windows],
        "flip averaging": "yes" if spec.flip else "no",
        "headline": f"{_AVERAGES[spec.average]}, in which every "
        f"{'frame' if spec.average == 'frame' else 'group'} counts the same",
        "measures": {name: MEASURES[name].description for name in spec.metrics},
        "weights": {r.model: _weights(r) for r in results},
        "action": action_words({r.model: r.origin.action for r in results}),
        "hypotheses": spec.aggregation if spec.aggregation != "single" else "",
        "2D and 3D": _apart(results),
        "approximations": tuple(notes),
        "precision": "fp32 where no other is named",
        "device": first.lifter.engine.device.type,
        "notes": "; ".join(spec.notes),
        "langlift": __version__,
    }
    return {name: value for name, value in told.items() if value}


def _weights(result: Result) -> str:
    card = result.lifter.bundle.card
    data, said = card.get("data", "not stated"), card.get("selection", "not stated")
    selection = result.origin.selection
    other = f" (its card says {said})" if said != selection else ""
    selection = "on subjects that are measured" if selection == "test" else selection
    seen = ", trained on subjects that are measured" if result.origin.training == "test" else ""
    if seen and card.get("dataset") == "custom":
        seen += " (or on others of the same names: people in data of your own are known by name)"
    digest = result.lifter.digest[:12]
    return f"{digest}, trained on: {data}, selection: {selection}{other}{seen}"


def _other_labels(results: Sequence[Result], spec: ProtocolSpec) -> list[str]:
    """Of every model that was trained on another set of labels: that it was, in words."""
    labels = {r.model: other_labels(r.lifter, spec) for r in results}
    return [
        f"{model} was trained on the labels {of}, and these are {spec.variant}"
        for model, of in labels.items()
        if of
    ]


def _apart(results: Sequence[Result]) -> str:
    """Which recordings' 2D lies off their 3D, in words; empty for none."""
    found = [f"{s.name} ({r.plan.source})" for r in results for s in r.scores if s.apart]
    names = _shortened([*dict.fromkeys(found)])
    return f"2D lies off the 3D in {names}; see langlift data check" if names else ""


def _shortened(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN_MISSING} more" if len(names) > _SHOWN_MISSING else ""
    count = f"{len(names)}: " if names else ""
    return count + ", ".join(names[:_SHOWN_MISSING]) + more


def deviations(spec: ProtocolSpec, usual: ProtocolSpec, options: EvaluationOptions) -> list[str]:
    """What was evaluated in another way than the protocol says, in words."""
    said = [
        f"{f.name} {getattr(spec, f.name)} instead of {getattr(usual, f.name)}"
        for f in fields(ProtocolSpec)
        if f.name in ("root", "windows", "flip") and getattr(spec, f.name) != getattr(usual, f.name)
    ]
    said += _chosen(spec, options)
    trained = [s for s in options.subjects or () if s in (*spec.train, *spec.val)]
    if trained:
        said.append(f"{', '.join(trained)} are not test subjects")
    return said


def _chosen(spec: ProtocolSpec, options: EvaluationOptions) -> list[str]:
    """Subjects and actions that were asked for instead of the protocol's, in words."""
    return [
        f"{what} {', '.join(chosen)} instead of {', '.join(own) or 'all'}"
        for what, chosen, own in (
            ("subjects", options.subjects, spec.test),
            ("actions", options.actions, spec.actions),
        )
        if chosen is not None and set(chosen) != set(own)
    ]
