"""The reference form that speed is measured against: A3DHP as its authors structured it.

A second, plain implementation that shares no code with `langlift.methods.a3dhp`: features lie
channels first, a convolution is `nn.Conv1d`, Mish is written out, every step is its own pass,
everything is float32, and a sequence is a batch of windows of 243 frames, each of them computed
from its first frame on; the mirror image is a second pass (Liu et al., CVPR 2020, and its
evaluation code). Parameters carry the authors' names, which langlift kept, so one state dict serves
both.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from langlift.skeletons import HUMAN36M_17

FRAMES = 243


class Mish(nn.Module):
    """x tanh(softplus(x)), in three passes."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape."""
        return x * torch.tanh(F.softplus(x))


class Separable(nn.Module):
    """Depthwise convolution of three steps, stride three, then a pointwise one."""

    def __init__(self, wide_in: int, wide_out: int) -> None:
        super().__init__()
        self.DW_conv = nn.Conv1d(wide_in, wide_in, 3, stride=3, groups=wide_in, bias=False)
        self.DW_bn = nn.BatchNorm1d(wide_in)
        self.PW_conv = nn.Conv1d(wide_in, wide_out, 1, bias=False)
        self.PW_bn = nn.BatchNorm1d(wide_out)

    def forward(self, x: Tensor) -> Tensor:
        """(b, d, 3 t) to (b, d_out, t)."""
        return self.PW_bn(self.PW_conv(self.DW_bn(self.DW_conv(x))))


