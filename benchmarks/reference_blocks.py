"""What the reference forms of MixSTE and DSTformer have in common: blocks as their authors wrote.

Both families come from the plain vision transformer: tokens (n, t, d), queries, keys and values
cut out of one product and permuted, the attention matrix made, scaled and normalised in full, every
operation a pass of its own, all in float32. Names are the authors', so state dicts fit.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Attention(nn.Module):
    """Attention with its matrix in memory.

    Args:
        width: d.
        heads: must divide the width.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.scale = (width // heads) ** -0.5
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor, frames: int | None = None) -> Tensor:
        """(n, t, d) to the same: over t, or over so many neighbouring n, a window's frames."""
        n, t, d = x.shape
        qkv = self.qkv(x).reshape(n, t, 3, self.heads, d // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each (n, h, t, e)
        if frames is None:
            y = self._attend(q, k, v).transpose(1, 2)  # (n, t, h, e)
        else:
            q, k, v = (
                z.reshape(-1, frames, *z.shape[1:]).permute(0, 2, 3, 1, 4) for z in (q, k, v)
            )  # each (b, h, t, f, e)
            y = self._attend(q, k, v).permute(0, 3, 2, 1, 4)  # (b, f, t, h, e)
        return self.proj(y.reshape(n, t, d))

    def _attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        matrix = (q @ k.transpose(-2, -1)) * self.scale
        return matrix.softmax(dim=-1) @ v


class Mlp(nn.Module):
    """Two linear layers with GELU between them."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """(n, t, d) to the same."""
        return self.fc2(self.act(self.fc1(x)))


class DropPath(nn.Module):
    """In training, leaves out the branch of a row with a chance; the rest is scaled up."""

    def __init__(self, chance: float) -> None:
        super().__init__()
        self.chance = chance

    def forward(self, x: Tensor) -> Tensor:
        """(n, t, d) to the same."""
        if not self.training or self.chance == 0:
            return x
        kept = torch.rand(len(x), 1, 1, device=x.device).add_(1 - self.chance).floor_()
        return x.div(1 - self.chance) * kept
