"""How often the estimated action is the true one."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InputError, ShapeError


def action_accuracy(predicted: Any, true: Any) -> float:
    """Share of recordings whose estimated action is the true one, per cent.

    Args:
        predicted: (n) labels or class indices, one per recording (or per view of it).
        true: (n) labels or class indices, of the same kind.

    Raises:
        ShapeError: when the two are not of one length.
        InputError: when they are empty, or one holds labels and the other indices.
    """
    estimated, truth = np.asarray(predicted), np.asarray(true)
    if estimated.shape != truth.shape or estimated.ndim != 1:
        raise ShapeError(
            f"predicted has shape {estimated.shape} but true has shape {truth.shape}; give one "
            "label of each per recording",
            str(truth.shape),
            estimated.shape,
        )
    if estimated.size == 0:
        raise InputError("there are no labels to compare; give at least one recording")
    both = estimated.dtype.kind + truth.dtype.kind
    if both != "UU" and not set(both) <= {"i", "u"}:
        raise InputError(
            f"predicted labels are of type {estimated.dtype} and true ones of type {truth.dtype}; "
            "give both as text or both as class indices"
        )
    return float(100.0 * (estimated == truth).mean())
