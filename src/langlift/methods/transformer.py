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

from ..errors import InputError, check_shape
from .base import autocast
from .encoder import EncoderConfig
from .fused import add_linear, gelu_linear

Axis = Literal["joint", "frame"]


#: Bounds far above any network that can be trained; what lies beyond is a damaged file.
_MOST = {"frames": 100_000, "channels": 100_000, "depth": 1_000, "joints_in": 10_000}
_LARGEST_RATIO = 100


class TransformerConfig(EncoderConfig):
    """Checks that the settings of every network of such blocks have in common.

    The settings are ``frames`` (most of a window; as many come out as go in), ``channels``,
    ``depth``, ``heads``, ``mlp_ratio``, ``joints_in`` and ``joints_out``.
    """

    frames: int
    channels: int
    depth: int
    heads: int
    mlp_ratio: float
    joints_in: int
    joints_out: int

    def check_transformer(self, method: str) -> None:
        """Raise `InputError`, naming the setting, for sizes that no such network has."""
        self.check_whole_numbers()
        self.check_sizes(_MOST)
        if self.heads < 1 or self.channels % self.heads:
            raise InputError(
                f"channels is {self.channels} and heads is {self.heads}; heads must divide the "
                "channels"
            )
        if not 1 <= self.channels * self.mlp_ratio <= self.channels * _LARGEST_RATIO:
            raise InputError(
                f"mlp_ratio is {self.mlp_ratio}; it must leave the MLP at least one channel and be "
                f"at most {_LARGEST_RATIO}"
            )
        if self.joints_in != self.joints_out:
            raise InputError(
                f"joints_in is {self.joints_in} and joints_out is {self.joints_out}; {method} "
                "gives as many joints as it takes: make them equal"
            )
        self.check_losses(self.joints_out)

    @property
    def window(self) -> int | None:
        """Most input frames of one pass."""
        return self.frames

    @property
    def frames_seen(self) -> int | None:
        """A whole window."""
        return self.frames

    def check_joints(self, count: int) -> None:
        """Raise unless both joint counts are `count`."""
        self.check_equal_joints(count)

    def check_window(self, xy: Tensor, method: str) -> None:
        """Raise unless (b, f, j, 2) has this network's joints and at most its frames."""
        check_shape(xy, f"b f {self.joints_in} 2", "xy")
        if xy.shape[0] == 0:
            raise InputError(f"there are no windows in the batch; give this {method} at least one")
        if not 1 <= xy.shape[1] <= self.frames:
            raise InputError(
                f"got {xy.shape[1]} frames; this {method} takes windows of 1 to {self.frames} "
                "frames: cut the sequence into windows"
            )


class ExactLinear(nn.Linear):
    """A linear layer in the type of its weights, also under autocast.

    For what is near the numbers that matter: 2D joints that come in, metres that go out.
    """

    def forward(self, input: Tensor) -> Tensor:
        """(*, d_in) to (*, d_out)."""
        with autocast(input.device, "fp32"):
            return super().forward(input.to(self.weight.dtype))


class Attention(nn.Module):
    """Multi-head self-attention of (b, f, j, d) over the joints of a frame or a joint's frames.

    Args:
        width: d.
        heads: must divide the width.
        axis: what attends to what.
    """

    def __init__(self, width: int, heads: int, axis: Axis) -> None:
        super().__init__()
        self.heads = heads
        self.axis: Axis = axis
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        """(b, f, j, d) to (b, f, j, d), added to the residual if one is given."""
        y = attend(self.qkv(x), self.heads, self.axis)
        return self.proj(y) if residual is None else add_linear(self.proj, y, residual)


class Mlp(nn.Module):
    """Two linear layers with GELU (the exact form) between them."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        """(*, d) to (*, d), added to the residual if one is given."""
        hidden = gelu_linear(self.fc1, x)
        return self.fc2(hidden) if residual is None else add_linear(self.fc2, hidden, residual)


class DropPath(nn.Module):
    """In training, leaves out a residual branch with a chance; what is kept is scaled up.

    Args:
        chance: of leaving it out.
        axis: of the attention in the block. What is left out as a whole is what attends to each
            other, as in the authors' code: a frame's joints, or a joint's frames.
    """

    def __init__(self, chance: float, axis: Axis) -> None:
        super().__init__()
        self.chance = chance
        self.axis: Axis = axis

    @property
    def drops(self) -> bool:
        """Whether anything is left out at the moment."""
        return self.training and self.chance > 0

    def forward(self, x: Tensor) -> Tensor:
        """(b, f, j, d) to (b, f, j, d)."""
        if not self.drops:
            return x
        b, f, j, _ = x.shape
        rows = (b, f, 1, 1) if self.axis == "joint" else (b, 1, j, 1)
        kept = torch.rand(rows, device=x.device) >= self.chance
        return x * (kept.to(x.dtype) / (1 - self.chance))


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
        self.drop_path = DropPath(drop_path, axis)

    def forward(self, x: Tensor) -> Tensor:
        """(b, f, j, d) to (b, f, j, d)."""
        if self.drop_path.drops:
            x = x + self.drop_path(self.attn(self.norm1(x)))
            return x + self.drop_path(self.mlp(self.norm2(x)))
        x = self.attn(self.norm1(x), residual=x)
        return self.mlp(self.norm2(x), residual=x)


def attend(qkv: Tensor, heads: int, axis: Axis) -> Tensor:
    """Attention over the joints of a frame or a joint's frames.

    Args:
        qkv: (b, f, j, 3 d), queries, keys and values one after the other.
        heads: must divide d.
        axis: what attends to what.

    Returns:
        (b, f, j, d), the heads one after the other.
    """
    b, f, j, width = qkv.shape
    qkv = qkv.view(b, f, j, 3, heads, width // (3 * heads))
    if axis == "joint":
        q, k, v = qkv.flatten(0, 1).permute(2, 0, 3, 1, 4)  # (b f, h, j, e) each
        y = weigh(q, k, v).transpose(1, 2)  # (b f, j, h, e)
    elif b == 1:  # a view: one window's joints are the batch of the attention
        q, k, v = qkv[0].permute(2, 1, 3, 0, 4)  # (j, h, f, e) each
        y = weigh(q, k, v).permute(2, 0, 1, 3)  # (f, j, h, e)
    else:
        q, k, v = rearrange(qkv, "b f j n h e -> n (b j) h f e")
        y = rearrange(weigh(q, k, v), "(b j) h f e -> b f j h e", b=b)
    return y.reshape(b, f, j, width // 3)


def weigh(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Attention of (*, n, e), in the form that was measured to be the faster one.

    The fused kernel is as fast or faster over 17 joints and over 243 frames, but for one case: its
    backward pass in bf16 on a CPU takes 2 (frames) to 7 times (joints) as long as the products
    spelled out (benchmarks/run.py, group attention).
    """
    spelled_out = q.device.type == "cpu" and q.dtype == torch.bfloat16
    if spelled_out and torch.is_grad_enabled() and q.requires_grad:
        weights = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
        return weights.softmax(dim=-1) @ v
    return F.scaled_dot_product_attention(q, k, v)
