"""Read VideoPose3D's 2D files: ``data_2d_custom_*.npz`` and its siblings, pickled dictionaries.

``positions_2d`` is ``{video: {"custom": [(f, j, 2), ...]}}`` in pixels, a list with an array for
each camera; ``metadata`` says ``layout_name``, ``num_joints`` and of each video ``w``, ``h`` and
perhaps ``fps``. Layout: VideoPose3D's ``prepare_data_2d_custom.py``. A video counts as a person of
the clip, since only one of them is lifted at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError, unknown
from ..skeletons import COCO_17, HUMAN36M_17, HUMANEVA_15, Skeleton, get_skeleton
from .clip import Clip, ReadOptions, Track, frame_count
from .npz_arrays import array_names
from .object_arrays import read_objects

#: The layouts that VideoPose3D names, by name and number of joints.
LAYOUTS: dict[tuple[str, int], Skeleton] = {
    ("coco", 17): COCO_17,
    ("h36m", 17): HUMAN36M_17,
    ("humaneva15", 15): HUMANEVA_15,
}
_CUSTOM = "custom"
_LISTED = 20


def sniff(path: Path) -> bool:
    """Whether a file is an npz with VideoPose3D's 2D dictionary."""
    return path.is_file() and "positions_2d" in array_names(path)


def parse(path: Path, options: ReadOptions) -> Clip:
    """Read one video; where there are several, `options.person` says which."""
    wanted = ["positions_2d", *(["metadata"] if "metadata" in array_names(path) else [])]
    stored = read_objects(path, wanted)
    videos = _videos(stored["positions_2d"])
    metadata = stored.get("metadata", {})
    if not isinstance(metadata, dict):
        raise InputError("metadata is no dictionary; make the file with VideoPose3D's script")
    name = _chosen(videos, options.person)
    points = _points(videos[name], name)
    said = _said_of(metadata, name)
    width, height = said.get("w"), said.get("h")
    return Clip(
        length=len(points),
        skeleton=_skeleton(metadata, points.shape[1], options.skeleton),
        people={name: Track(np.arange(len(points)), points)},
        fps=said.get("fps"),
        image_size=None if width is None or height is None else (width, height),
        provenance={"file": path.name, "format": "videopose", "video": name},
    )


def _videos(positions: Any) -> dict[str, Any]:
    """The arrays by name: the video's, with what tells its actions and cameras apart."""
    if not isinstance(positions, dict) or not positions:
        raise InputError("positions_2d is no dictionary of videos; give VideoPose3D's 2D file")
    found = {}
    for video, actions in positions.items():
        if not isinstance(actions, dict):
            raise InputError(f"positions_2d of {video!r} is no dictionary of lists of arrays")
        for action, cameras in actions.items():
            listed = list(cameras) if isinstance(cameras, list | np.ndarray) else None
            if not listed:
                raise InputError(f"positions_2d of {video!r}, {action!r}, is no list of arrays")
            base = f"{video}" if action == _CUSTOM else f"{video}/{action}"
            for number, array in enumerate(listed):
                found[base if len(listed) == 1 else f"{base}/{number}"] = array
    return found


def _chosen(videos: Mapping[str, Any], person: str | None) -> str:
    if person is not None:
        if person not in videos:
            raise InputError(f"{unknown('video', person, videos)} (choose one with --person)")
        return person
    if len(videos) > 1:
        counts = [f"{n} ({frame_count(len(a))})" for n, a in [*videos.items()][:_LISTED]]
        if len(videos) > _LISTED:
            counts.append(f"and {len(videos) - _LISTED} more")
        raise InputError(
            f"there are {len(videos)} videos: {', '.join(counts)}; choose one with --person"
        )
    return next(iter(videos))


def _points(array: Any, name: str) -> np.ndarray:
    """(f, j, 3) pixels and score, 1 where the file has none."""
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "iuf":
        raise InputError(f"positions_2d of {name!r} is no array of numbers")
    if array.ndim != 3 or array.shape[2] not in (2, 3) or 0 in array.shape:
        raise InputError(
            f"positions_2d of {name!r} has shape {array.shape}; it must be (frames, joints, 2), or "
            "3 with scores"
        )
    points = array.astype(np.float64)
    if points.shape[2] == 2:
        seen = np.isfinite(points).all(axis=-1, keepdims=True)
        points = np.concatenate([points, seen], axis=-1)
    return points


def _said_of(metadata: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """What the metadata say of a video; empty where they say nothing."""
    videos = metadata.get("video_metadata", {})
    said = videos.get(name.partition("/")[0], {}) if isinstance(videos, dict) else None
    if not isinstance(said, dict):
        raise InputError(f"video_metadata of {name!r} is no dictionary; give w and h in one")
    return said


def _skeleton(metadata: Mapping[str, Any], joints: int, chosen: str | None) -> Skeleton:
    if chosen is not None:
        return get_skeleton(chosen)
    layout = str(metadata.get("layout_name", ""))
    if (layout, joints) in LAYOUTS:
        return LAYOUTS[layout, joints]
    said = f"its layout is {layout!r}" if layout else "it names no layout"
    raise InputError(
        f"{said} and it has {joints} joints, which is none that is known "
        f"({', '.join(f'{n} with {j}' for n, j in LAYOUTS)}); name the skeleton with --skeleton"
    )
