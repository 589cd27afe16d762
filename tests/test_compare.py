"""Two motions or two reports side by side: what is subtracted, what never is, what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_fixtures import Command

from langlift.errors import InputError
from langlift.formats import write
from langlift.metrics import acceleration_error, mpjpe, mpjve, pa_mpjpe
from langlift.protocols.compare import compare
from langlift.protocols.compare_motions import compare_motions
from langlift.protocols.compare_reports import compare_reports
from langlift.protocols.origin import Origin
from langlift.protocols.report import Figure, Report, Row, Table
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


# Reports


def row(model: str = "m", value: float = 40.0, tags: dict | None = None, **origin: Any) -> Row:
    figures = {"MPJPE": Figure(value, "mm"), "action accuracy": Figure(value / 2, "%")}
    return Row(model, {"2D": "cpn", **(tags or {})}, figures, Origin(**origin))


def report(*rows: Row, protocol: str = "human36m", **facts: Any) -> Report:
    weights = dict.fromkeys([r.model for r in rows], "1")
    about: dict[str, Any] = {"data": "S9, S11", "labels": "v1", "weights": weights, **facts}
    return Report(protocol, about, [Table("Overall", rows)])


def test_rows_of_one_model_are_subtracted() -> None:
    a = report(row("m", 40.0), row("n", 50.0))
    b = report(row("n", 47.5), row("m", 41.0))
    found = compare_reports(a, b)
    gaps = {p.name: {n: gap for n, (_, _, gap) in p.figures.items()} for p in found.pairs}
    assert gaps == {
        "m": {"MPJPE": pytest.approx(1.0), "action accuracy": pytest.approx(0.5)},
        "n": {"MPJPE": pytest.approx(-2.5), "action accuracy": pytest.approx(-1.25)},
    }
    assert found.notes == ()
    _, body = found.cells()
    assert body[0] == ["Overall", "m", "2D: cpn", "MPJPE (mm)", "40.0", "41.0", "+1.0"]


def test_two_single_models_are_matched_and_both_named() -> None:
    found = compare_reports(report(row("m", 40.0)), report(row("n", 39.0)))
    assert [p.name for p in found.pairs] == ["m -> n"]
    assert found.pairs[0].figures["MPJPE"][2] == pytest.approx(-1.0)
    several = compare_reports(report(row("m"), row("o")), report(row("n")))
    assert several.pairs == ()
    assert (
        "no row of the same class for m (2D cpn) of A; o (2D cpn) of A; n (2D cpn) of B"
        in (several.notes[0])
    )


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (row(aggregation="J-Best"), "m (2D cpn, J-Best) of B"),
        (row(action="given"), "m (2D cpn, true action given) of B"),
        (row(tags={"2D": "gt"}), "m (2D gt) of B"),
        (row(aggregation="P-Agg"), "m (2D cpn, P-Agg) of B"),
    ],
)
def test_rows_of_different_classes_are_never_subtracted(other: Row, told: str) -> None:
    found = compare_reports(report(row()), report(other))
    assert found.pairs == ()
    assert f"no row of the same class for m (2D cpn) of A; {told}" in found.notes[0]
    assert "figures of different classes are never subtracted" in found.notes[0]
    assert "nothing is subtracted" in found.notes[-1]


def test_a_predicted_action_is_of_the_class_of_none_whatever_the_tag_says() -> None:
    a = report(row(tags={"class": "one answer"}))
    b = report(row(value=41.0, tags={"class": "one answer, predicted action"}, action="predicted"))
    found = compare_reports(a, b)
    assert [p.figures["MPJPE"][2] for p in found.pairs] == [pytest.approx(1.0)]
    assert (found.pairs[0].of, found.notes) == ("2D: cpn", ())


def test_how_weights_were_chosen_is_no_class_but_is_marked() -> None:
    found = compare_reports(report(row(selection="test")), report(row(selection="fixed")))
    assert [p.name for p in found.pairs] == [
        "m (oracle: weights chosen on subjects that are measured) -> m"
    ]
    marks = [(r["a"]["mark"], r["b"]["mark"]) for r in found.content()["rows"]]
    assert marks == [("oracle: weights chosen on subjects that are measured", "")]


def test_oracle_rows_of_one_class_carry_the_word() -> None:
    both = report(row(aggregation="J-Best"))
    _, body = compare_reports(both, both).cells()
    assert body and all("oracle" in cells[1] for cells in body)


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (report(row(), protocol="humaneva"), "A is of protocol human36m and B of humaneva"),
        (report(row(), labels="v2"), "labels differs: v1 in A, v2 in B"),
        (report(row(), data="S9"), "A and B are not of the same test (data)"),
        (report(row(), measures={"PCK": "x"}), "measures differs: not stated in A, PCK: x in B"),
        (report(row(), actions=["Walk", "Sit"]), "not stated in A, Walk, Sit in B"),
        (report(row(), recordings="4 of 9 frames"), "not of the same test (recordings)"),
        (report(row(), windows="separate"), "windows differs: not stated in A, separate in B"),
    ],
)
def test_reports_of_different_tests_are_never_subtracted(other: Report, told: str) -> None:
    found = compare_reports(report(row()), other)
    assert found.pairs == ()
    assert any(told in note for note in found.notes)
    assert any("never subtracted" in note for note in found.notes)
    assert found.cells()[1] == []


def test_other_weights_are_told_and_compared() -> None:
    a = report(row(), weights={"m": "1"})
    b = report(row(), weights={"m": "2", "n": "3"}, langlift="9")
    found = compare_reports(a, b)
    assert len(found.pairs) == 1
    assert found.notes == ("weights of m differs: 1 in A, 2 in B",)


def test_facts_about_the_run_are_told_where_they_matter_and_never_refuse() -> None:
    about = {"experiment": "x: y", "scale": "small: s", "seed": "0", "device": "cpu"}
    other: dict[str, Any] = {
        **about,
        "seed": "1",
        "device": "cuda",
        "note": "n",
        "published": "MPJPE 1",
    }
    other |= {"published figures": "not shown", "files": ["a.npz"]}
    found = compare_reports(report(row(), **about), report(row(), **other))
    assert len(found.pairs) == 1
    assert found.notes == ("seed differs: 0 in A, 1 in B", "device differs: cpu in A, cuda in B")
    alone = compare_reports(report(row()), report(row(), **about))
    assert len(alone.pairs) == 1 and "seed differs: not stated in A, 0 in B" in alone.notes


def test_without_flip_averaging_is_another_model_and_the_same_test() -> None:
    a = report(row(), **{"flip averaging": "yes"})
    said = {"flip averaging": "no", "other than the protocol": "flip False instead of True"}
    found = compare_reports(a, report(row(), **said))
    assert len(found.pairs) == 1
    assert found.notes == ("flip averaging differs: yes in A, no in B",)


def test_figures_that_are_not_alike_are_left_out() -> None:
    a = row(tags={"K": "9"})
    b = replace(row(tags={"K": "12"}), figures={**row().figures, "PCK": Figure(90, "%")})
    found = compare_reports(report(a), report(b))
    assert list(found.pairs[0].figures) == ["MPJPE"]
    assert found.notes == (
        "Overall: PCK; action accuracy not subtracted where only one row has it, in another unit, "
        "or over another number of classes",
    )
    metres = replace(row(), figures={"MPJPE": Figure(0.04, "%")})
    assert compare_reports(report(row()), report(metres)).pairs == ()


def test_tables_of_one_report_and_published_rows() -> None:
    more = Table("By joint", [row()])
    papers = Table("Published, same class", [row("D3DP", 39.5, tags={"paper": "ICCV"})])
    a = report(row())
    gap = replace(row("m - n"), figures={"MPJPE difference": Figure(1, "mm")})
    b = replace(a, tables=[*a.tables, more, papers, Table("Paired differences", [gap])])
    a = replace(a, tables=[*a.tables, papers, Table("Paired differences", [gap])])
    found = compare_reports(a, b)
    assert [p.table for p in found.pairs] == ["Overall"]
    assert found.notes == ("only B has the table 'By joint'",)


def test_a_row_that_stands_twice_is_not_matched() -> None:
    found = compare_reports(report(row("m", 1.0), row("m", 2.0)), report(row("m", 3.0)))
    assert found.pairs == ()


def test_the_command_compares_reports(langlift: Command, tmp_path: Path) -> None:
    for name, value in (("a", 40.0), ("b", 38.5)):
        report(row("m[x]", value)).save(tmp_path, name)
    said = langlift("compare", "a.json", "b.json")
    assert (said.status, said.err) == (0, "")
    for words in ("A: a.json", "protocol: human36m", "m[x]", "2D: cpn", "MPJPE (mm)", "-1.5"):
        assert words in said.out
    told = json.loads(langlift("compare", "a.json", "b.json", "--json").out)
    assert told["kind"] == "reports"
    (found,) = told["rows"]
    assert found["figures"]["MPJPE"]["difference"] == pytest.approx(-1.5)
    assert found["tags"] == {"2D": "cpn"}
    report(row(), protocol="humaneva").save(tmp_path, "c")
    other = langlift("compare", "a.json", "c.json")
    assert other.status == 0
    assert "figures of different protocols are of different classes and never subtracted" in (
        other.out
    )
    assert "B - A" not in other.out


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


def test_figures_and_differences_stand_side_by_side_at_80_columns(
    langlift: Command, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    tags = {"average": "sequence mean", "class": "one answer", "frames": "160"}
    for name, value in (("a", 40.0), ("b", 38.5)):
        report(row("default", value, tags)).save(tmp_path, name)
    said = langlift("compare", "a.json", "b.json").out
    assert max(map(len, said.splitlines())) <= 80
    (line,) = [line for line in said.splitlines() if "MPJPE (mm)" in line]
    assert [part.strip() for part in line.split("│")[-4:-1]] == ["40.0", "38.5", "-1.5"]
