"""A method whose poses depend on the action, for the tests of everything that tells it one.

Every joint but the root lies deeper by 10 cm times the number of the action, so that what the
method was told can be read off its poses. Frames share a label in groups of four.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from langlift.actions import ActionVocabulary
from langlift.lifting.bundle import Bundle
from langlift.lifting.features import FeatureConfig
from langlift.lifting.lifter import Lifter
from langlift.methods import METHODS, MethodEntry
from langlift.methods.base import (
    Batch,
    Guidance,
    Losses,
    Method,
    MethodConfig,
    Prediction,
    Sampling,
)

NAME = "straight+leaning"
GROUP = 4
STEP = 0.1  # metres
ACTIONS = ("walk", "squat", "wave")


@dataclass(frozen=True)
class LeaningConfig(MethodConfig):
    """Settings.

    Args:
        takes: whether poses depend on the action.
        names: whether it names actions.
    """

    takes: bool = True
    names: bool = True

    @property
    def takes_action(self) -> bool:
        return self.takes

    @property
    def chunk_multiple(self) -> int:
        return GROUP


class Leaning(Method):
    """Poses flat in the image, and deeper with every action."""

    def __init__(self, config: LeaningConfig, actions: ActionVocabulary) -> None:
        super().__init__()
        self.config, self.actions = config, actions
        self.size = nn.Parameter(torch.ones(()))

    @property
    def padding(self) -> tuple[int, int]:
        return 1, 1

    def forward(self, xy: Tensor) -> Tensor:
        return self.predict(xy).joints

    def predict(
        self,
        xy: Tensor,
        confidence: Tensor | None = None,
        *,
        guidance: Guidance | None = None,
        sampling: Sampling | None = None,
    ) -> Prediction:
        seen = xy[:, 1:-1] * self.size
        logits = self._logits(seen)
        chosen = logits.argmax(dim=-1)
        if guidance is not None and guidance.kind == "label":
            chosen = torch.full_like(chosen, self.actions.index(guidance.value))
        depth = (STEP * chosen if self.config.takes else 0 * chosen)[..., None].expand(
            seen.shape[:-1]
        )
        depth = depth * (torch.arange(seen.shape[2]) > 0)
        joints = torch.cat([seen, depth[..., None]], dim=-1)
        return Prediction(joints, logits if self.config.names else None)

    def _logits(self, seen: Tensor) -> Tensor:
        """(b, f, k) by the height of a hand, the same for all frames of a group."""
        count = seen.shape[1]
        groups = [seen[:, t : t + GROUP, 13, 1].mean(dim=1) for t in range(0, count, GROUP)]
        height = torch.stack(groups, dim=1).repeat_interleave(GROUP, dim=1)[:, :count, None]
        return -((30 * (height - 0.13) - torch.arange(len(self.actions))) ** 2)

    def training_loss(self, batch: Batch) -> Losses:
        raise NotImplementedError


def lifter(
    actions: tuple[str, ...] = ACTIONS, takes: bool = True, names: bool = True, name: str = NAME
) -> Lifter:
    """A lifter of it, under any method's name."""
    config = LeaningConfig(takes, names)
    vocabulary = ActionVocabulary(actions)
    bundle = Bundle(name, config, FeatureConfig("screen"), vocabulary)
    return Lifter(bundle, Leaning(config, vocabulary).eval(), "leaning", "00")


BARE = NAME.partition("+")[0]
ENTRY = MethodEntry(LeaningConfig, Leaning, "poses that lean with the action", BARE)


def registered(monkeypatch) -> None:
    """Let bundles of the method be built, and those of its bare form."""
    monkeypatch.setitem(METHODS, NAME, ENTRY)
    monkeypatch.setitem(METHODS, BARE, replace(ENTRY, encoder=None))
