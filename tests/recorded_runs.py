"""Recordings of people who never were, and runs on them that are small enough for tests."""

import dataclasses
from pathlib import Path

import numpy as np
from tiny_runs import MODEL, tiny_config

from langlift.actions import ActionVocabulary
from langlift.datasets.augment import AugmentConfig, nothing
from langlift.datasets.recordings import Entry, RecordedDataset, Recording
from langlift.lifting.features import FeatureConfig
from langlift.protocols.spec import ProtocolSpec
from langlift.skeletons import HUMAN36M_17
from langlift.tracks import Keypoints
from langlift.training.recorded import load_recorded

SCREEN = FeatureConfig("screen")
RECORDED = {"cameras": "recorded", "features": SCREEN, "augment": nothing()}
ACTIONS = ActionVocabulary(("raise_left_arm", "raise_right_arm", "walk"))
#: As the papers have it, and drawn at random.
EPOCHS, DRAWN = {**RECORDED, "windows": "epochs"}, {**RECORDED, "windows": "drawn"}
SPEC = ProtocolSpec(
    name="toy",
    title="of the tests",
    dataset="toy",
    skeleton="",
    test=("D",),
    sources=("gt",),
    metrics=("MPJPE",),
    average="frame",
    train=("A", "B"),
    val=("C",),
    flip=False,
)


def subjects(train=(), val=(), test=(), **changes):
    """`SPEC` with these subjects."""
    return dataclasses.replace(SPEC, train=train, val=val, test=test, **changes)


SIZE = (1000, 800)


def recording(name="A/walk/1", frames=30, seed=0, skeleton=HUMAN36M_17, action="walk", **changes):
    """Smooth paths of joints 4 m before a pinhole of 1000 pixels, and where they are seen."""
    rng = np.random.default_rng([seed, *map(ord, name)])
    at = np.linspace(0, 2, frames)[:, None, None]
    still, sway = rng.normal(0, 0.4, (2, len(skeleton), 3))
    for side, x in (("left", 0.12), ("right", -0.12)):  # legs as people have them
        for joint, y in (("hip", 0.0), ("knee", 0.42), ("ankle", 0.84)):
            still[skeleton.index(f"{side}_{joint}")] = x, y, 0
    joints = still + 0.2 * np.sin(at + rng.uniform(0, 6, (len(skeleton), 3))) * sway + [0, 0, 4]
    xy = joints[..., :2] / joints[..., 2:] * 1000 + np.array(SIZE) / 2
    keypoints = changes.pop("keypoints", None) or Keypoints(xy, skeleton, 50, SIZE)
    return Recording(
        name=name,
        subject=name.split("/")[0],
        action=action,
        keypoints=keypoints,
        joints=joints,
        skeleton=skeleton,
        **changes,
    )


class Toy(RecordedDataset):
    """Two recordings of each of four subjects, the second one twice as long, or those given."""

    name = "toy"
    skeleton = HUMAN36M_17
    fps = 50.0

    def __init__(self, held=None):
        self.path = Path("toy")
        self.held = held or [
            recording(f"{subject}/{action}/1", frames, action=action)
            for subject in "ABCD"
            for action, frames in (("walk", 30), ("raise_left_arm", 61), ("raise_right_arm", 20))
        ]
        self.skeleton = self.held[0].skeleton

    def sources(self):
        return ("gt", "late")

    def _listed(self, sources, subjects):
        return [
            Entry(r.name, r.subject, r.name, r.action, "1", len(r), dict.fromkeys(sources, len(r)))
            for r in self.held
        ]

    def _read(self, entry, source):
        (r,) = (r for r in self.held if r.name == entry.name)
        return r if source == "gt" else late(r)


def late(r):
    """The 2D of another detector: each frame's joints where they were a frame before."""
    xy = r.keypoints.xy[np.maximum(np.arange(len(r)) - 1, 0)]
    return dataclasses.replace(r, keypoints=r.keypoints.replaced(xy=xy))


def recorded_config(**changes):
    """`tiny_config` in epochs of recordings."""
    return tiny_config(**{**EPOCHS, "validation_clips": 0, "model": MODEL, **changes})


def load(config=None, spec=SPEC, source="gt", held=None):
    return load_recorded(Toy(held), spec, source, config or recorded_config())


def noisy(**changes):
    return AugmentConfig(**{**vars(nothing()), **changes})
