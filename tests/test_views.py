"""Training cameras: where they may stand, what they see, and that a batch is b single cameras."""

import numpy as np
import pytest

from langlift.datasets.views import IMAGE_SIZE, CameraBatch, CameraRanges, random_cameras
from langlift.errors import InputError
from langlift.geometry.cameras import Camera
from langlift.geometry.human36m import human36m_cameras
from langlift.geometry.rotations import matrix_to_quaternion

B = 4000
WIDE = CameraRanges(wide_share=1.0)
TARGET = np.random.default_rng(0).uniform(-3, 3, (B, 3))


def drawn(ranges, seed=1):
    return random_cameras(TARGET, ranges, np.random.default_rng(seed))


def measured(cameras):
    """Distance along the axis, pitch and roll in degrees, focal ratio, offset from the centre."""
    seen = cameras.to_camera(TARGET[:, None, None])
    forward, up = cameras.rotation[:, 2], cameras.rotation[:, :, 2]
    return {
        "distance": seen[:, 0, 0, 2],
        "pitch": np.degrees(np.arcsin(-forward[:, 2])),
        "roll": np.degrees(np.arctan2(-up[:, 0], -up[:, 1])),
        "focal": cameras.focal[:, 0] / IMAGE_SIZE,
        "offset": np.abs(cameras.project(seen)[:, 0, 0] - cameras.center).max(axis=1) / IMAGE_SIZE,
    }


@pytest.mark.parametrize("name", ["distance", "pitch", "roll", "focal"])
def test_wide_cameras_fill_their_ranges(name):
    values, (low, high) = measured(drawn(WIDE))[name], getattr(WIDE, name)
    assert values.min() >= low - 1e-6 and values.max() <= high + 1e-6
    share = np.histogram(values, bins=4, range=(low - 1e-6, high + 1e-6))[0] / B
    assert share == pytest.approx(0.25, abs=0.03)  # uniform: every quarter is met alike


def test_everyday_cameras_stay_in_the_narrow_part():
    found = measured(drawn(CameraRanges(wide_share=0.0)))
    narrow = {"distance": (3.5, 6.5), "pitch": (-5, 20), "roll": (-3, 3), "focal": (1.0, 1.3)}
    for name, (low, high) in narrow.items():
        assert found[name].min() >= low - 1e-6 and found[name].max() <= high + 1e-6
        assert np.ptp(found[name]) > 0.95 * (high - low)
    assert found["offset"].max() <= 0.4 * 0.35 + 1e-9


def test_share_of_wide_windows():
    found = measured(drawn(CameraRanges(wide_share=0.25)))
    beyond = np.abs(found["roll"]) > 3
    assert beyond.mean() == pytest.approx(0.25 * 12 / 15, abs=0.025)


def test_everyday_part_is_cut_to_the_ranges():
    ranges = CameraRanges(distance=(2.0, 3.0), focal=(0.7, 0.9), wide_share=0.0)
    found = measured(drawn(ranges))
    assert found["distance"] == pytest.approx(3.0)  # the nearest to 3.5 m that is allowed
    assert found["focal"] == pytest.approx(0.9)


def test_the_person_is_where_it_was_drawn_inside_the_image():
    cameras = drawn(WIDE)
    seen = cameras.to_camera(TARGET[:, None, None])
    pixels = cameras.project(seen)[:, 0, 0]
    assert (seen[..., 2] > 0).all()
    assert (np.abs(pixels - IMAGE_SIZE / 2) <= 0.35 * IMAGE_SIZE + 1e-6).all()
    for c in (0, 1):  # uniform over the square, both axes
        spread = (pixels[:, c] - 500) / 350
        assert spread.std() == pytest.approx(1 / np.sqrt(3), abs=0.02)
        assert spread.mean() == pytest.approx(0, abs=0.03)
    middle = drawn(CameraRanges(off_center=0.0))
    np.testing.assert_allclose(
        middle.project(middle.to_camera(TARGET[:, None, None]))[:, 0, 0], 500.0, atol=1e-6
    )


def test_cameras_come_from_all_sides():
    forward = drawn(WIDE).rotation[:, 2]
    yaw = np.arctan2(forward[:, 1], forward[:, 0])
    assert np.histogram(yaw, bins=8, range=(-np.pi, np.pi))[0] / B == pytest.approx(0.125, abs=0.02)


def test_rotations_are_proper():
    rotation = drawn(WIDE).rotation
    products = rotation @ rotation.swapaxes(1, 2)
    np.testing.assert_allclose(products, np.broadcast_to(np.eye(3), (B, 3, 3)), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(rotation), 1.0, atol=1e-12)


def test_up_in_the_world_is_up_in_the_image_and_left_stays_left():
    cameras = drawn(WIDE)
    pair = np.stack([TARGET, TARGET + np.array([0, 0, 0.1])], axis=1)[:, None]
    low, high = np.moveaxis(cameras.project(cameras.to_camera(pair))[:, 0], 1, 0)
    assert (high[:, 1] < low[:, 1]).all()  # pixels count downwards
    level = drawn(CameraRanges(roll=(0, 0), pitch=(0, 0), off_center=0))
    low, high = np.moveaxis(level.project(level.to_camera(pair))[:, 0], 1, 0)
    np.testing.assert_allclose(high[:, 0], low[:, 0], atol=1e-6)
    # What is on the right hand of the line of sight is on the right of the image.
    right = np.cross(level.rotation[:, 2], [0, 0, 1.0])
    aside = level.project(level.to_camera((TARGET + right)[:, None, None]))[:, 0, 0]
    assert (aside[:, 0] > 501).all()


