"""Settings of MixSTE; the defaults are the paper's (243 frames, Human3.6M)."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..losses import JointWeights
from ..transformer import TransformerConfig


@dataclass(frozen=True)
class MixSTEConfig(TransformerConfig):
    """Architecture and loss of MixSTE (Zhang et al., CVPR 2022).

    The loss is the weighted MPJPE, 0.5 times the temporal consistency and 2 times the velocity
    error; ``self_weighted`` is what the released code does to it.

    Args:
        frames: of a window; as many come out.
        channels: feature width C.
        depth: pairs of a block over joints and a block over frames.
        heads: of every attention.
        mlp_ratio: hidden width of the MLPs over C.
        drop_path: chance of leaving out a residual branch in training; rises linearly from 0 in
            the first pair to this in the last.
        joints_in: joints of the 2D input.
        joints_out: joints of the 3D output, the same.
    """

    frames: int = 243
    channels: int = 512
    depth: int = 8
    heads: int = 8
    mlp_ratio: float = 2.0
    drop_path: float = 0.1
    joints_in: int = 17
    joints_out: int = 17
    velocity_weight: float = field(default=2.0, kw_only=True)
    consistency_weight: float = field(default=0.5, kw_only=True)
    joint_weights: JointWeights = field(default="human36m_17", kw_only=True)

    def __post_init__(self) -> None:
        self.check_transformer("MixSTE")
        self.check_chance("drop_path")

    @property
    def output_frames(self) -> int | None:
        """As many as go in."""
        return self.frames
