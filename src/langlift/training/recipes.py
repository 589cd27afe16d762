"""Ready-made runs: by the name that users write after ``--recipe``, for each method.

A recipe is settings by name, so that it can be looked up for a method before that method's modules
are needed, and for methods from outside this package. What all methods share stands in ``run``,
what one method has otherwise in ``methods``, its architecture in ``models``.

``paper`` is each paper's own training, its windows in epochs, plain and mirrored. Its steps are
those of the published number of epochs (MixSTE: of the released default) over the 1.56 million
frames of Human3.6M's training subjects, whatever other data is trained on; learning rates, and the
momentum of batch norms, fall with every step and not once per epoch, to the same end. On the motion
corpus there are only the cameras of Human3.6M, and the 2D is the exact projection.

On recordings a recipe takes their own cameras and 2D as they are, and networks have the joints of
the dataset.

A plug-in, such as ActionPrompt around VPose, is trained as the encoder that it is attached to: with
that encoder's run and architecture, and its own defaults.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, get_args

from ..datasets.augment import nothing
from ..errors import InputError, unknown
from ..lifting.features import FeatureConfig
from ..methods import bare_of, get_method
from ..methods.base import MethodConfig
from ..methods.losses import JointWeights
from ..skeletons import HUMAN36M_17, Skeleton
from .config import TrainConfig

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Recipe:
    """Settings of a run for every method.

    Args:
        description: for people.
        run: settings of `TrainConfig`.
        methods: by method, the settings in which its run differs; those of an encoder are also
            those of a plug-in around it, unless that has other ones.
        models: by method, settings of its config; the rest has the method's defaults.
        general: whether other methods can use it too, with their defaults.
        recorded: settings in which a run on recordings differs; None where it cannot be one.
    """

    description: str
    run: Settings
    methods: Mapping[str, Settings] = field(default_factory=dict)
    models: Mapping[str, Settings] = field(default_factory=dict)
    general: bool = True
    recorded: Settings | None = None

    def has(self, method: str) -> bool:
        """Whether it is one for that method: general, or of it or of the encoder inside it."""
        inner = bare_of(method)
        return self.general or method in self.methods or inner in self.methods


#: Networks of a few million parameters or less, for one processor.
_SMALL: dict[str, Settings] = {
    "vpose": {"widths": (3, 3, 3, 3), "channels": 256, "dropout": 0.0, "zero_head": True},
    "a3dhp": {"frames": 81, "channels": 256, "dropout": 0.0},
    "mixste": {"frames": 81, "channels": 128, "depth": 4, "drop_path": 0.0},
    # Two streams of two blocks each, so half the depth is as much work.
    "dstformer": {"frames": 81, "channels": 128, "representation": 128, "depth": 2},
}
#: A3DHP computes a window per output frame, so it gets fewer of them. Attention takes several times
#: the time of a convolution per window, and a lower rate.
_SMALL_RUNS: dict[str, Settings] = {
    "a3dhp": {"frames": 27},
    "mixste": {"batch": 8, "lr": 5e-4, "warmup": 500},
    "dstformer": {"batch": 8, "lr": 5e-4, "warmup": 500},
}


def _with(settings: Mapping[str, Settings], **more: Any) -> dict[str, Settings]:
    """The same settings for every method, and more."""
    return {name: {**values, **more} for name, values in settings.items()}


_ROBUST = _with(_SMALL, action_weight=0.02)
_ROBUST["vpose"] = {**_ROBUST["vpose"], "channels": 512, "velocity_weight": 0.5}
_ROBUST["a3dhp"] = {**_ROBUST["a3dhp"], "velocity_weight": 0.5}

_AS_PUBLISHED: Settings = {
    "features": FeatureConfig(kind="screen"),
    "augment": nothing(),
    "cameras": "human36m",
    "windows": "epochs",
    **{"warmup": 0, "grad_clip": 0.0, "ema": 0.0},
}
#: Theirs: optimiser, rate, decay, schedule, batch, windows, loss. Ours: bf16 where the processor
#: has it (``--precision fp32`` for theirs), no decay of norms and biases.
_PAPERS: dict[str, Settings] = {
    # Pavllo et al.: 80 epochs for the published network of 243 frames, rate x 0.95 per epoch; an
    # epoch is 3,000 batches of 1,024 frames, plain and mirrored.
    "vpose": {
        **{"steps": 80 * 3000, "batch": 1024, "frames": 1, "optimizer": "adam", "lr": 1e-3},
        **{"lr_schedule": "exponential", "lr_end": 0.95**80, "weight_decay": 0.0},
        "batch_norm_schedule": True,
    },
    # Liu et al.: 80 epochs, cosine from 1e-3 to 1e-5, the batch-norm schedule of VPose; an epoch
    # is 3,000 batches of 1,024 frames, plain and mirrored.
    "a3dhp": {
        **{"steps": 80 * 3000, "batch": 1024, "frames": 1, "optimizer": "ranger", "lr": 1e-3},
        **{"lr_schedule": "cosine", "lr_end": 0.01, "weight_decay": 0.0},
        "batch_norm_schedule": True,
    },
    # Zhang et al.: 120 epochs (the released file says that the published run had 256), rate x 0.99
    # per epoch, batches of 1,024 frames, which is 4 whole sequences; 3,200 of them are an epoch,
    # plain and mirrored.
    "mixste": {
        **{"steps": 120 * 3200, "batch": 4, "frames": 243, "optimizer": "adamw", "lr": 4e-5},
        **{"lr_schedule": "exponential", "lr_end": 0.99**120, "weight_decay": 0.1},
    },
    # Zhu et al., trained from scratch on Human3.6M: 120 epochs of batches of 32 sequences, rate
    # x 0.99 per epoch. Their sequences start every 81 frames, about 550 batches an epoch; ours
    # follow each other without overlap, and are mirrored once per epoch instead of by chance.
    "dstformer": {
        **{"steps": 120 * 550, "batch": 32, "frames": 243, "optimizer": "adamw", "lr": 2e-4},
        **{"lr_schedule": "exponential", "lr_end": 0.99**120, "weight_decay": 0.01},
    },
}

#: Ready-made runs, by the name users write after ``--recipe``.
RECIPES: dict[str, Recipe] = {
    "robust": Recipe(
        "the bundled default: any camera, missing joints, detector noise",
        {"synthetic_clips": 420, "synthetic_share": 0.1, "steps": 10000},
        _SMALL_RUNS,
        _ROBUST,
    ),
    "bare": Recipe(
        "windows of 81 frames by the fixed Human3.6M cameras, in screen coordinates",
        {
            "features": FeatureConfig(kind="screen"),
            "augment": replace(nothing(), noise=0.5, noise_amount=1.0),
            "cameras": "human36m",
            "steps": 6000,
        },
        _SMALL_RUNS,
        _with(_SMALL, action_weight=0.05),
        recorded={"cameras": "recorded", "augment": nothing()},
    ),
    "paper": Recipe(
        "as published: the method's own size, optimiser, schedule and batch; for large machines",
        _AS_PUBLISHED,
        _PAPERS,
        {"vpose": {"form": "strided"}, "mixste": {"self_weighted": True}},
        general=False,
        recorded={"cameras": "recorded"},
    ),
}


def recipe(name: str, method: str = "vpose", recorded: Skeleton | None = None) -> TrainConfig:
    """The recipe of that name for a method.

    A general recipe does for a method that it does not know, too: with the method's defaults and,
    where its windows have a fixed or a largest length, with windows of that length.

    Args:
        name: in `RECIPES`.
        method: name in `langlift.methods.METHODS`.
        recorded: joints of the recordings that are trained on; None for clips of motion.

    Raises:
        InputError: for an unknown recipe or method, a recipe that the method does not have, or one
            that cannot be used on recordings.
    """
    if name not in RECIPES:
        raise unknown("recipe", name, RECIPES)
    entry = RECIPES[name]
    inner = bare_of(method) or method
    if not entry.has(method):
        known = ", ".join(n for n, other in RECIPES.items() if other.general)
        raise InputError(
            f"there is no recipe {name!r} for {method}; those for every method are {known}"
        )
    run = {**entry.run, **entry.methods.get(inner, {}), **entry.methods.get(method, {})}
    if recorded is not None:
        run |= _on_recordings(name)
    model = _model(entry, method, recorded)
    frames = run.get("frames", TrainConfig.frames)
    run["frames"] = model.output_frames or min(frames, model.window or frames)
    return TrainConfig(model=model, **run)


def _model(entry: Recipe, method: str, recorded: Skeleton | None) -> MethodConfig:
    """Settings of a method as a recipe has them; those of a plug-in's encoder are nested in it."""
    kind: Any = get_method(method).config
    own, inner = dict(entry.models.get(method, {})), bare_of(method)
    if inner is None:
        return kind(**own if recorded is None else _with_joints(own, kind(), recorded))
    default = kind().encoder
    nested = {**entry.models.get(inner, {}), "action_weight": 0.0}  # the plug-in tells actions
    if recorded is not None:
        nested = _with_joints(nested, default, recorded)
    return kind(encoder=replace(default, **nested), **own)


def _on_recordings(name: str) -> Settings:
    """What of a recipe is otherwise on recordings."""
    changed = RECIPES[name].recorded
    if changed is None:
        known = ", ".join(n for n, other in RECIPES.items() if other.recorded is not None)
        raise InputError(
            f"recipe {name!r} films motion with cameras and bodies of its own, and recordings come "
            f"with theirs; those for recordings are {known}"
        )
    return changed


def _with_joints(settings: Settings, default: Any, skeleton: Skeleton) -> dict[str, Any]:
    """Settings of a method for a skeleton: its number of joints, and the weights of its joints."""
    known = {f.name for f in fields(default)}
    model = {**settings, **{n: len(skeleton) for n in ("joints_in", "joints_out") if n in known}}
    if "joint_weights" in known:
        weights = model.get("joint_weights", default.joint_weights)
        if weights == HUMAN36M_17.name:
            own = skeleton.name in get_args(JointWeights)
            model["joint_weights"] = skeleton.name if own else "even"
    return model
