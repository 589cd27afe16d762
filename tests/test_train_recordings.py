"""Runs on recordings: they learn, resume, lift, and say how their weights were chosen."""

import dataclasses
import json
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from evaluation_fixtures import tiny
from recorded_runs import DRAWN, EPOCHS, SPEC, Toy, load, recorded_config, recording, subjects
from test_resume import assert_same_run
from tiny_runs import losses, run, team_configs, tiny_config, tiny_data

from langlift.cli import train as cli
from langlift.cli.arguments import step_line
from langlift.errors import InputError
from langlift.lifting.bundle import read_bundle
from langlift.lifting.lifter import Lifter
from langlift.methods import METHODS
from langlift.protocols import recorded
from langlift.protocols.evaluation import EvaluationOptions, evaluate_recordings, plan
from langlift.protocols.recorded import Request
from langlift.protocols.scores import mean_of
from langlift.skeletons import COCO_17, HUMANEVA_15
from langlift.training.cost import measure_cost
from langlift.training.data import load_data
from langlift.training.folder import BEST, METRICS, WEIGHTS
from langlift.training.recipes import RECIPES, recipe
from langlift.training.validation import RecordedValidator


def stop_at(step):
    def report(entry):
        if entry["step"] == step and "loss" in entry:
            signal.raise_signal(signal.SIGTERM)

    return report


@pytest.mark.parametrize("windows", [EPOCHS, DRAWN])
def test_the_loss_falls_and_a_stopped_run_goes_on_to_the_bit(windows, tmp_path):
    config = recorded_config(**windows, lr=2e-2)
    data = load(config)
    run(tmp_path / "whole", config, data)
    found = [loss for _, loss in losses(tmp_path / "whole")]
    assert len(found) == 40 and np.mean(found[-10:]) < 0.6 * np.mean(found[:5])
    assert run(tmp_path / "run", config, data, report=stop_at(13))["step"] == 13
    assert run(tmp_path / "run", config, load(config), resume=True)["finished"]
    assert_same_run(tmp_path / "run", tmp_path / "whole")


def test_pieces_of_a_step(tmp_path):
    """Attention and epochs in two pieces: the losses are those of one piece up to rounding."""
    _, config = team_configs()["epochs"]
    model = dataclasses.replace(config.model, drop_path=0.0)
    config = dataclasses.replace(config, cameras="recorded", model=model, steps=6)
    data = load(config)
    run(tmp_path / "two", config, data, method="mixste")
    run(tmp_path / "one", dataclasses.replace(config, accumulate=1), data, method="mixste")
    one, two = (np.array(losses(tmp_path / name))[:, 1] for name in ("one", "two"))
    np.testing.assert_allclose(one, two, rtol=1e-5)


def test_a_bundle_says_what_it_was_trained_on(tmp_path):
    config = recorded_config(steps=4, validate_every=2)
    result = run(tmp_path, config, load(config))
    for name, selection in ((BEST, "validation"), (WEIGHTS, "fixed")):
        bundle, _, _ = read_bundle(tmp_path / name)
        card = bundle.card
        assert card["selection"] == selection
        assert card["data"] == "toy, 2D gt, subjects A, B" and card["protocol"] == "toy"
        assert card["licence"].startswith("that of the dataset; see its terms")
        assert (bundle.fps, bundle.unit, bundle.skeleton.name) == (50.0, "m", "human36m_17")
    measured = read_bundle(tmp_path / BEST)[0].card["validation"]
    protocol = "toy, 2D gt, validation subjects C, frame mean, no flip averaging"
    assert measured.pop("protocol") == protocol
    assert {"step": result["best"]["step"], **measured} == result["best"]
    data = load(config)
    figures = data.measure(config).measure(Lifter.from_file(tmp_path / BEST))
    assert figures["mpjpe_mm"] == pytest.approx(measured["mpjpe_mm"], rel=1e-4)


def cards(out):
    return {
        name: read_bundle(out / name)[0].card["selection"]
        for name in (BEST, WEIGHTS)
        if (out / name).exists()
    }


