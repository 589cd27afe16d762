"""Human3.6M as MotionBERT (Zhu et al., ICCV 2023) prepared it: one pickle, in the image's space.

``h36m_sh_conf_cam_source_final.pkl`` holds two parts, ``train`` and ``test``, each with the frames
of all videos one after the other: 2D of a Stacked Hourglass with confidences, and 3D as pixels,
the depth in pixels too and relative to the pelvis. So 3D here is no perspective camera's: x right
and y down as in the image, z forward, each frame scaled by a factor of its own (millimetres per
pixel). The factors are in the file for the test part alone.

MotionBERT, MotionAGFormer, PoseMamba, TCPFormer and LangPose are evaluated on this file. Their
figures are not comparable with those of VideoPose3D's.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ...errors import InputError
from ...formats.files import check_no_folder, naming
from ...formats.object_arrays import load_pickle
from ...formats.plain_objects import dictionary, member, numbers
from ...formats.stand_ins import kind_of
from ...geometry.human36m import human36m_cameras
from ...skeletons import HUMAN36M_17
from ...tracks import Keypoints
from ..recordings import Entry, RecordedDataset, Recording
from ..registry import DATASETS
from .human36m import ACTIONS, FPS, SUBJECTS, action_of, check_actions, two_of_each

(FILE,) = DATASETS["human36m-motionbert"].files
#: Metres per screen unit where the file has no factor: a pelvis 5 m from a camera with a focal
#: length of 1147 pixels, the mean of Human3.6M's. People are 2.5 to 7 m away.
ASSUMED_METRES_PER_UNIT = 5.0 / 1147.0 * 500.0

#: The numbers of the actions, from 2 on, in the order of the original recordings.
_ACTS = (
    *("Directions", "Discussion", "Eating", "Greeting", "Phoning", "Posing", "Purchases"),
    *("Sitting", "SittingDown", "Smoking", "Photo", "Waiting", "Walking", "WalkDog"),
    "WalkTogether",
)
_SOURCE = re.compile(r"s_(\d{2})_act_(\d{2})_subact_(\d{2})_ca_(\d{2})")
_SIZES = {c.name: c.image_size for c in human36m_cameras(SUBJECTS[0])}
_ARRAYS = ("joint_2d", "confidence", "joint3d_image", "camera_name", "source", "action")
_METRIC = ("joints_2.5d_image", "2.5d_factor")
#: Mean distance of joints that a factor brings to their place, over that from the pelvis.
_FACTOR_OFF = 0.05


@dataclass(frozen=True)
class _Video:
    """Frames `first` up to `stop` of a part."""

    part: str
    first: int
    stop: int
    subject: str
    key: str
    action: str
    camera: str

    @property
    def name(self) -> str:
        """That of the recording."""
        return f"{self.subject}/{self.key}/{self.camera}"

    @property
    def frames(self) -> slice:
        """Of the part's arrays."""
        return slice(self.first, self.stop)


