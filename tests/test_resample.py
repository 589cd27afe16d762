"""Between frame rates: known positions and values, nothing seen gets lost, nothing is invented."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langlift.lifting.resample import frame_times, resample_joints, resample_points

RATES = (12.5, 23.976, 25.0, 29.97, 30.0, 50.0, 59.94, 60.0, 120.0, 240.0)


def ramp(frames: int, joints: int = 2) -> np.ndarray:
    """(f, j, 2) points that move steadily: 10 j + f to the right, -f down."""
    f, j = np.arange(frames)[:, None], np.arange(joints)
    return np.stack([10.0 * j + f, -f + 0.0 * j], axis=-1)


@pytest.mark.parametrize(
    ("frames", "fps_from", "fps_to", "expected"),
    [
        (4, 25, 50, [0, 0.5, 1, 1.5, 2, 2.5, 3]),
        (4, 100, 50, [0, 2, 3]),
        (5, 240, 50, [0, 4]),
        (6, 240, 50, [0, 4.8, 5]),
        (5, 100, 50, [0, 2, 4]),
        (4, 30, 50, [0, 0.6, 1.2, 1.8, 2.4, 3.0]),
        (1, 12.5, 50, [0]),
        (3, 50, 50, [0, 1, 2]),
    ],
)
def test_frame_times_have_their_known_values(frames, fps_from, fps_to, expected):
    assert frame_times(frames, fps_from, fps_to) == pytest.approx(expected)


@settings(deadline=None)
@given(st.integers(1, 2000), st.sampled_from(RATES), st.sampled_from(RATES))
def test_both_rates_have_the_first_and_the_last_frame(frames, fps_from, fps_to):
    at = frame_times(frames, fps_from, fps_to)
    steps = np.diff(at)
    assert at[0] == 0 and at[-1] == pytest.approx(frames - 1, abs=1e-6)
    assert at[-1] <= frames - 1
    assert steps[:-1] == pytest.approx(fps_from / fps_to)
    assert (steps > 0).all() and (steps <= fps_from / fps_to + 1e-6).all()


def test_steady_motion_stays_steady():
    at = frame_times(20, 30, 50)
    joints = resample_joints(ramp(20), at)
    assert joints[:, 1, 0] == pytest.approx(10 + at)
    assert joints[:, 1, 1] == pytest.approx(-at)


def test_halving_the_rate_takes_every_second_frame():
    joints = np.random.default_rng(0).normal(size=(9, 17, 3)).astype(np.float32)
    halved = resample_joints(joints, frame_times(9, 50, 25))
    assert np.array_equal(halved, joints[::2]) and halved.dtype == np.float32
    assert np.array_equal(resample_joints(joints, np.arange(9)), joints)


def test_joints_are_held_beyond_the_ends():
    joints = ramp(3)
    assert np.array_equal(resample_joints(joints, np.array([-2.0, 2.5, 9.0])), joints[[0, 2, 2]])


@pytest.mark.parametrize("fps", [12.5, 25.0, 59.94, 120.0])
def test_there_and_back_is_the_same_steady_motion(fps):
    there = resample_joints(ramp(40), frame_times(40, fps, 50.0))
    back = resample_joints(there, np.arange(40) * (50.0 / fps))
    held = int(np.ceil(fps / 50.0))  # frames after the last one of the other rate
    assert back[:-held] == pytest.approx(ramp(40)[:-held])
    assert np.abs(back - ramp(40)).max() < fps / 50.0


@pytest.mark.parametrize("fps", [59.94, 120.0, 240.0])
@pytest.mark.parametrize("frames", [2, 3, 7, 238, 239, 240, 241])
def test_no_two_frames_of_a_fast_clip_hold_the_same_pose(frames, fps):
    """The last frames lie after the last regular frame of the lower rate and still differ."""
    there = resample_joints(ramp(frames), frame_times(frames, fps, 50.0))
    back = resample_joints(there, np.arange(frames) * (50.0 / fps))
    assert (np.diff(back[:, 0, 0]) > 0.05).all()


def test_points_that_are_all_seen_are_interpolated_like_joints():
    at = frame_times(10, 30, 50)
    points, found = resample_points(ramp(10), np.ones((10, 2), dtype=bool), at)
    assert found.all()
    assert points == pytest.approx(resample_joints(ramp(10), at))


def test_a_gap_stays_a_gap():
    seen = np.ones((6, 2), dtype=bool)
    seen[2:4, 1] = False
    xy = np.where(seen[..., None], ramp(6), np.nan)
    points, found = resample_points(xy, seen, frame_times(6, 25, 50))
    assert found[:, 0].all()
    assert found[:, 1].tolist() == [True] * 3 + [False] * 5 + [True] * 3
    assert points == pytest.approx(resample_joints(ramp(6), frame_times(6, 25, 50)))


def test_what_is_not_seen_changes_nothing():
    seen = np.random.default_rng(1).random((30, 2)) < 0.6
    at = frame_times(30, 29.97, 50)
    results = [
        resample_points(np.where(seen[..., None], ramp(30), value), seen, at)
        for value in (0.0, 1e6, np.nan)
    ]
    for points, found in results[1:]:
        assert np.array_equal(found, results[0][1])
        assert np.array_equal(points, results[0][0])


@pytest.mark.parametrize("fps", RATES)
def test_a_detector_that_skips_every_second_frame_is_not_ignored(fps):
    # Between such frames no two neighbours are ever seen together, whatever the rate.
    seen = np.zeros((120, 2), dtype=bool)
    seen[::2] = True
    xy = np.where(seen[..., None], ramp(120), np.nan)
    at = frame_times(120, fps, 50.0)
    points, found = resample_points(xy, seen, at)
    nearest = np.unique(np.abs(at[None] - np.arange(0, 120, 2)[:, None]).argmin(axis=1))
    assert found[nearest].all()
    held = np.minimum(at, 118)
    assert points[:, 0, 0] == pytest.approx(held)


@settings(deadline=None)
@given(
    st.integers(1, 80),
    st.sampled_from(RATES),
    st.floats(0, 1),
    st.integers(0, 2**32 - 1),
)
def test_no_joint_that_was_seen_is_lost(frames, fps, share, seed):
    seen = np.random.default_rng(seed).random((frames, 2)) < share
    at = frame_times(frames, fps, 50.0)
    points, found = resample_points(ramp(frames), seen, at)
    assert found.shape == (len(at), 2) and points.shape == (len(at), 2, 2)
    assert np.array_equal(found.any(axis=0), seen.any(axis=0))
    assert np.isfinite(points).all()
    whole = at == np.round(at)
    assert found[whole][seen[at[whole].astype(int)]].all()


def test_a_joint_seen_only_where_the_lower_rate_has_no_frame_is_kept():
    seen = np.zeros((8, 2), dtype=bool)
    seen[3, 0] = True  # new frames are at 0, 2.4, 4.8 and 7
    points, found = resample_points(ramp(8), seen, frame_times(8, 120, 50))
    assert found[:, 0].tolist() == [False, True, False, False] and not found[:, 1].any()
    assert points[1, 0].tolist() == [3.0, -3.0]
    assert not points[:, 1].any()
