"""Losses of the encoders: values computed by hand, gradients, and who is refused."""

from dataclasses import dataclass
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from langlift.actions import ActionVocabulary
from langlift.errors import InputError, ShapeError
from langlift.methods.base import Batch, Losses, Stage
from langlift.methods.encoder import EncoderConfig, EncoderMethod
from langlift.methods.losses import (
    joint_weights,
    position_error,
    scaled_error,
    temporal_consistency,
    velocity_error,
)
from langlift.skeletons import get_skeleton

ACTIONS = ActionVocabulary(("walk", "squat"))
# The published list, joint by joint of Human3.6M.
HUMAN36M = (1, 1, 2.5, 2.5, 1, 2.5, 2.5, 1, 1, 1, 1.5, 1.5, 4, 4, 1.5, 4, 4)
# The list in the released code for HumanEva's 15 joints.
RELEASED = (1, 1, 2.5, 2.5, 1, 2.5, 2.5, 1, 1.5, 1.5, 4, 4, 1.5, 4, 4)


def motion(*frames) -> Tensor:
    """(1, f, j, 3) metres."""
    return torch.tensor([frames], dtype=torch.float64)


#: Two frames of two joints, predicted and true. Errors: 5 and 0, then 5 and 2.
PREDICTED = motion([[0, 0, 0], [1, 0, 0]], [[3, 4, 0], [1, 2, 0]])
TRUE = motion([[3, 4, 0], [1, 0, 0]], [[0, 0, 0], [1, 0, 0]])


def test_weights_of_human36m_are_the_published_ones():
    assert joint_weights("human36m_17") == HUMAN36M


def test_even_weights_are_none():
    assert joint_weights("even") is None


def test_weights_of_humaneva_as_released_lie_on_other_joints():
    assert joint_weights("humaneva_15_released") == RELEASED
    mended = joint_weights("humaneva_15")
    named = dict(zip(get_skeleton("humaneva_15").joints, mended, strict=True))
    for side in ("left", "right"):
        assert named[f"{side}_elbow"] == named[f"{side}_wrist"] == 4
        assert named[f"{side}_knee"] == named[f"{side}_ankle"] == 2.5
        assert named[f"{side}_shoulder"] == 1.5 and named[f"{side}_hip"] == 1
    assert named["pelvis"] == 1
    released = dict(zip(get_skeleton("humaneva_15").joints, RELEASED, strict=True))
    assert released["left_elbow"] == 2.5 and released["left_ankle"] == 4  # the defect


def test_weights_of_3dhp_follow_the_kinds_of_joints():
    skeleton = get_skeleton("mpi_inf_3dhp_17")
    named = dict(zip(skeleton.joints, joint_weights("mpi_inf_3dhp_17"), strict=True))
    human = dict(zip(get_skeleton("human36m_17").joints, HUMAN36M, strict=True))
    shared = set(named) & set(human)
    assert len(shared) >= 13 and all(named[joint] == human[joint] for joint in shared)


def test_position_error_by_hand():
    assert position_error(PREDICTED, TRUE).item() == pytest.approx((5 + 0 + 5 + 2) / 4)


def test_weighted_position_error_by_hand():
    found = position_error(PREDICTED, TRUE, torch.tensor([1.0, 4.0], dtype=torch.float64))
    assert found.item() == pytest.approx((5 + 0 + 5 + 4 * 2) / 4)


def test_velocity_error_by_hand():
    # Predicted displacements (3, 4), (0, 2); true ones (-3, -4), (0, 0): errors 10 and 2.
    assert velocity_error(PREDICTED, TRUE).item() == pytest.approx((10 + 2) / 2)


def test_temporal_consistency_by_hand():
    # Squared displacements per coordinate: 9, 16, 0 and 0, 4, 0.
    assert temporal_consistency(PREDICTED).item() == pytest.approx((9 + 16 + 4) / 6)
    weights = torch.tensor([1.0, 4.0], dtype=torch.float64)
    assert temporal_consistency(PREDICTED, weights).item() == pytest.approx((9 + 16 + 4 * 4) / 6)


def test_temporal_consistency_of_the_truth_itself_is_not_zero():
    assert position_error(TRUE, TRUE) == 0 and velocity_error(TRUE, TRUE) == 0
    assert temporal_consistency(TRUE) > 0
    assert temporal_consistency(TRUE[:, :1].expand(-1, 5, -1, -1)) == 0


def test_scaled_error_by_hand():
    pose = motion([[1, 0, 0], [0, 2, 0]])
    target = motion([[2, 0, 0], [0, 2, 0]])
    # Scale <t, p> / <p, p> = (2 + 4) / 5 = 1.2: errors 0.8 and 0.4.
    assert scaled_error(pose, target).item() == pytest.approx((0.8 + 0.4) / 2)


def test_scaled_error_ignores_the_scale_of_each_pose():
    pose = torch.randn(2, 3, 5, 3, generator=torch.Generator().manual_seed(0))
    scale = torch.tensor([0.5, 1.0, 3.0])[:, None, None]
    target = pose + 0.1
    torch.testing.assert_close(scaled_error(scale * pose, target), scaled_error(pose, target))
    assert scaled_error(scale * pose, pose) == pytest.approx(0, abs=1e-6)


