"""Features: what they must not depend on, how gaps are filled, and that mirroring commutes."""

import numpy as np
import pytest
from lifting_fixtures import LENS, STANDING, person
from scipy.spatial.transform import Rotation

from langlift.errors import InputError, ShapeError
from langlift.geometry import Camera, normalize_screen, to_rays, virtual_rotation
from langlift.lifting.features import (
    FeatureConfig,
    fill_missing,
    from_virtual,
    mirror_features,
    mirror_joints,
    person_features,
    screen_features,
    to_virtual,
)
from langlift.skeletons import HUMAN36M_17

ALONE = FeatureConfig(center_frames=1, scale_frames=1)
SHORT = FeatureConfig(center_frames=5, scale_frames=9, gap_frames=3)
MIRROR = np.diag([-1.0, 1.0, 1.0])
LEFT_WRIST = HUMAN36M_17.index("left_wrist")
LEFT_ELBOW = HUMAN36M_17.index("left_elbow")


def all_seen(points: np.ndarray) -> np.ndarray:
    return np.ones(points.shape[:-1], dtype=bool)


def features_of(points, config=SHORT, camera=LENS):
    rays = camera.rays(camera.project(points))
    return person_features(rays, all_seen(points), config)


def pan(degrees: float) -> np.ndarray:
    return Rotation.from_euler("y", degrees, degrees=True).as_matrix()


@pytest.mark.parametrize("focal", [500.0, 1145.0, 4000.0])
def test_the_lens_does_not_matter_when_it_is_known(focal):
    points = person(30)
    features, rotation = features_of(points)
    plain = Camera("plain", (1920, 1080), (focal, 0.9 * focal), (900.0, 600.0))
    other, turned = features_of(points, camera=plain)
    assert other == pytest.approx(features, abs=1e-5)
    assert turned == pytest.approx(rotation, abs=1e-6)


def test_distance_and_size_together_do_not_matter():
    near, far = features_of(person(30))[0], features_of(7 * person(30))[0]
    assert far == pytest.approx(near, abs=1e-5)


def test_a_far_person_is_as_large_as_a_near_one():
    near, far = (features_of(person(30) + np.array([0, 0, z]))[0] for z in (0, 60))
    for features in (near, far):
        rms = np.sqrt((features[:, 1:] ** 2).sum(axis=(1, 2)) / 17)
        assert rms == pytest.approx(np.ones(30), abs=0.1)
    assert np.abs(far - near).max() < 0.4  # what is left is perspective


@pytest.mark.parametrize("degrees", [-25, 10, 40])
def test_turning_the_camera_changes_only_the_rotation(degrees):
    points, turn = person(30), pan(degrees)
    features, rotation = person_features(to_rays(points), all_seen(points), ALONE)
    other, turned = person_features(to_rays(points @ turn.T), all_seen(points), ALONE)
    assert other == pytest.approx(features, abs=1e-5)
    # A pose said in the virtual camera lands on the person in both: the same pose, turned.
    pose = points - points[:, :1]
    decoded, again = from_virtual(pose, rotation), from_virtual(pose, turned)
    assert again == pytest.approx(decoded @ turn.T, abs=1e-5)


def test_tilting_the_camera_towards_a_person_straight_ahead_changes_only_the_rotation():
    points = person(20)
    points -= points[:, :1] * [1, 0, 0]
    tilt = Rotation.from_euler("x", 20, degrees=True).as_matrix()
    features, rotation = person_features(to_rays(points), all_seen(points), ALONE)
    other, turned = person_features(to_rays(points @ tilt.T), all_seen(points), ALONE)
    assert other == pytest.approx(features, abs=1e-5)
    assert turned @ tilt == pytest.approx(rotation, abs=1e-6)


def test_walking_round_the_camera_changes_nothing_but_the_rotation():
    # The whole path is turned, so that averages over frames turn along; a still person.
    points = np.repeat(STANDING[None] + [0.5, 0.1, 4], 40, axis=0)
    plain, _ = person_features(to_rays(points), all_seen(points), FeatureConfig())
    other, _ = person_features(to_rays(points @ pan(30).T), all_seen(points), FeatureConfig())
    assert other == pytest.approx(plain, abs=1e-5)


