"""MixSTE as its authors structured it (Zhang et al., CVPR 2022), to measure against.

A second, plain implementation that shares no code with `langlift.methods`: the tokens are moved
between (b f) j d and (b j) f d before every block, a copy each time; see `reference_blocks`.
"""

from __future__ import annotations

import torch
from einops import rearrange
from reference_blocks import Attention, DropPath, Mlp
from torch import Tensor, nn


class _Block(nn.Module):
    def __init__(self, width: int, heads: int, hidden: int, drop_path: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width, heads)
        self.drop_path = DropPath(drop_path)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = Mlp(width, hidden)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.drop_path(self.attn(self.norm1(x)))
        return x + self.drop_path(self.mlp(self.norm2(x)))


class ReferenceMixSTE(nn.Module):
    """(b, f, j, 2) to (b, f, j, 3); the arguments are those of `langlift.methods.mixste`."""

    def __init__(
        self,
        frames: int = 243,
        channels: int = 512,
        depth: int = 8,
        heads: int = 8,
        mlp_ratio: float = 2.0,
        drop_path: float = 0.1,
        joints: int = 17,
    ) -> None:
        super().__init__()
        self.Spatial_patch_to_embedding = nn.Linear(2, channels)
        self.Spatial_pos_embed = nn.Parameter(torch.zeros(1, joints, channels))
        self.Temporal_pos_embed = nn.Parameter(torch.zeros(1, frames, channels))
        chances = [drop_path * level / max(depth - 1, 1) for level in range(depth)]
        sizes = channels, heads, int(channels * mlp_ratio)
        self.STEblocks = nn.ModuleList(_Block(*sizes, chance) for chance in chances)
        self.TTEblocks = nn.ModuleList(_Block(*sizes, chance) for chance in chances)
        self.Spatial_norm = nn.LayerNorm(channels, eps=1e-6)
        self.Temporal_norm = nn.LayerNorm(channels, eps=1e-6)
        self.head = nn.Sequential(nn.LayerNorm(channels), nn.Linear(channels, 3))

    def forward(self, xy: Tensor) -> Tensor:
        """Lift windows of exactly the frames that the network was built for."""
        b = len(xy)
        x = rearrange(xy, "b f j c -> (b f) j c")
        x = self.Spatial_patch_to_embedding(x) + self.Spatial_pos_embed
        x = self.Spatial_norm(self.STEblocks[0](x))
        x = rearrange(x, "(b f) j d -> (b j) f d", b=b)
        x = self.Temporal_norm(self.TTEblocks[0](x + self.Temporal_pos_embed))
        x = rearrange(x, "(b j) f d -> b f j d", b=b)
        for spatial, temporal in list(zip(self.STEblocks, self.TTEblocks, strict=True))[1:]:
            x = rearrange(x, "b f j d -> (b f) j d")
            x = self.Spatial_norm(spatial(x))
            x = rearrange(x, "(b f) j d -> (b j) f d", b=b)
            x = self.Temporal_norm(temporal(x))
            x = rearrange(x, "(b j) f d -> b f j d", b=b)
        return self.head(x)
