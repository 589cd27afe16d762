"""A network copied for inference, with part of it in another type of number."""

from __future__ import annotations

import copy
from collections.abc import Collection
from typing import TypeVar

import torch
from torch import nn

from .fused import FusedLinear

Network = TypeVar("Network", bound=nn.Module)


def inference_copy(network: Network, dtype: torch.dtype, keep: Collection[str]) -> Network:
    """The network in evaluation mode and without gradients, its linear layers fused in `dtype`.

    The linear layers are laid out anew where they are fused; other parameters that need no
    conversion share their memory with the network's.

    Args:
        network: without buffers of its own, such as those of a batch norm.
        dtype: of the copy's parameters.
        keep: names of parameters, or of modules directly in the network, that stay as they are.
    """
    memo: dict[int, nn.Parameter] = {}
    for name, value in network.named_parameters():
        kept = name.split(".")[0] in keep
        data = value.detach().to(value.dtype if kept else dtype)
        memo[id(value)] = nn.Parameter(data, requires_grad=False)
    copied = copy.deepcopy(network, memo).eval()  # what is in the memo is not copied again
    for name, module in list(copied.named_modules()):
        if isinstance(module, nn.Linear) and name.split(".")[0] not in keep:
            parent, _, attribute = name.rpartition(".")
            fused = FusedLinear(module.weight.detach(), module.bias)
            setattr(copied.get_submodule(parent), attribute, fused)
    return copied
