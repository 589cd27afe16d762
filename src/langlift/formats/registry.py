"""The formats that langlift reads and writes, and how the right one is found.

Add a reader: one module with ``sniff`` and ``parse`` and one entry in `READERS`. Add a writer: one
function and one entry in `WRITERS`. Everything else (choice, options, validation, people) follows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError, unknown
from ..tracks import Keypoints, Motion
from . import coco, detections, motion_csv, motion_json, npz, openpose, videopose
from .clip import Clip, Reader, ReadOptions
from .files import check_exists, naming, read_json
from .npz_arrays import array_names, load_arrays

_PICTURES = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".gif", ".jpg", ".jpeg", ".png")

READERS: dict[str, Reader] = {
    reader.name: reader
    for reader in (
        Reader(
            "npz",
            "langlift's own keypoints: xy, confidence, skeleton, fps, image_size",
            (".npz",),
            npz.sniff,
            npz.parse,
        ),
        Reader(
            "detections",
            "npz of detector output: det2d_<layout> (frames, joints, x y score)",
            (".npz",),
            detections.sniff,
            detections.parse,
        ),
        Reader(
            "openpose",
            "OpenPose JSON: a folder of *_keypoints.json, or a single file",
            ("/", ".json"),
            openpose.sniff,
            openpose.parse,
        ),
        Reader(
            "coco",
            "COCO keypoint JSON: annotations with images, or a bare list of results",
            (".json",),
            coco.sniff,
            coco.parse,
        ),
        Reader(
            "videopose",
            "VideoPose3D's data_2d_custom_*.npz: positions_2d by video, metadata",
            (".npz",),
            videopose.sniff,
            videopose.parse,
        ),
    )
}


@dataclass(frozen=True)
class Writer:
    """One format of 3D motion files.

    Args:
        name: the name users write after --format; the file's suffix without the dot.
        description: one line for people.
        write: writes a motion to a path, whole or not at all.
    """

    name: str
    description: str
    write: Callable[[Motion, str | Path], Path]


WRITERS: dict[str, Writer] = {
    writer.name: writer
    for writer in (
        Writer("npz", "everything, exactly; read_motion() reads it back", npz.write_motion),
        Writer("json", "everything as text, to the micrometre", motion_json.write_motion),
        Writer("csv", "a table with one row per frame, metres", motion_csv.write_motion),
    )
}


def read(path: str | Path, options: ReadOptions | None = None) -> Keypoints:
    """Keypoints of one person from a 2D keypoint file or folder; the format is found out.

    Args:
        path: a file or folder in one of the formats in `READERS`.
        options: what the user says about the file.

    Raises:
        InputError: one sentence that names the file: when there is none, it is damaged or of no
            known format, it could be of several formats, it holds several people and none is
            chosen, or its keypoints cannot be lifted.
    """
    options = options or ReadOptions()
    with naming(path):
        clip = _clip(Path(path), options)
        return clip.keypoints(clip.only(options.person))


def read_people(path: str | Path, options: ReadOptions | None = None) -> list[Keypoints]:
    """Like `read`, but everybody in the file (or the one chosen), in the file's order."""
    options = options or ReadOptions()
    with naming(path):
        clip = _clip(Path(path), options)
        return [clip.keypoints(name) for name in clip.chosen(options.person)]


def write(motion: Motion, path: str | Path, format: str | None = None) -> Path:
    """Write a motion, whole or not at all, in the format of the suffix or the one named.

    Returns:
        The path that was written.

    Raises:
        InputError: when the format is unknown or the file cannot be written.
    """
    name = format if format is not None else Path(path).suffix.lower().removeprefix(".")
    if not name:
        raise InputError(
            f"{path}: the name has no suffix to choose the format by; end it with one of "
            f"{', '.join(f'.{known}' for known in WRITERS)}, or name the format"
        )
    if name not in WRITERS:
        with naming(path):
            raise unknown("output format", name, WRITERS)
    return WRITERS[name].write(motion, path)


def _clip(path: Path, options: ReadOptions) -> Clip:
    check_exists(path)
    if options.format is not None:
        if options.format not in READERS:
            raise unknown("format", options.format, READERS)
        return READERS[options.format].clip(path, options)
    return _detect(path).clip(path, options)


def _detect(path: Path) -> Reader:
    """The one reader that knows the file by its content."""
    suffix = "/" if path.is_dir() else path.suffix.lower()
    if suffix in _PICTURES:
        raise InputError(
            "this is a video or picture; langlift lifts the 2D keypoints that a pose detector "
            "(OpenPose, RTMPose, AlphaPose) finds in it: run one first and give its file"
        )
    candidates = [reader for reader in READERS.values() if suffix in reader.suffixes]
    if not candidates:
        raise InputError(
            f"a file that ends in {suffix!r} is no keypoint file that is known; accepted are "
            ".npz, .json and a folder of OpenPose JSON; if it is one of these, name it with "
            f"--format ({', '.join(READERS)})"
        )
    found = [reader for reader in candidates if reader.sniff(path)]
    if len(found) > 1:
        flags = " or ".join(f"--format {reader.name}" for reader in found)
        raise InputError(f"this could be of several formats; say which with {flags}")
    if not found:
        raise _unrecognised(path, candidates)
    return found[0]


def _unrecognised(path: Path, candidates: list[Reader]) -> InputError:
    """Why no reader knows a file; raises the damage itself where the file is damaged."""
    accepted = "; ".join(f"{reader.name} ({reader.description})" for reader in candidates)
    if path.is_dir():
        return InputError(
            "the folder holds no *_keypoints.json files; give the folder OpenPose wrote to, or a "
            "single file"
        )
    if path.suffix.lower() == ".json":
        read_json(path)
        return InputError(f"this JSON is no keypoint format that is known; accepted: {accepted}")
    load_arrays(path, lambda _: False)
    names = array_names(path)
    if {"joints", "space"} <= set(names):
        return InputError("this is a 3D motion already; give the 2D keypoints it was made from")
    return InputError(
        f"its arrays ({', '.join(names) or 'none'}) are no keypoint format that is known; "
        f"accepted: {accepted}"
    )
