"""langlift's own files: 2D keypoints and 3D motion as plain numeric ``.npz``, no pickle.

Keypoints hold ``xy`` (f, j, 2) pixels, ``confidence`` (f, j), ``skeleton``, ``fps``,
``image_size`` (width, height), ``person`` and ``provenance`` (JSON); only ``xy`` must be there if
the user gives the rest. Motion holds ``joints`` (f, j, 3) metres, ``joint_names``, ``skeleton``,
``fps``, ``space``, ``provenance`` and, where the motion has them, ``root`` (f, 3),
``action_labels``, ``action_probabilities`` (w, k), ``action_windows`` (w, 2), ``hypotheses``
(h, f, j, 3) and ``spread`` (f, j). Both come back exactly as they were written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError, check_shape
from ..skeletons import SKELETONS, Skeleton, get_skeleton
from ..tracks import ActionEstimate, Keypoints, Motion
from .clip import Clip, ReadOptions, Track
from .files import atomic_write, check_depth, check_exists, naming, one_line
from .joint_names import canonical, match_names, order_for
from .npz_arrays import array_names, load_arrays, numeric, scalar, string, strings, whole

_SKELETON_ARRAYS = ("skeleton", "joint_names", "joint_parents", "root_joint")
_SHARED_ARRAYS = ("fps", "provenance", *_SKELETON_ARRAYS)
_KEYPOINT_ARRAYS = ("xy", "confidence", "image_size", "person", *_SHARED_ARRAYS)
_ACTION_ARRAYS = ("action_labels", "action_probabilities", "action_windows")
_OPTIONAL_ARRAYS = ("root", "hypotheses", "spread")
_MOTION_ARRAYS = ("joints", "space", *_OPTIONAL_ARRAYS, *_ACTION_ARRAYS, *_SHARED_ARRAYS)


def sniff(path: Path) -> bool:
    """Whether a file is an npz with 2D keypoints of langlift's layout."""
    return path.is_file() and "xy" in array_names(path)


def parse(path: Path, options: ReadOptions) -> Clip:
    """Read langlift's own keypoint file."""
    arrays = load_arrays(path, _KEYPOINT_ARRAYS.__contains__)
    xy = numeric(arrays, "xy").astype(np.float64)
    frames, joints = check_shape(xy, "f j 2", "xy").values()
    if joints == 0:
        raise InputError("xy holds no joints; save it as (frames, joints, 2)")
    seen = np.isfinite(xy).all(axis=-1, keepdims=True)
    points = np.concatenate([xy, seen], axis=-1)
    if "confidence" in arrays:
        confidence = numeric(arrays, "confidence")
        check_shape(confidence, f"{frames} {joints}", "confidence")
        points[..., 2] = confidence
    skeleton, order = _keypoint_skeleton(arrays, joints, options.skeleton)
    person = string(arrays, "person") if "person" in arrays else "0"
    size = numeric(arrays, "image_size").tolist() if "image_size" in arrays else None
    return Clip(
        length=frames,
        skeleton=skeleton,
        people={person: Track(np.arange(frames), points[:, order])},
        fps=scalar(arrays, "fps"),
        image_size=size,
        provenance={"file": path.name, "format": "npz", **_provenance(arrays)},
    )


def write_keypoints(keypoints: Keypoints, path: str | Path) -> Path:
    """Write keypoints as langlift's own npz; `read` gives them back exactly.

    Returns:
        The path that was written.

    Raises:
        InputError: when the file cannot be written, see `atomic_write`.
    """
    arrays = {
        "xy": keypoints.xy,
        "confidence": keypoints.confidence,
        "fps": np.float64(keypoints.fps),
        "image_size": np.array(keypoints.image_size),
        "person": np.array(keypoints.person),
        "provenance": np.array(provenance_json(keypoints.provenance)),
        **_skeleton_arrays(keypoints.skeleton),
    }
    return _save(path, arrays)


def write_motion(motion: Motion, path: str | Path) -> Path:
    """Write a motion as npz; `read_motion` gives it back exactly.

    Raises:
        InputError: when the file cannot be written, see `atomic_write`.
    """
    arrays: dict[str, Any] = {
        "joints": motion.joints,
        "fps": np.float64(motion.fps),
        "space": np.array(motion.space),
        "provenance": np.array(provenance_json(motion.provenance)),
        **_skeleton_arrays(motion.skeleton),
    }
    optional = {n: getattr(motion, n) for n in _OPTIONAL_ARRAYS}
    arrays |= {name: value for name, value in optional.items() if value is not None}
    if motion.action is not None:
        arrays["action_labels"] = np.array(motion.action.labels, dtype=np.str_)
        arrays["action_probabilities"] = motion.action.probabilities
        arrays["action_windows"] = motion.action.windows
    return _save(path, arrays)


