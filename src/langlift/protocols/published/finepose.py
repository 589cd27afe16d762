"""The tables on the poster of FinePOSE (Xu et al., CVPR 2024).

The poster sets side by side what is not comparable: single answers and the best of 20 hypotheses
by the truth (D3DP, FinePOSE), two sets of labels of MPI-INF-3DHP, two protocols of Human3.6M
(MotionBERT's is its own). FinePOSE moreover is told the true action on Human3.6M, and its weights
were chosen on the test subjects. Here each row says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ...datasets.recorded.human36m import ACTIONS
from ..origin import Origin
from .row import Published, named, numbers

PAPER = "FinePOSE, CVPR 2024 (poster)"

#: Columns of its table of Human3.6M.
COLUMNS = ACTIONS
_CHOSEN = Origin(selection="test")
_D3DP = Origin(aggregation="J-Best", selection="test")
_FINEPOSE = Origin("given", "J-Best", "test")
_HYPOTHESES = "20 hypotheses, 10 steps"
#: Parameters: those of FinePOSE that are trained on Human3.6M with 243 frames; CLIP's text tower
#: (ViT-B/32: tokens, positions, 12 blocks, last norm, projection); the whole of CLIP, whose vision
#: tower FinePOSE carries unused.
TRAINED = 49_312_771
TEXT_TOWER = 49_408 * 512 + 77 * 512 + 12 * 3_152_384 + 1_024 + 512 * 512
CLIP = 151_277_313
_MEAN = "how the hypotheses were averaged"
_LABELS = "the set of labels"


@dataclass(frozen=True)
class _Model:
    """What all rows of a model have in common."""

    source: str = "detected"
    origin: Origin = field(default_factory=Origin)
    frames: int | None = None
    protocol: str = "human36m"
    inferred: str = ""
    note: str = ""


_MODELS = {
    "VPose": _Model("cpn_ft_h36m_dbb", frames=243),
    "SRNet": _Model(),
    "RIE": _Model(),
    "Anatomy": _Model(),
    "P-STMO": _Model(),
    "MixSTE": _Model("hr", _CHOSEN, 243, note="HRNet's 2D; on CPN's it is 40.9"),
    "PoseFormerV2": _Model(),
    "MHFormer": _Model(),
    "DiffPose": _Model(inferred=_MEAN),
    "GLA-GCN": _Model(),
    "ActionPrompt": _Model("hr", Origin("predicted"), 243, note="MixSTE of 4 pairs + APM"),
    "MotionBERT": _Model("sh", _CHOSEN, 243, "human36m-motionbert", note="finetuned"),
    "D3DP": _Model("cpn_ft_h36m_dbb", _D3DP, 243, note=_HYPOTHESES),
    "FinePOSE": _Model(
        *("cpn_ft_h36m_dbb", _FINEPOSE, 243),
        note=f"{_HYPOTHESES}; {TRAINED / 1e6:.1f} million parameters are trained, beside "
        f"{TEXT_TOWER / 1e6:.1f} million of CLIP's text tower "
        f"({(TRAINED + CLIP) / 1e6:.1f} million in all with its vision tower)",
    ),
}
_DETECTED = {
    "VPose": "45.2 46.7 43.3 45.6 48.1 55.1 44.6 44.3 57.3 65.8 47.1 44.0 49.0 32.8 33.9 46.8",
    "SRNet": "46.6 47.1 43.9 41.6 45.8 49.6 46.5 40.0 53.4 61.1 46.1 42.6 43.1 31.5 32.6 44.8",
    "RIE": "40.8 44.5 41.4 42.7 46.3 55.6 41.8 41.9 53.7 60.8 45.0 41.5 44.8 30.8 31.9 44.3",
    "Anatomy": "41.4 43.5 40.1 42.9 46.6 51.9 41.7 42.3 53.9 60.2 45.4 41.7 46.0 31.5 32.7 44.1",
    "P-STMO": "38.9 42.7 40.4 41.1 45.6 49.7 40.9 39.9 55.5 59.4 44.9 42.2 42.7 29.4 29.4 42.8",
    "MixSTE": "36.7 39.0 36.5 39.4 40.2 44.9 39.8 36.9 47.9 54.8 39.6 37.8 39.3 29.7 30.6 39.8",
    "PoseFormerV2": "- - - - - - - - - - - - - - - 45.2",
    "MHFormer": "39.2 43.1 40.1 40.9 44.9 51.2 40.6 41.3 53.5 60.3 43.7 41.1 43.8 29.8 30.6 43.0",
    "DiffPose": "33.2 36.6 33.0 35.6 37.6 45.1 35.7 35.5 46.4 49.9 37.3 35.6 36.5 24.4 24.1 36.9",
    "GLA-GCN": "41.3 44.3 40.8 41.8 45.9 54.1 42.1 41.5 57.8 62.9 45.0 42.8 45.9 29.4 29.9 44.4",
    "ActionPrompt": (
        "37.7 40.2 39.8 40.6 43.1 48.0 38.8 38.9 50.8 63.2 42.0 40.0 42.0 30.5 31.6 41.8"
    ),
    "MotionBERT": "36.1 37.5 35.8 32.1 40.3 46.3 36.1 35.3 46.9 53.9 39.5 36.3 35.8 25.1 25.3 37.5",
    "D3DP": "33.0 34.8 31.7 33.1 37.5 43.7 34.8 33.6 45.7 47.8 37.0 35.0 35.0 24.3 24.1 35.4",
    "FinePOSE": "31.4 31.5 28.8 29.7 34.3 36.5 29.2 30.0 42.0 42.5 33.3 31.9 31.4 22.6 22.7 31.9",
}
#: Rows whose printed mean is not that of their columns.
_ODD_MEANS = {"MixSTE": "39.54", "DiffPose": "36.43"}
_TRUE_2D = {
    "VPose": (243, "37.8 -"),
    "Anatomy": (243, "32.3 -"),
    "P-STMO": (243, "29.3 -"),
    "MixSTE": (243, "21.6 -"),
    "PoseFormerV2": (243, "35.5 -"),
    "MHFormer": (351, "30.5 -"),
    "DiffPose": (243, "18.9 -"),
    "GLA-GCN": (243, "21.0 17.6"),
    "ActionPrompt": (243, "22.7 -"),
    "MotionBERT": (243, "16.9 -"),
    "D3DP": (243, "18.4 -"),
    "FinePOSE": (243, "16.7 12.7"),
}
#: MPI-INF-3DHP: frames, PCK, AUC, MPJPE; labels, and whether the table's reader had to conclude
#: which they are.
_3DHP = {
    "VPose": (81, "86.0 51.9 84.0", "univ", ""),
    "Anatomy": (81, "87.9 54.0 78.8", "univ", ""),
    "P-STMO": (81, "97.9 75.8 32.2", "univ", ""),
    "MixSTE": (27, "94.4 66.5 54.9", "univ", _LABELS),
    "PoseFormerV2": (81, "97.9 78.8 27.8", "univ", ""),
    "MHFormer": (9, "93.8 63.3 58.0", "univ", _LABELS),
    "DiffPose": (81, "98.0 75.9 29.1", "univ", f"{_LABELS} and {_MEAN}"),
    "GLA-GCN": (81, "98.5 79.1 27.8", "univ", _LABELS),
    "D3DP": (243, "98.0 79.1 28.1", "annot3", ""),
    "FinePOSE": (243, "98.7 79.7 26.8", "annot3", ""),
}
_EGOHUMANS = {"D3DP": "30.7 29.0 46.6 35.4", "FinePOSE": "30.0 26.7 46.2 34.3"}


def _row(key: str, table: str, model: str, **more: Any) -> Published:
    return Published(f"finepose-{key}-{model.lower()}", PAPER, table, model, **more)


def _detected() -> list[Published]:
    rows = []
    for model, printed in _DETECTED.items():
        *actions, mean = numbers(printed)
        of = _MODELS[model]
        odd = f"mean of its columns: {_ODD_MEANS[model]}" if model in _ODD_MEANS else ""
        rows.append(
            _row(
                "human36m-detected",
                "Human3.6M, detected 2D",
                model,
                protocol=of.protocol,
                source=of.source,
                figures=named(("MPJPE",), [mean]),
                frames=of.frames,
                actions=named(COLUMNS, actions),
                origin=of.origin,
                inferred=of.inferred,
                note="; ".join(part for part in (of.note, odd) if part),
            )
        )
    return rows


def _true_2d() -> list[Published]:
    notes = {"MixSTE": ""}
    return [
        _row(
            "human36m-gt",
            "Human3.6M, true 2D",
            model,
            protocol=_MODELS[model].protocol,
            source="gt",
            figures=named(("MPJPE", "P-MPJPE"), numbers(figures)),
            frames=frames,
            origin=_MODELS[model].origin,
            inferred=_MODELS[model].inferred,
            note=notes.get(model, _MODELS[model].note),
        )
        for model, (frames, figures) in _TRUE_2D.items()
    ]


def _3dhp() -> list[Published]:
    rows = []
    for model, (frames, figures, variant, inferred) in _3DHP.items():
        origin = _MODELS[model].origin
        if model == "FinePOSE":  # its text names no action here
            origin = _D3DP
        rows.append(
            _row(
                "mpi-inf-3dhp",
                "MPI-INF-3DHP, true 2D",
                model,
                protocol="mpi-inf-3dhp",
                source="gt",
                figures=named(("PCK", "AUC", "MPJPE"), numbers(figures)),
                frames=frames,
                variant=variant,
                average="sequence" if variant == "annot3" else "frame",
                origin=origin,
                inferred=inferred,
                note=_HYPOTHESES if origin == _D3DP else "",
            )
        )
    return rows


def _egohumans() -> list[Published]:
    rows = []
    for model, printed in _EGOHUMANS.items():
        *activities, mean = numbers(printed)
        rows.append(
            _row(
                "egohumans",
                "EgoHumans",
                model,
                protocol="egohumans",
                source="not stated",
                figures=named(("MPJPE",), [mean]),
                actions=named(("tagging", "lego", "fencing"), activities),
                origin=_D3DP,
                inferred="whether the true action is given" if model == "FinePOSE" else "",
                note="the authors' preparation of the data is not published",
            )
        )
    return rows


ROWS = (*_detected(), *_true_2d(), *_3dhp(), *_egohumans())
