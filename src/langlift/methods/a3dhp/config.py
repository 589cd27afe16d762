"""Settings of A3DHP; the defaults are the published ones (243 frames, Human3.6M)."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import InputError
from ..encoder import EncoderConfig

#: Levels of the published network and its two smaller generalisations, by window length.
LEVELS = {27: 2, 81: 3, 243: 4}
#: Groups of the kernel attention's pointwise convolutions; they divide the channels.
GROUPS = 8
_LARGEST_WIDTH = 1_000_000  # far above any network that can be trained: a damaged file


@dataclass(frozen=True)
class A3DHPConfig(EncoderConfig):
    """Architecture of A3DHP (Liu et al., CVPR 2020); the paper's loss is MPJPE alone.

    243 frames are the published network. For 27 and 81 frames the released code builds a network
    but its forward pass ends in an index error; here they are the same network with two and one
    level less: a skip joins every level with those two or more below it, see README.md.

    Args:
        frames: window of an output frame, 27, 81 or 243.
        channels: feature width C, a multiple of 8.
        dropout: after every activation.
        joints_in: joints of the 2D input; the first is the root of the frame similarity.
        joints_out: joints of the 3D output.
    """

    frames: int = 243
    channels: int = 1024
    dropout: float = 0.2
    joints_in: int = 17
    joints_out: int = 17

    def __post_init__(self) -> None:
        self.check_whole_numbers()
        if self.frames not in LEVELS:
            raise InputError(f"frames is {self.frames}; it must be 27, 81 or 243")
        self.check_chance("dropout")
        self.check_sizes(dict.fromkeys(("channels", "joints_in", "joints_out"), _LARGEST_WIDTH))
        if self.channels % GROUPS:
            raise InputError(f"channels is {self.channels}; it must be a multiple of {GROUPS}")
        self.check_losses(self.joints_out)

    @property
    def levels(self) -> int:
        """Levels after the first, each of which divides the number of time steps by three."""
        return LEVELS[self.frames]

    @property
    def frames_seen(self) -> int | None:
        """A window."""
        return self.frames

    @property
    def batch_normalised(self) -> bool:
        """Yes, in every level."""
        return True

    def check_joints(self, count: int) -> None:
        """Raise unless both joint counts are `count`."""
        self.check_equal_joints(count)
