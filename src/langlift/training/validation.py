"""How good a network is on people it was not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from ..datasets.clips import LabelledClip
from ..datasets.mocap_views import SOURCES_2D, mocap_views
from ..datasets.recordings import Recording
from ..errors import InputError
from ..lifting.lifter import Lifter, LiftOptions
from ..metrics import joint_errors
from ..protocols.evaluation import score_recording
from ..protocols.scores import mean_of
from ..protocols.spec import ProtocolSpec

T = TypeVar("T")


class Measure(Protocol):
    """What tells how good a network is."""

    @property
    def protocol(self) -> str:
        """What is measured and on whom, for the card."""
        ...

    def measure(self, lifter: Lifter) -> dict[str, float]:
        """Figures by name; ``score`` among them, the lower the better."""
        ...


@dataclass(frozen=True)
class Validator:
    """Lifts validation clips as the `mocap` protocol does and averages over frames.

    Args:
        clips: clips of the validation subjects.
    """

    clips: Sequence[LabelledClip]

    @property
    def protocol(self) -> str:
        """What is measured and on whom, for the card."""
        return "mocap, validation subjects, no flip averaging, camera intrinsics given"

    def measure(self, lifter: Lifter) -> dict[str, float]:
        """Frame-mean MPJPE in mm for both 2D sources, and the share of views named rightly."""
        figures: dict[str, float] = {}
        labels = set(lifter.actions.labels)
        for source in SOURCES_2D:
            errors, right = [], []
            for view in mocap_views(self.clips, source):
                motion = lifter.lift(view.keypoints, view.camera, LiftOptions(flip=False))
                errors.append(joint_errors(motion.joints, view.truth).mean(axis=-1))
                if motion.action is not None and view.clip.action in labels:
                    right.append(motion.action.label == view.clip.action)
            figures[f"mpjpe_mm_{source}"] = float(np.concatenate(errors).mean() * 1000)
            if right:
                figures[f"action_accuracy_{source}"] = float(np.mean(right))
        figures["score"] = figures["mpjpe_mm_gt"] + figures["mpjpe_mm_noisy"]
        return figures


@dataclass(frozen=True)
class RecordedValidator:
    """Measures recordings as an evaluation does.

    Args:
        recordings: of the subjects that choose the weights.
        spec: the protocol; its title says what is measured and on whom.
    """

    recordings: Sequence[Recording]
    spec: ProtocolSpec

    @property
    def protocol(self) -> str:
        """What is measured and on whom, for the card."""
        return self.spec.title

    def measure(self, lifter: Lifter) -> dict[str, float]:
        """Frame-mean MPJPE in mm, and the share of recordings named rightly."""
        scores = [score_recording(lifter, recording, self.spec) for recording in self.recordings]
        error = mean_of(scores, "MPJPE")
        if error is None:
            raise InputError("no frame of the validation recordings counts; give others")
        figures = {"mpjpe_mm": error * 1000}
        if asked := sum(score.named[1] for score in scores):
            figures["action_accuracy"] = sum(score.named[0] for score in scores) / asked
        return {**figures, "score": figures["mpjpe_mm"]}


def evenly(clips: Sequence[T], count: int) -> list[T]:
    """`count` clips spread evenly over the list; all of them for 0."""
    if count == 0 or count >= len(clips):
        return list(clips)
    return [clips[i] for i in np.linspace(0, len(clips) - 1, count).round().astype(int)]
