"""Small A3DHP networks whose random weights keep features at their size."""

from __future__ import annotations

import math
from typing import TypeVar

import torch
from torch import Tensor

from langlift.methods.a3dhp import A3DHP, A3DHPConfig

Network = TypeVar("Network", bound=torch.nn.Module)


def config(frames: int = 27, channels: int = 16, **changes) -> A3DHPConfig:
    return A3DHPConfig(frames, channels, **changes)


def a3dhp(frames: int = 27, channels: int = 16, **changes) -> A3DHP:
    return sized(A3DHP(config(frames, channels, **changes))).eval()


def sized(network: Network) -> Network:
    """The network with random weights that keep the size of features, statistics included."""
    generator = torch.Generator().manual_seed(0)
    for name, value in network.state_dict().items():
        drawn = torch.randn(value.shape, generator=generator)
        if value.ndim > 1:
            value.copy_(drawn / math.sqrt(value[0].numel()))
        elif value.is_floating_point():
            centre = 1 if name.endswith(("weight", "running_var")) else 0
            value.copy_((centre + 0.2 * drawn).clamp(min=0.3 if centre else None, max=4))
    return network


def random_xy(*shape: int, seed: int = 1) -> Tensor:
    return 0.5 * torch.randn(*shape, 2, generator=torch.Generator().manual_seed(seed))
