"""ATP: which action it is, by the pose and by what a text encoder says of the words."""

import pytest
import torch
from actionprompt_fixtures import (
    KINDS,
    Reader,
    batch_of,
    build,
    count,
    generator,
    prompted,
    xy_of,
)
from lifting_fixtures import ACTIONS, randomised
from torch import nn
from torch.nn import functional as F

from langlift.actions import ActionVocabulary
from langlift.methods.actionprompt.atp import (
    ActionTexts,
    ConvolutionBlock,
    PoseToText,
    Projector,
    with_velocity,
)

#: Biases of keys: all steps of a query get the same summand, which the softmax takes away.
WITHOUT_EFFECT = ("pose_to_text.key.bias", "attention.key.bias")
TEXTS = {
    "prompts": {"text": "clip"},
    "prompts-per-class": {"text": "clip", "class_context": True},
    "template": {"text": "clip", "template": "a person is {}"},
    "learned": {"text": "learned"},
    "random": {"text": "random"},
    "one-hot": {"text": "one-hot", "pose_to_text": False},
}


def in_training(kind: str, text: str = "learned", reader: Reader | None = None, **changes):
    """A small network with its text branch, in training."""
    method = build(kind, reader=reader or Reader(), **{**TEXTS[text], **changes})
    method.start_training()
    return method.train()


def gradients(method, kind: str) -> dict[str, torch.Tensor | None]:
    method.zero_grad(set_to_none=True)
    method.training_loss(batch_of(method, kind)).objective.backward()
    return {name: p.grad for name, p in method.named_parameters()}


def features(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=generator(seed))


@pytest.mark.parametrize("kind", KINDS)
def test_every_parameter_learns_and_nothing_of_the_text_encoder(kind):
    reader = Reader()
    method = in_training(kind, "prompts", reader)
    found = gradients(method, kind)
    dead = [n for n, grad in found.items() if grad is None or not grad.isfinite().all()]
    assert not dead
    assert [n for n, g in found.items() if not g.any() and not n.endswith(WITHOUT_EFFECT)] == []
    assert {n for n in found if n.startswith("text_branch.")} == {
        "text_branch.source.ctx",
        "text_branch.source.projection",
    }
    for frozen in (reader.table, reader.weight):
        assert not frozen.requires_grad and frozen.grad is None
        held = [*method.state_dict().values()]
        assert not any(frozen.data_ptr() == value.data_ptr() for value in held)


@pytest.mark.parametrize("text", TEXTS)
def test_every_text_trains_what_it_says(text):
    method = in_training("vpose", text)
    found = gradients(method, "vpose")
    assert all(g is not None and g.any() for n, g in found.items() if not n.endswith("key.bias"))
    learning = {n.removeprefix("text_branch.source."): tuple(g.shape) for n, g in found.items()
                if n.startswith("text_branch.")}  # fmt: skip
    assert (
        learning
        == {
            "prompts": {"ctx": (16, 6), "projection": (24, 6)},
            "prompts-per-class": {"ctx": (3, 16, 6), "projection": (24, 6)},
            "template": {"projection": (24, 6)},
            "learned": {"rows": (3, 24)},
            "random": {},
            "one-hot": {},
        }[text]
    )
    if text == "prompts-per-class":
        assert found["text_branch.source.ctx"].flatten(1).any(dim=1).all()


def test_learnable_prompts_are_so_many_numbers():
    reader = Reader(width=512, projected=512)
    vocabulary = ActionVocabulary(tuple(f"class_{n}" for n in range(15)))
    settings = {"text": "clip", "text_width": 512, "prompts": 81, "width": 256, "heads": 8}
    method = build("vpose", vocabulary, reader, **settings)
    method.start_training()
    context, poses = method.text_branch.source.ctx, method.app.prompts
    assert context.numel() + poses.numel() == 16 * 512 + 15 * 81 * 256
    assert count(method.text_branch) == 8_192 + 262_144
    assert torch.equal(method.text_branch.source.projection, reader.last)


def test_labels_are_read_as_words():
    asked = []

    class Listening(Reader):
        def tokens(self, text):
            asked.append(text)
            return super().tokens(text)

    labels = ActionVocabulary(("SittingDown", "walk_dog", "Photo"))
    build("vpose", labels, Listening(), text="clip").start_training()
    assert asked == ["sitting down", "walk dog", "photo"]
    del asked[:]
    settings = {"text": "clip", "template": "a person is {}"}
    build("vpose", labels, Listening(), **settings).start_training()
    assert asked[0] == "a person is sitting down"


