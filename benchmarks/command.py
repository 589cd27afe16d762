"""What users wait for: the command from its start to its files, its memory, and the import."""

from __future__ import annotations

import statistics
import sys
from pathlib import Path

from child import ChildCost, run_command
from material import Setup, keypoints_file
from table import Row

# What the installed script does, for the Python that runs the benchmarks.
_ENTRY = "import sys; from langlift.cli.main import main; sys.exit(main())"
_IMPORT = (
    "import time; start = time.perf_counter(); import langlift; print(time.perf_counter() - start)"
)
_STARTS, _IMPORTS = 3, 5


def command(setup: Setup) -> list[Row]:
    """`langlift lift` on a clip of 20 s with its default outputs, start of Python included."""
    frames = setup.size(1_000, 50)
    costs = [_lift(setup, frames, "npz,json,png") for _ in range(1 if setup.quick else _STARTS)]
    seconds = statistics.median(cost.seconds for cost in costs)
    name = f"langlift lift, {frames:,} frames, npz,json,png"
    return [
        Row(name, seconds, "s", setup.target(5.0, "at most")),
        Row(f"{name}: peak memory", max(cost.peak_mb for cost in costs), "MB"),
    ]


def hour(setup: Setup) -> list[Row]:
    """`langlift lift` on an hour at 50 frames per second."""
    frames = setup.size(180_000, 300)
    cost = _lift(setup, frames, "npz")
    name = f"langlift lift, {frames:,} frames, npz"
    return [
        Row(name, cost.seconds, "s"),
        Row(f"{name}: peak memory", cost.peak_mb, "MB", setup.target(1_500, "at most")),
    ]


def import_time(setup: Setup) -> list[Row]:
    """`import langlift` in a fresh process, without Python's own start."""
    seconds = [
        float(run_command([sys.executable, "-c", _IMPORT], setup.threads).output)
        for _ in range(1 if setup.quick else _IMPORTS)
    ]
    return [
        Row("import langlift", statistics.median(seconds), "s", setup.target(0.3, "at most")),
    ]


def _lift(setup: Setup, frames: int, formats: str) -> ChildCost:
    path: Path = keypoints_file(setup, frames)
    out = setup.folder / "lifted"
    options = ["--model", setup.model, "--formats", formats, "--out", str(out), "--quiet"]
    return run_command([sys.executable, "-c", _ENTRY, "lift", str(path), *options], setup.threads)