def test_scaled_error_of_nothing_is_the_size_of_the_truth():
    nothing = torch.zeros(1, 2, 3, 3, requires_grad=True)
    found = scaled_error(nothing, torch.ones(1, 2, 3, 3))
    assert found.item() == pytest.approx(3**0.5)
    found.backward()
    assert nothing.grad.isfinite().all()


@pytest.mark.parametrize("loss", [position_error, velocity_error, scaled_error])
def test_targets_of_another_shape_are_refused(loss):
    message = r"target joints has shape \(1, 1, 2, 3\); it must be \(1, 2, 2, 3\)"
    with pytest.raises(ShapeError, match=message):
        loss(PREDICTED, TRUE[:, :1])


def test_one_frame_has_no_displacement():
    one = PREDICTED[:, :1]
    with pytest.raises(InputError, match="the velocity loss has a weight but the windows have one"):
        velocity_error(one, one)
    with pytest.raises(InputError, match=r"the consistency loss has a weight .* give at least"):
        temporal_consistency(one)


@pytest.mark.parametrize(
    "loss", [position_error, velocity_error, scaled_error, lambda p, _: temporal_consistency(p)]
)
def test_gradients_are_those_of_the_formula(loss):
    generator = torch.Generator().manual_seed(0)
    shape = (2, 3, 4, 3)
    predicted = torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)
    target = torch.randn(shape, generator=generator, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda p: loss(p, target), (predicted,))


def test_the_self_weighted_objective_has_the_totals_gradient_times_the_total():
    value = torch.tensor([3.0, 1.0], requires_grad=True)

    def found(self_weighted: bool) -> Losses:
        terms = {"a": value.square().sum(), "b": value[0]}
        return Losses(terms, {"a": 1.0, "b": 0.5}, self_weighted)

    (plain,) = torch.autograd.grad(found(False).objective, value)
    (weighted,) = torch.autograd.grad(found(True).objective, value)
    assert found(True).total.item() == found(False).total.item() == 11.5
    torch.testing.assert_close(weighted, 11.5 * plain)
    assert found(True).objective.item() == pytest.approx(11.5**2 / 2)


def test_a_term_that_is_added_stands_beside_the_square():
    terms = {"a": torch.tensor(3.0), "b": torch.tensor(1.0)}
    for self_weighted, objective in ((False, 6.5), (True, 5.0**2 / 2 + 1.5)):
        found = Losses(terms, {"a": 1.0, "b": 2.0}, self_weighted)
        found = found.with_term("action", torch.tensor(15.0), 0.1)
        assert found.total.item() == 6.5 and found.beside == {"action"}
        assert found.objective.item() == pytest.approx(objective)


@dataclass(frozen=True)
class ToyConfig(EncoderConfig):
    """Settings of an encoder that was written outside the package."""

    joints_in: int = 2
    joints_out: int = 2
    frames_out: int | None = None

    def __post_init__(self) -> None:
        self.check_losses(self.joints_out)

    @property
    def output_frames(self) -> int | None:
        return self.frames_out


class Toy(nn.Module):
    """One linear layer per joint, features per joint and frame; knows how to prepare itself."""

    padding, width = (0, 0), 4

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.out = nn.Linear(2, 4), nn.Linear(4, 3)
        self.asked: list[torch.dtype] = []

    def shallow(self, xy, confidence=None) -> Stage:
        x = self.embed(xy)
        return Stage(x.mean(dim=2), 1, x if confidence is None else x * confidence[..., None])

    def deep(self, stage: Stage) -> Tensor:
        return stage.state

    def head(self, zd: Tensor) -> Tensor:
        return self.out(zd)

    def forward(self, xy, confidence=None) -> Tensor:
        return self.head(self.deep(self.shallow(xy, confidence)))


class Preparing(Toy):
    """The same with a form of its own for inference; that form is told by its doubled output."""

    def prepared(self, dtype: torch.dtype):
        self.asked.append(dtype)
        return SimpleNamespace(
            shallow=self.shallow, deep=self.deep, head=lambda zd: 2 * self.head(zd)
        )


def toy(encoder: type[Toy] = Toy, actions: ActionVocabulary = ACTIONS, **weights) -> EncoderMethod:
    torch.manual_seed(0)
    return EncoderMethod("Toy", encoder(), ToyConfig(**weights), actions)


def toy_batch(frames: int = 3) -> Batch:
    generator = torch.Generator().manual_seed(1)
    xy = torch.randn(2, frames, 2, 2, generator=generator)
    joints = torch.randn(2, frames, 2, 3, generator=generator)
    return Batch(xy, joints, torch.tensor([1, -1]))


def test_an_encoder_from_outside_is_a_method():
    method, batch = toy(), toy_batch()
    found = method.predict(batch.xy)
    assert method.padding == (0, 0)
    assert torch.equal(found.joints, method(batch.xy))
    tokens = method.encoder.shallow(batch.xy).state
    expected = method.action_head(tokens.mean(dim=2))  # one label per frame, not per joint
    torch.testing.assert_close(found.action_logits, expected)
    assert toy(actions=ActionVocabulary(())).predict(batch.xy).action_logits is None


