"""Checkpoints as the authors of the methods save them, made from the plain second implementations.

The reference forms in ``benchmarks/`` share no code with the library and carry the authors' names.
"""

from __future__ import annotations

import importlib
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lifting_fixtures import randomised
from torch import Tensor, nn

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


def reference(module: str, name: str) -> Callable[..., nn.Module]:
    """A reference network's class; the scripts' plain names are taken back afterwards."""
    scripts = {path.stem for path in BENCHMARKS.glob("*.py")}
    before = scripts & set(sys.modules)
    sys.path.insert(0, str(BENCHMARKS))
    try:
        return getattr(importlib.import_module(module), name)
    finally:
        sys.path.remove(str(BENCHMARKS))
        for script in scripts - before:
            sys.modules.pop(script, None)


@dataclass(frozen=True)
class Case:
    """A tiny network of a method: how its reference is made, and what the import must infer."""

    method: str
    module: str
    name: str
    arguments: Mapping[str, Any]
    config: Mapping[str, Any]
    frames: int
    prefix: str
    options: tuple[object, ...] = ()

    def network(self) -> nn.Module:
        """The reference form with random weights and statistics."""
        return randomised(reference(self.module, self.name)(**self.arguments)).eval()


JOINTS = {"joints_in": 17, "joints_out": 17}
CASES = {
    "vpose": Case(
        "vpose", "reference_vpose", "ReferenceVPose",
        {"widths": (3, 3), "channels": 16}, {"widths": (3, 3), "channels": 16, **JOINTS},
        frames=12, prefix="",
    ),
    "a3dhp": Case(
        "a3dhp", "reference_a3dhp", "ReferenceA3DHP",
        {"channels": 16}, {"frames": 243, "channels": 16, **JOINTS},
        frames=243, prefix="",
    ),
    "mixste": Case(
        "mixste", "reference_mixste", "ReferenceMixSTE",
        {"frames": 9, "channels": 16, "depth": 3, "heads": 4, "mlp_ratio": 3.0},
        {"frames": 9, "channels": 16, "depth": 3, "heads": 4, "mlp_ratio": 3.0, **JOINTS},
        frames=9, prefix="module.", options=("--heads", 4),
    ),
    "dstformer": Case(
        "dstformer", "reference_dstformer", "ReferenceDSTformer",
        {"frames": 9, "channels": 16, "representation": 24, "depth": 2, "heads": 2,
         "mlp_ratio": 4.0},
        {"frames": 9, "channels": 16, "representation": 24, "depth": 2, "heads": 2,
         "mlp_ratio": 4.0, **JOINTS},
        frames=9, prefix="module.", options=("--heads", 2),
    ),
}  # fmt: skip


def official(case: Case, network: nn.Module) -> dict[str, Any]:
    """What the authors' training script saves."""
    optimizer = torch.optim.Adam(network.parameters(), amsgrad=True)
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()  # so that it has a state
    state = {case.prefix + name: value for name, value in network.state_dict().items()}
    content = {"epoch": 80, "lr": 1e-3, "optimizer": optimizer.state_dict(), "model_pos": state}
    if case.method == "vpose":
        content |= {"random_state": np.random.RandomState(1234), "model_traj": None}
    if case.method == "dstformer":
        content |= {"min_loss": np.float64(39.2)}
    return content


def save(path: Path, content: Any, as_zip: bool = True) -> Path:
    """As torch.save writes it today, or wrote it before 2020."""
    torch.save(content, path, _use_new_zipfile_serialization=as_zip)
    return path


def to_mmpose(state: Mapping[str, Tensor], head: str) -> dict[str, Tensor]:
    """VPose's weights by the names of MMPose's TCN backbone and regression head.

    There a block is two sequences of a convolution with its norm and a dropout.
    """
    names = {}
    for name in state:
        module, _, rest = name.partition(".")
        if module in ("expand_conv", "expand_bn"):
            names[name] = f"backbone.expand_conv.{module.removeprefix('expand_')}.{rest}"
        elif module in ("layers_conv", "layers_bn"):
            number, _, rest = rest.partition(".")
            block, half = divmod(int(number), 2)
            part = module.removeprefix("layers_")
            names[name] = f"backbone.tcn_blocks.{block}.conv{half + 1}.0.{part}.{rest}"
        else:
            names[name] = f"{head}.conv.{rest}"
    return {names[name]: value for name, value in state.items()}


def filled(network: nn.Module) -> nn.Module:
    """The weights of the numeric fixtures: 0.02 sin(0.37 i + 1.3 k), norms' weights around 1.

    k counts the parameters in the order of their official names.
    """
    parameters = dict(network.named_parameters())
    with torch.no_grad():
        for k, name in enumerate(sorted(parameters)):
            flat = torch.arange(parameters[name].numel(), dtype=torch.float64)
            values = 0.02 * torch.sin(0.37 * flat + 1.3 * k)
            is_norm = name.endswith("weight") and "norm" in name
            values += is_norm or name.endswith("bn.weight")
            parameters[name].copy_(values.reshape(parameters[name].shape))
    return network.eval()


def wave(*shape: int) -> Tensor:
    """The input of the numeric fixtures: 0.5 sin(0.11 i) over the flat index."""
    flat = torch.arange(math.prod(shape), dtype=torch.float64)
    return (0.5 * torch.sin(0.11 * flat)).float().reshape(shape)
