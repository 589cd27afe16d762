"""What the numbers were measured on, and how noise is kept out of them.

Other work on the machine is the largest error of a timing. So a fixed matrix product (the gauge) is
timed before and after every group of measurements, what is compared runs in turns (A B A B), and
every figure is a median.
"""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

import langlift

_GAUGE_SIZE, _GAUGE_ROUNDS = 1024, 20
#: Below this share of the best gauge of the run, the machine was busy with something else.
_QUIET = 0.85
_INSTRUCTIONS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")


def facts(threads: int) -> dict[str, Any]:
    """The machine and the versions, for the head of the table and the JSON."""
    model, flags = _processor()
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "threads": threads,
        "instructions": [name for name in _INSTRUCTIONS if name in flags],
        "memory_gb": round(_memory_bytes() / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "langlift": langlift.__version__,
    }


def sgemm_gauge(rounds: int = _GAUGE_ROUNDS) -> float:
    """GF/s of a 1024 x 1024 x 1024 matrix product in fp32; the median of 20."""
    a = torch.randn(_GAUGE_SIZE, _GAUGE_SIZE, generator=torch.Generator().manual_seed(0))
    seconds = median_seconds(lambda: torch.mm(a, a), rounds)
    return 2 * _GAUGE_SIZE**3 / seconds / 1e9


def quiet(gauges: tuple[float, float], best: float) -> bool:
    """Whether the machine was free before and after, measured by the best gauge of the run."""
    return min(gauges) >= _QUIET * best


def timed(work: Callable[[], Any]) -> float:
    """Wall seconds of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def median_seconds(work: Callable[[], Any], rounds: int) -> float:
    """Median wall seconds of a call, after one that does not count."""
    work()
    return statistics.median(timed(work) for _ in range(rounds))


@dataclass(frozen=True)
class Comparison:
    """Two ways of doing the same, timed in turns.

    Args:
        seconds: median wall seconds of ours.
        reference_seconds: those of the reference form.
        ratio: median over the rounds of reference / ours; above 1 ours is faster.
    """

    seconds: float
    reference_seconds: float
    ratio: float


def in_turns(ours: Callable[[], Any], reference: Callable[[], Any], rounds: int) -> Comparison:
    """Time A B A B ..., after one call of each that does not count."""
    ours()
    reference()
    pairs = [(timed(ours), timed(reference)) for _ in range(rounds)]
    return Comparison(
        seconds=statistics.median(a for a, _ in pairs),
        reference_seconds=statistics.median(b for _, b in pairs),
        ratio=statistics.median(b / a for a, b in pairs),
    )


def _processor() -> tuple[str, set[str]]:
    """Model name and instruction sets, as far as the system tells."""
    listing = Path("/proc/cpuinfo")
    if not listing.is_file():
        return platform.processor() or platform.machine(), set()
    entries = (line.partition(":") for line in listing.read_text().splitlines())
    found = {name.strip(): value.strip() for name, _, value in entries}
    return found.get("model name", platform.machine()), set(found.get("flags", "").split())


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
