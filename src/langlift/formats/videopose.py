"""Read VideoPose3D's 2D files: ``data_2d_custom_*.npz`` and its siblings, pickled dictionaries.

``positions_2d`` is ``{video: {"custom": [(f, j, 2), ...]}}`` in pixels, a list with an array for
each camera; ``metadata`` says ``layout_name``, ``num_joints`` and of each video ``w``, ``h`` and
perhaps ``fps``. Layout: VideoPose3D's ``prepare_data_2d_custom.py``. A video counts as a person of
the clip, since only one of them is lifted at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError, unknown
from ..skeletons import COCO_17, HUMAN36M_17, HUMANEVA_15, Skeleton, get_skeleton
from .clip import Clip, ReadOptions, Track, frame_count
from .npz_arrays import array_names
from .object_arrays import load_objects
from .plain_objects import by_subject, dictionary, numbers

#: The conventions of 2D in VideoPose3D's files, by the names of their layouts.
LAYOUTS: dict[str, Skeleton] = {"coco": COCO_17, "h36m": HUMAN36M_17, "humaneva15": HUMANEVA_15}
_CUSTOM = "custom"
_LISTED = 20


def sniff(path: Path) -> bool:
    """Whether a file is an npz with VideoPose3D's 2D dictionary."""
    return path.is_file() and "positions_2d" in array_names(path)


def parse(path: Path, options: ReadOptions) -> Clip:
    """Read one video; where there are several, `options.person` says which."""
    wanted = ["positions_2d", *(["metadata"] if "metadata" in array_names(path) else [])]
    stored = load_objects(path, wanted)
    videos = _videos(stored["positions_2d"])
    metadata = dictionary(stored["metadata"], "metadata") if "metadata" in stored else {}
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
    found = {}
    for video, actions in by_subject(positions, "positions_2d").items():
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
    points = numbers(array, "* c", f"positions_2d of {name!r}").astype(np.float64)
    if points.ndim != 3 or points.shape[2] not in (2, 3) or 0 in points.shape:
        raise InputError(
            f"positions_2d of {name!r} has shape {points.shape}; it must be (frames, joints, 2), "
            "or 3 with scores"
        )
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
    try:
        return convention_of({**metadata, "num_joints": joints})
    except InputError as error:
        raise InputError(f"{error}; name the skeleton with --skeleton") from error


def convention_of(metadata: Any, among: Sequence[Skeleton] = tuple(LAYOUTS.values())) -> Skeleton:
    """The convention of the joints of a file of 2D, by what its metadata say.

    It is told by the number of the joints and by which of them are left and right, in any order;
    where the sides are not said, by the name of the layout.

    Args:
        metadata: ``num_joints`` and ``keypoints_symmetry`` or ``layout_name``.
        among: the conventions that may be.

    Raises:
        InputError: for none of them; the message does not name the file.
    """
    said = dictionary(metadata, "metadata")
    stated, sides = said.get("num_joints"), said.get("keypoints_symmetry")
    count = int(stated) if isinstance(stated, int | np.integer) else None
    layout = said.get("layout_name")
    if count == 16 and HUMAN36M_17 in among:
        raise InputError(
            "it has 16 joints, the variant without neck_nose (joint 9); langlift takes 17: use a "
            "file with all of them, such as data_2d_h36m_cpn_ft_h36m_dbb.npz"
        )
    for name, skeleton in LAYOUTS.items():
        same = layout == name if sides is None else _sorted(sides) == _sides(skeleton)
        if skeleton in among and count == len(skeleton) and same:
            return skeleton
    about = f"layout {layout!r}" if sides is None else f"left and right {_sorted(sides)}"
    known = ", ".join(f"{len(s)} with {_sides(s)} ({s.name})" for s in among)
    raise InputError(
        f"its metadata names {stated!r} joints with {about}; known are {known}: use a file of 2D "
        "in one of these"
    )


def _sorted(sides: Any) -> list[list[int]] | None:
    """The joints of both sides in order; None for what are no lists of whole numbers."""
    try:
        return [sorted(int(joint) for joint in side) for side in sides]
    except (TypeError, ValueError):
        return None


def _sides(skeleton: Skeleton) -> list[list[int]]:
    return [
        [j for j, joint in enumerate(skeleton.joints) if joint.startswith(side)]
        for side in ("left_", "right_")
    ]
