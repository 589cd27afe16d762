"""The protocols of ``langlift evaluate`` that measure on the motion corpus."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

from .._version import __version__
from ..datasets.clips import LabelledClip
from ..datasets.corpus import PARTS, Corpus
from ..datasets.mocap_views import SOURCES_2D, Source2D
from ..errors import InputError, unknown
from ..formats import make_folder
from ..lifting.device import find_device
from ..lifting.lifter import Lifter, LiftOptions
from ..methods.base import DTYPES, Precision
from ..protocols import mocap, robustness
from ..protocols.classical import LinearRegression, MeanPose
from ..protocols.report import Report
from ..skeletons import HUMAN36M_17
from ..training.validation import evenly
from ..view.robustness import save_robustness_figure
from ..weights import DEFAULT, catalogue, find_weights, load
from .arguments import comma_list, progress

if TYPE_CHECKING:
    from .evaluate import EvaluateArguments

CLASSICAL = ("mean-pose", "linear-regression")
_ROBUSTNESS_CLIPS = 60
_SPLIT, _PART = "core", "test"


def report(args: EvaluateArguments) -> Report:
    """Evaluate under `mocap` or `robustness`."""
    sources: list[Any] = comma_list(args.sources or ",".join(SOURCES_2D), SOURCES_2D, "2D source")
    precisions: list[Any] = comma_list(args.precision, [*DTYPES], "precision")
    if args.protocol != mocap.NAME and precisions != ["fp32"]:
        raise InputError(
            f"precision is {args.precision}; protocol {args.protocol} is measured in fp32 only: "
            "leave --precision out"
        )
    models = _models(args)
    corpus = Corpus(args.data)
    clips = _clips(corpus, args)
    if args.out is not None:
        make_folder(args.out)
    if args.protocol == mocap.NAME:
        return _mocap(args, corpus, clips, sources, models, precisions)
    return _robustness(args, clips, sources, models)


def _clips(corpus: Corpus, args: EvaluateArguments) -> list[LabelledClip]:
    part, split = args.part or _PART, args.split or _SPLIT
    if part not in PARTS:
        raise unknown("part of the split", part, PARTS)
    if args.clips is not None and args.clips < 0:
        raise InputError(f"clips is {args.clips}; give a number of clips, or 0 for all")
    clips = corpus.clips(part, split)
    if args.only is not None:
        wanted = comma_list(args.only, sorted({c.source for c in clips}), "data source")
        clips = [c for c in clips if c.source in wanted]
    if not clips:
        raise InputError(
            f"part {part} of split {split} holds no clips; choose another with --part or --split"
        )
    if args.protocol == robustness.NAME and args.clips != 0:
        return robustness.choose_clips(clips, args.clips or _ROBUSTNESS_CLIPS)
    return evenly(clips, args.clips or 0)


def _mocap(
    args: EvaluateArguments,
    corpus: Corpus,
    clips: list[LabelledClip],
    sources: Sequence[Source2D],
    models: dict[str, Lifter | None],
    precisions: Sequence[Precision],
) -> Report:
    split = args.split or _SPLIT
    scored = corpus.split(split).scored_classes
    classes = mocap.enough_clips(clips, scored)
    training = corpus.clips("train", split) if set(models) & set(CLASSICAL) else []
    results, weights = {}, {}
    for name, lifter in models.items():
        if lifter is not None:
            weights[name] = f"{lifter.digest[:12]}, {lifter.bundle.card.get('data', 'not stated')}"
        each: Sequence[Precision] = precisions if lifter is not None else ["fp32"]
        for precision, source in product(each, sources):
            if lifter is None:
                model: mocap.LiftsTracks = _classical(name, training, source)
            else:
                model = mocap.WithOptions(lifter, LiftOptions(precision=precision))
            title = name if precision == "fp32" else f"{name}, {precision}"
            with progress(f"{title}, {source}", args.quiet or args.json) as advance:
                results[title, source] = mocap.measure(model, clips, source, advance, classes)
    facts = _facts(args, clips, weights)
    if training:
        facts["classical models"] = (
            "fitted on the train subjects seen by the cameras of Human3.6M's training subjects; "
            "linear regression for each kind of 2D by itself"
        )
    return mocap.report(results, clips, scored, facts)


def _robustness(
    args: EvaluateArguments,
    clips: list[LabelledClip],
    sources: Sequence[Source2D],
    models: dict[str, Lifter | None],
) -> Report:
    name, lifter = next(iter(models.items()))
    if len(models) > 1 or lifter is None:
        raise InputError(
            f"protocol robustness measures one trained model at a time, got {', '.join(models)}; "
            "give one with --models"
        )
    with progress("lifting", args.quiet or args.json) as advance:
        result = robustness.measure_robustness(lifter, clips, sources, advance)
    if args.out is not None:
        save_robustness_figure(result.curves(), args.out / f"{robustness.NAME}.png")
    return result.report(_facts(args, clips, {name: lifter.digest[:12]}))


def _models(args: EvaluateArguments) -> dict[str, Lifter | None]:
    """The models asked for, loaded (None for a classical one), before anything takes time.

    By default the classical ones and everything bundled, for robustness the default alone.
    """
    bundled = [*(name for name in catalogue() if name != DEFAULT), DEFAULT]
    names = [*CLASSICAL, *bundled] if args.protocol == mocap.NAME else [DEFAULT]
    if args.models is not None:
        names = [name.strip() for name in args.models.split(",") if name.strip()]
    if not names:
        raise InputError(f"no model given; choose from {', '.join([*CLASSICAL, *bundled])}")
    learned = [name for name in names if name not in CLASSICAL]
    for name in learned:
        find_weights(name, CLASSICAL)
    device = find_device(args.device)
    models = {name: load(name).to(device) if name in learned else None for name in names}
    for name, lifter in models.items():
        if lifter is not None and lifter.bundle.skeleton != HUMAN36M_17:
            raise InputError(
                f"model {name} gives the joints of {lifter.bundle.skeleton.name}; protocol "
                f"{args.protocol} compares those of {HUMAN36M_17.name}: leave it out"
            )
    return models


def _classical(
    name: str, training: Sequence[LabelledClip], source: Source2D
) -> MeanPose | LinearRegression:
    if name == "mean-pose":
        return MeanPose(training)
    return LinearRegression(training, source)


def _facts(
    args: EvaluateArguments, clips: Sequence[LabelledClip], weights: dict[str, str]
) -> dict[str, Any]:
    return {
        "data": f"motion corpus, split {args.split or _SPLIT}, part {args.part or _PART}: "
        f"{len(clips)} clips, "
        f"{sum(map(len, clips))} frames, {len({c.subject for c in clips})} subjects"
        + (f", only {args.only}" if args.only else ""),
        **({"weights": weights, "flip averaging": "yes"} if weights else {}),
        **({"precision": "fp32 where no other is named"} if weights else {}),
        "langlift": __version__,
    }
