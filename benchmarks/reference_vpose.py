"""The reference form that speed is measured against: VPose as its authors structured it.

A second, plain implementation that shares no code with `langlift.methods.vpose`: features lie
channels first, a convolution is `nn.Conv1d`, every activation is its own pass, everything is
float32, and flip averaging lifts the sequence and its mirror image as one batch of two (Pavllo et
al., CVPR 2019, and its evaluation code). Parameters carry the authors' names, which langlift kept,
so one state dict serves both.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from langlift.lifting.lifter import Lifter
from langlift.methods.vpose import VPoseMethod
from langlift.skeletons import HUMAN36M_17


class ReferenceVPose(nn.Module):
    """Temporal convolutions, (b, f, j, 2) to (b, f - receptive field + 1, j, 3).

    Args:
        widths: odd temporal kernel width per level.
        channels: feature width.
        joints: joints in and out.
        dropout: after every activation, in training.
        strided: the form for training, one frame out of windows of the receptive field: strides
            instead of dilations, the same parameters.
    """

    def __init__(
        self,
        widths: Sequence[int],
        channels: int,
        joints: int = 17,
        dropout: float = 0.25,
        strided: bool = False,
    ) -> None:
        super().__init__()
        self.relu = nn.ReLU(inplace=True)
        self.drop = nn.Dropout(dropout)
        stride = widths[0] if strided else 1
        self.expand_conv = nn.Conv1d(2 * joints, channels, widths[0], stride, bias=False)
        self.expand_bn = nn.BatchNorm1d(channels)
        self.layers_conv = nn.ModuleList()
        self.layers_bn = nn.ModuleList()
        self.kept: list[slice] = []  # of a block's input, what is added to its output
        dilation = widths[0]
        for width in widths[1:]:
            steps = {"stride": width} if strided else {"dilation": dilation}
            wide = nn.Conv1d(channels, channels, width, bias=False, **steps)
            self.layers_conv.extend([wide, nn.Conv1d(channels, channels, 1, bias=False)])
            self.layers_bn.extend([nn.BatchNorm1d(channels), nn.BatchNorm1d(channels)])
            trim = (width - 1) * dilation // 2
            self.kept.append(slice(width // 2, None, width) if strided else slice(trim, -trim))
            dilation *= width
        self.shrink = nn.Conv1d(channels, 3 * joints, 1)

    def forward(self, xy: Tensor) -> Tensor:
        """Lift (b, f, j, 2)."""
        x = xy.flatten(2).permute(0, 2, 1)  # (b, 2 j, f)
        x = self._block(x, self.expand_conv, self.expand_bn)
        for level, frames in enumerate(self.kept):
            kept = x[:, :, frames]
            x = self._block(x, self.layers_conv[2 * level], self.layers_bn[2 * level])
            x = self._block(x, self.layers_conv[2 * level + 1], self.layers_bn[2 * level + 1])
            x = kept + x
        return self.shrink(x).permute(0, 2, 1).unflatten(2, (-1, 3))

    def _block(self, x: Tensor, conv: nn.Module, norm: nn.Module) -> Tensor:
        return self.drop(self.relu(norm(conv(x))))


def reference_of(lifter: Lifter) -> ReferenceVPose | None:
    """The reference form with a lifter's weights; None where its method has no reference form."""
    network = lifter.network
    if not isinstance(network, VPoseMethod) or network.config.causal:
        return None
    config = network.config
    reference = ReferenceVPose(config.widths, config.channels, config.joints_in, config.dropout)
    reference.load_state_dict(network.encoder.state_dict())
    return reference.eval()


@torch.no_grad()
def reference_joints(reference: ReferenceVPose, features: Tensor, flip: bool) -> Tensor:
    """(f_out, 17, 3) metres from features (f, 17, 2), as the authors' evaluation lifts them."""
    if not flip:
        return reference(features[None])[0]
    mirror = torch.from_numpy(HUMAN36M_17.mirror)
    mirrored = features[:, mirror] * features.new_tensor([-1, 1])
    plain, back = reference(torch.stack([features, mirrored]))
    return (plain + back[:, mirror] * back.new_tensor([-1, 1, 1])) / 2
