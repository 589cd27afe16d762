"""Reports: the word oracle wherever ground truth was used, and reports read back."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from cli_fixtures import Command, tiny_corpus
from evaluation_fixtures import film, films, tiny

from langlift.cli.tables import show_report
from langlift.datasets.places import DATA_VARIABLE
from langlift.datasets.registry import DATASETS
from langlift.errors import InputError
from langlift.protocols.card import origin_of
from langlift.protocols.catalogue import ANNOTATIONS, PROTOCOLS, find_protocol
from langlift.protocols.evaluation import EvaluationOptions, Plan, evaluate_recordings, plan
from langlift.protocols.measures import MEASURES
from langlift.protocols.origin import Origin
from langlift.protocols.published import PUBLISHED
from langlift.protocols.report import Figure, Report, Row, Table
from langlift.protocols.scores import Score
from langlift.protocols.tables import Result, _overall, _published_row, report
from langlift.skeletons import SKELETONS

FIGURES = {"MPJPE": Figure(31.0, "mm")}
TRUTHS = [
    (Origin(action="given"), "true action given"),
    (Origin(aggregation="J-Agg (true root)"), "true root"),
    (Origin(aggregation="J-Best"), "best hypothesis of each joint"),
    (Origin(aggregation="P-Best"), "best hypothesis of each pose"),
    (Origin(selection="test"), "weights chosen on subjects that are measured"),
    (Origin(training="test"), "trained on subjects that are measured"),
]


def of(*rows: Row) -> Report:
    return Report("toy", {"data": "toy"}, [Table("All", rows)])


@pytest.mark.parametrize(("origin", "why"), TRUTHS)
def test_an_oracle_says_so_and_why_wherever_it_stands(origin, why, tmp_path, capsys) -> None:
    whole = of(Row("m", {}, FIGURES, origin))
    show_report(whole)
    printed = " ".join(capsys.readouterr().out.split())
    assert f"m (oracle: {why})" in whole.markdown() and f"m (oracle: {why})" in printed
    (row,) = whole.content()["tables"][0]["rows"]
    assert row["mark"] == f"oracle: {why}"
    for path in whole.save(tmp_path, "r"):
        assert f"oracle: {why}" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("model", "tags", "figures"),
    [
        ("m", {"action": "given"}, FIGURES),
        ("m", {"selection": "test"}, FIGURES),
        ("m", {"aggregation": "J-Best"}, FIGURES),
        ("m", {"how": "20 hypotheses, P-Best"}, FIGURES),
        ("m", {}, {"J-Best MPJPE": Figure(1, "mm")}),
        ("D3DP J-Agg (true root)", {}, FIGURES),
    ],
)
def test_words_that_tell_of_ground_truth_need_the_origin(model, tags, figures) -> None:
    with pytest.raises(InputError) as error:
        of(Row(model, tags, figures))
    assert str(error.value).startswith(f"the figures of {model!r} used ground truth of the test")
    assert str(error.value).endswith("the word oracle for it; give their row that origin")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("J-Best, 20 hypotheses", "best hypothesis of each joint"),
        ("20 hypotheses, p-best", "best hypothesis of each pose"),
        ("projected with the True Root", "true root"),
        ("JPMA", "true root"),
        ("d3dp_jpma", "true root"),
        ("J-Agg of 20", "true root"),
        ("the true action at test", "true action given"),
        ("action source: given", "true action given"),
        ("action given", "true action given"),
        ("weights Chosen on the Test subjects", "weights chosen on subjects that are measured"),
        ("chosen on subjects that are measured", "weights chosen on subjects that are measured"),
        (
            "abc, selection: on subjects that are measured",
            "weights chosen on subjects that are measured",
        ),
        ("trained on the test set", "trained on subjects that are measured"),
        ("abc, trained on: x, selection: test", "weights chosen on subjects that are measured"),
        ("abc, selection: fixed, trained on the Test set", "trained on subjects that are measured"),
    ],
)
def test_a_text_that_tells_of_ground_truth_is_found_wherever_it_stands(text, why) -> None:
    """In a title, a fact, a tag, a figure's name or a model's, in any case of letters."""

    def report_of(origin: Origin, place: str) -> Report:
        row = Row("m", {}, FIGURES, origin)
        rows = {
            "tag": replace(row, tags={"how": text}),
            "figure": replace(row, figures={text: FIGURES["MPJPE"]}),
            "model": replace(row, model=text),
        }
        facts = {"fact": {"how": text}, "fact by model": {"how": {"m": text}}}
        title = text if place == "title" else "All"
        return Report("toy", facts.get(place, {}), [Table(title, [rows.get(place, row)])])

    (right,) = [origin for origin, told in TRUTHS if told == why]
    wrong = [Origin(), *(origin for origin, told in TRUTHS if told != why)]
    for place in ("title", "fact", "fact by model", "tag", "figure", "model"):
        assert why in report_of(right, place).markdown()
        for origin in wrong:
            with pytest.raises(InputError, match=rf"\({why}\) but would not carry the word oracle"):
                report_of(origin, place)


def test_facts_are_read_by_name_and_value() -> None:
    facts = {"aggregation": "J-Best", "action": "given"}
    with pytest.raises(InputError, match=r"\(best hypothesis of each joint, true action given\)"):
        Report("toy", facts, [Table("All", [Row("m", {}, FIGURES)])])


def test_jpma_with_an_estimated_root_is_no_oracle() -> None:
    of(Row("m", {"how": "JPMA with an estimated root"}, FIGURES))
    of(Row("m", {"how": "JPMA", "aggregation": "J-Agg"}, FIGURES, Origin(aggregation="J-Agg")))
    with pytest.raises(InputError, match=r"\(true root\)"):
        of(Row("m", {"how": "JPMA, true root"}, FIGURES, Origin(aggregation="J-Agg")))


def test_facts_and_notes_may_name_published_figures() -> None:
    """They speak of others; so do published rows, of which our facts say nothing."""
    told = "MPJPE 28.1 (J-Best; weights chosen on the test set)"
    facts = dict.fromkeys(("published", "published figures", "note", "notes", "experiment"), told)
    ours = Row("m", {"note": told}, FIGURES, Origin(selection="test"))
    theirs = Row("VPose", {"note": "-"}, FIGURES, published=True)
    for weights in ({"m": "1, selection: test"}, "1, selection: test"):
        Report("toy", {**facts, "weights": weights}, [Table("All", [ours, theirs])])
    with pytest.raises(
        InputError, match=r"'VPose' used .* \(weights chosen on subjects that are measured\)"
    ):
        hidden = replace(theirs, published=False)
        Report("toy", {"weights": "selection: test"}, [Table("All", [hidden])])


def test_the_facts_of_a_model_are_no_other_models() -> None:
    chosen, fixed = Row("a", {}, FIGURES, Origin(selection="test")), Row("b", {}, FIGURES)
    weights = {"a": "1, selection: test", "b": "2, selection: fixed"}
    Report("toy", {"weights": weights}, [Table("All", [chosen, fixed])])
    with pytest.raises(InputError, match="the figures of 'b' used"):
        Report("toy", {"weights": {**weights, "b": weights["a"]}}, [Table("All", [chosen, fixed])])


def test_harmless_words_are_no_oracle() -> None:
    row = Row("m", {"action": "none", "note": "J-Best is 3 mm lower", "root": "zero"}, FIGURES)
    assert "oracle" not in of(row).markdown()
    for text in (
        *("action not given", "action: predicted", "lens: given", "top best", "one answer"),
        "action: none given to the networks",
        "published figures: not shown",
        "selection: fixed (its card says test)",
    ):
        assert Origin().untold(text) == ()


def test_a_row_that_hides_its_mark_is_refused_when_made_printed_and_saved(tmp_path) -> None:
    class Quiet(Row):
        @property
        def name(self) -> str:
            return self.model

    quiet = Quiet("m", {}, FIGURES, Origin(action="given"))
    with pytest.raises(InputError, match="would not carry the word oracle"):
        of(quiet)
    rows = [Row("m", {}, FIGURES)]
    late = Report("toy", {}, [Table("All", rows)])
    rows[0] = quiet
    for use in (
        late.markdown,
        late.content,
        lambda: show_report(late),
        lambda: late.save(tmp_path, "r"),
    ):
        with pytest.raises(InputError, match="would not carry the word oracle"):
            use()
    assert list(tmp_path.iterdir()) == []


def test_a_report_is_read_back_as_it_was(tmp_path: Path) -> None:
    rows = [Row("m", {"2D": "gt"}, FIGURES), Row("n", {"2D": "gt"}, FIGURES, TRUTHS[0][0])]
    whole = of(*rows)
    _, file = whole.save(tmp_path, "r")
    back = Report.from_file(file)
    assert back.content() == whole.content() and back.markdown() == whole.markdown()
    assert back.tables[0].rows[1].origin == TRUTHS[0][0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda row: row.update(mark=""), "'n' is marked '', but its origin says 'oracle: true"),
        (lambda row: row.pop("mark"), "'n' is marked None, but its origin says 'oracle: true"),
        (lambda row: row.pop("origin") and row.update(oracle=False), "'n' is marked 'oracle: true"),
        (lambda row: row["origin"].update(action="none"), "but its origin says ''"),
        (lambda row: row["origin"].update(action="guessed"), "unknown action 'guessed'"),
        (lambda row: row.pop("figures"), "this is no report of langlift evaluate"),
        (lambda row: row["figures"]["MPJPE"].update(value="31"), "instead of a finite number"),
        (lambda row: row.update(tags={"action": "given"}, origin={}, mark=""), "word oracle"),
    ],
)
def test_a_report_that_was_changed_is_refused(tmp_path: Path, change, said: str) -> None:
    content = of(Row("n", {}, FIGURES, Origin(action="given"))).content()
    content = json.loads(json.dumps(content))
    change(content["tables"][0]["rows"][0])
    file = tmp_path / "r.json"
    file.write_text(json.dumps(content))
    with pytest.raises(InputError, match=rf"r\.json: .*{said}"):
        Report.from_file(file)


@pytest.mark.parametrize(
    "change",
    [
        {"mark": "", "origin": {"selection": "fixed"}},
        {"mark": "", "origin": {}},
        {"oracle": False},
    ],
)
def test_a_row_that_says_other_than_the_fact_on_its_weights_is_refused(change) -> None:
    row = Row("n", {}, FIGURES, Origin(selection="test"))
    content = Report(
        "toy", {"weights": {"n": "1, trained on: x, selection: test"}}, [Table("All", [row])]
    ).content()
    (saved,) = content["tables"][0]["rows"]
    if "oracle" in change:
        del saved["mark"], saved["origin"]
    saved.update(change)
    with pytest.raises(
        InputError, match=r"weights chosen on subjects that are measured.* word oracle for it"
    ):
        Report.from_content(content)


def test_reports_of_before_there_were_origins() -> None:
    content = of(Row("m", {}, FIGURES)).content()
    (row,) = content["tables"][0]["rows"]
    del row["origin"], row["mark"]
    row["oracle"] = False
    assert Report.from_content(content).tables[0].rows[0].origin == Origin()
    row["oracle"] = True
    with pytest.raises(InputError, match="a row says oracle but not why"):
        Report.from_content(content)


@pytest.mark.parametrize("content", [None, [], {}, {"protocol": "x", "facts": {}, "tables": [1]}])
def test_what_is_no_report_is_refused(content) -> None:
    with pytest.raises(InputError, match=r"no report of langlift evaluate .* give the .json file"):
        Report.from_content(content)


def test_weights_chosen_on_the_test_set_are_marked_in_every_table() -> None:
    spec = replace(PROTOCOLS["human36m"], actions=("Walking",), sources=("gt",), tail=())
    dataset = films(film("S9/Walking 1/lens"), film("S11/Walking 1/lens"))
    lifter, options = tiny(card={"selection": "test"}), EvaluationOptions()
    chosen = plan(dataset, spec, None, options)
    scores = evaluate_recordings({"m": (lifter, "fp32")}, dataset, spec, chosen)["m"]
    result = Result("m", lifter, chosen, scores, origin_of(lifter, spec, chosen.people))
    made = report([result], dataset, spec, spec, options)
    ours = [table for table in made.tables if not table.title.startswith("Published")]
    assert len(ours) == 6
    for table in ours:
        assert {row.name for row in table.rows} == {
            "m (oracle: weights chosen on subjects that are measured)"
        }
    assert "selection: on subjects that are measured" in made.facts["weights"]["m"]
    (overall,) = [table for table in ours if table.title == "Overall"]
    assert {row.tags["class"] for row in overall.rows} == {"one answer"}


@pytest.mark.parametrize(
    ("origin", "label"),
    [
        (Origin(), "one answer"),
        (Origin("predicted"), "one answer, predicted action"),
        (Origin("given", "P-Agg"), "P-Agg, given action"),
        (Origin(aggregation="J-Agg (true root)", selection="test"), "J-Agg (true root)"),
    ],
)
def test_overall_figures_carry_their_class(origin, label) -> None:
    assert origin.label == label
    spec = PROTOCOLS["custom"]
    lifter, score = tiny(), Score("v", "s", "s/v", 2, {"": {"MPJPE": (0.1, 2)}}, (0.1,), 2.0)
    result = Result("m", lifter, Plan("gt", None, None, (), ()), [score], origin)
    (row,) = _overall([result], replace(spec, average="frame", metrics=("MPJPE",))).rows
    assert row.tags["class"] == label and ("oracle" in row.name) == origin.oracle
    row.check()


@pytest.mark.parametrize("key", PUBLISHED)
def test_every_published_row_can_be_shown_with_its_mark(key: str) -> None:
    row = PUBLISHED[key]
    if not row.figures:
        return
    shown = _published_row(row)
    of(shown)
    assert ("oracle" in shown.name) == row.origin.oracle
    assert shown.tags["paper"].startswith(row.paper) and shown.published


# The catalogue.


def test_protocols_name_what_exists() -> None:
    for name, spec in PROTOCOLS.items():
        assert spec.name == name and spec.dataset in DATASETS
        assert set(spec.metrics) <= set(MEASURES) and len(set(spec.metrics)) == len(spec.metrics)
        assert spec.skeleton in ("", *SKELETONS)
        assert set(spec.tail) <= set(spec.actions)


def test_the_labels_of_mpi_inf_3dhp_are_an_explicit_choice() -> None:
    with pytest.raises(InputError, match="not comparable; choose one with --annotation annot3 or"):
        find_protocol("mpi-inf-3dhp")
    for annotation in ANNOTATIONS:
        assert find_protocol("mpi-inf-3dhp", annotation).variant == annotation
    with pytest.raises(InputError, match="unknown annotation 'annot2'"):
        find_protocol("mpi-inf-3dhp", "annot2")
    with pytest.raises(InputError, match="human36m has only one set of labels"):
        find_protocol("human36m", "univ")
    with pytest.raises(InputError, match="did you mean 'humaneva'"):
        find_protocol("humanva")


# The command: what it does not take.


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--protocol human36m", "--data is missing: nobody says where the files of human36m are"),
        ("--protocol human36m --data x --split core", "human36m has no option --split; leave it"),
        ("--protocol human36m --data x --clips 0", "protocol human36m has no option --clips"),
        ("--protocol human36m --data x --annotation univ", "has only one set of labels"),
        ("--protocol mpi-inf-3dhp --data x", "annotation is missing"),
        ("--protocol human36m --data x --root zeroed", "unknown root 'zeroed'"),
        ("--protocol human36m --data x --windows all", "unknown windows 'all'"),
        ("--protocol human36m --data x -m mean-pose", "mean-pose is fitted to the motion corpus"),
        ("--protocol human36m --data x -m nobody", "unknown model 'nobody'"),
        ("--protocol human36m --data x --source ,", "no 2D source given"),
        ("--protocol human36m --data x --precision fp8", "unknown precision 'fp8'"),
        ("--protocol human36m --data nowhere", "nowhere: there is no such file or folder"),
        ("--protocol human36m --data x --resume", "--resume continues the evaluation in a folder"),
        ("--protocol humaneva --data x", "gives the joints of human36m_17; protocol humaneva"),
        ("--protocol mocap --root zero", "protocol mocap has no option --root; leave it out"),
        ("--protocol mocap --no-flip", "protocol mocap has no option --no-flip"),
        ("--protocol robustness --resume", "protocol robustness has no option --resume"),
        ("--protocol human35m", "unknown protocol 'human35m'.*did you mean 'human36m'"),
    ],
)
def test_what_cannot_be_evaluated_is_said_in_a_sentence(
    line, said, capsys, tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LANGLIFT_CORPUS", raising=False)
    monkeypatch.delenv(DATA_VARIABLE, raising=False)
    status, out, err = Command(capsys)("evaluate", *line.split())
    assert (status, out) == (2, "") and err.startswith("langlift: ") and err.count("\n") == 1
    assert re.search(said, err), err
    assert list(tmp_path.iterdir()) == []


def test_the_corpus_has_the_same_defaults_as_before(capsys, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    tiny_corpus(tmp_path / "corpus")
    said = Command(capsys)("evaluate", "--data", "corpus", "-m", "mean-pose", "--json")
    content = json.loads(said.out)
    assert "split core, part test" in content["facts"]["data"]
    assert [row["tags"]["2D"] for row in content["tables"][0]["rows"]] == ["gt", "noisy"]
