"""Read OpenPose's JSON: a folder with one ``*_keypoints.json`` per frame, or a single file.

Each file holds ``{"people": [{"pose_keypoints_2d": [x, y, score, ...]}, ...]}``. It says neither
the frame rate nor the image size, and not which layout its 25 joints are in: OpenPose's default
BODY_25 is assumed, while BODY_25B has 25 joints too. Layout: the OpenPose documentation, "Output".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..skeletons import get_skeleton
from .clip import (
    Clip,
    ReadOptions,
    frame_count,
    frame_positions,
    points_from_flat,
    tracks_from_frames,
)
from .files import naming, read_json

_ENDING = "_keypoints.json"
_DEFAULT = "body_25"


def sniff(path: Path) -> bool:
    """Whether a folder has OpenPose's per-frame files, or a file is one of them."""
    if path.is_dir():
        return any(path.glob(f"*{_ENDING}"))
    return b'"people"' in path.read_bytes()


def parse(path: Path, options: ReadOptions) -> Clip:
    """Read a folder of frames or a single file (one frame, or a list of frames)."""
    skeleton = get_skeleton(options.skeleton or _DEFAULT)
    note: dict[str, Any] = {}
    if path.is_dir():
        frames, note = _folder(path)
    else:
        content = read_json(path)
        frames = dict(enumerate(content if isinstance(content, list) else [content]))
    people: dict[str, dict[int, np.ndarray]] = {}
    for frame, content in sorted(frames.items()):
        for index, points in _people(content, frame):
            people.setdefault(str(index), {})[frame] = points
    if not people:
        raise InputError(
            f"nobody was found in it ({frame_count(len(frames))}); give the detector a video in "
            "which somebody can be seen"
        )
    provenance = {"file": path.name, "format": "openpose", **note}
    if options.skeleton is None:
        provenance["layout"] = (
            "25 joints read as BODY_25, OpenPose's default; BODY_25B has 25 joints too "
            "(--skeleton body_25b)"
        )
    if len(people) > 1:
        provenance["people"] = "by their index in each frame, not tracked"
    return Clip(
        length=max(frames) + 1,
        skeleton=skeleton,
        people=tracks_from_frames(people, skeleton),
        provenance=provenance,
    )


def _folder(path: Path) -> tuple[dict[int, Any], dict[str, Any]]:
    """The content of each frame's file by position in the clip, and a note on the numbering."""
    files = sorted(path.glob(f"*{_ENDING}"))
    if not files:
        raise InputError(f"the folder holds no *{_ENDING} files; give the folder OpenPose wrote to")
    numbered = _frame_numbers(files)
    positions, note = frame_positions(numbered, "frame numbers")
    contents: dict[int, Any] = {}
    for number, file in numbered.items():
        with naming(file.name):
            contents[positions[number]] = read_json(file)
    return contents, note


def _frame_numbers(files: Sequence[Path]) -> dict[int, Path]:
    """Frame number of each file: the last number in its name."""
    if len(files) == 1:
        return {0: files[0]}
    numbered: dict[int, Path] = {}
    clips: set[str] = set()
    for file in files:
        match = re.fullmatch(r"(.*?)(\d{1,18})", file.name.removesuffix(_ENDING))
        if match is None:
            raise InputError(f"{file.name} has no frame number before {_ENDING}; rename it")
        clips.add(match[1])
        numbered[int(match[2])] = file
    if len(clips) > 1 or len(numbered) < len(files):
        listed = ", ".join(repr(clip) for clip in sorted(clips)[:5])
        raise InputError(
            f"the folder holds more than one clip (file names begin with {listed}); keep one clip "
            "in a folder"
        )
    return numbered


def _people(content: Any, frame: int) -> list[tuple[int, np.ndarray]]:
    """Index and (j, 3) points of everybody in one frame; an empty list means without a body."""
    people = content.get("people") if isinstance(content, dict) else None
    if not isinstance(people, list):
        raise InputError(f"frame {frame} has no list 'people'; this is not OpenPose's JSON")
    found = []
    for index, person in enumerate(people):
        values = person.get("pose_keypoints_2d") if isinstance(person, dict) else None
        if values is None:
            raise InputError(f"person {index} in frame {frame} has no 'pose_keypoints_2d'")
        if values != []:
            what = f"pose_keypoints_2d of person {index} in frame {frame}"
            found.append((index, points_from_flat(values, what)))
    return found
