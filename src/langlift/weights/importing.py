"""Bundles from the public checkpoints of the methods' authors."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import torch
from torch import Tensor

from ..actions import ActionVocabulary
from ..errors import InputError, unknown
from ..formats.files import naming, one_line
from ..lifting.bundle import Bundle, Unit, save_bundle
from ..lifting.features import FeatureConfig
from ..methods.a3dhp.checkpoint import LAYOUT as A3DHP
from ..methods.base import MethodConfig
from ..methods.checkpoint import Choices, Layout, State
from ..methods.dstformer.checkpoint import LAYOUT as DSTFORMER
from ..methods.mixste.checkpoint import LAYOUT as MIXSTE
from ..methods.vpose.checkpoint import LAYOUT as VPOSE
from ..skeletons import HUMAN36M_17, HUMANEVA_15, MPI_INF_3DHP_17, Skeleton
from ..tracks import check_fps
from .checkpoint_files import FoundState, find_state, sha256_of

LAYOUTS: Mapping[str, Layout] = {
    "vpose": VPOSE,
    "a3dhp": A3DHP,
    "mixste": MIXSTE,
    "dstformer": DSTFORMER,
}
#: How the authors chose the weights that they publish, see `langlift.protocols.origin`: MixSTE and
#: MotionBERT kept the epoch with the lowest error on the test subjects, VideoPose3D the last one;
#: A3DHP does not tell.
SELECTION = {"vpose": "fixed", "a3dhp": "not stated", "mixste": "test", "dstformer": "test"}
NO_LICENCE = "not stated by the file; see the authors' page"
#: Frames per second of the videos that the published weights were trained on.
_FPS = {HUMAN36M_17.name: 50.0, HUMANEVA_15.name: 60.0}
_OTHER_FPS = 50.0
_INPUT = "joints in the order of the skeleton, normalised by the image's width"
_NAMED = 3  # tensors of each kind that a message names
_VARIANCE = ".running_var"
_COUNTER = ".num_batches_tracked"  # absent in files of PyTorch before 0.4.1; no result needs it


@dataclass(frozen=True)
class ImportOptions:
    """What the user says about a checkpoint, because its tensors do not.

    Args:
        heads: of every attention; 8, as published, if None.
        causal: whether the network looks at past frames only.
        skeleton: joints that come out; by their number if None.
        unit: of the output; that of the method's published weights if None.
        fps: frame rate of the training videos; that of the skeleton's dataset if None.
        licence: of the weights.
    """

    heads: int | None = None
    causal: bool = False
    skeleton: str | None = None
    unit: str | None = None
    fps: float | None = None
    licence: str | None = None


def import_checkpoint(
    file: str | Path, method: str, out: str | Path, options: ImportOptions | None = None
) -> Bundle:
    """Write the bundle of a checkpoint; the file is not changed, an existing `out` is replaced.

    Args:
        file: as the authors publish it: of ``torch.save``, or safetensors with the same names.
        method: a name in `LAYOUTS`.
        out: the bundle, a ``.safetensors`` file.
        options: what the tensors do not say.

    Raises:
        InputError: when the file cannot be read, holds code, is of another method, or does not
            hold exactly the tensors of a network of the sizes that they tell.
    """
    file, out = Path(file), Path(out)
    if out.suffix != ".safetensors":
        raise InputError(f"--out is {str(out)!r}; the name of a bundle ends in .safetensors")
    if out.exists() and file.exists() and out.samefile(file):
        raise InputError(f"--out is the checkpoint itself, {file}; give another name")
    bundle, state = read_checkpoint(file, method, options)
    save_bundle(out, bundle, state)
    return bundle


def read_checkpoint(
    file: str | Path, method: str, options: ImportOptions | None = None
) -> tuple[Bundle, dict[str, Tensor]]:
    """The bundle of a checkpoint and its tensors by their names there, see `import_checkpoint`."""
    file, options = Path(file), options or ImportOptions()
    if method not in LAYOUTS:
        raise unknown("method with an importer", method, LAYOUTS)
    layout = LAYOUTS[method]
    _check_options(layout, options)
    with naming(file):
        found = _without_spare(find_state(file), layout)
        _check_method(method, found.state)
        official = layout.rename(found.state)
        choices = Choices(options.heads or Choices.heads, options.causal, options.skeleton)
        config = layout.config_of(official, choices)
        output = _Output(layout, options, _skeleton_of(config, choices))
        bundle = Bundle(
            method,
            config,
            FeatureConfig(kind="screen"),
            ActionVocabulary(()),
            output.fps,
            output.skeleton,
            unit=output.unit,
        )
        state = _fitted(bundle, official)
        card = {**_card(file, layout, found, config, output), "selection": SELECTION[method]}
        return replace(bundle, card=card), state


@dataclass(frozen=True)
class _Output:
    """What comes out of the network, as given or else as usual."""

    layout: Layout
    options: ImportOptions
    skeleton: Skeleton

    @property
    def fps(self) -> float:
        given = self.options.fps
        return check_fps(_FPS.get(self.skeleton.name, _OTHER_FPS) if given is None else given)

    @property
    def unit(self) -> Unit:
        usual: dict[str, Unit] = {HUMAN36M_17.name: self.layout.unit, MPI_INF_3DHP_17.name: "mm"}
        return self.options.unit or usual.get(self.skeleton.name, "m")  # type: ignore[return-value]

    def said(self, given: bool) -> dict[str, Any]:
        """What the tensors do not tell: the part that was given, or the part that is assumed."""
        values = {"heads": self.options.heads or Choices.heads, "causal": self.options.causal}
        used = {name: values[name] for name in self.layout.chosen}
        used |= {"skeleton": self.skeleton.name, "unit": self.unit, "fps": self.fps}
        return {n: v for n, v in used.items() if bool(getattr(self.options, n)) == given}


def _without_spare(found: FoundState, layout: Layout) -> FoundState:
    """Without the tensors of further networks, which are counted instead."""
    state = {n: value for n, value in found.state.items() if not n.startswith(layout.spare)}
    spare = len(found.state) - len(state)
    if not spare:
        return found
    return replace(found, state=state, left_out={**found.left_out, "trajectory network": spare})


def _check_options(layout: Layout, options: ImportOptions) -> None:
    """Refuse what the method has not, rather than ignore it."""
    for name, given in (("heads", options.heads is not None), ("causal", options.causal)):
        if given and name not in layout.chosen:
            raise InputError(f"--{name} is given, but {layout.title} has no such choice; leave it")
    if options.unit not in (None, *get_args(Unit)):
        raise unknown("unit", str(options.unit), get_args(Unit))
    if options.heads is not None and options.heads < 1:
        raise InputError(f"--heads is {options.heads}; it must be at least 1")


def looks_like(state: State) -> str | None:
    """Name in `LAYOUTS` of the method that these tensors are of, or another's title; else None."""
    for name, layout in LAYOUTS.items():
        if layout.fits(state):
            return name
    if any(name.startswith("pose_estimator.clip_text.") for name in state):
        return "FinePOSE"
    if any("time_mlp." in name for name in state):
        return "D3DP"
    return None


