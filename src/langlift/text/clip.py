"""CLIP's text tower (Radford et al., ICML 2021): a causal transformer read at its end token."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from .base import TextEncoder
from .pretrained import check_folder, load_model, load_tokenizer, token_id

#: Kinds of models that a folder may hold.
CLIP_MODELS = ("clip", "clip_text_model")
_ROW = 32  # prompts in a row; the cost of attention grows with its square
_START, _STOP, _END = "<|startoftext|>", ".", "<|endoftext|>"


class ClipTextEncoder(TextEncoder):
    """The text tower of a CLIP of any size.

    Args:
        model: a `transformers.CLIPTextModel`, frozen.
        projection: (d, e) the last projection, None where the weights had none.
        tokenizer: a `tokenizers.Tokenizer`.
        marks: ids of what stands before the words, and of what stands after them.
    """

    name = "clip"

    def __init__(
        self, model: Any, projection: Tensor | None, tokenizer: Any, marks: tuple[list[int], ...]
    ) -> None:
        self.model = model
        self.token_width = self.feature_width = model.config.hidden_size
        self.most_tokens = model.config.max_position_embeddings
        self._projection = projection
        self._tokenizer = tokenizer
        self._before, self._after = marks

    def tokens(self, text: str) -> list[int]:
        """Ids of the tokens of a text, without start, full stop and end."""
        return self._tokenizer.encode(text, add_special_tokens=False).ids

    def embed(self, ids: Tensor) -> Tensor:
        """Embeddings (*, e) of tokens (*), without their places."""
        return self.model.embeddings.token_embedding(ids)

    @property
    def before(self) -> Tensor:
        """(1, e) of the start token."""
        return self.embed(torch.tensor(self._before, device=self.model.device))

    @property
    def after(self) -> Tensor:
        """(2, e) of a full stop and the end token."""
        return self.embed(torch.tensor(self._after, device=self.model.device))

    @property
    def projection(self) -> Tensor | None:
        """(d, e), or None where the weights came without."""
        return self._projection

    def encode(self, prompts: Tensor, lengths: Tensor, shared: int = 0) -> Tensor:
        """Features (k, e) at the end tokens, see `TextEncoder.encode`.

        What a token is depends on those before it alone. So the shared beginning is the same in all
        prompts, and many prompts lie behind one copy of it in a row: 16 vectors before two words
        need a quarter of the tokens.
        """
        k, t, _ = prompts.shape
        rest = t - shared
        if shared > rest:
            rows = -(-k // _ROW)
            each = -(-k // rows)
        else:
            rows, each, shared, rest = k, 1, 0, t
        device = prompts.device
        packed = prompts[:, shared:]  # (k, rest, e)
        if lacking := rows * each - k:
            packed = torch.cat([packed, packed[-1:].expand(lacking, -1, -1)])
        packed = packed.reshape(rows, each * rest, -1)
        packed = torch.cat([prompts[:1, :shared].expand(rows, -1, -1), packed], dim=1)

        steps = torch.arange(rest, device=device).repeat(each) + shared
        places = torch.cat([torch.arange(shared, device=device), steps])
        owner = torch.arange(each, device=device).repeat_interleave(rest)
        owner = torch.cat([torch.full((shared,), -1, device=device), owner])
        seen = (owner[:, None] == owner) | (owner == -1)
        seen &= places[:, None] >= places
        mask = torch.zeros(seen.shape, device=device).masked_fill(~seen, -torch.inf)

        model = self.model
        hidden = packed + model.embeddings.position_embedding(places)
        said = model.encoder(inputs_embeds=hidden, attention_mask=mask[None, None])
        ends = said.last_hidden_state[:, shared:].reshape(rows * each, rest, -1)
        ends = ends[torch.arange(k, device=device), lengths.to(device) - shared - 1]
        return model.final_layer_norm(ends)

    def to(self, device: torch.device | str) -> Self:
        """Move it; gives itself."""
        self.model.to(device)
        return self


def open_clip(folder: Path) -> ClipTextEncoder:
    """CLIP's text tower out of a folder with a CLIP, or with a text tower alone."""
    from transformers import CLIPTextModelWithProjection

    check_folder("clip", folder, CLIP_MODELS)
    tokenizer = load_tokenizer(folder)
    model, projects = load_model(
        "clip", CLIPTextModelWithProjection, folder, optional="text_projection.weight"
    )
    projection = model.text_projection.weight if projects else None
    marks = (
        [token_id(tokenizer, _START, folder)],
        [
            *tokenizer.encode(_STOP, add_special_tokens=False).ids,
            token_id(tokenizer, _END, folder),
        ],
    )
    return ClipTextEncoder(model.text_model, projection, tokenizer, marks)
