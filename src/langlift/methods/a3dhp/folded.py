"""A3DHP for inference: the same numbers from fewer passes over memory.

On a CPU the network is bound by its element-wise passes, not by its products. So:

- every batch norm is folded into the weights beside it;
- what enters each level from the 2D input is computed once per frame of the sequence and shared by
  all windows; everything after the first gate depends on the window's middle frame;
- windows go through the levels a few at a time, so that features stay in the caches;
- grouped pointwise convolutions are batched products that read and write the features in place,
  and Mish is five cheap passes, where PyTorch's own evaluates a logarithm and a hyperbolic tangent.

In float32 the output is that of `A3DHP` up to rounding.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from ..base import Stage
from ..stages import layer_of
from .config import GROUPS, A3DHPConfig
from .windows import Kept, by_window, check_windows, every, similarity, skips

#: Windows that go through the levels together, by type of device.
WINDOWS = {"cpu": 81, "cuda": 1024}


class FoldedA3DHP(nn.Module):
    """The stages of `A3DHP` in evaluation mode; weights are copied when it is made.

    Args:
        encoder: an `A3DHP`.
        dtype: of features and weights; gates, attention weights and the head are float32.
    """

    def __init__(self, encoder: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        source: Any = encoder
        self.config: A3DHPConfig = source.config
        self.padding, self.width, self.layers = source.padding, source.width, source.layers
        self.dtype = dtype
        conv = source.layers_conv
        self.enter = nn.ModuleList(_Entry(each, dtype) for each in source.expand_conv)
        self.gates = nn.ModuleList(
            _Linear(*_folded(gate.weight, norm, gate.bias), torch.float32)
            for gate, norm in zip(source.layers_tem_att, source.layers_tem_bn, strict=True)
        )
        self.kernels = nn.ModuleList(_Kernels(each, dtype) for each in conv[::2])
        self.points = nn.ModuleList(
            _Linear(*_folded(each.weight[:, :, 0], norm), dtype)
            for each, norm in zip(conv[1::2], source.layers_bn, strict=True)
        )
        self.skips = nn.ModuleList(
            _Skip(source.dilation_conv[2 * i], source.dilation_conv[2 * i + 1], norm, dtype)
            for i, norm in enumerate(source.dilation_bn)
        )
        shrink = source.shrink
        self.shrink = _Linear(shrink.weight[:, :, 0], shrink.bias, torch.float32)

    def forward(self, xy: Tensor, confidence: Tensor | None = None) -> Tensor:
        """Lift (b, f, j, 2) to (b, f - frames + 1, j, 3)."""
        return self.head(self.deep(self.shallow(xy, confidence)))

    @torch.no_grad()
    def shallow(self, xy: Tensor, confidence: Tensor | None = None) -> Stage:
        """First features of every window, as those of `A3DHP`; for b = 1 a view, not a copy."""
        check_windows(xy, self.config)
        return Stage(self._entered(xy, 0).flatten(0, 1), 3, Kept(xy))

    @torch.no_grad()
    def deep(self, stage: Stage) -> Tensor:
        """The levels that are left: features of all windows to (b, f - frames + 1, d)."""
        return by_window(self.advance(stage, self.layers))[:, :, 0]

    @torch.no_grad()
    def advance(self, stage: Stage, layer: int) -> Stage:
        """The stage after a deeper layer, as that of `A3DHP`; a few windows at a time."""
        own = layer_of(stage, layer, self.layers, "A3DHP")
        if layer == own:
            return stage
        xy, levels = stage.state.xy, range(own - 1, layer - 1)
        entered = {level: self._entered(xy, level) for level in levels if level}
        pieces = [
            self._levels(levels, piece, {level: each[at] for level, each in entered.items()})
            for at, piece in self._pieces(stage)
        ]
        sides = {
            target: [
                torch.cat(each) for each in zip(*(p.sides[target] for p in pieces), strict=True)
            ]
            for target in pieces[0].sides
        }
        score = torch.cat([piece.score for piece in pieces])
        features = torch.cat([piece.features for piece in pieces])
        return Stage(features, 3**layer, Kept(xy, score, sides), layer)

    @torch.no_grad()
    def window_features(self, stage: Stage, starts: Tensor) -> Tensor:
        """A stage's features of the windows that begin at frames `starts` (n): (b, n, t, d)."""
        return by_window(stage)[:, starts]

    @torch.no_grad()
    def head(self, zd: Tensor) -> Tensor:
        """(b, f_out, d) to (b, f_out, j, 3), in float32."""
        return rearrange(self.shrink(zd.float()), "b f (j c) -> b f j c", c=3)

    def _entered(self, xy: Tensor, level: int) -> Tensor:
        """What enters a level of every window: a view (b, n, t, d) of one row per frame."""
        frames, stride = self.config.frames, 3 ** (level + 1)
        rows = self.enter[level](xy.flatten(2).to(self.dtype), 3**level)
        first, steps = 3**level // 2, frames // stride
        count = xy.shape[1] - frames + 1
        rows = rows[:, first : first + count + (steps - 1) * stride]
        windows = rows.unfold(1, (steps - 1) * stride + 1, 1)[..., ::stride]
        return windows.transpose(2, 3)

    def _pieces(self, stage: Stage) -> Iterator[tuple[tuple[int, slice], _Piece]]:
        """Where some windows of a stage are, of (b, n), and what there is of them."""
        features, kept = by_window(stage), stage.state
        count = features.shape[:2]
        poses = (
            kept.xy.flatten(2).unfold(1, self.config.frames, 1).transpose(2, 3)
        )  # (b, n, f, j c)
        step = WINDOWS[_device_kind(kept.xy)]
        for at in product(range(count[0]), range(0, count[1], step)):
            part = at[0], slice(at[1], at[1] + step)
            sides = {
                t: [each.unflatten(0, count)[part] for each in kept.sides[t]] for t in kept.sides
            }
            if kept.score is None:
                score = similarity(poses[part])
            else:
                score = kept.score.unflatten(0, count)[part]
            yield part, _Piece(features[part], score, sides)

    def _levels(
        self, levels: Sequence[int], piece: _Piece, entered: Mapping[int, Tensor]
    ) -> _Piece:
        """Some windows after levels, from what enters these, (n, t, d) each."""
        x, sides = piece.features, {target: list(of) for target, of in piece.sides.items()}
        paths = skips(self.config.levels)
        for level in levels:
            gate = torch.sigmoid(self.gates[level](piece.score))[..., None].to(self.dtype)
            # Into a fresh tensor: the product with overlapping windows would lie time first.
            gated, residual = torch.mul(x, gate, out=x.new_empty(x.shape)), every(x, 1)
            for skip, (source, target) in zip(self.skips, paths, strict=True):
                if source == level:
                    over = target - level - 1
                    side = skip(every(gated, over), every(residual, over))
                    sides.setdefault(target, []).append(side)
            if level:
                side = sum(sides.pop(level, []), entered[level])
                gated = torch.addcmul(gated, side, gate)
            x = mish_(self.points[level](self.kernels[level](gated))).add_(residual)
        return _Piece(x, piece.score, sides)


