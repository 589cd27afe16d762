"""Human3.6M (Ionescu et al., TPAMI 2014) in the files that VideoPose3D's scripts make.

A folder with ``data_3d_h36m.npz``: ``{subject: {key: (f, 32, 3)}}`` metres in the world, and any
number of ``data_2d_h36m_<source>.npz``: ``{subject: {key: [(f, j, 2) pixels of each of the four
cameras]}}``. Keys are such as ``Walking`` and ``Walking 1``. The 2D may go on after the 3D has
ended; those frames are cut off, as in the papers.

Actions are whole class labels here: ``Sitting`` is not ``SittingDown``. The option ``-a`` of
VideoPose3D's script takes every action that begins so, and its figures for it are of more videos.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ...errors import InputError, check_shape, unknown
from ...formats.files import check_exists, naming
from ...geometry.cameras import Camera
from ...geometry.human36m import human36m_cameras
from ...skeletons import COCO_17, HUMAN36M_17, Skeleton
from ...tracks import Keypoints
from ..recordings import Entry, RecordedDataset, Recording
from .pickled import load_objects

SUBJECTS = ("S1", "S5", "S6", "S7", "S8", "S9", "S11")
ACTIONS = (
    *("Directions", "Discussion", "Eating", "Greeting", "Phoning", "Photo", "Posing", "Purchases"),
    *("Sitting", "SittingDown", "Smoking", "Waiting", "WalkDog", "Walking", "WalkTogether"),
)
#: Names of the original videos that the papers shorten.
_SHORTENED = {"TakingPhoto": "Photo", "WalkingDog": "WalkDog"}
FPS = 50.0

#: Of the 32 joints of the capture system those that are doubled, or of hands and feet.
REMOVED = (4, 5, 9, 10, 11, 16, 20, 21, 22, 23, 24, 28, 29, 30, 31)
_KEPT = [j for j in range(32) if j not in REMOVED]
_FILE_3D, _FILE_2D = "data_3d_h36m.npz", "data_2d_h36m_"
#: (left, right) joints that a file of 2D tells its convention by.
_SIDES: dict[tuple[tuple[int, ...], tuple[int, ...]], Skeleton] = {
    ((4, 5, 6, 11, 12, 13), (1, 2, 3, 14, 15, 16)): HUMAN36M_17,
    ((1, 3, 5, 7, 9, 11, 13, 15), (2, 4, 6, 8, 10, 12, 14, 16)): COCO_17,
}
_EACH = 2  # videos of every action by every subject
#: Metres that all bones of a person together may have; a body in millimetres has thousands.
_BONES = (0.5, 50.0)

_Tracks = dict[str, dict[str, Any]]  # by subject and key


def action_of(key: str) -> str:
    """Class label of a sequence: its name before the first space, as the papers call it."""
    name = key.split(" ")[0]
    return _SHORTENED.get(name, name)


class Human36m(RecordedDataset):
    """Human3.6M in VideoPose3D's layout.

    Recordings are named ``subject/key/camera`` and come in camera axes, metres, with the lens that
    the exact 2D was made with. A sequence without 3D (of the published files, one of S11) is listed
    in `entries` but is no recording.

    Args:
        path: the folder, or the file of 3D in it. A file with the 17 joints alone is taken too.

    Raises:
        InputError: when the file of 3D is not there, or no 2D beside it.
    """

    name: ClassVar[str] = "human36m"
    skeleton = HUMAN36M_17
    fps = FPS

    def __init__(self, path: Path) -> None:
        self.path = path
        with naming(path):
            check_exists(path)
            self._file = path / _FILE_3D if path.is_dir() else path
            if not self._file.is_file():
                raise InputError(
                    f"there is no {_FILE_3D} in this folder; make it by VideoPose3D's "
                    "instructions, or give the folder it is in"
                )
            found = sorted(self._file.parent.glob(f"{_FILE_2D}*.npz"))
            self._files = {file.stem.removeprefix(_FILE_2D): file for file in found}
            if not self._files:
                raise InputError(
                    f"there is no 2D beside the 3D ({_FILE_2D}<source>.npz); put such as "
                    f"{_FILE_2D}gt.npz into the same folder"
                )
        self._truth: dict[str, dict[str, np.ndarray]] | None = None
        self._seen: tuple[str, _Tracks, Skeleton] | None = None  # of the last source
        self._entries: tuple[Entry, ...] | None = None

    def sources(self) -> tuple[str, ...]:
        """What stands between ``data_2d_h36m_`` and ``.npz`` in the names of the files."""
        return tuple(self._files)

    @property
    def subjects(self) -> tuple[str, ...]:
        """Subjects with 3D, in the order of the file; reads no 2D."""
        return tuple(self._positions())

    def entries(self) -> Sequence[Entry]:
        """Every video in the files; reads all files of 2D once, one after the other."""
        if self._entries is None:
            frames = {source: _frames(self._points(source)[0]) for source in self._files}
            truth = {s: {k: len(v) for k, v in of.items()} for s, of in self._positions().items()}
            videos = {(s, k): 0 for s, of in truth.items() for k in of}
            for of in frames.values():
                for subject, key, camera in of:
                    videos[subject, key] = max(videos.get((subject, key), 0), camera + 1)
            self._entries = tuple(
                self._entry(subject, key, n, truth.get(subject, {}).get(key), frames)
                for (subject, key), cameras in videos.items()
                for n in range(max(cameras, len(_CAMERAS)))
            )
        return self._entries

    def expected(self) -> Mapping[str, Sequence[str]]:
        """Two videos of every action by every subject, one of Directions by S11.

        What the keys are called differs between subjects, so those in the file are taken as they
        are, and what is missing is named by its action.
        """
        keys = {subject: [*of] for subject, of in self._positions().items()}
        return {subject: two_of_each(subject, keys.get(subject, ())) for subject in SUBJECTS}

    def facts(self) -> dict[str, Any]:
        """Names of the files, without folders."""
        return {"data": self.name, "files": [self._file.name, *(f.name for f in self._paths())]}

    def recordings(
        self,
        source: str,
        subjects: Sequence[str] | None = None,
        actions: Sequence[str] | None = None,
    ) -> Iterator[Recording]:
        """The videos that have 3D, subject by subject, four cameras each.

        Args:
            source: kind of 2D.
            subjects: in this order; all in the file's if None.
            actions: whole class labels, such as ``Sitting``; all if None.

        Raises:
            InputError: for an unknown source, subject or action, a subject without one of the
                actions, and for 2D that is missing, shorter than the 3D, damaged or of other
                joints.
        """
        if source not in self._files:
            raise unknown("2D source", source, self._files)
        truth = self._positions()
        for subject in subjects or ():
            if subject not in truth:
                raise unknown(f"subject of {self._file.name}", subject, truth)
        chosen = [*truth] if subjects is None else [*subjects]
        for action in actions or ():
            check_action(action, {s: {action_of(key) for key in truth[s]} for s in chosen})
        return self._each(source, chosen, actions)

    def _each(
        self, source: str, subjects: Sequence[str], actions: Sequence[str] | None
    ) -> Iterator[Recording]:
        points, skeleton = self._points(source)
        file = self._files[source]
        for subject in subjects:
            cameras = human36m_cameras(subject)
            for key, world in self._positions()[subject].items():
                if actions is not None and action_of(key) not in actions:
                    continue
                views = points.get(subject, {}).get(key)
                if views is None:
                    raise InputError(
                        f"{file}: there is no 2D of {subject}/{key}, of which there is 3D in "
                        f"{self._file.name}; the two do not belong together: get both anew"
                    )
                if not isinstance(views, list | tuple) or len(views) != len(cameras):
                    many = len(views) if isinstance(views, list | tuple) else "an unknown number of"
                    raise InputError(
                        f"{file}: {subject}/{key} has 2D of {many} cameras; it must be a list of "
                        f"the four {', '.join(_CAMERAS)}"
                    )
                for camera, xy in zip(cameras, views, strict=True):
                    name = f"{subject}/{key}/{camera.name}"
                    with naming(file):
                        seen = _keypoints(name, xy, skeleton, camera, len(world), source)
                    with naming(self._file):
                        recording = _recording(name, subject, key, seen, world, camera)
                    yield recording

    def _positions(self) -> dict[str, dict[str, np.ndarray]]:
        """(f, 17, 3) world metres by subject and key."""
        if self._truth is None:
            tracks = load_objects(self._file, ["positions_3d"])["positions_3d"]
            with naming(self._file):
                self._truth = {
                    subject: {key: _reduced(f"{subject}/{key}", v) for key, v in of.items()}
                    for subject, of in _by_subject(tracks, "positions_3d").items()
                }
        return self._truth

    def _points(self, source: str) -> tuple[_Tracks, Skeleton]:
        """Pixels by subject, key and camera, and the convention of their joints."""
        if self._seen is None or self._seen[0] != source:
            self._seen = None  # makes room before the next file comes
            file = self._files[source]
            held = load_objects(file, ["positions_2d", "metadata"])
            with naming(file):
                tracks = _by_subject(held["positions_2d"], "positions_2d")
                self._seen = (source, tracks, _skeleton_of(held["metadata"]))
        return self._seen[1:]

    def _paths(self) -> list[Path]:
        return [*self._files.values()]

    def _entry(
        self,
        subject: str,
        key: str,
        camera: int,
        frames_3d: int | None,
        frames: Mapping[str, Mapping[tuple[str, str, int], int]],
    ) -> Entry:
        name = _CAMERAS[camera] if camera < len(_CAMERAS) else f"camera {camera}"
        of = {s: n[subject, key, camera] for s, n in frames.items() if (subject, key, camera) in n}
        return Entry(f"{subject}/{key}/{name}", subject, key, action_of(key), name, frames_3d, of)


_CAMERAS = tuple(camera.name for camera in human36m_cameras(SUBJECTS[0]))


def two_of_each(subject: str, keys: Sequence[str]) -> list[str]:
    """The keys that a subject has, two of each action, and a name for every one that is missing."""
    wanted = []
    for action in ACTIONS:
        count = 1 if (subject, action) == ("S11", "Directions") else _EACH
        held = [key for key in keys if action_of(key) == action][:count]
        wanted += [
            *held,
            *(f"{action} (video {n + 1} of {count})" for n in range(len(held), count)),
        ]
    return wanted


def check_action(action: str, held: Mapping[str, set[str]]) -> None:
    """Raise `InputError` unless all these subjects have videos of the action.

    Args:
        action: class label that was asked for.
        held: labels by subject.
    """
    known = set(ACTIONS).union(*held.values())
    if action not in known:
        raise unknown("action", action, known)
    for subject, labels in held.items():
        if action not in labels:
            raise InputError(
                f"subject {subject} has no video of {action}; leave the action out, or get the "
                "whole files"
            )


def _by_subject(value: Any, name: str) -> _Tracks:
    """Check that it is a dictionary of dictionaries, by text."""
    levels = [value, *value.values()] if isinstance(value, dict) else [value]
    for level in levels:
        if not (isinstance(level, dict) and all(isinstance(key, str) for key in level)):
            raise InputError(
                f"{name!r} is no dictionary by subject and action; give a file of Human3.6M as "
                "VideoPose3D's scripts make it"
            )
    return value


def _frames(tracks: _Tracks) -> dict[tuple[str, str, int], int]:
    """Frames of 2D by subject, key and camera."""
    return {
        (subject, key, camera): len(xy) if isinstance(xy, np.ndarray) and xy.ndim else 0
        for subject, of in tracks.items()
        for key, views in of.items()
        for camera, xy in enumerate(views if isinstance(views, list | tuple) else ())
    }


def _reduced(name: str, value: Any) -> np.ndarray:
    """(f, 17, 3) of the 32 joints of a sequence; 17 are taken as they are."""
    joints = _numbers(name, value)
    if joints.ndim != 3 or joints.shape[1:] not in ((32, 3), (17, 3)):
        raise InputError(
            f"the 3D of {name} has shape {joints.shape}; it must be (frames, 32, 3), or 17 joints"
        )
    return joints[:, _KEPT] if joints.shape[1] == 32 else joints


def _numbers(name: str, value: Any) -> np.ndarray:
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu":
        raise InputError(f"{name} is no array of numbers; the file is damaged: get it anew")
    return value


def _skeleton_of(about: Any) -> Skeleton:
    """The convention of the 2D joints, by what the file says of them."""
    joints = about.get("num_joints") if isinstance(about, dict) else None
    if joints == 16:
        raise InputError(
            "it has 16 joints, the variant without neck_nose (joint 9); langlift takes 17: use a "
            "file with all of them, such as data_2d_h36m_cpn_ft_h36m_dbb.npz"
        )
    sides = about.get("keypoints_symmetry") if isinstance(about, dict) else None
    try:
        left, right = (tuple(int(j) for j in side) for side in sides)  # type: ignore[union-attr]
    except (TypeError, ValueError):
        left, right = (), ()
    if joints != 17 or (left, right) not in _SIDES:
        raise InputError(
            f"its metadata names {joints} joints, left {list(left)} and right {list(right)}; "
            "only the 17 of Human3.6M and of COCO are read: use another file of 2D"
        )
    return _SIDES[left, right]


def _keypoints(
    name: str, xy: Any, skeleton: Skeleton, camera: Camera, frames: int, source: str
) -> Keypoints:
    """2D of one video, cut to the length of its 3D."""
    points = _numbers(f"the 2D of {name}", xy)
    got = check_shape(points, f"f {len(skeleton)} 2", f"the 2D of {name}")["f"]
    if got < frames:
        raise InputError(
            f"{name} has {got} frames of 2D but {frames} of 3D; the 2D ends too early or is of "
            "another video: get both files anew"
        )
    points = points[:frames]
    if not np.isfinite(points).all():
        raise InputError(f"{name} has NaN or infinite 2D points; the file is damaged: get it anew")
    about = {"data": Human36m.name, "source": source, "recording": name}
    with naming(name):
        return Keypoints(points, skeleton, FPS, camera.image_size, provenance=about)


def _recording(
    name: str, subject: str, key: str, seen: Keypoints, world: np.ndarray, camera: Camera
) -> Recording:
    """2D and 3D of one video, the 3D from the world to the camera."""
    child, parent = np.array(HUMAN36M_17.bones).T
    length = float(np.linalg.norm(world[:, child] - world[:, parent], axis=-1).sum(-1).mean())
    if np.isfinite(length) and not _BONES[0] < length < _BONES[1]:
        raise InputError(
            f"the bones of {name} are {length:.4g} m long together, a person's about 4; 3D must be "
            "in metres: divide millimetres by 1000"
        )
    return Recording(
        name=name,
        subject=subject,
        action=action_of(key),
        keypoints=seen,
        joints=camera.to_camera(world.astype(np.float32)),
        skeleton=HUMAN36M_17,
        camera=camera.name,
        lens=camera,
    )
