"""Options of ``langlift train`` beside the settings: device, TensorBoard, pieces, help."""

import json

import pytest
import torch
from tiny_runs import lines, run, tiny_config, tiny_data

from langlift.cli import train as cli
from langlift.errors import InputError
from langlift.methods import METHODS
from langlift.training import log
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
    for name, entry in METHODS.items():
        assert f"  {name:<10} {entry.description}" in said
    for name, entry in RECIPES.items():
        assert f"  {name:<10} {entry.description}" in said
    assert "torchrun --nproc-per-node N -m langlift train METHOD --accumulate N" in said


def test_the_recipe_is_the_methods(monkeypatch, tmp_path):
    monkeypatch.setattr(cli, "load_data", lambda source, config: seen.append(config) or tiny_data())
    monkeypatch.setattr(cli, "measure_cost", lambda *arguments: (_ for _ in ()).throw(InputError))
    seen = []
    for method in METHODS:
        with pytest.raises(InputError):
            cli.run([method, "--recipe", "bare", "--dry-run"])
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
    cost = json.loads(said)
    assert (cost["device"], cost["processes"], cost["pieces"]) == ("cpu", 1, 1)
    assert cost["epoch_steps"] > 1 and cost["epoch_steps"] * 4 % 8 == 0  # 4 cameras, mirrored
    assert list(tmp_path.iterdir()) == []


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
