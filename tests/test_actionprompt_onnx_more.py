"""The encoders with the longest graphs export with ActionPrompt too; see test_actionprompt_onnx."""

from __future__ import annotations

from typing import Any

import pytest
from actionprompt_fixtures import prompted
from lifting_fixtures import ACTIONS

from langlift.lifting.bundle import Bundle
from langlift.lifting.features import FeatureConfig
from langlift.lifting.lifter import Lifter
from langlift.lifting.onnx_export import export_onnx
from langlift.methods.a3dhp import A3DHPConfig
from langlift.methods.dstformer import DSTformerConfig

TINY: dict[str, Any] = {
    "a3dhp": A3DHPConfig(frames=27, channels=8),
    "dstformer": DSTformerConfig(frames=9, channels=8, depth=1, heads=2, representation=8),
}


@pytest.mark.parametrize("kind", sorted(TINY))
def test_its_numbers_are_pytorchs_at_sizes_that_were_not_traced(kind, tmp_path):
    method = prompted(kind, encoder=TINY[kind], temperature=1.0)
    bundle = Bundle(f"{kind}+apm", method.config, FeatureConfig("screen"), ACTIONS)
    exported = export_onnx(Lifter(bundle, method, "tiny", "00"), tmp_path / "net.onnx")
    out = "frames - 26" if kind == "a3dhp" else "frames"
    assert exported.shapes["joints"] == ("batch", out, 17, 3)
    assert exported.shapes["action_logits"] == ("batch", out, 3)
    assert ("confidence" in exported.shapes) == (kind == "dstformer")
    assert exported.differences is not None
    assert set(exported.differences) == {"joints", "action_logits"}
    assert 0 < max(exported.differences.values()) < 1e-5
