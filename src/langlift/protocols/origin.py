"""What a figure is made from, and whether that includes the answer.

An *oracle* figure used ground truth of the test data: to choose between hypotheses, as the action
label, as the root's place, or to choose the weights. Such figures are upper bounds of what a model
could do, not what it does, and say so wherever they stand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal, get_args, get_type_hints

from ..errors import unknown

ActionSource = Literal["none", "predicted", "given"]
#: One answer; the mean of the hypotheses (P-Agg of D3DP); per joint the hypothesis that projects
#: best (J-Agg, "JPMA"), with an estimated or the true root; the best hypothesis per joint (J-Best)
#: or per pose (P-Best).
Aggregation = Literal["single", "P-Agg", "J-Agg", "J-Agg (true root)", "J-Best", "P-Best"]
Selection = Literal["not stated", "fixed", "validation", "test"]

_TRUTH = {
    ("action", "given"): "true action given",
    ("aggregation", "J-Agg (true root)"): "true root",
    ("aggregation", "J-Best"): "best hypothesis of each joint",
    ("aggregation", "P-Best"): "best hypothesis of each pose",
    ("selection", "test"): "weights chosen on the test set",
}


@dataclass(frozen=True)
class Origin:
    """What was used to make a figure.

    Args:
        action: where the action label came from that the network used: ``none`` was used, it was
            ``predicted`` from the 2D, or ``given`` (the true one).
        aggregation: how one pose was made of several hypotheses.
        selection: how the weights were chosen: ``fixed`` (a set number of steps), on
            ``validation`` subjects, or on the ``test`` set.

    Raises:
        InputError: for any other value.
    """

    action: ActionSource = "none"
    aggregation: Aggregation = "single"
    selection: Selection = "not stated"

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
    def kind(self) -> tuple[str, str]:
        """Class of the figure: only those of the same class may stand side by side.

        How weights were chosen is no part of it: nearly all published figures do not tell.
        """
        return (self.action if self.action == "given" else "not given", self.aggregation)


def truth_in(words: Mapping[str, str]) -> tuple[str, ...]:
    """What ground truth was used according to the words about a figure, empty for none.

    Args:
        words: by name, of which those that are fields of `Origin` count; also the names of
            aggregations wherever they stand, as in a column called "J-Best MPJPE".
    """
    said = [_TRUTH[pair] for pair in words.items() if pair in _TRUTH]
    for (name, value), meaning in _TRUTH.items():
        if name == "aggregation" and any(value in w for pair in words.items() for w in pair):
            said.append(meaning)
    return tuple(dict.fromkeys(said))
