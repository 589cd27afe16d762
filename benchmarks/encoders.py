"""How fast each method is against its reference form, and what memory both take."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from agreement import agreement
from child import run_command
from machine import Comparison, in_turns
from material import Setup
from pairs import FORMS, Pair, find_pair, pairs
from table import Row
from torch import Tensor

from langlift.methods.base import DTYPES, Precision

REFERENCE = "reference form, fp32"
_SLOW_ROUNDS = 5  # of passes that take seconds
_SLOW = 0.5  # seconds
_DIFFERENCE = 1e-5  # metres, fp32


def encoders(setup: Setup) -> list[Row]:
    """One pass of each method at its paper's size, without flip: the prepared form in both
    precisions against the reference form, the reference form against the authors' code, and the
    peak memory of all three."""
    return [
        row
        for name, pair in pairs(setup.quick).items()
        for row in (*_encoder(setup, pair), *_memory(setup, name, pair))
    ]


def _encoder(setup: Setup, pair: Pair) -> list[Row]:
    network = pair.network()
    theirs = pair.reference_pass(pair.reference(network))
    wanted = theirs()
    rounds = min(setup.rounds, _SLOW_ROUNDS) if pair.seconds > _SLOW else setup.rounds
    rows, differences, agreed = [], [], []
    for precision in DTYPES:
        ours = pair.our_pass(network, precision)
        gauge = setup.gauge()
        times = in_turns(ours, theirs, rounds)
        gauge = (gauge + setup.gauge()) / 2
        rows.append(_speed(setup, pair, precision, wanted.shape[1], times))
        differences.append(_difference(setup, pair, precision, ours(), wanted))
        agreed.append(agreement(setup, pair.title, times.reference_seconds, pair.seconds, gauge))
    return [*rows, *differences, agreed[0]]  # the reference form is the same beside both


def _speed(setup: Setup, pair: Pair, precision: Precision, frames: int, times: Comparison) -> Row:
    target = setup.target(pair.limits[precision], "at least", of="ratio")
    name = f"{pair.title}, {frames} frames, {precision}"
    return Row(name, frames / times.seconds, "frames/s", target, times.ratio, REFERENCE)


def _difference(
    setup: Setup, pair: Pair, precision: Precision, joints: Tensor, wanted: Tensor
) -> Row:
    """Largest distance of a coordinate from the reference's; the weights are random."""
    target = setup.target(_DIFFERENCE, "at most") if precision == "fp32" else None
    worst = float((joints.float() - wanted).abs().max())
    return Row(
        f"{pair.title}, largest difference to the reference, {precision}", worst, "m", target
    )


def _memory(setup: Setup, name: str, pair: Pair) -> list[Row]:
    """Peak memory of processes that build one form with random weights and make such passes."""
    return [
        Row(f"{pair.title}, one pass, {form}: peak memory", peak_mb(setup, name, form), "MB")
        for form in FORMS
    ]


def peak_mb(setup: Setup, name: str, form: str, work: str = "pass") -> float:
    """Largest resident memory of one piece of work in a process of its own, MB."""
    script = str(Path(__file__).with_name("one_pass.py"))
    size = "quick" if setup.quick else "full"
    return run_command([sys.executable, script, work, name, form, size], setup.threads).peak_mb


def one_pass(name: str, form: str, quick: bool) -> Callable[[], Tensor]:
    """One pass in one of `FORMS`, with random weights; nothing of the other forms is built."""
    pair = find_pair(name, quick)
    if form == "reference":
        return pair.reference_pass(pair.reference())
    return pair.our_pass(pair.network(), "bf16" if form == "bf16" else "fp32")
