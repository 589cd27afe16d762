"""The tables of the pilots, beside the paper's gains."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from .._version import __version__
from ..datasets.corpus import Corpus
from ..errors import InputError
from ..protocols.measured import RESAMPLES
from ..protocols.origin import Origin
from ..protocols.published import PUBLISHED
from ..protocols.report import Figure, Report, Row, Table
from ..skeletons import HUMAN36M_17
from . import Experiment, find_experiment
from .networks import reader_of
from .pilot_gains import (
    METRICS,
    Seeds,
    accuracy,
    common_classes,
    figure,
    gap,
    hardest,
    spread,
    tail_figure,
    tail_gap,
)
from .pilots import MISSING, Pilot, Way, errors_of
from .settings import PromptSettings

BARE, FULL = "actionprompt-3-baseline", "actionprompt-3-full"
_ENCODERS = {"vpose": "VPose", "a3dhp": "A3DHP", "mixste": "MixSTE (4)"}
#: The paper's 2D that stands for ours.
_PAPERS_2D = {"gt": "gt", "noisy": "hr"}
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


@dataclass(frozen=True)
class Results:
    """What was measured of pilots, by what was trained and not by the name of a row.

    Several tables of the paper repeat a row; a pilot serves all of them.

    Args:
        pilots: all that there may be.
        out: their folder.
        scored: classes of the corpus that are in training and test.
    """

    pilots: Sequence[Pilot]
    out: Path
    scored: Sequence[str]
    _read: dict[tuple[str, Way], Any] = field(default_factory=dict)

    def seeds(self, row: str, source: str = "noisy", way: Way = "predicted") -> Seeds | None:
        """The measurements of a row; None where there are none yet."""
        wanted = _trained(row)
        frames = min(wanted.frames or 81, 81)
        found = []
        for pilot in self.pilots:
            mine = _trained(pilot.experiment)
            same = (mine.method, mine.settings) == (wanted.method, wanted.settings)
            if same and (pilot.source, pilot.frames, pilot.text) == (source, frames, "minilm"):
                found.append(self._errors(pilot, way))
        there = tuple(errors for errors in found if errors is not None)
        return Seeds(there) if there else None

    def _errors(self, pilot: Pilot, way: Way) -> Any:
        key = (pilot.name, way)
        if key not in self._read:
            self._read[key] = errors_of(pilot, self.out, way)
        return self._read[key]

    def need(self, row: str, source: str = "noisy", way: Way = "predicted") -> Seeds:
        """The same, or an error that says what to run."""
        seeds = self.seeds(row, source, way)
        if seeds is None:
            raise InputError(
                f"pilot {row} with {source} 2D was not measured ({way}) in {self.out}; run it first"
            )
        return seeds

    @property
    def classes(self) -> list[str]:
        """Classes with enough clips."""
        return common_classes(self.need(BARE).first, self.scored)

    @property
    def tail(self) -> list[str]:
        """The hardest classes of the bare VPose on the validation part."""
        return hardest(self.need(BARE, way="validation").first, self.classes)


def _trained(row: str) -> Experiment:
    """An experiment by what is trained: where the label comes from at test is no part of that."""
    experiment = find_experiment(row)
    if isinstance(experiment.settings, PromptSettings):
        return replace(experiment, settings=replace(experiment.settings, label="predicted"))
    return experiment


def report(results: Results, more: Sequence[Table] = ()) -> Report:
    """All tables that can be made of what is there.

    Args:
        results: the measurements; those of the bare VPose on noisy 2D must be there.
        more: further tables, such as those by ambiguity.
    """
    first = results.need(BARE).first
    facts = {
        "data": f"motion corpus, split core, part test: {len(first.clips)} clips, "
        f"{int(first.frames.sum()) // 4} frames; 4 cameras of Human3.6M S9",
        "scale": "small: networks, schedules and windows (81 frames) of ours; no reproduction",
        "text encoder": "MiniLM where prompts are read",
        "differences": "with ActionPrompt minus without: negative is better; over pairs of seeds",
        "intervals": f"95 %, paired bootstrap over clips ({RESAMPLES} resamples), cameras kept "
        "together; they say nothing of what other seeds would give",
        "tail": f"{', '.join(results.tail)}: the classes with the largest D-MPJPE of the bare "
        "VPose on the validation part",
        "paper": "gains on Human3.6M with 243 frames, for orientation: other data and size",
        "langlift": __version__,
    }
    tables = [_encoders(results), *_studies(results), _by_action(results), _by_joint(results)]
    return Report("mocap", facts, [t for t in [*tables, *more] if t is not None and t.rows])


def _encoders(results: Results) -> Table:
    """Bare against prompted, for every encoder and 2D."""
    names = {f"actionprompt-1-{e}-gt": (f"actionprompt-1-{e}-apm-gt", n)
             for e, n in _ENCODERS.items()}  # fmt: skip
    names["actionprompt-study-dstformer"] = ("actionprompt-study-dstformer-apm", "DSTformer")
    rows = []
    for bare_row, (row, name) in names.items():
        for source, theirs in _PAPERS_2D.items():
            bare, prompted = (results.seeds(each, source) for each in (bare_row, row))
            if bare is None or prompted is None:
                continue
            ends = [key.removesuffix("gt") + theirs for key in (row, bare_row)]
            tags = {
                "2D": source,
                "seeds": spread(prompted, bare, METRICS["MPJPE"]),
                "paper": _papers_gain(*ends),
            }
            rows.append(Row(name, tags, _pair(results, prompted, bare), Origin("predicted")))
    return Table("+ APM against the encoder alone (seeds and paper: gain in MPJPE)", rows)


def _pair(results: Results, prompted: Seeds, bare: Seeds) -> dict[str, Figure]:
    named = accuracy(prompted, results.classes)
    return {
        "alone MPJPE": figure(bare, METRICS["MPJPE"]),
        "+ APM MPJPE": figure(prompted, METRICS["MPJPE"]),
        **{f"{n} difference": gap(prompted, bare, of) for n, of in METRICS.items()},
        "tail D-MPJPE difference": tail_gap(prompted, bare, results.tail),
        **({"action accuracy": named} if named else {}),
    }


def _studies(results: Results) -> Iterator[Table]:
    """Each study on noisy 2D, the first seed of every row."""
    for title, lines in _STUDIES:
        rows, bare, bare_key = [], None, ""
        for end, way in lines:
            key = f"actionprompt-{end}"
            seeds = results.seeds(key, way=way)
            if seeds is None:
                continue
            prompted = isinstance(find_experiment(key).settings, PromptSettings)
            if not prompted:
                bare, bare_key = seeds.only(1), key
            rows.append(_study_row(results, key, way, seeds.only(1), bare, bare_key))
        yield Table(f"{title}; VPose, noisy 2D, one seed", rows)


def _study_row(
    results: Results, key: str, way: Way, seeds: Seeds, bare: Seeds | None, bare_key: str
) -> Row:
    experiment = find_experiment(key)
    figures = {name: figure(seeds, of) for name, of in METRICS.items()}
    figures["tail D-MPJPE"] = tail_figure(seeds, results.tail)
    if bare is not None and bare is not seeds and key != bare_key:
        for name, of in METRICS.items():
            figures[f"{name} difference"] = gap(seeds, bare, of)
    if (named := accuracy(seeds, results.classes)) is not None:
        figures["action accuracy"] = named
    text = {"minilm": " (MiniLM)", "clip": " (MiniLM)"}.get(reader_of(experiment, None) or "", "")
    told = way == "given" and experiment.settings == find_experiment(FULL).settings
    tags = {"paper": "-" if told else _papers_gain(key, bare_key)}  # the paper tells one only
    name = experiment.row + text + _WAYS.get(way, "")
    return Row(name, tags, figures, _origin(experiment.settings, way))


def _origin(settings: Any, way: Way) -> Origin:
    if not isinstance(settings, PromptSettings) or not settings.pose_prompts:
        return Origin("none")
    return Origin("given" if way == "given" else "predicted")


def _papers_gain(row: str, bare: str) -> str:
    """Published MPJPE and what it is less than that of the bare encoder."""
    mine, theirs = PUBLISHED.get(row), PUBLISHED.get(bare)
    if mine is None or theirs is None or "MPJPE" not in mine.figures:
        return "-"
    gain = mine.figures["MPJPE"] - theirs.figures["MPJPE"]
    return f"{gain:+.1f}" if row != bare else "-"


def _by_action(results: Results) -> Table | None:
    bare, prompted = results.seeds(BARE), results.seeds(FULL)
    if bare is None or prompted is None:
        return None
    label = bare.first.action
    known = results.classes
    rare = sorted(set(label.tolist()) - set(known))
    groups = [(name, label == name) for name in known]
    groups.append((f"{len(rare)} others with fewer clips", np.isin(label, rare)))
    return grouped("action", results, groups)


def grouped(
    what: str, results: Results, groups: Sequence[tuple[str, np.ndarray]], title: str = ""
) -> Table:
    """A row for every group of views: VPose alone, with APM, and the difference; noisy 2D.

    Args:
        what: the groups are.
        results: the measurements.
        groups: name and views (v) of each.
        title: of the table; one of `what` if empty.
    """
    bare, prompted = results.need(BARE), results.need(FULL)
    rows = []
    for name, within in groups:
        if not within.any():
            continue
        figures = {}
        for metric, of in METRICS.items():
            figures[f"alone {metric}"] = figure(bare, of, within)
            figures[f"{metric} difference"] = gap(prompted, bare, of, within)
        tags = {"views": str(int(within.sum()))}
        rows.append(Row(name, tags, figures, Origin("predicted")))
    return Table(title or f"VPose + APM by {what}, noisy 2D", rows, what)


def _by_joint(results: Results) -> Table | None:
    bare, prompted = results.seeds(BARE), results.seeds(FULL)
    if bare is None or prompted is None:
        return None
    rows = []
    for n, joint in enumerate(HUMAN36M_17.joints):
        if n == HUMAN36M_17.root_index:
            continue  # it is zero by definition
        figures = {}
        for metric, name in (("MPJPE", "joints"), ("D-MPJPE", "depth")):
            of = _joint(name, n)
            figures[f"alone {metric}"] = figure(bare, of)
            figures[f"{metric} difference"] = gap(prompted, bare, of)
        rows.append(Row(joint, {"2D": "noisy"}, figures, Origin("predicted")))
    return Table("VPose + APM by joint", rows, "joint")


def _joint(name: str, n: int) -> Any:
    return lambda found: getattr(found, name)[:, n]


def missing_table(results: Results) -> Table | None:
    """The same weights where joints are missing in the 2D."""
    bare, prompted = (results.seeds(row, way="missing") for row in (BARE, FULL))
    if bare is None or prompted is None:
        return None
    row = Row(
        "VPose",
        {"2D": "noisy", "missing": f"{MISSING:.0%} of the joints"},
        _pair(results, prompted, bare),
        Origin("predicted"),
    )
    return Table("+ APM where joints are missing", [row])


def write_results(
    pilots: Sequence[Pilot], out: Path, folder: Path, data: Path | None = None
) -> list[Path]:
    """Tables and pictures of what was measured.

    Args:
        pilots: all that there may be.
        out: their folder.
        folder: where tables and pictures go.
        data: motion corpus; None for where the environment says it is.

    Returns:
        The files.

    Raises:
        InputError: where the bare VPose was not measured, or with another corpus.
    """
    from .pilot_views import pictures, tables_by_view

    corpus = Corpus(data)
    results = Results(pilots, out, corpus.split("core").scored_classes)
    missing = missing_table(results)
    more = [*tables_by_view(results, corpus), *([missing] if missing else [])]
    folder.mkdir(parents=True, exist_ok=True)
    saved = report(results, more).save(folder, "report")
    return [*saved, *pictures(results, corpus, folder)]
