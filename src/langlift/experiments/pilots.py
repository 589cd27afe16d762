"""Pilots: rows of the tables, run small on the motion corpus and measured view by view.

A pilot is an experiment with a 2D source and a seed. It is trained by the same functions as
``langlift experiment run``, lifts the test part of the corpus once for every way in which it is
measured, and leaves the errors of all views in its folder, of which any table can be made. What is
there already is not done again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..datasets.corpus import Corpus
from ..datasets.mocap_views import Source2D
from ..errors import InputError
from ..formats.files import read_json
from ..lifting.bundle import read_bundle
from ..lifting.lifter import Lifter, LiftOptions
from ..protocols.evaluation import Bars, no_bars
from ..protocols.view_errors import ViewErrors, measure_views
from ..training.checkpoint import NAME as CHECKPOINT
from ..training.distributed import ALONE, Team
from ..training.folder import CONFIG, WEIGHTS
from ..training.validation import evenly
from . import find_experiment
from .networks import Reader
from .running import Run, prepare, train_experiment
from .settings import PromptSettings

#: How a pilot is measured: as it is, with the true action given, with one predicted action for the
#: whole clip or one for each frame, with missing joints, or on the validation part, where classes
#: are chosen.
Way = Literal["predicted", "given", "video", "frame", "missing", "validation"]
#: Share of the joints that are missing where they are.
MISSING = 0.3
_SMOKE_CLIPS = 4


@dataclass(frozen=True)
class Pilot:
    """One training, and what is measured of it.

    Args:
        experiment: name of the row.
        source: 2D of the corpus that is trained and measured on.
        seed: of weights and windows.
        frames: window.
        ways: in which it is measured.
        text: what reads the prompts, where there are any.
    """

    experiment: str
    source: Source2D = "noisy"
    seed: int = 0
    frames: int = 81
    ways: tuple[Way, ...] = ("predicted",)
    text: Reader = "minilm"

    @property
    def name(self) -> str:
        """Unique, and the name of its folder."""
        text = f"-{self.text}" if self.text != "minilm" else ""
        return f"{self.experiment}{text}-{self.source}-f{self.frames}-s{self.seed}"

    def run(self, out: Path, data: Path | None = None, scale: str = "small") -> Run:
        """The run of it in a folder of all pilots.

        Args:
            out: folder of all pilots.
            data: motion corpus; None for where the environment says it is.
            scale: name in `langlift.experiments.scales.SCALES`.
        """
        experiment = find_experiment(self.experiment)
        settings = experiment.settings
        chosen = isinstance(settings, PromptSettings) and settings.text == "prompts"
        return Run(
            experiment,
            data,
            out / self.name,
            scale,
            True,
            self.frames,
            "validation",
            self.seed,
            self.text if chosen else None,
            self.source,
        )


def file_of(way: Way) -> str:
    """Name of the file with the errors of a way of measuring."""
    return "measured.npz" if way == "predicted" else f"measured_{way}.npz"


def finished(pilot: Pilot, out: Path) -> bool:
    """Whether everything that is measured of a pilot is there, and of the weights that are."""
    return not _left(pilot, out, _digest(pilot.run(out).weights))


def _digest(weights: Path) -> str | None:
    """Of the weights in a file; None where there is none, so that measurements stand alone."""
    return read_bundle(weights)[2] if weights.is_file() else None


def _left(pilot: Pilot, out: Path, digest: str | None) -> list[Way]:
    """The ways in which weights were not measured yet, or only others before them."""
    left: list[Way] = []
    for way in pilot.ways:
        errors = errors_of(pilot, out, way)
        if errors is None or digest not in (None, errors.weights):
            left.append(way)
    return left


def errors_of(pilot: Pilot, out: Path, way: Way = "predicted") -> ViewErrors | None:
    """What was measured of a pilot; None where it was not yet."""
    path = out / pilot.name / file_of(way)
    return ViewErrors.from_file(path) if path.is_file() else None


def run_pilot(
    pilot: Pilot,
    out: Path,
    data: Path | None = None,
    scale: str = "small",
    bars: Bars = no_bars,
    report: Callable[[dict[str, Any]], None] = lambda _: None,
    team: Team = ALONE,
) -> bool:
    """Train a pilot and measure it, or go on where it was broken off.

    What was measured of other weights than the run has now is measured again.

    Args:
        pilot: what is run.
        out: folder of all pilots.
        data: motion corpus; None for where the environment says it is.
        scale: name in `langlift.experiments.scales.SCALES`.
        bars: opens a progress bar of a title.
        report: called with every line of metrics.
        team: device and processes.

    Returns:
        Whether it has come to its end.

    Raises:
        InputError: for data, or a text encoder, that are not there.
    """
    if finished(pilot, out):
        return True
    run = pilot.run(out, data, scale)
    if not trained(run):
        config, found = prepare(run)
        resume = (run.out / CHECKPOINT).is_file()
        if not train_experiment(run, config, found, team, resume, report):
            return False
    lifter = Lifter.from_file(run.weights, pilot.name).to(team.device)
    for way in _left(pilot, out, lifter.digest):
        _measure(run, lifter, way, bars).save(run.out / file_of(way))
    return True


def trained(run: Run) -> bool:
    """Whether the weights are those of the last step and not of a run that was stopped."""
    if not (run.out / WEIGHTS).is_file():
        return False
    bundle, _, _ = read_bundle(run.out / WEIGHTS)
    return bundle.card.get("step") == read_json(run.out / CONFIG).get("steps")


def _measure(run: Run, lifter: Lifter, way: Way, bars: Bars) -> ViewErrors:
    part = "val" if way == "validation" else "test"
    clips = Corpus(run.data).clips(part, "core")
    if run.scale == "smoke":
        clips = evenly(clips, _SMOKE_CLIPS)
    missing = MISSING if way == "missing" else 0.0
    told = "given" if way == "given" else "predicted"
    if way == "frame":
        lifter = lifter.with_settings(label_hop=1)
    options = LiftOptions(action_over="video") if way == "video" else LiftOptions()
    with bars(f"{lifter.name}, {way}") as advance:
        return measure_views(lifter, clips, run.source, told, missing, advance, options)


def check_names(pilots: list[Pilot]) -> None:
    """Raise where two pilots have one name, so that one would take the other's folder."""
    names = [pilot.name for pilot in pilots]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(
            f"two pilots are called {twice[0]}, which is the folder of one; give them other seeds, "
            "sources or rows"
        )