def test_the_virtual_camera_looks_at_the_averaged_pelvis():
    points = np.repeat(STANDING[None] + [0.5, 0.3, 4], 9, axis=0)
    features, rotation = features_of(points, ALONE)
    assert features[:, 0] == pytest.approx(np.zeros((9, 2)), abs=1e-6)
    assert to_virtual(points[:, :1], rotation)[0, 0, :2] == pytest.approx([0, 0], abs=1e-6)
    walking = features_of(person(30), SHORT)[0]
    assert np.abs(walking[:, 0]).max() > 1e-4  # it follows the average, not each frame


def test_the_features_have_unit_size_and_known_values():
    points = STANDING[None] + [0, 0, 5.0]
    features, rotation = person_features(to_rays(points), all_seen(points), ALONE)
    assert rotation == pytest.approx(np.eye(3)[None])
    rays = to_rays(points)
    expected = rays / np.sqrt((rays**2).sum() / 17)
    assert features == pytest.approx(expected, abs=1e-6)
    assert features.dtype == np.float32 and rotation.dtype == np.float32


def test_joints_that_are_not_known_do_not_count_in_the_size():
    points = STANDING[None] + [0, 0, 5.0]
    seen = np.ones((1, 17), dtype=bool)
    seen[:, [LEFT_WRIST, LEFT_ELBOW]] = False
    features, _ = person_features(to_rays(points), seen, ALONE)
    square = (features**2).sum(axis=-1)
    assert square[seen].sum() / 15 == pytest.approx(1, abs=1e-5)


def test_to_virtual_and_back_is_the_identity():
    points = person(12)
    rotation = virtual_rotation(to_rays(points)[:, 0])
    assert from_virtual(to_virtual(points, rotation), rotation) == pytest.approx(points)
    assert np.linalg.norm(to_virtual(points, rotation), axis=-1) == pytest.approx(
        np.linalg.norm(points, axis=-1)
    )


@pytest.mark.parametrize("config", [SHORT, FeatureConfig()])
def test_mirroring_the_image_mirrors_the_features(config):
    xy = LENS.project(person(30))
    seen = np.random.default_rng(0).random((30, 17)) < 0.9
    other = (xy * [-1, 1] + [LENS.image_size[0], 0])[:, HUMAN36M_17.mirror]
    features, rotation = person_features(LENS.rays(xy), seen, config)
    flipped, turned = person_features(
        LENS.mirrored().rays(other), seen[:, HUMAN36M_17.mirror], config
    )
    assert flipped == pytest.approx(mirror_features(features), abs=2e-5)
    assert turned == pytest.approx(MIRROR @ rotation @ MIRROR, abs=1e-6)


def test_mirroring_the_screen_mirrors_its_features():
    xy = LENS.project(person(5))
    other = (xy * [-1, 1] + [LENS.image_size[0], 0])[:, HUMAN36M_17.mirror]
    plain, flipped = (
        screen_features(normalize_screen(p, LENS.image_size), all_seen(p), SHORT)
        for p in (xy, other)
    )
    assert flipped == pytest.approx(mirror_features(plain), abs=1e-6)


def test_mirroring_twice_changes_nothing():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(4, 17, 2)).astype(np.float32)
    joints = rng.normal(size=(4, 17, 3)).astype(np.float32)
    assert np.array_equal(mirror_features(mirror_features(features)), features)
    assert np.array_equal(mirror_joints(mirror_joints(joints)), joints)
    assert LENS.mirrored().mirrored() == LENS
    assert mirror_features(features).dtype == mirror_joints(joints).dtype == np.float32


def test_mirroring_swaps_the_sides():
    joints = np.zeros((17, 3))
    joints[LEFT_WRIST] = [0.3, 0.1, 2.0]
    flipped = mirror_joints(joints)
    assert flipped[HUMAN36M_17.index("right_wrist")].tolist() == [-0.3, 0.1, 2.0]
    assert not flipped[LEFT_WRIST].any()
    assert mirror_features(joints[:, :2])[HUMAN36M_17.index("right_wrist")].tolist() == [-0.3, 0.1]


