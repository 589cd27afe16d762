"""VPose for inference: batch norms folded into the weights, ReLU in the pass that multiplies.

In evaluation a batch norm is a factor and a summand per channel and belongs into the convolution
before it. The result is the encoder's up to rounding (1e-6).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from ..base import Stage, autocast
from ..fused import FusedConvolution, FusedLinear
from ..stages import layer_of

if TYPE_CHECKING:
    from .model import VPose


class FoldedVPose:
    """The stages of a VPose whose weights no longer change, in its own form.

    Args:
        encoder: whose weights are copied.
        dtype: of the products and the features; the last layer stays as it is.
    """

    def __init__(self, encoder: VPose, dtype: torch.dtype) -> None:
        self._encoder = encoder
        self._dtype = dtype
        self.padding, self.width, self.layers = encoder.padding, encoder.width, encoder.layers
        widths = encoder.config.widths
        # The 2D joints are multiplied in float32: bf16 would round them to a few millimetres.
        first = _fold(encoder.expand_conv, encoder.expand_bn, torch.float32)
        strided = encoder.config.form == "strided"
        self._first = _Taps(*first) if strided else FusedConvolution(*first, 1)
        self._last = tuple(p.detach().clone() for p in encoder.shrink.parameters())
        self._blocks: list[tuple[FusedConvolution | _Taps, FusedLinear]] = []
        dilation = widths[0]
        for i, width in enumerate(widths[1:]):
            a, b = 2 * i, 2 * i + 1
            wide = _fold(encoder.layers_conv[a], encoder.layers_bn[a], dtype)
            weight, bias = _fold(encoder.layers_conv[b], encoder.layers_bn[b], dtype)
            same = FusedLinear(weight[:, :, 0].contiguous(), bias)
            over = _Taps(*wide) if strided else FusedConvolution(*wide, dilation)
            self._blocks.append((over, same))
            dilation *= width

    def __call__(self, xy: Tensor, confidence: Tensor | None = None) -> Tensor:
        """Lift (b, f, j, 2) to (b, f - receptive_field + 1, j, 3)."""
        return self.head(self.deep(self.shallow(xy, confidence)))

    def shallow(self, xy: Tensor, confidence: Tensor | None = None) -> Stage:
        """Features after the expanding convolution."""
        self._encoder.check(xy)
        return self._encoder.stage(self._first.relu(xy.flatten(2)).to(self._dtype), 1)

    def deep(self, stage: Stage) -> Tensor:
        """The residual blocks that are left: (b, t, d) to (b, f_out, d)."""
        return self.advance(stage, self.layers).features

    def advance(self, stage: Stage, layer: int) -> Stage:
        """The stage after a deeper layer, as that of `VPose`."""
        x, own = stage.features, layer_of(stage, layer, self.layers, "VPose")
        widths = self._encoder.config.widths
        for i in range(own, layer):
            wide, same = self._blocks[i - 1]
            kept = self._encoder.residual(x, widths[i], math.prod(widths[:i]))
            x = same.relu(wide.relu(x)).add_(kept)
        return self._encoder.stage(x, layer)

    def window_features(self, stage: Stage, starts: Tensor) -> Tensor:
        """A stage's features of the windows that begin at frames `starts` (n): (b, n, t, d)."""
        return self._encoder.window_features(stage, starts)

    def window_steps(self, stage: Stage) -> tuple[int, int]:
        """How a single window lies in a stage's features: frames between two steps, and steps.

        Where a pass is one window, those are all there is.
        """
        if self._encoder.config.form == "strided":
            return stage.stride, stage.features.shape[1]
        return window_steps(stage, self._encoder.config.widths)

    def head(self, zd: Tensor) -> Tensor:
        """(b, f_out, d) to (b, f_out, j, 3)."""
        return to_joints(zd, *self._last)


class _Taps:
    """A convolution whose stride is its width, as one product: of the strided form.

    Args:
        weight: (d_out, d_in, taps).
        bias: (d_out).
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self._taps = weight.shape[2]
        self._linear = FusedLinear(rearrange(weight, "o i k -> o (k i)").contiguous(), bias)

    def relu(self, x: Tensor) -> Tensor:
        """(b, f, d_in) to (b, f / taps, d_out), with ReLU."""
        return self._linear.relu(rearrange(x, "b (f k) d -> b f (k d)", k=self._taps))


def dense_windows(stage: Stage, starts: Tensor, widths: Sequence[int]) -> Tensor:
    """Features of single windows out of a stage of the dilated form: (b, n, t, d).

    The strided form has one step for as many frames as its layers so far have seen; the dilated
    form has that step too, and those between.

    Args:
        stage: of the dilated form.
        starts: (n) input frames that the windows begin at.
        widths: of the encoder's levels.
    """
    every, steps = window_steps(stage, widths)
    offsets = torch.arange(steps, device=stage.features.device) * every
    return stage.features[:, starts.to(offsets.device)[:, None] + offsets]


def window_steps(stage: Stage, widths: Sequence[int]) -> tuple[int, int]:
    """How a window lies in a stage of the dilated form: frames between two steps, and steps."""
    layer = stage.layer
    return math.prod(widths[:layer]), math.prod(widths[layer:])


def to_joints(zd: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """The output layer, (b, f, d) to (b, f, j, 3).

    In float32 under autocast too: metres need the digits.
    """
    with autocast(zd.device, "fp32"):
        y = F.linear(zd.float(), weight[:, :, 0], bias)
    return rearrange(y, "b f (j c) -> b f j c", c=3)


def _fold(conv: nn.Module, norm: nn.Module, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Weight (out, in, taps) with the norm's factor in it, and the summand that is left."""
    weight: Tensor = conv.weight.detach()  # type: ignore[assignment]
    mean: Tensor = norm.running_mean  # type: ignore[assignment]
    spread: Tensor = (norm.running_var + norm.eps).sqrt()  # type: ignore[operator]
    factor: Tensor = norm.weight.detach() / spread  # type: ignore[operator]
    bias: Tensor = norm.bias.detach() - mean * factor  # type: ignore[operator]
    return (weight * factor[:, None, None]).to(dtype), bias.to(dtype)
