"""Whose label each piece of the training material has: its own or, as a control, another's.

A network that gains as much by shuffled labels gains nothing from knowing the action. Everything
else stays as it was: the same windows are drawn, in the same order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from ..actions import ActionVocabulary
from ..datasets.clips import LabelledClip
from ..errors import InputError
from .config import TrainConfig
from .takes import Take, check_takes, frame_classes

_SEED = 7_919  # of the permutation, beside that of the run


def whose_label(count: int, config: TrainConfig) -> np.ndarray:
    """(n) the clip or take whose label each of so many has.

    Shuffled, nobody has its own: they stand in a circle in random order, and each has that of the
    one before. Labels that many share are often the same ones for all that, see `labels_fact`.

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


def labels_fact(material: Sequence[object], actions: ActionVocabulary, config: TrainConfig) -> str:
    """What a card says of shuffled labels: how many are right by chance.

    Args:
        material: the clips or takes that are trained on.
        actions: the vocabulary.
        config: the run.
    """
    if config.cameras == "recorded":
        takes, what = check_takes(material), "frames"
        own = np.concatenate([frame_classes(take, actions) for take in takes])
        given = np.concatenate(take_classes(takes, actions, config))
    else:
        clips, what = cast(Sequence[LabelledClip], material), "clips"
        known = {label: k for k, label in enumerate(actions.labels)}
        own = np.array([known.get(clip.action, -1) for clip in clips])
        given = own[whose_label(len(clips), config)]
    share = (own == given)[own >= 0].mean()
    return f"{config.labels}; {share:.0%} of the {what} have a right one by chance"
