"""Pilots: what is trained, what is kept of the measurements, and the tables made of them."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from doc_pages import ROOT

from langlift.actions import ActionVocabulary
from langlift.datasets.synthetic import synthetic_clips
from langlift.errors import InputError
from langlift.experiments import find_experiment
from langlift.experiments.pilot_gains import (
    METRICS,
    Seeds,
    accuracy,
    bands,
    fifths,
    gap,
    hardest,
    paired,
    spread,
    tail_gap,
)
from langlift.experiments.pilot_report import report
from langlift.experiments.pilot_results import BARE, FULL, Results
from langlift.experiments.pilots import Pilot, check_names, errors_of, finished, run_pilot
from langlift.lifting.bundle import Bundle
from langlift.lifting.features import FeatureConfig
from langlift.lifting.lifter import Lifter
from langlift.methods.vpose import VPoseConfig
from langlift.protocols.view_errors import ViewErrors, measure_views

CLASSES = ("bow", "kick", "squat", "wave")
JOINTS = 17


def errors(
    shift: float | np.ndarray = 0.0,
    classes: tuple[str, ...] = CLASSES,
    named: str | None = None,
    **more: str,
) -> ViewErrors:
    """80 clips of 4 views: the n-th class is off by n centimetres, half of it in depth."""
    actions = np.array([classes[n % len(classes)] for n in range(80)])
    clip = np.repeat(np.arange(80), 4)
    off = 0.01 * (1 + np.searchsorted(classes, actions[clip])) + shift
    off = off + 1e-3 * np.sin(np.arange(320))
    joints = np.repeat(off[:, None], JOINTS, axis=1)
    labels = actions[clip] if named is None else np.full(320, named)
    return ViewErrors(
        np.array([f"c{n}" for n in range(80)]), actions, clip, np.tile(["a", "b", "c", "d"], 80),
        np.full(320, 100.0), joints, joints / 2, off / 3, labels, **{"source": "noisy", **more},
    )  # fmt: skip


def test_measurements_are_kept_to_the_bit_and_pair_only_with_the_same_views(tmp_path) -> None:
    found = errors(told="given", weights="abc")
    again = ViewErrors.from_file(found.save(tmp_path / "measured.npz"))
    for name in found.__dataclass_fields__:
        assert np.array_equal(getattr(found, name), getattr(again, name)), name
    found.check_beside(again)
    with pytest.raises(InputError, match="320 views of noisy 2D and of 320 of gt 2D do not pair;"):
        found.check_beside(errors(source="gt"))
    (tmp_path / "other.npz").write_bytes(b"no archive")
    with pytest.raises(InputError, match=r"other\.npz holds no errors of views"):
        ViewErrors.from_file(tmp_path / "other.npz")


def test_every_view_is_measured_and_a_told_action_is_not_named() -> None:
    clips = synthetic_clips(2, seed=5, frames=30)
    labels = tuple(sorted({clip.action for clip in clips}))
    config = VPoseConfig(widths=(3, 3), channels=8, action_weight=0.1)
    bundle = Bundle("vpose", config, FeatureConfig("screen"), ActionVocabulary(labels))
    lifter = Lifter(bundle, bundle.build().eval())
    found = measure_views(lifter, clips, "gt")
    assert found.joints.shape == found.depth.shape == (8, JOINTS)
    assert (found.depth <= found.joints).all()
    assert set(found.named) <= set(labels)
    assert len(set(found.camera)) == 4
    assert (found.action == np.repeat([clip.action for clip in clips], 4)).all()
    lost = measure_views(lifter, clips, "gt", missing=0.5)
    assert not np.array_equal(lost.joints, found.joints)
    with pytest.raises(InputError, match="vpose"):
        measure_views(lifter, clips, "gt", "given")  # it takes no action
    with pytest.raises(InputError, match="there are no clips to measure on"):
        measure_views(lifter, [], "gt")


def test_gains_pair_and_have_the_sign_of_the_difference() -> None:
    bare = Seeds({0: errors(), 1: errors(0.002)})
    better = Seeds({0: errors(-0.001), 1: errors(-0.001)})
    found = gap(better, bare, METRICS["MPJPE"])
    assert found.value == pytest.approx(-2.0)
    assert (found.low, found.high) == pytest.approx((-2.0, -2.0))  # the same in every clip
    assert gap(better, bare, METRICS["D-MPJPE"]).value == pytest.approx(-1.0)
    assert spread(better, bare, METRICS["MPJPE"]) == "-1.00, -3.00"
    with pytest.raises(InputError, match="there are no measurements"):
        Seeds({})


def test_only_equal_seeds_are_compared() -> None:
    """Whatever is missing of one row, and in whatever order the pilots were made."""
    bare = Seeds({2: errors(0.002), 0: errors(), 1: errors(0.004)})
    assert (bare.first.mpjpe == errors().mpjpe).all()
    late = Seeds({1: errors(0.001), 2: errors(0.001)})  # seed 0 is not there yet
    assert spread(late, bare, METRICS["MPJPE"]) == "-3.00, -1.00"
    assert gap(late, bare, METRICS["MPJPE"]).value == pytest.approx(-2.0)
    assert tail_gap(late, bare, CLASSES[1:]).value == pytest.approx(-1.0)
    assert list(bare.only([0]).found) == [0]
    with pytest.raises(InputError, match="seed 0 was not measured, but seed 1, 2; run the pilot"):
        late.only([0])
    with pytest.raises(InputError, match="measured with seed 1, 2, the other with seed 0; run"):
        paired(late, bare.only([0]))


def test_accuracy_is_of_the_scored_classes_and_the_tail_is_the_hardest() -> None:
    found = accuracy(Seeds({0: errors(named="wave")}), ["kick", "wave"])
    assert found is not None
    assert found.value == pytest.approx(50)
    assert accuracy(Seeds({0: errors(named="")}), CLASSES) is None
    assert hardest(errors(), CLASSES) == ["wave", "squat", "kick"]
    with pytest.raises(InputError, match="a tail needs 3"):
        hardest(errors(), ("bow", "dance", "wave"))


def test_fifths_hold_every_view_once() -> None:
    values = np.append(np.arange(100.0), np.nan)
    groups = fifths(values)
    assert [int(within.sum()) for _, within in groups] == [20] * 5
    assert not sum(within[-1] for _, within in groups)
    assert groups[0][1][:20].all()


def test_bands_keep_equal_values_together() -> None:
    values = np.array([-20, -10, -1, 0, 0, 0.99, 1, 50, np.nan])
    found = bands(values, (-10, -1, 1))
    assert [name for name, _ in found] == ["below -10", "-10 to -1", "-1 to 1", "1 and above"]
    assert [int(within.sum()) for _, within in found] == [1, 1, 4, 2]


def write(out: Path, pilot: Pilot, found: ViewErrors, way: str = "") -> None:
    (out / pilot.name).mkdir(parents=True, exist_ok=True)
    found.save(out / pilot.name / f"measured{way}.npz")


@pytest.fixture
def results(tmp_path) -> Results:
    """Two seeds of VPose with and without APM, label + APP predicted and given."""
    bare = [Pilot(BARE, seed=seed) for seed in (0, 1)]
    full = [Pilot(FULL, seed=seed) for seed in (0, 1)]
    label = Pilot("actionprompt-3-label-app", ways=("predicted", "given"))
    for seed, (one, other) in enumerate(zip(bare, full, strict=True)):
        write(tmp_path, one, errors(0.001 * seed, named=""))
        write(tmp_path, other, errors(-0.001, named="wave"))
    write(tmp_path, bare[0], errors(named=""), "_validation")
    write(tmp_path, label, errors(-0.0005))
    write(tmp_path, label, errors(-0.002, named="", told="given"), "_given")
    return Results([*bare, *full, label], tmp_path, CLASSES)


def test_the_report_sets_gains_beside_the_papers_and_marks_what_was_told(results) -> None:
    found = report(results)
    tables = {table.title.split(";")[0].split(" (")[0]: table for table in found.tables}
    (row,) = tables["+ APM against the encoder alone"].rows
    assert (row.model, row.tags["2D"], row.tags["paper"]) == ("VPose", "noisy", "-1.0")
    assert row.tags["seeds"] == "-1.00, -2.00"
    assert row.figures["MPJPE difference"].value == pytest.approx(-1.5)
    assert row.figures["tail D-MPJPE difference"].value == pytest.approx(-0.75)
    assert row.figures["action accuracy"].value == pytest.approx(25)
    eight = tables["VIII: source of the label"].rows
    assert [r.origin.action for r in eight] == ["none", "predicted", "given", "predicted"]
    assert [r.tags["paper"] for r in eight] == ["-", "-1.2", "-1.4", "-2.1"]
    assert "oracle" in eight[2].name
    assert "oracle" not in eight[1].name
    assert eight[2].figures["MPJPE difference"].value == pytest.approx(-2.0)
    assert [r.model for r in tables["VPose + APM by action, noisy 2D"].rows] == list(CLASSES)
    assert len(tables["VPose + APM by joint"].rows) == 16
    assert found.facts["tail"].startswith("wave, squat, kick: ")
    assert "oracle" in found.markdown()


def test_a_table_repeats_the_rows_of_others(results) -> None:
    """One training serves the rows that say the same."""
    one, other = results.need("actionprompt-6-81-baseline"), results.need(BARE)
    assert list(one.found) == list(other.found) == [0, 1]
    assert all(np.array_equal(one.found[n].joints, other.found[n].joints) for n in (0, 1))
    assert results.seeds("actionprompt-6-9-baseline") is None
    assert results.seeds(BARE, "gt") is None
    with pytest.raises(InputError, match="pilot actionprompt-3-atp with noisy 2D was not measured"):
        results.need("actionprompt-3-atp")


def table(found: Any, title: str) -> Any:
    return next(t for t in found.tables if t.title.startswith(title))


def test_rows_that_were_told_leave_out_classes_that_nobody_knows(results) -> None:
    """In all rows of their study, so that they stay comparable."""
    few = Results(results.pilots, results.out, CLASSES[1:])  # bow, 1 cm, is not in training
    eight, three = (table(report(few), title) for title in ("VIII", "III"))
    assert eight.title.endswith("one seed, clips of known classes")
    assert not three.title.endswith("classes")
    errors_of_rows = [row.figures["MPJPE"].value for row in eight.rows]
    assert errors_of_rows == pytest.approx([30, 29.5, 28, 29], abs=0.1)
    assert three.rows[0].figures["MPJPE"].value == pytest.approx(25, abs=0.1)
    assert few.known.sum() == 60
    assert report(few).facts["known classes"].startswith("60 of the 80 clips; the class of the o")


def test_a_study_shows_seed_0_or_leaves_the_row_out(results) -> None:
    (results.out / Pilot(FULL).name / "measured.npz").unlink()
    found = report(results)
    assert [r.model for r in table(found, "III").rows] == [
        find_experiment(row).row for row in (BARE, "actionprompt-3-label-app")
    ]
    (row,) = table(found, "+ APM").rows
    assert row.tags["seeds"] == "-2.00"  # of seed 1


def test_ways_and_options_have_rows_of_their_own(results) -> None:
    write(results.out, Pilot(FULL), errors(-0.003, named="wave"), "_frame")
    write(results.out, Pilot(FULL), errors(-0.004, named="wave"), "_video")
    short = [Pilot(row, frames=9) for row in ("actionprompt-6-9-baseline", FULL)]
    weight = Pilot("actionprompt-study-weight")
    for pilot in (*short, weight):
        write(results.out, pilot, errors(0.005))
    write(results.out, short[1], errors(0.001, told="given", named=""), "_given")
    found = report(Results([*results.pilots, *short, weight], results.out, CLASSES))
    often = table(found, "how often the action is named").rows
    assert [r.name.partition("(MiniLM)")[2] for r in often[1:]] == [
        "", ", an action for each frame", ", one action for the whole clip"
    ]  # fmt: skip
    gains = [r.figures["MPJPE difference"].value for r in often[1:]]
    assert gains == pytest.approx([-1, -3, -4])
    assert not any(r.origin.oracle for r in often)
    bare, named, told = table(found, "short windows").rows
    assert [r.origin.action for r in (bare, named, told)] == ["none", "predicted", "given"]
    assert named.figures["MPJPE difference"].value == pytest.approx(0)
    assert told.figures["MPJPE difference"].value == pytest.approx(-4)
    assert "a tenth of the action's weight (MiniLM)" in [
        r.name for r in table(found, "controls and options").rows
    ]


def test_the_facts_tell_what_differs_from_the_paper(results) -> None:
    facts = report(results).facts
    assert "computed anew every 4th step" in facts["text encoder"]
    assert "VPose and A3DHP have 256 channels (published: 1024), MixSTE 64" in facts["networks"]
    assert "as its released code does, beside the cross-entropy" in facts["loss"]
    assert facts["action accuracy"].startswith("of one answer per clip")
    assert facts["action accuracy"].endswith("the paper's is of every window")


def test_the_ways_of_a_pilot_are_of_the_same_weights(results) -> None:
    write(results.out, Pilot(BARE), errors(named="", weights="ab"), "_missing")
    with pytest.raises(
        InputError,
        match=r"pilot actionprompt-3-baseline-noisy-f81-s0 was measured \(predicted\) with weights "
        r"'' and \(missing\) with 'ab'; run it again",
    ):
        Results(results.pilots, results.out, CLASSES).seeds(BARE)


@pytest.fixture
def script() -> Any:
    path = ROOT / "experiments" / "actionprompt_pilots.py"
    spec = spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_script_lists_every_pilot_once_and_refuses_other_names(
    script, tmp_path, capsys
) -> None:
    write(tmp_path, Pilot("actionprompt-3-label"), errors())
    assert script.main(["--list", "--out", str(tmp_path)]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    names = [name for _, name, _ in lines]
    assert len(names) == len(set(names)) >= 30
    assert names[0] == "actionprompt-3-baseline-noisy-f81-s0"
    assert {row for *_, row in lines} > {BARE, FULL}
    assert [name for state, name, _ in lines if state == "done"] == [
        "actionprompt-3-label-noisy-f81-s0"
    ]
    assert script.main(["--list", "--only", "vpose-nine"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: no pilot is called 'vpose-nine' with 2D of any kind; --list")
    assert script.main(["--table", str(tmp_path / "t"), "--out", str(tmp_path / "none")]) == 2


def test_what_is_done_is_not_run_again(script, tmp_path, monkeypatch) -> None:
    ran: list[str] = []
    monkeypatch.setattr(script, "run_pilot", lambda pilot, *_: ran.append(pilot.name) or True)
    write(tmp_path, Pilot("actionprompt-3-label"), errors())
    assert script.main(["--only", "*-3-[al]*-noisy-f81-s0", "--out", str(tmp_path)]) == 0
    assert ran == [f"actionprompt-3-{end}-noisy-f81-s0" for end in ("atp", "label-app")]


def test_two_pilots_of_one_name_are_refused() -> None:
    pilot = Pilot(BARE)
    check_names([pilot, replace(pilot, seed=1), replace(pilot, source="gt")])
    with pytest.raises(
        InputError, match="two pilots are called actionprompt-3-baseline-noisy-f81-s0"
    ):
        check_names([pilot, replace(pilot, ways=("predicted", "missing"))])


@pytest.mark.corpus
def test_a_pilot_is_trained_and_measured_once(tmp_path) -> None:
    pilot = Pilot("actionprompt-3-label-app", frames=9, ways=("predicted", "given"))
    steps: list[int] = []
    assert not finished(pilot, tmp_path)

    def note(entry: dict) -> None:
        steps.append(entry["step"])

    assert run_pilot(pilot, tmp_path, scale="smoke", report=note)
    assert finished(pilot, tmp_path)
    assert max(steps) == 4
    steps.clear()
    (tmp_path / pilot.name / "measured_given.npz").unlink()
    first = errors_of(pilot, tmp_path)
    assert first is not None
    write(tmp_path, pilot, replace(first, weights="other", joints=0 * first.joints))
    assert not finished(pilot, tmp_path)
    assert run_pilot(pilot, tmp_path, scale="smoke", report=note)  # measured again, not trained
    assert not steps
    told, named = (errors_of(pilot, tmp_path, way) for way in ("given", "predicted"))
    assert told is not None
    assert named is not None
    assert (told.told, set(told.named), told.weights) == ("given", {""}, named.weights)
    assert np.array_equal(named.joints, first.joints)
    assert "" not in set(named.named)
    assert len(named.clips) == 4


def test_a_pilot_is_a_run_of_its_row() -> None:
    run = Pilot(FULL, "gt", seed=2, frames=27).run(Path("runs"))
    assert run.experiment is find_experiment(FULL)
    assert (run.source, run.seed, run.frames, run.text) == ("gt", 2, 27, "minilm")
    assert (run.selection, run.scale, run.corpus) == ("validation", "small", True)
    assert Pilot(BARE).run(Path("runs")).text is None
    assert run.out == Path("runs/actionprompt-3-full-gt-f27-s2")
