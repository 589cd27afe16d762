"""Skeletons: which joints there are and how they hang together.

Joints are known by *name*; no index table of one convention is ever applied to another. How one
convention becomes another is in `langlift.conversions`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .errors import InputError, unknown


@dataclass(frozen=True)
class Skeleton:
    """Names, tree, mirror pairs and body parts of one joint convention.

    Args:
        name: the name users write, such as ``human36m_17``.
        joints: joint names in file order.
        parents: index of each joint's parent, -1 for the root; empty where a detector defines
            no tree.
        root: the joint that root-relative motion is relative to; None where there is none.

    Raises:
        InputError: for a name given twice, parents that are no tree or a root that is no joint.
    """

    name: str
    joints: tuple[str, ...]
    parents: tuple[int, ...] = ()
    root: str | None = None

    def __post_init__(self) -> None:
        if len(set(self.joints)) != len(self.joints):
            raise InputError(f"skeleton {self.name!r} names a joint twice")
        if self.parents and len(self.parents) != len(self.joints):
            raise InputError(
                f"skeleton {self.name!r} has {len(self.joints)} joints but {len(self.parents)} "
                "parents; give one parent per joint, -1 for the root"
            )
        if self.root is not None:
            self.index(self.root)
        self._check_tree()

    def _check_tree(self) -> None:
        for j, joint in enumerate(self.joints if self.parents else ()):
            steps = 0
            while j >= 0:
                if not -1 <= self.parents[j] < len(self.joints) or steps > len(self.joints):
                    raise InputError(
                        f"the parents of joint {joint!r} in skeleton {self.name!r} do not lead to "
                        "a root; give indices of joints that form a tree, -1 for the root"
                    )
                j, steps = self.parents[j], steps + 1

    def __len__(self) -> int:
        return len(self.joints)

    def index(self, joint: str) -> int:
        """Index of a joint by name."""
        if joint not in self.joints:
            raise unknown(f"joint of skeleton {self.name!r}", joint, self.joints)
        return self.joints.index(joint)

    @property
    def root_index(self) -> int:
        """Index of the root joint."""
        if self.root is None:
            raise InputError(
                f"skeleton {self.name!r} has no root joint; convert to a skeleton that has one, "
                "such as 'human36m_17'"
            )
        return self.index(self.root)

    @property
    def mirror(self) -> np.ndarray:
        """(j,) permutation that swaps left and right joints."""
        order = []
        for joint in self.joints:
            other = joint
            if joint.startswith("left_"):
                other = "right_" + joint.removeprefix("left_")
            elif joint.startswith("right_"):
                other = "left_" + joint.removeprefix("right_")
            order.append(self.index(other))
        return np.array(order)

    @property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """(child, parent) index pairs."""
        return tuple((j, p) for j, p in enumerate(self.parents) if p >= 0)

    @property
    def from_root(self) -> tuple[tuple[int, int], ...]:
        """(child, parent) index pairs, every parent placed before its children."""
        placed = {j for j, p in enumerate(self.parents) if p < 0}
        bones, left = [], list(self.bones)
        while left:
            ready = [bone for bone in left if bone[1] in placed]
            bones += ready
            placed |= {child for child, _ in ready}
            left = [bone for bone in left if bone not in ready]
        return tuple(bones)

    @property
    def parts(self) -> dict[str, tuple[int, ...]]:
        """Five body parts by joint index: trunk and head, and the four limbs."""
        limbs = {"shoulder": "arm", "elbow": "arm", "wrist": "arm"}
        limbs |= {"hip": "leg", "knee": "leg", "ankle": "leg"}
        found: dict[str, list[int]] = {
            p: [] for p in ("torso_head", "right_leg", "left_leg", "left_arm", "right_arm")
        }
        for j, joint in enumerate(self.joints):
            side, _, rest = joint.partition("_")
            limb = limbs.get(rest)
            on_limb = side in ("left", "right") and limb is not None
            found[f"{side}_{limb}" if on_limb else "torso_head"].append(j)
        return {part: tuple(joints) for part, joints in found.items()}


_HUMAN36M = (
    "pelvis right_hip right_knee right_ankle left_hip left_knee left_ankle spine thorax neck_nose "
    "head_top left_shoulder left_elbow left_wrist right_shoulder right_elbow right_wrist"
)
_COCO = (
    "nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow "
    "right_elbow left_wrist right_wrist left_hip right_hip left_knee right_knee left_ankle "
    "right_ankle"
)
_FEET = "left_big_toe left_small_toe left_heel right_big_toe right_small_toe right_heel"
_BODY25 = (
    "nose neck right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist pelvis "
    "right_hip right_knee right_ankle left_hip left_knee left_ankle right_eye left_eye right_ear "
    f"left_ear {_FEET}"
)
_BODY25B = f"{_COCO} upper_neck head_top {_FEET}"
_HUMANEVA = (
    "pelvis thorax left_shoulder left_elbow left_wrist right_shoulder right_elbow right_wrist "
    "left_hip left_knee left_ankle right_hip right_knee right_ankle head"
)
_MPI_INF_3DHP = (
    "head_top neck right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist "
    "right_hip right_knee right_ankle left_hip left_knee left_ankle pelvis spine head"
)

HUMAN36M_17 = Skeleton(
    "human36m_17",
    tuple(_HUMAN36M.split()),
    (-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15),
    "pelvis",
)
COCO_17 = Skeleton(
    "coco_17",
    tuple(_COCO.split()),
    (-1, 0, 0, 1, 2, 0, 0, 5, 6, 7, 8, 5, 6, 11, 12, 13, 14),
)
BODY_25 = Skeleton(
    "body_25",
    tuple(_BODY25.split()),
    (1, 8, 1, 2, 3, 1, 5, 6, -1, 8, 9, 10, 8, 12, 13, 0, 0, 15, 16, 14, 19, 14, 11, 22, 11),
    "pelvis",
)
BODY_25B = Skeleton(
    "body_25b",
    tuple(_BODY25B.split()),
    (17, 0, 0, 1, 2, 17, 17, 5, 6, 7, 8, 5, 6, 11, 12, 13, 14, -1, 17, 15, 19, 15, 16, 22, 16),
)
HUMANEVA_15 = Skeleton(
    "humaneva_15",
    tuple(_HUMANEVA.split()),
    (-1, 0, 1, 2, 3, 1, 5, 6, 0, 8, 9, 0, 11, 12, 1),
    "pelvis",
)
MPI_INF_3DHP_17 = Skeleton(
    "mpi_inf_3dhp_17",
    tuple(_MPI_INF_3DHP.split()),
    (16, 15, 1, 2, 3, 1, 5, 6, 14, 8, 9, 14, 11, 12, -1, 14, 1),
    "pelvis",
)

SKELETONS: dict[str, Skeleton] = {
    s.name: s for s in (HUMAN36M_17, COCO_17, BODY_25, BODY_25B, HUMANEVA_15, MPI_INF_3DHP_17)
}


def get_skeleton(name: str | Skeleton) -> Skeleton:
    """The known skeleton of that name (a Skeleton passes through)."""
    if isinstance(name, Skeleton):
        return name
    if name not in SKELETONS:
        raise unknown("skeleton", str(name), SKELETONS)
    return SKELETONS[name]
