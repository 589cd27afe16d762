"""Precision and device on the command line: what they change, and what is refused."""

import json

import numpy as np
import pytest
from cli_fixtures import Command, keypoint_file, tiny_bundle, tiny_corpus
from lifting_fixtures import lifter, track

from langlift.lifting.engine import LiftOptions
from langlift.protocols.mocap import WithOptions


@pytest.fixture
def langlift(capsys, tmp_path, monkeypatch) -> Command:
    """The command in a folder with a bundle and a clip, without a corpus."""
    monkeypatch.delenv("LANGLIFT_CORPUS", raising=False)
    monkeypatch.chdir(tmp_path)
    tiny_bundle(tmp_path / "tiny.safetensors")
    keypoint_file(tmp_path / "clip.npz")
    return Command(capsys)


def test_an_evaluation_in_both_precisions_sets_them_side_by_side(langlift, tmp_path):
    tiny_corpus(tmp_path / "corpus")
    options = ("--data", "corpus", "-m", "mean-pose,tiny.safetensors", "--sources", "gt", "--json")
    report = json.loads(langlift("evaluate", *options, "--precision", "fp32,bf16").out)
    rows = {row["model"]: row["figures"]["MPJPE"]["value"] for row in report["tables"][0]["rows"]}
    assert list(rows) == ["mean-pose", "tiny.safetensors", "tiny.safetensors, bf16"]
    assert rows["tiny.safetensors"] != rows["tiny.safetensors, bf16"]
    assert rows["tiny.safetensors"] == pytest.approx(rows["tiny.safetensors, bf16"], rel=0.02)
    plain = json.loads(langlift("evaluate", *options).out)
    assert plain["tables"][0]["rows"][1]["figures"]["MPJPE"]["value"] == rows["tiny.safetensors"]
    paired = [row["model"] for row in report["tables"][1]["rows"]]
    assert "tiny.safetensors - tiny.safetensors, bf16" in paired


def test_lifting_with_options_is_lifting_with_these_options():
    made, keypoints = lifter(), track(20)
    half = WithOptions(made, LiftOptions(precision="bf16", flip=False)).lift(keypoints).joints
    same = made.lift(keypoints, options=LiftOptions(precision="bf16", flip=False)).joints
    assert np.array_equal(half, same)
    assert not np.array_equal(half, made.lift(keypoints).joints)


def test_the_device_can_be_named(langlift, tmp_path):
    options = ("lift", "clip.npz", "-m", "tiny.safetensors", "--formats", "json", "--quiet")
    for device in ("cpu", "auto"):
        assert langlift(*options, "--device", device, "-o", device) == (0, "", "")
    written = [(tmp_path / d / "motion.json").read_text() for d in ("cpu", "auto")]
    assert written[0] == written[1]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("evaluate --precision fp16", ["unknown precision 'fp16'", "bf16, fp32"]),
        ("evaluate --precision ,", ["no precision given", "fp32, bf16"]),
        ("evaluate --protocol robustness --precision bf16", ["fp32 only", "leave --precision out"]),
        ("lift clip.npz --device tpu", ["--device is 'tpu'", "cuda"]),
    ],
)
def test_what_cannot_be_used_is_refused(line, words, langlift):
    said = langlift(*line.split())
    assert said.status == 2 and said.err.count("\n") == 1
    for word in words:
        assert word in said.err


def test_a_gpu_that_is_not_there_is_said(langlift, tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    said = langlift("lift", "clip.npz", "-m", "tiny.safetensors", "--device", "cuda", "-o", "out")
    assert said.status == 2 and "torch finds no GPU here; give --device cpu" in said.err
    assert not (tmp_path / "out").exists()
