"""What the tests of evaluations share: films in memory, tiny models, and every measure by hand.

The measures here are written from the papers' definitions, joint by joint, and use nothing of
`langlift.metrics`.
"""

from __future__ import annotations

import gc
import json
import math
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from cli_fixtures import Command
from lifting_fixtures import LENS, person, randomised, track
from scipy.spatial.transform import Rotation

from langlift.actions import ActionVocabulary
from langlift.datasets.recordings import Entry, RecordedDataset, Recording
from langlift.lifting.bundle import Bundle, save_bundle
from langlift.lifting.features import FeatureConfig
from langlift.lifting.lifter import Lifter
from langlift.methods import METHODS
from langlift.protocols.catalogue import PROTOCOLS
from langlift.protocols.evaluation import EvaluationOptions, evaluate_recordings, plan
from langlift.protocols.recorded import Request, evaluate_recorded
from langlift.protocols.report import Report
from langlift.skeletons import HUMAN36M_17, Skeleton

MEASURED = ("MPJPE", "P-MPJPE", "N-MPJPE", "D-MPJPE", "MPJVE", "acceleration error")
LAG = {"MPJVE": 1, "acceleration error": 2}
#: Joints of MPI-INF-3DHP that its evaluator counts: all but pelvis, spine and head.
FOURTEEN = tuple(range(14))
#: A protocol of the two actions of `four`.
SPEC = replace(PROTOCOLS["human36m"], actions=("Walking", "Sitting"), sources=("gt",), tail=())


def film(name: str, action: str = "Walking", frames: int = 20, seed: int = 0, **changes: Any):
    """A recording of a swaying person 5 m in front of a known lens; named subject/key/camera."""
    subject, _, _ = name.split("/")
    return Recording(
        name=name,
        subject=subject,
        action=action,
        keypoints=track(frames, seed=seed),
        joints=person(frames, seed).astype(np.float32),
        skeleton=HUMAN36M_17,
        camera="lens",
        lens=LENS,
        **changes,
    )


