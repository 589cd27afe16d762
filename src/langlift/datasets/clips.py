"""One labelled recording of one person: what every reader and generator of motion gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError, check_shape
from ..skeletons import HUMAN36M_17
from ..tracks import check_fps


@dataclass(frozen=True)
class LabelledClip:
    """A labelled 3D motion on the Human3.6M-17 skeleton.

    Args:
        clip_id: unique name of the clip within its source.
        subject: who moves; splits keep the clips of one subject together.
        source: the data set or generator the clip comes from.
        action: class label, such as ``side_lunge``.
        text: one sentence that says what the person does.
        joints: (f, 17, 3) metres in the world, right-handed, z up, floor about z = 0.
        fps: frames per second.
        licence: terms of the data, for people to read.

    Raises:
        InputError: when the joints are not a finite (f, 17, 3) array with at least one frame, or
            the rate is not a positive number.
    """

    clip_id: str
    subject: str
    source: str
    action: str
    text: str
    joints: np.ndarray
    fps: float = 50.0
    licence: str = ""

    def __post_init__(self) -> None:
        name = f"joints of clip {self.clip_id!r}"
        if check_shape(self.joints, f"f {len(HUMAN36M_17)} 3", name)["f"] == 0:
            raise InputError(f"clip {self.clip_id!r} has no frames; give at least one")
        if not np.isfinite(self.joints).all():
            raise InputError(f"{name} hold NaN or infinite values; cut or fill those frames before")
        object.__setattr__(self, "fps", check_fps(self.fps))

    def __len__(self) -> int:
        return len(self.joints)

    @property
    def seconds(self) -> float:
        """Duration."""
        return len(self) / self.fps
