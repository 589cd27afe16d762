"""The metrics as a first version of them is written: one frame after the other."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation


def reference_metrics(pred: np.ndarray, gt: np.ndarray) -> dict[str, float]:
    """Means over the frames of (f, j, 3), in metres or per cent."""
    values: dict[str, list[float]] = {
        name: [] for name in ("mpjpe", "pa_mpjpe", "n_mpjpe", "d_mpjpe", "pck", "auc")
    }
    speeds: list[float] = []
    bends: list[float] = []
    for f in range(len(pred)):
        p, g = pred[f].astype(np.float64), gt[f].astype(np.float64)
        errors = np.linalg.norm(p - g, axis=1)
        values["mpjpe"].append(errors.mean())
        values["pa_mpjpe"].append(np.linalg.norm(_aligned(p, g) - g, axis=1).mean())
        scale = (p * g).sum() / (p * p).sum()
        values["n_mpjpe"].append(np.linalg.norm(scale * p - g, axis=1).mean())
        values["d_mpjpe"].append(np.abs(p[:, 2] - g[:, 2]).mean())
        values["pck"].append(100 * (errors < 0.150).mean())
        levels = [100 * (errors < t / 1000).mean() for t in range(0, 151, 5)]
        values["auc"].append(sum(levels) / len(levels))
        before = [(pred[f - n].astype(np.float64) - gt[f - n]) for n in (1, 2) if f >= n]
        if f >= 1:
            speeds.append(np.linalg.norm(p - g - before[0], axis=1).mean())
        if f >= 2:
            bends.append(np.linalg.norm(p - g - 2 * before[0] + before[1], axis=1).mean())
    lists = values | {"mpjve": speeds, "acceleration_error": bends}
    return {name: float(np.mean(each)) for name, each in lists.items()}


def _aligned(p: np.ndarray, g: np.ndarray) -> np.ndarray:
    """A pose after its best similarity."""
    fixed, moved = g - g.mean(axis=0), p - p.mean(axis=0)
    turned = Rotation.align_vectors(fixed, moved)[0].apply(moved)
    return (turned * fixed).sum() / (turned**2).sum() * turned + g.mean(axis=0)
