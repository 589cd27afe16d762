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
    DTYPES,
    Guidance,
    Mirror,
    Precision,
    Prediction,
    Sampling,
    Stage,
    autocast,
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
        found = []
        for at in self.labels.groups(frames):
            windows = self.labels.features(self.encoder, stage, frames, at)  # (b, n, t, d)
            said = self.texts(windows.flatten(0, 1))
            found.append(said.unflatten(0, windows.shape[:2]))
        return found[0] if len(found) == 1 else torch.cat(found, dim=1)

    def joints(self, stage: Stage, choice: Choice, xy: Tensor) -> Tensor:
        """(b, f_out, j, 3) with the features refined as the chosen action."""
        zd = self.encoder.deep(stage)
        if self.app is not None:
            zd = self.app(zd, choice, self._hop)
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


class AutocastEncoder:
    """The stages of an encoder in bf16 by autocast, for encoders that know no better form.

    The head stays in the type of its weights: metres need the digits.

    Args:
        encoder: of the three stages, with or without what else an encoder may offer.
    """

    def __init__(self, encoder: Any) -> None:
        self._encoder = encoder

    def head(self, zd: Tensor) -> Tensor:
        """Joints in float32: metres need the digits."""
        return self._encoder.head(zd.float())

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._encoder, name)
        if not callable(found):
            return found

        def stage(*args: Any) -> Any:
            device = next(self._encoder.parameters()).device
            with autocast(device, "bf16"):
                return found(*args)

        return stage


def prepared_encoder(encoder: Any, precision: Precision) -> Any:
    """An encoder's own form for inference, or what autocast makes of it."""
    if hasattr(encoder, "prepared"):
        return encoder.prepared(DTYPES[precision])
    return encoder if precision == "fp32" else AutocastEncoder(encoder)


def _mirrored(choice: Choice, mirror: Mirror) -> Choice:
    """The choice for the mirror image: the classes of the mirrored motion."""
    label = torch.tensor(mirror.actions, device=choice.label.device)[choice.label]
    weights = None if choice.weights is None else mirror.logits(choice.weights)
    return replace(choice, label=label, weights=weights)