def test_words_and_context_change_the_embeddings():
    method = in_training("vpose", "prompts")
    before = method.embeddings()
    with torch.no_grad():
        method.text_branch.source.ctx.add_(0.5)
    assert before.shape == (3, 24)
    assert (method.embeddings() - before).abs().amax(dim=1).min() > 1e-3
    assert (before[:, None] - before).abs().amax(dim=-1)[~torch.eye(3, dtype=bool)].min() > 1e-3


def test_random_embeddings_stay_and_are_the_same_in_every_run():
    torch.manual_seed(1)
    one = in_training("vpose", "random")
    torch.manual_seed(2)
    assert torch.equal(one.embeddings(), in_training("vpose", "random").embeddings())
    torch.testing.assert_close(one.embeddings().norm(dim=1), torch.ones(3))


@pytest.mark.parametrize("text", TEXTS)
def test_lifting_needs_no_text_branch(text):
    method = randomised(in_training("vpose", text)).eval()
    state = method.lifting_state(method.state_dict())
    assert not [name for name in state if name.startswith("text_branch.")]
    alone = build("vpose", **TEXTS[text]).eval()
    alone.load_state_dict(state)
    assert alone.text_branch is None
    xy = xy_of("vpose")
    expected, found = method.predict(xy), alone.predict(xy)
    torch.testing.assert_close(found.joints, expected.joints, atol=1e-6, rtol=0)
    torch.testing.assert_close(found.action_logits, expected.action_logits, atol=1e-6, rtol=1e-6)
    assert expected.action_logits.std() > 1e-2


def test_embeddings_serve_several_steps_and_still_learn():
    reader = Reader()
    method = in_training("vpose", "prompts", reader, text_every=3)
    optimizer = torch.optim.SGD([method.text_branch.source.ctx], lr=1.0)
    reader.passes, seen, learnt = 0, [], []
    for _ in range(6):
        before = method.text_branch.source.ctx.detach().clone()
        found = gradients(method, "vpose")
        assert found["text_branch.source.ctx"] is not None  # of every process, or they would wait
        assert found["text_branch.source.projection"] is not None
        learnt.append(bool(found["text_branch.source.ctx"].any()))
        seen.append(method.text_branch.kept.clone())
        optimizer.step()
        assert torch.equal(before, method.text_branch.source.ctx) != learnt[-1]
    assert learnt == [True, False, False, True, False, False]
    assert reader.passes == 2
    assert torch.equal(seen[0], seen[2]) and not torch.equal(seen[2], seen[3])
    method.eval()
    torch.testing.assert_close(method.embeddings(), method.text_branch.source())  # never an old one


def test_where_the_steps_stood_is_in_the_state():
    one = in_training("vpose", "prompts", text_every=3)
    for _ in range(2):
        gradients(one, "vpose")
    other = in_training("vpose", "prompts", text_every=3)
    other.load_state_dict(one.state_dict())
    with torch.no_grad():
        for method in (one, other):
            method.text_branch.source.ctx.add_(1.0)
    assert torch.equal(one.embeddings(), one.text_branch.kept)
    assert torch.equal(other.embeddings(), one.text_branch.kept)
    assert not torch.equal(other.embeddings(), one.text_branch.kept)  # the fourth step reads again


@pytest.mark.parametrize("temperature", [0.01, 0.07])
@pytest.mark.parametrize("kind", KINDS)
def test_logits_are_bounded_and_their_chances_sum_to_one(kind, temperature):
    logits = prompted(kind, temperature=temperature).predict(xy_of(kind)).action_logits
    assert logits.abs().max() <= (1 + 1e-5) / temperature
    assert logits.abs().max() > 0.02 / temperature
    torch.testing.assert_close(logits.softmax(dim=-1).sum(dim=-1), torch.ones(logits.shape[:2]))
    assert logits.dtype == torch.float32


def test_velocities_are_the_differences_after_the_features():
    x = features(2, 5, 4)
    tokens = with_velocity(x)
    assert tokens.shape == (2, 9, 4)
    assert torch.equal(tokens[:, :5], x)
    for t in range(4):
        assert torch.equal(tokens[:, 5 + t], x[:, t + 1] - x[:, t])
    still = with_velocity(features(2, 1, 4).expand(2, 5, 4))
    assert not still[:, 5:].any()
    assert with_velocity(x[:, :1]).shape == (2, 1, 4)


