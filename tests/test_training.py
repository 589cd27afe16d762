"""The training loop: it learns, validation only looks, best and averaged weights are kept."""

import dataclasses
import json
import math

import numpy as np
import pytest
import torch
from tiny_runs import MODEL, losses, run, tiny_config, tiny_data

from langlift.datasets.augment import nothing
from langlift.errors import InputError
from langlift.lifting.bundle import load_network, read_bundle
from langlift.lifting.lifter import Lifter
from langlift.methods.vpose import VPoseMethod
from langlift.training import loop
from langlift.training.checkpoint import NAME as CHECKPOINT
from langlift.training.config import as_dict
from langlift.training.cost import measure_cost
from langlift.training.folder import BEST, CONFIG, DATA, METRICS, WEIGHTS
from langlift.training.recipes import recipe
from langlift.training.validation import Validator


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of 40 steps with three validations; its folder and what `train` said."""
    out = tmp_path_factory.mktemp("runs") / "new" / "folder"
    reported = []
    config = tiny_config(lr=5e-3, validate_every=15)
    result = run(out, config, report=reported.append)
    return out, result, reported, config


def state_of(out):
    return torch.load(out / CHECKPOINT, weights_only=True)


def test_the_loss_falls(trained):
    found = [loss for _, loss in losses(trained[0])]
    assert len(found) == 40
    assert np.mean(found[-10:]) < 0.6 * np.mean(found[:5])


def test_what_a_run_leaves_behind(trained):
    out, result, _, config = trained
    assert sorted(p.name for p in out.iterdir()) == sorted(
        [BEST, CHECKPOINT, CONFIG, DATA, METRICS, WEIGHTS]
    )
    assert json.loads((out / CONFIG).read_text()) == json.loads(json.dumps(as_dict(config)))
    assert result["step"] == 40 and result["finished"] is True
    assert state_of(out)["step"] == 40


def test_lines_of_the_log(trained):
    out, _, reported, _ = trained
    entries = [json.loads(line) for line in (out / METRICS).read_text().splitlines()]
    assert entries == reported
    steps = [e for e in entries if "loss" in e]
    assert [e["step"] for e in steps] == list(range(1, 41))
    assert set(steps[0]) == {
        *("step", "loss", "mpjpe", "velocity", "action", "lr"),
        *("frames_per_second", "eta_seconds"),
    }
    for e in (steps[0], steps[-1]):
        total = e["mpjpe"] + 0.5 * e["velocity"] + 0.1 * e["action"]
        assert e["loss"] == pytest.approx(total, rel=1e-5)
    assert steps[0]["lr"] == pytest.approx(5e-3 / 5 * (0.01 + 0.99))
    assert steps[-1]["eta_seconds"] == 0
    checked = [e for e in entries if "validation_score" in e]
    assert [e["step"] for e in checked] == [15, 30, 40]  # and always at the end
    for e in checked:
        assert e["validation_score"] == e["validation_mpjpe_mm_gt"] + e["validation_mpjpe_mm_noisy"]
        assert 50 < e["validation_mpjpe_mm_gt"] < 1000


def test_log_every(tmp_path):
    run(tmp_path, tiny_config(steps=7, log_every=3, validate_every=0), tiny_data(validation=0))
    assert [step for step, _ in losses(tmp_path)] == [3, 6, 7]
    assert not (tmp_path / BEST).exists()  # nothing to choose it by


def test_saved_weights_are_the_averaged_ones(trained):
    out, *_ = trained
    state, (_, weights, _) = state_of(out), read_bundle(out / WEIGHTS)
    assert set(weights) == set(state["average"]) == set(state["network"])
    for name, value in state["average"].items():
        assert torch.equal(weights[name], value), name
    different = [n for n in weights if not torch.equal(weights[n], state["network"][n])]
    assert any("conv" in name for name in different)


def test_the_average_is_that_of_the_weights_of_every_step(tmp_path, monkeypatch):
    """Weights are recorded after every step and averaged here by hand."""
    seen = []
    original = loop.Average.update

    def update(self, network, step):
        seen.append(network.state_dict()["encoder.shrink.weight"].clone())
        original(self, network, step)

    monkeypatch.setattr(loop.Average, "update", update)
    run(tmp_path, tiny_config(steps=25, validate_every=0), tiny_data(validation=0))
    torch.manual_seed(3)
    expected = VPoseMethod(MODEL, tiny_data().actions).state_dict()["encoder.shrink.weight"]
    for step, value in enumerate(seen):
        decay = min(0.9, (step + 1) / (step + 10))
        expected = decay * expected + (1 - decay) * value
    saved = read_bundle(tmp_path / WEIGHTS)[1]["encoder.shrink.weight"]
    assert len(seen) == 25
    torch.testing.assert_close(saved, expected, rtol=1e-5, atol=1e-7)


def test_bundles_load_and_say_what_they_are(trained):
    out, result, *_ = trained
    bundle, network, _ = load_network(out / WEIGHTS)
    assert bundle.method == "vpose" and bundle.config == MODEL
    assert bundle.card == {"licence": "toy", "step": 40, "selection": "fixed"}
    assert not network.training
    best, _, _ = read_bundle(out / BEST)
    assert best.card["step"] == result["best"]["step"]
    measured = best.card["validation"]
    assert measured.pop("protocol").startswith("mocap, validation subjects")
    assert {"step": best.card["step"], **measured} == result["best"]


def test_the_figures_of_the_best_bundle_are_found_again(trained):
    out, result, *_ = trained
    figures = Validator(tiny_data().validation).measure(Lifter.from_file(out / BEST))
    assert figures == {k: v for k, v in result["best"].items() if k != "step"}


def test_validation_does_not_disturb_the_run(tmp_path):
    """Same losses to the bit with validation every second step and without any."""
    with_it = tiny_config(steps=12, validate_every=2)
    without = tiny_config(steps=12, validate_every=0)
    run(tmp_path / "a", with_it)
    run(tmp_path / "b", without, tiny_data(validation=0))
    assert losses(tmp_path / "a") == losses(tmp_path / "b")
    a, b = (state_of(tmp_path / name) for name in "ab")
    assert torch.equal(a["torch_rng"], b["torch_rng"])
    assert all(torch.equal(a["average"][n], b["average"][n]) for n in a["average"])


def test_the_seed_decides_everything(tmp_path):
    short = tiny_config(steps=3, validate_every=0)
    torch.rand(5)
    run(tmp_path / "a", short, tiny_data(0))
    torch.rand(7)
    run(tmp_path / "b", short, tiny_data(0))
    run(tmp_path / "c", dataclasses.replace(short, seed=4), tiny_data(0))
    assert losses(tmp_path / "a") == losses(tmp_path / "b") != losses(tmp_path / "c")


def test_best_bundle_is_chosen_by_the_validation_score(tmp_path, monkeypatch):
    scores = iter([5.0, 3.0, 4.0, 3.0])
    monkeypatch.setattr(Validator, "measure", lambda self, lifter: {"score": next(scores)})
    kept = []

    def keep(path, bundle, state):
        kept.append((path.name, bundle.card["step"], {n: v.clone() for n, v in state.items()}))
        return original(path, bundle, state)

    original = loop.save_bundle
    monkeypatch.setattr(loop, "save_bundle", keep)
    result = run(tmp_path, tiny_config(steps=8, validate_every=2))
    assert result["best"] == {"step": 4, "score": 3.0}  # of equals the first
    assert [(n, s) for n, s, _ in kept] == [(BEST, 2), (BEST, 4), (WEIGHTS, 8)]
    bundle, weights, _ = read_bundle(tmp_path / BEST)
    assert bundle.card["step"] == 4 and bundle.card["validation"]["score"] == 3.0
    assert all(torch.equal(weights[n], v) for n, v in kept[1][2].items())


def fail_after(monkeypatch, calls, value=math.nan):
    """Make the loss of the step after so many calls not finite."""
    original, count = VPoseMethod.training_loss, [0]

    def training_loss(self, batch):
        count[0] += 1
        found = original(self, batch)
        if count[0] > calls:
            found = dataclasses.replace(found, terms={"mpjpe": found.terms["mpjpe"] * value})
        return found

    monkeypatch.setattr(VPoseMethod, "training_loss", training_loss)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_stops_the_run(tmp_path, monkeypatch, value):
    fail_after(monkeypatch, 25, value)
    with pytest.raises(InputError, match=rf"the loss is {value} at step 25; .*\(--lr, now 0.001\)"):
        run(tmp_path, tiny_config(validate_every=0), tiny_data(0))
    assert [step for step, _ in losses(tmp_path)] == list(range(1, 26))
    state = state_of(tmp_path)
    assert state["step"] == 20  # the last checkpoint before, and it is whole
    assert all(v.isfinite().all() for v in state["network"].values())
    assert not (tmp_path / WEIGHTS).exists()


@pytest.mark.parametrize("grad_clip", [1.0, 0.0])
def test_a_gradient_that_is_not_finite_stops_the_run(tmp_path, monkeypatch, grad_clip):
    """The loss itself is finite: the root of 0 is, its slope is not."""
    original, count, steps = VPoseMethod.training_loss, [0], []

    def training_loss(self, batch):
        count[0] += 1
        found = original(self, batch)
        if count[0] == 4:
            spike = (self.encoder.shrink.bias * 0).sum().sqrt()
            found = dataclasses.replace(found, terms={"mpjpe": found.terms["mpjpe"] + spike})
        return found

    monkeypatch.setattr(VPoseMethod, "training_loss", training_loss)
    monkeypatch.setattr(
        torch.optim.AdamW,
        "step",
        lambda self, step=torch.optim.AdamW.step: steps.append(1) or step(self),
    )
    config = tiny_config(grad_clip=grad_clip, validate_every=0)
    message = "the norm of the gradient is nan at step 3" if grad_clip else "the loss is nan at"
    with pytest.raises(InputError, match=message):
        run(tmp_path, config, tiny_data(0))
    assert len(steps) == (3 if grad_clip else 4)  # without clipping the next loss tells


def test_every_checkpoint_is_written_once(tmp_path, monkeypatch):
    written = []
    original = loop.save_checkpoint

    def save(folder, step, *state):
        written.append(step)
        original(folder, step, *state)

    monkeypatch.setattr(loop, "save_checkpoint", save)
    run(tmp_path, tiny_config(steps=20, validate_every=0), tiny_data(0))
    assert written == [0, 10, 20]


def test_a_learning_rate_far_too_high_is_told(tmp_path):
    hot = tiny_config(lr=1e25, warmup=0, optimizer="adam", validate_every=0)
    with pytest.raises(InputError, match="lower learning rate"):
        run(tmp_path, hot, tiny_data(0))


def test_gradients_are_clipped(tmp_path, monkeypatch):
    """What the optimiser sees has at most the norm that was asked for."""
    norms = []
    original = torch.optim.AdamW.step

    def step(self, *args, **kwargs):
        grads = [p.grad.flatten() for group in self.param_groups for p in group["params"]]
        norms.append(float(torch.cat(grads).norm()))
        return original(self, *args, **kwargs)

    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    run(tmp_path / "a", tiny_config(steps=3, grad_clip=0.01, validate_every=0), tiny_data(0))
    assert norms == pytest.approx([0.01] * 3, rel=1e-3)
    run(tmp_path / "b", tiny_config(steps=1, grad_clip=0.0, validate_every=0), tiny_data(0))
    assert norms[3] > 0.05


def test_half_precision_trains(tmp_path):
    run(tmp_path, tiny_config(steps=3, precision="bf16", validate_every=0), tiny_data(0))
    run(tmp_path / "exact", tiny_config(steps=3, validate_every=0), tiny_data(0))
    half, exact = (np.array(losses(p))[:, 1] for p in (tmp_path, tmp_path / "exact"))
    assert (half != exact).any()
    np.testing.assert_allclose(half, exact, rtol=0.05)
    assert all(v.dtype != torch.bfloat16 for v in read_bundle(tmp_path / WEIGHTS)[1].values())


def test_the_papers_strided_windows_give_a_bundle_that_lifts(tmp_path):
    """Trained on windows of one output frame, validated and saved in the form for sequences."""
    paper = recipe("paper")
    config = dataclasses.replace(
        paper,
        model=dataclasses.replace(paper.model, widths=(3, 3), channels=16),
        **{"steps": 6, "batch": 8, "precision": "fp32", "threads": 1, "log_every": 1},
    )
    result = run(tmp_path, config)
    assert result["finished"] and result["best"]["step"] == 6
    assert json.loads((tmp_path / CONFIG).read_text())["model"]["form"] == "strided"
    for name in (BEST, WEIGHTS):
        assert read_bundle(tmp_path / name)[0].config.form == "dilated"
    lifter = Lifter.from_file(tmp_path / WEIGHTS)
    assert Validator(tiny_data().validation).measure(lifter)["mpjpe_mm_gt"] > 0


def test_screen_features_train(tmp_path):
    config = recipe("bare")
    model = dataclasses.replace(config.model, widths=(3, 3), channels=16)
    small = {"steps": 4, "batch": 4, "frames": 9, "precision": "fp32", "threads": 1, "log_every": 1}
    augment = dataclasses.replace(nothing(), noise=0.5, noise_amount=1.0)
    result = run(tmp_path, dataclasses.replace(config, model=model, augment=augment, **small))
    assert result["finished"] and math.isfinite(result["best"]["score"])


def test_cost_is_measured_and_nothing_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data, config = tiny_data(), tiny_config(batch=4)
    threads = torch.get_num_threads()
    cost = measure_cost("vpose", config, data)
    torch.set_num_threads(threads)
    assert list(tmp_path.iterdir()) == []
    encoder = 34 * 16 * 3 + 2 * 16 + 16 * 16 * 3 + 16 * 16 + 4 * 16 + 16 * 51 + 51
    assert cost.encoder_parameters == encoder
    assert cost.parameters == encoder + 17 * len(data.actions)
    assert (cost.clips, cost.classes) == (6, 6)
    assert cost.frames == sum(len(clip) for clip in data.train)
    assert cost.total_seconds == pytest.approx(40 * cost.step_seconds)
    assert cost.frames_per_second == pytest.approx(4 * 9 / cost.step_seconds)
    assert cost.memory_mb > 50


def test_the_cost_is_that_of_the_network_that_is_trained(tmp_path):
    """Without a weight for the action there is no head, in the forecast as in the run."""
    model = dataclasses.replace(MODEL, action_weight=0.0)
    config = tiny_config(model=model, batch=4, steps=1, validate_every=0)
    threads = torch.get_num_threads()
    cost = measure_cost("vpose", config, tiny_data(0))
    torch.set_num_threads(threads)
    run(tmp_path, config, tiny_data(0))
    _, network, _ = load_network(tmp_path / WEIGHTS)
    assert cost.parameters == cost.encoder_parameters
    assert cost.parameters == sum(p.numel() for p in network.parameters())


def test_a_finished_run_is_validated_on_what_it_was_given(trained):
    """The figures belong to the labels the network knows; accuracy is told only for those."""
    data = tiny_data(validation=2)
    figures = Validator(data.validation).measure(Lifter.from_file(trained[0] / WEIGHTS))
    known = [clip.action in data.actions.labels for clip in data.validation]
    assert all(known) and 0 <= figures["action_accuracy_gt"] <= 1
    strange = [dataclasses.replace(clip, action="moonwalk") for clip in data.validation]
    unlabelled = Validator(strange).measure(Lifter.from_file(trained[0] / WEIGHTS))
    assert "action_accuracy_gt" not in unlabelled
    assert unlabelled["mpjpe_mm_gt"] == figures["mpjpe_mm_gt"]
