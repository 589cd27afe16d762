"""A trained network as one ONNX file, for programs that have neither langlift nor torch.

The file holds the network alone: normalised 2D in, joints relative to the root and action logits
out. What stands around it (features, padding, frame rate, names) is told by its metadata, which is
the header of the bundle. It is compared with PyTorch before it gets its name.
"""

from __future__ import annotations

import io
import json
import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .._version import __version__
from ..errors import InputError
from ..formats.files import atomic_write, one_line
from ..methods.base import Method
from .lifter import Lifter
from .onnx_runtime import OnnxNetwork, check_installed, difference

FORMAT, FORMAT_VERSION = "langlift-onnx", 1
#: The lowest that PyTorch's exporter writes by itself, so the most programs read it.
DEFAULT_OPSET = 18
LOWEST_OPSET, HIGHEST_OPSET = 16, 23
TOLERANCE = 1e-4
_LARGEST_BYTES = 2_000_000_000  # of one protobuf message, with some room


@dataclass(frozen=True)
class FrameRange:
    """How many input frames a network takes at once.

    Args:
        least: fewest.
        most: most, None for any number.
    """

    least: int
    most: int | None

    @property
    def fixed(self) -> bool:
        """Whether there is only one choice."""
        return self.least == self.most

    def at_most(self, frames: int) -> int:
        """So many frames, or as many as are taken."""
        return frames if self.most is None else min(frames, self.most)

    def __str__(self) -> str:
        if self.fixed:
            return f"exactly {self.least}"
        return f"{self.least} or more" if self.most is None else f"{self.least} to {self.most}"


@dataclass(frozen=True)
class Exported:
    """What was written.

    Args:
        path: the file.
        size: bytes.
        opset: version of the ONNX operators.
        shapes: of the inputs and outputs by name; an axis of any size has a name.
        frames: how many input frames are taken.
        differences: largest difference from PyTorch by output, see `onnx_runtime.difference`;
            None where it was not checked.
    """

    path: Path
    size: int
    opset: int
    shapes: dict[str, tuple[int | str, ...]]
    frames: FrameRange
    differences: dict[str, float] | None


def export_onnx(
    lifter: Lifter, path: str | Path, opset: int = DEFAULT_OPSET, check: bool = True
) -> Exported:
    """Write a lifter's network as an ONNX file. Atomic.

    Inputs: ``xy`` (b, f, j, 2) features, and ``confidence`` (b, f, j) where the method uses it.
    Outputs: ``joints`` (b, f_out, j, 3) relative to the root, in the bundle's unit and the
    features' axes, and ``action_logits`` (b, f_out, k) where there are classes. Batch and frames
    may have any size that the network takes.

    Args:
        lifter: in evaluation mode.
        path: the ``.onnx`` file.
        opset: version of the ONNX operators.
        check: run the file with onnxruntime and compare it with PyTorch, at sizes other than those
            it was traced with.

    Raises:
        InputError: when the `onnx` extra is not installed, for another opset or suffix, for a
            network that cannot be exported, and when the file gives other numbers than PyTorch;
            then there is no file.
    """
    check_installed(check)
    path = Path(path)
    if path.suffix != ".onnx":
        raise InputError(f"{path} does not end in .onnx; give the path of an .onnx file")
    if not LOWEST_OPSET <= opset <= HIGHEST_OPSET:
        raise InputError(
            f"opset is {opset}; it must be at least {LOWEST_OPSET} and at most {HIGHEST_OPSET}"
        )
    network = lifter.network
    _check_size(network)
    frames = frame_range(lifter)
    with atomic_write(path) as temporary:
        model = _traced(lifter, frames, opset)
        _describe(model, lifter, frames)
        temporary.write_bytes(model.SerializeToString())
        differences = _compared(lifter, frames, temporary) if check else None
    return Exported(path, path.stat().st_size, opset, _shapes(model), frames, differences)


def _check_size(network: Method) -> None:
    """Raise for weights that do not fit into one file of this format."""
    size = sum(value.numel() * value.element_size() for value in network.state_dict().values())
    if size > _LARGEST_BYTES:
        raise InputError(
            f"the weights have {size / 1e9:.1f} GB; one ONNX file holds at most "
            f"{_LARGEST_BYTES / 1e9:.0f} GB: export a smaller network"
        )


def frame_range(lifter: Lifter) -> FrameRange:
    """How many input frames a method takes at once; it is asked where its settings leave it open.

    A method whose windows are fixed may still take fewer frames (MixSTE), or none but a full window
    (VPose in its strided form).
    """
    config, context = lifter.network.config, sum(lifter.network.padding)
    most = config.window
    if most is None and config.output_frames is not None:
        most = context + config.output_frames
    least = context + 1
    if most is not None and least < most:
        try:
            _predict(lifter, _sample(lifter, 1, least))
        except InputError:  # what it says of too few frames
            least = most
    return FrameRange(least, most)


class _Traceable(nn.Module):
    """A method's prediction as plain tensors, which is what an exporter follows."""

    def __init__(self, method: Method) -> None:
        super().__init__()
        self.method = method

    def forward(self, xy: Tensor, confidence: Tensor | None = None) -> tuple[Tensor, ...]:
        """Joints, and action logits where there are any."""
        prediction = self.method.predict(xy, confidence)
        if prediction.action_logits is None:
            return (prediction.joints,)
        return prediction.joints, prediction.action_logits


