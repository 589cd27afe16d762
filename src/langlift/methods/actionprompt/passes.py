"""How a prompted encoder lifts: one order of stages, for the network and for its prepared form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ...actions import ActionVocabulary
from ...errors import InputError
from ..base import (
    Guidance,
    Mirror,
    Prediction,
    Sampling,
    Stage,
    refuse_sampling,
)
from .app import Choice, frames_of
from .config import ActionPromptConfig
from .windows import Labels

_NAME = "ActionPrompt"


@dataclass(frozen=True)
class Prompted:
    """The parts of a prompted encoder, and what they do one after the other.

    Args:
        config: the settings.
        actions: the classes.
        encoder: the three stages.
        texts: features (m, t, d) to logits (m, k), which is ATP with its embeddings.
        app: refines last features by a choice, given the frames that share a label; None without
            pose prompts.
        labels: which windows have a label.
    """

    config: ActionPromptConfig
    actions: ActionVocabulary
    encoder: Any
    texts: Callable[[Tensor], Tensor]
    app: Callable[[Tensor, Choice, int], Tensor] | None
    labels: Labels

    def __call__(
        self,
        xy: Tensor,
        confidence: Tensor | None = None,
        *,
        guidance: Guidance | None = None,
        sampling: Sampling | None = None,
        mirror: Mirror | None = None,
    ) -> Prediction:
        """Lift (b, f, j, 2), see `langlift.methods.base.Predictor`."""
        refuse_sampling(_NAME, sampling)
        frames = xy.shape[1] - sum(self.labels.padding)
        stage = self.stage(xy, confidence)
        logits = self.logits(stage, frames)
        if mirror is None:
            joints = self.joints(stage, self._choice(logits, guidance))
            return Prediction(joints, frames_of(logits, frames, self.labels.hop))
        other = mirror.points(xy)
        other_stage = self.stage(other, mirror.confidence(confidence))
        logits = (logits + mirror.logits(self.logits(other_stage, frames))) / 2
        choice = self._choice(logits, guidance)
        joints = self.joints(stage, choice)
        back = self.joints(other_stage, _mirrored(choice, mirror))
        joints = (joints + mirror.points(back)) / 2
        return Prediction(joints, frames_of(logits, frames, self.labels.hop))

    def stage(self, xy: Tensor, confidence: Tensor | None) -> Stage:
        """Shallow features, of the layer that is looked at."""
        stage = self.encoder.shallow(xy, confidence)
        return stage if self.config.tap == 1 else self.encoder.advance(stage, self.config.tap)

    def logits(self, stage: Stage, frames: int) -> Tensor:
        """(b, n, k) of every label of a pass with so many output frames."""
        found, done = [], 0
        track = self._track(stage, frames)
        if track is not None:
            found.append(self.texts.over(*track))  # type: ignore[attr-defined]
            done = found[0].shape[1]
        for at in self.labels.groups(frames, done):
            windows = self.labels.features(self.encoder, stage, frames, at)  # (b, n, t, d)
            said = self.texts(windows.flatten(0, 1))
            found.append(said.unflatten(0, windows.shape[:2]))
        return found[0] if len(found) == 1 else torch.cat(found, dim=1)

    def _track(self, stage: Stage, frames: int) -> tuple[Tensor, int, int] | None:
        """Where the windows of the labels share their steps: a track and how they lie along it."""
        if not (hasattr(self.texts, "over") and hasattr(self.encoder, "window_steps")):
            return None
        every, steps = self.encoder.window_steps(stage)
        found = self.labels.track(stage.features, frames, every, steps)
        if found is None or not self.texts.shares(*found[1:]):  # type: ignore[attr-defined]
            return None
        return found

    def joints(self, stage: Stage, choice: Choice) -> Tensor:
        """(b, f_out, j, 3) with the features refined as the chosen action."""
        zd = self.encoder.deep(stage)
        if self.app is not None:
            zd = self.app(zd, choice, self.labels.hop)
        return self.encoder.head(zd)

    def _choice(self, logits: Tensor, guidance: Guidance | None) -> Choice:
        """Whose prompts are read: what is given, or what the logits (b, n, k) say."""
        if guidance is not None and guidance.kind != "none":
            label = self._given(guidance)
            chosen = torch.full(logits.shape[:2], label, device=logits.device)
            return Choice(chosen, torch.ones_like(chosen, dtype=torch.bool))
        label = logits.argmax(dim=-1)
        if self.config.choice == "likeliest" and not self.config.unknown_below:
            return Choice(label, torch.ones_like(label, dtype=torch.bool))
        chances = logits.softmax(dim=-1)
        known = chances.amax(dim=-1) >= self.config.unknown_below
        return Choice(label, known, chances if self.config.choice == "weighted" else None)

    def _given(self, guidance: Guidance) -> int:
        if guidance.kind != "label":
            raise InputError(
                f"{_NAME} was given the action {guidance.kind} {guidance.value!r}; it knows "
                "classes, no free text: give one of its labels"
            )
        if self.app is None:
            raise InputError(
                f"this {_NAME} has no pose prompts, so an action that is given "
                f"({guidance.value!r}) would change nothing; leave it out"
            )
        return self.actions.index(guidance.value)


def _mirrored(choice: Choice, mirror: Mirror) -> Choice:
    """The choice for the mirror image: the classes of the mirrored motion."""
    label = torch.tensor(mirror.actions, device=choice.label.device)[choice.label]
    weights = None if choice.weights is None else mirror.logits(choice.weights)
    return replace(choice, label=label, weights=weights)