@pytest.mark.parametrize(
    ("selection", "ended", "stopped"),
    [
        ("validation", {BEST: "validation", WEIGHTS: "fixed"}, {WEIGHTS: "validation"}),
        ("test", {BEST: "test", WEIGHTS: "fixed"}, {WEIGHTS: "test"}),
        ("fixed", {WEIGHTS: "fixed"}, {WEIGHTS: "fixed"}),
    ],
)
def test_cards_say_how_weights_were_chosen(selection, ended, stopped, tmp_path):
    """Weights of a run that somebody stopped after seeing its figures may be chosen by them."""
    config = recorded_config(steps=6, validate_every=3, selection=selection)
    data = load(config)
    assert run(tmp_path, config, data, report=stop_at(2))["step"] == 2
    assert cards(tmp_path) == {WEIGHTS: "fixed"}  # nothing to choose by was seen yet
    assert run(tmp_path, config, data, resume=True, report=stop_at(4))["step"] == 4
    assert cards(tmp_path)[WEIGHTS] == stopped[WEIGHTS]
    run(tmp_path, config, data, resume=True)
    assert cards(tmp_path) == ended


def test_figures_of_the_test_subjects_are_never_without_the_word_oracle(tmp_path):
    """Neither in the log, nor in the result, nor in the card."""
    config = recorded_config(steps=6, validate_every=3, selection="test")
    told = []
    result = run(tmp_path, config, load(config), report=told.append)
    names = ("oracle_mpjpe_mm", "oracle_action_accuracy", "oracle_score")
    assert set(result["best"]) == {"step", *names}
    lines = [json.loads(line) for line in (tmp_path / METRICS).read_text().splitlines()]
    for entries in (told, lines):
        found = [entry for entry in entries if "loss" not in entry]
        assert [set(entry) for entry in found] == [{"step", *names}] * 2
    assert not any("validation" in name for entry in lines for name in entry)
    assert all("oracle" in step_line(entry) for entry in told if "loss" not in entry)
    card = read_bundle(tmp_path / BEST)[0].card
    assert "validation" not in card and card["chosen_on"] == ["D"]
    assert set(card["oracle: weights chosen on subjects that are measured"]) == {"protocol", *names}
    assert read_bundle(tmp_path / WEIGHTS)[0].card["chosen_on"] == []


def test_weights_are_an_oracle_on_who_chose_them_or_was_trained_on(tmp_path):
    """From the run to the report: nothing is chosen by hand between them."""
    spec = dataclasses.replace(SPEC, actions=("walk",))
    for selection, best in (("validation", {"C"}), ("test", {"D"})):
        config = recorded_config(steps=4, validate_every=2, selection=selection)
        run(tmp_path / selection, config, load(config, spec))
        for name, chosen in ((BEST, best), (WEIGHTS, set())):
            lifter = Lifter.from_file(tmp_path / selection / name)
            trained = {"A", "B"} if selection == "validation" else {"A", "B", "C"}
            for subject in "ABCD":
                asked = Request("toy", Path("x"), subjects=(subject,))
                report = evaluate({"m": lifter}, asked, spec)
                marks = {row.origin.truth_used for table in report.tables for row in table.rows}
                said = ["weights chosen on subjects that are measured"] if subject in chosen else []
                said += ["trained on subjects that are measured"] if subject in trained else []
                assert marks == {tuple(said)}


def evaluate(models, asked, spec):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(recorded, "find_protocol", lambda name, annotation: spec)
        return recorded.evaluate_recorded(models, asked, dataset=Toy())


def test_clips_of_motion_say_it_too(tmp_path):
    run(tmp_path / "a", tiny_config(steps=2))
    assert cards(tmp_path / "a") == {BEST: "validation", WEIGHTS: "fixed"}
    fixed = tiny_config(steps=2, selection="fixed")
    run(tmp_path / "b", fixed, tiny_data(1))
    assert cards(tmp_path / "b") == {WEIGHTS: "fixed"}
    assert load_data("synthetic", fixed).validation == []
    with pytest.raises(InputError, match=r"selection is 'test', .*--selection validation"):
        load_data("synthetic", tiny_config(selection="test"))
    with pytest.raises(InputError, match="cameras is 'recorded', but clips of motion come without"):
        load_data("synthetic", recorded_config())


