"""An exported network gives PyTorch's numbers at any size, says what it is, or is not there."""

from __future__ import annotations

import copy
import json
import logging
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from cli_fixtures import files_under
from lifting_fixtures import ACTIONS, lifter, randomised

from langlift.actions import ActionVocabulary
from langlift.errors import InputError
from langlift.lifting import onnx_export
from langlift.lifting.bundle import Bundle
from langlift.lifting.features import FeatureConfig
from langlift.lifting.lifter import Lifter
from langlift.lifting.onnx_export import Exported, export_onnx, frame_range
from langlift.lifting.onnx_runtime import OnnxNetwork, difference
from langlift.methods import METHODS
from langlift.methods.settings import config_from_dict
from langlift.skeletons import HUMAN36M_17

WIDE = {"channels": 16, "depth": 2, "heads": 4, "frames": 9}
TINY: dict[str, dict[str, Any]] = {
    "vpose": {"widths": (3, 3), "channels": 8},
    "a3dhp": {"frames": 27, "channels": 8},
    "mixste": WIDE,
    "dstformer": {**WIDE, "representation": 16},
}
#: Fewest and most frames, and how many fewer come out.
FRAMES = {
    "vpose": (9, None, 8),
    "a3dhp": (27, None, 26),
    "mixste": (1, 9, 0),
    "dstformer": (1, 9, 0),
}


@dataclass(frozen=True)
class Case:
    """A tiny network and its file."""

    lifter: Lifter
    exported: Exported

    @property
    def frames(self) -> tuple[int, int | None, int]:
        return FRAMES[self.lifter.bundle.method]


def tiny(method: str, **changes: Any) -> Lifter:
    """A lifter of that method with random weights."""
    config = METHODS[method].config(**{**TINY[method], **changes})
    card = {"licence": "CC-BY 4.0"}
    of = Bundle(method, config, FeatureConfig("screen", gap_frames=7), ACTIONS, 25.0, card=card)
    return Lifter(of, randomised(of.build()).eval(), f"tiny-{method}", "ab12")


@pytest.fixture(scope="module", params=sorted(TINY))
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    of = tiny(request.param)
    return Case(of, export_onnx(of, tmp_path_factory.mktemp("onnx") / "net.onnx"))


def inputs(case: Case, batch: int, frames: int, seed: int = 1) -> dict[str, np.ndarray]:
    """Random features, and confidences where the network takes them."""
    rng = np.random.default_rng(seed)
    found = {"xy": rng.normal(size=(batch, frames, 17, 2)).astype(np.float32)}
    if "confidence" in case.exported.shapes:
        found["confidence"] = rng.uniform(size=(batch, frames, 17)).astype(np.float32)
    return found


def run(case: Case, given: dict[str, np.ndarray]) -> list[np.ndarray]:
    return onnxruntime.InferenceSession(str(case.exported.path)).run(None, given)


# The numbers


def test_it_gives_the_numbers_of_pytorch_at_sizes_that_were_not_traced(case):
    least, most, fewer = case.frames
    lengths = [least, least + 1, *([most] if most else [least + 40])]
    for batch, frames in [(b, f) for b in (1, 4) for f in lengths]:
        given = inputs(case, batch, frames)
        joints, logits = run(case, given)
        with torch.no_grad():
            expected = case.lifter.network.predict(*map(torch.from_numpy, given.values()))
        assert joints.shape == (batch, frames - fewer, 17, 3)
        assert logits.shape == (batch, frames - fewer, 3)
        assert joints.dtype == logits.dtype == np.float32
        assert difference(joints, expected.joints.numpy()) < 1e-5
        assert difference(logits, expected.action_logits.numpy()) < 1e-5


def test_samples_of_a_batch_do_not_touch_each_other(case):
    given = inputs(case, 3, case.frames[0] + 2)
    together = run(case, given)
    alone = run(case, {name: value[1:2] for name, value in given.items()})
    for several, one in zip(together, alone, strict=True):
        assert difference(several[1:2], one) < 1e-5


def test_confidence_is_an_input_where_the_method_uses_it(case):
    uses = case.lifter.bundle.method == "dstformer"
    assert ("confidence" in case.exported.shapes) == uses
    if uses:
        given = inputs(case, 2, 5)
        sure = given | {"confidence": np.ones_like(given["confidence"])}
        assert difference(run(case, given)[0], run(case, sure)[0]) > 1e-3


