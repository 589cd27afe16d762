"""One optimiser step, and the thread that draws the next piece of a batch meanwhile."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from torch import nn

from ..errors import InputError
from ..methods.base import Batch, Method, autocast
from .batches import Sampler
from .config import TrainConfig
from .distributed import ALONE, Shared
from .optim import learning_rate, schedule_batch_norm


def run_step(
    network: Method,
    optimizer: torch.optim.Optimizer,
    batch: Batch | Iterable[Batch],
    config: TrainConfig,
    step: int,
    shared: Shared | None = None,
) -> dict[str, float]:
    """One optimiser step.

    Args:
        network: what is trained.
        optimizer: of its parameters.
        batch: the step's batch, or the pieces of it that this process takes.
        config: the run.
        step: counted from 0.
        shared: the loss shared with other processes; alone if None.

    Returns:
        The loss and its terms, means over all pieces, and the learning rate.

    Raises:
        InputError: when the loss or the norm of its gradient is not finite; the weights are then
            left as they were.
    """
    shared = shared or ALONE.share(network)
    rate = learning_rate(step, config)
    for group in optimizer.param_groups:
        group["lr"] = rate
    if config.batch_norm_schedule:
        schedule_batch_norm(network, step, config)
    optimizer.zero_grad(set_to_none=True)
    pieces = [batch] if isinstance(batch, Batch) else batch
    losses = _backward(pieces, config, step, shared)
    _check_finite("loss", losses["loss"], config, step)
    if config.grad_clip:
        norm = nn.utils.clip_grad_norm_(network.parameters(), config.grad_clip)
        _check_finite("norm of the gradient", float(norm), config, step)
    optimizer.step()
    return {**losses, "lr": rate}


def _backward(
    pieces: Iterable[Batch], config: TrainConfig, step: int, shared: Shared
) -> dict[str, float]:
    """Leave the mean gradient of all pieces in the parameters; the means of loss and terms."""
    team = shared.team
    numbers = team.pieces(config.accumulate)
    values: list[dict[str, float]] = []
    for number, piece in zip(numbers, pieces, strict=True):
        if config.accumulate > 1:
            torch.manual_seed(_piece_seed(config.seed, step, number))
        with shared.piece(last=number == numbers[-1]):
            with autocast(team.device, config.precision):
                losses = shared.losses(piece.to(team.device))
            (losses.objective / len(numbers)).backward()
        terms = {name: float(term.detach()) for name, term in losses.terms.items()}
        values.append({"loss": float(losses.total.detach()), **terms})
    means = [sum(value[name] for value in values) / len(values) for name in values[0]]
    return dict(zip(values[0], team.mean(means), strict=True))


def _piece_seed(seed: int, step: int, piece: int) -> int:
    """Dropout of a piece depends on nothing else, so it does not matter which process takes it."""
    return int(np.random.SeedSequence([seed, step, piece]).generate_state(1, np.uint64)[0])


def _check_finite(what: str, value: float, config: TrainConfig, step: int) -> None:
    if not math.isfinite(value):
        raise InputError(
            f"the {what} is {value} at step {step}; start a new run with a lower "
            f"learning rate (--lr, now {config.lr}); whatever was saved before this step is kept"
        )


class Prefetch:
    """Draws the next piece on a thread while the network works on the last one.

    Args:
        sampler: where pieces come from; they depend on step and piece only.
        pieces: those that this process takes of every step.
        step: the first step.
    """

    def __init__(self, sampler: Sampler, pieces: range, step: int) -> None:
        self._sampler, self._pieces = sampler, pieces
        self._pool = ThreadPoolExecutor(max_workers=1)
        self._next = self._draw(step, 0)

    def take(self, step: int) -> Iterator[Batch]:
        """The pieces of a step, one after the other; steps have to be taken in order."""
        for n in range(len(self._pieces)):
            batch = self._next.result()
            ends = n + 1 == len(self._pieces)
            self._next = self._draw(step + 1, 0) if ends else self._draw(step, n + 1)
            yield batch

    def _draw(self, step: int, n: int) -> Future[Batch]:
        return self._pool.submit(self._sampler.batch, step, self._pieces[n])

    def __enter__(self) -> Prefetch:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)