def _check_method(method: str, state: State) -> None:
    likely = looks_like(state)
    if likely == method:
        return
    title = LAYOUTS[method].title
    if likely is None:
        few = ", ".join(list(state)[:_NAMED])
        raise InputError(
            f"its tensors are not those of {title} or of any method that can be imported (they "
            f"are called {few}, ... {len(state)} in all)"
        )
    if likely in LAYOUTS:
        raise InputError(
            f"this looks like a checkpoint of {LAYOUTS[likely].title}, not of {title}; import it "
            f"with --method {likely}"
        )
    raise InputError(
        f"this looks like a checkpoint of {likely}, not of {title}; import of those is not in this "
        "version"
    )


def _skeleton_of(config: MethodConfig, choices: Choices) -> Skeleton:
    joints_in, joints_out = config.joints_in, config.joints_out  # type: ignore[attr-defined]
    if joints_out == 1:
        raise InputError("it gives the root's place alone: a trajectory network, which cannot lift")
    if joints_in != joints_out:
        raise InputError(
            f"it takes {joints_in} joints and gives {joints_out}; lifters need the same joints in "
            "2D and 3D"
        )
    return choices.skeleton_of(joints_out)


def _fitted(bundle: Bundle, official: State) -> dict[str, Tensor]:
    """The tensors by the names in the bundle; exactly those of its network.

    Raises:
        InputError: with at most three names of each kind of difference.
    """
    try:
        with torch.device("meta"):
            wanted = bundle.build().state_dict()
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"no network has the sizes of its tensors ({one_line(error)})") from error
    shapes = {name.removeprefix("encoder."): value for name, value in wanted.items()}
    state = dict(official)
    for name, value in shapes.items():
        if name.endswith(_COUNTER) and name not in state:
            state[name] = torch.zeros((), dtype=value.dtype)
    title = LAYOUTS[bundle.method].title
    if said := _difference(shapes, state):
        raise InputError(f"its tensors are not those of such a {title}: {said}")
    return {f"encoder.{name}": state[name].to(shapes[name].dtype) for name in shapes}


