"""Motion as a file holds it: its own joints, units and axes, before it is brought to Human3.6M-17.

The readers of BVH, ASF/AMC, C3D and exported AMASS joints all end here; `placing` goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ...errors import InputError, check_shape
from ...formats.files import one_line
from ...geometry import axis_angle_matrix
from ...tracks import check_fps

Up = Literal["y", "z"]
_LARGEST_TEXT = 2 * 2**30
_LARGEST = 1e9  # no length in any unit and no angle; squares of more could overflow


# No comparison by value (eq=False): arrays have no single truth value to compare with.
@dataclass(frozen=True, eq=False)
class SourceMotion:
    """One recording of one person in the joints, the unit and the axes of its file.

    Args:
        joints: names of the joints, unique.
        positions: (f, j, 3) in the file's unit and right-handed axes; NaN where a joint was not
            seen.
        fps: frames per second.
        unit: metres per unit of the file, None where the file does not say.
        up: the axis that points upwards, None where the file does not say.
        subject: who moves, where the file says so.

    Raises:
        InputError: for joints and positions that do not belong together, no frame, a joint name
            given twice, positions that no person has in any unit, a rate out of range.
    """

    joints: tuple[str, ...]
    positions: np.ndarray
    fps: float
    unit: float | None = None
    up: Up | None = None
    subject: str | None = None

    def __post_init__(self) -> None:
        if check_shape(self.positions, f"f {len(self.joints)} 3", "positions")["f"] == 0:
            raise InputError("the file has no frames; give a recording with at least one")
        twice = sorted({name for name in self.joints if self.joints.count(name) > 1})
        if twice:
            raise InputError(
                f"the joint {twice[0]!r} occurs twice; give each joint a name of its own"
            )
        if (np.abs(self.positions) >= _LARGEST).any():  # false for NaN, which is allowed
            raise InputError("positions are infinite or huge numbers; export the motion again")
        object.__setattr__(self, "fps", check_fps(self.fps))


def euler_matrix(axes: str, degrees: Any) -> np.ndarray:
    """Rotations by Euler angles, multiplied in the order in which they are listed.

    Args:
        axes: a letter x, y or z per angle, such as ``zxy``; may be empty.
        degrees: (*, k) an angle per letter, counter-clockwise about the axis.

    Returns:
        (*, 3, 3) float64 that act on column vectors: ``zxy`` gives ``Z @ X @ Y``.
    """
    angles = np.radians(np.asarray(degrees, dtype=np.float64))
    check_shape(angles, f"* {len(axes)}", "angles")
    matrix = np.broadcast_to(np.eye(3), (*angles.shape[:-1], 3, 3))
    for k, axis in enumerate(axes):
        matrix = matrix @ axis_angle_matrix(np.eye(3)["xyz".index(axis)], angles[..., k])
    return matrix


def read_lines(path: Path) -> list[str]:
    """The lines of a text file, without the blanks around them and without empty ones."""
    if path.stat().st_size > _LARGEST_TEXT:
        raise InputError("the file is larger than 2 GiB; cut the recording into parts")
    text = path.read_text(encoding="utf-8", errors="replace").lstrip("\ufeff")
    return [line for line in map(str.strip, text.splitlines()) if line]


def numbers(words: Sequence[str], count: int, what: str) -> np.ndarray:
    """Words as float64 numbers that can be lengths or angles.

    Args:
        words: the words.
        count: how many there must be.
        what: what they are, for the message ("OFFSET of joint 'Hips'").

    Raises:
        InputError: for another count, or a word that is no number, or none of a motion.
    """
    if len(words) != count:
        raise InputError(
            f"{what} has {len(words)} numbers; it must have {count}: the file is damaged"
        )
    try:
        values = np.array(words, dtype=np.float64)
    except ValueError as error:
        got = one_line(InputError(" ".join(words)))
        raise InputError(f"{what} is no number ({got}); the file is damaged") from error
    if not (np.abs(values) < _LARGEST).all():  # false for NaN, too
        raise InputError(f"{what} holds NaN, infinite or huge numbers; export the motion again")
    return values
