"""Settings of ActionPrompt; the defaults are the paper's where it says them, README.md lists ours.

There is one class for each encoder, because the encoder's own settings are nested in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, Self, get_args

from ...errors import InputError, unknown
from ...text import check_template, check_text_encoder
from ..a3dhp import A3DHPConfig
from ..base import MethodConfig
from ..dstformer import DSTformerConfig
from ..mixste import MixSTEConfig
from ..vpose import VPoseConfig

TextKind = Literal["clip", "minilm", "learned", "random", "one-hot"]
#: Kinds that read words with a text encoder while training.
READING: tuple[TextKind, ...] = ("clip", "minilm")
_MOST = {
    **{"text_width": 100_000, "width": 100_000, "prompts": 100_000, "heads": 1_000},
    **{"layers": 100, "blocks": 100, "tap": 1_000, "label_frames": 100_000},
    "text_every": 1_000_000,
}
#: The same of what may be 0.
_MOST_OR_NONE = {"context": 100_000, "label_hop": 100_000, "action_weight": 100_000}
_CHANCES = ("unknown_below", "unknown_chance", "label_dropout")


@dataclass(frozen=True, kw_only=True)
class ActionPromptConfig(MethodConfig):
    """APM around an encoder (Zheng et al., ICME 2023): action text prompts and pose prompts.

    Args:
        encoder: settings of the encoder, those of its losses too; it has no action head of its own.
        text: what stands for an action: what ``clip`` or ``minilm`` make of its words and learnt
            context, an embedding that is ``learned`` without words, a ``random`` one that stays as
            it is, or its number (``one-hot``: a linear layer names the action).
        context: learnable vectors before the words, N.
        class_context: learn them for every class by itself instead of one set for all.
        template: a sentence with {} for the words, instead of learnable vectors.
        text_every: passes of training, pieces of a step each, for one pass through the text
            encoder; in those between the gradient of the prompts is zero, and what an optimiser
            does with that, its momentum and its decay, goes on. 1 is as published.
        text_width: of the embeddings, D.
        projector: how shallow features become one: ``convolutions`` or mean ``pooling``.
        blocks: of the convolutions, D2.
        tap: layer of the encoder whose features are looked at, the first being 1.
        pose_to_text: let the pose change the embeddings (P2T).
        temperature: that cosines are divided by.
        pose_prompts: change the last features by learnt poses of the action (APP).
        prompts: of each action, L.
        width: of the decoder that reads them, C.
        layers: of the decoder, D.
        heads: of both attentions.
        choice: of the prompts: those of the ``likeliest`` action, or a mean that is ``weighted`` by
            the probabilities (ours).
        unknown_below: an action that is less likely than this counts as unknown and changes
            nothing; 0 takes every action.
        unknown_chance: chance in training that a window counts as one of an unknown action, so that
            the network learns to do without; for use with `unknown_below`.
        label_dropout: chance in training that the predicted action chooses instead of the true one.
        action_weight: of the cross-entropy, lambda.
        label_hop: output frames that share a label in lifting a track; 0: a third of a window, 1:
            every frame has its own, as published.
        label_frames: of the window that a label is for, where neither the encoder's settings
            (``frames_seen``) nor its ``padding`` say how many frames it sees.
    """

    encoder: Any = None
    text: TextKind = "clip"
    context: int = 16
    class_context: bool = False
    template: str = ""
    text_every: int = 1
    text_width: int = 512
    projector: Literal["convolutions", "pooling"] = "convolutions"
    blocks: int = 1
    tap: int = 1
    pose_to_text: bool = True
    temperature: float = 0.01
    pose_prompts: bool = True
    prompts: int = 81
    width: int = 256
    layers: int = 1
    heads: int = 8
    choice: Literal["likeliest", "weighted"] = "likeliest"
    unknown_below: float = 0.0
    unknown_chance: float = 0.0
    label_dropout: float = 0.0
    action_weight: float = 0.1
    label_hop: int = 0
    label_frames: int = 81

    def __post_init__(self) -> None:
        if not isinstance(self.encoder, MethodConfig):
            raise InputError(
                f"encoder is {self.encoder!r}; it must be the settings of an encoder (a "
                "MethodConfig), such as VPoseConfig()"
            )
        for name, kinds in _CHOICES.items():
            if getattr(self, name) not in kinds:
                raise unknown(name, str(getattr(self, name)), kinds)
        self._check_sizes()
        check_template(self.template)
        if self.text == "one-hot" and self.pose_to_text:
            raise InputError(
                "text is 'one-hot', which has no embeddings that a pose could change; set "
                "pose_to_text to false, or choose another text"
            )
        own = getattr(self.encoder, "action_weight", 0)
        if own:
            raise InputError(
                f"encoder.action_weight is {own}; inside ActionPrompt an encoder has no action "
                "head: set it to 0 and use action_weight"
            )

    def _check_sizes(self) -> None:
        self.check_whole_numbers()
        self.check_sizes(_MOST)
        self.check_sizes(_MOST_OR_NONE, least=0)
        for name in _CHANCES:
            self.check_chance(name, certain=True)
        if not 0 < self.temperature <= 100:
            raise InputError(
                f"temperature is {self.temperature}; it must be above 0 and at most 100"
            )
        for name in ("width", "text_width"):
            if getattr(self, name) % self.heads:
                raise InputError(
                    f"{name} is {getattr(self, name)} and heads is {self.heads}; heads must divide "
                    f"{name}"
                )

    @property
    def reads_text(self) -> bool:
        """Whether training needs a text encoder."""
        return self.text in READING

    @property
    def output_frames(self) -> int | None:
        """Those of the encoder."""
        return self.encoder.output_frames

    @property
    def window(self) -> int | None:
        """That of the encoder."""
        return self.encoder.window

    @property
    def uses_confidence(self) -> bool:
        """Whether the encoder does."""
        return self.encoder.uses_confidence

    @property
    def batch_normalised(self) -> bool:
        """Yes where there are convolutions, whatever the encoder."""
        return self.projector == "convolutions" or self.encoder.batch_normalised

    @property
    def looks_ahead(self) -> bool:
        """Whether the encoder does; labels follow it."""
        return self.encoder.looks_ahead

    @property
    def takes_action(self) -> bool:
        """Yes: it chooses the pose prompts."""
        return self.pose_prompts

    @property
    def lifting_settings(self) -> tuple[str, ...]:
        """How often an action is named, but for windows of one label; what of it is believed."""
        hop = ("label_hop",) if self.window is None else ()
        return (*hop, "unknown_below", "choice") if self.pose_prompts else hop

    @property
    def frames_seen(self) -> int | None:
        """Those of the encoder."""
        return self.encoder.frames_seen

    @property
    def hop(self) -> int:
        """Output frames that share a label."""
        if self.label_hop:
            return self.label_hop
        return max(1, self.label_window // 3)

    @property
    def label_window(self) -> int:
        """Input frames that a label is for."""
        return self.encoder.frames_seen or self.label_frames

    @property
    def chunk_multiple(self) -> int:
        """Output frames that share a label go through the network together."""
        return self.hop

    def for_lifting(self) -> Self:
        """With the encoder in the form that takes windows of any length."""
        return replace(self, encoder=self.encoder.for_lifting())

    def check_joints(self, count: int) -> None:
        """Raise unless the encoder has so many."""
        self.encoder.check_joints(count)

    def check_training(self) -> None:
        """Raise for settings that would do nothing, or a text encoder that is not there."""
        self.check_idle()
        if self.reads_text:
            check_text_encoder(self.text)

    def check_idle(self) -> None:
        """Raise `InputError` where a setting was changed that does nothing beside another one.

        Only training asks: trained weights are read with whatever they were saved with, and what
        lifting may change can make a setting of the training idle.
        """
        values = {setting.name: getattr(self, setting.name) for setting in fields(self)}
        defaults = {setting.name: setting.default for setting in fields(self)}
        for name, other in idle_settings(values).items():
            if values[name] != defaults[name]:
                raise InputError(
                    f"{name} is {values[name]!r}, which does nothing where {other} is "
                    f"{values[other]!r}; leave {name} at {defaults[name]!r}, or change {other}"
                )


def idle_settings(values: Mapping[str, Any]) -> dict[str, str]:
    """Settings of ActionPrompt that do nothing beside others.

    Args:
        values: all settings of the config by name.

    Returns:
        By name, the setting whose value makes it do nothing.
    """
    return {
        name: other
        for other, idles, names in _IDLE
        for name in reversed(names)
        if idles(values[other])
    }


#: A setting, the values with which others do nothing, and these.
_IDLE: tuple[tuple[str, Callable[[Any], bool], tuple[str, ...]], ...] = (
    ("template", bool, ("context", "class_context")),
    (
        "text",
        lambda text: text not in READING,
        ("context", "class_context", "template", "text_every"),
    ),
    ("text", lambda text: text == "one-hot", ("temperature",)),
    ("projector", lambda projector: projector == "pooling", ("blocks",)),
    ("choice", lambda choice: choice == "weighted", ("label_dropout",)),
    (
        "pose_prompts",
        lambda present: not present,
        ("choice", "label_dropout", "unknown_below", "unknown_chance"),
    ),
)


_CHOICES: dict[str, tuple[str, ...]] = {
    "text": get_args(TextKind),
    "projector": ("convolutions", "pooling"),
    "choice": ("likeliest", "weighted"),
}


@dataclass(frozen=True, kw_only=True)
class PromptedVPoseConfig(ActionPromptConfig):
    """ActionPrompt around VPose."""

    encoder: VPoseConfig = field(default_factory=VPoseConfig)


@dataclass(frozen=True, kw_only=True)
class PromptedA3DHPConfig(ActionPromptConfig):
    """ActionPrompt around A3DHP."""

    encoder: A3DHPConfig = field(default_factory=A3DHPConfig)


@dataclass(frozen=True, kw_only=True)
class PromptedMixSTEConfig(ActionPromptConfig):
    """ActionPrompt around MixSTE, in the paper with half its depth to save memory."""

    encoder: MixSTEConfig = field(default_factory=lambda: MixSTEConfig(depth=4))


@dataclass(frozen=True, kw_only=True)
class PromptedDSTformerConfig(ActionPromptConfig):
    """ActionPrompt around DSTformer (ours; the paper has no such row)."""

    encoder: DSTformerConfig = field(default_factory=DSTformerConfig)
