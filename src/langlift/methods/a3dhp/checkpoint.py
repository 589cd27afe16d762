"""Public checkpoints of A3DHP: the authors' names are ours."""

from __future__ import annotations

from ..checkpoint import Choices, Layout, State, shape_of, whole
from .config import A3DHPConfig


def fits(state: State) -> bool:
    """Whether the first layer is a depthwise convolution."""
    return "expand_conv.0.DW_conv.weight" in state


def config_of(state: State, choices: Choices) -> A3DHPConfig:
    """Frames from the first temporal attention, the rest from the first and last convolution."""
    coordinates, _, _ = shape_of(state, "expand_conv.0.DW_conv.weight", 3)
    outputs, channels, _ = shape_of(state, "shrink.weight", 3)
    return A3DHPConfig(
        frames=shape_of(state, "layers_tem_att.0.weight", 2)[1],
        channels=channels,
        joints_in=whole(coordinates, 2, "the width of its input"),
        joints_out=whole(outputs, 3, "the width of its output"),
    )


LAYOUT = Layout(
    title="A3DHP",
    fits=fits,
    config_of=config_of,
    inferred=("frames", "channels", "joints_in", "joints_out"),
)
