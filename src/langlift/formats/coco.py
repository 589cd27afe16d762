"""Read COCO keypoint JSON: annotations with images, or a bare list of detector results.

An annotation file is ``{"images": [...], "annotations": [{"image_id", "keypoints"}, ...]}``, a
results file the bare list. ``keypoints`` is x, y, v for each joint; v is a visibility flag (0 not
labelled, 1 hidden, 2 visible) in annotations and usually a score in results. People are told apart
by ``track_id`` where there is one. Layout: the COCO documentation, "Data format" and "Results
format"; AlphaPose writes file names such as ``12.jpg`` for ``image_id``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..skeletons import COCO_17, Skeleton, get_skeleton
from .clip import Clip, ReadOptions, frame_positions, points_from_flat, tracks_from_frames
from .files import read_json
from .joint_names import match_names, order_for

_People = dict[str, dict[int, np.ndarray]]


def sniff(path: Path) -> bool:
    """Whether a JSON file has the words of a COCO keypoint file."""
    if not path.is_file():
        return False
    content = path.read_bytes()
    return b'"keypoints"' in content and b'"image_id"' in content


def parse(path: Path, options: ReadOptions) -> Clip:
    """Read an annotation or a results file."""
    content = read_json(path)
    document = content if isinstance(content, dict) else {"annotations": content}
    annotations = [a for a in _objects(document, "annotations") if a.get("keypoints")]
    if not annotations:
        raise InputError("no annotation holds keypoints; give a COCO keypoint file")
    images = _objects(document, "images")
    frames, note = _frames(images, annotations)
    skeleton, names = _layout(document, options.skeleton)
    people = _people(annotations, frames)
    note["confidence"] = _settle_confidence(people)
    if names:
        people = _in_order(people, names, skeleton)
    tracked = annotations[0].get("track_id") is not None
    note["people"] = "by track_id" if tracked else "by their index in each image, not tracked"
    return Clip(
        length=max(frames.values()) + 1,
        skeleton=skeleton,
        people=tracks_from_frames(people, skeleton),
        image_size=_image_size(images, options),
        provenance={"file": path.name, "format": "coco", **note},
    )


def _objects(document: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """A list of JSON objects by key, empty where there is none."""
    found = document.get(key, [])
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise InputError(f"{key!r} is not a list of objects; this is not COCO keypoint JSON")
    return found


def _frames(
    images: Sequence[Mapping[str, Any]], annotations: Sequence[Mapping[str, Any]]
) -> tuple[dict[str, int], dict[str, Any]]:
    """Position in the clip by image id (as text): the order of the images, or of the bare ids."""
    if not images:
        numbers = {_key(a, "image_id"): _number(a.get("image_id")) for a in annotations}
        positions, note = frame_positions(numbers.values(), "image ids")
        return {key: positions[number] for key, number in numbers.items()}, note
    if len({str(image.get("video_id")) for image in images}) > 1:
        raise InputError("the images are of several videos (video_id); give a file of one video")
    by = "frame_id" if all("frame_id" in image for image in images) else "id"
    numbers = {_key(image, "id"): _number(image.get(by)) for image in images}
    if len(set(numbers.values())) < len(images):
        raise InputError(f"two images have the same {by}; give each its own")
    order = sorted(numbers, key=lambda key: numbers[key])
    return {key: position for position, key in enumerate(order)}, {"frames_in_order_of": by}


def _key(item: Mapping[str, Any], name: str) -> str:
    value = item.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise InputError(f"{name} is {value!r}; it must be a number or a file name")
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _number(value: Any) -> int:
    """The frame number in an id: the number itself, or the last one in a file name."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    digits = re.findall(r"\d{1,18}", value) if isinstance(value, str) else []
    if not digits:
        raise InputError(f"the image id {value!r} holds no frame number; give a number")
    return int(digits[-1])


def _layout(document: Mapping[str, Any], chosen: str | None) -> tuple[Skeleton, list[str] | None]:
    """The skeleton, and the joint names where the file gives them.

    The user's word comes first, then the names in ``categories``, then COCO's 17 joints.
    """
    if chosen is not None:
        return get_skeleton(chosen), None
    for category in _objects(document, "categories"):
        names = category.get("keypoints")
        if isinstance(names, list) and names and all(isinstance(n, str) for n in names):
            return match_names(names), names
    return COCO_17, None


def _people(annotations: Sequence[Mapping[str, Any]], frames: Mapping[str, int]) -> _People:
    """(j, 3) points by person and frame, as they are in the file."""
    tracked = sum(a.get("track_id") is not None for a in annotations)
    if tracked not in (0, len(annotations)):
        raise InputError(
            f"{tracked} of {len(annotations)} annotations have a track_id; give it to all or none"
        )
    people: _People = {}
    counts: dict[int, int] = {}
    for number, annotation in enumerate(annotations):
        image = _key(annotation, "image_id")
        if image not in frames:
            raise InputError(f"annotation {number} is of image {image}, which is not in 'images'")
        frame = frames[image]
        counts[frame] = counts.get(frame, -1) + 1
        person = _key(annotation, "track_id") if tracked else str(counts[frame])
        of_person = people.setdefault(person, {})
        if frame in of_person:
            raise InputError(f"track_id {person} occurs twice in image {image}; give each its own")
        of_person[frame] = points_from_flat(
            annotation["keypoints"], f"keypoints of annotation {number}"
        )
    return people


def _settle_confidence(people: _People) -> str:
    """Turn visibility flags, where the third values are such, into confidence 1 or 0, in place."""
    arrays = [points for frames in people.values() for points in frames.values()]
    if not all(np.isin(points[:, 2], (0, 1, 2)).all() for points in arrays):
        return "detector scores"
    for points in arrays:
        points[:, 2] = points[:, 2] > 0
    return "visibility flags: 1 where a joint is labelled, visible or not"


def _in_order(people: _People, names: Sequence[str], skeleton: Skeleton) -> _People:
    """The joints put in the skeleton's order by their names."""
    order = order_for(names, skeleton)
    for person, frames in people.items():
        for frame, points in frames.items():
            if len(points) != len(names):
                raise InputError(
                    f"person {person} has {len(points)} joints in frame {frame} but the category "
                    f"names {len(names)}"
                )
            frames[frame] = points[order]
    return people


def _image_size(images: Sequence[Mapping[str, Any]], options: ReadOptions) -> Any:
    """(width, height) of the images, which must be the same for a video."""
    sizes = {
        (str(image.get("width")), str(image.get("height"))): (image["width"], image["height"])
        for image in images
        if "width" in image and "height" in image
    }
    if len(sizes) > 1 and options.image_size is None:
        listed = " and ".join(" x ".join(size) for size in [*sizes][:2])
        raise InputError(
            f"the images have several sizes ({listed}); give --image-size WIDTH HEIGHT if they are "
            "of one video"
        )
    return next(iter(sizes.values()), None)
