"""VPose: the authors' parameter counts, names and numbers, and what depends on what."""

import math
from collections.abc import Callable

import pytest
import torch
from lifting_fixtures import ACTIONS, config, randomised
from torch import Tensor

from langlift.actions import ActionVocabulary
from langlift.errors import InputError, ShapeError
from langlift.methods import METHODS, get_method
from langlift.methods.base import Batch, Guidance, Losses, Sampling, TemporalEncoder
from langlift.methods.vpose import VPose, VPoseConfig, VPoseMethod, batch_norm_momentum

# (joints, widths, parameters): instantiated with the authors' code.
COUNTS = [
    (17, (3, 3), 4_357_171),
    (17, (3, 3, 3), 8_555_571),
    (17, (3, 3, 3, 3), 12_753_971),
    (17, (3, 3, 3, 3, 3), 16_952_371),
    (15, (3, 3, 3), 8_537_133),
    (15, (3, 3, 3, 3, 3), 16_933_933),
]
NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def vpose(**changes) -> VPose:
    return randomised(VPose(config(**changes))).eval()


def random_xy(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, 2, generator=torch.Generator().manual_seed(seed))


def wave(*shape: int) -> Tensor:
    """The input of the numeric fixture: 0.5 sin(0.11 i) over the flat index."""
    flat = torch.arange(math.prod(shape), dtype=torch.float64)
    return (0.5 * torch.sin(0.11 * flat)).float().reshape(shape)


@pytest.mark.parametrize(("joints", "widths", "count"), COUNTS)
def test_parameter_counts_are_the_authors(joints, widths, count):
    with torch.device("meta"):
        network = VPose(VPoseConfig(widths, joints_in=joints, joints_out=joints))
    assert sum(p.numel() for p in network.parameters()) == count


def test_the_trajectory_network_and_the_norm_statistics_have_the_authors_sizes():
    with torch.device("meta"):
        network = VPose(VPoseConfig())
        trajectory = VPose(VPoseConfig(joints_out=1))
    assert sum(b.numel() for b in network.buffers()) == 18_441
    assert sum(p.numel() for p in trajectory.parameters()) == 16_903_171


def test_state_dict_has_the_authors_names_and_shapes():
    c = 6
    expected = {"expand_conv.weight": (c, 34, 3), "shrink.weight": (51, c, 1), "shrink.bias": (51,)}
    for i, width in enumerate((5, 3)):
        expected[f"layers_conv.{2 * i}.weight"] = (c, c, width)
        expected[f"layers_conv.{2 * i + 1}.weight"] = (c, c, 1)
    for norm in ("expand_bn", *(f"layers_bn.{n}" for n in range(4))):
        expected |= {f"{norm}.{part}": (c,) for part in NORM[:4]}
        expected[f"{norm}.{NORM[4]}"] = ()
    state = VPose(config(widths=(3, 5, 3), channels=c)).state_dict()
    assert {name: tuple(value.shape) for name, value in state.items()} == expected


def test_the_numbers_are_the_authors():
    network = VPose(config(widths=(3, 3, 3), channels=64)).eval()
    names = sorted(name for name, _ in network.named_parameters())
    parameters = dict(network.named_parameters())
    with torch.no_grad():
        for k, name in enumerate(names):
            flat = torch.arange(parameters[name].numel(), dtype=torch.float64)
            values = 0.02 * torch.sin(0.37 * flat + 1.3 * k)
            values += name.endswith("bn.weight")
            parameters[name].copy_(values.reshape(parameters[name].shape))
        out = network(wave(1, 27, 17, 2))
    assert out.shape == (1, 1, 17, 3)
    assert out.sum().item() == pytest.approx(0.0132267, abs=2e-4)
    expected = [0.00968182, -0.00327272, -0.00122152]
    assert out[0, 0, 5].tolist() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("widths", [(3,), (3, 3), (5, 3, 7)])
def test_strided_equals_dilated_with_the_same_weights(widths, causal):
    dilated = vpose(widths=widths, causal=causal)
    strided = vpose(widths=widths, causal=causal, form="strided")
    strided.load_state_dict(dilated.state_dict())
    xy = random_xy(4, math.prod(widths), 17)
    assert dilated(xy).shape == (4, 1, 17, 3)
    torch.testing.assert_close(strided(xy), dilated(xy), atol=1e-6, rtol=0)


def test_strided_first_features_are_every_third_dilated_one():
    dilated, strided = vpose(widths=(3, 3, 3)), vpose(widths=(3, 3, 3), form="strided")
    xy = random_xy(2, 27, 17)
    dense, sparse = dilated.shallow(xy), strided.shallow(xy)
    assert (dense.stride, sparse.stride) == (1, 3)
    assert dense.features.shape == (2, 25, 8) and sparse.features.shape == (2, 9, 8)
    torch.testing.assert_close(sparse.features, dense.features[:, ::3], atol=1e-6, rtol=0)


