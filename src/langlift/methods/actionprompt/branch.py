"""The text branch: what makes the embeddings of the classes while training, and is absent after.

It is kept apart from the network, so that its tensors are easy to leave out of a bundle: the
embeddings are stored in their place.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...actions import ActionVocabulary, words_of
from ...text import ClassEmbeddings, Prompts, TextEncoder, open_text_encoder
from .config import ActionPromptConfig

_RANDOM_SEED = 0  # of embeddings that stay as they are: the same in every run


def make_source(
    config: ActionPromptConfig, actions: ActionVocabulary, encoder: TextEncoder | None
) -> nn.Module:
    """What gives the embeddings (k, text_width): prompts through a text encoder, or rows.

    Args:
        config: of the method.
        actions: the classes.
        encoder: to read the prompts; None: the one that `config.text` names.
    """
    if not config.reads_text:
        learned = config.text == "learned"
        return ClassEmbeddings(len(actions), config.text_width, learned, _RANDOM_SEED)
    return Prompts(
        open_text_encoder(config.text) if encoder is None else encoder,
        [words_of(label) for label in actions.labels],
        config.text_width,
        context=config.context,
        per_class=config.class_context,
        template=config.template,
    )


class TextBranch(nn.Module):
    """Embeddings that are made anew once in so many steps.

    Args:
        source: gives (k, text_width).
        every: passes of training for one through it; in between the last embeddings serve again
            and the gradient of all that learns is zero. An optimiser's momentum and decay go on.
    """

    source: nn.Module
    kept: Tensor
    age: Tensor

    def __init__(self, source: nn.Module, every: int, shape: tuple[int, int]) -> None:
        super().__init__()
        self.source = source
        self.every = every
        self.register_buffer("kept", torch.zeros(shape))
        self.register_buffer("age", torch.zeros((), dtype=torch.int64))

    def forward(self) -> Tensor:
        """Embeddings (k, text_width) in float32; in training this counts a step."""
        if not self.training or self.every == 1:
            return self.source().float()
        if int(self.age) % self.every == 0:
            text = self.source().float()
            self.kept.copy_(text.detach())
        else:
            # Nothing times what is learnt: without any gradient the processes of a run would wait
            # for each other, and an optimiser would pass these parameters over.
            text = self.kept + sum(0.0 * p.sum() for p in self.source.parameters())
        self.age += 1
        return text
