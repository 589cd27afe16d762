"""Geometry: cameras, rotations and alignment of poses; pure functions over (*, j, c) in numpy."""

from .alignment import Similarity, procrustes, scale_to, similarity
from .cameras import (
    Camera,
    denormalize_screen,
    normalize_screen,
    to_rays,
)
from .human36m import human36m_cameras
from .rotations import (
    axis_angle_matrix,
    look_at,
    matrix_to_quaternion,
    quaternion_conjugate,
    quaternion_rotate,
    quaternion_to_matrix,
    rotation_z,
)
from .virtual import virtual_rotation

__all__ = [
    "Camera",
    "Similarity",
    "axis_angle_matrix",
    "denormalize_screen",
    "human36m_cameras",
    "look_at",
    "matrix_to_quaternion",
    "normalize_screen",
    "procrustes",
    "quaternion_conjugate",
    "quaternion_rotate",
    "quaternion_to_matrix",
    "rotation_z",
    "scale_to",
    "similarity",
    "to_rays",
    "virtual_rotation",
]
