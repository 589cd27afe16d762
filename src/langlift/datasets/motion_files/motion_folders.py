"""Folders of BVH, ASF/AMC, C3D and exported AMASS files as labelled clips.

What a recording shows is said by its folder, by a table, by its name or by BABEL; who moves, by the
table, the name, the skeleton or an option. Nothing is left out silently: what cannot be read stops
the reading, unless it is asked to go on and report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...actions import words_of
from ...errors import InputError
from ...formats.files import naming, one_line
from ..clips import LabelledClip
from .amass import Span, read_amass
from .asf_amc import find_asf, read_amc
from .bvh import read_bvh
from .c3d import read_c3d
from .joint_families import JointMap, read_joint_map
from .motion_labels import FileLabel, FolderOptions, check_names, file_labels, label_of
from .placing import FPS, UNITS, UPS, Placed, place
from .source_motion import SourceMotion, Up

#: Shorter labelled parts than this are no motion.
FEWEST_FRAMES = 2


@dataclass
class MotionFolder:
    """What a folder held.

    Args:
        clips: the labelled clips, in the order of the files.
        found: what was found and not stated, and what was done to files, for people to read.
        left_out: files and labelled parts that give no clip, with the reason.
        broken: what was wrong with files that cannot be read; only with ``skip_broken``.
    """

    clips: list[LabelledClip] = field(default_factory=list)
    found: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


def read_motion_folder(
    folder: str | Path,
    options: FolderOptions | None = None,
    advance: Callable[[int, int], None] | None = None,
) -> MotionFolder:
    """Read all ``.bvh``, ``.amc``, ``.c3d`` and AMASS ``.npz`` files below a folder.

    Args:
        folder: the folder; names that begin with a dot are passed over.
        options: see `FolderOptions`.
        advance: called with the files done and all of them.

    Returns:
        Clips on the Human3.6M-17 skeleton, metres, z up, `placing.FPS`, the pelvis of the first
        frame at x = y = 0.

    Raises:
        InputError: when there is nothing to read, a file has no label or no subject, or one
            cannot be read; the message names it.
    """
    root, chosen = Path(folder), options or FolderOptions()
    if not root.is_dir():
        raise InputError(f"{root} is no folder; give the folder that holds the motion files")
    joint_map = None if chosen.joints is None else read_joint_map(chosen.joints)
    result = MotionFolder()
    labels = list(file_labels(root, chosen, result.left_out))
    if not labels:
        raise InputError(
            f"{root} holds no file that has a label; check the table, BABEL or the folder"
        )
    check_names(labels)
    ups: dict[Up, Path] = {}
    for done, label in enumerate(labels):
        try:
            with naming(label.path):
                motion = _read(label.path, chosen)
                placed = _place(motion, joint_map, chosen)
                _check_up(placed, label.path, ups)
                clips = list(_clips(label, motion, placed, root, chosen, result))
        except InputError as error:
            if not chosen.skip_broken:
                raise
            result.broken.append(one_line(error))
        else:
            result.clips += clips
            _note(result, label.path, placed)
        if advance is not None:
            advance(done + 1, len(labels))
    if not result.clips:
        reasons = "; ".join((*result.broken, *result.left_out)[:3])
        raise InputError(f"{root} gives no clip ({one_line(InputError(reasons))}); mend the files")
    return result


def _read(path: Path, options: FolderOptions) -> SourceMotion:
    kind = path.suffix.lower()
    if kind == ".amc":
        return read_amc(path, find_asf(path), options.fps)
    return {".bvh": read_bvh, ".c3d": read_c3d, ".npz": read_amass}[kind](path)


def _place(motion: SourceMotion, joint_map: JointMap | None, options: FolderOptions) -> Placed:
    unit = None if options.unit == "auto" else UNITS[options.unit]
    up: Up | None = next((up for up in UPS if up == options.up), None)
    return place(motion, joint_map, unit, up, options.floor)


def _check_up(placed: Placed, path: Path, ups: dict[Up, Path]) -> None:
    """Raise where the up axis that a posture shows is another than that of an earlier file."""
    if not placed.up_found:
        return
    ups.setdefault(placed.up, path)
    for up, other in ups.items():
        if up != placed.up:
            raise InputError(
                f"by the posture {placed.up} is up here but {up} in {other}; give the axis by --up "
                "(or read them apart)"
            )


def _clips(
    label: FileLabel,
    motion: SourceMotion,
    placed: Placed,
    root: Path,
    options: FolderOptions,
    result: MotionFolder,
) -> Iterator[LabelledClip]:
    """The labelled parts of one recording."""
    subject = label.subject or motion.subject
    if subject is None:
        raise InputError(
            "nothing says who moves, and splits go by that; give --subject NAME, a column subject "
            "in the table or a group (?P<subject>...) in --pattern"
        )
    for number, span in enumerate(label.spans):
        part = _part(span, motion, placed)
        if span.action is None or len(part) < min(FEWEST_FRAMES, len(placed.joints)):
            why = "has no action category" if span.action is None else "is shorter than two frames"
            result.left_out.append(f"{label.path}: the part {span.text!r} {why}")
            continue
        joints = part - part[0, 0] * np.array([1.0, 1.0, 0.0])
        yield LabelledClip(
            clip_id=label.clip_id + (f"_{number:03d}" if len(label.spans) > 1 else ""),
            subject=subject,
            source=options.source or root.resolve().name,
            action=label_of(span.action),
            text=span.text or words_of(span.action),
            joints=joints.astype(np.float32),
            fps=FPS,
            licence=options.licence,
        )


def _part(span: Span, motion: SourceMotion, placed: Placed) -> np.ndarray:
    """The frames of a labelled part; its seconds count from the first frame of the file."""
    if span.start is None or span.end is None:
        return placed.joints
    before = placed.cut[0] / motion.fps
    first, last = (max(0, round((at - before) * FPS)) for at in (span.start, span.end))
    if span.start * motion.fps >= len(motion.positions):
        raise InputError(
            f"the label {span.text!r} begins at {span.start:g} s, but the recording has "
            f"{len(motion.positions) / motion.fps:.2f} s; the labels are of another recording"
        )
    return placed.joints[first:last]


def _note(result: MotionFolder, path: Path, placed: Placed) -> None:
    """Add what was found to the report, once per kind of file."""
    unit = next(
        (name for name, metres in UNITS.items() if metres == placed.unit), f"{placed.unit:g} m"
    )
    how = "found by the posture" if placed.up_found else "stated"
    kind = f"{path.suffix.lower()}: joints {placed.family}, unit {unit}, up {placed.up} ({how})"
    if kind not in result.found:
        result.found.append(kind)
    if any(placed.cut):
        result.found.append(
            f"{path}: {placed.cut[0]} frames at the start and {placed.cut[1]} at the end were cut, "
            "because joints were not seen"
        )
