"""Whole evaluations by the command, on invented files in every official layout.

Every figure of a report is compared with one that is made by hand from what the lifter gives for
the files' recordings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_fixtures import Command
from evaluation_fixtures import by_hand, model, rooted, shown_by, values
from human36m_files import MOTIONS, write_human36m, write_motionbert
from humaneva_files import write_humaneva
from lifting_fixtures import LENS, person, track
from mpi_inf_3dhp_files import write_mpi_inf_3dhp
from pair_files import write_ego

from langlift.datasets.recordings import Recording
from langlift.datasets.registry import open_dataset
from langlift.formats import write_keypoints
from langlift.lifting.lifter import LiftOptions
from langlift.skeletons import HUMAN36M_17, HUMANEVA_15, MPI_INF_3DHP_17, Skeleton

SHOWN = {"PCK": 1.0, "AUC": 1.0}  # others are in metres
KEPT = LiftOptions(center=False)


@dataclass
class ByHand:
    """Values of every measure, frame by frame, and of every joint, with what they are of."""

    of: list[tuple[str, str, str, dict[str, np.ndarray]]] = field(default_factory=list)
    far: list[np.ndarray] = field(default_factory=list)

    def add(self, subject: str, sequence: str, label: str, pred: Any, gt: Any) -> None:
        self.of.append((subject, sequence, label, by_hand(pred, gt)))
        self.far.append(np.linalg.norm(pred - gt, axis=-1))

    def mean(self, measure: str, key: Callable[..., bool] = lambda *of: True) -> float:
        values = [v[measure] for *of, v in self.of if key(*of)]
        return float(np.concatenate(values).mean()) * SHOWN.get(measure, 1000.0)

    def mean_of_groups(self, measure: str, group: Callable[..., Any]) -> float:
        keys = dict.fromkeys(group(*of) for *of, _ in self.of)
        return float(np.mean([self.mean(measure, lambda *o, k=k: group(*o) == k) for k in keys]))


@pytest.fixture
def evaluate(capsys, tmp_path, monkeypatch):
    """Run the verb in a folder of its own; gives the report's tables by title."""
    monkeypatch.chdir(tmp_path)
    return partial(shown_by, Command(capsys))