class Films(RecordedDataset):
    """Recordings in memory, each made when it is asked for.

    Args:
        makers: name of the recording to what makes it.
        expected: what `expected` says.
    """

    name = "human36m"
    skeleton = HUMAN36M_17
    fps = 50.0
    path = Path("films")

    def __init__(
        self,
        makers: Mapping[str, Callable[[], Recording]],
        expected: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.makers = dict(makers)
        self._expected = expected or {}
        made = {name: make() for name, make in self.makers.items()}
        self._entries = [
            Entry(
                name, r.subject, name.split("/")[1], r.action, "lens", len(r), {"gt": len(r)}
            )
            for name, r in made.items()
        ]  # fmt: skip

    def sources(self) -> tuple[str, ...]:
        return ("gt",)

    def _listed(self, sources, subjects) -> Sequence[Entry]:
        return self._entries

    def expected(self) -> Mapping[str, Sequence[str]]:
        return self._expected

    def _read(self, entry, source) -> Recording | None:
        return self.makers[entry.name]()


class Fleeting(Films):
    """Films that fail when an earlier one is still in memory as the next is asked for."""

    def recordings(self, source, subjects=None, actions=None) -> Iterator[Recording]:
        earlier: list[tuple[str, Any]] = []
        for name, make in self.makers.items():
            gc.collect()
            held = [n for n, reference in earlier if reference() is not None]
            assert held == [], f"still in memory: {held}"
            recording = make()
            earlier.append((name, weakref.ref(recording)))
            yield recording
            del recording


def films(*recordings: Recording, **options: Any) -> Films:
    """A dataset of these recordings."""
    return Films({r.name: (lambda r=r: r) for r in recordings}, **options)


def tiny(method: str = "vpose", actions: tuple[str, ...] = (), seed: int = 0, **fields: Any):
    """A lifter of a tiny network: 9 frames, random weights, screen features."""
    sizes: dict[str, dict[str, Any]] = {
        "vpose": {"widths": (3, 3), "channels": 8, "dropout": 0.0},
        "mixste": {"frames": 9, "channels": 8, "depth": 2, "heads": 2, "drop_path": 0.0},
        "dstformer": {
            "frames": 9, "channels": 8, "representation": 8, "depth": 1, "heads": 2,
        },
    }  # fmt: skip
    config = METHODS[method].config(**sizes[method])
    options: dict[str, Any] = {"features": FeatureConfig("screen"), **fields}
    bundle = Bundle(method, config, actions=ActionVocabulary(actions), **options)
    network = randomised(bundle.build(), seed).eval()
    with torch.no_grad():
        for name, value in network.named_parameters():
            if "embedding.weight" in name:  # or the places of joints and frames drown the input
                value.mul_(20)
    return Lifter(bundle, network, "tiny", f"digest{seed}")


def by_hand(pred: np.ndarray, gt: np.ndarray) -> dict[str, np.ndarray]:
    """Every measure of one video, frame by frame: metres, or per cent for PCK and AUC.

    Args:
        pred: (f, j, 3) metres.
        gt: (f, j, 3) metres.
    """
    pred, gt = pred.astype(np.float64), gt.astype(np.float64)
    frames = range(len(gt))
    far = np.array([[math.dist(p, g) for p, g in zip(pred[t], gt[t], strict=True)] for t in frames])
    scored = far[:, list(FOURTEEN)]
    steps = [np.diff(pred - gt, n=n, axis=0) for n in (1, 2)]
    return {
        "MPJPE": far.mean(axis=1),
        "P-MPJPE": np.array([aligned_error(pred[t], gt[t]) for t in frames]),
        "N-MPJPE": np.array([scaled_error(pred[t], gt[t]) for t in frames]),
        "D-MPJPE": np.abs(pred[..., 2] - gt[..., 2]).mean(axis=1),
        "MPJVE": np.sqrt((steps[0] ** 2).sum(axis=-1)).mean(axis=-1),
        "acceleration error": np.sqrt((steps[1] ** 2).sum(axis=-1)).mean(axis=-1),
        "PCK": 100.0 * (scored < 0.150).mean(axis=1),
        "AUC": 100.0
        * np.mean([(scored < mm / 1000).mean(axis=1) for mm in range(0, 151, 5)], axis=0),
    }


def aligned_error(pred: np.ndarray, gt: np.ndarray) -> float:
    """Mean distance after the best rotation, translation and scale, without reflection."""
    fixed, moved = gt - gt.mean(axis=0), pred - pred.mean(axis=0)
    turned = Rotation.align_vectors(fixed, moved)[0].apply(moved)
    scale = (turned * fixed).sum() / (turned**2).sum()
    return float(np.linalg.norm(scale * turned - fixed, axis=1).mean())


def scaled_error(pred: np.ndarray, gt: np.ndarray) -> float:
    """Mean distance after the best scale about the origin."""
    scale = (gt * pred).sum() / (pred * pred).sum()
    return float(np.linalg.norm(scale * pred - gt, axis=1).mean())


def rooted(joints: np.ndarray, root: int) -> np.ndarray:
    """(f, j, 3) relative to a joint, float64."""
    joints = joints.astype(np.float64)
    return joints - joints[:, root : root + 1]


def four():
    """Two subjects of the test, two actions, of unequal lengths."""
    return [
        film("S9/Walking 1/lens", "Walking", 20, seed=1),
        film("S9/Sitting 1/lens", "Sitting", 7, seed=2),
        film("S11/Walking 1/lens", "Walking", 12, seed=3),
        film("S11/Sitting 2/lens", "Sitting", 1, seed=4),
        film("S8/Walking 1/lens", "Walking", 5, seed=5),
    ]


def scores_of(lifter, dataset, spec=SPEC, options=EvaluationOptions(), **more):  # noqa: B008
    """The scores of one model."""
    chosen = plan(dataset, spec, None, options)
    return evaluate_recordings({"tiny": (lifter, "fp32")}, dataset, spec, chosen, **more)["tiny"]


def report_of(out: Path | None = None, resume: bool = False, lifter=None, **request):
    asked = Request("human36m", Path("x"), **request)
    return evaluate_recorded({"m": lifter or tiny()}, asked, out=out, resume=resume)


def model(path: Path, skeleton: Skeleton = HUMAN36M_17, **fields: Any) -> Lifter:
    """A tiny model, saved and read back; the file's name is the model's."""
    lifter = tiny(**fields)
    bundle, state = lifter.bundle, lifter.network.state_dict()
    if skeleton != HUMAN36M_17:
        count = len(skeleton)
        config = METHODS["vpose"].config(
            widths=(3, 3), channels=8, dropout=0.0, joints_in=count, joints_out=count
        )
        bundle = Bundle("vpose", config, bundle.features, bundle.actions, 50.0, skeleton)
        state = randomised(bundle.build()).state_dict()
    save_bundle(path, bundle, state)
    return Lifter.from_file(path)


def shown_by(langlift: Command, line: str) -> Mapping[str, Any]:
    """Run the verb; gives the report's tables by title, and its facts."""
    said = langlift("evaluate", *line.split(), "--json")
    assert (said.status, said.err) == (0, "")
    content = json.loads(said.out)
    assert Report.from_content(content).content() == content
    return {t["title"]: t["rows"] for t in content["tables"]} | {"facts": content["facts"]}


def values(row: Mapping[str, Any]) -> dict[str, float]:
    return {name: figure["value"] for name, figure in row["figures"].items()}
