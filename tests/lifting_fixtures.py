"""Tiny networks and tracks that the tests of methods and lifting share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
import torch

from langlift.actions import ActionVocabulary
from langlift.geometry import Camera
from langlift.lifting.bundle import Bundle
from langlift.lifting.features import FeatureConfig
from langlift.lifting.lifter import Lifter
from langlift.methods.vpose import VPoseConfig
from langlift.skeletons import HUMAN36M_17
from langlift.tracks import Keypoints

Network = TypeVar("Network", bound=torch.nn.Module)
ACTIONS = ActionVocabulary(("walk", "squat", "wave"))
#: A lens with everything on: two focal lengths, an off-centre axis and distortion.
LENS = Camera(
    "lens",
    (1000, 1002),
    (1145.0, 1143.8),
    (512.5, 515.5),
    (-0.207, 0.2478, -0.0031),
    (-0.00098, -0.00142),
)
#: Metres, camera axes relative to the pelvis: a person that stands upright.
STANDING = np.array(
    [
        [0, 0, 0],
        [-0.13, 0, 0.02],
        [-0.13, 0.44, 0.03],
        [-0.13, 0.86, 0.08],
        [0.13, 0, -0.02],
        [0.13, 0.44, -0.05],
        [0.13, 0.86, 0.0],
        [0, -0.23, 0.02],
        [0, -0.48, 0.0],
        [0, -0.59, -0.06],
        [0, -0.7, -0.02],
        [0.15, -0.42, 0.0],
        [0.25, -0.16, -0.05],
        [0.28, 0.07, -0.16],
        [-0.15, -0.42, 0.02],
        [-0.24, -0.15, 0.1],
        [-0.26, 0.08, 0.15],
    ]
)


def person(frames: int, seed: int = 0, fps: float = 50.0) -> np.ndarray:
    """(f, 17, 3) metres in camera axes: a person that sways and swings its limbs, 5 m away."""
    rng = np.random.default_rng(seed)
    seconds = np.arange(frames)[:, None, None] / fps
    size = rng.uniform(0.02, 0.12, (17, 3))
    swing = size * np.sin(rng.uniform(2, 7, (17, 3)) * seconds + rng.uniform(0, 6, (17, 3)))
    place = np.array([0.4, 0.2, 5.0]) + np.sin(0.7 * seconds) * np.array([0.3, 0.05, 0.4])
    return STANDING + swing + place


def track(
    frames: int, fps: float = 50.0, seed: int = 0, camera: Camera = LENS, **changes: Any
) -> Keypoints:
    """That person's 2D joints as the camera sees them."""
    xy = camera.project(person(frames, seed, fps))
    return Keypoints(xy, "human36m_17", fps, camera.image_size, **changes)


def mirrored(keypoints: Keypoints) -> Keypoints:
    """The keypoints of the image mirrored left to right."""
    width = keypoints.image_size[0]
    xy = (keypoints.xy * [-1, 1] + [width, 0])[:, HUMAN36M_17.mirror]
    return keypoints.replaced(xy=xy, confidence=keypoints.confidence[:, HUMAN36M_17.mirror])


def config(**changes: Any) -> VPoseConfig:
    """A VPose that runs in a moment: 9 frames, 8 channels, no dropout."""
    settings: dict[str, Any] = {"widths": (3, 3), "channels": 8, "dropout": 0.0, **changes}
    return VPoseConfig(**settings)


def bundle(
    changes: Mapping[str, Any] | None = None,
    features: FeatureConfig | None = None,
    actions: ActionVocabulary = ACTIONS,
    **fields: Any,
) -> Bundle:
    """A bundle of such a network."""
    return Bundle(
        "vpose", config(**(changes or {})), features or FeatureConfig(), actions, **fields
    )


def randomised(network: Network, seed: int = 0) -> Network:
    """The network with random parameters and statistics, so that no norm is an identity."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in network.state_dict().items():
        if value.is_floating_point():
            drawn = torch.randn(value.shape, generator=generator)
            value.copy_(drawn.abs() + 0.5 if name.endswith("running_var") else 0.3 * drawn)
    return network


def lifter(seed: int = 0, **fields: Any) -> Lifter:
    """A lifter with random weights."""
    of = bundle(**fields)
    return Lifter(of, randomised(of.build(), seed).eval(), "tiny", "00")
