"""Pose losses of the papers, over predicted and true joints (b, f, j, 3) in metres.

They are torch functions with gradients; the figures that are reported come from
`langlift.metrics`. Conventions: root-relative joints, the target root is 0 and the predicted root
is drawn to it.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from ..errors import InputError, check_shape
from ..skeletons import get_skeleton

JointWeights = Literal[
    "even", "human36m_17", "humaneva_15", "humaneva_15_released", "mpi_inf_3dhp_17"
]

#: Weight of a joint by the name of its kind, as MixSTE gives the 17 joints of Human3.6M.
_BY_KIND = {
    **{"knee": 2.5, "ankle": 2.5, "elbow": 4.0, "wrist": 4.0},
    **{"shoulder": 1.5, "head": 1.5, "head_top": 1.5},
}
#: What the released code of MixSTE gives HumanEva's 15 joints: weights in the limb order of
#: Human3.6M, so that those of the legs land on the arms and the other way round.
_HUMANEVA_RELEASED = (1, 1, 2.5, 2.5, 1, 2.5, 2.5, 1, 1.5, 1.5, 4, 4, 1.5, 4, 4)


def joint_weights(name: JointWeights) -> tuple[float, ...] | None:
    """Weights of the joints in the position loss (MixSTE, section 3.4 and its code).

    Args:
        name: ``even`` (none), a skeleton (``human36m_17``, ``humaneva_15``, ``mpi_inf_3dhp_17``),
            or ``humaneva_15_released``: as in the released code, where they lie on other joints.
    """
    if name == "even":
        return None
    if name == "humaneva_15_released":
        return _HUMANEVA_RELEASED
    joints = get_skeleton(name).joints
    return tuple(_BY_KIND.get(j.removeprefix("left_").removeprefix("right_"), 1.0) for j in joints)


def position_error(joints: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean distance of the joints (MPJPE), each counted with its weight (j) if weights are given.

    Raises:
        ShapeError: when the shapes differ.
    """
    _same(joints, target)
    distance = (joints - target).norm(dim=-1)
    return distance.mean() if weights is None else (distance * weights).mean()


def velocity_error(joints: Tensor, target: Tensor) -> Tensor:
    """Mean length of the error of the joints' displacements from frame to frame (MPJVE).

    Raises:
        InputError: for windows of one frame, which have no displacement.
    """
    _same(joints, target)
    _need_frames(joints, "velocity")
    return (joints - target).diff(dim=1).norm(dim=-1).mean()


def temporal_consistency(joints: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean squared displacement of the predicted joints, per coordinate (MixSTE's TC loss).

    It knows no target: every motion costs something, also the true one.

    Raises:
        InputError: for windows of one frame, which have no displacement.
    """
    _need_frames(joints, "consistency")
    square = joints.diff(dim=1) ** 2
    return square.mean() if weights is None else (square * weights[:, None]).mean()


def scaled_error(joints: Tensor, target: Tensor) -> Tensor:
    """MPJPE after scaling each predicted pose to the true one (N-MPJPE; MotionBERT's scale loss).

    The scale is <true, predicted> / <predicted, predicted>, so its gradient is that of a ratio; a
    prediction of all zeros is kept from dividing by nothing.
    """
    _same(joints, target)
    dot = (joints * target).sum(dim=(-1, -2), keepdim=True)
    scale = dot / (joints**2).sum(dim=(-1, -2), keepdim=True).clamp(min=1e-12)
    return (scale * joints - target).norm(dim=-1).mean()


def _same(joints: Tensor, target: Tensor) -> None:
    check_shape(target, " ".join(map(str, joints.shape)), "target joints")


def _need_frames(joints: Tensor, loss: str) -> None:
    if joints.shape[1] < 2:
        raise InputError(
            f"the {loss} loss has a weight but the windows have one output frame; give at least 2 "
            "output frames, or set the weight to 0"
        )