@dataclass(frozen=True)
class _Piece:
    """Windows that go through the levels together; see `Kept`."""

    features: Tensor
    score: Tensor
    sides: Mapping[int, Sequence[Tensor]]


class _Linear(nn.Module):
    """A matrix product with bias, (*, d_in) to (*, d_out)."""

    def __init__(self, weight: Tensor, bias: Tensor, dtype: torch.dtype) -> None:
        super().__init__()
        self.weight, self.bias = _fixed(weight, dtype), _fixed(bias, dtype)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight, self.bias)


class _Entry(_Linear):
    """The separable convolution of the 2D input as one product over its taps, then Mish."""

    def __init__(self, conv: Any, dtype: torch.dtype) -> None:
        point, shift = _folded_pair(conv.PW_conv.weight[:, :, 0], conv.DW_bn, conv.PW_bn)
        weight = torch.cat([point * tap for tap in conv.DW_conv.weight[:, 0].T], dim=1)
        super().__init__(weight, shift, dtype)

    def forward(self, x: Tensor, dilation: int) -> Tensor:
        """(b, f, d_in) to (b, f - 2 dilation, d), at every frame."""
        stop = x.shape[1] - 2 * dilation
        taps = [x[:, k * dilation : k * dilation + stop] for k in range(3)]
        return mish_(super().forward(torch.cat(taps, dim=2)))


class _Skip(nn.Module):
    """From a level's gated features to those that enter one two or more below it."""

    def __init__(self, conv: Any, point: Any, norm: Any, dtype: torch.dtype) -> None:
        super().__init__()
        first, shift = _folded_pair(conv.PW_conv.weight[:, :, 0], conv.DW_bn, conv.PW_bn)
        self.first = _Linear(first, shift, dtype)
        self.second = _Linear(*_folded(point.weight[:, :, 0], norm), dtype)
        self.taps = _fixed(conv.DW_conv.weight[:, 0].T, dtype)  # (3, d)

    def forward(self, x: Tensor, residual: Tensor) -> Tensor:
        """(n, 3 t, d) and a residual (n, t, d) to (n, t, d)."""
        y = torch.mul(x[:, ::3], self.taps[0], out=x.new_empty(residual.shape))
        y.addcmul_(x[:, 1::3], self.taps[1]).addcmul_(x[:, 2::3], self.taps[2])
        return mish_(self.second(mish_(self.first(y)))).add_(residual)