def test_without_validation_the_corpus_is_trained_on_all_of_it(corpus):
    config = tiny_config(selection="fixed")
    data = load_data(corpus, config)
    assert len(data.train) > len(load_data(corpus, tiny_config()).train) == 1118
    assert not data.validation and "train and validation subjects" in data.card["data"]


@pytest.mark.parametrize("name", ["default", "vpose-bare"])
def test_bundled_weights_say_it(name):
    path = Path(cli.__file__).parents[1] / "weights" / f"{name}.safetensors"
    assert read_bundle(path)[0].card["selection"] == "validation"


# Validation


def figures_of(held, spec, **fields):
    """What a validator measures, and an evaluation of the same recordings by the same rules."""
    lifter = tiny(fps=50.0, skeleton=held[0].skeleton, **fields)
    toy, rules = Toy(held), dataclasses.replace(spec, test=tuple({r.subject for r in held}))
    chosen = plan(toy, rules, "gt", EvaluationOptions())
    scores = evaluate_recordings({"m": (lifter, "fp32")}, toy, rules, chosen)["m"]
    return RecordedValidator(held, spec).measure(lifter), mean_of(scores, "MPJPE") * 1000


ANYBODY = subjects()


@pytest.mark.parametrize("root", ["keep", "zero", "subtract"])
@pytest.mark.parametrize("unit", ["m", "screen"])
def test_validation_measures_what_an_evaluation_does(root, unit):
    scored = np.arange(30) >= 10
    metres = {"metres_per_unit": np.linspace(1, 2, 30)}
    held = [
        recording("A/walk/1", scored=scored, **metres),
        recording("A/sit/1", action="sit", **metres),
    ]
    held[0].joints[:10] = np.nan
    spec = dataclasses.replace(ANYBODY, root=root, own_unit=unit == "screen")
    figures, expected = figures_of(held, spec, unit=unit, actions=("walk", "wave"))
    assert figures.pop("action_accuracy") in (0, 1)  # of the one whose label is known
    assert figures == {"mpjpe_mm": pytest.approx(expected), "score": pytest.approx(expected)}
    others = {"keep", "zero", "subtract"} - {root}
    for other in others:
        measured, _ = figures_of(held, dataclasses.replace(spec, root=other), unit=unit)
        assert abs(measured["score"] - expected) > 1e-3


def test_without_a_known_label_there_is_no_accuracy():
    figures, _ = figures_of([recording(action="sit")], ANYBODY, actions=("walk", "wave"))
    assert set(figures) == {"mpjpe_mm", "score"}


# Recipes


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", RECIPES)
def test_recipes_on_recordings(name, method):
    if RECIPES[name].recorded is None:
        with pytest.raises(
            InputError, match=r"'robust' films motion .*; those for recordings are b"
        ):
            recipe(name, method, HUMANEVA_15)
        return
    config, usual = recipe(name, method, HUMANEVA_15), recipe(name, method)
    assert (config.cameras, config.features.kind) == ("recorded", "screen")
    assert (config.steps, config.batch, config.frames) == (usual.steps, usual.batch, usual.frames)
    found, known, coco = (
        getattr(c.model, "encoder", c.model) for c in (config, usual, recipe(name, method, COCO_17))
    )
    assert (found.joints_in, found.joints_out) == (15, 15)
    assert found.joint_weights == ("humaneva_15" if known.joint_weights != "even" else "even")
    assert not any(vars(config.augment).values())
    assert coco.joint_weights == "even"  # MixSTE has none for these


def test_the_cost_of_a_run_on_recordings():
    config = recorded_config(batch=4, steps=2)
    threads = torch.get_num_threads()
    cost = measure_cost("vpose", config, load(config, subjects(("A",), ("B",))))
    torch.set_num_threads(threads)
    assert (cost.clips, cost.frames, cost.classes) == (3, 111, 3)
    assert cost.epoch_steps == 2 * (4 + 7 + 3) / 4
