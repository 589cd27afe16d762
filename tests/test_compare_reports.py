"""Two reports side by side: what is subtracted, what never is, and how it is shown."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cli_fixtures import Command
from compare_fixtures import report, row

from langlift.protocols.compare_reports import compare_reports
from langlift.protocols.report import Figure, Report, Row, Table


@pytest.fixture
def langlift(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch) -> Command:
    monkeypatch.chdir(tmp_path)
    return Command(capsys)


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
