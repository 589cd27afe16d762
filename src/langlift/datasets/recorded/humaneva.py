"""HumanEva-I in VideoPose3D's layout: 15 joints, three cameras without intrinsics, 60 Hz.

The 3D is in the world, metres; the extrinsics take it to the space of each camera, so depth is
known but nothing can be projected. Videos are cut into chunks in which motion capture was valid.
Source: Sigal et al., IJCV 2010; layout of Pavllo et al., CVPR 2019.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ...errors import InputError
from ...formats.files import naming
from ...formats.npz_arrays import array_names
from ...geometry.humaneva import CAMERAS, IMAGE_SIZE, humaneva_to_camera
from ...skeletons import COCO_17, HUMANEVA_15, Skeleton
from ...tracks import Keypoints
from ..recordings import Entry, RecordedDataset, Recording
from .npz_pairs import check_asked
from .pickled import load_objects
from .plain_objects import check_unit, dictionary, frames_of, member, numbers

_FILE_3D = "data_3d_humaneva15.npz"
_FILES_2D = "data_2d_humaneva15_"
_UNLABELED = "Unlabeled/"
#: Conventions of the 2D by its number of joints; detectors give those of COCO.
_SKELETONS = {15: HUMANEVA_15, 17: COCO_17}


class HumanEva(RecordedDataset):
    """A folder with ``data_3d_humaneva15.npz`` and ``data_2d_humaneva15_<source>.npz``.

    Subjects are called as in the files, subset first (``Validate/S1``). Videos of ``Unlabeled/``
    subjects have no class label, and those without 3D give no recording.

    Args:
        path: the folder.

    Raises:
        InputError: when a file is not there, or is no whole npz of this layout.
    """

    name: ClassVar[str] = "humaneva"
    skeleton = HUMANEVA_15
    fps = 60.0

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._truth: dict[str, dict[str, Any]] | None = None
        self._seen: dict[str, dict[str, Any]] = {}
        self._conventions: dict[str, Skeleton] = {}
        self._entries: tuple[Entry, ...] | None = None
        _check_holds(self.path / _FILE_3D, "positions_3d")
        self._files = {
            file.stem.removeprefix(_FILES_2D): file
            for file in sorted(self.path.glob(f"{_FILES_2D}*.npz"))
        }
        if not self._files:
            raise InputError(
                f"{self.path} holds no {_FILES_2D}*.npz; put the 2D, such as {_FILES_2D}gt.npz, "
                f"beside {_FILE_3D}"
            )
        for file in self._files.values():
            _check_holds(file, "positions_2d")

    def sources(self) -> tuple[str, ...]:
        """What follows ``data_2d_humaneva15_`` in the files' names."""
        return tuple(self._files)

    def entries(self) -> Sequence[Entry]:
        """Every chunk in every camera; Unlabeled subjects included."""
        if self._entries is None:
            keys = {s: dict.fromkeys(videos) for s, videos in self._positions().items()}
            for source in self._files:
                for subject, videos in self._keypoints(source).items():
                    keys.setdefault(subject, {}).update(dict.fromkeys(videos))
            self._entries = tuple(
                self._entry(subject, key, camera)
                for subject, videos in keys.items()
                for key in videos
                for camera in CAMERAS
            )
        return self._entries

    def recordings(
        self,
        source: str,
        subjects: Sequence[str] | None = None,
        actions: Sequence[str] | None = None,
    ) -> Iterator[Recording]:
        """The chunks with 2D of one source, camera after camera; see `RecordedDataset`."""
        check_asked(self, source, subjects, actions)
        for entry in self.entries():
            wanted = subjects is None or entry.subject in subjects
            wanted = wanted and (actions is None or entry.action in actions)
            idle = source not in entry.frames_2d or entry.subject.startswith(_UNLABELED)
            if wanted and not (idle and entry.frames_3d is None):
                yield self._recording(entry, source)

    def facts(self) -> dict[str, Any]:
        """The name and the files."""
        return {"data": self.name, "files": [_FILE_3D, *(f.name for f in self._files.values())]}

    def _positions(self) -> dict[str, dict[str, Any]]:
        """World joints by subject and key, as in the file."""
        if self._truth is None:
            file = self.path / _FILE_3D
            stored = load_objects(file, ["positions_3d"])["positions_3d"]
            with naming(file):
                self._truth = _by_subject(stored, "positions_3d")
        return self._truth

    def _keypoints(self, source: str) -> dict[str, dict[str, Any]]:
        """Lists of the cameras' 2D by subject and key, as in the file."""
        if source not in self._seen:
            file = self._files[source]
            stored = load_objects(file, ["positions_2d", "metadata"])
            with naming(file):
                self._conventions[source] = _convention(stored["metadata"])
                self._seen[source] = _by_subject(stored["positions_2d"], "positions_2d")
        return self._seen[source]

    def _entry(self, subject: str, key: str, camera: str) -> Entry:
        counts = {}
        for source in self._files:
            views = self._keypoints(source).get(subject, {}).get(key)
            index = CAMERAS.index(camera)
            if isinstance(views, list | tuple) and index < len(views):
                counts[source] = frames_of(views[index])
        return Entry(
            name=f"{subject}/{key}/{camera}",
            subject=subject,
            key=key,
            action="" if subject.startswith(_UNLABELED) else key.split(" ")[0],
            camera=camera,
            frames_3d=frames_of(self._positions().get(subject, {}).get(key)),
            frames_2d={source: count for source, count in counts.items() if count is not None},
        )

    def _recording(self, entry: Entry, source: str) -> Recording:
        with naming(self._files[source]):
            xy = self._views(entry, source)[CAMERAS.index(entry.camera)]
        with naming(self.path / _FILE_3D):
            world = self._world(entry)
        if len(xy) < len(world):
            raise InputError(
                f"{self._files[source]}: {entry.name!r} has {len(xy)} frames of 2D but "
                f"{len(world)} of 3D; 2D must not end before the 3D: the files are of two "
                "versions or one is damaged, fetch both again"
            )
        with naming(f"{self._files[source]}: {entry.name}"):
            keypoints = Keypoints(
                xy[: len(world)],
                self._conventions[source],
                self.fps,
                IMAGE_SIZE,
                provenance={"dataset": self.name, "source": source, "recording": entry.name},
            )
        return Recording(
            name=entry.name,
            subject=entry.subject,
            action=entry.action,
            keypoints=keypoints,
            joints=humaneva_to_camera(world, entry.subject, entry.camera).astype(np.float32),
            skeleton=self.skeleton,
            camera=entry.camera,
        )

    def _views(self, entry: Entry, source: str) -> list[np.ndarray]:
        """The 2D of all cameras, (f, j, 2) pixels each."""
        views = self._keypoints(source).get(entry.subject, {}).get(entry.key)
        if views is None:
            raise InputError(
                f"there is no 2D of {entry.subject} {entry.key!r}, of which there is 3D; the 2D is "
                f"of another version or half a download: fetch it again beside {_FILE_3D}"
            )
        if not isinstance(views, list | tuple) or len(views) != len(CAMERAS):
            count = len(views) if isinstance(views, list | tuple) else "no list of"
            raise InputError(
                f"{entry.subject} {entry.key!r} has {count} cameras; it must have "
                f"{len(CAMERAS)} ({', '.join(CAMERAS)}): give VideoPose3D's file"
            )
        shape = f"f {len(self._conventions[source])} 2"
        return [numbers(view, shape, f"2D of {entry.name!r}") for view in views]

    def _world(self, entry: Entry) -> np.ndarray:
        """(f, 15, 3) world metres."""
        joints = self._positions().get(entry.subject, {}).get(entry.key)
        if joints is None:
            raise InputError(
                f"there is no 3D of {entry.subject} {entry.key!r}, of which there is 2D; the 3D is "
                "of another version or half a download: fetch it again"
            )
        joints = numbers(joints, f"f {len(self.skeleton)} 3", f"3D of {entry.name!r}")
        if not len(joints):
            raise InputError(f"3D of {entry.name!r} has no frames; fetch the file again")
        check_unit(joints, self.skeleton, "metres", entry.name)
        return joints


