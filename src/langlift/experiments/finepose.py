"""The poster tables of FinePOSE (Xu et al., CVPR 2024), and a study of its parts.

The figures of its own studies are not listed; the rows of ours add its parts one by one and leave
single ones out, measured without ground truth.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..protocols.published import PUBLISHED
from .experiment import Experiment, of_row
from .settings import (
    SEGMENTS,
    DiffusionSettings,
    EncoderSettings,
    PromptSettings,
    Settings,
    mixste_settings,
)

PAPER = "FinePOSE, CVPR 2024 (poster)"
_FINEPOSE = DiffusionSettings(
    text="prompts", segments=SEGMENTS, communication=True, stylisation=True, action="given"
)
_WITHOUT_ACTION = tuple(name for name in SEGMENTS if name != "action")
_METHODS: dict[str, tuple[str, Settings]] = {
    "VPose": ("vpose", EncoderSettings()),
    "MixSTE": ("mixste", mixste_settings()),
    "ActionPrompt": ("mixste+apm", PromptSettings("mixste", mixste_settings(depth=4))),
    "MotionBERT": ("dstformer", EncoderSettings(pretrained=True)),
    "D3DP": ("d3dp", DiffusionSettings()),
    "FinePOSE": ("finepose", _FINEPOSE),
}
#: Deployable: no truth at test.
_OURS = replace(_FINEPOSE, aggregation="P-Agg", action="predicted")
_NO_TEXT = DiffusionSettings(aggregation="P-Agg")
_WITHOUT_PARTS = ("subject", "action", "speed")
_WITHOUT_SPEED = tuple(name for name in SEGMENTS if name != "speed")
_PLAN: dict[str, tuple[str, DiffusionSettings]] = {
    "d3dp": ("D3DP", _NO_TEXT),
    "plain-prompt": ("+ a plain sentence, \"a person is {action}\"", replace(
        _NO_TEXT, text="plain", action="predicted")),
    "fpp": ("+ prompts (FPP)", replace(_OURS, communication=False, stylisation=False)),
    "fpp-fpc": ("+ prompts and communication (FPP, FPC)", replace(_OURS, stylisation=False)),
    "fpp-pts": ("+ prompts and stylisation (FPP, PTS)", replace(_OURS, communication=False)),
    "full": ("whole, the action predicted at test", _OURS),
    "without-action": ("prompt without the action", replace(
        _OURS, segments=_WITHOUT_ACTION, action="none")),
    "without-parts": ("prompt without parts of the body", replace(
        _OURS, segments=_WITHOUT_PARTS)),
    "without-speed": ("prompt without speed", replace(_OURS, segments=_WITHOUT_SPEED)),
    "wrong-action": ("a wrong action at test", replace(_OURS, action="wrong")),
    "given-action": ("the true action at test", replace(_OURS, action="given")),
}  # fmt: skip


def _of_poster(key: str) -> Experiment:
    row = PUBLISHED[key]
    method, settings = _METHODS.get(row.model, ("", EncoderSettings()))
    more: dict[str, Any] = {}
    if row.model == "FinePOSE" and row.origin.action == "none":
        # On MPI-INF-3DHP the prompt has no action; of EgoHumans that is inferred.
        settings = replace(_FINEPOSE, segments=_WITHOUT_ACTION, action="none")
    if row.protocol == "egohumans":
        note = "2D source and window are our choice"
        more = {"source": "exo", "frames": 243, "note": note}
    return of_row(key, method, settings, **more)


def _plan() -> list[Experiment]:
    return [
        Experiment(
            f"finepose-parts-{end}",
            PAPER,
            "langlift study",
            row,
            "d3dp" if settings.text == "none" else "finepose",
            "human36m",
            "cpn_ft_h36m_dbb",
            settings=settings,
            note="a study of ours; the figures of the paper's own are not listed",
        )
        for end, (row, settings) in _PLAN.items()
    ]


ROWS = (*(_of_poster(key) for key, row in PUBLISHED.items() if row.paper == PAPER), *_plan())
