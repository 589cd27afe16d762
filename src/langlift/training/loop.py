"""The training loop, to be read in one sitting.

One step: draw the batch of that step, forward, backward, clip, update, average. Once in a while:
log, validate on the validation subjects, write a checkpoint. Ctrl-C and SIGTERM finish the step,
write a checkpoint and leave; a killed run continues from its last checkpoint with the same losses
it would have had.
"""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..actions import ActionVocabulary
from ..errors import InputError
from ..formats.files import atomic_write
from ..lifting.bundle import Bundle, save_bundle
from ..lifting.lifter import Lifter
from ..methods.base import Batch, Method
from .batches import WindowSampler
from .checkpoint import load_checkpoint, save_checkpoint
from .config import TrainConfig
from .data import Data
from .folder import BEST, METRICS, WEIGHTS, prepare_folder
from .optim import Average, learning_rate, make_optimizer, schedule_batch_norm
from .validation import Validator

Report = Callable[[dict[str, Any]], None]


def train(
    method: str, config: TrainConfig, data: Data, out: Path, resume: bool, report: Report
) -> dict[str, Any]:
    """Train a method and leave bundles, config, metrics and a checkpoint in a folder.

    Args:
        method: name in `langlift.methods.METHODS`.
        config: the run.
        data: clips and vocabulary.
        out: folder of the run.
        resume: continue the run in that folder.
        report: called with every line that also goes to metrics.jsonl.

    Returns:
        What ended the run: step, whether it is finished, the best validation figures.
    """
    data = prepare_folder(out, config, data, resume)
    if config.threads:
        torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    bundle = make_bundle(method, config, data)
    network = bundle.build().train()
    optimizer = make_optimizer(network, config)
    average = Average(network, config.ema)
    sampler = WindowSampler(data.train, bundle.actions, config, network.padding)
    validator = Validator(data.validation) if data.validation else None
    step, best = 0, None
    if resume:
        resumed = load_checkpoint(out, network, optimizer, average)
        step, best = resumed.step, resumed.best
    else:  # a run that is killed before its first checkpoint can be resumed as well
        save_checkpoint(out, step, network, optimizer, average, best)
    log = _Log(out / METRICS, keep_below=step, report=report)
    pace = _Pace(config, step)
    with _stop_requested() as stop, _Prefetch(sampler, step) as batches:
        while step < config.steps and not stop():
            losses = run_step(network, optimizer, batches.take(step), config, step)
            average.update(network, step)
            step += 1
            if step % config.log_every == 0 or step == config.steps:
                log.write({"step": step, **losses, **pace.measure(step)})
            due = config.validate_every and step % config.validate_every == 0
            if validator is not None and (due or step == config.steps):
                best = _validate(validator, bundle, average, out, step, best, log)
            if step % config.checkpoint_every == 0 or step == config.steps:
                save_checkpoint(out, step, network, optimizer, average, best)
    if step < config.steps:  # stopped; the end has been saved above
        save_checkpoint(out, step, network, optimizer, average, best)
    save_bundle(out / WEIGHTS, _for_lifting(bundle, step, None), average.state)
    return {"step": step, "finished": step >= config.steps, "best": best}


def make_bundle(method: str, config: TrainConfig, data: Data) -> Bundle:
    """What a run trains: the method with its settings, features and classes."""
    actions = data.actions
    if not config.model.trains_actions:
        actions = ActionVocabulary(())  # a head that is not trained must not name anything
    return Bundle(method, config.model, config.features, actions, card=data.card)


def run_step(
    network: Method,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    config: TrainConfig,
    step: int,
) -> dict[str, float]:
    """One optimiser step; returns the loss terms.

    Raises:
        InputError: when the loss or the norm of its gradient is not finite; the weights are then
            left as they were.
    """
    rate = learning_rate(step, config)
    for group in optimizer.param_groups:
        group["lr"] = rate
    if config.batch_norm_schedule:
        schedule_batch_norm(network, step, config)
    with torch.autocast("cpu", torch.bfloat16, enabled=config.precision == "bf16"):
        losses = network.training_loss(batch)
    total = losses.total
    _check_finite("loss", total, config, step)
    optimizer.zero_grad(set_to_none=True)
    total.backward()
    if config.grad_clip:
        norm = nn.utils.clip_grad_norm_(network.parameters(), config.grad_clip)
        _check_finite("norm of the gradient", norm, config, step)
    optimizer.step()
    terms = {name: float(term.detach()) for name, term in losses.terms.items()}
    return {"loss": float(total.detach()), **terms, "lr": rate}


