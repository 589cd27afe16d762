"""What a model did on views of clips, and the mean of it with its interval.

Intervals: bootstrap over clips, the views of a clip kept together, 95 %. The resamples are the same
for every model and setting, so differences pair.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .report import Figure, Unit

RESAMPLES, SEED = 1000, 0
INTERVAL = (2.5, 97.5)
#: Digits of a difference between two models: a tenth of a millimetre hides what seeds change.
GAP_DIGITS = 2


@dataclass(frozen=True)
class Measured:
    """What one model did on all views, view by view.

    Args:
        clip: (v) index of the clip of each view.
        frames: (v) frames.
        errors: metric to (v) mean over the view's frames, metres (or metres per frame).
        right: (v) 1 where the action was named rightly, 0 where wrongly, NaN without an answer.
        classes: how many actions the model chooses from; 0 if it names none.
        joints: (v, j) mean error of each joint over the view's frames, metres; None where joints
            were not told apart.
        labels: (v) share of the view's frames whose own label, which chose the pose, is the true
            one; NaN where no label chose, None where that was not looked at.
    """

    clip: np.ndarray
    frames: np.ndarray
    errors: Mapping[str, np.ndarray]
    right: np.ndarray
    classes: int = 0
    joints: np.ndarray | None = None
    labels: np.ndarray | None = None


def interval(result: Measured, errors: np.ndarray, unit: Unit, clips: int) -> Figure:
    """The frame mean of values (v) with its interval over so many clips.

    Values are metres (shown in mm), metres per frame (mm/frame) or shares (%).
    """
    means = bootstrap(result, errors, clips)
    scale = 100 if unit == "%" else 1000
    value = frame_mean(result, errors) * scale
    low, high = np.nanpercentile(means, INTERVAL) * scale
    return Figure(value, unit, float(low), float(high))


def difference(
    one: tuple[Measured, np.ndarray], other: tuple[Measured, np.ndarray], clips: int
) -> Figure:
    """Frame mean of one model's errors minus that of another's, on the same resamples.

    Args:
        one: a result and errors of its views (v), metres; NaN for views that are left out.
        other: the same of the other model.
        clips: how many there are.

    Returns:
        Millimetres.
    """
    value = frame_mean(*one) - frame_mean(*other)
    draws = bootstrap(*one, clips) - bootstrap(*other, clips)
    low, high = np.nanpercentile(draws, INTERVAL) * 1000
    return Figure(value * 1000, "mm", float(low), float(high), GAP_DIGITS)


def frame_mean(result: Measured, errors: np.ndarray) -> float:
    """Mean of errors (v) over all frames; views without an error (NaN) are left out."""
    usable = np.isfinite(errors)
    return float(np.average(errors[usable], weights=result.frames[usable]))


def bootstrap(result: Measured, errors: np.ndarray, clips: int) -> np.ndarray:
    """Frame means of errors (v) over resampled clips; views without an error (NaN) are left out.

    The resamples are the same for every model and setting, so their results pair. One without any
    usable view is NaN.
    """
    usable = np.isfinite(errors)
    weight = np.where(usable, result.frames, 0.0)
    total = np.bincount(result.clip, weight * np.nan_to_num(errors), minlength=clips)
    frames = np.bincount(result.clip, weight, minlength=clips)
    times = _resamples(clips)
    count = times @ frames
    return (times @ total) / np.where(count > 0, count, np.nan)


@lru_cache(maxsize=2)
def _resamples(clips: int) -> np.ndarray:
    """(n, c) how often each clip is in each resample."""
    draws = np.random.default_rng(SEED).integers(0, clips, (RESAMPLES, clips))
    return np.array([np.bincount(drawn, minlength=clips) for drawn in draws], dtype=np.float64)
