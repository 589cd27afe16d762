"""How far a stage of an encoder has come: what `advance` and `deep` go on from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import InputError
from .base import Stage


@dataclass(frozen=True)
class Reached:
    """``Stage.state`` of the encoders of the house.

    Args:
        layer: whose features the stage has; that of `shallow` is 1.
        kept: what the deeper layers need besides the features.
    """

    layer: int
    kept: Any = None


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
    own: int = stage.state.layer
    if wanted < own:
        raise InputError(
            f"layer is {wanted}, but the stage is of layer {own} already; an encoder only goes on: "
            "start from the stage that shallow gives"
        )
    return own
