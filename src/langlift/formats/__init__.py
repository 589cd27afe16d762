"""Readers of 2D keypoint files and writers of 3D motion, in registries that can be listed."""

from .clip import Reader, ReadOptions
from .files import atomic_write, make_folder
from .npz import read_motion, write_keypoints
from .registry import READERS, WRITERS, Writer, read, read_people, write

__all__ = [
    "READERS",
    "WRITERS",
    "ReadOptions",
    "Reader",
    "Writer",
    "atomic_write",
    "make_folder",
    "read",
    "read_motion",
    "read_people",
    "write",
    "write_keypoints",
]