def _difference(wanted: State, state: State) -> str:
    """What is wrong, kind by kind; nothing where all is right."""
    both = [name for name in wanted if name in state]
    kinds = {
        "missing": [name for name in wanted if name not in state],
        "not known": [name for name in state if name not in wanted],
        "of another shape": [
            f"{name} {_shape(state[name])} instead of {_shape(wanted[name])}"
            for name in both
            if state[name].shape != wanted[name].shape
        ],
        "of another type": [
            f"{name} {state[name].dtype}"
            for name in both
            if state[name].is_floating_point() != wanted[name].is_floating_point()
        ],
        **_wrong_numbers(wanted, {n: t for n, t in state.items() if _alike(t, wanted.get(n))}),
    }
    said = []
    for kind, names in kinds.items():
        if names:
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            said.append(f"{len(names)} {kind} ({', '.join(names[:_NAMED])}{more})")
    return "; ".join(said)


def _shape(tensor: Tensor) -> str:
    return reprlib.repr(tuple(tensor.shape))


def _alike(tensor: Tensor, wanted: Tensor | None) -> bool:
    """Whether it is a tensor of such numbers and shape."""
    return (
        wanted is not None
        and tensor.shape == wanted.shape
        and tensor.is_floating_point()
        and wanted.is_floating_point()
    )


def _wrong_numbers(wanted: State, state: State) -> dict[str, list[str]]:
    """Names of tensors with numbers that no network has, in the type that the bundle gives them.

    Numbers of a wider type may be too large for it; a batch norm takes the root of its variances.
    """
    endless, negative = [], []
    for name, value in state.items():
        numbers = value.to(wanted[name].dtype)
        if not numbers.isfinite().all():
            endless.append(name)
        elif name.endswith(_VARIANCE) and (numbers < 0).any():
            negative.append(name)
    return {"not finite in float32": endless, "with negative variances": negative}


def _card(
    file: Path, layout: Layout, found: FoundState, config: MethodConfig, output: _Output
) -> dict[str, Any]:
    """Where the weights are from, what their tensors told and what was taken for granted."""
    return {
        "name": f"{layout.title}, imported from {file.name}",
        "data": "not stated by the file",
        "licence": output.options.licence or NO_LICENCE,
        "imported": {
            "file": file.name,
            "sha256": sha256_of(file),
            "entry": found.entry,
            "inferred": {name: getattr(config, name) for name in layout.inferred},
            "given": output.said(given=True),
            "assumed": output.said(given=False) | {"input": _INPUT},
            "left_out": found.left_out,
        },
    }