def test_300_frames_through_243_give_58():
    network = vpose(widths=(3, 3, 3, 3, 3))
    assert network.config.receptive_field == 243
    assert network(random_xy(1, 300, 17)).shape == (1, 58, 17, 3)


@pytest.mark.parametrize(
    ("widths", "causal", "padding"),
    [((3, 3), False, (4, 4)), ((5, 3), True, (14, 0)), ((3,) * 5, False, (121, 121))],
)
def test_padding_gives_as_many_frames_as_it_gets(widths, causal, padding):
    network = vpose(widths=widths, causal=causal)
    assert network.padding == padding
    assert network(random_xy(1, sum(padding) + 7, 17)).shape[1] == 7


@pytest.mark.parametrize("causal", [False, True])
def test_an_output_frame_depends_on_exactly_its_receptive_field(causal):
    network = vpose(widths=(3, 3, 3), channels=16, causal=causal)
    before, after = network.padding
    frames, at = 60, 30
    xy = random_xy(1, frames, 17).requires_grad_()
    network(xy)[0, at - before].square().sum().backward()
    used = xy.grad[0].abs().sum(dim=(1, 2)) > 0
    expected = torch.zeros(frames, dtype=torch.bool)
    expected[at - before : at + after + 1] = True
    assert expected.sum() == 27 and used.tolist() == expected.tolist()
    assert not causal or not used[at + 1 :].any()


def test_the_residual_is_the_output_frame_itself():
    # With the block's branch at zero the network is pointwise around its first convolution.
    for causal, first in ((False, 12), (True, 24)):
        network = vpose(widths=(3, 3, 3), causal=causal)
        for conv in network.layers_conv:
            conv.weight.data.zero_()
        for norm in network.layers_bn:
            norm.running_mean.zero_()
            norm.bias.data.zero_()
        stage = network.shallow(random_xy(1, 27, 17))
        torch.testing.assert_close(network.deep(stage), stage.features[:, first : first + 1])


@pytest.mark.parametrize("form", ["dilated", "strided"])
def test_the_encoder_is_its_three_stages_to_the_bit(form):
    network, xy = vpose(form=form), random_xy(3, 9, 17)
    assert isinstance(network, TemporalEncoder)
    staged = network.head(network.deep(network.shallow(xy)))
    assert torch.equal(network(xy), staged)


def test_an_output_depends_on_its_own_input_only():
    network, xy = VPoseMethod(config(), ACTIONS), random_xy(3, 12, 17)
    randomised(network).eval()
    whole, changed = network.predict(xy), xy.clone()
    changed[1] += 5
    other = network.predict(changed)
    for a, b in ((whole.joints, other.joints), (whole.action_logits, other.action_logits)):
        assert torch.equal(a[0], b[0]) and torch.equal(a[2], b[2]) and not torch.equal(a[1], b[1])


@pytest.mark.parametrize("widths", [(3, 3), (5, 5), (3, 5, 3)])
@pytest.mark.parametrize("causal", [False, True])
def test_every_parameter_learns(widths, causal):
    settings = config(widths=widths, causal=causal, action_weight=0.3, velocity_weight=0.7)
    network = randomised(VPoseMethod(settings, ACTIONS)).train()
    losses = network.training_loss(batch_for(network, frames=4))
    assert set(losses.terms) == {"mpjpe", "velocity", "action"}
    losses.total.backward()
    dead = [
        name
        for name, p in network.named_parameters()
        if p.grad is None or not p.grad.isfinite().all() or not p.grad.any()
    ]
    assert not dead


def batch_for(network: VPoseMethod, frames: int, action=(0, 2, -1, 1)) -> Batch:
    b = len(action)
    xy = random_xy(b, sum(network.padding) + frames, 17)
    joints = torch.randn(b, frames, 17, 3, generator=torch.Generator().manual_seed(3))
    return Batch(xy, joints, torch.tensor(action))


def saying(network: VPoseMethod, joint: Callable[[int], tuple[float, float, float]]) -> Tensor:
    """Make the network say the same for every input: joint(j) for joint j."""
    with torch.no_grad():
        network.encoder.shrink.weight.zero_()
        values = torch.tensor([joint(j) for j in range(17)])
        network.encoder.shrink.bias.copy_(values.flatten())
    return values


