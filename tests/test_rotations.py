"""Rotations: against scipy, by invariances, and the degenerate inputs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.transform import Rotation

from langlift.errors import InputError, ShapeError
from langlift.geometry import (
    axis_angle_matrix,
    look_at,
    matrix_to_quaternion,
    quaternion_conjugate,
    quaternion_rotate,
    quaternion_to_matrix,
    rotation_z,
)

quaternions = (
    arrays(np.float64, 4, elements=st.floats(-1, 1))
    .filter(lambda q: np.linalg.norm(q) > 0.05)
    .map(lambda q: q / np.linalg.norm(q))
)
vectors = arrays(np.float64, 3, elements=st.floats(-10, 10))


def scipy_rotation(q):
    return Rotation.from_quat(np.roll(q, -1, axis=-1))  # scipy puts w last


@settings(deadline=None)
@given(quaternions, vectors)
def test_rotating_agrees_with_scipy(q, v):
    expected = scipy_rotation(q).apply(v)
    assert quaternion_rotate(q, v) == pytest.approx(expected, abs=1e-12)
    assert quaternion_to_matrix(q) @ v == pytest.approx(expected, abs=1e-12)


@settings(deadline=None)
@given(quaternions, vectors)
def test_the_conjugate_undoes_the_rotation(q, v):
    assert quaternion_rotate(quaternion_conjugate(q), quaternion_rotate(q, v)) == pytest.approx(
        v, abs=1e-12
    )


@settings(deadline=None)
@given(quaternions)
def test_matrix_and_quaternion_are_inverse_up_to_sign(q):
    back = matrix_to_quaternion(quaternion_to_matrix(q))
    assert back[0] >= 0
    assert abs(back @ q) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("axis", np.eye(3))
def test_half_turns_survive_the_matrix(axis):
    half_turn = np.array([0.0, *axis])
    assert np.abs(matrix_to_quaternion(quaternion_to_matrix(half_turn))) == pytest.approx(half_turn)


def test_many_quaternions_at_once():
    q = Rotation.random(60, random_state=0).as_quat().reshape(5, 12, 4)
    q = np.roll(q, 1, axis=-1)
    matrices = quaternion_to_matrix(q)
    assert matrices.shape == (5, 12, 3, 3)
    assert matrices[3, 7] == pytest.approx(scipy_rotation(q[3, 7]).as_matrix(), abs=1e-12)
    assert matrix_to_quaternion(matrices) == pytest.approx(q * np.sign(q[..., :1]), abs=1e-12)


@settings(deadline=None)
@given(vectors.filter(lambda v: np.linalg.norm(v) > 1e-3), st.floats(-7, 7), st.floats(0.1, 10))
def test_axis_and_angle_agree_with_scipy_whatever_the_axis_length(axis, angle, stretch):
    unit = axis / np.linalg.norm(axis)
    expected = Rotation.from_rotvec(angle * unit).as_matrix()
    assert axis_angle_matrix(axis * stretch, angle) == pytest.approx(expected, abs=1e-12)


def test_axis_and_angle_broadcast():
    axes, angles = np.eye(3)[:, None], np.linspace(-2, 2, 4)
    matrices = axis_angle_matrix(axes, angles)
    assert matrices.shape == (3, 4, 3, 3)
    assert matrices[2] == pytest.approx(rotation_z(angles), abs=1e-15)
    expected = Rotation.from_euler("y", angles[3]).as_matrix()
    assert matrices[1, 3] == pytest.approx(expected, abs=1e-12)


def test_rotation_z_turns_x_towards_y():
    assert rotation_z(np.pi / 2) @ [1, 0, 0] == pytest.approx([0, 1, 0], abs=1e-15)


def test_an_axis_without_direction_is_refused():
    with pytest.raises(InputError, match="axis has length zero"):
        axis_angle_matrix([[0, 0, 1], [0, 0, 0]], 1.0)


def test_looking_along_y_puts_x_right_and_z_up():
    camera_to_world = quaternion_to_matrix(look_at((0, -4, 1), (0, 0, 1)))
    right, down, forward = camera_to_world.T
    assert right == pytest.approx([1, 0, 0])
    assert down == pytest.approx([0, 0, -1])
    assert forward == pytest.approx([0, 1, 0])


@settings(deadline=None)
@given(vectors, vectors, st.floats(-3, 3))
def test_the_camera_looks_at_its_target_with_the_horizon_level(position, target, roll):
    away = target - position
    if np.linalg.norm(away[:2]) < 1e-2:
        return
    matrix = quaternion_to_matrix(look_at(position, target))
    assert np.linalg.det(matrix) == pytest.approx(1)
    assert matrix.T @ away == pytest.approx([0, 0, np.linalg.norm(away)], abs=1e-9)
    assert matrix[2, 0] == pytest.approx(0, abs=1e-12), "the image's x axis is level"
    assert matrix[2, 1] < 0, "the image's y axis points down"
    rolled = quaternion_to_matrix(look_at(position, target, roll=roll))
    assert rolled == pytest.approx(matrix @ rotation_z(roll), abs=1e-9)


def test_a_quarter_roll_is_clockwise_from_behind():
    # Turned clockwise, the camera's right-hand side points to the ground.
    matrix = quaternion_to_matrix(look_at((0, -4, 1), (0, 0, 1), roll=np.pi / 2))
    assert matrix[:, 0] == pytest.approx([0, 0, -1], abs=1e-12)


def test_directions_that_leave_the_camera_undefined_are_refused():
    with pytest.raises(InputError, match="stands at the point it looks at"):
        look_at((1, 2, 3), (1, 2, 3))
    with pytest.raises(InputError, match="straight along `up`"):
        look_at((0, 0, 5), (0, 0, 0))
    assert look_at((0, 0, 5), (0, 0, 0), up=(0, 1, 0)).shape == (4,)


def test_results_keep_the_floating_type():
    q = np.array([1, 0, 0, 0], np.float32)
    assert quaternion_to_matrix(q).dtype == np.float32
    assert matrix_to_quaternion(np.eye(3, dtype=np.float32)).dtype == np.float32
    assert quaternion_rotate(q.astype(float), np.ones(3, np.float32)).dtype == np.float32
    assert quaternion_rotate([1, 0, 0, 0], [1, 2, 3]).dtype == np.float64


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (quaternion_rotate, (np.ones(3), np.ones(3)), r"quaternions has shape \(3,\)"),
        (quaternion_rotate, (np.ones(4), np.ones(2)), r"vectors has shape \(2,\)"),
        (matrix_to_quaternion, (np.ones((4, 3)),), r"rotation matrices has shape \(4, 3\)"),
        (axis_angle_matrix, (np.ones(2), 0.0), r"axis has shape \(2,\)"),
    ],
)
def test_wrong_shapes_are_named(function, arguments, message):
    with pytest.raises(ShapeError, match=message):
        function(*arguments)
