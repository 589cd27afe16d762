"""What a text encoder is: frozen, fed with embeddings, so that what stands for words can be learnt.

A prompt is what the encoder expects before the words, learnable vectors, the tokens of the words,
and what it expects after them. An encoder takes it as embeddings and gives one feature per prompt.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Self

import torch
from torch import Tensor


class TextEncoder(ABC):
    """A frozen text encoder; no module, so that its numbers are in no state and no optimiser.

    Gradients pass through it to the prompts and stop at its weights.
    """

    name: str  #: what a user writes to choose it
    token_width: int  #: e, of a token's embedding
    feature_width: int  #: of what it says about a prompt
    most_tokens: int  #: of a prompt, everything counted

    @abstractmethod
    def tokens(self, text: str) -> list[int]:
        """Ids of the tokens of a text, without what stands before and after it."""

    @abstractmethod
    def embed(self, ids: Tensor) -> Tensor:
        """Embeddings (*, e) of tokens (*), from the frozen table."""

    @property
    @abstractmethod
    def before(self) -> Tensor:
        """(p, e) embeddings of what stands before the words."""

    @property
    @abstractmethod
    def after(self) -> Tensor:
        """(s, e) embeddings of what stands after the words; the last one is the end token."""

    @property
    def projection(self) -> Tensor | None:
        """(d, feature_width) the encoder's own last projection, None where it has none."""
        return None

    @abstractmethod
    def encode(self, prompts: Tensor, lengths: Tensor, shared: int = 0) -> Tensor:
        """Features (k, feature_width) of prompts, before any projection.

        Args:
            prompts: (k, t, e) embeddings; what lies after a prompt's end is not looked at.
            lengths: (k) tokens of each prompt, everything counted.
            shared: so many first tokens are the same in all prompts; an encoder may read them once.
        """

    @abstractmethod
    def to(self, device: torch.device | str) -> Self:
        """Move it; gives itself."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self  # frozen: a copy would hold the same numbers once more
