"""A3DHP: temporal convolutions with attention over frames and kernels (Liu et al., CVPR 2020).

What is unusual about it:

- Every output frame comes from its own window: the gates over time compare each frame of the
  window with its middle frame. A sequence is therefore lifted as a batch of windows.
- Each level divides the number of time steps by three (243, 81, 27, 9, 3, 1). The 2D input enters
  every level again, and skips join levels that are two or more apart.
- The gate of a level multiplies its features, side inputs included; what leaves on a skip is gated
  without the side inputs, and the residual is not gated at all.
- Kernel attention: three convolutions that see 3, 5 and 7 frames, weighted against each other per
  channel by a softmax over what their sum has on average over time.
- Features are kept ``(n, t, d)``, windows before time before features. A depthwise convolution is a
  sum over taps and a pointwise one a matrix product, so nothing is transposed.
"""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from ...actions import ActionVocabulary
from ...errors import InputError
from ..base import Stage, autocast
from ..encoder import EncoderMethod
from ..stages import layer_of
from .config import GROUPS, A3DHPConfig
from .folded import FoldedA3DHP
from .windows import Kept, by_window, check_windows, every, similarity, skips, windows_of

_HIDDEN = 128  # of the kernel attention, whatever the channels


def pointwise(x: Tensor, conv: nn.Module) -> Tensor:
    """A convolution of one tap over (n, t, d)."""
    weight: Tensor = conv.weight  # type: ignore[assignment]  (out, in, 1)
    return F.linear(x, weight[:, :, 0])


def normed(x: Tensor, norm: nn.Module) -> Tensor:
    """A batch norm over the last axis of (n, t, d)."""
    return norm(x.flatten(0, 1)).view(x.shape)