class MotionBertHuman36m(RecordedDataset):
    """Human3.6M in MotionBERT's layout: 17 joints in the image's space, relative to the pelvis.

    Recordings are named ``subject/action subact/camera``, such as ``S9/Greeting 2/55011271``. They
    have no lens and are not placed. `Recording.joints` are metres by the factors of the file where
    it has them, which is in the test part: the truth of MotionBERT's evaluation. Where it has none,
    joints are in units of the screen (half the image's width) times `ASSUMED_METRES_PER_UNIT`:
    right in shape and wrong in size by up to a half, so a figure in millimetres means nothing
    there. Targets in units of the screen, joints over `Recording.metres_per_unit`, are exact in
    both parts.

    The three sequences of S9 that the papers leave out are here; the protocol leaves them out.

    Args:
        path: the file, or the folder it is in.

    Raises:
        InputError: when it is not there.
    """

    name: ClassVar[str] = "human36m-motionbert"
    skeleton = HUMAN36M_17
    fps = FPS

    def __init__(self, path: str | Path) -> None:
        super().__init__(path)
        with naming(self.path):
            self._file = self.path / FILE if self.path.is_dir() else self.path
            check_no_folder(self._file)
            if not self._file.is_file():
                raise InputError(
                    f"there is no {FILE} in this folder; give the file itself, not the clips that "
                    "MotionBERT's scripts cut from it"
                )

    def sources(self) -> tuple[str, ...]:
        """``sh``: the Stacked Hourglass; ``gt``: the pixels of the 3D, without confidence."""
        return ("sh", "gt")

    def expected(self) -> Mapping[str, Sequence[str]]:
        """Two videos of every action by every subject, at least one of Directions by S11."""
        held = {s: dict.fromkeys(v.key for v in self._videos if v.subject == s) for s in SUBJECTS}
        return {subject: two_of_each(subject, [*keys]) for subject, keys in held.items()}

    def facts(self, sources: Sequence[str] | None = None) -> dict[str, Any]:
        """Name of the file, and for which part metres are only assumed."""
        assumed = [part for part, arrays in self._arrays.items() if _METRIC[0] not in arrays]
        about = {"data": self.name, "files": [self._file.name]}
        return about | ({"metres_assumed": assumed} if assumed else {})

    def _listed(self, sources: Sequence[str], subjects: Sequence[str] | None) -> Sequence[Entry]:
        """In the order of the file, the training part first."""
        return [
            Entry(
                name=video.name,
                subject=video.subject,
                key=video.key,
                action=video.action,
                camera=video.camera,
                frames_3d=video.stop - video.first,
                frames_2d=dict.fromkeys(sources, video.stop - video.first),
            )
            for video in self._videos
        ]

    def _check_actions(self, actions: Sequence[str], listed: Sequence[Entry]) -> None:
        check_actions(actions, listed)

    def _read(self, entry: Entry, source: str) -> Recording | None:
        video = next(video for video in self._videos if video.name == entry.name)
        arrays = self._arrays[video.part]
        with naming(self._file):
            joints, metres_per_unit = _metric(arrays, video)
            return Recording(
                name=video.name,
                subject=video.subject,
                action=video.action,
                keypoints=_keypoints(arrays, video, source, self._about(entry, source)),
                joints=joints,
                skeleton=HUMAN36M_17,
                camera=video.camera,
                placed=False,
                metric=_METRIC[0] in arrays,
                metres_per_unit=metres_per_unit,
            )

    @property
    def _arrays(self) -> dict[str, dict[str, np.ndarray]]:
        """Arrays of both parts."""
        return self._content[0]

    @property
    def _videos(self) -> tuple[_Video, ...]:
        return self._content[1]

    @cached_property
    def _content(self) -> tuple[dict[str, dict[str, np.ndarray]], tuple[_Video, ...]]:
        content = load_pickle(self._file)
        with naming(self._file):
            parts, videos = {}, []
            for name in ("train", "test"):
                part = member(dictionary(content, "its content"), name, "it")
                texts, parts[name] = _checked(dictionary(part, f"part {name!r}"), name)
                videos += _cut(texts, name)
            if not videos:
                raise InputError("neither part of it has a frame; get the file anew")
            _check_names(videos)
        return parts, tuple(videos)


def _keypoints(
    arrays: Mapping[str, np.ndarray], video: _Video, source: str, about: dict[str, Any]
) -> Keypoints:
    """2D of one video: that of the detector with its confidence, or that of the 3D."""
    detected = source == "sh"
    points = arrays["joint_2d" if detected else "joint3d_image"][video.frames, :, :2]
    with naming(video.name):
        if not np.isfinite(points).all():
            raise InputError("it has NaN or infinite 2D points; the file is damaged: get it anew")
        return Keypoints(
            points,
            HUMAN36M_17,
            FPS,
            _SIZES[video.camera],
            arrays["confidence"][video.frames] if detected else None,
            provenance=about,
        )


def _metric(arrays: Mapping[str, np.ndarray], video: _Video) -> tuple[np.ndarray, np.ndarray]:
    """3D of one video (f, 17, 3) relative to the pelvis, and metres per screen unit (f,)."""
    half_width = _SIZES[video.camera][0] / 2
    if _METRIC[0] in arrays:
        joints = arrays[_METRIC[0]][video.frames].astype(np.float64) / 1000.0
        factor = arrays[_METRIC[1]][video.frames].astype(np.float64)
        if not (np.isfinite(factor) & (factor > 0)).all():
            raise InputError(
                f"{video.name}: it has a 2.5d_factor that is not positive; the file is damaged: "
                "get it anew"
            )
        _check_factors(arrays, video)
        metres = factor * half_width / 1000.0
    else:
        image = arrays["joint3d_image"][video.frames].astype(np.float64)
        joints = image / half_width * ASSUMED_METRES_PER_UNIT
        metres = np.full(len(image), ASSUMED_METRES_PER_UNIT)
    return _relative(joints).astype(np.float32), metres


def _relative(joints: np.ndarray) -> np.ndarray:
    """(f, 17, 3) without the pelvis's place."""
    root = HUMAN36M_17.root_index
    return joints - joints[:, root : root + 1]


