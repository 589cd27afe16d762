"""Windows of motion, seen by cameras, turned into what the network is trained on.

The batch of step s depends on (seed, s) only; where it comes in pieces, piece p depends on (seed,
s, p). A sampler has no state to save, a resumed run continues with exactly the batches it would
have had, and it does not matter which process draws a piece.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch

from ..actions import ActionVocabulary
from ..datasets.augment import (
    change_body,
    detector_habits,
    drop_joints,
    mirror_world,
    mix_limbs,
    through_coco,
    tilt,
)
from ..datasets.clips import LabelledClip
from ..datasets.mocap_views import TRAINING_CAMERAS, centered
from ..datasets.noise import add_detector_noise, stature
from ..datasets.views import CameraBatch, random_cameras
from ..errors import InputError
from ..geometry.cameras import Camera
from ..geometry.human36m import human36m_cameras
from ..lifting.bundle import Bundle
from ..lifting.features import person_features, screen_features, to_virtual
from ..methods.base import Batch
from .config import TrainConfig
from .labels import whose_label
from .takes import Take

#: Frames beyond the network's window that the running means of the features may look at.
CONTEXT = 20
_NEAREST = 1.0  # metres; a camera that a person would run into steps back


@dataclass(frozen=True)
class _Windows:
    """World joints (b, f, 17, 3) of one step and their class indices (b)."""

    joints: np.ndarray
    action: np.ndarray


class Sampler(Protocol):
    """Where the windows of a run come from."""

    def batch(self, step: int, piece: int = 0) -> Batch:
        """One piece of the batch of a step; steps and pieces count from 0.

        The same call always gives the same values. They may lie in memory that is used again: a
        batch is good until the second next one is drawn.
        """
        ...


class WindowSampler:
    """Draws training batches from clips.

    Args:
        clips: the training clips, synthetic ones included.
        actions: the vocabulary; labels outside it count as unlabelled.
        config: the run.
        padding: frames the network needs before and after its output frames.
    """

    def __init__(
        self,
        clips: Sequence[object],
        actions: ActionVocabulary,
        config: TrainConfig,
        padding: tuple[int, int],
    ) -> None:
        clips = check_clips(clips)
        self.config = config
        self.padding = padding
        self._size = config.batch // config.accumulate
        self._joints = np.concatenate([centered(c.joints) for c in clips]).astype(np.float32)
        self._count = np.array([len(c) for c in clips])
        self._start = np.concatenate([[0], np.cumsum(self._count)[:-1]])
        classes, self._mirrored = class_indices(clips, actions)
        self._action = classes[whose_label(len(clips), config)]
        self._chance = _clip_chances(clips, config.synthetic_share)
        self._fixed: list[Camera] | None = None
        if config.cameras == "human36m":
            self._fixed = [c for s in TRAINING_CAMERAS for c in human36m_cameras(s)]

    def batch(self, step: int, piece: int = 0) -> Batch:
        """One piece of the batch of a step, see `Sampler`."""
        rng = step_rng(self.config, step, piece)
        windows = self._change(self._draw(rng), rng)
        cameras = self._cameras(windows.joints, rng)
        joints = cameras.to_camera(windows.joints)
        cameras, joints = _step_back(cameras, joints)
        xy, seen, confidence = self._observe(joints, cameras, rng)
        features, target = self._normalise(xy, seen, joints, cameras)
        sure = confidence[:, CONTEXT : xy.shape[1] - CONTEXT]
        return Batch(
            xy=torch.from_numpy(np.ascontiguousarray(features, dtype=np.float32)),
            joints=torch.from_numpy(np.ascontiguousarray(target, dtype=np.float32)),
            action=torch.from_numpy(windows.action),
            confidence=torch.from_numpy(np.ascontiguousarray(sure, dtype=np.float32)),
        )

    def _draw(self, rng: np.random.Generator) -> _Windows:
        """Windows from random clips; their end frames repeat beyond the ends of the clip."""
        config = self.config
        clip = rng.choice(len(self._chance), self._size, p=self._chance)
        count = self._count[clip]
        room = count - config.frames
        low, high = np.minimum(room, 0), np.maximum(room, 0)
        first = low + rng.random(self._size) * (high - low)
        speed = np.exp(np.log1p(config.augment.speed) * rng.uniform(-1, 1, self._size))
        before, after = self.padding
        offset = np.arange(-before - CONTEXT, config.frames + after + CONTEXT)
        middle = config.frames / 2
        at = first[:, None] + middle + (offset - middle) * speed[:, None]
        at = np.clip(at, 0, count[:, None] - 1)
        base = np.floor(at).astype(int)
        part = (at - base)[..., None, None].astype(np.float32)
        after_base = np.minimum(base + 1, count[:, None] - 1)
        start = self._start[clip][:, None]
        a, b = self._joints[start + base], self._joints[start + after_base]
        return _Windows(a + part * (b - a), self._action[clip])

    def _change(self, windows: _Windows, rng: np.random.Generator) -> _Windows:
        """Mirror, rebody, mix, tilt and turn; a window with borrowed limbs keeps its label."""
        augment = self.config.augment
        mirrored = rng.random(len(windows.joints)) < 0.5
        joints = mirror_world(windows.joints, mirrored)
        action = np.where(mirrored, self._mirrored[windows.action], windows.action)
        if augment.mix:
            joints = mix_limbs(joints, augment, rng)
        joints = change_body(joints, augment, rng)
        if augment.tilt_share:
            joints = tilt(joints, augment, rng)
        return _Windows(_turn(joints, rng.uniform(0, 2 * np.pi, len(joints))), action)

    def _cameras(self, joints: np.ndarray, rng: np.random.Generator) -> CameraBatch:
        if self._fixed is None:
            target = joints[:, joints.shape[1] // 2].mean(axis=1)
            return random_cameras(target, self.config.ranges, rng)
        pick = rng.integers(len(self._fixed), size=len(joints))
        return CameraBatch.of([self._fixed[i] for i in pick])

    def _observe(
        self, joints: np.ndarray, cameras: CameraBatch, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Pixels, what of them is seen, and the detector's confidence (0 where nothing is)."""
        augment, b = self.config.augment, len(joints)
        source = joints
        by_coco = rng.random(b) < augment.coco
        if by_coco.any():
            source = joints.copy()
            source[by_coco] = through_coco(joints[by_coco], rng)
        if augment.habit_share:
            source = detector_habits(source, augment, rng)
        xy = cameras.project(source)
        confidence = np.ones(xy.shape[:-1])
        amount = rng.uniform(0, augment.noise_amount, b) * (rng.random(b) < augment.noise)
        if amount.any():
            height = cameras.focal[:, :1] * stature(joints) / joints[:, :, 0, 2]
            noisy, sure = add_detector_noise(xy, height, rng)
            part = amount.astype(xy.dtype)[:, None, None, None]
            xy = xy + part * (noisy - xy)
            confidence = np.clip(1 + part[..., 0] * (sure - 1), 0, 1)
        if not augment.drop:
            return xy, np.ones(xy.shape[:-1], dtype=bool), confidence
        seen = drop_joints(xy.shape[:-1], augment, rng)
        return xy, seen, confidence * seen

    def _normalise(
        self, xy: np.ndarray, seen: np.ndarray, joints: np.ndarray, cameras: CameraBatch
    ) -> tuple[np.ndarray, np.ndarray]:
        """Features (b, f, 17, 2) and root-relative targets (b, f_out, 17, 3), context cut off."""
        keep = slice(CONTEXT, xy.shape[1] - CONTEXT)
        out = slice(CONTEXT + self.padding[0], CONTEXT + self.padding[0] + self.config.frames)
        target = joints[:, out] - joints[:, out, :1]
        features_config = self.config.features
        if features_config.kind == "screen":
            return screen_features(cameras.screen(xy), seen, features_config)[:, keep], target
        features, rotation = person_features(cameras.rays(xy), seen, features_config)
        return features[:, keep], to_virtual(target, rotation[:, out])