def test_a_window_with_its_context_agrees_with_the_whole_track():
    rays = to_rays(person(200))
    seen = all_seen(rays)
    seen[60:66, LEFT_WRIST] = False
    config = FeatureConfig(center_frames=11, scale_frames=21, gap_frames=12)
    whole, rotation = person_features(rays, seen, config)
    window = slice(40, 90)
    context = slice(40 - 15, 90 + 15)  # the size looks 10 frames away, where the centre looks 5
    part, turned = person_features(rays[context], seen[context], config)
    assert part[15:-15] == pytest.approx(whole[window], abs=1e-6)
    assert turned[15:-15] == pytest.approx(rotation[window], abs=1e-6)


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_very_short_tracks_have_features(frames):
    points = person(frames)
    features, rotation = features_of(points, FeatureConfig())
    assert features.shape == (frames, 17, 2) and rotation.shape == (frames, 3, 3)
    assert np.isfinite(features).all() and np.isfinite(rotation).all()


@pytest.mark.parametrize("kind", ["person", "screen"])
def test_leading_axes_are_a_loop(kind):
    rays = np.stack([to_rays(person(25, seed)) for seed in range(6)]).reshape(2, 3, 25, 17, 2)
    seen = np.random.default_rng(0).random(rays.shape[:-1]) < 0.8
    function = person_features if kind == "person" else screen_features
    together = function(rays, seen, SHORT)
    for at in np.ndindex(2, 3):
        alone = function(rays[at], seen[at], SHORT)
        pairs = zip(together, alone, strict=True) if kind == "person" else [(together, alone)]
        for a, b in pairs:
            assert a[at] == pytest.approx(b, abs=1e-6)


def test_frames_are_taken_after_the_gaps_are_filled():
    rays, seen = to_rays(person(20)), np.ones((20, 17), dtype=bool)
    seen[:2, LEFT_WRIST] = False  # short enough to be held, however often frame 0 is repeated
    frames = np.clip(np.arange(-10, 25), 0, 19)
    whole = screen_features(rays, seen, SHORT)
    assert np.array_equal(screen_features(rays, seen, SHORT, frames), whole[frames])
    filled = fill_missing(rays, seen, SHORT.gap_frames)[0]
    assert filled[:2, LEFT_WRIST] == pytest.approx(rays[[2, 2], LEFT_WRIST])
    expected = person_features(filled[frames], np.ones((35, 17), dtype=bool), SHORT)
    for got, wanted in zip(person_features(rays, seen, SHORT, frames), expected, strict=True):
        assert np.array_equal(got, wanted)


def test_a_ray_that_does_not_exist_counts_as_not_seen():
    rays, seen = to_rays(person(20)), np.ones((20, 17), dtype=bool)
    seen[5:8, LEFT_WRIST] = False
    expected = person_features(rays, seen, SHORT)
    rays[5:8, LEFT_WRIST] = np.nan
    for got, wanted in zip(person_features(rays, all_seen(rays), SHORT), expected, strict=True):
        assert np.array_equal(got, wanted)


def line(frames: int) -> np.ndarray:
    """(f, 17, 2): joint j at (f, 100 j)."""
    f, j = np.arange(frames)[:, None], np.arange(17)
    return np.stack([f + 0.0 * j, 100.0 * j + 0.0 * f], axis=-1)


def test_a_short_gap_is_interpolated():
    points, seen = line(10), np.ones((10, 17), dtype=bool)
    seen[3:6, LEFT_WRIST] = False
    lost = np.where(seen[..., None], points, 1e9)
    filled, known = fill_missing(lost, seen, 3)
    assert filled == pytest.approx(points)
    assert known.all()


def test_a_gap_at_the_ends_is_held():
    points, seen = line(10), np.ones((10, 17), dtype=bool)
    seen[:2, LEFT_WRIST] = seen[8:, LEFT_WRIST] = False
    filled, known = fill_missing(points, seen, 2)
    assert filled[:2, LEFT_WRIST, 0].tolist() == [2, 2]
    assert filled[8:, LEFT_WRIST, 0].tolist() == [7, 7]
    assert known.all()


