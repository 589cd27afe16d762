"""Tables of all verbs: no figure is cut, whatever the width; an oracle is marked in every part."""

from __future__ import annotations

import io
import re

import pytest
from cli_fixtures import Command
from rich.console import Console

from langlift.cli import experiment, tables, train
from langlift.cli.arguments import step_line
from langlift.cli.tables import cell, print_table, print_texts, show_report
from langlift.experiments import EXPERIMENTS, PAPERS
from langlift.experiments.listing import HEADER as LISTED
from langlift.protocols.origin import Origin
from langlift.protocols.report import Figure, Report, Row, Table

HEADER = ["model", "2D", "MPJPE (mm)", "P-MPJPE (mm)", "N-MPJPE (mm)", "views"]
ROWS = [
    ["default", "gt", "1143.62 [1142.24, 1145.01]", "35.6 [34.1, 36.2]", "44.4", "2,140"],
    ["a_network_of_somebody", "noisy", "-", "38.16", "41234567.5", "9"],
]


def printed(width: int, header=HEADER, rows=ROWS, **options) -> str:
    on = Console(width=width, record=True, file=io.StringIO())
    print_table(on, "Errors", header, rows, **options)
    return on.export_text()


@pytest.mark.parametrize("width", [10, 30, 40, 60, 80, 200])
def test_no_figure_is_cut_at_any_width(width: int) -> None:
    text = printed(width, words=("2D",))
    for row in ROWS:
        for value in row[2:]:
            assert text.count(f" {value} ") >= 1, (value, text)
    assert "…" not in text and text.count("Errors") == 1


@pytest.mark.parametrize(("width", "parts"), [(200, 1), (80, 2), (70, 3)])
def test_what_does_not_fit_stands_below_with_the_name_of_its_row(width: int, parts: int) -> None:
    text = printed(width, words=("2D",))
    assert text.count("a_network_of_somebody") == text.count("noisy") == parts
    assert max(map(len, text.splitlines())) <= width


def test_a_name_is_not_broken_and_words_are_folded_between_words() -> None:
    text = printed(
        60, ["name", "why"], [["x" * 35, "one two three four five six seven"]], words=("why",)
    )
    assert "x" * 35 in text
    folded = re.findall(r"│ x* +│ (.*?) +│", text)
    assert len(folded) > 1 and " ".join(folded) == "one two three four five six seven"


def test_texts_that_would_be_narrow_columns_are_paragraphs() -> None:
    header = ["name", "why", "where"]
    rows = [["one", "because " * 9 + "it is", "[red]here[/] and there " * 3]]
    wide, narrow = (Console(width=w, record=True, file=io.StringIO()) for w in (80, 50))
    for on in (wide, narrow):
        print_texts(on, "All [1]", header, [[*map(cell, row)] for row in rows])
    assert "│ one" in wide.export_text()
    said = narrow.export_text()
    assert max(map(len, said.splitlines())) <= 50
    assert " ".join(said.split()) == f"All [1] one why: {rows[0][1]} | where: {rows[0][2].strip()}"


def test_a_file_or_pipe_is_as_wide_as_columns_says(monkeypatch) -> None:
    for said, width in (("70", 70), ("", 1000), ("0", 1000), ("wide", 1000)):
        monkeypatch.setenv("COLUMNS", said)
        assert tables.console().width == width


def test_markup_and_control_characters_are_shown_not_obeyed() -> None:
    text = printed(80, ["[red]file[/]"], [[cell("a[bold]\x1b[31m.npz")]])
    assert "a[bold]\\x1b[31m.npz" in text and "[red]file[/]" in text


def test_a_report_at_80_columns_keeps_the_oracle_in_every_part(monkeypatch, capsys) -> None:
    monkeypatch.setattr(tables, "console", lambda: Console(width=80))
    figures = {
        f"{name} error": Figure(43.56, "mm", 42.0, 45.0) for name in ("a", "b", "c", "d", "e")
    }
    rows = [
        Row("model[1]", {"2D": "gt"}, figures),
        Row("told", {"2D": "gt"}, figures, Origin(action="given")),
    ]
    show_report(Report("toy", {"data": "x " * 60 + "end"}, [Table("All [1]", rows)]))
    said = capsys.readouterr().out
    assert f"  data: {'x ' * 60}end\n" in said, "facts are not folded"
    parts = said.split("┏")[1:]
    assert len(parts) > 1 and "All [1]" in said
    for part in parts:
        assert "model[1]" in part and " told " in part and "(oracle:" in part
    assert said.count("43.6 [42.0, 45.0]") == 10


def test_what_tells_rows_apart_stands_in_every_part(monkeypatch, capsys) -> None:
    """Two averages of one model, with tags before them that say the same of both."""
    monkeypatch.setattr(tables, "console", lambda: Console(width=80))
    figures = {f"{name} error": Figure(43.56, "mm") for name in ("a", "b", "c", "d", "e")}
    said = {"2D": "cpn_ft_h36m_dbb_of_somebody", "class": "alone"}
    rows = [
        Row("model", {**said, "K": k, "average": f"mean-of-{name}"}, figures)
        for k in ("8", "9")
        for name in ("actions", "frames")
    ]
    show_report(Report("toy", {}, [Table("All", rows)]))
    parts = capsys.readouterr().out.split("┏")[1:]
    assert len(parts) > 1
    for part in parts:
        lines = [line for line in part.splitlines() if "mean-of-" in line]
        assert {(re.findall(r" ([89]) ", x)[0], "actions" in x) for x in lines} == {
            ("8", True), ("8", False), ("9", True), ("9", False),
        }  # fmt: skip
        assert max(map(len, part.splitlines()[1:])) <= 80
    assert sum("alone" in part for part in parts) == 1, "it tells no row from another"


def test_a_file_has_a_row_in_each_line(capsys, monkeypatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    said = Command(capsys)("experiment", "list", "--paper", "finepose")
    (line,) = [line for line in said.out.splitlines() if " finepose-egohumans-finepose " in line]
    row = EXPERIMENTS["finepose-egohumans-finepose"]
    assert row.published is not None and row.published.origin.mark in line and row.lacks in line


def test_the_list_at_80_columns_lacks_nothing(monkeypatch, capsys) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = Command(capsys)("experiment", "list", "--paper", "finepose").out.splitlines()
    assert max(map(len, lines[:-1])) <= 80
    told: dict[str, str] = {}
    for line in lines[1:-1]:
        if not line.startswith(" "):
            told[line] = ""
        else:
            told[[*told][-1]] += f" {line.strip()}"
    assert list(told) == [e.name for e in PAPERS["finepose"]]
    for name, text in told.items():
        assert all(f"{column}: " in text for column in LISTED[1:]), text
        experiment = EXPERIMENTS[name]
        assert all(part in text for part in (experiment.table, experiment.row, experiment.source))
        if (row := experiment.published) is not None:
            assert all(re.search(rf"\b{value:.1f}\b", text) for value in row.figures.values())
            assert row.origin.mark in text and row.origin.label in text


def test_a_step_is_told_alike_by_train_and_experiment_run() -> None:
    """A run of over a day has its hours counted, and no bare seconds."""
    entry = {"step": 7, "loss": 0.123456, "eta_seconds": 90061.4}
    assert step_line(entry) == "step 7  loss 0.1235  eta 25:01:01"
    entry = {"step": 9, "validation_mpjpe_mm_gt": 43.21}
    assert step_line(entry) == "validation: step 9  mpjpe_mm_gt 43.21"
    assert train.step_line is experiment.step_line is step_line