def step_rng(config: TrainConfig, step: int, piece: int) -> np.random.Generator:
    """The generator of a piece of a step's batch; nothing else decides what it gives."""
    key = [config.seed, step] if config.accumulate == 1 else [config.seed, step, piece]
    return np.random.default_rng(key)


def check_clips(material: Sequence[object]) -> list[LabelledClip]:
    """The material of a run on clips of motion.

    Raises:
        InputError: unless there are clips and all have the frame rate that networks are trained at.
    """
    clips = [clip for clip in material if isinstance(clip, LabelledClip)]
    if len(clips) < len(material):
        raise InputError(
            "the training data are recordings, which only their own cameras see; set cameras to "
            "'recorded'"
        )
    if not clips:
        raise InputError("there are no training clips; check the corpus folder and the split")
    for clip in clips:
        if clip.fps != Bundle.fps:
            raise InputError(
                f"clip {clip.clip_id!r} has {clip.fps:g} frames per second; networks are "
                f"trained at {Bundle.fps:g}: resample the clips first"
            )
    return clips


def class_indices(
    clips: Sequence[LabelledClip], actions: ActionVocabulary
) -> tuple[np.ndarray, np.ndarray]:
    """The class of each clip (n), -1 for a label outside the vocabulary, and mirrored classes.

    The second array gives by its index the class of the mirrored motion; its last entry is -1, so
    that what is not labelled stays so.
    """
    known = {label: k for k, label in enumerate(actions.labels)}
    classes = np.array([known.get(clip.action, -1) for clip in clips])
    return classes, np.array([*actions.mirror, -1])