class _Kernels(nn.Module):
    """Kernel attention; see `langlift.methods.a3dhp.model.KernelAttention`."""

    def __init__(self, source: Any, dtype: torch.dtype) -> None:
        super().__init__()
        depth, point, shift = [], [], []
        for depthwise, first, pointwise, last in source.convs:
            weight, bias = _folded_pair(pointwise.weight[:, :, 0], first, last)
            depth.append(depthwise.weight[:, :, None])  # (d, 1, 1, 3): over (1, t)
            point.append(rearrange(weight, "(g o) i -> g i o", g=GROUPS))
            shift.append(rearrange(bias, "(g o) -> g 1 o", g=GROUPS))
        self.depth = _fixed(torch.stack(depth), dtype)
        self.point, self.shift = (_fixed(torch.stack(each), dtype) for each in (point, shift))
        self.squeeze = _Linear(source.fc.weight, source.fc.bias, torch.float32)
        self.excite = _Linear(
            torch.cat([fc.weight for fc in source.fcs]),
            torch.cat([fc.bias for fc in source.fcs]),
            torch.float32,
        )

    def forward(self, x: Tensor) -> Tensor:
        """(n, 3 t, d) to (n, t, d)."""
        n, steps, d = x.shape
        branches = x.new_empty(3, n, steps // 3, d)
        for index in range(3):
            y = self._depthwise(x, index).reshape(-1, GROUPS, d // GROUPS).transpose(0, 1)
            out = branches[index].view(-1, GROUPS, d // GROUPS).transpose(0, 1)
            torch.baddbmm(self.shift[index], y, self.point[index], out=out)
        mish_(branches)
        mean = branches.sum(dim=2).sum(dim=0).float() / (steps // 3)
        weights = self.excite(self.squeeze(mean)).view(n, 3, d).softmax(dim=1).to(x.dtype)
        first, second, third = weights[:, :, None].unbind(dim=1)  # (n, 1, d) each
        y = branches[0] * first
        return y.addcmul_(branches[1], second).addcmul_(branches[2], third)

    def _depthwise(self, x: Tensor, index: int) -> Tensor:
        """A branch's taps: zeros beyond the ends by the convolution, then the repeated ends."""
        if x.shape[1] == 3:  # one output step: every branch sees the three steps there are
            return (x * self.depth[index, :, 0, 0].T).sum(dim=1, keepdim=True)
        image = x[:, None].permute(0, 3, 1, 2)  # (n, d, 1, t): channels last, as it lies
        y = F.conv2d(
            image,
            self.depth[index],
            stride=(1, 3),
            padding=(0, index),
            dilation=(1, index + 1),
            groups=x.shape[2],
        )
        y = y.permute(0, 2, 3, 1)[:, 0]  # (n, t, d)
        if index:
            before, after = self.depth[index, :, 0, 0, 0], self.depth[index, :, 0, 0, 2]
            y[:, 0].addcmul_(x[:, 0], before)
            y[:, -1].addcmul_(x[:, -1], after)
        return y


def mish_(x: Tensor) -> Tensor:
    """x tanh(softplus(x)) in place, as x / (1 + 1 / (u + u^2 / 2)) with u = e^x.

    No step cancels, so that bfloat16 keeps its relative precision; an infinity on the way gives
    the right limit.
    """
    u = x.exp()
    return x.div_(u.addcmul_(u, u, value=0.5).reciprocal_().add_(1))


def _folded(weight: Tensor, norm: Any, bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Weight (out, in) and bias (out) of a product and the batch norm after it, in float64."""
    scale = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
    mean = norm.running_mean.double() if bias is None else norm.running_mean.double() - bias
    return weight.double() * scale[:, None], norm.bias.double() - mean * scale


def _folded_pair(weight: Tensor, before: Any, after: Any) -> tuple[Tensor, Tensor]:
    """The same with a batch norm before the product too; the product may be grouped."""
    weight, shift = _folded(weight, after)
    scale, moved = _folded(torch.ones_like(before.weight)[:, None], before)
    groups = len(scale) // weight.shape[1]
    blocks = weight.unflatten(0, (groups, -1))  # (g, out / g, in / g)
    shift = shift + (blocks * moved.view(groups, 1, -1)).sum(dim=2).flatten()
    return (blocks * scale.view(groups, 1, -1)).flatten(0, 1), shift


def _fixed(value: Tensor, dtype: torch.dtype) -> nn.Parameter:
    return nn.Parameter(value.detach().to(dtype, copy=True).contiguous(), requires_grad=False)


def _device_kind(x: Tensor) -> str:
    return "cpu" if x.device.type == "cpu" else "cuda"
