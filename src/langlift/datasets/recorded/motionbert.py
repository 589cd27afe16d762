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
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ...errors import InputError, check_shape, unknown
from ...formats.files import check_exists, naming
from ...geometry.human36m import human36m_cameras
from ...skeletons import HUMAN36M_17
from ...tracks import Keypoints
from ..recordings import Entry, RecordedDataset, Recording
from .human36m import ACTIONS, FPS, SUBJECTS, action_of, check_action, two_of_each
from .pickled import load_pickle

FILE = "h36m_sh_conf_cam_source_final.pkl"
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

    def __init__(self, path: Path) -> None:
        self.path = path
        with naming(path):
            check_exists(path)
            self._file = path / FILE if path.is_dir() else path
            if not self._file.is_file():
                raise InputError(
                    f"there is no {FILE} in this folder; give the file itself, not the clips that "
                    "MotionBERT's scripts cut from it"
                )
        self._parts: dict[str, dict[str, np.ndarray]] | None = None
        self._videos: tuple[_Video, ...] = ()

    def sources(self) -> tuple[str, ...]:
        """``sh``: the Stacked Hourglass; ``gt``: the pixels of the 3D, without confidence."""
        return ("sh", "gt")

    def entries(self) -> Sequence[Entry]:
        """Every video, in the order of the file, the training part first."""
        return tuple(
            Entry(
                name=video.name,
                subject=video.subject,
                key=video.key,
                action=video.action,
                camera=video.camera,
                frames_3d=video.stop - video.first,
                frames_2d=dict.fromkeys(self.sources(), video.stop - video.first),
            )
            for video in self._listed()
        )

    def expected(self) -> Mapping[str, Sequence[str]]:
        """Two videos of every action by every subject, at least one of Directions by S11."""
        held = {s: list(dict.fromkeys(v.key for v in self._of(s))) for s in SUBJECTS}
        return {subject: two_of_each(subject, keys) for subject, keys in held.items()}

    def facts(self) -> dict[str, Any]:
        """Name of the file, and for which part metres are only assumed."""
        assumed = [part for part, arrays in self._read().items() if _METRIC[0] not in arrays]
        about = {"data": self.name, "files": [self._file.name]}
        return about | ({"metres_assumed": assumed} if assumed else {})

    def recordings(
        self,
        source: str,
        subjects: Sequence[str] | None = None,
        actions: Sequence[str] | None = None,
    ) -> Iterator[Recording]:
        """The videos of both parts, one after the other; see `RecordedDataset.recordings`.

        Raises:
            InputError: also for a subject without one of the actions, and for damaged values.
        """
        if source not in self.sources():
            raise unknown("2D source", source, self.sources())
        for subject in subjects or ():
            if subject not in self.subjects:
                raise unknown(f"subject of {self._file.name}", subject, self.subjects)
        chosen = self.subjects if subjects is None else tuple(subjects)
        for action in actions or ():
            check_action(action, {s: {v.action for v in self._of(s)} for s in chosen})
        videos = [video for subject in chosen for video in self._of(subject)]
        return (
            self._recording(video, source)
            for video in videos
            if actions is None or video.action in actions
        )

    def _recording(self, video: _Video, source: str) -> Recording:
        arrays = self._read()[video.part]
        with naming(self._file):
            joints, metres_per_unit = _metric(arrays, video)
            return Recording(
                name=video.name,
                subject=video.subject,
                action=video.action,
                keypoints=_keypoints(arrays, video, source),
                joints=joints,
                skeleton=HUMAN36M_17,
                camera=video.camera,
                placed=False,
                metres_per_unit=metres_per_unit,
            )

    def _of(self, subject: str) -> list[_Video]:
        return [video for video in self._listed() if video.subject == subject]

    def _listed(self) -> tuple[_Video, ...]:
        self._read()
        return self._videos

    def _read(self) -> dict[str, dict[str, np.ndarray]]:
        """Arrays of both parts; read once."""
        if self._parts is None:
            content = load_pickle(self._file)
            with naming(self._file):
                parts, videos = {}, []
                for name in ("train", "test"):
                    part = content.get(name) if isinstance(content, dict) else None
                    texts, parts[name] = _checked(part, name)
                    videos += _cut(texts, name)
                _check_names(videos)
            self._parts, self._videos = parts, tuple(videos)
        return self._parts


def _keypoints(arrays: Mapping[str, np.ndarray], video: _Video, source: str) -> Keypoints:
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
            provenance={
                "data": MotionBertHuman36m.name,
                "source": source,
                "recording": video.name,
            },
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
        metres = factor * half_width / 1000.0
    else:
        image = arrays["joint3d_image"][video.frames].astype(np.float64)
        joints = image / half_width * ASSUMED_METRES_PER_UNIT
        metres = np.full(len(image), ASSUMED_METRES_PER_UNIT)
    root = HUMAN36M_17.root_index
    with np.errstate(invalid="ignore"):  # infinite joints are refused with the recording's name
        return (joints - joints[:, root : root + 1]).astype(np.float32), metres


def _checked(part: Any, name: str) -> tuple[dict[str, list[Any]], dict[str, np.ndarray]]:
    """The texts and the arrays of a part, of equal length."""
    if not isinstance(part, dict):
        raise InputError(f"it has no part {name!r}; give {FILE} as MotionBERT published it")
    wanted = [*_ARRAYS, *_METRIC] if name == "test" else _ARRAYS
    for array in wanted:
        if array not in part:
            raise InputError(
                f"part {name!r} lacks {array!r}, it holds {', '.join(map(str, part))}; give {FILE} "
                "as MotionBERT published it"
            )
    texts = {key: list(part[key]) for key in ("camera_name", "source", "action")}
    count = len(texts["source"])
    arrays = {key: np.asarray(part[key]) for key in wanted if key not in texts}
    if all(key in part for key in _METRIC):
        arrays |= {key: np.asarray(part[key]) for key in _METRIC}
    for key, array in [*arrays.items()]:
        if array.dtype.kind not in "fiu":
            raise InputError(f"{key!r} of part {name!r} is no array of numbers; get the file anew")
        if key == "confidence" and array.shape[2:] == (1,):
            array = array[..., 0]
        if key == "joint_2d" and array.shape[2:] == (3,):
            array = array[..., :2]  # as MotionBERT does
        pattern = {"joint_2d": "17 2", "confidence": "17", "2.5d_factor": ""}.get(key, "17 3")
        check_shape(array, f"{count} {pattern}", f"{key!r} of part {name!r}")
        arrays[key] = array
    for key, values in texts.items():
        if len(values) != count:
            raise InputError(
                f"part {name!r} has {len(values)} entries of {key!r} but {count} of 'source'; they "
                "must be one per frame: get the file anew"
            )
    return texts, arrays


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
