"""Attach ActionPrompt to an encoder of your own: a GRU in three stages, trained, saved and used."""

import sys
from dataclasses import dataclass, field
from pathlib import Path

import torch

import langlift
from langlift.actions import ActionVocabulary
from langlift.methods import METHODS, MethodEntry, base
from langlift.methods.actionprompt import ActionPromptConfig, ActionPrompted
from langlift.training.config import TrainConfig
from langlift.training.data import load_data
from langlift.training.loop import WEIGHTS, train


class GRULifter(torch.nn.Module):
    """The encoder: windows of any length, as many frames out as in."""

    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.GRU(34, 32, batch_first=True)
        self.second = torch.nn.GRU(32, 32, batch_first=True)
        self.last = torch.nn.Linear(32, 51)

    def shallow(self, xy: torch.Tensor, confidence: torch.Tensor | None = None) -> base.Stage:
        """(b, f, 17, 2) to features (b, f, d), from which the action is told."""
        return base.Stage(self.first(xy.flatten(2))[0], stride=1)

    def deep(self, stage: base.Stage) -> torch.Tensor:
        """Those to the last features (b, f, d), which the pose prompts of the action change."""
        return self.second(stage.features)[0]

    def head(self, zd: torch.Tensor) -> torch.Tensor:
        """The last features to joints (b, f, 17, 3), metres relative to the root."""
        return self.last(zd).unflatten(-1, (17, 3))

    def forward(self, xy: torch.Tensor) -> torch.Tensor:
        """The encoder by itself."""
        return self.head(self.deep(self.shallow(xy)))


@dataclass(frozen=True)
class GRUConfig(base.MethodConfig):
    """Settings of the encoder: none."""


@dataclass(frozen=True, kw_only=True)
class PromptedGRUConfig(ActionPromptConfig):
    """Settings of both."""

    encoder: GRUConfig = field(default_factory=GRUConfig)


def build(config: PromptedGRUConfig, actions: ActionVocabulary) -> ActionPrompted:
    """What training and lifting make of the settings."""
    return ActionPrompted(GRULifter(), actions, config=config)


METHODS["gru+apm"] = MethodEntry(PromptedGRUConfig, build, "a GRU with APM (an example)")

if __name__ == "__main__":
    out = Path(sys.argv[1])
    config = TrainConfig(PromptedGRUConfig(text="learned"), steps=3, warmup=0, validation_clips=1)
    train("gru+apm", config, load_data("synthetic", config), out, resume=False, report=print)
    track = langlift.Keypoints(640 * torch.rand(30, 17, 2).numpy(), fps=50, image_size=(640, 640))
    print("joints", langlift.load(out / WEIGHTS).lift(track).joints.shape, "by gru+apm")
