"""Datasets in the files of VideoPose3D's scripts (Pavllo et al., CVPR 2019).

A folder with one file of 3D: ``{subject: {key: (f, j, 3)}}`` metres in the world, and any number
of files of 2D, one for each source: ``{subject: {key: [(f, j, 2) pixels of each camera]}}``. The 2D
may go on after the 3D has ended, by some frames of a video's end; those are cut off, as in the
papers.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ...errors import InputError
from ...formats.files import check_no_folder, naming
from ...formats.object_arrays import load_objects
from ...formats.plain_objects import by_subject, frames_of, numbers
from ...formats.videopose import convention_of
from ...skeletons import Skeleton
from ...tracks import Keypoints
from ..recordings import Entry, LastRead, RecordedDataset, spare_frames
from ..registry import DATASETS

_Place = tuple[str, str, int]  # subject, key, number of the camera


class VideoPoseDataset(RecordedDataset):
    """The 3D is read once; of the 2D the file that was read last is kept, and all counts.

    Args:
        path: the folder, or the file of 3D in it.

    Raises:
        InputError: when the file of 3D is not there, or no 2D beside it.
    """

    #: Names of the cameras, in the order of the 2D.
    cameras: ClassVar[tuple[str, ...]]
    #: What the joints of the 2D may be.
    conventions: ClassVar[tuple[Skeleton, ...]]

    def __init__(self, path: str | Path) -> None:
        super().__init__(path)
        file_3d, file_2d = DATASETS[self.name].files
        self._file = self.path / file_3d if self.path.is_dir() else self.path
        before, after = file_2d.split("{source}")
        found = sorted(self._file.parent.glob(f"{before}*{after}"))
        self._files = {f.name.removeprefix(before).removesuffix(after): f for f in found}
        with naming(self.path):
            check_no_folder(self._file)
            if not self._file.is_file():
                raise InputError(
                    f"there is no {file_3d} in this folder; make it by VideoPose3D's "
                    "instructions, or give the folder it is in"
                )
            if not self._files:
                raise InputError(
                    f"there is no 2D beside the 3D ({before}<source>{after}); put such as "
                    f"{before}gt{after} into the same folder"
                )
        self._seen = LastRead(self._points)
        self._counts: dict[str, dict[_Place, int]] = {}

    def sources(self) -> tuple[str, ...]:
        """What stands for the source in the names of the files of 2D."""
        return tuple(self._files)

    def facts(self, sources: Sequence[str] | None = None) -> dict[str, Any]:
        """Names of the files, without folders."""
        asked = self._files if sources is None else sources
        files = [self._file, *(self._files[source] for source in asked)]
        return {"data": self.name, "files": [file.name for file in files]}

    @abstractmethod
    def _action(self, subject: str, key: str) -> str:
        """Class label of a sequence."""

    def _reduced(self, joints: np.ndarray, what: str) -> np.ndarray:
        """(f, j, 3) joints of the dataset's skeleton of those in the file."""
        return numbers(joints, f"f {len(self.skeleton)} 3", what)

    def _listed(self, sources: Sequence[str], subjects: Sequence[str] | None) -> Sequence[Entry]:
        videos = {(s, k): len(self.cameras) for s, of in self._truth.items() for k in of}
        frames = {source: self._frames(source) for source in sources}
        for of in frames.values():
            for subject, key, n in of:
                videos[subject, key] = max(videos.get((subject, key), len(self.cameras)), n + 1)
        return [
            self._entry((subject, key, n), frames)
            for (subject, key), cameras in videos.items()
            for n in range(cameras)
        ]

    @cached_property
    def _truth(self) -> dict[str, dict[str, np.ndarray]]:
        """(f, j, 3) world metres by subject and key."""
        stored = load_objects(self._file, ["positions_3d"])["positions_3d"]
        with naming(self._file):
            return {
                subject: {
                    key: self._reduced(joints, f"the 3D of {subject}/{key}")
                    for key, joints in of.items()
                }
                for subject, of in by_subject(stored, "positions_3d").items()
            }

    def _points(self, source: str) -> tuple[dict[str, dict[str, Any]], Skeleton]:
        """Lists of the cameras' 2D by subject and key, and the convention of their joints."""
        file = self._files[source]
        stored = load_objects(file, ["positions_2d", "metadata"])
        with naming(file):
            skeleton = convention_of(stored["metadata"], self.conventions)
            return by_subject(stored["positions_2d"], "positions_2d"), skeleton

    def _frames(self, source: str) -> dict[_Place, int]:
        """Frames of 2D of each video."""
        if source not in self._counts:
            self._counts[source] = {
                (subject, key, camera): frames_of(xy) or 0
                for subject, of in self._seen(source)[0].items()
                for key, views in of.items()
                for camera, xy in enumerate(views if isinstance(views, list | tuple) else ())
            }
        return self._counts[source]

    def _entry(self, place: _Place, frames: Mapping[str, Mapping[_Place, int]]) -> Entry:
        subject, key, n = place
        truth = self._truth.get(subject, {}).get(key)
        camera = self.cameras[n] if n < len(self.cameras) else f"camera {n}"
        return Entry(
            name=f"{subject}/{key}/{camera}",
            subject=subject,
            key=key,
            action=self._action(subject, key),
            camera=camera,
            frames_3d=None if truth is None else len(truth),
            frames_2d={source: of[place] for source, of in frames.items() if place in of},
        )

    def _world(self, entry: Entry) -> np.ndarray:
        """(f, j, 3) world metres of a recording."""
        if entry.frames_3d is None:
            raise InputError(
                f"{self._file}: there is no 3D of {entry.subject}/{entry.key}, of which there is "
                "2D; the two do not belong together: get both anew"
            )
        return self._truth[entry.subject][entry.key]

    def _keypoints(self, entry: Entry, source: str, size: tuple[int, int]) -> Keypoints:
        """2D of a recording, cut to the length of its 3D."""
        tracks, skeleton = self._seen(source)
        views = tracks.get(entry.subject, {}).get(entry.key)
        place = f"{entry.subject}/{entry.key}"
        with naming(self._files[source]):
            if views is None:
                raise InputError(
                    f"there is no 2D of {place}, of which there is 3D in {self._file.name}; the "
                    "two do not belong together: get both anew"
                )
            if not isinstance(views, list | tuple) or len(views) != len(self.cameras):
                many = len(views) if isinstance(views, list | tuple) else "an unknown number of"
                raise InputError(
                    f"{place} has 2D of {many} cameras; it must be a list of "
                    f"{len(self.cameras)} ({', '.join(self.cameras)})"
                )
            xy = views[self.cameras.index(entry.camera)]
            points = numbers(xy, f"f {len(skeleton)} 2", f"the 2D of {entry.name}")
            frames = len(self._world(entry))
            if len(points) < frames:
                raise InputError(
                    f"{entry.name} has {len(points)} frames of 2D but {frames} of 3D; the 2D ends "
                    "too early or is of another video: get both files anew"
                )
            if len(points) - frames > spare_frames(frames):
                raise InputError(
                    f"{entry.name} has {len(points)} frames of 2D but {frames} of 3D, and a "
                    f"detector goes on for {spare_frames(frames)} at most; part of the 3D is "
                    "missing, or they are of two videos: get both files anew"
                )
            with naming(entry.name):
                about = self._about(entry, source)
                return Keypoints(points[:frames], skeleton, self.fps, size, provenance=about)
