"""Protocol `robustness`: how a lifter holds up away from the everyday camera.

Every clip is seen by a *frontal* reference camera: 5 m in front of the person (along the clip's
mean facing), 10 degrees above, looking at the middle of the pelvis's path, focal length 1.15 times
the width of a 1000 x 1000 image, all joints given. Each sweep changes one thing and keeps the
rest; the 2D noise of a clip is drawn alike in all settings, so only the setting differs. Errors
are MPJPE relative to the pelvis, in camera axes, averaged over all frames; intervals are those of
`mocap`. The ratio of a figure is to the frontal one of the same 2D source.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from ..datasets.augment import heading
from ..datasets.clips import LabelledClip
from ..datasets.mocap_views import SOURCES_2D, Source2D, View, centered, make_view, view_rng
from ..errors import InputError
from ..geometry.cameras import Camera
from ..geometry.rotations import look_at, quaternion_to_matrix
from ..lifting.lifter import Lifter
from ..metrics import mpjpe
from ..skeletons import HUMAN36M_17
from .measured import INTERVAL, Measured, bootstrap, interval
from .mocap import LiftsTracks
from .origin import ACTION_WORDS, ActionSource, Origin
from .report import Figure, Report, Row, Table

NAME = "robustness"
IMAGE = 1000  # pixels, both sides
NEAREST = 1.0  # metres from the camera's plane; a camera that a person would run into steps back
_LIMBS = tuple(joints for part, joints in HUMAN36M_17.parts.items() if part != "torso_head")
_RATIO = "ratio to frontal"


@dataclass(frozen=True)
class Setting:
    """How a clip is seen; the defaults are the frontal reference.

    Args:
        focal: focal length over the image width.
        lens_given: the lifter is told the lens; otherwise it assumes its own.
        pitch: degrees the camera looks down.
        distance: metres along the optical axis to the middle of the person's path.
        roll: degrees the camera is turned about its axis, clockwise as seen from behind it.
        off_center: where that middle is in the image, right of its centre, over the image width.
            The camera is moved sideways, not turned, so depth and truth stay as they are.
        yaw: degrees the camera stands around the person, counter-clockwise from above; 90 is at
            the person's left.
        missing: percent of the joints not found, scattered over the clip.
        hidden: how long one limb, drawn per clip, is not found.
        skeleton: the convention in which the 2D points come.
    """

    focal: float = 1.15
    lens_given: bool = True
    pitch: float = 10.0
    distance: float = 5.0
    roll: float = 0.0
    off_center: float = 0.0
    yaw: float = 0.0
    missing: float = 0.0
    hidden: Literal["no limb", "second half", "whole clip"] = "no limb"
    skeleton: Literal["human36m_17", "coco_17"] = "human36m_17"


FRONTAL = Setting()


@dataclass(frozen=True)
class Sweep:
    """One thing that is changed.

    Args:
        name: for people to read.
        unit: of the values; empty for words.
        changes: the field of `Setting` that takes the values.
        values: in the order they are shown; the reference is among them.
        lens_given: of all settings of the sweep.
    """

    name: str
    unit: str
    changes: str
    values: tuple[float | str, ...]
    lens_given: bool = True

    @property
    def reference(self) -> float | str:
        """The value of the frontal view."""
        return getattr(FRONTAL, self.changes)

    def settings(self) -> list[Setting]:
        """The setting of every value."""
        change: dict[str, Any] = {"lens_given": self.lens_given}
        return [replace(FRONTAL, **change | {self.changes: value}) for value in self.values]


_FOCAL = (0.6, 0.8, 1.0, 1.15, 1.3, 1.6)
#: The sweeps, in the order they are shown.
ROBUSTNESS: tuple[Sweep, ...] = (
    Sweep("focal length, given", "x image width", "focal", _FOCAL),
    Sweep("focal length, not given", "x image width", "focal", _FOCAL, lens_given=False),
    Sweep("camera pitch", "degrees down", "pitch", (-10, 0, 10, 15, 30, 45, 60)),
    Sweep("distance", "m", "distance", (2, 3, 4, 5, 6.5, 8)),
    Sweep("camera roll", "degrees", "roll", (-15, -7.5, 0, 7.5, 15)),
    Sweep("person off centre", "x image width", "off_center", (0, 0.1, 0.2, 0.3, 0.4)),
    Sweep("camera yaw", "degrees to the left", "yaw", (0, 45, 90, 135, 180, 225, 270, 315)),
    Sweep("missing joints", "%", "missing", (0, 5, 10, 20, 30)),
    Sweep("hidden limb", "", "hidden", ("no limb", "second half", "whole clip")),
    Sweep("joints given as", "", "skeleton", ("human36m_17", "coco_17")),
)


@dataclass(frozen=True)
class SweepCurves:
    """The figures of one sweep as plain arrays, for drawing.

    Args:
        name: of the sweep.
        unit: of the values.
        values: (v) values.
        reference: the value of the frontal view.
        curves: 2D source to (v, 3) mm: figure, low and high end of its interval.
        frontal: 2D source to the frontal figure, mm.
    """

    name: str
    unit: str
    values: tuple[float | str, ...]
    reference: float | str
    curves: Mapping[str, np.ndarray]
    frontal: Mapping[str, float]


@dataclass(frozen=True)
class RobustnessResult:
    """What one model did in all settings.

    Args:
        model: name of the model.
        clips: how many clips.
        sources: kinds of 2D.
        measured: errors by setting and 2D source, one view per clip.
        stepped_back: by setting, clips whose camera had to step back to keep `NEAREST`.
        sweeps: what was changed.
        action: where the model has the action from that its poses are made for.
    """

    model: str
    clips: int
    sources: tuple[Source2D, ...]
    measured: Mapping[tuple[Setting, Source2D], Measured]
    stepped_back: Mapping[Setting, int]
    sweeps: tuple[Sweep, ...] = ROBUSTNESS
    action: ActionSource = "none"

    def figure(self, setting: Setting, source: Source2D) -> Figure:
        """Frame-mean MPJPE of one setting."""
        result = self.measured[setting, source]
        return interval(result, result.errors["MPJPE"], "mm", self.clips)

    def ratio(self, setting: Setting, source: Source2D) -> Figure | None:
        """The figure over the frontal one, clips paired; None where the frontal error is 0."""
        own, frontal = (self.measured[s, source] for s in (setting, FRONTAL))
        reference = self.figure(FRONTAL, source).value
        if reference == 0:
            return None
        draws = [bootstrap(m, m.errors["MPJPE"], self.clips) for m in (own, frontal)]
        usable = draws[1] > 0
        low, high = np.percentile(draws[0][usable] / draws[1][usable], INTERVAL)
        return Figure(self.figure(setting, source).value / reference, "x", float(low), float(high))

    def curves(self) -> list[SweepCurves]:
        """Every sweep as arrays."""
        frontal = {source: self.figure(FRONTAL, source).value for source in self.sources}
        drawn = []
        for sweep in self.sweeps:
            lines = {}
            for source in self.sources:
                found = [self.figure(setting, source) for setting in sweep.settings()]
                lines[source] = np.array([(f.value, f.low, f.high) for f in found], dtype=float)
            drawn.append(
                SweepCurves(sweep.name, sweep.unit, sweep.values, sweep.reference, lines, frontal)
            )
        return drawn

    def report(self, facts: Mapping[str, Any]) -> Report:
        """A table per sweep, headed by the facts of the data and those of the protocol."""
        frames = int(next(iter(self.measured.values())).frames.sum())
        told = "given to the lifter, but in the sweep 'not given', where it assumes its own"
        own_facts = {
            "protocol": "one thing changed at a time around a frontal view; root-relative, "
            "predicted root set to 0",
            "views": f"{self.clips} clips, {frames} frames, one camera per clip and setting",
            "frontal view": f"camera {FRONTAL.distance:g} m in front of the person, looking down "
            f"{FRONTAL.pitch:g} degrees on the middle of the path, focal length "
            f"{FRONTAL.focal:g} x image width, no roll; {FRONTAL.skeleton} joints, none missing",
            "image": f"{IMAGE} x {IMAGE} pixels, no lens distortion",
            "lens": told,
            "average": "frame mean over all clips",
            **({} if self.action == "none" else {"action": ACTION_WORDS[self.action]}),
            "ratio": "ratio to frontal: figure over that of the frontal view, same 2D source",
            "intervals": "95 %, bootstrap over clips, settings paired",
            "stepped back": f"clips whose camera moved back to be {NEAREST:g} m from every joint",
        }
        return Report(NAME, {**facts, **own_facts}, [self._table(s) for s in self.sweeps])

    def _table(self, sweep: Sweep) -> Table:
        value_name = f"{sweep.name} ({sweep.unit})" if sweep.unit else sweep.name
        rows = []
        for value, setting in zip(sweep.values, sweep.settings(), strict=True):
            figures: dict[str, Figure] = {}
            for source in self.sources:
                figures[f"MPJPE, {source}"] = self.figure(setting, source)
                ratio = self.ratio(setting, source)
                if ratio is not None:
                    figures[f"{_RATIO}, {source}"] = ratio
            tags = {
                value_name: _words(value) + (" (frontal)" if value == sweep.reference else ""),
                "lens": "given" if setting.lens_given else "assumed",
                "stepped back": str(self.stepped_back[setting]),
            }
            rows.append(Row(self.model, tags, figures, Origin(self.action)))
        return Table(f"{sweep.name[:1].upper()}{sweep.name[1:]}", rows)


def measure_robustness(
    lifter: LiftsTracks,
    clips: Sequence[LabelledClip],
    sources: Sequence[Source2D] = SOURCES_2D,
    progress: Callable[[int, int], None] | None = None,
    sweeps: Sequence[Sweep] = ROBUSTNESS,
) -> RobustnessResult:
    """Lift every clip in every setting of the sweeps.

    Args:
        lifter: what is measured.
        clips: labelled motion; see `choose_clips` for a balanced choice.
        sources: kinds of 2D.
        progress: called with (views done, views in all).
        sweeps: what is changed.

    Raises:
        InputError: without clips or 2D sources.
    """
    if not clips or not sources:
        raise InputError(
            f"got {len(clips)} clips and {len(sources)} kinds of 2D; give at least one of each"
        )
    stands = [replace(clip, joints=centered(clip.joints)) for clip in clips]
    settings = dict.fromkeys([FRONTAL, *(s for sweep in sweeps for s in sweep.settings())])
    total = len(settings) * len(sources) * len(clips)
    measured: dict[tuple[Setting, Source2D], Measured] = {}
    stepped_back = {}
    done = 0
    for setting in settings:
        cameras = [sweep_camera(clip.joints, setting) for clip in stands]
        stepped_back[setting] = sum(back > 0 for _, back in cameras)
        for source in sources:
            errors = []
            for clip, (camera, _) in zip(stands, cameras, strict=True):
                errors.append(_error(lifter, clip, camera, setting, source))
                done += 1
                if progress is not None:
                    progress(done, total)
            measured[setting, source] = _measured(errors, clips)
    name = getattr(lifter, "name", "") or type(lifter).__name__
    takes = isinstance(lifter, Lifter) and lifter.network.config.takes_action
    return RobustnessResult(
        name,
        len(clips),
        tuple(sources),
        measured,
        stepped_back,
        tuple(sweeps),
        "predicted" if takes else "none",
    )


def sweep_camera(joints: np.ndarray, setting: Setting) -> tuple[Camera, float]:
    """The camera of a setting for one clip.

    Args:
        joints: (f, 17, 3) metres, world, z up.
        setting: where the camera is.

    Returns:
        The camera, and the metres it had to step back along its axis.
    """
    joints = joints.astype(np.float64)
    path = joints[:, 0]
    target = (path.min(axis=0) + path.max(axis=0)) / 2
    around = heading(joints)[0] + np.radians(setting.yaw)
    pitch = np.radians(setting.pitch)
    towards = np.array(
        [np.cos(around) * np.cos(pitch), np.sin(around) * np.cos(pitch), np.sin(pitch)]
    )
    orientation = look_at(target + towards, target, roll=float(np.radians(setting.roll)))
    axes = quaternion_to_matrix(orientation)
    spot = np.array([setting.off_center / setting.focal, 0.0, 1.0]) * setting.distance
    position = target - axes @ spot
    back = max(0.0, NEAREST - float(((joints - position) @ axes[:, 2]).min()))
    position = position - axes @ spot * (back / setting.distance)
    focal = setting.focal * IMAGE
    camera = Camera(
        "robustness",  # one name for all, so the noise of a clip is the same in every setting
        (IMAGE, IMAGE),
        (focal, focal),
        (IMAGE / 2, IMAGE / 2),
        orientation=tuple(orientation),
        position=tuple(position),
    )
    return camera, back


def sweep_view(clip: LabelledClip, camera: Camera, setting: Setting, source: Source2D) -> View:
    """What a lifter gets of a clip in a setting, and the truth."""
    view = make_view(clip, camera, source, setting.missing / 100, setting.skeleton)
    if setting.hidden == "no limb":
        return view
    limb = _LIMBS[view_rng(clip.clip_id, camera.name, "hidden limb").integers(len(_LIMBS))]
    first = len(clip) // 2 if setting.hidden == "second half" else 0
    xy = view.keypoints.xy.copy()
    xy[first:, limb] = np.nan
    return replace(view, keypoints=view.keypoints.replaced(xy=xy))


def choose_clips(clips: Sequence[LabelledClip], count: int) -> list[LabelledClip]:
    """About as many clips of every class, `count` in all, in the order they came in.

    Classes take turns; one that runs out leaves its turn to the others, and where there are more
    classes than turns left the larger classes go first. The clips of a class are spread over it.

    Raises:
        InputError: for a count below 1.
    """
    if count < 1:
        raise InputError(f"count is {count}; choose at least 1 clip")
    classes: dict[str, list[int]] = {}
    for i, clip in enumerate(clips):
        classes.setdefault(clip.action, []).append(i)
    ordered = sorted(classes, key=lambda action: (-len(classes[action]), action))
    turns = sorted((turn, k) for k, a in enumerate(ordered) for turn in range(len(classes[a])))
    chosen: list[int] = []
    for k, action in enumerate(ordered):
        quota = sum(rank == k for _, rank in turns[:count])
        among = classes[action]
        at = (np.arange(quota) + 0.5) * len(among) / max(quota, 1)
        chosen += [among[i] for i in at.astype(int)]
    return [clips[i] for i in sorted(chosen)]


def _error(
    lifter: LiftsTracks, clip: LabelledClip, camera: Camera, setting: Setting, source: Source2D
) -> float:
    view = sweep_view(clip, camera, setting, source)
    motion = lifter.lift(view.keypoints, camera if setting.lens_given else None)
    return float(mpjpe(motion.joints, view.truth))


def _measured(errors: Sequence[float], clips: Sequence[LabelledClip]) -> Measured:
    frames = np.array([len(clip) for clip in clips], dtype=float)
    unanswered = np.full(len(clips), np.nan)
    return Measured(np.arange(len(clips)), frames, {"MPJPE": np.array(errors)}, unanswered)


def _words(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"