def test_terms_are_those_with_a_weight():
    batch = toy_batch()
    assert toy().training_loss(batch).weights == {"mpjpe": 1.0}
    every = {"velocity": 2.0, "consistency": 3.0, "scale": 4.0, "action": 5.0}
    found = toy(**{f"{name}_weight": w for name, w in every.items()}).training_loss(batch)
    assert found.weights == {"mpjpe": 1.0, **every} and set(found.terms) == set(found.weights)
    joints = toy().predict(batch.xy).joints
    expected = {
        "mpjpe": position_error(joints, batch.joints),
        "velocity": velocity_error(joints, batch.joints),
        "consistency": temporal_consistency(joints),
        "scale": scaled_error(joints, batch.joints),
    }
    for name, value in expected.items():
        torch.testing.assert_close(found.terms[name], value)
    total = sum(found.weights[name] * term for name, term in found.terms.items())
    torch.testing.assert_close(found.total, total)


def test_weights_of_the_joints_count_in_position_and_consistency():
    generator = torch.Generator().manual_seed(1)
    joints = torch.randn(2, 3, 17, 3, generator=generator)
    batch = Batch(torch.randn(2, 3, 17, 2, generator=generator), joints, torch.tensor([-1, -1]))
    weights = {"joint_weights": "human36m_17", "consistency_weight": 1.0, "velocity_weight": 1.0}
    method = toy(joints_in=17, joints_out=17, **weights)
    found, predicted = method.training_loss(batch), method(batch.xy)
    per_joint = torch.tensor(HUMAN36M)
    assert set(found.terms) == {"weighted_mpjpe", "velocity", "consistency"}
    distance = (predicted - joints).norm(dim=-1)
    torch.testing.assert_close(found.terms["weighted_mpjpe"], (distance * per_joint).mean())
    square = predicted.diff(dim=1).square() * per_joint[:, None]
    torch.testing.assert_close(found.terms["consistency"], square.mean())
    torch.testing.assert_close(found.terms["velocity"], velocity_error(predicted, joints))


def test_the_confidence_of_a_batch_reaches_the_encoder():
    method, batch = toy(), toy_batch()
    doubtful = Batch(batch.xy, batch.joints, batch.action, torch.zeros(2, 3, 2))
    at_zero = method.encoder.out.bias.expand(2, 3, 2, 3)
    expected = position_error(at_zero, batch.joints)
    torch.testing.assert_close(method.training_loss(doubtful).terms["mpjpe"], expected)


def test_the_total_is_minimised_as_the_settings_say():
    batch = toy_batch()
    plain, own = toy().training_loss(batch), toy(self_weighted=True).training_loss(batch)
    assert torch.equal(plain.objective, plain.total)
    torch.testing.assert_close(own.objective, plain.total.square() / 2)


def test_the_prepared_form_of_an_encoder_is_used_where_there_is_one():
    batch = toy_batch()
    plain = toy()
    expected = plain.predict(batch.xy)
    assert torch.equal(plain.prepared("fp32")(batch.xy).joints, expected.joints)
    half = plain.prepared("bf16")(batch.xy).joints  # autocast
    assert 0 < (half.float() - expected.joints).abs().max() < 0.05
    method = toy(Preparing)
    found = method.prepared("bf16")(batch.xy)
    assert method.encoder.asked == [torch.bfloat16]
    torch.testing.assert_close(found.joints, 2 * method(batch.xy))
    torch.testing.assert_close(found.action_logits, method.predict(batch.xy).action_logits)


def test_only_a_weight_trains_actions():
    assert not ToyConfig().trains_actions and ToyConfig(action_weight=0.1).trains_actions


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"velocity_weight": float("nan")}, "velocity_weight is nan; a weight must be a finite"),
        ({"consistency_weight": -0.5}, "consistency_weight is -0.5; a weight cannot be negative"),
        ({"scale_weight": float("inf")}, "scale_weight is inf; a weight must be a finite number"),
        ({"action_weight": -1.0}, "action_weight is -1.0; a weight cannot be negative"),
        ({"velocity_weight": 1.0, "frames_out": 1}, "velocity_weight needs neighbouring output"),
        ({"consistency_weight": 1.0, "frames_out": 1}, "consistency_weight needs neighbouring"),
        ({"joint_weights": "human36m_17"}, "which are 17 weights, but 2 joints come out; give"),
        ({"joint_weights": "human36m"}, "unknown skeleton 'human36m'; .*did you mean 'human36m_17"),
    ],
)
def test_bad_weights_say_what_is_wrong(changes, message):
    with pytest.raises(InputError, match=message):
        ToyConfig(**changes)


def test_a_scale_weight_needs_no_neighbours():
    assert ToyConfig(scale_weight=1.0, action_weight=1.0, frames_out=1).scale_weight == 1


def test_joint_counts_of_the_lifter_are_checked():
    with pytest.raises(InputError, match="joints_out is 3; lifters work on 2 joints: leave joints"):
        ToyConfig(joints_out=3).check_equal_joints(2)
