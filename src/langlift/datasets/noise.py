"""2D detector noise: the mixture that MotionBERT fitted to a Stacked Hourglass on Human3.6M.

Per joint, an error is Gaussian with the joint's mean and deviation, or else uniform (a gross
error). Errors are drawn at key frames and interpolated, because a detector's error lasts, and a
little jitter is added per frame. The constants are in normalised units of an image in which a
person is `REFERENCE_HEIGHT` tall, so here the error scales with the person's height in the image.
"""

from __future__ import annotations

import numpy as np

from ..errors import check_shape
from ..skeletons import HUMAN36M_17, Skeleton

#: Height of a person in MotionBERT's normalised units ([-1, 1] across the image width): 1.7 m
#: seen from 5.2 m by a Human3.6M camera (focal length 1145 pixels, image 1000 pixels wide).
REFERENCE_HEIGHT = 0.75
KEY_FRAME_EVERY = 9  # 27 key frames per 243 frames
UNIFORM_RANGE = 0.06
JITTER = 0.002

# Rows: mean x, mean y, deviation x, deviation y, weight of the Gaussian; joints of Human3.6M-17.
_MIXTURE = np.array(
    [
        (0.00081, 0.00021, 0.00366, 0.00357, 0.9987),
        (-0.00015, 0.00200, 0.00713, 0.00511, 0.9670),
        (0.00204, -0.00151, 0.00608, 0.00500, 0.8896),
        (0.00094, 0.00091, 0.00895, 0.00529, 0.8938),
        (0.00187, -0.00070, 0.00672, 0.00533, 0.9746),
        (0.00193, -0.00520, 0.00701, 0.00492, 0.8767),
        (0.00089, -0.00187, 0.00951, 0.00563, 0.8210),
        (0.00247, 0.00233, 0.00659, 0.00497, 0.9578),
        (0.00214, -0.00651, 0.00549, 0.00531, 0.9183),
        (0.00166, 0.00166, 0.00534, 0.00488, 0.9679),
        (0.00084, 0.00159, 0.00342, 0.00349, 0.9841),
        (0.00079, -0.00462, 0.00801, 0.00609, 0.8910),
        (0.00150, 0.00030, 0.00517, 0.00475, 0.8016),
        (0.00116, 0.00163, 0.00499, 0.00509, 0.7028),
        (0.00210, -0.00317, 0.00782, 0.00793, 0.8809),
        (0.00168, -0.00033, 0.00601, 0.00572, 0.8246),
        (0.00166, 0.00132, 0.00537, 0.00568, 0.7287),
    ]
)
MEAN, DEVIATION, GAUSSIAN_WEIGHT = _MIXTURE[:, 0:2], _MIXTURE[:, 2:4], _MIXTURE[:, 4]


def noise_offsets(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Errors in normalised units.

    Args:
        shape: leading axes and frames, (*, f).
        rng: source of all randomness.

    Returns:
        (*, f, 17, 2).
    """
    *batch, frames = shape
    keys = max(2, -(-frames // KEY_FRAME_EVERY) + 1)
    size = (*batch, keys, 17)
    gaussian = MEAN + DEVIATION * rng.standard_normal((*size, 2))
    uniform = (rng.random((*size, 2)) - 0.5) * UNIFORM_RANGE
    pick = rng.random(size)[..., None] < GAUSSIAN_WEIGHT[:, None]
    at_keys = np.where(pick, gaussian, uniform)
    at = np.arange(frames) / KEY_FRAME_EVERY
    low = np.minimum(at.astype(int), keys - 2)
    part = (at - low)[:, None, None]
    slow = at_keys[..., low, :, :] * (1 - part) + at_keys[..., low + 1, :, :] * part
    return slow + JITTER * rng.standard_normal(slow.shape)


def add_detector_noise(
    xy: np.ndarray,
    person_height: np.ndarray,
    rng: np.random.Generator,
    amount: float = 1.0,
    skeleton: Skeleton = HUMAN36M_17,
) -> tuple[np.ndarray, np.ndarray]:
    """2D points as a detector might have found them.

    Args:
        xy: (*, f, j, 2) in any image unit.
        person_height: (*, f) height of the upright person in the image, same unit.
        rng: source of all randomness.
        amount: factor on the error; 0 gives the points back.
        skeleton: convention of the points. A joint errs as the Human3.6M joint of its name; the
            points of the face err together, as the head does.

    Returns:
        The noisy points, and a confidence (*, f, j) in [0, 1] that falls with the error as
        MotionBERT models it (section on synthetic 2D of its code).
    """
    sizes = check_shape(xy, f"* f {len(skeleton)} 2", "xy")
    check_shape(person_height, f"* {sizes['f']}", "person_height")
    offsets = noise_offsets(xy.shape[:-2], rng)[..., _errs_as(skeleton), :] * amount
    noisy = xy + offsets * (person_height / REFERENCE_HEIGHT)[..., None, None]
    return noisy.astype(xy.dtype), confidence_of(offsets, rng)


def _errs_as(skeleton: Skeleton) -> list[int]:
    """Index of the Human3.6M joint whose errors each joint of a skeleton makes."""
    head = HUMAN36M_17.index("neck_nose")
    known = {joint: i for i, joint in enumerate(HUMAN36M_17.joints)}
    return [known.get(joint, head) for joint in skeleton.joints]


def confidence_of(offsets: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Detector confidence (*, 17) for errors (*, 17, 2) in normalised units."""
    a, b, mean, deviation = 0.028, 1.1, -0.004586, 0.143106
    distance = np.linalg.norm(offsets, axis=-1)
    score = a / (distance + a) + b * distance
    return np.clip(score + mean + deviation * rng.standard_normal(score.shape), 0.0, 1.0)


def stature(joints: np.ndarray) -> np.ndarray:
    """Standing height in metres of the body of (*, 17, 3) joints, whatever it does: (*).

    The legs' and the trunk's bones laid in one line, plus the height of the ankles.
    """
    legs = [_length(joints, a, b) for a, b in ((2, 1), (3, 2), (5, 4), (6, 5))]
    trunk = [_length(joints, a, b) for a, b in ((7, 0), (8, 7), (10, 8))]
    return np.sum(legs, axis=0) / 2 + np.sum(trunk, axis=0) + 0.08


def _length(joints: np.ndarray, a: int, b: int) -> np.ndarray:
    return np.linalg.norm(joints[..., a, :] - joints[..., b, :], axis=-1)
