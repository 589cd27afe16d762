"""What the two forms of A3DHP share: the windows of a sequence and what joins the levels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from einops import rearrange
from torch import Tensor
from torch.nn import functional as F

from ...errors import InputError, check_shape
from ..base import Stage
from .config import A3DHPConfig


@dataclass(frozen=True)
class Kept:
    """What the levels need besides a stage's features; its tensors have one row per window.

    Args:
        xy: (b, f, j, 2) input, which every level sees.
        score: (b n, frames) of `similarity`; None where no level has needed it yet.
        sides: features (b n, t, d) that skips hand to deeper levels, by level.
    """

    xy: Tensor
    score: Tensor | None = None
    sides: Mapping[int, Sequence[Tensor]] = field(default_factory=dict)


def by_window(stage: Stage) -> Tensor:
    """Features of a stage, (b n, t, d), as (b, n, t, d)."""
    return stage.features.unflatten(0, (stage.state.xy.shape[0], -1))


def skips(levels: int) -> list[tuple[int, int]]:
    """(source, target) of the skips, in the order of the authors' ``dilation_conv``."""
    return [(s, t) for s in range(levels) for t in range(s + 2, levels)]


def check_windows(xy: Tensor, config: A3DHPConfig) -> int:
    """Windows in every row of (b, f, j, 2).

    Raises:
        InputError: for another shape, or fewer frames than a window has.
    """
    frames = check_shape(xy, f"b f {config.joints_in} 2", "xy")["f"]
    if frames < config.frames:
        raise InputError(
            f"got {frames} frames; this A3DHP takes at least {config.frames} frames: pad the "
            "sequence by repeating its end frames"
        )
    return frames - config.frames + 1


def windows_of(xy: Tensor, frames: int) -> Tensor:
    """Every window of (b, f, j, 2), one after the other: (b (f - frames + 1), frames, j c)."""
    windows = xy.flatten(2).unfold(1, frames, 1)  # (b, n, j c, frames)
    return rearrange(windows, "b n d f -> (b n) f d")


def every(x: Tensor, levels: int) -> Tensor:
    """The middle of each 3^levels steps of (n, t, d)."""
    return x[:, 3**levels // 2 :: 3**levels]


def similarity(windows: Tensor) -> Tensor:
    """Cosine of every frame and its window's middle one, root-relative: (n, f, j c) to (n, f)."""
    poses = windows - windows[..., :2].repeat(1, 1, windows.shape[2] // 2)
    middle = poses.shape[1] // 2
    return F.cosine_similarity(poses, poses[:, middle : middle + 1], dim=2, eps=1e-6)
