"""Every table of the papers as runnable, typed configurations.

`EXPERIMENTS` lists them all by name: ActionPrompt's Tables I to IX, FinePOSE's poster, LangPose's
headline, studies of ours of the parts of the last two, and rows of the encoders' own papers.
"""

from __future__ import annotations

from ..errors import unknown
from . import actionprompt, baselines, finepose, langpose
from .experiment import Experiment

__all__ = ["EXPERIMENTS", "PAPERS", "Experiment", "find_experiment", "of_paper"]

#: What users write after ``--paper``, and whose rows that are.
PAPERS: dict[str, tuple[Experiment, ...]] = {
    "actionprompt": actionprompt.ROWS,
    "finepose": finepose.ROWS,
    "langpose": langpose.ROWS,
    "baselines": baselines.ROWS,
}
#: Every experiment by its name.
EXPERIMENTS: dict[str, Experiment] = {
    experiment.name: experiment for rows in PAPERS.values() for experiment in rows
}


def find_experiment(name: str) -> Experiment:
    """The experiment of that name.

    Raises:
        InputError: when there is none.
    """
    if name not in EXPERIMENTS:
        raise unknown("experiment", name, EXPERIMENTS, "langlift experiment list")
    return EXPERIMENTS[name]


def of_paper(name: str | None) -> list[Experiment]:
    """The experiments of a paper, all without a name.

    Raises:
        InputError: for an unknown paper.
    """
    if name is not None and name not in PAPERS:
        raise unknown("paper", name, PAPERS)
    return [e for paper, rows in PAPERS.items() if name in (None, paper) for e in rows]
