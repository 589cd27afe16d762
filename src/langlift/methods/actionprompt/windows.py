"""Which windows of a pass get a label of their own, and which output frames share it.

A label is for a window as long as those that the network is trained on. In a track the windows of
two neighbouring frames are nearly the same, so `hop` output frames share the label of one window:
the window of their middle frame, or of their first one where later frames must not be seen. With a
hop of 1 every output frame has the label of its own window, which is what the paper measures.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..base import Stage

#: Windows of a row that labels are found for at once where no gradients are needed; one of 243
#: frames and 1,024 channels takes 2 MB.
WINDOWS = 64


@dataclass(frozen=True)
class Labels:
    """The label windows of a pass.

    Args:
        hop: output frames that share a label; the last ones may be fewer.
        length: input frames of a window; with padding 1 more than that.
        padding: frames that the encoder needs before and after an output frame.
        looks_ahead: whether a label may depend on frames after its output frames.
        whole: one label for the pass, whatever its length.
    """

    hop: int
    length: int
    padding: tuple[int, int]
    looks_ahead: bool
    whole: bool

    def count(self, frames: int) -> int:
        """Labels of a pass with so many output frames."""
        # Not -(-frames // hop): what an exporter makes of it rounds towards 0.
        return 1 if self.whole else (frames + self.hop - 1) // self.hop

    def groups(self, frames: int, done: int = 0) -> list[slice]:
        """The labels from the `done`-th on, a few at a time where they would fill the memory."""
        if self.whole or torch.compiler.is_exporting():
            return [slice(None)]
        count = self.count(frames)
        at_once = count if torch.is_grad_enabled() else WINDOWS
        return [slice(n, n + at_once) for n in range(done, count, at_once)]

    def track(
        self, features: Tensor, frames: int, every: int, steps: int
    ) -> tuple[Tensor, int, int] | None:
        """The windows of all labels with `hop` frames as one track, where they overlap in it.

        Args:
            features: (b, f, d) of every frame.
            frames: output frames of the pass.
            every: frames from one step of a window to the next.
            steps: of a window.

        Returns:
            The track (b, s, d), the steps of a window, and those from one to the next.
        """
        count, apart = frames // self.hop, self.hop // every
        if count < 2 or self.hop % every or apart >= steps:
            return None
        first = (self.hop - 1) // 2 if self.looks_ahead else 0
        last = first + every * ((count - 1) * apart + steps - 1)
        return features[:, first : last + 1 : every], steps, apart

    def features(
        self, encoder: object, stage: Stage, frames: int, at: slice = slice(None)
    ) -> Tensor:
        """Shallow features of the windows: (b, n, t, d).

        Args:
            encoder: gives them by ``window_features`` where it has that.
            stage: of the pass.
            frames: output frames of the pass.
            at: which labels' windows.
        """
        if self.whole:
            return stage.features[:, None]
        first = torch.arange(self.count(frames), device=stage.features.device)[at] * self.hop
        middle = first
        if self.looks_ahead:
            middle = first + ((frames - first).clamp(max=self.hop) - 1) // 2
        if hasattr(encoder, "window_features"):
            return encoder.window_features(stage, middle)  # type: ignore[attr-defined]
        return self._cut(stage, middle, frames)

    def _cut(self, stage: Stage, at: Tensor, frames: int) -> Tensor:
        """Windows out of features that lie along the track, for output frames `at` (n)."""
        before, after = self.padding
        steps = stage.features.shape[1]
        lost = before + frames + after - 1 - (steps - 1) * stage.stride  # at the ends, in frames
        span = min(steps, max(1, (self.length - lost - 1) // stage.stride + 1))
        if self.looks_ahead or before + after:
            first = at if before + after else at - self.length // 2
            start = (first // stage.stride).clamp(0, steps - span)
        else:
            start = at // stage.stride - (span - 1)
        index = start[:, None] + torch.arange(span, device=at.device)  # (n, t)
        # Only a causal window begins before the track: it repeats the first step.
        return stage.features[:, index.clamp(min=0)]
