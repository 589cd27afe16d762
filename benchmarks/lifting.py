"""How fast the network is against the reference form, and how fast a whole lift is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from machine import in_turns, median_seconds, sgemm_gauge
from material import Setup, keypoints, random_weights
from reference_vpose import ReferenceVPose, reference_joints, reference_of
from table import Row

from langlift.lifting.lifter import CHUNK_FRAMES, Lifter, LiftOptions, Precision
from langlift.methods.vpose import VPoseConfig

REFERENCE = "reference form, fp32"

# The authors' code at the paper's size: 243 frames out of 485, measured on a machine whose gauge
# was 326 GF/s. The reference form has to be as fast, or every ratio against it would be flattered.
_PAPER_OUT = 243
_AUTHORS_SECONDS, _AUTHORS_GAUGE, _AGREEMENT = 0.056, 326.0, 1.15


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


def paper_size(setup: Setup) -> list[Row]:
    """The same for VPose as published (243 frames, 1024 channels), and a check of the reference."""
    config = VPoseConfig(widths=(3, 3), channels=32) if setup.quick else VPoseConfig()
    lifter = Lifter.from_file(random_weights(setup.folder / "paper.safetensors", config))
    reference = _needed(reference_of(lifter))
    outputs = setup.size(_PAPER_OUT, 27)
    features = random_features(lifter, outputs)
    title = f"VPose of the paper's size, {outputs} frames from {len(features)}"
    limits: dict[Precision, float] = {"fp32": 1.0, "bf16": 3.5}
    rows = []
    for precision, limit in limits.items():
        ours = _pass(lifter, features, precision, flip=False)
        times = in_turns(ours, _reference_pass(reference, features, False), setup.rounds)
        target = setup.target(limit, "at least")
        rows.append(Row(f"{title}, {precision}", times.ratio, "x reference", target))
    gauge = sgemm_gauge()
    seconds = median_seconds(_reference_pass(reference, features, False), setup.rounds)
    expected = _AUTHORS_SECONDS * _AUTHORS_GAUGE / (gauge + sgemm_gauge()) * 2
    target = setup.target(_AGREEMENT, "at most")
    name = "reference form against the authors' code, time at equal gauge"
    return [*rows, Row(name, seconds / expected, "x authors'", target)]


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
    """One chunk through the lifter as `Lifter.lift` does it."""
    options = LiftOptions(flip=flip, precision=precision)
    return lambda: lifter._predict(features, options)[0]


def _reference_pass(
    reference: ReferenceVPose, features: np.ndarray, flip: bool
) -> Callable[[], torch.Tensor]:
    tensor = torch.from_numpy(features)
    return lambda: reference_joints(reference, tensor, flip)


def _needed(reference: ReferenceVPose | None) -> ReferenceVPose:
    if reference is None:
        raise RuntimeError("VPose at the paper's size has no reference form")
    return reference