def _check_factors(arrays: Mapping[str, np.ndarray], video: _Video) -> None:
    """Raise `InputError` unless a factor takes the 3D in pixels to that in millimetres."""
    image, metric, factor = (
        arrays[key][video.frames].astype(np.float64) for key in ("joint3d_image", *_METRIC)
    )
    made, metric = _relative(image * factor[:, None, None]), _relative(metric)
    gap, size = (np.linalg.norm(each, axis=-1).mean(axis=-1) for each in (made - metric, metric))
    wrong = np.flatnonzero(gap > _FACTOR_OFF * size)
    if len(wrong):
        raise InputError(
            f"{video.name}: in frame {wrong[0]} joint3d_image times 2.5d_factor is off "
            f"joints_2.5d_image by {gap[wrong[0]]:.4g} mm, in {len(wrong)} of {len(gap)} frames in "
            "all; the three do not belong together, so no figure would be in millimetres: get the "
            "file anew"
        )


def _checked(part: dict[str, Any], name: str) -> tuple[dict[str, list[Any]], dict[str, np.ndarray]]:
    """The texts and the arrays of a part, of equal length."""
    what = f"part {name!r}"
    wanted = [*_ARRAYS]
    if name == "test" or all(key in part for key in _METRIC):
        wanted += _METRIC
    held = {key: member(part, key, what) for key in wanted}
    texts = {key: _texts(held.pop(key), key, what) for key in ("camera_name", "source", "action")}
    count = len(texts["source"])
    arrays = {}
    for key, value in held.items():
        array = numbers(np.asarray(value), "*", f"{key!r} of {what}")
        if key == "confidence" and array.shape[2:] == (1,):
            array = array[..., 0]
        if key == "joint_2d" and array.shape[2:] == (3,):
            array = array[..., :2]  # as MotionBERT does
        pattern = {"joint_2d": "17 2", "confidence": "17", "2.5d_factor": ""}.get(key, "17 3")
        arrays[key] = numbers(array, f"{count} {pattern}", f"{key!r} of {what}")
    for key, values in texts.items():
        if len(values) != count:
            raise InputError(
                f"part {name!r} has {len(values)} entries of {key!r} but {count} of 'source'; they "
                "must be one per frame: get the file anew"
            )
    return texts, arrays


def _texts(value: Any, key: str, what: str) -> list[Any]:
    """The entries of a list, or of an array that stands for one."""
    if not isinstance(value, list | tuple) and getattr(value, "ndim", 0) != 1:
        raise InputError(
            f"{key!r} of {what} is no list ({kind_of(value)}); it must have one entry per frame: "
            "get the file anew"
        )
    return list(value)


def _cut(texts: Mapping[str, list[Any]], part: str) -> Iterator[_Video]:
    """The videos of a part: runs of frames of the same source."""
    first = 0
    for source, run in itertools.groupby(texts["source"]):
        stop = first + sum(1 for _ in run)
        frames = slice(first, stop)
        match = _SOURCE.fullmatch(source) if isinstance(source, str) else None
        if match is None:
            raise InputError(
                f"source {source!r} of part {part!r} is not such as s_09_act_05_subact_02_ca_01; "
                f"give {FILE} as MotionBERT published it"
            )
        cameras = {str(camera) for camera in texts["camera_name"][frames]}
        if len(cameras) != 1 or not cameras <= set(_SIZES):
            raise InputError(
                f"source {source!r} is of camera {' and '.join(sorted(cameras))}; it must be one "
                f"of {', '.join(_SIZES)}"
            )
        subject, act, subact = (int(match[group]) for group in (1, 2, 3))
        action = _action(source, act, {str(action) for action in texts["action"][frames]})
        key = f"{action} {subact}"
        yield _Video(part, first, stop, f"S{subject}", key, action, cameras.pop())
        first = stop


def _action(source: str, act: int, named: set[str]) -> str:
    """Class label by the number of the action, which a name in the file must not contradict."""
    if not 2 <= act < 2 + len(_ACTS):
        raise InputError(
            f"source {source!r} has the action {act}; those of Human3.6M are 2 to {1 + len(_ACTS)}"
        )
    label = _ACTS[act - 2]
    for name in sorted(named):
        if action_of(name) in ACTIONS and action_of(name) != label:
            raise InputError(
                f"source {source!r} is {label} by its number but {name!r} by the array 'action'; "
                f"give {FILE} as MotionBERT published it"
            )
    return label


def _check_names(videos: Sequence[_Video]) -> None:
    """Raise `InputError` where frames of one video stand in two places."""
    seen: set[str] = set()
    for video in videos:
        if video.name in seen:
            raise InputError(
                f"the frames of {video.name} do not follow each other; give {FILE} as MotionBERT "
                "published it"
            )
        seen.add(video.name)
