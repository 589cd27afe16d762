"""Training settings: round trip, messages; learning rate, batch norm, averaged weights; data."""

import dataclasses
import json
import math

import pytest
import torch
from tiny_runs import tiny_config
from torch import nn

from langlift.datasets.augment import AugmentConfig
from langlift.datasets.synthetic import SYNTHETIC_ACTIONS
from langlift.datasets.views import CameraRanges
from langlift.errors import InputError
from langlift.lifting.features import FeatureConfig
from langlift.methods.base import MethodConfig
from langlift.methods.settings import config_from_dict
from langlift.methods.vpose import VPoseConfig
from langlift.training.config import RECIPES, TrainConfig, as_dict, from_dict, recipe
from langlift.training.data import load_data
from langlift.training.optim import (
    Average,
    learning_rate,
    make_optimizer,
    schedule_batch_norm,
)
from langlift.training.validation import evenly

STRIDED = VPoseConfig(widths=(3, 3), channels=8, form="strided")


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_survive_json(name):
    config = recipe(name)
    assert from_dict(json.loads(json.dumps(as_dict(config)))) == config


def test_every_setting_survives_json():
    config = tiny_config(
        features=FeatureConfig(center_frames=5),
        augment=AugmentConfig(mix=0.0),
        ranges=CameraRanges(distance=(3.0, 4.0), wide_share=0.1),
        optimizer="adam",
        synthetic_clips=3,
        synthetic_share=0.25,
    )
    back = from_dict(json.loads(json.dumps(as_dict(config))))
    assert back == config and back != tiny_config()
    assert back.ranges.distance == (3.0, 4.0)  # a list in JSON, a tuple again
    assert from_dict({}) == TrainConfig()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"stpes": 3}, r"unknown setting of TrainConfig 'stpes'; .*did you mean 'steps'\?"),
        ({"model": {"chanels": 3}}, r"unknown setting of VPoseConfig 'chanels'.*'channels'\?"),
        ({"augment": {"nois": 1}}, r"unknown setting of AugmentConfig 'nois'.*'noise'\?"),
        ({"model": 3}, "VPoseConfig is 3; it must be settings by name"),
        ({"steps": "many"}, "a setting of TrainConfig has a value of the wrong kind"),
        ({"model": {"dropout": "much"}}, "a setting of VPoseConfig has a value of the wrong kind"),
        ({"steps": 2.5}, "steps is 2.5; it must be a whole number"),
        ({"steps": True}, "steps is True; it must be a whole number"),
        ({"lr": "0.1"}, "lr is '0.1'; it must be a finite number"),
        ({"lr": math.inf}, "lr is inf; it must be a finite number"),
        ({"split": 3}, "split is 3; it must be text"),
        ({"batch_norm_schedule": 0}, "batch_norm_schedule is 0; it must be true or false"),
        ({"optimizer": "sgd"}, "optimizer is 'sgd'; it must be one of 'adam', 'adamw'"),
        ({"ranges": {"pitch": [0]}}, r"pitch is \[0\]; it must be a list of 2 values, each a fin"),
        ({"ranges": {"pitch": [0, "9"]}}, r"pitch\[1\] is '9'; it must be a finite number"),
    ],
)
def test_settings_that_cannot_be_read(values, message):
    with pytest.raises(InputError, match=message):
        from_dict(values)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        *(({n: 0}, f"{n} is 0; it must be at least 1") for n in ("steps", "batch", "frames")),
        *(({n: 0}, f"{n} is 0; it must be at least 1") for n in ("checkpoint_every", "log_every")),
        *(
            ({n: -1}, f"{n} is -1; it cannot be negative")
            for n in ("warmup", "validate_every", "validation_clips", "threads", "seed")
        ),
        *(
            ({n: -1}, f"{n} is -1; it cannot be negative")
            for n in ("synthetic_clips", "weight_decay", "grad_clip")
        ),
        ({"lr": 0.0}, "lr is 0.0; it must be positive"),
        ({"lr": math.nan}, "lr is nan; it must be positive"),
        ({"lr": math.inf}, "lr is inf; it must be positive and finite"),
        *(
            ({n: v}, f"{n} is {v}; it must be a finite number")
            for n in ("weight_decay", "grad_clip")
            for v in (math.nan, math.inf)
        ),
        ({"ema": 1.0}, "ema is 1.0; it must be at least 0 and below 1"),
        ({"synthetic_share": 1.5}, "synthetic_share is 1.5; it must be within 0 and 1"),
        ({"synthetic_share": 0.1}, "synthetic_share needs synthetic_clips of at least 1"),
        (
            {"model": STRIDED},
            r"frames is 9; a window of this model has 1 output frame\(s\): set fra",
        ),
        ({"model": 3}, "model is 3; it must be a method's config"),
        *(
            ({"model": VPoseConfig(**{n: 16})}, f"{n} is 16; .* 17 joints: leave {n} at 17")
            for n in ("joints_in", "joints_out")
        ),
        ({"model": VPoseConfig(causal=True)}, "a causal model needs screen features"),
        ({"features": FeatureConfig("screen")}, "random cameras need person features"),
        ({"optimizer": "sgd"}, "unknown optimizer 'sgd'; known: adam, adamw"),
        ({"lr_schedule": "cosin"}, r"unknown lr_schedule 'cosin'.*did you mean 'cosine'\?"),
        ({"precision": "fp16"}, r"unknown precision 'fp16'; known: bf16, fp32"),
        ({"cameras": "h36m"}, r"unknown cameras 'h36m'.*did you mean 'human36m'\?"),
    ],
)
def test_settings_that_cannot_be(settings, message):
    with pytest.raises(InputError, match=message):
        tiny_config(**settings)