def test_what_is_reported_is_what_is_in_the_file(case):
    least, most, fewer = case.frames
    exported = case.exported
    out = f"frames - {fewer}" if fewer else "frames"
    shapes = {"xy": ("batch", "frames", 17, 2)}
    if case.lifter.bundle.method == "dstformer":
        shapes["confidence"] = ("batch", "frames", 17)
    shapes |= {"joints": ("batch", out, 17, 3), "action_logits": ("batch", out, 3)}
    assert exported.shapes == OnnxNetwork(exported.path).shapes == shapes
    assert (exported.frames.least, exported.frames.most) == (least, most)
    assert exported.size == exported.path.stat().st_size
    assert exported.differences is not None
    assert set(exported.differences) == {"joints", "action_logits"}
    assert 0 < max(exported.differences.values()) < 1e-5


# The file


def test_it_is_one_valid_file(case):
    onnx.checker.check_model(str(case.exported.path), full_check=True)
    model = onnx.load(str(case.exported.path), load_external_data=False)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 18)]
    assert not any(len(tensor.external_data) for tensor in model.graph.initializer)
    assert files_under(case.exported.path.parent) == {"net.onnx"}


def test_it_names_no_source_file_of_this_machine(case):
    content = case.exported.path.read_bytes()
    assert b".py" not in content and str(Path.cwd()).encode() not in content


def test_its_metadata_rebuilds_what_stands_around_the_network(case):
    said = OnnxNetwork(case.exported.path).metadata
    bundle = case.lifter.bundle
    assert (said.pop("format"), said.pop("format_version")) == ("langlift-onnx", "1")
    told = {name: json.loads(text) for name, text in said.items()}
    header = {n: t for n, t in bundle.metadata().items() if not n.startswith("format")}
    assert {name: said[name] for name in header} == header
    assert config_from_dict(FeatureConfig, told["features"]) == bundle.features
    assert config_from_dict(ActionVocabulary, told["actions"]) == bundle.actions
    assert config_from_dict(METHODS[told["method"]].config, told["config"]) == bundle.config
    assert told["fps"] == 25.0 and told["licence"] == "CC-BY 4.0"
    assert tuple(told["joint_names"]) == HUMAN36M_17.joints
    assert told["root_joint"] == "pelvis" and told["unit"] == "m"
    assert told["padding"] == list(case.lifter.network.padding)
    assert told["frames"] == {"least": case.frames[0], "most": case.frames[1]}
    assert told["model"] == f"tiny-{bundle.method}" and told["weights_sha256"] == "ab12"


# Other networks and options


def test_a_network_of_one_length_and_without_classes(tmp_path):
    of = lifter(changes={"form": "strided"}, actions=ActionVocabulary(()))
    exported = export_onnx(of, tmp_path / "net.onnx")
    assert exported.shapes == {"xy": ("batch", 9, 17, 2), "joints": ("batch", 1, 17, 3)}
    assert list(exported.differences or {}) == ["joints"] and str(exported.frames) == "exactly 9"


def test_another_opset_is_written_quietly(tmp_path, capfd, caplog):
    caplog.set_level(logging.INFO)
    exported = export_onnx(tiny("mixste", depth=1), tmp_path / "net.onnx", opset=23)
    assert capfd.readouterr() == ("", "") and caplog.records == []
    (entry,) = onnx.load(str(exported.path)).opset_import
    assert entry.version == exported.opset == 23


@pytest.mark.parametrize("method", sorted(TINY))
def test_frame_range(method):
    found = frame_range(tiny(method))
    assert (found.least, found.most) == FRAMES[method][:2]
    assert str(found) == ("1 to 9" if found.most else f"{found.least} or more")


def test_difference():
    metres = np.array([0.5, -0.25])
    assert difference(metres + np.array([0, 0.125]), metres) == 0.125
    assert difference(np.array([40.0, 2.0]), np.array([40.0, 4.0])) == 2 / 40
    assert difference(metres[:1], metres) == difference(metres * np.nan, metres) == np.inf


# Refusals


@pytest.fixture(scope="module")
def vpose() -> Any:
    """A traced tiny VPose, for what comes after."""
    of = lifter()
    return onnx_export._traced(of, frame_range(of), 18)


@pytest.fixture
def traced(vpose, monkeypatch) -> Lifter:
    """The lifter of a network that is already traced."""
    monkeypatch.setattr(onnx_export, "_traced", lambda *_: copy.deepcopy(vpose))
    return lifter()


