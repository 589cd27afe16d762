"""Text encoders and learnable prompts: what action labels mean, in numbers.

Needed in training only. What they make of the labels is stored with the weights, and lifting reads
no text. `transformers` is imported when a text encoder is opened, and not before.
"""

from .base import TextEncoder
from .clip import ClipTextEncoder
from .minilm import MiniLMTextEncoder
from .open import check_text_encoder, open_text_encoder
from .prompts import ClassEmbeddings, Prompts, check_template

__all__ = [
    "ClassEmbeddings",
    "ClipTextEncoder",
    "MiniLMTextEncoder",
    "Prompts",
    "TextEncoder",
    "check_template",
    "check_text_encoder",
    "open_text_encoder",
]