def test_a_positive_pitch_looks_down_from_above():
    cameras = drawn(CameraRanges(pitch=(30, 40), off_center=0, wide_share=1))
    assert (cameras.position[:, 2] - TARGET[:, 2] > 0.9).all()
    height = (cameras.position - TARGET)[:, 2] / np.linalg.norm(cameras.position - TARGET, axis=1)
    assert (height >= np.sin(np.radians(30)) - 1e-9).all()


def test_seeded_and_in_the_type_of_the_target():
    one, same, other = (
        random_cameras(TARGET[:9].astype(np.float32), WIDE, np.random.default_rng(s))
        for s in (4, 4, 5)
    )
    for name in ("rotation", "position", "focal", "center"):
        assert (getattr(one, name) == getattr(same, name)).all()
        assert getattr(one, name).dtype == np.float32
    assert (one.position != other.position).any()


def test_a_random_camera_is_an_ordinary_camera():
    """The batch agrees with `Camera` built from its numbers, in every function."""
    batch = random_cameras(TARGET[:5], WIDE, np.random.default_rng(2))
    points = TARGET[:5, None, None] + np.random.default_rng(3).normal(0, 0.3, (5, 4, 17, 3))
    seen, pixels = batch.to_camera(points), batch.project(batch.to_camera(points))
    for i in range(5):
        single = Camera(
            "one",
            (1000, 1000),
            tuple(batch.focal[i]),
            tuple(batch.center[i]),
            orientation=tuple(matrix_to_quaternion(batch.rotation[i].T)),
            position=tuple(batch.position[i]),
        )
        np.testing.assert_allclose(single.to_camera(points[i]), seen[i], atol=1e-9)
        np.testing.assert_allclose(single.project(seen[i]), pixels[i], atol=1e-6)
        np.testing.assert_allclose(single.rays(pixels[i]), batch.rays(pixels)[i], atol=1e-9)


def test_a_batch_of_calibrated_cameras_agrees_with_each_of_them():
    cameras = [*human36m_cameras("S1"), *human36m_cameras("S9")[:2]]
    batch = CameraBatch.of(cameras)
    points = np.random.default_rng(0).normal((0, 0, 1.0), 0.6, (6, 5, 17, 3))
    seen = batch.to_camera(points)
    pixels = batch.project(seen)
    rays = batch.rays(pixels)
    assert pixels.shape == (6, 5, 17, 2)
    for i, camera in enumerate(cameras):
        np.testing.assert_allclose(seen[i], camera.to_camera(points[i]), atol=5e-6)  # float32
        assert (pixels[i] == camera.project(seen[i])).all()
        assert (rays[i] == camera.rays(pixels[i])).all()
        plain = camera.project(seen[i], distort=False)
        assert np.abs(pixels[i] - plain).max() > 0.5  # the lens does something
    np.testing.assert_allclose(rays, seen[..., :2] / seen[..., 2:], atol=1e-9)


def test_screen_units_are_those_of_each_cameras_own_image():
    cameras = human36m_cameras("S1")  # 1000 x 1000 and 1000 x 1002 pixels
    pixels = np.broadcast_to(np.array([500.0, 501.0]), (4, 2, 17, 2))
    screen = CameraBatch.of(cameras).screen(pixels)
    for i, camera in enumerate(cameras):
        middle = 2 * (501 - camera.image_size[1] / 2) / 1000
        np.testing.assert_allclose(screen[i], np.broadcast_to((0.0, middle), (2, 17, 2)))
    assert len({camera.image_size for camera in cameras}) == 2
    plain = drawn(WIDE).screen(np.full((B, 1, 17, 2), 250.0))
    np.testing.assert_allclose(plain, -0.5)


def test_rays_undo_projection_without_a_lens():
    batch = drawn(WIDE)
    seen = batch.to_camera(
        TARGET[:, None, None] + np.random.default_rng(0).normal(0, 0.2, (B, 1, 17, 3))
    )
    np.testing.assert_allclose(
        batch.rays(batch.project(seen)), seen[..., :2] / seen[..., 2:], atol=1e-12
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"distance": (5.0, 4.0)}, r"camera distance is \(5.0, 4.0\); give \(lowest, highest\)"),
        ({"roll": (3.0, -3.0)}, r"camera roll is \(3.0, -3.0\)"),
        ({"distance": (0.5, 4.0)}, "more than 0.5 m away and have a positive focal length"),
        ({"focal": (0.0, 1.0)}, "more than 0.5 m away and have a positive focal length"),
        ({"pitch": (0.0, 90.0)}, r"camera pitch is \(0.0, 90.0\); it must stay within -90 and 90"),
        ({"off_center": -0.1}, "off_center is -0.1 and wide_share 0.5; the first cannot be"),
        ({"wide_share": 1.5}, "wide_share 1.5; the first cannot be negative, the second must be"),
        ({"focal": (float("nan"), 1.0)}, r"camera focal is \(nan, 1.0\)"),
    ],
)
def test_ranges_that_cannot_be(settings, message):
    with pytest.raises(InputError, match=message):
        CameraRanges(**settings)
