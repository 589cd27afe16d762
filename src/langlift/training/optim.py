"""Optimiser, learning-rate schedule and the running average of the weights."""

from __future__ import annotations

import math

import torch
from torch import nn

from ..methods.vpose import batch_norm_momentum
from .config import TrainConfig
from .lookahead import Ranger


def make_optimizer(network: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """Adam with amsgrad, AdamW or Ranger; in the latter two norms and biases are not decayed.

    Adam and AdamW take torch's fused form, which goes through the weights once: 6 times as fast.
    """
    if config.optimizer == "adam":
        return torch.optim.Adam(network.parameters(), lr=config.lr, amsgrad=True, fused=True)
    matrices = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    groups = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    if config.optimizer == "ranger":
        return Ranger(groups, lr=config.lr)
    return torch.optim.AdamW(groups, lr=config.lr, fused=True)


def learning_rate(step: int, config: TrainConfig) -> float:
    """Learning rate of a step, counted from 0."""
    warm = min(1.0, (step + 1) / config.warmup) if config.warmup else 1.0
    done, end = step / config.steps, config.lr_end
    if config.lr_schedule == "cosine":
        return config.lr * warm * (end + (1 - end) * 0.5 * (1 + math.cos(math.pi * done)))
    # The papers multiply once per epoch; here the rate falls with every step to the same end.
    return config.lr * warm * end**done


def schedule_batch_norm(network: nn.Module, step: int, config: TrainConfig) -> None:
    """Set the paper's falling momentum on every batch norm."""
    momentum = batch_norm_momentum(step, config.steps)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.momentum = momentum


class Average:
    """Exponential moving average of weights and running statistics; counters are copied.

    Args:
        network: what is averaged; its present state is the start.
        decay: how much of the average each step keeps; 0 copies the newest weights.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.state = {name: value.detach().clone() for name, value in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Take one step's weights in; the first steps count more, the start is forgotten."""
        decay = min(self.decay, (step + 1) / (step + 10))
        for name, value in network.state_dict().items():
            if value.is_floating_point() and self.decay:
                self.state[name].lerp_(value, 1 - decay)
            else:
                self.state[name].copy_(value)
