"""Protocol `mocap`: the motion corpus, subject-disjoint, four Human3.6M cameras.

Every clip of the part is seen by the four cameras of Human3.6M's S9, with exact 2D (``gt``) and
with detector noise (``noisy``). Predictions and truth are relative to the pelvis, in camera axes.

Averages: *frame mean* over all frames of all views; *class mean* over the scored classes with at
least `CLASS_CLIPS` clips, of the frame mean of each. Intervals: bootstrap over clips, the cameras
of a clip kept together, 95 %.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal, Protocol, cast

import numpy as np

from .._version import __version__
from ..datasets.clips import LabelledClip
from ..datasets.corpus import Corpus
from ..datasets.mocap_views import EVALUATION_CAMERAS, Source2D, View, mocap_views
from ..errors import InputError
from ..geometry.cameras import Camera
from ..geometry.human36m import human36m_cameras
from ..lifting.lifter import Lifter, LiftOptions
from ..methods import bare_of
from ..methods.base import Guidance, Precision
from ..metrics import d_mpjpe, joint_errors, mpjpe, mpjve, pa_mpjpe
from ..tracks import Keypoints, Motion
from .classical import CLASSICAL, classical
from .evaluation import Bars, no_bars
from .measured import Measured
from .mocap_tables import NAME, UNITS, Pairs, enough_clips, report  # noqa: F401  its name, too
from .origin import ActionSource, Origin
from .report import Report

#: Where models whose poses depend on the action have it from: they name it, or are told the truth.
ActionTold = Literal["predicted", "given"]


class LiftsTracks(Protocol):
    """Anything that lifts like a Lifter."""

    def lift(self, keypoints: Keypoints, camera: Camera | None = None) -> Motion:
        """Lift one track."""
        ...


@dataclass(frozen=True)
class WithOptions:
    """A lifter that lifts every track with the same options."""

    lifter: Lifter
    options: LiftOptions

    def lift(
        self,
        keypoints: Keypoints,
        camera: Camera | None = None,
        guidance: Guidance | None = None,
    ) -> Motion:
        """Lift a track."""
        return self.lifter.lift(keypoints, camera, self.options, guidance=guidance)


def measure(
    lifter: LiftsTracks,
    clips: Sequence[LabelledClip],
    source: Source2D,
    progress: Callable[[int, int], None] | None = None,
    scored_actions: Sequence[str] = (),
    told: Collection[str] = (),
) -> Measured:
    """Lift every view of every clip and keep the errors.

    Args:
        lifter: what is measured; where it is told actions, its ``lift`` takes ``guidance``, too.
        clips: labelled motion.
        source: of the 2D.
        progress: called with (views done, views in all).
        scored_actions: labels by which the naming of actions is judged.
        told: actions that the lifter is told where they are the true ones. Then its naming is not
            judged.
    """
    cameras = len(human36m_cameras(EVALUATION_CAMERAS))
    clip, frames, right, labels, joints, classes = [], [], [], [], [], 0
    errors: dict[str, list[float]] = {name: [] for name in UNITS}
    for n, view in enumerate(mocap_views(clips, source)):
        motion = _lifted(lifter, view, told)
        for name, value in _view_errors(motion, view).items():
            errors[name].append(value)
        joints.append(joint_errors(motion.joints, view.truth).mean(axis=0))
        clip.append(n // cameras)  # names are unique within a source only
        frames.append(len(motion))
        right.append(np.nan if told else _named_rightly(motion, view, scored_actions))
        labels.append(np.nan if told else _labelled_rightly(motion, view, scored_actions))
        classes = len(motion.action.labels) if motion.action is not None else 0
        if progress is not None:
            progress(n + 1, cameras * len(clips))
    return Measured(
        np.array(clip),
        np.array(frames, dtype=float),
        {name: np.array(values) for name, values in errors.items()},
        np.array(right, dtype=float),
        classes,
        np.array(joints),
        np.array(labels, dtype=float),
    )


def _lifted(lifter: LiftsTracks, view: View, told: Collection[str]) -> Motion:
    if view.clip.action not in told:
        return lifter.lift(view.keypoints, view.camera)
    guidance = Guidance("label", view.clip.action, "oracle")
    return cast(WithOptions, lifter).lift(view.keypoints, view.camera, guidance=guidance)


@dataclass(frozen=True)
class _Setting:
    """One row of the report: a model, how it is run, and what it is told."""

    name: str
    lifter: Lifter | None
    precision: Precision
    action: ActionSource = "none"

    @property
    def given(self) -> bool:
        """Whether it is told the true action."""
        return self.action == "given"

    @property
    def title(self) -> str:
        """The model's name in the tables."""
        said = [self.name]
        said += [] if self.precision == "fp32" else [self.precision]
        said += ["action given"] if self.given else []
        return ", ".join(said)


