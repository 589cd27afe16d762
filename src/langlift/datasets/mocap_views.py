"""What the `mocap` protocol shows a lifter: clips seen by four Human3.6M cameras.

A clip stands with the middle of its path at the world origin, where Human3.6M's cameras look. The
2D is the exact projection (``gt``) or that plus detector noise (``noisy``); the noise is keyed by
clip and camera, so every model sees the same points on every machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..geometry.cameras import Camera
from ..geometry.human36m import human36m_cameras
from ..skeletons import get_skeleton
from ..tracks import Keypoints
from .augment import coco_like
from .clips import LabelledClip
from .noise import add_detector_noise, stature

Source2D = Literal["gt", "noisy"]
SOURCES_2D: tuple[Source2D, ...] = ("gt", "noisy")
#: Cameras of this Human3.6M subject evaluate; the others' are for training.
EVALUATION_CAMERAS = "S9"
TRAINING_CAMERAS = ("S1", "S5", "S6", "S7", "S8")


@dataclass(frozen=True)
class View:
    """One clip as one camera sees it.

    Args:
        clip: the recording.
        camera: the camera.
        keypoints: what a lifter gets.
        truth: (f, 17, 3) metres relative to the pelvis, in the camera's axes.
    """

    clip: LabelledClip
    camera: Camera
    keypoints: Keypoints
    truth: np.ndarray


def centered(joints: np.ndarray) -> np.ndarray:
    """World joints (f, 17, 3) with the middle of the pelvis's path at x = y = 0."""
    path = joints[:, 0, :2]
    middle = (path.min(axis=0) + path.max(axis=0)) / 2
    return joints - np.append(middle, 0.0).astype(joints.dtype)


def view_rng(clip_id: str, camera: str, what: str) -> np.random.Generator:
    """The generator of one view's noise, the same on every machine."""
    key = hashlib.sha256(f"{clip_id}|{camera}|{what}".encode()).digest()
    return np.random.default_rng(int.from_bytes(key[:8], "little"))


def make_view(
    clip: LabelledClip,
    camera: Camera,
    source: Source2D,
    missing: float = 0.0,
    skeleton: Literal["human36m_17", "coco_17"] = "human36m_17",
) -> View:
    """One view of a clip.

    Args:
        clip: the recording; its world is used as it is.
        camera: where it is seen from.
        source: ``gt`` or ``noisy`` 2D.
        missing: share of the joints that are not found, scattered over the clip.
        skeleton: the convention the points come in; ``coco_17`` points are placed on an average
            head and on the hips as annotators click them.
    """
    cam = camera.to_camera(clip.joints.astype(np.float64))
    rng = view_rng(clip.clip_id, camera.name, source)
    points = coco_like(cam) if skeleton == "coco_17" else cam
    xy = camera.project(points)
    confidence = np.ones(xy.shape[:2])
    if source == "noisy":
        height = camera.focal[1] * stature(cam) / cam[:, 0, 2]
        xy, confidence = add_detector_noise(xy, height, rng, skeleton=get_skeleton(skeleton))
    if missing:
        lost = view_rng(clip.clip_id, camera.name, f"missing {missing}").random(xy.shape[:2])
        xy = np.where((lost < missing)[..., None], np.nan, xy)
    keypoints = Keypoints(
        xy,
        skeleton,
        fps=clip.fps,
        image_size=camera.image_size,
        confidence=np.maximum(confidence, 1e-3),
        provenance={"clip": clip.clip_id, "camera_name": camera.name, "source_2d": source},
    )
    return View(clip, camera, keypoints, (cam - cam[:, :1]).astype(np.float32))


def mocap_views(
    clips: Iterable[LabelledClip], source: Source2D, missing: float = 0.0
) -> Iterator[View]:
    """Every clip by every evaluation camera, clip by clip; arguments as of `make_view`."""
    cameras = human36m_cameras(EVALUATION_CAMERAS)
    for clip in clips:
        stand = LabelledClip(**{**clip.__dict__, "joints": centered(clip.joints)})
        for camera in cameras:
            yield make_view(stand, camera, source, missing)
