"""What can be wrong with one recording, found in a sample of its frames.

Limits are wide enough for every dataset here: real bones of markerless capture, detectors in a
crowd. What passes may still be wrong; what is an error cannot be used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ...errors import InputError
from ..recordings import Recording
from .fitting import Fit, How, fit, fit_moved, sample

Level = Literal["ok", "note", "warning", "error"]
Check = Literal[
    "subjects",
    "actions",
    "reading",
    "frame counts",
    "2D joints",
    "frames",
    "units",
    "bone lengths",
    "place",
    "left and right",
    "2D and 3D",
]
LEVELS: tuple[Level, ...] = ("ok", "note", "warning", "error")
#: Frames of a recording whose geometry is looked at.
FRAMES = 64

#: Hip to ankle along the leg, metres: a small child to a very tall adult.
_LEG = (0.35, 1.4)
_USUAL_LEG = 0.85
_UNITS = {"millimetres": 1000.0, "centimetres": 100.0, "inches": 39.37, "kilometres": 0.001}
#: Deviation of a limb bone's length over its mean, above which it is no bone of one body.
_BONE_WARNING = 0.10
#: Median distance of the projected 3D from exact 2D and from detections, for an image of a
#: thousand pixels; it grows with the image.
_EXACT, _DETECTED = 5.0, 40.0
#: A warning and an error where less is known, as shares of the person's size in the image: lenses
#: distort, some truths are of bodies scaled to one size, and without the place in front of the
#: camera there is no perspective.
_SHARES: dict[How, tuple[float, float]] = {
    "with a fitted focal length": (0.03, 0.06),
    "scaled to the 2D": (0.06, 0.12),
}
#: Detections that lie farther off may still be of this 3D if, moved to it in each frame, they lie
#: within this share of the limit.
_MOVED = 0.5
_UNSEEN_WARNING = 0.2
#: A knee counts as bent from so far off the straight line from hip to ankle, metres.
_BENT = 0.04
_FEWEST_BENT, _BACKWARDS = 8, 0.8


@dataclass(frozen=True)
class Finding:
    """One thing that a check found.

    Args:
        level: ``ok``, ``note``, ``warning``, or ``error``: it must not be evaluated.
        check: name of the check.
        where: the recording, subject or dataset.
        message: what was found and, from a warning on, what to do.
        source: kind of 2D, empty where it does not matter.
        value: what was measured, in the unit of the message; larger is worse.
    """

    level: Level
    check: Check
    where: str
    message: str
    source: str = ""
    value: float = 0.0


def check_recording(recording: Recording, source: str, frames: int = FRAMES) -> list[Finding]:
    """All findings of one recording, those that are ``ok`` too.

    Args:
        recording: what to check.
        source: the kind of its 2D; ``gt`` and what begins with it must fit exactly.
        frames: how many, evenly spaced, are looked at.
    """
    at = sample_frames(len(recording), frames)
    at = at[recording.counted[at]]
    found: list[tuple[Level, Check, str, float]] = [*_missing(recording)]
    if not len(at):
        found.append(("warning", "frames", "no frame of it counts; leave it out", 1.0))
    else:
        joints = recording.joints[at].astype(np.float64)
        for check in (_leg, _bones, _in_front, _knees):
            found += check(recording, joints)
        part = sample(recording, at)
        if part is not None and (measured := fit(part)) is not None:
            limit, exact = limit_of(recording, source), is_exact(source)
            where = measured.how != "through its camera" or not exact
            moved = fit_moved(part) if where and measured.error > limit else None
            found += (
                _fitting(measured, limit, exact)
                if moved is None
                else _moved(measured, moved, limit, exact)
            )
    return [
        Finding(level, check, recording.name, message, source, value)
        for level, check, message, value in found
    ]


def refuse_misfit(recording: Recording, source: str) -> bool:
    """Raise where a recording must not be evaluated, with the first reason and its remedy.

    Returns:
        Whether there is a warning that its 2D lies off its 3D.

    Raises:
        InputError: when a check finds an error; the message names the recording.
    """
    findings = check_recording(recording, source)
    for finding in findings:
        if finding.level == "error":
            raise InputError(
                f"recording {recording.name!r} ({source}): {finding.message}; langlift data check "
                "looks at all of them"
            )
    return any((each.level, each.check) == ("warning", "2D and 3D") for each in findings)


def sample_frames(length: int, frames: int) -> np.ndarray:
    """At most so many evenly spaced frame numbers."""
    return np.unique(np.linspace(0, length - 1, min(length, frames)).round().astype(int))


def is_exact(source: str) -> bool:
    """Whether 2D of this source is the projection of the 3D, by its name."""
    return source == "gt" or source.startswith("gt_")


def limit_of(recording: Recording, source: str) -> float:
    """Largest distance in pixels that 3D and 2D of this source may have."""
    per_thousand = _EXACT if is_exact(source) else _DETECTED
    return per_thousand * max(1.0, max(recording.keypoints.image_size) / 1000)


_Found = Iterator[tuple[Level, Check, str, float]]


def _missing(recording: Recording) -> _Found:
    seen = recording.keypoints.seen[recording.counted]
    absent = 1 - float(seen.mean()) if seen.size else 0.0
    empty = int((~seen.any(axis=1)).sum())
    words = f"{100 * absent:.1f} % of the 2D joints are not seen"
    if empty:
        words += f", none in {empty} frames that count"
    if absent > _UNSEEN_WARNING or empty:
        yield "warning", "2D joints", f"{words}; look whether the detector lost the person", absent
    else:
        yield ("note" if absent else "ok"), "2D joints", words, absent
    out = int((~recording.counted).sum())
    if out:
        share = out / len(recording)
        yield "note", "frames", f"{out} of {len(recording)} frames do not count", share


def _leg(recording: Recording, joints: np.ndarray) -> _Found:
    """Units, by the length of the legs."""
    skeleton = recording.skeleton
    if not recording.metric or not {
        f"{side}_{p}" for side in ("left", "right") for p in ("hip", "knee", "ankle")
    } <= set(skeleton.joints):
        return
    lengths = []
    for side in ("left", "right"):
        hip, knee, ankle = (
            joints[:, skeleton.index(f"{side}_{part}")] for part in ("hip", "knee", "ankle")
        )
        lengths.append(np.linalg.norm(hip - knee, axis=1) + np.linalg.norm(knee - ankle, axis=1))
    leg = float(np.median(lengths))
    if _LEG[0] <= leg <= _LEG[1]:
        yield "ok", "units", f"legs are {leg:.2f} m long", leg
        return
    off = {unit: abs(np.log(max(leg, 1e-12) / per / _USUAL_LEG)) for unit, per in _UNITS.items()}
    unit = min(off, key=lambda unit: off[unit])
    guess = f"these look like {unit}: " if _LEG[0] <= leg / _UNITS[unit] <= _LEG[1] else ""
    yield (
        "error",
        "units",
        f"legs are {leg:.4g} m long, a person's are {_LEG[0]} to {_LEG[1]} m; {guess}"
        "3D joints must be in metres",
        abs(float(np.log(max(leg, 1e-12)))),
    )


def _bones(recording: Recording, joints: np.ndarray) -> _Found:
    """Constancy of the limbs' bones; trunk and head bend, so their links are no bones."""
    skeleton = recording.skeleton
    limbs = {j for part, js in skeleton.parts.items() if part != "torso_head" for j in js[1:]}
    bones = [(child, parent) for child, parent in skeleton.bones if child in limbs]
    if not bones or len(joints) < 2:
        return
    child, parent = np.array(bones).T
    length = np.linalg.norm(joints[:, child] - joints[:, parent], axis=-1)
    change = length.std(axis=0) / np.maximum(length.mean(axis=0), 1e-12)
    worst = int(change.argmax())
    name = f"{skeleton.joints[parent[worst]]} to {skeleton.joints[child[worst]]}"
    words = f"length of {name} changes by {100 * change[worst]:.1f} %"
    if change[worst] > _BONE_WARNING:
        words += "; check that the joints are in the skeleton's order and of one person"
        yield "warning", "bone lengths", words, float(change[worst])
    else:
        yield "ok", "bone lengths", words, float(change[worst])


