"""APP: whose pose prompts are read, in training, in lifting, as told and in a mirror."""

from collections import Counter
from typing import Any

import pytest
import torch
from actionprompt_fixtures import (
    KINDS,
    MIRROR,
    SIDES,
    bare,
    batch_of,
    generator,
    prompted,
    xy_of,
)
from lifting_fixtures import ACTIONS, randomised
from torch import Tensor, nn
from torch.nn import functional as F

from langlift.actions import ActionVocabulary
from langlift.errors import InputError
from langlift.methods.actionprompt.app import Choice, DecoderLayer, PosePrompts, PromptAttention
from langlift.methods.base import Batch, Guidance, mirror_averaged


def given(label: str) -> Guidance:
    return Guidance("label", label, "given")


def told(method, xy: Tensor, label: int) -> Tensor:
    """Joints as a class that is given."""
    return method.predict(xy, guidance=given(method.actions.labels[label])).joints


def steady(**changes: Any):
    """One label per pass and no batch norm: the same in training as in lifting."""
    return prompted("mixste", projector="pooling", **changes)


def pose_loss(method, xy: Tensor, action: tuple[int, ...], joints: Tensor | None = None) -> float:
    """MPJPE of one training step."""
    if joints is None:
        joints = torch.randn(len(xy), xy.shape[1], 17, 3, generator=generator(2))
    found = method.training_loss(Batch(xy, joints, torch.tensor(action)))
    return float(found.terms["weighted_mpjpe"].detach())


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=generator(seed))


def test_training_reads_the_prompts_of_the_true_action():
    method, xy = steady().train(), xy_of("mixste", 3)
    losses = [pose_loss(method, xy, (0, 1, k)) for k in range(3)]
    assert len(set(losses)) == 3  # a wrong label changes the poses
    one = xy[:1]
    for k in range(3):
        target = told(method.eval(), one, k).detach()
        zero = [pose_loss(method, one, (n,), target) for n in range(3)]
        assert zero[k] == pytest.approx(0, abs=1e-6) and min(zero[:k] + zero[k + 1 :]) > 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_lifting_reads_those_of_the_predicted_action(kind):
    method, xy = prompted(kind), xy_of(kind)
    said = method.predict(xy)
    found = said.action_logits.argmax(dim=-1)  # (b, f_out)
    by_class = torch.stack([told(method, xy, k) for k in range(3)])  # (k, b, f_out, j, 3)
    rows, frames = torch.meshgrid(*(torch.arange(n) for n in found.shape), indexing="ij")
    torch.testing.assert_close(said.joints, by_class[found, rows, frames], atol=1e-5, rtol=1e-5)
    wrong = by_class[(found + 1) % 3, rows, frames]
    assert (said.joints - wrong).abs().amax(dim=(2, 3)).min() > 1e-3


def test_true_labels_change_nothing_in_evaluation():
    method = steady()
    batch = batch_of(method, "mixste")
    before = method.predict(batch.xy)
    method.training_loss(Batch(batch.xy, batch.joints, torch.tensor([1, 1, 1])))
    after = method.predict(batch.xy)
    assert torch.equal(before.joints, after.joints)
    assert torch.equal(before.action_logits, after.action_logits)


@pytest.mark.parametrize("kind", KINDS)
def test_an_action_that_is_given_chooses_the_prompts_and_leaves_the_logits(kind):
    method, xy = prompted(kind), xy_of(kind)
    own = method.predict(xy)
    each = [method.predict(xy, guidance=given(label)) for label in ACTIONS.labels]
    assert all(torch.equal(said.action_logits, own.action_logits) for said in each)
    for n in range(3):
        assert (each[n].joints - each[n - 1].joints).abs().max() > 1e-3
    ready = method.prepared("fp32")(xy, guidance=given("squat"))
    torch.testing.assert_close(ready.joints, each[1].joints, atol=1e-4, rtol=1e-4)
    nothing = method.predict(xy, guidance=Guidance())
    assert torch.equal(nothing.joints, own.joints)


def test_an_action_that_cannot_be_is_refused():
    method, xy = steady(), xy_of("mixste")
    with pytest.raises(InputError, match="unknown action 'wlak'; known: squat, walk, wave; did "):
        method.predict(xy, guidance=given("wlak"))
    text = Guidance("text", "a person sits", "given")
    message = "given the action text 'a person sits'; it knows classes, no free text: give one of"
    with pytest.raises(InputError, match=message):
        method.prepared("fp32")(xy, guidance=text)
    without = steady(pose_prompts=False)
    message = r"has no pose prompts, so an action that is given \('walk'\) would change nothing"
    with pytest.raises(InputError, match=message):
        without.predict(xy, guidance=given("walk"))


