"""Pictures and videos of a lifted motion."""

from .picture import save_picture
from .video import save_video

__all__ = ["save_picture", "save_video"]
