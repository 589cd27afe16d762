"""``langlift evaluate``: measure models under a protocol, side by side."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, get_args

import tyro

from ..datasets.places import find_place
from ..errors import InputError, unknown
from ..formats import make_folder
from ..lifting.device import Device, find_device
from ..lifting.lifter import Lifter
from ..methods.base import DTYPES
from ..protocols import mocap, robustness
from ..protocols.catalogue import PROTOCOLS as RECORDED
from ..protocols.recorded import Request, evaluate_recorded
from ..protocols.report import Report
from ..weights import find_weights, load
from . import evaluate_corpus
from .arguments import comma_list, one_of, parse, progress
from .tables import show_report

PROTOCOLS = (*RECORDED, mocap.NAME, robustness.NAME)
ACTIONS = get_args(mocap.ActionTold)
#: Options of the protocols on the motion corpus, and of those on datasets that users own.
_CORPUS = ("split", "part", "clips", "only")
_RECORDED = ("annotation", "root", "windows", "no_flip", "actions", "subjects", "resume")


@dataclass(frozen=True)
class EvaluateArguments:
    """Measure models on the motion corpus, or on a dataset of yours as its papers do.

    Args:
        protocol: mocap (motion corpus, four Human3.6M cameras), robustness (other cameras, missing
            joints), or for files of yours: human36m, human36m-motionbert, humaneva, mpi-inf-3dhp,
            egohumans, custom.
        models: names from `langlift weights list`, bundle files, mean-pose, linear-regression (on
            the motion corpus); separated by commas. Default: all of the named ones on the motion
            corpus, the default model otherwise.
        data: corpus folder (default: the environment variable LANGLIFT_CORPUS), or the files of
            the dataset, or a folder with a folder for each (default: LANGLIFT_DATA).
        source: kinds of 2D, separated by commas: gt,noisy on the motion corpus; otherwise those
            of the files, by default the one that the protocol names first.
        annotation: labels of mpi-inf-3dhp: annot3 or univ; there is no default.
        root: keep, zero or subtract the predicted root instead of what the protocol does.
        windows: what a network sees at a time instead of what it does by the protocol: track (the
            whole video), separate or averaged windows.
        no_flip: do not average with the lifted mirror image.
        action: for models whose poses depend on the action: predicted (they name it, the default)
            or given (they are told the true one; the figures say oracle); on the motion corpus
            both with a comma between them. Not under robustness.
        label_hop: for these models: frames that share an action; 1: every frame has its own.
        unknown_below: for these models: an action less likely than this (0 to 1) counts as unknown
            and changes nothing.
        actions: class labels instead of the protocol's, separated by commas.
        subjects: instead of the protocol's, separated by commas.
        split: split of the corpus (default: core).
        part: part of the split: test (default), val or train.
        precision: fp32, bf16, or both with a comma between them, then trained models are measured
            in each (not under robustness); bf16 ones have it behind their names.
        device: where to compute: cuda, cpu, or auto for the first where there is one.
        clips: evaluate only so many clips, evenly chosen; 0 for all. Default: all for mocap, 60 for
            robustness (evenly over the actions), which lifts each of them about a hundred times.
        only: data sources (such as uiprmd,cmu) to restrict the clips to.
        out: folder for the report (Markdown, JSON and pictures); printed only if absent. Files of
            yours: recordings.jsonl takes every recording as soon as it is measured.
        resume: go on with the evaluation in --out that was broken off.
        quiet: print nothing but errors.
        json: print the report as JSON.
    """

    protocol: str = mocap.NAME
    models: Annotated[str | None, tyro.conf.arg(aliases=["-m", "--model"])] = None
    data: str | None = None
    source: Annotated[str | None, tyro.conf.arg(aliases=["--sources"])] = None
    annotation: str | None = None
    root: str | None = None
    windows: str | None = None
    no_flip: tyro.conf.FlagCreatePairsOff[bool] = False
    action: str = "predicted"
    label_hop: int | None = None
    unknown_below: float | None = None
    actions: str | None = None
    subjects: str | None = None
    split: str | None = None
    part: str | None = None
    precision: str = "fp32"
    device: Device = "auto"
    clips: int | None = None
    only: str | None = None
    out: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    resume: tyro.conf.FlagCreatePairsOff[bool] = False
    quiet: bool = False
    json: bool = False


def run(argv: Sequence[str]) -> int:
    """Run the verb."""
    args = parse(EvaluateArguments, argv, "evaluate")
    if args.protocol not in PROTOCOLS:
        raise unknown("protocol", args.protocol, PROTOCOLS)
    _refuse_foreign(args)
    report = _recorded(args) if args.protocol in RECORDED else evaluate_corpus.report(args)
    if args.out is not None:
        report.save(make_folder(args.out), args.protocol)
    if args.json:
        print(json.dumps(report.content()))
    elif not args.quiet:
        show_report(report)
    return 0


def _refuse_foreign(args: EvaluateArguments) -> None:
    """Refuse options that the protocol does not know, rather than ignore them."""
    foreign = _CORPUS if args.protocol in RECORDED else _RECORDED
    usual = {f.name: f.default for f in fields(EvaluateArguments)}
    given = [name for name in foreign if getattr(args, name) != usual[name]]
    if given:
        option = f"--{given[0].replace('_', '-')}"
        raise InputError(f"protocol {args.protocol} has no option {option}; leave it out")


def _recorded(args: EvaluateArguments) -> Report:
    precisions: list[Any] = comma_list(args.precision, [*DTYPES], "precision")
    request = Request(
        args.protocol,
        find_place(RECORDED[args.protocol].dataset, args.data),
        args.annotation,
        _listed(args.source, "2D source"),
        _listed(args.subjects, "subject"),
        _listed(args.actions, "action"),
        args.root,
        args.windows,
        False if args.no_flip else None,
        tuple(precisions),
        "given" if one_of(args.action, ACTIONS, "action") == "given" else None,
    )
    request.spec  # noqa: B018  what is wrong with it is said before weights are loaded
    return evaluate_recorded(
        _models(args),
        request,
        lambda label: progress(label, args.quiet or args.json),
        args.out,
        args.resume,
    )


def _listed(text: str | None, what: str) -> tuple[str, ...]:
    """The names of an option, none where it is not given; whether they are known, the data tell."""
    return () if text is None else tuple(comma_list(text, None, what))


def _models(args: EvaluateArguments) -> dict[str, Lifter]:
    """The models asked for, loaded, before anything takes time."""
    names = _listed(args.models, "model") or ("default",)
    for name in names:
        if name in evaluate_corpus.CLASSICAL:
            raise InputError(
                f"model {name} is fitted to the motion corpus; protocol {args.protocol} measures "
                "trained models: leave it out"
            )
        find_weights(name)
    device = find_device(args.device)
    return evaluate_corpus.with_settings({name: load(name).to(device) for name in names}, args)
