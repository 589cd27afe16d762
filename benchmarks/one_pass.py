"""One pass or one training step in a process of its own, whose peak memory is measured.

python benchmarks/one_pass.py pass|step NAME fp32|bf16|reference full|quick
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import torch
from encoders import one_pass
from steps import one_step


def main(argv: Sequence[str]) -> int:
    """Do the work twice: the first pass may leave less than the second needs."""
    work, name, form, size = argv
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    run = {"pass": one_pass, "step": one_step}[work](name, form, size == "quick")
    for _ in range(2):
        run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
