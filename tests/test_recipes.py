"""Ready-made runs: one for every method, the papers' numbers, and what is said without one."""

import dataclasses
import json
import math

import pytest
import torch
from tiny_runs import losses, resized, run, tiny_data

from langlift.actions import ActionVocabulary
from langlift.errors import InputError
from langlift.lifting.lifter import Lifter
from langlift.methods import METHODS, MethodEntry, bare_of, base
from langlift.methods.vpose import VPoseConfig
from langlift.training.config import TrainConfig, as_dict, from_dict
from langlift.training.folder import BEST
from langlift.training.optim import learning_rate
from langlift.training.recipes import RECIPES, recipe
from langlift.training.validation import Validator

PAIRS = [(name, method) for name in RECIPES for method in METHODS]


@pytest.mark.parametrize(("name", "method"), PAIRS)
def test_recipes_survive_json(name, method):
    config, kind = recipe(name, method), METHODS[method].config
    assert type(config.model) is kind
    assert from_dict(json.loads(json.dumps(as_dict(config))), kind) == config


@pytest.mark.parametrize(("name", "method"), PAIRS)
def test_networks_of_recipes_can_be_built(name, method):
    """Those of the general recipes are small: what one processor trains in hours."""
    config = recipe(name, method)
    with torch.device("meta"):
        network = METHODS[method].build(config.model, ActionVocabulary(("run", "walk")))
    config.check_window(network.padding)
    size = sum(p.numel() for p in network.parameters())
    assert 1e5 < size < 7e6 if RECIPES[name].general else 1e7 < size < 5e7
    names_actions = RECIPES[name].general or bare_of(method) is not None
    assert config.model.trains_actions == names_actions


#: As small as they can be; the rest is the recipe's.
TINY_MODELS = {
    "vpose": {"widths": (3, 3), "channels": 8},
    "a3dhp": {"frames": 27, "channels": 8},
    "mixste": {"frames": 9, "channels": 8, "depth": 1, "heads": 2},
    "dstformer": {"frames": 9, "channels": 8, "representation": 8, "depth": 1, "heads": 2},
}


@pytest.mark.parametrize(("name", "method"), PAIRS)
def test_recipes_train_validate_and_leave_weights_that_lift(name, method, tmp_path):
    config = recipe(name, method)
    model = resized(config.model, TINY_MODELS)
    small = {"steps": 2, "batch": 4, "precision": "fp32", "threads": 1, "log_every": 1}
    frames = 1 if config.frames == 1 else 9
    result = run(
        tmp_path,
        dataclasses.replace(config, model=model, frames=frames, **small),
        method=method,
    )
    assert result["finished"] and math.isfinite(result["best"]["score"])
    assert all(math.isfinite(loss) for _, loss in losses(tmp_path))
    lifter = Lifter.from_file(tmp_path / BEST)
    figures = Validator(tiny_data().validation).measure(lifter)
    assert figures["mpjpe_mm_gt"] == pytest.approx(result["best"]["mpjpe_mm_gt"], rel=1e-4)


def test_the_default_recipe_is_what_the_bundled_weights_were_trained_with():
    config = recipe("robust")
    assert (
        config
        == recipe("robust", "vpose")
        == TrainConfig(
            model=VPoseConfig(
                widths=(3, 3, 3, 3),
                channels=512,
                dropout=0.0,
                zero_head=True,
                action_weight=0.02,
                velocity_weight=0.5,
            ),
            synthetic_clips=420,
            synthetic_share=0.1,
            steps=10000,
        )
    )


@pytest.mark.parametrize(
    ("method", "batch", "frames", "optimizer", "rates", "decay"),
    [
        ("vpose", 1024, 1, "adam", (1e-3, 1e-3 * 0.95**80), 0.0),
        ("a3dhp", 1024, 1, "ranger", (1e-3, 1e-5), 0.0),
        ("mixste", 4, 243, "adamw", (4e-5, 4e-5 * 0.99**120), 0.1),
        ("dstformer", 32, 243, "adamw", (2e-4, 2e-4 * 0.99**120), 0.01),
    ],
)
def test_the_papers_runs(method, batch, frames, optimizer, rates, decay):
    config = recipe("paper", method)
    assert (config.batch, config.frames, config.optimizer) == (batch, frames, optimizer)
    assert config.weight_decay == decay
    found = [learning_rate(step, config) for step in (0, config.steps)]
    assert found == pytest.approx(rates)
    assert (config.warmup, config.ema, config.grad_clip) == (0, 0.0, 0.0)
    assert config.windows == "epochs" and config.cameras == "human36m"
    assert config.batch_norm_schedule == (method in ("vpose", "a3dhp"))
    assert config.model.self_weighted == (method == "mixste")
    changed = {f for f, v in dataclasses.asdict(config.model).items() if f != "form"}
    defaults = dataclasses.asdict(METHODS[method].config())
    for name in changed - {"self_weighted"}:
        assert getattr(config.model, name) == defaults[name], name


def test_unknown_recipe():
    with pytest.raises(InputError, match=r"unknown recipe 'robsut'.*did you mean 'robust'\?"):
        recipe("robsut")
    with pytest.raises(InputError, match="unknown method 'vpos'"):
        recipe("robust", "vpos")


@dataclasses.dataclass(frozen=True)
class ForeignConfig(base.MethodConfig):
    """Of a method from outside this package, with windows of 27 frames."""

    @property
    def window(self):
        return 27


def test_general_recipes_do_for_methods_they_do_not_know(monkeypatch):
    monkeypatch.setitem(METHODS, "foreign", MethodEntry(ForeignConfig, None, "of a test"))
    for name in ("robust", "bare"):
        config = recipe(name, "foreign")
        assert config.model == ForeignConfig() and config.frames == 27
        assert config.steps == recipe(name).steps
    with pytest.raises(
        InputError, match="no recipe 'paper' for foreign; those for every method are robust, bare"
    ):
        recipe("paper", "foreign")
