"""The tables of a report on the motion corpus.

Figures that used the true action stand in rows that say oracle; where a table has a column for each
model, in a table of their own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..datasets.clips import LabelledClip
from ..datasets.mocap_views import EVALUATION_CAMERAS, Source2D
from ..lifting.lifter import ACTION_WINDOW
from ..skeletons import HUMAN36M_17
from .measured import (
    INTERVAL,
    RESAMPLES,
    Measured,
    bootstrap,
    difference,
    frame_mean,
    interval,
)
from .origin import Origin
from .report import Figure, Report, Row, Table, Unit

NAME = "mocap"
CLASS_CLIPS = 20
UNITS: dict[str, Unit] = {
    "MPJPE": "mm",
    "D-MPJPE": "mm",
    "P-MPJPE": "mm",
    "MPJVE": "mm/frame",
}
#: Metrics whose differences between models are shown.
_COMPARED = ("MPJPE", "D-MPJPE")
#: What was measured: by the model's name in the tables and the kind of 2D.
Results = Mapping[tuple[str, Source2D], Measured]
Pairs = Sequence[tuple[str, str]]
Origins = Mapping[str, Origin]


def enough_clips(clips: Sequence[LabelledClip], scored_classes: Sequence[str]) -> list[str]:
    """The scored classes with at least `CLASS_CLIPS` clips."""
    counts = Counter(clip.action for clip in clips)
    return [c for c in scored_classes if counts[c] >= CLASS_CLIPS]


def report(
    results: Results,
    clips: Sequence[LabelledClip],
    scored_classes: Sequence[str],
    facts: Mapping[str, Any],
    pairs: Pairs = (),
    origins: Origins | None = None,
) -> Report:
    """Tables of all models and 2D sources.

    Overall, paired differences, per data source, class, subject and joint.

    Args:
        results: of at least one model.
        clips: what was measured.
        scored_classes: of the split.
        facts: of the clips and models.
        pairs: models that are compared with each other, in more detail; one that is in no pair is
            compared with the last model.
        origins: what a model's figures are made from, where that is not the usual.
    """
    classes = enough_clips(clips, scored_classes)
    made = {model: (origins or {}).get(model, Origin()) for model, _ in results}
    tables = [
        Table(
            "All clips",
            [
                Row(m, *_overall(s, r, clips, classes), origin=made[m])
                for (m, s), r in results.items()
            ],
        ),
        *_paired(results, pairs, made, len(clips)),
        *_grouped("data source", results, [c.source for c in clips], made),
        *_grouped("subject", results, [c.subject for c in clips], made),
        *_grouped("action", results, [c.action for c in clips], made),
        *_by_joint(results, made),
        *_paired_by_action(results, pairs, made, clips),
        *_paired_by_joint(results, pairs, made, len(clips)),
    ]
    all_facts = {
        **facts,
        "protocol": f"4 cameras of Human3.6M {EVALUATION_CAMERAS}, intrinsics given to the lifter; "
        "root-relative, predicted root set to 0",
        "averages": f"frame mean; class mean over {len(classes)} scored classes with >= "
        f"{CLASS_CLIPS} clips",
        "intervals": f"95 %, bootstrap over clips ({RESAMPLES} resamples), cameras kept together",
        **_naming(results, made),
    }
    return Report(NAME, all_facts, [table for table in tables if table.rows])


def _naming(results: Results, origins: Origins) -> dict[str, str]:
    """What a report says of models that name the action, where any of those measured does."""
    own = [r for (m, _), r in results.items() if r.classes and origins[m].action != "given"]
    if not own:
        return {}
    said = ["label estimated from the 2D motion, one of K"]
    if any(np.isfinite(r.right).any() for r in own):
        said.append(
            "action accuracy: share of the views whose one label, the likeliest over windows of "
            f"{ACTION_WINDOW} frames, is right, same classes"
        )
    if any(r.labels is not None and np.isfinite(r.labels).any() for r in own):
        said.append(
            "label accuracy: share of the frames whose own label, which chooses the pose, is right"
        )
    return {"action": "; ".join(said)}


def _overall(
    source: Source2D, result: Measured, clips: Sequence[LabelledClip], classes: Sequence[str]
) -> tuple[dict[str, str], dict[str, Figure]]:
    """Tags and figures of one model."""
    figures = {
        name: interval(result, result.errors[name], unit, len(clips))
        for name, unit in UNITS.items()
        if np.isfinite(result.errors[name]).any()  # clips of one frame have no velocity
    }
    label = np.array([c.action for c in clips])[result.clip]
    if classes:
        per_class = [np.where(label == c, result.errors["MPJPE"], np.nan) for c in classes]
        figures["class-mean MPJPE"] = _mean_of(result, per_class, len(clips))
    if np.isfinite(result.right).any():
        each_view = replace(result, frames=np.ones(len(result.frames)))
        figures["action accuracy"] = interval(each_view, result.right, "%", len(clips))
    if result.labels is not None and np.isfinite(result.labels).any():
        figures["label accuracy"] = interval(result, result.labels, "%", len(clips))
    tags = {"2D": source, "K": str(result.classes or "-"), "views": str(len(result.clip))}
    return tags, figures


def _mean_of(result: Measured, groups: Sequence[np.ndarray], clips: int) -> Figure:
    """The mean of the frame means of groups of views; each group is resampled by itself."""
    draws = np.array([bootstrap(result, errors, clips) for errors in groups])
    low, high = np.nanpercentile(np.nanmean(draws, axis=0), INTERVAL) * 1000
    means = [interval(result, errors, "mm", clips).value for errors in groups]
    return Figure(float(np.mean(means)), "mm", float(low), float(high))


def _origin_of(pair: tuple[str, str], origins: Origins) -> Origin:
    """That of a difference: an oracle's where one of the two is."""
    return next((origins[model] for model in pair if origins[model].oracle), origins[pair[0]])


