"""Pace of training the default: the optimiser step in both precisions, and drawing a batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

import torch
from machine import in_turns, median_seconds
from material import Setup, training_config
from table import Row

from langlift.actions import ActionVocabulary
from langlift.datasets.synthetic import SYNTHETIC_ACTIONS, synthetic_clips
from langlift.lifting.bundle import Bundle
from langlift.methods.base import Batch
from langlift.training.batches import WindowSampler
from langlift.training.config import TrainConfig
from langlift.training.loop import run_step
from langlift.training.optim import make_optimizer

_BATCHES = 4


def training(setup: Setup) -> list[Row]:
    """Target frames per second of one process; batches are drawn beforehand and timed apart."""
    config = training_config(setup.quick)
    bundle = Bundle("vpose", config.model, config.features, ActionVocabulary(SYNTHETIC_ACTIONS))
    clips = synthetic_clips(setup.size(84, 2), seed=0)
    sampler = WindowSampler(clips, bundle.actions, config, bundle.build().padding)
    batches = [sampler.batch(step) for step in range(_BATCHES)]
    step_of = {
        precision: _stepper(bundle, replace(config, precision=precision), batches)
        for precision in ("bf16", "fp32")
    }
    times = in_turns(step_of["bf16"], step_of["fp32"], setup.rounds)
    steps = count(_BATCHES)
    draw = median_seconds(lambda: sampler.batch(next(steps)), setup.rounds)
    frames = config.batch * config.frames
    title = f"training step, recipe robust, {config.batch} x {config.frames} frames"
    return [
        Row(f"{title}, fp32", frames / times.reference_seconds, "frames/s"),
        Row(
            f"{title}, bf16",
            frames / times.seconds,
            "frames/s",
            ratio=times.ratio,
            reference="the same in fp32",
        ),
        Row("drawing its batch (done beside the step)", draw * 1000, "ms"),
    ]


def _stepper(bundle: Bundle, config: TrainConfig, batches: list[Batch]) -> Callable[[], Any]:
    """A network of its own and a function that makes its next step."""
    torch.manual_seed(config.seed)
    network = bundle.build().train()
    optimizer = make_optimizer(network, config)
    steps = count()

    def step() -> dict[str, float]:
        at = next(steps)
        return run_step(network, optimizer, batches[at % len(batches)], config, at)

    return step
