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
        length: input frames of a window.
        padding: frames that the encoder needs before and after an output frame.
        looks_ahead: whether a label may depend on frames after its output frames.
        whole: one label for the pass, whatever its length.
    """

    hop: int
    length: int
    padding: tuple[int, int]
    looks_ahead: bool
    whole: bool

    def of_frames(self, frames: int, device: torch.device) -> Tensor:
        """(f_out) number of the label that each output frame has."""
        at = torch.arange(frames, device=device)
        return torch.zeros_like(at) if self.whole else at // self.hop

    def count(self, frames: int) -> int:
        """Labels of a pass with so many output frames."""
        # Not -(-frames // hop): what an exporter makes of it rounds towards 0.
        return 1 if self.whole else (frames + self.hop - 1) // self.hop

    def groups(self, frames: int) -> list[slice]:
        """The labels of a pass, a few at a time where their windows would fill the memory."""
        whole = slice(None)
        exact = torch.is_grad_enabled() or torch.compiler.is_exporting()
        if self.whole or exact or self.count(frames) <= WINDOWS:
            return [whole]
        return [slice(n, n + WINDOWS) for n in range(0, self.count(frames), WINDOWS)]

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
        length = self.length if before + after == 0 else 1 + before + after
        span = min(steps, max(1, (length - lost - 1) // stage.stride + 1))
        if self.looks_ahead or before + after:
            first = at if before + after else at - length // 2
            start = (first // stage.stride).clamp(0, steps - span)
        else:
            start = at // stage.stride - (span - 1)
        index = start[:, None] + torch.arange(span, device=at.device)  # (n, t)
        # Only a causal window begins before the track: it repeats the first step.
        return stage.features[:, index.clamp(min=0)]
