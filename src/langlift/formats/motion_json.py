"""A motion as JSON that people and other programs can read: axes and units are in the file.

Coordinates are rounded to the micrometre; a value that is not a number becomes ``null``. Each line
below ``"joints"`` is one frame.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..skeletons import SKELETONS, Skeleton
from ..tracks import SPACE_AXES, ActionEstimate, Motion
from .files import atomic_write, check_depth
from .npz import provenance_json

_DECIMALS = 6
_FORMAT = "langlift motion"


def write_motion(motion: Motion, path: str | Path) -> Path:
    """Write a motion as JSON, in metres.

    Raises:
        InputError: when the file cannot be written, see `atomic_write`.
    """
    fields = {
        "format": _FORMAT,
        "units": "metres and seconds",
        "space": motion.space,
        "axes": SPACE_AXES[motion.space],
        "fps": motion.fps,
        "frames": len(motion),
        "skeleton": motion.skeleton.name,
        "joint_names": list(motion.skeleton.joints),
        "joint_parents": list(motion.skeleton.parents),
        "root_joint": motion.skeleton.root,
        "provenance": json.loads(provenance_json(motion.provenance)),
        "action": None if motion.action is None else _action(motion.action),
        "joints": motion.joints,
        "root": motion.root,
        "hypotheses": motion.hypotheses,
        "spread": motion.spread,
    }
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8") as out:
        before = "{\n"
        for name, value in fields.items():
            out.write(f'{before}"{name}": ')
            out.writelines(_text(value))
            before = ",\n"
        out.write("\n}\n")
    return Path(path)


def is_motion(content: Any) -> bool:
    """Whether the content of a JSON file is a motion that `write_motion` wrote."""
    return isinstance(content, dict) and content.get("format") == _FORMAT


def parse_motion(content: Mapping[str, Any]) -> Motion:
    """The motion that `write_motion` wrote, to the micrometre it was rounded to.

    Args:
        content: of the JSON file; ``null`` in an array stands for a value that is not known.

    Raises:
        InputError: when a field is missing or cannot be used; the message does not name the file.
    """
    check_depth(content, "the motion")
    provenance = _field(content, "provenance", dict)
    arrays = {name: content.get(name) for name in ("root", "hypotheses", "spread")}
    estimate = content.get("action")
    return Motion(
        joints=_array(_field(content, "joints", list), "joints"),
        skeleton=_skeleton(content),
        fps=_field(content, "fps", int | float),
        space=_field(content, "space", str),
        action=None if estimate is None else _estimate(_field(content, "action", dict)),
        provenance=provenance,
        **{n: None if value is None else _array(value, n) for n, value in arrays.items()},
    )


def _field(content: Mapping[str, Any], name: str, kind: Any) -> Any:
    value = content.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        told = "is missing" if name not in content else f"is of type {type(value).__name__}"
        raise InputError(f"the field {name!r} {told}; give the file as langlift wrote it")
    return value


def _array(value: Any, name: str) -> np.ndarray:
    """Nested lists as an array, ``null`` as NaN."""
    try:
        return np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(
            f"the field {name!r} is no regular array of numbers; give the file as langlift wrote it"
        ) from None


def _skeleton(content: Mapping[str, Any]) -> Skeleton:
    name, root = _field(content, "skeleton", str), content.get("root_joint")
    joints, parents = (_field(content, f"joint_{n}", list) for n in ("names", "parents"))
    right = all(isinstance(joint, str) for joint in joints) and isinstance(root, str | None)
    if not right or not all(type(parent) is int for parent in parents):
        raise InputError(
            "joint_names must be text, joint_parents whole numbers and root_joint one of the names "
            "or null; give the file as langlift wrote it"
        )
    skeleton = Skeleton(name, tuple(joints), tuple(parents), root)
    if name in SKELETONS and skeleton != SKELETONS[name]:
        raise InputError(
            f"the joints are not those of skeleton {name!r}; give the file as langlift wrote it"
        )
    return skeleton


def _estimate(action: Mapping[str, Any]) -> ActionEstimate:
    windows = _array(_field(action, "windows", list), "windows")
    if not np.array_equal(windows, np.trunc(windows)):
        raise InputError("action windows must be whole numbers of frames")
    labels = tuple(str(label) for label in _field(action, "labels", list))
    probabilities = _array(_field(action, "probabilities", list), "probabilities")
    return ActionEstimate(labels, probabilities, windows.astype(np.int64))


def _action(action: ActionEstimate) -> dict[str, Any]:
    return {
        "label": action.label,
        "probability": action.probability,
        "labels": list(action.labels),
        "probabilities": _rounded(action.probabilities),
        "windows": action.windows.tolist(),
    }


def _text(value: Any) -> Iterator[str]:
    """One field as JSON, piece by piece; an array takes a line for each entry of its first axis."""
    if not isinstance(value, np.ndarray):
        yield _dump(value)
        return
    # An hour is nine million numbers: look for those that are none once and not one by one.
    dump = json.dumps if np.isfinite(value).all() else _dump
    yield "[\n"
    for place, row in enumerate(value):
        yield (",\n" if place else "") + dump(_rounded(row))
    yield "\n]"


def _dump(value: Any) -> str:
    return json.dumps(_without_nan(value), allow_nan=False)


def _rounded(array: np.ndarray) -> Any:
    return np.round(array.astype(np.float64), _DECIMALS).tolist()


def _without_nan(value: Any) -> Any:
    """The value with ``None`` for numbers that are not finite: JSON has no word for them."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return value
