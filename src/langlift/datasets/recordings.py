"""Recordings: what a camera saw of a person, with the truth in 3D, as datasets hold it.

A `LabelledClip` is motion in the world, which cameras of ours film. A `Recording` is the other
kind of data, that of the papers: 2D of a real camera (by hand, by a detector or by projection)
beside the 3D that a motion capture system measured at the same time.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np

from ..errors import InputError, check_shape, unknown
from ..formats.files import check_exists, naming
from ..geometry.cameras import Camera
from ..skeletons import Skeleton
from ..tracks import Keypoints

#: The part of a dataset that a network learns from, that chooses between networks, that measures.
PARTS = ("train", "val", "test")
#: How far the 2D of a video may go on after its 3D: frames, and share of the 3D.
_SPARE_FRAMES, _SPARE_SHARE = 10, 0.05


@dataclass(frozen=True, eq=False)
class Recording:
    """One person in one camera's video.

    Args:
        name: unique within the dataset, such as ``S9/Walking 1/54138969``.
        subject: who moves, as the dataset names its subjects.
        action: class label, such as ``Walking``; empty where the dataset has none.
        keypoints: the 2D (f, j, 2), in the convention that it was detected in.
        joints: (f, j, 3) metres, camera axes (x right, y down, z forward); the root carries where
            the person is where `placed`, and is at zero otherwise. NaN only in frames that are
            not `scored`.
        skeleton: of `joints`.
        camera: name of the camera.
        lens: the camera, None where the dataset has no intrinsics.
        placed: whether the root's place in front of the camera is known.
        metric: whether the size of the body is known; where not, `joints` are in metres of a body
            of assumed size.
        scored: (f,) frames that an evaluation counts; None for all.
        frame_actions: (f,) class label of each frame, None where `action` is that of all.
        metres_per_unit: (f,) for networks whose unit is ``screen`` (half the image's width): how
            many metres one is in each frame; None where a dataset does not say.

    Raises:
        InputError: for arrays that do not belong together, or joints that are not finite where
            they count.
    """

    name: str
    subject: str
    action: str
    keypoints: Keypoints
    joints: np.ndarray
    skeleton: Skeleton
    camera: str = ""
    lens: Camera | None = None
    placed: bool = True
    metric: bool = True
    scored: np.ndarray | None = None
    frame_actions: np.ndarray | None = None
    metres_per_unit: np.ndarray | None = None

    def __post_init__(self) -> None:
        frames = len(self.keypoints)
        got = check_shape(self.joints, f"f {len(self.skeleton)} 3", f"3D joints of {self.name!r}")
        if got["f"] != frames:
            raise InputError(
                f"recording {self.name!r} has {frames} frames of 2D but {got['f']} of 3D; both "
                "must be of the same video"
            )
        for what in ("scored", "frame_actions", "metres_per_unit"):
            value = getattr(self, what)
            if value is not None:
                check_shape(value, f"{frames}", f"{what} of {self.name!r}")
        if not np.isfinite(self.joints[self.counted]).all():
            raise InputError(
                f"recording {self.name!r} has NaN or infinite 3D joints in frames that count; the "
                "file is damaged, or these frames must be marked as not scored"
            )

    def __len__(self) -> int:
        return len(self.joints)

    @property
    def counted(self) -> np.ndarray:
        """(f,) True where a frame counts."""
        return np.ones(len(self), dtype=bool) if self.scored is None else self.scored

    @property
    def relative(self) -> np.ndarray:
        """(f, j, 3) joints relative to the root, metres, camera axes."""
        root = self.skeleton.root_index
        return self.joints - self.joints[:, root : root + 1]

    @property
    def labels(self) -> np.ndarray:
        """(f,) class label of each frame."""
        if self.frame_actions is not None:
            return self.frame_actions
        return np.full(len(self), self.action)


@dataclass(frozen=True)
class Entry:
    """One recording as the files list it, before anything is decoded or refused.

    Args:
        name: that of the `Recording`.
        subject: who moves.
        key: the file's own name of the sequence, such as ``Walking 1``; all its cameras share it.
        action: class label.
        camera: name of the camera.
        frames_3d: frames of 3D; None where there is none for this 2D.
        frames_2d: frames of 2D by source; a source without this recording is absent.
    """

    name: str
    subject: str
    key: str
    action: str
    camera: str
    frames_3d: int | None
    frames_2d: Mapping[str, int] = field(default_factory=dict)


class RecordedDataset(ABC):
    """A dataset that its user owns, opened where it lies; nothing is decoded until it is asked for.

    A subclass checks at once what can be checked without reading it all, and says what there is
    (`_listed`) and how one recording is read (`_read`).

    Args:
        path: where the files are.

    Raises:
        InputError: where there is nothing, or an empty file.
    """

    #: Its name in `DATASETS`.
    name: ClassVar[str]
    #: Joints of the 3D.
    skeleton: Skeleton
    #: Frames per second of its recordings.
    fps: float
    #: Where the files are.
    path: Path
    #: Subjects by part (`PARTS`) where the files themselves say who is for what.
    parts: Mapping[str, Sequence[str]] = MappingProxyType({})

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        with naming(self.path):
            check_exists(self.path)

    @abstractmethod
    def sources(self) -> tuple[str, ...]:
        """The kinds of 2D that the files hold, such as ``gt`` or ``cpn_ft_h36m_dbb``."""

    @property
    def subjects(self) -> tuple[str, ...]:
        """Subjects in the files, in their order; no 2D is read for it."""
        return tuple(dict.fromkeys(entry.subject for entry in self._listed((), None)))

    def entries(
        self, source: str | None = None, subjects: Sequence[str] | None = None
    ) -> Sequence[Entry]:
        """Every recording in the files, in their order, faults included.

        Args:
            source: the only one whose 2D is looked at and counted; all if None.
            subjects: only theirs; all if None.

        Raises:
            InputError: for an unknown source or subject.
        """
        if source is not None and source not in self.sources():
            raise unknown("2D source", source, self.sources())
        sources = self.sources() if source is None else (source,)
        listed = self._listed(sources, subjects)
        known = dict.fromkeys(entry.subject for entry in listed)
        for subject in subjects or ():
            if subject not in known:
                raise unknown("subject", subject, known)
        return [
            replace(e, frames_2d={s: e.frames_2d[s] for s in sources if s in e.frames_2d})
            for e in listed
            if subjects is None or e.subject in subjects
        ]

    def recordings(
        self,
        source: str,
        subjects: Sequence[str] | None = None,
        actions: Sequence[str] | None = None,
    ) -> Iterator[Recording]:
        """The recordings with 2D of one source, one after the other, in the files' order.

        Args:
            source: one of `sources`.
            subjects: only theirs; all if None.
            actions: only these class labels; all if None.

        Raises:
            InputError: at once for an unknown source, subject or class label; and for a recording
                whose 2D and 3D do not belong together: the message names it and the remedy.
        """
        listed = self.entries(source, subjects)
        if actions is not None:
            self._check_actions(actions, listed)
            listed = [entry for entry in listed if entry.action in actions]
        return self._each(listed, source)

    def expected(self) -> Mapping[str, Sequence[str]]:
        """Keys of the recordings that a whole copy holds, by subject; empty where any will do."""
        return {}

    def facts(self, sources: Sequence[str] | None = None) -> dict[str, Any]:
        """What a report says of the data: name, ``files`` (a list), choices such as the labels.

        Args:
            sources: files of 2D of other sources are not named; all are if None.
        """
        return {"data": self.name, "files": [self.path.name]}

    @abstractmethod
    def _listed(self, sources: Sequence[str], subjects: Sequence[str] | None) -> Sequence[Entry]:
        """Every recording with its 2D of these sources; those of other subjects may be there too.

        Files of other sources, and of other subjects where each has its own, stay closed.
        """

    @abstractmethod
    def _read(self, entry: Entry, source: str) -> Recording | None:
        """One of `entries`; None where it has nothing of this source, and need not have.

        Raises:
            InputError: where it should have, or is damaged; the message names the file.
        """

    def _check_actions(self, actions: Sequence[str], listed: Sequence[Entry]) -> None:
        """Raise `InputError` for a class label that none of these recordings has."""
        known = dict.fromkeys(entry.action for entry in listed)
        for action in actions:
            if action not in known:
                raise unknown("action", action, known)

    def _each(self, listed: Sequence[Entry], source: str) -> Iterator[Recording]:
        for entry in listed:
            # A number of a damaged file that is too large becomes infinite, which is refused.
            with np.errstate(over="ignore", invalid="ignore"):
                recording = self._read(entry, source)
            if recording is not None:
                yield recording
            del recording  # or two are in memory while the next one is read

    def _about(self, entry: Entry, source: str) -> dict[str, Any]:
        """Provenance of a recording's 2D."""
        return {"data": self.name, "source": source, "recording": entry.name}


def spare_frames(frames: int) -> int:
    """By how many frames the 2D of a video may be longer than its 3D, which has `frames`.

    A detector looks at every frame of a video, of which the last ones may have no truth. More than
    that are those of a truth that is not whole.
    """
    return max(_SPARE_FRAMES, int(_SPARE_SHARE * frames))


_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class LastRead(Generic[_Key, _Value]):
    """Reads files and keeps the last one, which goes before the next one comes.

    Args:
        read: what makes the content of a file, or part of the data, from its name.
    """

    def __init__(self, read: Callable[[_Key], _Value]) -> None:
        self._read = read
        self._last: dict[_Key, _Value] = {}

    def __call__(self, key: _Key) -> _Value:
        """The content of that name."""
        if key not in self._last:
            self._last.clear()
            self._last[key] = self._read(key)
        return self._last[key]
