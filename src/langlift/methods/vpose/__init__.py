"""VPose (VideoPose3D): the temporal-convolution baseline."""

from .config import VPoseConfig
from .model import VPose, VPoseMethod, batch_norm_momentum

__all__ = ["VPose", "VPoseConfig", "VPoseMethod", "batch_norm_momentum"]
