"""Options of ``langlift train`` beside the settings: device, TensorBoard, pieces, help."""

import json

import pytest
import torch
from tiny_runs import lines, run, tiny_config, tiny_data

from langlift.cli import train as cli
from langlift.errors import InputError
from langlift.methods import METHODS, bare_of
from langlift.training import cost, log
from langlift.training.distributed import LeaderError
from langlift.training.folder import CONFIG
from langlift.training.recipes import RECIPES

TINY = "--data synthetic --synthetic-clips 4 --steps 3 --batch 4 --frames 9 --log-every 1 "
TINY += "--model.widths 3 3 --model.channels 8 --precision fp32 --threads 1 --validation-clips 1"


@pytest.fixture
def command(monkeypatch, tmp_path, capsys):
    """``langlift train vpose`` with a tiny run in an empty folder: status and what it printed."""
    monkeypatch.chdir(tmp_path)
    threads = torch.get_num_threads()

    def call(options):
        status = cli.run(["vpose", *TINY.split(), *options.split()])
        return status, capsys.readouterr().out

    yield call
    torch.set_num_threads(threads)


def test_help_shows_methods_and_recipes(capsys):
    assert cli.run([]) == 0
    said = capsys.readouterr().out
    width = max(map(len, METHODS))
    for name, entry in METHODS.items():
        assert f"  {name:<{width}} {entry.description}" in said
    for name, entry in RECIPES.items():
        assert f"  {name:<10} {entry.description}" in said
    assert "torchrun --nproc-per-node N -m langlift train METHOD --accumulate N" in said


def test_the_recipe_is_the_methods(monkeypatch, tmp_path):
    monkeypatch.setattr(cli, "load_data", lambda source, config: seen.append(config) or tiny_data())
    monkeypatch.setattr(cli, "measure_cost", lambda *arguments: (_ for _ in ()).throw(InputError))
    seen = []
    for method in METHODS:
        words = ["--model.text", "learned"] if bare_of(method) else []
        with pytest.raises(InputError):
            cli.run([method, "--recipe", "bare", "--dry-run", *words])
    assert [type(config.model) for config in seen] == [e.config for e in METHODS.values()]
    with pytest.raises(InputError, match="unknown recipe 'bar'"):
        cli.run(["mixste", "--recipe", "bar", "--dry-run"])


def test_the_device_is_no_part_of_the_run(command, tmp_path):
    assert command("--device cpu -o run")[0] == 0
    settings = json.loads((tmp_path / "run" / CONFIG).read_text())
    assert "device" not in settings
    assert command("--resume -o run --device auto")[0] == 0
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="torch finds no GPU here; give --device cpu, or inst"):
            command("--device cuda -o other")
        assert not (tmp_path / "other").exists()


def test_a_dry_run_tells_of_pieces_and_epochs(command, tmp_path):
    _, said = command("--accumulate 2 --dry-run")
    assert said.splitlines()[-1] == "pieces per step  2, shared by 1 process(es)"
    epochs = "--windows epochs --cameras human36m --features.kind screen --recipe bare"
    epochs += " --augment.noise 0 --augment.noise-amount 0"
    _, said = command(f"{epochs} --dry-run --json")
    told = json.loads(said)
    assert (told["device"], told["processes"], told["pieces"]) == ("cpu", 1, 1)
    assert told["epoch_steps"] > 1 and told["epoch_steps"] * 4 % 8 == 0  # 4 cameras, mirrored
    assert list(tmp_path.iterdir()) == []


def test_slow_steps_are_measured_once(command, monkeypatch):
    """The step that warms up counts as time that has gone by, not as one that was measured."""
    _, said = command("--dry-run --json")
    assert json.loads(said)["measured_steps"] == 3
    assert "frames/s), measured on 3 steps\n" in command("--dry-run")[1]
    made, seen = [], []
    monkeypatch.setattr(cost, "run_step", lambda *arguments: made.append(arguments[4]))
    clock = iter([0.0, 15.0, 31.0])
    monkeypatch.setattr(cost.time, "monotonic", lambda: next(clock))
    told = cost.measure_cost(
        "vpose", tiny_config(), tiny_data(), advance=lambda *at: seen.append(at)
    )
    assert made == [0, 1] and seen == [(1, 4), (2, 4)]
    assert (told.step_seconds, told.measured_steps) == (16.0, 1)
    assert told.total_seconds == 40 * 16.0
    assert "(4 frames/s), measured on 1 step\n" in cli._describe(told)


def test_processes_that_do_not_lead_fail_in_silence(command, monkeypatch, capsys):
    def fail(*arguments):
        raise LeaderError("process 0 of this run could not go on; see its message")

    monkeypatch.setattr(cli, "load_data", fail)
    assert command("--dry-run") == (2, "")
    assert capsys.readouterr().err == ""


def events(folder):
    """(step, value) by tag, of all event files together."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder)).Reload()
    tags = found.Tags()["scalars"]
    return {tag: [(e.step, e.value) for e in found.Scalars(tag)] for tag in tags}


def test_tensorboard_shows_the_lines_of_the_log(tmp_path):
    """Steps that are run again after a crash are there once."""
    config = tiny_config(steps=20, validate_every=10)

    def report(entry):
        if entry["step"] == 14:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, config, report=report, tensorboard=True)
    assert [step for step, _ in events(tmp_path)["training/loss"]] == list(range(1, 15))
    run(tmp_path, config, resume=True, tensorboard=True)
    found, entries = events(tmp_path), lines(tmp_path)
    for name in ("loss", "mpjpe", "velocity", "action", "lr"):
        told = [(e["step"], e[name]) for e in entries if name in e]
        assert len(told) == 20 and found[f"training/{name}"] == [
            (step, pytest.approx(value)) for step, value in told
        ]
    assert [step for step, _ in found["validation/score"]] == [10, 20]


def test_no_event_files_unless_asked_for(tmp_path):
    run(tmp_path, tiny_config(steps=2, validate_every=0), tiny_data(0))
    assert not [path for path in tmp_path.iterdir() if "events" in path.name]


def test_tensorboard_that_is_not_installed(command, tmp_path, monkeypatch):
    monkeypatch.setattr(log, "find_spec", lambda name: None)
    message = r"TensorBoard is not installed; pip install 'langlift\[log\]', or leave --tensorboard"
    with pytest.raises(InputError, match=message):
        command("--tensorboard -o run")
    with pytest.raises(InputError, match=message):
        run(tmp_path / "run", tensorboard=True)
    assert list(tmp_path.iterdir()) == []


def test_where_and_how_it_is_shown_is_not_told_in_the_card():
    argv = "vpose --device cuda --tensorboard --steps 3 --no-tensorboard --device=cpu -o run"
    assert cli._command(argv.split()) == "langlift train vpose --steps 3"