class SelectedKernels(nn.Module):
    """Three dilated separable convolutions, weighted per channel by a softmax."""

    def __init__(self, wide: int, groups: int = 8, hidden: int = 128) -> None:
        super().__init__()
        self.convs = nn.ModuleList()
        for i in range(3):
            depthwise = nn.Conv1d(wide, wide, 3, stride=3, dilation=i + 1, groups=wide, bias=False)
            pointwise = nn.Conv1d(wide, wide, 1, groups=groups, bias=False)
            norms = nn.BatchNorm1d(wide), nn.BatchNorm1d(wide)
            self.convs.append(nn.Sequential(depthwise, norms[0], pointwise, norms[1], Mish()))
        self.fc = nn.Linear(wide, hidden)
        self.fcs = nn.ModuleList(nn.Linear(hidden, wide) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        """(b, d, 3 t) to (b, d, t)."""
        branches = self.convs[0](x).unsqueeze(1)
        for i in (1, 2):
            wider = self.convs[i](F.pad(x, (i, i), "replicate"))
            branches = torch.cat([branches, wider.unsqueeze(1)], dim=1)
        squeezed = self.fc(branches.sum(dim=1).mean(dim=-1))
        weights = torch.stack([fc(squeezed) for fc in self.fcs], dim=1).softmax(dim=1)
        return (branches * weights.unsqueeze(-1)).sum(dim=1)


class ReferenceA3DHP(nn.Module):
    """One output frame per window: (b, 243, j, 2) to (b, 1, j, 3).

    Args:
        channels: feature width.
        joints: joints in and out.
        dropout: after every activation, in training.
    """

    def __init__(self, channels: int, joints: int = 17, dropout: float = 0.2) -> None:
        super().__init__()
        self.mish = Mish()
        self.drop = nn.Dropout(dropout)
        c = channels
        self.expand_conv = nn.ModuleList(Separable(2 * joints, c) for _ in range(4))
        self.dilation_conv, self.dilation_bn = nn.ModuleList(), nn.ModuleList()
        for _ in range(3):
            self.dilation_conv.extend([Separable(c, c), nn.Conv1d(c, c, 1, bias=False)])
            self.dilation_bn.append(nn.BatchNorm1d(c))
        self.layers_conv, self.layers_bn = nn.ModuleList(), nn.ModuleList()
        self.layers_tem_att, self.layers_tem_bn = nn.ModuleList(), nn.ModuleList()
        for steps in (81, 27, 9, 3):
            self.layers_conv.extend([SelectedKernels(c), nn.Conv1d(c, c, 1, bias=False)])
            self.layers_bn.append(nn.BatchNorm1d(c))
            self.layers_tem_att.append(nn.Linear(FRAMES, steps))
            self.layers_tem_bn.append(nn.BatchNorm1d(steps))
        self.shrink = nn.Conv1d(c, 3 * joints, 1)

    def forward(self, xy: Tensor) -> Tensor:
        """Lift (b, 243, j, 2)."""
        score = self._score(xy)
        x = xy.flatten(2).permute(0, 2, 1)  # (b, 2 j, 243)
        side1, side2, side3 = (
            self._act(self.expand_conv[level](x[:, :, 3**level // 2 :: 3**level]))
            for level in (1, 2, 3)
        )
        x = self._act(self.expand_conv[0](x))  # (b, d, 81)

        kept, gate = x[:, :, 1::3], self._gate(score, 0)
        x = x * gate
        skip1 = self._skip(0, x[:, :, 1::3], kept[:, :, 1::3])  # to the third level, 9 steps
        skip2 = self._skip(1, x[:, :, 4::9], kept[:, :, 4::9])  # to the fourth, 3 steps
        x = self._level(0, x, kept)

        kept, gate = x[:, :, 1::3], self._gate(score, 1)
        x = x * gate
        skip3 = self._skip(2, x[:, :, 1::3], kept[:, :, 1::3])  # to the fourth, 3 steps
        x = self._level(1, x + side1 * gate, kept)

        kept = x[:, :, 1::3]
        x = self._level(2, (x + side2 + skip1) * self._gate(score, 2), kept)
        kept = x[:, :, 1::3]
        x = self._level(3, (x + side3 + skip2 + skip3) * self._gate(score, 3), kept)
        return self.shrink(x).permute(0, 2, 1).unflatten(2, (-1, 3))

    def _score(self, xy: Tensor) -> Tensor:
        """Cosine of every frame with the middle one, root-relative: (b, 243)."""
        poses = (xy - xy[:, :, :1]).flatten(2).permute(0, 2, 1)
        middle = poses[:, :, FRAMES // 2, None].expand_as(poses)
        return F.cosine_similarity(middle, poses, dim=1, eps=1e-6)

    def _gate(self, score: Tensor, level: int) -> Tensor:
        gate = torch.sigmoid(self.layers_tem_bn[level](self.layers_tem_att[level](score)))
        return gate.unsqueeze(1)

    def _act(self, x: Tensor) -> Tensor:
        return self.drop(self.mish(x))

    def _level(self, level: int, x: Tensor, kept: Tensor) -> Tensor:
        x = self.drop(self.layers_conv[2 * level](x))
        return kept + self._act(self.layers_bn[level](self.layers_conv[2 * level + 1](x)))

    def _skip(self, index: int, x: Tensor, kept: Tensor) -> Tensor:
        x = self._act(self.dilation_conv[2 * index](x))
        return kept + self._act(self.dilation_bn[index](self.dilation_conv[2 * index + 1](x)))


@torch.no_grad()
def reference_joints(reference: nn.Module, features: Tensor, flip: bool) -> Tensor:
    """(f_out, 17, 3) metres from features (f, 17, 2), as the authors' evaluation lifts them."""
    plain = reference(windows_of(features))[:, 0]
    if not flip:
        return plain
    mirror = torch.from_numpy(HUMAN36M_17.mirror)
    back = reference(windows_of(features[:, mirror] * features.new_tensor([-1, 1])))[:, 0]
    return (plain + back[:, mirror] * back.new_tensor([-1, 1, 1])) / 2


def windows_of(features: Tensor) -> Tensor:
    """Every window of a sequence (f, j, 2) as its own copy: (f - 242, 243, j, 2)."""
    return features.unfold(0, FRAMES, 1).permute(0, 3, 1, 2).contiguous()
