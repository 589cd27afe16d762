"""Small prompted encoders, a text encoder without a library, and an encoder of nobody's."""

from __future__ import annotations

from typing import Any, Self

import torch
from a3dhp_fixtures import sized
from lifting_fixtures import ACTIONS
from torch import Tensor, nn

from langlift.actions import ActionVocabulary
from langlift.methods import METHODS
from langlift.methods.a3dhp import A3DHPConfig
from langlift.methods.actionprompt import ActionPromptConfig, ActionPrompted
from langlift.methods.base import Batch, MethodConfig, Mirror, Stage
from langlift.methods.dstformer import DSTformerConfig
from langlift.methods.mixste import MixSTEConfig
from langlift.methods.vpose import VPoseConfig
from langlift.skeletons import HUMAN36M_17
from langlift.text import TextEncoder

#: Two classes of the three are each other in a mirror.
SIDES = ActionVocabulary(("walk", "kick_left", "kick_right"))
MIRROR = Mirror(torch.tensor(HUMAN36M_17.mirror), SIDES.mirror)
ENCODERS: dict[str, Any] = {
    "vpose": VPoseConfig(widths=(3, 3, 3), channels=16, dropout=0.0),
    "a3dhp": A3DHPConfig(frames=27, channels=16, dropout=0.0),
    "mixste": MixSTEConfig(frames=9, channels=16, depth=3, heads=2, drop_path=0.0),
    "dstformer": DSTformerConfig(frames=9, channels=16, representation=24, depth=2, heads=2),
}
#: Of every one, and of an encoder that the house does not know.
KINDS = (*ENCODERS, "foreign")
#: Frames of a pass: a track of 40 output frames, or a window.
FRAMES = {"vpose": 66, "a3dhp": 66, "mixste": 9, "dstformer": 9, "foreign": 40}
_SMALL = {"text": "learned", "text_width": 24, "prompts": 5, "width": 8, "heads": 2}


class Reader(TextEncoder):
    """A text encoder of random weights: the mean of what a causal layer makes of each token."""

    name = "reader"

    def __init__(self, width: int = 6, projected: int | None = None, most_tokens: int = 60) -> None:
        self.token_width = self.feature_width = width
        self.most_tokens = most_tokens
        drawn = torch.Generator().manual_seed(5)
        self.table = torch.randn(97, width, generator=drawn)
        self.weight = torch.randn(width, width, generator=drawn) / width**0.5
        self.last = None
        if projected is not None:
            self.last = torch.randn(projected, width, generator=drawn)
        self.passes = 0  #: times that it was asked

    def tokens(self, text: str) -> list[int]:
        return [2 + sum(map(ord, word)) % 95 for word in text.split()]

    def embed(self, ids: Tensor) -> Tensor:
        return self.table[ids]

    @property
    def before(self) -> Tensor:
        return self.table[:1]

    @property
    def after(self) -> Tensor:
        return self.table[1:2]

    @property
    def projection(self) -> Tensor | None:
        return self.last

    def encode(self, prompts: Tensor, lengths: Tensor, shared: int = 0) -> Tensor:
        self.passes += 1
        seen = torch.tanh(prompts.cumsum(dim=1) @ self.weight) + prompts
        inside = torch.arange(prompts.shape[1]) < lengths[:, None]  # (k, t)
        return (seen * inside[..., None]).sum(dim=1) / lengths[:, None]

    def to(self, device: torch.device | str) -> Self:
        return self


class Foreign(nn.Module):
    """A recurrent lifter, written against the contract alone: three stages, nothing optional."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.GRU(34, 12, batch_first=True)
        self.second = nn.GRU(12, 10, batch_first=True)
        self.last = nn.Linear(10, 51)

    def shallow(self, xy: Tensor, confidence: Tensor | None = None) -> Stage:
        return Stage(self.first(xy.flatten(2))[0], stride=1)

    def deep(self, stage: Stage) -> Tensor:
        return self.second(stage.features)[0]

    def head(self, zd: Tensor) -> Tensor:
        return self.last(zd).unflatten(-1, (17, 3))

    def forward(self, xy: Tensor) -> Tensor:
        return self.head(self.deep(self.shallow(xy)))


def small(kind: str, **changes: Any) -> ActionPromptConfig:
    """Settings of a small network; those of the encoder by the name ``encoder``."""
    settings: dict[str, Any] = {**_SMALL, **changes}
    return METHODS[f"{kind}+apm"].config(**{"encoder": ENCODERS[kind], **settings})  # type: ignore[arg-type]


def build(
    kind: str,
    actions: ActionVocabulary = ACTIONS,
    reader: TextEncoder | None = None,
    **changes: Any,
) -> ActionPrompted:
    """A small network as it is built, with gates that are nearly closed."""
    if kind == "foreign":
        settings: dict[str, Any] = {**_SMALL, "encoder": MethodConfig(), "label_frames": 9}
        return ActionPrompted(
            Foreign(), actions, reader, config=ActionPromptConfig(**settings | changes)
        )
    config = small(kind, **changes)
    method: Any = METHODS[f"{kind}+apm"].build(config, actions)
    return ActionPrompted(method.encoder, actions, reader, config=config)


def prompted(kind: str, actions: ActionVocabulary = ACTIONS, **changes: Any) -> ActionPrompted:
    """The same in evaluation with random weights, so that gates are open and classes differ."""
    method = build(kind, actions, **changes)
    sized(method)
    if method.text is not None:
        method.text.copy_(torch.randn(method.text.shape, generator=generator(7)))
    if method.app is not None:
        with torch.no_grad():
            method.app.prompts.copy_(torch.randn(method.app.prompts.shape, generator=generator(8)))
    return method.eval()


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def xy_of(kind: str, windows: int = 2, seed: int = 1) -> Tensor:
    """(b, f, 17, 2) of a pass of that encoder."""
    return 0.5 * torch.randn(windows, FRAMES[kind], 17, 2, generator=generator(seed))


def batch_of(method: ActionPrompted, kind: str, action: tuple[int, ...] = (0, 2, -1)) -> Batch:
    """Random windows with random targets, one of them without a label."""
    xy = xy_of(kind, len(action))
    frames = xy.shape[1] - sum(method.padding)
    target = torch.randn(len(action), frames, 17, 3, generator=generator(3))
    sure = torch.rand(xy.shape[:3], generator=generator(4))
    return Batch(xy, target, torch.tensor(action), sure)


def bare(method: ActionPrompted, xy: Tensor) -> Tensor:
    """What its encoder says without it."""
    encoder: Any = method.encoder
    return encoder.head(encoder.deep(encoder.shallow(xy)))


def close_gates(method: ActionPrompted) -> None:
    """Both gates to exactly zero."""
    with torch.no_grad():
        if method.app is not None:
            method.app.gate.zero_()
        if method.atp.pose_to_text is not None:
            method.atp.pose_to_text.gate.zero_()


def count(module: nn.Module | None) -> int:
    """Parameters of a module."""
    return 0 if module is None else sum(p.numel() for p in module.parameters())
