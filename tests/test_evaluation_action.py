"""Measuring models that are told the true action: an oracle's figures, and marked everywhere."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import leaning
import numpy as np
import pytest
from cli_fixtures import Command, tiny_bundle
from evaluation_fixtures import MEASURED, SPEC, by_hand, film, films, four, rooted, scores_of, tiny
from lifting_fixtures import LENS

from langlift.errors import InputError
from langlift.lifting.bundle import save_bundle
from langlift.lifting.lifter import LiftOptions
from langlift.methods.base import Guidance
from langlift.protocols import recorded
from langlift.protocols.card import action_of, origin_of
from langlift.protocols.compare_reports import compare_reports
from langlift.protocols.origin import Origin
from langlift.protocols.recorded import Request, evaluate_recorded
from langlift.protocols.report import Report
from langlift.protocols.scores import mean_of

GIVEN = replace(SPEC, action="given")
KNOWN = ("Walking", "Sitting", "Photo")


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four films whatever is opened, under a protocol of their actions."""
    monkeypatch.setattr(recorded, "open_for", lambda spec, path: films(*four()))
    monkeypatch.setattr(recorded, "find_protocol", lambda name, annotation: SPEC)


def takes(actions: tuple[str, ...] = KNOWN):
    return leaning.lifter(actions)


def report_of(action=None, out: Path | None = None, resume: bool = False, **models) -> Report:
    request = Request("human36m", Path("x"), action=action)
    return evaluate_recorded(models, request, out=out, resume=resume)


def test_each_recording_is_lifted_for_its_own_action() -> None:
    made, recordings = takes(), [r for r in four() if r.subject != "S8"]
    scores = scores_of(made, films(*recordings), GIVEN)
    by_films = {}
    for recording in recordings:
        told = Guidance("label", recording.action, "oracle")
        options = LiftOptions(center=False)
        motion = made.lift(recording.keypoints, LENS, options, guidance=told)
        by_films[recording.name] = by_hand(motion.joints, rooted(recording.joints, 0))
    for measure in MEASURED:
        expected = np.concatenate([found[measure] for found in by_films.values()]).mean()
        assert mean_of(scores, measure) == pytest.approx(expected, rel=1e-5)
    free = mean_of(scores_of(made, films(*recordings)), "MPJPE")
    assert mean_of(scores, "MPJPE") != pytest.approx(free, rel=1e-3)


def test_its_naming_of_the_action_is_not_judged() -> None:
    assert sum(score.named[1] for score in scores_of(takes(), films(*four()))) == 4
    assert sum(score.named[1] for score in scores_of(takes(), films(*four()), GIVEN)) == 0


@pytest.mark.usefixtures("opened")
def test_figures_of_a_given_action_are_an_oracles_everywhere() -> None:
    report = report_of("given", m=takes())
    for table in report.tables:
        own = [row for row in table.rows if not row.published]
        assert all(row.name == "m (oracle: true action given)" for row in own)
    assert report.facts["action"] == "true action given to the networks"
    assert "Action accuracy, recording mean" not in [table.title for table in report.tables]
    assert "m (oracle: true action given)" in report.markdown()
    assert Report.from_content(json.loads(json.dumps(report.content()))).tables
    told = [table.title for table in report.tables if table.title.startswith("Published")]
    assert all("action given" in title for title in told)


@pytest.mark.usefixtures("opened")
def test_a_model_that_takes_an_action_and_is_not_told_predicts_it() -> None:
    report = report_of(m=takes())
    assert report.tables[0].rows[0].origin == Origin(action="predicted")
    assert report.tables[0].rows[0].tags["class"] == "one answer, predicted action"
    assert report.facts["action"] == "predicted by the networks from the 2D"
    assert not any(row.origin.oracle for table in report.tables[:3] for row in table.rows)


@pytest.mark.usefixtures("opened")
def test_models_that_take_none_stand_beside_as_they_are() -> None:
    report = report_of("given", bare=tiny(), m=takes())
    assert [row.name for row in report.tables[0].rows if row.tags["average"] == "frame mean"] == [
        "bare", "m (oracle: true action given)",
    ]  # fmt: skip
    assert report.facts["action"] == {
        "bare": "none given to the networks",
        "m": "true action given to the networks",
    }
    alone = report_of(bare=tiny()).tables[0].rows[0]
    assert report.tables[0].rows[0].figures == alone.figures


