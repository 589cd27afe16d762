"""The demo: a synthetic clip through the default weights, here those of a tiny random network."""

from __future__ import annotations

import json

import numpy as np
import pytest
from cli_fixtures import Command, files_under, tiny_bundle

from langlift.cli import demo
from langlift.formats import read, read_motion

FILES = {"keypoints.npz", "motion.npz", "motion.json", "motion.png"}


@pytest.fixture
def langlift(capsys, tmp_path, monkeypatch) -> Command:
    """The command, with a tiny bundle as the default weights and no screen."""
    default = tiny_bundle(tmp_path / "default.safetensors")
    monkeypatch.setattr("langlift.weights.catalogue", lambda: {"default": default})
    monkeypatch.setattr(demo, "_has_screen", lambda: False)
    monkeypatch.chdir(tmp_path)
    return Command(capsys)


def test_the_demo_writes_its_files_and_names_the_action(langlift, tmp_path):
    said = langlift("demo")
    assert (said.status, said.err) == (0, "")
    assert files_under(tmp_path / "demo") == FILES
    lines = said.out.splitlines()
    assert lines[0] == "200 frames at 50 fps (4.0 s) lifted to 3D"
    motion = read_motion(tmp_path / "demo" / "motion.npz")
    assert motion.action is not None and lines[1].startswith(f"action: {motion.action.label} ")
    assert {f"wrote demo/{name}" for name in FILES - {"keypoints.npz"}} <= set(lines)
    assert lines[-1].startswith("synthetic clip of 'kick', noisy 2D: MPJPE ")
    assert lines[-1].endswith(" mm")


def test_the_demo_is_the_same_every_time(langlift, tmp_path):
    first = json.loads(langlift("demo", "--json", "-o", "a").out)
    second = json.loads(langlift("demo", "--json", "--out", "b").out)
    assert first["synthetic_mpjpe_mm"] == second["synthetic_mpjpe_mm"] > 0
    a, b = (read(tmp_path / name / "keypoints.npz") for name in "ab")
    assert np.array_equal(a.xy, b.xy, equal_nan=True)
    assert first["provenance"]["model"] == "default"


def test_the_keypoints_of_the_demo_can_be_lifted_again(langlift, tmp_path):
    langlift("demo", "--action", "walk", "--quiet")
    said = langlift("lift", "demo/keypoints.npz", "-o", "again", "--formats", "npz", "--json")
    assert said.status == 0
    once = read_motion(tmp_path / "demo" / "motion.npz")
    again = read_motion(tmp_path / "again" / "motion.npz")
    assert once.joints.shape == again.joints.shape
    assert once.provenance["camera"].startswith("given")
    assert again.provenance["camera"].startswith("assumed")


def test_the_picture_says_what_the_clip_really_is(langlift, monkeypatch):
    said = []
    monkeypatch.setattr(demo, "save_picture", lambda *_, **words: said.append(words))
    langlift("demo", "--action", "arm_circles", "--quiet")
    assert said == [{"title": "langlift demo", "note": "true action: arm circles (synthetic clip)"}]


def test_quiet_prints_nothing(langlift, tmp_path):
    assert langlift("demo", "--quiet") == (0, "", "")
    assert files_under(tmp_path / "demo") == FILES


@pytest.mark.parametrize(
    ("options", "opened"),
    [([], 1), (["--no-open"], 0), (["--quiet"], 0), (["--json"], 0)],
)
def test_the_picture_is_opened_only_where_somebody_looks(options, opened, langlift, monkeypatch):
    shown = []
    monkeypatch.setattr(demo, "_has_screen", lambda: True)
    monkeypatch.setattr(demo.webbrowser, "open", shown.append)
    assert langlift("demo", *options).status == 0
    assert len(shown) == opened
    assert all(url.startswith("file://") and url.endswith("demo/motion.png") for url in shown)


def test_without_weights_nothing_is_written(langlift, tmp_path, monkeypatch):
    monkeypatch.setattr("langlift.weights.catalogue", dict)
    before = files_under(tmp_path)
    said = langlift("demo")
    assert said.status == 2 and said.out == "" and said.err.count("\n") == 1
    assert "no weights come with this installation" in said.err
    assert files_under(tmp_path) == before