def group_weights(clips: Sequence[LabelledClip] | Sequence[Take]) -> np.ndarray:
    """How often each clip or take is drawn, compared with the others.

    Frames of one person doing one action are much alike, so each (subject, action) group counts
    with the square root of its frames.
    """
    group = Counter[tuple[str, str]]()
    for clip in clips:
        group[clip.subject, clip.action] += len(clip)
    return np.array([len(c) / np.sqrt(group[c.subject, c.action]) for c in clips])


def _clip_chances(clips: Sequence[LabelledClip], synthetic_share: float) -> np.ndarray:
    """How often a clip is drawn; synthetic clips together get their share."""
    chance = group_weights(clips)
    synthetic = np.array([c.source == "synthetic" for c in clips])
    if synthetic.any() and not synthetic.all():
        chance[synthetic] *= synthetic_share / chance[synthetic].sum()
        chance[~synthetic] *= (1 - synthetic_share) / chance[~synthetic].sum()
    return chance / chance.sum()


def way_back(joints: np.ndarray) -> np.ndarray:
    """How far cameras have to step back along their axes until nobody is nearer than a metre.

    Args:
        joints: (*, f, j, 3) metres, camera space.

    Returns:
        (*) metres, 0 where nobody is too near.
    """
    return np.maximum(_NEAREST - joints[..., 2].min(axis=(-2, -1)), 0)


def _turn(joints: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Turn windows (b, f, 17, 3) about the vertical through the world origin."""
    cos, sin = (f(angle).astype(joints.dtype)[:, None, None] for f in (np.cos, np.sin))
    x, y, z = np.moveaxis(joints, -1, 0)
    return np.stack([cos * x - sin * y, sin * x + cos * y, z], axis=-1)


def _step_back(cameras: CameraBatch, joints: np.ndarray) -> tuple[CameraBatch, np.ndarray]:
    """Cameras `way_back` from where they stand, and joints (b, f, 17, 3) as they see them there."""
    short = way_back(joints)
    forward = cameras.rotation[:, 2]
    moved = replace(cameras, position=cameras.position - short[:, None] * forward)
    return moved, joints + short[:, None, None, None] * np.array([0, 0, 1], dtype=joints.dtype)
