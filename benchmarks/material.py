"""What is measured: the default lifter, or random weights of its size, and synthetic keypoints."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, TypeVar

import numpy as np
import torch
from machine import sgemm_gauge
from table import Target
from torch import nn

from langlift.actions import ActionVocabulary
from langlift.datasets.mocap_views import make_view
from langlift.datasets.synthetic import SYNTHETIC_ACTIONS, synthetic_clip
from langlift.formats import write_keypoints
from langlift.geometry.human36m import human36m_cameras
from langlift.lifting.bundle import Bundle, save_bundle
from langlift.lifting.lifter import Lifter
from langlift.methods.vpose import VPoseConfig
from langlift.tracks import Keypoints
from langlift.training.config import TrainConfig
from langlift.training.recipes import recipe
from langlift.weights import DEFAULT, catalogue, load

Network = TypeVar("Network", bound=nn.Module)

_CLIP_FRAMES = 1000  # of synthetic motion; longer tracks repeat it


@dataclass(frozen=True)
class Setup:
    """What every group of measurements gets.

    Args:
        lifter: the lifter that is measured.
        model: what the command takes to load the same lifter.
        weights: which weights these are, for people.
        folder: for files that the measurements make.
        threads: threads of the commands that are started.
        rounds: repetitions of each timing.
        quick: tiny sizes: everything runs once, and no figure is judged.
    """

    lifter: Lifter
    model: str
    weights: str
    folder: Path
    threads: int
    rounds: int
    quick: bool

    def size(self, full: int, quick: int) -> int:
        """The size to measure at."""
        return quick if self.quick else full

    def gauge(self) -> float:
        """GF/s of the machine at this moment, roughly for tiny sizes."""
        return sgemm_gauge(1) if self.quick else sgemm_gauge()

    def target(
        self,
        limit: float,
        better: Literal["at least", "at most"],
        of: Literal["value", "ratio"] = "value",
    ) -> Target | None:
        """A limit; None for tiny sizes, whose figures say nothing about it."""
        return None if self.quick else Target(limit, better, of)


@contextmanager
def make_setup(threads: int, rounds: int, quick: bool) -> Iterator[Setup]:
    """The default lifter, or one with random weights of the same size until there is a default."""
    with TemporaryDirectory(prefix="langlift-benchmark-") as name:
        folder = Path(name)
        if DEFAULT in catalogue():
            lifter, model = load(), DEFAULT
            weights = f"{DEFAULT}, sha256 {lifter.digest[:12]}"
        else:
            path = random_weights(folder / "random.safetensors", recipe("robust").model)
            lifter, model = Lifter.from_file(path), str(path)
            weights = "random, of the size of the recipe robust (the package has no default yet)"
        yield Setup(lifter, model, weights, folder, threads, rounds, quick)


def random_weights(path: Path, config: VPoseConfig, seed: int = 0) -> Path:
    """A bundle of VPose with random weights."""
    bundle = Bundle("vpose", config, recipe("robust").features, ActionVocabulary(SYNTHETIC_ACTIONS))
    return save_bundle(path, bundle, randomised(bundle.build, seed).state_dict())


def randomised(build: Callable[[], Network], seed: int = 0) -> Network:
    """A network whose every weight and batch-norm statistic is random: none starts at zero.

    Linear layers get weights that keep the size of what goes through, so that a fault in one of
    them is seen in the output.

    The random numbers of the process go on as if nothing had been drawn.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build()
        for module in network.modules():
            if isinstance(module, nn.Linear):
                module.reset_parameters()
        for parameter in network.parameters():
            if not parameter.any():
                nn.init.uniform_(parameter, -0.1, 0.1)
        for module in network.modules():
            if isinstance(module, nn.BatchNorm1d):
                for tensor in (module.weight, module.bias, module.running_mean, module.running_var):
                    if tensor is not None:
                        nn.init.uniform_(tensor, 0.1, 1.0)
    return network.eval()


def keypoints(frames: int) -> Keypoints:
    """A synthetic track of COCO joints with detector noise, one joint in twenty not found.

    This is the way most users' files take: conversion, gaps, an assumed camera.
    """
    clip = synthetic_clip("side_lunge", np.random.default_rng(0), frames=min(frames, _CLIP_FRAMES))
    camera = human36m_cameras("S9")[0]
    track = make_view(clip, camera, "noisy", missing=0.05, skeleton="coco_17").keypoints
    repeats = -(-frames // len(track))
    return track.replaced(
        xy=np.tile(track.xy, (repeats, 1, 1))[:frames],
        confidence=np.tile(track.confidence, (repeats, 1))[:frames],
    )


def keypoints_file(setup: Setup, frames: int) -> Path:
    """The track as a file."""
    return write_keypoints(keypoints(frames), setup.folder / f"keypoints{frames}.npz")


def training_config(quick: bool) -> TrainConfig:
    """The recipe of the default weights; a few channels and windows for tiny sizes."""
    config = recipe("robust")
    if quick:
        model = replace(config.model, widths=(3, 3), channels=16)
        config = replace(config, model=model, batch=4, frames=9)
    return config
