"""DSTformer as its authors structured it (MotionBERT, Zhu et al., ICCV 2023), to measure against.

A second, plain implementation that shares no code with `langlift.methods`: tokens stay (b f) j d,
and attention over frames permutes queries, keys and values; see `reference_blocks`.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from reference_blocks import Attention, Mlp
from torch import Tensor, nn


class _Block(nn.Module):
    """Attention over joints, then over frames, or the other way round, each with an MLP."""

    def __init__(self, width: int, heads: int, hidden: int, frames_first: bool) -> None:
        super().__init__()
        self.frames_first = frames_first
        for axis in ("s", "t"):
            self.add_module(f"norm1_{axis}", nn.LayerNorm(width, eps=1e-6))
            self.add_module(f"attn_{axis}", Attention(width, heads))
            self.add_module(f"norm2_{axis}", nn.LayerNorm(width, eps=1e-6))
            self.add_module(f"mlp_{axis}", Mlp(width, hidden))

    def forward(self, x: Tensor, frames: int) -> Tensor:
        if self.frames_first:
            return self._over_joints(self._over_frames(x, frames))
        return self._over_frames(self._over_joints(x), frames)

    def _over_joints(self, x: Tensor) -> Tensor:
        x = x + self.attn_s(self.norm1_s(x))
        return x + self.mlp_s(self.norm2_s(x))

    def _over_frames(self, x: Tensor, frames: int) -> Tensor:
        x = x + self.attn_t(self.norm1_t(x), frames)
        return x + self.mlp_t(self.norm2_t(x))


class ReferenceDSTformer(nn.Module):
    """(b, f, j, 2) and confidence to (b, f, j, 3); arguments as in `langlift.methods.dstformer`."""

    def __init__(
        self,
        frames: int = 243,
        channels: int = 512,
        representation: int = 512,
        depth: int = 5,
        heads: int = 8,
        mlp_ratio: float = 2.0,
        joints: int = 17,
    ) -> None:
        super().__init__()
        self.joints_embed = nn.Linear(3, channels)
        self.pos_embed = nn.Parameter(torch.zeros(1, joints, channels))
        self.temp_embed = nn.Parameter(torch.zeros(1, frames, 1, channels))
        sizes = channels, heads, int(channels * mlp_ratio)
        self.blocks_st = nn.ModuleList(_Block(*sizes, frames_first=False) for _ in range(depth))
        self.blocks_ts = nn.ModuleList(_Block(*sizes, frames_first=True) for _ in range(depth))
        self.ts_attn = nn.ModuleList(nn.Linear(2 * channels, 2) for _ in range(depth))
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        layers = OrderedDict(fc=nn.Linear(channels, representation), act=nn.Tanh())
        self.pre_logits = nn.Sequential(layers)
        self.head = nn.Linear(representation, 3)

    def forward(self, xy: Tensor, confidence: Tensor | None = None) -> Tensor:
        """Lift windows of at most the frames that the network was built for."""
        sure = torch.ones_like(xy[..., :1]) if confidence is None else confidence[..., None]
        b, f, j, _ = xy.shape
        x = self.joints_embed(torch.cat([xy, sure], dim=-1).reshape(b * f, j, 3))
        x = x + self.pos_embed
        x = x.reshape(b, f, j, -1) + self.temp_embed[:, :f]
        x = x.reshape(b * f, j, -1)
        for st, ts, fusion in zip(self.blocks_st, self.blocks_ts, self.ts_attn, strict=True):
            one, other = st(x, f), ts(x, f)
            share = fusion(torch.cat([one, other], dim=-1)).softmax(dim=-1)
            x = one * share[:, :, :1] + other * share[:, :, 1:]
        x = self.pre_logits(self.norm(x).reshape(b, f, j, -1))
        return self.head(x)
