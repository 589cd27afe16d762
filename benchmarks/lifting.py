"""How fast the network is against the reference form, and how fast a whole lift is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from encoders import REFERENCE
from machine import in_turns, median_seconds
from material import Setup, keypoints
from reference_vpose import ReferenceVPose, reference_joints, reference_of
from table import Row

from langlift.lifting.engine import CHUNK_FRAMES
from langlift.lifting.lifter import Lifter, LiftOptions
from langlift.methods.base import Precision


def network(setup: Setup) -> list[Row]:
    """Frames per second of the network alone, and how far its numbers are from the reference."""
    lifter, frames = setup.lifter, setup.size(CHUNK_FRAMES, 64)
    features = random_features(lifter, frames)
    reference = reference_of(lifter)
    rows, differences = [], []
    for precision in ("fp32", "bf16"):
        for flip in (False, True):
            rows.append(_rate(setup, features, reference, precision, flip))
        if reference is not None:
            differences.append(_difference(setup, features, reference, precision))
    return rows + differences


def whole_lift(setup: Setup) -> list[Row]:
    """Frames per second of `Lifter.lift`: conversion, gaps, features, network, action windows."""
    rows = []
    for frames in (setup.size(1_000, 100), setup.size(20_000, 200)):
        track = keypoints(frames)
        for precision in ("fp32", "bf16"):
            options = LiftOptions(precision=precision)
            seconds = median_seconds(
                lambda track=track, options=options: setup.lifter.lift(track, options=options),
                setup.rounds,
            )
            name = f"lift() of {frames:,} frames, {precision}, flip"
            rows.append(Row(name, frames / seconds, "frames/s"))
    return rows


def random_features(lifter: Lifter, outputs: int) -> np.ndarray:
    """(outputs + receptive field - 1, 17, 2) features of about the size of real ones."""
    frames = outputs + sum(lifter.network.padding)
    return np.random.default_rng(0).normal(size=(frames, 17, 2)).astype(np.float32)


def _rate(
    setup: Setup,
    features: np.ndarray,
    reference: ReferenceVPose | None,
    precision: Precision,
    flip: bool,
) -> Row:
    frames = len(features) - sum(setup.lifter.network.padding)
    ours = _pass(setup.lifter, features, precision, flip)
    name = f"network, {frames:,} frames, {precision}, {'flip' if flip else 'no flip'}"
    limit = setup.target(5_000, "at least") if precision == "fp32" else None
    if reference is None:
        seconds = median_seconds(ours, setup.rounds)
        none = f"none for {setup.lifter.bundle.method}"
        return Row(name, frames / seconds, "frames/s", limit, reference=none)
    times = in_turns(ours, _reference_pass(reference, features, flip), setup.rounds)
    return Row(name, frames / times.seconds, "frames/s", limit, times.ratio, REFERENCE)


def _difference(
    setup: Setup, features: np.ndarray, reference: ReferenceVPose, precision: Precision
) -> Row:
    """Largest distance of a coordinate from the reference's, with flip."""
    joints = _pass(setup.lifter, features, precision, flip=True)()
    wanted = _reference_pass(reference, features, True)().numpy()
    target = setup.target(0.01, "at most") if precision == "fp32" else None
    worst = float(np.abs(joints - wanted).max()) * 1000
    return Row(f"largest difference to the reference, {precision}", worst, "mm", target)


def _pass(
    lifter: Lifter, features: np.ndarray, precision: Precision, flip: bool
) -> Callable[[], np.ndarray]:
    """One chunk through the lifter's engine as `Lifter.lift` does it."""
    options, xy = LiftOptions(flip=flip, precision=precision), torch.from_numpy(features)[None]

    @torch.inference_mode()
    def run() -> np.ndarray:
        return lifter.engine.passes(xy, None, options).joints[0].float().numpy()

    return run


def _reference_pass(
    reference: ReferenceVPose, features: np.ndarray, flip: bool
) -> Callable[[], torch.Tensor]:
    tensor = torch.from_numpy(features)
    return lambda: reference_joints(reference, tensor, flip)
