"""Action-specific pose prompts (APP): learnt poses of an action that refine the last features.

Each class has prompts of its own. The last features are the queries of a small decoder whose memory
are the prompts of one class; what it gives is added through a gate (paper, section 2.3).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from .atp import GATE


@dataclass(frozen=True)
class Choice:
    """Whose prompts are read, for each label of a pass.

    Args:
        label: (b, n) class index.
        known: (b, n) False where the action is unknown: nothing is changed there.
        weights: (b, n, k) of a mean over the classes, None for the prompts of `label` alone.
    """

    label: Tensor
    known: Tensor
    weights: Tensor | None = None


class PromptAttention(nn.Module):
    """Cross-attention from features to the prompts of the action that they are of."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)

    def memory(self, prompts: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values (k, h, l, e) of normed prompts (k, l, c)."""
        split = "k l (h e) -> k h l e"
        keys, values = self.key(prompts), self.value(prompts)
        return rearrange(keys, split, h=self.heads), rearrange(values, split, h=self.heads)

    def forward(self, x: Tensor, memory: tuple[Tensor, Tensor], choice: Choice) -> Tensor:
        """Features (b, n, m, c), the m of a label together, to (b, n, m, c)."""
        return self.out(read(self.query(x), memory, choice))


def read(query: Tensor, memory: tuple[Tensor, Tensor], choice: Choice) -> Tensor:
    """What queries (b, n, m, c) find among the chosen prompts, before the last product.

    Args:
        query: the m of a label together, their heads one after the other.
        memory: keys and values (k, h, l, e) of all classes.
        choice: whose prompts, for each label.
    """
    b, n = query.shape[:2]
    rows = rearrange(query, "b n m (h e) -> (b n) h m e", h=memory[0].shape[1])
    if choice.weights is None and _many(rows, memory):
        found = _by_class(rows, memory, choice.label.flatten())
    else:
        found = F.scaled_dot_product_attention(rows, *_chosen(memory, choice, rows.dtype))
    return rearrange(found, "(b n) h m e -> b n m (h e)", b=b, n=n)


def _many(rows: Tensor, memory: tuple[Tensor, Tensor]) -> bool:
    """Whether a copy of the prompts for every row would be dear: in training, and for many rows.

    Its gradients would have to be added up again. An exporter follows no classes one by one.
    """
    if torch.compiler.is_exporting():
        return False
    training = torch.is_grad_enabled() and rows.requires_grad
    return training or rows.shape[0] > memory[0].shape[0]


def _chosen(
    memory: tuple[Tensor, Tensor], choice: Choice, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Keys and values (b n, h, l, e) for every label."""
    keys, values = (part.to(dtype) for part in memory)
    if choice.weights is None:
        label = choice.label.flatten()
        return keys[label], values[label]
    weights = choice.weights.flatten(0, 1).to(dtype)
    mix = "r k, k h l e -> r h l e"
    return torch.einsum(mix, weights, keys), torch.einsum(mix, weights, values)


def _by_class(rows: Tensor, memory: tuple[Tensor, Tensor], label: Tensor) -> Tensor:
    """The same for queries (r, h, m, e) of labels (r), class by class."""
    m = rows.shape[2]
    order = label.argsort(stable=True)
    classes, counts = label.unique(return_counts=True)  # sorted as `order` is
    found = []
    for k, part in zip(classes.tolist(), rows[order].split(counts.tolist()), strict=True):
        keys, values = memory[0][k].to(rows.dtype), memory[1][k].to(rows.dtype)  # (h, l, e)
        flat = rearrange(part, "r h m e -> h (r m) e") * keys.shape[-1] ** -0.5
        weighed = (flat @ keys.mT).softmax(dim=-1) @ values  # (h, r m, e)
        found.append(rearrange(weighed, "h (r m) e -> r h m e", m=m))
    return torch.cat(found)[order.argsort()]


class DecoderLayer(nn.Module):
    """Cross-attention and an MLP of twice the width, each added to its normed input's residual."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.memory_norm = nn.LayerNorm(width)
        self.mlp_norm = nn.LayerNorm(width)
        self.attention = PromptAttention(width, heads)
        self.mlp = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def memory(self, prompts: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of the prompts (k, l, c) of all classes."""
        return self.attention.memory(self.memory_norm(prompts))

    def forward(self, x: Tensor, memory: tuple[Tensor, Tensor], choice: Choice) -> Tensor:
        """(b, n, m, c) to (b, n, m, c)."""
        x = x + self.attention(self.norm(x), memory, choice)
        return x + self.mlp(self.mlp_norm(x))


class PosePrompts(nn.Module):
    """APP: the last features, refined by the prompts of the chosen action.

    Args:
        features: d, width of the last features.
        classes: k.
        prompts: of each class, l.
        width: of the decoder, c.
        layers: of the decoder.
        heads: of its attentions.
    """

    def __init__(
        self, features: int, classes: int, *, prompts: int, width: int, layers: int, heads: int
    ) -> None:
        super().__init__()
        self.prompts = nn.Parameter(torch.randn(classes, prompts, width) * 0.02)
        self.enter = nn.Linear(features, width)
        self.layers = nn.ModuleList(DecoderLayer(width, heads) for _ in range(layers))
        self.leave = nn.Linear(width, features)
        self.gate = nn.Parameter(torch.full((features,), GATE))

    def memories(self) -> list[tuple[Tensor, Tensor]]:
        """Keys and values of all classes for every layer; they depend on weights only."""
        return [layer.memory(self.prompts) for layer in self.layers]  # type: ignore[operator]

    def forward(self, zd: Tensor, choice: Choice, hop: int) -> Tensor:
        """Refine last features (b, f, d) or (b, f, j, d).

        Args:
            zd: the features.
            choice: whose prompts, for each label (b, n).
            hop: frames that share a label; the last ones may be fewer.
        """
        x = by_label(self.enter(zd), choice.label.shape[1], hop)
        for layer, memory in zip(self.layers, self.memories(), strict=True):
            x = layer(x, memory, choice)
        change = self.gate * by_frame(self.leave(x), zd)
        return where_known(zd + change.to(zd.dtype), zd, choice, hop)


def where_known(refined: Tensor, zd: Tensor, choice: Choice, hop: int) -> Tensor:
    """Features (b, f, *, d), refined where the action is known."""
    known = frames_of(choice.known, zd.shape[1], hop)
    return torch.where(known.view(*known.shape, *[1] * (zd.ndim - 2)), refined, zd)


def by_label(x: Tensor, labels: int, hop: int) -> Tensor:
    """(b, f, *, c) to (b, n, m, c): the tokens of a label's frames together, padded with zeros."""
    if is_one(labels):
        return x.flatten(1, -2)[:, None]
    missing = labels * hop - x.shape[1]
    x = F.pad(x, [0, 0] * (x.ndim - 2) + [0, missing])
    return x.unflatten(1, (labels, hop)).flatten(2, -2)


def by_frame(x: Tensor, like: Tensor) -> Tensor:
    """(b, n, m, d) back to the shape of `like`, (b, f, *, d)."""
    between = like.shape[2:-1]
    x = x.flatten(1, 2).unflatten(1, (-1, *between)) if between else x.flatten(1, 2)
    return x[:, : like.shape[1]]


def frames_of(values: Tensor, frames: int, hop: int) -> Tensor:
    """(b, n, *) of labels to (b, f, *) of their frames."""
    if is_one(values.shape[1]):
        return values.expand(-1, frames, *values.shape[2:])
    at = torch.arange(frames, device=values.device) // hop
    return values[:, at]


def is_one(size: int) -> bool:
    """Whether a size is 1, and stays so: a size that an exporter leaves open is no int."""
    return isinstance(size, int) and size == 1
