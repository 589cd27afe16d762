"""Embeddings of classes for training: learnable prompts through a text encoder, or plain rows."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import InputError
from .base import TextEncoder

_CONTEXT_STD = 0.02  # of learnable vectors at the start (Zhou et al., IJCV 2022)


class Prompts(nn.Module):
    """Embeddings of texts, each read after learnable vectors (CoOp: Zhou et al., IJCV 2022).

    A prompt is what the encoder wants before the words, `context` learnable vectors, the words and
    what it wants after them. Only the vectors and the last projection learn. The encoder is no part
    of the state.

    Args:
        encoder: reads the prompts.
        texts: (k) what stands for each class, such as ``sitting down``.
        width: of the embeddings.
        context: learnable vectors before the words.
        per_class: learn them for every class by itself instead of one set for all.
        template: a sentence with ``{}`` for the words in place of learnable vectors; an encoder
            that ends its prompts in a full stop adds it.

    Attributes:
        ctx: the learnable vectors (context, e), or (k, context, e); None with a template.
        projection: (width, feature_width).

    Raises:
        InputError: for no texts, an empty one, one that is too long for the encoder, a template
            without ``{}``, or a width that the encoder's own projection does not have.
    """

    _before: Tensor
    _rest: Tensor
    _lengths: Tensor
    _features: Tensor | None

    def __init__(
        self,
        encoder: TextEncoder,
        texts: Sequence[str],
        width: int,
        *,
        context: int = 16,
        per_class: bool = False,
        template: str = "",
    ) -> None:
        super().__init__()
        if not texts:
            raise InputError("there are no action classes to make prompts of; give at least one")
        check_template(template)
        context = 0 if template else context
        self.encoder = encoder
        words = [
            _words(encoder, template.replace("{}", text) if template else text, text, context)
            for text in texts
        ]
        self.ctx: nn.Parameter | None = None
        if context:
            classes = (len(texts),) if per_class else ()
            self.ctx = nn.Parameter(torch.empty(*classes, context, encoder.token_width))
            nn.init.normal_(self.ctx, std=_CONTEXT_STD)
        self.projection = nn.Parameter(_projection(encoder, width))
        self._register(words)

    def _register(self, words: list[list[int]]) -> None:
        """Keep what does not learn, outside the state: it is made from the texts again."""
        device = self.projection.device
        encoder = self.encoder.to(device)
        with torch.no_grad():
            before, after = encoder.before, encoder.after
            rows = [
                torch.cat([encoder.embed(torch.tensor(ids, device=device)), after]) for ids in words
            ]
            context = self._context
            lengths = torch.tensor([len(before) + context + len(row) for row in rows])
            self.register_buffer("_before", before, persistent=False)
            rest = nn.utils.rnn.pad_sequence(rows, batch_first=True)  # (k, t, e)
            self.register_buffer("_rest", rest, persistent=False)
            self.register_buffer("_lengths", lengths, persistent=False)
            fixed = None if context else encoder.encode(self._prompts(), lengths)
            self.register_buffer("_features", fixed, persistent=False)

    @property
    def _context(self) -> int:
        return 0 if self.ctx is None else self.ctx.shape[-2]

    def _prompts(self) -> Tensor:
        """(k, t, e) embeddings of all prompts; those that are shorter go on with zeros."""
        k = len(self._rest)
        parts = [self._before.expand(k, -1, -1)]
        if self.ctx is not None:
            parts.append(self.ctx.expand(k, -1, -1))
        return torch.cat([*parts, self._rest], dim=1)

    def forward(self) -> Tensor:
        """Embeddings (k, width) of all texts, made in one pass."""
        features = self._features
        if features is None:
            shared = len(self._before)
            if self.ctx is not None and self.ctx.dim() == 2:
                shared += self._context
            encoder = self.encoder.to(self.projection.device)
            features = encoder.encode(self._prompts(), self._lengths, shared)
        return F.linear(features, self.projection)


class ClassEmbeddings(nn.Module):
    """Embeddings of classes that come from no text: rows of unit length in random directions.

    Args:
        count: of classes, k.
        width: of the embeddings.
        learned: whether they learn, or stay as they are.
        seed: of the directions.

    Raises:
        InputError: for no classes.
    """

    def __init__(self, count: int, width: int, learned: bool, seed: int) -> None:
        super().__init__()
        if count < 1:
            raise InputError(f"got {count} action classes to embed; give at least one")
        generator = torch.Generator().manual_seed(seed)
        rows = F.normalize(torch.randn(count, width, generator=generator), dim=-1)
        self.rows: Tensor
        if learned:
            self.rows = nn.Parameter(rows)
        else:
            self.register_buffer("rows", rows)

    def forward(self) -> Tensor:
        """(k, width)."""
        return self.rows


def check_template(template: str) -> None:
    """Raise `InputError` unless a template is empty or holds ``{}`` once."""
    if template and template.count("{}") != 1:
        raise InputError(
            f"template is {template!r}; it must hold {{}} once, where the words go: write a "
            "sentence such as 'a person is {}'"
        )


def _words(encoder: TextEncoder, sentence: str, text: str, context: int) -> list[int]:
    """Tokens of a class's text, checked to fit behind the learnable vectors."""
    if not text.strip():
        raise InputError(f"the text of an action is {text!r}; it must have words")
    ids = encoder.tokens(sentence)
    if not ids:
        raise InputError(
            f"the text encoder {encoder.name!r} finds no word in {text!r}; write it in others"
        )
    length = len(encoder.before) + context + len(ids) + len(encoder.after)
    if length > encoder.most_tokens:
        raise InputError(
            f"the prompt of {text!r} has {length} tokens with {context} learnable vectors; the "
            f"text encoder {encoder.name!r} takes {encoder.most_tokens}: shorten it"
        )
    return ids


def _projection(encoder: TextEncoder, width: int) -> Tensor:
    """(width, feature_width) the encoder's own, or one that keeps the angles between features."""
    own = encoder.projection
    if own is None:
        # Orthonormal columns; rows, where the embeddings are narrower than the features.
        return nn.init.orthogonal_(torch.empty(width, encoder.feature_width))
    if len(own) != width:
        raise InputError(
            f"text_width is {width}; the last projection of the text encoder {encoder.name!r} "
            f"gives {len(own)}: set text_width to that"
        )
    return own.detach().cpu().clone()