def test_without_pose_prompts_the_poses_are_the_encoders():
    method, xy = steady(pose_prompts=False), xy_of("mixste")
    assert method.app is None and torch.equal(method(xy), bare(method, xy))
    assert method.predict(xy).action_logits.shape == (2, 9, 3)


def test_windows_without_a_label_are_trained_without_prompts():
    method, xy = steady().train(), xy_of("mixste", 3)
    target = bare(method, xy).detach()
    assert pose_loss(method, xy, (-1, -1, -1), target) == 0
    assert pose_loss(method, xy, (-1, 0, -1), target) > 1e-3
    found = method.training_loss(Batch(xy, 2 * target, torch.tensor([-1, -1, -1])))
    assert float(found.terms["action"].detach()) == 0
    found.objective.backward()
    assert not method.app.prompts.grad.any() and not method.app.gate.grad.any()
    assert method.encoder.head[1].weight.grad.any()


def test_label_dropout_trains_on_the_predicted_action():
    method, xy = steady(label_dropout=1.0).train(), xy_of("mixste", 1)
    plain = steady().train()
    predicted = int(method.predict(xy).action_logits[0, 0].argmax())
    other = (predicted + 1) % 3
    said = pose_loss(plain, xy, (predicted,))
    assert {pose_loss(method, xy, (k,)) for k in (-1, predicted, other)} == {said}
    true = pose_loss(plain, xy, (other,))
    assert abs(true - said) > 1e-3
    torch.manual_seed(0)
    half = steady(label_dropout=0.25).train()
    found = Counter(pose_loss(half, xy, (other,)) for _ in range(40))
    assert set(found) == {said, true}
    assert 3 <= found[said] <= 20


