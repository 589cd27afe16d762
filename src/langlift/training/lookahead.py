"""Ranger: rectified Adam with Lookahead, what A3DHP is trained with.

Every `EVERY` steps the weights go back half the way to where they were that many steps ago (Zhang
et al., "Lookahead Optimizer: k steps forward, 1 step back", NeurIPS 2019). Constants are those of
Ranger (Wright, 2019) before it centralised gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

EVERY, SHARE = 6, 0.5
_BETAS, _EPSILON = (0.95, 0.999), 1e-5


class Ranger(torch.optim.RAdam):
    """RAdam inside Lookahead; the slow weights are a part of each parameter's state.

    Args:
        parameters: parameters or groups of them.
        lr: learning rate.
    """

    def __init__(self, parameters: Iterable[Any], lr: float) -> None:
        super().__init__(parameters, lr=lr, betas=_BETAS, eps=_EPSILON, decoupled_weight_decay=True)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> Any:
        """One step of RAdam; every sixth is followed by the step back.

        Raises:
            ValueError: for a closure; gradients have to be there before.
        """
        if closure is not None:
            raise ValueError("Ranger takes no closure; compute the gradients before step()")
        moved = [p for group in self.param_groups for p in group["params"] if p.grad is not None]
        # RAdam takes an empty state for a new parameter, so ours can only be added afterwards.
        start: dict[Tensor, Tensor] = {p: p.clone() for p in moved if not self.state[p]}
        loss = super().step()
        for parameter in moved:
            state = self.state[parameter]
            if parameter in start:
                state["slow"] = start[parameter]
            if int(state["step"]) % EVERY == 0:
                state["slow"].lerp_(parameter, SHARE)
                parameter.copy_(state["slow"])
        return loss
