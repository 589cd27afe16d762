"""What the rows of a table differ in, typed: one class of settings for each kind of method.

Those of methods that are not built yet are here already, so that every row of the papers is written
down in full; a method takes its settings from here when it is built.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args, get_type_hints

from ..errors import InputError, unknown
from ..protocols.spec import Windows

Encoder = Literal["vpose", "a3dhp", "mixste", "dstformer"]
#: What a method's name ends in when ActionPrompt is around its encoder.
APM = "+apm"
#: The segments of FinePOSE's prompt, in its order.
SEGMENTS = ("subject", "action", "speed", "head", "body", "arms", "legs")


class Settings:
    """Base of the settings of an experiment: checks values that are chosen from a few."""

    def __post_init__(self) -> None:
        for name, hint in get_type_hints(type(self)).items():
            choices = get_args(hint)
            texts = choices and all(isinstance(choice, str) for choice in choices)
            if texts and getattr(self, name) not in choices:
                raise unknown(name, str(getattr(self, name)), choices)


@dataclass(frozen=True)
class EncoderSettings(Settings):
    """An encoder alone.

    Args:
        model: settings of its config that differ from the published ones; the window is that of
            the experiment.
        pretrained: whether it starts from weights that were pretrained on motion capture.
        windows: that its own paper measures, where they are not the protocol's.
        step_frames: frames of a training step, however long the windows; None for as many windows
            as the recipe says.
    """

    model: Mapping[str, Any] = field(default_factory=dict)
    pretrained: bool = False
    windows: Windows | None = None
    step_frames: int | None = None


def mixste_settings(**model: Any) -> EncoderSettings:
    """MixSTE with these settings of its config, trained and measured as in its paper."""
    return EncoderSettings(model, windows="separate", step_frames=1024)


@dataclass(frozen=True)
class PromptSettings(Settings):
    """ActionPrompt around an encoder; the defaults are the whole of it.

    Args:
        encoder: that it is attached to.
        bare: what that encoder is, and how it is trained and measured.
        text: what stands for an action: the ``prompts`` that a text encoder reads (ATP), which is
            CLIP unless the run says otherwise, or always ``minilm``; learnable ``embeddings``
            without a text encoder; embeddings that stay ``random``; or a ``one-hot`` label.
        class_context: learn the prompts' words for every class by itself.
        template: a sentence with {} for the words of the class, instead of learnt words.
        projector: how pose features become one feature: ``convolutions`` or mean ``pooling``.
        pose_to_text: let the pose change the features of the texts (P2T).
        pose_prompts: choose learnt poses by the action (APP).
        choice: of those: of the ``likeliest`` action, or ``weighted`` by the probabilities.
        label: the action that chooses them at test: ``predicted``, or ``given`` (an oracle).
        label_dropout: chance that the predicted action chooses in training, too.
        action_weight: of the cross-entropy in the loss.
        temperature: that cosines are divided by.
        labels: that are trained on: the ``true`` ones, or ``shuffled`` over the clips (a control).
        tap: layer of the encoder whose features are projected, the first being 1.
        layers: of the decoder over the pose prompts, D.
        width: of the decoder, C.
        prompts: pose prompts of each action, L.
    """

    encoder: Encoder = "vpose"
    bare: EncoderSettings = field(default_factory=EncoderSettings)
    text: Literal["prompts", "minilm", "embeddings", "random", "one-hot"] = "prompts"
    class_context: bool = False
    template: str = ""
    projector: Literal["convolutions", "pooling"] = "convolutions"
    pose_to_text: bool = True
    pose_prompts: bool = True
    choice: Literal["likeliest", "weighted"] = "likeliest"
    label: Literal["predicted", "given"] = "predicted"
    label_dropout: float = 0.0
    action_weight: float = 0.1
    temperature: float = 0.01
    labels: Literal["true", "shuffled"] = "true"
    tap: int = 1
    layers: int = 1
    width: int = 256
    prompts: int = 81

    @property
    def method(self) -> str:
        """Name of the method in `langlift.methods.METHODS`."""
        return f"{self.encoder}{APM}"


@dataclass(frozen=True)
class DiffusionSettings(Settings):
    """D3DP, and FinePOSE on top of it; the defaults are D3DP as published.

    Args:
        hypotheses: poses that are drawn, H.
        steps: of the sampler, K.
        aggregation: how the published figure makes one pose of them.
        text: ``none``; ``plain``, one sentence; or the learnable ``prompts`` (FPP).
        segments: of the prompt, some of `SEGMENTS`.
        communication: let pose features look at the prompt's tokens (FPC).
        stylisation: change features by the prompt and the step (PTS).
        action: the word for the action at test: ``none``, ``predicted``, ``given`` (an oracle) or
            ``wrong`` (another video's, to see whether it matters).
    """

    hypotheses: int = 20
    steps: int = 10
    aggregation: Literal["P-Agg", "J-Agg", "J-Agg (true root)", "J-Best"] = "J-Best"
    text: Literal["none", "plain", "prompts"] = "none"
    segments: tuple[str, ...] = ()
    communication: bool = False
    stylisation: bool = False
    action: Literal["none", "predicted", "given", "wrong"] = "none"

    def __post_init__(self) -> None:
        super().__post_init__()
        for segment in self.segments:
            if segment not in SEGMENTS:
                raise unknown("segment", segment, SEGMENTS)
        if bool(self.segments) != (self.text == "prompts"):
            raise InputError(
                f"text is {self.text!r} and segments are {self.segments}; segments belong to "
                "prompts, and prompts are made of them: set both or neither"
            )


@dataclass(frozen=True)
class PretrainingSettings(Settings):
    """LangPose: DSTformer, pretrained with words and then trained without; the defaults are all.

    Args:
        masks: pretrain by filling in masked joints and frames.
        alignment: what motion is aligned with: the ``text`` of its action, a ``one-hot`` label, or
            ``none``.
        labels: of the motion capture, as BABEL names them.
        parts: mask whole parts of the body, too.
        windows: mask whole spans of time, too.
        measured: what is measured: the ``pose``; the pose with joints and spans ``missing`` at
            test; or whether actions are found by their text (``retrieval``).
    """

    masks: bool = True
    alignment: Literal["text", "one-hot", "none"] = "text"
    labels: Literal["act_cat", "raw_label"] = "raw_label"
    parts: bool = True
    windows: bool = True
    measured: Literal["pose", "missing", "retrieval"] = "pose"

    @property
    def pretrained(self) -> bool:
        """Whether there is a first stage at all."""
        return self.masks or self.alignment != "none" or self.parts or self.windows
