"""Skeletons: which joints there are, how they hang together, and how one becomes another.

Joints are known by *name*; no index table of one convention is ever applied to another. A
conversion is a sparse weight table by joint name. Where the source convention has no such joint
the rule is an approximation and says so in `Conversion.notes`, because a lifter trained on real
Human3.6M joints pays for every guess.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .errors import InputError, check_shape, unknown


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


# No comparison by value (eq=False): arrays have no single truth value to compare with.
@dataclass(frozen=True, eq=False)
class Conversion:
    """How every target joint is made from source joints.

    Args:
        source: the convention that is read.
        target: the convention that is made.
        weights: (target joints, source joints); a row of zeros is a joint that cannot be made.
        notes: the approximations, one sentence per guessed joint, for people to read.
    """

    source: Skeleton
    target: Skeleton
    weights: np.ndarray
    notes: tuple[str, ...] = field(default=())

    @property
    def missing(self) -> tuple[str, ...]:
        """Target joints that the source cannot give."""
        return tuple(
            joint
            for joint, row in zip(self.target.joints, self.weights, strict=True)
            if not row.any()
        )

    def apply(self, points: np.ndarray) -> np.ndarray:
        """Convert points (*, j_source, c) to (*, j_target, c); joints without source are NaN.

        A target joint is NaN where any source joint it needs is NaN or infinite. Units and frame
        of reference stay; whole numbers become float64, because they cannot hold a NaN.

        Raises:
            ShapeError: when the points are not of the source skeleton.
        """
        check_shape(points, f"* {len(self.source)} c", f"points of skeleton {self.source.name!r}")
        dtype = points.dtype if np.issubdtype(points.dtype, np.floating) else np.float64
        used = self.weights != 0
        # NaN times weight 0 is NaN, so missing points are zeroed for the product and put back.
        finite = np.isfinite(points)
        lost = ~finite.all(axis=-1) @ used.T.astype(np.float64) > 0
        converted = np.einsum("ts,...sc->...tc", self.weights, np.where(finite, points, 0))
        converted[lost | ~used.any(axis=1)] = np.nan
        return converted.astype(dtype)

    def apply_confidence(self, confidence: np.ndarray) -> np.ndarray:
        """Confidence (*, j_source) to (*, j_target): the least confident source joint used.

        Raises:
            ShapeError: when the confidence is not of the source skeleton.
        """
        check_shape(confidence, f"* {len(self.source)}", "confidence")
        used = self.weights != 0
        spread = np.where(used, confidence[..., None, :], np.inf)
        least = spread.min(axis=-1)
        return np.where(np.isfinite(least), least, 0.0).astype(confidence.dtype)


# A joint made from others: target name -> alternatives, tried in order; the first whose source
# joints all exist wins. The note is None where this is a definition and no guess.
_Rule = tuple[dict[str, float], str | None]
_MID_HIPS: _Rule = ({"left_hip": 0.5, "right_hip": 0.5}, None)
_MID_SHOULDERS: _Rule = (
    {"left_shoulder": 0.5, "right_shoulder": 0.5},
    "{target} is the middle of the shoulders: some centimetres below the real base of the neck",
)
_RULES: dict[str, tuple[_Rule, ...]] = {
    "pelvis": (_MID_HIPS,),
    "thorax": (({"neck": 1.0}, "thorax is the detector's neck"), _MID_SHOULDERS),
    "neck": (({"thorax": 1.0}, "neck is the thorax joint"), _MID_SHOULDERS),
    "spine": (
        (
            {"pelvis": 0.5, "thorax": 0.5},
            "spine is the middle of pelvis and base of the neck: the bend of the back is lost",
        ),
        (
            {"pelvis": 0.5, "neck": 0.5},
            "spine is the middle of pelvis and neck: the bend of the back is lost",
        ),
        (
            {"left_hip": 0.25, "right_hip": 0.25, "left_shoulder": 0.25, "right_shoulder": 0.25},
            "spine is the middle of hips and shoulders: the bend of the back is lost",
        ),
    ),
    "neck_nose": (
        ({"nose": 1.0}, "neck_nose is the detector's nose: some centimetres too far forward"),
        (
            {"neck": 0.5, "head_top": 0.5},
            "neck_nose is the middle of neck and head top: some centimetres too far back",
        ),
        (
            {"thorax": 0.6, "head": 0.4},
            "neck_nose lies 40 % of the way from the thorax to the head",
        ),
    ),
    "nose": (({"neck_nose": 1.0}, "nose is neck_nose: some centimetres too far back"),),
    "head_top": (
        (
            {"left_ear": 0.8, "right_ear": 0.8, "left_shoulder": -0.3, "right_shoulder": -0.3},
            "head_top lies above the middle of the ears by 0.6 of their distance to the shoulders",
        ),
        (
            {"head": 1.5, "thorax": -0.5},
            "head_top lies half a neck's length above the head joint",
        ),
    ),
    "head": (
        ({"head_top": 0.6, "thorax": 0.4}, "head lies 60 % of the way from thorax to head top"),
        ({"head_top": 0.6, "neck": 0.4}, "head lies 60 % of the way from neck to head top"),
        ({"left_ear": 0.5, "right_ear": 0.5}, "head is the middle of the ears"),
    ),
}


def conversion(source: str | Skeleton, target: str | Skeleton) -> Conversion:
    """The conversion between two known skeletons, by joint names.

    Joints that the source cannot give are listed in `Conversion.missing` and become NaN.
    """
    source, target = get_skeleton(source), get_skeleton(target)
    weights = np.zeros((len(target), len(source)))
    notes: list[str] = []
    for t, joint in enumerate(target.joints):
        if joint in source.joints:
            weights[t, source.index(joint)] = 1.0
            continue
        for parts, note in _RULES.get(joint, ()):
            if all(p in source.joints for p in parts):
                for part, weight in parts.items():
                    weights[t, source.index(part)] = weight
                if note:
                    notes.append(note.format(target=joint))
                break
    return Conversion(source, target, weights, tuple(notes))
