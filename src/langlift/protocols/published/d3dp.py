"""Figures of D3DP (Shan et al., ICCV 2023) by each of its ways to make one pose of hypotheses.

The four ways are: J-Best (per joint the hypothesis nearest to the truth), P-Best (the best
hypothesis as a whole, by the truth), P-Agg (their mean) and J-Agg or JPMA (per joint the one that
projects best, with the root placed by the truth). Only P-Agg answers without ground truth.
"""

from __future__ import annotations

from typing import Any, get_args

from ..origin import Aggregation, Origin
from .row import Published, named, numbers

PAPER = "D3DP, ICCV 2023"
SEQUENCES = tuple(f"TS{n}" for n in range(1, 7))
_WAYS = {
    "J-Best": "J-Best",
    "P-Best": "P-Best",
    "J-Agg": "J-Agg (true root)",
    "P-Agg": "P-Agg",
}
#: MPI-INF-3DHP with 20 hypotheses, means over the test sequences: MPJPE, PCK, AUC after 10 steps;
#: MPJPE after one.
_3DHP = {
    "J-Best": ("28.23 98.07 79.12", 28.26),
    "P-Best": ("29.59 97.85 78.32", 29.67),
    "J-Agg": ("29.77 97.72 78.11", 29.86),
    "P-Agg": ("30.05 97.69 78.02", 29.99),
}
#: MPJPE of J-Best after 10 steps, as the authors' file has them; the sequences' other values, and
#: those of the other ways, are not known, only the means above.
_J_BEST_SEQUENCES = "30.4996 24.4100 10.5053 23.5850 29.2175 51.1833"
#: Human3.6M, the action Directions, 5 hypotheses and steps, in the log of a user.
_DIRECTIONS = {"J-Best": 36.59, "P-Best": 38.50, "P-Agg": 38.67, "J-Agg": 38.42}


def _origin(way: str) -> Origin:
    known = {a: a for a in get_args(Aggregation)}
    return Origin(aggregation=known[_WAYS[way]], selection="test")


def _row(key: str, way: str, **more: Any) -> Published:
    given = {"frames": 243, "origin": _origin(way)} | more
    return Published(f"d3dp-{key}-{way.lower()}", PAPER, model=f"D3DP {way}", **given)


def _3dhp() -> list[Published]:
    rows = []
    for way, (ten, one) in _3DHP.items():
        common = {
            **{"protocol": "mpi-inf-3dhp", "variant": "annot3", "source": "gt"},
            **{"average": "sequence", "read_in": "repository"},
        }
        sequences = numbers(_J_BEST_SEQUENCES) if way == "J-Best" else [None] * len(SEQUENCES)
        rows += [
            _row(
                "mpi-inf-3dhp-10-steps",
                way,
                table="MPI-INF-3DHP, files of results",
                figures=named(("MPJPE", "PCK", "AUC"), numbers(ten)),
                actions=named(SEQUENCES, sequences),
                note="20 hypotheses, 10 steps",
                **common,
            ),
            _row(
                "mpi-inf-3dhp-1-step",
                way,
                table="MPI-INF-3DHP, files of results",
                figures={"MPJPE": one},
                ablation=True,
                note="20 hypotheses, 1 step",
                **common,
            ),
        ]
    return rows


def _directions() -> list[Published]:
    return [
        _row(
            "human36m-directions",
            way,
            table="Human3.6M, a user's log",
            protocol="human36m",
            source="detected",
            figures={},
            actions={"Directions": value},
            read_in="repository",
            inferred="the released weights and the 2D source",
            ablation=True,
            note="5 hypotheses, 5 steps; P-Best is that of whole batches",
        )
        for way, value in _DIRECTIONS.items()
    ]


ROWS = (
    _row(
        "human36m-cpn",
        "J-Agg",
        table="Human3.6M",
        protocol="human36m",
        source="cpn_ft_h36m_dbb",
        figures={"MPJPE": 39.5, "parameters": 34.8},
        read_in="index",
        note="20 hypotheses, 10 steps",
    ),
    _row(
        "human36m-gt",
        "J-Agg",
        table="Human3.6M, true 2D",
        protocol="human36m",
        source="gt",
        figures={"MPJPE": 19.6, "parameters": 34.8},
        read_in="index",
        note="20 hypotheses, 10 steps; trained on the true 2D",
    ),
    *_3dhp(),
    *_directions(),
)
