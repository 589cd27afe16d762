"""VPose: temporal convolutions over flattened 2D joints (Pavllo et al., CVPR 2019).

What is unusual about it:

- Valid convolutions only: f frames in, ``f - receptive_field + 1`` frames out. Whoever wants as
  many frames out as in pads the *sequence* by repeating its end frames.
- The residual is a slice of the block's input (its centre; its newest frames when causal).
- The dilated form slides over sequences of any length; the strided form computes one output frame
  per window and wastes nothing on frames nobody asked for. Same parameters, same numbers.
- Features are kept ``(b, f, d)``; a convolution is one matrix product over the concatenated taps.
  That is the layout of every other method here and needs no transposes.
- The action head and the velocity loss are ours, see README.md.
"""

from __future__ import annotations

import math

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from ...actions import ActionVocabulary
from ...errors import InputError, check_shape
from ..base import Stage
from ..encoder import EncoderMethod
from ..stages import layer_of
from .config import VPoseConfig
from .folded import FoldedVPose, dense_windows, to_joints


class VPose(nn.Module):
    """The temporal encoder. Module names follow the authors' checkpoints."""

    def __init__(self, config: VPoseConfig) -> None:
        super().__init__()
        self.config = config
        c, widths = config.channels, config.widths
        self.expand_conv = nn.Conv1d(2 * config.joints_in, c, widths[0], bias=False)
        self.expand_bn = nn.BatchNorm1d(c)
        self.layers_conv = nn.ModuleList()
        self.layers_bn = nn.ModuleList()
        for width in widths[1:]:
            self.layers_conv += [nn.Conv1d(c, c, width, bias=False), nn.Conv1d(c, c, 1, bias=False)]
            self.layers_bn += [nn.BatchNorm1d(c), nn.BatchNorm1d(c)]
        self.shrink = nn.Conv1d(c, 3 * config.joints_out, 1)
        if config.zero_head:
            with torch.no_grad():
                self.shrink.weight.mul_(0.1)
                self.shrink.bias.zero_()  # type: ignore[union-attr]

    @property
    def width(self) -> int:
        """Size of the last features."""
        return self.config.channels

    @property
    def layers(self) -> int:
        """The expanding convolution and the residual blocks."""
        return len(self.config.widths)

    @property
    def padding(self) -> tuple[int, int]:
        """Frames needed before and after an output frame."""
        total = self.config.receptive_field - 1
        return (total, 0) if self.config.causal else (total // 2, total // 2)

    def forward(self, xy: Tensor, confidence: Tensor | None = None) -> Tensor:
        """Lift (b, f, j, 2) to (b, f - receptive_field + 1, j, 3)."""
        return self.head(self.deep(self.shallow(xy, confidence)))

    def shallow(self, xy: Tensor, confidence: Tensor | None = None) -> Stage:
        """Features after the expanding convolution; the confidence is not used by VPose."""
        self.check(xy)
        x = self._conv(rearrange(xy, "b f j c -> b f (j c)"), self.expand_conv, dilation=1)
        return self.stage(self._activate(x, self.expand_bn), 1)

    def check(self, xy: Tensor) -> None:
        """Raise unless (b, f, j, 2) has this encoder's joints and as many frames as it needs."""
        check_shape(xy, f"b f {self.config.joints_in} 2", "xy")
        frames, field = xy.shape[1], self.config.receptive_field
        strided = self.config.form == "strided"
        if frames < field or (strided and frames != field):
            wanted = f"exactly {field}" if strided else f"at least {field}"
            raise InputError(
                f"got {frames} frames; this {self.config.form} VPose takes {wanted} frames: pad "
                "the sequence by repeating its end frames"
            )

    def prepared(self, dtype: torch.dtype) -> FoldedVPose:
        """The encoder for inference, with weights that no longer change."""
        return FoldedVPose(self, dtype)

    def deep(self, stage: Stage) -> Tensor:
        """The residual blocks that are left: (b, t, d) to (b, f_out, d)."""
        return self.advance(stage, self.layers).features

    def advance(self, stage: Stage, layer: int) -> Stage:
        """The stage after a deeper layer; that of `shallow` is 1, and a block is one more."""
        x, own = stage.features, layer_of(stage, layer, self.layers, "VPose")
        for i, width in enumerate(self.config.widths[own:layer], own - 1):
            dilation = math.prod(self.config.widths[: i + 1])
            residual = self.residual(x, width, dilation)
            x = self._conv(x, self.layers_conv[2 * i], dilation)
            x = self._activate(x, self.layers_bn[2 * i])
            x = self._conv(x, self.layers_conv[2 * i + 1], dilation=1)
            x = residual + self._activate(x, self.layers_bn[2 * i + 1])
        return self.stage(x, layer)

    def window_features(self, stage: Stage, starts: Tensor) -> Tensor:
        """A stage's features of single windows, as the strided form has them: (b, n, t, d).

        Args:
            stage: of a pass.
            starts: (n) input frames of the pass that the windows begin at; a pass of the strided
                form is one window, and takes only its frame 0.
        """
        if self.config.form == "dilated":
            return dense_windows(stage, starts, self.config.widths)
        if starts.tolist() != [0]:
            raise InputError(
                f"got windows that start at {starts.tolist()}; a pass of this strided VPose is one "
                "window, which starts at [0]: use the dilated form for more"
            )
        return stage.features[:, None]

    def stage(self, x: Tensor, layer: int) -> Stage:
        """The stage of features (b, t, d) after a layer."""
        strided = self.config.form == "strided"
        stride = math.prod(self.config.widths[:layer]) if strided else 1
        return Stage(x, stride, layer=layer)

    def head(self, zd: Tensor) -> Tensor:
        """(b, f_out, d) to (b, f_out, j, 3); float32 under autocast too: metres need the digits."""
        return to_joints(zd, self.shrink.weight, self.shrink.bias)

    def _conv(self, x: Tensor, conv: nn.Module, dilation: int) -> Tensor:
        """A valid convolution over time of (b, f, d) as one matrix product over its taps."""
        weight: Tensor = conv.weight  # type: ignore[assignment]  (out, in, taps)
        taps = weight.shape[2]
        if taps == 1:
            return F.linear(x, weight[:, :, 0])
        if self.config.form == "strided":
            x = rearrange(x, "b (f k) d -> b f (k d)", k=taps)
        else:
            frames = x.shape[1] - (taps - 1) * dilation
            slices = [x[:, k * dilation : k * dilation + frames] for k in range(taps)]
            x = torch.cat(slices, dim=2)
        return F.linear(x, rearrange(weight, "o i k -> o (k i)"))

    def _activate(self, x: Tensor, norm: nn.Module) -> Tensor:
        """Batch norm, ReLU and dropout over the last axis."""
        flat = norm(x.reshape(-1, x.shape[-1]))
        return F.dropout(F.relu(flat), self.config.dropout, self.training).view(x.shape)

    def residual(self, x: Tensor, width: int, dilation: int) -> Tensor:
        """The frames of a block's input that its output frames stand for."""
        if self.config.form == "strided":
            return x[:, width - 1 if self.config.causal else width // 2 :: width]
        total = (width - 1) * dilation
        start = total if self.config.causal else total // 2
        return x[:, start : start + x.shape[1] - total]


class VPoseMethod(EncoderMethod):
    """VPose as a Method, see `langlift.methods.encoder`."""

    def __init__(self, config: VPoseConfig, actions: ActionVocabulary) -> None:
        super().__init__("VPose", VPose(config), config, actions)


def batch_norm_momentum(
    epoch: float, epochs: float, start: float = 0.1, end: float = 0.001
) -> float:
    """Momentum of every batch norm after `epoch` of `epochs`: exponential from 0.1 to 0.001."""
    return start * (end / start) ** (epoch / epochs)
