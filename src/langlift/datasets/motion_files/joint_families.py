"""How the joints of motion files become Human3.6M's: the known naming conventions, and users' maps.

Human3.6M's joints as they are meant here: the pelvis is the middle of the hips, ``thorax`` the base
of the neck, ``spine`` in the middle of the trunk; `placing` adds ``neck_nose``, and ``head_top``
where a file has no point there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import InputError, unknown
from ...formats.files import naming, read_json
from ...skeletons import HUMAN36M_17

Weights = Mapping[str, float]
#: What a map must give; ``pelvis``, ``spine``, ``neck_nose`` may be left to the rules, and either
#: ``head_top`` or ``head`` is wanted.
NEEDED = tuple(
    joint
    for joint in HUMAN36M_17.joints
    if joint not in ("pelvis", "spine", "neck_nose", "head_top")
)
_TARGETS = (*HUMAN36M_17.joints, "head")


@dataclass(frozen=True)
class JointMap:
    """How target joints are made from the joints of a file.

    Args:
        name: of the convention, or the file that it was read from.
        rules: target joint -> the ways to make it, tried in order: weights of source joints. A
            target is a joint of human36m_17 or ``head`` (top of the neck).
        crown: metres from ``head`` to the top of the head.
        tilt: degrees by which the line from the base of the neck to ``head`` leans forward of the
            head's own axis when the person looks ahead.
        marks: further joints by which the convention is told from others.
    """

    name: str
    rules: Mapping[str, tuple[Weights, ...]]
    crown: float = 0.17
    tilt: float = 0.0
    marks: tuple[str, ...] = ()

    def weights(self, joints: Iterable[str]) -> dict[str, dict[str, float]]:
        """Target -> weights by the names that a file has, of every target that it can give.

        A source is the joint of exactly its name, or else the one that is called so but for a
        prefix and capitals.

        Raises:
            InputError: when two joints are called so, such as those of two people.
        """
        names = tuple(joints)
        alike: dict[str, list[str]] = {}
        for name in names:
            alike.setdefault(plain(name), []).append(name)
        made = {}
        for target, ways in self.rules.items():
            for way in ways:
                if all(source in names or plain(source) in alike for source in way):
                    made[target] = {_one(source, names, alike): w for source, w in way.items()}
                    break
        return made

    def missing(self, joints: Iterable[str]) -> list[str]:
        """Targets that a file with these joints cannot give and that are needed."""
        made = self.weights(joints)
        lacking = [target for target in NEEDED if target not in made]
        return lacking if "head" in made or "head_top" in made else [*lacking, "head_top"]


def plain(name: str) -> str:
    """A joint's name for comparison: no prefix (``mixamorig:``), small letters, no ``L_``."""
    name = re.sub(r"^mixamorig\d*_?(?=[A-Z])", "", name.rpartition(":")[2]).lower()
    return re.sub(r"^([lr])_", lambda side: "left_" if side[1] == "l" else "right_", name)


def _one(source: str, names: tuple[str, ...], alike: dict[str, list[str]]) -> str:
    """The joint that a source stands for."""
    if source in names:
        return source
    found = alike[plain(source)]
    if len(found) > 1:
        raise InputError(
            f"the joints {found[0]} and {found[1]} may both be {source!r}; give a file of one "
            "person, or name the right ones by --joints MAP.json"
        )
    return found[0]


def _limbs(pattern: str, sides: tuple[str, str], **parts: str) -> dict[str, tuple[Weights, ...]]:
    """One way per joint of the limbs; ``pattern`` puts side and part together."""
    return {
        f"{side}_{joint}": ({pattern.format(side=word, part=part): 1.0},)
        for side, word in zip(("left", "right"), sides, strict=True)
        for joint, part in parts.items()
    }


def _same(**targets: str) -> dict[str, tuple[Weights, ...]]:
    """Targets that are one joint of the file; ``a|b`` tries several."""
    return {
        target: tuple({name: 1.0} for name in names.split("|")) for target, names in targets.items()
    }


def _middle(**targets: str) -> dict[str, tuple[Weights, ...]]:
    """Targets that are the middle of several joints of the file."""
    return {
        target: ({name: 1 / len(names.split()) for name in names.split()},)
        for target, names in targets.items()
    }


