"""Where the time of one encoder goes: the operations of its pass or step that take the most."""

from __future__ import annotations

import torch
from encoders import one_pass
from pairs import FORMS
from steps import one_step
from torch.profiler import ProfilerActivity
from torch.profiler import profile as profiled

from langlift.errors import unknown

_ROWS = 20
_COLUMN = 60
_STEPS = {"step": "bf16", "referencestep": "reference"}
_PASSES = ("vpose", "a3dhp", "mixste", "dstformer", "dstformer-lite")
_TRAINED = ("vpose", "a3dhp", "mixste")


def profile(name: str, threads: int, quick: bool) -> str:
    """A table of operations by the time they take themselves, after one run that does not count.

    Args:
        name: an encoder and ``fp32``, ``bf16`` or ``reference`` for its pass, ``step`` or
            ``referencestep`` for its training step: ``mixste-bf16``.

    Raises:
        InputError: for an unknown name.
    """
    known = [f"{encoder}-{form}" for encoder in _PASSES for form in FORMS]
    known += [f"{encoder}-{form}" for encoder in _TRAINED for form in _STEPS]
    if name not in known:
        raise unknown("profile", name, known)
    encoder, form = name.rsplit("-", 1)
    torch.set_num_threads(threads)
    if form in _STEPS:
        work = one_step(encoder, _STEPS[form], quick)
    else:
        work = one_pass(encoder, form, quick)
    work()
    with profiled(activities=[ProfilerActivity.CPU]) as found:
        work()
    return found.key_averages().table(
        sort_by="self_cpu_time_total", row_limit=_ROWS, max_name_column_width=_COLUMN
    )
