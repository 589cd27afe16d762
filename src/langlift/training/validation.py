"""How good a network is on people it was not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..datasets.clips import LabelledClip
from ..datasets.mocap_views import SOURCES_2D, mocap_views
from ..lifting.lifter import Lifter, LiftOptions
from ..metrics import joint_errors


@dataclass(frozen=True)
class Validator:
    """Lifts validation clips as the `mocap` protocol does and averages over frames.

    Args:
        clips: clips of the validation subjects.
    """

    clips: Sequence[LabelledClip]

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


def evenly(clips: Sequence[LabelledClip], count: int) -> list[LabelledClip]:
    """`count` clips spread evenly over the list; all of them for 0."""
    if count == 0 or count >= len(clips):
        return list(clips)
    return [clips[i] for i in np.linspace(0, len(clips) - 1, count).round().astype(int)]
