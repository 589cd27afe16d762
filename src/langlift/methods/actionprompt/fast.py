"""APM for inference: the same numbers with fewer passes, where weights no longer change.

Batch norms and gates are folded into the weights beside them; keys and values of all pose prompts,
and what the poses of a window are multiplied by for every class, are made once. Features are in the
type of number that the network is prepared in; cosines, softmaxes and embeddings are in float32.
"""

from __future__ import annotations

from typing import Any

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from ..fused import FusedLinear
from .app import Choice, DecoderLayer, PosePrompts, by_frame, by_label, read, where_known
from .atp import (
    ActionTexts,
    ConvolutionBlock,
    PoseToText,
    Projector,
    cosines,
    whole_threes,
)


class FastTexts:
    """ATP (`ActionTexts`) for inference.

    Windows that lie along one track share what is made of each step: the convolutions, the norms
    and what every class makes of a step are there once, however many windows they are part of.

    Args:
        atp: whose weights are copied, with the statistics of its batch norms.
        text: (k, text_width) of the classes, None for one-hot.
        dtype: of the products and the features.
    """

    def __init__(self, atp: ActionTexts, text: Tensor | None, dtype: torch.dtype) -> None:
        self._temperature = atp.temperature
        self._projector = _FastProjector(atp.projector, dtype)
        self._classifier = None
        if atp.classifier is not None:
            self._classifier = _plain(atp.classifier, torch.float32)
        self._text = None if text is None else text.detach().to(torch.float32, copy=True)
        self._pose_to_text = None
        if atp.pose_to_text is not None and self._text is not None:
            self._pose_to_text = _FastPoseToText(atp.pose_to_text, self._text, dtype)

    def __call__(self, x: Tensor) -> Tensor:
        """Logits (m, k) in float32 from features (m, t, d)."""
        return self.over(x, x.shape[1], 1)[:, 0]

    def shares(self, steps: int, apart: int) -> bool:
        """Whether windows of so many steps, so far apart, can be taken out of one track."""
        thirds = 3**self._projector.blocks
        return steps % thirds == 0 and apart % thirds == 0

    def over(self, track: Tensor, steps: int, apart: int) -> Tensor:
        """Logits (b, n, k) of the windows of a track (b, s, d): `steps` long, `apart` from another.

        For more than one window only where it `shares` them.
        """
        action = self._projector(track, steps, apart)  # (b, n, text_width)
        if self._classifier is not None:
            return F.linear(action, *self._classifier)
        assert self._text is not None  # without a classifier there are embeddings
        text = self._text
        if self._pose_to_text is not None:
            text = self._pose_to_text(track, steps, apart).flatten(0, 1)  # (b n, k, text_width)
        found = cosines(action.flatten(0, 1), text) / self._temperature
        return found.unflatten(0, action.shape[:2])


