"""Text models of the true layouts with tiny widths and random weights, as folders on disk."""

from __future__ import annotations

import json
import string
from pathlib import Path

import torch

WIDTH, PROJECTED = 32, 24
LETTERS = string.ascii_lowercase
START, END = "<|startoftext|>", "<|endoftext|>"
#: Every letter in the middle and at the end of a word, some longer pieces, and a full stop.
CLIP_PIECES = [*LETTERS, *(f"{c}</w>" for c in LETTERS), ".", ".</w>", "wa", "in", "ing</w>"]
CLIP_VOCABULARY = {piece: n for n, piece in enumerate([*CLIP_PIECES, START, END])}
CLIP_MERGES = [("w", "a"), ("i", "n"), ("in", "g</w>")]
BERT_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
BERT_PIECES = [*BERT_SPECIAL, *LETTERS, *(f"##{c}" for c in LETTERS), "walk", "##ing", "."]


def clip_model(seed: int = 0):
    """A CLIP with both towers."""
    from transformers import CLIPConfig, CLIPModel

    # The published configs say 0 and 2 for start and end, which their tokenizers do not.
    text = {
        "vocab_size": len(CLIP_VOCABULARY), "hidden_size": WIDTH, "intermediate_size": 48,
        "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 40,
        "projection_dim": PROJECTED, "bos_token_id": 0, "eos_token_id": 2,
    }  # fmt: skip
    vision = {
        "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1,
        "num_attention_heads": 2, "image_size": 8, "patch_size": 4, "projection_dim": PROJECTED,
    }  # fmt: skip
    torch.manual_seed(seed)
    config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=PROJECTED)
    return _spread(CLIPModel(config))


def bert_model(seed: int = 0):
    """A BERT of the layout that sentence encoders have."""
    from transformers import BertConfig, BertModel

    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(BERT_PIECES), hidden_size=WIDTH, intermediate_size=48, num_hidden_layers=2,
        num_attention_heads=4, max_position_embeddings=40, hidden_dropout_prob=0.1,
    )  # fmt: skip
    return _spread(BertModel(config))


def _spread(model):
    """Weights large enough that every token matters to what comes out."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 2:
                parameter.normal_(std=0.3)
    return model.eval()


def write_clip_tokenizer(folder: Path) -> None:
    """tokenizer.json of CLIP's kind, which cuts and pads as the published ones may."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    model = models.BPE(CLIP_VOCABULARY, CLIP_MERGES, unk_token=END, end_of_word_suffix="</w>")
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Lowercase()  # type: ignore[assignment]
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()  # type: ignore[assignment]
    tokenizer.enable_truncation(3)
    tokenizer.enable_padding(length=9, pad_id=CLIP_VOCABULARY[END], pad_token=END)
    tokenizer.save(str(folder / "tokenizer.json"))


def write_clip_words(folder: Path) -> None:
    """vocab.json and merges.txt, the tokenizer's older files."""
    (folder / "vocab.json").write_text(json.dumps(CLIP_VOCABULARY))
    lines = [" ".join(pair) for pair in CLIP_MERGES]
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *lines, ""]))


def write_bert_tokenizer(folder: Path) -> None:
    """tokenizer.json of BERT's kind, which cuts and pads as the published one does."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    vocabulary = {piece: n for n, piece in enumerate(BERT_PIECES)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()  # type: ignore[assignment]
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()  # type: ignore[assignment]
    tokenizer.enable_truncation(3)
    tokenizer.enable_padding(length=9, pad_id=0, pad_token="[PAD]")
    tokenizer.save(str(folder / "tokenizer.json"))


def clip_folder(folder: Path) -> Path:
    """A folder with a CLIP as the hub has it."""
    clip_model().save_pretrained(folder)
    write_clip_tokenizer(folder)
    return folder


def minilm_folder(folder: Path) -> Path:
    """A folder with a sentence encoder as the hub has it."""
    bert_model().save_pretrained(folder)
    write_bert_tokenizer(folder)
    return folder


def text_folders(root: Path) -> dict[str, Path]:
    """Both, by the kind of the text encoder."""
    return {"clip": clip_folder(root / "clip"), "minilm": minilm_folder(root / "minilm")}
