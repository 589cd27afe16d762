"""Sums over recordings and the averages that papers make of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from evaluation_fixtures import MEASURED, by_hand

from langlift.errors import InputError
from langlift.protocols.measures import MEASURES
from langlift.protocols.scores import (
    Piece,
    Score,
    average,
    joint_means,
    mean_of,
    summed,
    tail_mean,
)
from langlift.skeletons import HUMAN36M_17, MPI_INF_3DHP_17


def motions(frames: int = 12, joints: int = 17) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    gt = rng.normal(0, 0.3, (frames, joints, 3))
    return gt + rng.normal(0, 0.05, gt.shape), gt


def piece(pred, gt, weight=None, labels="a") -> Piece:
    weight = np.ones(len(gt)) if weight is None else np.asarray(weight, float)
    return Piece(pred, gt, weight, np.broadcast_to(np.asarray(labels), len(gt)))


def score(subject: str, label: str, value: float, frames: int = 1, sequence: str = "") -> Score:
    sums = {label: {"MPJPE": (value * frames, float(frames))}}
    return Score("r", subject, sequence or subject, frames, sums, (value * frames,), float(frames))


@pytest.mark.parametrize("name", MEASURES)
def test_sums_are_those_by_hand(name: str) -> None:
    pred, gt = motions()
    sums, _, _ = summed([piece(pred, gt)], [name], MPI_INF_3DHP_17)
    expected = by_hand(pred, gt)[name]
    assert len(expected) == len(gt) - MEASURES[name].lag
    assert sums["a"][name] == pytest.approx((expected.sum(), len(expected)), abs=1e-9)


def test_frames_that_do_not_count_are_in_no_sum() -> None:
    """A difference counts where all its frames do: around frame 5 five of eleven do not."""
    pred, gt = motions()
    weight = np.ones(12)
    weight[5] = 0
    spoilt = pred.copy()
    spoilt[5] = 1e6
    sums, joints, total = summed([piece(spoilt, gt, weight)], MEASURED, HUMAN36M_17)
    hand = by_hand(pred, gt)
    kept = {0: np.delete(range(12), 5), 1: np.delete(range(11), [4, 5])}
    kept[2] = np.delete(range(10), [3, 4, 5])
    for name in MEASURED:
        values = hand[name][kept[MEASURES[name].lag]]
        assert sums["a"][name] == pytest.approx((values.sum(), len(values)), abs=1e-6)
    assert total == 11
    far = np.linalg.norm(pred - gt, axis=-1)
    assert joints == pytest.approx(np.delete(far, 5, axis=0).sum(axis=0))


def test_labels_are_of_frames_and_a_difference_is_of_its_last_one() -> None:
    pred, gt = motions()
    labels = ["a"] * 7 + ["b"] * 5
    sums, _, _ = summed([piece(pred, gt, labels=labels)], MEASURED, HUMAN36M_17)
    hand = by_hand(pred, gt)
    for name in MEASURED:
        lag = MEASURES[name].lag
        assert sums["a"][name] == pytest.approx((hand[name][: 7 - lag].sum(), 7 - lag))
        assert sums["b"][name] == pytest.approx((hand[name][7 - lag :].sum(), 5))


def test_pieces_are_not_compared_with_each_other_and_short_ones_have_no_velocity() -> None:
    pred, gt = motions()
    cuts = [slice(0, 6), slice(6, 11), slice(11, 12)]
    pieces = [piece(pred[c], gt[c]) for c in cuts]
    sums, _, _ = summed(pieces, ["MPJVE", "MPJPE"], HUMAN36M_17)
    velocity = by_hand(pred, gt)["MPJVE"]
    assert sums["a"]["MPJVE"] == pytest.approx((np.delete(velocity, [5, 10]).sum(), 9))
    assert sums["a"]["MPJPE"][1] == 12


def test_a_frame_counts_by_its_weight() -> None:
    pred, gt = motions(4)
    sums, _, total = summed([piece(pred, gt, [0.5, 1, 0.5, 0.5])], ["MPJPE", "MPJVE"], HUMAN36M_17)
    hand = by_hand(pred, gt)
    assert sums["a"]["MPJPE"] == pytest.approx((hand["MPJPE"] @ [0.5, 1, 0.5, 0.5], 2.5))
    assert sums["a"]["MPJVE"] == pytest.approx((hand["MPJVE"] @ [0.5, 0.5, 0.5], 1.5))
    assert total == 2.5


def test_one_joint_off_by_17_mm_is_one_millimetre_over_17_joints() -> None:
    _, gt = motions()
    pred = gt.copy()
    pred[:, 4, 0] += 0.017
    sums, _, _ = summed([piece(pred, gt)], ["MPJPE", "PCK", "AUC"], MPI_INF_3DHP_17)
    total, weight = sums["a"]["MPJPE"]
    assert 1000 * total / weight == pytest.approx(1.0)
    assert sums["a"]["PCK"][0] / weight == 100


@pytest.mark.parametrize(
    ("off", "pck", "auc"), [(0.0, 100, 96.7742), (0.1499, 100, 3.2258), (0.15, 0, 0)]
)
def test_pck_and_auc_are_those_of_the_evaluator(off: float, pck: float, auc: float) -> None:
    gt = np.zeros((3, 17, 3))
    pred = gt.copy()
    pred[..., 1] += off
    sums, _, _ = summed([piece(pred, gt)], ["PCK", "AUC"], MPI_INF_3DHP_17)
    shares = {name: total / weight for name, (total, weight) in sums["a"].items()}
    assert shares == pytest.approx({"PCK": pck, "AUC": auc}, abs=1e-4)


def test_pck_needs_the_joints_that_it_counts() -> None:
    pred, gt = motions()
    with pytest.raises(InputError, match="neck"):
        summed([piece(pred, gt)], ["PCK"], HUMAN36M_17)


def test_the_sequence_mean_is_the_one_that_d3dp_published() -> None:
    sequences = (30.4996, 24.4100, 10.5053, 23.5850, 29.2175, 51.1833)
    scores = [score(f"TS{n}", "", v, frames=100 * n) for n, v in enumerate(sequences, 1)]
    assert average(scores, "MPJPE", "sequence") == pytest.approx(28.2335, abs=5e-5)
    assert average(scores, "MPJPE", "frame") != pytest.approx(28.2335, abs=1)


def test_action_mean_and_frame_mean_differ_where_actions_are_unbalanced() -> None:
    scores = [score("S9", "Walking", 10, 90), score("S9", "Sitting", 50, 10)]
    assert average(scores, "MPJPE", "action") == pytest.approx(30)
    assert average(scores, "MPJPE", "frame") == pytest.approx(14)


def test_a_group_is_weighed_by_frames_inside_and_not_outside() -> None:
    scores = [
        score("S1", "Walking", 10, 30, "S1/Walking 1"),
        score("S1", "Walking", 20, 10, "S1/Walking 2"),
        score("S2", "Walking", 40, 5, "S2/Walking 1"),
        score("S1", "Jog", 60, 1, "S1/Jog 1"),
    ]
    assert average(scores, "MPJPE", "subject and action") == pytest.approx((12.5 + 40 + 60) / 3)
    assert average(scores, "MPJPE", "action") == pytest.approx((700 / 45 + 60) / 2)
    assert average(scores, "MPJPE", "sequence") == pytest.approx((10 + 20 + 40 + 60) / 4)
    assert average(scores, "MPJVE", "sequence") is None


def test_the_tail_is_the_mean_of_its_actions_and_needs_all_of_them() -> None:
    scores = [score("S9", "Posing", 10, 9), score("S9", "Sitting", 30, 1), score("S9", "Eat", 90)]
    assert tail_mean(scores, "MPJPE", ("Posing", "Sitting")) == pytest.approx(20)
    assert tail_mean(scores, "MPJPE", ("Posing", "Sitting", "SittingDown")) is None


def test_means_of_joints_and_of_choices() -> None:
    scores = [score("S1", "a", 1.0, 3), score("S2", "b", 5.0, 1)]
    assert joint_means(scores) == pytest.approx([2.0])
    assert mean_of(scores, "MPJPE", lambda s, label: s.subject == "S2") == 5
    assert mean_of(scores, "MPJPE", lambda s, label: label == "c") is None


def test_a_score_is_what_its_content_says() -> None:
    whole = replace(score("S1", "a", 1 / 3, 7), named=(1.0, 1.0), notes=("x",))
    assert Score.from_content(whole.content()) == whole
