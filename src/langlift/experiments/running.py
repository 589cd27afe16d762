"""Train and evaluate an experiment, and say how its figure stands to the published one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from ..datasets.corpus import Corpus
from ..datasets.mocap_views import Source2D
from ..errors import InputError
from ..lifting.lifter import Lifter
from ..protocols import mocap
from ..protocols.evaluation import Bars
from ..protocols.recorded import Request, evaluate_recorded
from ..protocols.report import Report
from ..training.config import TrainConfig
from ..training.data import Data, load_data
from ..training.distributed import Team
from ..training.folder import BEST, WEIGHTS
from ..training.loop import train
from ..training.recorded import load_recorded
from ..training.validation import evenly
from .comparison import with_published
from .experiment import Experiment
from .material import RecordedMaterial, open_material
from .networks import Reader, encoder_settings, reader_of
from .scales import check_runnable, find_scale, train_config
from .settings import PromptSettings

#: How the weights are chosen; the test set's habit is left to `langlift train`.
Selection = Literal["fixed", "validation"]
EVALUATION = "evaluation"
#: Cameras that film every clip of the motion corpus in training.
_VIEWS = 4
_SMOKE_CLIPS = 4


@dataclass(frozen=True)
class Run:
    """An experiment with everything that a user decides about it.

    Args:
        experiment: what is run.
        data: the dataset, or a folder with a folder for each; with `corpus` the motion corpus,
            None for where the environment says it is.
        out: folder of the run.
        scale: name in `langlift.experiments.scales.SCALES`.
        corpus: run the same configuration on the motion corpus, under the protocol ``mocap``.
        frames: window instead of the row's, on the motion corpus only.
        selection: ``fixed``: all training subjects, weights of the last step; ``validation``: the
            best on subjects that are kept back.
        seed: of weights and windows.
        text: what reads the prompts of a row that names no text encoder; the paper's CLIP if None.
        points: 2D of the motion corpus, ``gt`` or ``noisy``, instead of what stands for the row's.

    Raises:
        InputError: for an experiment that cannot be run, an unknown scale, a window or 2D for
            recordings, or a text encoder for a row without words.
    """

    experiment: Experiment
    data: Path | None
    out: Path
    scale: str = "small"
    corpus: bool = False
    frames: int | None = None
    selection: Selection = "fixed"
    seed: int = 0
    text: Reader | None = None
    points: Source2D | None = None

    def __post_init__(self) -> None:
        check_runnable(self.experiment)
        find_scale(self.scale)
        reader_of(self.experiment, self.text)
        if self.points is not None and not self.corpus:
            raise InputError(
                f"source is {self.points!r}, but {self.experiment.name} has the 2D of its row, "
                f"{self.experiment.source}; leave it out, or run it on the motion corpus "
                "(--protocol mocap)"
            )
        if self.frames is not None and not self.corpus:
            raise InputError(
                f"frames is {self.frames}, but {self.experiment.name} has the window of its row; "
                "leave it out, or run it on the motion corpus (--protocol mocap)"
            )
        if self.data is None and not self.corpus:
            raise InputError(
                f"--data is missing: experiment {self.experiment.name} trains on "
                f"{self.experiment.protocol}; give the folder"
            )

    @property
    def weights(self) -> Path:
        """The weights that are measured."""
        return self.out / (WEIGHTS if self.selection == "fixed" else BEST)

    @property
    def source(self) -> Source2D:
        """The 2D of the motion corpus: the chosen, or exact or noisy as that of the row is."""
        if self.points is not None:
            return self.points
        return "gt" if self.experiment.source == "gt" else "noisy"

    @property
    def action(self) -> Literal["predicted", "given"]:
        """The action that networks which take one are told: their own, or the true one."""
        settings = self.experiment.settings
        return settings.label if isinstance(settings, PromptSettings) else "predicted"

    @cached_property
    def material(self) -> RecordedMaterial:
        """The dataset, opened once; not for the motion corpus."""
        if self.data is None:
            raise InputError("--data is missing; give the folder of the dataset")
        return open_material(self.experiment, self.data, self.scale)


def prepare(run: Run) -> tuple[TrainConfig, Data]:
    """Settings and data of the training, before anything takes long.

    Raises:
        InputError: for data or settings that cannot be used.
    """
    chosen = {"selection": run.selection, "seed": run.seed, "reader": run.text}
    if run.corpus:
        return _prepare_corpus(run, chosen)
    material = run.material
    source = run.experiment.source
    frames = material.training_frames(source, run.selection)
    config = train_config(
        run.experiment,
        run.scale,
        material.dataset.skeleton,
        training_frames=frames,
        **chosen,
    )
    _check_text(run, config)
    data = load_recorded(material.dataset, material.spec, source, config)
    return config, _with_card(run, data)


def _prepare_corpus(run: Run, chosen: dict[str, Any]) -> tuple[TrainConfig, Data]:
    """The same on the motion corpus, with detector noise where the row has detections."""

    def config_for(training_frames: int | None) -> TrainConfig:
        return train_config(run.experiment, run.scale, None, run.frames, training_frames, **chosen)

    first = config_for(None)
    _check_text(run, first)
    data = load_data(run.data, first)
    if run.scale == "smoke":
        data = replace(data, train=evenly(data.train, _SMOKE_CLIPS))
    config = config_for(_VIEWS * sum(map(len, data.train)))
    if run.source == "noisy":
        config = replace(config, augment=replace(config.augment, noise=1.0, noise_amount=1.0))
    return config, _with_card(run, data)


def _check_text(run: Run, config: TrainConfig) -> None:
    """Raise where the text encoder of a row is not there, before any data is read."""
    try:
        config.model.check_training()
    except InputError as error:
        settings = run.experiment.settings
        if isinstance(settings, PromptSettings) and settings.text == "prompts":
            other = "minilm" if config.model.text == "clip" else "clip"
            raise InputError(
                f"{error}; or read the prompts with {other} (--text {other})"
            ) from error
        raise


def _with_card(run: Run, data: Data) -> Data:
    about = {"experiment": run.experiment.name, "scale": run.scale}
    return replace(data, card={**data.card, **about})


def train_experiment(
    run: Run,
    config: TrainConfig,
    data: Data,
    team: Team,
    resume: bool = False,
    report: Callable[[dict[str, Any]], None] | None = None,
) -> bool:
    """Train, or go on with a run that was broken off.

    Returns:
        Whether the training has come to its end.
    """
    result = train(
        run.experiment.method, config, data, run.out, resume, report or (lambda _: None), team
    )
    return bool(result["finished"])


def evaluate_experiment(run: Run, bars: Bars, device: Any = "cpu") -> Report:
    """Measure the weights of a run that has come to its end.

    Args:
        run: the run.
        bars: opens a progress bar of a title.
        device: where the network computes.

    Returns:
        The report, which is also written to the run's folder.
    """
    lifter = Lifter.from_file(run.weights, run.experiment.name).to(device)
    measured = _on_corpus(run, lifter, bars) if run.corpus else _on_recordings(run, lifter, bars)
    report = with_published(measured, run.experiment, run.scale, run.corpus, run.seed, run.text)
    report.save(run.out, "report")
    return report


def _on_recordings(run: Run, lifter: Lifter, bars: Bars) -> Report:
    dataset, spec = run.material.dataset, run.material.spec
    request = Request(
        run.experiment.protocol,
        dataset.path,
        run.experiment.variant or None,
        (run.experiment.source,),
        () if run.material.whole else spec.test,
        () if run.material.whole else spec.actions,
        windows=encoder_settings(run.experiment).windows,
        action="given" if run.action == "given" else None,
    )
    folder = run.out / EVALUATION
    # A journal that is there is of these weights or refused, so going on with it loses nothing.
    started = folder.is_dir() and any(folder.iterdir())
    return evaluate_recorded({lifter.name: lifter}, request, bars, folder, started, dataset)


def _on_corpus(run: Run, lifter: Lifter, bars: Bars) -> Report:
    corpus, models = Corpus(run.data), {lifter.name: lifter}
    clips = corpus.clips("test", "core")
    if run.scale == "smoke":
        clips = evenly(clips, _SMOKE_CLIPS)
    facts = mocap.corpus_facts(clips, models)
    return mocap.evaluate_on_corpus(
        models, corpus, clips, [run.source], facts, bars=bars, actions=[run.action]
    )
