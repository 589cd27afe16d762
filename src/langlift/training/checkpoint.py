"""Checkpoints: everything a run needs to continue as if it had never stopped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import InputError
from ..formats.files import atomic_write
from .optim import Average

NAME = "checkpoint.pt"


@dataclass(frozen=True)
class Resumed:
    """Where a run stood.

    Args:
        step: the next step; with the seed it is also the sampler's position.
        best: the best validation figure so far and its step, or None.
    """

    step: int
    best: dict[str, float] | None


def save_checkpoint(
    folder: Path,
    step: int,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    average: Average,
    best: dict[str, float] | None,
    device: torch.device,
) -> None:
    """Write weights, optimiser, averaged weights, step and random states. Atomic."""
    state: dict[str, Any] = {
        "step": step,
        "network": network.state_dict(),
        "optimizer": optimizer.state_dict(),
        "average": average.state,
        "torch_rng": torch.get_rng_state(),
        "best": best,
    }
    if device.type == "cuda":
        state["cuda_rng"] = torch.cuda.get_rng_state(device)
    with atomic_write(folder / NAME) as temporary:
        torch.save(state, temporary)


def load_checkpoint(
    folder: Path,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    average: Average,
    device: torch.device,
) -> Resumed:
    """Restore what `save_checkpoint` wrote into the given objects, also from another device.

    A run that goes on elsewhere goes on with the same batches; its dropout is another one where the
    generator of the new device was not saved.

    Raises:
        InputError: when there is no checkpoint, or it is damaged or of another network.
    """
    path = folder / NAME
    if not path.is_file():
        raise InputError(f"there is no checkpoint in {folder}; start the run without --resume")
    try:
        state = torch.load(path, weights_only=True, map_location="cpu")
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        averaged: dict[str, Tensor] = {n: v.to(device) for n, v in state["average"].items()}
        step, best = int(state["step"]), state["best"]
        rng: Tensor = state["torch_rng"]
        cuda_rng: Tensor | None = state.get("cuda_rng")
    except Exception as error:  # torch and pickle raise many kinds for a damaged file
        reason = (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
        raise InputError(
            f"{path} is damaged or no checkpoint of this network ({reason}); restore the file, or "
            "delete the folder and train again"
        ) from error
    average.state = averaged
    torch.set_rng_state(rng)
    if cuda_rng is not None and device.type == "cuda":
        torch.cuda.set_rng_state(cuda_rng, device)
    return Resumed(step, best)
