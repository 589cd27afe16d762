"""From a file's motion to Human3.6M-17 in metres, z up, on the floor, at 50 frames per second.

Where a file does not say its unit, it is the one in which the person is `LEAST_HEIGHT` to
`MOST_HEIGHT` tall; where it does not say its up axis, it is the one along which the trunk is above
the feet. What neither rule decides is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ...errors import InputError
from ...skeletons import HUMAN36M_17
from .joint_families import JointMap, find_family
from .source_motion import SourceMotion, Up

#: Metres per unit; ``cmu`` is that of CMU's skeletons and of the BVH conversions of them.
UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001, "inch": 0.0254, "cmu": 0.0254 / 0.45}
UPS: tuple[Up, ...] = ("y", "z")
Floor = Literal["ankles", "keep"]
FLOORS: tuple[Floor, ...] = ("ankles", "keep")
FPS = 50.0
#: Heights of people in metres: what a unit is found by. No two of `UNITS` put one body inside.
LEAST_HEIGHT, MOST_HEIGHT = 1.2, 2.2
#: With a unit that was given, what is no mistake of the unit: from children to any suit.
LEAST_GIVEN, MOST_GIVEN = 0.6, 2.6
#: Height of a person over the length of legs and trunk up to the base of the neck, in real motion
#: capture (UI-PRMD, CMU).
HEIGHT_OF_LIMBS = 1.3
#: Metres of an ankle above the floor it stands on; medians of real motion capture are 0.07 to 0.09.
ANKLE_HEIGHT = 0.08
NOSE_FORWARD = 0.05
LONGEST_GAP = 0.25  # seconds
_UPRIGHT = 0.7  # cosine of 45 degrees
_SHORTEST_CROWN = 0.08


# No comparison by value (eq=False): arrays have no single truth value to compare with.
@dataclass(frozen=True, eq=False)
class Placed:
    """A motion on the Human3.6M-17 skeleton.

    Args:
        joints: (f, 17, 3) metres, right-handed, z up, at `FPS`.
        family: the convention of the joints that were read.
        unit: metres per unit of the file.
        up: the file's up axis.
        up_found: whether `up` was found by the posture and not stated.
        cut: frames cut from the ends because joints were not seen, in the file's rate.
    """

    joints: np.ndarray
    family: str
    unit: float
    up: Up
    up_found: bool
    cut: tuple[int, int]


def place(
    motion: SourceMotion,
    joint_map: JointMap | None = None,
    unit: float | None = None,
    up: Up | None = None,
    floor: Floor = "ankles",
) -> Placed:
    """Bring a motion to Human3.6M-17.

    Args:
        motion: what was read.
        joint_map: how its joints become the targets; found by the joints' names if None.
        unit: metres per unit, in place of what the file says; found if neither does.
        up: the up axis, likewise.
        floor: ``ankles`` puts z = 0 so that the lowest ankle (first percentile over the frames) is
            `ANKLE_HEIGHT` above it; ``keep`` leaves the file's z.

    Raises:
        InputError: for joints of no known convention, a gap longer than `LONGEST_GAP` in what is
            needed, a unit or up axis that is not clear or cannot be. The message does not name the
            file.
    """
    chosen = joint_map or find_family(motion.joints)
    lacking = chosen.missing(motion.joints)
    if lacking:
        raise InputError(
            f"the joints {', '.join(motion.joints)} do not give {', '.join(lacking)} by the map "
            f"{chosen.name}; correct the map"
        )
    points, first, last = _mapped(motion, chosen)
    metres = _unit(points, motion.unit if unit is None else unit)
    points = {target: metres * p for target, p in points.items()}
    stated = motion.up if up is None else up
    axis = stated or _found_up(points)
    points = {target: _z_up(p, axis) for target, p in points.items()}
    joints = _assembled(points, chosen)
    joints = at_rate(joints, motion.fps, FPS)
    if floor == "ankles":
        lowest = joints[:, [HUMAN36M_17.index("left_ankle"), HUMAN36M_17.index("right_ankle")], 2]
        joints[..., 2] -= np.percentile(lowest.min(axis=1), 1) - ANKLE_HEIGHT
    cut = (first, len(motion.positions) - last)
    return Placed(joints, chosen.name, metres, axis, stated is None, cut)


def _mapped(motion: SourceMotion, chosen: JointMap) -> tuple[dict[str, np.ndarray], int, int]:
    """Target -> (f, 3) in the file's units, without the frames at both ends that lack a joint."""
    table = chosen.weights(motion.joints)
    used = sorted({name for way in table.values() for name in way})
    columns = [motion.joints.index(name) for name in used]
    points, first, last = fill_gaps(motion.positions[:, columns], motion.fps, used)
    made = {
        target: sum(w * points[:, used.index(name)] for name, w in way.items())
        for target, way in table.items()
    }
    return {target: np.asarray(p) for target, p in made.items()}, first, last


