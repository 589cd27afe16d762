"""MPI-INF-3DHP (Mehta et al., 3DV 2017): 17 joints, two kinds of 3D labels, six test videos.

``annot3`` are the joints as measured, in the camera's metres; ``univ`` (``univ_annot3``) are the
same people scaled to one size of body. Papers use either, mostly without saying so, and their
figures differ by centimetres; so whoever opens the data chooses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np

from ...errors import InputError, unknown
from ...formats.files import naming
from ...geometry.mpi_inf_3dhp import TRAIN_IMAGE_SIZE, mpi_inf_3dhp_camera
from ...skeletons import MPI_INF_3DHP_17
from ...tracks import Keypoints
from ..recordings import Entry, RecordedDataset, Recording
from .mpi_inf_3dhp_layouts import (
    PARTS,
    WHOLE,
    Annotation,
    FolderLayout,
    Layout,
    Listed,
    NpzLayout,
    Part,
    Video,
    mat_files,
    npz_file,
    subject_of,
)

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
            annotation.
    """

    name: ClassVar[str] = "mpi-inf-3dhp"
    skeleton = MPI_INF_3DHP_17
    fps = 50.0

    def __init__(self, path: str | Path, annotation: str | None = None) -> None:
        super().__init__(path)
        self.annotation: Annotation = _chosen(annotation)
        self._layout = _layout(self.path, self.annotation)

    def sources(self) -> tuple[str, ...]:
        """The 2D is that of the annotation, for which all figures are published."""
        return (SOURCE,)

    @property
    def subjects(self) -> tuple[str, ...]:
        """Who is there by the names of the files; of an npz all that it should hold."""
        return tuple(subject for part in PARTS for subject in self._layout.subjects(part))

    def recordings(
        self,
        source: str,
        subjects: Sequence[str] | None = None,
        actions: Sequence[str] | None = None,
    ) -> Iterator[Recording]:
        """The videos; see `RecordedDataset`.

        Activities are of frames, so with `actions` the frames of others are not scored, and videos
        without any that is are left out.
        """
        found = super().recordings(source, subjects)
        if actions is None:
            return found
        self._check_actions(actions, ())
        return _of_actions(found, actions)

    def expected(self) -> Mapping[str, Sequence[str]]:
        """Two sequences of each of eight people, and the six test videos."""
        train = {subject: (f"{subject} Seq1", f"{subject} Seq2") for subject in WHOLE["train"]}
        return train | {video: (video,) for video in WHOLE["test"]}

    def facts(self, sources: Sequence[str] | None = None) -> dict[str, Any]:
        """The name, the annotation and the files, with their folders."""
        files = [file.relative_to(self.path).as_posix() for file in self._layout.files()]
        return {"data": self.name, "annotation": self.annotation, "files": files}

    def _listed(self, sources: Sequence[str], subjects: Sequence[str] | None) -> Sequence[Entry]:
        found: list[Listed] = []
        for part in PARTS:
            asked = None if subjects is None else [s for s in subjects if _part_of(s) == part]
            if asked is None or asked:
                known = self._layout.subjects(part)
                if asked and not known:
                    raise InputError(self._layout.absent(part))
                for subject in asked or ():
                    if subject not in known:
                        raise unknown("subject", subject, known)
                listed = self._layout.listed(part, asked)
                _check_held(listed, asked or ())
                found += listed
        return [_entry(listed) for listed in found]

    def _check_actions(self, actions: Sequence[str], listed: Sequence[Entry]) -> None:
        for action in actions:
            if not self._layout.labelled:
                raise InputError(
                    f"{self.path} has no activities ({action!r} was asked for), because the npz "
                    "files leave them out; give the original folders, or ask for none"
                )
            if action not in ACTIVITIES:
                raise unknown("action", action, ACTIVITIES)

    def _read(self, entry: Entry, source: str) -> Recording | None:
        videos = self._layout.listed(_part_of(entry.subject), [entry.subject])
        listed = next(video for video in videos if _name(video) == entry.name)
        with naming(listed.file):
            video = self._layout.video(listed)
            _check(video, entry.name)
            return Recording(
                name=entry.name,
                subject=entry.subject,
                action="",
                keypoints=self._keypoints(listed, video, self._about(entry, source)),
                joints=(video.joints / 1000.0).astype(np.float32),
                skeleton=self.skeleton,
                camera=listed.camera,
                lens=self._lens(listed),
                scored=video.valid,
                frame_actions=_labels(video, entry.name),
            )

    def _lens(self, listed: Listed) -> Any:
        known = listed.part == "test" and self.annotation == "annot3"
        return mpi_inf_3dhp_camera(listed.sequence) if known else None

    def _keypoints(self, listed: Listed, video: Video, about: dict[str, Any]) -> Keypoints:
        size = TRAIN_IMAGE_SIZE
        if listed.part == "test":
            size = mpi_inf_3dhp_camera(listed.sequence).image_size
        return Keypoints(video.xy, self.skeleton, self.fps, size, provenance=about)


def _check_held(listed: Sequence[Listed], asked: Sequence[str]) -> None:
    """Raise for subjects that a whole npz holds, which its name promises, and this one does not."""
    held = dict.fromkeys(subject_of(video.sequence) for video in listed)
    if absent := [subject for subject in asked if subject not in held]:
        files = " and ".join(dict.fromkeys(video.file.name for video in listed)) or "an empty file"
        raise InputError(
            f"the files lack {', '.join(absent)} (there are {', '.join(held) or 'none'} in "
            f"{files}); get the whole files, or name only subjects that are there"
        )


def _of_actions(found: Iterator[Recording], actions: Sequence[str]) -> Iterator[Recording]:
    """Recordings of which only frames of these activities count."""
    for recording in found:
        scored = recording.counted & np.isin(recording.labels, list(actions))
        if scored.any():
            yield replace(recording, scored=scored)
        del recording  # or two are in memory while the next one is read


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
        raise InputError(f"{path} is a file; give the folder of MPI-INF-3DHP's files")
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


def _name(listed: Listed) -> str:
    return f"{listed.sequence}/{listed.camera}" if listed.camera else listed.sequence


def _entry(listed: Listed) -> Entry:
    seen, truth = listed.frames
    return Entry(
        name=_name(listed),
        subject=subject_of(listed.sequence),
        key=listed.sequence,
        action="",
        camera=listed.camera,
        frames_3d=truth,
        frames_2d={} if seen is None else {SOURCE: seen},
    )


def _check(video: Video, name: str) -> None:
    """Whether the parts of a video belong together."""
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