def test_where_the_action_comes_from() -> None:
    for spec, bare, taking in (
        (SPEC, "none", "predicted"),
        (replace(SPEC, action="predicted"), "predicted", "predicted"),
        (GIVEN, "none", "given"),
    ):
        assert (action_of(tiny(), spec), action_of(takes(), spec)) == (bare, taking)
    assert origin_of(takes(), GIVEN, ["S9"]).oracle


@pytest.mark.usefixtures("opened")
def test_given_and_predicted_are_never_subtracted() -> None:
    given, free = report_of("given", m=takes()), report_of(m=takes())
    found = compare_reports(given, free)
    assert found.pairs == ()
    assert any("action differs: true action given to the" in note for note in found.notes)
    bare = compare_reports(report_of(m=tiny()), free)
    assert bare.pairs  # a model that predicts is of the class of one without actions


@pytest.mark.usefixtures("opened")
def test_a_journal_of_given_actions_is_not_gone_on_with_predicted_ones(tmp_path: Path) -> None:
    report_of("given", tmp_path, m=takes())
    report_of("given", tmp_path, resume=True, m=takes())
    with pytest.raises(InputError, match="protocol"):
        report_of(None, tmp_path, resume=True, m=takes())


@pytest.mark.usefixtures("opened")
def test_given_actions_that_no_model_can_take_are_refused() -> None:
    with pytest.raises(
        InputError,
        match="human36m gives actions to the models, and bare cannot take any; leave --action out",
    ):
        report_of("given", bare=tiny())
    with pytest.raises(InputError, match="gives actions to the models, and tiny cannot"):
        scores_of(tiny(), films(*four()), GIVEN)


@pytest.mark.usefixtures("opened")
def test_an_action_that_the_model_does_not_know_is_refused_before_anything_is_lifted() -> None:
    made = takes(("Walking", "Photo"))
    made.lift = None  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(
        InputError,
        match="the action 'Sitting' of recording 'S9/Sitting 1/lens' is not among those that model "
        r"m knows \(Walking, Photo\); name others with --actions",
    ):
        report_of("given", m=made)


def test_frames_of_several_actions_cannot_be_given_as_one() -> None:
    labels = np.array(["Walking"] * 20)
    one = film("S9/Walking 1/lens", frame_actions=labels)
    spec = replace(GIVEN, actions=(), test=("S9",))
    assert scores_of(takes(), films(one), spec)
    two = film("S9/Walking 1/lens", frame_actions=np.where(np.arange(20) < 7, "Photo", labels))
    for recording, said in (
        (two, "its frames have the actions 'Photo', 'Walking', and one is given for a recording"),
        (film("S9/x/lens", ""), "its frames have no action, and one is given for a recording; ev"),
    ):
        with pytest.raises(InputError, match=said):
            scores_of(takes(), films(recording), spec)


# The command.


@pytest.fixture
def langlift(capsys, tmp_path: Path, monkeypatch) -> Command:
    monkeypatch.chdir(tmp_path)
    leaning.registered(monkeypatch)
    monkeypatch.setattr(recorded, "open_for", lambda spec, path: films(*four()))
    monkeypatch.setattr(recorded, "find_protocol", lambda name, annotation: SPEC)
    made = takes()
    save_bundle(tmp_path / "leaning.safetensors", made.bundle, made.network.state_dict())
    tiny_bundle(tmp_path / "bare.safetensors")
    (tmp_path / "h36m").mkdir()
    return Command(capsys)


H36M = ("evaluate", "--protocol", "human36m", "--data", "h36m", "-m")


def test_the_command_gives_actions(langlift: Command) -> None:
    said = langlift(*H36M, "leaning.safetensors", "--action", "given", "--json")
    assert (said.status, said.err) == (0, "")
    rows = json.loads(said.out)["tables"][0]["rows"]
    assert {row["mark"] for row in rows} == {"oracle: true action given"}
    free = json.loads(langlift(*H36M, "leaning.safetensors", "--json").out)["tables"][0]["rows"]
    assert {(row["mark"], row["origin"]["action"]) for row in free} == {("", "predicted")}
    assert "leaning.safetensors (oracle: true action given)" in " ".join(
        langlift(*H36M, "leaning.safetensors", "--action", "given").out.split()
    )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("leaning.safetensors --action true", "unknown action 'true'; known: given, predicted"),
        ("leaning.safetensors --action predicted,given", "one action is taken here"),
        ("bare.safetensors --action given", "cannot take any; leave --action out"),
    ],
)
def test_the_command_refuses(langlift: Command, line: str, words: str) -> None:
    said = langlift(*H36M, *line.split())
    assert said.status == 2 and said.err.count("\n") == 1
    assert words in said.err
