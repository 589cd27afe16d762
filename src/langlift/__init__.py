"""langlift: 2D human keypoints become 3D motion with an action label.

>>> import langlift
>>> lifter = langlift.load()                                   # the weights in the package
>>> motion = lifter.lift(langlift.read("keypoints.npz"))       # doctest: +SKIP
>>> motion.joints.shape, motion.action.label                   # doctest: +SKIP

Everything is imported when it is first used; torch is not touched until a model is loaded.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

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
    "Keypoints": ".tracks",
    "LiftOptions": ".lifting.lifter",
    "Lifter": ".lifting.lifter",
    "Motion": ".tracks",
    "Skeleton": ".skeletons",
    "load": ".weights",
    "read": ".formats",
    "write": ".formats",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'langlift' has no attribute {name!r}")
    return getattr(import_module(_HOME[name], __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