def test_a_long_gap_goes_on_the_parent():
    points, seen = line(10), np.ones((10, 17), dtype=bool)
    seen[3:7, LEFT_WRIST] = False  # four frames, one too many
    filled, known = fill_missing(points, seen, 3)
    assert filled[3:7, LEFT_WRIST] == pytest.approx(points[3:7, LEFT_ELBOW])
    assert known[:, LEFT_WRIST].tolist() == [True] * 3 + [False] * 4 + [True] * 3
    assert known[:, :LEFT_WRIST].all() and known[:, LEFT_WRIST + 1 :].all()
    others = np.delete(np.arange(17), LEFT_WRIST)
    assert np.array_equal(filled[:, others], points[:, others])


def test_joints_that_are_never_seen_go_on_the_nearest_ancestor_that_is():
    points, seen = line(6), np.ones((6, 17), dtype=bool)
    seen[:, [LEFT_WRIST, LEFT_ELBOW]] = False
    filled, known = fill_missing(points, seen, 3)
    shoulder = points[:, HUMAN36M_17.index("left_shoulder")]
    assert np.array_equal(filled[:, LEFT_ELBOW], shoulder)
    assert np.array_equal(filled[:, LEFT_WRIST], shoulder)
    assert known.sum() == 6 * 15


def test_a_pelvis_that_is_never_seen_is_the_middle_of_the_others():
    points, seen = line(6), np.ones((6, 17), dtype=bool)
    seen[:, 0] = False
    filled, known = fill_missing(points, seen, 3)
    assert filled[:, 0] == pytest.approx(points[:, 1:].mean(axis=1))
    assert not known[:, 0].any()


def test_frames_without_any_joint_are_interpolated_however_many():
    points, seen = line(40), np.ones((40, 17), dtype=bool)
    seen[10:30] = False
    filled, known = fill_missing(points, seen, 3)
    assert filled == pytest.approx(points)
    assert known.all()


@pytest.mark.parametrize("config", [SHORT, FeatureConfig()])
def test_nothing_seen_at_all_stays_finite(config):
    points, nothing = np.full((5, 17, 2), np.nan), np.zeros((5, 17), dtype=bool)
    filled, known = fill_missing(points, nothing, 3)
    assert not filled.any() and not known.any()
    features, rotation = person_features(points, nothing, config)
    assert np.isfinite(features).all() and np.isfinite(rotation).all()


def test_a_single_joint_in_a_single_frame_stays_finite():
    points, seen = np.full((30, 17, 2), np.nan), np.zeros((30, 17), dtype=bool)
    points[11, LEFT_WRIST], seen[11, LEFT_WRIST] = 0.25, True
    features, _ = person_features(points, seen, FeatureConfig())
    assert np.isfinite(features).all()
    assert features == pytest.approx(np.zeros((30, 17, 2)), abs=1e-5)


def test_what_is_not_seen_changes_nothing():
    rays = to_rays(person(60))
    seen = np.random.default_rng(2).random((60, 17)) < 0.5
    results = [
        person_features(np.where(seen[..., None], rays, value), seen, FeatureConfig(gap_frames=1))
        for value in (0.0, -1e4, np.nan)
    ]
    for features, rotation in results[1:]:
        assert np.array_equal(features, results[0][0])
        assert np.array_equal(rotation, results[0][1])


def test_filling_does_not_change_the_callers_arrays():
    points, seen = line(10), np.ones((10, 17), dtype=bool)
    seen[2:9, 5] = False
    before, before_seen = points.copy(), seen.copy()
    fill_missing(points, seen, 3)
    assert np.array_equal(points, before) and np.array_equal(seen, before_seen)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "face"}, "feature kind is 'face'; it must be 'person' or 'screen'"),
        ({"center_frames": 4}, "center_frames is 4; it must be odd and at least 1"),
        ({"scale_frames": -1}, "scale_frames is -1; it must be odd"),
        ({"scale_frames": 10_001}, "scale_frames is 10001; .* at most 10000"),
        ({"gap_frames": -1}, "gap_frames is -1; it must be at least 0"),
        ({"gap_frames": 10_001}, "gap_frames is 10001; .* at most 10000"),
    ],
)
def test_bad_settings_say_what_is_wrong(changes, message):
    with pytest.raises(InputError, match=message):
        FeatureConfig(**changes)


def test_rays_of_another_shape_are_refused():
    with pytest.raises(ShapeError, match="rays"):
        virtual_rotation(np.zeros((4, 3)))
