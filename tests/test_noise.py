"""Detector noise: its statistics are those of the published table, its size that of the person."""

import numpy as np
import pytest

from langlift.datasets import noise
from langlift.datasets.noise import (
    KEY_FRAME_EVERY,
    REFERENCE_HEIGHT,
    add_detector_noise,
    confidence_of,
    noise_offsets,
    stature,
)
from langlift.datasets.synthetic import synthetic_clip
from langlift.errors import ShapeError
from langlift.skeletons import COCO_17, HUMAN36M_17

# MotionBERT's fit, typed in a second time: mean x, y, deviation x, y, weight of the Gaussian.
TABLE = """
 .00081  .00021 .00366 .00357 .9987
-.00015  .00200 .00713 .00511 .9670
 .00204 -.00151 .00608 .00500 .8896
 .00094  .00091 .00895 .00529 .8938
 .00187 -.00070 .00672 .00533 .9746
 .00193 -.00520 .00701 .00492 .8767
 .00089 -.00187 .00951 .00563 .8210
 .00247  .00233 .00659 .00497 .9578
 .00214 -.00651 .00549 .00531 .9183
 .00166  .00166 .00534 .00488 .9679
 .00084  .00159 .00342 .00349 .9841
 .00079 -.00462 .00801 .00609 .8910
 .00150  .00030 .00517 .00475 .8016
 .00116  .00163 .00499 .00509 .7028
 .00210 -.00317 .00782 .00793 .8809
 .00168 -.00033 .00601 .00572 .8246
 .00166  .00132 .00537 .00568 .7287
"""
ROWS = np.array([line.split() for line in TABLE.strip().splitlines()], dtype=float)
MEAN, DEVIATION, WEIGHT = ROWS[:, :2], ROWS[:, 2:4], ROWS[:, 4]
HALF_RANGE, JITTER = 0.03, 0.002
N = 100_000


@pytest.fixture(scope="module")
def at_key():
    """(N, 17, 2) errors at a key frame, jitter included."""
    return noise_offsets((N, 1), np.random.default_rng(12))[:, 0]


def mixture_moments(order):
    """(17, 2) moment of the mixture about the mean of its Gaussian, by the textbook."""
    gauss = {2: DEVIATION**2, 4: 3 * DEVIATION**4}[order]
    low, high = -HALF_RANGE - MEAN, HALF_RANGE - MEAN
    flat = (high ** (order + 1) - low ** (order + 1)) / ((order + 1) * 2 * HALF_RANGE)
    return WEIGHT[:, None] * gauss + (1 - WEIGHT[:, None]) * flat


def test_means_at_key_frames_are_those_of_the_mixture(at_key):
    expected = WEIGHT[:, None] * MEAN
    deviation = np.sqrt(mixture_moments(2) + JITTER**2)
    off = (at_key.mean(axis=0) - expected) / (deviation / np.sqrt(N))
    assert np.abs(off).max() < 3.5  # the largest of 34; one alone would be held to 3
    assert (np.abs(off) < 3).mean() > 0.9


def test_second_moments_at_key_frames_are_those_of_the_mixture(at_key):
    second, fourth = mixture_moments(2), mixture_moments(4)
    expected = second + JITTER**2
    spread = fourth + 6 * second * JITTER**2 + 3 * JITTER**4 - expected**2
    off = (((at_key - MEAN) ** 2).mean(axis=0) - expected) / np.sqrt(spread / N)
    assert np.abs(off).max() < 3.5
    assert (np.abs(off) < 3).mean() > 0.9


