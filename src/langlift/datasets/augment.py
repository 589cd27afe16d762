"""Changes to 3D motion and to 2D points that make a small corpus go further.

3D changes keep the motion a motion of *some* person: other bone lengths, limbs taken from another
clip, a tilted body, another speed. 2D changes imitate what detectors do: joints that are not
found, conventions whose joints lie elsewhere. All take leading axes and a generator.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..conversions import conversion
from ..errors import InputError
from ..skeletons import COCO_17, HUMAN36M_17, Skeleton

_BONES = HUMAN36M_17.bones
_MIRROR = HUMAN36M_17.mirror
_SHARES = ("mix", "tilt_share", "noise", "drop", "coco", "habit_share")
_LIMBS = tuple((part, joints) for part, joints in HUMAN36M_17.parts.items() if part != "torso_head")


@dataclass(frozen=True)
class AugmentConfig:
    """How much is changed; every value 0 leaves the motion as it is.

    Args:
        body: deviation of the (left-right symmetric) factor on each bone's length.
        stature: deviation of one factor on the whole body.
        mix: chance that a window takes limbs from another window.
        tilt: largest whole-body tilt in degrees, for a window that is tilted.
        tilt_share: share of the windows that are tilted.
        speed: a window is played at 1 / (1 + speed) to 1 + speed times its speed.
        noise: share of the windows with detector noise; its amount is drawn up to `noise_amount`.
        noise_amount: largest factor on the noise mixture.
        drop: share of the windows in which joints go missing.
        coco: share of the windows whose joints come by way of COCO-17.
        habit: deviation of the factor on each bone as a detector with other joint definitions
            sees it; the target stays.
        habit_share: share of the windows seen by such a detector.

    Raises:
        InputError: for a negative value, or a share or chance above 1.
    """

    body: float = 0.08
    stature: float = 0.05
    mix: float = 0.3
    tilt: float = 30.0
    tilt_share: float = 0.15
    speed: float = 0.3
    noise: float = 0.7
    noise_amount: float = 1.3
    drop: float = 0.3
    coco: float = 0.2
    habit: float = 0.06
    habit_share: float = 0.3

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if not value >= 0:
                raise InputError(f"{name} is {value}; it cannot be negative, 0 changes nothing")
            if name in _SHARES and value > 1:
                raise InputError(f"{name} is {value}; it is a share and must be within 0 and 1")


def nothing() -> AugmentConfig:
    """No change at all."""
    return AugmentConfig(**dict.fromkeys(AugmentConfig.__dataclass_fields__, 0.0))


def change_body(joints: np.ndarray, config: AugmentConfig, rng: np.random.Generator) -> np.ndarray:
    """Other bone lengths, the same directions: (b, f, 17, 3) metres; one body per window."""
    if not (config.body or config.stature):
        return joints
    b = len(joints)
    factor = np.exp(config.body * rng.standard_normal((b, 17)))
    factor = (factor + factor[:, _MIRROR]) / 2
    factor *= np.exp(config.stature * rng.standard_normal((b, 1)))
    changed = joints.copy()
    for child, parent in _BONES:
        bone = joints[:, :, child] - joints[:, :, parent]
        changed[:, :, child] = changed[:, :, parent] + factor[:, child, None, None] * bone
    return changed


def detector_habits(
    joints: np.ndarray, config: AugmentConfig, rng: np.random.Generator
) -> np.ndarray:
    """The joints (b, f, 17, 3) as a detector with other joint definitions sees them."""
    some = rng.random(len(joints)) < config.habit_share
    habits = replace(config, body=config.habit, stature=0.0)
    return np.where(some[:, None, None, None], change_body(joints, habits, rng), joints)


def mix_limbs(joints: np.ndarray, config: AugmentConfig, rng: np.random.Generator) -> np.ndarray:
    """Limbs of another window of the batch, turned to this window's heading: (b, f, 17, 3).

    A limb moves relative to where it hangs (hip or shoulder) in a frame that turns with the
    person's heading, so an arm that swings forward still swings forward.
    """
    b = len(joints)
    chosen = rng.random(b) < config.mix
    if not chosen.any():
        return joints
    donor = joints[rng.permutation(b)]
    angle = heading(joints) - heading(donor)
    cos, sin = np.cos(angle)[..., None], np.sin(angle)[..., None]
    mixed = joints.copy()
    for _, limb in _LIMBS:
        take = (chosen & (rng.random(b) < 0.5))[:, None, None]
        base = limb[0]
        for j in limb[1:]:
            d = donor[:, :, j] - donor[:, :, base]
            turned = np.concatenate(
                [
                    cos * d[..., :1] - sin * d[..., 1:2],
                    sin * d[..., :1] + cos * d[..., 1:2],
                    d[..., 2:],
                ],
                axis=-1,
            )
            own = mixed[:, :, j]
            mixed[:, :, j] = np.where(take, mixed[:, :, base] + turned, own)
    return mixed.astype(joints.dtype)


def heading(joints: np.ndarray) -> np.ndarray:
    """(b, f) angle of the person's facing about the vertical, averaged over the window's frames."""
    left, right = HUMAN36M_17.index("left_hip"), HUMAN36M_17.index("right_hip")
    across = (joints[..., left, :2] - joints[..., right, :2]).mean(axis=-2, keepdims=True)
    across = np.broadcast_to(across, (*joints.shape[:-2], 2))
    return np.arctan2(-across[..., 0], across[..., 1])  # (left - right) x up


def tilt(joints: np.ndarray, config: AugmentConfig, rng: np.random.Generator) -> np.ndarray:
    """Tilt some windows as a whole about a random horizontal axis through the first pelvis."""
    b = len(joints)
    angle = np.radians(config.tilt) * rng.random(b) * (rng.random(b) < config.tilt_share)
    if not angle.any():
        return joints
    azimuth = rng.uniform(0, 2 * np.pi, b)
    axis = np.stack([np.cos(azimuth), np.sin(azimuth), np.zeros(b)], axis=-1)[:, None, None]
    pivot = joints[:, :1, :1]
    d = joints - pivot
    cos, sin = np.cos(angle)[:, None, None, None], np.sin(angle)[:, None, None, None]
    along = (d * axis).sum(axis=-1, keepdims=True)
    tilted = pivot + cos * d + sin * np.cross(axis, d) + (1 - cos) * along * axis
    return tilted.astype(joints.dtype)


def mirror_world(joints: np.ndarray, which: np.ndarray) -> np.ndarray:
    """Mirror the chosen windows (b) of world joints (b, f, 17, 3) and swap left and right."""
    mirrored = joints[:, :, _MIRROR] * np.array([-1.0, 1.0, 1.0], dtype=joints.dtype)
    return np.where(which[:, None, None, None], mirrored, joints)


def drop_joints(
    shape: tuple[int, ...],
    config: AugmentConfig,
    rng: np.random.Generator,
    skeleton: Skeleton = HUMAN36M_17,
) -> np.ndarray:
    """(b, f, j) True where a joint is still seen: scattered misses, hidden limbs, lost joints."""
    b, frames, joints = shape
    limbs = [limb for part, limb in skeleton.parts.items() if part != "torso_head"]
    seen = np.ones(shape, dtype=bool)
    chosen = rng.random(b) < config.drop
    rate = rng.uniform(0, 0.35, (b, 1, 1))
    scattered = rng.random(shape) < rate
    limb = np.zeros(shape, dtype=bool)
    for w in range(b):
        start, stop = np.sort(rng.integers(0, frames + 1, 2))
        limb[w, start:stop, list(limbs[rng.integers(len(limbs))])] = True
    never = np.broadcast_to(rng.random((b, 1, joints)) < rng.uniform(0, 0.2, (b, 1, 1)), shape)
    kind = rng.integers(0, 4, b)[:, None, None]
    hidden = np.where(kind == 0, scattered, np.where(kind == 1, limb, never))
    hidden = np.where(kind == 3, scattered | limb, hidden)
    seen[chosen] = ~hidden[chosen]
    return seen


def coco_like(joints: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
    """The 17 COCO points of a body known by its Human3.6M-17 joints: (*, 17, 3) to (*, 17, 3).

    Eyes, ears and nose sit on an average head whose axes follow neck and shoulders; hips are where
    annotators click them, further out and a little higher. With a generator, for joints
    with a leading window axis, the offsets vary by window, as detectors' habits do.
    """
    index = HUMAN36M_17.index
    thorax, top = joints[..., index("thorax"), :], joints[..., index("head_top"), :]
    up = _unit(top - thorax)
    across = joints[..., index("left_shoulder"), :] - joints[..., index("right_shoulder"), :]
    left = _unit(across - (across * up).sum(-1, keepdims=True) * up)
    forward = np.cross(left, up)
    vary = np.zeros(4)
    if rng is not None:
        lead = joints.shape[0]
        vary = rng.standard_normal((4, lead, *(1,) * (joints.ndim - 2)))
    length = np.linalg.norm(top - thorax, axis=-1, keepdims=True)
    center = thorax + (0.58 + 0.04 * vary[0]) * length * up
    nose = center + (0.10 + 0.015 * vary[1]) * forward - 0.02 * up
    eyes, ears = center + 0.085 * forward + 0.02 * up, center
    hip = {side: joints[..., index(f"{side}_hip"), :] for side in ("left", "right")}
    trunk = _unit(thorax - joints[..., index("pelvis"), :])
    out = (0.08 + 0.08 * vary[2]) * (hip["left"] - hip["right"])
    above = (0.02 + 0.02 * vary[3]) * trunk
    points = {
        "nose": nose,
        "left_eye": eyes + 0.032 * left,
        "right_eye": eyes - 0.032 * left,
        "left_ear": ears + 0.075 * left,
        "right_ear": ears - 0.075 * left,
        "left_hip": hip["left"] + out + above,
        "right_hip": hip["right"] - out + above,
    }
    for joint in COCO_17.joints:
        if joint not in points:
            points[joint] = joints[..., index(joint), :]
    return np.stack([points[joint] for joint in COCO_17.joints], axis=-2)


def through_coco(joints: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
    """Where the Human3.6M-17 joints seem to be when they are made from COCO-17 points."""
    return conversion(COCO_17, HUMAN36M_17).apply(coco_like(joints, rng))


def _unit(v: np.ndarray) -> np.ndarray:
    return v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-9)
