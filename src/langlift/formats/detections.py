"""Read ``.npz`` files of detector output: arrays ``det2d_<layout>`` (f, j, 3) of x, y, score.

The joint names of ``det2d_<layout>`` are in ``<layout>_names``, those of a 17-joint array in the
Human3.6M convention in ``joint_names``; frames per second in ``fps``, the camera matrix in ``K``
(3, 3). Pose2Sim-style multi-camera recordings are often passed on like this.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError, check_shape
from ..skeletons import HUMAN36M_17, Skeleton, get_skeleton
from .clip import Clip, ReadOptions, Track
from .joint_names import covers, match_names, order_for
from .npz_arrays import array_names, load_arrays, numeric, scalar, strings

_PREFIX = "det2d_"


def sniff(path: Path) -> bool:
    """Whether a file is an npz with at least one ``det2d_`` array."""
    return path.is_file() and any(name.startswith(_PREFIX) for name in array_names(path))


def parse(path: Path, options: ReadOptions) -> Clip:
    """Read one layout of a detections file.

    With several layouts the detector's own is taken, not the 17 Human3.6M joints derived from it,
    unless the user names a skeleton.
    """
    arrays = load_arrays(path, _wanted)
    names = {key: _names_of(key, arrays) for key in arrays if key.startswith(_PREFIX)}
    if not names:
        raise InputError(f"there is no array {_PREFIX}<layout> with x, y, score for each joint")
    key, skeleton = _choose(names, options.skeleton)
    points = numeric(arrays, key).astype(np.float64)
    frames, joints = check_shape(points, "f j 3", key).values()
    layout = names[key]
    if layout is None:
        order = [*range(joints)]
    elif len(layout) != joints:
        raise InputError(f"{key} has {joints} joints but {len(layout)} names; give one each")
    else:
        order = order_for(layout, skeleton)
    provenance: dict[str, Any] = {"file": path.name, "format": "detections", "array": key}
    others = sorted(set(names) - {key})
    if others:
        provenance["arrays_not_used"] = others
        if skeleton != HUMAN36M_17 and options.skeleton is None:
            provenance["layout"] = (
                "the detector's own layout; 17 Human3.6M joints derived from it are not read "
                f"(--skeleton {HUMAN36M_17.name})"
            )
    if "K" in arrays:
        provenance["camera_matrix"] = _camera_matrix(arrays)
    return Clip(
        length=frames,
        skeleton=skeleton,
        people={"0": Track(np.arange(frames), points[:, order])},
        fps=scalar(arrays, "fps"),
        provenance=provenance,
    )


def _wanted(name: str) -> bool:
    return name.startswith(_PREFIX) or name.endswith("_names") or name in ("fps", "K")


def _names_of(key: str, arrays: Mapping[str, np.ndarray]) -> list[str] | None:
    """Joint names of one detections array, None where the file does not give them."""
    own = key.removeprefix(_PREFIX) + "_names"
    if own in arrays:
        return strings(arrays, own)
    if "joint_names" in arrays and arrays[key].shape[1:2] == arrays["joint_names"].shape:
        return strings(arrays, "joint_names")
    return None


def _choose(names: Mapping[str, list[str] | None], skeleton: str | None) -> tuple[str, Skeleton]:
    """The array to read and the skeleton it is in."""
    if skeleton is not None:
        kind = get_skeleton(skeleton)
        fitting = [key for key, given in names.items() if given and covers(given, kind)]
        # Without names the user's word is all there is; Keypoints checks the number of joints.
        fitting = fitting or [key for key, given in names.items() if given is None]
        if not fitting:
            raise InputError(
                f"none of {', '.join(names)} has the joints of {kind.name!r}; leave out --skeleton "
                "to read the layout the file names"
            )
        candidates = dict.fromkeys(fitting, kind)
    else:
        candidates = {key: match_names(given) for key, given in names.items() if given}
        if not candidates:
            raise InputError(
                f"the file does not name the joints of {', '.join(names)}; name their skeleton "
                "with --skeleton"
            )
    own = {key: kind for key, kind in candidates.items() if kind != HUMAN36M_17} or candidates
    if len(own) > 1:
        listed = ", ".join(f"{key} ({kind.name})" for key, kind in own.items())
        raise InputError(
            f"the file holds several layouts: {listed}; choose one with --skeleton, or keep one of "
            "them in the file where they have the same skeleton"
        )
    return next(iter(own.items()))


def _camera_matrix(arrays: Mapping[str, np.ndarray]) -> list[list[float]]:
    matrix = numeric(arrays, "K")
    check_shape(matrix, "3 3", "the camera matrix K")
    if not np.isfinite(matrix).all():
        raise InputError("the camera matrix K holds values that are not finite; leave it out")
    return matrix.astype(float).tolist()
