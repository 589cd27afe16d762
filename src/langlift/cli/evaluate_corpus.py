"""The protocols of ``langlift evaluate`` that measure on the motion corpus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from ..datasets.clips import LabelledClip
from ..datasets.corpus import PARTS, Corpus
from ..datasets.mocap_views import SOURCES_2D, Source2D
from ..errors import InputError, unknown
from ..formats import make_folder
from ..lifting.device import find_device
from ..lifting.lifter import Lifter
from ..methods.base import DTYPES
from ..protocols import mocap, robustness
from ..protocols.classical import CLASSICAL
from ..protocols.report import Report
from ..skeletons import HUMAN36M_17
from ..training.validation import evenly
from ..view.robustness import save_robustness_figure
from ..weights import DEFAULT, catalogue, find_weights, load
from .arguments import comma_list, lifting_settings, progress

if TYPE_CHECKING:
    from .evaluate import EvaluateArguments

Model = TypeVar("Model", Lifter, Lifter | None)

_ROBUSTNESS_CLIPS = 60
_SPLIT, _PART = "core", "test"


def report(args: EvaluateArguments) -> Report:
    """Evaluate under `mocap` or `robustness`."""
    asked = ",".join(SOURCES_2D) if args.source is None else args.source
    sources: list[Any] = comma_list(asked, SOURCES_2D, "2D source")
    precisions: list[Any] = comma_list(args.precision, [*DTYPES], "precision")
    if args.protocol != mocap.NAME and precisions != ["fp32"]:
        raise InputError(
            f"precision is {args.precision}; protocol {args.protocol} is measured in fp32 only: "
            "leave --precision out"
        )
    actions: list[Any] = comma_list(args.action, get_args(mocap.ActionTold), "action")
    if args.protocol != mocap.NAME and "given" in actions:
        raise InputError(
            f"action is {args.action}; protocol {args.protocol} is measured with predicted actions "
            "only: leave --action out"
        )
    models = _models(args)
    corpus = Corpus(args.data)
    clips = _clips(corpus, args)
    if args.out is not None:
        make_folder(args.out)
    split, part = args.split or _SPLIT, args.part or _PART
    facts = mocap.corpus_facts(clips, models, split, part, args.only)
    if args.protocol == mocap.NAME:
        return mocap.evaluate_on_corpus(
            models,
            corpus,
            clips,
            sources,
            facts,
            precisions,
            lambda title: progress(title, args.quiet or args.json),
            split,
            actions,
        )
    return _robustness(args, clips, sources, models, facts)


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


def _robustness(
    args: EvaluateArguments,
    clips: list[LabelledClip],
    sources: Sequence[Source2D],
    models: dict[str, Lifter | None],
    facts: dict[str, Any],
) -> Report:
    lifter = next(iter(models.values()))
    if len(models) > 1 or lifter is None:
        raise InputError(
            f"protocol robustness measures one trained model at a time, got {', '.join(models)}; "
            "give one with --models"
        )
    with progress("lifting", args.quiet or args.json) as advance:
        result = robustness.measure_robustness(lifter, clips, sources, advance)
    if args.out is not None:
        save_robustness_figure(result.curves(), args.out / f"{robustness.NAME}.png")
    return result.report(facts)


def _models(args: EvaluateArguments) -> dict[str, Lifter | None]:
    """The models asked for, loaded (None for a classical one), before anything takes time.

    By default the classical ones and everything bundled, for robustness the default alone.
    """
    bundled = [*(name for name in catalogue() if name != DEFAULT), DEFAULT]
    names = [*CLASSICAL, *bundled] if args.protocol == mocap.NAME else [DEFAULT]
    if args.models is not None:
        names = comma_list(args.models, None, "model")
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
    return with_settings(models, args)


def with_settings(models: dict[str, Model], args: EvaluateArguments) -> dict[str, Model]:
    """The models, those with the settings that were given under a name that says so.

    Raises:
        InputError: where no model has them.
    """
    changed = lifting_settings(args)
    if not changed:
        return models
    found = {}
    for name, lifter in models.items():
        known = () if lifter is None else lifter.bundle.config.lifting_settings
        if lifter is not None and set(changed) <= set(known):
            lifter = lifter.with_settings(**changed)
            name = f"{name}, {', '.join(f'{n} {v}' for n, v in changed.items())}"
        found[name] = lifter
    if list(found) == list(models):
        raise InputError(
            f"{', '.join(models)}: no model here has {' and '.join(changed)}; measure one with "
            "ActionPrompt, such as vpose+apm, or leave the option out"
        )
    return found
