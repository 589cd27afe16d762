"""Learnable prompts: what learns, what is kept, and what comes out for which class."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from text_fixtures import PROJECTED, WIDTH, text_folders
from torch.nn import functional as F

from langlift.errors import InputError
from langlift.text import ClassEmbeddings, Prompts, TextEncoder, open_text_encoder

TEXTS = ["walking", "sitting down", "eating", "taking photo", "sitting"]
KINDS = ("clip", "minilm")


@pytest.fixture(scope="module")
def encoders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TextEncoder]:
    places = text_folders(tmp_path_factory.mktemp("text"))
    return {kind: open_text_encoder(kind, folder) for kind, folder in places.items()}


def made(encoder: TextEncoder, texts: list[str] = TEXTS, **options) -> Prompts:
    torch.manual_seed(0)
    return Prompts(encoder, texts, PROJECTED, **{"context": 12} | options)


def refusal(encoder: TextEncoder, texts: list[str] = TEXTS, width=PROJECTED, **options) -> str:
    with pytest.raises(InputError) as caught:
        Prompts(encoder, texts, width, **options)
    return str(caught.value)


# What learns


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_vectors_and_the_projection_learn(
    kind: str, encoders: dict[str, TextEncoder]
) -> None:
    prompts = made(encoders[kind])
    assert dict(prompts.state_dict()).keys() == {"ctx", "projection"}
    assert {n: tuple(p.shape) for n, p in prompts.named_parameters()} == {
        "ctx": (12, WIDTH),
        "projection": (PROJECTED, WIDTH),
    }
    assert sum(1 for _ in prompts.modules()) == 1
    prompts().square().sum().backward()
    assert prompts.ctx is not None
    assert prompts.ctx.grad is not None
    assert (prompts.ctx.grad.norm(dim=-1) > 1e-6).all()
    assert prompts.projection.grad is not None
    assert (prompts.projection.grad.norm(dim=-1) > 1e-6).all()
    model = encoders[kind].model  # type: ignore[attr-defined]
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize("kind", KINDS)
def test_classes_are_told_apart_by_learning_the_vectors(
    kind: str, encoders: dict[str, TextEncoder]
) -> None:
    prompts = made(encoders[kind])
    target = F.normalize(torch.randn(len(TEXTS), PROJECTED), dim=-1)
    optimiser = torch.optim.Adam(prompts.parameters(), lr=0.02)
    losses = []
    for _ in range(40):
        logits = 5 * F.normalize(prompts(), dim=-1) @ target.T
        loss = F.cross_entropy(logits, torch.arange(len(TEXTS)))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("kind", KINDS)
def test_vectors_of_a_class_touch_that_class_alone(
    kind: str, encoders: dict[str, TextEncoder]
) -> None:
    prompts = made(encoders[kind], per_class=True)
    assert prompts.ctx is not None
    assert prompts.ctx.shape == (len(TEXTS), 12, WIDTH)
    prompts()[2].square().sum().backward()
    assert prompts.ctx.grad is not None
    reached = prompts.ctx.grad.norm(dim=-1) > 1e-6
    assert torch.equal(reached, torch.arange(len(TEXTS))[:, None].expand(-1, 12) == 2)


@pytest.mark.parametrize("kind", KINDS)
def test_equal_vectors_for_every_class_say_what_shared_ones_say(
    kind: str, encoders: dict[str, TextEncoder]
) -> None:
    shared, own = made(encoders[kind]), made(encoders[kind], per_class=True)
    with torch.no_grad():
        assert shared.ctx is not None
        assert own.ctx is not None
        own.ctx.copy_(shared.ctx.expand_as(own.ctx))
        own.projection.copy_(shared.projection)
    torch.testing.assert_close(own(), shared(), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_vectors_are_small_and_follow_the_seed(
    kind: str, encoders: dict[str, TextEncoder]
) -> None:
    one, two = made(encoders[kind]), made(encoders[kind])
    assert one.ctx is not None
    assert two.ctx is not None
    assert torch.equal(one.ctx, two.ctx)
    assert torch.equal(one.projection, two.projection)
    assert 0.015 < one.ctx.std().item() < 0.025
    assert abs(one.ctx.mean().item()) < 0.005


# What comes out


@pytest.mark.parametrize("kind", KINDS)
def test_a_prompt_is_start_vectors_words_end(kind: str, encoders: dict[str, TextEncoder]) -> None:
    encoder, prompts = encoders[kind], made(encoders[kind])
    assert prompts.ctx is not None
    said = prompts()
    for text, row in zip(TEXTS, said, strict=True):
        words = encoder.embed(torch.tensor(encoder.tokens(text)))
        whole = torch.cat([encoder.before, prompts.ctx, words, encoder.after])[None]
        expected = encoder.encode(whole, torch.tensor([whole.shape[1]])) @ prompts.projection.T
        torch.testing.assert_close(row, expected[0], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", [{}, {"per_class": True}, {"template": "a man is {}"}])
def test_the_order_of_the_classes_does_not_matter(
    kind: str, options: dict, encoders: dict[str, TextEncoder]
) -> None:
    order = [3, 0, 4, 2, 1]
    one = made(encoders[kind], **options)
    other = made(encoders[kind], [TEXTS[n] for n in order], **options)
    if one.ctx is not None and one.ctx.dim() == 3:
        other.ctx = torch.nn.Parameter(one.ctx.detach()[order])
    other.projection = one.projection
    torch.testing.assert_close(other(), one()[order], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_prompts_are_no_longer_than_the_longest(
    kind: str, encoders: dict[str, TextEncoder], monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = encoders[kind]
    read: list[tuple[int, ...]] = []
    real = type(encoder).encode

    def noted(self, prompts, lengths, shared=0):
        read.append((*prompts.shape, shared))
        return real(self, prompts, lengths, shared)

    prompts = made(encoder)
    monkeypatch.setattr(type(encoder), "encode", noted)
    prompts()
    most = max(len(encoder.tokens(text)) for text in TEXTS)
    length = len(encoder.before) + 12 + most + len(encoder.after)
    assert length < encoder.most_tokens
    assert read == [(len(TEXTS), length, WIDTH, 13)]  # once, for all classes


@pytest.mark.parametrize("kind", KINDS)
def test_a_template_learns_no_vectors_and_is_read_once(
    kind: str, encoders: dict[str, TextEncoder], monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = encoders[kind]
    prompts = made(encoder, template="a man is {}", context=16)
    sentences = made(encoder, [f"a man is {text}" for text in TEXTS], context=0)
    assert prompts.ctx is None
    assert dict(prompts.state_dict()).keys() == {"projection"}
    sentences.projection = prompts.projection
    monkeypatch.setattr(type(encoder), "encode", None)
    assert torch.equal(prompts(), sentences())
    prompts().square().sum().backward()
    assert prompts.projection.grad is not None


def test_a_sentence_encoder_keeps_its_angles(encoders: dict[str, TextEncoder]) -> None:
    encoder = encoders["minilm"]
    wide = Prompts(encoder, TEXTS, 2 * WIDTH, template="{}")
    features = F.normalize(wide._features, dim=-1)
    said = F.normalize(wide(), dim=-1)
    torch.testing.assert_close(said @ said.T, features @ features.T, atol=1e-6, rtol=1e-5)
    narrow = Prompts(encoder, TEXTS, 4, template="{}").projection
    torch.testing.assert_close(narrow @ narrow.T, torch.eye(4), atol=1e-6, rtol=0)


def test_clip_starts_from_its_own_projection(encoders: dict[str, TextEncoder]) -> None:
    encoder = encoders["clip"]
    prompts = made(encoder)
    assert encoder.projection is not None
    assert torch.equal(prompts.projection, encoder.projection)
    with torch.no_grad():
        prompts.projection.zero_()
    assert encoder.projection.abs().sum() > 0


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_learnt_comes_back(kind: str, encoders: dict[str, TextEncoder]) -> None:
    one = made(encoders[kind])
    with torch.no_grad():
        for parameter in one.parameters():
            parameter.add_(torch.randn_like(parameter))
    other = made(encoders[kind])
    assert not torch.equal(one(), other())
    other.load_state_dict(one.state_dict())
    assert torch.equal(one(), other())


@pytest.mark.parametrize("kind", KINDS)
def test_it_runs_under_autocast(kind: str, encoders: dict[str, TextEncoder]) -> None:
    prompts = made(encoders[kind])
    exact = prompts()
    with torch.autocast("cpu", torch.bfloat16):
        rough = prompts()
    rough.float().square().sum().backward()
    assert prompts.ctx is not None
    assert prompts.ctx.grad is not None
    assert prompts.ctx.grad.dtype == torch.float32
    assert F.cosine_similarity(rough.float(), exact, dim=-1).min() > 0.99


def test_a_copy_shares_the_encoder_and_nothing_else(encoders: dict[str, TextEncoder]) -> None:
    one = made(encoders["clip"])
    other = copy.deepcopy(one)
    assert other.encoder is one.encoder
    assert other.projection is not one.projection
    assert torch.equal(other(), one())


def test_the_encoder_follows_the_vectors(
    encoders: dict[str, TextEncoder], monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts = made(encoders["clip"])
    asked: list[str] = []

    def moved(self, device):
        asked.append(torch.device(device).type)
        return self

    def encode(self, prompts, lengths, shared=0):
        assert prompts.device == lengths.device
        return prompts[:, 0]

    monkeypatch.setattr(type(encoders["clip"]), "to", moved)
    monkeypatch.setattr(type(encoders["clip"]), "encode", encode)
    prompts()
    assert prompts.to("meta")().device.type == "meta"
    assert asked == ["cpu", "meta"]


# Rows without a text


def test_rows_are_of_unit_length_and_of_the_seed() -> None:
    learned, fixed = ClassEmbeddings(5, 64, True, 3), ClassEmbeddings(5, 64, False, 3)
    torch.manual_seed(9)
    assert torch.equal(learned(), fixed())
    assert torch.equal(ClassEmbeddings(5, 64, False, 3)(), fixed())
    assert not torch.equal(ClassEmbeddings(5, 64, False, 4)(), fixed())
    torch.testing.assert_close(fixed().norm(dim=-1), torch.ones(5))
    assert (fixed() @ fixed().T - torch.eye(5)).abs().max() < 0.5


def test_rows_learn_only_if_they_are_to() -> None:
    learned, fixed = ClassEmbeddings(5, 64, True, 0), ClassEmbeddings(5, 64, False, 0)
    assert [name for name, _ in learned.named_parameters()] == ["rows"]
    assert list(fixed.parameters()) == []
    assert learned.state_dict().keys() == fixed.state_dict().keys() == {"rows"}
    learned()[1].sum().backward()
    assert learned.rows.grad is not None
    assert torch.equal(learned.rows.grad.abs().sum(dim=-1) > 0, torch.arange(5) == 1)


# Bad input


def test_no_classes(encoders: dict[str, TextEncoder]) -> None:
    assert refusal(encoders["clip"], []) == (
        "there are no action classes to make prompts of; give at least one"
    )
    with pytest.raises(InputError) as caught:
        ClassEmbeddings(0, 8, True, 0)
    assert str(caught.value) == "got 0 action classes to embed; give at least one"


@pytest.mark.parametrize("template", ["", "a man is {}"])
def test_an_empty_text(template: str, encoders: dict[str, TextEncoder]) -> None:
    said = refusal(encoders["minilm"], ["walking", " "], template=template)
    assert said == "the text of an action is ' '; it must have words"


def test_a_text_that_has_no_tokens(encoders: dict[str, TextEncoder]) -> None:
    said = refusal(encoders["minilm"], ["walking", "\u200b"], context=4)
    assert said == "the text encoder 'minilm' finds no word in '\\u200b'; write it in others"


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_that_is_too_long(kind: str, encoders: dict[str, TextEncoder]) -> None:
    stop = kind == "clip"
    text = "a " * (20 - stop) + "a"  # 40 with start, end and 17 vectors less one
    Prompts(encoders[kind], [text], PROJECTED, context=17)
    assert refusal(encoders[kind], [text], context=18) == (
        f"the prompt of {text!r} has 41 tokens with 18 learnable vectors; the text encoder "
        f"{kind!r} takes 40: shorten it"
    )


@pytest.mark.parametrize("template", ["a man", "{} and {}"])
def test_a_template_without_a_place(template: str, encoders: dict[str, TextEncoder]) -> None:
    assert refusal(encoders["clip"], template=template) == (
        f"template is {template!r}; it must hold {{}} once, where the words go: write a sentence "
        "such as 'a person is {}'"
    )


def test_a_width_that_clip_does_not_have(encoders: dict[str, TextEncoder]) -> None:
    assert refusal(encoders["clip"], width=PROJECTED + 1) == (
        "text_width is 25; the last projection of the text encoder 'clip' gives 24: set text_width "
        "to that"
    )


def test_a_folder_is_never_kept(encoders: dict[str, TextEncoder], tmp_path: Path) -> None:
    for encoder in encoders.values():
        kept = {name: value for name, value in vars(encoder).items() if name != "model"}
        assert str(tmp_path.parent) not in repr(kept)
