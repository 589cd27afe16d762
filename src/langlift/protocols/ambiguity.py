"""How ambiguous a view is: how different the depths are that look alike in 2D.

For a window of 2D motion the most similar training windows are looked up, and the spread of their
true depths is what this 2D leaves open for a lifter by neighbours. Whether the word for the action
settles any of it is not told by the spread among windows of the same action, which is smaller where
all of them are wrong together: it is told by how much nearer to the truth their median is. Windows
of actions with too few training clips say nothing of that and are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..datasets.clips import LabelledClip
from ..datasets.mocap_views import (
    TRAINING_CAMERAS,
    Source2D,
    View,
    centered,
    make_view,
    mocap_views,
)
from ..errors import InputError, check_shape
from ..geometry.human36m import human36m_cameras

#: Frames of a window that are compared: nine, over 81 frames.
_OFFSETS = np.arange(-36, 37, 9)
_DIMENSIONS = 40
_CHUNK = 1000  # windows that are compared at a time


@dataclass(frozen=True)
class Looks:
    """Windows as they look in 2D, with the depth of the pose in their middle.

    Args:
        features: (n, d) of the 2D, in units of the person's size.
        depth: (n, j) metres relative to the root.
        label: (n) true action.
        clip: (n) index of the clip.
        view: (n) index of the view.
    """

    features: np.ndarray
    depth: np.ndarray
    label: np.ndarray
    clip: np.ndarray
    view: np.ndarray

    def __post_init__(self) -> None:
        count = check_shape(self.features, "n d", "features")["n"]
        check_shape(self.depth, f"{count} j", "depth")
        for name in ("label", "clip", "view"):
            check_shape(getattr(self, name), f"{count}", name)

    def __len__(self) -> int:
        return len(self.features)

    def taken(self, chosen: np.ndarray) -> Looks:
        """Some of the windows."""
        return Looks(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class Ambiguity:
    """What neighbours say of the depth of windows, metres; NaN where there are not enough.

    Args:
        spread: (n) mean distance of the neighbours' joints from their median, in depth.
        spread_told: (n) the same among windows of the same action.
        error: (n) mean distance of that median from the truth.
        error_told: (n) the same among windows of the same action; it used the true action, so
            every figure made of it is an oracle's.
    """

    spread: np.ndarray
    spread_told: np.ndarray
    error: np.ndarray
    error_told: np.ndarray

    @property
    def settled(self) -> np.ndarray:
        """(n) how much nearer to the truth the median is by the action, negative where farther."""
        return self.error - self.error_told


def ambiguity(known: Looks, asked: Looks, neighbours: int = 10) -> Ambiguity:
    """Spread and error in depth of the training windows that look most alike.

    Args:
        known: training windows.
        asked: windows to ask about.
        neighbours: windows that are looked at, each of another clip; a window with fewer is NaN.

    Raises:
        InputError: for fewer than 2 neighbours, or windows of different kinds.
    """
    if neighbours < 2:
        raise InputError(f"neighbours is {neighbours}; a spread needs at least 2")
    if known.features.shape[1] != asked.features.shape[1]:
        raise InputError(
            f"windows with {asked.features.shape[1]} features are asked about among windows with "
            f"{known.features.shape[1]}; make both with look_at"
        )
    known = known.taken(np.argsort(known.clip, kind="stable"))
    axes = _principal(known.features)
    mine, theirs = known.features @ axes, asked.features @ axes
    found = np.full((4, len(asked)), np.nan)
    for first in range(0, len(asked), _CHUNK):
        rows = slice(first, first + _CHUNK)
        far = _distances(theirs[rows], mine)
        same = asked.label[rows, None] == known.label[None]
        for place, distance in ((0, far), (1, np.where(same, far, np.inf))):
            found[[place, place + 2], rows] = _judge(distance, known, asked.depth[rows], neighbours)
    return Ambiguity(*found)


def by_view(values: np.ndarray, view: np.ndarray, count: int) -> np.ndarray:
    """Mean of windows' values (n) over each of so many views; NaN for a view without any."""
    usable = np.isfinite(values)
    total = np.bincount(view[usable], values[usable], minlength=count)
    number = np.bincount(view[usable], minlength=count)
    return total / np.where(number, number, np.nan)


