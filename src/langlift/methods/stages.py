"""What stages of the encoders of the house have in common."""

from __future__ import annotations

from torch import Tensor

from ..errors import InputError
from .base import Stage


def token_stage(tokens: Tensor, layer: int) -> Stage:
    """The stage of tokens (b, f, j, d), its state; their mean over the joints is its features."""
    return Stage(tokens.mean(dim=2), 1, tokens, layer)


def layer_of(stage: Stage, wanted: int, layers: int, name: str) -> int:
    """The layer that a stage is of, from which an encoder goes on to another.

    Args:
        stage: of an encoder of the house.
        wanted: layer to go on to.
        layers: of the encoder.
        name: of the encoder, for messages.

    Raises:
        InputError: for a layer that the encoder does not have, and for one before the stage's own.
    """
    if not 1 <= wanted <= layers:
        raise InputError(
            f"layer is {wanted}; the layers of this {name} are 1 to {layers}: give one of them"
        )
    if wanted < stage.layer:
        raise InputError(
            f"layer is {wanted}, but the stage is of layer {stage.layer} already; an encoder only "
            "goes on: start from the stage that shallow gives"
        )
    return stage.layer
