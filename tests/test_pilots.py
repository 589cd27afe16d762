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
from langlift.experiments.pilot_gains import METRICS, Seeds, accuracy, fifths, gap, hardest, spread
from langlift.experiments.pilot_report import BARE, FULL, Results, report
from langlift.experiments.pilots import Pilot, check_names, errors_of, finished, run_pilot
from langlift.lifting.bundle import Bundle
from langlift.lifting.features import FeatureConfig
from langlift.lifting.lifter import Lifter
from langlift.methods.vpose import VPoseConfig
from langlift.protocols.view_errors import ViewErrors, measure_views

CLASSES = ("bow", "kick", "squat", "wave")
JOINTS = 17


def errors(
    shift: float = 0.0, classes: tuple[str, ...] = CLASSES, named: str | None = None, **more: str
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
    bare, better = Seeds((errors(), errors(0.002))), Seeds((errors(-0.001), errors(-0.001)))
    found = gap(better, bare, METRICS["MPJPE"])
    assert found.value == pytest.approx(-2.0)
    assert (found.low, found.high) == pytest.approx((-2.0, -2.0))  # the same in every clip
    assert gap(better, bare, METRICS["D-MPJPE"]).value == pytest.approx(-1.0)
    assert spread(better, bare, METRICS["MPJPE"]) == "-1.00, -3.00"
    one = Seeds((errors(-0.001),))
    assert gap(one, bare, METRICS["MPJPE"]).value == pytest.approx(-1.0)  # as many seeds of both
    with pytest.raises(InputError, match="there are no measurements"):
        Seeds(())


def test_accuracy_is_of_the_scored_classes_and_the_tail_is_the_hardest() -> None:
    found = accuracy(Seeds((errors(named="wave"),)), ["kick", "wave"])
    assert found is not None
    assert found.value == pytest.approx(50)
    assert accuracy(Seeds((errors(named=""),)), CLASSES) is None
    assert hardest(errors(), CLASSES) == ["wave", "squat", "kick"]
    with pytest.raises(InputError, match="a tail needs 3"):
        hardest(errors(), ("bow", "dance", "wave"))


def test_fifths_hold_every_view_once() -> None:
    values = np.append(np.arange(100.0), np.nan)
    groups = fifths(values)
    assert [int(within.sum()) for _, within in groups] == [20] * 5
    assert not sum(within[-1] for _, within in groups)
    assert groups[0][1][:20].all()


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
    assert [np.array_equal(a.joints, b.joints) for a, b in zip(one.found, other.found, strict=True)]
    assert results.seeds("actionprompt-6-9-baseline") is None
    assert results.seeds(BARE, "gt") is None
    with pytest.raises(InputError, match="pilot actionprompt-3-atp with noisy 2D was not measured"):
        results.need("actionprompt-3-atp")


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
    assert run_pilot(pilot, tmp_path, scale="smoke", report=note)  # measured again, not trained
    assert not steps
    told, named = (errors_of(pilot, tmp_path, way) for way in ("given", "predicted"))
    assert told is not None
    assert named is not None
    assert (told.told, set(told.named)) == ("given", {""})
    assert "" not in set(named.named)
    assert len(named.clips) == 4


def test_a_pilot_is_a_run_of_its_row() -> None:
    run = Pilot(FULL, "gt", seed=2, frames=27).run(Path("runs"))
    assert run.experiment is find_experiment(FULL)
    assert (run.source, run.seed, run.frames, run.text) == ("gt", 2, 27, "minilm")
    assert (run.selection, run.scale, run.corpus) == ("validation", "small", True)
    assert Pilot(BARE).run(Path("runs")).text is None
    assert run.out == Path("runs/actionprompt-3-full-gt-f27-s2")
