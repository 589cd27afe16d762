"""Public checkpoints of MixSTE: the authors' names are ours."""

from __future__ import annotations

from ..checkpoint import Choices, Layout, State, check_heads, levels, shape_of
from .config import MixSTEConfig

#: Skeletons whose joints MixSTE's loss weighs.
_WEIGHTED = ("human36m_17", "humaneva_15", "mpi_inf_3dhp_17")


def fits(state: State) -> bool:
    """Whether the input layer takes 2D joints alone; those of D3DP also take 3D ones."""
    weight = state.get("Spatial_patch_to_embedding.weight")
    return weight is not None and tuple(weight.shape[1:]) == (2,)


def config_of(state: State, choices: Choices) -> MixSTEConfig:
    """Sizes from the embeddings and the first block; the weights of the loss from the skeleton."""
    _, frames, channels = shape_of(state, "Temporal_pos_embed", 3)
    joints = shape_of(state, "Spatial_pos_embed", 3)[1]
    hidden = shape_of(state, "STEblocks.0.mlp.fc1.weight", 2)[0]
    check_heads(channels, choices.heads)
    skeleton = choices.skeleton_of(joints).name
    return MixSTEConfig(
        frames=frames,
        channels=channels,
        depth=levels(state, r"[ST]TEblocks\.([0-9]{1,4})\."),
        heads=choices.heads,
        mlp_ratio=hidden / channels,
        joints_in=joints,
        joints_out=joints,
        joint_weights=skeleton if skeleton in _WEIGHTED else "even",  # type: ignore[arg-type]
    )


LAYOUT = Layout(
    title="MixSTE",
    fits=fits,
    config_of=config_of,
    inferred=("frames", "channels", "depth", "mlp_ratio", "joints_in", "joints_out"),
    chosen=("heads",),
)
