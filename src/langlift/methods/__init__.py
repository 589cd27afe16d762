"""The methods, by the name users write.

`METHODS` is the whole registry: a method is a config (a frozen dataclass on
`langlift.methods.base.MethodConfig`) and a builder that turns config and action vocabulary into a
`langlift.methods.base.Method`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from ..actions import ActionVocabulary
from ..errors import unknown
from .a3dhp import A3DHP, A3DHPConfig, A3DHPMethod
from .actionprompt import (
    ActionPrompted,
    PromptedA3DHPConfig,
    PromptedDSTformerConfig,
    PromptedMixSTEConfig,
    PromptedVPoseConfig,
)
from .base import Method, MethodConfig
from .dstformer import DSTformer, DSTformerConfig, DSTformerMethod
from .mixste import MixSTE, MixSTEConfig, MixSTEMethod
from .vpose import VPose, VPoseConfig, VPoseMethod


@dataclass(frozen=True)
class MethodEntry:
    """How a method is configured and built.

    Args:
        config: class of its settings.
        build: makes the method of settings and classes.
        description: for people.
        encoder: of a plug-in, the method that its encoder is by itself; the settings of that are
            nested in those of the plug-in as ``encoder``.
    """

    config: type[MethodConfig]
    build: Callable[[Any, ActionVocabulary], Method]
    description: str
    encoder: str | None = None


def _prompted(encoder: Callable[[Any], nn.Module]) -> Callable[[Any, ActionVocabulary], Method]:
    """How an encoder with ActionPrompt around it is built from the settings of both."""

    def build(config: Any, actions: ActionVocabulary) -> Method:
        return ActionPrompted(encoder(config.encoder), actions, config=config)

    return build


_APM = "with action text prompts and pose prompts (Zheng et al., ICME 2023)"
METHODS: dict[str, MethodEntry] = {
    "vpose": MethodEntry(
        VPoseConfig,
        VPoseMethod,
        "temporal convolutions over 2D joints (Pavllo et al., CVPR 2019) and an action head",
    ),
    "mixste": MethodEntry(
        MixSTEConfig,
        MixSTEMethod,
        "alternating attention over joints and frames (Zhang et al., CVPR 2022)",
    ),
    "dstformer": MethodEntry(
        DSTformerConfig,
        DSTformerMethod,
        "two streams of attention, the network of MotionBERT (Zhu et al., ICCV 2023)",
    ),
    "a3dhp": MethodEntry(
        A3DHPConfig,
        A3DHPMethod,
        "temporal convolutions with attention over frames and kernels (Liu et al., CVPR 2020)",
    ),
    "vpose+apm": MethodEntry(PromptedVPoseConfig, _prompted(VPose), f"vpose {_APM}", "vpose"),
    "a3dhp+apm": MethodEntry(PromptedA3DHPConfig, _prompted(A3DHP), f"a3dhp {_APM}", "a3dhp"),
    "mixste+apm": MethodEntry(PromptedMixSTEConfig, _prompted(MixSTE), f"mixste {_APM}", "mixste"),
    "dstformer+apm": MethodEntry(
        PromptedDSTformerConfig, _prompted(DSTformer), f"dstformer {_APM} (ours)", "dstformer"
    ),
}


def get_method(name: str) -> MethodEntry:
    """The registry entry of that name."""
    if name not in METHODS:
        raise unknown("method", name, METHODS)
    return METHODS[name]


def bare_of(name: str) -> str | None:
    """The method that the encoder inside a plug-in is by itself; None for what is no plug-in."""
    entry = METHODS.get(name)
    return None if entry is None else entry.encoder
