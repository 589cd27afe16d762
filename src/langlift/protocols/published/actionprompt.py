"""Tables I to IX of ActionPrompt (Zheng et al., ICME 2023).

The paper's P1, P2 and P3 are MPJPE, its depth part (D-MPJPE) and the mean of the latter over the
actions Posing, SittingDown and Sitting (its tail); not the three protocols that other papers call
so. How the weights were chosen is not stated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..origin import Origin
from .row import Published, named, numbers

PAPER = "ActionPrompt, ICME 2023"

#: Columns of Table I in its own order, which is not that of the alphabet.
COLUMNS = (
    *("Walking", "WalkTogether", "Eating", "Purchases", "WalkDog", "Phoning", "Smoking"),
    *("Greeting", "Directions", "Waiting", "Photo", "Discussion", "Posing", "SittingDown"),
    "Sitting",
)
_P123 = ("MPJPE", "D-MPJPE", "tail D-MPJPE")
#: Pose prompts are chosen by the action that the network predicts; without them it uses none.
_NONE, _PREDICTED, _GIVEN = Origin("none"), Origin("predicted"), Origin("given")

_TABLE_1 = {
    ("VPose", "gt"): (
        "29.3 30.0 34.8 37.8 37.0 35.5 36.9 36.3 36.9 37.7 40.2 41.1 41.4 45.9 45.8",
        "37.8 33.6 39.3",
    ),
    ("VPose + APM", "gt"): (
        "26.6 27.1 34.0 35.8 36.1 35.1 34.8 36.0 34.9 33.9 39.1 37.2 39.2 43.4 42.0",
        "35.7 29.7 33.8",
    ),
    ("A3DHP", "gt"): (
        "26.2 26.8 33.5 34.5 35.7 37.4 35.5 35.3 34.3 39.1 44.9 39.1 39.7 49.5 46.4",
        "37.2 33.4 41.2",
    ),
    ("A3DHP + APM", "gt"): (
        "24.8 26.4 31.4 31.7 35.1 36.4 35.0 33.6 31.5 36.4 44.5 37.1 37.4 49.5 43.8",
        "35.6 31.9 38.8",
    ),
    ("MixSTE", "gt"): (
        "15.7 16.1 22.4 23.3 23.2 23.1 23.5 23.1 23.6 24.1 28.5 24.3 26.5 32.0 30.2",
        "24.0 21.8 27.5",
    ),
    ("MixSTE + APM", "gt"): (
        "15.9 16.7 21.1 22.5 22.1 21.8 22.7 21.9 22.3 23.0 25.8 21.8 25.1 30.2 27.9",
        "22.7 19.9 24.7",
    ),
    ("VPose", "hr"): (
        "37.0 38.8 43.4 42.6 49.1 49.3 45.9 47.4 44.5 45.2 53.4 47.0 46.3 67.6 55.6",
        "47.5 34.6 41.7",
    ),
    ("VPose + APM", "hr"): (
        "36.7 38.7 43.5 41.7 49.3 48.7 45.0 47.2 42.2 43.8 52.1 45.2 44.3 65.3 53.5",
        "46.5 33.3 39.8",
    ),
    ("A3DHP", "hr"): (
        "36.1 38.3 43.5 41.9 47.9 50.0 45.7 47.2 43.4 46.1 56.9 45.6 45.6 71.0 56.9",
        "47.7 35.3 43.7",
    ),
    ("A3DHP + APM", "hr"): (
        "35.8 38.2 43.5 41.1 47.4 49.9 45.7 46.2 42.8 45.7 56.1 44.7 43.7 68.5 54.5",
        "46.9 34.2 42.0",
    ),
    ("MixSTE", "hr"): (
        "31.8 32.8 40.6 38.3 42.6 43.8 42.0 40.9 37.6 40.5 49.1 40.3 39.4 65.2 52.9",
        "42.5 30.9 38.9",
    ),
    ("MixSTE + APM", "hr"): (
        "30.5 31.6 39.8 38.9 42.0 43.1 42.0 40.6 37.7 40.0 48.0 40.2 38.8 63.2 50.8",
        "41.8 29.5 36.8",
    ),
}
_TABLE_2 = {
    "VPose": ("20.5 15.9 30.5 36.1 23.0 25.7", "25.3 19.0"),
    "VPose + APM": ("18.8 16.2 30.3 33.1 21.8 24.7", "24.1 16.6"),
    "A3DHP": ("17.5 13.1 26.4 19.5 17.9 21.5", "19.3 12.8"),
    "A3DHP + APM": ("16.1 12.2 25.4 19.2 16.6 20.2", "18.3 11.5"),
    "MixSTE": ("18.7 18.0 26.4 27.8 18.0 20.0", "21.5 18.1"),
    "MixSTE + APM": ("17.4 17.3 25.2 26.6 17.2 18.2", "20.3 16.4"),
}
#: Tables III to V, VII and VIII: end of the key, row, what the network uses of the action, figures.
_STUDIES: dict[str, list[tuple[str, str, Origin, str]]] = {
    "III": [
        ("baseline", "baseline", _NONE, "37.8 33.6 - -"),
        ("label", "+ action label", _NONE, "37.6 32.1 - 90.2"),
        ("atp", "+ ATP", _NONE, "36.2 30.2 - 94.6"),
        ("label-app", "+ action label + APP", _PREDICTED, "36.6 31.4 - 91.5"),
        ("full", "+ ATP + APP", _PREDICTED, "35.7 29.7 - 96.2"),
    ],
    "IV": [
        ("baseline", "baseline", _NONE, "37.8 33.6 - -"),
        ("gp", "pooling (GP)", _NONE, "36.9 31.7 - -"),
        ("tcn", "convolutions (TCN)", _NONE, "36.4 30.9 - -"),
        ("gp-p2t", "GP + P2T", _NONE, "36.7 31.3 - -"),
        ("tcn-p2t", "TCN + P2T", _NONE, "36.2 30.2 - -"),
    ],
    "V": [
        ("one-hot", "one-hot labels", _PREDICTED, "36.6 31.4 - -"),
        ("embeddings", "learnable embeddings", _PREDICTED, "36.3 30.9 - -"),
        ("atp", "ATP", _PREDICTED, "35.7 29.7 - -"),
    ],
    "VI": [
        ("9-baseline", "9 frames, baseline", _NONE, "39.8 35.2 43.2 -"),
        ("9-atp", "9 frames, + ATP", _NONE, "40.2 34.9 42.2 -"),
        ("27-baseline", "27 frames, baseline", _NONE, "39.1 34.9 41.2 -"),
        ("27-atp", "27 frames, + ATP", _NONE, "38.3 32.9 38.0 -"),
        ("81-baseline", "81 frames, baseline", _NONE, "38.1 33.8 40.4 -"),
        ("81-atp", "81 frames, + ATP", _NONE, "37.0 31.5 35.5 -"),
        ("243-baseline", "243 frames, baseline", _NONE, "37.8 33.6 39.3 -"),
        ("243-atp", "243 frames, + ATP", _NONE, "36.2 30.2 34.1 -"),
    ],
    "VII": [
        ("layer-5", "projector on layer 5", _NONE, "41.0 33.9 40.8 -"),
        ("layer-4", "projector on layer 4", _NONE, "38.6 32.5 39.0 -"),
        ("layer-3", "projector on layer 3", _NONE, "37.3 31.2 37.5 -"),
        ("layer-2", "projector on layer 2", _NONE, "36.8 30.7 37.0 -"),
        ("layer-1", "projector on layer 1", _NONE, "36.2 30.2 34.1 -"),
    ],
    "VIII": [
        ("given", "APP by the true label", _GIVEN, "36.4 31.0 - -"),
        ("predicted", "APP by the predicted label", _PREDICTED, "36.6 31.4 - -"),
    ],
}
#: Table IX: decoder layers D, width C, prompts per action L; MPJPE, D-MPJPE, parameters.
_TABLE_9 = {
    (1, 256, 81): "35.7 29.7 22.87",
    (4, 256, 81): "35.8 29.3 24.45",
    (1, 128, 81): "36.0 29.4 22.33",
    (1, 1024, 81): "35.8 29.5 31.61",
    (1, 256, 27): "36.2 29.9 22.76",
    (1, 256, 243): "36.3 30.1 23.21",
}
_NUMBER = {"III": 3, "IV": 4, "V": 5, "VI": 6, "VII": 7, "VIII": 8}
_NOTES = {
    "VI": "the text speaks of 2.4 mm less at 243 frames, the table of 1.6",
    "VIII": "without ATP: the second row is that of Table III with action label and APP",
}


def slug(model: str) -> str:
    """``VPose + APM`` as a part of a key."""
    return model.lower().replace(" + ", "-")


def _row(key: str, table: str, model: str, figures: Mapping[str, float], **more: Any) -> Published:
    defaults: dict[str, Any] = {"protocol": "human36m", "source": "gt", "frames": 243}
    return Published(
        f"actionprompt-{key}", PAPER, f"Table {table}", model, figures=figures, **defaults | more
    )


def _table_1() -> list[Published]:
    return [
        _row(
            f"1-{slug(model)}-{source}",
            "I",
            model,
            named(_P123, numbers(figures)),
            source=source,
            actions=named(COLUMNS, numbers(actions)),
            origin=_PREDICTED if "APM" in model else _NONE,
            note="MixSTE with 4 of its 8 pairs of blocks" if "MixSTE" in model else "",
        )
        for (model, source), (actions, figures) in _TABLE_1.items()
    ]


def _table_2() -> list[Published]:
    columns = [f"{action} S{n}" for action in ("Walking", "Jog") for n in (1, 2, 3)]
    return [
        _row(
            f"2-{slug(model)}",
            "II",
            model,
            named(_P123[:2], numbers(figures)),
            protocol="humaneva",
            source="not stated",
            frames=None,
            actions=named(columns, numbers(actions)),
            origin=_PREDICTED if "APM" in model else _NONE,
            note="Walking and Jog only; neither the 2D source nor the window is stated",
        )
        for model, (actions, figures) in _TABLE_2.items()
    ]


def _studies() -> list[Published]:
    rows = []
    for table, lines in _STUDIES.items():
        for key, model, origin, figures in lines:
            frames = int(key.split("-")[0]) if table == "VI" else 243
            rows.append(
                _row(
                    f"{_NUMBER[table]}-{key}",
                    table,
                    model,
                    named((*_P123, "action accuracy"), numbers(figures)),
                    frames=frames,
                    origin=origin,
                    ablation=True,
                    note=_NOTES.get(table, ""),
                )
            )
    return rows


def _table_9() -> list[Published]:
    return [
        _row(
            f"9-d{d}-c{c}-l{length}",
            "IX",
            f"APP of {d} layer{'s' if d > 1 else ''}, width {c}, {length} prompts",
            named((*_P123[:2], "parameters"), numbers(figures)),
            origin=_PREDICTED,
            ablation=True,
        )
        for (d, c, length), figures in _TABLE_9.items()
    ]


ROWS = (*_table_1(), *_table_2(), *_studies(), *_table_9())
