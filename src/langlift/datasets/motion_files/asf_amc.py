"""Acclaim files: an ASF skeleton and the AMC motion that moves it, as joint positions.

Conventions of the CMU motion capture database: a bone is as long as ``length`` along ``direction``
(world axes of the rest pose); its angles turn it in axes that are themselves turned by ``axis``:
with C the rotation of ``axis`` and M that of the angles, a bone turns by ``C M C^-1`` after its
parent. Angles are about fixed axes, x first. A joint is the *end* of the bone of its name; ``root``
is the root itself. With the ``length 0.45`` of CMU's files a unit is 1/0.45 inch; y points up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...formats.files import naming
from .source_motion import SourceMotion, euler_matrix, numbers, read_lines

#: ``length`` in the units of CMU's skeletons, and what a unit is then in metres.
CMU_LENGTH = 0.45
CMU_UNIT = 0.0254 / CMU_LENGTH
_ROTATIONS = ("rx", "ry", "rz")
_TRANSLATIONS = ("tx", "ty", "tz")


@dataclass
class _Bone:
    """A bone of the skeleton; ``turn`` is the rotation of its axes, ``dof`` its angles in order."""

    name: str
    parent: str = ""
    vector: np.ndarray = field(default_factory=lambda: np.zeros(3))
    turn: np.ndarray = field(default_factory=lambda: np.eye(3))
    dof: tuple[str, ...] = ()


@dataclass
class Acclaim:
    """A skeleton; ``bones`` begins with the root and holds every parent before its children."""

    bones: list[_Bone]
    position: np.ndarray
    unit: float | None
    degrees: float  # degrees per unit of angle


def read_amc(path: Path, skeleton: Path, fps: float | None) -> SourceMotion:
    """The joint positions of an AMC file on a skeleton.

    Args:
        path: the AMC file.
        skeleton: the ASF file of the same person.
        fps: frames per second, which AMC does not hold.

    Returns:
        ``root`` and the end of every bone by the bone's name; y up. The subject is the name of the
        ASF file.

    Raises:
        InputError: for a file that is damaged, bones that the skeleton does not have or a missing
            rate. The message does not name the AMC file, see `langlift.formats.files.naming`.
    """
    if fps is None:
        raise InputError(
            "an AMC file holds no frame rate; give --fps (most recordings of CMU have 120)"
        )
    acclaim = read_asf(skeleton)
    values, degrees = _frames(read_lines(path), acclaim)
    positions = _forward(acclaim, values, degrees)
    names = tuple(bone.name for bone in acclaim.bones)
    return SourceMotion(names, positions, fps, acclaim.unit, "y", skeleton.stem)


def read_asf(path: Path) -> Acclaim:
    """The skeleton in an ASF file.

    Raises:
        InputError: when it is none or damaged; the message names the file.
    """
    with naming(path):
        parts = _parts(read_lines(path))
        absent = [part for part in ("root", "bonedata", "hierarchy") if part not in parts]
        if absent:
            raise InputError(f"the skeleton has no :{absent[0]} part; give a complete ASF file")
        units = _words(parts.get("units", []))
        unit = None
        if "length" in units:
            (length,) = numbers(units["length"], 1, "length in :units")
            unit = CMU_UNIT if abs(length - CMU_LENGTH) < 1e-9 else None
        degrees = _degrees(units.get("angle", ["deg"])[0])
        root, position = _root(_words(parts["root"]), degrees)
        bones = {bone.name: bone for bone in _bones(parts["bonedata"], degrees)}
        return Acclaim([root, *_tree(parts["hierarchy"], bones)], position, unit, degrees)


def find_asf(path: Path) -> Path:
    """The skeleton of an AMC file, in the same folder.

    It is ``07_01.asf`` or ``07.asf`` for ``07_01.amc``, or else the only ASF file there.

    Raises:
        InputError: when there is none, or which one is open. The message does not name the file.
    """
    there = sorted(p for p in path.parent.iterdir() if p.suffix.lower() == ".asf")
    for stem in (path.stem, path.stem.partition("_")[0]):
        for candidate in there:
            if candidate.stem == stem:
                return candidate
    if len(there) == 1:
        return there[0]
    found = ", ".join(p.name for p in there) or "none"
    raise InputError(
        f"its skeleton is unknown (ASF files in the folder: {found}); put the person's skeleton "
        f"beside it as {path.stem}.asf or {path.stem.partition('_')[0]}.asf"
    )


def _parts(lines: list[str]) -> dict[str, list[str]]:
    """The lines below each ``:keyword``; what follows a keyword on its line is left out."""
    parts: dict[str, list[str]] = {}
    for line in lines:
        if line.startswith(":"):
            parts[line[1:].split()[0].lower() if len(line) > 1 else ""] = []
        elif parts and not line.startswith("#"):
            parts[next(reversed(parts))].append(line)
    return parts


def _words(lines: list[str]) -> dict[str, list[str]]:
    """First word, in small letters -> the others, per line; without the limits in brackets."""
    split = (line.split() for line in lines if not line.startswith("("))
    return {words[0].lower(): words[1:] for words in split}


def _degrees(kind: str) -> float:
    if kind.lower() not in ("deg", "rad"):
        raise InputError(f"the angles are in {kind!r}; ASF files have deg or rad")
    return 1.0 if kind.lower() == "deg" else float(np.degrees(1.0))


def _fixed_axes(order: str, degrees: np.ndarray) -> np.ndarray:
    """Rotations (*, 3, 3) by angles (*, k) about fixed axes, the first letter first."""
    return euler_matrix(order[::-1], degrees[..., ::-1])


def _axis(words: list[str], order: list[str], what: str, degrees: float) -> np.ndarray:
    letters = "".join(order).lower() or "xyz"
    if sorted(letters) != ["x", "y", "z"]:
        raise InputError(f"the order of {what} is {letters!r}; it must name x, y and z once each")
    return _fixed_axes(letters, numbers(words, 3, what) * degrees)


def _root(words: dict[str, list[str]], degrees: float) -> tuple[_Bone, np.ndarray]:
    order = tuple(word.lower() for word in words.get("order", []))
    if sorted(order) != sorted(_TRANSLATIONS + _ROTATIONS):
        raise InputError(
            f"the order of :root is {' '.join(order) or 'missing'}; it must name TX TY TZ RX RY RZ "
            "once each"
        )
    turn = _axis(
        words.get("orientation", ["0"] * 3), words.get("axis", []), "orientation of :root", degrees
    )
    position = numbers(words.get("position", ["0"] * 3), 3, "position of :root")
    return _Bone("root", turn=turn, dof=order), position


def _bones(lines: list[str], degrees: float) -> Iterator[_Bone]:
    """The bones between ``begin`` and ``end``."""
    block: list[str] | None = None
    for line in lines:
        if line.lower() == "begin":
            block = []
        elif line.lower() == "end" and block is not None:
            yield _bone(_words(block), degrees)
            block = None
        elif block is not None:
            block.append(line)
    if block is not None:
        raise InputError("the :bonedata ends inside a bone; the file is cut off")


def _bone(words: dict[str, list[str]], degrees: float) -> _Bone:
    name = " ".join(words.get("name", []))
    absent = [key for key in ("name", "direction", "length", "axis") if not words.get(key)]
    if absent:
        raise InputError(f"bone {name!r} has no {absent[0]}; the file is damaged")
    direction = numbers(words["direction"], 3, f"direction of bone {name!r}")
    (length,) = numbers(words["length"], 1, f"length of bone {name!r}")
    turn = _axis(words["axis"][:3], words["axis"][3:], f"axis of bone {name!r}", degrees)
    dof = tuple(word.lower() for word in words.get("dof", []))
    other = [word for word in dof if word not in _ROTATIONS]
    if other:
        raise InputError(
            f"bone {name!r} has the degree of freedom {other[0]!r}; rx, ry and rz can be read"
        )
    norm = np.linalg.norm(direction)
    if norm == 0:
        raise InputError(f"the direction of bone {name!r} is zero; the file is damaged")
    return _Bone(name, vector=direction / norm * length, turn=turn, dof=dof)


def _tree(lines: list[str], bones: dict[str, _Bone]) -> list[_Bone]:
    """The bones with their parents, every parent before its children."""
    children: dict[str, list[str]] = {}
    for line in lines:
        parent, *names = line.split()
        if parent.lower() not in ("begin", "end"):
            children.setdefault(parent, []).extend(names)
    ordered: list[_Bone] = []
    waiting = [("root", child) for child in children.get("root", [])]
    while waiting:
        parent, name = waiting.pop(0)
        if name not in bones:
            raise InputError(
                f"the :hierarchy names {name!r} twice, or it is no bone; mend the file"
            )
        bone = bones.pop(name)
        bone.parent = parent
        ordered.append(bone)
        waiting += [(name, child) for child in children.get(name, [])]
    if bones:
        raise InputError(
            f"bone {next(iter(bones))!r} does not hang on the root in :hierarchy; mend the file"
        )
    return ordered


def _frames(lines: list[str], acclaim: Acclaim) -> tuple[dict[str, np.ndarray], float]:
    """(f, dof) values of every moving bone, and the degrees per unit of angle."""
    known = {bone.name: len(bone.dof) for bone in acclaim.bones}
    rows: dict[str, list[list[str]]] = {name: [] for name, count in known.items() if count}
    frames, degrees = 0, acclaim.degrees
    for line in lines:
        name, *words = line.split()
        if line.startswith("#"):
            continue
        if line.startswith(":"):
            kind = line[1:].upper()
            degrees = {"DEGREES": 1.0, "RADIANS": float(np.degrees(1.0))}.get(kind, degrees)
        elif not words and name.isdigit():
            _check_frame(rows, frames)
            frames += 1
        elif name not in rows or len(words) != known[name] or not frames:
            raise InputError(
                f"frame {frames}: {line[:60]!r} does not fit the skeleton (it has "
                f"{known.get(name, 'no')} numbers for {name!r}); take the ASF file of this person"
            )
        else:
            rows[name].append(words)
    _check_frame(rows, frames)
    if not frames:
        raise InputError("the file has no frames; it is no AMC file or cut off")
    flat = {name: [w for row in each for w in row] for name, each in rows.items()}
    values = {name: numbers(each, len(each), f"bone {name!r}") for name, each in flat.items()}
    return {name: each.reshape(frames, known[name]) for name, each in values.items()}, degrees


def _check_frame(rows: dict[str, list[list[str]]], frames: int) -> None:
    """Raise where a frame that has just ended lacks a bone, or has it twice."""
    for name, each in rows.items():
        if len(each) != frames:
            raise InputError(
                f"frame {frames} does not have bone {name!r} once; the file is cut off, or belongs "
                "to another skeleton"
            )


def _forward(acclaim: Acclaim, values: dict[str, np.ndarray], degrees: float) -> np.ndarray:
    """Positions (f, bones, 3): the root, then the end of every bone."""
    root = acclaim.bones[0]
    frames = len(values["root"])
    positions = np.zeros((frames, len(acclaim.bones), 3))
    turned: dict[str, np.ndarray] = {}
    index = {bone.name: k for k, bone in enumerate(acclaim.bones)}
    for k, bone in enumerate(acclaim.bones):
        angles = [i for i, dof in enumerate(bone.dof) if dof in _ROTATIONS]
        order = "".join(bone.dof[i][1] for i in angles)
        own = values[bone.name][:, angles] if bone.dof else np.zeros((frames, 0))
        local = bone.turn @ _fixed_axes(order, own * degrees) @ bone.turn.T
        if bone is root:
            for i, dof in enumerate(bone.dof):
                if dof in _TRANSLATIONS:
                    positions[:, 0, "xyz".index(dof[1])] = values["root"][:, i]
            positions[:, 0] += acclaim.position
            turned[bone.name] = local
        else:
            turned[bone.name] = turned[bone.parent] @ local
            positions[:, k] = positions[:, index[bone.parent]] + turned[bone.name] @ bone.vector
    return positions
