"""BVH files (Biovision hierarchy): a tree of joints and their angles, as joint positions.

A joint's rotation channels are multiplied in the order in which they are listed, and each joint
turns with its parent. Position channels give the way from the parent in place of OFFSET, except in
files that write there only what is added to it (see `_translation`). BVH states neither its unit
nor its up axis.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...errors import InputError
from .source_motion import SourceMotion, euler_matrix, numbers, read_lines

_CHANNEL = re.compile(r"([xyz])(position|rotation)", re.IGNORECASE)
END = "_end"  # an End Site is named after the joint that it ends


@dataclass
class _Joint:
    """A joint of the HIERARCHY; ``column`` is that of its first channel in MOTION."""

    name: str
    parent: int
    offset: np.ndarray | None = None
    channels: list[str] = field(default_factory=list)  # such as "xp", "zr"
    column: int = 0


def read_bvh(path: Path) -> SourceMotion:
    """The joint positions of a BVH file by forward kinematics.

    Args:
        path: the file.

    Returns:
        All joints in file order, and the End Site of a joint as ``NAME_end``.

    Raises:
        InputError: for a file that is no BVH, is cut off or holds more than one person. The
            message does not name the file, see `langlift.formats.files.naming`.
    """
    lines = read_lines(path)
    upper = [line.upper() for line in lines]
    if not upper or upper[0] != "HIERARCHY":
        raise InputError("this is no BVH file (it does not begin with HIERARCHY); give another")
    if "MOTION" not in upper:
        raise InputError("the file has no MOTION part; it is cut off or holds only a skeleton")
    cut = upper.index("MOTION")
    joints = _hierarchy(lines[1:cut])
    fps, values = _motion(lines[cut + 1 :], sum(len(joint.channels) for joint in joints))
    return SourceMotion(tuple(j.name for j in joints), _forward(joints, values), fps)


def _hierarchy(lines: list[str]) -> list[_Joint]:
    """The joints, every parent before its children."""
    joints: list[_Joint] = []
    open_joints: list[int] = []  # from the root to the joint whose braces are open
    waiting: int | None = None  # a joint whose opening brace is still to come
    for line in "\n".join(lines).replace("{", "\n{\n").replace("}", "\n}\n").split("\n"):
        kind, rest = [*line.split(None, 1), "", ""][:2]
        rest = rest.strip()
        if not kind:
            continue
        if kind == "{" and waiting is not None:
            open_joints.append(waiting)
            waiting = None
        elif kind == "}" and open_joints:
            open_joints.pop()
        elif (word := kind.upper()) in ("ROOT", "JOINT", "END"):
            parent = open_joints[-1] if open_joints else -1
            joints.append(_Joint(_joint_name(word, rest, joints, parent), parent))
            waiting = len(joints) - 1
        elif word == "OFFSET" and open_joints:
            joint = joints[open_joints[-1]]
            joint.offset = numbers(rest.split(), 3, f"OFFSET of joint {joint.name!r}")
        elif word == "CHANNELS" and open_joints:
            joint = joints[open_joints[-1]]
            joint.channels = _channels(rest.split(), joint.name)
            joint.column = sum(len(j.channels) for j in joints if j is not joint)
        else:
            raise InputError(
                f"the line {line.strip()[:60]!r} has no place in the HIERARCHY of a BVH file"
            )
    if open_joints or waiting is not None or not joints:
        raise InputError("the braces of the HIERARCHY do not close; the file is damaged or cut off")
    _check(joints)
    return joints


def _joint_name(word: str, rest: str, joints: list[_Joint], parent: int) -> str:
    if (word == "ROOT") != (parent < 0):
        said = "a second ROOT" if word == "ROOT" else f"{word} outside of the ROOT"
        raise InputError(f"the HIERARCHY has {said}; give a file with one tree, of one person")
    if word == "ROOT" and joints:
        raise InputError(
            "the HIERARCHY has a second ROOT; give a file with one tree, of one person"
        )
    if word != "END":
        if not rest:
            raise InputError(f"a {word} of the HIERARCHY has no name; the file is damaged")
        return rest
    ends = sum(j.parent == parent and j.name.startswith(joints[parent].name + END) for j in joints)
    return joints[parent].name + END + (str(ends + 1) if ends else "")


def _channels(words: list[str], joint: str) -> list[str]:
    count = words[0] if words else ""
    if count != str(len(words) - 1):
        raise InputError(
            f"CHANNELS of joint {joint!r} says {count!r} but names {max(len(words) - 1, 0)}; the "
            "file is damaged"
        )
    found = [_CHANNEL.fullmatch(word) for word in words[1:]]
    for word, match in zip(words[1:], found, strict=True):
        if match is None:
            raise InputError(
                f"channel {word!r} of joint {joint!r} is unknown; known: Xposition, Yposition, "
                "Zposition, Xrotation, Yrotation, Zrotation"
            )
    return [(m[1] + m[2][0]).lower() for m in found if m]


def _check(joints: list[_Joint]) -> None:
    for joint in joints:
        if joint.offset is None:
            raise InputError(f"joint {joint.name!r} has no OFFSET; the file is damaged")
        if len(set(joint.channels) & {"xp", "yp", "zp"}) < sum("p" in c for c in joint.channels):
            raise InputError(
                f"joint {joint.name!r} has a position channel twice; the file is damaged"
            )


def _motion(lines: list[str], channels: int) -> tuple[float, np.ndarray]:
    """The rate and the (f, channels) values."""
    if len(lines) < 2 or not re.match(r"frames\s*:", lines[0], re.I):
        raise InputError("MOTION does not begin with 'Frames:'; the file is damaged or cut off")
    if not re.match(r"frame time\s*:", lines[1], re.I):
        raise InputError("MOTION has no 'Frame Time:' in its second line; the file is damaged")
    (count,) = numbers(lines[0].partition(":")[2].split(), 1, "Frames")
    (seconds,) = numbers(lines[1].partition(":")[2].split(), 1, "Frame Time")
    if count < 1 or count % 1 or not channels:
        raise InputError(
            f"MOTION has {count:g} frames of {channels} channels; the file has no frames to read"
        )
    if seconds <= 0:
        raise InputError(f"Frame Time is {seconds:g}; it must be the seconds per frame, above 0")
    words = " ".join(lines[2:]).split()
    if len(words) != count * channels:
        raise InputError(
            f"MOTION holds {len(words)} numbers, but {count:g} frames of {channels} channels are "
            f"{count * channels:.0f}; the file is damaged or cut off"
        )
    values = numbers(words, len(words), "MOTION")
    return 1.0 / seconds, values.reshape(int(count), channels)


def _forward(joints: list[_Joint], values: np.ndarray) -> np.ndarray:
    """Positions (f, j, 3) by forward kinematics of the channel values (f, channels)."""
    frames = len(values)
    positions = np.zeros((frames, len(joints), 3))
    turned: list[np.ndarray] = []  # (f, 3, 3) of each joint, in the world
    for j, joint in enumerate(joints):
        own = values[:, joint.column : joint.column + len(joint.channels)]
        turns = [k for k, channel in enumerate(joint.channels) if channel[1] == "r"]
        local = euler_matrix("".join(joint.channels[k][0] for k in turns), own[:, turns])
        way = _translation(joint, own)
        if joint.parent < 0:
            positions[:, j] = way
            turned.append(local)
        else:
            outer = turned[joint.parent]
            positions[:, j] = positions[:, joint.parent] + (outer @ way[:, :, None])[..., 0]
            turned.append(outer @ local)
    return positions


def _translation(joint: _Joint, own: np.ndarray) -> np.ndarray:
    """(f, 3) the way from the parent in the parent's axes.

    Programs differ in what the position channels of an inner joint are: most write the whole way,
    some only what is added to OFFSET. What keeps the bone nearer to its length in the HIERARCHY
    is right. Of the root the channels are always the whole way.
    """
    assert joint.offset is not None
    way = np.tile(joint.offset, (len(own), 1))
    for k, channel in enumerate(joint.channels):
        if channel[1] == "p":
            way[:, "xyz".index(channel[0])] = own[:, k]
    if joint.parent < 0 or not any(channel[1] == "p" for channel in joint.channels):
        return way
    added = np.tile(joint.offset, (len(own), 1))
    for k, channel in enumerate(joint.channels):
        if channel[1] == "p":
            added[:, "xyz".index(channel[0])] += own[:, k]
    length = np.linalg.norm(joint.offset)
    whole_off, added_off = (
        np.abs(np.linalg.norm(each, axis=1) - length).mean() for each in (way, added)
    )
    return added if added_off < whole_off else way
