"""Protocol `mocap`: the motion corpus, subject-disjoint, four Human3.6M cameras.

Every clip of the part is seen by the four cameras of Human3.6M's S9, with exact 2D (``gt``) and
with detector noise (``noisy``). Predictions and truth are relative to the pelvis, in camera axes.

Averages: *frame mean* over all frames of all views; *class mean* over the scored classes with at
least `CLASS_CLIPS` clips, of the frame mean of each. Intervals: bootstrap over clips, the cameras
of a clip kept together, 95 %.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Protocol

import numpy as np

from .._version import __version__
from ..datasets.clips import LabelledClip
from ..datasets.corpus import Corpus
from ..datasets.mocap_views import EVALUATION_CAMERAS, Source2D, View, mocap_views
from ..geometry.cameras import Camera
from ..geometry.human36m import human36m_cameras
from ..lifting.lifter import Lifter, LiftOptions
from ..methods.base import Precision
from ..metrics import d_mpjpe, mpjpe, mpjve, pa_mpjpe
from ..tracks import Keypoints, Motion
from .classical import CLASSICAL, classical
from .evaluation import Bars, no_bars
from .report import Figure, Report, Row, Table, Unit

NAME = "mocap"
CLASS_CLIPS = 20
_RESAMPLES, _SEED = 1000, 0
_UNITS: dict[str, Unit] = {
    "MPJPE": "mm",
    "D-MPJPE": "mm",
    "P-MPJPE": "mm",
    "MPJVE": "mm/frame",
}


class LiftsTracks(Protocol):
    """Anything that lifts like a Lifter."""

    def lift(self, keypoints: Keypoints, camera: Camera | None = None) -> Motion:
        """Lift one track."""
        ...


@dataclass(frozen=True)
class Measured:
    """What one model did on all views, view by view.

    Args:
        clip: (v) index of the clip of each view.
        frames: (v) frames.
        errors: metric to (v) mean over the view's frames, metres (or metres per frame).
        right: (v) 1 where the action was named rightly, 0 where wrongly, NaN without an answer.
        classes: how many actions the model chooses from; 0 if it names none.
    """

    clip: np.ndarray
    frames: np.ndarray
    errors: Mapping[str, np.ndarray]
    right: np.ndarray
    classes: int = 0


@dataclass(frozen=True)
class WithOptions:
    """A lifter that lifts every track with the same options."""

    lifter: Lifter
    options: LiftOptions

    def lift(self, keypoints: Keypoints, camera: Camera | None = None) -> Motion:
        """Lift a track."""
        return self.lifter.lift(keypoints, camera, self.options)


def measure(
    lifter: LiftsTracks,
    clips: Sequence[LabelledClip],
    source: Source2D,
    progress: Callable[[int, int], None] | None = None,
    scored_actions: Sequence[str] = (),
) -> Measured:
    """Lift every view of every clip and keep the errors."""
    cameras = len(human36m_cameras(EVALUATION_CAMERAS))
    clip, frames, right, classes = [], [], [], 0
    errors: dict[str, list[float]] = {name: [] for name in _UNITS}
    for n, view in enumerate(mocap_views(clips, source)):
        motion = lifter.lift(view.keypoints, view.camera)
        for name, value in _view_errors(motion, view).items():
            errors[name].append(value)
        clip.append(n // cameras)  # names are unique within a source only
        frames.append(len(motion))
        right.append(_named_rightly(motion, view, scored_actions))
        classes = len(motion.action.labels) if motion.action is not None else 0
        if progress is not None:
            progress(n + 1, cameras * len(clips))
    return Measured(
        np.array(clip),
        np.array(frames, dtype=float),
        {name: np.array(values) for name, values in errors.items()},
        np.array(right, dtype=float),
        classes,
    )


def evaluate_on_corpus(
    models: Mapping[str, Lifter | None],
    corpus: Corpus,
    clips: Sequence[LabelledClip],
    sources: Sequence[Source2D],
    facts: Mapping[str, Any],
    precisions: Sequence[Precision] = ("fp32",),
    bars: Bars = no_bars,
    split: str = "core",
) -> Report:
    """Measure models on clips of the motion corpus, side by side.

    Args:
        models: by the name in the tables; None for the classical one of that name.
        corpus: what classical models are fitted to, and the classes that are scored.
        clips: what is measured.
        sources: of the 2D.
        facts: of the clips and models, see `corpus_facts`.
        precisions: of trained models.
        bars: opens a progress bar for each model and 2D source.
        split: of the corpus.
    """
    scored = corpus.split(split).scored_classes
    classes = enough_clips(clips, scored)
    training = corpus.clips("train", split) if set(models) & set(CLASSICAL) else []
    results = {}
    for name, lifter in models.items():
        each: Sequence[Precision] = precisions if lifter is not None else ["fp32"]
        for precision, source in product(each, sources):
            if lifter is None:
                model: LiftsTracks = classical(name, training, source)
            else:
                model = WithOptions(lifter, LiftOptions(precision=precision))
            title = name if precision == "fp32" else f"{name}, {precision}"
            with bars(f"{title}, {source}") as advance:
                results[title, source] = measure(model, clips, source, advance, classes)
    fitted = {
        "classical models": "fitted on the train subjects seen by the cameras of Human3.6M's "
        "training subjects; linear regression for each kind of 2D by itself"
    }
    return report(results, clips, scored, {**facts, **(fitted if training else {})})


def corpus_facts(
    clips: Sequence[LabelledClip],
    models: Mapping[str, Lifter | None],
    split: str = "core",
    part: str = "test",
    only: str | None = None,
) -> dict[str, Any]:
    """What a report on the motion corpus says of clips and models.

    Args:
        clips: what is measured.
        models: by name; None for a classical one.
        split: of the corpus.
        part: of the split.
        only: the data sources that the clips were restricted to.
    """
    weights = {
        name: f"{lifter.digest[:12]}, {lifter.bundle.card.get('data', 'not stated')}"
        for name, lifter in models.items()
        if lifter is not None
    }
    trained = {
        "weights": weights,
        "flip averaging": "yes",
        "precision": "fp32 where no other is named",
    }
    return {
        "data": f"motion corpus, split {split}, part {part}: {len(clips)} clips, "
        f"{sum(map(len, clips))} frames, {len({c.subject for c in clips})} subjects"
        + (f", only {only}" if only else ""),
        **(trained if weights else {}),
        "langlift": __version__,
    }


def _view_errors(motion: Motion, view: View) -> dict[str, float]:
    one = len(motion) < 2
    return {
        "MPJPE": float(mpjpe(motion.joints, view.truth)),
        "D-MPJPE": float(d_mpjpe(motion.joints, view.truth)),
        "P-MPJPE": float(pa_mpjpe(motion.joints, view.truth)),
        "MPJVE": float("nan") if one else float(mpjve(motion.joints, view.truth)),
    }


def _named_rightly(motion: Motion, view: View, scored: Sequence[str]) -> float:
    if motion.action is None or view.clip.action not in scored:
        return float("nan")
    return float(motion.action.label == view.clip.action)


def enough_clips(clips: Sequence[LabelledClip], scored_classes: Sequence[str]) -> list[str]:
    """The scored classes with at least `CLASS_CLIPS` clips."""
    counts = Counter(clip.action for clip in clips)
    return [c for c in scored_classes if counts[c] >= CLASS_CLIPS]


def report(
    results: Mapping[tuple[str, Source2D], Measured],
    clips: Sequence[LabelledClip],
    scored_classes: Sequence[str],
    facts: Mapping[str, Any],
) -> Report:
    """Tables of all models and 2D sources: overall, per data source, per class, per subject."""
    classes = enough_clips(clips, scored_classes)
    tables = [
        Table("All clips", [_overall(m, s, r, clips, classes) for (m, s), r in results.items()]),
        _paired(results, len(clips)),
        _grouped("data source", results, [c.source for c in clips]),
        _grouped("subject", results, [c.subject for c in clips]),
        _grouped("action", results, [c.action for c in clips]),
    ]
    all_facts = {
        **facts,
        "protocol": f"4 cameras of Human3.6M {EVALUATION_CAMERAS}, intrinsics given to the lifter; "
        "root-relative, predicted root set to 0",
        "averages": f"frame mean; class mean over {len(classes)} scored classes with >= "
        f"{CLASS_CLIPS} clips",
        "intervals": f"95 %, bootstrap over clips ({_RESAMPLES} resamples), cameras kept together",
        "action": "label estimated from the 2D motion, one of K; accuracy per view, same classes",
    }
    return Report(NAME, all_facts, [t for t in tables if t is not None])


def _overall(
    model: str,
    source: Source2D,
    result: Measured,
    clips: Sequence[LabelledClip],
    classes: Sequence[str],
) -> Row:
    figures = {
        name: interval(result, result.errors[name], unit, len(clips))
        for name, unit in _UNITS.items()
        if np.isfinite(result.errors[name]).any()  # clips of one frame have no velocity
    }
    label = np.array([c.action for c in clips])[result.clip]
    if classes:
        per_class = [np.where(label == c, result.errors["MPJPE"], np.nan) for c in classes]
        figures["class-mean MPJPE"] = _mean_of(result, per_class, len(clips))
    if np.isfinite(result.right).any():
        each_view = replace(result, frames=np.ones(len(result.frames)))
        figures["action accuracy"] = interval(each_view, result.right, "%", len(clips))
    tags = {"2D": source, "K": str(result.classes or "-"), "views": str(len(result.clip))}
    return Row(model, tags, figures)


def _mean_of(result: Measured, groups: Sequence[np.ndarray], clips: int) -> Figure:
    """The mean of the frame means of groups of views; each group is resampled by itself."""
    draws = np.array([bootstrap(result, errors, clips) for errors in groups])
    low, high = np.nanpercentile(np.nanmean(draws, axis=0), [2.5, 97.5]) * 1000
    means = [interval(result, errors, "mm", clips).value for errors in groups]
    return Figure(float(np.mean(means)), "mm", float(low), float(high))


def interval(result: Measured, errors: np.ndarray, unit: Unit, clips: int) -> Figure:
    """The frame mean of values (v) with its interval over so many clips.

    Values are metres (shown in mm), metres per frame (mm/frame) or shares (%).
    """
    means = bootstrap(result, errors, clips)
    usable = np.isfinite(errors)
    scale = 100 if unit == "%" else 1000
    value = float(np.average(errors[usable], weights=result.frames[usable])) * scale
    low, high = np.nanpercentile(means, [2.5, 97.5]) * scale
    return Figure(value, unit, float(low), float(high))


def bootstrap(result: Measured, errors: np.ndarray, clips: int) -> np.ndarray:
    """Frame means of errors (v) over resampled clips; views without an error (NaN) are left out.

    The resamples are the same for every model and setting, so their results pair. One without any
    usable view is NaN.
    """
    usable = np.isfinite(errors)
    weight = np.where(usable, result.frames, 0.0)
    total = np.bincount(result.clip, weight * np.nan_to_num(errors), minlength=clips)
    frames = np.bincount(result.clip, weight, minlength=clips)
    draws = np.random.default_rng(_SEED).integers(0, clips, (_RESAMPLES, clips))
    count = frames[draws].sum(axis=1)
    return total[draws].sum(axis=1) / np.where(count > 0, count, np.nan)


def _paired(results: Mapping[tuple[str, Source2D], Measured], clips: int) -> Table | None:
    """MPJPE of every model minus that of the last one, on the same resamples."""
    last = list(results)[-1][0]
    rows = []
    for (model, source), result in results.items():
        if model == last or (last, source) not in results:
            continue
        other = results[last, source]
        gap = bootstrap(result, result.errors["MPJPE"], clips) - bootstrap(
            other, other.errors["MPJPE"], clips
        )
        value = np.average(result.errors["MPJPE"], weights=result.frames) - np.average(
            other.errors["MPJPE"], weights=other.frames
        )
        low, high = np.percentile(gap, [2.5, 97.5]) * 1000
        figure = Figure(float(value) * 1000, "mm", float(low), float(high))
        rows.append(Row(f"{model} - {last}", {"2D": source}, {"MPJPE difference": figure}))
    return Table("Paired differences", rows) if rows else None


def _grouped(
    what: str, results: Mapping[tuple[str, Source2D], Measured], groups: Sequence[str]
) -> Table:
    """A row per group, a column per model and 2D source."""
    names = np.array(groups)
    rows = []
    for group in sorted(set(groups)):
        figures = {}
        for (model, source), result in results.items():
            mine = names[result.clip] == group
            value = np.average(result.errors["MPJPE"][mine], weights=result.frames[mine])
            figures[f"{model}, {source}"] = Figure(float(value) * 1000, "mm")
        rows.append(Row(group, {"clips": str(int((names == group).sum()))}, figures))
    return Table(f"Frame-mean MPJPE by {what}", rows, what)
