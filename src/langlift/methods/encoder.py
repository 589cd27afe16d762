"""Temporal encoders as methods: what VPose, A3DHP, MixSTE and DSTformer have in common.

An encoder maps 2D to 3D in three stages (`langlift.methods.base.TemporalEncoder`). Around it stand
its losses and a small head that names the action: one linear layer on the last features of each
output frame (their mean over the joints where there is one per joint); a window's logits are the
mean over its frames. The head is not part of any of the papers.

An encoder may offer ``prepared(dtype)``: an encoder of the same three stages for inference alone,
with weights that no longer change. In float32 its output is the encoder's up to rounding.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..actions import ActionVocabulary
from ..errors import InputError
from .base import (
    DTYPES,
    Batch,
    Guidance,
    Losses,
    Method,
    MethodConfig,
    Mirror,
    Precision,
    Prediction,
    Predictor,
    Sampling,
    Stage,
    TemporalEncoder,
    autocast,
    autocasts,
    mirror_averaged,
    refuse_guidance,
    refuse_sampling,
)
from .losses import (
    JointWeights,
    joint_weights,
    position_error,
    scaled_error,
    temporal_consistency,
    velocity_error,
)

_WEIGHTS = ("action_weight", "velocity_weight", "consistency_weight", "scale_weight")


@dataclass(frozen=True, kw_only=True)
class EncoderConfig(MethodConfig):
    """Settings of every encoder: what its training minimises, besides MPJPE.

    Args:
        action_weight: weight of the action head's cross-entropy (ours; the papers have no action),
            which is averaged over the labelled windows of each piece of a step.
        velocity_weight: weight of the velocity error of the predicted motion.
        consistency_weight: weight of the squared displacements of the predicted motion.
        scale_weight: weight of the error after scaling each pose to the true one.
        joint_weights: weights of the joints in MPJPE and consistency: ``even``, or those of MixSTE
            for a skeleton; see `langlift.methods.losses.joint_weights`.
        self_weighted: minimise half the square of the total of the poses' terms, as the released
            code of MixSTE does; the action's term is added beside the square. Where a step comes
            in pieces (``accumulate``, several processes), each is weighted by its own total: the
            gradient is the mean of L_i grad L_i over the pieces, not L grad L of the whole batch.
    """

    action_weight: float = 0.0
    velocity_weight: float = 0.0
    consistency_weight: float = 0.0
    scale_weight: float = 0.0
    joint_weights: JointWeights = "even"
    self_weighted: bool = False

    @property
    def trains_actions(self) -> bool:
        """Whether the action head has a weight in the loss."""
        return self.action_weight > 0

    def check_losses(self, joints: int) -> None:
        """Raise `InputError` for weights that cannot be used with so many output joints."""
        for name in _WEIGHTS:
            weight = getattr(self, name)
            if not abs(weight) < math.inf:
                raise InputError(f"{name} is {weight}; a weight must be a finite number")
            if weight < 0:
                raise InputError(f"{name} is {weight}; a weight cannot be negative")
            if weight and name in ("velocity_weight", "consistency_weight"):
                self._check_neighbours(name)
        weights = joint_weights(self.joint_weights)
        if weights is not None and len(weights) != joints:
            raise InputError(
                f"joint_weights is {self.joint_weights!r}, which are {len(weights)} weights, but "
                f"{joints} joints come out; give 'even' or those of the skeleton"
            )

    def _check_neighbours(self, name: str) -> None:
        if self.output_frames == 1:
            raise InputError(
                f"{name} needs neighbouring output frames; the windows of this network have one"
            )

    def check_equal_joints(self, count: int) -> None:
        """Raise unless both joint counts are `count`."""
        for name in ("joints_in", "joints_out"):
            if getattr(self, name) != count:
                raise InputError(
                    f"{name} is {getattr(self, name)}; lifters work on {count} joints: leave "
                    f"{name} at {count}"
                )


class EncoderMethod(Method):
    """A temporal encoder as a Method.

    Args:
        name: of the method, for messages.
        encoder: with the three stages, ``padding`` (frames needed before and after an output
            frame) and ``width`` (size of the last features).
        actions: classes of the action head; without any there is no head.
    """

    encoder: Any  # a TemporalEncoder that is an nn.Module

    def __init__(self, name: str, encoder: nn.Module, config: Any, actions: ActionVocabulary):
        super().__init__()
        self.name = name
        self.config = config
        self.actions = actions
        self.encoder = encoder
        width: int = encoder.width  # type: ignore[assignment]
        self.action_head = nn.Linear(width, len(actions)) if len(actions) else None

    @property
    def padding(self) -> tuple[int, int]:
        """Frames needed before and after an output frame."""
        return self.encoder.padding

    def forward(self, xy: Tensor, confidence: Tensor | None = None) -> Tensor:
        """(b, f, j, 2) to (b, f_out, j, 3)."""
        return self.encoder(xy, confidence)

    def predict(
        self,
        xy: Tensor,
        confidence: Tensor | None = None,
        *,
        guidance: Guidance | None = None,
        sampling: Sampling | None = None,
    ) -> Prediction:
        """Joints and per-frame action logits in one pass."""
        said = self._predict_with(self.encoder, self.action_head)
        return said(xy, confidence, guidance=guidance, sampling=sampling)

    def prepared(self, precision: Precision) -> Predictor:
        """`predict` through the encoder's own form for inference, where it has one."""
        head = copy.deepcopy(self.action_head)
        if head is not None:
            head.requires_grad_(False)
        return self._predict_with(prepared_encoder(self.encoder, precision), head)

    def _predict_with(self, encoder: TemporalEncoder, head: nn.Module | None) -> Predictor:
        """What lifts by these parts, and refuses what no encoder can do."""

        def predict(
            xy: Tensor,
            confidence: Tensor | None = None,
            *,
            guidance: Guidance | None = None,
            sampling: Sampling | None = None,
            mirror: Mirror | None = None,
        ) -> Prediction:
            refuse_sampling(self.name, sampling)
            refuse_guidance(self.name, guidance)
            if mirror is not None:
                return mirror_averaged(predict, xy, confidence, mirror)
            return _predict(encoder, head, xy, confidence)

        return predict

    def training_loss(self, batch: Batch) -> Losses:
        """MPJPE (the target root is 0, so the predicted root is drawn to 0), and what has a weight.

        Terms: ``mpjpe`` (or ``weighted_mpjpe``), ``velocity``, ``consistency``, ``scale``,
        ``action``.
        """
        prediction = self.predict(batch.xy, batch.confidence)
        found = pose_losses(self.config, prediction.joints, batch.joints)
        weight = self.config.action_weight
        if not weight or prediction.action_logits is None:
            return found
        said = action_loss(prediction.action_logits.mean(dim=1), batch.action)
        return found.with_term("action", said, weight)