def test_loss_terms_have_their_known_values():
    network = VPoseMethod(config(velocity_weight=2.0, action_weight=0.5), ACTIONS).eval()
    said = saying(network, lambda j: (0.1 * j, 0.0, 1.0))
    with torch.no_grad():
        network.action_head.weight.zero_()
        network.action_head.bias.copy_(torch.tensor([1.0, 0.0, 0.0]))
    # The truth is 5 m away (3, 4) in frame 0 and moves on by 1 m in frame 1: error 5, then 6.
    truth = said.repeat(2, 2, 1, 1) + torch.tensor([3.0, 4.0, 0.0])
    truth[:, 1] += torch.tensor([0.6, 0.8, 0.0])
    losses = network.training_loss(Batch(random_xy(2, 10, 17), truth, torch.tensor([0, -1])))
    assert losses.terms["mpjpe"].item() == pytest.approx(5.5, rel=1e-5)
    assert losses.terms["velocity"].item() == pytest.approx(1.0, rel=1e-5)
    cross_entropy = math.log(math.e + 2) - 1
    assert losses.terms["action"].item() == pytest.approx(cross_entropy, rel=1e-5)
    assert losses.weights == {"mpjpe": 1.0, "velocity": 2.0, "action": 0.5}
    assert losses.total.item() == pytest.approx(5.5 + 2 + 0.5 * cross_entropy, rel=1e-5)


def test_the_predicted_root_is_drawn_to_zero():
    network = VPoseMethod(config(), ACTIONS).eval()
    saying(network, lambda j: (0.0, 0.0, 1.7 if j == 0 else 0.0))
    losses = network.training_loss(
        Batch(random_xy(1, 9, 17), torch.zeros(1, 1, 17, 3), torch.tensor([-1]))
    )
    assert losses.total.item() == pytest.approx(1.7 / 17)


def test_the_papers_loss_is_the_mean_joint_error_alone():
    network = VPoseMethod(VPoseConfig(widths=(3, 3), channels=8), ACTIONS)
    assert set(network.training_loss(batch_for(network, 2)).terms) == {"mpjpe"}


def test_a_windows_logits_are_the_mean_over_its_frames():
    network = randomised(VPoseMethod(config(action_weight=1.0), ACTIONS)).eval()
    batch = batch_for(network, 5, action=(2, 0))
    logits = network.predict(batch.xy).action_logits
    assert logits.shape == (2, 5, 3)
    expected = torch.nn.functional.cross_entropy(logits.mean(dim=1), batch.action)
    torch.testing.assert_close(network.training_loss(batch).terms["action"], expected)


def test_unlabelled_windows_have_no_action_loss_and_still_a_gradient_graph():
    network = randomised(VPoseMethod(config(action_weight=1.0), ACTIONS))
    losses = network.training_loss(batch_for(network, 1, action=(-1, -1)))
    assert losses.terms["action"].item() == 0
    losses.total.backward()
    assert network.action_head.weight.grad.abs().max() == 0
    assert network.encoder.shrink.weight.grad.abs().max() > 0


def test_an_unlabelled_window_changes_nothing_in_the_action_loss():
    network = randomised(VPoseMethod(config(action_weight=1.0), ACTIONS)).eval()
    batch = batch_for(network, 2, action=(1, -1, 0))
    labelled = torch.tensor([True, False, True])
    some = Batch(batch.xy[labelled], batch.joints[labelled], batch.action[labelled])
    both = [network.training_loss(b).terms["action"] for b in (batch, some)]
    torch.testing.assert_close(both[0], both[1])


def test_without_classes_there_is_no_action_head():
    network = VPoseMethod(config(), ActionVocabulary(())).eval()
    assert network.action_head is None
    assert network.predict(random_xy(1, 9, 17)).action_logits is None


def test_velocity_of_a_single_output_frame_is_refused():
    network = VPoseMethod(config(velocity_weight=1.0), ACTIONS)
    with pytest.raises(InputError, match="one output frame; give at least 2 output frames"):
        network.training_loss(batch_for(network, 1))


def test_targets_of_another_shape_are_refused():
    network = VPoseMethod(config(), ACTIONS)
    batch = batch_for(network, 3)
    with pytest.raises(ShapeError, match=r"target joints has shape \(4, 2, 17, 3\)"):
        network.training_loss(Batch(batch.xy, batch.joints[:, :2], batch.action))


@pytest.mark.parametrize(("epoch", "momentum"), [(0, 0.1), (1, 0.094406), (40, 0.01), (80, 0.001)])
def test_batch_norm_momentum_after_an_epoch_of_80(epoch, momentum):
    assert batch_norm_momentum(epoch, 80) == pytest.approx(momentum, abs=5e-7)


@pytest.mark.parametrize(
    ("sampling", "message"),
    [
        (Sampling(hypotheses=5), "VPose is deterministic: got hypotheses=5, steps=1"),
        (Sampling(steps=3), "got hypotheses=1, steps=3; it gives one hypothesis in one step"),
    ],
)
def test_sampling_is_refused(sampling, message):
    with pytest.raises(InputError, match=message):
        VPoseMethod(config(), ACTIONS).predict(random_xy(1, 9, 17), sampling=sampling)


