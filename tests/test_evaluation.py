"""Evaluating a dataset recording by recording: what is chosen, kept, refused and stated."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from evaluation_fixtures import (
    MEASURED,
    SPEC,
    Fleeting,
    by_hand,
    film,
    films,
    four,
    report_of,
    rooted,
    scores_of,
    tiny,
)
from lifting_fixtures import LENS

from langlift.errors import InputError
from langlift.lifting.lifter import LiftOptions
from langlift.protocols import recorded
from langlift.protocols.card import origin_of
from langlift.protocols.catalogue import PROTOCOLS
from langlift.protocols.evaluation import (
    EvaluationOptions,
    excluded,
    plan,
    source_of,
)
from langlift.protocols.journal import NAME
from langlift.protocols.origin import Origin
from langlift.protocols.scores import average, mean_of
from langlift.skeletons import HUMANEVA_15


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """The four films whatever is opened, under a protocol of their actions."""
    monkeypatch.setattr(recorded, "open_for", lambda spec, path: films(*four()))
    monkeypatch.setattr(recorded, "find_protocol", lambda name, annotation: SPEC)


def test_every_measure_is_the_one_by_hand() -> None:
    lifter, recordings = tiny(), four()
    scores = scores_of(lifter, films(*recordings))
    assert [s.name for s in scores] == [r.name for r in recordings[:4]]
    values: dict[str, dict[str, list[float]]] = {"Walking": {}, "Sitting": {}}
    for recording in recordings[:4]:
        pred = lifter.lift(recording.keypoints, LENS, LiftOptions(center=False)).joints
        for name, frames in by_hand(pred, rooted(recording.joints, 0)).items():
            values[recording.action].setdefault(name, []).extend(frames)
    for name in MEASURED:
        by_action = [np.mean(of[name]) for of in values.values()]
        assert average(scores, name, "action") == pytest.approx(np.mean(by_action), abs=1e-9)
        everything = np.concatenate([of[name] for of in values.values()])
        assert average(scores, name, "frame") == pytest.approx(everything.mean(), abs=1e-9)
        sitting = mean_of(scores, name, lambda s, label: label == "Sitting")
        assert sitting == pytest.approx(by_action[1], abs=1e-9)


def test_one_recording_is_in_memory_at_a_time() -> None:
    makers = {r.name: (lambda name=r.name, a=r.action: film(name, a)) for r in four()}
    assert len(scores_of(tiny(), Fleeting(makers))) == 4


def test_progress_counts_frames() -> None:
    seen: list[tuple[int, int]] = []
    scores_of(tiny(), films(*four()), progress=lambda *at: seen.append(at))
    assert seen == [(20, 40), (27, 40), (39, 40), (40, 40)]


def test_what_a_protocol_leaves_out_is_left_out() -> None:
    spec = replace(SPEC, excluded=("S9/Walking 1",))
    assert excluded(spec, "S9/Walking 1/lens") and not excluded(spec, "S9/Walking 10/lens")
    scores = scores_of(tiny(), films(*four()), spec)
    assert scores[0].name == "S9/Sitting 1/lens" and len(scores) == 3


def test_subjects_and_actions_can_be_chosen() -> None:
    options = EvaluationOptions(subjects=("S8", "S9"), actions=("Walking",))
    scores = scores_of(tiny(), films(*four()), options=options)
    assert [(s.subject, s.sequence) for s in scores] == [
        ("S9", "S9/Walking 1"), ("S8", "S8/Walking 1"),
    ]  # fmt: skip


def test_actions_are_judged_where_the_model_knows_the_label() -> None:
    lifter = tiny(actions=("Walking", "Eating"))
    scores = scores_of(lifter, films(*four()))
    motions = {r.name: lifter.lift(r.keypoints, LENS) for r in four()}
    for score in scores:
        said = motions[score.name].action
        assert said is not None
        walking = score.name.split("/")[1].startswith("Walking")
        assert score.named == (float(walking and said.label == "Walking"), float(walking))
    assert all(s.named == (0, 0) for s in scores_of(tiny(), films(*four())))


def test_a_recording_whose_2d_is_another_video_is_refused() -> None:
    wrong = film("S9/Walking 1/lens", "Walking")
    wrong = replace(wrong, joints=film("S9/x/lens", seed=9).joints + np.array([0.8, 0, 0]))
    dataset = films(wrong, *four()[1:])
    with pytest.raises(InputError, match=r"recording 'S9/Walking 1/lens' \(gt\): "):
        scores_of(tiny(), dataset)


def refused(match: str, dataset=None, spec=SPEC, source=None, **options) -> None:
    with pytest.raises(InputError, match=match):
        plan(dataset or films(*four()), spec, source, EvaluationOptions(**options))


def test_what_the_data_do_not_hold_is_refused() -> None:
    refused("unknown 2D source 'cpn'; known: gt", source="cpn")
    refused("unknown subject 'S7'; known: S11, S8, S9", subjects=("S7",))
    refused("unknown action 'Eating'; known: Sitting, Walking", actions=("Eating",))
    refused(
        "the data hold no 2D of source hr, the one that protocol human36m takes by default, but "
        "gt; choose with --source",
        spec=replace(SPEC, sources=("hr",)),
    )
    refused(
        "the data hold nothing of S11, which protocol human36m evaluates; get the missing files, "
        "or name the subjects with --subjects",
        films(*four()[:2]),
    )
    refused(
        "the data hold no Sitting of the subjects that are evaluated, and protocol human36m "
        r"averages over 2 actions; .* with --actions \(there are Walking\)",
        films(four()[0], four()[2]),
    )
    refused("the data hold no recording with 3D", spec=replace(SPEC, excluded=("S9", "S11")))


def test_the_2d_is_the_one_asked_for_the_protocols_first_or_the_only_one() -> None:
    dataset, custom = films(*four()), PROTOCOLS["custom"]
    assert source_of(dataset, SPEC) == source_of(dataset, custom) == "gt"
    dataset.sources = lambda: ("cpn", "gt")
    assert source_of(dataset, SPEC) == "gt"
    assert source_of(dataset, SPEC, "cpn") == "cpn"
    with pytest.raises(InputError, match="hold 2D of the sources cpn, gt; choose with --source"):
        source_of(dataset, custom)


def test_only_what_is_evaluated_is_looked_at() -> None:
    dataset, asked = films(*four()), []
    listed = dataset._listed
    dataset._listed = lambda *given: asked.append(given) or listed(*given)
    plan(dataset, SPEC, None, EvaluationOptions())
    assert [given for given in asked if given[0]] == [(("gt",), ("S9", "S11"))]


def test_a_part_named_test_is_what_custom_data_evaluate() -> None:
    dataset, custom = films(*four()), PROTOCOLS["custom"]
    assert len(plan(dataset, custom, None, EvaluationOptions()).entries) == 5
    dataset.parts = {"test": ("S8",), "train": ("S9", "S11")}
    assert plan(dataset, custom, None, EvaluationOptions()).subjects == ("S8",)
    dataset.parts = {"train": ("S8", "S9", "S11")}
    refused(r"no file says that it is of the part test \(train only\)", dataset, custom)


def test_what_a_whole_copy_would_hold_is_told() -> None:
    recordings = [*four()]
    dataset = films(
        *recordings,
        expected={"S9": ["Walking 1", "Walking 2", "Sitting 1"], "S1": ["Walking 1"]},
    )
    dataset._entries[1] = replace(dataset._entries[1], frames_3d=None)
    found = plan(dataset, SPEC, None, EvaluationOptions())
    assert found.left_out == ("S9/Sitting 1/lens (no 3D)", "S9/Walking 2")
    assert found.frames == 33


def test_a_model_of_other_joints_is_refused_before_anything_is_read() -> None:
    spec = replace(SPEC, skeleton=HUMANEVA_15.name)
    with pytest.raises(
        InputError,
        match="model tiny gives the joints of human36m_17; protocol human36m compares those of "
        "humaneva_15: give a model of these with --model",
    ):
        scores_of(tiny(), films(*four()), spec)


CUSTOM = replace(SPEC, name="custom", dataset="custom", public_test=False)


def test_weights_that_do_not_name_their_subjects_are_an_oracle_on_public_test_sets() -> None:
    chosen = tiny(card={"selection": "test"})
    assert origin_of(chosen, SPEC, ["S9"]) == Origin(selection="test")
    assert origin_of(chosen, CUSTOM, ["S9"]) == Origin()
    assert origin_of(tiny(), SPEC, ["S9"]) == Origin()
    older = tiny(card={"selection": "test", "dataset": {}, "train_subjects": "S1", "chosen_on": 3})
    assert origin_of(older, CUSTOM, ["S1"]) == Origin()


def card(trained, chosen, selection, dataset="human36m", **more):
    lists = {"train_subjects": trained, "chosen_on": chosen}
    return {"dataset": dataset, **lists, "selection": selection, **more}


@pytest.mark.parametrize(
    ("facts", "spec", "measured", "origin"),
    [
        (card(["S1"], ["S8"], "validation"), SPEC, "S9", ("validation", "apart")),
        (card(["S1"], ["S8"], "validation"), SPEC, "S8", ("test", "apart")),
        (card(["S1", "S9"], [], "fixed"), SPEC, "S9", ("fixed", "test")),
        (card(["S1", "S9"], [], "fixed"), SPEC, "S11", ("fixed", "apart")),
        (card(["S1"], ["S9"], "test"), SPEC, "S9", ("test", "apart")),
        (card(["S1"], ["S9"], "test"), SPEC, "S11", ("validation", "apart")),
        (card(["S9"], ["S9"], "test", "custom"), SPEC, "S9", ("validation", "apart")),
        (card(["a"], ["b"], "test", "custom"), CUSTOM, "b", ("test", "apart")),
        (card(["a"], ["b"], "validation", "custom"), CUSTOM, "b", ("test", "apart")),
        (card(["a"], [], "fixed", "custom"), CUSTOM, "a", ("fixed", "test")),
        (card(["S9"], [], "fixed", "human36m-motionbert"), SPEC, "S9", ("fixed", "test")),
        (
            card(["S1"], ["S9"], "test"),
            PROTOCOLS["human36m-motionbert"], "S9", ("test", "apart"),
        ),
    ],
)  # fmt: skip
def test_what_a_card_says_is_compared_with_what_is_measured(facts, spec, measured, origin) -> None:
    found = origin_of(tiny(card=facts), spec, ["S7", measured])
    assert (found.selection, found.training) == origin
    assert found.oracle == ("test" in origin)


@pytest.mark.usefixtures("opened")
def test_weights_trained_on_who_is_measured_are_marked_and_stand_beside_nothing(
    tmp_path: Path,
) -> None:
    lifter = tiny(card={**card(["S9"], [], "fixed"), "data": "these"})
    report = report_of(tmp_path, lifter=lifter)
    for table in report.tables:
        assert {row.name for row in table.rows} == {
            "m (oracle: trained on subjects that are measured)"
        }
    assert report.facts["weights"]["m"].endswith(
        "selection: fixed, trained on subjects that are measured"
    )
    assert report.facts["published figures"] == (
        "not shown: m was trained on subjects that are measured"
    )
    head = json.loads((tmp_path / NAME).read_text().splitlines()[0])
    assert head["identity"]["marks"] == {"m": "oracle: trained on subjects that are measured"}


@pytest.mark.usefixtures("opened")
def test_weights_of_another_set_of_labels_are_told_apart(monkeypatch) -> None:
    spec = replace(SPEC, variants=("annot3", "univ"), variant="annot3")
    monkeypatch.setattr(recorded, "find_protocol", lambda name, annotation: spec)
    facts = card(["S1"], [], "fixed", variant="univ")
    report = report_of(lifter=tiny(card=facts))
    said = "m was trained on the labels univ, and these are annot3"
    assert report.facts["other than the protocol"] == said
    assert report.facts["published figures"] == f"not shown: {said}"
    assert (
        "other than the protocol"
        not in report_of(lifter=tiny(card={**facts, "variant": "annot3"})).facts
    )


def test_where_no_frame_counts_there_is_no_figure() -> None:
    nothing = np.zeros(20, dtype=bool)
    dataset = films(*(film(f"{s}/Walking 1/lens", scored=nothing) for s in ("S9", "S11")))
    with pytest.raises(InputError, match="no frame of these recordings counts, so nothing can be"):
        scores_of(tiny(), dataset, replace(SPEC, actions=("Walking",)))


@pytest.mark.usefixtures("opened")
def test_the_report_names_recordings_whose_2d_lies_off_the_3d(monkeypatch, tmp_path: Path) -> None:
    def beside(spec, path):
        """Detections; one recording's 3D stands a metre beside what was seen."""
        first, *others = four()
        dataset = films(
            replace(first, joints=first.joints + np.array([1, 0, 0], np.float32)), *others
        )
        dataset.sources = lambda: ("hr",)  # pyright: ignore[reportAttributeAccessIssue]
        dataset._entries = [replace(e, frames_2d={"hr": e.frames_3d}) for e in dataset._entries]
        return dataset

    assert "2D and 3D" not in report_of().facts
    monkeypatch.setattr(recorded, "open_for", beside)
    said = f"2D lies off the 3D in 1: {four()[0].name} (hr); see langlift data check"
    for resume in (False, True):  # the journal keeps it
        report = report_of(tmp_path, resume, sources=("hr",))
        assert report.facts["2D and 3D"] == said


