"""Everything a training run is made of, in one frozen object that is saved beside the weights."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any, Literal, get_args, get_type_hints

from ..datasets.augment import AugmentConfig, nothing
from ..datasets.views import CameraRanges
from ..errors import InputError, unknown
from ..lifting.features import FeatureConfig
from ..methods.base import MethodConfig
from ..methods.settings import config_from_dict
from ..methods.vpose import VPoseConfig
from ..skeletons import HUMAN36M_17

_NOT_NEGATIVE = (
    *("warmup", "validate_every", "validation_clips", "threads", "synthetic_clips", "seed"),
    *("weight_decay", "grad_clip"),
)


@dataclass(frozen=True)
class TrainConfig:
    """A training run. Recipes (`RECIPES`) are ready-made values.

    Args:
        model: the method's config; VPose's if omitted.
        features: how its input is normalised.
        augment: changes to motion and points.
        cameras: ``random`` around the person, or ``human36m``: the fixed cameras of the training
            subjects.
        ranges: where random cameras may be.
        split: split of the corpus.
        synthetic_clips: synthetic clips to add.
        synthetic_share: share of the windows drawn from them.
        steps: optimiser steps.
        batch: windows per step.
        frames: output frames per window.
        optimizer: ``adam`` (amsgrad, as the paper) or ``adamw``.
        lr: peak learning rate.
        lr_schedule: ``cosine`` to 1 % of the peak, or ``exponential`` to the paper's 0.95^60.
        warmup: steps of linear warm-up.
        weight_decay: of adamw.
        grad_clip: largest norm of the gradient; 0 for none.
        ema: decay of the averaged weights that are validated and saved; 0 for none.
        batch_norm_schedule: the paper's falling batch-norm momentum.
        precision: ``bf16`` autocast (fast where the processor has it) or ``fp32``.
        seed: of weights, windows and augmentation.
        validate_every: steps between validations; 0 for only at the end.
        validation_clips: validation clips looked at each time, evenly chosen; 0 for all.
        checkpoint_every: steps between checkpoints.
        log_every: steps between lines of metrics.jsonl.
        threads: CPU threads; 0 leaves the choice to torch.
    """

    model: Any = field(default_factory=VPoseConfig)
    features: FeatureConfig = field(default_factory=FeatureConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    cameras: Literal["random", "human36m"] = "random"
    ranges: CameraRanges = field(default_factory=CameraRanges)
    split: str = "core"
    synthetic_clips: int = 0
    synthetic_share: float = 0.0
    steps: int = 20000
    batch: int = 32
    frames: int = 81
    optimizer: Literal["adam", "adamw"] = "adamw"
    lr: float = 1e-3
    lr_schedule: Literal["cosine", "exponential"] = "cosine"
    warmup: int = 200
    weight_decay: float = 0.01
    grad_clip: float = 1.0
    ema: float = 0.999
    batch_norm_schedule: bool = False
    precision: Literal["bf16", "fp32"] = "bf16"
    seed: int = 0
    validate_every: int = 2000
    validation_clips: int = 60
    checkpoint_every: int = 500
    log_every: int = 50
    threads: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "frames", "checkpoint_every", "log_every"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}; it must be at least 1")
        for name in _NOT_NEGATIVE:
            if not abs(getattr(self, name)) < math.inf:
                raise InputError(f"{name} is {getattr(self, name)}; it must be a finite number")
            if getattr(self, name) < 0:
                raise InputError(f"{name} is {getattr(self, name)}; it cannot be negative")
        for name, kind in get_type_hints(TrainConfig).items():
            if get_args(kind) and getattr(self, name) not in get_args(kind):
                raise unknown(name, str(getattr(self, name)), get_args(kind))
        if not 0 < self.lr < math.inf:
            raise InputError(f"lr is {self.lr}; it must be positive and finite")
        if not 0 <= self.ema < 1:
            raise InputError(f"ema is {self.ema}; it must be at least 0 and below 1")
        if not 0 <= self.synthetic_share <= 1:
            raise InputError(
                f"synthetic_share is {self.synthetic_share}; it must be within 0 and 1"
            )
        if self.synthetic_share > 0 and self.synthetic_clips == 0:
            raise InputError("synthetic_share needs synthetic_clips of at least 1")
        self._check_model()
        if self.cameras == "random" and self.features.kind == "screen":
            raise InputError(
                "random cameras need person features: screen features assume one kind of camera"
            )

    def _check_model(self) -> None:
        """Raise unless the method's settings go with those of the run."""
        model = self.model
        if not isinstance(model, MethodConfig):
            raise InputError(f"model is {model!r}; it must be a method's config (a MethodConfig)")
        model.check_joints(len(HUMAN36M_17))
        if model.output_frames not in (None, self.frames):
            raise InputError(
                f"frames is {self.frames}; a window of this model has {model.output_frames} output "
                f"frame(s): set frames to {model.output_frames}"
            )
        if not model.looks_ahead and self.features.kind == "person":
            raise InputError(
                "a causal model needs screen features: person features average over later frames "
                "(--features.kind screen)"
            )


def as_dict(config: TrainConfig) -> dict[str, Any]:
    """The config as plain values, for JSON."""
    return dataclasses.asdict(config)


def from_dict(values: dict[str, Any], model: type = VPoseConfig) -> TrainConfig:
    """The config from plain values, the inverse of `as_dict`; settings left out have defaults.

    Args:
        values: settings by name, those of a part (`model`, `augment`, ...) in a mapping.
        model: the config class of the method that is trained.

    Raises:
        InputError: for an unknown setting, or a value that is not of the setting's kind.
    """
    return config_from_dict(TrainConfig, values, {"model": model})


_SMALL_VPOSE = VPoseConfig(
    widths=(3, 3, 3, 3),
    channels=256,
    dropout=0.0,
    action_weight=0.05,
    zero_head=True,
)

#: Ready-made runs, by the name users write after ``--recipe``.
RECIPES: dict[str, tuple[str, TrainConfig]] = {
    "robust": (
        "the bundled default: any camera, missing joints, detector noise",
        TrainConfig(
            model=dataclasses.replace(
                _SMALL_VPOSE, channels=512, velocity_weight=0.5, action_weight=0.02
            ),
            synthetic_clips=420,
            synthetic_share=0.1,
            steps=10000,
        ),
    ),
    "bare": (
        "VPose of 81 frames on the fixed Human3.6M cameras with screen coordinates",
        TrainConfig(
            model=_SMALL_VPOSE,
            features=FeatureConfig(kind="screen"),
            augment=dataclasses.replace(nothing(), noise=0.5, noise_amount=1.0),
            cameras="human36m",
            steps=6000,
        ),
    ),
    "paper": (
        "VPose as published: 243 frames, 1024 channels, strided windows, amsgrad",
        TrainConfig(
            model=VPoseConfig(form="strided"),
            features=FeatureConfig(kind="screen"),
            augment=nothing(),
            cameras="human36m",
            steps=60 * 1500,
            batch=1024,
            frames=1,
            optimizer="adam",
            lr_schedule="exponential",
            warmup=0,
            weight_decay=0.0,
            grad_clip=0.0,
            ema=0.0,
            batch_norm_schedule=True,
        ),
    ),
}


def recipe(name: str, model: type = VPoseConfig) -> TrainConfig:
    """The recipe of that name; for a method other than VPose with that method's own defaults."""
    if name not in RECIPES:
        raise unknown("recipe", name, RECIPES)
    config = RECIPES[name][1]
    return config if isinstance(config.model, model) else dataclasses.replace(config, model=model())
