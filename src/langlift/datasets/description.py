"""How much there is of each subject and action, and which poses each action is made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any

import numpy as np

from ..errors import InputError
from ..geometry.rotations import quaternion_to_matrix
from ..skeletons import HUMAN36M_17, Skeleton
from .clips import LabelledClip
from .recordings import Recording

#: Poses that are kept of a recording, evenly spaced, and of an action for the picture.
_OF_RECORDING, _OF_ACTION = 24, 2400
_UPRIGHT = (1.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Amount:
    """How much there is of one subject doing one action.

    Args:
        subject: who.
        action: class label, empty where there is none.
        recordings: videos that show it, each camera by itself, or clips.
        frames: of it in all of them.
        minutes: of these frames.
    """

    subject: str
    action: str
    recordings: int
    frames: int
    minutes: float


@dataclass(frozen=True, eq=False)
class ActionPoses:
    """A sample of the poses of an action.

    Args:
        action: class label.
        poses: (n, j, 3) metres to the person's left, back and up, relative to the root: everybody
            faces the same way.
        recordings: how many there are of the action.
        frames: how many there are of the action.
    """

    action: str
    poses: np.ndarray
    recordings: int
    frames: int

    @property
    def mean(self) -> np.ndarray:
        """(j, 3) the mean pose."""
        return self.poses.mean(axis=0)

    @property
    def typical(self) -> np.ndarray:
        """(j, 3) the pose of the sample that is next to the mean: one that a body can take."""
        off = ((self.poses - self.mean) ** 2).sum(axis=(1, 2))
        return self.poses[int(off.argmin())]

    @property
    def spread(self) -> float:
        """Root mean square distance of the joints from the mean pose, metres; the root is out."""
        off = ((self.poses - self.mean) ** 2).sum(axis=-1).mean(axis=0)
        return float(np.sqrt(off.sum() / max(len(off) - 1, 1)))


@dataclass(frozen=True, eq=False)
class Description:
    """What a dataset consists of.

    Args:
        skeleton: of the poses.
        amounts: by subject and action, in the order of the data.
        actions: the poses of each action, in the order of the data.
    """

    skeleton: Skeleton
    amounts: tuple[Amount, ...]
    actions: tuple[ActionPoses, ...]

    def total(self, **of: str) -> Amount:
        """The sum over all amounts, or those of one ``subject`` or ``action``."""
        those = [a for a in self.amounts if all(getattr(a, k) == v for k, v in of.items())]
        return Amount(
            of.get("subject", ""),
            of.get("action", ""),
            sum(a.recordings for a in those),
            sum(a.frames for a in those),
            sum(a.minutes for a in those),
        )

    @property
    def subjects(self) -> tuple[str, ...]:
        """Who there is."""
        return tuple(dict.fromkeys(a.subject for a in self.amounts))

    def content(self) -> dict[str, Any]:
        """The amounts and the spread of each action as plain values, for JSON."""
        return {
            "amounts": [asdict(amount) for amount in self.amounts],
            "actions": [
                {
                    "action": each.action,
                    "recordings": each.recordings,
                    "frames": each.frames,
                    "spread_mm": round(1000 * each.spread, 2),
                }
                for each in self.actions
            ],
        }


@dataclass(frozen=True, eq=False)
class _Item:
    subject: str
    action: str
    frames: int
    fps: float
    upright: np.ndarray
    skeleton: Skeleton


def describe(items: Iterable[LabelledClip | Recording]) -> Description:
    """Count clips or recordings and sample their poses.

    Args:
        items: all of one skeleton; read one after the other, none is kept.

    Raises:
        InputError: when there are none.
    """
    counts: dict[tuple[str, str], list[tuple[int, float]]] = {}
    poses: dict[str, list[np.ndarray]] = {}
    skeleton = None
    for item in chain.from_iterable(map(_items, items)):
        skeleton = item.skeleton
        counts.setdefault((item.subject, item.action), []).append((item.frames, item.fps))
        found = poses.setdefault(item.action, [])
        if len(item.upright):
            found.append(facing(item.upright, item.skeleton))
    if skeleton is None:
        raise InputError("there are no recordings; choose other subjects, sources or parts")
    amounts = [
        Amount(subject, action, len(c), sum(f for f, _ in c), sum(f / r for f, r in c) / 60)
        for (subject, action), c in counts.items()
    ]
    return Description(skeleton, tuple(amounts), tuple(_actions(amounts, poses)))


def _actions(amounts: list[Amount], poses: dict[str, list[np.ndarray]]) -> Iterator[ActionPoses]:
    for action, found in poses.items():
        if found:
            those = [a for a in amounts if a.action == action]
            every = np.concatenate(found)
            kept = np.unique(np.linspace(0, len(every) - 1, _OF_ACTION).round().astype(int))
            yield ActionPoses(
                action,
                every[kept],
                sum(a.recordings for a in those),
                sum(a.frames for a in those),
            )


def _items(of: LabelledClip | Recording) -> Iterator[_Item]:
    """What counts of a clip or a recording, one item for each action; poses upright, metres."""
    if isinstance(of, LabelledClip):
        at = _some(np.arange(len(of)))
        yield _Item(of.subject, of.action, len(of), of.fps, of.joints[at], HUMAN36M_17)
        return
    labels = of.labels
    for action in dict.fromkeys(labels.tolist()):
        those = labels == action
        at = _some(np.flatnonzero(those & of.counted))
        frames, fps = int(those.sum()), of.keypoints.fps
        yield _Item(of.subject, str(action), frames, fps, upright(of, at), of.skeleton)


def _some(frames: np.ndarray) -> np.ndarray:
    if not len(frames):
        return frames
    at = np.linspace(0, len(frames) - 1, min(len(frames), _OF_RECORDING))
    return frames[at.round().astype(int)]


def upright(recording: Recording, frames: np.ndarray) -> np.ndarray:
    """(n, j, 3) joints relative to the root, metres, z up.

    Up is the world's where the dataset says how its camera stands, else the image's.
    """
    joints = recording.relative[frames].astype(np.float64)
    if recording.lens is not None and recording.lens.orientation != _UPRIGHT:
        return joints @ quaternion_to_matrix(recording.lens.orientation).T
    x, y, z = np.moveaxis(joints, -1, 0)
    return np.stack([x, z, -y], axis=-1)


def facing(joints: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Poses (n, j, 3), z up, relative to the root and turned about the vertical to face one way.

    Returns:
        (n, j, 3) metres to the person's left, back and up.
    """
    root = skeleton.root_index
    relative = joints - joints[:, root : root + 1]
    across = relative[:, skeleton.index("left_hip")] - relative[:, skeleton.index("right_hip")]
    length = np.maximum(np.linalg.norm(across[:, :2], axis=-1), 1e-9)[:, None]
    cos, sin = (across[:, :2] / length).T[..., None]
    x, y, z = np.moveaxis(relative, -1, 0)
    return np.stack([cos * x + sin * y, cos * y - sin * x, z], axis=-1)
