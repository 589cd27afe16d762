"""ActionPrompt: action text prompts and pose prompts around any temporal encoder."""

from .config import (
    ActionPromptConfig,
    PromptedA3DHPConfig,
    PromptedDSTformerConfig,
    PromptedMixSTEConfig,
    PromptedVPoseConfig,
    idle_settings,
)
from .model import ActionPrompted

__all__ = [
    "ActionPromptConfig",
    "ActionPrompted",
    "PromptedA3DHPConfig",
    "PromptedDSTformerConfig",
    "PromptedMixSTEConfig",
    "PromptedVPoseConfig",
    "idle_settings",
]
