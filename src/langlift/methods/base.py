"""The two contracts of the house: what a Method and what a temporal encoder is.

Networks take exactly ``(b, f, j, c)``: normalised 2D in, metres relative to the root out. Camera,
crop and root belong to the lifter and never to a network.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from ..actions import ActionVocabulary
from ..errors import InputError
from .config import MethodConfig  # noqa: F401 (a part of the first contract)

#: Numbers a network is run in: ``fp32``, or ``bf16`` for matrix products and features.
Precision = Literal["fp32", "bf16"]
DTYPES: Mapping[str, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class Guidance:
    """What is known about the action before lifting, and where that knowledge came from.

    ``given`` is a user's word. ``oracle`` means that ground truth of the test data is used; every
    figure made with it carries the word. ``predicted`` is only for what a lifter found itself in a
    first pass over the track.
    """

    kind: Literal["none", "label", "text"] = "none"
    value: str = ""
    source: Literal["predicted", "given", "oracle"] = "given"


@dataclass(frozen=True)
class Sampling:
    """How a stochastic method samples. A deterministic method refuses what it cannot do."""

    hypotheses: int = 1
    steps: int = 1
    eta: float = 1.0
    generator: torch.Generator | None = None


@dataclass(frozen=True)
class Mirror:
    """What becomes of joints and classes in a mirror.

    Args:
        joints: (j) index of the joint that each becomes.
        actions: (k) index of the class of the mirrored motion.
    """

    joints: Tensor
    actions: tuple[int, ...] = ()

    def points(self, points: Tensor) -> Tensor:
        """2D or 3D joints (*, j, c) seen in a mirror; twice gives them back."""
        sign = torch.ones(points.shape[-1], dtype=points.dtype, device=points.device)
        sign[0] = -1
        return points[..., self.joints.to(points.device), :] * sign

    def confidence(self, confidence: Tensor | None) -> Tensor | None:
        """Confidence (*, j) of the mirrored joints."""
        return None if confidence is None else confidence[..., self.joints.to(confidence.device)]

    def logits(self, logits: Tensor) -> Tensor:
        """Logits (*, k) of the mirrored motion as those of the motion itself."""
        return logits[..., list(self.actions)]


@dataclass(frozen=True)
class Prediction:
    """What a method says about a batch of windows.

    Args:
        joints: (b, f_out, j, 3) metres relative to the root, in the axes of the input features.
        action_logits: (b, f_out, k) per output frame, or None without a head; a method that names
            a window as a whole repeats its logits over the window's frames.
        hypotheses: (h, b, f_out, j, 3) or None.
    """

    joints: Tensor
    action_logits: Tensor | None = None
    hypotheses: Tensor | None = None


@dataclass(frozen=True)
class Losses:
    """Named loss terms (scalars) and their weights; the total is their weighted sum.

    Args:
        terms: scalars by name.
        weights: of the terms, by the same names.
        self_weighted: minimise half the square of the sum, whose gradient is the sum's times the
            sum: what the released code of MixSTE, D3DP and FinePOSE does by
            ``loss.backward(loss)``.
        beside: names of the terms that stand beside that square, not in it: a cross-entropy would
            otherwise scale the gradients of the poses, and they its own.
    """

    terms: Mapping[str, Tensor]
    weights: Mapping[str, float]
    self_weighted: bool = False
    beside: frozenset[str] = frozenset()

    @property
    def total(self) -> Tensor:
        """Weighted sum of all terms."""
        return self._sum(self.terms)

    def with_term(self, name: str, value: Tensor, weight: float) -> Losses:
        """These and one term more, which is never squared."""
        terms, weights = {**self.terms, name: value}, {**self.weights, name: weight}
        return Losses(terms, weights, self.self_weighted, self.beside | {name})

    @property
    def objective(self) -> Tensor:
        """What is minimised: the total, or half the square of a part of it and the rest."""
        if not self.self_weighted:
            return self.total
        squared = self._sum([name for name in self.terms if name not in self.beside])
        rest = [name for name in self.terms if name in self.beside]
        return squared**2 / 2 + self._sum(rest) if rest else squared**2 / 2

    def _sum(self, names: Iterable[str]) -> Tensor:
        return torch.stack([self.weights[name] * self.terms[name] for name in names]).sum()


@dataclass(frozen=True)
class Batch:
    """Training windows of one step.

    Args:
        xy: (b, f, j, 2) input features.
        joints: (b, f_out, j, 3) targets, metres relative to the root, in the features' axes.
        action: (b) class index, -1 where the window has no label.
        confidence: (b, f, j) of the 2D joints, 0 where one was filled in; None: all certain.
    """

    xy: Tensor
    joints: Tensor
    action: Tensor
    confidence: Tensor | None = None

    def to(self, device: torch.device | str) -> Batch:
        """The same on another device."""
        sure = self.confidence
        return Batch(
            self.xy.to(device),
            self.joints.to(device),
            self.action.to(device),
            None if sure is None else sure.to(device),
        )


@dataclass(frozen=True)
class Stage:
    """Shallow features of a temporal encoder.

    Args:
        features: (b, t, d).
        stride: frames between two time steps.
        state: whatever the encoder's `deep` needs besides; the encoder's own business.
        layer: whose features they are; that of `shallow` is 1.
    """

    features: Tensor
    stride: int
    state: Any = None
    layer: int = 1


@runtime_checkable
class TemporalEncoder(Protocol):
    """What a plug-in such as ActionPrompt attaches to.

    ``encoder(xy) == encoder.head(encoder.deep(encoder.shallow(xy)))`` to the bit. What else an
    encoder may offer is optional:

    - ``padding``: frames needed before and after an output frame; (0, 0) where it is absent.
    - ``prepared(dtype)``: a form for inference, see `langlift.methods.encoder`.
    - ``layers``, and ``advance(stage, layer)``: the stage after a deeper layer (`Stage.layer`), the
      one of `shallow` being 1; `deep` goes on from whatever stage it is given.
    - ``window_features(stage, starts)``: the stage's features of single windows, as the encoder
      sees them where it is trained on windows: (b, n, t, d) of the windows that begin at the input
      frames `starts` (n), each as long as the encoder's receptive field.
    """

    def shallow(self, xy: Tensor, confidence: Tensor | None = None) -> Stage:
        """First-stage features of (b, f, j, 2)."""
        ...

    def deep(self, stage: Stage) -> Tensor:
        """Last features before the head: (b, t, d) or (b, f, j, d)."""
        ...

    def head(self, zd: Tensor) -> Tensor:
        """(b, f_out, j, 3) from the last features."""
        ...


class Predictor(Protocol):
    """What lifts: `Method.predict`, or a faster form of it for weights that no longer change.

    With `mirror` the result is averaged with the lifted mirror image, put back; what is chosen on
    the way, such as an action, is chosen once for both.
    """

    def __call__(
        self,
        xy: Tensor,
        confidence: Tensor | None = None,
        *,
        guidance: Guidance | None = None,
        sampling: Sampling | None = None,
        mirror: Mirror | None = None,
    ) -> Prediction:
        """Lift (b, f, j, 2) normalised features."""
        ...


class Method(nn.Module, ABC):
    """What lifting, training and evaluation know of a method: a module with three promises.

    `forward` takes exactly (b, f, j, 2) and gives (b, f_out, j, 3).
    """

    config: Any  # a frozen dataclass on MethodConfig
    actions: ActionVocabulary

    @property
    @abstractmethod
    def padding(self) -> tuple[int, int]:
        """Frames needed before and after an output frame."""

    @abstractmethod
    def predict(
        self,
        xy: Tensor,
        confidence: Tensor | None = None,
        *,
        guidance: Guidance | None = None,
        sampling: Sampling | None = None,
    ) -> Prediction:
        """Lift (b, f, j, 2) normalised features; confidence is (b, f, j), None: all certain."""

    @abstractmethod
    def training_loss(self, batch: Batch) -> Losses:
        """Named terms, their weights and the total."""

    def start_training(self) -> None:
        """Make what only training needs; called once, before there is an optimiser."""

    def lifting_state(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The tensors of a bundle from those of a network in training (a `state_dict`)."""
        return dict(state)

    def prepared(self, precision: Precision) -> Predictor:
        """`predict` for many passes, in evaluation mode, with weights that no longer change.

        A method that knows a faster form overrides this; the results are those of `predict` up to
        rounding (1e-5 in fp32). Weights may be copied or shared: prepare anew after a change. Here
        ``bf16`` is autocast.
        """

        def predict(
            xy: Tensor,
            confidence: Tensor | None = None,
            *,
            mirror: Mirror | None = None,
            **options: Any,
        ) -> Prediction:
            if mirror is not None:
                return mirror_averaged(predict, xy, confidence, mirror, **options)
            with autocast(xy.device, precision):
                return self.predict(xy, confidence, **options)

        return predict


