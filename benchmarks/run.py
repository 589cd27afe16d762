"""Measure langlift on this machine: one table on the screen, the same as JSON.

    python benchmarks/run.py                      everything, minutes
    python benchmarks/run.py --only network,hour  some groups
    python benchmarks/run.py --quick              tiny sizes: does everything still run?
    python benchmarks/run.py --profile mixste-bf16  where the time of one encoder goes

How each figure is made and how to read it is in docs/benchmarks.md.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from attention import attention
from command import command, hour, import_time
from encoders import encoders
from lifting import network, whole_lift
from machine import facts, quiet, sgemm_gauge
from material import Setup, make_setup
from metric_speed import metric_speed
from profiles import profile
from prompted import prompted
from rich.console import Console
from steps import steps
from table import Row, show, write_json
from training import training
from window_batches import windows

from langlift.cli.arguments import comma_list, parse
from langlift.errors import InputError, LangliftError

#: Name -> what measures it, in the order they run.
GROUPS: dict[str, Callable[[Setup], list[Row]]] = {
    "import": import_time,
    "network": network,
    "encoders": encoders,
    "attention": attention,
    "lift": whole_lift,
    "training": training,
    "steps": steps,
    "windows": windows,
    "actionprompt": prompted,
    "metrics": metric_speed,
    "command": command,
    "hour": hour,
}
_QUICK_ROUNDS = 2
_PLAIN_COLUMNS = 140  # of the table where there is no screen


@dataclass(frozen=True)
class BenchmarkArguments:
    """Measure the speed and memory of langlift on this machine.

    Args:
        out: the JSON file to write.
        only: groups to measure, separated by commas: import, network, encoders, attention, lift,
            training, steps, windows, actionprompt, metrics, command, hour; all if empty.
        profile: measure nothing, but print where the time of one encoder goes: its name and fp32,
            bf16 or reference for a pass, or step or referencestep for a training step, such as
            mixste-bf16.
        threads: threads of the matrix products, here and in the commands that are started.
        rounds: repetitions of each timing; the median counts.
        quick: tiny sizes, two rounds, no figure judged: to see that everything runs.
    """

    out: Path = Path("build/benchmarks.json")
    only: str = ""
    profile: str = ""
    threads: int = 2
    rounds: int = 9
    quick: bool = False


def main(argv: Sequence[str]) -> int:
    """Run the benchmarks; returns 0, also where a target is missed, or 2 for wrong arguments."""
    try:
        args = parse(BenchmarkArguments, argv, "benchmarks")
        if args.profile:
            print(profile(args.profile, _threads(args), args.quick))
            return 0
        rows, head = measure(args)
        console = Console(width=None if sys.stdout.isatty() else _PLAIN_COLUMNS)
        show(rows, head["machine"] | {"gauge, GF/s": head["sgemm_gflops"]}, console)
        print(f"wrote {write_json(rows, head, args.out)}")
    except LangliftError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 2
    return 0


def measure(args: BenchmarkArguments) -> tuple[list[Row], dict[str, Any]]:
    """All rows, and what they were measured on.

    Raises:
        InputError: for an unknown group or a number of threads or rounds below 1.
    """
    threads = _threads(args)
    if args.rounds < 1:
        raise InputError(f"rounds is {args.rounds}; it must be at least 1")
    names = comma_list(args.only, [*GROUPS], "group") if args.only else [*GROUPS]
    torch.set_num_threads(threads)
    measured: dict[str, list[Row]] = {}
    gauges = [sgemm_gauge()]
    rounds = _QUICK_ROUNDS if args.quick else args.rounds
    with make_setup(threads, rounds, args.quick) as setup:
        for name in names:
            print(f"measuring {name} ...", file=sys.stderr)
            measured[name] = GROUPS[name](setup)
            gauges.append(sgemm_gauge())
        machine = facts(threads) | {"weights": setup.weights}
    head = {
        "machine": machine,
        "arguments": {**asdict(args), "out": str(args.out)},
        "sgemm_gflops": {"before": gauges[0], "after": gauges[-1], "best": max(gauges)},
    }
    return _with_circumstances(measured, gauges), head


def _threads(args: BenchmarkArguments) -> int:
    if args.threads < 1:
        raise InputError(f"threads is {args.threads}; it must be at least 1")
    return args.threads


def _with_circumstances(measured: Mapping[str, list[Row]], gauges: Sequence[float]) -> list[Row]:
    """Rows told whether the machine was free: the gauges before and after their group."""
    return [
        row.of(name, quiet((gauges[i], gauges[i + 1]), max(gauges)))
        for i, (name, rows) in enumerate(measured.items())
        for row in rows
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
