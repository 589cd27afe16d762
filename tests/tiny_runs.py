"""Training runs small enough for tests: a few clips, a few thousand weights."""

import dataclasses
import json

import torch

from langlift.actions import ActionVocabulary
from langlift.datasets.augment import nothing
from langlift.datasets.synthetic import synthetic_clips
from langlift.lifting.features import FeatureConfig
from langlift.methods import METHODS
from langlift.methods.vpose import VPoseConfig
from langlift.training.config import TrainConfig
from langlift.training.data import Data
from langlift.training.folder import METRICS
from langlift.training.loop import train

#: Dropout on, so that a random state that is not restored shows in the losses.
MODEL = VPoseConfig(widths=(3, 3), channels=16, dropout=0.1, action_weight=0.1, velocity_weight=0.5)


#: Of what ActionPrompt adds to an encoder, and no words to read.
PROMPTS = {"text": "learned", "text_width": 8, "width": 8, "heads": 2, "prompts": 2}


def resized(model, sizes, **changes):
    """Settings with the sizes that their encoder has by its name in `sizes`; a plug-in is tiny."""
    method = next(name for name, entry in METHODS.items() if entry.config is type(model))
    if inner := METHODS[method].encoder:
        encoder = dataclasses.replace(model.encoder, **sizes[inner])
        return dataclasses.replace(model, encoder=encoder, **PROMPTS, **changes)
    return dataclasses.replace(model, **sizes[method], **changes)


def tiny_config(**changes):
    """40 steps of 8 windows of 9 frames, a line of metrics per step, one thread."""
    config = TrainConfig(
        model=MODEL,
        steps=40,
        batch=8,
        frames=9,
        warmup=5,
        ema=0.9,
        precision="fp32",
        seed=3,
        validate_every=20,
        checkpoint_every=10,
        log_every=1,
        threads=1,
    )
    return dataclasses.replace(config, **changes)


def team_configs():
    """Runs in pieces for two processes: without batch norm, with it, in epochs, with prompts."""
    model = METHODS["mixste"].config(frames=9, channels=8, depth=2, heads=2, drop_path=0.2)
    attention = tiny_config(model=model, accumulate=2, steps=22, optimizer="ranger")
    norms = tiny_config(accumulate=4, steps=22, validate_every=0)
    epochs = dataclasses.replace(
        attention,
        features=FeatureConfig("screen"),
        augment=nothing(),
        cameras="human36m",
        windows="epochs",
        validate_every=0,
    )
    return {
        "attention": ("mixste", attention),
        "norms": ("vpose", norms),
        "epochs": ("mixste", epochs),
        "prompted": ("mixste+apm", prompted_config()),
    }


def prompted_config(**changes):
    """A run in two pieces of attention with ActionPrompt around it, without batch norm."""
    kind = METHODS["mixste+apm"].config
    encoder = METHODS["mixste"].config(frames=9, channels=8, depth=2, heads=2, drop_path=0.0)
    model = kind(encoder=encoder, projector="pooling", **{**PROMPTS, **changes})
    return tiny_config(model=model, accumulate=2, steps=22)


def tiny_data(validation=1):
    """Six training clips and up to two for validation."""
    train_clips = synthetic_clips(6, seed=1, frames=(30, 60))
    labels = tuple(sorted({clip.action for clip in train_clips}))
    held_out = synthetic_clips(2, seed=2, frames=12)[:validation]
    return Data(train_clips, held_out, ActionVocabulary(labels), {"licence": "toy"})


def run(out, config=None, data=None, resume=False, report=None, method="vpose", **options):
    """Train in a folder and give back what `train` says."""
    threads = torch.get_num_threads()
    try:
        return train(
            method,
            config or tiny_config(),
            data or tiny_data(),
            out,
            resume,
            report or (lambda entry: None),
            **options,
        )
    finally:
        torch.set_num_threads(threads)


def lines(out):
    """The lines of metrics.jsonl without what depends on the clock."""
    entries = [json.loads(line) for line in (out / METRICS).read_text().splitlines()]
    clock = ("frames_per_second", "eta_seconds")
    return [{k: v for k, v in entry.items() if k not in clock} for entry in entries]


def losses(out):
    """(step, loss) of every training line."""
    return [(entry["step"], entry["loss"]) for entry in lines(out) if "loss" in entry]
