"""``langlift experiment``: list the rows of the papers' tables, or run one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from ..datasets.places import DATA_VARIABLE, data_folder
from ..errors import InputError, printable, unknown
from ..experiments import find_experiment, of_paper
from ..experiments.listing import HEADER, content, state_of, tables
from ..experiments.needs import DataFinder
from ..experiments.running import Run, evaluate_experiment, prepare, train_experiment
from ..experiments.scales import SCALES
from ..lifting.device import Device
from ..training.distributed import LeaderError, open_team
from .arguments import parse, progress, step_line
from .main import BAD_INPUT, INTERRUPTED
from .tables import cell, console, print_line, print_texts, show_report

_MOCAP = "mocap"


@dataclass(frozen=True)
class ListArguments:
    """List the rows of the papers' tables: what was published, and what can be run here.

    Args:
        paper: actionprompt, finepose, langpose or baselines; all if absent.
        data: folder with the datasets, itself one or with a folder for each (default: the
            environment variable LANGLIFT_DATA).
        ready: only those that can be run here.
        json: print the list as JSON.
    """

    paper: str | None = None
    data: str | None = None
    ready: bool = False
    json: bool = False


@dataclass(frozen=True)
class RunArguments:
    """Train and evaluate a row of a table; interrupt it when you like, continue with --resume.

    Args:
        name: of the experiment; langlift experiment list shows them.
        data: folder of its dataset, or one with a folder for each (default: the environment
            variable LANGLIFT_DATA); with --protocol mocap the motion corpus (default:
            LANGLIFT_CORPUS).
        scale: full (as published), small (one processor, hours) or smoke (seconds).
        protocol: the row's, or mocap: the same configuration on the motion corpus.
        out: folder of the run (default: runs/NAME-SCALE).
        frames: window instead of the row's, with --protocol mocap only.
        selection: fixed (all training subjects, the last step) or validation (the best on subjects
            that are kept back).
        text: what reads the prompts of ActionPrompt in training: clip (as published, the default)
            or minilm; the variables LANGLIFT_CLIP and LANGLIFT_MINILM name folders of theirs.
        source: 2D of the motion corpus instead of what stands for the row's: gt or noisy, with
            --protocol mocap only.
        seed: of weights and windows.
        resume: continue the run in its folder.
        device: where to compute: cuda, cpu, or auto for the first where there is one.
        quiet: print nothing but errors.
        json: print the report as JSON.
    """

    name: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="NAME")]
    data: str | None = None
    scale: str = "small"
    protocol: str | None = None
    out: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    frames: int | None = None
    selection: Literal["fixed", "validation"] = "fixed"
    text: Literal["clip", "minilm"] | None = None
    source: Literal["gt", "noisy"] | None = None
    seed: int = 0
    resume: bool = False
    device: Device = "auto"
    quiet: bool = False
    json: bool = False


def run(argv: Sequence[str]) -> int:
    """Run the verb."""
    if not argv or argv[0] in ("-h", "--help"):
        print(_usage())
        return 0
    if argv[0] == "list":
        return _list(parse(ListArguments, argv[1:], "experiment list"))
    if argv[0] == "run":
        return _run(parse(RunArguments, argv[1:], "experiment run"))
    raise unknown("experiment command", argv[0], ("list", "run"))


def _list(args: ListArguments) -> int:
    folder = data_folder(args.data)
    if folder is not None and not folder.exists():
        raise InputError(
            f"there is no folder {folder}; give the folder with the datasets with --data, or in "
            f"{DATA_VARIABLE}"
        )
    finder = DataFinder(folder)
    experiments = of_paper(args.paper)
    if args.ready:
        experiments = [e for e in experiments if state_of(e, finder) == "ready"]
    if args.json:
        print(json.dumps([content(experiment, finder) for experiment in experiments]))
        return 0
    on = console()
    for paper, lines in tables(experiments, finder):
        rows = [[cell(value) for value in line] for line in lines]
        print_texts(on, paper, HEADER, rows)
    ready = sum(state_of(e, finder) == "ready" for e in experiments)
    where = finder.folder or f"no folder given; --data or {DATA_VARIABLE} names it"
    print_line(
        on,
        f"{len(experiments)} rows, {ready} ready to run (data: {where}). Errors in millimetres.",
    )
    return 0


def _chosen(args: RunArguments) -> Run:
    """The run that the options describe."""
    experiment = find_experiment(args.name)
    if args.protocol not in (None, _MOCAP, experiment.protocol):
        raise InputError(
            f"protocol is {args.protocol!r}; {experiment.name} is of {experiment.protocol}, and "
            f"can be run under that or {_MOCAP}"
        )
    corpus = args.protocol == _MOCAP
    given = Path(args.data) if args.data else None
    folder = f"{experiment.name}-{args.scale}{f'-{_MOCAP}' if corpus else ''}"
    return Run(
        experiment,
        given if corpus else data_folder(args.data),
        args.out or Path("runs") / folder,
        args.scale,
        corpus,
        args.frames,
        args.selection,
        args.seed,
        args.text,
        args.source,
    )


def _run(args: RunArguments) -> int:
    """Train, then measure; give the exit status."""
    chosen = _chosen(args)
    try:
        with open_team(args.device) as team:
            silent = args.quiet or args.json or not team.leads
            config, data = prepare(chosen)
            with progress("training", silent) as advance:

                def report(entry: dict[str, Any]) -> None:
                    advance(entry["step"], config.steps)
                    if not silent:
                        print(step_line(entry), flush=True)

                finished = train_experiment(chosen, config, data, team, args.resume, report)
    except LeaderError:
        return BAD_INPUT
    if not team.leads:
        return 0 if finished else INTERRUPTED
    if not finished:
        if not args.quiet:
            out = printable(str(chosen.out))
            print(f"stopped; continue it with --resume; the run is in {out}")
        return INTERRUPTED
    del data  # the training set need not be in memory while the test set is measured
    return _evaluate(chosen, team.device, args)


def _evaluate(chosen: Run, device: Any, args: RunArguments) -> int:
    silent = args.quiet or args.json
    result = evaluate_experiment(chosen, lambda title: progress(title, silent), device)
    if args.json:
        print(json.dumps(result.content()))
    elif not args.quiet:
        show_report(result)
        print(f"the run and its report are in {printable(str(chosen.out))}")
    return 0


def _usage() -> str:
    scales = [f"  {name:<6} {scale.description}" for name, scale in SCALES.items()]
    return "\n".join(
        [
            "usage: langlift experiment list [--paper NAME] [--data FOLDER] [--ready] [--json]",
            "       langlift experiment run NAME --data FOLDER [--scale full|small|smoke]",
            "                               [--text clip|minilm] [--protocol mocap]",
            "",
            "scales:",
            *scales,
            "",
            "Only full is a reproduction; no other stands beside a published figure. langlift",
            "experiment list --help and langlift experiment run --help tell the rest.",
        ]
    )
