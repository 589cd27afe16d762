"""Motions to draw, and what a drawn picture holds, for the tests of pictures and videos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.image import imread

from langlift.skeletons import HUMAN36M_17
from langlift.tracks import ActionEstimate, Keypoints, Motion

# A standing person who faces the camera, metres: x right, y up, z away.
REST = {
    "pelvis": (0, 0.95, 0),
    "spine": (0, 1.2, 0),
    "thorax": (0, 1.45, 0),
    "neck_nose": (0, 1.55, -0.08),
    "head_top": (0, 1.7, 0),
}
for side, x in (("left", 1.0), ("right", -1.0)):
    REST |= {
        f"{side}_hip": (0.12 * x, 0.95, 0),
        f"{side}_knee": (0.13 * x, 0.5, 0),
        f"{side}_ankle": (0.14 * x, 0.08, 0),
        f"{side}_shoulder": (0.18 * x, 1.42, 0),
        f"{side}_elbow": (0.3 * x, 1.18, 0),
        f"{side}_wrist": (0.34 * x, 0.95, 0),
    }


def swinging(frames: int) -> np.ndarray:
    """(f, 17, 3) root-relative camera-space metres: the arms swing about the shoulders."""
    joints = np.tile([REST[name] for name in HUMAN36M_17.joints], (frames, 1, 1))
    angle = np.sin(np.linspace(0, 2 * np.pi, frames))
    for name in ("left", "right"):
        pivot = joints[:, HUMAN36M_17.index(f"{name}_shoulder")].copy()
        turn = angle if name == "left" else -angle
        for part in ("elbow", "wrist"):
            j = HUMAN36M_17.index(f"{name}_{part}")
            y = joints[:, j, 1] - pivot[:, 1]
            joints[:, j, 1] = pivot[:, 1] + np.cos(turn) * y
            joints[:, j, 2] = pivot[:, 2] + np.sin(turn) * y
    joints -= joints[:, :1]
    return joints * [1, -1, 1]


def toy(frames: int = 12, action: bool = True) -> Motion:
    estimate = None
    if action:
        edges = np.unique(np.linspace(0, frames, 4).astype(int))
        windows = np.stack([edges[:-1], edges[1:]], axis=1)
        rows = np.array([[0.7, 0.2, 0.06, 0.03, 0.01]] * len(windows))
        labels = ("SideLunge", "deep_squat", "sit_to_stand", "walking", "unknown")
        estimate = ActionEstimate(labels, rows, windows)
    origin = {
        "model": "toy",
        "weights_sha256": "0123456789abcdef",
        "camera": "focal length assumed",
    }
    return Motion(swinging(frames), HUMAN36M_17, 25, action=estimate, provenance=origin)


def seen_by_camera(motion: Motion, **changes) -> Keypoints:
    points = motion.joints + np.array([0, 0, 4.0])
    xy = 800 * points[..., :2] / points[..., 2:] + [320, 240]
    return Keypoints(xy, motion.skeleton, motion.fps, (640, 480), **changes)


def pixels(path: Path) -> np.ndarray:
    return (imread(path)[..., :3] * 255).round().astype(int)


def share_of(image: np.ndarray, colour: str) -> float:
    """Share of pixels that are almost of a colour."""
    wanted = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
    return float((np.abs(image - wanted).max(axis=-1) < 24).mean())


def unsure(motion: Motion, best: float) -> Motion:
    """The motion with two likely actions, the first of probability `best`."""
    estimate = ActionEstimate(
        ("straight_leg_raise", "walk", "jump"),
        np.array([[best, 0.35, 0.65 - best]]),
        np.array([[0, len(motion)]]),
    )
    return motion.replaced(action=estimate)


def in_world(motion: Motion) -> Motion:
    """The motion in world space, its pelvis 1.1 m over the floor."""
    x, y, z = np.moveaxis(motion.joints, -1, 0)
    return motion.replaced(joints=np.stack([x, z, 1.1 - y], axis=-1), space="world")
