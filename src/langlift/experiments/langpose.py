"""LangPose (Liao and Zheng, WACV 2026): its two headline rows and ten of a study of ours.

Only the headline figures are listed; those of its own studies are not.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .experiment import MOCAP_WITH_TEXTS, Experiment, of_row
from .settings import EncoderSettings, PretrainingSettings, Settings

PAPER = "LangPose, WACV 2026"
_ALL = PretrainingSettings()
_MASKS = PretrainingSettings(alignment="none", parts=False, windows=False)
_ALIGNED = replace(_MASKS, alignment="text")
_PLAN: tuple[tuple[str, str, Settings], ...] = (
    ("r1", "from scratch", EncoderSettings()),
    ("r2", "+ pretraining with masked joints and frames", _MASKS),
    ("r3", "+ alignment with text", _ALIGNED),
    ("r4", "+ masked parts of the body", replace(_ALIGNED, parts=True)),
    ("r5", "+ masked spans of time", replace(_ALIGNED, windows=True)),
    ("r6", "all", _ALL),
    ("r7", "one-hot actions instead of text", replace(_ALL, alignment="one-hot")),
    ("r8", "labels act_cat instead of raw_label", replace(_ALL, labels="act_cat")),
    ("r9", "joints and spans missing at test", replace(_ALL, measured="missing")),
    ("r10", "actions found by their text", replace(_ALL, measured="retrieval")),
)


def _plan(end: str, row: str, settings: Settings) -> Experiment:
    pretrained = isinstance(settings, PretrainingSettings)
    return Experiment(
        f"langpose-{end}",
        PAPER,
        "langlift study",
        f"{end.upper()} {row}",
        "langpose" if pretrained else "dstformer",
        "human36m-motionbert",
        "sh",
        settings=settings,
        extra=MOCAP_WITH_TEXTS if pretrained else "",
        note="a study of ours; the figures of the paper's own are not listed",
    )


_HEADLINE: dict[str, Any] = {"extra": MOCAP_WITH_TEXTS, "settings": _ALL}
ROWS = (
    of_row(
        "langpose-human36m",
        "langpose",
        **{"source": "sh", "frames": 243, "note": "2D source and window are our choice"},
        **_HEADLINE,
    ),
    of_row(
        "langpose-mpi-inf-3dhp",
        "langpose",
        **{"frames": 81, "note": "the window is our choice"},
        **_HEADLINE,
    ),
    *(_plan(*line) for line in _PLAN),
)
