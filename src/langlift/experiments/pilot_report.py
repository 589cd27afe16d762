"""The tables of the pilots, beside the paper's gains."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .._version import __version__
from ..datasets.corpus import Corpus
from ..protocols.measured import RESAMPLES
from ..protocols.origin import Origin
from ..protocols.report import Figure, Report, Row, Table
from ..skeletons import HUMAN36M_17
from .pilot_gains import METRICS, Seeds, accuracy, figure, gap, paired, spread, tail_gap
from .pilot_results import BARE, FULL, SHOWN_SEED, Results
from .pilot_studies import papers_gain, studies
from .pilots import MISSING, Pilot
from .scales import SCALES

_ENCODERS = {"vpose": "VPose", "a3dhp": "A3DHP", "mixste": "MixSTE (4)"}
#: The paper's 2D that stands for ours.
_PAPERS_2D = {"gt": "gt", "noisy": "hr"}


def report(results: Results, more: Sequence[Table] = ()) -> Report:
    """All tables that can be made of what is there.

    Args:
        results: the measurements; those of the bare VPose on noisy 2D must be there.
        more: further tables, such as those by ambiguity.
    """
    tables = [_encoders(results), *studies(results), _by_action(results), _by_joint(results)]
    kept = [t for t in [*tables, *more] if t is not None and t.rows]
    return Report("mocap", _facts(results), kept)


def _facts(results: Results) -> dict[str, str]:
    """What holds for all tables, or tells how to read them."""
    first, known = results.need(BARE).first, results.known
    return {
        "data": f"motion corpus, split core, part test: {len(first.clips)} clips, "
        f"{int(first.frames.sum()) // 4} frames; 4 cameras of Human3.6M S9",
        "known classes": f"{known.sum()} of the {len(known)} clips; the class of the other "
        f"{(~known).sum()} is not in training, and no network can be told it: studies in which one "
        "was told are of the known ones alone, in all their rows",
        "scale": "small: networks, schedules and windows (81 frames) of ours; no reproduction",
        "networks": _networks(),
        "loss": "the encoder's own pose loss plus 0.1 times the cross-entropy of the action, as "
        "published, where a row says no other weight; that of MixSTE is weighted MPJPE, 2 times "
        "velocity and 0.5 times temporal consistency, and half the square of their total is "
        "minimised, as its released code does, beside the cross-entropy",
        "text encoder": "MiniLM where prompts are read, of which the embeddings are computed anew "
        f"every {SCALES['small'].prompts['text_every']}th step of training",
        "seeds": "a difference over several is of equal seeds only; where one is shown, it is seed "
        f"{SHOWN_SEED}",
        "differences": "with ActionPrompt minus without: negative is better",
        "action accuracy": "of one answer per clip (the likeliest class of the mean over windows "
        "of 81 frames), in classes with enough clips; the paper's is of every window",
        "intervals": f"95 %, paired bootstrap over clips ({RESAMPLES} resamples), cameras kept "
        "together; they say nothing of what other seeds would give",
        "tail": f"{', '.join(results.tail)}: the classes with the largest D-MPJPE of the bare "
        "VPose on the validation part",
        "paper": "gains on Human3.6M with 243 frames, for orientation: other data and size",
        "langlift": __version__,
    }


def _networks() -> str:
    """How much smaller than published they are."""
    small = SCALES["small"]
    wide = {name: small.models[name]["channels"] for name in small.models}
    return (
        f"VPose and A3DHP have {wide['vpose']} channels (published: 1024), MixSTE "
        f"{wide['mixste']} and DSTformer {wide['dstformer']} (512), DSTformer "
        f"{small.models['dstformer']['depth']} blocks (5); of ActionPrompt text embeddings have "
        f"{small.prompts['text_width']} channels (512), prompts {small.prompts['context']} learnt "
        f"words (16) and the pose decoder is {small.narrower} times narrower; no dropout in the "
        "encoders"
    )


def _encoders(results: Results) -> Table:
    """Bare against prompted, for every encoder and 2D."""
    names = {f"actionprompt-1-{e}-gt": (f"actionprompt-1-{e}-apm-gt", n)
             for e, n in _ENCODERS.items()}  # fmt: skip
    names["actionprompt-study-dstformer"] = ("actionprompt-study-dstformer-apm", "DSTformer")
    rows = []
    for bare_row, (row, name) in names.items():
        for source, theirs in _PAPERS_2D.items():
            both = results.pair(row, bare_row, source)
            if both is None:
                continue
            prompted, bare = both
            ends = [key.removesuffix("gt") + theirs for key in (row, bare_row)]
            tags = {
                "2D": source,
                "seeds": spread(prompted, bare, METRICS["MPJPE"]),
                "paper": papers_gain(*ends),
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


def _by_action(results: Results) -> Table | None:
    both = results.pair(FULL, BARE)
    if both is None:
        return None
    label = both[1].first.action
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
    prompted, bare = paired(results.need(FULL), results.need(BARE))
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
    both = results.pair(FULL, BARE)
    if both is None:
        return None
    prompted, bare = both
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
    both = results.pair(FULL, BARE, way="missing")
    if both is None:
        return None
    row = Row(
        "VPose",
        {"2D": "noisy", "missing": f"{MISSING:.0%} of the joints"},
        _pair(results, *both),
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