@dataclasses.dataclass(frozen=True)
class PlainConfig(MethodConfig):
    """A method that overrides nothing."""


def test_what_training_asks_of_a_method():
    plain, vpose = PlainConfig(), VPoseConfig()
    assert (plain.trains_actions, plain.output_frames, plain.looks_ahead) == (True, None, True)
    assert plain.for_lifting() is plain
    assert tiny_config(model=plain, frames=5).model is plain
    assert not vpose.trains_actions and VPoseConfig(action_weight=0.1).trains_actions
    assert (vpose.output_frames, STRIDED.output_frames) == (None, 1)
    assert vpose.looks_ahead and not VPoseConfig(causal=True).looks_ahead
    assert STRIDED.for_lifting() == dataclasses.replace(STRIDED, form="dilated")
    assert vpose.for_lifting() == vpose


def test_a_whole_number_is_fine_where_a_fraction_may_be():
    weight_decay = from_dict({"weight_decay": 0}).weight_decay
    assert weight_decay == 0 and isinstance(weight_decay, float)


@dataclasses.dataclass(frozen=True)
class Needy:
    """Settings of which one has no default and one may be absent."""

    size: int
    name: str | None = None


def test_settings_that_are_left_out_or_nothing():
    assert config_from_dict(Needy, {"size": 3, "name": None}) == Needy(3)
    with pytest.raises(InputError, match="Needy has no size; add what is missing"):
        config_from_dict(Needy, {"name": "a"})
    with pytest.raises(InputError, match="name is 3; it must be text or nothing"):
        config_from_dict(Needy, {"size": 3, "name": 3})


def test_unknown_recipe():
    with pytest.raises(InputError, match=r"unknown recipe 'robsut'.*did you mean 'robust'\?"):
        recipe("robsut")


def test_cosine_learning_rate():
    config = tiny_config(steps=1000, warmup=0, lr=2e-3)
    assert learning_rate(0, config) == pytest.approx(2e-3)
    assert learning_rate(500, config) == pytest.approx(2e-3 * (0.01 + 0.99 / 2))
    assert learning_rate(1000, config) == pytest.approx(2e-5)  # 1 % at the end
    rates = [learning_rate(s, config) for s in range(1000)]
    assert rates == sorted(rates, reverse=True) and len(set(rates)) == 1000


def test_warm_up_is_linear_from_one_part_to_the_whole():
    config = tiny_config(steps=10**9, warmup=4, lr=1.0)
    rates = [learning_rate(s, config) for s in range(6)]
    assert rates == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0, 1.0])


def test_exponential_learning_rate_is_the_papers():
    config = tiny_config(steps=6000, warmup=0, lr=1e-3, lr_schedule="exponential")
    assert learning_rate(0, config) == 1e-3
    for epoch in (1, 30, 60):
        assert learning_rate(100 * epoch, config) == pytest.approx(1e-3 * 0.95**epoch)


