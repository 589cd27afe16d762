"""The two forms in which people have MPI-INF-3DHP, behind one interface.

Those who trained on it made ``data_train_3dhp*.npz`` and ``data_test_3dhp*.npz``; its authors
(Mehta et al., 3DV 2017) publish a ``.mat`` in the folder of every video.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ...errors import InputError
from ...formats.files import naming
from ...formats.matlab import load_mat
from ...formats.object_arrays import load_objects
from ...formats.plain_objects import dictionary, frames_of, member, numbers
from ...formats.stand_ins import kind_of
from ...geometry.mpi_inf_3dhp import TEST_VIDEOS
from ..recordings import LastRead
from ..registry import DATASETS

Annotation = Literal["annot3", "univ"]
Part = Literal["train", "test"]

#: Of the 28 joints of the training annotation those that everybody uses, in their order.
AMONG_28 = (7, 5, 14, 15, 16, 9, 10, 11, 23, 24, 25, 18, 19, 20, 4, 3, 6)
#: The training cameras at the height of the chest, of 14: those that everybody uses.
TRAIN_CAMERAS = (0, 1, 2, 4, 5, 6, 7, 8)
#: Both parts, in the order in which their videos are listed.
PARTS: tuple[Part, ...] = ("train", "test")
#: Who is in a whole copy.
WHOLE: dict[Part, tuple[str, ...]] = {
    "train": tuple(f"S{n}" for n in range(1, 9)),
    "test": TEST_VIDEOS,
}
_SUFFIXES: dict[Annotation, str] = {"annot3": "_ori", "univ": ""}
_VARIABLES: dict[Annotation, str] = {"annot3": "annot3", "univ": "univ_annot3"}
_JOINTS = 17


@dataclass(frozen=True, eq=False)
class Video:
    """One camera's video as the files have it.

    Args:
        xy: (f, 17, 2) pixels.
        joints: (f, 17, 3) millimetres, camera space.
        valid: (f,) frames that an evaluation counts; None where there is no such mark.
        activities: (f,) numbers from 1 to 7; None where the files have none.
    """

    xy: np.ndarray
    joints: np.ndarray
    valid: np.ndarray | None = None
    activities: np.ndarray | None = None


@dataclass(frozen=True)
class Listed:
    """A video that the files hold.

    Args:
        sequence: ``S1 Seq1`` or ``TS1``.
        camera: its number as text; empty for test videos.
        part: where it belongs.
        file: where it is.
        frames: of 2D and of 3D; None for what is no array.
    """

    sequence: str
    camera: str
    part: Part
    file: Path
    frames: tuple[int | None, int | None]


class Layout(ABC):
    """Where the videos of one annotation are.

    Args:
        path: the folder.
        annotation: which 3D.
    """

    #: Whether test frames have activities.
    labelled: bool

    def __init__(self, path: Path, annotation: Annotation) -> None:
        self.path = path
        self.annotation: Annotation = annotation
        self._listed: dict[str, tuple[Listed, ...]] = {}

    @abstractmethod
    def listed(self, part: Part, subjects: Sequence[str] | None = None) -> tuple[Listed, ...]:
        """The videos of a part, in the files' order; none where it is not there. Read once.

        Files that are of other subjects alone stay closed.
        """

    @abstractmethod
    def files(self) -> tuple[Path, ...]:
        """The files that are there."""

    @abstractmethod
    def subjects(self, part: Part) -> tuple[str, ...]:
        """Who is in a part by the names of the files, none of which is opened."""

    @abstractmethod
    def video(self, listed: Listed) -> Video:
        """One of them.

        Raises:
            InputError: for what does not have the layout; the message does not name the file.
        """

    @abstractmethod
    def absent(self, part: Part) -> str:
        """What to say where somebody asks for a part that is not there."""


class NpzLayout(Layout):
    """``data_train_3dhp_ori.npz`` and ``data_test_3dhp_ori.npz`` of annot3; univ without suffix."""

    labelled = False

    def __init__(self, path: Path, annotation: Annotation) -> None:
        super().__init__(path, annotation)
        self._sequences = LastRead(self._stored)

    def files(self) -> tuple[Path, ...]:
        """Those of the annotation."""
        files = (npz_file(self.path, part, self.annotation) for part in PARTS)
        return tuple(file for file in files if file.is_file())

    def subjects(self, part: Part) -> tuple[str, ...]:
        """All that a whole file holds: its name tells no more."""
        there = npz_file(self.path, part, self.annotation).is_file()
        return WHOLE[part] if there else ()

    def listed(self, part: Part, subjects: Sequence[str] | None = None) -> tuple[Listed, ...]:
        """The videos of a part, which is one file."""
        if part not in self._listed:
            file = npz_file(self.path, part, self.annotation)
            self._listed[part] = tuple(
                Listed(sequence, camera, part, file, _frames(video))
                for sequence in self._sequences(part)
                for camera, video in self._videos(part, sequence).items()
            )
        return self._listed[part]

    def video(self, listed: Listed) -> Video:
        """One video; `valid` of test videos alone."""
        stored = self._videos(listed.part, listed.sequence)[listed.camera]
        what = f"{listed.sequence} {listed.camera}".strip()
        xy, joints = (
            numbers(member(stored, name, what), f"f {_JOINTS} {c}", f"{name} of {what}")
            for name, c in (("data_2d", 2), ("data_3d", 3))
        )
        if listed.part == "train":
            return Video(xy, joints)
        return Video(xy, joints, _valid(member(stored, "valid", what), what))

    def absent(self, part: Part) -> str:
        """Names the file, and the one that is there instead."""
        file = npz_file(self.path, part, self.annotation)
        other: Annotation = "univ" if self.annotation == "annot3" else "annot3"
        there = npz_file(self.path, part, other)
        instead = f", only {there.name}, which is {other!r}" if there.is_file() else ""
        return f"{self.path} has no {file.name}{instead}; put it there, or ask for other videos"

    def _stored(self, part: Part) -> dict[str, Any]:
        file = npz_file(self.path, part, self.annotation)
        if not file.is_file():
            return {}
        data = load_objects(file, ["data"])["data"]
        with naming(file):
            return dictionary(data, "data")

    def _videos(self, part: Part, sequence: str) -> dict[str, dict[str, Any]]:
        """Dictionaries of arrays by camera; that of a test video is without name."""
        stored = self._sequences(part)[sequence]
        with naming(npz_file(self.path, part, self.annotation)):
            if part == "test":
                return {"": dictionary(stored, sequence)}
            # Its makers put the cameras into a list, of which they read the first.
            cameras = stored[0] if isinstance(stored, list | tuple) and stored else stored
            if not isinstance(cameras, dict) or not cameras:
                raise InputError(
                    f"{sequence} is of type {kind_of(stored)}; it must hold a dictionary by "
                    "camera: give the data set's own file"
                )
            return {str(c): dictionary(v, f"{sequence} {c}") for c, v in cameras.items()}


class FolderLayout(Layout):
    """``S1/Seq1/annot.mat`` for training, ``TS1/annot_data.mat`` for the test.

    The test videos may also be in the folder ``mpi_inf_3dhp_test_set`` that they come in.
    """

    labelled = True

    def __init__(self, path: Path, annotation: Annotation) -> None:
        super().__init__(path, annotation)
        self._variables = LastRead(self._stored)  # of a file, whose cameras follow each other

    def files(self) -> tuple[Path, ...]:
        """Those of both parts."""
        return tuple(file for part in PARTS for file in mat_files(self.path, part).values())

    def subjects(self, part: Part) -> tuple[str, ...]:
        """The first word of the sequences."""
        return tuple(dict.fromkeys(map(subject_of, mat_files(self.path, part))))

    def listed(self, part: Part, subjects: Sequence[str] | None = None) -> tuple[Listed, ...]:
        """The videos of a part, of which every sequence is a file."""
        found: list[Listed] = []
        for sequence, file in mat_files(self.path, part).items():
            if subjects is None or subject_of(sequence) in subjects:
                if sequence not in self._listed:
                    self._listed[sequence] = tuple(self._of_file(part, sequence, file))
                found += self._listed[sequence]
        return tuple(found)

    def video(self, listed: Listed) -> Video:
        """One video; `valid` and activities of test videos alone."""
        stored = self._variables((listed.file, listed.part))
        names = ("annot2", _VARIABLES[self.annotation])
        if listed.part == "train":
            xy, joints = (
                _of_28(stored[name][int(listed.camera)], c, name)
                for name, c in zip(names, (2, 3), strict=True)
            )
            return Video(xy, joints)
        xy, joints = (
            _by_frame(stored[name], c, name) for name, c in zip(names, (2, 3), strict=True)
        )
        return Video(
            xy,
            joints,
            _valid(stored["valid_frame"], "valid_frame"),
            numbers(stored["activity_annotation"], "* k", "activity_annotation").reshape(-1),
        )

    def absent(self, part: Part) -> str:
        """Names the files that would be there."""
        file = "S1/Seq1/annot.mat" if part == "train" else "TS1/annot_data.mat"
        return f"{self.path} has no {file} or its like; put it there, or ask for other videos"

    def _of_file(self, part: Part, sequence: str, file: Path) -> list[Listed]:
        stored = self._variables((file, part))
        names = ("annot2", _VARIABLES[self.annotation])
        if part == "train":
            counts = [[frames_of(view) for view in stored[name]] for name in names]
            return [
                Listed(sequence, str(c), part, file, (counts[0][c], counts[1][c]))
                for c in TRAIN_CAMERAS
            ]
        with naming(file):
            xy, joints = (
                len(_by_frame(stored[name], c, name)) for name, c in zip(names, (2, 3), strict=True)
            )
        return [Listed(sequence, "", part, file, (xy, joints))]

    def _stored(self, of: tuple[Path, Part]) -> dict[str, Any]:
        """What is read of a file."""
        file, part = of
        names = ["annot2", _VARIABLES[self.annotation]]
        names += ["valid_frame", "activity_annotation"] if part == "test" else []
        stored: dict[str, Any] = dict(load_mat(file, names))
        with naming(file):
            for name in names[:2] if part == "train" else ():
                _check_cell(stored[name], name)
        return stored


def subject_of(sequence: str) -> str:
    """``S1`` of ``S1 Seq1``, ``TS1`` of ``TS1``."""
    return sequence.split(" ")[0]


def npz_file(folder: Path, part: str, annotation: Annotation) -> Path:
    """Where the npz of a part and annotation would be."""
    return folder / f"data_{part}_3dhp{_SUFFIXES[annotation]}.npz"


def mat_files(folder: Path, part: str) -> dict[str, Path]:
    """The original files that are there, by sequence."""
    train, *test = DATASETS["mpi-inf-3dhp"].also
    if part == "train":
        return {" ".join(file.parts[-3:-1]): file for file in sorted(folder.glob(train))}
    places = [file for pattern in test for file in folder.glob(pattern)]
    return {file.parts[-2]: file for file in sorted(places, key=lambda file: file.parts[-2])}


def _frames(video: Mapping[str, Any]) -> tuple[int | None, int | None]:
    return frames_of(video.get("data_2d")), frames_of(video.get("data_3d"))


def _check_cell(value: Any, name: str) -> None:
    """Raise `InputError` unless this is a cell with all cameras."""
    if not isinstance(value, list) or len(value) <= max(TRAIN_CAMERAS):
        got = f"a cell of {len(value)}" if isinstance(value, list) else "no cell"
        raise InputError(
            f"{name} is {got}; it must be a cell with one array for each of the 14 cameras: give "
            "the data set's own file"
        )


def _of_28(values: Any, c: int, name: str) -> np.ndarray:
    """(f, 17, c) of a training video's (f, 28 * c)."""
    stored = numbers(values, f"f {28 * c}", name)
    return stored.reshape(len(stored), 28, c)[:, AMONG_28]


def _by_frame(values: Any, c: int, name: str) -> np.ndarray:
    """(f, 17, c) of a test video's (c, 17, 1, f), which MATLAB has, or of (f, 1, 17, c)."""
    shape: Sequence[int] = getattr(values, "shape", ())
    if len(shape) == 4 and tuple(shape[:3]) == (c, _JOINTS, 1):
        return numbers(values, f"{c} {_JOINTS} 1 f", name)[:, :, 0].transpose(2, 1, 0)
    return numbers(values, f"f 1 {_JOINTS} {c}", name)[:, 0]


def _valid(values: Any, what: str) -> np.ndarray:
    """(f,) marks of 0 and 1 in any shape, as truth values."""
    marks = numbers(values, "*", what).reshape(-1)
    if not np.isin(marks, (0, 1)).all():
        raise InputError(
            f"{what} has marks of validity other than 0 and 1; give the data set's own file"
        )
    return marks.astype(bool)
