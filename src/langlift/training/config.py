"""Everything a training run is made of, in one frozen object that is saved beside the weights."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any, Literal, get_args, get_type_hints

from ..datasets.augment import AugmentConfig
from ..datasets.views import CameraRanges
from ..errors import InputError, unknown
from ..lifting.features import FeatureConfig
from ..methods.base import MethodConfig
from ..methods.settings import config_from_dict
from ..methods.vpose import VPoseConfig
from ..skeletons import HUMAN36M_17

_POSITIVE = (
    *("steps", "batch", "accumulate", "frames", "window_hop", "checkpoint_every", "log_every"),
)
_NOT_NEGATIVE = (
    *("warmup", "validate_every", "validation_clips", "threads", "synthetic_clips", "seed"),
    *("weight_decay", "grad_clip"),
)
#: What windows that are stored once can have been changed by: noise, drawn once per view.
_ONCE = ("noise", "noise_amount")
#: What the 2D of a recording can be changed by; everything else would need another recording.
_ON_2D = (*_ONCE, "drop")


@dataclass(frozen=True)
class TrainConfig:
    """A training run. Recipes (`langlift.training.recipes`) are ready-made values.

    Args:
        model: the method's config; VPose's if omitted.
        features: how its input is normalised.
        augment: changes to motion and points.
        cameras: ``random`` around the person; ``human36m``: the fixed cameras of the training
            subjects; or ``recorded``: the 2D that came with the 3D, of any dataset.
        ranges: where random cameras may be.
        split: split of the corpus.
        selection: how weights are chosen: on ``validation`` subjects; ``fixed``: those of the last
            step, and the validation subjects are trained on as well; ``test``: on the test
            subjects, as released code does it, so that every figure made with them is an oracle.
        synthetic_clips: synthetic clips to add.
        synthetic_share: share of the windows drawn from them.
        labels: ``true``; or ``shuffled``, a control: every training clip or take has the label of
            another one, by a permutation that `seed` decides and that stays for the whole run.
            What chooses the weights keeps its own labels.
        windows: ``drawn`` at random and changed for every step; or ``epochs`` as published: every
            window of every view once per epoch, in random order, plain and mirrored.
        window_hop: take one of so many windows of every view, the middle one, so that an epoch is
            as much shorter; for windows in epochs.
        steps: optimiser steps.
        batch: windows per step.
        accumulate: pieces that a step's batch goes through the network in; their gradients are
            averaged. The processes of ``torchrun`` share the pieces. What is no mean over windows
            is that of each piece: the statistics of batch norms, the action term (over the
            piece's labelled windows) and the weight of a ``self_weighted`` loss.
        frames: output frames per window.
        optimizer: ``adam`` (with amsgrad), ``adamw`` or ``ranger`` (rectified Adam, Lookahead).
        lr: peak learning rate.
        lr_schedule: ``cosine`` or ``exponential``, both from the peak to `lr_end` of it.
        lr_end: share of the peak rate that is left at the end.
        warmup: steps of linear warm-up.
        weight_decay: of adamw and ranger.
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
    cameras: Literal["random", "human36m", "recorded"] = "random"
    ranges: CameraRanges = field(default_factory=CameraRanges)
    split: str = "core"
    selection: Literal["validation", "fixed", "test"] = "validation"
    synthetic_clips: int = 0
    synthetic_share: float = 0.0
    labels: Literal["true", "shuffled"] = "true"
    windows: Literal["drawn", "epochs"] = "drawn"
    window_hop: int = 1
    steps: int = 20000
    batch: int = 32
    accumulate: int = 1
    frames: int = 81
    optimizer: Literal["adam", "adamw", "ranger"] = "adamw"
    lr: float = 1e-3
    lr_schedule: Literal["cosine", "exponential"] = "cosine"
    lr_end: float = 0.01
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
        self._check_numbers()
        for name, kind in get_type_hints(TrainConfig).items():
            if get_args(kind) and getattr(self, name) not in get_args(kind):
                raise unknown(name, str(getattr(self, name)), get_args(kind))
        if self.synthetic_share > 0 and self.synthetic_clips == 0:
            raise InputError("synthetic_share needs synthetic_clips of at least 1")
        self._check_model()
        self._check_pieces()
        if self.cameras == "random" and self.features.kind == "screen":
            raise InputError(
                "random cameras need person features: screen features assume one kind of camera"
            )
        if self.cameras == "recorded":
            self._check_recorded()
        if self.windows == "epochs":
            self._check_epochs()
        elif self.window_hop != 1:
            raise InputError(
                f"window_hop is {self.window_hop}, but drawn windows begin anywhere; leave it at "
                "1, or take the windows in epochs (--windows epochs)"
            )

    def _check_pieces(self) -> None:
        """Raise unless the batch can go through the network in so many pieces."""
        if self.batch % self.accumulate:
            raise InputError(
                f"batch is {self.batch} and accumulate is {self.accumulate}; a batch goes through "
                "the network in pieces of equal size: accumulate must divide it"
            )
        if self.model.batch_normalised and self.batch // self.accumulate * self.frames < 2:
            raise InputError(
                f"batch is {self.batch}, accumulate is {self.accumulate} and frames is "
                f"{self.frames}, so a piece is a single frame; this network has batch norms, which "
                "need two: raise the batch, or lower accumulate"
            )

    def _check_numbers(self) -> None:
        """Raise unless every number is one that a run can have."""
        for name in _POSITIVE:
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}; it must be at least 1")
        for name in _NOT_NEGATIVE:
            if not abs(getattr(self, name)) < math.inf:
                raise InputError(f"{name} is {getattr(self, name)}; it must be a finite number")
            if getattr(self, name) < 0:
                raise InputError(f"{name} is {getattr(self, name)}; it cannot be negative")
        if not 0 < self.lr < math.inf:
            raise InputError(f"lr is {self.lr}; it must be positive and finite")
        if not 0 < self.lr_end <= 1:
            raise InputError(f"lr_end is {self.lr_end}; it must be above 0 and at most 1")
        if not 0 <= self.ema < 1:
            raise InputError(f"ema is {self.ema}; it must be at least 0 and below 1")
        if not 0 <= self.synthetic_share <= 1:
            raise InputError(
                f"synthetic_share is {self.synthetic_share}; it must be within 0 and 1"
            )

    def _check_model(self) -> None:
        """Raise unless the method's settings go with those of the run."""
        model = self.model
        if not isinstance(model, MethodConfig):
            raise InputError(f"model is {model!r}; it must be a method's config (a MethodConfig)")
        if self.cameras != "recorded":  # a dataset's joints are checked where it is read
            model.check_joints(len(HUMAN36M_17))
        if model.output_frames not in (None, self.frames):
            raise InputError(
                f"frames is {self.frames}; a window of this model has {model.output_frames} output "
                f"frame(s): set frames to {model.output_frames}"
            )
        self.check_window((0, 0))
        if self.labels == "shuffled" and not model.trains_actions:
            raise InputError(
                "labels is 'shuffled', but this model is trained without labels; set labels to "
                "'true', or train a model that learns actions"
            )
        if not model.looks_ahead and self.features.kind == "person":
            raise InputError(
                "a causal model needs screen features: person features average over later frames "
                "(--features.kind screen)"
            )

    def check_window(self, padding: tuple[int, int]) -> None:
        """Raise unless windows with so many frames around the output go through the network."""
        count, most = self.frames + sum(padding), self.model.window
        if most is not None and count > most:
            raise InputError(
                f"frames is {self.frames}, which makes windows of {count} frames; this model "
                f"takes at most {most}: set frames to {most - sum(padding)} or less"
            )

    def _check_recorded(self) -> None:
        """Raise for settings that need a motion to film, where there is the film already."""
        if self.features.kind != "screen":
            raise InputError(
                "recordings are trained on in screen coordinates, whose cameras need not be known; "
                "give --features.kind screen"
            )
        for name in ("split", "synthetic_clips", "synthetic_share"):
            if getattr(self, name) != getattr(TrainConfig, name):
                raise InputError(
                    f"{name} is {getattr(self, name)!r}, which is of the motion corpus and no "
                    "recording; leave it out, or train on the corpus (--protocol mocap)"
                )
        fields = [f.name for f in dataclasses.fields(self.augment) if f.name not in _ON_2D]
        if changed := [name for name in fields if getattr(self.augment, name)]:
            raise InputError(
                f"augment.{changed[0]} is {getattr(self.augment, changed[0])}, but the 2D of a "
                "recording is that of its own motion and camera; set it to 0: only "
                f"{', '.join(_ON_2D)} can be added"
            )

    def _check_epochs(self) -> None:
        """Raise unless the windows can be made once for the whole run."""
        if self.cameras == "random" or self.features.kind != "screen":
            raise InputError(
                "windows in epochs are seen by fixed cameras in screen coordinates; give --cameras "
                "human36m and --features.kind screen, or draw them (--windows drawn)"
            )
        fields = [f.name for f in dataclasses.fields(self.augment) if f.name not in _ONCE]
        if changed := [name for name in fields if getattr(self.augment, name)]:
            raise InputError(
                f"windows in epochs are stored once and only mirrored, but augment.{changed[0]} is "
                f"{getattr(self.augment, changed[0])}; set it to 0, or draw them (--windows drawn)"
            )
        if self.cameras == "recorded" and self.augment.noise:
            raise InputError(
                f"augment.noise is {self.augment.noise}, but windows of recordings in epochs are "
                "as they were recorded; set it to 0, or draw them (--windows drawn)"
            )
        if (self.augment.noise, self.augment.noise_amount) not in ((0, 0), (1, 1)):
            raise InputError(
                f"augment.noise is {self.augment.noise} and augment.noise_amount "
                f"{self.augment.noise_amount}; in epochs every view has noise or none: set both "
                "to 1 or both to 0"
            )
        if self.synthetic_share:
            raise InputError(
                f"synthetic_share is {self.synthetic_share}, but in epochs every window comes "
                "once; set it to 0, or draw the windows (--windows drawn)"
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