def test_optimizers():
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    paper = make_optimizer(network, tiny_config(optimizer="adam", weight_decay=0.3))
    assert type(paper) is torch.optim.Adam
    assert paper.defaults["amsgrad"] and paper.param_groups[0]["weight_decay"] == 0
    ours = make_optimizer(network, tiny_config(weight_decay=0.3))
    assert type(ours) is torch.optim.AdamW
    decayed, spared = ours.param_groups
    assert [tuple(p.shape) for p in decayed["params"]] == [(4, 3)]
    assert (decayed["weight_decay"], spared["weight_decay"]) == (0.3, 0.0)
    assert len(spared["params"]) == 3


def test_batch_norm_momentum_falls_as_in_the_paper():
    """80 epochs: 0.1 at the start, 0.094406 after one, 0.01 in the middle, 0.001 at the end."""
    network = nn.Sequential(nn.BatchNorm1d(2), nn.Sequential(nn.BatchNorm1d(2)))
    config = tiny_config(steps=8000)
    for epoch, momentum in ((0, 0.1), (1, 0.094406), (40, 0.01), (80, 0.001)):
        schedule_batch_norm(network, epoch * 100, config)
        assert network[0].momentum == pytest.approx(momentum, abs=5e-7)
        assert network[1][0].momentum == network[0].momentum


def numbers(value):
    """A module with one weight and one counter."""
    module = nn.Module()
    module.weight = nn.Parameter(torch.tensor([float(value)]))
    module.register_buffer("count", torch.tensor(int(value)))
    return module


def test_average_by_hand():
    average = Average(numbers(0), 0.9)
    expected = 0.0
    for step in range(120):
        decay = min(0.9, (step + 1) / (step + 10))  # 0.1, 2/11, ... until 0.9 at step 80
        value = float(step % 7)
        average.update(numbers(value), step)
        expected = decay * expected + (1 - decay) * value
        assert float(average.state["weight"]) == pytest.approx(expected, rel=1e-5)
        assert int(average.state["count"]) == int(value)  # a counter is copied


def test_average_of_nothing_is_the_newest_weight():
    average = Average(numbers(5), 0.0)
    average.update(numbers(2), 0)
    assert float(average.state["weight"]) == 2.0


def test_average_does_not_share_memory_with_the_network():
    network = numbers(1)
    average = Average(network, 0.9)
    with torch.no_grad():
        network.weight.fill_(7.0)
    assert float(average.state["weight"]) == 1.0


def test_evenly():
    clips = list(range(10))
    assert evenly(clips, 0) == clips and evenly(clips, 10) == clips and evenly(clips, 99) == clips
    assert evenly(clips, 4) == [0, 3, 6, 9]
    assert evenly(clips, 1) == [0]
    assert all(len(set(evenly(clips, n))) == n for n in range(1, 11))


def test_synthetic_data():
    config = tiny_config(synthetic_clips=22, validation_clips=5)
    data = load_data("synthetic", config)
    assert len(data.train) == 22 and len(data.validation) == 5
    assert {c.source for c in data.train} == {"synthetic"}
    assert data.actions.labels == tuple(sorted(SYNTHETIC_ACTIONS))
    assert not {c.subject for c in data.train} & {c.subject for c in data.validation}
    assert data.card["data"].startswith("22 synthetic clips, no real motion")
    assert data.card["licence"] == "Apache-2.0"
    again = load_data("synthetic", dataclasses.replace(config, seed=4))
    assert (again.train[0].joints[:1] != data.train[0].joints[:1]).any()
    assert (again.validation[0].joints == data.validation[0].joints).all()  # fixed people


@pytest.mark.parametrize("split", ["nope", "extended"])
def test_synthetic_data_has_no_splits(split):
    with pytest.raises(InputError, match=f"split is '{split}'; synthetic data has no splits: lea"):
        load_data("synthetic", tiny_config(split=split))


def test_data_without_a_corpus(tmp_path):
    with pytest.raises(InputError, match="is not a motion corpus"):
        load_data(tmp_path, tiny_config())


def test_corpus_data(corpus):
    config = tiny_config(synthetic_clips=4, synthetic_share=0.1, validation_clips=7)
    data = load_data(corpus, config)
    assert [c.source for c in data.train].count("synthetic") == 4
    assert len(data.train) == 1118 + 4 and len(data.validation) == 7
    assert set(data.actions.labels) == {c.action for c in data.train}
    assert not {c.subject for c in data.train} & {c.subject for c in data.validation}
    assert data.card["data"] == (
        "motion corpus, split core, train subjects; 4 synthetic clips in 10% of the windows"
    )
    assert data.card["sources"] == ["uiprmd.npz", "cmu.npz", "cmu2.npz", "deepmimic.npz"]
    assert "permissive" in data.card["licence"]
