"""Where knowing the action helps: gains by the ambiguity of a view, and pictures of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..actions import words_of
from ..datasets.clips import LabelledClip
from ..datasets.corpus import Corpus
from ..datasets.mocap_views import View, mocap_views
from ..errors import InputError
from ..lifting.lifter import Lifter
from ..protocols.ambiguity import Ambiguity, ambiguity, asked_looks, by_view, training_looks
from ..protocols.measured import Measured, difference, interval
from ..protocols.origin import Origin
from ..protocols.report import Row, Table
from ..skeletons import HUMAN36M_17
from ..view.actions import ClassErrors, Example, save_action_bars, save_examples
from .pilot_gains import METRICS, Seeds, bands, fifths, figure, gap
from .pilot_report import grouped
from .pilot_results import BARE, FULL, SHOWN_SEED, Results
from .pilots import Pilot

BARS, POSES = "depth_by_action.png", "poses.png"
_LEFT, _RIGHT = (HUMAN36M_17.index(f"{side}_hip") for side in ("left", "right"))
#: Millimetres; the same neighbours with any action and with its own settle exactly nothing.
_SETTLED = (-10, -1, 1, 10)
_RULE = (
    "the views whose gain (mean over seeds) is largest, median and smallest, and of each the frame "
    "whose gain is its median; truth in grey"
)


@dataclass(frozen=True)
class Sight:
    """How hard each view (v) is to see, whatever the model.

    Args:
        ambiguity: spread in depth of what looks alike, metres.
        settled: how much nearer to the truth the median of what looks alike is among windows of
            the same action, metres; negative where it is farther, NaN without enough of them.
        error_2d: mean error of the noisy points, pixels.
        facing: ``towards the camera``, ``sideways`` or ``away``.
        camera: its name.
    """

    ambiguity: np.ndarray
    settled: np.ndarray
    error_2d: np.ndarray
    facing: np.ndarray
    camera: np.ndarray


def tables_by_view(results: Results, corpus: Corpus) -> list[Table]:
    """Gains of VPose + APM on noisy 2D by ambiguity, view and 2D error; empty without them.

    Args:
        results: the measurements.
        corpus: that they were made with.
    """
    if results.pair(FULL, BARE) is None:
        return []
    clips = clips_of(results.need(BARE), corpus)
    known = training_looks(corpus.clips("train"), "noisy")
    asked = asked_looks(clips, "noisy")
    found = ambiguity(known, asked)
    count = len(results.need(BARE).first.clip)
    spread, settled = (by_view(v, asked.view, count) for v in (found.spread, found.settled))
    sight = _sight(clips, spread, settled)
    lines = (
        ("ambiguity (mm)", "ambiguity of the view", fifths(1000 * sight.ambiguity)),
        (
            "settled (mm)",
            "what the action takes off the error of the neighbours' median",
            bands(1000 * sight.settled, _SETTLED),
        ),
        ("2D error (pixels)", "error of the 2D", fifths(sight.error_2d)),
        ("camera", "camera", _each(sight.camera)),
        ("body", "side of the body that is seen", _each(sight.facing)),
    )
    tables = [
        grouped(what, results, groups, f"VPose + APM by {title}, noisy 2D")
        for what, title, groups in lines
    ]
    return [neighbours_table(results, found, asked.view, count), *tables]


def _each(names: np.ndarray) -> list[tuple[str, np.ndarray]]:
    return [(str(name), names == name) for name in np.unique(names)]


def clips_of(seeds: Seeds, corpus: Corpus) -> list[LabelledClip]:
    """The clips of measurements, in their order.

    Raises:
        InputError: where the corpus has other ones.
    """
    named = {clip.clip_id: clip for clip in corpus.clips("test")}
    missing = [name for name in seeds.first.clips.tolist() if name not in named]
    if missing:
        raise InputError(
            f"clip {missing[0]!r} was measured, but is not in the test part of {corpus.folder}; "
            "give the corpus that was measured on"
        )
    return [named[name] for name in seeds.first.clips.tolist()]


def _sight(clips: Sequence[LabelledClip], spread: np.ndarray, settled: np.ndarray) -> Sight:
    pairs = zip(mocap_views(clips, "gt"), mocap_views(clips, "noisy"), strict=True)
    errors, facing, camera = [], [], []
    for exact, noisy in pairs:
        off = noisy.keypoints.xy - exact.keypoints.xy
        errors.append(float(np.linalg.norm(off, axis=-1).mean()))
        facing.append(facing_of(exact.truth))
        camera.append(exact.camera.name)
    return Sight(spread, settled, np.array(errors), np.array(facing), np.array(camera))


def facing_of(truth: np.ndarray) -> str:
    """Where the body looks in most frames, by the hips of (f, j, 3) joints in camera axes."""
    hips = truth[:, _LEFT] - truth[:, _RIGHT]
    angle = np.abs(np.degrees(np.arctan2(hips[:, 2], hips[:, 0])))
    middle = float(np.median(angle))
    if middle < 45:
        return "towards the camera"
    return "sideways" if middle < 135 else "away"


def neighbours_table(results: Results, found: Ambiguity, view: np.ndarray, count: int) -> Table:
    """What neighbours know of the depth, with any action and with that of the window itself.

    Args:
        results: the measurements, whose views are resampled.
        found: of the windows (n).
        view: (n) index of the view of each.
        count: of views.
    """
    first = results.need(BARE).first
    both = np.isfinite(found.settled)
    result = Measured(first.clip, first.frames, {}, first.right)

    def of_views(values: np.ndarray) -> np.ndarray:
        return by_view(np.where(both, values, np.nan), view, count)

    errors = {end: of_views(getattr(found, f"error{end}")) for end in ("", "_told")}
    rows = []
    for name, end, origin in (
        ("all training windows", "", Origin("none")),
        ("those of the same action", "_told", Origin("given")),
    ):
        each = {
            "spread in depth": of_views(getattr(found, f"spread{end}")),
            "D-MPJPE of their median": errors[end],
        }
        figures = {
            n: interval(result, values, "mm", len(first.clips)) for n, values in each.items()
        }
        if end:
            pair = (result, errors[end]), (result, errors[""])
            figures["D-MPJPE difference"] = difference(*pair, len(first.clips))
        rows.append(
            Row(name, {"2D": "noisy", "left out": f"{(~both).mean():.0%}"}, figures, origin)
        )
    title = (
        "The ten nearest training windows in 2D, each of another clip; windows of actions with "
        "fewer clips are left out"
    )
    return Table(title, rows, "neighbours")


def pictures(results: Results, corpus: Corpus, folder: Path) -> list[Path]:
    """Depth error by action, and example poses chosen by rule; none without VPose + APM."""
    both = results.pair(FULL, BARE)
    if both is None:
        return []
    prompted, bare = both
    of, label = METRICS["D-MPJPE"], bare.first.action
    bars = {}
    for name in results.classes:
        change = gap(prompted, bare, of, label == name)
        low, high = change.low or 0.0, change.high or 0.0
        alone = figure(bare, of, label == name).value
        bars[name] = ClassErrors(alone, alone + change.value, low, high)
    note = (
        f"VPose, 81 frames, noisy 2D, seed {', '.join(map(str, sorted(bare.found)))}; right: "
        "difference and its 95 % interval, bold where it excludes 0"
    )
    paths = [save_action_bars(bars, folder / BARS, "Depth error by action", note)] if bars else []
    examples = _examples(results, bare, prompted, corpus)
    title = "VPose alone and with APM, noisy 2D"
    return [*paths, save_examples(examples, folder / POSES, title, f"Chosen by rule: {_RULE}")]


def _examples(results: Results, bare: Seeds, prompted: Seeds, corpus: Corpus) -> list[Example]:
    """The views of the rule, lifted again by `SHOWN_SEED` of both."""
    gain = bare.mean(METRICS["MPJPE"]) - prompted.mean(METRICS["MPJPE"])
    order = np.argsort(gain, kind="stable")
    chosen = {"largest gain": order[-1], "median gain": order[len(order) // 2]}
    chosen["largest loss"] = order[0]
    lifters = [_lifter(results, row) for row in (BARE, FULL)]
    clips = clips_of(bare, corpus)
    examples = []
    for rule, number in chosen.items():
        view = _view(clips, int(bare.first.clip[number]), str(bare.first.camera[number]))
        examples.append(_example(f"{rule} ({1000 * gain[number]:+.1f} mm)", view, lifters))
    return examples


def _lifter(results: Results, row: str) -> Lifter:
    pilot = next(
        p for p in results.pilots if (p.experiment, p.source, p.seed) == (row, "noisy", SHOWN_SEED)
    )
    return Lifter.from_file(_weights(pilot, results.out), pilot.name)


def _weights(pilot: Pilot, out: Path) -> Path:
    return pilot.run(out).weights


def _view(clips: Sequence[LabelledClip], clip: int, camera: str) -> View:
    return next(v for v in mocap_views([clips[clip]], "noisy") if v.camera.name == camera)


def _example(rule: str, view: View, lifters: Sequence[Lifter]) -> Example:
    bare, prompted = (lifter.lift(view.keypoints, view.camera) for lifter in lifters)
    errors = [
        np.linalg.norm(motion.joints - view.truth, axis=-1).mean(axis=1)
        for motion in (bare, prompted)
    ]
    gain = errors[0] - errors[1]
    frame = int(np.argsort(gain, kind="stable")[len(gain) // 2])
    named = "" if prompted.action is None else f", named {words_of(prompted.action.label)}"
    caption = (
        f"{rule}: {words_of(view.clip.action)}{named}; clip {view.clip.clip_id}, frame {frame}"
    )
    joints = (bare.joints[frame], prompted.joints[frame], view.truth[frame])
    one, points = slice(frame, frame + 1), view.keypoints
    shown = points.replaced(xy=points.xy[one], confidence=points.confidence[one])
    return Example(caption, shown, *joints, HUMAN36M_17)
