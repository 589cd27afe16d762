"""Public checkpoints of VPose: those of the authors and those of MMPose."""

from __future__ import annotations

import re
import reprlib

from ...errors import InputError
from ..checkpoint import Choices, Layout, State, levels, shape_of, whole
from .config import VPoseConfig

#: MMPose's names (its ``TCN`` backbone and regression head, of 0.x and 1.x) and the authors'.
_MMPOSE = (
    (r"backbone\.expand_conv\.conv\.(.+)", lambda m: f"expand_conv.{m[1]}"),
    (r"backbone\.expand_conv\.bn\.(.+)", lambda m: f"expand_bn.{m[1]}"),
    (
        r"backbone\.tcn_blocks\.([0-9]{1,4})\.conv([12])\.0\.(conv|bn)\.(.+)",
        lambda m: f"layers_{m[3]}.{2 * int(m[1]) + int(m[2]) - 1}.{m[4]}",
    ),
    (r"(?:keypoint_)?head\.conv\.(.+)", lambda m: f"shrink.{m[1]}"),
)


def fits(state: State) -> bool:
    """Whether the first layer is a plain convolution."""
    return "expand_conv.weight" in state or "backbone.expand_conv.conv.weight" in state


def rename(state: State) -> State:
    """MMPose's names to the authors'; names of neither stay."""
    if "expand_conv.weight" in state:
        return state
    renamed = {_renamed(name): tensor for name, tensor in state.items()}
    if len(renamed) != len(state):
        raise InputError("several of its names stand for the same tensor; give one network alone")
    return renamed


def _renamed(name: str) -> str:
    for pattern, new in _MMPOSE:
        if match := re.fullmatch(pattern, name):
            return new(match)
    return name


def config_of(state: State, choices: Choices) -> VPoseConfig:
    """Widths, channels and joints from the shapes of the convolutions."""
    channels, coordinates, first = shape_of(state, "expand_conv.weight", 3)
    blocks = (levels(state, r"layers_conv\.([0-9]{1,4})\.") + 1) // 2
    names = [f"layers_conv.{2 * i}.weight" for i in range(blocks)]
    widths = (first, *(shape_of(state, name, 3)[2] for name in names))
    _refuse_dense(widths)
    if 1 in widths:
        raise InputError(
            f"its convolutions are {reprlib.repr(widths)} frames wide: a network for single "
            "frames; one that sees several is needed"
        )
    return VPoseConfig(
        widths=widths,
        channels=channels,
        joints_in=whole(coordinates, 2, "the width of its input"),
        joints_out=whole(shape_of(state, "shrink.weight", 3)[0], 3, "the width of its output"),
        causal=choices.causal,
    )


def _refuse_dense(widths: tuple[int, ...]) -> None:
    """The ablation without dilation: each kernel spans what the dilated one would.

    A dilated network with such growing kernels is possible, but nobody has published one.
    """
    dilation = widths[0]
    if dilation < 3:
        return
    for width in widths[1:]:
        own, rest = divmod(width - 1, dilation)
        if rest or own < 2 or own % 2:
            return
        dilation *= own + 1
    if len(widths) > 1:
        raise InputError(
            f"its convolutions are {reprlib.repr(widths)} frames wide: the dense ablation of the "
            "paper, which is another network than VPose; give weights trained without --dense"
        )


LAYOUT = Layout(
    title="VPose",
    fits=fits,
    config_of=config_of,
    inferred=("widths", "channels", "joints_in", "joints_out"),
    chosen=("causal",),
    rename=rename,
    spare=("traj_backbone.", "traj_neck.", "traj_head."),
)
