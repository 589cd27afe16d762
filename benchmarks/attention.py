"""Attention as the fused kernel and spelled out: what `langlift.methods.transformer` chooses by.

One window of MixSTE's size, the 17 joints of a frame and the frames of a joint apart, without and
with gradients. A value is the time of the form that the library takes; the ratio is how many times
as fast it is as the other one.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from machine import in_turns
from material import Setup
from table import Row
from torch import Tensor
from torch.nn import functional as F

_HEADS, _WIDTH, _JOINTS = 8, 64, 17


def attention(setup: Setup) -> list[Row]:
    """Milliseconds of the form that is taken, and its ratio to the other."""
    frames = setup.size(243, 9)
    rows = []
    for axis, shape in (("joints", (frames, _JOINTS)), ("frames", (_JOINTS, frames))):
        for gradients in (False, True):
            for dtype in (torch.float32, torch.bfloat16):
                taken, other = "fused", "spelled out"
                if gradients and dtype == torch.bfloat16:
                    taken, other = other, taken
                qkv = _drawn(shape, dtype, gradients)
                ours, theirs = _work(taken, qkv, gradients), _work(other, qkv, gradients)
                times = in_turns(ours, theirs, setup.rounds)
                work = "forward and backward" if gradients else "forward"
                name = f"attention over {shape[1]} {axis}, {_name(dtype)}, {work}, {taken}"
                rows.append(
                    Row(name, times.seconds * 1000, "ms", ratio=times.ratio, reference=other)
                )
    return rows


def _drawn(shape: tuple[int, int], dtype: torch.dtype, gradients: bool) -> Tensor:
    """Queries, keys and values (3, rows, heads, tokens, width) as a linear layer leaves them."""
    rows, tokens = shape
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randn(rows, tokens, 3, _HEADS, _WIDTH, generator=generator).to(dtype)
    return drawn.requires_grad_(gradients).permute(2, 0, 3, 1, 4)


def _work(form: str, qkv: Tensor, gradients: bool) -> Callable[[], object]:
    attend = F.scaled_dot_product_attention if form == "fused" else _spelled_out

    def forward() -> Tensor:
        with torch.inference_mode(not gradients):
            return attend(*qkv)

    if not gradients:
        return forward
    return lambda: torch.autograd.grad(forward().sum(), qkv)


def _spelled_out(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    weights = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
    return weights.softmax(dim=-1) @ v


def _name(dtype: torch.dtype) -> str:
    return "fp32" if dtype == torch.float32 else "bf16"
