"""Alignment: against scipy's solvers, by invariances, and the degenerate poses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import orthogonal_procrustes
from scipy.spatial.transform import Rotation

from langlift.errors import InputError, ShapeError
from langlift.geometry import Similarity, procrustes, scale_to, similarity

seeds = st.integers(0, 100_000)


def poses(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


@settings(deadline=None)
@given(seeds, st.floats(0.01, 100))
def test_a_transformed_pose_is_brought_back(seed, scale):
    target = poses(seed, 17, 3)
    turn = Rotation.random(random_state=seed).as_matrix()
    source = scale * target @ turn.T + poses(seed + 1, 3)
    found = similarity(source, target)
    assert procrustes(source, target) == pytest.approx(target, abs=1e-10)
    assert found.scale == pytest.approx(1 / scale)
    assert found.rotation == pytest.approx(turn.T, abs=1e-10)


@settings(deadline=None)
@given(seeds, st.booleans())
def test_the_rotation_agrees_with_scipy(seed, mirrored):
    target = poses(seed, 17, 3)
    source = (
        target * [-1, 1, 1] + 0.05 * poses(seed + 1, 17, 3)
        if mirrored
        else (poses(seed + 2, 17, 3))
    )
    a, b = source - source.mean(0), target - target.mean(0)
    found = similarity(source, target)
    best, _ = Rotation.align_vectors(b, a)
    assert found.rotation == pytest.approx(best.as_matrix(), abs=1e-6)
    assert np.linalg.det(found.rotation) == pytest.approx(1)
    orthogonal, total = orthogonal_procrustes(a, b)  # allows reflections
    if np.linalg.det(orthogonal) > 0:
        assert not mirrored
        assert found.rotation == pytest.approx(orthogonal.T, abs=1e-9)
        assert found.scale == pytest.approx(total / (a**2).sum())
    else:
        assert found.scale < total / (a**2).sum()


@settings(deadline=None)
@given(seeds)
def test_no_nearby_similarity_is_better(seed):
    source, target = poses(seed, 17, 3), poses(seed + 1, 17, 3)
    found = similarity(source, target)
    least = ((found.apply(source) - target) ** 2).sum()
    for n in range(5):
        nudge = 1e-3 * poses(seed + 10 + n, 7)
        near = Similarity(
            found.scale * (1 + nudge[0]),
            Rotation.from_rotvec(nudge[1:4]).as_matrix() @ found.rotation,
            found.translation + nudge[4:],
        )
        assert ((near.apply(source) - target) ** 2).sum() >= least


def test_every_pose_of_a_batch_is_aligned_on_its_own():
    source, target = poses(0, 2, 4, 17, 3), poses(1, 2, 4, 17, 3)
    aligned, found = procrustes(source, target), similarity(source, target)
    assert found.scale.shape == (2, 4)
    assert found.rotation.shape == (2, 4, 3, 3)
    assert found.translation.shape == (2, 4, 3)
    assert aligned[1, 2] == pytest.approx(procrustes(source[1, 2], target[1, 2]), abs=1e-12)
    assert aligned.mean(axis=-2) == pytest.approx(target.mean(axis=-2), abs=1e-12)


def test_coinciding_source_joints_land_on_the_mean_of_the_target():
    target = poses(3, 2, 17, 3)
    source = np.stack([np.full((17, 3), 0.1), poses(4, 17, 3)])  # 0.1 does not centre to exact 0
    found = similarity(source, target)
    assert found.scale[0] == 1
    assert found.rotation[0].tolist() == np.eye(3).tolist()
    mean = np.tile(target[0].mean(0), (17, 1))
    assert found.apply(source)[0] == pytest.approx(mean, abs=1e-12)
    assert found.apply(source)[1] == pytest.approx(procrustes(source[1], target[1]), abs=1e-12)
    assert procrustes(np.zeros((17, 3)), target[0]) == pytest.approx(mean, abs=1e-12)


def test_coinciding_target_joints_shrink_the_source_to_a_point():
    target = np.full((17, 3), 0.25)
    found = similarity(poses(5, 17, 3), target)
    assert found.scale == pytest.approx(0, abs=1e-15)
    assert found.apply(poses(5, 17, 3)) == pytest.approx(target, abs=1e-12)


def test_a_very_small_pose_is_no_point():
    target = poses(6, 17, 3)
    assert procrustes(1e-9 * target + 0.5e-8, target) == pytest.approx(target, abs=1e-5)


def test_joints_on_a_line_and_in_a_plane_are_aligned():
    line = np.linspace(-1, 1, 6)[:, None] * [1.0, 0, 0]
    turned = 3 * line[:, [1, 2, 0]] + 5
    assert procrustes(line, turned) == pytest.approx(turned, abs=1e-12)
    plane = poses(7, 9, 3) * [1, 1, 0]
    mirrored = plane * [-1, 1, 1]  # in a plane a mirror image is half a turn about an axis in it
    assert procrustes(plane, mirrored) == pytest.approx(mirrored, abs=1e-12)
    assert np.linalg.det(similarity(plane, mirrored).rotation) == pytest.approx(1)


def test_a_mirrored_pose_is_not_reached():
    target = poses(8, 17, 3)
    left = procrustes(target * [-1, 1, 1], target)
    assert np.linalg.norm(left - target, axis=-1).mean() > 0.1


@settings(deadline=None)
@given(seeds, st.floats(-10, 10).filter(lambda s: abs(s) > 0.01))
def test_scaling_finds_the_factor_also_when_negative(seed, factor):
    target = poses(seed, 3, 17, 3)
    assert scale_to(factor * target, target) == pytest.approx(target, abs=1e-10)


def test_the_scaled_pose_is_the_least_squares_one():
    source, target = poses(9, 17, 3), poses(10, 17, 3)
    (factor,), *_ = np.linalg.lstsq(source.reshape(-1, 1), target.ravel())
    assert scale_to(source, target) == pytest.approx(factor * source, abs=1e-12)


def test_a_pose_of_zeros_stays_zero_when_scaled():
    assert not scale_to(np.zeros((2, 17, 3)), poses(11, 2, 17, 3)).any()


@pytest.mark.parametrize("function", [similarity, procrustes, scale_to])
def test_unusable_poses_are_refused(function):
    good = np.ones((4, 17, 3))
    with pytest.raises(
        ShapeError, match=r"source has shape \(17, 3\) but target has shape \(4, 17, 3\)"
    ):
        function(good[0], good)
    with pytest.raises(ShapeError, match=r"source has shape \(4, 17, 2\); it must be"):
        function(good[..., :2], good[..., :2])
    with pytest.raises(InputError, match="target has 1 joints with NaN or infinite values"):
        function(good, np.where(np.arange(204).reshape(good.shape) == 7, np.nan, good))
    with pytest.raises(InputError, match=r"are empty, of shape \(4, 0, 3\)"):
        function(good[:, :0], good[:, :0])
