"""How a prompted encoder lifts: one order of stages, for the network and for its prepared form."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ...actions import ActionVocabulary
from ...errors import InputError
from ..base import (
    DTYPES,
    Guidance,
    Mirror,
    Precision,
    Prediction,
    Sampling,
    Stage,
    refuse_sampling,
)
from .app import Choice, PosePrompts, frames_of
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
        atp: features (m, t, d) and embeddings to logits (m, k).
        app: refines the last features, None without pose prompts.
        text: (k, text_width), None for one-hot.
        labels: which windows have a label.
        memories: of the pose prompts, where weights no longer change.
    """

    config: ActionPromptConfig
    actions: ActionVocabulary
    encoder: Any
    atp: Callable[[Tensor, Tensor | None], Tensor]
    app: PosePrompts | None
    text: Tensor | None
    labels: Labels
    memories: list[tuple[Tensor, Tensor]] | None = None

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
            joints = self.joints(stage, self._choice(logits, guidance), xy)
            return Prediction(joints, self._of_frames(logits, frames))
        other = mirror.points(xy)
        other_stage = self.stage(other, mirror.confidence(confidence))
        logits = (logits + mirror.logits(self.logits(other_stage, frames))) / 2
        choice = self._choice(logits, guidance)
        joints = self.joints(stage, choice, xy)
        back = self.joints(other_stage, _mirrored(choice, mirror), other)
        return Prediction((joints + mirror.points(back)) / 2, self._of_frames(logits, frames))

    def stage(self, xy: Tensor, confidence: Tensor | None) -> Stage:
        """Shallow features, of the layer that is looked at."""
        stage = self.encoder.shallow(xy, confidence)
        return stage if self.config.tap == 1 else self.encoder.advance(stage, self.config.tap)

    def logits(self, stage: Stage, frames: int) -> Tensor:
        """(b, n, k) of every label of a pass with so many output frames."""
        windows = self.labels.features(self.encoder, stage, frames)  # (b, n, t, d)
        found = self.atp(windows.flatten(0, 1), self.text)
        return found.unflatten(0, windows.shape[:2])

    def joints(self, stage: Stage, choice: Choice, xy: Tensor) -> Tensor:
        """(b, f_out, j, 3) with the features refined as the chosen action."""
        zd = self.encoder.deep(stage)
        if self.app is not None:
            zd = self.app(zd, choice, self._hop, self.memories)
        return self.encoder.head(zd)

    @property
    def _hop(self) -> int:
        return self.labels.hop

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

    def _of_frames(self, logits: Tensor, frames: int) -> Tensor:
        """Logits of labels (b, n, k) as those of their frames (b, f_out, k)."""
        return frames_of(logits, frames, self._hop)

    def prepared(self, precision: Precision) -> Prompted:
        """The same for weights that no longer change: see `langlift.methods.base.Method`."""
        dtype = DTYPES[precision]
        encoder, app = self.encoder, copy.deepcopy(self.app)
        if hasattr(encoder, "prepared"):
            encoder = encoder.prepared(dtype)
        memories = None
        if app is not None:
            app = app.eval().requires_grad_(False)
            memories = app.memories()
        return replace(self, encoder=encoder, app=app, memories=memories)


def _mirrored(choice: Choice, mirror: Mirror) -> Choice:
    """The choice for the mirror image: the classes of the mirrored motion."""
    label = torch.tensor(mirror.actions, device=choice.label.device)[choice.label]
    weights = None if choice.weights is None else mirror.logits(choice.weights)
    return replace(choice, label=label, weights=weights)
