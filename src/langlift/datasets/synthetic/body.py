"""The puppet behind the synthetic motion: bone lengths, a script of angles, and its kinematics.

A `Script` says over time where the pelvis and the ankles are and how trunk, head and arms turn;
`pose` turns it into joints. Legs are solved from hip and ankle (two-bone inverse kinematics) so
that feet stay where they are planted and knees can only bend one way. Angles are degrees because
people read scripts; lengths are metres. Script frame: x forward, y to the person's left, z up.
Side 0 is left, side 1 is right.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from ...skeletons import HUMAN36M_17

#: Index of each side and the sign of its y axis.
LEFT, RIGHT = 0, 1
SIDE_SIGN = (1.0, -1.0)

#: Columns of `Script.arms`, degrees: forward raise, sideways raise, turn of the raised arm towards
#: the midline, inward rotation about the upper arm's own axis, bend of the elbow.
FLEX, ABDUCT, ACROSS, TWIST, ELBOW = range(5)

# A leg is never quite straight: at full stretch the knee's speed is unbounded.
_STRETCH = 0.995
# The pelvis comes down a little before that, so a planted foot is not pulled off its place.
_STANDING = 0.99


@dataclass(frozen=True)
class Body:
    """Bone lengths in metres, the same on both sides.

    Args:
        stature: height of the standing person.
        hip: pelvis centre to hip joint.
        thigh: hip to knee.
        shin: knee to ankle.
        loin: pelvis centre to spine (mid trunk).
        chest: spine to thorax (base of the neck).
        shoulder: thorax to shoulder.
        upper_arm: shoulder to elbow.
        forearm: elbow to wrist.
        neck: thorax to head top.
        face: how far neck_nose lies before the line from thorax to head top.
        ankle: height of the ankle over the sole.
    """

    stature: float
    hip: float
    thigh: float
    shin: float
    loin: float
    chest: float
    shoulder: float
    upper_arm: float
    forearm: float
    neck: float
    face: float
    ankle: float

    @property
    def leg(self) -> float:
        """Hip to ankle with a straight knee."""
        return self.thigh + self.shin

    @property
    def arm(self) -> float:
        """Shoulder to wrist with a straight elbow."""
        return self.upper_arm + self.forearm

    @property
    def standing(self) -> float:
        """Height of the pelvis centre over the floor when standing upright."""
        return self.ankle + _STANDING * self.leg


# Bone lengths as fractions of stature, near those of the Human3.6M subjects.
_FRACTIONS = {
    "hip": 0.0765,
    "thigh": 0.252,
    "shin": 0.250,
    "loin": 0.134,
    "chest": 0.147,
    "shoulder": 0.098,
    "upper_arm": 0.164,
    "forearm": 0.145,
    "neck": 0.138,
    "face": 0.029,
    "ankle": 0.043,
}


def body(rng: np.random.Generator) -> Body:
    """A random person, 1.5 to 1.95 m tall, every bone within 5 % of the usual proportion."""
    stature = float(rng.uniform(1.5, 1.95))
    jitter = np.clip(rng.normal(0.0, 0.02, len(_FRACTIONS)), -0.05, 0.05)
    lengths = {
        bone: float(stature * fraction * (1.0 + spread))
        for (bone, fraction), spread in zip(_FRACTIONS.items(), jitter, strict=True)
    }
    return Body(stature=stature, **lengths)


@dataclass
class Script:
    """What the puppet does, every array over f frames.

    Args:
        root: (f, 3) metres, wanted pelvis position; lowered where a leg would not reach.
        pelvis: (f, 3) degrees, yaw (left positive), pitch (forward), roll (to the right).
        spine: (f, 3) degrees, the same three for the chest relative to the pelvis.
        head: (f, 3) degrees, the same three for the head relative to the chest.
        arms: (2, f, 5) degrees, see `FLEX` to `ELBOW`.
        hands: (2, f, 3) metres, where the wrist shall be as far as `reach` says.
        reach: (2, f) 0 follows `arms`, 1 follows `hands`.
        ankles: (2, f, 3) metres.
        splay: (2, f) degrees, how far the knees point outwards.
        planted: (2, f) 1 where the leg carries the body: the pelvis comes down until it reaches.
    """

    root: np.ndarray
    pelvis: np.ndarray
    spine: np.ndarray
    head: np.ndarray
    arms: np.ndarray
    hands: np.ndarray
    reach: np.ndarray
    ankles: np.ndarray
    splay: np.ndarray
    planted: np.ndarray

    @classmethod
    def empty(cls, f: int) -> Script:
        """A script of f frames, all zeros but both feet planted."""
        columns = {"root": 3, "pelvis": 3, "spine": 3, "head": 3}
        two = {"arms": (5,), "hands": (3,), "reach": (), "ankles": (3,), "splay": ()}
        return cls(
            **{name: np.zeros((f, c)) for name, c in columns.items()},
            **{name: np.zeros((2, f, *c)) for name, c in two.items()},
            planted=np.ones((2, f)),
        )

    def smoothed(self, kernel: np.ndarray) -> Script:
        """The script convolved over time with a symmetric kernel; the ends see repeated frames."""
        changed = {}
        for entry in fields(self):
            values = getattr(self, entry.name)
            axis = 0 if entry.name in ("root", "pelvis", "spine", "head") else 1
            changed[entry.name] = _convolved(values, kernel, axis)
        return Script(**changed)


def gaussian(sigma: float) -> np.ndarray:
    """Weights of a Gaussian of `sigma` frames over three of them to either side."""
    reach = int(np.ceil(3.0 * sigma))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return weights / weights.sum()


def _convolved(values: np.ndarray, kernel: np.ndarray, axis: int) -> np.ndarray:
    half = len(kernel) // 2
    pad = [(half, half) if a == axis else (0, 0) for a in range(values.ndim)]
    padded = np.pad(values, pad, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, len(kernel), axis=axis)
    return windows @ kernel


def _about(axis: int, degrees: np.ndarray) -> np.ndarray:
    """(f, 3, 3) right-handed rotations about coordinate axis 0, 1 or 2."""
    angle = np.radians(degrees)
    one, two = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.zeros((*angle.shape, 3, 3))
    matrix[..., axis, axis] = 1.0
    matrix[..., one, one] = matrix[..., two, two] = np.cos(angle)
    matrix[..., one, two] = -np.sin(angle)
    matrix[..., two, one] = np.sin(angle)
    return matrix


def turn(angles: np.ndarray) -> np.ndarray:
    """(f, 3, 3) rotations of (f, 3) yaw, pitch and roll in degrees: roll first, yaw last."""
    return _about(2, angles[:, 0]) @ _about(1, angles[:, 1]) @ _about(0, angles[:, 2])


def _applied(rotation: np.ndarray, vector: tuple[float, float, float]) -> np.ndarray:
    return rotation @ np.asarray(vector)


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a * b).sum(axis=-1, keepdims=True)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def hip_positions(script: Script, person: Body, side: int) -> np.ndarray:
    """(f, 3) metres, hip joint of one side as the script wants it."""
    aside = _applied(turn(script.pelvis), (0.0, SIDE_SIGN[side] * person.hip, 0.0))
    return script.root + aside


def swing_leg(script: Script, person: Body, side: int, weight: np.ndarray, angles: tuple) -> None:
    """Move an ankle from where it is planted towards a leg posture, in place.

    Args:
        script: read (pelvis, root) and changed (ankles, planted).
        person: bone lengths.
        side: `LEFT` or `RIGHT`.
        weight: (f) 0 planted, 1 in the posture.
        angles: hip flexion, hip abduction, knee bend in degrees, numbers or (f).
    """
    flex, abduct, knee = (np.broadcast_to(np.asarray(a, float), weight.shape) for a in angles)
    frame = turn(script.pelvis) @ _about(0, SIDE_SIGN[side] * abduct)
    thigh = _applied(frame @ _about(1, -flex), (0.0, 0.0, -person.thigh))
    shin = _applied(frame @ _about(1, knee - flex), (0.0, 0.0, -person.shin))
    target = hip_positions(script, person, side) + thigh + shin
    script.ankles[side] += weight[:, None] * (target - script.ankles[side])
    script.planted[side] *= 1.0 - weight


def _two_bones(
    start: np.ndarray, end: np.ndarray, pole: np.ndarray, first: float, second: float
) -> tuple[np.ndarray, np.ndarray]:
    """Middle and end joint of a limb that reaches for `end` and bends towards `pole`."""
    line = end - start
    distance = np.linalg.norm(line, axis=-1, keepdims=True)
    along = line / distance
    # A soft limit: the plain minimum would make the middle joint jump at full stretch.
    limit, soft = _STRETCH * (first + second), 0.004
    reached = -soft * np.logaddexp(-distance / soft, -limit / soft)
    reached = np.maximum(reached, abs(first - second) + 0.02)
    out = _unit(pole - _dot(pole, along) * along)
    forward = (first**2 - second**2 + reached**2) / (2.0 * reached)
    aside = np.sqrt(np.maximum(first**2 - forward**2, 0.0))
    return start + forward * along + aside * out, start + reached * along


def _knee_pole(pelvis: np.ndarray, leg: np.ndarray, splay: np.ndarray, sign: float) -> np.ndarray:
    """(f, 3) direction the knee points to.

    It is the pelvis' forward axis carried along by the shortest rotation from straight down to
    the line hip to ankle, then turned outwards about that line.
    """
    x, y, z = np.moveaxis(np.einsum("fba,fb->fa", pelvis, _unit(leg)), -1, 0)
    carried = np.stack([-z + y * y / (1.0 - z), -x * y / (1.0 - z), x], axis=-1)
    forward = np.einsum("fab,fb->fa", pelvis, carried)
    angle = sign * np.radians(splay)[:, None]
    return forward * np.cos(angle) - np.cross(_unit(leg), forward) * np.sin(angle)


def _arm(
    script: Script, person: Body, side: int, chest: np.ndarray, shoulder: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Elbow and wrist of one side, (f, 3) each."""
    angles, sign = script.arms[side], SIDE_SIGN[side]
    upper = chest @ _about(2, -sign * angles[:, ACROSS]) @ _about(0, sign * angles[:, ABDUCT])
    upper = upper @ _about(1, -angles[:, FLEX]) @ _about(2, -sign * angles[:, TWIST])
    elbow = shoulder + _applied(upper, (0.0, 0.0, -person.upper_arm))
    lower = upper @ _about(1, -angles[:, ELBOW])
    wrist = elbow + _applied(lower, (0.0, 0.0, -person.forearm))
    reach = script.reach[side][:, None]
    if not reach.any():
        return elbow, wrist
    wrist = wrist + reach * (script.hands[side] - wrist)
    # The elbow keeps to the side that the arm's angles put it on: behind the bend.
    pole = -_applied(upper @ _about(1, -angles[:, ELBOW] / 2), (1.0, 0.0, 0.0))
    return _two_bones(shoulder, wrist, pole, person.upper_arm, person.forearm)


