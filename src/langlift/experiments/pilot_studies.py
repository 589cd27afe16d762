"""Tables of parts, options and controls: one seed of every row, beside the bare encoder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..protocols.origin import Origin
from ..protocols.published import PUBLISHED
from ..protocols.report import Figure, Row, Table
from . import find_experiment
from .networks import reader_of
from .pilot_gains import METRICS, Seeds, accuracy, figure, gap, tail_figure
from .pilot_results import FULL, Results
from .pilots import Way
from .settings import PromptSettings

#: Studies: title, the rows with the way in which they are measured, each after its bare one.
_STUDIES: tuple[tuple[str, tuple[tuple[str, Way], ...]], ...] = (
    (
        "III: components",
        tuple((f"3-{e}", "predicted") for e in ("baseline", "label", "atp", "label-app", "full")),
    ),
    (
        "V: what stands for an action",
        (
            ("3-baseline", "predicted"),
            ("5-one-hot", "predicted"),
            ("study-random", "predicted"),
            ("5-embeddings", "predicted"),
            ("3-full", "predicted"),
        ),
    ),
    (
        "VI: length of the window",
        tuple((f"6-{n}-{e}", "predicted") for n in (9, 27, 81) for e in ("baseline", "atp")),
    ),
    (
        "VII: layer of the projector",
        (("3-baseline", "predicted"), *((f"7-layer-{n}", "predicted") for n in (4, 3, 2, 1))),
    ),
    (
        "VIII: source of the label",
        (
            ("3-baseline", "predicted"),
            ("8-predicted", "predicted"),
            ("8-given", "given"),
            ("3-full", "predicted"),
            ("3-full", "given"),
        ),
    ),
    (
        "how often the action is named",
        (
            ("3-baseline", "predicted"),
            ("3-full", "predicted"),
            ("3-full", "frame"),
            ("3-full", "video"),
        ),
    ),
    (
        "short windows, and an action from beyond them",
        (
            ("6-9-baseline", "predicted"),
            *(("study-short", way) for way in ("predicted", "video", "given")),
        ),
    ),
    (
        "controls and options of ours",
        (
            ("3-baseline", "predicted"),
            ("3-full", "predicted"),
            *((f"study-{e}", "predicted") for e in ("shuffled", "label-dropout", "weighted")),
            *((f"study-{e}", "predicted") for e in ("temperature", "weight")),
            *((f"study-{e}", "predicted") for e in ("class-context", "template")),
        ),
    ),
)

#: What is said of a way behind the name of a row.
_WAYS: dict[Way, str] = {
    "frame": ", an action for each frame",
    "video": ", one action for the whole clip",
}


def studies(results: Results) -> Iterator[Table]:
    """Each study on noisy 2D, `SHOWN_SEED` of every row; those not measured yet are left out.

    A class that nobody was trained on cannot be told to a network. Where a row of a study was told
    the class, all its rows are therefore of the clips of known classes alone.
    """
    for title, lines in _STUDIES:
        told = any(way == "given" for _, way in lines)
        within = results.known if told else None
        rows, bare, bare_key = [], None, ""
        for end, way in lines:
            key = f"actionprompt-{end}"
            seeds = results.shown(key, way)
            if seeds is None:
                continue
            if not isinstance(find_experiment(key).settings, PromptSettings):
                bare, bare_key = seeds, key
                difference = {}
            else:
                difference = _differences(seeds, bare, within)
            paper = papers_gain(key, bare_key)
            rows.append(_study_row(results, key, way, seeds, within, difference, paper))
        clips = ", clips of known classes" if told else ""
        yield Table(f"{title}; VPose, noisy 2D, one seed{clips}", rows)


def _differences(seeds: Seeds, bare: Seeds | None, within: np.ndarray | None) -> dict[str, Figure]:
    if bare is None:
        return {}
    found = _views(bare, within)
    return {f"{name} difference": gap(seeds, bare, of, found) for name, of in METRICS.items()}


def _study_row(
    results: Results,
    key: str,
    way: Way,
    seeds: Seeds,
    within: np.ndarray | None,
    difference: dict[str, Figure],
    paper: str,
) -> Row:
    experiment = find_experiment(key)
    views = _views(seeds, within)
    figures = {name: figure(seeds, of, views) for name, of in METRICS.items()}
    figures = {**figures, "tail D-MPJPE": tail_figure(seeds, results.tail), **difference}
    if (named := accuracy(seeds, results.classes)) is not None:
        figures["action accuracy"] = named
    text = {"minilm": " (MiniLM)", "clip": " (MiniLM)"}.get(reader_of(experiment, None) or "", "")
    told = way == "given" and experiment.settings == find_experiment(FULL).settings
    tags = {"paper": "-" if told else paper}  # the paper tells one only
    name = experiment.row + text + _WAYS.get(way, "")
    return Row(name, tags, figures, _origin(experiment.settings, way))


def _views(seeds: Seeds, within: np.ndarray | None) -> np.ndarray | None:
    """(v) of clips (c)."""
    return None if within is None else within[seeds.first.clip]


def _origin(settings: Any, way: Way) -> Origin:
    if not isinstance(settings, PromptSettings) or not settings.pose_prompts:
        return Origin("none")
    return Origin("given" if way == "given" else "predicted")


def papers_gain(row: str, bare: str) -> str:
    """Published MPJPE and what it is less than that of the bare encoder."""
    mine, theirs = PUBLISHED.get(row), PUBLISHED.get(bare)
    if mine is None or theirs is None or "MPJPE" not in mine.figures:
        return "-"
    gain = mine.figures["MPJPE"] - theirs.figures["MPJPE"]
    return f"{gain:+.1f}" if row != bare else "-"
