"""`langlift export onnx`: what it writes and prints, and what it refuses."""

from __future__ import annotations

import copy
import json
import os
import re
import sys
from typing import Any

import numpy as np
import onnxruntime
import pytest
from cli_fixtures import Command, files_under, tiny_bundle

from langlift.lifting import onnx_export
from langlift.lifting.onnx_runtime import OnnxNetwork


@pytest.fixture(scope="module")
def traced() -> dict[int, Any]:
    """The network of the bundle by opset, once it was traced."""
    return {}


@pytest.fixture
def langlift(capsys, tmp_path, monkeypatch, traced) -> Command:
    """The command in a folder with a bundle, whose network is traced once for all tests."""

    def trace_once(lifter: Any, frames: Any, opset: int) -> Any:
        if opset not in traced:
            traced[opset] = trace(lifter, frames, opset)
        return copy.deepcopy(traced[opset])

    trace = onnx_export._traced
    monkeypatch.setattr(onnx_export, "_traced", trace_once)
    monkeypatch.chdir(tmp_path)
    tiny_bundle(tmp_path / "tiny.safetensors")
    return Command(capsys)


def export(langlift: Command, *options: object):
    return langlift("export", "onnx", "tiny.safetensors", "--out", "tiny.onnx", *options)


def test_it_says_what_it_wrote(langlift, tmp_path):
    said = export(langlift)
    assert (said.status, said.err) == (0, "")
    lines = said.out.splitlines()
    assert re.fullmatch(r"wrote tiny\.onnx \(0\.0 MB, opset 18\)", lines[0])
    assert lines[1:5] == [
        "xy: (batch, frames, 17, 2) float32",
        "joints: (batch, frames - 8, 17, 3) float32",
        "action_logits: (batch, frames - 8, 3) float32",
        "frames: 9 or more of the model's rate",
    ]
    number = r"\d\.\de-\d\d"
    far = f"largest difference from PyTorch: joints {number}, action_logits {number}"
    assert re.fullmatch(far, lines[5]) and len(lines) == 6
    assert files_under(tmp_path) == {"tiny.safetensors", "tiny.onnx"}
    session = onnxruntime.InferenceSession("tiny.onnx")
    joints, logits = session.run(None, {"xy": np.zeros((5, 20, 17, 2), np.float32)})
    assert joints.shape == (5, 12, 17, 3) and logits.shape == (5, 12, 3)
    about = session.get_modelmeta()
    assert about.producer_name == "langlift"
    assert json.loads(about.custom_metadata_map["licence"]) == "Apache-2.0"


def test_json_is_all_that_is_printed(langlift, tmp_path):
    said = export(langlift, "--json", "--no-check", "--opset", "20")
    assert (said.status, said.err) == (0, "")
    assert json.loads(said.out) == {
        "file": "tiny.onnx",
        "bytes": (tmp_path / "tiny.onnx").stat().st_size,
        "opset": 20,
        "shapes": {
            "xy": ["batch", "frames", 17, 2],
            "joints": ["batch", "frames - 8", 17, 3],
            "action_logits": ["batch", "frames - 8", 3],
        },
        "frames": {"least": 9, "most": None},
        "differences": None,
    }


def test_what_was_not_compared_is_said(langlift, monkeypatch):
    monkeypatch.setattr(OnnxNetwork, "run", lambda *_: pytest.fail("it was run"))
    said = export(langlift, "--no-check")
    assert said.status == 0 and said.out.endswith("\nnot compared with PyTorch\n")


def test_a_failed_check_is_one_sentence_and_no_file(langlift, tmp_path, monkeypatch):
    run = OnnxNetwork.run
    monkeypatch.setattr(
        OnnxNetwork, "run", lambda *a: {n: value + 1 for n, value in run(*a).items()}
    )
    check_refused(export(langlift), "other numbers", "joints by", "action_logits by", "no file")
    assert files_under(tmp_path) == {"tiny.safetensors"}


def check_refused(said, *words: str) -> None:
    assert (said.status, said.out) == (2, ""), said
    assert said.err.startswith("langlift: ") and said.err.count("\n") == 1, said.err
    for word in words:
        assert word in said.err


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("onnx defualt --out a.onnx", ("unknown model 'defualt'", "did you mean 'default'?")),
        ("onnx none.safetensors --out a.onnx", ("there is no weights file none.safetensors",)),
        ("onnx tiny.safetensors --out no/a.onnx", ("the folder no does not exist", "make it")),
        ("onnx tiny.safetensors --out a.onnx --opset 9", ("opset is 9", "at least 16")),
        ("onnx tiny.safetensors --out a.onnx --opset x", ("--opset", "a whole number")),
        ("onnx tiny.safetensors", ("--out", "is missing")),
        ("onnx tiny.safetensors --out ''", ("--out is missing",)),
        ("onnx --out a.onnx", ("MODEL", "is missing")),
        ("tflite tiny.safetensors", ("unknown export format 'tflite'", "known: onnx")),
    ],
)
def test_what_cannot_be_used_is_refused(line, words, langlift, tmp_path):
    arguments = [word.strip("'") for word in line.split()]
    check_refused(langlift("export", *arguments), *words)
    assert files_under(tmp_path) == {"tiny.safetensors"}


def test_the_weights_are_not_overwritten(langlift, tmp_path):
    before = (tmp_path / "tiny.safetensors").read_bytes()
    said = langlift("export", "onnx", "tiny.safetensors", "--out", "tiny.safetensors")
    check_refused(said, "does not end in .onnx")
    assert (tmp_path / "tiny.safetensors").read_bytes() == before


def test_a_folder_that_cannot_be_written_is_refused_before_the_work(
    langlift, tmp_path, monkeypatch
):
    def refused(path: object, *_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refused)
    monkeypatch.setattr(onnx_export, "_traced", lambda *_: pytest.fail("the work began"))
    check_refused(export(langlift), "tiny.onnx", "cannot be written (Permission denied)")


def test_a_missing_extra_is_told_before_anything_is_read(langlift, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    said = langlift("export", "onnx", "none.safetensors", "--out", "a.onnx")
    check_refused(said, "onnxscript", "pip install 'langlift[onnx]'")


@pytest.mark.parametrize("line", ["", "--help", "onnx --help"])
def test_help(line, langlift):
    said = langlift("export", *line.split())
    assert said.status == 0 and "langlift export onnx" in said.out and "--out" in said.out
