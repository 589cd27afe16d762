"""What the importers of the methods' public checkpoints have in common.

Each method's folder has a ``checkpoint.py`` with a `Layout`: how its authors' files name tensors,
and how every size of the network follows from them.
"""

from __future__ import annotations

import re
import reprlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from ..errors import InputError, unknown
from ..skeletons import SKELETONS, Skeleton
from .base import MethodConfig

State = Mapping[str, Tensor]
#: What the numbers of joints of the published weights stand for.
USUAL_SKELETONS: Mapping[int, str] = {17: "human36m_17", 15: "humaneva_15"}


@dataclass(frozen=True)
class Choices:
    """What the tensors of a checkpoint do not say.

    Args:
        heads: of every attention.
        causal: whether the network looks at past frames only.
        skeleton: name of the skeleton whose joints come out; by their number if None.
    """

    heads: int = 8
    causal: bool = False
    skeleton: str | None = None

    def skeleton_of(self, joints: int) -> Skeleton:
        """The skeleton of so many joints; one with a root, which lifting puts in place.

        Raises:
            InputError: when that given has another number or no root, or none is given for this
                number.
        """
        usable = [n for n, s in SKELETONS.items() if s.root is not None and len(s) == joints]
        if not usable:
            raise InputError(
                f"it gives {joints} joints; no skeleton with a root joint here has so many, so "
                "its output cannot be used"
            )
        if self.skeleton is None and joints not in USUAL_SKELETONS:
            raise InputError(
                f"it gives {joints} joints, which says no skeleton; name it with --skeleton "
                f"({_either(usable)})"
            )
        name = self.skeleton or USUAL_SKELETONS[joints]
        if name not in SKELETONS:
            raise unknown("skeleton", name, usable)
        skeleton = SKELETONS[name]
        if len(skeleton) != joints:
            raise InputError(
                f"it gives {joints} joints, but skeleton {name} has {len(skeleton)}; give the "
                f"skeleton it was trained on with --skeleton ({_either(usable)})"
            )
        if skeleton.root is None:
            raise InputError(
                f"skeleton {name} has no root joint, which lifting needs; give another with "
                f"--skeleton ({_either(usable)})"
            )
        return skeleton


def _either(names: Sequence[str]) -> str:
    return " or ".join(names)


@dataclass(frozen=True)
class Layout:
    """How a method's public checkpoints are read.

    Args:
        title: the method as people write it.
        fits: whether tensors of these names and shapes are of this method.
        config_of: the config of the network whose state this is; raises `InputError` where there
            is none.
        inferred: settings that follow from the tensors.
        chosen: fields of `Choices` that the method has.
        unit: of the output of the weights that the authors published for Human3.6M.
        rename: from the names of other files of the method to the authors'.
        spare: how the names of further networks in the same file begin; these are left out.
    """

    title: str
    fits: Callable[[State], bool]
    config_of: Callable[[State, Choices], MethodConfig]
    inferred: tuple[str, ...]
    chosen: tuple[str, ...] = ()
    unit: Literal["m", "mm", "screen"] = "m"
    rename: Callable[[State], State] = dict
    spare: tuple[str, ...] = ()


def shape_of(state: State, name: str, axes: int) -> tuple[int, ...]:
    """Shape of a tensor that must be there and have so many axes.

    Raises:
        InputError: when it is not or has not.
    """
    if name not in state:
        raise InputError(f"it has no {name}, which tells a size of the network")
    shape = tuple(state[name].shape)
    if len(shape) != axes or 0 in shape:
        raise InputError(
            f"{name} is {reprlib.repr(shape)}; it must have {axes} axes, none of them empty"
        )
    return shape


def levels(state: State, pattern: str) -> int:
    """How many levels there are: one more than the largest number at the pattern's group.

    The group must bound the number of digits, for names in a damaged file may hold any number.

    Raises:
        InputError: when there are more levels than tensors.
    """
    found = (re.match(pattern, name) for name in state)
    count = 1 + max((int(match[1]) for match in found if match), default=-1)
    if count > len(state):
        raise InputError(f"its names count {count} levels, but it has {len(state)} tensors in all")
    return count


def whole(count: int, parts: int, what: str) -> int:
    """A count divided by what each part takes; raises `InputError` where something is left."""
    if count % parts:
        raise InputError(f"{what} is {count}, which is no multiple of {parts}")
    return count // parts


def check_heads(channels: int, heads: int) -> None:
    """Raise `InputError` unless the channels can be shared among the heads."""
    if heads < 1 or channels % heads:
        raise InputError(
            f"its {channels} channels cannot be shared among {heads} heads; the tensors do not "
            f"say how many there are: give a divisor of {channels} with --heads"
        )
