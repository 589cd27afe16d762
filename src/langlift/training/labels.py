"""Whose label each piece of the training material has: its own or, as a control, another's.

A network that gains as much by shuffled labels gains nothing from knowing the action. Everything
else stays as it was: the same windows are drawn, in the same order.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..actions import ActionVocabulary
from ..errors import InputError
from .config import TrainConfig
from .takes import Take, frame_classes

_SEED = 7_919  # of the permutation, beside that of the run


def whose_label(count: int, config: TrainConfig) -> np.ndarray:
    """(n) the clip or take whose label each of so many has.

    Shuffled, nobody has its own: they stand in a circle in random order, and each has that of the
    one before. Labels that many share are often the same ones for all that.

    Raises:
        InputError: for shuffled labels of a single clip or take.
    """
    if config.labels == "true":
        return np.arange(count)
    if count < 2:
        raise InputError(
            f"labels is 'shuffled', but there is {count} clip or take to train on; give at least 2"
        )
    circle = np.random.default_rng([_SEED, config.seed]).permutation(count)
    found = np.empty(count, dtype=int)
    found[circle] = np.roll(circle, 1)
    return found


def take_classes(
    takes: Sequence[Take], actions: ActionVocabulary, config: TrainConfig
) -> list[np.ndarray]:
    """(f) class indices of every take, -1 for no label; another's are stretched to its length."""
    own = [frame_classes(take, actions) for take in takes]
    given = (own[k] for k in whose_label(len(takes), config))
    return [
        classes[np.arange(len(take)) * len(classes) // len(take)]
        for take, classes in zip(takes, given, strict=True)
    ]
