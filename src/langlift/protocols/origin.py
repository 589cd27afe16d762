"""What a figure is made from, and whether that includes the answer.

An *oracle* figure used ground truth of the test data: to choose between hypotheses, as the action
label, as the root's place, to choose the weights or to train them. Such figures are upper bounds of
what a model could do, not what it does, and say so wherever they stand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal, get_args, get_type_hints

from ..errors import unknown

ActionSource = Literal["none", "predicted", "given"]
#: What a report says of each.
ACTION_WORDS: dict[ActionSource, str] = {
    "none": "none given to the networks",
    "predicted": "predicted by the networks from the 2D",
    "given": "true action given to the networks",
}
#: One answer; the mean of the hypotheses (P-Agg of D3DP); per joint the hypothesis that projects
#: best (J-Agg, "JPMA"), with an estimated or the true root; the best hypothesis per joint (J-Best)
#: or per pose (P-Best).
Aggregation = Literal["single", "P-Agg", "J-Agg", "J-Agg (true root)", "J-Best", "P-Best"]
Selection = Literal["not stated", "fixed", "validation", "test"]
#: Whether the weights were trained on people that are measured: ``apart`` from them, or ``test``.
Training = Literal["not stated", "apart", "test"]

_TRUTH = {
    ("action", "given"): "true action given",
    ("aggregation", "J-Agg (true root)"): "true root",
    ("aggregation", "J-Best"): "best hypothesis of each joint",
    ("aggregation", "P-Best"): "best hypothesis of each pose",
    ("selection", "test"): "weights chosen on subjects that are measured",
    ("training", "test"): "trained on subjects that are measured",
}
#: Of the papers' test set, or of any subjects that a figure is of.
_MEASURED = r"(the test|subjects that are measured)"
#: What texts about a figure say where ground truth was used, in any case of letters.
_WORDS = {
    "true action given": r"\b(true|gt|ground.truth).action|\bgiven.action"
    r"|\b(action|label)(.(source|label))?\W+given",
    "true root": r"\b(true|gt|ground.truth).root",
    "best hypothesis of each joint": r"(?<![a-z])j.?best",
    "best hypothesis of each pose": r"(?<![a-z])p.?best",
    "weights chosen on subjects that are measured": rf"\bchosen on {_MEASURED}"
    r"|\bselection\W+(test\b|on subjects that are measured)",
    "trained on subjects that are measured": rf"\btrained on {_MEASURED}",
}
#: As published it took the true root.
_J_AGG = r"(?<![a-z])(jpma|j.?agg)(?![a-z])"


def action_words(sources: Mapping[str, ActionSource]) -> str | dict[str, str]:
    """What a report says of the actions that models used, of each by itself where they differ."""
    words = {model: ACTION_WORDS[source] for model, source in sources.items()}
    return next(iter(words.values())) if len(set(words.values())) == 1 else words


@dataclass(frozen=True)
class Origin:
    """What was used to make a figure.

    Args:
        action: where the action label came from that the network used: ``none`` was used, it was
            ``predicted`` from the 2D, or ``given`` (the true one).
        aggregation: how one pose was made of several hypotheses.
        selection: how the weights were chosen: ``fixed`` (a set number of steps), on
            ``validation`` subjects, or on the ``test`` set.
        training: whether anybody was trained on who is measured, see `Training`.

    Raises:
        InputError: for any other value.
    """

    action: ActionSource = "none"
    aggregation: Aggregation = "single"
    selection: Selection = "not stated"
    training: Training = "not stated"

    def __post_init__(self) -> None:
        for name, kind in get_type_hints(Origin).items():
            if getattr(self, name) not in get_args(kind):
                raise unknown(name, str(getattr(self, name)), get_args(kind))

    @property
    def truth_used(self) -> tuple[str, ...]:
        """What ground truth of the test data was used, in words; empty for none."""
        values = [(f.name, getattr(self, f.name)) for f in fields(self)]
        return tuple(_TRUTH[value] for value in values if value in _TRUTH)

    @property
    def oracle(self) -> bool:
        """Whether ground truth of the test data was used."""
        return bool(self.truth_used)

    @property
    def mark(self) -> str:
        """What stands behind a name in every table: empty, or ``oracle`` and why."""
        return f"oracle: {', '.join(self.truth_used)}" if self.oracle else ""

    @property
    def label(self) -> str:
        """The class of the figure in words, such as ``one answer, predicted action``."""
        used = "one answer" if self.aggregation == "single" else self.aggregation
        return used if self.action == "none" else f"{used}, {self.action} action"

    @property
    def kind(self) -> tuple[str, str]:
        """Class of the figure: only those of the same class may stand side by side.

        How weights were trained and chosen is no part of it: nearly all published figures do not
        tell.
        """
        return (self.action if self.action == "given" else "not given", self.aggregation)

    def untold(self, text: str) -> tuple[str, ...]:
        """What ground truth a text about the figure tells of that is not in this origin.

        J-Agg (JPMA) is taken as published, with the true root, unless the text says that the root
        was estimated, or the origin is ``J-Agg``.
        """
        said = [truth for truth, words in _WORDS.items() if re.search(words, text, re.IGNORECASE)]
        estimated = self.aggregation == "J-Agg" or "estimated root" in text.lower()
        if not estimated and re.search(_J_AGG, text, re.IGNORECASE):
            said.append("true root")
        return tuple(truth for truth in said if truth not in self.truth_used)
