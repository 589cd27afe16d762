"""Lifting a recording the way a paper's evaluation does: windows, root, unit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..conversions import conversion
from ..datasets.recordings import Recording
from ..errors import InputError
from ..lifting.lifter import Lifter, LiftOptions
from ..methods.base import Guidance, Precision
from ..skeletons import Skeleton, get_skeleton
from ..tracks import Keypoints, Motion
from .card import action_of
from .scores import Piece
from .spec import ProtocolSpec, Windows


@dataclass(frozen=True, eq=False)
class Cut:
    """One window: the frames that the network sees, of which the first `kept` are answers."""

    frames: np.ndarray
    kept: int


def cut(frames: int, length: int | None, windows: Windows) -> list[Cut]:
    """The windows of a video.

    Args:
        frames: of the video.
        length: of the network's window; None for a network that takes any number of frames.
        windows: how they lie, see `langlift.protocols.spec.Windows`.
    """
    if windows == "track" or length is None:
        return [Cut(np.arange(frames), frames)]
    if frames <= length:
        return [Cut(np.minimum(np.arange(length), frames - 1), frames)]
    starts = list(range(0, frames - length + 1, length))
    if starts[-1] + length < frames:
        starts.append(frames - length)
    return [Cut(np.arange(start, start + length), length) for start in starts]


@dataclass(frozen=True, eq=False)
class Lifted:
    """A recording's prediction beside its truth.

    Args:
        pieces: a prediction for each window, or one.
        label: the action that the model names, None for a model that names none or was told.
        notes: what was approximated.
    """

    pieces: Sequence[Piece]
    label: str | None
    notes: tuple[str, ...]


def lift_recording(
    lifter: Lifter, recording: Recording, spec: ProtocolSpec, precision: Precision = "fp32"
) -> Lifted:
    """Lift a recording and put the truth beside it, as a protocol has it.

    Raises:
        InputError: for keypoints that cannot be lifted, a truth that cannot be converted, or a
            prediction that is not finite; the message names the recording.
    """
    try:
        return _lift(lifter, recording, spec, precision)
    except InputError as error:
        raise InputError(f"recording {recording.name!r}: {error}") from error


def _lift(lifter: Lifter, recording: Recording, spec: ProtocolSpec, precision: Precision) -> Lifted:
    skeleton = compared(spec, lifter)
    truth, notes = _truth(recording, skeleton)
    points = recording.keypoints.converted(lifter.bundle.skeleton)
    _check_rate(lifter, points, spec)
    own_unit = spec.own_unit and lifter.bundle.unit == "screen"
    if own_unit and recording.metres_per_unit is None:
        raise InputError(
            "the data do not say how many metres one of the network's units is; evaluate a model "
            "that gives metres"
        )
    # The root is dealt with below, in double precision.
    options = LiftOptions(flip=spec.flip, precision=precision, center=False, sized=not own_unit)
    told = _told(lifter, recording, spec)
    cuts = cut(len(recording), lifter.network.config.window, spec.windows)
    motions = [
        (cuts[n : n + count], lifter.lift(track, recording.lens, options, guidance=told))
        for n, count, track in _tracks(lifter, points, cuts)
    ]
    counted = recording.counted.astype(float)
    if spec.windows == "averaged":
        times = Counter(f for c in cuts for f in c.frames[: c.kept].tolist())
        counted = counted / np.array([times[f] for f in range(len(recording))])
    pieces = []
    for group, motion in motions:
        start = 0
        for each in group:
            frames = each.frames[: each.kept]
            joints = motion.joints[start : start + each.kept].astype(np.float64)
            start += len(each.frames)
            if own_unit and recording.metres_per_unit is not None:
                joints = joints * recording.metres_per_unit[frames][:, None, None]
            joints = _rooted(joints, spec, skeleton)
            if not np.isfinite(joints).all():
                raise InputError("the model's answer is not finite; fetch or train it again")
            labels = recording.labels[frames]
            pieces.append(Piece(joints, truth[frames], counted[frames], labels))
    said = [*notes, *_approximations(motions[0][1], points)]
    named = None if told is not None else _named([motion for _, motion in motions])
    return Lifted(pieces, named, tuple(said))


def _told(lifter: Lifter, recording: Recording, spec: ProtocolSpec) -> Guidance | None:
    """The true action of a recording, for a model that is told it.

    Raises:
        InputError: unless the recording has one action, which the model knows.
    """
    if action_of(lifter, spec) != "given":
        return None
    labels = sorted({str(label) for label in recording.labels})
    if len(labels) != 1 or not labels[0]:
        has = f"the actions {', '.join(map(repr, labels))}" if len(labels) > 1 else "no action"
        raise InputError(
            f"its frames have {has}, and one is given for a recording; evaluate it with --action "
            "predicted"
        )
    return Guidance("label", labels[0], "oracle")


def compared(spec: ProtocolSpec, lifter: Lifter) -> Skeleton:
    """The joints that a protocol compares of this model."""
    return get_skeleton(spec.skeleton) if spec.skeleton else lifter.bundle.skeleton


def _truth(recording: Recording, skeleton: Skeleton) -> tuple[np.ndarray, list[str]]:
    """(f, j, 3) metres relative to the root, float64, zero where a frame does not count."""
    joints, notes = recording.joints.astype(np.float64), []
    if recording.skeleton != skeleton:
        rule = conversion(recording.skeleton, skeleton)
        if rule.missing:
            raise InputError(
                f"its 3D joints are those of {recording.skeleton.name}, which give no "
                f"{', '.join(rule.missing)}; evaluate a model of {recording.skeleton.name}"
            )
        joints = rule.apply(joints)
        notes = [f"3D from {recording.skeleton.name}: {note}" for note in rule.notes]
    root = skeleton.root_index
    relative = joints - joints[:, root : root + 1]
    return np.where(recording.counted[:, None, None], relative, 0.0), notes


def _check_rate(lifter: Lifter, points: Keypoints, spec: ProtocolSpec) -> None:
    if spec.windows != "track" and points.fps != lifter.bundle.fps:
        raise InputError(
            f"it has {points.fps:g} frames per second and the model is for {lifter.bundle.fps:g}, "
            "so its windows cannot be cut before it is resampled; use --windows track"
        )


def _tracks(
    lifter: Lifter, points: Keypoints, cuts: Sequence[Cut]
) -> list[tuple[int, int, Keypoints]]:
    """The tracks to lift: first window, number of windows, their keypoints.

    Where features are made of each frame alone, the windows go one after the other as one track,
    which the lifter cuts at the same places and lifts together; otherwise each goes by itself.
    """
    if len(cuts) == 1 and len(cuts[0].frames) == len(points):
        return [(0, 1, points)]
    if lifter.bundle.features.kind == "screen" and points.seen.all():
        return [(0, len(cuts), _taken(points, np.concatenate([c.frames for c in cuts])))]
    return [(n, 1, _taken(points, c.frames)) for n, c in enumerate(cuts)]


def _taken(points: Keypoints, frames: np.ndarray) -> Keypoints:
    return points.replaced(xy=points.xy[frames], confidence=points.confidence[frames])


def _rooted(joints: np.ndarray, spec: ProtocolSpec, skeleton: Skeleton) -> np.ndarray:
    """(f, j, 3) with the predicted root by the protocol's rule."""
    root = skeleton.root_index
    if spec.root == "zero":
        joints[:, root] = 0.0
    return joints - joints[:, root : root + 1] if spec.root == "subtract" else joints


def _named(motions: Sequence[Motion]) -> str | None:
    """The most probable action over all windows, None where the model names none."""
    estimates = [(len(m), m.action) for m in motions if m.action is not None]
    if not estimates:
        return None
    odds = np.sum([frames * action.mean for frames, action in estimates], axis=0)
    return estimates[0][1].labels[int(odds.argmax())]


def _approximations(motion: Motion, points: Keypoints) -> list[str]:
    """What the lifter had to assume, as its provenance tells."""
    said = []
    if source := points.provenance.get("converted_from"):
        said += [f"2D from {source}: {n}" for n in points.provenance["conversion_notes"]]
    if "scale" in motion.provenance:
        said.append(f"size {motion.provenance['scale']}")
    if motion.provenance["model_fps"] != motion.provenance["input_fps"]:
        said.append(
            f"{points.fps:g} frames per second, resampled to the model's "
            f"{motion.provenance['model_fps']:g} and back"
        )
    return said
