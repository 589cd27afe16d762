"""Reports: how figures, tags and facts are printed, shown and saved."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from langlift.cli.tables import show_report
from langlift.errors import InputError
from langlift.protocols.origin import Origin
from langlift.protocols.report import Figure, Report, Row, Table


def small_report() -> Report:
    rows = [
        Row("plain", {"2D": "gt"}, {"MPJPE": Figure(41.234, "mm", 40.0, 42.55)}),
        Row(
            "told",
            {"2D": "gt"},
            {"MPJPE": Figure(31.0, "mm"), "right": Figure(99.95, "%")},
            Origin(action="given"),
        ),
    ]
    facts = {"data": "toy", "weights": {"a": "1", "b": "2"}, "clips": ["x", "y"]}
    return Report("toy", facts, [Table("All", rows)])


@pytest.mark.parametrize(
    ("figure", "text"),
    [
        (Figure(41.26, "mm"), "41.3"),
        (Figure(41.26, "mm", 40.0, 43.0), "41.3 [40.0, 43.0]"),
        (Figure(1.234, "x", 1.0, 1.5), "1.23 [1.00, 1.50]"),
        (Figure(-0.5, "mm", -1.0, 0.04), "-0.5 [-1.0, 0.0]"),
        (Figure(-0.126, "mm", -1.0, 0.044, digits=2), "-0.13 [-1.00, 0.04]"),
        (Figure(41.5, "mm", digits=0), "42"),
    ],
)
def test_a_figure_is_printed_with_its_interval(figure: Figure, text: str) -> None:
    assert str(figure) == text


def test_markdown_holds_facts_units_tags_and_every_figure() -> None:
    assert small_report().markdown() == (
        "# Protocol `toy`\n\n- data: toy\n- weights: a: 1; b: 2\n- clips: x, y\n\n## All\n\n"
        "| model | 2D | MPJPE (mm) | right (%) |\n|---|---|---|---|\n"
        "| plain | gt | 41.2 [40.0, 42.5] | - |\n"
        "| told (oracle: true action given) | gt | 31.0 | 100.0 |\n"
    )


def test_names_stay_in_their_line_and_cell_of_markdown() -> None:
    row = Row("m|n", {"action": "a\n# b\x1b[2J"}, {"MPJPE": Figure(1.0, "mm")})
    text = Report("toy", {"data": "x\n\n# y"}, [Table("All", [row])]).markdown()
    assert text == (
        "# Protocol `toy`\n\n- data: x\\n\\n# y\n\n## All\n\n| model | action | MPJPE (mm) |\n"
        "|---|---|---|\n| m\\|n | a\\n# b\\x1b[2J | 1.0 |\n"
    )


def test_json_holds_the_full_figures() -> None:
    content = json.loads(json.dumps(small_report().content()))
    assert content["protocol"] == "toy"
    assert content["facts"]["weights"] == {"a": "1", "b": "2"}
    (table,) = content["tables"]
    assert (table["title"], table["what"]) == ("All", "model")
    plain, told = table["rows"]
    assert plain["figures"]["MPJPE"] == {
        "value": 41.234, "unit": "mm", "low": 40.0, "high": 42.55,
    }  # fmt: skip
    assert plain["tags"] == {"2D": "gt"}
    assert (plain["mark"], told["mark"]) == ("", "oracle: true action given")
    assert told["origin"] == {
        "action": "given", "aggregation": "single", "selection": "not stated",
        "training": "not stated",
    }  # fmt: skip


def test_digits_are_stored_where_they_are_not_the_usual_ones() -> None:
    figures = {"a": Figure(1.0, "mm", 0.5, 1.5, 2), "b": Figure(1.0, "mm")}
    made = Report("toy", {"data": "toy"}, [Table("All", [Row("m", {}, figures)])])
    content = json.loads(json.dumps(made.content()))
    stored = content["tables"][0]["rows"][0]["figures"]
    assert stored["a"]["digits"] == 2 and "digits" not in stored["b"]
    assert Report.from_content(content).markdown() == made.markdown()
    assert "| m | 1.00 [0.50, 1.50] | 1.0 |" in made.markdown()
    for digits in (-1, 7, True, 2.0):
        with pytest.raises(InputError, match="a figure has 0 to 6 digits after the point"):
            Figure(1.0, "mm", digits=digits)  # pyright: ignore[reportArgumentType]


def test_oracle_is_in_every_rendering_and_only_where_it_applies(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = small_report()
    show_report(report)
    shown = capsys.readouterr().out
    for text in (report.markdown(), shown):
        lines = text.splitlines()
        assert [("oracle" in line) for line in lines if "plain" in line] == [False]
        assert [("oracle" in line) for line in lines if "told" in line] == [True]
    markdown, saved = report.save(tmp_path, "toy")
    assert "told (oracle: true action given)" in markdown.read_text(encoding="utf-8")
    rows = json.loads(saved.read_text(encoding="utf-8"))["tables"][0]["rows"]
    assert ["oracle" in row["mark"] for row in rows] == [False, True]


def test_a_report_is_saved_as_markdown_and_json(tmp_path: Path) -> None:
    report = small_report()
    paths = report.save(tmp_path, "figures")
    assert [p.name for p in paths] == ["figures.md", "figures.json"]
    assert paths[0].read_text(encoding="utf-8") == report.markdown()
    assert json.loads(paths[1].read_text(encoding="utf-8")) == report.content()
    assert len(list(tmp_path.iterdir())) == 2
    with pytest.raises(InputError, match="does not exist; make it or give another path"):
        report.save(tmp_path / "nowhere", "figures")


def test_the_terminal_shows_intervals_and_facts(capsys: pytest.CaptureFixture[str]) -> None:
    show_report(small_report())
    shown = capsys.readouterr().out
    assert "41.2 [40.0, 42.5]" in shown
    assert "weights: a: 1; b: 2" in shown


def test_a_table_names_what_its_rows_are_and_is_never_empty() -> None:
    rows = [Row("S1", {"clips": "2"}, {"MPJPE": Figure(1.0, "mm")})]
    assert Table("By subject", rows, "subject").cells()[0] == ["subject", "clips", "MPJPE (mm)"]
    with pytest.raises(InputError, match="table 'All' has no rows; evaluate at least one model"):
        Table("All", []).cells()