def test_a_weighted_choice_of_one_certain_class_is_the_plain_one():
    xy = xy_of("mixste")
    plain, weighted = (steady(choice=c, temperature=1e-5) for c in ("likeliest", "weighted"))
    chances = plain.predict(xy).action_logits.softmax(dim=-1)
    assert set(chances.flatten().tolist()) == {0.0, 1.0}
    torch.testing.assert_close(weighted(xy), plain(xy), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_weighted_choice_reads_the_mean_of_keys_and_values(kind):
    method, xy = prompted(kind, choice="weighted", temperature=1.0), xy_of(kind)
    plain = prompted(kind, temperature=1.0)
    assert (method(xy) - plain(xy)).abs().max() > 1e-3
    own = method.prepared("fp32")(xy).joints
    torch.testing.assert_close(own, method(xy), atol=1e-4, rtol=1e-4)
    with torch.no_grad():  # of equal prompts the mean is any of them
        for each in (method, plain):
            each.app.prompts.copy_(each.app.prompts[:1].expand(3, -1, -1).clone())
    torch.testing.assert_close(method(xy), plain(xy), atol=1e-5, rtol=1e-5)


def test_a_weighted_choice_is_trained_by_the_poses_too():
    method = steady(choice="weighted", temperature=1.0, action_weight=0.0).train()
    method.training_loss(batch_of(method, "mixste")).objective.backward()
    assert method.atp.projector.out.weight.grad.any()
    plain = steady(temperature=1.0, action_weight=0.0).train()
    plain.training_loss(batch_of(plain, "mixste")).objective.backward()
    assert not plain.atp.projector.out.weight.grad.any()


@pytest.mark.parametrize("kind", KINDS)
def test_an_unknown_action_changes_nothing_to_the_bit(kind):
    xy = xy_of(kind, 6)
    method = prompted(kind, temperature=1.0)
    with torch.no_grad():
        said = method.predict(xy)
        best = said.action_logits.softmax(dim=-1).amax(dim=-1)  # (b, f_out)
        middle = float(best.unique()[len(best.unique()) // 2])
        careful = prompted(kind, temperature=1.0, unknown_below=middle)
        found, alone = careful.predict(xy), bare(method, xy)
    known = best >= middle
    assert known.any() and not known.all()
    assert torch.equal(found.joints[~known], alone[~known])
    assert torch.equal(found.joints[known], said.joints[known])
    assert not torch.equal(said.joints[~known], alone[~known])
    assert torch.equal(found.action_logits, said.action_logits)
    as_told = careful.predict(xy, guidance=given("walk")).joints
    torch.testing.assert_close(as_told, told(method, xy, 0))


@pytest.mark.parametrize("choice", ["likeliest", "weighted"])
@pytest.mark.parametrize("text", ["learned", "one-hot"])
def test_the_order_of_the_classes_does_not_matter(text, choice):
    order = [2, 0, 1]
    shuffled = ActionVocabulary(tuple(ACTIONS.labels[k] for k in order))
    settings = {
        "text": text,
        "choice": choice,
        "temperature": 1.0,
        "pose_to_text": text != "one-hot",
    }
    method, other = prompted("vpose", **settings), prompted("vpose", shuffled, **settings)
    state = method.state_dict()
    for name in ("text", "app.prompts", "atp.classifier.weight", "atp.classifier.bias"):
        if name in state:
            state[name] = state[name][order]
    other.load_state_dict(state)
    xy = xy_of("vpose")
    a, b = method.predict(xy), other.predict(xy)
    torch.testing.assert_close(b.action_logits, a.action_logits[..., order], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(b.joints, a.joints, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(told(other, xy, 0), told(method, xy, 2), atol=1e-5, rtol=1e-5)


def by_torch(module: PromptAttention, x: Tensor, prompts: Tensor) -> Tensor:
    """Torch's own attention with the same weights: (n, m, c) and prompts (l, c) to (n, m, c)."""
    own = nn.MultiheadAttention(x.shape[-1], module.heads, batch_first=True)
    own.load_state_dict(
        {
            "in_proj_weight": torch.cat(
                [module.query.weight, module.key.weight, module.value.weight]
            ),
            "in_proj_bias": torch.cat([module.query.bias, module.key.bias, module.value.bias]),
            "out_proj.weight": module.out.weight,
            "out_proj.bias": module.out.bias,
        }
    )
    memory = prompts.expand(len(x), -1, -1)
    return own(x, memory, memory)[0]


@pytest.mark.parametrize("labels", [[[3, 0, 3], [2, 3, 0]], [[1], [0]]])
@pytest.mark.parametrize("grad", [True, False])
def test_attention_reads_the_prompts_of_each_label(labels, grad):
    module, prompts = randomised(PromptAttention(8, 2)), drawn(4, 5, 8)
    label = torch.tensor(labels)
    x = drawn(*label.shape, 6, 8, seed=1)
    choice = Choice(label, torch.ones_like(label, dtype=torch.bool))
    with torch.set_grad_enabled(grad):
        found = module(x, module.memory(prompts), choice)
    for b, n in torch.cartesian_prod(*(torch.arange(size) for size in label.shape)).tolist():
        expected = by_torch(module, x[b, n : n + 1], prompts[label[b, n]])
        torch.testing.assert_close(found[b, n], expected[0], atol=1e-5, rtol=1e-5)


def test_gradients_of_training_are_those_of_gathered_prompts():
    """Training goes class by class; the weights of one class are 1, which is the gathered form."""
    module, label = randomised(PromptAttention(8, 2)), torch.tensor([[3, 0, 3], [2, 3, 0]])
    known = torch.ones_like(label, dtype=torch.bool)
    found = []
    for weights in (None, F.one_hot(label, 4).float()):
        x, prompts = drawn(2, 3, 6, 8, seed=1).requires_grad_(), drawn(4, 5, 8).requires_grad_()
        module.zero_grad()
        out = module(x, module.memory(prompts), Choice(label, known, weights))
        (out * drawn(2, 3, 6, 8, seed=2)).sum().backward()
        grads = [p.grad.clone() for p in module.parameters()]
        found.append([out.detach(), x.grad, prompts.grad, *grads])
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-4)
    assert not found[0][2][1].any() and found[0][2][[0, 2, 3]].flatten(1).any(dim=1).all()


def test_a_layer_is_attention_and_an_mlp_of_twice_the_width():
    layer, x, prompts = randomised(DecoderLayer(8, 2)), drawn(2, 1, 6, 8), drawn(1, 5, 8, seed=1)
    label = torch.zeros(2, 1, dtype=torch.long)
    choice = Choice(label, torch.ones_like(label, dtype=torch.bool))
    rows = x[:, 0]
    rows = rows + by_torch(layer.attention, layer.norm(rows), layer.memory_norm(prompts[0]))
    rows = rows + layer.mlp(layer.mlp_norm(rows))
    found = layer(x, layer.memory(prompts), choice)
    torch.testing.assert_close(found[:, 0], rows, atol=1e-5, rtol=1e-5)
    assert layer.mlp[0].out_features == 16


@pytest.mark.parametrize("shape", [(2, 7, 12), (2, 7, 3, 12)])
def test_frames_share_the_prompts_of_their_label(shape):
    """7 frames, 3 to a label: the last label has one frame."""
    app = randomised(PosePrompts(12, 4, prompts=5, width=8, layers=2, heads=2))
    zd, label = drawn(*shape, seed=3), torch.tensor([[0, 3, 1], [2, 2, 0]])
    found = app(zd, Choice(label, torch.ones_like(label, dtype=torch.bool)), 3)
    assert found.shape == shape
    for b in range(2):
        for f in range(7):
            own = label[b : b + 1, f // 3 : f // 3 + 1]
            choice = Choice(own, torch.ones_like(own, dtype=torch.bool))
            alone = app(zd[b : b + 1, f : f + 1], choice, 3)
            torch.testing.assert_close(found[b, f], alone[0, 0], atol=1e-5, rtol=1e-5)


def test_features_are_refined_through_a_gate_that_starts_nearly_closed():
    app = PosePrompts(12, 4, prompts=5, width=8, layers=1, heads=2)
    zd, label = drawn(2, 7, 12), torch.tensor([[0], [1]])
    choice = Choice(label, torch.ones_like(label, dtype=torch.bool))
    change = app(zd, choice, 7) - zd
    assert 0 < change.abs().max() < 1e-3
    with torch.no_grad():
        app.gate.mul_(100)
    torch.testing.assert_close(app(zd, choice, 7) - zd, 100 * change, atol=1e-5, rtol=1e-2)


def disagreeing() -> tuple[Any, Tensor, int, int]:
    """A method, a window, its own class, and the class of both images together."""
    method = prompted("mixste", SIDES, projector="pooling", temperature=1.0)
    xy, out = xy_of("mixste", 64), method.atp.projector.out
    with torch.no_grad():  # features in all directions, so that windows are of several classes
        out.bias.copy_(-out.weight @ method.encoder.shallow(xy).features.mean(dim=(0, 1)))
        plain = method.predict(xy).action_logits[:, 0]
        back = MIRROR.logits(method.predict(MIRROR.points(xy)).action_logits)[:, 0]
    own, both = plain.argmax(dim=1), (plain + back).argmax(dim=1)
    at = ((own != both) & (both != 0)).nonzero()[0, 0]
    return method, xy[at : at + 1], int(own[at]), int(both[at])


@pytest.mark.parametrize("prepared", [False, True])
def test_logits_are_averaged_before_the_action_is_chosen(prepared):
    method, xy, own, both = disagreeing()
    predict = method.prepared("fp32") if prepared else method._prompted()
    with torch.no_grad():
        said = predict(xy, mirror=MIRROR)
        plain, other = method.predict(xy), method.predict(MIRROR.points(xy))
        logits = (plain.action_logits + MIRROR.logits(other.action_logits)) / 2
        torch.testing.assert_close(said.action_logits, logits, atol=1e-5, rtol=1e-5)
        assert int(said.action_logits[0, 0].argmax()) == both != own
        there = told(method, MIRROR.points(xy), SIDES.mirror[both])
        expected = (told(method, xy, both) + MIRROR.points(there)) / 2
        torch.testing.assert_close(said.joints, expected, atol=1e-5, rtol=1e-5)
        each_its_own = mirror_averaged(method.predict, xy, None, MIRROR).joints
    assert (said.joints - each_its_own).abs().max() > 1e-3


@pytest.mark.parametrize("settings", [{}, {"choice": "weighted"}, {"unknown_below": 0.4}])
@pytest.mark.parametrize("kind", KINDS)
def test_the_mirror_image_is_lifted_to_the_mirrored_poses(kind, settings):
    method, xy = prompted(kind, SIDES, temperature=1.0, **settings), xy_of(kind)
    predict = method.prepared("fp32")
    with torch.no_grad():
        there = predict(MIRROR.points(xy), mirror=MIRROR)
        back = predict(xy, mirror=MIRROR)
        alone = predict(MIRROR.points(xy)).joints - MIRROR.points(predict(xy).joints)
    assert alone.abs().max() > 1e-3
    torch.testing.assert_close(there.joints, MIRROR.points(back.joints), atol=1e-5, rtol=1e-5)
    swapped = back.action_logits[..., [0, 2, 1]]
    torch.testing.assert_close(there.action_logits, swapped, atol=1e-5, rtol=1e-5)


def test_a_side_that_is_given_is_the_other_one_in_the_mirror():
    method, xy = prompted("vpose", SIDES), xy_of("vpose")
    found = method._prompted()(xy, guidance=given("kick_left"), mirror=MIRROR).joints
    there = told(method, MIRROR.points(xy), 2)  # kick_right
    expected = (told(method, xy, 1) + MIRROR.points(there)) / 2
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
