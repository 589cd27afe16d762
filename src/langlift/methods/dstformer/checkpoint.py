"""Public checkpoints of DSTformer (MotionBERT): the authors' names are ours."""

from __future__ import annotations

from ...errors import InputError
from ..checkpoint import Choices, Layout, State, check_heads, levels, shape_of
from .config import DSTformerConfig


def fits(state: State) -> bool:
    """Whether there is an embedding per frame and one layer for all joints."""
    return "joints_embed.weight" in state and "temp_embed" in state


def config_of(state: State, choices: Choices) -> DSTformerConfig:
    """Sizes from the embeddings, the first block and the representation."""
    _, frames, _, channels = shape_of(state, "temp_embed", 4)
    joints = shape_of(state, "pos_embed", 3)[1]
    coordinates = shape_of(state, "joints_embed.weight", 2)[1]
    if coordinates != 3:
        raise InputError(
            f"it takes {coordinates} numbers per joint; the network here takes x, y and the "
            "confidence"
        )
    check_heads(channels, choices.heads)
    return DSTformerConfig(
        frames=frames,
        channels=channels,
        representation=shape_of(state, "pre_logits.fc.weight", 2)[0],
        depth=levels(state, r"blocks_(?:st|ts)\.([0-9]{1,4})\."),
        heads=choices.heads,
        mlp_ratio=shape_of(state, "blocks_st.0.mlp_s.fc1.weight", 2)[0] / channels,
        joints_in=joints,
        joints_out=joints,
    )


LAYOUT = Layout(
    title="DSTformer",
    fits=fits,
    config_of=config_of,
    inferred=(
        *("frames", "channels", "representation", "depth", "mlp_ratio"),
        *("joints_in", "joints_out"),
    ),
    chosen=("heads",),
    unit="screen",
)