@pytest.mark.parametrize(("dataset", "told"), [("custom", True), ("human36m", False)])
def test_people_in_data_of_ones_own_are_told_to_be_known_by_name(
    monkeypatch: pytest.MonkeyPatch, dataset: str, told: bool
) -> None:
    monkeypatch.setattr(recorded, "open_for", lambda spec, path: films(*four()))
    spec = replace(SPEC, dataset=dataset)
    monkeypatch.setattr(recorded, "find_protocol", lambda name, annotation: spec)
    report = report_of(lifter=tiny(card=card(["S9"], [], "fixed", dataset)))
    said = "(or on others of the same names: people in data of your own are known by name)"
    assert report.facts["weights"]["m"].endswith(said) == told


def test_action_and_aggregation_of_a_protocol_are_those_of_its_figures() -> None:
    spec = replace(SPEC, action="predicted", aggregation="P-Agg")
    for facts in ({}, card(["S1"], ["S8"], "validation")):
        assert origin_of(tiny(card=facts), spec, ["S9"]).label == "P-Agg, predicted action"
    with pytest.raises(InputError, match="unknown aggregation 'best'"):
        replace(SPEC, aggregation="best")  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("asked", [{"action": "predicted"}, {"aggregation": "P-Agg"}])
def test_a_protocol_that_the_network_cannot_follow_is_refused(asked) -> None:
    with pytest.raises(InputError, match="which model tiny cannot do; evaluate it with 'none'"):
        scores_of(tiny(), films(*four()), replace(SPEC, **asked))


@pytest.mark.usefixtures("opened")
def test_predicted_actions_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = replace(SPEC, action="predicted")
    monkeypatch.setattr(recorded, "find_protocol", lambda name, annotation: spec)
    report = report_of(lifter=tiny(actions=("Walking", "Sitting")))
    assert report.facts["action"] == "predicted by the networks from the 2D"
    assert report.tables[0].rows[0].origin == Origin(action="predicted")


@pytest.mark.usefixtures("opened")
def test_what_differs_from_the_protocol_is_stated() -> None:
    assert "other than the protocol" not in report_of().facts
    facts = report_of(
        root="zero", windows="separate", flip=False, subjects=("S8",), actions=("Walking",)
    ).facts
    assert facts["other than the protocol"] == (
        "root zero instead of keep; windows separate instead of track; flip False instead of True; "
        "subjects S8 instead of S9, S11; actions Walking instead of Walking, Sitting; S8 are not "
        "test subjects"
    )
    assert facts["root"].startswith("the predicted root put at 0")
    with pytest.raises(InputError, match="unknown root 'zeroed'"):
        report_of(root="zeroed")
