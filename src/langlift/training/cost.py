"""What a run would cost, measured on a few real steps before it starts."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from ..actions import ActionVocabulary
from ..lifting.bundle import Bundle
from ..methods import bare_of
from ..methods.base import Method
from .config import TrainConfig
from .data import Data
from .distributed import ALONE, Team
from .epochs import EpochSampler, make_sampler
from .loop import make_bundle, start_network
from .optim import make_optimizer
from .step import run_step

#: Called with what is done and the total.
Advance = Callable[[int, int], None]
_MEASURED = 3  # steps, after one that warms up
_ENOUGH = 20.0  # seconds after which the steps measured so far have to do


@dataclass(frozen=True)
class Cost:
    """Size and pace of a run on this machine.

    Args:
        parameters: trained parameters, those that only training needs too.
        bundle_parameters: those of them that the bundle will hold.
        encoder_parameters: those of the same network without action classes; of a plug-in, those of
            the encoder that it is attached to.
        clips: training clips.
        frames: frames in them.
        classes: action classes.
        step_seconds: one optimiser step, mean of the measured ones.
        measured_steps: what that rests on: 3, or as few as 1 where steps are slow.
        frames_per_second: target frames per second of training, of all processes.
        total_seconds: all steps, without validation.
        memory_mb: peak resident memory of one process.
        device: what it computes on.
        gpu_memory_mb: peak memory of one process on its GPU; 0 without.
        processes: that share a step.
        pieces: that a step's batch is computed in, by all processes.
        epoch_steps: steps per epoch; 0 where windows are drawn.
    """

    parameters: int
    bundle_parameters: int
    encoder_parameters: int
    clips: int
    frames: int
    classes: int
    step_seconds: float
    measured_steps: int
    frames_per_second: float
    total_seconds: float
    memory_mb: float
    device: str
    gpu_memory_mb: float
    processes: int
    pieces: int
    epoch_steps: float


def measure_cost(
    method: str,
    config: TrainConfig,
    data: Data,
    team: Team = ALONE,
    advance: Advance = lambda done, total: None,
) -> Cost:
    """Build everything, run a few steps, write nothing; all processes of a team have to call.

    Args:
        method: name in `langlift.methods.METHODS`.
        config: the run.
        data: clips and vocabulary.
        team: device and processes.
        advance: called after every step with the number of steps made and of those to make.
    """
    numbers = team.pieces(config.accumulate)
    if config.threads:
        torch.set_num_threads(config.threads)
    bundle = make_bundle(method, config, data)
    network = start_network(bundle).to(team.device)
    make_step, windows = _training(network, config, data, team, numbers)
    seconds, measured = _pace(make_step, team, advance)
    return Cost(
        parameters=sum(p.numel() for p in network.parameters()),
        bundle_parameters=_for_lifting(network),
        encoder_parameters=_without_actions(bundle),
        clips=len(data.train),
        frames=sum(len(clip) for clip in data.train),
        classes=len(data.actions),
        step_seconds=seconds,
        measured_steps=measured,
        frames_per_second=config.batch * config.frames / seconds,
        total_seconds=seconds * config.steps,
        memory_mb=_peak_memory_mb(),
        device=team.device.type,
        gpu_memory_mb=_peak_gpu_memory_mb(team.device),
        processes=team.size,
        pieces=config.accumulate,
        epoch_steps=windows / config.batch,
    )


def _training(
    network: Method, config: TrainConfig, data: Data, team: Team, numbers: range
) -> tuple[Callable[[int], None], int]:
    """What makes a step of the run, and windows of an epoch, 0 where they are drawn."""
    config.check_window(network.padding)
    optimizer, shared = make_optimizer(network, config), team.share(network)
    sampler = make_sampler(data.train, network.actions, config, network.padding, team.device)
    short = replace(config, warmup=0)

    def make_step(step: int) -> None:
        pieces = (sampler.batch(step, number) for number in numbers)
        run_step(network, optimizer, pieces, short, step, shared)

    return make_step, sampler.windows if isinstance(sampler, EpochSampler) else 0


def _pace(make_step: Callable[[int], None], team: Team, advance: Advance) -> tuple[float, int]:
    """Mean seconds of the steps after the first one, and how many steps were measured."""
    entered = time.monotonic()
    make_step(0)
    advance(1, 1 + _MEASURED)
    began = now = time.monotonic()
    measured = 0
    for step in range(1, 1 + _MEASURED):
        make_step(step)
        now, measured = time.monotonic(), step
        advance(step + 1, 1 + _MEASURED)
        if team.either(now - entered >= _ENOUGH):
            break
    return (now - began) / measured, measured


def _for_lifting(network: Method) -> int:
    """Parameters that a bundle holds of a network in training."""
    kept = network.lifting_state(network.state_dict())
    return sum(p.numel() for name, p in network.named_parameters() if name in kept)


def _without_actions(bundle: Bundle) -> int:
    """Parameters of the encoder alone."""
    bare = replace(bundle, actions=ActionVocabulary(()))
    if inner := bare_of(bundle.method):
        bare = replace(bare, method=inner, config=bundle.config.encoder)
    with torch.device("meta"):  # shapes only
        return sum(p.numel() for p in bare.build().parameters())


def _peak_memory_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def _peak_gpu_memory_mb(device: torch.device) -> float:
    return torch.cuda.max_memory_allocated(device) / 2**20 if device.type == "cuda" else 0.0
