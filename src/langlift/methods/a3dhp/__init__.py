"""A3DHP: temporal convolutions with attention over frames and kernels."""

from .config import A3DHPConfig
from .model import A3DHP, A3DHPMethod

__all__ = ["A3DHP", "A3DHPConfig", "A3DHPMethod"]