def overall(report: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    return {row["tags"]["average"]: values(row) for row in report["Overall"]}


def check_joints(report: Mapping[str, Any], hand: ByHand, skeleton: Skeleton) -> None:
    means = np.concatenate(hand.far).mean(axis=0) * 1000
    (row,) = report["Mean distance by joint, frame means"]
    names = [joint.replace("_", " ") for joint in skeleton.joints]
    assert values(row) == pytest.approx(dict(zip(names, means, strict=True)), abs=1e-6)
    (row,) = report["Mean distance by part of the body, frame means"]
    legs = [j for j, name in enumerate(skeleton.joints) if name in (
        "left_hip", "left_knee", "left_ankle")]  # fmt: skip
    assert row["figures"]["left leg"]["value"] == pytest.approx(means[legs].mean(), abs=1e-6)


def close(got: Mapping[str, float], hand: Callable[[str], float], names: Sequence[str]) -> None:
    assert list(got) == list(names)
    assert got == pytest.approx({name: hand(name) for name in names}, abs=1e-6)


# One layout after the other.


H36M = ("MPJPE", "P-MPJPE", "N-MPJPE", "D-MPJPE", "MPJVE", "acceleration error")


def test_human36m(evaluate, tmp_path) -> None:
    write_human36m(tmp_path / "h36m", ("S9", "S11"), [*MOTIONS, "Walking 2"], frames=8)
    lifter = model(tmp_path / "m.safetensors", actions=("Walking", "Sitting"))
    report = evaluate("--protocol human36m --data h36m --model m.safetensors --source gt")
    hand, right = ByHand(), []
    for r in open_dataset("human36m", tmp_path / "h36m").recordings("gt"):
        motion = lifter.lift(r.keypoints, r.lens, KEPT)
        hand.add(r.subject, "", r.action, motion.joints, rooted(r.joints, 0))
        if r.action in ("Walking", "Sitting"):
            right.append(motion.action.label == r.action)  # type: ignore[union-attr]
    averages = overall(report)
    close(averages["action mean"], lambda m: hand.mean_of_groups(m, lambda s, q, a: a), H36M)
    close(averages["frame mean"], hand.mean, H36M)
    assert averages["action mean"]["MPJPE"] != pytest.approx(
        averages["frame mean"]["MPJPE"], abs=1e-3
    )
    tail = ("Posing", "SittingDown", "Sitting")
    close(
        averages["tail: mean of Posing, SittingDown, Sitting"],
        lambda m: float(np.mean([hand.mean(m, lambda s, q, a, t=t: a == t) for t in tail])),
        H36M,
    )
    assert "action accuracy" not in averages["frame mean"] and "recording mean" not in averages
    (row,) = report["Action accuracy, recording mean"]
    assert values(row) == {"action accuracy": pytest.approx(100 * np.mean(right))}
    assert row["tags"] == {"2D": "gt", "recordings": str(len(right))}
    (row,) = report["MPJPE by action, frame means"]
    assert list(row["figures"]) == list(MOTIONS)
    assert values(row) == pytest.approx(
        {a: hand.mean("MPJPE", lambda s, q, o, a=a: o == a) for a in MOTIONS}, abs=1e-6
    )
    each = report["By action, frame means"]
    assert [row["tags"]["action"] for row in each] == list(MOTIONS)
    for row in each:
        close(
            values(row),
            lambda m, k=row["tags"]["action"]: hand.mean(m, lambda s, q, a: a == k),
            H36M,
        )
    for row in report["By subject, frame means"]:
        subject = row["tags"]["subject"]
        close(values(row), lambda m, p=subject: hand.mean(m, lambda s, q, a: s == p), H36M)
    check_joints(report, hand, HUMAN36M_17)
    assert report["Overall"][0]["tags"]["recordings"] == "128"
    assert "S9/Directions (video 2 of 2)" in report["facts"]["not evaluated"]


def test_motionbert(evaluate, tmp_path) -> None:
    write_motionbert(tmp_path / "mb" / "h36m_sh_conf_cam_source_final.pkl", frames=20)
    lifter = model(tmp_path / "m.safetensors", method="dstformer", unit="screen")
    report = evaluate(
        "--protocol human36m-motionbert --data mb --model m.safetensors --actions Greeting,Walking"
    )
    hand: dict[str, list[np.ndarray]] = {"Greeting": [], "Walking": []}
    dataset = open_dataset("human36m-motionbert", tmp_path / "mb")
    used = 0
    for r in dataset.recordings("sh", ("S9", "S11")):
        if r.name.startswith("S9/Greeting 2/"):
            continue
        used += 1
        assert r.metres_per_unit is not None
        errors: list[list[dict[str, float]]] = [[] for _ in range(20)]
        for start in (0, 9, 11):
            at = np.arange(start, start + 9)
            points = r.keypoints.replaced(
                xy=r.keypoints.xy[at], confidence=r.keypoints.confidence[at]
            )
            own = lifter.lift(points, None, LiftOptions(sized=False)).joints.astype(np.float64)
            pred = rooted(own, 0) * r.metres_per_unit[at][:, None, None]
            found = by_hand(pred, rooted(r.joints, 0)[at])
            for n, t in enumerate(at):
                errors[t].append({m: found[m][n] for m in ("MPJPE", "P-MPJPE")})
        means = [[np.mean([e[m] for e in of]) for m in ("MPJPE", "P-MPJPE")] for of in errors]
        hand[r.action].append(1000 * np.array(means))
    assert used == 14
    averages = overall(report)
    per_action = [np.concatenate(of).mean(axis=0) for of in hand.values()]
    assert [*averages["action mean"].values()] == pytest.approx(np.mean(per_action, 0), abs=1e-6)
    frames = np.concatenate([f for of in hand.values() for f in of])
    assert [*averages["frame mean"].values()] == pytest.approx(frames.mean(axis=0), abs=1e-6)
    assert report["Overall"][0]["tags"]["frames"] == "280"


def test_humaneva(evaluate, tmp_path) -> None:
    (tmp_path / "he").mkdir()
    truth = write_humaneva(tmp_path / "he")
    lifter = model(tmp_path / "m.safetensors", HUMANEVA_15)
    report = evaluate("--protocol humaneva --data he --model m.safetensors --source gt")
    hand = ByHand()
    dataset = open_dataset("humaneva", tmp_path / "he")
    wanted = ("Validate/S1", "Validate/S2", "Validate/S3")
    for r in dataset.recordings("gt", wanted, ("Walking", "Jog")):
        np.testing.assert_allclose(r.joints, truth[r.name], atol=1e-6)
        gt = rooted(r.joints, 0)
        hand.add(r.subject, "", r.action, lifter.lift(r.keypoints, None, KEPT).joints, gt)
    names = ("MPJPE", "P-MPJPE", "D-MPJPE")
    averages = overall(report)
    close(
        averages["subject and action mean"],
        lambda m: hand.mean_of_groups(m, lambda s, q, a: (s, a)),
        names,
    )
    close(averages["frame mean"], hand.mean, names)
    assert [row["tags"]["measure"] for row in report["By subject and action, frame means"]] == [
        *names
    ]
    for row in report["By subject and action, frame means"]:
        expected = {
            f"{action} {subject[-2:]}": hand.mean(
                row["tags"]["measure"], lambda s, q, a, p=subject, o=action: (s, a) == (p, o)
            )
            for action in ("Walking", "Jog")
            for subject in wanted
        }
        assert list(row["figures"]) == list(expected)
        assert values(row) == pytest.approx(expected, abs=1e-6)
    check_joints(report, hand, HUMANEVA_15)


@pytest.mark.parametrize("layout", ["npz", "mat"])
@pytest.mark.parametrize("annotation", ["annot3", "univ"])
def test_mpi_inf_3dhp(evaluate, tmp_path, layout, annotation) -> None:
    (tmp_path / "3dhp").mkdir()
    truth = write_mpi_inf_3dhp(
        tmp_path / "3dhp", layout=layout, annotation=annotation, sequences=()
    )
    lifter = model(tmp_path / "m.safetensors", MPI_INF_3DHP_17)
    report = evaluate(
        f"--protocol mpi-inf-3dhp --data 3dhp --model m.safetensors --annotation {annotation}"
    )
    hand = ByHand()
    dataset = open_dataset("mpi-inf-3dhp", tmp_path / "3dhp", annotation=annotation)
    for r in dataset.recordings("gt"):
        kept = np.delete(np.arange(len(r)), [0, 3])
        pred = lifter.lift(r.keypoints, None, KEPT).joints.astype(np.float64)[kept]
        pred[:, 14] = 0
        np.testing.assert_allclose(r.joints[kept], truth[r.name][kept], atol=1e-6)
        gt = rooted(r.joints, 14)[kept]
        for t, at in enumerate(kept):
            label = str(r.labels[at])
            hand.add(r.subject, r.name, label, pred[t : t + 1], gt[t : t + 1])
    names = ("PCK", "AUC", "MPJPE")
    averages = overall(report)
    headlines = ["frame mean", "sequence mean"]
    assert list(averages) == (headlines if annotation == "univ" else headlines[::-1])
    close(
        averages["sequence mean"],
        lambda m: hand.mean_of_groups(m, lambda s, q, a: q),
        names,
    )
    close(averages["frame mean"], hand.mean, names)
    assert averages["frame mean"]["MPJPE"] != pytest.approx(averages["sequence mean"]["MPJPE"])
    if layout == "mat":  # the npz files name no activities
        (row,) = report["MPJPE by action, frame means"]
        labels = {a for _, _, a, _ in hand.of}
        assert len(labels) == 7
        assert values(row) == pytest.approx(
            {a: hand.mean("MPJPE", lambda s, q, o, a=a: o == a) for a in labels}, abs=1e-6
        )
    else:
        assert not [title for title in report if "by action" in title]
    check_joints(report, hand, MPI_INF_3DHP_17)
    facts = report["facts"]
    assert [name for name, value in facts.items() if value == annotation] == ["annotation"]
    published = [title for title in report if title.startswith("Published")]
    # All figures on annot3 are of several hypotheses, which this model has not.
    expected = "Published, same class (mpi-inf-3dhp, gt, univ, single, action not given)"
    assert published == ([expected] if annotation == "univ" else [])


def write_pair(path: Path, subject: str, action: str, seed: int, frames: int = 12) -> Recording:
    """A pair of 2D and 3D of one's own; returns what it holds."""
    points = track(frames, seed=seed)
    write_keypoints(points, path)
    joints = person(frames, seed).astype(np.float32)
    with np.load(path) as stored:
        arrays = dict(stored)
    np.savez(
        path, **arrays, joints_3d=joints, skeleton_3d="human36m_17", space="camera",
        subject=subject, action=action,
    )  # fmt: skip
    return Recording(path.stem, subject, action, points, joints, HUMAN36M_17)


def test_egohumans(evaluate, tmp_path) -> None:
    frames = {"ann": [0, 1, 2, 3, 6, 7], "bob": [*range(5)]}
    for name in ("01_tagging", "02_lego", "03_fencing"):
        write_ego(tmp_path / "ego" / f"{name}.npz", frames, sequence=name)
    lifter = model(tmp_path / "m.safetensors")
    report = evaluate("--protocol egohumans --data ego --model m.safetensors")
    hand = ByHand()
    for r in open_dataset("egohumans", tmp_path / "ego").recordings("given"):
        pred = rooted(lifter.lift(r.keypoints, None, KEPT).joints, 0)[r.counted]
        hand.add(r.subject, r.name, r.action, pred, rooted(r.joints, 0)[r.counted])
    averages, names = overall(report), ("MPJPE", "P-MPJPE")
    close(averages["action mean"], lambda m: hand.mean_of_groups(m, lambda s, q, a: a), names)
    close(averages["frame mean"], hand.mean, names)
    (row,) = report["MPJPE by action, frame means"]
    assert list(row["figures"]) == ["tagging", "lego", "fencing"]
    assert report["Overall"][0]["tags"]["frames"] == "33"


def test_custom(evaluate, tmp_path) -> None:
    (tmp_path / "own").mkdir()
    pairs = [
        write_pair(tmp_path / "own" / f"{subject}_{action}.npz", subject, action, n, 10 + n)
        for n, (subject, action) in enumerate([("ann", "wave"), ("ann", "bow"), ("bob", "bow")])
    ]
    lifter = model(tmp_path / "m.safetensors")
    report = evaluate("--protocol custom --data own --model m.safetensors")
    hand = ByHand()
    for r in pairs:
        pred = rooted(lifter.lift(r.keypoints, None, KEPT).joints, 0)
        hand.add(r.subject, r.name, r.action, pred, rooted(r.joints, 0))
    averages = overall(report)
    close(averages["sequence mean"], lambda m: hand.mean_of_groups(m, lambda s, q, a: q), H36M)
    close(averages["frame mean"], hand.mean, H36M)
    (row,) = report["MPJPE by action, frame means"]
    assert values(row) == pytest.approx(
        {a: hand.mean("MPJPE", lambda s, q, o, a=a: o == a) for a in ("bow", "wave")}, abs=1e-6
    )
    rows = report["By sequence, frame means"]
    assert [row["tags"]["sequence"] for row in rows] == [
        "ann/ann_bow", "ann/ann_wave", "bob/bob_bow",
    ]  # fmt: skip
    assert not [title for title in report if title.startswith("Published")]
    assert LENS.image_size == pairs[0].keypoints.image_size