class DWConv(nn.Module):
    """Depthwise over three steps with stride three, then pointwise, each with batch norm."""

    def __init__(self, wide_in: int, wide_out: int) -> None:
        super().__init__()
        self.DW_conv = nn.Conv1d(wide_in, wide_in, 3, stride=3, groups=wide_in, bias=False)
        self.DW_bn = nn.BatchNorm1d(wide_in)
        self.PW_conv = nn.Conv1d(wide_in, wide_out, 1, bias=False)
        self.PW_bn = nn.BatchNorm1d(wide_out)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 3 t, d_in) to (n, t, d_out)."""
        taps = rearrange(x, "n (t k) d -> n t k d", k=3)
        x = normed((taps * self.DW_conv.weight[:, 0].T).sum(dim=2), self.DW_bn)
        return normed(pointwise(x, self.PW_conv), self.PW_bn)


class KernelAttention(nn.Module):
    """Three grouped convolutions, of dilation 1, 2 and 3, weighted per channel (section 3.2).

    The dilated ones repeat the first and the last step at the ends, so that every branch is
    centred on the middle of three steps.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        c = channels
        self.convs = nn.ModuleList(
            nn.Sequential(
                nn.Conv1d(c, c, 3, stride=3, dilation=1 + i, groups=c, bias=False),
                nn.BatchNorm1d(c),
                nn.Conv1d(c, c, 1, groups=GROUPS, bias=False),
                nn.BatchNorm1d(c),
            )
            for i in range(3)
        )
        self.fc = nn.Linear(c, _HIDDEN)
        self.fcs = nn.ModuleList(nn.Linear(_HIDDEN, c) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        """(n, 3 t, d) to (n, t, d)."""
        branches = torch.stack([self._branch(x, i) for i in range(3)])  # (3, n, t, d)
        mean = self.fc(branches.sum(dim=0).mean(dim=1))  # (n, hidden)
        weights = torch.stack([fc(mean) for fc in self.fcs]).softmax(dim=0)  # (3, n, d)
        return (branches * weights[:, :, None]).sum(dim=0)

    def _branch(self, x: Tensor, index: int) -> Tensor:
        depthwise, first, grouped, last = self.convs[index]  # type: ignore[misc]
        taps, kernel = self._taps(x, 1 + index), depthwise.weight[:, 0].T  # (3, d)
        y = normed(taps[0] * kernel[0] + taps[1] * kernel[1] + taps[2] * kernel[2], first)
        y = rearrange(y, "n t (g d) -> g (n t) d", g=GROUPS)
        weight = rearrange(grouped.weight[:, :, 0], "(g o) i -> g i o", g=GROUPS)
        y = rearrange(torch.bmm(y, weight), "g (n t) d -> n t (g d)", n=x.shape[0])
        return F.mish(normed(y, last))

    @staticmethod
    def _taps(x: Tensor, dilation: int) -> list[Tensor]:
        """Each three steps' middle and its neighbours at a distance, (n, t, d) each."""
        pad = dilation - 1
        x = torch.cat([*[x[:, :1]] * pad, x, *[x[:, -1:]] * pad], dim=1)
        stop = x.shape[1] - 2 * dilation
        return [x[:, k * dilation : k * dilation + stop : 3] for k in range(3)]


class A3DHP(nn.Module):
    """The temporal encoder. Module names follow the authors' checkpoints.

    `shallow` lays the windows of a sequence one after the other: its features are
    (b (f - frames + 1), frames / 3, d), so that for f = frames there is one row per sample. `deep`
    gives (b, f - frames + 1, d), one row of features per output frame. The stage after a level has
    a third of the time steps.
    """

    def __init__(self, config: A3DHPConfig) -> None:
        super().__init__()
        self.config = config
        c, levels = config.channels, config.levels
        steps = [config.frames // 3 ** (level + 1) for level in range(levels)]
        inputs = 2 * config.joints_in
        self.expand_conv = nn.ModuleList(DWConv(inputs, c) for _ in range(levels))
        self.dilation_conv, self.dilation_bn = nn.ModuleList(), nn.ModuleList()
        for _ in skips(levels):
            self.dilation_conv += [DWConv(c, c), nn.Conv1d(c, c, 1, bias=False)]
            self.dilation_bn.append(nn.BatchNorm1d(c))
        self.layers_conv, self.layers_bn = nn.ModuleList(), nn.ModuleList()
        for _ in range(levels):
            self.layers_conv += [KernelAttention(c), nn.Conv1d(c, c, 1, bias=False)]
            self.layers_bn.append(nn.BatchNorm1d(c))
        self.layers_tem_att = nn.ModuleList(nn.Linear(config.frames, t) for t in steps)
        self.layers_tem_bn = nn.ModuleList(nn.BatchNorm1d(t) for t in steps)
        self.shrink = nn.Conv1d(c, 3 * config.joints_out, 1)

    @property
    def width(self) -> int:
        """Size of the last features."""
        return self.config.channels

    @property
    def layers(self) -> int:
        """What enters the first level, and the levels."""
        return 1 + self.config.levels

    @property
    def padding(self) -> tuple[int, int]:
        """Frames needed before and after an output frame."""
        half = (self.config.frames - 1) // 2
        return half, half

    def forward(self, xy: Tensor, confidence: Tensor | None = None) -> Tensor:
        """Lift (b, f, j, 2) to (b, f - frames + 1, j, 3)."""
        return self.head(self.deep(self.shallow(xy, confidence)))

    def shallow(self, xy: Tensor, confidence: Tensor | None = None) -> Stage:
        """First features of every window; the confidence is not used by A3DHP.

        Raises:
            InputError: for fewer frames than a window has, and for a single one in training.
        """
        windows = xy.shape[0] * check_windows(xy, self.config)
        if self.training and windows == 1:
            raise InputError(
                "got one window to train on; the batch norms of A3DHP need at least 2: raise the "
                "batch size"
            )
        x = self._enter(windows_of(xy, self.config.frames), 0)
        return Stage(x, 3, Kept(xy))

    def deep(self, stage: Stage) -> Tensor:
        """The levels that are left: features of all windows to (b, f - frames + 1, d)."""
        return by_window(self.advance(stage, self.layers))[:, :, 0]

    def advance(self, stage: Stage, layer: int) -> Stage:
        """The stage after a deeper layer; that of `shallow` is 1, and a level is one more."""
        own = layer_of(stage, layer, self.layers, "A3DHP")
        if layer == own:
            return stage
        kept: Kept = stage.state
        windows = windows_of(kept.xy, self.config.frames)
        score = similarity(windows) if kept.score is None else kept.score
        x, sides = stage.features, {target: list(of) for target, of in kept.sides.items()}
        for level in range(own - 1, layer - 1):
            gate = torch.sigmoid(self.layers_tem_bn[level](self.layers_tem_att[level](score)))
            gated, residual = x * gate[..., None], x
            for index, (source, target) in enumerate(skips(self.config.levels)):
                if source == level:
                    side = self._skip(index, gated, residual, target - level - 1)
                    sides.setdefault(target, []).append(side)
            if level:
                entered = [*sides.pop(level, []), self._enter(windows, level)]
                gated = gated + sum(entered) * gate[..., None]
            kernels, conv = self.layers_conv[2 * level], self.layers_conv[2 * level + 1]
            y = F.dropout(kernels(gated), self.config.dropout, self.training)
            y = normed(pointwise(y, conv), self.layers_bn[level])
            x = every(residual, 1) + self._activate(y)
        return Stage(x, 3**layer, Kept(kept.xy, score, sides), layer)

    def window_features(self, stage: Stage, starts: Tensor) -> Tensor:
        """A stage's features of the windows that begin at frames `starts` (n): (b, n, t, d)."""
        return by_window(stage)[:, starts]

    def head(self, zd: Tensor) -> Tensor:
        """(b, f_out, d) to (b, f_out, j, 3); float32 under autocast too: metres need the digits."""
        with autocast(zd.device, "fp32"):
            y = F.linear(zd.float(), self.shrink.weight[:, :, 0], self.shrink.bias)
        return rearrange(y, "b f (j c) -> b f j c", c=3)

    def prepared(self, dtype: torch.dtype) -> FoldedA3DHP:
        """The same stages for inference in `dtype`, with weights that no longer change."""
        return FoldedA3DHP(self, dtype).eval()

    def _enter(self, windows: Tensor, level: int) -> Tensor:
        """The 2D input as features of a level: every 3^level-th frame, three at a time."""
        return self._activate(self.expand_conv[level](every(windows, level)))

    def _skip(self, index: int, gated: Tensor, residual: Tensor, over: int) -> Tensor:
        """Features of a level for one that is more than `over` levels below."""
        separable, conv = self.dilation_conv[2 * index], self.dilation_conv[2 * index + 1]
        y = self._activate(separable(every(gated, over)))
        y = normed(pointwise(y, conv), self.dilation_bn[index])
        return every(residual, over + 1) + self._activate(y)

    def _activate(self, x: Tensor) -> Tensor:
        return F.dropout(F.mish(x), self.config.dropout, self.training)


class A3DHPMethod(EncoderMethod):
    """A3DHP as a Method, see `langlift.methods.encoder`."""

    def __init__(self, config: A3DHPConfig, actions: ActionVocabulary) -> None:
        super().__init__("A3DHP", A3DHP(config), config, actions)
