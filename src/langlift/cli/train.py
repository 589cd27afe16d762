"""``langlift train``: train a method, resume a run, or only say what it would cost."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import tyro

from ..datasets.places import find_place
from ..datasets.recordings import RecordedDataset
from ..errors import InputError, unknown
from ..lifting.device import Device
from ..methods import METHODS, get_method
from ..protocols import mocap
from ..protocols.catalogue import PROTOCOLS, find_protocol
from ..protocols.evaluation import open_for, source_of
from ..protocols.spec import ProtocolSpec
from ..skeletons import Skeleton, get_skeleton
from ..training.config import TrainConfig, from_dict
from ..training.cost import Cost, measure_cost
from ..training.data import SYNTHETIC, Data, load_data
from ..training.distributed import LeaderError, Team, open_team
from ..training.folder import CONFIG
from ..training.log import check_tensorboard
from ..training.loop import train
from ..training.recipes import RECIPES, recipe
from ..training.recorded import load_recorded, parts_of
from .arguments import comma_list, one_of, parse, progress, step_line
from .main import BAD_INPUT, INTERRUPTED

#: Options that say where a run is and not what it is; whether a value follows.
_NOT_IN_CARD = {
    **dict.fromkeys(("--data", "--out", "-o", "--device"), True),
    **{
        f"--{no}{name}": False
        for name in ("quiet", "json", "resume", "dry-run", "tensorboard")
        for no in ("", "no-")
    },
}
#: Options of files that users own.
_RECORDED = ("source", "annotation", "train_subjects", "val_subjects", "actions")
_CHOSEN_ON_TEST = (
    "--selection test chooses the weights on the test subjects; every figure made with "
    "best.safetensors is an oracle"
)


@dataclass(frozen=True)
class TrainArguments:
    """Train a method; interrupt it when you like and continue with --resume.

    Args:
        out: folder of the run (config, metrics.jsonl, checkpoint, bundles).
        data: corpus folder (default: the environment variable LANGLIFT_CORPUS), the word
            synthetic, or the files of the dataset, or a folder with a folder for each (default:
            LANGLIFT_DATA).
        protocol: mocap (motion corpus or synthetic motion), or for files of yours: human36m,
            human36m-motionbert, humaneva, mpi-inf-3dhp, egohumans, custom.
        source: kind of 2D in files of yours; by default the one that the protocol names first.
        annotation: labels of mpi-inf-3dhp: annot3 or univ; there is no default.
        train_subjects: subjects instead of the protocol's, separated by commas.
        val_subjects: that choose the weights instead of the protocol's, separated by commas.
        actions: class labels instead of the protocol's, separated by commas.
        recipe: ready-made settings; `langlift train --help` lists them. Files of yours are trained
            on with paper unless another one is named.
        resume: continue the run in --out with the settings it was started with.
        dry_run: print parameters, memory and time, and stop.
        device: where to compute: cuda, cpu, or auto for the first where there is one.
        tensorboard: write TensorBoard's event files to --out, too.
        quiet: print nothing but errors.
        json: print the result as JSON.
        config: single settings that differ from the recipe's.
    """

    out: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    data: str | None = None
    protocol: str = mocap.NAME
    source: Annotated[str | None, tyro.conf.arg(aliases=["--sources"])] = None
    annotation: str | None = None
    train_subjects: str | None = None
    val_subjects: str | None = None
    actions: str | None = None
    recipe: str = "robust"
    resume: bool = False
    dry_run: bool = False
    device: Device = "auto"
    tensorboard: bool = False
    quiet: bool = False
    json: bool = False
    config: Annotated[TrainConfig, tyro.conf.arg(name="")] = field(default_factory=TrainConfig)


def run(argv: Sequence[str]) -> int:
    """Run the verb."""
    if not argv or argv[0] in ("-h", "--help"):
        print(_usage())
        return 0
    method, rest = argv[0], argv[1:]
    chosen = _given(rest, "--recipe") or _usual_recipe(_given(rest, "--protocol"))
    start = TrainArguments(config=_starting_config(rest, method, chosen), recipe=chosen)
    args = parse(TrainArguments, rest, f"train {method}", default=start)
    if args.out is None and not args.dry_run:
        raise InputError("no folder for the run; give --out FOLDER")
    if args.tensorboard:
        check_tensorboard()
    try:
        with open_team(args.device) as team:
            return _run(method, args, team, _command(argv))
    except LeaderError:
        return BAD_INPUT


def _run(method: str, args: TrainArguments, team: Team, command: str) -> int:
    """Measure or train as one process of a team, give the exit status."""
    pieces = args.config.accumulate
    team.first(lambda: team.pieces(pieces), range(0))  # refused once, and before data is read
    team.first(args.config.model.check_training, None)
    data = _data(args)
    if team.leads and not args.quiet and args.config.selection == "test":
        print(f"langlift: warning: {_CHOSEN_ON_TEST}", file=sys.stderr)
    if args.out is not None and not args.dry_run:
        data = replace(data, card={**data.card, "command": command})
        return _train(method, args, data, args.out, team)
    with progress("measuring", _silent(args, team)) as advance:
        cost = measure_cost(method, args.config, data, team, advance)
    if team.leads:
        print(json.dumps(asdict(cost)) if args.json else _describe(cost))
    return 0


def _data(args: TrainArguments) -> Data:
    """What the run is trained on."""
    if args.protocol == mocap.NAME:
        for name in _RECORDED:
            if getattr(args, name) is not None:
                raise InputError(
                    f"--{name.replace('_', '-')} is of files of yours; name their protocol "
                    f"(--protocol {'|'.join(PROTOCOLS)}), or leave it out"
                )
        return load_data(args.data, args.config)
    spec = find_protocol(args.protocol, args.annotation)
    dataset = _opened(spec, args.data)
    train_subjects, val_subjects, actions = (
        tuple(comma_list(text, None, what)) if text is not None else ()
        for text, what in (
            (args.train_subjects, "training subject"),
            (args.val_subjects, "validation subject"),
            (args.actions, "action"),
        )
    )
    asked = None if args.source is None else one_of(args.source, None, "2D source")
    source = source_of(dataset, spec, asked)
    parts = parts_of(spec, dataset, train_subjects, val_subjects, actions)
    return load_recorded(dataset, parts, source, args.config)


def _opened(spec: ProtocolSpec, path: str | None) -> RecordedDataset:
    return open_for(spec, find_place(spec.dataset, path))


def _silent(args: TrainArguments, team: Team) -> bool:
    """Whether this process shows nothing while it works."""
    return args.quiet or args.json or not team.leads


def _train(method: str, args: TrainArguments, data: Data, out: Path, team: Team) -> int:
    """Run what was asked for, print what happens, give the exit status."""
    quiet = _silent(args, team)
    with progress("training", quiet) as advance:

        def report(entry: dict[str, Any]) -> None:
            advance(entry["step"], args.config.steps)
            if not quiet:
                print(step_line(entry), flush=True)

        result = train(method, args.config, data, out, args.resume, report, team, args.tensorboard)
    if args.json and team.leads:
        print(json.dumps(result))
    elif not quiet:
        state = "finished" if result["finished"] else "stopped; continue it with --resume"
        print(f"step {result['step']} of {args.config.steps}: {state}; the run is in {out}")
    return 0 if result["finished"] else INTERRUPTED


def _command(argv: Sequence[str]) -> str:
    """The command for the card: what decides the run, and nothing that tells of this machine."""
    words, taken = ["langlift", "train"], False
    for word in argv:
        name, equals, _ = word.partition("=")
        name = name.replace("_", "-")
        if name.startswith("-o") and name != "-o":
            continue  # -oFOLDER
        if name in _NOT_IN_CARD:
            taken = _NOT_IN_CARD[name] and not equals
        elif taken:
            taken = False
        else:
            words.append(word)
    if _given(argv, "--data") == SYNTHETIC:
        words += ["--data", SYNTHETIC]  # the word is no place on this machine, a folder is
    return shlex.join(words)


def _usual_recipe(protocol: str | None) -> str:
    """The recipe where none is named."""
    return "robust" if protocol in (None, mocap.NAME) else "paper"


def _starting_config(argv: Sequence[str], method: str, chosen: str) -> TrainConfig:
    """The settings that the options change: a recipe's, or those of the run that is resumed."""
    model = get_method(method).config
    out = _given(argv, "--out", "-o")
    saved = Path(out) / CONFIG if out else None
    if "--resume" in argv and saved is not None and saved.is_file():
        try:
            return from_dict(json.loads(saved.read_text()), model)
        except ValueError as error:
            raise InputError(
                f"{saved} cannot be used ({error}); resume with the method that the run was "
                "started with, or restore the file"
            ) from error
    joints = _joints(_given(argv, "--protocol"), _given(argv, "--data"))
    return recipe(chosen, method, joints)