def _traced(lifter: Lifter, frames: FrameRange, opset: int) -> Any:
    """The network as an ONNX model whose batch and frames have any size."""
    sample = _sample(lifter, 2, frames.at_most(frames.least + 4))
    outputs = ["joints", "action_logits"][: len(_predict(lifter, sample))]
    axes: dict[int, Any] = {0: torch.export.Dim("batch", min=1)}
    if not frames.fixed:
        axes[1] = torch.export.Dim("frames", min=frames.least, max=frames.most)
    with _quiet(), torch.no_grad():
        try:
            program = torch.onnx.export(
                _Traceable(lifter.network),
                tuple(sample.values()),
                dynamo=True,
                dynamic_shapes=dict.fromkeys(sample, axes),
                input_names=list(sample),
                output_names=outputs,
                opset_version=opset,
                external_data=False,
                verbose=False,
            )
        except torch.onnx.OnnxExporterError as error:
            raise InputError(
                f"this {lifter.bundle.method} network cannot be exported to ONNX "
                f"({one_line(error.__cause__ or error)}); change its code to operations that "
                "torch.onnx.export follows, with a batch and frames of any size"
            ) from error
    assert program is not None  # the exporter's other form gives nothing
    model = program.model_proto
    _check_traced(model, axes, opset)
    return model


def _check_traced(model: Any, axes: dict[int, Any], opset: int) -> None:
    """Raise where the exporter fixed a size, or kept another opset than was asked for."""
    got = {entry.domain: entry.version for entry in model.opset_import}.get("")
    if got != opset:
        raise InputError(
            f"the network cannot be written with opset {opset} (the exporter kept {got}); give "
            f"--opset {got}"
        )
    shapes = _shapes(model)
    fixed = [
        f"{axis.__name__} of {value.name}"
        for value in model.graph.input
        for n, axis in axes.items()
        if not isinstance(shapes[value.name][n], str)
    ]
    if fixed:
        raise InputError(
            f"the exporter fixed {' and '.join(fixed)}; the network's code has to take sizes from "
            "x.shape, len(x) makes plain numbers of them"
        )


def _shapes(model: Any) -> dict[str, tuple[int | str, ...]]:
    """Shapes of a model's inputs and outputs by name."""
    return {
        value.name: tuple(
            axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim
        )
        for value in (*model.graph.input, *model.graph.output)
    }


def _describe(model: Any, lifter: Lifter, frames: FrameRange) -> None:
    """Write what a user has to know into the model, and take out what only its maker knows."""
    import onnx

    bundle = lifter.bundle
    facts = {
        "langlift": __version__,
        "model": lifter.name,
        "weights_sha256": lifter.digest,
        "licence": bundle.card.get("licence", "not stated"),
        "joint_names": bundle.skeleton.joints,
        "root_joint": bundle.skeleton.joints[bundle.skeleton.root_index],
        "padding": lifter.network.padding,
        "frames": {"least": frames.least, "most": frames.most},
    }
    entries = {name: json.dumps(value) for name, value in facts.items()}
    stamp = {"format": FORMAT, "format_version": str(FORMAT_VERSION)}
    model.producer_name, model.producer_version = "langlift", __version__
    # The exporter notes at every node where in which source file of this machine it came from.
    for noted in (model, model.graph, *model.graph.node, *model.graph.initializer):
        del noted.metadata_props[:]
        noted.doc_string = ""
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        del value.metadata_props[:]
    onnx.helper.set_model_props(model, bundle.metadata() | entries | stamp)
    onnx.checker.check_model(model, full_check=True)


def _compared(lifter: Lifter, frames: FrameRange, path: Path) -> dict[str, float]:
    """Largest difference from PyTorch by output.

    Raises:
        InputError: where one is larger than `TOLERANCE`.
    """
    opened = OnnxNetwork(path)
    largest: dict[str, float] = {}
    # Neither a batch nor a length is one of those that were traced.
    for batch, length in ((3, frames.least), (1, frames.most or frames.least + 27)):
        sample = _sample(lifter, batch, length)
        found = opened.run({name: value.cpu().numpy() for name, value in sample.items()})
        expected = _predict(lifter, sample)
        for (name, array), tensor in zip(found.items(), expected, strict=True):
            largest[name] = max(largest.get(name, 0.0), difference(array, tensor.cpu().numpy()))
    far = [f"{name} by {value:.2g}" for name, value in largest.items() if not value <= TOLERANCE]
    if far:
        raise InputError(
            "onnxruntime gives other numbers for the exported network than PyTorch: "
            f"{', '.join(far)}, at most {TOLERANCE:g} is allowed; try another --opset (no file was "
            "written)"
        )
    return largest


def _sample(lifter: Lifter, batch: int, frames: int) -> dict[str, Tensor]:
    """Inputs by name of about the size that features have, always the same, on its device."""
    rng = np.random.default_rng(0)
    joints = len(lifter.bundle.skeleton)
    xy = rng.normal(scale=0.5, size=(batch, frames, joints, 2)).astype(np.float32)
    device = next(lifter.network.parameters()).device
    inputs = {"xy": torch.from_numpy(xy).to(device)}
    if lifter.network.config.uses_confidence:
        sure = rng.uniform(size=(batch, frames, joints)).astype(np.float32)
        inputs["confidence"] = torch.from_numpy(sure).to(device)
    return inputs


def _predict(lifter: Lifter, inputs: dict[str, Tensor]) -> tuple[Tensor, ...]:
    """Joints, and action logits where there are any."""
    with torch.no_grad():
        return _Traceable(lifter.network)(**inputs)


@contextmanager
def _quiet() -> Iterator[None]:
    """Hold back what the exporter prints, warns and logs; show it where it fails."""
    said, before = io.StringIO(), logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), redirect_stdout(said), redirect_stderr(said):
            warnings.simplefilter("ignore")
            yield
    except BaseException:
        sys.stderr.write(said.getvalue())
        raise
    finally:
        logging.disable(before)