def test_guidance_is_refused_and_no_guidance_is_not():
    network = randomised(VPoseMethod(config(), ACTIONS)).eval()
    xy = random_xy(1, 9, 17)
    guidance = Guidance("label", "walk", "oracle")
    with pytest.raises(InputError, match=r"VPose cannot use an action label \('walk'\); it predic"):
        network.predict(xy, guidance=guidance)
    plain = network.predict(xy)
    assert torch.equal(
        network.predict(xy, guidance=Guidance(), sampling=Sampling()).joints, plain.joints
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"widths": (3, 4)}, r"widths is \(3, 4\); every width must be odd and at least 3"),
        ({"widths": (1,)}, "every width must be odd and at least 3"),
        ({"widths": (3,) * 11}, "widths has 11 levels; give at most 10"),
        ({"widths": (9,) * 6}, "a network may see at most 100,000 frames"),
        ({"channels": 1_000_001}, "channels is 1000001; it must be .* at most 1,000,000"),
        ({"widths": ()}, r"widths is \(\); every width"),
        ({"dropout": 1.0}, "dropout is 1.0; it must be at least 0 and below 1"),
        ({"dropout": -0.1}, "dropout is -0.1"),
        ({"channels": 0}, "channels is 0; it must be at least 1"),
        ({"joints_in": 0}, "joints_in is 0"),
        ({"joints_out": -1}, "joints_out is -1"),
        ({"velocity_weight": float("nan")}, "velocity_weight is nan; a weight must be a finite"),
        ({"action_weight": float("inf")}, "action_weight is inf; a weight must be a finite number"),
        ({"action_weight": -1.0}, "action_weight is -1.0; a weight cannot be negative"),
        ({"velocity_weight": -2.0}, "velocity_weight is -2.0"),
        ({"form": "strided", "velocity_weight": 1.0}, "velocity_weight needs neighbouring output"),
        ({"form": "stridden"}, "form is 'stridden'; it must be 'dilated' or 'strided'"),
    ],
)
def test_bad_settings_say_what_is_wrong(changes, message):
    with pytest.raises(InputError, match=message):
        config(**changes)


@pytest.mark.parametrize(
    ("form", "frames", "message"),
    [
        ("dilated", 8, "got 8 frames; this dilated VPose takes at least 9 frames: pad"),
        ("strided", 8, "got 8 frames; this strided VPose takes exactly 9 frames"),
        ("strided", 10, "got 10 frames; this strided VPose takes exactly 9 frames"),
    ],
)
def test_a_wrong_number_of_frames_says_how_many(form, frames, message):
    with pytest.raises(InputError, match=message):
        vpose(form=form)(random_xy(1, frames, 17))


def test_a_wrong_number_of_joints_says_how_many():
    with pytest.raises(ShapeError, match=r"xy has shape \(1, 9, 15, 2\); it must be \(b, f, 17, 2"):
        vpose()(random_xy(1, 9, 15))


def test_autocast_keeps_the_head_in_float32():
    network, xy = vpose(channels=32), random_xy(2, 20, 17)
    with torch.autocast("cpu", torch.bfloat16):
        deep = network.deep(network.shallow(xy))
        out = network.head(deep)
        half = network(xy)
    weight, bias = network.shrink.weight[:, :, 0], network.shrink.bias
    assert out.dtype == torch.float32
    exact = (deep.float() @ weight.T + bias).reshape(out.shape)
    torch.testing.assert_close(out, exact, atol=1e-5, rtol=1e-5)
    full = network(xy)
    assert 0 < (half - full).abs().max() < 0.05 * full.abs().max()


def test_dropout_works_in_training_only():
    network, xy = vpose(dropout=0.5), random_xy(2, 9, 17)
    assert torch.equal(network(xy), network(xy))
    network.train()
    assert not torch.equal(network(xy), network(xy))


def test_a_zero_head_starts_near_zero():
    torch.manual_seed(0)
    plain = VPose(config())
    torch.manual_seed(0)
    quiet = VPose(config(zero_head=True))
    torch.testing.assert_close(quiet.shrink.weight, 0.1 * plain.shrink.weight)
    assert quiet.shrink.bias.abs().max() == 0


def test_losses_are_a_weighted_sum():
    losses = Losses({"a": torch.tensor(2.0), "b": torch.tensor(3.0)}, {"a": 1.0, "b": 0.5})
    assert losses.total.item() == 3.5


def test_the_registry_builds_it_and_suggests_a_near_name():
    entry = METHODS["vpose"]
    assert isinstance(entry.build(config(), ACTIONS), VPoseMethod) and entry.config is VPoseConfig
    with pytest.raises(InputError, match=r"unknown method 'vposs'; known: .*did you mean 'vpose'"):
        get_method("vposs")
