"""The floor under every table: the mean pose and a linear regression, fitted in seconds.

Both offer ``lift(keypoints, camera)`` like a Lifter, so a protocol measures them alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ..datasets.clips import LabelledClip
from ..datasets.mocap_views import TRAINING_CAMERAS, Source2D, centered, make_view
from ..errors import InputError
from ..geometry.cameras import Camera, normalize_screen
from ..geometry.human36m import human36m_cameras
from ..lifting.features import FeatureConfig, screen_features
from ..skeletons import HUMAN36M_17
from ..tracks import Keypoints, Motion

#: What they are called where trained models are named.
CLASSICAL = ("mean-pose", "linear-regression")
_EVERY = 5  # frames; neighbouring frames of a clip add nothing to a linear fit
_RIDGE = 1e-3


class MeanPose:
    """Always says the mean of the training poses, in camera axes."""

    name = "mean pose"

    def __init__(self, clips: Sequence[LabelledClip]) -> None:
        total, count = np.zeros((17, 3)), 0
        for _, truth in _training_frames(clips, "gt"):
            total += truth.sum(axis=0)
            count += len(truth)
        self.pose = (total / count).astype(np.float32)

    def lift(self, keypoints: Keypoints, camera: Camera | None = None) -> Motion:
        """The mean pose in every frame."""
        return Motion(np.tile(self.pose, (len(keypoints), 1, 1)), HUMAN36M_17, keypoints.fps)


class LinearRegression:
    """Ridge regression from the root-relative 2D joints of one frame to its 3D joints.

    Args:
        clips: training clips.
        source: the kind of 2D it is fitted on and meant for.
    """

    name = "linear regression"

    def __init__(self, clips: Sequence[LabelledClip], source: Source2D) -> None:
        inputs, targets = zip(*_training_frames(clips, source), strict=True)
        x, y = _design(np.concatenate(inputs)), np.concatenate(targets).reshape(-1, 51)
        ridge = _RIDGE * len(x) * np.eye(x.shape[1]) * x.var()
        ridge[-1, -1] = 0.0
        self.weights = np.linalg.solve(x.T @ x + ridge, x.T @ y)

    def lift(self, keypoints: Keypoints, camera: Camera | None = None) -> Motion:
        """Every frame by itself."""
        points = keypoints.converted(HUMAN36M_17)
        joints = _design(_screen(points)) @ self.weights
        return Motion(joints.reshape(-1, 17, 3), HUMAN36M_17, keypoints.fps)


def classical(
    name: str, clips: Sequence[LabelledClip], source: Source2D
) -> MeanPose | LinearRegression:
    """The model of a name in `CLASSICAL`, fitted to training clips seen with one kind of 2D."""
    return MeanPose(clips) if name == CLASSICAL[0] else LinearRegression(clips, source)


def _screen(points: Keypoints) -> np.ndarray:
    filled = np.where(points.seen[..., None], points.xy, 0)
    screen = normalize_screen(filled, points.image_size)
    return screen_features(screen, points.seen, FeatureConfig(kind="screen"))


def _design(screen: np.ndarray) -> np.ndarray:
    relative = (screen - screen[:, :1]).reshape(len(screen), -1).astype(np.float64)
    return np.concatenate([relative, np.ones((len(screen), 1))], axis=1)


def _training_frames(
    clips: Sequence[LabelledClip], source: Source2D
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Screen points and truth of every fifth frame, each clip by one training subject's cameras."""
    if not clips:
        raise InputError("there are no training clips to fit to; check the corpus and the split")
    for c, clip in enumerate(clips):
        stand = LabelledClip(**{**clip.__dict__, "joints": centered(clip.joints)})
        subject = TRAINING_CAMERAS[c % len(TRAINING_CAMERAS)]
        for camera in human36m_cameras(subject):
            view = make_view(stand, camera, source)
            yield _screen(view.keypoints)[::_EVERY], view.truth[::_EVERY]
