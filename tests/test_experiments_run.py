"""Experiments from data to report: a smoke run of each kind, and what stands beside what."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from human36m_files import write_human36m
from humaneva_files import write_humaneva
from text_fixtures import minilm_folder

from langlift.cli.main import main
from langlift.errors import InputError
from langlift.experiments import find_experiment
from langlift.experiments import material as materials
from langlift.experiments.comparison import why_apart, with_published
from langlift.experiments.material import open_material
from langlift.experiments.running import Run, prepare
from langlift.protocols import recorded
from langlift.protocols.compare_reports import compare_reports
from langlift.protocols.origin import Origin
from langlift.protocols.report import Figure, Report, Row, Table
from langlift.training.recorded import subjects_of

ROW = "actionprompt-1-vpose-gt"
SUBJECTS = ("S1", "S5", "S6", "S7", "S8", "S9", "S11")


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("datasets")
    write_human36m(folder / "human36m", subjects=SUBJECTS, frames=20, sources=("gt",))
    (folder / "humaneva").mkdir()
    write_humaneva(folder / "humaneva")
    return folder


def smoke(data: Path, out: Path, name: str = ROW, *more: str) -> int:
    words = ["--data", str(data), "--out", str(out), "--scale", "smoke", "--device", "cpu"]
    return main(["experiment", "run", name, *words, *more])


def test_a_smoke_run_trains_evaluates_and_is_no_reproduction(data, tmp_path, capsys) -> None:
    assert smoke(data, tmp_path / "run") == 0
    out = capsys.readouterr().out
    assert "step 4" in out
    report = Report.from_file(tmp_path / "run" / "report.json")
    facts = report.facts
    assert facts["experiment"] == f"{ROW}: ActionPrompt, ICME 2023, Table I, VPose"
    assert facts["scale"].startswith("smoke: ")
    assert facts["published"] == (
        "MPJPE 37.8, D-MPJPE 33.6, tail D-MPJPE 39.3 (one answer), at full scale on the row's "
        "data; not comparable with this run: the scale is smoke, which is no reproduction"
    )
    assert not [table for table in report.tables if "ublished" in table.title]
    shown = [v.value for t in report.tables for row in t.rows for v in row.figures.values()]
    assert 37.8 not in shown
    (weights,) = facts["weights"].values()
    assert "subjects S1, S8, selection: fixed" in weights
    assert (tmp_path / "run" / "report.md").is_file()


def test_a_run_goes_on_where_it_was(data, tmp_path, capsys) -> None:
    out = tmp_path / "run"
    assert smoke(data, out, ROW, "--quiet") == 0
    report = (out / "report.json").read_text()
    lines = (out / "evaluation" / "recordings.jsonl").read_text().splitlines()
    (out / "evaluation" / "recordings.jsonl").write_text("\n".join(lines[:3]) + "\n")
    (out / "report.json").unlink()
    assert smoke(data, out, ROW, "--quiet") == 2
    assert "already holds a run; continue it with --resume" in capsys.readouterr().err
    assert smoke(data, out, ROW, "--quiet", "--resume") == 0
    assert (out / "report.json").read_text() == report
    assert smoke(data, out, "actionprompt-6-27-baseline", "--quiet", "--resume", "--seed", "1") == 2
    assert "settings differ" in capsys.readouterr().err


def test_weights_may_be_chosen_on_a_subject_that_is_kept_back(data, tmp_path, capsys) -> None:
    assert smoke(data, tmp_path / "run", ROW, "--selection", "validation", "--json") == 0
    facts = json.loads(capsys.readouterr().out)["facts"]
    (weights,) = facts["weights"].values()
    assert "subjects S1, selection: validation" in weights


def test_windows_are_those_of_the_methods_own_paper(data, tmp_path, capsys) -> None:
    assert smoke(data, tmp_path / "run", "finepose-human36m-gt-mixste", "--json") == 0
    facts = json.loads(capsys.readouterr().out)["facts"]
    assert "windows separate instead of track" in facts["other than the protocol"]
    assert "oracle: weights chosen on subjects that are measured" in facts["published"]


def test_humaneva_trains_on_the_actions_of_its_row(data, tmp_path) -> None:
    run = Run(find_experiment("actionprompt-2-vpose"), data, tmp_path, "small")
    config, found = prepare(run)
    assert found.actions.labels == ("Jog", "Walking")
    assert {take.action for take in found.train} == {"Jog", "Walking"}
    assert (config.model.joints_out, config.frames) == (15, 1)
    assert found.card["experiment"] == "actionprompt-2-vpose"


def test_small_and_full_take_all_training_subjects(data, tmp_path) -> None:
    names = {}
    for selection in ("fixed", "validation"):
        material = open_material(find_experiment(ROW), data, "full")
        names[selection] = subjects_of(material.spec, selection)
        frames = material.training_frames("gt", selection)
        assert frames == len(names[selection][0]) * 2 * 4 * 20  # keys, cameras, frames
    assert names["fixed"] == (("S1", "S5", "S6", "S7", "S8"), ())
    assert names["validation"] == (("S1", "S5", "S6", "S7"), ("S8",))


def test_training_subjects_that_the_files_lack_are_named(tmp_path, capsys) -> None:
    write_human36m(tmp_path / "human36m", subjects=("S5", "S9"), frames=20, sources=("gt",))
    assert smoke(tmp_path, tmp_path / "run") == 2
    said = capsys.readouterr().err
    assert "the files lack S1, S8, whom protocol human36m trains on; get them" in said


def test_training_frames_are_those_of_the_actions_that_are_trained_on(data) -> None:
    found = open_material(find_experiment("actionprompt-2-vpose"), data, "full")
    entries = found.dataset.entries("detectron_pt_coco", found.spec.train)
    assert {e.action for e in entries} > {"Walking", "Jog"}
    wanted = sum(e.frames_3d or 0 for e in entries if e.action in ("Walking", "Jog"))
    assert found.training_frames("detectron_pt_coco", "fixed") == wanted > 0


def test_the_data_of_a_run_are_opened_once(data, tmp_path, monkeypatch) -> None:
    opened = []
    real = materials.open_for
    monkeypatch.setattr(materials, "open_for", lambda *of: opened.append(of) or real(*of))
    monkeypatch.setattr(recorded, "open_for", lambda *of: pytest.fail("opened again"))
    assert smoke(data, tmp_path / "run", ROW, "--quiet") == 0
    assert len(opened) == 1


@pytest.fixture
def minilm(tmp_path, monkeypatch) -> None:
    """A sentence encoder of random weights, and no CLIP anywhere."""
    monkeypatch.setenv("LANGLIFT_MINILM", str(minilm_folder(tmp_path / "words")))
    monkeypatch.setenv("LANGLIFT_CLIP", str(tmp_path / "no-clip"))


def test_a_prompted_row_trains_and_evaluates(data, tmp_path, capsys, minilm) -> None:
    words = ("actionprompt-3-full", "--text", "minilm", "--json")
    assert smoke(data, tmp_path / "run", *words) == 0
    facts = json.loads(capsys.readouterr().out)["facts"]
    assert facts["text encoder"] == "minilm"
    assert facts["experiment"].endswith("+ ATP + APP")
    config = json.loads((tmp_path / "run" / "config.json").read_text())["model"]
    assert (config["text"], config["pose_prompts"], config["prompts"]) == ("minilm", True, 3)


def test_a_row_with_the_label_given_is_measured_with_it(data, tmp_path, capsys) -> None:
    assert smoke(data, tmp_path / "run", "actionprompt-8-given", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    row = report["tables"][0]["rows"][0]
    assert row["origin"]["action"] == "given"
    assert row["mark"].startswith("oracle: true action given")


def test_a_text_encoder_that_is_not_there_is_missed_before_the_data(
    data, tmp_path, capsys, minilm
) -> None:
    capsys.readouterr()  # what is said in writing the weights
    assert smoke(data, tmp_path / "run", "actionprompt-3-full") == 2
    said = capsys.readouterr().err
    assert "no-clip" in said
    assert said.rstrip().endswith("or read the prompts with minilm (--text minilm)")
    assert said.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_another_text_encoder_than_the_papers_stands_apart() -> None:
    row = find_experiment("actionprompt-3-full")
    ours = measured(Origin("predicted"))
    assert why_apart(ours, row, "full", False, "clip") == ""
    assert why_apart(ours, row, "full", False) == ""
    assert why_apart(ours, row, "full", False, "minilm") == (
        "its text encoder is clip, ours is minilm"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["actionprompt-1-vpose-hr"], "needs 2D of the source hr, but"),
        (["finepose-human36m-gt-mhformer"], "cannot be run: listed for its figures alone; lang"),
        (
            [ROW, "--text", "minilm"],
            "text is 'minilm', but experiment actionprompt-1-vpose-gt has no words to read; leave",
        ),
        (
            ["actionprompt-study-minilm", "--text", "clip"],
            "text is 'clip', but experiment actionprompt-study-minilm has minilm as its own; leave",
        ),
        (
            [ROW, "--source", "noisy"],
            "source is 'noisy', but actionprompt-1-vpose-gt has the 2D of its row, gt; leave it",
        ),
        ([ROW, "--frames", "81"], "frames is 81, but actionprompt-1-vpose-gt has the window of"),
        ([ROW, "--protocol", "humaneva"], "is of human36m, and can be run under that or mocap"),
        ([ROW, "--scale", "tiny"], "unknown scale 'tiny'; known: full, small, smoke"),
        (["table-1"], "unknown experiment 'table-1'"),
    ],
)
def test_refusals(data, tmp_path, capsys, words: list[str], message: str) -> None:
    given = ["experiment", "run", *words, "--data", str(data), "--out", str(tmp_path / "run")]
    assert main(given) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_data_must_be_named(monkeypatch, capsys) -> None:
    monkeypatch.delenv("LANGLIFT_DATA", raising=False)
    assert main(["experiment", "run", ROW]) == 2
    assert f"--data is missing: experiment {ROW} trains on human36m" in capsys.readouterr().err


@pytest.mark.corpus
def test_the_same_configuration_runs_on_the_motion_corpus(tmp_path, capsys) -> None:
    words = ["--protocol", "mocap", "--scale", "smoke", "--frames", "27", "--device", "cpu"]
    given = ["experiment", "run", "actionprompt-1-a3dhp-hr", *words, "--json"]
    assert main([*given, "--out", str(tmp_path / "run")]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["protocol"] == "mocap"
    assert report["facts"]["published"].endswith("the data are the motion corpus")
    tags = report["tables"][0]["rows"][0]["tags"]
    assert tags["2D"] == "noisy"  # for the detections of the row
    words = ["--protocol", "mocap", "--source", "noisy", "--clips", "4", "--device", "cpu"]
    weights = str(tmp_path / "run" / "last.safetensors")
    assert main(["evaluate", *words, "--model", weights, "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    found = compare_reports(Report.from_content(report), Report.from_content(again))
    gaps = {name: gap for p in found.pairs for name, (_, _, gap) in p.figures.items()}
    assert gaps["MPJPE"] == 0


# What may stand beside what


def measured(origin: Origin | None = None) -> Report:
    """A report as an evaluation under human36m gives it, with other published rows."""
    origin = origin or Origin(selection="fixed")
    mean = Row("ours", {"average": "action mean"}, {"MPJPE": Figure(40.0, "mm")}, origin)
    tail = Row(
        "ours",
        {"average": "tail: mean of Posing, SittingDown, Sitting"},
        {"MPJPE": Figure(50.0, "mm"), "D-MPJPE": Figure(45.0, "mm")},
        origin,
    )
    other = Row("VPose", {"paper": "a"}, {"MPJPE": Figure(37.8, "mm")}, published=True)
    tables = [Table("Overall", [mean, tail]), Table("Published, same class (x)", [other])]
    return Report("human36m", {"data": "invented"}, tables)


def test_at_full_scale_the_published_row_stands_beside_ours() -> None:
    report = with_published(measured(), find_experiment(ROW), "full", False, 7)
    assert "published" not in report.facts
    assert report.facts["seed"] == "7"
    table = report.tables[0]
    assert table.title == "ActionPrompt, ICME 2023, Table I: VPose"
    ours, theirs = table.rows
    assert (ours.tags["figure"], theirs.tags["figure"]) == ("ours", "published")
    assert (ours.published, theirs.published) == (False, True)
    assert ours.tags["class"] == theirs.tags["class"] == "one answer"
    assert {n: f.value for n, f in ours.figures.items()} == {
        "MPJPE": 40.0, "tail D-MPJPE": 45.0,
    }  # fmt: skip
    assert {n: f.value for n, f in theirs.figures.items()} == {
        "MPJPE": 37.8, "tail D-MPJPE": 39.3,
    }  # fmt: skip
    assert "Published, same class (x)" in [table.title for table in report.tables]


@pytest.mark.parametrize(
    ("name", "scale", "corpus", "why"),
    [
        (ROW, "small", False, "the scale is small, which is no reproduction"),
        (ROW, "full", True, "the data are the motion corpus"),
        (
            "actionprompt-2-vpose", "full", False,
            "its 2D source is not stated, ours is detectron_pt_coco",
        ),
        ("finepose-mpi-inf-3dhp-mixste", "full", False, "the set of labels is inferred"),
        (
            "finepose-human36m-gt-d3dp", "full", False,
            "it is of another class (J-Best)",
        ),
        (
            "actionprompt-8-given", "full", False,
            "it is of another class (one answer, given action)",
        ),
        ("langpose-r1", "full", False, "no figure is known"),
    ],
)  # fmt: skip
def test_elsewhere_it_stands_apart_and_says_why(name, scale, corpus, why) -> None:
    experiment = find_experiment(name)
    assert why_apart(measured(), experiment, scale, corpus) == why
    report = with_published(measured(), experiment, scale, corpus, 0)
    assert report.tables[0].title == "Overall"
    if experiment.published is not None:
        assert report.facts["published"].endswith(f"not comparable with this run: {why}")
        assert experiment.published.origin.mark in report.facts["published"]
    if scale != "full" or corpus:
        assert [table.title for table in report.tables] == ["Overall"]


def test_a_part_of_the_test_set_stands_beside_nothing() -> None:
    part = replace(
        measured(),
        facts={"published figures": "not shown: they are of the whole test set, and these are not"},
    )
    report = with_published(part, find_experiment(ROW), "full", False, 0)
    assert report.tables[0].title == "Overall"
    assert report.facts["published"].endswith(
        "not comparable with this run: they are of the whole test set, and these are not"
    )


def test_means_of_other_groups_stand_beside_nothing() -> None:
    experiment = find_experiment("finepose-mpi-inf-3dhp-vpose")
    assert why_apart(measured(), experiment, "full", False) == (
        "its average is the frame mean, ours the action mean"
    )
    overall = measured().tables[0]
    rows = [replace(overall.rows[0], tags={"average": "frame mean"}), *overall.rows[1:]]
    frames = replace(measured(), tables=[replace(overall, rows=rows)])
    assert why_apart(frames, experiment, "full", False) == ""


def test_figures_of_ours_that_used_the_truth_stand_beside_those_that_did() -> None:
    report = measured(Origin("given"))
    assert why_apart(report, find_experiment("actionprompt-8-given"), "full", False) == ""
    assert why_apart(report, find_experiment(ROW), "full", False) == (
        "it is of another class (one answer)"
    )


def test_a_run_that_cannot_be_is_refused_at_once(tmp_path) -> None:
    with pytest.raises(InputError, match="frames is 27, but"):
        Run(find_experiment(ROW), tmp_path, tmp_path, frames=27)
    run = Run(find_experiment(ROW), None, tmp_path, corpus=True, frames=27)
    assert (run.source, replace(run, points="noisy").source) == ("gt", "noisy")