_HUMANIK = _limbs(
    "{side}{part}", ("Left", "Right"),
    hip="UpLeg", knee="Leg", ankle="Foot", shoulder="Arm", elbow="ForeArm", wrist="Hand",
)  # fmt: skip
# CMU's forearm is two bones; its wrist lies at 0.87 of the way from the elbow to the second one's
# end, which is where marker-based joint centres of the same people have it. CMU's BVH conversions
# leave the second bone out, half as long as the first: 0.87 of 1.5 is 1.3.
_CMU_WRISTS = {
    f"{side}_wrist": ({f"{side[0]}wrist": 0.87, f"{side[0]}humerus": 0.13},)
    for side in ("left", "right")
}
_CGSPEED_WRISTS = {
    f"{side.lower()}_wrist": ({f"{side}Hand": 1.3, f"{side}ForeArm": -0.3},)
    for side in ("Left", "Right")
}
_SMPL_PARTS = {joint: joint for joint in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")}

#: The conventions that are known by their joints' names; the first that fits is taken.
FAMILIES: dict[str, JointMap] = {
    family.name: family
    for family in (
        JointMap(
            "cmu",  # joints are the ends of bones
            _limbs("{side}{part}", ("l", "r"), hip="hipjoint", knee="femur", ankle="tibia",
                   shoulder="clavicle", elbow="humerus")
            | _CMU_WRISTS
            | _same(spine="lowerback", thorax="thorax", head_top="head"),
        ),
        JointMap(
            "cgspeed",
            _HUMANIK
            | _CGSPEED_WRISTS
            | {"spine": ({"Hips": 0.5, "Spine": 0.5},)}
            | _same(thorax="Neck", head="Head", head_top="Head_end"),
            marks=("LHipJoint", "LowerBack"),
        ),
        JointMap(
            "daz",
            _limbs("{side}{part}", ("l", "r"), hip="Thigh", knee="Shin", ankle="Foot",
                   shoulder="Shldr", elbow="ForeArm", wrist="Hand")
            | _same(thorax="neckDummy|neck", head="head", head_top="figureHair|head_end"),
        ),
        JointMap(
            "humanik",
            _HUMANIK
            | _same(spine="Spine1|Spine|Chest", thorax="Neck", head="Head")
            | _same(head_top="HeadTop_End|Head_end"),
        ),
        JointMap(
            "biovision",
            _limbs("{side}{part}", ("Left", "Right"), hip="Hip", knee="Knee", ankle="Ankle",
                   shoulder="Shoulder", elbow="Elbow", wrist="Wrist")
            | _same(spine="Chest", thorax="Neck", head="Head", head_top="Head_end"),
        ),
        JointMap(
            "bandai",
            _limbs("{part}_{side}", ("L", "R"), hip="UpperLeg", knee="LowerLeg", ankle="Foot",
                   shoulder="UpperArm", elbow="LowerArm", wrist="Hand")
            | _same(spine="Chest", thorax="Neck", head="Head"),
        ),
        JointMap(
            "unreal",
            _limbs("{part}_{side}", ("l", "r"), hip="thigh", knee="calf", ankle="foot",
                   shoulder="upperarm", elbow="lowerarm", wrist="hand")
            | _same(spine="spine_02", thorax="neck_01", head="head"),
        ),
        JointMap(
            "smpl",
            _limbs("{side}_{part}", ("left", "right"), **_SMPL_PARTS)
            | _same(spine="spine2", thorax="neck", head="head"),
            crown=0.20, tilt=29.0,
        ),
        JointMap(
            "plug-in-gait",  # joint centres, and markers of the trunk and the head
            _limbs("{side}{part}JC", ("L", "R"),
                   hip="H", knee="K", ankle="A", shoulder="S", elbow="E", wrist="W")
            | _middle(spine="T10 STRN", thorax="C7 CLAV", head="LFHD RFHD LBHD RBHD"),
            crown=0.09,
        ),
    )
}  # fmt: skip


def find_family(joints: tuple[str, ...]) -> JointMap:
    """The known convention that joint names are of.

    Raises:
        InputError: when they are of none; the message lists them.
    """
    there = {plain(name) for name in joints}
    for family in FAMILIES.values():
        marked = {plain(mark) for mark in family.marks} <= there
        if marked and not family.missing(joints):
            return family
    raise InputError(
        f"the joints {', '.join(joints)} are of no known convention ({', '.join(FAMILIES)}); say "
        "by --joints MAP.json how the joints of human36m_17 are made from them"
    )


def read_joint_map(path: str | Path) -> JointMap:
    """A user's map: a JSON object, target joint -> a source joint or its weights.

    ``{"left_hip": "LHJC", "left_wrist": {"LWRA": 0.5, "LWRB": 0.5}, ...}``. Targets are the joints
    of human36m_17, of which ``pelvis`` (middle of the hips), ``spine`` (middle of pelvis and
    thorax) and ``neck_nose`` may be left out, and ``head`` in place of ``head_top`` for a point
    17 cm below it.

    Raises:
        InputError: for a file that is no such map; the message names it.
    """
    with naming(path):
        content = read_json(Path(path))
        if not isinstance(content, dict):
            raise InputError("this is no JSON object; map joints of human36m_17 to source joints")
        rules = {}
        for target, way in content.items():
            if target not in _TARGETS:
                raise unknown("target joint", target, _TARGETS)
            rules[target] = (_way(target, way),)
        lacking = [target for target in NEEDED if target not in rules]
        if not {"head", "head_top"} & set(rules):
            lacking.append("head_top")
        if lacking:
            raise InputError(f"the map does not say how to make {', '.join(lacking)}; add them")
        return JointMap(str(path), rules)


def _way(target: str, way: object) -> Weights:
    if isinstance(way, str):
        return {way: 1.0}
    if not isinstance(way, dict) or not way or not all(_is_number(w) for w in way.values()):
        raise InputError(
            f"{target} is made of {way!r}; give the name of a source joint, or an object of names "
            "and weights"
        )
    if not np.isclose(sum(way.values()), 1.0, atol=1e-6):
        raise InputError(
            f"the weights of {target} sum to {sum(way.values()):g}; they must sum to 1"
        )
    return {str(name): float(weight) for name, weight in way.items()}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