def training_looks(
    clips: Sequence[LabelledClip], source: Source2D, most: int = 20_000, seed: int = 0
) -> Looks:
    """Windows of training clips in the four cameras of one training subject each.

    Args:
        clips: the training clips.
        source: of the 2D.
        most: windows that are kept; of more, so many are drawn.
        seed: of the draw.
    """
    looks = look_at(_training_views(clips, source))
    if len(looks) <= most:
        return looks
    drawn = np.random.default_rng(seed).choice(len(looks), most, replace=False)
    return looks.taken(np.sort(drawn))


def asked_looks(clips: Sequence[LabelledClip], source: Source2D) -> Looks:
    """Windows of the views of `mocap_views`, whose indices they carry."""
    return look_at(mocap_views(clips, source), every=27)


def look_at(views: Iterable[View], every: int = 9) -> Looks:
    """Windows of views, which come clip by clip.

    Args:
        views: clips seen by cameras.
        every: frames between the middles of windows.

    Raises:
        InputError: without views.
    """
    parts: list[Looks] = []
    clips: dict[str, int] = {}
    for number, view in enumerate(views):
        xy = view.keypoints.xy.astype(np.float64)
        middles = np.arange(len(xy) // 2 % every, len(xy), every)
        shown = xy[np.clip(middles[:, None] + _OFFSETS, 0, len(xy) - 1)]
        shown = shown - shown[:, :, :1]
        size = np.linalg.norm(shown, axis=-1).mean(axis=(1, 2))
        flat = shown.reshape(len(middles), -1) / np.maximum(size, 1e-6)[:, None]
        clip = clips.setdefault(view.clip.clip_id, len(clips))
        each = (np.full(len(middles), value) for value in (view.clip.action, clip, number))
        looks = Looks(flat.astype(np.float32), view.truth[middles, :, 2], *each)
        parts.append(looks.taken(np.isfinite(flat).all(axis=1)))
    if not parts:
        raise InputError("there are no views to look at; give at least one clip")
    names = Looks.__dataclass_fields__
    return Looks(*(np.concatenate([getattr(p, name) for p in parts]) for name in names))


def _training_views(clips: Sequence[LabelledClip], source: Source2D) -> Iterator[View]:
    """Every clip by the cameras of the subject whose turn it is."""
    for n, clip in enumerate(clips):
        stand = replace(clip, joints=centered(clip.joints))
        for camera in human36m_cameras(TRAINING_CAMERAS[n % len(TRAINING_CAMERAS)]):
            yield make_view(stand, camera, source)


def _principal(features: np.ndarray) -> np.ndarray:
    """(d, p) axes in which the features vary most."""
    centred = features - features.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    return axes[:, ::-1][:, :_DIMENSIONS]


def _distances(asked: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(q, n) squared distances."""
    return (asked**2).sum(axis=1)[:, None] + (known**2).sum(axis=1)[None] - 2 * (asked @ known.T)


def _judge(distance: np.ndarray, known: Looks, truth: np.ndarray, count: int) -> np.ndarray:
    """(2, q): spread of the nearest windows of `count` clips, and error of their median.

    Args:
        distance: (q, n) to the known windows; infinite for those that do not count.
        known: clip by clip.
        truth: (q, j) depths.
        count: of clips.
    """
    result = np.full((2, len(distance)), np.nan)
    starts = np.flatnonzero(np.diff(known.clip, prepend=np.nan))
    if len(starts) < count:
        return result
    ends = np.append(starts[1:], len(known))
    nearest = np.minimum.reduceat(distance, starts, axis=1)  # of each clip
    clips = np.argpartition(nearest, count - 1, axis=1)[:, :count]
    rows = np.flatnonzero(np.isfinite(np.take_along_axis(nearest, clips, axis=1)).all(axis=1))
    windows = [
        [starts[c] + distance[row, starts[c] : ends[c]].argmin() for c in clips[row]]
        for row in rows
    ]
    depths = known.depth[np.array(windows, dtype=int).reshape(len(rows), count)]  # (r, count, j)
    middle = np.median(depths, axis=1)
    result[0, rows] = np.abs(depths - middle[:, None]).mean(axis=(1, 2))
    result[1, rows] = np.abs(truth[rows] - middle).mean(axis=1)
    return result
