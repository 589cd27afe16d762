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
from .networks import Reader, encoder_of, encoder_settings, network_of
from .settings import PromptSettings

#: Frames of Human3.6M's training subjects in all cameras: what the steps of the recipes are of.
_RECIPE_FRAMES = 1_559_752


@dataclass(frozen=True)
class Scale:
    """A size of run.

    Args:
        description: for people.
        run: settings of `TrainConfig` that differ from the papers' recipes.
        runs: more of them by encoder, whether ActionPrompt is around it or not.
        models: by encoder, settings of its config that differ from the published ones.
        prompts: settings of ActionPrompt's config that do.
        narrower: how many times narrower than the row's is the decoder over pose prompts.
        longest: by encoder, the longest window; the published ones where it is absent.
        first_subject: train and evaluate on the first subject of each part only.
    """

    description: str
    run: Mapping[str, Any] = field(default_factory=dict)
    runs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    models: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    prompts: Mapping[str, Any] = field(default_factory=dict)
    narrower: int = 1
    longest: Mapping[str, int] = field(default_factory=dict)
    first_subject: bool = False


#: Learnt from the averaged weights of a run that sees a window of every ninth frame.
_NINTH = {"window_hop": 9, "lr": 1e-3}
#: The published rate is for 384,000 steps of 16 times the width.
_ATTENTION = {"lr": 1e-3, "lr_schedule": "cosine", "lr_end": 0.01}

SCALES: dict[str, Scale] = {
    "full": Scale("as published: network, optimiser, schedule, batch; for large machines"),
    "small": Scale(
        "networks of about a million parameters, 10 to 20 minutes of one processor at 81 frames; "
        "the window as published",
        {"warmup": 200, "ema": 0.998, "grad_clip": 1.0},
        {
            "vpose": {**_NINTH, "steps": 4_000, "batch": 256},
            "a3dhp": {**_NINTH, "steps": 6_000, "batch": 64},
            "mixste": {**_ATTENTION, "steps": 1_800},
            "dstformer": {**_ATTENTION, "steps": 1_500, "batch": 12},
        },
        {
            "vpose": {"channels": 256, "dropout": 0.0, "zero_head": True},
            "a3dhp": {"channels": 256, "dropout": 0.0},
            "mixste": {"channels": 64, "depth": 4, "drop_path": 0.0},
            "dstformer": {"channels": 64, "representation": 64, "depth": 2},
        },
        # As much narrower than published as the encoders are.
        {"text_every": 4, "context": 4, "text_width": 128, "heads": 4},
        narrower=4,
    ),
    "smoke": Scale(
        "seconds: whether everything works; the figures mean nothing",
        {"steps": 4, "batch": 8, "log_every": 1, "precision": "fp32", "validation_clips": 4},
        models={
            "vpose": {"channels": 16},
            "a3dhp": {"channels": 16},
            "mixste": {"channels": 16, "depth": 1},
            "dstformer": {"channels": 16, "representation": 16, "depth": 1},
        },
        prompts={"width": 16, "prompts": 3, "text_every": 4},
        longest={"vpose": 9, "a3dhp": 27, "mixste": 9, "dstformer": 9},
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
    reader: Reader | None = None,
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
        reader: text encoder of a row whose prompts are read; the paper's if None.
        run: further settings of `TrainConfig`.

    Raises:
        InputError: for an unknown scale, an experiment that cannot be run, a window that the
            method does not have, or a reader for a row without words.
    """
    size, encoder = find_scale(scale), encoder_of(experiment)
    check_runnable(experiment)
    base = recipe("paper", experiment.method, recorded)
    window, row = _window(experiment, size, frames), encoder_settings(experiment)
    small, prompts = size.models.get(encoder, {}), size.prompts
    model = network_of(
        experiment, base.model, _window_settings(encoder, window), small, prompts, reader
    )
    batch = max(1, row.step_frames // window) if row.step_frames else base.batch
    settings: dict[str, Any] = {"batch": batch, **size.run, **size.runs.get(encoder, {}), **run}
    if isinstance(experiment.settings, PromptSettings):
        settings["labels"] = experiment.settings.labels
        model = replace(model, width=max(1, model.width // size.narrower))
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


def _window(experiment: Experiment, size: Scale, frames: int | None) -> int:
    """Frames that the network sees."""
    wanted = frames or experiment.frames
    if wanted is None:
        raise InputError(f"experiment {experiment.name} names no window; choose one whose row does")
    longest = size.longest.get(encoder_of(experiment), wanted)
    if isinstance(experiment.settings, PromptSettings):
        longest = max(longest, 3**experiment.settings.tap)  # as many layers as are counted to
    return min(wanted, longest)


def _window_settings(encoder: str, frames: int) -> dict[str, Any]:
    """The settings by which an encoder has a window of so many frames."""
    if encoder != "vpose":
        return {"frames": frames}
    widths = {3**n: (3,) * n for n in range(1, 6)}
    if frames not in widths:
        raise InputError(
            f"frames is {frames}; vpose has windows of {', '.join(map(str, widths))} frames"
        )
    return {"widths": widths[frames]}