def _in_front(recording: Recording, joints: np.ndarray) -> _Found:
    if not recording.placed:
        return
    depth = joints[:, recording.skeleton.root_index, 2]
    behind = float((depth <= 0).mean())
    if behind:
        yield (
            "error",
            "place",
            f"in {100 * behind:.0f} % of the frames the root is behind the camera; 3D must be in "
            "camera axes, z forward: check the camera's orientation and position",
            behind,
        )
    else:
        yield "ok", "place", f"{depth.min():.1f} to {depth.max():.1f} m before the camera", 0.0


def _knees(recording: Recording, joints: np.ndarray) -> _Found:
    """Whether knees bend to the front, which tells a mirrored body from a real one."""
    skeleton = recording.skeleton
    legs = [[f"{side}_{part}" for part in ("hip", "knee", "ankle")] for side in ("left", "right")]
    trunk = next((j for j in ("thorax", "neck") if j in skeleton.joints), None)
    if trunk is None or not {j for leg in legs for j in leg} <= set(skeleton.joints):
        return
    (left, _, _), (right, _, _) = legs
    left_hip, right_hip = joints[:, skeleton.index(left)], joints[:, skeleton.index(right)]
    up = joints[:, skeleton.index(trunk)] - (left_hip + right_hip) / 2
    forward = np.cross(left_hip - right_hip, up)
    forward /= np.maximum(np.linalg.norm(forward, axis=-1, keepdims=True), 1e-12)
    before = []
    for leg in legs:
        hip, knee, ankle = (joints[:, skeleton.index(joint)] for joint in leg)
        line = ankle - hip
        along = ((knee - hip) * line).sum(-1) / np.maximum((line**2).sum(-1), 1e-12)
        off = knee - hip - along[:, None] * line
        bent = np.linalg.norm(off, axis=-1) > _BENT
        before.append((off * forward).sum(-1)[bent])
    bends = np.concatenate(before)
    if len(bends) < _FEWEST_BENT:
        return
    backwards = float((bends < 0).mean())
    words = f"knees bend backwards in {100 * backwards:.0f} % of the frames in which they bend"
    if backwards >= _BACKWARDS:
        words += "; left and right are exchanged in the 3D, or one of its axes points the other way"
        yield "warning", "left and right", words, backwards
    else:
        yield "ok", "left and right", words, backwards


