"""Settings of DSTformer; the defaults are the paper's large network, MotionBERT."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..transformer import TransformerConfig


@dataclass(frozen=True)
class DSTformerConfig(TransformerConfig):
    """Architecture and loss of DSTformer (Zhu et al., ICCV 2023).

    The loss is MPJPE, 0.5 times the error after scaling and 20 times the velocity error. The lite
    network has 256 channels and an MLP ratio of 4.

    Args:
        frames: most frames of a window; as many come out as go in.
        channels: feature width C.
        representation: width of the motion representation, the last features.
        depth: levels, each with one block per stream.
        heads: of every attention.
        mlp_ratio: hidden width of the MLPs over C.
        joints_in: joints of the 2D input.
        joints_out: joints of the 3D output, the same.
    """

    frames: int = 243
    channels: int = 512
    representation: int = 512
    depth: int = 5
    heads: int = 8
    mlp_ratio: float = 2.0
    joints_in: int = 17
    joints_out: int = 17
    velocity_weight: float = field(default=20.0, kw_only=True)
    scale_weight: float = field(default=0.5, kw_only=True)

    def __post_init__(self) -> None:
        self.check_sizes({"representation": 100_000})
        self.check_transformer("DSTformer")

    @property
    def uses_confidence(self) -> bool:
        """The third input channel."""
        return True