def fill_gaps(points: np.ndarray, fps: float, names: list[str]) -> tuple[np.ndarray, int, int]:
    """Fill short gaps linearly and cut what is not seen at the ends.

    Args:
        points: (f, j, 3); NaN where not seen.
        fps: frames per second.
        names: of the joints, for the message.

    Returns:
        The points of the frames ``first`` to ``last`` (not included), without NaN, and the two.

    Raises:
        InputError: when a joint is never seen, no frame is left, or a joint is not seen for longer
            than `LONGEST_GAP` in between.
    """
    seen = np.asarray(np.isfinite(points).all(axis=-1))
    if seen.all():
        return points, 0, len(points)
    never = [names[j] for j in np.flatnonzero(~seen.any(axis=0))]
    if never:
        raise InputError(f"{', '.join(never)} is seen in no frame; leave the recording out")
    edges = [np.flatnonzero(column)[[0, -1]] for column in seen.T]
    first, last = max(e[0] for e in edges), min(e[1] for e in edges) + 1
    if first >= last:
        raise InputError("no frame lies between the first and the last sighting of every joint")
    filled, frames = points.copy(), np.arange(len(points))
    for j, name in enumerate(names):
        when = np.flatnonzero(seen[:, j])
        inside = when[(when >= first) & (when < last)]
        bounds = np.unique(
            np.concatenate([when[when <= first][-1:], inside, when[when >= last - 1][:1]])
        )
        longest = int(np.diff(bounds).max(initial=1)) - 1
        if longest > LONGEST_GAP * fps:
            raise InputError(
                f"{name} is not seen for {longest / fps:.2f} s between sightings; gaps of up to "
                f"{LONGEST_GAP:g} s are filled: fill it or cut the recording there"
            )
        for c in range(3):
            filled[:, j, c] = np.interp(frames, when, points[when, j, c])
    return filled[first:last], int(first), int(last)


def body_height(points: dict[str, np.ndarray]) -> float:
    """Height of the person by the lengths of legs and trunk, in the unit of the points (f, 3)."""
    legs = [
        (f"{side}_{a}", f"{side}_{b}")
        for side in ("left", "right")
        for a, b in (("hip", "knee"), ("knee", "ankle"))
    ]
    lengths = [np.linalg.norm(points[a] - points[b], axis=-1) for a, b in legs]
    pelvis = _pelvis(points)
    spine = points.get("spine", (pelvis + points["thorax"]) / 2)
    trunk = [np.linalg.norm(spine - end, axis=-1) for end in (pelvis, points["thorax"])]
    return float(np.median(sum(lengths) / 2 + sum(trunk))) * HEIGHT_OF_LIMBS


def _unit(points: dict[str, np.ndarray], stated: float | None) -> float:
    height = body_height(points)
    if stated is not None:
        if not LEAST_GIVEN <= stated * height <= MOST_GIVEN:
            raise InputError(
                f"the person would be {stated * height:.3g} m tall with {stated:g} m per unit; "
                f"choose the unit ({', '.join(UNITS)}) by --unit"
            )
        return stated
    for metres in UNITS.values():
        if LEAST_HEIGHT <= metres * height <= MOST_HEIGHT:
            return metres
    raise InputError(
        f"the person is about {height:.3g} units tall, which is {LEAST_HEIGHT} to {MOST_HEIGHT} m "
        f"in none of {', '.join(UNITS)}; choose the unit by --unit, or check the joints"
    )


