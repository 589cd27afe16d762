"""Settings of MixSTE; the defaults are the paper's (243 frames, Human3.6M)."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...errors import InputError
from ..encoder import EncoderConfig
from ..losses import JointWeights
from ..transformer import check_width

#: Bounds far above any network that can be trained; what lies beyond is a damaged file.
_MOST = {"frames": 100_000, "channels": 100_000, "depth": 1_000, "joints_in": 10_000}
_LARGEST_RATIO = 100


@dataclass(frozen=True)
class MixSTEConfig(EncoderConfig):
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
        if not 0 <= self.drop_path < 1:
            raise InputError(f"drop_path is {self.drop_path}; it must be at least 0 and below 1")
        if self.joints_in != self.joints_out:
            raise InputError(
                f"joints_in is {self.joints_in} and joints_out is {self.joints_out}; MixSTE gives "
                "as many joints as it takes: make them equal"
            )
        self.check_losses(self.joints_out)

    @property
    def window(self) -> int | None:
        """Input frames of one pass."""
        return self.frames

    @property
    def output_frames(self) -> int | None:
        """As many as go in."""
        return self.frames

    def check_joints(self, count: int) -> None:
        """Raise unless both joint counts are `count`."""
        self.check_equal_joints(count)
