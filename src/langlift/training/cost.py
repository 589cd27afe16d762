"""What a run would cost, measured on a few real steps before it starts."""

from __future__ import annotations

import resource
import sys
import time
from dataclasses import dataclass, replace

import torch

from ..actions import ActionVocabulary
from ..lifting.bundle import Bundle
from .batches import WindowSampler
from .config import TrainConfig
from .data import Data
from .loop import make_bundle, run_step
from .optim import make_optimizer

_WARM_UP, _MEASURED = 1, 3


@dataclass(frozen=True)
class Cost:
    """Size and pace of a run on this machine.

    Args:
        parameters: trainable parameters.
        encoder_parameters: those of the same network without action classes.
        clips: training clips.
        frames: frames in them.
        classes: action classes.
        step_seconds: one optimiser step.
        frames_per_second: target frames per second of training.
        total_seconds: all steps, without validation.
        memory_mb: peak resident memory of the process.
    """

    parameters: int
    encoder_parameters: int
    clips: int
    frames: int
    classes: int
    step_seconds: float
    frames_per_second: float
    total_seconds: float
    memory_mb: float


def measure_cost(method: str, config: TrainConfig, data: Data) -> Cost:
    """Build everything, run a few steps, write nothing."""
    if config.threads:
        torch.set_num_threads(config.threads)
    bundle = make_bundle(method, config, data)
    network = bundle.build().train()
    optimizer = make_optimizer(network, config)
    sampler = WindowSampler(data.train, bundle.actions, config, network.padding)
    short = replace(config, warmup=0)
    began = 0.0
    for step in range(_WARM_UP + _MEASURED):
        if step == _WARM_UP:
            began = time.monotonic()
        run_step(network, optimizer, sampler.batch(step), short, step)
    seconds = (time.monotonic() - began) / _MEASURED
    return Cost(
        parameters=_parameters(bundle),
        encoder_parameters=_parameters(replace(bundle, actions=ActionVocabulary(()))),
        clips=len(data.train),
        frames=sum(len(clip) for clip in data.train),
        classes=len(data.actions),
        step_seconds=seconds,
        frames_per_second=config.batch * config.frames / seconds,
        total_seconds=seconds * config.steps,
        memory_mb=_peak_memory_mb(),
    )


def _parameters(bundle: Bundle) -> int:
    with torch.device("meta"):  # shapes only
        return sum(p.numel() for p in bundle.build().parameters())


def _peak_memory_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
