"""Settings of VPose; the defaults are the paper's (243 frames, Human3.6M)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, Self

from ...errors import InputError
from ..encoder import EncoderConfig

#: Bounds far above any network that can be trained; what lies beyond is a damaged file.
_MOST_LEVELS, _LARGEST_FIELD, _LARGEST_WIDTH = 10, 100_000, 1_000_000


@dataclass(frozen=True)
class VPoseConfig(EncoderConfig):
    """Architecture of VPose (Pavllo et al., CVPR 2019); the paper's loss is MPJPE alone.

    Args:
        widths: temporal kernel width per level; 3 3 sees 9 frames, 3 3 3 3 3 sees 243.
        channels: feature width C.
        dropout: after every activation.
        joints_in: joints of the 2D input.
        joints_out: joints of the 3D output.
        causal: look at past frames only.
        form: ``dilated`` slides over a sequence; ``strided`` gives one output frame per window of
            exactly the receptive field. Both have one state dict.
        zero_head: start the output layer near zero (ours; trains faster on normalised targets).
    """

    widths: tuple[int, ...] = (3, 3, 3, 3, 3)
    channels: int = 1024
    dropout: float = 0.25
    joints_in: int = 17
    joints_out: int = 17
    causal: bool = False
    form: Literal["dilated", "strided"] = "dilated"
    zero_head: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", tuple(self.widths))
        self.check_whole_numbers()
        # The length first: a product over very many levels would not end.
        if len(self.widths) > _MOST_LEVELS:
            raise InputError(f"widths has {len(self.widths)} levels; give at most {_MOST_LEVELS}")
        if len(self.widths) < 1 or any(w < 3 or w % 2 != 1 for w in self.widths):
            raise InputError(f"widths is {self.widths}; every width must be odd and at least 3")
        if self.receptive_field > _LARGEST_FIELD:
            raise InputError(
                f"widths is {self.widths}; a network may see at most {_LARGEST_FIELD:,} frames, "
                "the product of the widths: give fewer or smaller ones"
            )
        if self.form not in ("dilated", "strided"):
            raise InputError(f"form is {self.form!r}; it must be 'dilated' or 'strided'")
        self.check_chance("dropout")
        self.check_sizes(dict.fromkeys(("channels", "joints_in", "joints_out"), _LARGEST_WIDTH))
        self.check_losses(self.joints_out)

    @property
    def receptive_field(self) -> int:
        """Frames that one output frame depends on."""
        return math.prod(self.widths)

    @property
    def frames_seen(self) -> int | None:
        """The receptive field."""
        return self.receptive_field

    @property
    def output_frames(self) -> int | None:
        """1 in the strided form."""
        return 1 if self.form == "strided" else None

    @property
    def looks_ahead(self) -> bool:
        """Whether it is not causal."""
        return not self.causal

    def for_lifting(self) -> Self:
        """The dilated form: it takes sequences, and a strided run's weights are its weights."""
        return replace(self, form="dilated")

    @property
    def batch_normalised(self) -> bool:
        """Yes, in every level."""
        return True

    def check_joints(self, count: int) -> None:
        """Raise unless both joint counts are `count`."""
        self.check_equal_joints(count)
