"""Training settings: round trip, messages; the data of a run."""

import dataclasses
import json
import math
from dataclasses import replace

import pytest
from tiny_runs import tiny_config

from langlift.datasets.augment import AugmentConfig, nothing
from langlift.datasets.synthetic import SYNTHETIC_ACTIONS
from langlift.datasets.views import CameraRanges
from langlift.errors import InputError
from langlift.lifting.features import FeatureConfig
from langlift.methods.base import MethodConfig
from langlift.methods.settings import config_from_dict
from langlift.methods.vpose import VPoseConfig
from langlift.training.config import TrainConfig, as_dict, from_dict
from langlift.training.data import load_data
from langlift.training.validation import evenly

EPOCHS = {
    **{"windows": "epochs", "cameras": "human36m", "augment": nothing()},
    "features": FeatureConfig("screen"),
}


@dataclasses.dataclass(frozen=True)
class Windowed(MethodConfig):
    """A method that takes windows of at most so many frames."""

    most: int

    @property
    def window(self):
        return self.most


STRIDED = VPoseConfig(widths=(3, 3), channels=8, form="strided")


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
        ({"optimizer": "sgd"}, "optimizer is 'sgd'; it must be one of 'adam', 'adamw', 'ranger'"),
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
        ({"accumulate": 0}, "accumulate is 0; it must be at least 1"),
        ({"accumulate": 3}, "batch is 8 and accumulate is 3; .* accumulate must divide it"),
        *(({"lr_end": v}, f"lr_end is {v}; it must be above 0 and") for v in (0.0, 1.5, math.nan)),
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
        ({"model": Windowed(8)}, r"windows of 9 frames; .* at most 8: set frames to 8 or less"),
        ({"model": 3}, "model is 3; it must be a method's config"),
        *(
            ({"model": VPoseConfig(**{n: 16})}, f"{n} is 16; .* 17 joints: leave {n} at 17")
            for n in ("joints_in", "joints_out")
        ),
        ({"model": VPoseConfig(causal=True)}, "a causal model needs screen features"),
        ({"features": FeatureConfig("screen")}, "random cameras need person features"),
        ({"optimizer": "sgd"}, "unknown optimizer 'sgd'; known: adam, adamw, ranger"),
        ({"lr_schedule": "cosin"}, r"unknown lr_schedule 'cosin'.*did you mean 'cosine'\?"),
        ({"precision": "fp16"}, r"unknown precision 'fp16'; known: bf16, fp32"),
        ({"windows": "drawn once"}, "unknown windows 'drawn once'.*known: drawn, epochs"),
        ({"windows": "epochs"}, r"fixed cameras in screen coord.*--cameras human36m and --feat"),
        ({**EPOCHS, "augment": AugmentConfig()}, r"augment\.body is 0\.08; set it to 0, or draw t"),
        (
            {**EPOCHS, "augment": replace(nothing(), noise=0.5, noise_amount=1.0)},
            r"augment\.noise is 0\.5 and augment\.noise_amount 1\.0; .* set both to 1 or both to",
        ),
        (
            {**EPOCHS, "synthetic_share": 0.5, "synthetic_clips": 2},
            "synthetic_share is 0.5, but in epochs every window comes once; set it to 0",
        ),
        ({"cameras": "h36m"}, r"unknown cameras 'h36m'.*did you mean 'human36m'\?"),
    ],
)
def test_settings_that_cannot_be(settings, message):
    with pytest.raises(InputError, match=message):
        tiny_config(**settings)


@dataclasses.dataclass(frozen=True)
class PlainConfig(MethodConfig):
    """A method that overrides nothing."""


def test_padding_counts_for_the_window():
    config = tiny_config(model=Windowed(12))
    config.check_window((1, 2))
    with pytest.raises(InputError, match=r"windows of 13 frames; .* at most 12: set frames to 8"):
        config.check_window((2, 2))
    assert tiny_config(**EPOCHS, synthetic_clips=3).windows == "epochs"
    noisy = replace(nothing(), noise=1.0, noise_amount=1.0)
    assert tiny_config(**{**EPOCHS, "augment": noisy}).augment.noise == 1.0


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


@pytest.mark.parametrize("changes", [{"batch": 1}, {"batch": 4, "accumulate": 4}])
def test_batch_norms_need_more_than_one_frame_in_a_piece(changes):
    with pytest.raises(InputError, match=r"a piece is a single frame; .* raise the batch"):
        TrainConfig(model=VPoseConfig(widths=(3, 3), form="strided"), frames=1, **changes)
    assert TrainConfig(model=VPoseConfig(widths=(3, 3), form="strided"), frames=1, batch=2)
