"""langlift: 2D human keypoints become 3D motion with an action label.

>>> import langlift
>>> lifter = langlift.load()                                   # the weights in the package
>>> motion = lifter.lift(langlift.read("keypoints.npz"))       # doctest: +SKIP
>>> motion.joints.shape, motion.action.label                   # doctest: +SKIP

Everything is imported when it is first used; torch is not touched until a model is loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._lazy import lazily
from ._version import __version__

if TYPE_CHECKING:
    from .formats import read, write
    from .lifting.lifter import Lifter, LiftOptions
    from .skeletons import Skeleton
    from .tracks import Keypoints, Motion
    from .weights import load

__all__ = [
    "Keypoints",
    "LiftOptions",
    "Lifter",
    "Motion",
    "Skeleton",
    "__version__",
    "load",
    "read",
    "write",
]

_HOME = {
    "__version__": "._version",
    "Keypoints": ".tracks",
    "LiftOptions": ".lifting.lifter",
    "Lifter": ".lifting.lifter",
    "Motion": ".tracks",
    "Skeleton": ".skeletons",
    "load": ".weights",
    "read": ".formats",
    "write": ".formats",
}

__getattr__, __dir__ = lazily(__name__, _HOME)
