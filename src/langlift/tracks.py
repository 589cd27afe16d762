"""Keypoints (2D in) and Motion (3D out): the two objects that everything else exchanges.

Both are frozen and validated when made, so code behind them never checks again. Pixels have their
origin at the top left, x to the right, y down. Camera space is right-handed: x right, y down,
z forward, metres.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from .conversions import conversion
from .errors import InputError, check_shape
from .skeletons import Skeleton, get_skeleton

Space = Literal["root", "camera", "world"]

#: What each space means, printed and stored with every result.
SPACE_AXES: dict[str, str] = {
    "root": "metres relative to the pelvis, camera axes: x right, y down, z forward",
    "camera": "metres from the camera: x right, y down, z forward",
    "world": "metres, right-handed, z up, floor at z = 0",
}


#: Frames per second that are accepted. A network has a rate of its own, so a track is resampled
#: by the ratio of the two: a rate far below these would make more frames than memory holds.
SLOWEST_FPS, FASTEST_FPS = 1, 1000


#: More pixels than any camera has; larger numbers are mistakes.
LARGEST_SIDE = 100_000


def check_fps(fps: Any) -> float:
    """Frames per second as a float, `SLOWEST_FPS` to `FASTEST_FPS`.

    Raises:
        InputError: for anything else.
    """
    try:
        rate = float(fps)
        got = f"{rate:.15g}"
    except OverflowError:  # a whole number with more digits than anybody wants to read
        rate, got = float("inf"), "beyond all numbers of frames"
    except (TypeError, ValueError):
        rate, got = float("nan"), repr(fps)
    if not SLOWEST_FPS <= rate <= FASTEST_FPS:
        raise InputError(
            f"fps is {got}; it must be between {SLOWEST_FPS} and {FASTEST_FPS} frames per second"
        )
    return rate


def _check_image_size(image_size: Any) -> tuple[int, int]:
    if image_size is None:
        raise InputError(
            "the image size is missing; give the (width, height) in pixels of the frames the "
            "keypoints were found in (--image-size WIDTH HEIGHT)"
        )
    try:
        width, height = (float(v) for v in image_size if not isinstance(v, str))
    except (TypeError, ValueError):
        width = height = 0.0
    if not (width > 0 and height > 0 and width.is_integer() and height.is_integer()):
        raise InputError(
            f"the image size is {image_size!r}; it must be two positive numbers (width, "
            "height) of whole pixels (--image-size WIDTH HEIGHT)"
        )
    if max(width, height) > LARGEST_SIDE:
        raise InputError(
            f"the image size is {width:.0f} x {height:.0f}; a side has at most {LARGEST_SIDE:,} "
            "pixels (--image-size WIDTH HEIGHT)"
        )
    return int(width), int(height)


# The objects here hold arrays, which have no single truth value, so they are compared by identity
# (eq=False) instead of raising on ==.
@dataclass(frozen=True, eq=False)
class Keypoints:
    """2D joints of one person over time.

    Args:
        xy: (f, j, 2) pixels; NaN marks a joint that was not seen.
        skeleton: joint convention, by name or as a `Skeleton`.
        fps: frames per second.
        image_size: (width, height) of the frames in pixels.
        confidence: (f, j) detector scores, not comparable across detectors; 1 where seen if
            omitted. A joint with confidence 0 counts as not seen.
        person: which person of the source this is.
        provenance: where the points come from (file, detector, conversions), for people to read.

    Raises:
        InputError: for any array, rate or size that cannot be lifted; the message says why.
    """

    xy: np.ndarray
    skeleton: Skeleton
    fps: float
    image_size: tuple[int, int]
    confidence: np.ndarray
    person: str
    provenance: Mapping[str, Any]

    def __init__(
        self,
        xy: Any,
        skeleton: str | Skeleton = "human36m_17",
        fps: float | None = None,
        image_size: tuple[int, int] | None = None,
        confidence: Any = None,
        person: str = "0",
        provenance: Mapping[str, Any] | None = None,
    ) -> None:
        kind = get_skeleton(skeleton)
        points = _check_points(xy, kind)
        if fps is None:
            raise InputError("fps is missing; give the frames per second (--fps)")
        rate = check_fps(fps)
        size = _check_image_size(image_size)
        scores = _check_confidence(confidence, points)
        points = np.where((scores > 0)[..., None], points, np.nan).astype(np.float32)
        if not (scores > 0).any():
            raise InputError(
                "no joint is seen in any frame (every value is NaN or has confidence 0); "
                "there is nothing to lift"
            )
        _check_within_reach(points, size)
        for key, value in {
            "xy": points,
            "skeleton": kind,
            "fps": rate,
            "image_size": size,
            "confidence": scores,
            "person": str(person),
            "provenance": dict(provenance or {}),
        }.items():
            object.__setattr__(self, key, value)

    def __len__(self) -> int:
        return len(self.xy)

    @property
    def seen(self) -> np.ndarray:
        """(f, j) True where a joint was seen."""
        return self.confidence > 0

    def replaced(self, **changes: Any) -> Keypoints:
        """The same keypoints with some fields changed, validated again."""
        fields = ("xy", "skeleton", "fps", "image_size", "confidence", "person", "provenance")
        return Keypoints(**{name: getattr(self, name) for name in fields} | changes)

    def converted(self, skeleton: str | Skeleton) -> Keypoints:
        """These keypoints in another joint convention; approximations go to the provenance."""
        target = get_skeleton(skeleton)
        if target == self.skeleton:
            return self
        rule = conversion(self.skeleton, target)
        notes = list(rule.notes)
        if rule.missing:
            notes.append(f"not given by {self.skeleton.name}: {', '.join(rule.missing)}")
        xy = rule.apply(self.xy)
        if not np.isfinite(xy).any():
            raise InputError(
                f"no joint of {target.name} can be made from the joints that are seen in these "
                f"{self.skeleton.name} keypoints; check the skeleton and the confidences"
            )
        return self.replaced(
            xy=xy,
            skeleton=target,
            confidence=rule.apply_confidence(self.confidence),
            provenance={
                **self.provenance,
                "converted_from": self.skeleton.name,
                "conversion_notes": notes,
            },
        )


#: A most probable action below this probability is close to a guess and is shown as one.
UNCERTAIN = 0.4


@dataclass(frozen=True, eq=False)
class ActionEstimate:
    """What the person does, as estimated from the motion (never a true label).

    Args:
        labels: (k) class labels.
        probabilities: (w, k) per window, rows sum to 1.
        windows: (w, 2) first and one-past-last frame of each window.

    Raises:
        InputError: for arrays of other shapes, rows that are no probabilities, empty windows.
    """

    labels: tuple[str, ...]
    probabilities: np.ndarray
    windows: np.ndarray

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", tuple(self.labels))
        rows = _float_array(self.probabilities, "action probabilities")
        object.__setattr__(self, "probabilities", rows)
        object.__setattr__(self, "windows", np.asarray(self.windows))
        check_shape(rows, f"w {len(self.labels)}", "action probabilities")
        check_shape(self.windows, f"{len(rows)} 2", "action windows")
        if rows.size == 0:
            raise InputError("an action estimate needs at least one label and one window")
        # The tolerance leaves room for a softmax in half precision.
        if not ((rows >= 0).all() and np.allclose(rows.sum(axis=1), 1, atol=1e-2)):
            raise InputError(
                "action probabilities must not be negative and each window's must sum to 1; "
                "give the softmax of the logits"
            )
        if not (np.diff(self.windows, axis=1) > 0).all():
            raise InputError(
                "an action window ends before it begins; give (first, one past the last) frame"
            )

    @property
    def mean(self) -> np.ndarray:
        """(k) probabilities over the whole motion, windows weighted by their length."""
        weights = np.diff(self.windows, axis=1)[:, 0].astype(float)
        return weights @ self.probabilities / weights.sum()

    @property
    def label(self) -> str:
        """The most probable label of the whole motion."""
        return self.labels[int(self.mean.argmax())]

    @property
    def probability(self) -> float:
        """Probability of `label`."""
        return float(self.mean.max())

    @property
    def certain(self) -> bool:
        """Whether `label` is probable enough to be named alone, see `UNCERTAIN`."""
        return self.probability >= UNCERTAIN

    def top(self, n: int = 3) -> list[tuple[str, float]]:
        """The n most probable labels with their probabilities."""
        order = np.argsort(-self.mean)[:n]
        return [(self.labels[k], float(self.mean[k])) for k in order]


@dataclass(frozen=True, eq=False)
class Motion:
    """3D joints of one person over time.

    Args:
        joints: (f, j, 3) metres; the frame of reference is `space`, see `SPACE_AXES`.
        skeleton: joint convention.
        fps: frames per second.
        space: ``root``, ``camera`` or ``world``.
        root: (f, 3) metres, the root's trajectory, or None; how it was estimated is in the
            provenance.
        action: the estimated action, or None.
        hypotheses: (h, f, j, 3) metres or None.
        spread: (f, j) metres, disagreement of the hypotheses, or None.
        provenance: model, weights, camera assumption, smoothing, versions.

    Raises:
        InputError: for arrays that do not fit each other, infinite values or an unknown space.
    """

    joints: np.ndarray
    skeleton: Skeleton
    fps: float
    space: Space = "root"
    root: np.ndarray | None = None
    action: ActionEstimate | None = None
    hypotheses: np.ndarray | None = None
    spread: np.ndarray | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "skeleton", get_skeleton(self.skeleton))
        for name in ("joints", "root", "hypotheses", "spread"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, _finite_or_nan(_float_array(value, name), name))
        object.__setattr__(self, "fps", check_fps(self.fps))
        sizes = check_shape(self.joints, f"f {len(self.skeleton)} 3", "joints")
        if self.space not in SPACE_AXES:
            raise InputError(f"space is {self.space!r}; it must be one of {', '.join(SPACE_AXES)}")
        if sizes["f"] == 0:
            raise InputError("a motion needs at least one frame")
        if self.root is not None:
            check_shape(self.root, f"{sizes['f']} 3", "root")
        if self.hypotheses is not None:
            check_shape(self.hypotheses, f"h {sizes['f']} {len(self.skeleton)} 3", "hypotheses")
        if self.spread is not None:
            check_shape(self.spread, f"{sizes['f']} {len(self.skeleton)}", "spread")

    def __len__(self) -> int:
        return len(self.joints)

    @property
    def seconds(self) -> float:
        """Duration."""
        return len(self) / self.fps

    def replaced(self, **changes: Any) -> Motion:
        """The same motion with some fields changed, validated again."""
        return replace(self, **changes)


def _float_array(value: Any, name: str) -> np.ndarray:
    """A float32 copy, so that nobody changes a frozen object through the array they passed in."""
    try:
        with np.errstate(over="ignore"):  # becomes infinite, which the callers refuse
            return np.array(value, dtype=np.float32)
    except (TypeError, ValueError):
        raise InputError(
            f"{name} is not an array of numbers; give a regular numeric array"
        ) from None


def _finite_or_nan(array: np.ndarray, name: str) -> np.ndarray:
    if np.isinf(array).any():
        raise InputError(f"{name} holds infinite values; mark what is not known with NaN instead")
    return array


def _check_points(xy: Any, kind: Skeleton) -> np.ndarray:
    points = _float_array(xy, "xy")
    if points.ndim == 3 and points.shape[0] == 0:
        raise InputError("there are no frames in the keypoints; give at least one")
    if points.ndim == 3 and points.shape[2] == 2 and points.shape[1] != len(kind):
        raise InputError(
            f"the keypoints have {points.shape[1]} joints but skeleton {kind.name!r} has "
            f"{len(kind)}; name the skeleton they are in"
        )
    check_shape(points, f"f {len(kind)} 2", "xy")
    return _finite_or_nan(points, "xy")


def _check_confidence(confidence: Any, points: np.ndarray) -> np.ndarray:
    """(f, j) scores: 1 where seen if none are given, 0 where a point or its score is missing."""
    seen = np.asarray(np.isfinite(points).all(axis=-1))
    if confidence is None:
        return seen.astype(np.float32)
    scores = _float_array(confidence, "confidence")
    check_shape(scores, f"{points.shape[0]} {points.shape[1]}", "confidence")
    if np.isinf(scores).any() or (scores < 0).any():
        wrong = scores[np.isinf(scores) | (scores < 0)][0]
        raise InputError(
            f"a confidence is {wrong:g}; give finite scores, 0 or more, and 0 or NaN for not seen"
        )
    scores[~seen | np.isnan(scores)] = 0
    return scores


def _check_within_reach(points: np.ndarray, size: tuple[int, int]) -> None:
    """Joints may leave the image, but values far outside mean other units or another image."""
    reach = 10.0 * max(size)
    worst = float(np.nanmax(np.abs(points)))
    if worst > reach:
        raise InputError(
            f"a joint lies at {worst:.0f} pixels, far outside the {size[0]} x {size[1]} image; "
            "check the image size and that xy is in pixels"
        )
    if max(size) >= 16 and float(np.nanmax(points) - np.nanmin(points)) <= 2.0 and worst <= 2.0:
        raise InputError(
            "all joints lie within two pixels of the origin: these look like normalised "
            "coordinates; give xy in pixels"
        )
