"""Metrics: fixed values, invariances, what each one ignores and what it refuses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from langlift import metrics
from langlift.errors import InputError, ShapeError
from langlift.metrics import (
    acceleration_error,
    d_mpjpe,
    joint_errors,
    mpjpe,
    mpjve,
    n_mpjpe,
    pa_mpjpe,
    per_joint,
    per_part,
)
from langlift.skeletons import HUMAN36M_17, MPI_INF_3DHP_17, Skeleton

ALL = [mpjpe, pa_mpjpe, n_mpjpe, mpjve, acceleration_error, d_mpjpe]
LAG = {mpjve: 1, acceleration_error: 2}
seeds = st.integers(0, 100_000)


def pair():
    """A truth and a prediction whose errors were computed once with the official functions."""
    gt = np.random.RandomState(0).randn(5, 17, 3) * 0.3
    gt[:, 0] = 0
    return np.random.RandomState(1).randn(5, 17, 3) * 0.3, gt


def videos(seed, *shape):
    return np.random.default_rng(seed).normal(size=(*shape, 17, 3))


@pytest.mark.parametrize(
    ("metric", "value"),
    [(mpjpe, 0.647860), (pa_mpjpe, 0.429164), (n_mpjpe, 0.449884), (mpjve, 0.937705)],
)
def test_values_of_the_official_functions(metric, value):
    pred, gt = pair()
    assert metric(pred, gt) == pytest.approx(value, abs=5e-7)


@pytest.mark.parametrize("metric", ALL)
def test_a_perfect_prediction_has_no_error(metric):
    _, gt = pair()
    assert metric(gt, gt) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("metric", ALL)
def test_leading_axes_are_separate_videos(metric):
    pred, gt = videos(0, 2, 3, 6), videos(1, 2, 3, 6)
    means, frames = metric(pred, gt), metric(pred, gt, reduce="frame")
    assert means.shape == (2, 3)
    assert frames.shape == (2, 3, 6 - LAG.get(metric, 0))
    assert frames.mean(axis=-1) == pytest.approx(means)
    assert means[1, 2] == pytest.approx(float(metric(pred[1, 2], gt[1, 2])))
    assert np.ptp(frames) > 0.01


@pytest.mark.parametrize("metric", [mpjpe, pa_mpjpe, n_mpjpe, d_mpjpe])
def test_a_frame_knows_nothing_of_the_others(metric):
    pred, gt = pair()
    one = metric(pred[3:4], gt[3:4])
    assert metric(pred, gt, reduce="frame")[3] == pytest.approx(float(one))


@pytest.mark.parametrize("metric", ALL)
def test_float32_is_computed_in_float64(metric):
    pred, gt = (a.astype(np.float32) for a in pair())
    value = metric(pred, gt)
    assert value.dtype == np.float64
    assert value == metric(pred.astype(np.float64), gt.astype(np.float64))


@pytest.mark.parametrize("metric", ALL)
def test_the_inputs_are_left_alone(metric):
    pred, gt = pair()
    kept = pred.copy(), gt.copy()
    metric(pred, gt)
    mpjpe(pred, gt, zero_root=True)
    assert np.array_equal(pred, kept[0])
    assert np.array_equal(gt, kept[1])


def test_joint_errors_are_distances():
    gt = np.zeros((2, 3, 3))
    pred = gt.copy()
    pred[1, 2] = [3, 4, 12]
    assert joint_errors(pred, gt).tolist() == [[0, 0, 0], [0, 0, 13]]
    assert mpjpe(pred, gt) == pytest.approx(13 / 6)
    assert mpjpe(pred, gt, reduce="frame") == pytest.approx([0, 13 / 3])


def test_the_root_counts_unless_it_is_put_at_zero():
    pred, gt = pair()
    with_root, without = mpjpe(pred, gt), mpjpe(pred, gt, zero_root=True)
    root_error = np.linalg.norm(pred[:, 0], axis=-1).mean()
    assert with_root - without == pytest.approx(root_error / 17)
    gt[:, 14] = 0
    other = mpjpe(pred, gt, zero_root=True, root=14, reduce="frame")
    kept = np.delete(joint_errors(pred, gt), 14, axis=-1)
    assert other == pytest.approx(kept.sum(axis=-1) / 17)
    with pytest.raises(InputError, match="root is joint 17; it must be from 0 to 16"):
        mpjpe(pred, gt, zero_root=True, root=17)


@settings(deadline=None)
@given(seeds, st.floats(0.01, 100))
def test_pa_mpjpe_ignores_a_similarity_per_frame(seed, scale):
    pred, gt = videos(seed, 4), videos(seed + 1, 4)
    turns = Rotation.random(4, random_state=seed).as_matrix()
    shift = np.random.default_rng(seed).normal(size=(4, 1, 3))
    moved = scale * pred @ turns + shift
    assert pa_mpjpe(moved, gt) == pytest.approx(float(pa_mpjpe(pred, gt)), abs=1e-9)
    assert pa_mpjpe(scale * gt @ turns + shift, gt) == pytest.approx(0, abs=1e-9)


def test_pa_mpjpe_of_a_mirrored_pose_is_not_zero():
    _, gt = pair()
    assert pa_mpjpe(gt * [-1, 1, 1], gt) > 0.1


def test_pa_mpjpe_of_a_pose_without_extent():
    _, gt = pair()
    spread = np.linalg.norm(gt - gt.mean(axis=1, keepdims=True), axis=-1).mean()
    assert pa_mpjpe(np.full_like(gt, 0.1), gt) == pytest.approx(spread)


@settings(deadline=None)
@given(seeds)
def test_mpjpe_ignores_a_common_rotation_and_orders_with_its_relatives(seed):
    pred, gt = videos(seed, 3), videos(seed + 1, 3)
    turn = Rotation.random(random_state=seed).as_matrix()
    for metric in (mpjpe, pa_mpjpe, n_mpjpe, mpjve, acceleration_error):
        assert metric(pred @ turn, gt @ turn) == pytest.approx(float(metric(pred, gt)))
    assert (d_mpjpe(pred, gt, reduce="frame") <= mpjpe(pred, gt, reduce="frame")).all()


def test_n_mpjpe_ignores_a_scale_of_any_sign():
    pred, gt = pair()
    assert n_mpjpe(3 * gt, gt) == pytest.approx(0, abs=1e-12)
    assert n_mpjpe(-gt, gt) == pytest.approx(0, abs=1e-12), "the known quirk"
    assert n_mpjpe(-0.2 * pred, gt) == pytest.approx(float(n_mpjpe(pred, gt)))
    assert n_mpjpe(gt + 0.5, gt) > 0.1, "a translation is not forgiven"
    assert n_mpjpe(0 * gt, gt) == pytest.approx(float(mpjpe(0 * gt, gt)))


def test_mpjve_ignores_a_constant_offset_but_not_jitter():
    _, gt = pair()
    assert mpjve(gt + np.array([0.1, -2, 3]), gt) == pytest.approx(0, abs=1e-12)
    jitter = 0.01 * (-1.0) ** np.arange(5)
    assert mpjve(gt + jitter[:, None, None] * [1, 0, 0], gt) == pytest.approx(0.02)
    drift = 0.01 * np.arange(5)
    assert mpjve(gt + drift[:, None, None] * [0, 1, 0], gt) == pytest.approx(0.01)


def test_mpjve_of_one_frame_is_refused():
    pred, gt = pair()
    with pytest.raises(InputError, match="at least 2 frames, got 1"):
        mpjve(pred[:1], gt[:1])


def test_acceleration_ignores_an_even_movement_but_not_jitter():
    _, gt = pair()
    steady = gt + np.array([0.1, -2, 3]) + 0.01 * np.arange(5)[:, None, None] * [0, 1, 0]
    assert acceleration_error(steady, gt) == pytest.approx(0, abs=1e-12)
    jitter = 0.01 * (-1.0) ** np.arange(5)
    assert acceleration_error(gt + jitter[:, None, None] * [1, 0, 0], gt) == pytest.approx(0.04)
    falling = 0.5 * 0.02 * np.arange(5) ** 2
    moved = gt + falling[:, None, None] * [0, 0, 1]
    assert acceleration_error(moved, gt, reduce="frame") == pytest.approx([0.02] * 3)


def test_acceleration_of_two_frames_is_refused():
    pred, gt = pair()
    with pytest.raises(InputError, match=r"acceleration error needs .* at least 3 frames, got 2"):
        acceleration_error(pred[:2], gt[:2])


def test_every_joint_and_part_by_itself():
    gt = np.zeros((2, 4, 17, 3))
    pred = gt.copy()
    left_knee, head = HUMAN36M_17.index("left_knee"), HUMAN36M_17.index("head_top")
    pred[0, :, left_knee, 1] = 0.3
    pred[1, :2, head, 2] = 0.6
    joints = per_joint(pred, gt)
    assert joints.shape == (2, 17)
    assert joints[0] == pytest.approx(np.eye(17)[left_knee] * 0.3)
    assert joints[1] == pytest.approx(np.eye(17)[head] * 0.3)
    parts = per_part(pred, gt, HUMAN36M_17)
    assert list(parts) == ["torso_head", "right_leg", "left_leg", "left_arm", "right_arm"]
    assert parts["left_leg"] == pytest.approx([0.1, 0])
    assert parts["torso_head"] == pytest.approx([0, 0.06])
    assert all(not parts[part].any() for part in ("right_leg", "left_arm", "right_arm"))


@given(seeds)
@settings(deadline=None, max_examples=20)
def test_joints_and_parts_average_to_mpjpe(seed):
    pred, gt = videos(seed, 2, 3), videos(seed + 1, 2, 3)
    assert per_joint(pred, gt).mean(axis=-1) == pytest.approx(mpjpe(pred, gt))
    for skeleton in (HUMAN36M_17, MPI_INF_3DHP_17):
        weights = [len(joints) for joints in skeleton.parts.values()]
        parts = np.array(list(per_part(pred, gt, skeleton).values()))
        assert np.average(parts, axis=0, weights=weights) == pytest.approx(mpjpe(pred, gt))


def test_parts_that_a_skeleton_lacks_are_left_out_and_another_skeleton_refused():
    pred, gt = pair()
    trunk = Skeleton("trunk", ("pelvis", "left_hip"), (-1, 0), "pelvis")
    assert list(per_part(pred[:, :2], gt[:, :2], trunk)) == ["torso_head", "left_leg"]
    with pytest.raises(
        ShapeError, match=r"skeleton 'trunk' has shape \(17,\); it must be \(\*, 2\)"
    ):
        per_part(pred, gt, trunk)


def test_one_joint_off_by_17_mm_is_a_millimetre_of_mpi_inf_3dhp():
    _, gt = pair()
    gt[:, 14] = 0
    pred = gt.copy()
    pred[:, 3, 0] += 0.017
    assert 1000 * mpjpe(pred, gt) == pytest.approx(1.0)


def test_the_mean_of_d3dps_published_sequences():
    published = [30.4996, 24.4100, 10.5053, 23.5850, 29.2175, 51.1833]
    assert np.mean(published) == pytest.approx(28.2335, abs=5e-5)
    # Six sequences of one frame in which every joint is off by so much.
    gt = np.zeros((6, 1, 17, 3))
    pred = gt + np.array(published)[:, None, None, None] / 1000 * [0.6, 0, 0.8]
    assert 1000 * mpjpe(pred, gt).mean() == pytest.approx(28.2335, abs=5e-5)


def test_long_recordings_are_cut_into_blocks_without_seams(monkeypatch):
    pred, gt = videos(5, 2, 50), videos(6, 2, 50)
    whole = {metric: metric(pred, gt, reduce="frame") for metric in ALL}
    for numbers in (1, 7 * 51, 120 * 51):  # a frame at a time, 7 frames, 2 videos and a rest
        monkeypatch.setattr(metrics.blocks, "_BLOCK", numbers)
        for metric in ALL:
            found = metric(pred, gt, reduce="frame")
            assert np.allclose(found, whole[metric], rtol=1e-12), (metric.__name__, numbers)


def test_d_mpjpe_sees_only_depth():
    _, gt = pair()
    assert d_mpjpe(gt + np.array([5, -7, 0]), gt) == 0
    depth = np.array([0.1, -0.3, 0.1, -0.3, 0.1])
    moved = gt + depth[:, None, None] * [0, 0, 1]
    assert d_mpjpe(moved, gt, reduce="frame") == pytest.approx(np.abs(depth))
    assert d_mpjpe(moved, gt) == pytest.approx(0.18)


def test_frame_values_give_both_averages_of_an_unbalanced_set():
    # Nine frames of one action with 10 mm, one frame of another with 110 mm.
    gt = np.zeros((10, 17, 3))
    pred = gt.copy()
    pred[:9, :, 0], pred[9:, :, 0] = 0.010, 0.110
    action = np.array([0] * 9 + [1])
    frames = mpjpe(pred, gt, reduce="frame")
    assert frames.mean() == pytest.approx(0.020)
    assert np.mean([frames[action == k].mean() for k in (0, 1)]) == pytest.approx(0.060)


@pytest.mark.parametrize("metric", [*ALL, joint_errors, per_joint])
def test_unusable_poses_are_refused(metric):
    pred, gt = pair()
    with pytest.raises(
        ShapeError, match=r"pred has shape \(5, 17, 3\) but gt has shape \(1, 17, 3\)"
    ):
        metric(pred, gt[:1])
    with pytest.raises(ShapeError, match=r"pred has shape \(17, 3\); it must be \(\*, f, j, 3\)"):
        metric(pred[0], gt[0])
    with pytest.raises(ShapeError, match=r"pred has shape \(5, 17, 2\)"):
        metric(pred[..., :2], gt[..., :2])
    with pytest.raises(InputError, match=r"empty, of shape \(0, 17, 3\)"):
        metric(pred[:0], gt[:0])
    pred[2, 4, 1], pred[3, 1] = np.inf, np.nan
    with pytest.raises(InputError, match="pred has 2 joints with NaN or infinite values"):
        metric(pred, gt)


@pytest.mark.parametrize("metric", ALL)
def test_an_unknown_reduction_is_told_the_nearest(metric):
    pred, gt = pair()
    with pytest.raises(InputError, match=r"unknown reduce 'frames'.*did you mean 'frame'"):
        metric(pred, gt, reduce="frames")


def test_the_ambiguous_names_of_papers_are_not_used():
    assert not {"p1", "p2", "p3"} & {name.lower() for name in vars(metrics)}