def test_share_of_gross_errors_is_that_of_the_table(monkeypatch):
    """Without jitter, an error beyond three deviations is nearly always a uniform one."""
    monkeypatch.setattr(noise, "JITTER", 0.0)
    offsets = noise_offsets((N, 1), np.random.default_rng(3))[:, 0]
    low = np.maximum(MEAN - 3 * DEVIATION, -HALF_RANGE)
    high = np.minimum(MEAN + 3 * DEVIATION, HALF_RANGE)
    inside = ((high - low) / (2 * HALF_RANGE)).prod(axis=1)
    gross = (np.abs(offsets - MEAN) > 3 * DEVIATION).any(axis=-1)
    expected = WEIGHT * (1 - 0.9973002**2) + (1 - WEIGHT) * (1 - inside)
    off = (gross.mean(axis=0) - expected) / np.sqrt(expected * (1 - expected) / N)
    assert np.abs(off).max() < 3
    far = np.abs(offsets).max(axis=0)
    assert (far < np.maximum(HALF_RANGE, np.abs(MEAN) + 6 * DEVIATION)).all()


def test_the_two_parts_of_a_gross_error_go_together(monkeypatch):
    """One draw decides for x and y, so the wrists' gross errors come in pairs."""
    monkeypatch.setattr(noise, "JITTER", 0.0)
    wrist = noise_offsets((N, 1), np.random.default_rng(4))[:, 0, 13]
    beyond = np.abs(wrist - MEAN[13]) > 4 * DEVIATION[13]
    share = 1 - (8 * DEVIATION[13]) / (2 * HALF_RANGE)  # of uniform errors, per coordinate
    together = (beyond[:, 0] & beyond[:, 1]).mean()
    assert together == pytest.approx((1 - WEIGHT[13]) * share.prod(), rel=0.05)


def test_errors_between_key_frames_are_interpolated(monkeypatch):
    monkeypatch.setattr(noise, "JITTER", 0.0)
    slow = noise_offsets((3, 40), np.random.default_rng(0))
    assert slow.shape == (3, 40, 17, 2)
    a, b = slow[:, 9], slow[:, 18]
    for k in range(KEY_FRAME_EVERY + 1):
        np.testing.assert_allclose(slow[:, 9 + k], a + (b - a) * k / 9, atol=1e-12)
    assert np.abs(slow[:, 18] - slow[:, 9]).max() > 1e-3


def test_jitter_is_white_and_of_two_thousandths():
    """The second difference of the slow part is zero away from key frames."""
    offsets = noise_offsets((2000, 9), np.random.default_rng(1))
    second = offsets[:, 1] - 2 * offsets[:, 2] + offsets[:, 3]
    assert second.std() == pytest.approx(JITTER * np.sqrt(6), rel=0.02)


@pytest.mark.parametrize("frames", [1, 2, 9, 10, 243])
def test_any_number_of_frames(frames):
    offsets = noise_offsets((frames,), np.random.default_rng(0))
    assert offsets.shape == (frames, 17, 2) and np.isfinite(offsets).all()


def test_seeded():
    first = noise_offsets((4, 30), np.random.default_rng(5))
    assert (first == noise_offsets((4, 30), np.random.default_rng(5))).all()
    assert (first != noise_offsets((4, 30), np.random.default_rng(6))).any()


def test_error_scales_with_the_height_of_the_person():
    xy = np.full((2, 20, 17, 2), 500.0)
    height = np.stack([np.full(20, 200.0), np.linspace(300.0, 900.0, 20)])
    noisy, score = add_detector_noise(xy, height, np.random.default_rng(8))
    offsets = noise_offsets((2, 20), np.random.default_rng(8))
    expected = offsets * height[:, :, None, None] / REFERENCE_HEIGHT
    np.testing.assert_allclose(noisy - xy, expected, atol=1e-9)
    twice, same = add_detector_noise(xy, 2 * height, np.random.default_rng(8))
    np.testing.assert_allclose(twice - xy, 2 * expected, atol=1e-9)
    assert (same == score).all()  # what the detector thinks does not depend on the zoom


def test_reference_height_is_what_its_comment_says():
    height = 2 * 1.7 / 5.2 * 1145 / 1000
    assert height == pytest.approx(REFERENCE_HEIGHT, rel=0.01)


def test_amount_zero_gives_the_points_back():
    xy = np.random.default_rng(0).uniform(0, 1000, (7, 17, 2)).astype(np.float32)
    same, score = add_detector_noise(xy, np.full(7, 400.0), np.random.default_rng(1), amount=0.0)
    assert (same == xy).all() and same.dtype == np.float32
    assert score.mean() > 0.9  # nothing but the detector's own spread below 1


