"""What an encoder must be for APM to attach to it, tried out before anything is built around it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from ...errors import InputError
from ..a3dhp import A3DHP
from ..base import Stage
from ..dstformer import DSTformer
from ..mixste import MixSTE
from ..vpose import VPose

#: Encoders that say their sizes, and whether their last features are per joint. They are not tried
#: out: tests hold them to the contract, and a pass of a large one takes seconds.
_PER_JOINT: dict[type, bool] = {A3DHP: False, DSTformer: True, MixSTE: True, VPose: False}
_BATCH = 2  # windows of the pass that tries an encoder out
#: The stages, how many tensors or other things each is called with, and what each is.
_STAGES = {
    "shallow": (2, "shallow(xy, confidence=None), which gives a Stage with features (b, t, d)"),
    "deep": (1, "deep(stage), which gives the last features (b, f_out, d) or (b, f_out, j, d)"),
    "head": (1, "head(zd), which gives joints (b, f_out, j, 3)"),
    "advance": (2, "advance(stage, layer), which gives the Stage after a deeper layer"),
    "window_features": (2, "window_features(stage, starts), which gives (b, n, t, d)"),
}


@dataclass(frozen=True)
class Widths:
    """Sizes of what lies between the stages of an encoder.

    Args:
        shallow: d of the features that the action is told from.
        last: d of the last features.
        per_joint: whether the last features are (b, f_out, j, d), not (b, f_out, d).
        output_frames: f_out of the pass that was tried.
    """

    shallow: int
    last: int
    per_joint: bool
    output_frames: int


def encoder_padding(encoder: object) -> tuple[int, int]:
    """Frames that an encoder needs before and after an output frame; none where it says nothing.

    Raises:
        InputError: for a ``padding`` that is not two numbers of frames.
    """
    padding = getattr(encoder, "padding", (0, 0))
    pair = isinstance(padding, tuple) and len(padding) == 2
    if not pair or not all(isinstance(n, int) and n >= 0 for n in padding):
        raise InputError(
            f"{_name(encoder)}.padding is {padding!r}; it must be a tuple of two whole numbers, "
            "the frames needed before and after an output frame"
        )
    return padding


def check_encoder(encoder: nn.Module, joints: int, frames: int, *, tap: int = 1) -> Widths:
    """Try an encoder's stages out on a random pass, and measure what lies between them.

    The pass is in evaluation mode and without gradients; every module's mode comes back, and the
    random state is not touched. On the meta device only shapes are compared. The encoders of the
    house are known and need no pass.

    Args:
        encoder: with the stages of `langlift.methods.base.TemporalEncoder`.
        joints: of the 2D input.
        frames: of the 2D input.
        tap: layer whose features are looked at, that of ``shallow`` being 1.

    Raises:
        InputError: for a stage that is missing or gives something else than its contract says, for
            stages that do not make up the encoder's own pass, and for a layer it does not have.
    """
    _check_present(encoder, tap)
    output_frames = frames - sum(encoder_padding(encoder))
    if type(encoder) in _PER_JOINT:
        house: Any = encoder
        per_joint = _PER_JOINT[type(encoder)]
        return Widths(house.config.channels, house.width, per_joint, output_frames)
    of: Any = encoder
    xy = _sample(encoder, joints, frames)
    with _evaluating(encoder), torch.no_grad():
        stage = _checked_stage(encoder, "shallow", of.shallow(xy, None), frames)
        zd = _checked_last(encoder, of.deep(stage), output_frames)
        said = _checked_joints(encoder, of.head(zd), output_frames)
        whole = "its own pass: forward(xy) must be head(deep(shallow(xy)))"
        _check_same(encoder, of(xy), said, whole)
        if tap > 1:
            stage = _checked_stage(encoder, "advance", of.advance(stage, tap), frames)
            left = f"deep after advance(stage, {tap}): deep must go on from the stage's own layer"
            _check_same(encoder, of.head(of.deep(stage)), said, left)
        _check_windows(encoder, stage)
    return Widths(stage.features.shape[-1], zd.shape[-1], zd.ndim == 4, output_frames)


def _check_present(encoder: object, tap: int) -> None:
    """Raise unless the stages are there, take what they are called with, and reach the layer."""
    needed = ["shallow", "deep", "head"]
    if tap > 1:
        layers = getattr(encoder, "layers", None)
        if not callable(getattr(encoder, "advance", None)) or not isinstance(layers, int):
            raise InputError(
                f"tap is {tap}, but {_name(encoder)} does not offer deeper layers; set tap to 1, "
                "or give it advance(stage, layer) and the number of its layers"
            )
        if tap > layers:
            raise InputError(
                f"tap is {tap}, but {_name(encoder)} has layers 1 to {layers}; set tap to one of "
                "them"
            )
        needed.append("advance")
    if hasattr(encoder, "window_features"):
        needed.append("window_features")
    for stage in needed:
        count, contract = _STAGES[stage]
        method = getattr(encoder, stage, None)
        if not callable(method):
            raise InputError(f"{_name(encoder)} has no {stage}; an encoder needs {contract}")
        if not _takes(method, count):
            raise InputError(
                f"{_name(encoder)}.{stage} cannot be called with {count} arguments; an encoder "
                f"needs {contract}"
            )


def _takes(method: Any, count: int) -> bool:
    """Whether it can be called with so many arguments by position."""
    called = method.forward if isinstance(method, nn.Module) else method
    try:
        inspect.signature(called).bind(*[None] * count)
    except TypeError:
        return False
    return True


def _checked_stage(encoder: object, name: str, stage: Any, frames: int) -> Stage:
    """A stage that the action can be told from."""
    contract = _STAGES[name][1]
    if not isinstance(stage, Stage) or not isinstance(stage.features, Tensor):
        kind = type(stage.features if isinstance(stage, Stage) else stage).__name__
        of = "a Stage whose features are of type" if isinstance(stage, Stage) else "type"
        raise InputError(
            f"{_name(encoder)}.{name} gave {of} {kind}; an encoder needs {contract}: import Stage "
            "from langlift.methods.base"
        )
    shape = tuple(stage.features.shape)
    if len(shape) != 3 or shape[0] == 0 or shape[0] % _BATCH:
        raise InputError(
            f"{_name(encoder)}.{name} gave features of shape {shape} for {_BATCH} windows; they "
            "must be (b, t, d), or (b n, t, d) with n windows of each after the other"
        )
    if not isinstance(stage.stride, int) or not 0 <= (shape[1] - 1) * stage.stride < frames:
        raise InputError(
            f"{_name(encoder)}.{name} gave {shape[1]} time steps with a stride of "
            f"{stage.stride!r} for {frames} frames; the stride must be the frames between two steps"
        )
    return stage


def _checked_last(encoder: object, zd: Any, output_frames: int) -> Tensor:
    """Last features that pose prompts can change."""
    shape = tuple(zd.shape) if isinstance(zd, Tensor) else type(zd).__name__
    ranks = isinstance(zd, Tensor) and zd.ndim in (3, 4)
    if not ranks or shape[:2] != (_BATCH, output_frames):
        raise InputError(
            f"{_name(encoder)}.deep gave {shape} for {_BATCH} windows with {output_frames} output "
            f"frames; it must give ({_BATCH}, {output_frames}, d) or ({_BATCH}, {output_frames}, "
            "j, d), and padding must name the frames that get lost"
        )
    return zd


def _checked_joints(encoder: object, joints: Any, output_frames: int) -> Tensor:
    """Joints as a method gives them."""
    shape = tuple(joints.shape) if isinstance(joints, Tensor) else type(joints).__name__
    ranked = isinstance(joints, Tensor) and joints.ndim == 4
    if not ranked or (*shape[:2], shape[3]) != (_BATCH, output_frames, 3):
        raise InputError(
            f"{_name(encoder)}.head gave {shape}; it must give joints in metres of shape "
            f"({_BATCH}, {output_frames}, j, 3)"
        )
    return joints


def _check_same(encoder: object, found: Tensor, expected: Tensor, of: str) -> None:
    """Raise unless both are equal to the bit, where there are any numbers."""
    same = found.shape == expected.shape
    if same and not found.is_meta:
        same = bool(((found == expected) | (found.isnan() & expected.isnan())).all())
    if not same:
        raise InputError(
            f"the stages shallow, deep and head of {_name(encoder)} give other joints than {of}, "
            "to the bit in evaluation"
        )


def _check_windows(encoder: Any, stage: Stage) -> None:
    """Raise unless the features of single windows, where it gives them, have the right shape."""
    if not hasattr(encoder, "window_features") or stage.features.is_meta:
        return
    starts = torch.zeros(1, dtype=torch.long, device=stage.features.device)
    found = encoder.window_features(stage, starts)
    shape = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
    width = stage.features.shape[2]
    fits = isinstance(found, Tensor) and found.ndim == 4
    if not fits or (*shape[:2], shape[3]) != (_BATCH, 1, width):
        raise InputError(
            f"{_name(encoder)}.window_features gave {shape} for one window of each of {_BATCH}; it "
            f"must give ({_BATCH}, 1, t, {width})"
        )


def _sample(encoder: nn.Module, joints: int, frames: int) -> Tensor:
    """Random 2D joints (b, f, j, 2) on the encoder's device; always the same."""
    tensor = next(chain(encoder.parameters(), encoder.buffers()), None)
    device = torch.device("cpu") if tensor is None else tensor.device
    shape = (_BATCH, frames, joints, 2)
    if device.type == "meta":
        return torch.zeros(shape, device=device)
    generator = torch.Generator("cpu").manual_seed(0)
    return (0.5 * torch.randn(shape, generator=generator, device="cpu")).to(device)


@contextmanager
def _evaluating(encoder: nn.Module) -> Iterator[None]:
    """Evaluation mode for a while; afterwards each module is in the mode that it was in."""
    modes = [(module, module.training) for module in encoder.modules()]
    encoder.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def _name(encoder: object) -> str:
    return type(encoder).__name__
