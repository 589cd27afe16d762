"""Transformer blocks over joints and over frames, for MixSTE, DSTformer and what builds on them.

What is unusual about it:

- One layout, (b, f, j, d), from the first block to the last: a block that attends over joints and
  one that attends over frames see the same tensor, and nothing is rearranged between them.
- Parameters carry the names of the authors' code (``attn.qkv``, ``mlp.fc1``, ...), which both
  families inherited from timm.
"""

from __future__ import annotations

from typing import Literal

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import InputError

Axis = Literal["joint", "frame"]


class Attention(nn.Module):
    """Multi-head self-attention of (b, f, j, d) over the joints of a frame or a joint's frames.

    Args:
        width: d.
        heads: must divide the width.
        axis: what attends to what.
    """

    def __init__(self, width: int, heads: int, axis: Axis) -> None:
        super().__init__()
        self.heads, self.axis = heads, axis
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(b, f, j, d) to (b, f, j, d)."""
        qkv = self.qkv(x)
        if self.axis == "joint":
            q, k, v = rearrange(qkv, "b f j (n h e) -> n (b f) h j e", n=3, h=self.heads)
            y = F.scaled_dot_product_attention(q, k, v)
            y = rearrange(y, "(b f) h j e -> b f j (h e)", b=len(x))
        else:
            q, k, v = rearrange(qkv, "b f j (n h e) -> n (b j) h f e", n=3, h=self.heads)
            y = F.scaled_dot_product_attention(q, k, v)
            y = rearrange(y, "(b j) h f e -> b f j (h e)", b=len(x))
        return self.proj(y)


class Mlp(nn.Module):
    """Two linear layers with GELU (the exact form) between them."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """(*, d) to (*, d)."""
        return self.fc2(F.gelu(self.fc1(x)))


class DropPath(nn.Module):
    """In training, leaves out a residual branch of a sample with a chance; the rest is scaled up.

    One sample is one window, as in the authors' code a row of the batch; see the notes of the
    methods.
    """

    def __init__(self, chance: float) -> None:
        super().__init__()
        self.chance = chance

    def forward(self, x: Tensor) -> Tensor:
        """(b, *) to (b, *)."""
        if not self.training or self.chance == 0:
            return x
        kept = torch.rand(len(x), device=x.device) >= self.chance
        scale = kept.to(x.dtype) / (1 - self.chance)
        return x * scale.reshape(-1, *[1] * (x.ndim - 1))


class Block(nn.Module):
    """Pre-norm attention and MLP, each added to its input (MixSTE's STE and TTE blocks).

    Args:
        width: d.
        heads: of the attention.
        mlp_ratio: hidden width of the MLP over d.
        axis: what the attention is over.
        drop_path: chance of leaving out a branch in training.
    """

    def __init__(
        self, width: int, heads: int, mlp_ratio: float, axis: Axis, drop_path: float = 0.0
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width, heads, axis)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = Mlp(width, int(width * mlp_ratio))
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        """(b, f, j, d) to (b, f, j, d)."""
        x = x + self.drop_path(self.attn(self.norm1(x)))
        return x + self.drop_path(self.mlp(self.norm2(x)))


def check_width(width: int, heads: int) -> None:
    """Raise unless the heads share the width evenly."""
    if heads < 1 or width % heads:
        raise InputError(f"width is {width} and heads is {heads}; heads must divide the width")
