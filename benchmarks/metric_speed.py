"""How long the metrics take on a long recording, against a loop over its frames; their memory."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from encoders import peak_mb
from machine import in_turns, median_seconds
from material import Setup
from reference_metrics import reference_metrics
from table import Row

from langlift import metrics
from langlift.geometry import human36m_cameras
from langlift.skeletons import MPI_INF_3DHP_17

_FRAMES, _FRAMES_QUICK = 500_000, 60
_PART, _PART_QUICK = 2_000, 20  # frames that the loop is timed on
_HYPOTHESES = 20
_ROUNDS = 3  # each takes seconds
_SECONDS, _MB = 20.0, 2_000.0
_REFERENCE = "a loop over the frames"
#: Those that the loop has, too.
_COMPARED = {
    "mpjpe": metrics.mpjpe,
    "pa_mpjpe": metrics.pa_mpjpe,
    "n_mpjpe": metrics.n_mpjpe,
    "d_mpjpe": metrics.d_mpjpe,
    "mpjve": metrics.mpjve,
    "acceleration_error": metrics.acceleration_error,
    "pck": metrics.pck,
    "auc": metrics.auc,
}


def metric_speed(setup: Setup) -> list[Row]:
    """All metrics of one answer and of hypotheses, their peak memory, and that they are right."""
    frames = setup.size(_FRAMES, _FRAMES_QUICK)
    part = setup.size(_PART, _PART_QUICK)
    pred, gt = _poses(frames)
    few = pred[:part], gt[:part]
    rounds = min(setup.rounds, _ROUNDS)
    times = in_turns(lambda: _compared(pred, gt), lambda: reference_metrics(*few), rounds)
    ratio = times.ratio * frames / part
    whole = median_seconds(all_metrics(setup.quick), rounds)
    name = f"metrics, {frames:,} frames"
    title = f"all metrics, {frames:,} frames, as many poses of {_HYPOTHESES} hypotheses"
    target = setup.target(_SECONDS, "at most")
    memory = peak_mb(setup, "all", "ours", work="measure")
    ours, wanted = _compared(*few), reference_metrics(*few)
    worst = max(abs(ours[metric] - wanted[metric]) for metric in wanted)
    return [
        Row(f"{name}, {len(_COMPARED)} of them", times.seconds, "s", None, ratio, _REFERENCE),
        Row(title, whole, "s", target),
        Row(f"{title}: peak memory", memory, "MB", setup.target(_MB, "at most")),
        Row(f"{name}, largest difference to the loop", worst, "", setup.target(1e-6, "at most")),
    ]


def one_measure(name: str, form: str, quick: bool) -> Callable[[], Any]:
    """Computes all metrics; there is no other name and form."""
    assert (name, form) == ("all", "ours")
    return all_metrics(quick)


def all_metrics(quick: bool) -> Callable[[], Any]:
    """Computes every metric on one answer, and every one of hypotheses on as many poses."""
    frames = _FRAMES_QUICK if quick else _FRAMES
    pred, gt = _poses(frames)
    short = frames // _HYPOTHESES
    rng = np.random.default_rng(1)
    noise = rng.standard_normal((_HYPOTHESES, short, 17, 3), dtype=np.float32)
    several, true = pred[:short] + np.float32(0.02) * noise, gt[:short]
    camera = human36m_cameras("S9")[0]
    root = np.tile(np.array([0.0, 0.0, 5.0]), (short, 1))
    xy = camera.project(true + root[:, None])

    def run() -> None:
        _compared(pred, gt)
        metrics.per_joint(pred, gt)
        metrics.per_part(pred, gt, MPI_INF_3DHP_17)
        metrics.pck_by_group(pred, gt)
        metrics.auc_by_group(pred, gt)
        metrics.joint_best(several, true)
        metrics.pose_best(several, true)
        metrics.pose_best(several, true, per="sequence")
        metrics.pose_mean(several)
        metrics.joint_projected(several, root, camera, xy)
        metrics.spread(several)
        metrics.calibration(several, true)

    return run


def _compared(pred: np.ndarray, gt: np.ndarray) -> dict[str, float]:
    return {name: float(metric(pred, gt)) for name, metric in _COMPARED.items()}


@cache
def _poses(frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Random poses of the size of people and predictions some centimetres off, float32."""
    rng = np.random.default_rng(0)
    gt = np.float32(0.3) * rng.standard_normal((frames, 17, 3), dtype=np.float32)
    return gt + np.float32(0.05) * rng.standard_normal(gt.shape, dtype=np.float32), gt
