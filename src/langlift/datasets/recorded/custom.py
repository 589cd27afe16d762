"""Your own 2D and 3D: npz files without pickle, one for each person in each camera's video.

A file is one of langlift's keypoint files (`langlift.formats.npz`) with the 3D beside the 2D;
docs/data.md, "Your own 2D and 3D", lists its keys.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ...errors import InputError, check_shape, unknown
from ...formats import READERS, ReadOptions
from ...formats.files import naming
from ...formats.npz_arrays import array_shapes, load_arrays, numeric, scalar, string
from ...geometry.cameras import Camera
from ...skeletons import Skeleton, get_skeleton
from ...tracks import SPACE_AXES, Keypoints, check_fps
from ..recordings import PARTS, Entry, RecordedDataset, Recording
from .npz_pairs import (
    CAMERA_ARRAYS,
    camera_of,
    check_present,
    names_in,
    npz_files,
    placement_of,
    same_everywhere,
    size_of,
    text_or,
)

GIVEN = "given"
_NEEDED = ("xy", "fps", "image_size", "joints_3d", "skeleton_3d", "space", "subject")
_TEXTS = ("skeleton_3d", "space", "subject", "action", "part", "camera", "source")
#: How far a root may be from zero where the file says that it is at zero, metres.
_ROOT_AT_ZERO = 1e-3


@dataclass(frozen=True)
class _Pair:
    """What a file says of itself before its frames are read."""

    path: Path
    entry: Entry
    source: str
    skeleton: Skeleton
    space: str
    part: str
    fps: float


class CustomPairs(RecordedDataset):
    """A file, or the files of a folder and its subfolders, in the layout of docs/data.md.

    Args:
        path: the file or folder.

    Raises:
        InputError: for a file that lacks something or contradicts another one; it names the file.
    """

    name: ClassVar[str] = "custom"

    def __init__(self, path: str | Path) -> None:
        super().__init__(path)
        files = npz_files(self.path)
        self._pairs = {name: _head(name, file) for name, file in files.items()}
        by_file = {str(pair.path): pair for pair in self._pairs.values()}
        self.skeleton = same_everywhere(
            {file: pair.skeleton for file, pair in by_file.items()},
            "skeleton_3d",
            "one dataset has one skeleton: convert them or put them into two folders",
            lambda skeleton: repr(skeleton.name),
        )
        self.fps = same_everywhere(
            {file: pair.fps for file, pair in by_file.items()},
            "an fps of",
            "one dataset has one rate: resample them or put them into two folders",
            "{:g}".format,
        )
        self.parts = _checked_parts([*self._pairs.values()])

    def sources(self) -> tuple[str, ...]:
        """The names in the files' ``source``, ``given`` where they have none."""
        return tuple(dict.fromkeys(pair.source for pair in self._pairs.values()))

    def facts(self, sources: Sequence[str] | None = None) -> dict[str, Any]:
        """The name and the files, with their folders."""
        pairs = [p for p in self._pairs.values() if sources is None or p.source in sources]
        files = names_in(self.path, [pair.path for pair in pairs])
        return {"data": self.name, "files": files}

    def _listed(self, sources: Sequence[str], subjects: Sequence[str] | None) -> Sequence[Entry]:
        return [pair.entry for pair in self._pairs.values()]

    def _read(self, entry: Entry, source: str) -> Recording | None:
        pair = self._pairs[entry.name]
        if pair.source != source:
            return None
        with naming(pair.path):
            return _recording(pair, self._about(entry, source))


def _head(name: str, path: Path) -> _Pair:
    """What a file says of itself; its frames stay unread."""
    with naming(path):
        shapes = array_shapes(path)
        check_present(shapes, _NEEDED, "2D and 3D pair")
        if not {"skeleton", "joint_names"} & set(shapes):
            raise InputError("it names no joints of xy; add skeleton or joint_names")
        texts = load_arrays(path, (*_TEXTS, "fps", "image_size").__contains__)
        size_of(texts)  # in the words of this file, not of a flag
        skeleton = get_skeleton(string(texts, "skeleton_3d"))
        if skeleton.root is None:
            raise InputError(
                f"skeleton_3d is {skeleton.name!r}, which has no root joint; convert joints_3d to "
                "one that has, such as human36m_17"
            )
        space = string(texts, "space")
        if space not in SPACE_AXES:
            raise unknown("space", space, SPACE_AXES)
        part = text_or(texts, "part", "")
        if part and part not in PARTS:
            raise unknown("part", part, PARTS)
        source = text_or(texts, "source", GIVEN)
        entry = Entry(
            name=name,
            subject=string(texts, "subject"),
            key=name,
            action=text_or(texts, "action", ""),
            camera=text_or(texts, "camera", ""),
            frames_3d=_frames(shapes, "joints_3d"),
            frames_2d={source: _frames(shapes, "xy")},
        )
        return _Pair(path, entry, source, skeleton, space, part, check_fps(scalar(texts, "fps")))