def attention_of(module: PoseToText, width: int, text_width: int) -> nn.MultiheadAttention:
    """Torch's own attention with the weights of P2T."""
    own = nn.MultiheadAttention(text_width, module.heads, kdim=width, vdim=width, batch_first=True)
    own.load_state_dict(
        {
            "q_proj_weight": module.query.weight,
            "k_proj_weight": module.key.weight,
            "v_proj_weight": module.value.weight,
            "in_proj_bias": torch.cat([module.query.bias, module.key.bias, module.value.bias]),
            "out_proj.weight": module.out.weight,
            "out_proj.bias": module.out.bias,
        }
    )
    return own


@pytest.mark.parametrize("classes", [3, 40])  # few: keys are folded into the queries
def test_p2t_is_cross_attention_over_features_and_velocities(classes):
    module = randomised(PoseToText(10, 24, 2))
    text, x = features(classes, 24), features(4, 7, 10, seed=1)
    steps = module.pose_norm(with_velocity(x))
    queries = module.text_norm(text).expand(4, -1, -1)
    expected, _ = attention_of(module, 10, 24)(queries, steps, steps)
    found = module(text, x)
    assert found.shape == (4, classes, 24)
    torch.testing.assert_close(found, text + module.gate * expected, atol=1e-5, rtol=1e-5)


def test_p2t_starts_nearly_closed_and_can_be_left_out():
    fresh, x = build("vpose"), features(2, 9, 16)
    change = (fresh.atp.pose_to_text(features(3, 24), x) - features(3, 24)).abs().max()
    assert 0 < change < 1e-3
    assert build("vpose", pose_to_text=False).atp.pose_to_text is None


def test_a_block_of_the_projector_is_two_convolutions_and_the_middle_step():
    block, x = randomised(ConvolutionBlock(6)).eval(), features(2, 9, 6)
    wide = block.wide.weight.unflatten(1, (3, 6)).transpose(1, 2)  # (out, in, taps)
    y = F.relu(block.wide_norm(F.conv1d(x.mT, wide, stride=3)))
    y = F.relu(block.same_norm(F.conv1d(y, block.same.weight[..., None])))
    torch.testing.assert_close(block(x), x[:, 1::3] + y.mT)


def test_a_block_repeats_the_last_step_where_three_do_not_divide_them():
    block, x = randomised(ConvolutionBlock(6)).eval(), features(2, 7, 6)
    whole = torch.cat([x, x[:, -1:], x[:, -1:]], dim=1)
    assert block(x).shape == (2, 3, 6) and torch.equal(block(x), block(whole))
    assert block(x[:, :1]).shape == (2, 1, 6)


def test_pooling_is_the_mean_over_time():
    projector, x = Projector(6, 24, blocks=0), features(2, 9, 6)
    torch.testing.assert_close(projector(x), projector.out(x.mean(dim=1)))
    settings = {"projector": "pooling"}
    assert len(build("vpose", **settings).atp.projector.blocks) == 0
    assert len(build("vpose", blocks=2).atp.projector.blocks) == 2


def test_logits_are_cosines_over_the_temperature():
    atp = randomised(ActionTexts(6, 24, 3, blocks=0, heads=0, temperature=0.05))
    text, x = features(3, 24), features(2, 9, 6)
    action = atp.projector(x)
    expected = F.normalize(action, dim=1) @ F.normalize(text, dim=1).T / 0.05
    torch.testing.assert_close(atp(x, text), expected)
    torch.testing.assert_close(atp(x, 7 * text), expected)  # lengths do not count


def test_one_hot_is_a_linear_layer_and_stores_no_text():
    method = prompted("vpose", text="one-hot", pose_to_text=False)
    assert method.text is None and method.embeddings() is None
    method.start_training()
    assert method.text_branch is None
    x = features(2, 9, 16)
    classifier = method.atp.classifier
    torch.testing.assert_close(method.atp(x, None), classifier(method.atp.projector(x)))


def test_unlabelled_windows_do_not_count_in_the_cross_entropy():
    method = prompted("mixste", projector="pooling")
    batch = batch_of(method, "mixste", (1, -1, 2))
    logits = method.predict(batch.xy).action_logits[:, 0]
    expected = F.cross_entropy(logits[[0, 2]], torch.tensor([1, 2]))
    torch.testing.assert_close(method.training_loss(batch).terms["action"], expected)
    assert len(ACTIONS) == 3
