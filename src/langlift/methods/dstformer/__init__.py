"""DSTformer (MotionBERT): two streams of attention over joints and over frames."""

from .config import DSTformerConfig
from .model import DSTformer, DSTformerMethod

__all__ = ["DSTformer", "DSTformerConfig", "DSTformerMethod"]
