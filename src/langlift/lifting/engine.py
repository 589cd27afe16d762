"""The engine: features of a whole track through a network, as fast as device and precision allow.

On a CPU a long window goes through the network alone and its mirror image after it, which keeps
their features in the cache; short ones go together, and on a GPU many do, which keeps it busy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError, unknown
from ..methods.base import Guidance, Method, Mirror, Precision, Prediction, Predictor
from ..skeletons import Skeleton
from .windows import Window, dense_windows, even_windows, fixed_windows

CHUNK_FRAMES = 2048
#: Output frames of one pass of several windows, mirror images not counted.
_CPU_FRAMES, _GPU_FRAMES = 256, 4096
#: What the action that a network is told is estimated from: each window for itself, or all of them.
ActionOver = Literal["window", "video"]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class LiftOptions:
    """How a track is lifted.

    Args:
        flip: average with the lifted mirror image (twice the work, a little more accurate).
        precision: ``fp32``, or ``bf16``: several times faster where the processor has it. Single
            joints move by up to some millimetres, the mean error by a hundredth of one at the most
            (docs/benchmarks.md).
        chunk: output frames per pass of a network that takes any number of them; bounds the memory.
        center: subtract the predicted root from all joints; without it the root stays where the
            network put it, which some protocols count as an error.
        sized: give metres; without it joints stay in the network's own unit, see `Bundle.unit`.
        action_over: for networks whose poses depend on the action: ``window``: the network names
            the action of each window; ``video`` (ours; no paper has it): the mean of its logits
            over the whole track names one action, which it is told in a second pass.
    """

    flip: bool = True
    precision: Precision = "fp32"
    chunk: int = CHUNK_FRAMES
    center: bool = True
    sized: bool = True
    action_over: ActionOver = "window"

    def __post_init__(self) -> None:
        if self.precision not in ("fp32", "bf16"):
            raise InputError(f"precision is {self.precision!r}; it must be 'fp32' or 'bf16'")
        if self.chunk < 1:
            raise InputError(f"chunk is {self.chunk}; it must be at least 1 frame")
        if self.action_over not in get_args(ActionOver):
            raise unknown("action_over", str(self.action_over), get_args(ActionOver))


class Engine:
    """Runs a network over tracks.

    The network's weights are prepared once for each precision, when it is first used; an engine is
    for weights that no longer change.

    Args:
        network: exactly (b, f, j, 2) -> (b, f_out, j, 3).
        skeleton: of its joints, for the mirror image.
    """

    def __init__(self, network: Method, skeleton: Skeleton) -> None:
        self.network = network
        self._mirror = Mirror(torch.from_numpy(skeleton.mirror), network.actions.mirror)
        self._prepared: dict[Precision, Predictor] = {}

    def to(self, device: torch.device | str) -> None:
        """Move the network to a device; it is prepared again there."""
        self.network.to(device)
        self._prepared.clear()

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.network.parameters()).device

    def windows(self, frames: int, chunk: int) -> list[Window]:
        """The passes for a track of so many frames, padded by what the network needs.

        Where output frames belong together, such as those that share an action, a network that
        slides gets whole groups of them: `chunk` is rounded down, to one group at the least.
        """
        config = self.network.config
        if config.window is None:
            chunk = max(chunk - chunk % config.chunk_multiple, config.chunk_multiple)
            return dense_windows(frames, sum(self.network.padding), chunk)
        if config.output_frames == config.window:
            return fixed_windows(frames, config.window)
        return even_windows(frames, config.window)

    @torch.inference_mode()
    def run(
        self,
        features: np.ndarray,
        confidence: np.ndarray | None,
        options: LiftOptions,
        progress: Progress | None = None,
        guidance: Guidance | None = None,
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Lift a track in one pass over it; what it is told of the action holds for all of it.

        Args:
            features: (f + padding, j, 2), padded by what the network needs before and after.
            confidence: (f + padding, j), None: all certain.
            options: flip averaging, precision, chunk length.
            progress: called with (frames done, frames in all).
            guidance: what is known about the action.

        Returns:
            (f, j, 3) in the network's unit and axes, and (f, k) action logits or None.
        """
        frames = len(features) - sum(self.network.padding)
        xy = torch.from_numpy(np.ascontiguousarray(features))
        sure = None if confidence is None else torch.from_numpy(np.ascontiguousarray(confidence))
        joints, logits, done = [], [], 0
        for group in self._groups(self.windows(frames, options.chunk)):
            at = torch.from_numpy(np.stack([w.frames for w in group]))
            said = self.passes(xy[at], None if sure is None else sure[at], options, guidance)
            for n, window in enumerate(group):
                joints.append(_numpy(said.joints[n, window.keep]))
                if said.action_logits is not None:
                    logits.append(_numpy(said.action_logits[n, window.keep]))
                done += window.kept
            if progress is not None:
                progress(done, frames)
        return np.concatenate(joints), np.concatenate(logits) if logits else None

    def _groups(self, windows: list[Window]) -> Iterator[list[Window]]:
        """Windows that go through the network together: neighbours of one length.

        Chunks of a network that slides go alone: their length is the caller's bound on the memory.
        """
        if self.network.config.window is None:
            yield from ([window] for window in windows)
            return
        most = _CPU_FRAMES if self.device.type == "cpu" else _GPU_FRAMES
        group: list[Window] = []
        for window in windows:
            full = sum(w.kept for w in group) + window.kept > most
            if group and (full or len(window.frames) != len(group[0].frames)):
                yield group
                group = []
            group.append(window)
        yield group

    def passes(
        self,
        xy: Tensor,
        confidence: Tensor | None,
        options: LiftOptions,
        guidance: Guidance | None = None,
    ) -> Prediction:
        """Lift (b, f, j, 2), averaged with the lifted mirror image if asked for."""
        predict = self._predictor(options.precision)
        xy = xy.to(self.device)
        sure = None if confidence is None else confidence.to(self.device)
        mirror = self._mirror if options.flip else None
        return predict(xy, sure, guidance=guidance, mirror=mirror)

    def _predictor(self, precision: Precision) -> Predictor:
        if precision not in self._prepared:
            self._prepared[precision] = self.network.prepared(precision)
        return self._prepared[precision]


def _numpy(tensor: Tensor) -> np.ndarray:
    return tensor.float().cpu().numpy()
