"""MixSTE: alternating attention over joints and over frames."""

from .config import MixSTEConfig
from .model import MixSTE, MixSTEMethod

__all__ = ["MixSTE", "MixSTEConfig", "MixSTEMethod"]
