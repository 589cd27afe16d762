"""Tables I to IX of ActionPrompt (Zheng et al., ICME 2023), 52 rows, and a study of ours."""

from __future__ import annotations

from typing import Any

from ..protocols.published import actionprompt
from .experiment import Experiment, of_row
from .settings import Encoder, EncoderSettings, PromptSettings, mixste_settings

_BARE = EncoderSettings()
#: Its MixSTE has half the depth, to save memory.
_ENCODERS: dict[Encoder, EncoderSettings] = {
    "vpose": _BARE,
    "a3dhp": _BARE,
    "mixste": mixste_settings(depth=4),
}
#: Of HumanEva neither the 2D source nor the window is stated: the detections of VPose's own table,
#: and the windows of each encoder's (A3DHP's code runs with 243 frames only; ours also with 27).
_HUMANEVA_SOURCE = "detectron_pt_coco"
_HUMANEVA_FRAMES: dict[Encoder, int] = {"vpose": 27, "a3dhp": 27, "mixste": 43}
_LABEL_APP = PromptSettings(text="one-hot", pose_to_text=False)


def _encoders() -> list[Experiment]:
    """Tables I and II."""
    rows = []
    for encoder, bare in _ENCODERS.items():
        prompted = PromptSettings(encoder, bare)
        for end in ("gt", "hr"):
            rows.append(of_row(f"actionprompt-1-{encoder}-{end}", encoder, bare))
            rows.append(of_row(f"actionprompt-1-{encoder}-apm-{end}", prompted.method, prompted))
        chosen: dict[str, Any] = {
            "source": _HUMANEVA_SOURCE,
            "frames": _HUMANEVA_FRAMES[encoder],
            "note": "2D source and window are our choice; detections of 17 joints are converted to "
            "the 15 of the truth before the network sees them; Walking and Jog only",
        }
        rows.append(of_row(f"actionprompt-2-{encoder}", encoder, bare, **chosen))
        rows.append(of_row(f"actionprompt-2-{encoder}-apm", prompted.method, prompted, **chosen))
    return sorted(rows, key=lambda row: row.name.split("-")[1])


def _prompted(**settings: Any) -> PromptSettings:
    return PromptSettings(**settings)


def _text(**settings: Any) -> PromptSettings:
    """Without pose prompts: the action branch alone."""
    return PromptSettings(pose_prompts=False, **settings)


#: Tables III to IX by the end of the row's key; None is the encoder alone.
_STUDIES: dict[str, PromptSettings | None] = {
    "3-baseline": None,
    "3-label": _text(text="one-hot", pose_to_text=False),
    "3-atp": _text(),
    "3-label-app": _LABEL_APP,
    "3-full": _prompted(),
    "4-baseline": None,
    "4-gp": _text(projector="pooling", pose_to_text=False),
    "4-tcn": _text(pose_to_text=False),
    "4-gp-p2t": _text(projector="pooling"),
    "4-tcn-p2t": _text(),
    "5-one-hot": _LABEL_APP,
    "5-embeddings": _prompted(text="embeddings"),
    "5-atp": _prompted(),
    **{f"6-{n}-{end}": _text() if end == "atp" else None
       for n in (9, 27, 81, 243) for end in ("baseline", "atp")},
    **{f"7-layer-{tap}": _text(tap=tap) for tap in (5, 4, 3, 2, 1)},
    "8-given": PromptSettings(text="one-hot", pose_to_text=False, label="given"),
    "8-predicted": _LABEL_APP,
    **{f"9-d{d}-c{c}-l{n}": _prompted(layers=d, width=c, prompts=n)
       for d, c, n in (
           (1, 256, 81), (4, 256, 81), (1, 128, 81), (1, 1024, 81), (1, 256, 27), (1, 256, 243),
       )},
}  # fmt: skip


def _study(end: str, row: str, settings: PromptSettings | EncoderSettings) -> Experiment:
    """A row of ours, on the data and with the window of the paper's tables."""
    method = settings.method if isinstance(settings, PromptSettings) else "dstformer"
    return Experiment(
        f"actionprompt-study-{end}",
        actionprompt.PAPER,
        "langlift study",
        row,
        method,
        "human36m",
        "gt",
        frames=9 if end == "short" else 243,
        settings=settings,
        note="a study of ours; the paper has no such row",
    )


_PLAN: tuple[tuple[str, str, PromptSettings | EncoderSettings], ...] = (
    ("random", "random embeddings that do not learn", _prompted(text="random")),
    ("minilm", "prompts read by MiniLM", _prompted(text="minilm")),
    ("class-context", "prompts of each class by itself", _prompted(class_context=True)),
    ("template", "a sentence instead of learnt words", _prompted(template="a person is {}")),
    ("weighted", "pose prompts weighted by the probabilities", _prompted(choice="weighted")),
    ("label-dropout", "half of the labels predicted in training", _prompted(label_dropout=0.5)),
    ("shuffled", "trained on shuffled labels (control)", _prompted(labels="shuffled")),
    ("temperature", "cosines divided by 0.1", _prompted(temperature=0.1)),
    ("weight", "a tenth of the action's weight", _prompted(action_weight=0.01)),
    ("short", "windows of 9 frames", _prompted()),
    ("dstformer", "DSTformer", _BARE),
    ("dstformer-apm", "DSTformer + APM", _prompted(encoder="dstformer")),
)

ROWS = (
    *_encoders(),
    *(
        of_row(f"actionprompt-{end}", settings.method if settings else "vpose", settings or _BARE)
        for end, settings in _STUDIES.items()
    ),
    *(_study(*line) for line in _PLAN),
)
