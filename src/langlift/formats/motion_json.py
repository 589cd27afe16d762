"""Write a motion as JSON that people and other programs can read: axes and units are in the file.

Coordinates are rounded to the micrometre; a value that is not a number becomes ``null``. Each line
below ``"joints"`` is one frame.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..tracks import SPACE_AXES, ActionEstimate, Motion
from .files import atomic_write
from .npz import provenance_json

_DECIMALS = 6


def write_motion(motion: Motion, path: str | Path) -> Path:
    """Write a motion as JSON, in metres.

    Raises:
        InputError: when the file cannot be written, see `atomic_write`.
    """
    fields = {
        "format": "langlift motion",
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
