"""Labelled human motion made by forward kinematics: no data set needed.

It serves the demo, the tests and a first training run. Bodies, styles, speeds and phases are
random, the motion is plausible rather than recorded; results on it are called synthetic wherever
they appear.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...errors import InputError, unknown
from ..clips import LabelledClip
from .actions import ACTIONS, Style
from .body import Body, body, gaussian, pose, turn

__all__ = ["FPS", "SYNTHETIC_ACTIONS", "Body", "body", "synthetic_clip", "synthetic_clips"]

#: Frames per second of every synthetic clip.
FPS = 50.0

#: The labels that can be made.
SYNTHETIC_ACTIONS: tuple[str, ...] = tuple(ACTIONS)

# Frames made before and after the clip and cut off, so that smoothing has real neighbours.
_MARGIN = 14
# 30 ms: rounds the corners of the scripts.
_SMOOTHING_FRAMES = 1.5


def _check_frames(frames: object, name: str = "frames") -> int:
    if isinstance(frames, bool) or not isinstance(frames, int | np.integer) or frames < 1:
        raise InputError(f"{name} is {frames!r}; give a whole number of frames, at least 1")
    return int(frames)


def _check_action(action: str) -> str:
    if action not in ACTIONS:
        raise unknown("synthetic action", str(action), ACTIONS)
    return action


def _placed(joints: np.ndarray, yaw: float) -> np.ndarray:
    """The first pelvis moved to x = y = 0 and everything turned by yaw degrees about up."""
    centred = joints - joints[0, 0] * (1.0, 1.0, 0.0)
    return centred @ turn(np.array([[yaw, 0.0, 0.0]]))[0].T


def synthetic_clip(
    action: str,
    rng: np.random.Generator,
    *,
    frames: int = 150,
    clip_id: str | None = None,
    random_yaw: bool = False,
) -> LabelledClip:
    """One clip of a random person doing an action in a random style, speed and phase.

    World metres, z up, floor about z = 0, 50 fps; the first pelvis is at x = y = 0. Facing is
    (left_hip - right_hip) x up.

    Args:
        action: one of `SYNTHETIC_ACTIONS`.
        rng: every random choice comes from here.
        frames: length of the clip.
        clip_id: name of the clip; made from the action if omitted.
        random_yaw: face a random direction instead of +x.

    Raises:
        InputError: unknown action, or frames that is no positive whole number.
    """
    text, script_of = ACTIONS[_check_action(action)]
    f = _check_frames(frames)
    person = body(rng)
    yaw = float(rng.uniform(-180.0, 180.0)) if random_yaw else 0.0
    t = np.arange(-_MARGIN, f + _MARGIN) / FPS
    script = script_of(t, person, Style(rng, f / FPS)).smoothed(gaussian(_SMOOTHING_FRAMES))
    joints = _placed(pose(script, person)[_MARGIN:-_MARGIN], yaw)
    name = f"synthetic_{action}" if clip_id is None else clip_id
    return LabelledClip(
        clip_id=name,
        subject=f"person of {name}",
        source="synthetic",
        action=action,
        text=text,
        joints=joints,
        licence="generated, free to use",
    )


def synthetic_clips(
    n: int,
    seed: int = 0,
    actions: Sequence[str] | None = None,
    frames: int | tuple[int, int] = (81, 250),
    *,
    random_yaw: bool = True,
) -> list[LabelledClip]:
    """n clips that take turns through the actions; clip i depends on the seed and i only.

    Args:
        n: how many clips.
        seed: another seed gives other people and styles.
        actions: labels to make; all of `SYNTHETIC_ACTIONS` if omitted.
        frames: length of every clip, or (shortest, longest) of a random length.
        random_yaw: every clip faces a random direction; False: all start facing +x.

    Raises:
        InputError: negative n or seed, no or unknown actions, lengths that are no positive whole
            numbers in order.
    """
    labels = SYNTHETIC_ACTIONS if actions is None else tuple(actions)
    if isinstance(actions, str) or not labels:
        raise InputError(f"actions is {actions!r}; give a list with at least one action label")
    for label in labels:
        _check_action(label)
    if n < 0 or seed < 0:
        raise InputError(f"n is {n} and seed is {seed}; neither may be negative")
    low, high = (frames, frames) if isinstance(frames, int) else frames
    if _check_frames(high, "longest frames") < _check_frames(low, "shortest frames"):
        raise InputError(f"frames is {frames!r}; give (shortest, longest) in this order")
    clips = []
    for i in range(n):
        rng = np.random.default_rng([seed, i])
        f = int(rng.integers(low, high + 1))
        label = labels[i % len(labels)]
        name = f"synthetic_{seed}_{i:05d}"
        clips.append(synthetic_clip(label, rng, frames=f, clip_id=name, random_yaw=random_yaw))
    return clips