class _FastProjector:
    """`Projector` with its batch norms folded."""

    def __init__(self, projector: Projector, dtype: torch.dtype) -> None:
        self._dtype = dtype
        blocks: Any = projector.blocks
        self._blocks = [_folded_block(block, dtype) for block in blocks]
        self._out = _fused(projector.out, dtype)

    @property
    def blocks(self) -> int:
        """Convolutions, each of which leaves a third of the steps."""
        return len(self._blocks)

    def __call__(self, x: Tensor, steps: int, apart: int) -> Tensor:
        """(b, n, text_width) in float32 of the windows of a track (b, s, d)."""
        x = x.to(self._dtype)
        for wide, same in self._blocks:
            x = whole_threes(x)
            y = wide.relu(rearrange(x, "b (t k) d -> b t (k d)", k=3))
            x = x[:, 1::3] + same.relu(y)
            steps, apart = -(-steps // 3), -(-apart // 3)
        means = x.unfold(1, steps, apart).mean(dim=-1, dtype=torch.float32)
        return self._out(means.to(self._dtype)).float()


class _FastPoseToText:
    """P2T (`PoseToText`) of embeddings that no longer change; they stay in float32.

    What is the same for all steps of a query, the keys' bias, is left out: a softmax takes it away.
    """

    def __init__(self, p2t: PoseToText, text: Tensor, dtype: torch.dtype) -> None:
        self._text, self._heads = text, p2t.heads
        self._norm = _norm(p2t.pose_norm, dtype)
        gate = p2t.gate.detach()
        self._out = FusedLinear(
            (p2t.out.weight.detach() * gate[:, None]).to(dtype),
            (p2t.out.bias.detach() * gate).to(dtype),
        )
        with torch.no_grad():
            queries = p2t.queries(text)[0].flatten(0, 1)  # (k h, d)
        self._queries = FusedLinear(queries.to(dtype), None)
        value = rearrange(p2t.value.weight.detach(), "(h e) d -> h d e", h=self._heads)
        self._value = value.to(dtype, memory_format=torch.contiguous_format, copy=True)
        self._bias = p2t.value.bias.detach().to(dtype, copy=True)

    def __call__(self, x: Tensor, steps: int, apart: int) -> Tensor:
        """(b, n, k, text_width) in float32 for the windows of a track (b, s, d)."""
        parts = [
            (_normed(x, self._norm), steps),
            (_normed(x.diff(dim=1), self._norm), steps - 1),  # velocities
        ]
        scores = [self._queries(part).unfold(1, t, apart) for part, t in parts]  # (b, n, k h, t)
        weights = torch.cat(scores, dim=-1).softmax(dim=-1).split([t for _, t in parts], dim=-1)
        poses, velocities = (
            each @ part.unfold(1, t, apart).mT  # (b, n, k h, d)
            for each, (part, t) in zip(weights, parts, strict=True)
        )
        b, n = poses.shape[:2]
        means = rearrange(poses + velocities, "b n (k h) d -> h (b n k) d", h=self._heads)
        heads = torch.bmm(means, self._value)  # (h, b n k, e)
        joined = rearrange(heads, "h (b n k) e -> b n k (h e)", b=b, n=n) + self._bias
        return self._text + self._out(joined)


class FastPrompts:
    """APP (`PosePrompts`) for inference.

    Args:
        app: whose weights are copied.
        dtype: of the products and the features.
        unsure: whether a choice may be of unknown actions.
    """

    def __init__(self, app: PosePrompts, dtype: torch.dtype, *, unsure: bool) -> None:
        self._dtype, self._unsure = dtype, unsure
        self._enter = _fused(app.enter, dtype)
        layers: Any = app.layers
        with torch.no_grad():
            self._layers = [_FastLayer(layer, app.prompts, dtype) for layer in layers]
        gate = app.gate.detach()
        weight, bias = app.leave.weight.detach() * gate[:, None], app.leave.bias.detach() * gate
        self._leave = FusedLinear(weight.to(dtype), bias.to(dtype))

    def __call__(self, zd: Tensor, choice: Choice, hop: int) -> Tensor:
        """Refine last features (b, f, d) or (b, f, j, d), see `PosePrompts`."""
        given = zd.to(self._dtype)
        x = by_label(self._enter(given), choice.label.shape[1], hop)
        for layer in self._layers:
            x = layer(x, choice)
        refined = self._leave.add(by_frame(x, zd), given)
        return where_known(refined, given, choice, hop) if self._unsure else refined


class _FastLayer:
    """`DecoderLayer` with the keys and values of all classes."""

    def __init__(self, layer: DecoderLayer, prompts: Tensor, dtype: torch.dtype) -> None:
        keys, values = layer.memory(prompts)
        self._memory = keys.to(dtype).contiguous(), values.to(dtype).contiguous()
        self._norm, self._mlp_norm = _norm(layer.norm, dtype), _norm(layer.mlp_norm, dtype)
        self._query = _fused(layer.attention.query, dtype)
        self._out = _fused(layer.attention.out, dtype)
        self._wide, self._narrow = _fused(layer.mlp[0], dtype), _fused(layer.mlp[2], dtype)

    def __call__(self, x: Tensor, choice: Choice) -> Tensor:
        """(b, n, m, c) to (b, n, m, c)."""
        found = read(self._query(_normed(x, self._norm)), self._memory, choice)
        x = self._out.add(found, x)
        return self._narrow.add(self._wide.gelu(_normed(x, self._mlp_norm)), x)


def _folded_block(block: ConvolutionBlock, dtype: torch.dtype) -> tuple[FusedLinear, FusedLinear]:
    """The two products of a block, each with the batch norm after it."""
    pairs = (block.wide, block.wide_norm), (block.same, block.same_norm)
    wide, same = (_with_norm(linear, norm, dtype) for linear, norm in pairs)
    return wide, same


def _with_norm(linear: nn.Linear, norm: nn.BatchNorm1d, dtype: torch.dtype) -> FusedLinear:
    """A layer without a bias and the batch norm after it, as one layer."""
    mean, variance = norm.running_mean, norm.running_var
    assert mean is not None and variance is not None  # this one keeps statistics
    factor = norm.weight.detach() / (variance + norm.eps).sqrt()
    bias = norm.bias.detach() - mean * factor
    return FusedLinear((linear.weight.detach() * factor[:, None]).to(dtype), bias.to(dtype))


def _fused(linear: nn.Module, dtype: torch.dtype) -> FusedLinear:
    """A linear layer in another type of number."""
    return FusedLinear(*_plain(linear, dtype))


def _plain(layer: nn.Module, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Weight and bias, copied without gradients."""
    weight, bias = (value.detach().to(dtype, copy=True) for value in layer.parameters())
    return weight, bias


def _norm(norm: nn.LayerNorm, dtype: torch.dtype) -> tuple[Tensor, Tensor, float]:
    """Weight, bias and epsilon of a layer norm."""
    return *_plain(norm, dtype), norm.eps


def _normed(x: Tensor, norm: tuple[Tensor, Tensor, float]) -> Tensor:
    """The layer norm of (*, d)."""
    return F.layer_norm(x.to(norm[0].dtype), x.shape[-1:], *norm)