def test_amount_is_a_factor():
    xy, height = np.zeros((30, 17, 2)), np.ones(30)
    one, _ = add_detector_noise(xy, height, np.random.default_rng(2))
    half, _ = add_detector_noise(xy, height, np.random.default_rng(2), amount=0.5)
    np.testing.assert_allclose(half, one / 2, atol=1e-15)


def test_points_of_another_convention_err_as_the_joints_of_their_names():
    xy, height = np.zeros((3, 20, 17, 2)), np.full((3, 20), REFERENCE_HEIGHT)
    ours, _ = add_detector_noise(xy, height, np.random.default_rng(2))
    coco, score = add_detector_noise(xy, height, np.random.default_rng(2), skeleton=COCO_17)
    for j, joint in enumerate(COCO_17.joints):
        twin = joint if joint in HUMAN36M_17.joints else "neck_nose"
        assert (coco[:, :, j] == ours[:, :, HUMAN36M_17.index(twin)]).all(), joint
    assert score.shape == (3, 20, 17)


def test_confidence_is_within_0_and_1_and_falls_with_the_error():
    distance = np.array([0.0, 0.005, 0.01, 0.02, 0.04, 0.08])
    offsets = np.zeros((50_000, 6, 2))
    offsets[..., 0] = distance
    score = confidence_of(offsets, np.random.default_rng(0))
    assert score.min() >= 0 and score.max() <= 1
    mean = score.mean(axis=0)
    assert (np.diff(mean) < 0).all()
    # a / (d + a) + b d plus the mean, where clipping plays no part
    expected = 0.028 / (0.02 + 0.028) + 1.1 * 0.02 - 0.004586
    assert np.median(score[:, 3]) == pytest.approx(expected, abs=0.005)
    assert score[:, 3].std() == pytest.approx(0.143106, rel=0.03)


def test_shapes_are_checked():
    rng = np.random.default_rng(0)
    with pytest.raises(ShapeError, match=r"xy has shape \(5, 16, 2\); it must be \(\*, f, 17, 2\)"):
        add_detector_noise(np.zeros((5, 16, 2)), np.ones(5), rng)
    with pytest.raises(ShapeError, match=r"person_height has shape \(4,\)"):
        add_detector_noise(np.zeros((5, 17, 2)), np.ones(4), rng)


def known_body():
    """A standing figure whose bones add up to 1.80 m: legs 0.90, trunk and head 0.82, ankle 0.08.

    The left leg is a little shorter; the two are averaged.
    """
    pose = np.zeros((17, 3))
    pose[1], pose[4] = (0, -0.1, 0), (0, 0.1, 0)
    pose[2], pose[5] = pose[1] - (0, 0, 0.46), pose[4] - (0, 0, 0.44)
    pose[3], pose[6] = pose[2] - (0, 0, 0.46), pose[5] - (0, 0, 0.44)
    pose[7], pose[8], pose[10] = (0, 0, 0.25), (0, 0, 0.52), (0, 0, 0.82)
    return pose


def test_stature_of_a_known_body():
    pose = known_body()
    assert stature(pose) == pytest.approx(1.80, abs=1e-12)
    folded = pose.copy()
    folded[[3, 6]] = folded[[2, 5]] + [(0.46, 0, 0), (0, 0.44, 0)]  # lifts its feet
    assert stature(folded) == pytest.approx(1.80, abs=1e-12)
    assert stature(2 * pose) == pytest.approx(2 * 1.72 + 0.08, abs=1e-12)


def test_stature_does_not_depend_on_what_the_person_does():
    clip = synthetic_clip("squat", np.random.default_rng(0), frames=80)
    heights = stature(clip.joints)
    assert heights.shape == (80,)
    assert np.ptp(heights) < 1e-3
    assert 1.4 < heights[0] < 2.1
    assert stature(np.stack([clip.joints] * 2)[:, :3]).shape == (2, 3)
