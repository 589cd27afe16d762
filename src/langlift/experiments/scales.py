"""How large an experiment is run: as published, small enough for one processor, or for seconds.

Only ``full`` is a reproduction. Networks and schedules of the other two are ours; what they
measure is never set beside a published figure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import InputError, unknown
from ..skeletons import Skeleton
from ..training.config import TrainConfig
from ..training.recipes import recipe
from .experiment import Experiment
from .settings import EncoderSettings

#: Frames of Human3.6M's training subjects in all cameras: what the steps of the recipes are of.
_RECIPE_FRAMES = 1_559_752


@dataclass(frozen=True)
class Scale:
    """A size of run.

    Args:
        description: for people.
        run: settings of `TrainConfig` that differ from the paper's recipe.
        models: by method, settings of its config that differ from the published ones.
        longest: by method, the longest window; the published ones where it is absent.
        first_subject: train and evaluate on the first subject of each part only.
    """

    description: str
    run: Mapping[str, Any] = field(default_factory=dict)
    models: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    longest: Mapping[str, int] = field(default_factory=dict)
    first_subject: bool = False


SCALES: dict[str, Scale] = {
    "full": Scale("as published: network, optimiser, schedule, batch; for large machines"),
    "small": Scale(
        "networks of a few million parameters and 6,000 steps; the window as published",
        {"steps": 6000, "warmup": 200},
        {
            "vpose": {"channels": 256},
            "a3dhp": {"channels": 256},
            "mixste": {"channels": 128, "depth": 4},
            "dstformer": {"channels": 128, "representation": 128, "depth": 2},
        },
    ),
    "smoke": Scale(
        "seconds: whether everything works; the figures mean nothing",
        {"steps": 4, "batch": 8, "log_every": 1, "precision": "fp32"},
        {
            "vpose": {"channels": 16},
            "a3dhp": {"channels": 16},
            "mixste": {"channels": 16, "depth": 1},
            "dstformer": {"channels": 16, "representation": 16, "depth": 1},
        },
        {"vpose": 9, "a3dhp": 27, "mixste": 9, "dstformer": 9},
        first_subject=True,
    ),
}


def find_scale(name: str) -> Scale:
    """The scale of that name.

    Raises:
        InputError: when there is none.
    """
    if name not in SCALES:
        raise unknown("scale", name, SCALES)
    return SCALES[name]


def train_config(
    experiment: Experiment,
    scale: str,
    recorded: Skeleton | None,
    frames: int | None = None,
    training_frames: int | None = None,
    **run: Any,
) -> TrainConfig:
    """The training run of an experiment.

    The paper's recipe of the method, with the settings of the row and of the scale. The recipes
    count steps for Human3.6M; on other data a full run has as many epochs.

    Args:
        experiment: whose method is built.
        scale: name in `SCALES`.
        recorded: joints of the recordings that are trained on; None for clips of motion.
        frames: window instead of the row's.
        training_frames: of the data in all cameras; those of Human3.6M if None.
        run: further settings of `TrainConfig`.

    Raises:
        InputError: for an unknown scale, an experiment that cannot be run, or a window that the
            method does not have.
    """
    size, method = find_scale(scale), experiment.method
    check_runnable(experiment)
    base = recipe("paper", method, recorded)
    window, row = _window(experiment, size, frames), encoder_settings(experiment)
    model = replace(
        base.model,
        **_window_settings(method, window),
        **{**row.model, **size.models.get(method, {})},
    )
    batch = max(1, row.step_frames // window) if row.step_frames else base.batch
    settings: dict[str, Any] = {"batch": batch, **size.run, **run}
    if scale == "full" and training_frames is not None:
        settings["steps"] = max(1, round(base.steps * training_frames / _RECIPE_FRAMES))
    output = model.output_frames or (1 if base.frames == 1 else window)
    return replace(base, model=model, frames=output, **settings)


def check_runnable(experiment: Experiment) -> None:
    """Raise for an experiment that this version cannot run, saying why."""
    if experiment.lacks:
        raise InputError(
            f"experiment {experiment.name} cannot be run: {experiment.lacks}; langlift experiment "
            "list shows those that can"
        )


def encoder_settings(experiment: Experiment) -> EncoderSettings:
    """What the row states.

    Raises:
        InputError: for a row of another kind of method.
    """
    if isinstance(experiment.settings, EncoderSettings):
        return experiment.settings
    raise InputError(
        f"experiment {experiment.name} has {type(experiment.settings).__name__}, which method "
        f"{experiment.method} does not read yet; choose another row"
    )


def _window(experiment: Experiment, size: Scale, frames: int | None) -> int:
    """Frames that the network sees."""
    wanted = frames or experiment.frames
    if wanted is None:
        raise InputError(f"experiment {experiment.name} names no window; choose one whose row does")
    return min(wanted, size.longest.get(experiment.method, wanted))


def _window_settings(method: str, frames: int) -> dict[str, Any]:
    """The settings by which a method has a window of so many frames."""
    if method != "vpose":
        return {"frames": frames}
    widths = {3**n: (3,) * n for n in range(1, 6)}
    if frames not in widths:
        raise InputError(
            f"frames is {frames}; vpose has windows of {', '.join(map(str, widths))} frames"
        )
    return {"widths": widths[frames]}
