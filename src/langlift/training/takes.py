"""Takes: recordings as a network is trained on them, and as little of them as that needs.

A recording is turned into screen coordinates and targets once, exactly as the Lifter will encode
it, in single precision: the training set of Human3.6M is half a gigabyte so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..actions import ActionVocabulary
from ..datasets.recordings import Recording
from ..errors import InputError
from ..geometry.cameras import Camera
from ..lifting.bundle import Unit
from ..lifting.features import FeatureConfig
from ..lifting.lifter import encode
from ..skeletons import Skeleton


@dataclass(frozen=True, eq=False)
class Take:
    """An uninterrupted piece of a recording.

    Args:
        name: the recording's, with the frames where it is not the whole of it.
        subject: who moves.
        action: class label, empty for none.
        screen: (f, j, 2) float32 screen coordinates, joints that were not seen filled in.
        joints: (f, j, 3) float32 targets relative to the root, in camera axes.
        skeleton: of both.
        confidence: (f, j) float32, 0 where a joint was filled in; None where all are certain or no
            network asks.
        frame_actions: (f) class label of each frame, None where `action` is that of all.
    """

    name: str
    subject: str
    action: str
    screen: np.ndarray
    joints: np.ndarray
    skeleton: Skeleton
    confidence: np.ndarray | None = None
    frame_actions: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.joints)


def takes_of(
    recording: Recording, features: FeatureConfig, unit: Unit = "m", confidence: bool = False
) -> Iterator[Take]:
    """The takes of a recording: its runs of frames that count, without those between them.

    2D in another convention than the 3D is converted by joint names, as the Lifter does. A run in
    which no joint was ever seen shows nothing and is left out.

    Args:
        recording: 2D and 3D.
        features: of the kind ``screen``; says how gaps are filled.
        unit: of the targets: ``m``, or ``screen`` by the recording's `metres_per_unit`.
        confidence: keep that of the 2D joints.

    Raises:
        InputError: when the recording does not say how many metres its unit is, or its 2D gives no
            joint of its 3D.
    """
    points = recording.keypoints.converted(recording.skeleton)
    targets = recording.relative
    if unit == "screen":
        targets = targets / metres_per_unit(recording)[:, None, None]
    for first, stop in _runs(recording.counted):
        part = slice(first, stop)
        if not points.seen[part].any():
            continue
        screen, _ = encode(
            points.xy[part],
            points.seen[part],
            np.arange(stop - first),
            Camera.assumed(points.image_size),  # of which screen features want the image's size
            features,
            recording.skeleton,
        )
        whole = stop - first == len(recording)
        labels = recording.frame_actions
        yield Take(
            name=recording.name if whole else f"{recording.name} [{first}:{stop}]",
            subject=recording.subject,
            action=recording.action,
            screen=screen,
            joints=targets[part].astype(np.float32),
            skeleton=recording.skeleton,
            confidence=points.confidence[part].astype(np.float32) if confidence else None,
            frame_actions=None if labels is None else labels[part],
        )


def frame_classes(take: Take, actions: ActionVocabulary) -> np.ndarray:
    """(f) class index of every frame, -1 where it has no label or one outside the vocabulary."""
    known = {label: k for k, label in enumerate(actions.labels)}
    if take.frame_actions is None:
        return np.full(len(take), known.get(take.action, -1))
    return np.array([known.get(str(label), -1) for label in take.frame_actions])


def check_takes(material: Sequence[object]) -> list[Take]:
    """The material of a run on recordings.

    Raises:
        InputError: when there is none, it is something else, or of several skeletons.
    """
    takes = [take for take in material if isinstance(take, Take)]
    if len(takes) < len(material):
        raise InputError(
            "cameras is 'recorded', but the training data are clips of motion, which have no 2D; "
            "give takes of recordings, or other cameras"
        )
    if not takes:
        raise InputError(
            "there are no training recordings; check the dataset, its 2D source and the subjects"
        )
    for take in takes:
        if take.skeleton != takes[0].skeleton:
            raise InputError(
                f"take {take.name!r} has the skeleton {take.skeleton.name} and {takes[0].name!r} "
                f"{takes[0].skeleton.name}; a network is trained on one"
            )
    return takes


def _runs(counted: np.ndarray) -> list[tuple[int, int]]:
    """First and one past the last frame of every run of frames that count."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], counted.astype(int), [0]])))
    return [(int(first), int(stop)) for first, stop in edges.reshape(-1, 2)]


def metres_per_unit(recording: Recording) -> np.ndarray:
    """(f) `Recording.metres_per_unit`.

    Raises:
        InputError: when the recording does not say it for a frame that counts.
    """
    metres = recording.metres_per_unit
    counted = recording.counted
    if metres is None or not (np.isfinite(metres[counted]) & (metres[counted] > 0)).all():
        raise InputError(
            f"recording {recording.name!r} does not say how many metres a unit of the image is, "
            "which targets in that unit need; choose a protocol in metres"
        )
    return metres
