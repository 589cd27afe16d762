"""MPI-INF-3DHP (Mehta et al., 3DV 2017): 17 joints, two kinds of 3D labels, six test videos.

``annot3`` are the joints as measured, in the camera's metres; ``univ`` (``univ_annot3``) are the
same people scaled to one size of body. Papers use either, mostly without saying so, and their
figures differ by centimetres; so whoever opens the data chooses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np

from ...errors import InputError, unknown
from ...formats.files import naming
from ...geometry.mpi_inf_3dhp import TEST_VIDEOS, TRAIN_IMAGE_SIZE, mpi_inf_3dhp_camera
from ...skeletons import MPI_INF_3DHP_17
from ...tracks import Keypoints
from ..recordings import Entry, RecordedDataset, Recording
from .mpi_inf_3dhp_layouts import (
    PARTS,
    Annotation,
    FolderLayout,
    Layout,
    Listed,
    NpzLayout,
    Part,
    Video,
    mat_files,
    npz_file,
)
from .plain_objects import check_unit

ANNOTATIONS: tuple[Annotation, ...] = ("annot3", "univ")
#: Class labels of test frames, in the order of their numbers from 1.
ACTIVITIES = (
    "Standing/Walking",
    "Exercising",
    "Sitting",
    "Reaching/Crouching",
    "On the Floor",
    "Sports",
    "Miscellaneous",
)
SOURCE = "gt"


class MpiInf3dhp(RecordedDataset):
    """A folder with the npz files, or with the original folders.

    Subjects are ``S1`` to ``S8`` and the test videos ``TS1`` to ``TS6``. Only test videos have
    frames that are not scored, activities (in the original files alone) and, with ``annot3``, a
    camera: the training cameras' calibration is not in these files, and ``univ`` bodies do not lie
    on their image.

    The rate is nominal: the files do not tell theirs, which differ between videos. Frames are taken
    as they are, as in all papers.

    Args:
        path: the folder.
        annotation: ``annot3`` or ``univ``; there is no default.

    Raises:
        InputError: without annotation, for a folder that holds neither form, both or the other
            annotation, or for half a download.
    """

    name: ClassVar[str] = "mpi-inf-3dhp"
    skeleton = MPI_INF_3DHP_17
    fps = 50.0

    def __init__(self, path: str | Path, annotation: str | None = None) -> None:
        self.path = Path(path)
        self.annotation: Annotation = _chosen(annotation)
        self._layout = _layout(self.path, self.annotation)
        self._entries: tuple[Entry, ...] | None = None

    def sources(self) -> tuple[str, ...]:
        """The 2D is that of the annotation, for which all figures are published."""
        return (SOURCE,)

    def entries(self) -> Sequence[Entry]:
        """Every video; reads all files."""
        if self._entries is None:
            listed = [video for part in PARTS for video in self._layout.listed(part)]
            self._entries = tuple(_entry(video) for video in listed)
        return self._entries

    def recordings(
        self,
        source: str,
        subjects: Sequence[str] | None = None,
        actions: Sequence[str] | None = None,
    ) -> Iterator[Recording]:
        """The videos; see `RecordedDataset`. Files of a part that is not asked for stay closed.

        Activities are of frames, so with `actions` the frames of others are not scored, and videos
        without any that is are left out.
        """
        if source != SOURCE:
            raise unknown("2D source", source, self.sources())
        self._check_actions(actions)
        for video in self._asked(subjects):
            recording = self._recording(video, actions)
            if recording is not None:
                yield recording

    def expected(self) -> Mapping[str, Sequence[str]]:
        """Two sequences of each of eight people, and the six test videos."""
        train = {f"S{n}": (f"S{n} Seq1", f"S{n} Seq2") for n in range(1, 9)}
        return train | {video: (video,) for video in TEST_VIDEOS}

    def facts(self) -> dict[str, Any]:
        """The name, the annotation and the form of the files."""
        return {"data": self.name, "annotation": self.annotation, "files": self._layout.title}

    def _asked(self, subjects: Sequence[str] | None) -> list[Listed]:
        """The videos of some subjects, in the files' order."""
        parts: Sequence[Part] = PARTS
        if subjects is not None:
            parts = [part for part in PARTS if part in map(_part_of, subjects)]
        found: list[Listed] = []
        for part in parts:
            listed = self._layout.listed(part)
            if subjects is not None and not listed:
                raise InputError(self._layout.absent(part))
            found += listed
        known = dict.fromkeys(_subject(video) for video in found)
        for subject in subjects or ():
            if subject not in known:
                raise unknown("subject", subject, known)
        return [v for v in found if subjects is None or _subject(v) in subjects]

    def _check_actions(self, actions: Sequence[str] | None) -> None:
        for action in actions or ():
            if not self._layout.labelled:
                raise InputError(
                    f"{self.path} has no activities ({action!r} was asked for), because the npz "
                    "files leave them out; give the original folders, or ask for none"
                )
            if action not in ACTIVITIES:
                raise unknown("action", action, ACTIVITIES)

    def _recording(self, listed: Listed, actions: Sequence[str] | None) -> Recording | None:
        with naming(listed.file):
            video = self._layout.video(listed)
            name = _name(listed)
            _check(video, name)
            labels = _labels(video, name)
            scored = video.valid
            if actions is not None:
                chosen = np.isin(labels, list(actions)) if labels is not None else False
                scored = np.full(len(video.xy), True) if scored is None else scored
                scored = scored & chosen
                if not scored.any():
                    return None
            return Recording(
                name=name,
                subject=_subject(listed),
                action="",
                keypoints=self._keypoints(listed, video),
                joints=(video.joints / 1000.0).astype(np.float32),
                skeleton=self.skeleton,
                camera=listed.camera,
                lens=self._lens(listed),
                scored=scored,
                frame_actions=labels,
            )

    def _lens(self, listed: Listed) -> Any:
        known = listed.part == "test" and self.annotation == "annot3"
        return mpi_inf_3dhp_camera(listed.sequence) if known else None

    def _keypoints(self, listed: Listed, video: Video) -> Keypoints:
        size = TRAIN_IMAGE_SIZE
        if listed.part == "test":
            size = mpi_inf_3dhp_camera(listed.sequence).image_size
        return Keypoints(
            video.xy,
            self.skeleton,
            self.fps,
            size,
            provenance={"dataset": self.name, "source": SOURCE, "recording": _name(listed)},
        )


