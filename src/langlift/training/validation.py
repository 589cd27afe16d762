"""How good a network is on people it was not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

import numpy as np

from ..datasets.clips import LabelledClip
from ..datasets.mocap_views import SOURCES_2D, mocap_views
from ..datasets.recordings import Recording
from ..lifting.lifter import Lifter, LiftOptions
from ..metrics import joint_errors
from .takes import metres_per_unit

T = TypeVar("T")
Root = Literal["keep", "zero", "subtract"]


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
class Scoring:
    """How recordings are validated.

    Args:
        protocol: what is measured and on whom, in words.
        root: what is done with the root that the network gives: ``keep`` it, set it to ``zero``,
            or ``subtract`` it from all joints.
        own_unit: joints are compared in the image's unit, see `Recording.metres_per_unit`; where a
            file does not tell how large people are there are no millimetres.
    """

    protocol: str
    root: Root = "keep"
    own_unit: bool = False


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
    """Lifts recordings whole and averages over the frames that count.

    Args:
        recordings: of the subjects that choose the weights.
        scoring: how they are compared.
    """

    recordings: Sequence[Recording]
    scoring: Scoring

    @property
    def protocol(self) -> str:
        """What is measured and on whom, for the card."""
        return self.scoring.protocol

    def measure(self, lifter: Lifter) -> dict[str, float]:
        """Frame-mean MPJPE, and the share of recordings named rightly.

        The error is in mm, or in thousandths of half the image's width for the image's unit.
        """
        labels = set(lifter.actions.labels)
        root, own = self.scoring.root, self.scoring.own_unit
        options = LiftOptions(flip=False, center=root == "subtract", sized=not own)
        errors, right = [], []
        for recording in self.recordings:
            motion = lifter.lift(recording.keypoints, recording.lens, options)
            joints, truth = motion.joints.copy(), recording.relative
            if root == "zero":
                joints[:, recording.skeleton.root_index] = 0
            if own:
                truth = truth / metres_per_unit(recording)[:, None, None]
            counted = recording.counted
            errors.append(joint_errors(joints[counted], truth[counted]).mean(axis=-1))
            if motion.action is not None and recording.action in labels:
                right.append(motion.action.label == recording.action)
        name = "mpjpe_screen_thousandths" if own else "mpjpe_mm"
        figures = {name: float(np.concatenate(errors).mean() * 1000)}
        if right:
            figures["action_accuracy"] = float(np.mean(right))
        return {**figures, "score": figures[name]}


def evenly(clips: Sequence[T], count: int) -> list[T]:
    """`count` clips spread evenly over the list; all of them for 0."""
    if count == 0 or count >= len(clips):
        return list(clips)
    return [clips[i] for i in np.linspace(0, len(clips) - 1, count).round().astype(int)]
