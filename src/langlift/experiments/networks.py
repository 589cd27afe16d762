"""From the settings of a row to those of its network, for encoders alone and with ActionPrompt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, Literal

from ..errors import InputError
from ..methods.actionprompt import idle_settings
from .experiment import Experiment
from .settings import EncoderSettings, PromptSettings

#: What reads the prompts of rows that name no text encoder; the paper's is CLIP.
Reader = Literal["clip", "minilm"]
PAPERS_READER: Reader = "clip"
#: What stands for an action, by the words of the rows; the prompts are those of a reader.
_TEXTS = {"embeddings": "learned"}
#: Settings of a row that ActionPrompt's config has by the same name.
_SAME = (
    *("class_context", "template", "projector", "pose_to_text", "pose_prompts", "choice"),
    *("label_dropout", "action_weight", "temperature", "tap", "layers", "width", "prompts"),
)


def encoder_settings(experiment: Experiment) -> EncoderSettings:
    """What the row states of its encoder, whether ActionPrompt is around it or not.

    Raises:
        InputError: for a row of another kind of method.
    """
    settings = experiment.settings
    if isinstance(settings, EncoderSettings):
        return settings
    if isinstance(settings, PromptSettings):
        return settings.bare
    raise InputError(
        f"experiment {experiment.name} has {type(settings).__name__}, which method "
        f"{experiment.method} does not read yet; choose another row"
    )


def encoder_of(experiment: Experiment) -> str:
    """Name of the method of the encoder alone."""
    settings = experiment.settings
    return settings.encoder if isinstance(settings, PromptSettings) else experiment.method


def reader_of(experiment: Experiment, chosen: Reader | None) -> Reader | None:
    """The text encoder that reads the prompts of a row in training; None where there are none.

    Args:
        experiment: the row.
        chosen: by the user; None for the row's own, or the paper's where the row names none.

    Raises:
        InputError: where one was chosen for a row that leaves no choice.
    """
    text = experiment.settings.text if isinstance(experiment.settings, PromptSettings) else None
    if text == "prompts":
        return chosen or PAPERS_READER
    own: Reader | None = "minilm" if text == "minilm" else None
    if chosen not in (None, own):
        raise InputError(
            f"text is {chosen!r}, but experiment {experiment.name} has "
            f"{f'{own} as its own' if own else 'no words to read'}; leave --text out"
        )
    return own


def network_of(
    experiment: Experiment,
    base: Any,
    window: Mapping[str, Any],
    small: Mapping[str, Any],
    prompts: Mapping[str, Any],
    reader: Reader | None = None,
) -> Any:
    """The config of a row's network.

    Args:
        experiment: the row.
        base: config of its method as the recipe has it.
        window: settings of the encoder that make its window.
        small: settings of the encoder that the scale changes.
        prompts: settings of ActionPrompt that the scale changes, where the row uses them.
        reader: chosen text encoder, see `reader_of`.

    Raises:
        InputError: for settings that do not go together, or a reader for a row without words.
    """
    changed = {**window, **encoder_settings(experiment).model, **small}
    read, settings = reader_of(experiment, reader), experiment.settings
    if not isinstance(settings, PromptSettings):
        return replace(base, **changed)
    row = {name: getattr(settings, name) for name in _SAME}
    text = read or _TEXTS.get(settings.text, settings.text)
    if read == "clip":  # it brings a projection of its own width
        prompts = {name: value for name, value in prompts.items() if name != "text_width"}
    named = {f.name: getattr(base, f.name) for f in fields(base)}
    idle = idle_settings({**named, "text": text, **row})
    used = {name: value for name, value in prompts.items() if name not in idle}
    encoder = replace(base.encoder, **changed)
    return replace(base, encoder=encoder, text=text, **{**row, **used})
