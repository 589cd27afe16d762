"""Reports that somebody changed: what is none any more is refused, in plain words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cli_fixtures import Command

from langlift.protocols.report import Figure, Report, Row, Table


@pytest.fixture
def langlift(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch) -> Command:
    monkeypatch.chdir(tmp_path)
    return Command(capsys)


def save_report(folder: Path) -> Any:
    """Write a report of two rows, and give it as plain values."""
    rows = [Row(model, {"2D": "cpn"}, {"MPJPE": Figure(40.0, "mm")}) for model in ("m", "n")]
    facts = {"data": "S9, S11", "weights": {"m": "1", "n": "2"}}
    Report("human36m", facts, [Table("Overall", rows)]).save(folder, "report")
    return json.loads((folder / "report.json").read_text())


WHERE = "row 1 of table 'Overall'"


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        (("protocol",), ["a"], "'protocol' of the report is [\"a\"] instead of a text"),
        (("tables",), None, "'tables' of the report is null instead of a list"),
        (("tables",), [], "the tables are empty"),
        (("facts",), {}, "the facts are empty"),
        (("tables", 0), 5, "table 1 is 5 instead of an object"),
        (("tables", 0, "rows"), [], "table 'Overall' has no rows"),
        (("tables", 0, "rows", 0, "model"), 1, f"'model' of {WHERE} is 1 instead of a text"),
        (("tables", 0, "rows", 0, "tags"), [1], f"'tags' of {WHERE} is [1] instead of an object"),
        (("tables", 0, "rows", 0, "tags"), {"2D": 3}, "'2D' of the tags of row 1"),
        (("tables", 0, "rows", 1, "tags"), {}, "row 2 of table 'Overall' has other tags than the"),
        (("tables", 0, "rows", 0, "origin"), {"selection": 3}, "'selection' of the origin of row"),
        (("tables", 0, "rows", 0, "origin"), {"by": "me"}, 'has an entry "by", which is not known'),
        (("tables", 0, "rows", 0, "published"), 1, "is 1 instead of true or false"),
    ],
)
def test_a_report_of_another_form_is_told_in_plain_words(
    langlift: Command, tmp_path: Path, path: tuple, value: Any, fault: str
) -> None:
    refused(langlift, tmp_path, path, value, fault)


FIGURE = ("tables", 0, "rows", 0, "figures", "MPJPE")


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        *(
            ((*FIGURE, "value"), value, f"'value' of the figure 'MPJPE' of {WHERE} is {said}")
            for value, said in (
                (float("nan"), "NaN instead of a finite number"),
                (float("inf"), "Infinity instead"),
                (True, "true instead"),
                (None, "null instead"),
                ("12", '"12" instead'),
                (10**400, f"1{39 * '0'}... instead"),
            )
        ),
        ((*FIGURE, "low"), float("nan"), "'low' of the figure 'MPJPE'"),
        (
            (*FIGURE, "digits"),
            "2",
            f"'digits' of the figure 'MPJPE' of {WHERE} is \"2\" instead of",
        ),
        ((*FIGURE, "digits"), True, "'MPJPE' of " + WHERE + " is true, beyond 0 to 6"),
        ((*FIGURE, "digits"), 7, "'MPJPE' of " + WHERE + " is 7, beyond 0 to 6"),
        ((*FIGURE, "unit"), "m", f"the figure 'MPJPE' of {WHERE} has the unit \"m\""),
        (FIGURE, None, f"the figure 'MPJPE' of {WHERE} is null instead of an object"),
        (FIGURE, {"value": 1}, f"the figure 'MPJPE' of {WHERE} has no 'unit'"),
    ],
)
def test_what_is_no_figure_is_told_in_plain_words(
    langlift: Command, tmp_path: Path, path: tuple, value: Any, fault: str
) -> None:
    refused(langlift, tmp_path, path, value, fault)


def refused(langlift: Command, folder: Path, path: tuple, value: Any, fault: str) -> None:
    """Whether a report with that value at that place is refused with that fault."""
    content = save_report(folder)
    place = content
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    (folder / "changed.json").write_text(json.dumps(content))
    said = langlift("compare", "report.json", "changed.json")
    assert (said.status, said.out) == (2, "")
    start = "langlift: changed.json: this is no report of langlift evaluate ("
    assert said.err.startswith(start) and said.err.count("\n") == 1
    assert fault in said.err and "); give the .json file that it wrote" in said.err


def test_a_row_without_origin_is_told(langlift: Command, tmp_path: Path) -> None:
    content = save_report(tmp_path)
    del content["tables"][0]["rows"][0]["origin"]
    (tmp_path / "changed.json").write_text(json.dumps(content))
    assert f"({WHERE} has no 'origin')" in langlift("compare", "report.json", "changed.json").err


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        (("tables", 0, "rows", 0, "model"), "m2", "the fact 'weights' does not name 'm2'"),
        (("facts", "weights"), {"n": "2"}, "the fact 'weights' does not name 'm'"),
        (("facts",), {"published": {"m": "1", "n": "2"}}, "the fact 'weights' does not name 'm'"),
        (("tables", 0, "rows", 0, "published"), True, "is said to be published but has no tag 'p"),
    ],
)
def test_a_row_of_unknown_weights_is_refused(
    langlift: Command, tmp_path: Path, path: tuple, value: Any, fault: str
) -> None:
    """Or its figures could no longer be held against what the report says of the weights."""
    refused(langlift, tmp_path, path, value, fault)
