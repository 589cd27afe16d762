"""Text encoders: what goes in by embeddings comes out as by tokens, and nobody's folder is a guess.

The models have the true layouts with tiny widths and random weights; nothing is downloaded.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from text_fixtures import (
    BERT_PIECES,
    CLIP_VOCABULARY,
    END,
    PROJECTED,
    START,
    WIDTH,
    bert_model,
    clip_model,
    text_folders,
    write_clip_tokenizer,
    write_clip_words,
)

from langlift.text import TextEncoder, open_text_encoder

TEXTS = ("walking", "sitting down", "a person is taking a photo", "eat")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return text_folders(tmp_path_factory.mktemp("text"))


@pytest.fixture(scope="module")
def encoders(folders: dict[str, Path]) -> dict[str, TextEncoder]:
    return {kind: open_text_encoder(kind, folders[kind]) for kind in ("clip", "minilm")}


@pytest.fixture
def copied(folders: dict[str, Path], tmp_path: Path) -> dict[str, Path]:
    """The folders again, to take something out of them."""
    for kind in ("clip", "minilm"):
        shutil.copytree(folders[kind], tmp_path / kind)
    return {kind: tmp_path / kind for kind in ("clip", "minilm")}


def prompts_of(encoder: TextEncoder, texts: tuple[str, ...]) -> tuple[torch.Tensor, torch.Tensor]:
    """Embeddings (k, t, e) and lengths of prompts without learnable vectors."""
    rows = [
        torch.cat([encoder.before, encoder.embed(torch.tensor(encoder.tokens(t))), encoder.after])
        for t in texts
    ]
    lengths = torch.tensor([len(row) for row in rows])
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True), lengths


# What comes out


def test_clip_says_what_its_tokens_say(encoders: dict[str, TextEncoder]) -> None:
    encoder = encoders["clip"]
    end = CLIP_VOCABULARY[END]
    whole = clip_model()
    whole.set_attn_implementation("eager")  # the fused form rounds otherwise
    for text in TEXTS:
        ids = [CLIP_VOCABULARY[START], *encoder.tokens(f"{text}."), end, end, end]
        with torch.no_grad():
            said = whole.get_text_features(torch.tensor([ids])).pooler_output
            features = encoder.encode(*prompts_of(encoder, (text,)))
        assert encoder.projection is not None
        torch.testing.assert_close(features @ encoder.projection.T, said, atol=1e-6, rtol=1e-6)


def test_minilm_says_what_its_tokens_say(encoders: dict[str, TextEncoder]) -> None:
    encoder, whole = encoders["minilm"], bert_model()
    whole.set_attn_implementation("eager")
    for text in TEXTS:
        ids = [BERT_PIECES.index("[CLS]"), *encoder.tokens(text), BERT_PIECES.index("[SEP]")]
        with torch.no_grad():
            said = whole(torch.tensor([ids])).last_hidden_state.mean(dim=1)
            features = encoder.encode(*prompts_of(encoder, (text,)))
        torch.testing.assert_close(features, said, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("kind", ["clip", "minilm"])
@pytest.mark.parametrize("shared", [0, 1])
def test_together_as_alone(kind: str, shared: int, encoders: dict[str, TextEncoder]) -> None:
    encoder = encoders[kind]
    together = encoder.encode(*prompts_of(encoder, TEXTS), shared)
    for text, feature in zip(TEXTS, together, strict=True):
        (alone,) = encoder.encode(*prompts_of(encoder, (text,)))
        torch.testing.assert_close(feature, alone, atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize("kind", ["clip", "minilm"])
def test_what_lies_after_the_end_is_not_looked_at(
    kind: str, encoders: dict[str, TextEncoder]
) -> None:
    encoder = encoders[kind]
    prompts, lengths = prompts_of(encoder, TEXTS)
    before = encoder.encode(prompts, lengths)
    changed = prompts.clone()
    for row, length in zip(changed, lengths, strict=True):
        row[length:] = 7.0
    assert not torch.equal(changed, prompts)
    assert torch.equal(encoder.encode(changed, lengths), before)
    changed[:, 1] += torch.randn(WIDTH)
    moved = (encoder.encode(changed, lengths) - before).abs().amax(dim=1)
    assert (moved > 1e-3).all()


@pytest.mark.parametrize("classes", [1, 5, 33, 70])
def test_a_shared_beginning_is_read_once(classes: int, encoders: dict[str, TextEncoder]) -> None:
    encoder = encoders["clip"]
    torch.manual_seed(1)
    prompts = torch.randn(classes, 15, WIDTH)
    prompts[:, :11] = prompts[0, :11].clone()
    lengths = torch.randint(12, 16, (classes,))
    tokens: list[int] = []
    hook = encoder.model.encoder.register_forward_pre_hook(  # type: ignore[attr-defined]
        lambda _, __, options: tokens.append(options["inputs_embeds"][..., 0].numel()),
        with_kwargs=True,
    )
    plain = encoder.encode(prompts, lengths)
    packed = encoder.encode(prompts, lengths, 11)
    hook.remove()
    torch.testing.assert_close(packed, plain, atol=5e-6, rtol=1e-5)
    assert tokens[0] == classes * 15
    assert tokens[1] <= -(-classes // 32) * (11 + 4 * 32)
    if classes > 1:
        assert tokens[1] < tokens[0] / 2


@pytest.mark.parametrize("kind", ["clip", "minilm"])
def test_an_encoder_is_frozen_and_off(kind: str, encoders: dict[str, TextEncoder]) -> None:
    encoder = encoders[kind]
    prompts, lengths = prompts_of(encoder, TEXTS)
    prompts.requires_grad_(True)
    encoder.encode(prompts, lengths).square().sum().backward()
    model = encoder.model  # type: ignore[attr-defined]
    assert not model.training
    assert all(not p.requires_grad and p.grad is None for p in model.parameters())
    assert prompts.grad is not None
    reached = prompts.grad.abs().sum(dim=-1) > 0
    assert torch.equal(reached, torch.arange(prompts.shape[1]) < lengths[:, None])


def test_the_text_tower_of_vit_b_32_has_its_size() -> None:
    from transformers import CLIPTextConfig, CLIPTextModelWithProjection

    with torch.device("meta"):
        tower = CLIPTextModelWithProjection(CLIPTextConfig())
    assert sum(p.numel() for p in tower.parameters()) == 63_428_096
    assert tower.text_projection.weight.shape == (512, 512)


# Tokens


def test_tokens_are_those_of_the_words_alone(encoders: dict[str, TextEncoder]) -> None:
    clip, bert = encoders["clip"], encoders["minilm"]
    pieces = list(CLIP_VOCABULARY)
    found = [pieces[n] for n in clip.tokens("Walking to")]  # the files cut at 3 and pad to 9
    assert found == ["wa", "l", "k", "ing</w>", "t", "o</w>"]
    found = [BERT_PIECES[n] for n in bert.tokens("Walking to")]
    assert found == ["walk", "##ing", "t", "##o"]
    stop = torch.tensor([CLIP_VOCABULARY[".</w>"], CLIP_VOCABULARY[END]])
    assert torch.equal(clip.after, clip.embed(stop))


def test_the_older_tokenizer_files_are_read(
    copied: dict[str, Path], encoders: dict[str, TextEncoder]
) -> None:
    (copied["clip"] / "tokenizer.json").unlink()
    write_clip_words(copied["clip"])
    encoder = open_text_encoder("clip", copied["clip"])
    for text in TEXTS:
        assert encoder.tokens(text) == encoders["clip"].tokens(text)
    assert torch.equal(encoder.after, encoders["clip"].after)


def test_a_text_tower_alone_is_read(tmp_path: Path, encoders: dict[str, TextEncoder]) -> None:
    clip_model().text_model.save_pretrained(tmp_path)
    write_clip_tokenizer(tmp_path)
    encoder = open_text_encoder("clip", tmp_path)
    prompts = prompts_of(encoder, TEXTS)
    assert torch.equal(encoder.encode(*prompts), encoders["clip"].encode(*prompts))
    assert encoder.projection is None
    assert encoders["clip"].projection is not None
    assert encoders["clip"].projection.shape == (PROJECTED, WIDTH)


# Manners


def test_opening_says_nothing_and_leaves_the_library_as_it_was(
    folders: dict[str, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    from transformers.utils import logging

    logging.set_verbosity_warning()
    bars = logging.is_progress_bar_enabled()
    open_text_encoder("clip", folders["clip"])
    assert capfd.readouterr() == ("", "")
    assert logging.get_verbosity() == logging.WARNING
    assert logging.is_progress_bar_enabled() is bars


def test_importing_brings_no_text_library() -> None:
    code = (
        "import sys, langlift.text; "
        "print([n for n in ('transformers', 'tokenizers') if n in sys.modules])"
    )
    source = str(Path(__file__).resolve().parent.parent / "src")
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env=os.environ | {"PYTHONPATH": source},
    )  # fmt: skip
    assert done.stdout == "[]\n"