def _check_holds(file: Path, name: str) -> None:
    """Raise `InputError` unless the file is there and ends as an npz with that array."""
    if not file.is_file():
        raise InputError(f"{file} is not there; give the folder of {_FILE_3D} and {_FILES_2D}*.npz")
    if name not in array_names(file):
        raise InputError(
            f"{file}: this is no whole npz with {name!r}; it is half a download or another file: "
            "fetch it again"
        )


def _by_subject(stored: Any, what: str) -> dict[str, dict[str, Any]]:
    subjects = dictionary(stored, what)
    return {s: dictionary(videos, f"{what} of {s!r}") for s, videos in subjects.items()}


def _convention(metadata: Any) -> Skeleton:
    """The joints of a 2D file, by their number and by which are left and right."""
    values = dictionary(metadata, "metadata")
    count = member(values, "num_joints", "metadata")
    skeleton = _SKELETONS.get(int(count)) if isinstance(count, int | np.integer) else None
    if skeleton is None:
        raise InputError(
            f"the 2D has {count!r} joints; it must have the 15 of HumanEva or the 17 of COCO: give "
            "VideoPose3D's file"
        )
    sides = member(values, "keypoints_symmetry", "metadata")
    wanted = [_side(skeleton, "left_"), _side(skeleton, "right_")]
    if not isinstance(sides, list | tuple) or list(map(_sorted, sides)) != wanted:
        raise InputError(
            f"the left and right joints of the 2D are not those of {skeleton.name}, which has "
            f"{count} too ({wanted}); give VideoPose3D's file"
        )
    return skeleton


def _sorted(side: Any) -> list[int] | None:
    """The numbers of one side in order; None for what are no whole numbers."""
    try:
        joints = np.asarray(side)
    except ValueError:  # lists of different lengths
        return None
    return sorted(joints.tolist()) if joints.ndim == 1 and joints.dtype.kind in "iu" else None


def _side(skeleton: Skeleton, prefix: str) -> list[int]:
    return [j for j, joint in enumerate(skeleton.joints) if joint.startswith(prefix)]
