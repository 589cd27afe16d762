"""ActionPrompt: APM, a plug-in for temporal encoders (Zheng et al., ICME 2023).

What is unusual about it:

- It works between the stages of an encoder: shallow -> which action (ATP) -> deep -> pose prompts
  of that action (APP) -> head. With its gates at zero the output is the encoder's to the bit.
- Words are read while training only. What a text encoder makes of them is stored with the weights
  (`text`, one row per class); neither the text encoder nor its library is there in lifting.
- In training the true action chooses the pose prompts, in lifting the predicted one, or one that
  the user gives. Unlabelled windows are trained without pose prompts.
- A track is lifted with one label for every third of a window (`langlift.methods.actionprompt
  .windows`); each frame's own label, as in the paper, costs as many looks as there are frames.
- Where a result is averaged with that of the mirror image, the logits are averaged before the
  action is chosen, so both images are refined as the same action.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from ...actions import ActionVocabulary
from ...errors import InputError
from ...text import TextEncoder
from ..base import (
    DTYPES,
    Batch,
    Guidance,
    Losses,
    Method,
    Precision,
    Prediction,
    Predictor,
    Sampling,
)
from ..encoder import EncoderConfig, action_loss, pose_losses, prepared_encoder
from ..losses import position_error
from .app import Choice, PosePrompts
from .atp import ActionTexts
from .attach import check_encoder, encoder_padding
from .branch import TextBranch, make_source
from .config import ActionPromptConfig
from .fast import FastPrompts, FastTexts
from .passes import Prompted
from .windows import Labels

_TEXT_BRANCH = "text_branch."


class ActionPrompted(Method):
    """A temporal encoder with APM attached, as a Method.

    Args:
        encoder: any `TemporalEncoder`.
        actions: the classes; at least one.
        text_encoder: reads the prompts while training; None: the one that `config.text` names.
        config: settings; its `encoder` are those of the encoder.

    Raises:
        InputError: for an empty vocabulary, or an encoder that misses a stage or whose stages do
            not fit together.
    """

    config: ActionPromptConfig

    def __init__(
        self,
        encoder: nn.Module,
        actions: ActionVocabulary,
        text_encoder: TextEncoder | None = None,
        *,
        config: ActionPromptConfig,
    ) -> None:
        super().__init__()
        if not len(actions):
            raise InputError(
                "there are no actions; ActionPrompt tells actions apart: give at least one class"
            )
        self.config = _for_padding(config, encoder_padding(encoder))
        self.actions = actions
        self.encoder = encoder
        widths = check_encoder(encoder, *_probe(encoder, config), tap=config.tap)
        one_hot, classes = config.text == "one-hot", len(actions)
        self.atp = ActionTexts(
            widths.shallow,
            config.text_width,
            classes,
            blocks=config.blocks if config.projector == "convolutions" else 0,
            heads=config.heads if config.pose_to_text else 0,
            temperature=config.temperature,
            one_hot=one_hot,
        )
        sizes = {"prompts": config.prompts, "width": config.width, "layers": config.layers}
        self.app = None
        if config.pose_prompts:
            self.app = PosePrompts(widths.last, classes, heads=config.heads, **sizes)
        self.text: Tensor | None
        self.register_buffer("text", None if one_hot else torch.zeros(classes, config.text_width))
        self.text_branch: TextBranch | None = None
        self._text_encoder = text_encoder

    @property
    def padding(self) -> tuple[int, int]:
        """Frames needed before and after an output frame: the encoder's."""
        return encoder_padding(self.encoder)

    def forward(self, xy: Tensor, confidence: Tensor | None = None) -> Tensor:
        """(b, f, j, 2) to (b, f_out, j, 3) as the predicted action."""
        return self.predict(xy, confidence).joints

    def predict(
        self,
        xy: Tensor,
        confidence: Tensor | None = None,
        *,
        guidance: Guidance | None = None,
        sampling: Sampling | None = None,
    ) -> Prediction:
        """Joints as the likeliest or the given action, and the logits of each frame's label."""
        return self._prompted()(xy, confidence, guidance=guidance, sampling=sampling)

    def prepared(self, precision: Precision) -> Predictor:
        """`predict` with what depends on weights alone made before."""
        dtype, app = DTYPES[precision], None
        if self.app is not None:
            app = FastPrompts(self.app, dtype, unsure=self.config.unknown_below > 0)
        texts = FastTexts(self.atp, self.embeddings(), dtype)
        encoder = prepared_encoder(self.encoder, precision)
        return Prompted(self.config, self.actions, encoder, texts, app, self._labels())

    def _prompted(self) -> Prompted:
        texts = partial(self.atp, text=self.embeddings())
        return Prompted(self.config, self.actions, self.encoder, texts, self.app, self._labels())

    def embeddings(self) -> Tensor | None:
        """(k, text_width) of the classes: stored, or of the text branch; None for one-hot."""
        return self.text if self.text_branch is None else self.text_branch()

    def _labels(self) -> Labels:
        config, padding = self.config, self.padding
        whole = config.window is not None and padding == (0, 0)
        return Labels(config.hop, config.label_window, padding, config.looks_ahead, whole)

    def training_loss(self, batch: Batch) -> Losses:
        """The pose losses of the encoder, and ``action``: cross-entropy of every label's window."""
        prompted = self._prompted()
        stage = prompted.stage(batch.xy, batch.confidence)
        frames = batch.joints.shape[1]
        logits = prompted.logits(stage, frames)  # (b, n, k)
        truth = batch.action[:, None].expand(logits.shape[:2])
        choice = self._training_choice(logits, truth)
        joints = prompted.joints(stage, choice)
        said = action_loss(logits.flatten(0, 1), truth.flatten())
        found = self._pose_losses(joints, batch.joints)
        return found.with_term("action", said, self.config.action_weight)

    def _training_choice(self, logits: Tensor, truth: Tensor) -> Choice:
        """Whose prompts are trained: the true action's, where there is one."""
        known = truth >= 0
        label = torch.where(known, truth, 0)
        if self.config.label_dropout:
            drawn = torch.rand(truth.shape, device=truth.device) < self.config.label_dropout
            label = torch.where(drawn, logits.detach().argmax(dim=-1), label)
            known = known | drawn
        weights = None
        if self.config.choice == "weighted":  # needs no label, as in lifting
            weights, known = logits.softmax(dim=-1), torch.ones_like(known)
        if self.config.unknown_chance:
            drawn = torch.rand(truth.shape, device=truth.device) < self.config.unknown_chance
            known = known & ~drawn
        return Choice(label, known, weights)

    def _pose_losses(self, joints: Tensor, target: Tensor) -> Losses:
        """Those of the encoder's settings; MPJPE for settings of another kind."""
        if isinstance(self.config.encoder, EncoderConfig):
            return pose_losses(self.config.encoder, joints, target)
        return Losses({"mpjpe": position_error(joints, target)}, {"mpjpe": 1.0})

    def start_training(self) -> None:
        """Make the text branch; the stored embeddings are not used any more."""
        self.config.check_idle()
        if self.text is None:
            return
        source = make_source(self.config, self.actions, self._text_encoder)
        shape = (len(self.actions), self.config.text_width)
        self.text_branch = TextBranch(source, self.config.text_every, shape)

    def lifting_state(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The state without the text branch, whose embeddings are stored in its place."""
        kept = {name: value for name, value in state.items() if not name.startswith(_TEXT_BRANCH)}
        if self.text_branch is not None:
            begin = f"{_TEXT_BRANCH}source."
            own = {n.removeprefix(begin): v for n, v in state.items() if n.startswith(begin)}
            with torch.no_grad():
                kept["text"] = functional_call(self.text_branch.source, own, ()).float()
        return kept


def _for_padding(config: ActionPromptConfig, padding: tuple[int, int]) -> ActionPromptConfig:
    """The settings, with the window of an encoder whose own settings do not say what it sees.

    Raises:
        InputError: for frames that are said and are not those of the padding.
    """
    seen, default = 1 + sum(padding), ActionPromptConfig.label_frames
    if seen == 1:
        return config
    said = config.frames_seen
    if said is None and config.label_frames not in (seen, default):
        said = config.label_frames
    if said not in (None, seen):
        raise InputError(
            f"the settings say that the encoder sees {said} frames (frames_seen or label_frames), "
            f"and its padding {padding} that it sees {seen}: make them agree"
        )
    return config if config.frames_seen else replace(config, label_frames=seen)


def _probe(encoder: nn.Module, config: ActionPromptConfig) -> tuple[int, int]:
    """Joints and frames of a pass that the encoder takes."""
    before, after = encoder_padding(encoder)
    joints: Any = getattr(config.encoder, "joints_in", 17)
    return joints, config.window or (before + after + 1)
