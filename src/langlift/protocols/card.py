"""What weights say of their training, against what they are measured on.

The card of weights that were trained on recordings names dataset, set of labels, the subjects that
were trained on and those that chose the weights. Where any of those subjects is measured, the
figure is an oracle's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ..lifting.lifter import Lifter
from .origin import ActionSource, Origin
from .spec import ProtocolSpec

#: Other layouts of a dataset: the same people by the same names.
_SAME_PEOPLE = {"human36m-motionbert": "human36m"}
_LISTS = ("train_subjects", "chosen_on")


def origin_of(lifter: Lifter, spec: ProtocolSpec, subjects: Collection[str]) -> Origin:
    """What a model's figures under a protocol are made from.

    Of weights whose card does not name its subjects, those that were chosen on a test set count
    as chosen on every test set that authors of public weights chose on.

    Args:
        lifter: the model.
        spec: the protocol.
        subjects: who is measured.
    """
    card = lifter.bundle.card
    selection = card.get("selection", "not stated")
    if not _tells(card):
        told = selection != "test" or spec.public_test
        selection = selection if told else "not stated"
        return Origin(action_of(lifter, spec), spec.aggregation, selection)
    trained, chosen = (
        _people(str(card["dataset"])) == _people(spec.dataset)
        and any(subject in card[key] for subject in subjects)
        for key in _LISTS
    )
    if chosen:
        selection = "test"
    elif selection == "test":  # that of other data
        selection = "validation"
    training = "test" if trained else "apart"
    return Origin(action_of(lifter, spec), spec.aggregation, selection, training)


def action_of(lifter: Lifter, spec: ProtocolSpec) -> ActionSource:
    """Where the action comes from that a model's poses are made for, under a protocol.

    A model that takes none is never given one; one that takes it names it where it is not given.
    """
    if lifter.network.config.takes_action:
        return "given" if spec.action == "given" else "predicted"
    return "none" if spec.action == "given" else spec.action


def other_labels(lifter: Lifter, spec: ProtocolSpec) -> str:
    """The set of labels that a model was trained on, where it is another one; else empty."""
    card = lifter.bundle.card
    variant = str(card.get("variant", "")) if card.get("dataset") == spec.dataset else ""
    return "" if variant == spec.variant else variant


def _tells(card: Mapping[str, Any]) -> bool:
    lists = all(isinstance(card.get(key), list) for key in _LISTS)
    return lists and isinstance(card.get("dataset"), str)


def _people(dataset: str) -> str:
    return _SAME_PEOPLE.get(dataset, dataset)