def _settled(script: Script, person: Body) -> np.ndarray:
    """(f, 3) the root, lowered softly where a leg would have to be longer than it is."""
    soft = 0.01
    height = -script.root[:, 2] / soft
    longest = (_STANDING * person.leg) ** 2
    for side in (LEFT, RIGHT):
        hip = hip_positions(script, person, side)
        gap = script.ankles[side] - hip
        rise = np.sqrt(np.maximum(longest - gap[:, 0] ** 2 - gap[:, 1] ** 2, 1e-4))
        bound = script.ankles[side][:, 2] + rise - (hip - script.root)[:, 2]
        bound = bound + 1.0 - script.planted[side]
        height = np.logaddexp(height, -bound / soft)
    height = _convolved(-soft * height, gaussian(2.5), 0)
    return np.column_stack([script.root[:, :2], height])


def pose(script: Script, person: Body) -> np.ndarray:
    """Joints (f, 17, 3) in metres, Human3.6M-17 order, in the script's frame."""
    root = _settled(script, person)
    pelvis = turn(script.pelvis)
    chest = pelvis @ turn(script.spine)
    head = chest @ turn(script.head)
    found = {"pelvis": root}
    # The loin takes a third of the bend, so the back curves instead of folding at one joint.
    loin = pelvis @ turn(script.spine / 3.0)
    found["spine"] = root + _applied(loin, (0.0, 0.0, person.loin))
    found["thorax"] = found["spine"] + _applied(chest, (0.0, 0.0, person.chest))
    half = (person.face, 0.0, person.neck / 2.0)
    found["neck_nose"] = found["thorax"] + _applied(head, half)
    found["head_top"] = found["thorax"] + _applied(head, (0.0, 0.0, person.neck))
    for side, name in enumerate(("left", "right")):
        sign = SIDE_SIGN[side]
        hip = root + _applied(pelvis, (0.0, sign * person.hip, 0.0))
        leg = script.ankles[side] - hip
        pole = _knee_pole(pelvis, leg, script.splay[side], sign)
        knee, ankle = _two_bones(hip, script.ankles[side], pole, person.thigh, person.shin)
        drop = np.array([0.0, sign * 0.985, -0.17]) * person.shoulder
        shoulder = found["thorax"] + chest @ drop
        elbow, wrist = _arm(script, person, side, chest, shoulder)
        limb = zip(
            ("hip", "knee", "ankle", "shoulder", "elbow", "wrist"),
            (hip, knee, ankle, shoulder, elbow, wrist),
            strict=True,
        )
        found |= {f"{name}_{joint}": position for joint, position in limb}
    return np.stack([found[joint] for joint in HUMAN36M_17.joints], axis=1)
