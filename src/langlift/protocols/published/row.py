"""A published figure with everything that says what it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from ...errors import InputError, unknown
from ..origin import Origin
from ..spec import Average

#: Where a row was read: in the paper, its abstract or poster; in a repository of the authors (the
#: readme, a file of results, an answer to a user) or of others; or in a public index of results.
ReadIn = Literal["paper", "repository", "index"]


@dataclass(frozen=True)
class Published:
    """One row of a published table.

    Millimetres for errors; per cent for ``PCK``, ``AUC`` and ``action accuracy``; millions for
    ``parameters``; billions of multiplications per window for ``MACs``.

    Args:
        key: its name among all rows, lower case with dashes.
        paper: short, such as ``ActionPrompt, ICME 2023``: where the row stands, which need not be
            the paper of the model.
        table: such as ``Table I``.
        model: the row.
        protocol: name of the evaluation, as users write it after ``--protocol``.
        source: 2D source: ``gt``, ``hr`` (HRNet), ``cpn_ft_h36m_dbb``, ...; ``detected`` where
            the table says no more than that, ``not stated`` where it says nothing.
        figures: metric to value; empty where only single actions were published.
        frames: window of the network, None where the table does not say.
        variant: which labels, where a protocol has several (``annot3``, ``univ``).
        average: of the figures, where papers on one protocol differ; empty for the protocol's.
        actions: MPJPE by column: class label, test sequence, or both subject and action.
        origin: what the figures were made from.
        read_in: where the row was read.
        inferred: what of the row nobody states and we concluded; empty for nothing. Such a row
            is listed and never set beside figures of ours.
        ablation: a row of a study of parts, which is listed and not set beside other models.
        note: what a reader has to know besides.

    Raises:
        InputError: for a row without any figure, or an unknown place that it was read in.
    """

    key: str
    paper: str
    table: str
    model: str
    protocol: str
    source: str
    figures: Mapping[str, float]
    frames: int | None = None
    variant: str = ""
    average: Average | Literal[""] = ""
    actions: Mapping[str, float] = field(default_factory=dict)
    origin: Origin = field(default_factory=Origin)
    read_in: ReadIn = "paper"
    inferred: str = ""
    ablation: bool = False
    note: str = ""

    def __post_init__(self) -> None:
        if self.read_in not in get_args(ReadIn):
            raise unknown("place that a figure was read in", self.read_in, get_args(ReadIn))
        if not (self.figures or self.actions):
            raise InputError(f"published row {self.key} has no figure; give at least one")

    @property
    def certain(self) -> bool:
        """Whether all that decides its class is stated, so that it may stand beside ours."""
        return not self.inferred

    @property
    def name(self) -> str:
        """The model, with ``oracle`` and why where ground truth of the test data was used."""
        return f"{self.model} ({self.origin.mark})" if self.origin.oracle else self.model

    @property
    def caveats(self) -> str:
        """What is inferred, averaged and to be known besides, in one line; empty for nothing."""
        inferred = f"inferred: {self.inferred}" if self.inferred else ""
        average = f"{self.average} mean" if self.average else ""
        return "; ".join(part for part in (inferred, average, self.note) if part)


def numbers(text: str) -> list[float | None]:
    """Figures as a printed table has them, separated by blanks; ``-`` is None."""
    return [None if word == "-" else float(word) for word in text.split()]


def named(names: Sequence[str], values: Sequence[float | None]) -> dict[str, float]:
    """The figures that a row has, by the names of its columns."""
    return {n: v for n, v in zip(names, values, strict=True) if v is not None}
