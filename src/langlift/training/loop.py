"""The training loop, to be read in one sitting.

One step: draw the batch of that step, forward, backward, clip, update, average. Once in a while:
log, validate on the subjects that choose, write a checkpoint. Ctrl-C and SIGTERM finish the step,
write a checkpoint and leave; a killed run continues from its last checkpoint with the same losses
it would have had. Several processes make each step together; the first of them does the rest.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from ..actions import ActionVocabulary
from ..lifting.bundle import Bundle, save_bundle
from ..lifting.lifter import Lifter
from ..methods.base import Method
from ..protocols.origin import Origin
from .checkpoint import load_checkpoint, save_checkpoint
from .config import TrainConfig
from .data import Data
from .distributed import ALONE, Team
from .epochs import make_sampler
from .folder import BEST, METRICS, WEIGHTS, prepare_folder
from .labels import labels_fact
from .log import VALIDATION, Log, Pace, Report, check_tensorboard, marked
from .optim import Average, make_optimizer
from .step import Prefetch, run_step
from .validation import Measure


def train(
    method: str,
    config: TrainConfig,
    data: Data,
    out: Path,
    resume: bool,
    report: Report,
    team: Team = ALONE,
    tensorboard: bool = False,
) -> dict[str, Any]:
    """Train a method and leave bundles, config, metrics and a checkpoint in a folder.

    Args:
        method: name in `langlift.methods.METHODS`.
        config: the run.
        data: clips and vocabulary.
        out: folder of the run.
        resume: continue the run in that folder.
        report: called with every line that also goes to metrics.jsonl, in the leading process.
        team: device and processes; neither is a part of what the run is.
        tensorboard: write TensorBoard's event files beside metrics.jsonl.

    Returns:
        What ended the run: step, whether it is finished, the best validation figures (known to
        the leading process), as `marked` names them.
    """
    pieces = team.pieces(config.accumulate)
    if tensorboard:
        check_tensorboard()
    data = team.first(lambda: prepare_folder(out, config, data, resume), data)
    run = _start(method, config, data, out, team)
    step = run.resume() if resume else 0
    if team.leads and not resume:  # killed before its first checkpoint, it can be resumed as well
        run.save(step)
    sampler = make_sampler(data.train, run.bundle.actions, config, run.network.padding, team.device)
    shared = team.share(run.network)
    with (
        _stop_requested() as stop,
        Prefetch(sampler, pieces, step) as batches,
        _Observer(run, data.measure(config), step, report, tensorboard) as observer,
    ):
        while step < config.steps and not team.either(stop()):
            batch = batches.take(step)
            losses = run_step(run.network, run.optimizer, batch, config, step, shared)
            step += 1
            if team.leads:
                run.average.update(run.network, step - 1)
                observer.after(step, losses)
    if team.leads:
        run.finish(step)
    best = None if run.best is None else marked(config, run.best)
    return {"step": step, "finished": step >= config.steps, "best": best}


def make_bundle(method: str, config: TrainConfig, data: Data) -> Bundle:
    """What a run trains: the method with its settings, features and classes.

    Raises:
        InputError: for a network of other joints than the data's.
    """
    config.model.check_joints(len(data.skeleton))
    actions = data.actions
    if not config.model.trains_actions:
        actions = ActionVocabulary(())  # a head that is not trained must not name anything
    card = dict(data.card)
    if config.labels != "true":
        card["labels"] = labels_fact(data.train, actions, config)
    return Bundle(
        method=method,
        config=config.model,
        features=config.features,
        actions=actions,
        fps=data.fps,
        skeleton=data.skeleton,
        card=card,
        unit=data.unit,
    )


def start_network(bundle: Bundle) -> Method:
    """A new network of random weights, with what only its training needs."""
    network = bundle.build()
    network.start_training()
    return network.train()


@dataclass
class _Run:
    """All that a run changes, and where it is kept."""

    config: TrainConfig
    out: Path
    team: Team
    bundle: Bundle
    network: Method
    optimizer: torch.optim.Optimizer
    average: Average
    best: dict[str, float] | None = None

    def save(self, step: int) -> None:
        """Write the checkpoint."""
        state = (self.network, self.optimizer, self.average, self.best)
        save_checkpoint(self.out, step, *state, self.team.device)

    def resume(self) -> int:
        """Go back to the checkpoint; its step."""
        state = (self.network, self.optimizer, self.average)
        resumed = load_checkpoint(self.out, *state, self.team.device)
        self.best = resumed.best
        return resumed.step

    def finish(self, step: int) -> None:
        """Leave the averaged weights of a run that has ended or was stopped."""
        if step < self.config.steps:  # stopped; the end has been saved already
            self.save(step)
        # Who stops a run may have looked at its figures first, which is a choice as well.
        stopped_by_figures = step < self.config.steps and self.best is not None
        chosen = self.config.selection if stopped_by_figures else "fixed"
        known = {"chosen_on": []} if chosen == "fixed" and "chosen_on" in self.bundle.card else {}
        last = _for_lifting(self.bundle, step, selection=chosen, **known)
        save_bundle(self.out / WEIGHTS, last, self.network.lifting_state(self.average.state))


def _start(method: str, config: TrainConfig, data: Data, out: Path, team: Team) -> _Run:
    """A run before its first step."""
    if config.threads:
        torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    bundle = make_bundle(method, config, data)
    network = start_network(bundle).to(team.device)
    config.check_window(network.padding)
    optimizer = make_optimizer(network, config)
    return _Run(config, out, team, bundle, network, optimizer, Average(network, config.ema))


class _Observer:
    """What the leading process does between steps: log, validate, write checkpoints."""

    def __init__(
        self, run: _Run, validator: Measure | None, step: int, report: Report, tensorboard: bool
    ) -> None:
        self._run = run
        self._validator = validator
        self._pace = Pace(run.config, step)
        self._log: Log | None = None
        if run.team.leads:
            self._log = Log(run.out / METRICS, step, report, tensorboard)

    def after(self, step: int, losses: dict[str, float]) -> None:
        """Do what is due after so many steps."""
        config, ends = self._run.config, step == self._run.config.steps
        if step % config.log_every == 0 or ends:
            self._write({"step": step, **losses, **self._pace.measure(step)})
        due = config.validate_every and step % config.validate_every == 0
        if self._validator is not None and (due or ends):
            self._validate(self._validator, step)
        if step % config.checkpoint_every == 0 or ends:
            self._run.save(step)

    def _validate(self, validator: Measure, step: int) -> None:
        """Measure the averaged weights on the subjects that choose; keep the best bundle."""
        run, rng = self._run, torch.get_rng_state()
        lifted = _for_lifting(run.bundle, step)
        network = lifted.build()
        torch.set_rng_state(rng)  # building draws random weights; the run must not notice
        state = run.network.lifting_state(run.average.state)
        network.load_state_dict(state)
        figures = validator.measure(Lifter(lifted, network.to(run.team.device).eval()))
        self._write({"step": step, **marked(run.config, figures, VALIDATION)})
        if run.best is None or figures["score"] < run.best["score"]:
            run.best = {"step": step, **figures}
            chosen = run.config.selection
            title = "validation" if chosen != "test" else Origin(selection=chosen).mark
            found = {title: {"protocol": validator.protocol, **marked(run.config, figures)}}
            best = _for_lifting(run.bundle, step, selection=chosen, **found)
            save_bundle(run.out / BEST, best, state)

    def _write(self, entry: dict[str, Any]) -> None:
        if self._log is not None:
            self._log.write(entry)

    def __enter__(self) -> _Observer:
        return self

    def __exit__(self, *_: object) -> None:
        if self._log is not None:
            self._log.close()


def _for_lifting(bundle: Bundle, step: int, **known: Any) -> Bundle:
    """The bundle of a step as it is saved: a form that lifts sequences, and what is known of it."""
    card = {**bundle.card, "step": step, **known}
    return replace(bundle, config=bundle.config.for_lifting(), card=card)


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