def autocast(device: torch.device, precision: Precision) -> AbstractContextManager[Any]:
    """Automatic bf16 on a device, for fp32 none; where there are shapes only, none to switch."""
    if device.type == "meta":
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


def autocasts(device: torch.device) -> bool:
    """Whether types of numbers are being chosen automatically there, see `autocast`."""
    return device.type != "meta" and torch.is_autocast_enabled(device.type)


def mirror_averaged(
    predict: Predictor, xy: Tensor, confidence: Tensor | None, mirror: Mirror, **options: Any
) -> Prediction:
    """The mean of a prediction and of that of the mirror image, put back.

    On a CPU they go one after the other, which keeps their features in the cache; on a GPU
    together, which keeps it busy.

    Args:
        predict: without a mirror of its own.
        xy: (b, f, j, 2).
        confidence: (b, f, j) or None.
        mirror: of the skeleton and the classes.
        options: guidance and sampling.

    Raises:
        NotImplementedError: for several hypotheses, of which no two belong together; a method that
            draws them averages inside its sampler.
    """
    other, other_sure = mirror.points(xy), mirror.confidence(confidence)
    if xy.device.type == "cpu":
        plain = predict(xy, confidence, **options)
        back = predict(other, other_sure, **options)
    else:
        sure = None
        if confidence is not None and other_sure is not None:
            sure = torch.cat([confidence, other_sure])
        plain, back = _halves(predict(torch.cat([xy, other]), sure, **options))
    if plain.hypotheses is not None:
        raise NotImplementedError("hypotheses are averaged with the mirror image by their sampler")
    joints = (plain.joints + mirror.points(back.joints)) / 2
    if plain.action_logits is None or back.action_logits is None:
        return Prediction(joints)
    return Prediction(joints, (plain.action_logits + mirror.logits(back.action_logits)) / 2)


def _halves(both: Prediction) -> tuple[Prediction, Prediction]:
    joints = both.joints.chunk(2)
    if both.action_logits is None:
        return Prediction(joints[0]), Prediction(joints[1])
    logits = both.action_logits.chunk(2)
    return Prediction(joints[0], logits[0]), Prediction(joints[1], logits[1])


def refuse_sampling(method: str, sampling: Sampling | None) -> None:
    """Raise when a deterministic method is asked for several hypotheses or steps."""
    if sampling is not None and (sampling.hypotheses != 1 or sampling.steps != 1):
        raise InputError(
            f"{method} is deterministic: got hypotheses={sampling.hypotheses}, "
            f"steps={sampling.steps}; it gives one hypothesis in one step"
        )


def refuse_guidance(method: str, guidance: Guidance | None) -> None:
    """Raise when a method that cannot use an action is given one."""
    if guidance is not None and guidance.kind != "none":
        raise InputError(
            f"{method} cannot use an action {guidance.kind} ({guidance.value!r}); it predicts the "
            "action itself: leave the action out"
        )
