"""Recordings of people who never were, and runs on them that are small enough for tests."""

import dataclasses

import numpy as np
from tiny_runs import MODEL, tiny_config

from langlift.datasets.augment import nothing
from langlift.datasets.recordings import Entry, RecordedDataset, Recording
from langlift.lifting.features import FeatureConfig
from langlift.skeletons import HUMAN36M_17
from langlift.tracks import Keypoints
from langlift.training.recorded import Parts

SCREEN = FeatureConfig("screen")
RECORDED = {"cameras": "recorded", "features": SCREEN, "augment": nothing()}
#: As the papers have it, and drawn at random.
EPOCHS, DRAWN = {**RECORDED, "windows": "epochs"}, {**RECORDED, "windows": "drawn"}
PARTS = Parts("toy", ("A", "B"), ("C",), ("D",))
SIZE = (1000, 800)


def recording(name="A/walk/1", frames=30, seed=0, skeleton=HUMAN36M_17, action="walk", **changes):
    """Smooth paths of joints 4 m before a pinhole of 1000 pixels, and where they are seen."""
    rng = np.random.default_rng([seed, *map(ord, name)])
    at = np.linspace(0, 2, frames)[:, None, None]
    still, sway = rng.normal(0, 0.4, (2, len(skeleton), 3))
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
        self.held = held or [
            recording(f"{subject}/{action}/1", frames, action=action)
            for subject in "ABCD"
            for action, frames in (("walk", 30), ("raise_left_arm", 61), ("raise_right_arm", 20))
        ]
        self.skeleton = self.held[0].skeleton

    def sources(self):
        return ("gt", "late")

    def entries(self):
        return [Entry(r.name, r.subject, r.name, r.action, "1", len(r)) for r in self.held]

    def recordings(self, source, subjects=None, actions=None):
        for r in self.held:
            wanted = subjects is None or r.subject in subjects
            if wanted and (actions is None or r.action in actions):
                yield r if source == "gt" else late(r)


def late(r):
    """The 2D of another detector: each frame's joints where they were a frame before."""
    xy = r.keypoints.xy[np.maximum(np.arange(len(r)) - 1, 0)]
    return dataclasses.replace(r, keypoints=r.keypoints.replaced(xy=xy))


def recorded_config(**changes):
    """`tiny_config` in epochs of recordings."""
    return tiny_config(**{**EPOCHS, "validation_clips": 0, "model": MODEL, **changes})