def read_motion(path: str | Path) -> Motion:
    """A motion that langlift wrote as npz, exactly as it was.

    Raises:
        InputError: when the file is no such motion; one sentence that names the file.
    """
    with naming(path):
        check_exists(Path(path))
        arrays = load_arrays(Path(path), _MOTION_ARRAYS.__contains__)
        joints = numeric(arrays, "joints")
        action = None
        if "action_labels" in arrays:
            action = ActionEstimate(
                tuple(strings(arrays, "action_labels")),
                numeric(arrays, "action_probabilities"),
                whole(arrays, "action_windows"),
            )
        optional = {n: numeric(arrays, n) for n in _OPTIONAL_ARRAYS if n in arrays}
        return Motion(
            joints=joints,
            skeleton=_skeleton_of(arrays),
            fps=scalar(arrays, "fps"),
            space=string(arrays, "space"),  # pyright: ignore[reportArgumentType]  Motion checks it
            action=action,
            provenance=_provenance(arrays),
            **optional,
        )


def provenance_json(provenance: Mapping[str, Any]) -> str:
    """Provenance as JSON; arrays become lists, paths become text.

    Raises:
        InputError: when it holds something that JSON cannot.
    """

    def plain(value: Any) -> Any:
        if isinstance(value, np.ndarray | np.generic):
            return value.tolist()
        if isinstance(value, Path):
            return str(value)
        raise InputError(
            f"the provenance holds a {type(value).__name__}, which cannot be stored; "
            "use text, numbers, lists and dictionaries"
        )

    return json.dumps(dict(provenance), default=plain)


def _save(path: str | Path, arrays: Mapping[str, Any]) -> Path:
    with atomic_write(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, **arrays)
    return Path(path)


def _skeleton_arrays(skeleton: Skeleton) -> dict[str, np.ndarray]:
    """A skeleton as arrays; complete, so that one that is not built in comes back too."""
    arrays = {
        "skeleton": np.array(skeleton.name),
        "joint_names": np.array(skeleton.joints, dtype=np.str_),
        "joint_parents": np.array(skeleton.parents, dtype=np.int64),
    }
    if skeleton.root is not None:
        arrays["root_joint"] = np.array(skeleton.root)
    return arrays


def _keypoint_skeleton(
    arrays: Mapping[str, np.ndarray], joints: int, chosen: str | None
) -> tuple[Skeleton, list[int]]:
    """A keypoint file's skeleton and the order to put its joints in.

    The user's word comes first, then the name in the file, then the joint names.
    """
    if chosen is not None:
        return get_skeleton(chosen), [*range(joints)]
    if "skeleton" in arrays:
        return _skeleton_of(arrays), [*range(joints)]
    if "joint_names" not in arrays:
        raise InputError("the file does not say its skeleton; name it with --skeleton")
    names = strings(arrays, "joint_names")
    if len(names) != joints:
        raise InputError(f"xy has {joints} joints but joint_names has {len(names)}; give one each")
    skeleton = match_names(names)
    return skeleton, order_for(names, skeleton)


def _skeleton_of(arrays: Mapping[str, np.ndarray]) -> Skeleton:
    """The skeleton a file names: a known one, or one it describes in full."""
    name = string(arrays, "skeleton")
    names = tuple(strings(arrays, "joint_names")) if "joint_names" in arrays else None
    if name in SKELETONS or names is None or "joint_parents" not in arrays:
        skeleton = get_skeleton(name)
        if names is not None and tuple(canonical(n) for n in names) != skeleton.joints:
            raise InputError(
                f"joint_names are not the joints of skeleton {name!r} in its order "
                f"({', '.join(skeleton.joints)}); put the joints in this order"
            )
        return skeleton
    parents = whole(arrays, "joint_parents").reshape(-1)
    root = string(arrays, "root_joint") if "root_joint" in arrays else None
    return Skeleton(name, names, tuple(parents.tolist()), root)


def _provenance(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    if "provenance" not in arrays:
        return {}
    try:
        stored = json.loads(string(arrays, "provenance"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"the provenance is not valid JSON ({one_line(error)})") from error
    if not isinstance(stored, dict):
        raise InputError("the provenance is no JSON object; save it as one")
    check_depth(stored, "the provenance")
    return stored
