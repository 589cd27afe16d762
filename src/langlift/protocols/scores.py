"""What one recording scored, as sums, and the averages that papers make of them.

A sum and its weight can be added up over any group of recordings without keeping a frame, so an
evaluation needs no more memory than one recording does, and every average is made of the same
numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..datasets.recordings import Recording
from ..errors import InputError
from ..metrics import joint_errors
from ..skeletons import Skeleton
from .measures import MEASURES
from .spec import Average

#: Sum of a measure over frames, and the weight of those frames.
Sum = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Piece:
    """Neighbouring frames of a prediction and their truth.

    Args:
        pred: (f, j, 3) metres relative to the root (by the protocol's rule), camera axes.
        gt: (f, j, 3) metres relative to the root; any finite value where the weight is 0.
        weight: (f,) how much each frame counts; 0 for not at all.
        labels: (f,) class label of each frame.
    """

    pred: np.ndarray
    gt: np.ndarray
    weight: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Score:
    """What was measured of one recording.

    Args:
        name: of the recording.
        subject: who moves.
        sequence: what it is called in the data, all its cameras together; unique over subjects.
        frames: frames that count, each once.
        sums: class label to measure to its sum and weight, metres or shares.
        joints: sum of the distance of each joint (j), metres.
        weight: of the sums in `joints`.
        named: how often the action was named rightly, and how often it was to be named.
        notes: what was approximated, a phrase each.
        apart: the 2D lies off the 3D, though not so far that it must not be evaluated.
    """

    name: str
    subject: str
    sequence: str
    frames: int
    sums: Mapping[str, Mapping[str, Sum]]
    joints: tuple[float, ...]
    weight: float
    named: Sum = (0.0, 0.0)
    notes: tuple[str, ...] = ()
    apart: bool = False

    def __post_init__(self) -> None:
        sums = [
            (f"{what} of {measure}", value)
            for own in self.sums.values()
            for measure, of in own.items()
            for what, value in zip(("sum", "weight"), of, strict=True)
        ]
        others = [("number of frames", self.frames), ("weight", self.weight)]
        others += [("sum of a joint", value) for value in self.joints]
        others += [("count of named actions", value) for value in self.named]
        for what, value in (*sums, *others):
            if not 0 <= value < float("inf"):
                raise InputError(
                    f"the {what} of recording {self.name!r} is {value:g}; it must be finite and "
                    "not negative"
                )

    def content(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return asdict(self)

    @classmethod
    def from_content(cls, content: Mapping[str, Any]) -> Score:
        """The score that `content` was made of.

        Raises:
            InputError: for values of another form, or that no score has.
        """
        try:
            return cls._from_plain(content)
        except InputError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise InputError("it holds no score as langlift writes it") from error

    @classmethod
    def _from_plain(cls, content: Mapping[str, Any]) -> Score:
        sums = {
            label: {name: (float(total), float(weight)) for name, (total, weight) in each.items()}
            for label, each in content["sums"].items()
        }
        right, asked = content["named"]
        return cls(
            str(content["name"]),
            str(content["subject"]),
            str(content["sequence"]),
            int(content["frames"]),
            sums,
            tuple(float(v) for v in content["joints"]),
            float(content["weight"]),
            (float(right), float(asked)),
            tuple(map(str, content["notes"])),
            bool(content["apart"]),
        )

    def misfit(
        self, recording: Recording, sequence: str, metrics: Sequence[str], joints: int
    ) -> str:
        """Why this cannot be the score of a recording, in words; empty if it can.

        Args:
            recording: of that name.
            sequence: what it is called.
            metrics: that were measured.
            joints: number of joints that were compared.
        """
        if self.subject != recording.subject:
            return f"its subject is {self.subject!r}, not {recording.subject!r}"
        if self.sequence != sequence:
            return f"its sequence is {self.sequence!r}, not {sequence!r}"
        if self.frames != recording.counted.sum():
            return f"it is of {self.frames} frames, and {recording.counted.sum()} count"
        labels = {str(label) for label in recording.labels[recording.counted]}
        if other := set(self.sums) - labels:
            return f"no frame that counts has its label {min(other)!r}"
        if any(measure not in metrics for own in self.sums.values() for measure in own):
            return "it holds other measures"
        if len(self.joints) != joints:
            return f"it is of {len(self.joints)} joints, not {joints}"
        for measure in (name for name in metrics if not MEASURES[name].lag):
            weight = sum(own.get(measure, (0.0, 0.0))[1] for own in self.sums.values())
            if abs(weight - self.weight) > 1e-6 * self.weight:
                return f"its weights of {measure} do not add up"
        return ""


def summed(
    pieces: Iterable[Piece], metrics: Sequence[str], skeleton: Skeleton
) -> tuple[dict[str, dict[str, Sum]], np.ndarray, float]:
    """Sums over the pieces of one recording.

    A measure that compares frames is counted where all frames that it looks at count; it belongs
    to the label of the last of them. Pieces are never compared with each other.

    Args:
        pieces: of one recording.
        metrics: names in `MEASURES`.
        skeleton: of the joints.

    Returns:
        Label to measure to sum and weight; the distance of each joint, summed (j); its weight.
    """
    sums: dict[str, dict[str, Sum]] = {}
    joints, weight = np.zeros(len(skeleton)), 0.0
    for piece in pieces:
        for name in metrics:
            measure = MEASURES[name]
            if len(piece.weight) <= measure.lag:
                continue
            values = measure.of(piece.pred, piece.gt, skeleton)
            counts = _least(piece.weight, measure.lag)
            labels = piece.labels[measure.lag :]
            for label in np.unique(labels[counts > 0]):
                mine = np.where(labels == label, counts, 0.0)
                own = sums.setdefault(str(label), {})
                before = own.get(name, (0.0, 0.0))
                own[name] = (before[0] + float(values @ mine), before[1] + float(mine.sum()))
        joints += piece.weight @ joint_errors(piece.pred, piece.gt)
        weight += float(piece.weight.sum())
    return sums, joints, weight


def _least(weight: np.ndarray, lag: int) -> np.ndarray:
    """(f - lag) smallest weight of each frame and the `lag` frames after it."""
    return np.min([weight[n : len(weight) - lag + n] for n in range(lag + 1)], axis=0)


def mean_of(
    scores: Iterable[Score], measure: str, chosen: Callable[[Score, str], bool] | None = None
) -> float | None:
    """Mean over the frames of the chosen recordings and labels; None where no frame counts."""
    total = weight = 0.0
    for score in scores:
        for label, own in score.sums.items():
            if measure in own and (chosen is None or chosen(score, label)):
                total, weight = total + own[measure][0], weight + own[measure][1]
    return total / weight if weight else None


def mean_of_groups(
    scores: Sequence[Score], measure: str, group: Callable[[Score, str], Any]
) -> float | None:
    """Unweighted mean of the frame means of groups of recordings and labels."""
    keys = dict.fromkeys(group(s, label) for s in scores for label in s.sums)
    means = [mean_of(scores, measure, lambda s, label, k=key: group(s, label) == k) for key in keys]
    usable = [mean for mean in means if mean is not None]
    return float(np.mean(usable)) if usable else None


_GROUPS: dict[Average, Callable[[Score, str], Any]] = {
    "action": lambda score, label: label,
    "sequence": lambda score, label: score.sequence,
    "subject and action": lambda score, label: (score.subject, label),
    "frame": lambda score, label: None,
}


def average(scores: Sequence[Score], measure: str, kind: Average) -> float | None:
    """One of the averages that protocols name, in the unit of the sums.

    Args:
        scores: of the recordings.
        measure: a name in `MEASURES`.
        kind: the groups whose frame means are averaged without weights; ``frame``: all frames.

    Returns:
        None where the measure was not counted anywhere.
    """
    return mean_of_groups(scores, measure, _GROUPS[kind])


def tail_mean(scores: Sequence[Score], measure: str, tail: Sequence[str]) -> float | None:
    """Mean of the frame means of a few actions; None unless all of them were measured."""
    means = [mean_of(scores, measure, lambda s, label, t=t: label == t) for t in tail]
    usable = [mean for mean in means if mean is not None]
    return float(np.mean(usable)) if usable and len(usable) == len(tail) else None


def joint_means(scores: Sequence[Score]) -> np.ndarray:
    """(j,) mean distance of each joint over all frames, metres."""
    total = np.sum([score.joints for score in scores], axis=0)
    return total / sum(score.weight for score in scores)
