"""Settings of DSTformer; the defaults are the paper's large network, MotionBERT."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...errors import InputError
from ..encoder import EncoderConfig
from ..transformer import check_width

#: Bounds far above any network that can be trained; what lies beyond is a damaged file.
_MOST = {
    "frames": 100_000,
    "channels": 100_000,
    "representation": 100_000,
    "depth": 1_000,
    "joints_in": 10_000,
}
_LARGEST_RATIO = 100


@dataclass(frozen=True)
class DSTformerConfig(EncoderConfig):
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
        for name, most in _MOST.items():
            if not 1 <= getattr(self, name) <= most:
                raise InputError(
                    f"{name} is {getattr(self, name)}; it must be at least 1 and at most {most:,}"
                )
        check_width(self.channels, self.heads)
        if not 1 <= self.channels * self.mlp_ratio <= self.channels * _LARGEST_RATIO:
            raise InputError(
                f"mlp_ratio is {self.mlp_ratio}; it must leave the MLP at least one channel and be "
                f"at most {_LARGEST_RATIO}"
            )
        if self.joints_in != self.joints_out:
            raise InputError(
                f"joints_in is {self.joints_in} and joints_out is {self.joints_out}; DSTformer "
                "gives as many joints as it takes: make them equal"
            )
        self.check_losses(self.joints_out)

    @property
    def window(self) -> int | None:
        """Most input frames of one pass."""
        return self.frames

    @property
    def uses_confidence(self) -> bool:
        """The third input channel."""
        return True

    def check_joints(self, count: int) -> None:
        """Raise unless both joint counts are `count`."""
        self.check_equal_joints(count)
