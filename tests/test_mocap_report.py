"""The report on the motion corpus: pairs of models, joints, and what the true action gives."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import leaning
import numpy as np
import pytest
from cli_fixtures import Command, tiny_bundle, tiny_corpus
from lifting_fixtures import lifter

from langlift.datasets.clips import LabelledClip
from langlift.datasets.corpus import Corpus
from langlift.datasets.mocap_views import mocap_views
from langlift.errors import InputError
from langlift.lifting.bundle import save_bundle
from langlift.methods.base import Guidance
from langlift.protocols import mocap
from langlift.protocols.measured import Measured
from langlift.protocols.mocap import evaluate_on_corpus, measure, plug_ins
from langlift.protocols.origin import Origin
from langlift.protocols.report import Report, Table
from langlift.skeletons import HUMAN36M_17

KNOWN = ("walk", "squat", "wave")
ORACLE = "true action given"


def clips_of(*actions: str) -> list[LabelledClip]:
    joints = np.zeros((1, 17, 3), dtype=np.float32)
    return [LabelledClip(f"c{n}", "s", "lab", a, "", joints) for n, a in enumerate(actions)]


def result(errors: np.ndarray, depth: np.ndarray, joints: np.ndarray | None = None) -> Measured:
    """One view per clip, of 10, 20, ... frames."""
    names = ("MPJPE", "D-MPJPE", "P-MPJPE", "MPJVE")
    count = len(errors)
    frames = 10.0 * np.arange(1, count + 1)
    values = dict.fromkeys(names, errors) | {"D-MPJPE": depth}
    return Measured(np.arange(count), frames, values, np.full(count, np.nan), 0, joints)


def table(report: Report, title: str) -> Table:
    (found,) = (t for t in report.tables if t.title == title)
    return found


def value(row: Any, name: str = "MPJPE difference") -> float:
    return row.figures[name].value


# Differences.


def three(clips: int = 6) -> dict[Any, Measured]:
    """Models whose errors differ by known millimetres on every clip."""
    base = np.random.default_rng(0).uniform(0.03, 0.2, clips)
    joints = np.random.default_rng(1).uniform(0.01, 0.1, (clips, 17))
    gain = np.where(np.arange(clips) % 2, 0.0031, 0.0011)  # of the actions b and a
    return {
        ("mean", "gt"): result(base + 0.05, base),
        ("bare", "gt"): result(base, base / 2, joints),
        ("plug", "gt"): result(base - gain, base / 2 - 2 * gain, joints - np.arange(17) / 1e4),
    }


def test_pairs_are_compared_with_each_other_and_the_rest_with_the_last() -> None:
    report = mocap.report(three(), clips_of(*"ababab"), "ab", {}, [("plug", "bare")])
    rows = table(report, "Paired differences").rows
    assert [row.model for row in rows] == ["plug - bare", "mean - plug"]
    alone = table(mocap.report(three(), clips_of(*"ababab"), "ab", {}), "Paired differences").rows
    assert [row.model for row in alone] == ["mean - plug", "bare - plug"]


def test_differences_are_of_mpjpe_and_depth_and_have_two_digits() -> None:
    report = mocap.report(three(), clips_of(*"ababab"), "ab", {}, [("plug", "bare")])
    row = table(report, "Paired differences").rows[0]
    frames = np.array([10, 20, 30, 40, 50, 60])
    gap = -np.average([1.1, 3.1] * 3, weights=frames)
    assert value(row) == pytest.approx(gap)
    assert value(row, "D-MPJPE difference") == pytest.approx(2 * gap)
    figure = row.figures["MPJPE difference"]
    assert -3.1 <= (figure.low or 0) < gap < (figure.high or 0) <= -1.1
    assert str(figure).startswith("-2.24 [-")
    assert f"| plug - bare | gt | {figure} | " in report.markdown()
    assert Report.from_content(json.loads(json.dumps(report.content()))).content() == (
        report.content()
    )


def test_pairs_are_compared_by_action_and_joint() -> None:
    report = mocap.report(three(), clips_of(*"ababab"), "ab", {}, [("plug", "bare")])
    by_action = table(report, "Paired differences by action").rows
    assert [(row.tags["action"], row.tags["clips"]) for row in by_action] == [
        ("a", "3"),
        ("b", "3"),
    ]
    assert [value(row) for row in by_action] == pytest.approx([-1.1, -3.1])
    assert [value(row, "D-MPJPE difference") for row in by_action] == pytest.approx([-2.2, -6.2])
    by_joint = table(report, "Paired differences by joint").rows
    assert [row.tags["joint"] for row in by_joint] == [*HUMAN36M_17.joints[1:]]
    assert [value(row) for row in by_joint] == pytest.approx([-n / 10 for n in range(1, 17)])
    plain = [t.title for t in mocap.report(three(), clips_of(*"ababab"), "ab", {}).tables]
    assert not any("differences by" in title for title in plain)


def test_joints_have_a_table_with_the_models_that_tell_them_apart() -> None:
    results = three()
    rows = table(mocap.report(results, clips_of(*"ababab"), "ab", {}), "Frame-mean error by joint")
    assert [row.model for row in rows.rows] == [*HUMAN36M_17.joints]
    joints, frames = results["bare", "gt"].joints, results["bare", "gt"].frames
    assert joints is not None
    for j, row in enumerate(rows.rows):
        assert [*row.figures] == ["bare, gt", "plug, gt"]
        expected = 1000 * (joints[:, j] @ frames) / frames.sum()
        assert row.figures["bare, gt"].value == pytest.approx(expected)


def test_oracles_have_rows_and_tables_of_their_own() -> None:
    bare, plug = (three()[name, "gt"] for name in ("bare", "plug"))
    results: dict[Any, Measured] = {("m", "gt"): bare, ("m, told", "gt"): plug}
    clips, origins = clips_of(*"ababab"), {"m, told": Origin(action="given")}
    report = mocap.report(results, clips, "ab", {}, [("m, told", "m")], origins)
    marked = f"m, told (oracle: {ORACLE})"
    assert [row.name for row in table(report, "All clips").rows] == ["m", marked]
    assert table(report, "Paired differences").rows[0].name == f"m, told - m (oracle: {ORACLE})"
    for what in ("MPJPE by action", "MPJPE by subject", "MPJPE by data source", "error by joint"):
        plain, told = (table(report, f"Frame-mean {what}{end}") for end in ("", f", {ORACLE}"))
        assert {name for row in plain.rows for name in row.figures} == {"m, gt"}
        assert {name for row in told.rows for name in row.figures} == {"m, told, gt"}
        assert all(row.origin.oracle and "oracle" in row.name for row in told.rows)
        assert not any(row.origin.oracle for row in plain.rows)
    for what in ("action", "joint"):
        gaps = table(report, f"Paired differences by {what}")
        assert all(row.name.endswith(f"(oracle: {ORACLE})") for row in gaps.rows)


# Which models belong together.


def named(**methods: str | None) -> Mapping[str, Any]:
    made = {m: leaning.lifter(name=m) for m in methods.values() if m is not None}
    return {name: made[m] if m is not None else None for name, m in methods.items()}


@pytest.mark.parametrize(
    ("methods", "pairs"),
    [
        ({"a": "vpose", "b": "vpose+apm"}, [("b", "a")]),
        ({"a": "vpose", "b": "mixste+apm", "c": None}, []),
        ({"a": "vpose", "b": "a3dhp"}, []),
        (
            {"b1": "vpose+apm", "a1": "vpose", "a2": "vpose", "b2": "vpose+apm"},
            [("b1", "a1"), ("b2", "a2")],
        ),
        ({"a1": "vpose", "a2": "vpose", "b": "vpose+apm"}, [("b", "a1"), ("b", "a2")]),
        (
            {"a": "vpose", "c": "mixste", "b": "vpose+apm", "d": "mixste+apm"},
            [("b", "a"), ("d", "c")],
        ),
    ],
)
def test_a_plug_in_belongs_to_its_bare_encoder(methods, pairs) -> None:
    assert plug_ins(named(**methods)) == pairs


# Lifting.


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Corpus:
    return Corpus(tiny_corpus(tmp_path_factory.mktemp("data") / "corpus"))


def evaluated(data: Corpus, models: Mapping[str, Any], **options: Any) -> Report:
    clips = data.clips("test", "core")
    return evaluate_on_corpus(models, data, clips, ["gt"], {"data": "toy"}, **options)


def test_every_view_is_lifted_for_its_own_action(data: Corpus) -> None:
    clips, made = data.clips("test", "core"), leaning.lifter(KNOWN)
    told = measure(made, clips, "gt", scored_actions=KNOWN, told=KNOWN)
    assert np.isnan(told.right).all() and told.joints is not None
    for n, view in enumerate(mocap_views(clips, "gt")):
        guidance = Guidance("label", view.clip.action, "oracle")
        motion = made.lift(view.keypoints, view.camera, guidance=guidance)
        far = np.linalg.norm(motion.joints - view.truth, axis=-1)
        assert told.errors["MPJPE"][n] == pytest.approx(far.mean(), rel=1e-5)
        assert told.joints[n] == pytest.approx(far.mean(axis=0), rel=1e-5, abs=1e-7)
    free = measure(made, clips, "gt", scored_actions=KNOWN)
    assert np.isfinite(free.right).all()
    assert not np.allclose(free.errors["MPJPE"], told.errors["MPJPE"])


def test_the_labels_that_chose_the_poses_are_judged_by_frames(data: Corpus) -> None:
    clips, made = data.clips("test", "core"), leaning.lifter(KNOWN)
    free = measure(made, clips, "gt", scored_actions=("squat",))
    assert free.labels is not None
    for n, view in enumerate(mocap_views(clips, "gt")):
        shares = made.lift(view.keypoints, view.camera).provenance["action_frames"]
        own = shares.get("squat", 0.0) if view.clip.action == "squat" else np.nan
        assert free.labels[n] == pytest.approx(own, nan_ok=True)
    told = measure(made, clips, "gt", scored_actions=KNOWN, told=KNOWN)
    bare = measure(leaning.lifter(KNOWN, takes=False), clips, "gt", scored_actions=KNOWN)
    for other in (told, bare):
        assert other.labels is not None and np.isnan(other.labels).all()


def test_both_accuracies_are_reported_and_explained() -> None:
    plain = three(2)["bare", "gt"]  # of 10 and 20 frames
    named = replace(plain, right=np.array([1.0, 0.0]), classes=3)
    used = replace(named, labels=np.array([0.25, 1.0]))
    results: dict[Any, Measured] = {("bare", "gt"): named, ("plug", "gt"): used}
    report = mocap.report(results, clips_of("a", "b"), "ab", {})
    bare, plug = table(report, "All clips").rows
    assert plug.figures["action accuracy"].value == pytest.approx(50)
    assert plug.figures["label accuracy"].value == pytest.approx(100 * 22.5 / 30)
    assert "label accuracy" not in bare.figures
    assert report.facts["action"] == (
        "label estimated from the 2D motion, one of K; action accuracy: share of the views whose "
        "one label, the likeliest over windows of 81 frames, is right, same classes; label "
        "accuracy: share of the frames whose own label, which chooses the pose, is right"
    )
    alone = mocap.report({("bare", "gt"): named}, clips_of("a", "b"), "ab", {})
    assert alone.facts["action"] == report.facts["action"].partition("; label accuracy")[0]


def test_a_report_without_estimates_does_not_tell_of_any(data: Corpus) -> None:
    made = leaning.lifter(KNOWN)
    assert "action" not in evaluated(data, {"plug": made}, actions=("given",)).facts
    assert "action" not in evaluated(data, {"mean-pose": None}).facts
    for actions in (("predicted",), ("predicted", "given")):
        said = evaluated(data, {"plug": made}, actions=actions).facts["action"]
        assert said == "label estimated from the 2D motion, one of K"  # no class has twenty clips


def test_given_and_predicted_stand_side_by_side(data: Corpus, monkeypatch) -> None:
    leaning.registered(monkeypatch)
    models = {"bare": leaning.lifter(KNOWN, takes=False, name="straight"),
              "plug": leaning.lifter(KNOWN)}  # fmt: skip
    report = evaluated(data, models, actions=("predicted", "given"))
    rows = {row.name: row for row in table(report, "All clips").rows}
    marked = f"plug, action given (oracle: {ORACLE})"
    assert [*rows] == ["bare", "plug", marked]
    assert [row.origin.action for row in rows.values()] == ["none", "predicted", "given"]
    assert {*table(report, "Frame-mean MPJPE by action").rows[0].figures} == {
        "bare, gt",
        "plug, gt",
    }
    assert "action accuracy" not in rows[marked].figures
    assert "action accuracy" not in rows["bare"].figures  # no class has twenty clips
    assert [row.name for row in table(report, "Paired differences").rows] == [
        "plug - bare",
        f"plug, action given - bare (oracle: {ORACLE})",
        f"plug, action given - plug (oracle: {ORACLE})",
    ]
    assert report.facts["actions told"] == {
        "plug, action given": "true action given to the network for 2 of 2 clips"
    }
    assert report.markdown().count(marked) == 1
    alone = evaluated(data, models)
    assert "actions told" not in alone.facts
    assert table(alone, "All clips").rows[1].figures == rows["plug"].figures


def test_actions_that_the_model_does_not_know_are_named_by_it_and_counted(data: Corpus) -> None:
    made = leaning.lifter(("squat", "jump"))
    report = evaluated(data, {"plug": made}, actions=("given",), precisions=("fp32", "bf16"))
    assert [row.model for row in table(report, "All clips").rows] == [
        "plug, action given",
        "plug, bf16, action given",
    ]
    assert report.facts["actions told"]["plug, action given"] == (
        "true action given to the network for 1 of 2 clips; it does not know the others' and "
        "names one"
    )
    assert evaluated(data, {"plug": made, "bare": lifter()}, actions=("given",))


def test_without_a_model_that_takes_actions_none_can_be_given(data: Corpus) -> None:
    with pytest.raises(InputError, match="no model of a, mean-pose takes an action, so none can"):
        evaluated(data, {"a": lifter(), "mean-pose": None}, actions=("given",))


# The command.


@pytest.fixture
def langlift(capsys, tmp_path: Path, monkeypatch) -> Command:
    monkeypatch.chdir(tmp_path)
    leaning.registered(monkeypatch)
    made = leaning.lifter(KNOWN)
    save_bundle(tmp_path / "plug.safetensors", made.bundle, made.network.state_dict())
    tiny_bundle(tmp_path / "bare.safetensors")
    tiny_corpus(tmp_path / "corpus")
    return Command(capsys)


EVALUATE = ("evaluate", "--data", "corpus", "--sources", "gt", "-m")


def test_the_command_measures_both(langlift: Command) -> None:
    options = (*EVALUATE, "bare.safetensors,plug.safetensors", "--action", "predicted,given")
    rows = json.loads(langlift(*options, "--json").out)["tables"][0]["rows"]
    assert [(row["model"], row["mark"]) for row in rows] == [
        ("bare.safetensors", ""),
        ("plug.safetensors", ""),
        ("plug.safetensors, action given", f"oracle: {ORACLE}"),
    ]
    shown = langlift(*options, "--out", "report")
    assert shown.status == 0 and f"(oracle: {ORACLE})" in shown.out
    assert f"(oracle: {ORACLE})" in Path("report/mocap.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("plug.safetensors --protocol robustness --action given", "with predicted actions only"),
        ("bare.safetensors --action given", "no model of bare.safetensors takes an action"),
        ("plug.safetensors --action ,", "no action given; choose from predicted, given"),
        ("plug.safetensors --action oracle", "unknown action 'oracle'; known: given, predicted"),
    ],
)
def test_the_command_refuses(langlift: Command, line: str, words: str) -> None:
    said = langlift(*EVALUATE, *line.split())
    assert said.status == 2 and said.err.count("\n") == 1
    assert words in said.err
