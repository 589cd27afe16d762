"""The page on ONNX says what is true of the files, and its example lifts as the lifter does."""

from __future__ import annotations

import runpy
from typing import Any

import numpy as np
import pytest
from doc_pages import ROOT, first_column
from lifting_fixtures import lifter, track

import langlift
from langlift.lifting import onnx_export
from langlift.lifting.features import FeatureConfig
from langlift.lifting.onnx_export import export_onnx
from langlift.lifting.onnx_runtime import OnnxNetwork
from langlift.methods import METHODS


@pytest.fixture(scope="module")
def example() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "examples" / "run_onnx.py"))


def test_the_example_lifts_as_the_lifter_does(example, tmp_path):
    of = lifter(features=FeatureConfig("screen"))
    export_onnx(of, tmp_path / "net.onnx")
    keypoints = track(30)
    joints, actions = example["lift"](tmp_path / "net.onnx", keypoints.xy, keypoints.image_size)
    expected = of.lift(keypoints, options=langlift.LiftOptions(flip=False))
    assert np.abs(joints - expected.joints).max() < 1e-4
    assert len(actions) == 30 and set(actions) <= set(of.actions.labels)


def test_the_example_refuses_features_that_it_does_not_prepare(example, tmp_path):
    export_onnx(lifter(), tmp_path / "net.onnx")
    with pytest.raises(SystemExit, match="screen features only"):
        example["lift"](tmp_path / "net.onnx", np.zeros((9, 17, 2)), (640, 480))


def test_the_tables_are_those_of_a_file(tmp_path):
    export_onnx(lifter(), tmp_path / "net.onnx", check=False)
    file = OnnxNetwork(tmp_path / "net.onnx")
    assert sorted(first_column("onnx metadata")) == sorted(file.metadata)
    assert sorted(first_column("onnx arrays")) == sorted([*file.shapes, "confidence"])


def test_every_method_says_its_frames():
    assert sorted(first_column("onnx frames")) == sorted(METHODS)


def test_the_page_says_the_limits():
    page = " ".join((ROOT / "docs" / "onnx.md").read_text().split())
    low, high = onnx_export.LOWEST_OPSET, onnx_export.HIGHEST_OPSET
    assert f"`--opset` takes {low} to {high}; {onnx_export.DEFAULT_OPSET} is" in page
    assert onnx_export.TOLERANCE == 1e-4 and "above 1e-4" in page
