"""Find out a file's skeleton by the names of its joints, however they are spelled."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..errors import InputError
from ..skeletons import SKELETONS, Skeleton

#: Other words for the pelvis, without separators.
_PELVIS = ("hip", "hips", "midhip", "midhips", "hipcenter", "root")


def _compact(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _spellings() -> dict[str, str]:
    """Every accepted spelling without separators, and the joint it means."""
    table = dict.fromkeys(map(str, _PELVIS), "pelvis")
    for joint in {j for skeleton in SKELETONS.values() for j in skeleton.joints}:
        table[_compact(joint)] = joint
        side, _, rest = joint.partition("_")
        if side in ("left", "right"):
            part = _compact(rest)
            for spelling in (side[0] + part, part + side, part + side[0]):
                table[spelling] = joint
    return table


_JOINT_OF = _spellings()


def canonical(name: str) -> str:
    """A joint's name as langlift writes it: ``LBigToe`` and ``Left Big Toe`` are ``left_big_toe``.

    A name of no known skeleton comes back in small letters without separators.
    """
    compact = _compact(name)
    return _JOINT_OF.get(compact, compact)


def covers(names: Sequence[str], skeleton: Skeleton) -> bool:
    """Whether every joint of the skeleton is among the names."""
    return set(skeleton.joints) <= {canonical(n) for n in names}


def order_for(names: Sequence[str], skeleton: Skeleton) -> list[int]:
    """Position of each joint of the skeleton among the names, which must cover it."""
    joints = [canonical(n) for n in names]
    return [joints.index(joint) for joint in skeleton.joints]


def match_names(names: Sequence[str]) -> Skeleton:
    """The largest known skeleton whose joints are all among the names.

    Raises:
        InputError: when two names mean the same joint, or no known skeleton fits.
    """
    joints = [canonical(n) for n in names]
    twice = sorted({j for j in joints if joints.count(j) > 1})
    if twice:
        raise InputError(f"the joint names contain {', '.join(twice)} twice; name each joint once")
    fitting = [s for s in SKELETONS.values() if covers(names, s)]
    if not fitting:
        raise InputError(
            f"the joint names ({', '.join(names)}) fit no known skeleton; known: "
            f"{', '.join(sorted(SKELETONS))}; name the one they are in with --skeleton"
        )
    return max(fitting, key=len)
