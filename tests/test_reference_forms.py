"""What speed is measured against is right: each reference form is its paper's network, and ours.

The known numbers come from the authors' code, with parameters and inputs that are sines.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from math import prod
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

FOLDER = Path(__file__).parent.parent / "benchmarks"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py"))
ENCODERS = ("vpose", "a3dhp", "mixste", "dstformer", "dstformer-lite")


@pytest.fixture(scope="module")
def bench() -> Iterator[dict[str, ModuleType]]:
    """The benchmark scripts as modules; their plain names are taken back afterwards."""
    sys.path.insert(0, str(FOLDER))
    try:
        yield {name: importlib.import_module(name) for name in NAMES}
    finally:
        sys.path.remove(str(FOLDER))
        for name in NAMES:
            sys.modules.pop(name, None)


def sines(count: int, size: float, pace: float, start: float = 0.0) -> Tensor:
    """size * sin(pace * i + start), computed in float64."""
    return (size * torch.sin(pace * torch.arange(count, dtype=torch.float64) + start)).float()


def filled(network: nn.Module) -> nn.Module:
    """The network with a sine of its own in every parameter, shifted by 1 in the norms' weights."""
    with torch.no_grad():
        for number, (name, value) in enumerate(sorted(network.named_parameters())):
            value.copy_(sines(value.numel(), 0.02, 0.37, 1.3 * number).view(value.shape))
            norm = (name.endswith("weight") and "norm" in name) or name.endswith("bn.weight")
            value.add_(1.0 if norm else 0.0)
    return network.eval()


def points(*shape: int) -> Tensor:
    return sines(prod(shape), 0.5, 0.11).view(shape)


KNOWN: dict[str, tuple[Callable[..., Any], tuple[int, ...], float, tuple[float, float, float]]] = {
    "vpose": (
        lambda bench: bench["reference_vpose"].ReferenceVPose((3, 3, 3), 64),
        (1, 27, 17, 2), 0.0132267, (0.00968182, -0.00327272, -0.00122152),
    ),
    "vpose strided": (
        lambda bench: bench["reference_vpose"].ReferenceVPose((3, 3, 3), 64, strided=True),
        (1, 27, 17, 2), 0.0132267, (0.00968182, -0.00327272, -0.00122152),
    ),
    "a3dhp": (
        lambda bench: bench["reference_a3dhp"].ReferenceA3DHP(64),
        (1, 243, 17, 2), -0.0021629, (-0.01989849, -0.01734607, -0.01483224),
    ),
    "mixste": (
        lambda bench: bench["reference_mixste"].ReferenceMixSTE(9, 64, 2),
        (1, 9, 17, 2), 1.2527304, (-0.01159933, -0.00509345, 0.02223555),
    ),
    "dstformer": (
        lambda bench: bench["reference_dstformer"].ReferenceDSTformer(9, 64, 64, 2),
        (1, 9, 17, 3), -4.7875361, (-0.02010401, -0.01184977, 0.00187235),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", KNOWN)
def test_a_reference_form_gives_the_numbers_of_the_authors_code(
    bench: dict[str, ModuleType], name: str
) -> None:
    build, shape, total, joint = KNOWN[name]
    inputs = points(*shape)
    if name == "dstformer":  # x, y and confidence as one tensor there
        inputs = inputs[..., :2], inputs[..., 2]
    with torch.no_grad():
        joints = filled(build(bench))(*(inputs if isinstance(inputs, tuple) else (inputs,)))
    assert float(joints.sum()) == pytest.approx(total, abs=2e-4)
    assert joints[0, joints.shape[1] // 2, 5].tolist() == pytest.approx(joint, abs=1e-5)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("vpose", 16_952_371),
        ("a3dhp", 14_520_363),
        ("mixste", 33_783_811),
        ("dstformer", 42_466_317),
        ("dstformer-lite", 16_001_549),
    ],
)
def test_what_is_measured_has_the_papers_size(
    bench: dict[str, ModuleType], name: str, count: int
) -> None:
    pair = bench["pairs"].pairs(quick=False)[name]
    with torch.device("meta"):
        reference = pair.build_reference(pair.config)
    assert sum(value.numel() for value in reference.parameters()) == count


@pytest.mark.parametrize("name", ENCODERS)
def test_ours_and_the_reference_form_are_one_network(
    bench: dict[str, ModuleType], name: str
) -> None:
    pair = bench["pairs"].find_pair(name, quick=True)
    network = pair.network()
    wanted = pair.reference_pass(pair.reference(network))()
    assert float(wanted.abs().mean()) > 1e-3  # two networks that say nothing would agree, too
    torch.testing.assert_close(pair.our_pass(network, "fp32")(), wanted, rtol=0, atol=1e-5)
    near = pair.our_pass(network, "bf16")().float()
    assert near.shape == wanted.shape
    assert 0 < float((near - wanted).abs().max()) < 0.2 * float(wanted.abs().max())


def test_the_confidence_goes_in_the_same_way(bench: dict[str, ModuleType]) -> None:
    pair = bench["pairs"].find_pair("dstformer", quick=True)
    network = pair.network()
    reference, xy = pair.reference(network), pair.features()
    sure = torch.rand(xy.shape[:3], generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        wanted = reference(xy, sure)
        torch.testing.assert_close(network(xy, sure), wanted, rtol=0, atol=1e-5)
        assert not torch.allclose(reference(xy), wanted, atol=1e-3)


def test_the_strided_form_is_the_dilated_one_on_a_window(bench: dict[str, ModuleType]) -> None:
    pair = bench["pairs"].find_pair("vpose", quick=True)
    dilated = pair.reference()
    strided = pair.build_reference(replace(pair.config, form="strided"))
    strided.load_state_dict(dilated.state_dict())
    xy = points(3, 9, 17, 2)
    with torch.no_grad():
        torch.testing.assert_close(strided.eval()(xy), dilated(xy), rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["mixste", "vpose", "a3dhp"])
def test_a_training_step_starts_from_the_same_loss(bench: dict[str, ModuleType], name: str) -> None:
    steps = bench["steps"]
    task = steps._task(name, quick=True)
    plain = {"mixste": {"drop_path": 0.0}}.get(name, {"dropout": 0.0})
    pair = replace(task.pair, config=replace(task.pair.config, **plain))
    task = replace(task, pair=pair)
    network = pair.network()
    theirs = steps._their_step(task, pair.reference(network))
    ours = steps._our_step(task, network, "fp32")
    first = ours()
    assert first == pytest.approx(theirs(), rel=1e-4)
    assert ours() == pytest.approx(theirs(), rel=1e-2) and ours() != first


def test_naive_windows_are_mirrored_and_padded(bench: dict[str, ModuleType]) -> None:
    xy = np.arange(3 * 2 * 2, dtype=np.float32).reshape(3, 2, 2)
    joints = np.arange(3 * 2 * 3, dtype=np.float32).reshape(3, 2, 3)
    naive = bench["reference_windows"].NaiveWindows([xy], [joints], [0], [1], 1, (1, 1), 4)
    seen, target = naive.batch(np.array([0, 2, 5]))  # first, last, and the last mirrored
    assert seen.dtype == target.dtype == torch.float32
    assert np.array_equal(seen[0].numpy(), xy[[0, 0, 1]])
    assert np.array_equal(seen[1].numpy(), xy[[1, 2, 2]])
    assert np.array_equal(seen[2].numpy(), xy[[1, 2, 2]][:, ::-1] * [-1, 1])
    assert np.array_equal(target[2, 0].numpy(), joints[2][::-1] * [-1, 1, 1])
