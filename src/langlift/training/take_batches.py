"""Windows drawn at random from recordings, with what can be added to 2D that is given.

As for drawn windows of motion, the batch of a step depends on seed and step only. Half of the
windows are mirrored; detector noise and missing joints come on top where they are asked for.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ..actions import ActionVocabulary
from ..datasets.augment import drop_joints
from ..datasets.noise import add_detector_noise
from ..lifting.features import screen_features
from ..methods.base import Batch
from .batches import CONTEXT, group_weights, step_rng
from .config import TrainConfig
from .labels import take_classes
from .takes import check_takes

#: Standing height of a person over the length of all bones, one after the other.
_HEIGHT_OF_BONES = 1.7 / 4.1


class TakeSampler:
    """Draws training batches from takes.

    Args:
        takes: what is trained on.
        actions: the vocabulary; labels outside it count as unlabelled.
        config: the run.
        padding: frames the network needs before and after its output frames.

    Raises:
        InputError: for takes that cannot be trained on together.
    """

    def __init__(
        self,
        takes: Sequence[object],
        actions: ActionVocabulary,
        config: TrainConfig,
        padding: tuple[int, int],
    ) -> None:
        self._takes = check_takes(takes)
        self.config = config
        self.padding = padding
        self._skeleton = self._takes[0].skeleton
        self._size = config.batch // config.accumulate
        self._classes = take_classes(self._takes, actions, config)
        self._mirrored = np.array([*actions.mirror, -1])
        weights = group_weights(self._takes)
        self._chance = weights / weights.sum()

    def batch(self, step: int, piece: int = 0) -> Batch:
        """One piece of the batch of a step, see `Sampler`."""
        rng = step_rng(self.config, step, piece)
        xy, confidence, joints, action = self._draw(rng)
        mirrored = rng.random(self._size) < 0.5
        swap = self._skeleton.mirror
        xy[mirrored] = xy[mirrored][:, :, swap] * np.array([-1, 1], np.float32)
        joints[mirrored] = joints[mirrored][:, :, swap] * np.array([-1, 1, 1], np.float32)
        confidence[mirrored] = confidence[mirrored][:, :, swap]
        action = np.where(mirrored, self._mirrored[action], action)
        xy, confidence = self._disturb(xy, confidence, joints, rng)
        keep = slice(CONTEXT, xy.shape[1] - CONTEXT)
        out = slice(CONTEXT + self.padding[0], CONTEXT + self.padding[0] + self.config.frames)
        return Batch(
            xy=torch.from_numpy(np.ascontiguousarray(xy[:, keep])),
            joints=torch.from_numpy(np.ascontiguousarray(joints[:, out])),
            action=torch.from_numpy(action),
            confidence=torch.from_numpy(np.ascontiguousarray(confidence[:, keep])),
        )

    def _draw(self, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """Screen points, confidence, joints (b, f, j, .) and classes (b) of random windows.

        The end frames repeat beyond the ends of a take; the class is that of the middle frame.
        """
        frames, (before, after) = self.config.frames, self.padding
        offset = np.arange(-before - CONTEXT, frames + after + CONTEXT)
        found: list[tuple[np.ndarray, ...]] = []
        for number in rng.choice(len(self._takes), self._size, p=self._chance):
            take = self._takes[number]
            room = len(take) - frames
            first = rng.integers(min(room, 0), max(room, 0) + 1)
            at = np.clip(first + offset, 0, len(take) - 1)
            middle = np.clip(first + frames // 2, 0, len(take) - 1)
            sure = np.ones((len(at), len(self._skeleton)), np.float32)
            if take.confidence is not None:
                sure = take.confidence[at]
            action = self._classes[number][middle]
            found.append((take.screen[at], sure, take.joints[at], action))
        xy, confidence, joints, action = (np.stack(part) for part in zip(*found, strict=True))
        return xy, confidence, joints, action

    def _disturb(
        self,
        xy: np.ndarray,
        confidence: np.ndarray,
        joints: np.ndarray,
        rng: np.random.Generator,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Points (b, f, j, 2) and confidence (b, f, j) with noise, and without dropped joints."""
        augment, b = self.config.augment, len(xy)
        amount = rng.uniform(0, augment.noise_amount, b) * (rng.random(b) < augment.noise)
        if amount.any():
            height = np.broadcast_to(self._height(xy, joints)[:, None], xy.shape[:2])
            noisy, sure = add_detector_noise(xy, height, rng, skeleton=self._skeleton)
            part = amount.astype(np.float32)[:, None, None, None]
            xy = xy + part * (noisy - xy)
            confidence = confidence * np.clip(1 + part[..., 0] * (sure - 1), 0, 1)
        if augment.drop:
            seen = drop_joints(xy.shape[:3], augment, rng, self._skeleton)
            xy = screen_features(xy, seen, self.config.features, skeleton=self._skeleton)
            confidence = confidence * seen
        return xy.astype(np.float32), confidence.astype(np.float32)

    def _height(self, xy: np.ndarray, joints: np.ndarray) -> np.ndarray:
        """(b) how tall a standing person would be on the screen, from how large the pose is there.

        The size of the pose on the screen over its size across the line of sight, times the length
        of its bones: it asks for no lens and no unit.
        """
        flat, solid = (v - v.mean(axis=2, keepdims=True) for v in (xy, joints[..., :2]))
        scale = np.sqrt((flat**2).sum(axis=(1, 2, 3)) / (solid**2).sum(axis=(1, 2, 3)).clip(1e-12))
        ends = np.array(self._skeleton.bones)
        bones = np.linalg.norm(joints[:, :, ends[:, 0]] - joints[:, :, ends[:, 1]], axis=-1)
        return scale * bones.sum(axis=2).mean(axis=1) * _HEIGHT_OF_BONES
