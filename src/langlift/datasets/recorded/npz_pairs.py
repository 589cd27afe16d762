"""What the npz layouts of docs/data.md share: which files there are, their camera, what is asked.

Each such file holds numeric arrays and texts, no pickle, for one camera's video.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError, check_shape
from ...formats.npz_arrays import numeric, string
from ...geometry.cameras import Camera
from ...tracks import LARGEST_SIDE

#: Arrays that describe a camera; the last two say where it stands.
CAMERA_ARRAYS = ("focal", "center", "radial", "tangential", "orientation", "position")
_LENGTHS = {"focal": 2, "center": 2, "radial": 3, "tangential": 2, "orientation": 4, "position": 3}


def npz_files(path: Path) -> dict[str, Path]:
    """The npz files of a dataset by name: a file's own, or a folder's, subfolders included.

    Raises:
        InputError: when there are none; the message names the path.
    """
    if path.is_file():
        return {path.stem: path}
    found = {str(p.relative_to(path).with_suffix("").as_posix()): p for p in path.rglob("*.npz")}
    if not found:
        what = "holds no .npz files" if path.is_dir() else "does not exist"
        raise InputError(f"{path} {what}; give a file or folder in the layout of docs/data.md")
    return dict(sorted(found.items()))


def check_present(shapes: Mapping[str, Any], needed: Sequence[str], what: str) -> None:
    """Raise `InputError` where arrays that must be there are not; it does not name the file."""
    absent = [name for name in needed if name not in shapes]
    if absent:
        raise InputError(
            f"this is no {what}, it lacks {', '.join(absent)}; add what is missing (docs/data.md "
            "lists it) or take the file out of the folder"
        )


def text_or(arrays: Mapping[str, np.ndarray], name: str, otherwise: str) -> str:
    """A text by name, or what holds where the file has none."""
    return string(arrays, name) if name in arrays else otherwise


def camera_of(
    arrays: Mapping[str, np.ndarray], name: str, image_size: tuple[int, int]
) -> Camera | None:
    """The calibrated camera of a file, None where the file has no focal length.

    Raises:
        InputError: for half a calibration; the message does not name the file.
    """
    given = {key: _vector(arrays, key) for key in CAMERA_ARRAYS if key in arrays}
    if "focal" not in given:
        rest = [key for key in ("center", "radial", "tangential") if key in given]
        if rest:
            raise InputError(f"it has {rest[0]} but no focal; give both focal and center, or none")
        return None
    if "center" not in given:
        raise InputError("it has focal but no center; give both in pixels, or none")
    return Camera(name, image_size, **given)  # pyright: ignore[reportArgumentType]  checked there


def placement_of(
    arrays: Mapping[str, np.ndarray], name: str, image_size: tuple[int, int]
) -> Camera:
    """A camera that stands where the file says, for `to_camera`; its lens may be any.

    Raises:
        InputError: when the file does not say where; the message does not name the file.
    """
    absent = [key for key in ("orientation", "position") if key not in arrays]
    if absent:
        raise InputError(
            f"joints_3d is in the world but the file has no {' and no '.join(absent)} of the "
            "camera; add it, or save joints_3d in camera axes and say space 'camera'"
        )
    where = {key: _vector(arrays, key) for key in ("orientation", "position")}
    return Camera.assumed(image_size).replaced(name=name, **where)


def _vector(arrays: Mapping[str, np.ndarray], name: str) -> tuple[float, ...]:
    values = numeric(arrays, name)
    check_shape(values, str(_LENGTHS[name]), name)
    return tuple(values.astype(float).tolist())


def size_of(arrays: Mapping[str, np.ndarray]) -> tuple[int, int]:
    """The (width, height) in pixels that a file gives.

    Raises:
        InputError: for anything else; the message does not name the file.
    """
    values = numeric(arrays, "image_size")
    sides = values.tolist()
    if values.shape != (2,) or not all(0 < s <= LARGEST_SIDE and s == int(s) for s in sides):
        raise InputError(
            f"image_size is {sides}; it must be the width and height of the frames in whole "
            f"pixels, from 1 to {LARGEST_SIDE:,}: save it anew"
        )
    return int(sides[0]), int(sides[1])


def same_everywhere(
    values: Mapping[str, Any], what: str, remedy: str, shown: Callable[[Any], str] = str
) -> Any:
    """The value that all files have.

    Raises:
        InputError: when two differ; the message names both files.
    """
    first = next(iter(values))
    for name, value in values.items():
        if value != values[first]:
            raise InputError(
                f"{first} has {what} {shown(values[first])} but {name} has {shown(value)}; {remedy}"
            )
    return values[first]


def names_in(path: Path, files: Sequence[Path]) -> list[str]:
    """Names of files within a dataset's folder, or of the dataset's one file."""
    return [file.relative_to(path).as_posix() if file != path else file.name for file in files]
