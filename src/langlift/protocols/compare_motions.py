"""How far apart two motions of the same frames are; neither of them is the truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..conversions import conversion
from ..errors import InputError
from ..metrics import acceleration_error, mpjpe, mpjve, pa_mpjpe, per_joint
from ..skeletons import Skeleton, get_skeleton
from ..tracks import SPACE_AXES, Motion

_MM = 1000.0
_TABLE = ("", "A to B", "A", "B")


@dataclass(frozen=True)
class MotionComparison:
    """Distances between two motions, and what each is by itself.

    Args:
        names: what A and B are called.
        facts: what both have in common.
        distances: name with its unit to a number; None where the motion is too short for it.
        each: name with its unit to a number of A and one of B.
        joints: joints and their mean distances in mm, the farthest first.
        actions: the estimated action of A and of B, or None.
        notes: what the reader has to know, a sentence each.
    """

    names: tuple[str, str]
    facts: dict[str, str]
    distances: dict[str, float | None]
    each: dict[str, tuple[float | None, float | None]]
    joints: dict[str, float]
    actions: tuple[dict[str, Any] | None, dict[str, Any] | None]
    notes: tuple[str, ...] = ()

    def cells(self) -> tuple[list[str], list[list[str]]]:
        """Header and cells of a table, as text."""
        body = [[name, _text(value), "", ""] for name, value in self.distances.items()]
        body += [[name, "", *map(_text, pair)] for name, pair in self.each.items()]
        body.append(["action", "", *map(_action_text, self.actions)])
        body += [[f"farthest: {j} (mm)", _text(value), "", ""] for j, value in self.joints.items()]
        return [*_TABLE], body

    def content(self) -> dict[str, Any]:
        """The comparison as plain values, for JSON."""
        return {
            "kind": "motions",
            "a": self.names[0],
            "b": self.names[1],
            "facts": self.facts,
            "distances": self.distances,
            "each": {name: {"a": a, "b": b} for name, (a, b) in self.each.items()},
            "worst_joints_mm": self.joints,
            "actions": dict(zip("ab", self.actions, strict=True)),
            "notes": [*self.notes],
        }


def compare_motions(
    a: Motion,
    b: Motion,
    names: tuple[str, str] = ("A", "B"),
    worst: int = 5,
    notes: Sequence[str] = (),
) -> MotionComparison:
    """Distances between two motions, joint by joint and frame by frame, roots put on each other.

    Args:
        a: a motion.
        b: a motion of the same skeleton, frame rate and number of frames, in the same axes.
        names: what to call them.
        worst: so many of the joints that are farthest apart.
        notes: what is already known to be said, a sentence each.

    Raises:
        InputError: for motions whose frames or joints do not correspond, and for joints without a
            value.
    """
    _check_alike(a, b, names)
    if worst < 1:
        raise InputError(f"the number of worst joints is {worst}; it must be at least 1")
    first, second = (_from_root(m, name) for m, name in zip((a, b), names, strict=True))
    frames, still = len(a), np.zeros_like(first)

    def long_enough(measure: Callable[..., Any], order: int, *poses: np.ndarray) -> float | None:
        return float(measure(*poses)) * _MM if frames > order else None

    joints = per_joint(first, second) * _MM
    far = np.argsort(-joints, kind="stable")[:worst]
    return MotionComparison(
        names,
        {"A": names[0], "B": names[1], **_facts(a, b)},
        {
            "MPJPE, roots on each other (mm)": long_enough(mpjpe, 0, first, second),
            "P-MPJPE (mm)": long_enough(pa_mpjpe, 0, first, second),
            "MPJVE (mm/frame)": long_enough(mpjve, 1, first, second),
        },
        {
            "acceleration from the root (mm/frame2)": (
                long_enough(acceleration_error, 2, first, still),
                long_enough(acceleration_error, 2, second, still),
            )
        },
        {a.skeleton.joints[j]: float(joints[j]) for j in far},
        (_action(a), _action(b)),
        (*notes, *_notes(a, b, frames)),
    )


def converted(motion: Motion, skeleton: str | Skeleton, name: str) -> tuple[Motion, list[str]]:
    """A motion in another joint convention, and what is approximate about it.

    Raises:
        InputError: when a joint cannot be made from those that the motion has.
    """
    target = get_skeleton(skeleton)
    if motion.skeleton == target:
        return motion, []
    rule = conversion(motion.skeleton, target)
    if rule.missing:
        raise InputError(
            f"{name}: the joints {', '.join(rule.missing)} of {target.name} cannot be made from "
            f"those of {motion.skeleton.name}; choose another --skeleton"
        )
    joints = rule.apply(motion.joints)
    return (
        Motion(joints, target, motion.fps, motion.space, action=motion.action),
        [f"{name}: {note}" for note in rule.notes],
    )


def _check_alike(a: Motion, b: Motion, names: tuple[str, str]) -> None:
    one, other = names
    if a.skeleton != b.skeleton:
        raise InputError(
            f"{one} has the skeleton {a.skeleton.name} and {other} {b.skeleton.name}; bring both "
            "to one with --skeleton"
        )
    if abs(a.fps - b.fps) > 1e-3:
        raise InputError(
            f"{one} has {a.fps:g} frames per second and {other} {b.fps:g}; compare motions of one "
            "frame rate"
        )
    if len(a) != len(b):
        raise InputError(
            f"{one} has {len(a)} frames and {other} {len(b)}; compare motions of the same frames"
        )
    if (a.space == "world") != (b.space == "world"):
        raise InputError(
            f"{one} is in {a.space} space ({SPACE_AXES[a.space]}) and {other} in {b.space} space "
            f"({SPACE_AXES[b.space]}); compare motions in the same axes"
        )


def _from_root(motion: Motion, name: str) -> np.ndarray:
    """Joints (f, j, 3) minus those of the root in every frame."""
    lost = int((~np.isfinite(motion.joints)).any(axis=(1, 2)).sum())
    if lost:
        raise InputError(
            f"{name}: {lost} of {len(motion)} frames have joints without a value; cut them off "
            "both motions"
        )
    root = motion.skeleton.root_index
    return motion.joints.astype(np.float64) - motion.joints[:, [root]]


def _facts(a: Motion, b: Motion) -> dict[str, str]:
    return {
        "skeleton": a.skeleton.name,
        "frames": f"{len(a)} at {a.fps:g} per second",
        "space": a.space if a.space == b.space else f"{a.space} and {b.space}, the same axes",
    }


def _notes(a: Motion, b: Motion, frames: int) -> tuple[str, ...]:
    notes = ["these are distances between two motions; neither is taken for the truth"]
    if frames < 3:
        notes.append(f"{frames} frames are too few for an acceleration")
    root = a.skeleton.root
    at_zero = [
        name
        for name, motion in (("A", a), ("B", b))
        if not motion.joints[:, motion.skeleton.root_index].any()
    ]
    if len(at_zero) == 1:
        notes.append(f"the {root} of {at_zero[0]} stands still at zero, that of the other moves")
    return tuple(notes)


def _action(motion: Motion) -> dict[str, Any] | None:
    if motion.action is None:
        return None
    return {"label": motion.action.label, "probability": motion.action.probability}


def _action_text(action: dict[str, Any] | None) -> str:
    return "-" if action is None else f"{action['label']} ({action['probability']:.2f})"


def _text(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