def evaluate_on_corpus(
    models: Mapping[str, Lifter | None],
    corpus: Corpus,
    clips: Sequence[LabelledClip],
    sources: Sequence[Source2D],
    facts: Mapping[str, Any],
    precisions: Sequence[Precision] = ("fp32",),
    bars: Bars = no_bars,
    split: str = "core",
    actions: Sequence[ActionTold] = ("predicted",),
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
        actions: models whose poses depend on the action are measured with each; those with the
            true one are an oracle's and say so. Other models are measured once.

    Raises:
        InputError: where actions are given and no model takes any.
    """
    settings = _settings(models, precisions, actions)
    scored = corpus.split(split).scored_classes
    classes = enough_clips(clips, scored)
    training = corpus.clips("train", split) if set(models) & set(CLASSICAL) else []
    results = {}
    for setting, source in product(settings, sources):
        lifter = setting.lifter
        if lifter is None:
            model: LiftsTracks = classical(setting.name, training, source)
        else:
            model = WithOptions(lifter, LiftOptions(precision=setting.precision))
        told = lifter.actions.labels if lifter is not None and setting.given else ()
        with bars(f"{setting.title}, {source}") as advance:
            results[setting.title, source] = measure(model, clips, source, advance, classes, told)
    fitted = {
        "classical models": "fitted on the train subjects seen by the cameras of Human3.6M's "
        "training subjects; linear regression for each kind of 2D by itself"
    }
    given = [s for s in settings if s.given]
    told_facts = {"actions told": {s.title: _told_of(s, clips) for s in given}}
    return report(
        results,
        clips,
        scored,
        {**facts, **(fitted if training else {}), **(told_facts if given else {})},
        _pairs(settings),
        {s.title: Origin(action=s.action) for s in settings},
    )


def _settings(
    models: Mapping[str, Lifter | None],
    precisions: Sequence[Precision],
    actions: Sequence[ActionTold],
) -> list[_Setting]:
    """What is measured, in the order of the tables."""
    takes = {n for n, m in models.items() if m is not None and m.network.config.takes_action}
    if "given" in actions and not takes:
        raise InputError(
            f"no model of {', '.join(models)} takes an action, so none can be given; leave "
            "--action out, or name a model that does (such as one of vpose+apm)"
        )
    return [
        _Setting(name, lifter, precision, action)
        for name, lifter in models.items()
        for precision in (precisions if lifter is not None else ("fp32",))
        for action in (actions if name in takes else ("none",))
    ]


def _told_of(setting: _Setting, clips: Sequence[LabelledClip]) -> str:
    """Of how many clips a model was told the true action, in words."""
    known = setting.lifter.actions.labels if setting.lifter is not None else ()
    count = sum(clip.action in known for clip in clips)
    said = f"true action given to the network for {count} of {len(clips)} clips"
    return said if count == len(clips) else f"{said}; it does not know the others' and names one"


def _pairs(settings: Sequence[_Setting]) -> Pairs:
    """What is compared: plug-in and bare encoder, and a model with and without the true action."""
    wanted = plug_ins({setting.name: setting.lifter for setting in settings})
    wanted += [(setting.name, setting.name) for setting in settings if setting.given]
    return [
        (one.title, other.title)
        for names in dict.fromkeys(wanted)
        for one, other in product(settings, settings)
        if (one.name, other.name) == names
        and one is not other
        and one.precision == other.precision
        and not other.given
    ]


def plug_ins(models: Mapping[str, Lifter | None]) -> list[tuple[str, str]]:
    """Models with a plug-in (method ``vpose+apm``) beside those of the encoder alone (``vpose``).

    Where there are as many of both, such as one for each seed, the first belongs to the first and
    so on; otherwise each is compared with each.
    """
    methods = {n: lifter.bundle.method for n, lifter in models.items() if lifter is not None}
    pairs: list[tuple[str, str]] = []
    for method in dict.fromkeys(methods.values()):
        encoder = bare_of(method)
        own = [name for name, of in methods.items() if of == method]
        bare = [name for name, of in methods.items() if encoder is not None and of == encoder]
        pairs += zip(own, bare, strict=True) if len(own) == len(bare) else product(own, bare)
    return pairs


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


def _labelled_rightly(motion: Motion, view: View, scored: Sequence[str]) -> float:
    """The share of the frames whose own label, which chose the pose, is the true one."""
    labels = motion.provenance.get("action_frames")
    if labels is None or view.clip.action not in scored:
        return float("nan")
    return labels.get(view.clip.action, 0.0)
