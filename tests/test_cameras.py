"""Cameras: the values of Human3.6M's calibration, round trips and what has no image."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.transform import Rotation

from langlift.errors import InputError, ShapeError
from langlift.geometry import (
    Camera,
    denormalize_screen,
    human36m_cameras,
    look_at,
    normalize_screen,
    to_rays,
    virtual_rotation,
)
from langlift.skeletons import HUMAN36M_17

SUBJECTS = ("S1", "S5", "S6", "S7", "S8", "S9", "S11")
POINTS = np.array([[0.2, -0.3, 4], [0, 0, 5], [1, 1, 3]])
ALL = pytest.mark.parametrize("index", range(4))


def image_grid(camera, steps=21):
    width, height = camera.image_size
    across, down = np.meshgrid(np.linspace(0, width, steps), np.linspace(0, height, steps))
    return np.stack([across, down], axis=-1)


def test_screen_units_of_the_corners_and_the_middle():
    pixels = np.array([[0.0, 0], [1000, 1002], [500, 501]])
    screen = normalize_screen(pixels, (1000, 1002))
    assert screen.tolist() == [[-1, -1.002], [1, 1.002], [0, 0]]
    assert denormalize_screen(screen, (1000, 1002)).tolist() == pixels.tolist()


@settings(deadline=None)
@given(
    arrays(np.float64, (3, 2), elements=st.floats(-1e4, 1e4)),
    st.tuples(st.integers(1, 8000), st.integers(1, 8000)),
)
def test_screen_units_round_trip(pixels, size):
    back = denormalize_screen(normalize_screen(pixels, size), size)
    assert back == pytest.approx(pixels, abs=1e-9)


def test_intrinsics_in_screen_units():
    camera = human36m_cameras("S1")[0]
    assert camera.focal[0] * 2 / 1000 == pytest.approx(2.29009888, abs=1e-8)
    assert camera.focal[1] * 2 / 1000 == pytest.approx(2.28756226, abs=1e-8)
    center = normalize_screen(camera.center, camera.image_size)
    assert center == pytest.approx([0.0250830078, 0.0289029541], abs=1e-9)


def test_projection_has_the_published_values():
    camera = human36m_cameras("S1")[0]
    bent = normalize_screen(camera.project(POINTS), camera.image_size)
    expected = [[0.1394, -0.1424], [0.0251, 0.0289], [0.7615, 0.7643]]
    assert bent == pytest.approx(np.array(expected), abs=5e-5)
    straight = normalize_screen(camera.project(POINTS, distort=False), camera.image_size)
    expected = [[0.1396, -0.1427], [0.0251, 0.0289], [0.7884, 0.7914]]
    assert straight == pytest.approx(np.array(expected), abs=5e-5)


def test_the_world_origin_seen_from_the_first_camera():
    seen = human36m_cameras("S1")[0].to_camera(np.zeros(3))
    assert seen == pytest.approx([-0.34605, 0.54698, 5.47448], abs=5e-6)


def test_the_seventeen_joints_are_the_thirty_two_without_the_removed_ones():
    # Parents of the 32 joints that Human3.6M's files hold, and the joints that never move.
    parents = [-1, 0, 1, 2, 3, 4, 0, 6, 7, 8, 9, 0, 11, 12, 13, 14, 12, 16, 17, 18, 19, 20, 19, 22]
    parents += [12, 24, 25, 26, 27, 28, 27, 30]
    removed = {4, 5, 9, 10, 11, 16, 20, 21, 22, 23, 24, 28, 29, 30, 31}
    kept = [j for j in range(32) if j not in removed]
    reduced = []
    for joint in kept:
        parent = parents[joint]
        while parent in removed:
            parent = parents[parent]
        reduced.append(kept.index(parent) if parent >= 0 else -1)
    reduced[11] = reduced[14] = 8  # the shoulders hang from the thorax
    assert tuple(reduced) == HUMAN36M_17.parents


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_four_cameras_stand_around_one_place_and_look_at_it(subject):
    cameras = human36m_cameras(subject)
    assert [c.name for c in cameras] == ["54138969", "55011271", "58860488", "60457274"]
    assert [c.image_size[1] for c in cameras] == [1002, 1000, 1000, 1002]
    positions = np.array([c.position for c in cameras])
    assert ((positions[:, 2] > 1.4) & (positions[:, 2] < 1.7)).all(), "metres above the floor"
    assert np.sign(positions[:, :2]).tolist() == [[1, 1], [1, -1], [-1, 1], [-1, -1]]
    axes = np.array([c.to_world([0, 0, 1]) for c in cameras]) - positions
    across = np.eye(3) - axes[:, :, None] * axes[:, None, :]
    meeting = np.linalg.solve(across.sum(0), (across @ positions[..., None]).sum(0)[:, 0])
    miss = np.linalg.norm((across @ (meeting - positions)[..., None])[..., 0], axis=-1)
    # The real cameras were aimed by hand: up to 0.4 m and 5 degrees. A wrong sign or a swapped
    # camera misses by metres; a wrong digit is for the sums below.
    assert miss.max() < 0.5, "the optical axes meet in the capture space"
    assert np.linalg.norm(meeting - [0, 0.3, 0.4]) < 0.4
    tilt = [abs(c.to_world([1, 0, 0])[2] - c.position[2]) for c in cameras]
    assert max(tilt) < 0.1, "the cameras stand upright"


def test_the_camera_tables_are_the_published_ones():
    # Sums over the published tables, weighted by row: a changed digit or a swapped row moves them.
    cameras = [c for subject in SUBJECTS for c in human36m_cameras(subject)]
    placements = np.array([(*c.orientation, *c.position) for c in cameras])
    lenses = np.array([(*c.focal, *c.center, *c.radial, *c.tangential) for c in cameras[:4]])
    placed = [
        155.206786016,
        -191.291617182,
        11.9245420149,
        -12.5638033533,
        30.1201849365,
        63.5673120117,
        630.726753418,
    ]
    assert np.arange(1, 29) @ placements == pytest.approx(placed, rel=0, abs=2e-9)
    ground = [
        11473.8684082,
        11464.4570312,
        5149.55914307,
        5043.31732178,
        -2.01407709718,
        2.36835099757,
        -0.0326079209335,
        -0.00210941355908,
        -0.0164397064946,
    ]
    assert np.arange(1, 5) @ lenses == pytest.approx(ground, rel=1e-10, abs=1e-10)


def test_an_unknown_subject_is_told_the_nearest():
    with pytest.raises(InputError, match=r"unknown Human3.6M subject 's9'.*did you mean 'S9'\?"):
        human36m_cameras("s9")


@settings(deadline=None)
@given(
    arrays(np.float64, (2, 5, 3), elements=st.floats(-20, 20)),
    st.integers(0, 10_000),
    arrays(np.float64, 3, elements=st.floats(-10, 10)),
)
def test_world_and_camera_round_trip(points, seed, position):
    turn = Rotation.random(random_state=seed)
    q = np.roll(turn.as_quat(), 1)
    camera = Camera("any", (640, 480), (500, 500), (320, 240), orientation=q, position=position)
    seen = camera.to_camera(points)
    expected = turn.inv().apply((points - position).reshape(-1, 3)).reshape(points.shape)
    assert seen == pytest.approx(expected, abs=1e-10)
    assert camera.to_world(seen) == pytest.approx(points, abs=1e-10)


@ALL
def test_rays_undo_the_projection_everywhere_in_the_image(index):
    camera = human36m_cameras("S6")[index]
    pixels = image_grid(camera)
    rays = camera.rays(pixels)
    depth = np.linspace(1, 9, pixels[..., 0].size).reshape(*pixels.shape[:-1], 1)
    points = np.concatenate([rays * depth, depth], axis=-1)
    assert camera.project(points) == pytest.approx(pixels, abs=1e-7)
    assert camera.rays(camera.project(points)) == pytest.approx(rays, abs=1e-9)
    straight = (pixels - camera.center) / camera.focal
    assert np.abs(rays - straight).max() > 0.005, "the lens bends at the border"


@settings(deadline=None)
@given(arrays(np.float64, 2, elements=st.floats(-0.45, 0.45)), st.integers(0, 3))
def test_projection_undoes_rays(ray, index):
    camera = human36m_cameras("S11")[index]
    assert camera.rays(camera.project([*ray, 1.0])) == pytest.approx(ray, abs=1e-9)


def test_rays_without_a_lens_are_linear_and_unclamped():
    camera = Camera.assumed((1920, 1080))
    assert camera.focal == (2208, 2208)
    assert camera.center == (960, 540)
    assert camera.rays([960 + 2208 * 3, 540 - 1104]).tolist() == [3, -0.5]
    assert camera.project([6, -1, 2]).tolist() == [960 + 2208 * 3, 540 - 1104]


def test_a_lens_is_clamped_at_45_degrees():
    camera = human36m_cameras("S1")[0]
    assert camera.project([5, 0.4, 2]) == pytest.approx(camera.project([1, 0.2, 1]), abs=1e-9)
    assert camera.project([5, 0.4, 2], distort=False)[0] == pytest.approx(
        camera.focal[0] * 2.5 + camera.center[0]
    )


def test_what_is_not_in_front_of_the_camera_has_no_image():
    camera = human36m_cameras("S1")[0]
    points = [[0, 0, 0], [0.1, 0.1, -3], [0, 0, 3]]
    seen = camera.project(points)
    assert np.isnan(seen[:2]).all()
    assert seen[2] == pytest.approx(camera.center)
    assert np.isnan(to_rays(points)[:2]).all()


def test_a_pixel_that_no_ray_reaches_is_nan():
    # r - 0.3 r^3 is at most 0.703, at r = 1.054: pixels beyond 703 from the centre are dark.
    barrel = Camera("barrel", (2000, 2000), (1000, 1000), (1000, 1000), radial=(-0.3, 0, 0))
    rays = barrel.rays([[1700, 1000], [1710, 1000], [1000, 1000], [np.nan, 3]])
    assert rays[0, 0] == pytest.approx(0.99, abs=0.05)
    assert rays[0, 0] - 0.3 * rays[0, 0] ** 3 == pytest.approx(0.7, abs=1e-9)
    assert np.isnan(rays[[1, 3]]).all()
    assert rays[2].tolist() == [0, 0]


@settings(deadline=None)
@given(
    st.tuples(st.floats(-0.6, 0.6), st.floats(-0.6, 0.6), st.floats(-0.3, 0.3)),
    arrays(np.float64, 2, elements=st.floats(-1.5, 1.5)),
)
@example((-0.44, -0.14, 0.06), np.array([0.9, 0.9]))
@example((0.365, -0.167, -0.264), np.array([0.438, -0.871]))
@example((0.1, -0.46, 0.1), np.array([1.2, -1.0]))
@example((0.0, -0.5, 4e-96), np.array([1.0, 1.0]))
def test_no_ray_lies_beyond_a_fold_of_the_lens(radial, place):
    # Without tangential terms the image radius r (1 + k1 r^2 + ...) must rise all the way.
    camera = Camera("bent", (2, 2), (1, 1), (0, 0), radial=radial)
    ray = camera.rays(place)
    if np.isnan(ray).any():
        return
    k1, k2, k3 = radial
    radius = np.linspace(0, np.linalg.norm(ray), 200)
    image = radius * (1 + k1 * radius**2 + k2 * radius**4 + k3 * radius**6)
    assert image[-1] == pytest.approx(np.linalg.norm(place), abs=1e-9)
    assert (np.diff(image) >= -1e-9).all()


@ALL
def test_the_mirrored_camera_sees_the_mirrored_person_in_the_mirrored_image(index):
    camera = human36m_cameras("S5")[index]
    pixels = camera.project(POINTS)
    mirrored = camera.mirrored().project(POINTS * [-1, 1, 1])
    assert mirrored[:, 0] == pytest.approx(camera.image_size[0] - pixels[:, 0], abs=1e-9)
    assert mirrored[:, 1] == pytest.approx(pixels[:, 1], abs=1e-9)
    unit = normalize_screen(camera.center, camera.image_size)
    flipped = normalize_screen(camera.mirrored().center, camera.image_size)
    assert flipped == pytest.approx(unit * [-1, 1])
    assert camera.mirrored().tangential == (-camera.tangential[0], camera.tangential[1])
    twice = camera.mirrored().mirrored()
    assert twice.replaced(center=camera.center) == camera
    assert twice.center == pytest.approx(camera.center)


@settings(deadline=None)
@given(arrays(np.float64, (4, 2), elements=st.floats(-3, 3)))
def test_the_virtual_camera_looks_along_the_ray_without_roll(rays):
    direction = np.concatenate([rays, np.ones((4, 1))], axis=-1)
    direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
    turns = virtual_rotation(rays)
    forward = (turns @ direction[..., None])[..., 0]
    assert forward == pytest.approx(np.tile([0.0, 0, 1], (4, 1)), abs=1e-12)
    assert np.linalg.det(turns) == pytest.approx(np.ones(4))
    assert turns @ np.swapaxes(turns, -1, -2) == pytest.approx(np.tile(np.eye(3), (4, 1, 1)))
    pan, tilt = np.arctan(rays[:, 0]), np.arctan2(rays[:, 1], np.hypot(rays[:, 0], 1))
    oracle = Rotation.from_euler("yx", np.stack([-pan, tilt], axis=-1)).as_matrix()
    assert turns == pytest.approx(oracle, abs=1e-12)
    assert turns[:, 0, 1] == pytest.approx(np.zeros(4), abs=1e-12), "the vertical stays vertical"


def test_a_camera_made_by_look_at_centres_its_target():
    place, target = (3, -4, 1.6), (0.2, 0.1, 0.9)
    camera = Camera.assumed((1000, 1000)).replaced(
        orientation=look_at(place, target), position=place
    )
    assert camera.project(camera.to_camera(target)) == pytest.approx([500, 500], abs=1e-9)
    above = camera.project(camera.to_camera([0.2, 0.1, 1.8]))
    assert above[1] < 400, "the head is above the hips in the image"


def test_results_keep_the_floating_type():
    camera = human36m_cameras("S1")[0]
    points = POINTS.astype(np.float32)
    results = [camera.to_camera(points), camera.to_world(points), camera.project(points)]
    results += [camera.rays(results[2]), normalize_screen(results[2], camera.image_size)]
    results += [virtual_rotation(results[3])]
    assert {r.dtype for r in results} == {np.dtype(np.float32)}
    assert camera.project(POINTS.astype(int)).dtype == np.float64


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"focal": (0, 500)}, r"focal is \(0.0, 500.0\); it must be positive"),
        ({"focal": 500}, "focal is 500; it must be 2 finite numbers"),
        ({"center": (1, float("nan"))}, "center is .* must be 2 finite numbers"),
        ({"radial": (0.1, 0.2)}, "radial is .* must be 3 finite numbers"),
        ({"image_size": (0, 480)}, r"image size is \(0, 480\); it must be two positive whole"),
        ({"image_size": (640.5, 480)}, "two positive whole numbers"),
        ({"orientation": (1, 1, 0, 0)}, "orientation has length 1.414; it must be a unit"),
    ],
)
def test_an_impossible_camera_is_refused(changes, message):
    camera = Camera("c", (640, 480), (500, 500), (320, 240))
    with pytest.raises(InputError, match=message):
        camera.replaced(**changes)


def test_wrong_shapes_are_named():
    camera = Camera.assumed((640, 480))
    with pytest.raises(ShapeError, match=r"world points has shape \(4, 2\)"):
        camera.to_camera(np.ones((4, 2)))
    with pytest.raises(ShapeError, match=r"camera-space points has shape \(2,\)"):
        camera.project(np.ones(2))
    with pytest.raises(ShapeError, match=r"pixels has shape \(5, 3\)"):
        camera.rays(np.ones((5, 3)))
    with pytest.raises(ShapeError, match=r"rays has shape \(3,\)"):
        virtual_rotation(np.ones(3))
    with pytest.raises(ShapeError, match=r"pixels has shape \(3,\)"):
        normalize_screen(np.ones(3), (640, 480))