class AutocastEncoder:
    """The stages of an encoder in bf16 by autocast, where it has no better form of its own.

    Args:
        encoder: of the three stages.
    """

    def __init__(self, encoder: Any) -> None:
        self._encoder = encoder

    def shallow(self, xy: Tensor, confidence: Tensor | None = None) -> Stage:
        """Those of the encoder."""
        with autocast(xy.device, "bf16"):
            return self._encoder.shallow(xy, confidence)

    def advance(self, stage: Stage, layer: int) -> Stage:
        """That of the encoder, which must have one."""
        with autocast(stage.features.device, "bf16"):
            return self._encoder.advance(stage, layer)

    def deep(self, stage: Stage) -> Tensor:
        """Those of the encoder."""
        with autocast(stage.features.device, "bf16"):
            return self._encoder.deep(stage)

    def head(self, zd: Tensor) -> Tensor:
        """Joints in float32: metres need the digits."""
        return self._encoder.head(zd.float())


class _AutocastWindows(AutocastEncoder):
    """The same of an encoder that gives the features of single windows."""

    def window_features(self, stage: Stage, starts: Tensor) -> Tensor:
        """Those of the encoder."""
        with autocast(stage.features.device, "bf16"):
            return self._encoder.window_features(stage, starts)


def prepared_encoder(encoder: Any, precision: Precision) -> TemporalEncoder:
    """An encoder for inference: its own form (``prepared``), or what autocast makes of it."""
    if hasattr(encoder, "prepared"):
        return encoder.prepared(DTYPES[precision])
    if precision == "fp32":
        return encoder
    return (_AutocastWindows if hasattr(encoder, "window_features") else AutocastEncoder)(encoder)


def pose_losses(config: EncoderConfig, joints: Tensor, target: Tensor) -> Losses:
    """What an encoder's training minimises of its joints (b, f, j, 3) and the true ones.

    Terms: ``mpjpe`` (or ``weighted_mpjpe``), ``velocity``, ``consistency``, ``scale``, those that
    have a weight.
    """
    values = joint_weights(config.joint_weights)
    per_joint = None if values is None else torch.tensor(values, device=joints.device)
    name = "mpjpe" if per_joint is None else "weighted_mpjpe"
    terms = {name: position_error(joints, target, per_joint)}
    if config.velocity_weight:
        terms["velocity"] = velocity_error(joints, target)
    if config.consistency_weight:
        terms["consistency"] = temporal_consistency(joints, per_joint)
    if config.scale_weight:
        terms["scale"] = scaled_error(joints, target)
    weights = {t: 1.0 if t == name else getattr(config, f"{t}_weight") for t in terms}
    return Losses(terms, weights, config.self_weighted)


def _predict(
    encoder: TemporalEncoder, head: nn.Module | None, xy: Tensor, confidence: Tensor | None
) -> Prediction:
    zd = encoder.deep(encoder.shallow(xy, confidence))
    if head is None:
        return Prediction(encoder.head(zd))
    features = zd.mean(dim=2) if zd.ndim == 4 else zd  # (b, f_out, d)
    if not autocasts(zd.device):
        features = features.float()
    return Prediction(encoder.head(zd), head(features).float())


def action_loss(logits: Tensor, action: Tensor) -> Tensor:
    """Cross-entropy of windows' logits (b, k), over the windows with a label (not -1)."""
    labelled = action >= 0
    if not labelled.any():
        return logits.sum() * 0.0
    return F.cross_entropy(logits[labelled], action[labelled])