def _check_finite(what: str, value: torch.Tensor, config: TrainConfig, step: int) -> None:
    if not torch.isfinite(value):
        raise InputError(
            f"the {what} is {float(value.detach())} at step {step}; start a new run with a lower "
            f"learning rate (--lr, now {config.lr}); what this run has saved so far is kept"
        )


def _validate(
    validator: Validator,
    bundle: Bundle,
    average: Average,
    out: Path,
    step: int,
    best: dict[str, float] | None,
    log: _Log,
) -> dict[str, float]:
    """Measure the averaged weights on the validation subjects; keep the best bundle."""
    rng = torch.get_rng_state()
    lifted = _for_lifting(bundle, step, None)
    network = lifted.build()
    torch.set_rng_state(rng)  # building draws random weights; the run must not notice
    network.load_state_dict(average.state)
    figures = validator.measure(Lifter(lifted, network.eval()))
    log.write({"step": step, **{f"validation_{k}": v for k, v in figures.items()}})
    if best is None or figures["score"] < best["score"]:
        best = {"step": step, **figures}
        save_bundle(out / BEST, _for_lifting(bundle, step, figures), average.state)
    return best


def _for_lifting(bundle: Bundle, step: int, figures: dict[str, float] | None) -> Bundle:
    """The bundle of a step as it is saved: a form that lifts sequences, and what is known of it."""
    card = {**bundle.card, "step": step}
    if figures is not None:
        card["validation"] = {
            "protocol": "mocap, validation subjects, no flip averaging, camera intrinsics given",
            **figures,
        }
    return replace(bundle, config=bundle.config.for_lifting(), card=card)


class _Log:
    """metrics.jsonl; lines of steps that will be run again are dropped when resuming."""

    def __init__(self, path: Path, keep_below: int, report: Report) -> None:
        self._path = path
        self._report = report
        if path.exists():
            lines = [json.loads(x) for x in path.read_text().splitlines() if x.endswith("}")]
            kept = [line for line in lines if line["step"] <= keep_below]
            with atomic_write(path) as temporary:
                Path(temporary).write_text("".join(json.dumps(line) + "\n" for line in kept))

    def write(self, entry: dict[str, Any]) -> None:
        try:
            with self._path.open("a") as file:
                file.write(json.dumps(entry) + "\n")
        except OSError as error:
            raise InputError(
                f"{self._path} cannot be written ({error.strerror}); mend that and continue the "
                "run with --resume"
            ) from error
        self._report(entry)


class _Prefetch:
    """Draws the next batch on a thread while the network works; batches depend on the step only."""

    def __init__(self, sampler: WindowSampler, step: int) -> None:
        self._sampler = sampler
        self._pool = ThreadPoolExecutor(max_workers=1)
        self._next: Future[Batch] = self._pool.submit(sampler.batch, step)

    def take(self, step: int) -> Batch:
        batch = self._next.result()
        self._next = self._pool.submit(self._sampler.batch, step + 1)
        return batch

    def __enter__(self) -> _Prefetch:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)


class _Pace:
    """Throughput since the last measurement, and the time the rest will take."""

    def __init__(self, config: TrainConfig, step: int) -> None:
        self._config, self._step, self._time = config, step, time.monotonic()

    def measure(self, step: int) -> dict[str, float]:
        now = time.monotonic()
        rate = (step - self._step) / max(now - self._time, 1e-9)
        self._step, self._time = step, now
        frames = rate * self._config.batch * self._config.frames
        return {
            "frames_per_second": round(frames, 1),
            "eta_seconds": round((self._config.steps - step) / rate, 1),
        }


@contextmanager
def _stop_requested() -> Iterator[Callable[[], bool]]:
    """A question that is answered yes once Ctrl-C or SIGTERM came; the old handlers come back."""
    asked: list[int] = []
    kinds = (signal.SIGINT, signal.SIGTERM)
    before = {kind: signal.getsignal(kind) for kind in kinds}
    try:
        for kind in kinds:
            signal.signal(kind, lambda number, _frame: asked.append(number))
        yield lambda: bool(asked)
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
