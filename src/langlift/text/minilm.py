"""Sentence encoders of the BERT kind, such as all-MiniLM-L6-v2: the mean over a prompt's tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from .base import TextEncoder
from .pretrained import check_folder, load_model, load_tokenizer, token_id

#: Kinds of models that a folder may hold.
MINILM_MODELS = ("bert",)
_START, _END = "[CLS]", "[SEP]"


class MiniLMTextEncoder(TextEncoder):
    """A BERT that was trained on sentences, without its pooling layer.

    Args:
        model: a `transformers.BertModel`, frozen.
        tokenizer: a `tokenizers.Tokenizer`.
        start: id of the token before the words.
        end: id of the token after them.
    """

    name = "minilm"

    def __init__(self, model: Any, tokenizer: Any, start: int, end: int) -> None:
        self.model = model
        self.token_width = self.feature_width = model.config.hidden_size
        self.most_tokens = model.config.max_position_embeddings
        self._tokenizer = tokenizer
        self._start, self._end = start, end

    def tokens(self, text: str) -> list[int]:
        """Ids of the tokens of a text alone."""
        return self._tokenizer.encode(text, add_special_tokens=False).ids

    def embed(self, ids: Tensor) -> Tensor:
        """Embeddings (*, e) of tokens (*), without their places."""
        return self.model.embeddings.word_embeddings(ids)

    @property
    def before(self) -> Tensor:
        """(1, e) of the start token."""
        return self.embed(torch.tensor([self._start], device=self.model.device))

    @property
    def after(self) -> Tensor:
        """(1, e) of the end token."""
        return self.embed(torch.tensor([self._end], device=self.model.device))

    def encode(self, prompts: Tensor, lengths: Tensor, shared: int = 0) -> Tensor:
        """Means (k, e) over the tokens of each prompt, see `TextEncoder.encode`."""
        steps = torch.arange(prompts.shape[1], device=prompts.device)
        inside = steps < lengths.to(prompts.device)[:, None]  # (k, t)
        said = self.model(inputs_embeds=prompts, attention_mask=inside.long()).last_hidden_state
        weights = inside[..., None].to(said.dtype)
        return (said * weights).sum(dim=1) / weights.sum(dim=1)

    def to(self, device: torch.device | str) -> Self:
        """Move it; gives itself."""
        self.model.to(device)
        return self


def open_minilm(folder: Path) -> MiniLMTextEncoder:
    """A sentence encoder out of a folder with a BERT and its tokenizer."""
    from transformers import BertModel

    check_folder("minilm", folder, MINILM_MODELS)
    tokenizer = load_tokenizer(folder)
    model, _ = load_model("minilm", BertModel, folder, add_pooling_layer=False)
    start, end = (token_id(tokenizer, token, folder) for token in (_START, _END))
    return MiniLMTextEncoder(model, tokenizer, start, end)
