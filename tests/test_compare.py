"""Two motions side by side, what is subtracted, and what is refused of motions and reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_fixtures import Command
from compare_fixtures import report, row

from langlift.errors import InputError
from langlift.formats import write
from langlift.metrics import acceleration_error, mpjpe, mpjve, pa_mpjpe
from langlift.protocols.compare import compare
from langlift.protocols.compare_motions import compare_motions
from langlift.skeletons import HUMAN36M_17
from langlift.tracks import ActionEstimate, Motion


@pytest.fixture
def langlift(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch) -> Command:
    monkeypatch.chdir(tmp_path)
    return Command(capsys)


def motion(frames: int = 6, seed: int = 0, **fields: Any) -> Motion:
    joints = np.random.default_rng(seed).normal(scale=0.3, size=(frames, 17, 3))
    joints[:, 0] = 0
    return Motion(**{"joints": joints, "skeleton": "human36m_17", "fps": 50.0, **fields})


def walking(probability: float = 0.8) -> ActionEstimate:
    row = np.array([[1 - probability, probability]])
    return ActionEstimate(("sit", "walk"), row, np.array([[0, 6]]))


# Motions


def test_distances_are_those_of_the_metrics() -> None:
    a, b = motion(seed=1), motion(seed=2)
    found = compare_motions(a, b)
    mm = 1000
    assert list(found.distances.values()) == pytest.approx(
        [mm * float(metric(a.joints, b.joints)) for metric in (mpjpe, pa_mpjpe, mpjve)], rel=1e-6
    )
    ((first, second),) = found.each.values()
    for value, joints in ((first, a.joints), (second, b.joints)):
        own = mm * acceleration_error(joints, 0 * joints)
        assert value == pytest.approx(float(own), rel=1e-6)
    assert first != pytest.approx(second, rel=1e-3)


def test_a_motion_equals_itself_elsewhere() -> None:
    a = motion(space="root")
    path = np.linspace(0, 3, 6)[:, None, None] * [0.1, 0, 1] + [0, 0, 4]
    b = a.replaced(joints=a.joints + path, space="camera")
    found = compare_motions(a, b)
    assert list(found.distances.values()) == pytest.approx([0, 0, 0], abs=1e-3)
    assert found.facts["space"] == "root and camera, the same axes"
    assert "the pelvis of A stands still at zero, that of the other moves" in found.notes


def test_the_worst_joints_come_first() -> None:
    a = motion()
    joints = a.joints.copy()
    joints[:, HUMAN36M_17.index("left_wrist"), 0] += 0.3
    joints[:, HUMAN36M_17.index("head_top"), 1] -= 0.1
    found = compare_motions(a, a.replaced(joints=joints), worst=3)
    assert list(found.joints.items())[:2] == [
        ("left_wrist", pytest.approx(300, abs=0.1)),
        ("head_top", pytest.approx(100, abs=0.1)),
    ]
    assert len(found.joints) == 3
    with pytest.raises(InputError, match="worst joints is 0; it must be at least 1"):
        compare_motions(a, a, worst=0)


def test_a_short_motion_has_no_velocity() -> None:
    found = compare_motions(motion(1), motion(1, seed=3))
    mpjpe_mm, pa_mm, velocity = found.distances.values()
    assert mpjpe_mm is not None and pa_mm is not None and mpjpe_mm > pa_mm
    assert velocity is None
    assert list(found.each.values()) == [(None, None)]
    assert "1 frames are too few for an acceleration" in found.notes
    _, body = found.cells()
    assert ["MPJVE (mm/frame)", "-", "", ""] in body


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (motion(7), "A has 6 frames and B 7; compare motions of the same frames"),
        (motion(fps=25.0), "A has 50 frames per second and B 25; compare motions of one frame"),
        (motion(space="world"), "A is in root space .* and B in world space"),
        (
            motion(joints=np.zeros((6, 15, 3)), skeleton="humaneva_15"),
            "A has the skeleton human36m_17 and B humaneva_15; bring both to one with --skeleton",
        ),
        (motion(joints=np.full((6, 17, 3), np.nan)), "B: 6 of 6 frames have joints without"),
    ],
)
def test_motions_that_do_not_correspond_are_refused(other: Motion, words: str) -> None:
    with pytest.raises(InputError, match=words):
        compare_motions(motion(), other)


def test_a_motion_of_another_skeleton_is_converted_when_asked(tmp_path: Path) -> None:
    a = motion()
    b = motion(joints=np.random.default_rng(3).normal(size=(6, 15, 3)), skeleton="humaneva_15")
    paths = write(a, tmp_path / "a.npz"), write(b, tmp_path / "b.npz")
    found = compare(*paths, skeleton="humaneva_15")
    assert found.facts["skeleton"] == "humaneva_15"
    assert any("head lies 60 %" in note and "a.npz" in note for note in found.notes)
    with pytest.raises(InputError, match=r"b.npz: the joints .*left_eye.* of coco_17 cannot be"):
        compare(paths[1], paths[1], skeleton="coco_17")
    with pytest.raises(InputError, match="did you mean 'coco_17'"):
        compare(*paths, skeleton="coco17")


def test_the_command_compares_motions(langlift: Command, tmp_path: Path) -> None:
    write(motion(action=walking()), "a.npz")
    write(motion(seed=1), "b.json")
    said = langlift("compare", "a.npz", "b.json")
    assert said.status == 0 and said.err == ""
    for words in ("A: a.npz", "B: b.json", "MPJPE, roots on each other (mm)", "walk (0.80)",
                  "acceleration from the root (mm/frame2)", "6 at 50 per second",
                  "neither is taken for the truth"):  # fmt: skip
        assert words in said.out
    told = json.loads(langlift("compare", "a.npz", "b.json", "--json", "--worst", "2").out)
    assert told["kind"] == "motions"
    assert told["actions"] == {"a": {"label": "walk", "probability": pytest.approx(0.8)}, "b": None}
    assert len(told["worst_joints_mm"]) == 2
    distance = told["distances"]["MPJPE, roots on each other (mm)"]
    wanted = 1000 * float(mpjpe(motion().joints, motion(seed=1).joints))
    assert distance == pytest.approx(wanted, abs=1e-2)


# Bad input


def files(folder: Path) -> dict[str, Path]:
    write(motion(), folder / "motion.npz")
    write(motion(), folder / "motion.json")
    report(row()).save(folder, "report")
    (folder / "list.json").write_text("[1, 2]")
    (folder / "cut.json").write_text('{"format": "langlift motion", "joints": [[')
    (folder / "half.json").write_text('{"protocol": "mocap", "tables": [{"title": 1}]}')
    content = json.loads((folder / "report.json").read_text())
    content["tables"][0]["title"] = ["Overall"]
    (folder / "title.json").write_text(json.dumps(content))
    (folder / "numbers.json").write_text('{"protocol": 1, "tables": 2}')
    (folder / "empty.json").write_bytes(b"")
    (folder / "garbage.npz").write_bytes(b"\x00\x01garbage")
    np.savez(folder / "keypoints.npz", xy=np.zeros((3, 17, 2)))
    return {path.name: path for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        ("motion.npz", "report.json", "motion.npz is a motion and report.json is a report; give"),
        ("report.json", "motion.json", "report.json is a report and motion.json is a motion"),
        ("motion.npz", "list.json", "list.json: this JSON is neither a motion nor a report"),
        ("cut.json", "motion.npz", "cut.json: this is not valid JSON"),
        ("report.json", "half.json", "half.json: this is no report of langlift evaluate"),
        ("report.json", "numbers.json", "numbers.json: this is no report of langlift evaluate"),
        ("empty.json", "motion.npz", "empty.json: the file is empty"),
        ("garbage.npz", "motion.npz", "garbage.npz: this cannot be read as npz"),
        (
            "keypoints.npz",
            "motion.npz",
            "keypoints.npz: this npz holds no motion (no array 'joints'"
            "); give two motions (.npz or .json that langlift lift wrote) or two reports",
        ),
        ("report.json", "title.json", "'title' of table 1 is [\"Overall\"] instead of a text"),
        ("absent.json", "motion.npz", "absent.json: there is no such file or folder"),
        (".", "motion.npz", "this is a folder; give two motions"),
        ("motion.npz", "", "B is missing: another one of the same kind; langlift compare --help"),
        (
            "",
            "",
            "A is missing: a motion (.npz or .json of `langlift lift`) or a report (.json of "
            "`langlift evaluate`); langlift compare --help lists all options",
        ),
        ("report.json", "report.json --skeleton human36m_17", "leave --skeleton out"),
        ("motion.npz", "motion.json --worst 0", "worst joints is 0"),
    ],
)
def test_bad_input_is_told_in_one_sentence(
    langlift: Command, tmp_path: Path, a: str, b: str, words: str
) -> None:
    files(tmp_path)
    said = langlift("compare", *a.split(), *b.split())
    assert said.status == 2 and said.out == ""
    assert said.err.startswith("langlift: ") and said.err.count("\n") == 1
    assert words in said.err
    assert "Traceback" not in said.err
