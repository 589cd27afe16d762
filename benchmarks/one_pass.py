"""One pass, step, batch or set of metrics in a process of its own, whose peak memory is measured.

python benchmarks/one_pass.py pass|step NAME fp32|bf16|reference full|quick
python benchmarks/one_pass.py draw frames|sequences ours|reference full|quick
python benchmarks/one_pass.py measure all ours full|quick
python benchmarks/one_pass.py prompted NAME fp32|bf16 full|quick
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import torch
from encoders import one_pass
from metric_speed import one_measure
from prompted import one_prompted
from steps import one_step
from window_batches import one_draw

_MAKE = {
    "pass": one_pass,
    "step": one_step,
    "draw": one_draw,
    "measure": one_measure,
    "prompted": one_prompted,
}


def main(argv: Sequence[str]) -> int:
    """Do the work twice: the first pass may leave less than the second needs."""
    work, name, form, size = argv
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    run = _MAKE[work](name, form, size == "quick")
    for _ in range(2):
        run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
