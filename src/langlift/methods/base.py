"""The two contracts of the house: what a Method and what a temporal encoder is.

Networks take exactly ``(b, f, j, c)``: normalised 2D in, metres relative to the root out. Camera,
crop and root belong to the lifter and never to a network.
"""

from __future__ import annotations

import dataclasses
import reprlib
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import NoneType, UnionType
from typing import (
    Any,
    Literal,
    Protocol,
    Self,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    runtime_checkable,
)

import torch
from torch import Tensor, nn

from ..actions import ActionVocabulary
from ..errors import InputError, unknown


@dataclass(frozen=True)
class Guidance:
    """What is known about the action before lifting, and where that knowledge came from.

    ``oracle`` means that ground truth of the test data is used; every figure made with it carries
    the word.
    """

    kind: Literal["none", "label", "text"] = "none"
    value: str = ""
    source: Literal["predicted", "given", "oracle"] = "predicted"


@dataclass(frozen=True)
class Sampling:
    """How a stochastic method samples. A deterministic method refuses what it cannot do."""

    hypotheses: int = 1
    steps: int = 1
    eta: float = 1.0
    generator: torch.Generator | None = None


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
    """Named loss terms (scalars) and their weights; the total is their weighted sum."""

    terms: Mapping[str, Tensor]
    weights: Mapping[str, float]

    @property
    def total(self) -> Tensor:
        """Weighted sum of the terms."""
        return torch.stack([self.weights[name] * term for name, term in self.terms.items()]).sum()


@dataclass(frozen=True)
class Batch:
    """Training windows of one step.

    Args:
        xy: (b, f, j, 2) input features.
        joints: (b, f_out, j, 3) targets, metres relative to the root, in the features' axes.
        action: (b) class index, -1 where the window has no label.
        confidence: (b, f, j) or None.
    """

    xy: Tensor
    joints: Tensor
    action: Tensor
    confidence: Tensor | None = None


@dataclass(frozen=True)
class Stage:
    """Shallow features of a temporal encoder.

    Args:
        features: (b, t, d).
        stride: frames between two time steps.
        state: whatever the encoder's `deep` needs besides; the encoder's own business.
    """

    features: Tensor
    stride: int
    state: Any = field(default=None)


@runtime_checkable
class TemporalEncoder(Protocol):
    """What a plug-in such as ActionPrompt attaches to.

    ``encoder(xy) == encoder.head(encoder.deep(encoder.shallow(xy)))`` to the bit.
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


class MethodConfig:
    """What lifting and training ask of a method's settings: the base of its frozen dataclass.

    The defaults are those of a network that lifts windows of any length; a method overrides what
    is otherwise for it.
    """

    @property
    def trains_actions(self) -> bool:
        """Whether training uses action labels; without, the network gets no action classes."""
        return True

    @property
    def output_frames(self) -> int | None:
        """Output frames of every window, None where a window may have any number of them."""
        return None

    @property
    def looks_ahead(self) -> bool:
        """Whether an output frame depends on later input frames."""
        return True

    def for_lifting(self) -> Self:
        """The settings that the trained weights are saved with; they take windows of any length."""
        return self

    def check_joints(self, count: int) -> None:
        """Raise `InputError`, naming the setting, unless `count` joints go in and come out."""


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
        self, xy: Tensor, guidance: Guidance | None = None, sampling: Sampling | None = None
    ) -> Prediction:
        """Lift (b, f, j, 2) normalised features."""

    @abstractmethod
    def training_loss(self, batch: Batch) -> Losses:
        """Named terms, their weights and the total."""


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
            "action itself: leave the guidance out"
        )


def config_from_dict(kind: type, values: Any, narrower: Mapping[str, type] | None = None) -> Any:
    """A config dataclass, nested ones included, from plain values such as JSON holds.

    Args:
        kind: the dataclass.
        values: settings by name; those left out have their defaults.
        narrower: classes of fields whose annotation is too general to build them.

    Raises:
        InputError: for an unknown setting, or a value that is not of the setting's kind.
    """
    if not isinstance(values, dict):
        raise InputError(f"{kind.__name__} is {values!r}; it must be settings by name")
    hints = get_type_hints(kind) | dict(narrower or {})
    known = {f.name: f for f in dataclasses.fields(kind) if f.init}
    arguments = {}
    for name, value in values.items():
        if name not in known:
            raise unknown(f"setting of {kind.__name__}", name, known)
        hint = hints[name]
        if dataclasses.is_dataclass(hint):
            arguments[name] = config_from_dict(hint, value)  # type: ignore[arg-type]
            continue
        try:
            arguments[name] = checked_value(name, hint, value)
        except InputError as error:
            raise InputError(
                f"a setting of {kind.__name__} has a value of the wrong kind: {error}"
            ) from error
    none = dataclasses.MISSING
    absent = [n for n, f in known.items() if f.default is none and f.default_factory is none]
    if absent := [name for name in absent if name not in arguments]:
        raise InputError(f"{kind.__name__} has no {', '.join(absent)}; add what is missing")
    return kind(**arguments)


def checked_value(name: str, hint: Any, value: Any) -> Any:
    """A plain value as what a type annotation asks for: lists become tuples, whole floats stay out.

    Args:
        name: what to call the value in the message.
        hint: ``int``, ``float`` (finite; a whole number will do), ``bool``, another class, a
            ``Literal``, a ``tuple`` of these, or `Any`.
        value: a value such as JSON holds.

    Raises:
        InputError: for any other value; the message says what is accepted.
    """
    if get_origin(hint) is tuple:
        kinds = _kinds_of_items(hint, value)
        if kinds is not None:
            pairs = zip(kinds, value, strict=True)
            return tuple(checked_value(f"{name}[{n}]", *pair) for n, pair in enumerate(pairs))
    elif _is_of(hint, value):
        return float(value) if hint is float else value
    raise InputError(f"{name} is {reprlib.repr(value)}; it must be {_in_words(hint)}")


def _kinds_of_items(hint: Any, value: Any) -> tuple[Any, ...] | None:
    """What each item has to be by a tuple's annotation, None where it is no list of that length."""
    if not isinstance(value, list | tuple):
        return None
    kinds = get_args(hint)
    kinds = kinds[:1] * len(value) if kinds[1:] == (...,) else kinds
    return kinds if len(kinds) == len(value) else None


def _is_of(hint: Any, value: Any) -> bool:
    """Whether a value that is no tuple is what an annotation asks for."""
    if get_origin(hint) in (Union, UnionType):
        return any(_is_of(choice, value) for choice in get_args(hint))
    if get_origin(hint) is Literal:
        return any(type(value) is type(choice) and value == choice for choice in get_args(hint))
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return abs(value) <= sys.float_info.max  # neither infinite, NaN nor too long for a float
    if hint is int and isinstance(value, bool):
        return False
    return hint is Any or (isinstance(hint, type) and isinstance(value, hint))


def _in_words(hint: Any) -> str:
    """What an annotation accepts."""
    items = get_args(hint)
    if get_origin(hint) in (Union, UnionType):
        return " or ".join(map(_in_words, items))
    if get_origin(hint) is Literal:
        return f"one of {', '.join(map(repr, items))}"
    if get_origin(hint) is tuple:
        count = "" if items[1:] == (...,) else f"{len(items)} "
        return f"a list of {count}values, each {_in_words(items[0])}"
    return _KINDS.get(hint, f"a {getattr(hint, '__name__', hint)}")


_KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a finite number",
    str: "text",
    dict: "values by name",
    NoneType: "nothing",
}
