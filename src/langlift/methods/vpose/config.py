"""Settings of VPose; the defaults are the paper's (243 frames, Human3.6M)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from ...errors import InputError


@dataclass(frozen=True)
class VPoseConfig:
    """Architecture and loss weights of VPose (Pavllo et al., CVPR 2019).

    Args:
        widths: temporal kernel width per level; 3,3 sees 9 frames, 3,3,3,3,3 sees 243.
        channels: feature width C.
        dropout: after every activation.
        joints_in: joints of the 2D input.
        joints_out: joints of the 3D output.
        causal: look at past frames only.
        form: ``dilated`` slides over a sequence; ``strided`` gives one output frame per window of
            exactly the receptive field. Both have one state dict.
        action_weight: weight of the action head's cross-entropy (ours; the paper has no action).
        velocity_weight: weight of the velocity error of the predicted motion (ours; the paper: 0).
        zero_head: start the output layer near zero (ours; trains faster on normalised targets).
    """

    widths: tuple[int, ...] = (3, 3, 3, 3, 3)
    channels: int = 1024
    dropout: float = 0.25
    joints_in: int = 17
    joints_out: int = 17
    causal: bool = False
    form: Literal["dilated", "strided"] = "dilated"
    action_weight: float = 0.0
    velocity_weight: float = 0.0
    zero_head: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", tuple(self.widths))
        if len(self.widths) < 1 or any(w < 3 or w % 2 == 0 for w in self.widths):
            raise InputError(f"widths is {self.widths}; every width must be odd and at least 3")
        if self.form not in ("dilated", "strided"):
            raise InputError(f"form is {self.form!r}; it must be 'dilated' or 'strided'")
        if not 0 <= self.dropout < 1:
            raise InputError(f"dropout is {self.dropout}; it must be at least 0 and below 1")
        for name in ("channels", "joints_in", "joints_out"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}; it must be at least 1")
        for name in ("action_weight", "velocity_weight"):
            if getattr(self, name) < 0:
                raise InputError(f"{name} is {getattr(self, name)}; a weight cannot be negative")
        if self.form == "strided" and self.velocity_weight:
            raise InputError(
                "velocity_weight needs neighbouring output frames; the strided form has only one"
            )

    @property
    def receptive_field(self) -> int:
        """Frames that one output frame depends on."""
        return math.prod(self.widths)