def _chosen(annotation: str | None) -> Annotation:
    if annotation is None:
        raise InputError(
            "MPI-INF-3DHP has two kinds of 3D labels, and figures of the two must not be compared; "
            "choose the annotation: 'annot3' (as measured, in the camera's metres; *_ori.npz) or "
            "'univ' (univ_annot3, all bodies scaled to one size; npz files without _ori)"
        )
    if annotation not in ANNOTATIONS:
        raise unknown("annotation of MPI-INF-3DHP", str(annotation), ANNOTATIONS)
    return cast(Annotation, annotation)


def _layout(path: Path, annotation: Annotation) -> Layout:
    """The form of the files in a folder."""
    if not path.is_dir():
        what = "is a file" if path.exists() else "does not exist"
        raise InputError(f"{path} {what}; give the folder of MPI-INF-3DHP's files")
    packed = {a: [p for p in PARTS if npz_file(path, p, a).is_file()] for a in ANNOTATIONS}
    folders = any(mat_files(path, part) for part in PARTS)
    if folders and any(packed.values()):
        raise InputError(
            f"{path} holds npz files and the original folders, which may differ; give a folder "
            "with one of the two"
        )
    if folders:
        return FolderLayout(path, annotation)
    if packed[annotation]:
        return NpzLayout(path, annotation)
    other: Annotation = "univ" if annotation == "annot3" else "annot3"
    wanted = " and ".join(npz_file(path, part, annotation).name for part in PARTS)
    if packed[other]:
        raise InputError(
            f"{path} holds the npz files of {other!r} only, and {annotation!r} was asked for; "
            f"add {wanted}, or choose {other!r}, whose figures are others"
        )
    raise InputError(
        f"{path} holds neither {wanted} nor S1/Seq1/annot.mat or TS1/annot_data.mat; give the "
        "folder of MPI-INF-3DHP's files"
    )


def _part_of(subject: str) -> Part:
    return "test" if subject.startswith("TS") else "train"


def _subject(listed: Listed) -> str:
    return listed.sequence.split(" ")[0]


def _name(listed: Listed) -> str:
    return f"{listed.sequence}/{listed.camera}" if listed.camera else listed.sequence


def _entry(listed: Listed) -> Entry:
    seen, truth = listed.frames
    return Entry(
        name=_name(listed),
        subject=_subject(listed),
        key=listed.sequence,
        action="",
        camera=listed.camera,
        frames_3d=truth,
        frames_2d={} if seen is None else {SOURCE: seen},
    )


def _check(video: Video, name: str) -> None:
    """Whether the parts of a video belong together and are in millimetres."""
    frames = len(video.xy)
    counts = {"3D": video.joints, "valid": video.valid, "activities": video.activities}
    for what, values in counts.items():
        if values is not None and len(values) != frames:
            raise InputError(
                f"{name} has {frames} frames of 2D but {len(values)} of {what}; they must be of "
                "the same video: fetch the file again"
            )
    if video.valid is not None and not video.valid.any():
        raise InputError(
            f"{name} has no valid frame, so there is nothing to score; fetch the file again"
        )
    counted = video.joints if video.valid is None else video.joints[video.valid]
    check_unit(counted, MPI_INF_3DHP_17, "millimetres", name)


def _labels(video: Video, name: str) -> np.ndarray | None:
    """(f,) activity of each frame; empty where a frame that is not valid has none."""
    if video.activities is None:
        return None
    known = np.isin(video.activities, np.arange(1, len(ACTIVITIES) + 1))
    if video.valid is not None and not known[video.valid].all():
        wrong = video.activities[video.valid & ~known][0]
        raise InputError(
            f"{name} has activity {wrong:g}; it must be from 1 to {len(ACTIVITIES)}: give the data "
            "set's own file"
        )
    numbers = np.where(known, video.activities, 0).astype(int)
    return np.array(["", *ACTIVITIES])[numbers]
