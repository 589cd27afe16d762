"""An exported prompted network gives PyTorch's numbers at any size: one label, or many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
import torch.fx.experimental._config
from actionprompt_fixtures import prompted

from langlift.actions import ActionVocabulary
from langlift.lifting.bundle import Bundle
from langlift.lifting.features import FeatureConfig
from langlift.lifting.lifter import Lifter
from langlift.lifting.onnx_export import Exported, _Traceable, export_onnx
from langlift.lifting.onnx_runtime import OnnxNetwork, difference
from langlift.methods.a3dhp import A3DHPConfig
from langlift.methods.dstformer import DSTformerConfig
from langlift.methods.mixste import MixSTEConfig
from langlift.methods.vpose import VPoseConfig

WINDOW: dict[str, Any] = {"channels": 8, "depth": 1, "heads": 2, "frames": 9}
#: As many as make P2T take keys and values of every step where nothing is exported.
ACTIONS = ActionVocabulary(tuple(f"action_{n}" for n in range(16)))
TINY: dict[str, Any] = {
    "vpose": VPoseConfig(widths=(3, 3), channels=8),
    "a3dhp": A3DHPConfig(frames=27, channels=8),
    "mixste": MixSTEConfig(**WINDOW),
    "dstformer": DSTformerConfig(**WINDOW, representation=8),
}
#: Fewest and most frames, and how many fewer come out.
SIZES = {
    "vpose": (9, None, 8),
    "a3dhp": (27, None, 26),
    "mixste": (1, 9, 0),
    "dstformer": (1, 9, 0),
}
#: Written as files: one of each way to cut windows for labels out of a pass, as many as it takes
#: and none. The others are only followed by the exporter, because writing takes it long; what
#: their operators become is tested without APM.
WRITTEN, FOLLOWED = ("vpose", "dstformer"), ("a3dhp", "mixste")


@dataclass(frozen=True)
class Case:
    """A tiny network and its file."""

    lifter: Lifter
    exported: Exported

    @property
    def kind(self) -> str:
        return self.lifter.bundle.method.removesuffix("+apm")


def inputs(case: Case, batch: int, frames: int) -> dict[str, np.ndarray]:
    """Random inputs by name."""
    rng = np.random.default_rng(1)
    found = {"xy": rng.normal(scale=0.5, size=(batch, frames, 17, 2)).astype(np.float32)}
    if case.kind == "dstformer":
        found["confidence"] = rng.uniform(size=(batch, frames, 17)).astype(np.float32)
    return found


@pytest.fixture(scope="module", params=WRITTEN)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    method = prompted(request.param, ACTIONS, encoder=TINY[request.param], temperature=1.0)
    bundle = Bundle(f"{request.param}+apm", method.config, FeatureConfig("screen"), ACTIONS)
    lifter = Lifter(bundle, method, "tiny", "00")
    return Case(lifter, export_onnx(lifter, tmp_path_factory.mktemp("onnx") / "net.onnx"))


@pytest.mark.parametrize(("batch", "more"), [(1, 0), (3, 0), (1, 5), (2, 27)])
def test_the_file_gives_the_networks_numbers_at_any_size(case, batch, more):
    least, most, _ = SIZES[case.kind]
    frames = least + more if most is None else min(least + more, most)
    given = inputs(case, batch, frames)
    with torch.no_grad():
        expected = case.lifter.network.predict(
            *(torch.from_numpy(value) for value in given.values())
        )
    found = OnnxNetwork(case.exported.path).run(given)
    for name in ("joints", "action_logits"):
        assert difference(found[name], getattr(expected, name).numpy()) < 1e-5


def test_labels_and_poses_follow_the_input(case):
    """Labels of a track differ, and a class in the file is the class of the vocabulary."""
    least, most, fewer = SIZES[case.kind]
    frames = most or least + 27
    opened = OnnxNetwork(case.exported.path)
    said = opened.run(inputs(case, 2, frames))
    logits = said["action_logits"]
    assert logits.shape == (2, frames - fewer, len(ACTIONS))
    assert said["joints"].shape == (2, frames - fewer, 17, 3)
    assert np.isfinite(logits).all() and np.abs(logits).max() <= 1 + 1e-6  # cosines
    assert not np.array_equal(logits[0], logits[1])
    groups = len(np.unique(logits[0].round(6), axis=0))
    hop = case.lifter.network.config.hop
    assert groups == (1 if most else -(-(frames - fewer) // hop))


def test_what_is_reported_is_what_is_in_the_file(case):
    least, most, fewer = SIZES[case.kind]
    out = f"frames - {fewer}" if fewer else "frames"
    shapes: dict[str, Any] = {"xy": ("batch", "frames", 17, 2)}
    shapes |= {"confidence": ("batch", "frames", 17)} if case.kind == "dstformer" else {}
    shapes |= {"joints": ("batch", out, 17, 3), "action_logits": ("batch", out, len(ACTIONS))}
    assert case.exported.shapes == OnnxNetwork(case.exported.path).shapes == shapes
    assert (case.exported.frames.least, case.exported.frames.most) == (least, most)
    assert 0 < max((case.exported.differences or {}).values()) < 1e-5


@pytest.mark.parametrize("kind", FOLLOWED)
def test_the_exporter_follows_the_others_at_any_size(kind):
    least, most, _ = SIZES[kind]
    method = _Traceable(prompted(kind, ACTIONS, encoder=TINY[kind], temperature=1.0))
    axes = {0: torch.export.Dim("batch", min=1), 1: torch.export.Dim("frames", min=least, max=most)}
    drawn = torch.Generator().manual_seed(1)
    xy = 0.5 * torch.randn(3, most or least + 27, 17, 2, generator=drawn)
    with torch.no_grad(), torch.fx.experimental._config.patch(backed_size_oblivious=True):
        program = torch.export.export(  # with the settings of torch.onnx.export
            method,
            (xy[:2, : least + 4].contiguous(),),
            dynamic_shapes={"xy": axes},
            prefer_deferred_runtime_asserts_over_guards=True,
        )
        # One window, or the fewest frames, are for files alone: they lack the program's assertions.
        for given in (xy, xy[:2, : least + 1]):
            for found, expected in zip(program.module()(given), method(given), strict=True):
                assert difference(found.numpy(), expected.numpy()) < 1e-5