def _paired(results: Results, pairs: Pairs, origins: Origins, clips: int) -> list[Table]:
    """Differences between the models of the pairs, and of the others to the last one."""
    *others, last = dict.fromkeys(model for model, _ in results)
    in_pairs = {model for pair in pairs for model in pair}
    rows = []
    for pair in (*pairs, *((model, last) for model in others if model not in in_pairs)):
        for source, one, other in _both(results, pair):
            figures = {
                f"{name} difference": difference(
                    (one, one.errors[name]), (other, other.errors[name]), clips
                )
                for name in _COMPARED
            }
            origin = _origin_of(pair, origins)
            rows.append(Row(" - ".join(pair), {"2D": source}, figures, origin))
    return [Table("Paired differences", rows)]


def _both(results: Results, pair: tuple[str, str]) -> Iterator[tuple[Source2D, Measured, Measured]]:
    """What both models did with each kind of 2D that both were measured with."""
    for (model, source), result in results.items():
        if model == pair[0] and (pair[1], source) in results:
            yield source, result, results[pair[1], source]


def _paired_by_action(
    results: Results, pairs: Pairs, origins: Origins, clips: Sequence[LabelledClip]
) -> list[Table]:
    """The same for the clips of each action."""
    actions = np.array([clip.action for clip in clips])
    rows = []
    for pair in pairs:
        for source, one, other in _both(results, pair):
            for action in sorted(set(actions)):
                figures = {
                    f"{name} difference": difference(
                        (one, np.where(actions[one.clip] == action, one.errors[name], np.nan)),
                        (
                            other,
                            np.where(actions[other.clip] == action, other.errors[name], np.nan),
                        ),
                        len(clips),
                    )
                    for name in _COMPARED
                }
                count = str(int((actions == action).sum()))
                tags = {"2D": source, "action": str(action), "clips": count}
                rows.append(Row(" - ".join(pair), tags, figures, _origin_of(pair, origins)))
    return [Table("Paired differences by action", rows)]


def _paired_by_joint(results: Results, pairs: Pairs, origins: Origins, clips: int) -> list[Table]:
    """The same for each joint but the root, which has no error."""
    rows = []
    for pair in pairs:
        for source, one, other in _both(results, pair):
            if one.joints is None or other.joints is None:
                continue
            for j, joint in enumerate(HUMAN36M_17.joints):
                if j == HUMAN36M_17.root_index:
                    continue
                gap = difference((one, one.joints[:, j]), (other, other.joints[:, j]), clips)
                tags = {"2D": source, "joint": joint}
                figures = {"MPJPE difference": gap}
                rows.append(Row(" - ".join(pair), tags, figures, _origin_of(pair, origins)))
    return [Table("Paired differences by joint", rows)]


def _apart(results: Results, origins: Origins) -> Iterator[tuple[Origin, str, Results]]:
    """Results by the ground truth that they used, and what a title says of it."""
    for used in dict.fromkeys(origin.truth_used for origin in origins.values()):
        own = {key: r for key, r in results.items() if origins[key[0]].truth_used == used}
        origin = next(o for o in origins.values() if o.truth_used == used) if used else Origin()
        yield origin, "".join(f", {truth}" for truth in used), own


def _grouped(what: str, results: Results, groups: Sequence[str], origins: Origins) -> list[Table]:
    """A row per group, a column per model and 2D source."""
    names = np.array(groups)
    tables = []
    for origin, said, own in _apart(results, origins):
        rows = []
        for group in sorted(set(groups)):
            figures = {}
            for (model, source), result in own.items():
                errors = np.where(names[result.clip] == group, result.errors["MPJPE"], np.nan)
                figures[f"{model}, {source}"] = Figure(frame_mean(result, errors) * 1000, "mm")
            count = str(int((names == group).sum()))
            rows.append(Row(group, {"clips": count}, figures, origin))
        tables.append(Table(f"Frame-mean MPJPE by {what}{said}", rows, what))
    return tables


def _by_joint(results: Results, origins: Origins) -> list[Table]:
    """A row per joint, a column per model and 2D source."""
    told = {key: result for key, result in results.items() if result.joints is not None}
    tables = []
    for origin, said, own in _apart(told, origins):
        rows = []
        for j, joint in enumerate(HUMAN36M_17.joints):
            figures = {
                f"{model}, {source}": Figure(frame_mean(result, result.joints[:, j]) * 1000, "mm")
                for (model, source), result in own.items()
                if result.joints is not None
            }
            rows.append(Row(joint, {}, figures, origin))
        if own:
            tables.append(Table(f"Frame-mean error by joint{said}", rows, "joint"))
    return tables
