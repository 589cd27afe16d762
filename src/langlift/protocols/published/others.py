"""Figures of the encoders' own papers and repositories, and of networks published since.

A row that repeats one on FinePOSE's poster is left out here unless it adds a figure.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from ..origin import Origin
from .row import Published, ReadIn

_H36M, _MB, _3DHP = "human36m", "human36m-motionbert", "mpi-inf-3dhp"
_CPN = "cpn_ft_h36m_dbb"
#: The total of the MATLAB evaluator, over all frames, as P-STMO and those who follow it report it.
_UNIV: dict[str, Any] = {"variant": "univ", "average": "frame"}
_CHOSEN = Origin(selection="test")
_FROM_WEIGHTS = "read from the names of released weights"


@dataclass(frozen=True)
class _Paper:
    """What the rows of a paper have in common."""

    key: str
    paper: str
    model: str
    read_in: ReadIn = "repository"
    frames: int | None = None
    origin: Origin = field(default_factory=Origin)
    sizes: dict[str, float] = field(default_factory=dict)

    def row(self, end: str, protocol: str, source: str, p1: float, **more: Any) -> Published:
        """A row: its `figures` are the MPJPE, those in `more` and the sizes of the network."""
        figures = {"MPJPE": p1, **more.pop("figures", {}), **self.sizes}
        common: dict[str, Any] = {
            "read_in": self.read_in,
            "frames": self.frames,
            "origin": self.origin,
            "table": "results",
        }
        return Published(
            f"{self.key}-{end}",
            paper=self.paper,
            model=self.model,
            protocol=protocol,
            source=source,
            figures=figures,
            **common | more,
        )


def _vpose() -> list[Published]:
    of = _Paper("vpose", "VideoPose3D, CVPR 2019", "VPose", frames=243)
    whole = replace(of, sizes={"parameters": 16.95})
    again = _Paper("vpose-mmpose", "MMPose, runs of its own", "VPose")
    return [
        whole.row("cpn-243", _H36M, _CPN, 46.8, figures={"P-MPJPE": 36.5}),
        of.row(
            *("cpn-true-boxes-243", _H36M, "CPN in true boxes", 47.1),
            figures={"P-MPJPE": 36.8},
        ),
        of.row("cpn-81", _H36M, _CPN, 47.7, figures={"P-MPJPE": 37.2}, frames=81),
        of.row("cpn-27", _H36M, _CPN, 48.8, figures={"P-MPJPE": 38.0}, frames=27),
        of.row("mask-r-cnn-243", _H36M, "detectron_ft_h36m", 51.6, figures={"P-MPJPE": 40.3}),
        of.row("gt-243", _H36M, "gt", 37.2, figures={"P-MPJPE": 27.2}, note="the paper has 37.8"),
        of.row(
            *("humaneva-27", "humaneva", "not stated", 33.0),
            frames=27,
            inferred="that it is the MPJPE",
            note="mean of Walking, Jog and Box",
        ),
        again.row("gt-27", _H36M, "gt", 40.1, figures={"P-MPJPE": 30.1}, frames=27),
        again.row("gt-81", _H36M, "gt", 39.1, figures={"P-MPJPE": 29.3}, frames=81),
        again.row("gt-243", _H36M, "gt", 37.6, figures={"P-MPJPE": 28.3}, frames=243),
        again.row("cpn-1", _H36M, _CPN, 53.0, figures={"P-MPJPE": 41.3}, frames=1),
        again.row("cpn-243", _H36M, _CPN, 47.9, figures={"P-MPJPE": 38.0}, frames=243),
    ]


def _mixste() -> list[Published]:
    # The index and later papers quote 33.6 million parameters; the network has 33.78.
    sizes = {"parameters": 33.8, "MACs": 139.0}
    of = _Paper("mixste", "MixSTE, CVPR 2022", "MixSTE", "index", 243, _CHOSEN, sizes)
    return [of.row("cpn-243", _H36M, _CPN, 40.9)]


def _motionbert() -> list[Published]:
    sizes = {"parameters": 42.5, "MACs": 174.8}
    of = _Paper("motionbert", "MotionBERT, ICCV 2023", "MotionBERT", "repository", 243, _CHOSEN)
    of = replace(of, sizes=sizes)
    scratch = replace(of, model="MotionBERT, from scratch")
    finetuned = replace(of, model="MotionBERT, finetuned")
    return [
        scratch.row("scratch-sh", _MB, "sh", 39.2),
        finetuned.row("finetuned-sh", _MB, "sh", 37.2, note="the paper has 37.5"),
        scratch.row("scratch-gt", _MB, "gt", 17.8, read_in="index"),
    ]


def _motionagformer() -> list[Published]:
    rows = []
    for size, frames, parameters, macs, detected, true, third in (
        ("XS", 27, 2.2, 1.0, None, 28.1, {"MPJPE": 19.2}),
        ("S", 81, 4.8, 6.6, None, 26.5, {"MPJPE": 17.1, "PCK": 98.3, "AUC": 84.5}),
        ("B", 243, 11.7, 48.3, 38.4, 19.4, {"MPJPE": 18.2, "AUC": 84.2}),
        ("L", 243, 19.0, 78.3, 38.4, 17.3, {"MPJPE": 16.2, "PCK": 98.2, "AUC": 85.3}),
    ):
        model = f"MotionAGFormer-{size}"
        sizes = {"parameters": parameters, "MACs": macs}
        of = _Paper(model.lower(), "MotionAGFormer, WACV 2024", model, "repository", frames)
        of = replace(of, sizes=sizes)
        if detected is not None:
            rows.append(of.row("sh", _MB, "sh", detected))
        rows.append(of.row("gt", _MB, "gt", true))
        alone = replace(of, frames=None, sizes={})
        p1 = third["MPJPE"]
        rows.append(alone.row("3dhp", _3DHP, "gt", p1, figures=third, **_UNIV))
    return rows


def _ktpformer() -> list[Published]:
    of = _Paper("ktpformer", "KTPFormer, CVPR 2024", "KTPFormer")
    best = Origin(aggregation="J-Best")
    return [
        of.row("cpn", _H36M, _CPN, 40.1),
        replace(of, model="KTPFormer with D3DP").row(
            *("cpn-j-best", _H36M, _CPN, 33.0), origin=best, note="20 hypotheses, 10 steps"
        ),
        of.row("gt", _H36M, "gt", 19.0, read_in="index"),
        of.row("3dhp", _3DHP, "gt", 16.7, read_in="index", **_UNIV),
    ]


def _posemamba() -> list[Published]:
    rows = []
    for size, parameters, macs, detected, true in (
        ("S", 0.9, 3.6, 41.8, 20.0),
        ("B", 3.4, 13.9, 40.8, 16.8),
        ("L", 6.7, 27.9, 38.1, 15.6),
    ):
        model = f"PoseMamba-{size}"
        sizes = {"parameters": parameters, "MACs": macs}
        of = _Paper(model.lower(), "PoseMamba, AAAI 2025", model, "repository", 243, sizes=sizes)
        rows += [of.row("sh", _MB, "sh", detected), of.row("gt", _MB, "gt", true)]
    return rows


def _recent() -> list[Published]:
    tcp = _Paper("tcpformer", "TCPFormer, AAAI 2025", "TCPFormer", "index")
    lg3d = _Paper("lg3dpose", "LG3DPose", "LG3DPose")
    prgcn = _Paper("prgcn", "PRGCN, 2025", "PRGCN", "paper")
    third: dict[str, Any] = {"protocol": _3DHP, "source": "gt", **_UNIV}
    abstract: dict[str, Any] = {"table": "abstract", "inferred": "the protocol"}
    return [
        tcp.row("sh", _MB, "sh", 37.9, figures={"P-MPJPE": 31.7}),
        tcp.row("gt", _MB, "gt", 15.5),
        tcp.row("3dhp-81", p1=15.0, figures={"PCK": 99.0, "AUC": 87.7}, frames=81, **third),
        tcp.row("3dhp-27", p1=17.8, figures={"PCK": 98.7, "AUC": 86.5}, frames=27, **third),
        lg3d.row("sh", _MB, "sh", 37.7, note=_FROM_WEIGHTS),
        lg3d.row("3dhp", p1=16.4, note=_FROM_WEIGHTS, **third),
        prgcn.row("human36m", _H36M, "detected", 37.1, **abstract),
        prgcn.row("3dhp", p1=13.4, **third, **abstract),
    ]


ROWS = (
    *_vpose(),
    *_mixste(),
    *_motionbert(),
    *_motionagformer(),
    *_ktpformer(),
    *_posemamba(),
    *_recent(),
)
