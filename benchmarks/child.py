"""Run a command and print, as JSON, its wall time, processor time and peak memory.

Used as a script, in a process of its own: a child's peak memory starts at that of the process it
was forked from, so a benchmark that has torch loaded would report its own memory. This file
therefore needs nothing but the standard library.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ChildCost:
    """What a command cost.

    Args:
        seconds: wall time from start to end, the interpreter's start included.
        cpu_seconds: processor time of all its threads.
        peak_mb: largest resident memory, MB of a million bytes.
        output: what it wrote to standard output.
    """

    seconds: float
    cpu_seconds: float
    peak_mb: float
    output: str


def run_command(command: Sequence[str], threads: int) -> ChildCost:
    """Run a command to its end, with so many threads, out of sight of this process's memory.

    Raises:
        RuntimeError: when it fails, with the end of what it said.
    """
    helper = [sys.executable, str(Path(__file__).resolve()), *command]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(helper, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr.strip()[-2000:]}")
    return ChildCost(**json.loads(done.stdout))


def _main(command: Sequence[str]) -> int:
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        output = process.stdout.read() if process.stdout else ""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - began
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)  # bytes there, KiB elsewhere
    cost = ChildCost(seconds, usage.ru_utime + usage.ru_stime, peak / 1e6, output)
    print(json.dumps(cost.__dict__))
    return process.returncode


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