def _moved(measured: Fit, moved: Fit, limit: float, exact: bool) -> _Found:
    """2D far from the 3D: a 3D that only stands elsewhere is no reason to refuse it.

    Capture systems drift (three sequences of Human3.6M's S9 are known for it), and bodies that are
    scaled to one size (MPI-INF-3DHP's ``univ``) are where their camera does not see them. Figures
    of poses relative to the root do not change by that.
    """
    warn, _ = _limits(measured, limit)
    if not warn < measured.error or moved.error > _MOVED * warn or moved.exchanged < moved.error:
        yield from _fitting(measured, limit, exact)
        return
    yield (
        "warning",
        "2D and 3D",
        f"3D {measured.how} lies {_pixels(measured.error)} from the 2D, but moved to it "
        f"{_pixels(moved.error)}: the pose fits and its place does not; look whether the camera "
        "is the right one",
        measured.error,
    )


def _fitting(measured: Fit, limit: float, exact: bool) -> _Found:
    """Whether the 3D lies on the 2D."""
    words = f"3D {measured.how} lies {_pixels(measured.error)} from the 2D"
    warn, most = _limits(measured, limit)
    if warn / 2 < measured.error and measured.exchanged < min(warn, measured.error / 2):
        yield (
            "error",
            "left and right",
            f"{words} but {_pixels(measured.exchanged)} with left and right of the 2D exchanged; "
            "left and right are exchanged in one of them: rename the joints",
            measured.error,
        )
    elif measured.error > most:
        yield (
            "error",
            "2D and 3D",
            f"{words}, more than {most:.0f}: they are of different videos, people, cameras or "
            "image sizes; look which of the files belong together",
            measured.error,
        )
    elif measured.error > warn:
        words += "; look at a frame of both"
        yield "warning", "2D and 3D", words, measured.error
    elif exact and measured.how == "through its camera" and measured.tail > limit:
        words += (
            f", but a tenth of the points lies over {_pixels(measured.tail)} off; look whether one "
            "of them is some frames late"
        )
        yield "warning", "2D and 3D", words, measured.error
    else:
        yield "ok", "2D and 3D", words, measured.error


def _limits(measured: Fit, limit: float) -> tuple[float, float]:
    """The distances above which a fit is a warning, and an error."""
    warn, most = _SHARES.get(measured.how, (0.0, 0.0))
    return max(limit, warn * measured.size), max(limit, most * measured.size)


def _pixels(distance: float) -> str:
    return f"{distance:.1f} pixels" if np.isfinite(distance) else "behind the camera, far"
