"""Write a motion as a table: one row per frame, for spreadsheets and statistics programs.

Columns: ``frame`` (from 0), ``time_s``, ``<joint>_x``, ``<joint>_y``, ``<joint>_z`` for each joint
in metres and the axes of the motion's space, ``trajectory_x``, ``_y``, ``_z`` where the root's
trajectory is known, ``action`` and ``action_probability`` where the action was estimated. The first
line is the header; there are no comments. Provenance, hypotheses and spread have no place in a
table: write npz or JSON for them.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from ..tracks import ActionEstimate, Motion
from .files import atomic_write

_DECIMALS = 6


def write_motion(motion: Motion, path: str | Path) -> Path:
    """Write a motion as CSV, in metres.

    Raises:
        InputError: when the file cannot be written, see `atomic_write`.
    """
    points = motion.joints
    names = list(motion.skeleton.joints)
    if motion.root is not None:
        points = np.concatenate([points, motion.root[:, None]], axis=1)
        names.append("trajectory")
    header = ["frame", "time_s", *(f"{name}_{axis}" for name in names for axis in "xyz")]
    actions: list[list[str]] = [[] for _ in range(len(motion))]
    if motion.action is not None:
        header += ["action", "action_probability"]
        actions = _actions(motion.action, len(motion))
    with atomic_write(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as out:
        table = csv.writer(out, lineterminator="\n")
        table.writerow(header)
        for frame, (row, action) in enumerate(zip(points, actions, strict=True)):
            values = [f"{v:.{_DECIMALS}f}" for v in row.reshape(-1).tolist()]
            table.writerow([frame, f"{frame / motion.fps:.{_DECIMALS}f}", *values, *action])
    return Path(path)


def _actions(action: ActionEstimate, frames: int) -> list[list[str]]:
    """Label and probability for each frame: the mean over the windows that cover it."""
    total = np.zeros((frames, len(action.labels)))
    covering = np.zeros(frames)
    for (first, last), probabilities in zip(action.windows, action.probabilities, strict=True):
        total[first:last] += probabilities
        covering[first:last] += 1
    mean = total / np.maximum(covering, 1)[:, None]
    best = mean.argmax(axis=1)
    return [
        [action.labels[best[f]], f"{mean[f, best[f]]:.{_DECIMALS}f}"] if covering[f] else ["", ""]
        for f in range(frames)
    ]
