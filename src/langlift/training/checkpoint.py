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
) -> None:
    """Write weights, optimiser, averaged weights, step and random state. Atomic."""
    state: dict[str, Any] = {
        "step": step,
        "network": network.state_dict(),
        "optimizer": optimizer.state_dict(),
        "average": average.state,
        "torch_rng": torch.get_rng_state(),
        "best": best,
    }
    with atomic_write(folder / NAME) as temporary:
        torch.save(state, temporary)


def load_checkpoint(
    folder: Path, network: nn.Module, optimizer: torch.optim.Optimizer, average: Average
) -> Resumed:
    """Restore what `save_checkpoint` wrote into the given objects.

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
        averaged: dict[str, Tensor] = state["average"]
        step, best = int(state["step"]), state["best"]
        rng: Tensor = state["torch_rng"]
    except Exception as error:  # torch and pickle raise many kinds for a damaged file
        reason = (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
        raise InputError(
            f"{path} is damaged or no checkpoint of this network ({reason}); restore the file, or "
            "delete the folder and train again"
        ) from error
    average.state = averaged
    torch.set_rng_state(rng)
    return Resumed(step, best)
