"""Run the pilots of ActionPrompt on the motion corpus, and make their tables and pictures.

Every pilot is a row of the paper's tables (or of our study of it) at scale ``small``, with windows
of 81 frames and one processor; what is there already is not done again, and what was broken off
goes on where it was:

    export OMP_NUM_THREADS=1 LANGLIFT_CORPUS=/data/motion
    python experiments/actionprompt_pilots.py --list
    python experiments/actionprompt_pilots.py --only '*noisy-f81-s0'
    python experiments/actionprompt_pilots.py --jobs 2
    python experiments/actionprompt_pilots.py --table docs/results/actionprompt
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

from langlift.cli.arguments import progress, step_line
from langlift.errors import InputError
from langlift.experiments.pilots import Pilot, check_names, finished, run_pilot, trained
from langlift.experiments.scales import SCALES
from langlift.lifting.device import find_device
from langlift.training.distributed import Team

_BARE, _FULL = "3-baseline", "3-full"
_SEEDS = (0, 1, 2)


def _of(row: str, **more: object) -> Pilot:
    return replace(Pilot(f"actionprompt-{row}"), **more)


def pilots() -> list[Pilot]:
    """All pilots, the most telling first."""
    noisy = [_of(row, seed=seed) for seed in _SEEDS for row in (_BARE, _FULL)]
    noisy[0] = replace(noisy[0], ways=("predicted", "missing", "validation"))
    noisy[1] = replace(noisy[1], ways=("predicted", "given", "missing", "frame", "video"))
    parts = [
        _of("3-label"),
        _of("3-atp"),
        _of("3-label-app", ways=("predicted", "given")),
        _of("study-shuffled"),
        _of("study-random"),
        _of("5-embeddings"),
        *(_of(f"6-{n}-{end}", frames=n) for n in (9, 27) for end in ("baseline", "atp")),
        *(_of(f"7-layer-{tap}") for tap in (2, 3, 4)),
        _of("study-short", frames=9, ways=("predicted", "video", "given")),
        _of("study-temperature"),
    ]
    encoders = [
        _of(f"1-{encoder}{end}-gt") for encoder in ("a3dhp", "mixste") for end in ("", "-apm")
    ]
    exact = [replace(p, source="gt", ways=("predicted",)) for p in noisy]
    rest = [
        *(_of(f"study-dstformer{end}") for end in ("", "-apm")),
        *(
            _of(f"study-{end}")
            for end in ("weight", "label-dropout", "weighted", "class-context", "template")
        ),
        *(_of("study-shuffled", seed=seed) for seed in _SEEDS[1:]),
        _of(_FULL, text="clip"),
    ]
    chosen = [*noisy, *parts, *encoders, *exact, *rest]
    check_names(chosen)
    return chosen


def main(argv: Sequence[str] | None = None) -> int:
    """List, run or tabulate pilots; the exit status."""
    args = _parser().parse_args(argv)
    chosen = [p for p in pilots() if fnmatchcase(p.name, args.only)]
    if args.source is not None:
        chosen = [p for p in chosen if p.source == args.source]
    try:
        if not chosen:
            raise InputError(
                f"no pilot is called {args.only!r} with 2D {args.source or 'of any kind'}; --list "
                "names all"
            )
        if args.list:
            return _show(chosen, args.out)
        if args.table is not None:
            return _tabulate(args)
        return _run_all(chosen, args)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--list", action="store_true", help="names, and which are done")
    parser.add_argument("--only", default="*", help="pattern of the names")
    parser.add_argument("--source", choices=("gt", "noisy"), help="only those with this 2D")
    parser.add_argument("--out", type=Path, default=Path("runs/pilots"), help="folder of all")
    parser.add_argument("--data", type=Path, help="motion corpus (default: LANGLIFT_CORPUS)")
    parser.add_argument("--jobs", type=int, default=1, help="pilots at a time")
    parser.add_argument("--measure", action="store_true", help="only what is trained, and no more")
    parser.add_argument("--scale", choices=tuple(SCALES), default="small")
    parser.add_argument("--device", default="cpu", help="cpu (the default), cuda or auto")
    parser.add_argument("--table", type=Path, metavar="FOLDER", help="tables and pictures to here")
    return parser


def _show(chosen: Sequence[Pilot], out: Path) -> int:
    for pilot in chosen:
        print(f"{'done' if finished(pilot, out) else '-':<5} {pilot.name:<40} {pilot.experiment}")
    return 0


def _run_all(chosen: Sequence[Pilot], args: argparse.Namespace) -> int:
    """Run what is not done, in this process or in several; the exit status."""
    left = [pilot for pilot in chosen if not finished(pilot, args.out)]
    if args.measure:
        left = [pilot for pilot in left if trained(pilot.run(args.out, args.data, args.scale))]
    if args.jobs == 1:
        return max((_run_one(pilot, args) for pilot in left), default=0)
    with ThreadPoolExecutor(args.jobs) as pool:
        return max(pool.map(lambda pilot: _in_a_process(pilot, args), left), default=0)


def _run_one(pilot: Pilot, args: argparse.Namespace) -> int:
    team = Team(find_device(args.device))
    print(pilot.name, flush=True)
    try:
        ended = run_pilot(
            pilot,
            args.out,
            args.data,
            args.scale,
            lambda title: progress(title, True),
            lambda entry: print(step_line(entry), flush=True),
            team,
        )
    except InputError as error:
        print(f"{pilot.name} is left out: {error}", file=sys.stderr, flush=True)
        return 2
    return 0 if ended else 130


def _in_a_process(pilot: Pilot, args: argparse.Namespace) -> int:
    """The same in a process of its own, whose lines go to a file beside the folder."""
    words = ["--only", pilot.name, "--out", args.out, "--scale", args.scale]
    words += ["--device", args.device, *(["--data", args.data] if args.data else [])]
    args.out.mkdir(parents=True, exist_ok=True)
    with (args.out / f"{pilot.name}.log").open("a") as log:
        command = [sys.executable, __file__, *map(str, words)]
        return subprocess.run(command, stdout=log, stderr=log, check=False).returncode


def _tabulate(args: argparse.Namespace) -> int:
    from langlift.experiments.pilot_report import write_results

    for path in write_results(pilots(), args.out, args.table, args.data):
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