@pytest.mark.parametrize("name", ["onnx", "onnxscript", "onnxruntime"])
def test_a_missing_library_is_named(name, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InputError, match=rf"{name} cannot .*pip install 'langlift\[onnx\]'"):
        export_onnx(lifter(), tmp_path / "net.onnx")
    assert files_under(tmp_path) == set()


def test_onnxruntime_is_needed_for_the_check_only(traced, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert export_onnx(traced, tmp_path / "net.onnx", check=False).differences is None
    assert files_under(tmp_path) == {"net.onnx"}


def test_other_numbers_leave_the_old_file(traced, tmp_path, monkeypatch):
    path = tmp_path / "net.onnx"
    path.write_text("old")
    honest = OnnxNetwork.run

    def wrong(self, given):
        found = honest(self, given)
        return found | {"joints": found["joints"] + np.float32(0.25)}

    monkeypatch.setattr(OnnxNetwork, "run", wrong)
    with pytest.raises(InputError, match=r"other numbers .*: joints by 0\.\d+, at most 0\.0001"):
        export_onnx(traced, path)
    assert path.read_text() == "old" and files_under(tmp_path) == {"net.onnx"}


@pytest.mark.parametrize("stop", [KeyboardInterrupt, MemoryError])
def test_an_interrupted_export_leaves_nothing(stop, tmp_path, monkeypatch):
    def interrupted(*_: object) -> None:
        raise stop

    monkeypatch.setattr(onnx_export, "_traced", interrupted)
    with pytest.raises(stop):
        export_onnx(lifter(), tmp_path / "net.onnx")
    assert files_under(tmp_path) == set()


def test_a_file_that_onnxruntime_refuses_is_not_kept(traced, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_export, "_describe", lambda model, *_: model.graph.ClearField("node"))
    with pytest.raises(InputError, match=r"onnxruntime [\d.]+ cannot open .*lower --opset"):
        export_onnx(traced, tmp_path / "net.onnx")
    assert files_under(tmp_path) == set()


def test_a_network_that_cannot_be_traced_is_told_with_the_exporter_s_words(
    tmp_path, monkeypatch, capsys
):
    def fails(*_: object, **__: object) -> None:
        print("what the exporter\nprints")
        raise torch.onnx.OnnxExporterError("long words") from ValueError("sizes differ")

    monkeypatch.setattr(torch.onnx, "export", fails)
    before = logging.root.manager.disable
    with pytest.raises(InputError, match=r"this vpose network cannot .*\(sizes differ\)"):
        export_onnx(lifter(), tmp_path / "net.onnx")
    assert "what the exporter\nprints" in capsys.readouterr().err
    assert logging.root.manager.disable == before and files_under(tmp_path) == set()


def traced_model(batch: int | str, opset: int = 18) -> Any:
    """A model of one node as the exporter might give it."""
    value = onnx.helper.make_tensor_value_info
    shape = [batch, "frames", 17, 2]
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Identity", ["xy"], ["joints"])],
        "graph",
        [value("xy", onnx.TensorProto.FLOAT, shape)],
        [value("joints", onnx.TensorProto.FLOAT, shape)],
    )
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)])


def test_a_size_that_the_exporter_fixed_is_refused():
    axes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("frames")}
    onnx_export._check_traced(traced_model("batch"), axes, 18)
    with pytest.raises(InputError, match=r"fixed batch of xy; .*x\.shape"):
        onnx_export._check_traced(traced_model(2), axes, 18)
    with pytest.raises(InputError, match=r"opset 17 .*kept 18\); give --opset 18"):
        onnx_export._check_traced(traced_model("batch"), axes, 17)


@pytest.mark.parametrize(
    ("name", "opset", "words"),
    [
        ("net.pt", 18, r"net\.pt does not end in \.onnx"),
        ("net.onnx", 15, "opset is 15; it must be at least 16 and at most 23"),
        ("net.onnx", 24, "opset is 24"),
        ("no/net.onnx", 18, "the folder .*no does not exist"),
    ],
)
def test_what_cannot_be_written_is_refused_before_the_work(
    name, opset, words, tmp_path, monkeypatch
):
    monkeypatch.setattr(onnx_export, "_traced", lambda *_: pytest.fail("the work began"))
    with pytest.raises(InputError, match=words):
        export_onnx(lifter(), tmp_path / name, opset)
    assert files_under(tmp_path) == set()


def test_weights_beyond_one_file_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_export, "_LARGEST_BYTES", 1000)
    with pytest.raises(InputError, match="one ONNX file holds at most"):
        export_onnx(lifter(), tmp_path / "net.onnx")