def _frames(shapes: Mapping[str, tuple[int, ...]], name: str) -> int:
    if len(shapes[name]) != 3:
        raise InputError(
            f"{name} has shape {shapes[name]}; it must be (frames, joints, "
            f"{2 if name == 'xy' else 3})"
        )
    return shapes[name][0]


def _checked_parts(pairs: Sequence[_Pair]) -> dict[str, tuple[str, ...]]:
    """Subjects by part; every file names its part or none does, and nobody is in two."""
    parts: dict[str, _Pair] = {}
    for pair in pairs:
        if bool(pair.part) != bool(pairs[0].part):
            without, named = sorted((pair, pairs[0]), key=lambda p: bool(p.part))
            raise InputError(
                f"{without.path} does not say its part but {named.path} does ({named.part}); give "
                "every file one, or none"
            )
        other = parts.setdefault(pair.entry.subject, pair)
        if other.part != pair.part:
            raise InputError(
                f"subject {pair.entry.subject!r} is in part {other.part} by {other.path} and in "
                f"{pair.part} by {pair.path}, and splits go by subject, since files of one person "
                "are alike; put all of them into one part, or give them subjects of two names, "
                f"such as '{pair.entry.subject}/train' and '{pair.entry.subject}/test'"
            )
    found = {part: tuple(s for s, pair in parts.items() if pair.part == part) for part in PARTS}
    return {part: subjects for part, subjects in found.items() if subjects}


def _recording(pair: _Pair, about: Mapping[str, Any]) -> Recording:
    """The frames of a file; errors do not name it yet."""
    clip = READERS["npz"].clip(pair.path, ReadOptions())
    keypoints = clip.keypoints(clip.only(None))
    keypoints = keypoints.replaced(provenance={**keypoints.provenance, **about})
    wanted = ("joints_3d", "scored", *CAMERA_ARRAYS)
    arrays = load_arrays(pair.path, wanted.__contains__)
    lens = camera_of(arrays, pair.entry.camera, keypoints.image_size)
    joints = numeric(arrays, "joints_3d")
    check_shape(joints, f"f {len(pair.skeleton)} 3", f"joints_3d ({pair.skeleton.name})")
    return Recording(
        name=pair.entry.name,
        subject=pair.entry.subject,
        action=pair.entry.action,
        keypoints=keypoints,
        joints=_in_camera(pair, joints.astype(np.float64), arrays, keypoints).astype(np.float32),
        skeleton=pair.skeleton,
        camera=pair.entry.camera,
        lens=lens,
        placed=pair.space != "root",
        scored=_scored(arrays, len(keypoints)),
    )


def _scored(arrays: Mapping[str, np.ndarray], frames: int) -> np.ndarray | None:
    if "scored" not in arrays:
        return None
    values = numeric(arrays, "scored")
    check_shape(values, f"{frames}", "scored")
    if not np.isin(values, (0, 1)).all():
        raise InputError("scored holds other values than 0 and 1; give 1 for frames that count")
    return values.astype(bool)


def _in_camera(
    pair: _Pair, joints: np.ndarray, arrays: Mapping[str, np.ndarray], keypoints: Keypoints
) -> np.ndarray:
    """(f, j, 3) in camera axes, metres, the root where it is or at zero."""
    if pair.space == "world":
        where: Camera = placement_of(arrays, pair.entry.camera, keypoints.image_size)
        return where.to_camera(joints)
    if pair.space == "root":
        root = np.abs(joints[:, pair.skeleton.root_index])
        off = float(np.nanmax(root, initial=0.0))
        if off > _ROOT_AT_ZERO:
            raise InputError(
                f"space is 'root' but the {pair.skeleton.root} lies up to {off:.3g} m from zero; "
                "subtract it, or say space 'camera' where it is the place in front of the camera"
            )
    return joints
