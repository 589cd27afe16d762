"""Add a method: a network that lifts every frame by itself, trained, saved and used in 3 steps."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor, nn

import langlift
from langlift.actions import ActionVocabulary
from langlift.errors import InputError
from langlift.methods import METHODS, MethodEntry, base
from langlift.training.config import TrainConfig
from langlift.training.data import load_data
from langlift.training.loop import WEIGHTS, train


@dataclass(frozen=True)
class FrameMLPConfig(base.MethodConfig):
    """Settings of the method: options of `langlift train`, header of the weights file.

    Args:
        width: hidden features.
    """

    width: int = 256

    def __post_init__(self) -> None:
        if self.width < 1:
            raise InputError(f"width is {self.width}; it must be at least 1")


class FrameMLP(base.Method):
    """Two layers from the 17 joints of one frame to the same joints in metres; no action head."""

    def __init__(self, config: FrameMLPConfig, actions: ActionVocabulary) -> None:
        super().__init__()
        self.config, self.actions = config, actions
        self.layers = nn.Sequential(
            nn.Linear(34, config.width), nn.ReLU(), nn.Linear(config.width, 51)
        )

    @property
    def padding(self) -> tuple[int, int]:
        """No frame but its own is needed for an output frame."""
        return (0, 0)

    def forward(self, xy: Tensor) -> Tensor:
        """(b, f, 17, 2) to (b, f, 17, 3)."""
        return self.layers(xy.flatten(2)).unflatten(-1, (17, 3))

    def predict(
        self,
        xy: Tensor,
        confidence: Tensor | None = None,
        *,
        guidance: base.Guidance | None = None,
        sampling: base.Sampling | None = None,
    ) -> base.Prediction:
        """What cannot be done is refused, never ignored."""
        base.refuse_guidance("FrameMLP", guidance)
        base.refuse_sampling("FrameMLP", sampling)
        return base.Prediction(self(xy).float())

    def training_loss(self, batch: base.Batch) -> base.Losses:
        """The mean distance of the joints from their targets."""
        error = (self(batch.xy).float() - batch.joints).norm(dim=-1).mean()
        return base.Losses({"mpjpe": error}, {"mpjpe": 1.0})


METHODS["frame_mlp"] = MethodEntry(FrameMLPConfig, FrameMLP, "every frame by itself (an example)")


def main(out: Path) -> None:
    """Train on synthetic motion, then lift one standing pose with the weights that were saved."""
    model = FrameMLPConfig(width=64)
    config = TrainConfig(model, steps=3, warmup=0, synthetic_clips=42, validation_clips=1)
    data = load_data("synthetic", config)
    train("frame_mlp", config, data, out, resume=False, report=print)
    pose = np.array([(0, 0), (-5, 0), (-5, 25), (-5, 50), (5, 0), (5, 25), (5, 50), (0, -12),
                     (0, -25), (0, -30), (0, -36), (9, -24), (14, -10), (14, 4), (-9, -24),
                     (-14, -10), (-14, 4)])  # fmt: skip
    keypoints = langlift.Keypoints(320 + 2.0 * pose[None], fps=50, image_size=(640, 640))
    motion = langlift.load(out / WEIGHTS).lift(keypoints)
    print("joints", motion.joints.shape, "by", motion.provenance["method"])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
