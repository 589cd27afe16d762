"""Which device a network computes on."""

from __future__ import annotations

from typing import Literal

import torch

from ..errors import InputError

Device = Literal["auto", "cpu", "cuda"]


def find_device(device: Device, local: int = 0) -> torch.device:
    """A device by name; ``auto`` is a GPU where torch finds one.

    Args:
        device: what is asked for.
        local: number of the process on its machine; each has a GPU of its own.

    Raises:
        InputError: for ``cuda`` without a GPU, or with fewer than processes.
    """
    if device == "cpu" or (device == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise InputError(
            "device is cuda, but torch finds no GPU here; give --device cpu, or install a driver "
            "and a build of torch that go together"
        )
    count = torch.cuda.device_count()
    if local >= count:
        raise InputError(
            f"process {local} of this machine has no GPU of its own, there are {count}; start at "
            f"most {count} processes (--nproc-per-node {count})"
        )
    torch.cuda.set_device(local)
    return torch.device("cuda", local)