def _joints(protocol: str | None, path: str | None) -> Skeleton | None:
    """Joints of a protocol's recordings; None where clips of motion are trained on."""
    if protocol in (None, mocap.NAME):
        return None
    if protocol not in PROTOCOLS:
        raise unknown("protocol", protocol, [mocap.NAME, *PROTOCOLS])
    spec = PROTOCOLS[protocol]
    return get_skeleton(spec.skeleton) if spec.skeleton else _opened(spec, path).skeleton


def _given(argv: Sequence[str], *names: str) -> str | None:
    """An option's value before the options are parsed, None where there is none to be seen."""
    value = None
    for here, after in pairwise([*argv, "-"]):
        name, equals, inside = here.partition("=")
        if name in names:
            value = inside if equals else after
        elif "-o" in names and here.startswith("-o"):
            value = here.removeprefix("-o")
    return None if value is None or value.startswith("-") else value


def _describe(cost: Cost) -> str:
    lines = [
        f"parameters       {cost.parameters:,} ({cost.encoder_parameters:,} of the encoder alone)",
        f"training clips   {cost.clips:,} ({cost.frames:,} frames, {cost.classes} classes)",
        f"memory           {cost.memory_mb:.0f} MB at the most in this process so far",
        f"time per step    {cost.step_seconds:.3f} s ({cost.frames_per_second:,.0f} frames/s), "
        f"measured on {cost.measured_steps} step{'s' if cost.measured_steps > 1 else ''}",
        f"time for the run {cost.total_seconds / 3600:.1f} h without validation",
    ]
    if cost.bundle_parameters != cost.parameters:
        lines.insert(1, f"in the bundle    {cost.bundle_parameters:,} parameters")
    if cost.device != "cpu":
        lines.append(f"device           {cost.device}, {cost.gpu_memory_mb:.0f} MB of its memory")
    if cost.pieces > 1:
        lines.append(f"pieces per step  {cost.pieces}, shared by {cost.processes} process(es)")
    if cost.epoch_steps:
        lines.append(f"epoch            {cost.epoch_steps:,.1f} steps")
    return "\n".join(lines)


def _usage() -> str:
    width = max(map(len, METHODS))
    methods = [f"  {name:<{width}} {entry.description}" for name, entry in METHODS.items()]
    recipes = []
    for name, entry in RECIPES.items():
        has = [method for method in METHODS if entry.has(method)]
        only = "" if len(has) == len(METHODS) else f" (of {', '.join(has)})"
        recipes.append(f"  {name:<10} {entry.description}{only}")
    return "\n".join(
        [
            "usage: langlift train METHOD --out FOLDER [--data FOLDER|synthetic] [--recipe NAME]",
            "       langlift train METHOD --out FOLDER --protocol NAME --data PATH [--source NAME]",
            "",
            "methods:",
            *methods,
            "",
            "recipes, each with the method's own settings:",
            *recipes,
            "",
            "langlift train METHOD --help lists every setting. Several processes share a run with",
            "torchrun --nproc-per-node N -m langlift train METHOD --accumulate N ...",
        ]
    )
