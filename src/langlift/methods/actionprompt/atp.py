"""Action-related text prompts (ATP): what names the action of a window (paper, section 2.2).

Shallow features of a window are projected to one feature, and compared with an embedding per class
by their cosine. The embeddings may be changed by the pose first (P2T): each looks at the features
and at their velocities.
"""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from ..base import autocast
from ..transformer import weigh

#: Where gates start: the network begins as its encoder, and gradients pass.
GATE = 1e-4
_TINY = 1e-20


class ConvolutionBlock(nn.Module):
    """A residual block of temporal convolutions over three steps each, as VPose's strided form.

    (m, t, d) to (m, ceil(t / 3), d); the last step is repeated where three do not divide them.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.wide = nn.Linear(3 * width, width, bias=False)
        self.wide_norm = nn.BatchNorm1d(width)
        self.same = nn.Linear(width, width, bias=False)
        self.same_norm = nn.BatchNorm1d(width)

    def forward(self, x: Tensor) -> Tensor:
        """(m, t, d) to (m, ceil(t / 3), d)."""
        x = whole_threes(x)
        y = F.relu(_normed(self.wide(rearrange(x, "m (t k) d -> m t (k d)", k=3)), self.wide_norm))
        return x[:, 1::3] + F.relu(_normed(self.same(y), self.same_norm))


def whole_threes(x: Tensor) -> Tensor:
    """(m, t, d) with the last step repeated until three divide the steps."""
    if torch.compiler.is_exporting():  # which has to do for any number of steps
        last = x.shape[1] - 1
        return x[:, torch.arange((last + 3) // 3 * 3, device=x.device).clamp(max=last)]
    rest = -x.shape[1] % 3
    return x if rest == 0 else torch.cat([x, x[:, -1:].expand(-1, rest, -1)], dim=1)


def _normed(x: Tensor, norm: nn.BatchNorm1d) -> Tensor:
    return norm(x.flatten(0, 1)).view(x.shape)


class Projector(nn.Module):
    """Features of a window (m, t, d) to the action feature A (m, text_width).

    Args:
        width: d.
        text_width: of the embeddings.
        blocks: of convolutions; with none the features are only averaged ("GP" in the paper).
    """

    def __init__(self, width: int, text_width: int, blocks: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(ConvolutionBlock(width) for _ in range(blocks)))
        self.out = nn.Linear(width, text_width)

    def forward(self, x: Tensor) -> Tensor:
        """(m, t, d) to (m, text_width)."""
        return self.out(self.blocks(x).mean(dim=1))


def with_velocity(x: Tensor) -> Tensor:
    """[Z0, Z0']: features (m, t, d) and their differences in time, (m, 2 t - 1, d)."""
    return torch.cat([x, x.diff(dim=1)], dim=1)


class PoseToText(nn.Module):
    """P2T: every embedding attends to the features of the window and to their velocities.

    The result is added through a gate: T + g * attention. Where there are few classes, keys are not
    made for every step: a query goes through their weights instead, and values are made of the
    weighted mean of the steps. That is the same and takes fewer products.

    Args:
        width: of the features.
        text_width: of the embeddings.
        heads: of the attention.
    """

    def __init__(self, width: int, text_width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.text_norm = nn.LayerNorm(text_width)
        self.pose_norm = nn.LayerNorm(width)
        self.query = nn.Linear(text_width, text_width)
        self.key = nn.Linear(width, text_width)
        self.value = nn.Linear(width, text_width)
        self.out = nn.Linear(text_width, text_width)
        self.gate = nn.Parameter(torch.full((text_width,), GATE))

    def queries(self, text: Tensor) -> tuple[Tensor, Tensor]:
        """The embeddings (k, text_width) as what steps are multiplied by (k, h, d), and a summand.

        The summand (k, h) is that of the keys' bias. It is the same for all steps of a query, so
        the softmax takes it away again and the bias learns nothing but rounding.
        """
        query = rearrange(self.query(self.text_norm(text)), "k (h e) -> k h e", h=self.heads)
        query = query * query.shape[-1] ** -0.5
        weight = rearrange(self.key.weight, "(h e) d -> h e d", h=self.heads)
        bias = rearrange(self.key.bias, "(h e) -> h e", h=self.heads)
        folded = torch.einsum("khe,hed->khd", query, weight)
        return folded, (query * bias).sum(dim=-1)

    def forward(self, text: Tensor, x: Tensor) -> Tensor:
        """Embeddings (k, text_width) and features (m, t, d) to (m, k, text_width)."""
        steps = self.pose_norm(with_velocity(x))  # (m, s, d)
        # An exporter that spells out keys and values of any number of windows fixes that number.
        if torch.compiler.is_exporting() or len(text) * self.heads < text.shape[1]:
            joined = self.folded(*self.queries(text), steps)
        else:
            joined = self._spelled_out(text, steps)
        return text + self.gate * self.out(joined)

    def folded(self, queries: Tensor, summand: Tensor, steps: Tensor) -> Tensor:
        """What the queries (k, h, d) make of normed steps (m, s, d): (m, k, text_width)."""
        classes, steps = queries.shape[0], steps.to(queries.dtype)
        scores = F.linear(steps, queries.flatten(0, 1), summand.flatten()).mT  # (m, k h, s)
        weights = scores.softmax(dim=-1).to(steps.dtype)
        means = rearrange(weights @ steps, "m (k h) d -> h (m k) d", k=classes, h=self.heads)
        value = rearrange(self.value.weight, "(h e) d -> h d e", h=self.heads)
        heads = torch.bmm(means, value.to(means.dtype))  # (h, m k, e)
        return rearrange(heads, "h (m k) e -> m k (h e)", k=classes) + self.value.bias

    def _spelled_out(self, text: Tensor, steps: Tensor) -> Tensor:
        """The same by keys and values of every step."""
        split = "m s (h e) -> m h s e"
        query = rearrange(self.query(self.text_norm(text)), "k (h e) -> h k e", h=self.heads)
        keys = rearrange(self.key(steps), split, h=self.heads)
        values = rearrange(self.value(steps), split, h=self.heads)
        found = weigh(query.expand(len(steps), -1, -1, -1), keys, values)
        return rearrange(found, "m h k e -> m k (h e)")


class ActionTexts(nn.Module):
    """ATP: logits of a window's action from its shallow features.

    Args:
        width: of the features.
        text_width: of the embeddings.
        classes: k; with `one_hot` a linear layer names them and there are no embeddings.
        blocks: of the projector, 0 for mean pooling.
        heads: of P2T, 0 for none.
        temperature: that cosines are divided by.
    """

    def __init__(
        self,
        width: int,
        text_width: int,
        classes: int,
        *,
        blocks: int,
        heads: int,
        temperature: float,
        one_hot: bool = False,
    ) -> None:
        super().__init__()
        self.temperature = temperature
        self.projector = Projector(width, text_width, blocks)
        self.pose_to_text = PoseToText(width, text_width, heads) if heads else None
        self.classifier = nn.Linear(text_width, classes) if one_hot else None

    def forward(self, x: Tensor, text: Tensor | None) -> Tensor:
        """Logits (m, k) in float32 from features (m, t, d) and embeddings (k, text_width)."""
        action = self.projector(x)
        if self.classifier is not None:
            return self.classifier(action).float()
        assert text is not None  # without a classifier there are embeddings
        seen = text if self.pose_to_text is None else self.pose_to_text(text, x)
        return cosines(action, seen) / self.temperature


def cosines(action: Tensor, text: Tensor) -> Tensor:
    """Cosines (m, k) of features (m, d) and embeddings (k, d) or (m, k, d), in float32."""
    with autocast(action.device, "fp32"):
        action, text = action.float(), text.float()
        dots = (text @ action[..., None])[..., 0] if text.ndim == 3 else action @ text.T
        squares = action.square().sum(dim=-1, keepdim=True) * text.square().sum(dim=-1)
        return dots * squares.clamp(min=_TINY).rsqrt()