def _found_up(points: dict[str, np.ndarray]) -> Up:
    """The axis that the way from the feet to the base of the neck follows, on average."""
    feet = (points["left_ankle"] + points["right_ankle"]) / 2
    way = points["thorax"] - feet
    way = way / np.maximum(np.linalg.norm(way, axis=-1, keepdims=True), 1e-9)
    mean = way.mean(axis=0)
    for up in UPS:
        if mean["xyz".index(up)] >= _UPRIGHT:
            return up
    raise InputError(
        f"the person stands neither along y nor along z (the trunk is at {mean.round(2).tolist()} "
        "of the feet); give the up axis by --up"
    )


def _z_up(points: np.ndarray, up: Up) -> np.ndarray:
    """Points (*, 3) of right-handed axes in right-handed axes with z up."""
    if up == "z":
        return points
    return np.stack([points[..., 0], -points[..., 2], points[..., 1]], axis=-1)


def _pelvis(points: dict[str, np.ndarray]) -> np.ndarray:
    return points.get("pelvis", (points["left_hip"] + points["right_hip"]) / 2)


def _assembled(points: dict[str, np.ndarray], chosen: JointMap) -> np.ndarray:
    """The 17 joints (f, 17, 3) from the targets in metres."""
    pelvis, thorax = _pelvis(points), points["thorax"]
    lateral = points["left_shoulder"] - points["right_shoulder"]
    top = points.get("head_top")
    if "head" in points and (top is None or _too_near(top, points["head"])):
        top = _crown(points["head"], thorax, lateral, chosen)
    assert top is not None
    made = {
        "pelvis": pelvis,
        "spine": (pelvis + thorax) / 2,
        "neck_nose": (thorax + top) / 2
        + NOSE_FORWARD * _unit_vector(np.cross(lateral, top - thorax)),
    } | points
    made["head_top"] = top
    return np.stack([made[joint] for joint in HUMAN36M_17.joints], axis=1)


def _too_near(top: np.ndarray, head: np.ndarray) -> bool:
    """Whether the end of the head is only a mark, as many programs write it."""
    return bool(np.median(np.linalg.norm(top - head, axis=-1)) < _SHORTEST_CROWN)


def _crown(
    head: np.ndarray, thorax: np.ndarray, lateral: np.ndarray, chosen: JointMap
) -> np.ndarray:
    """The top of the head (f, 3): along the line from the neck to the head, tilted back."""
    along = _unit_vector(head - thorax)
    forward = _unit_vector(np.cross(lateral, along))
    angle = np.radians(chosen.tilt)
    return head + chosen.crown * (np.cos(angle) * along - np.sin(angle) * forward)


def _unit_vector(vectors: np.ndarray) -> np.ndarray:
    """Vectors (*, 3) of length 1; what has no direction stays zero."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


def at_rate(joints: np.ndarray, fps_from: float, fps_to: float) -> np.ndarray:
    """Joints (f, j, 3) at another rate, by cubic splines through the frames.

    The first frame stays; the last new frame is the last regular one inside the recording.
    """
    if abs(fps_from / fps_to - 1) < 1e-6 or len(joints) < 2:
        return joints.copy()
    from scipy.interpolate import CubicSpline

    frames = int(np.floor((len(joints) - 1) * fps_to / fps_from + 1e-6)) + 1
    at = np.minimum(np.arange(frames) * fps_from / fps_to, len(joints) - 1)
    if len(joints) < 4:  # too few for a cubic
        low = np.minimum(at.astype(int), len(joints) - 2)
        part = (at - low)[:, None, None]
        return joints[low] * (1 - part) + joints[low + 1] * part
    return np.asarray(CubicSpline(np.arange(len(joints)), joints, axis=0)(at))
