"""A training step of the papers' networks: ours in bf16 against the reference form in fp32."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count

import torch
from agreement import agreement
from encoders import REFERENCE, peak_mb
from machine import in_turns
from material import Setup
from pairs import Pair, find_pair
from table import Row
from torch import Tensor, nn

from langlift.methods.base import Batch, Precision
from langlift.methods.encoder import EncoderMethod
from langlift.training.config import TrainConfig
from langlift.training.loop import run_step
from langlift.training.optim import make_optimizer

_ROUNDS = {"mixste": 3}  # a step takes 6 s; of the others as many as the run has
_LIMITS = {"mixste": 3.0, "vpose": 2.3}
#: Seconds of the authors' step, fp32, two threads, on a machine of `agreement.AUTHORS_GAUGE`.
_AUTHORS = {"mixste": 5.7, "vpose": 1.37, "a3dhp": 1.07}

#: Weights of the 17 joints of Human3.6M in MixSTE's loss, and of its terms. Typed again on purpose:
#: a reference form that took them from the library would share its mistakes.
_JOINTS = (1, 1, 2.5, 2.5, 1, 2.5, 2.5, 1, 1, 1, 1.5, 1.5, 4, 4, 1.5, 4, 4)
_CONSISTENCY, _VELOCITY = 0.5, 2.0

#: Makes one step and tells its loss.
Step = Callable[[], float]


@dataclass(frozen=True)
class _Task:
    """A pair as it is trained: so many windows, and how many frames of each come out."""

    pair: Pair
    windows: int
    frames: int

    @property
    def title(self) -> str:
        return f"training step, {self.pair.title}, {self.windows} x {self.frames} frames"

    def config(self, precision: Precision) -> TrainConfig:
        """The optimiser of the paper; nothing that the authors' step has not."""
        papers = {"optimizer": "adam", "lr": 1e-3, "weight_decay": 0.0}
        if self.pair.method == "mixste":
            papers = {"optimizer": "adamw", "lr": 4e-5, "weight_decay": 0.1}
        return TrainConfig(
            model=self.pair.config, batch=self.windows, frames=self.frames, warmup=0,
            grad_clip=0.0, ema=0.0, precision=precision, **papers,
        )  # fmt: skip

    def batch(self) -> Batch:
        """Random windows of about the size of real ones."""
        generator = torch.Generator().manual_seed(0)
        shape = self.windows, self.pair.frames, 17, 2
        xy = torch.randn(shape, generator=generator)
        joints = torch.randn(self.windows, self.frames, 17, 3, generator=generator) / 3
        return Batch(xy, joints, torch.full((self.windows,), -1))


def steps(setup: Setup) -> list[Row]:
    """Seconds of a step, of the reference form's against the authors' code, and peak memory of
    processes that make two steps."""
    rows = []
    for name in ("mixste", "vpose", "a3dhp"):
        task = _task(name, setup.quick)
        network = task.pair.network()
        reference = task.pair.reference(network)
        rounds = min(setup.rounds, _ROUNDS.get(name, setup.rounds))
        gauge = setup.gauge()
        times = in_turns(_our_step(task, network, "bf16"), _their_step(task, reference), rounds)
        gauge = (gauge + setup.gauge()) / 2
        target = None
        if name in _LIMITS:
            target = setup.target(_LIMITS[name], "at least", of="ratio")
        rows.append(Row(f"{task.title}, bf16", times.seconds, "s", target, times.ratio, REFERENCE))
        took = times.reference_seconds
        rows.append(agreement(setup, task.title, took, _AUTHORS[name], gauge))
        for form in ("bf16", "reference"):
            used = peak_mb(setup, name, form, work="step")
            rows.append(Row(f"{task.title}, {form}: peak memory", used, "MB"))
    return rows


def one_step(name: str, form: str, quick: bool) -> Step:
    """A step in one of `encoders.FORMS`; nothing of the other forms is built."""
    task = _task(name, quick)
    if form == "reference":
        return _their_step(task, task.pair.reference())
    return _our_step(task, task.pair.network(), "bf16" if form == "bf16" else "fp32")


def _task(name: str, quick: bool) -> _Task:
    pair = find_pair(name, quick)
    if name == "mixste":
        return _Task(pair, windows=1, frames=pair.frames)
    windows = {"vpose": 128, "a3dhp": 64}[name] if not quick else 2
    field = 243
    if name == "vpose":
        pair = replace(pair, config=replace(pair.config, form="strided"))
        field = pair.config.receptive_field
    return _Task(replace(pair, frames=field), windows, frames=1)


def _our_step(task: _Task, network: EncoderMethod, precision: Precision) -> Step:
    config, batch, number = task.config(precision), task.batch(), count()
    network.train()
    optimizer = make_optimizer(network, config)
    return lambda: run_step(network, optimizer, batch, config, next(number))["loss"]


def _their_step(task: _Task, reference: nn.Module) -> Step:
    config, batch = task.config("fp32"), task.batch()
    weights = reference.train().parameters()
    # The authors' optimisers: not fused, and norms and biases decay as the matrices do.
    if config.optimizer == "adamw":
        optimizer = torch.optim.AdamW(weights, config.lr, weight_decay=config.weight_decay)
    else:
        optimizer = torch.optim.Adam(weights, config.lr, amsgrad=True)
    loss_of = _mixste_loss if task.pair.method == "mixste" else _position_loss

    def step() -> float:
        optimizer.zero_grad()
        loss = loss_of(reference(batch.xy), batch.joints)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def _position_loss(joints: Tensor, target: Tensor) -> Tensor:
    return torch.linalg.vector_norm(joints - target, dim=-1).mean()


def _mixste_loss(joints: Tensor, target: Tensor) -> Tensor:
    """Weighted MPJPE, temporal consistency and velocity error."""
    weights = torch.tensor(_JOINTS)
    position = (weights * torch.linalg.vector_norm(joints - target, dim=-1)).mean()
    moved, wanted = joints[:, 1:] - joints[:, :-1], target[:, 1:] - target[:, :-1]
    consistency = (weights[:, None] * moved**2).mean()
    return position + _CONSISTENCY * consistency + _VELOCITY * _position_loss(moved, wanted)
