"""MixSTE: the authors' parameter counts, names and numbers, and what depends on what."""

import pytest
import torch
from doc_pages import table
from encoder_checks import (
    attention,
    check_autocast,
    check_bundle,
    check_every_parameter_learns,
    check_independence,
    check_prepared,
    check_stages,
    check_training,
    filled,
    linear,
    mlp,
    norm,
    parameter_count,
    random_batch,
    random_xy,
    shapes,
    wave,
)
from lifting_fixtures import ACTIONS, randomised

from langlift.errors import InputError, ShapeError
from langlift.methods.base import Batch, Guidance, Sampling
from langlift.methods.mixste import MixSTE, MixSTEConfig, MixSTEMethod

# (settings, parameters): instantiated with the authors' code.
COUNTS = [
    ({}, 33_783_811),
    ({"frames": 81}, 33_700_867),
    ({"frames": 27}, 33_673_219),
    ({"frames": 9}, 33_664_003),
    ({"depth": 4}, 16_961_539),
    (
        {"frames": 43, "joints_in": 15, "joints_out": 15, "joint_weights": "humaneva_15"},
        33_680_387,
    ),
]


def config(**changes) -> MixSTEConfig:
    """9 frames, 16 channels, two levels."""
    small = {"frames": 9, "channels": 16, "depth": 2, "heads": 2}
    return MixSTEConfig(**{**small, **changes})


def mixste(**changes) -> MixSTE:
    return randomised(MixSTE(config(**changes))).eval()


@pytest.mark.parametrize(("settings", "count"), COUNTS)
def test_parameter_counts_are_the_authors(settings, count):
    with torch.device("meta"):
        assert parameter_count(MixSTE(MixSTEConfig(**settings))) == count


def test_the_readme_lists_these_counts():
    rows = [tuple(int(cell.replace(",", "")) for cell in row) for row in table("mixste parameters")]
    of = [(MixSTEConfig(**settings), count) for settings, count in COUNTS]
    assert sorted(rows) == sorted((c.frames, c.depth, c.joints_in, count) for c, count in of)


def test_state_dict_has_the_authors_names_and_shapes():
    expected = {"Spatial_pos_embed": (1, 15, 8), "Temporal_pos_embed": (1, 7, 8)}
    expected |= linear("Spatial_patch_to_embedding", 2, 8)
    for block in ("STEblocks.0", "STEblocks.1", "TTEblocks.0", "TTEblocks.1"):
        expected |= norm(f"{block}.norm1", 8) | norm(f"{block}.norm2", 8)
        expected |= attention(f"{block}.attn", 8) | mlp(f"{block}.mlp", 8, 24)
    expected |= norm("Spatial_norm", 8) | norm("Temporal_norm", 8)
    expected |= norm("head.0", 8) | linear("head.1", 8, 3)
    humaneva = {"joints_in": 15, "joints_out": 15, "joint_weights": "humaneva_15"}
    assert shapes(MixSTE(config(frames=7, channels=8, mlp_ratio=3.0, **humaneva))) == expected


def test_the_numbers_are_the_authors():
    network = filled(MixSTE(config(channels=64, heads=8)))
    out = network(wave(1, 9, 17, 2))
    assert out.shape == (1, 9, 17, 3)
    assert out.sum().item() == pytest.approx(1.2527304, abs=2e-4)
    expected = [-0.01159933, -0.00509345, 0.02223555]
    assert out[0, 4, 5].tolist() == pytest.approx(expected, abs=1e-5)


def test_norms_of_the_blocks_are_finer_than_that_of_the_head():
    network = mixste()
    eps = {name: m.eps for name, m in network.named_modules() if isinstance(m, torch.nn.LayerNorm)}
    assert eps.pop("head.0") == 1e-5
    assert len(eps) == 10 and set(eps.values()) == {1e-6}


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_encoder_is_its_three_stages_to_the_bit(depth):
    check_stages(mixste(depth=depth), 9, 16)


def test_a_shorter_window_uses_the_first_embeddings():
    long, xy = mixste(), random_xy(2, 5, 17)
    short = MixSTE(config(frames=5)).eval()
    state = long.state_dict()
    state["Temporal_pos_embed"] = state["Temporal_pos_embed"][:, :5]
    short.load_state_dict(state)
    assert long(xy).shape == (2, 5, 17, 3)
    torch.testing.assert_close(long(xy), short(xy))
    assert long(xy[:, :1]).shape == (2, 1, 17, 3)


def test_every_frame_and_joint_sees_all_others():
    network, xy = mixste(), random_xy(1, 9, 17).requires_grad_()
    network(xy)[0, 0, 3].square().sum().backward()
    assert (xy.grad[0].abs().sum(dim=-1) > 0).all()


def test_frames_are_told_apart():
    network, xy = mixste(), random_xy(1, 9, 17)
    turned = network(xy.flip(1)).flip(1)
    assert (network(xy) - turned).abs().max() > 1e-3
    with torch.no_grad():
        network.Temporal_pos_embed.zero_()
    torch.testing.assert_close(network(xy), network(xy.flip(1)).flip(1), atol=1e-5, rtol=1e-5)


def test_an_output_depends_on_its_own_input_only():
    check_independence(randomised(MixSTEMethod(config(), ACTIONS)).eval(), 9)


def test_the_confidence_is_not_used():
    network, xy = mixste(), random_xy(2, 9, 17)
    assert not config().uses_confidence
    assert torch.equal(network(xy, torch.zeros(2, 9, 17)), network(xy))


def test_every_parameter_learns():
    settings = config(action_weight=0.3, drop_path=0.0)
    check_every_parameter_learns(randomised(MixSTEMethod(settings, ACTIONS)), 9)


def test_embeddings_start_at_zero():
    network = MixSTE(config())
    assert not network.Spatial_pos_embed.any() and not network.Temporal_pos_embed.any()


def test_branches_are_left_out_in_training_only_and_more_of_them_with_depth():
    network = mixste(depth=5, drop_path=0.4)
    for blocks in (network.STEblocks, network.TTEblocks):
        chances = [block.drop_path.chance for block in blocks]
        assert chances == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
    xy = random_xy(4, 9, 17)
    assert torch.equal(network(xy), network(xy))
    torch.manual_seed(0)
    network.train()
    assert not torch.equal(network(xy), network(xy))
    alone = mixste(depth=1, drop_path=0.4).train()
    assert torch.equal(alone(xy), alone(xy))


def test_the_prepared_form_gives_the_same():
    check_prepared(MixSTE(config(channels=64, depth=3)), 9)


def test_autocast_keeps_the_head_in_float32():
    check_autocast(MixSTE(config(channels=64)).eval(), 9)


def test_prediction_of_the_method():
    method, xy = randomised(MixSTEMethod(config(), ACTIONS)).eval(), random_xy(2, 9, 17)
    found = method.predict(xy)
    assert found.joints.shape == (2, 9, 17, 3) and found.action_logits.shape == (2, 9, 3)
    assert torch.equal(found.joints, method(xy))
    fast = method.prepared("fp32")(xy)
    torch.testing.assert_close(fast.joints, found.joints, atol=1e-5, rtol=0)
    torch.testing.assert_close(fast.action_logits, found.action_logits, atol=1e-5, rtol=1e-5)


def test_the_loss_of_a_perfect_prediction_is_its_own_motion():
    method = randomised(MixSTEMethod(config(), ACTIONS)).eval()
    xy = random_xy(2, 9, 17)
    truth = method(xy).detach()
    found = method.training_loss(Batch(xy, truth, torch.tensor([-1, -1])))
    assert found.weights == {"weighted_mpjpe": 1.0, "velocity": 2.0, "consistency": 0.5}
    assert found.terms["weighted_mpjpe"].item() == 0 and found.terms["velocity"].item() == 0
    assert found.terms["consistency"].item() > 0
    assert found.total.item() == pytest.approx(0.5 * found.terms["consistency"].item())


def test_the_loss_as_released_minimises_half_the_square():
    plain, own = (MixSTEMethod(config(self_weighted=w), ACTIONS).eval() for w in (False, True))
    own.load_state_dict(plain.state_dict())
    total = plain.training_loss(random_batch(9))
    square = own.training_loss(random_batch(9))
    assert torch.equal(total.objective, total.total)
    torch.testing.assert_close(square.objective, total.total**2 / 2)


def test_the_action_is_told_beside_the_square():
    method = MixSTEMethod(config(self_weighted=True, action_weight=0.3), ACTIONS).eval()
    found = method.training_loss(random_batch(9))
    action = found.terms["action"]
    poses = found.total - 0.3 * action
    torch.testing.assert_close(found.objective, poses**2 / 2 + 0.3 * action)
    (alone,) = torch.autograd.grad(0.3 * action, method.action_head.bias, retain_graph=True)
    (joined,) = torch.autograd.grad(found.objective, method.action_head.bias)
    torch.testing.assert_close(joined, alone)


def test_bundle_round_trip(tmp_path):
    settings = config(action_weight=0.2, velocity_weight=1.5, joint_weights="even", drop_path=0.25)
    check_bundle("mixste", settings, tmp_path / "m.safetensors")


def test_training_learns_and_resumes_exactly(tmp_path):
    check_training("mixste", config(action_weight=0.1, drop_path=0.2), tmp_path)


def test_settings_say_what_a_window_is():
    of = MixSTEConfig()
    assert (of.window, of.output_frames, of.looks_ahead) == (243, 243, True)
    assert of.for_lifting() is of
    of.check_joints(17)
    with pytest.raises(InputError, match="joints_in is 17; lifters work on 15 joints: leave"):
        of.check_joints(15)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frames": 0}, "frames is 0; it must be at least 1 and at most 100,000"),
        ({"frames": 100_001}, "frames is 100001; it must be at least 1 and at most 100,000"),
        ({"channels": 0}, "channels is 0; it must be at least 1"),
        ({"depth": 0}, "depth is 0; it must be at least 1"),
        ({"depth": 1001}, "depth is 1001; it must be at least 1 and at most 1,000"),
        ({"joints_in": 0, "joints_out": 0}, "joints_in is 0; it must be at least 1"),
        ({"heads": 3}, "channels is 16 and heads is 3; heads must divide the channels"),
        ({"heads": 0}, "channels is 16 and heads is 0; heads must divide the channels"),
        ({"mlp_ratio": 0.01}, "mlp_ratio is 0.01; it must leave the MLP at least one channel"),
        ({"mlp_ratio": 101.0}, "mlp_ratio is 101.0; it must .* and be at most 100"),
        ({"mlp_ratio": float("nan")}, "mlp_ratio is nan; it must leave the MLP"),
        ({"drop_path": 1.0}, "drop_path is 1.0; it must be at least 0 and below 1"),
        ({"joints_out": 15}, "joints_in is 17 and joints_out is 15; MixSTE gives as many joints"),
        (
            {"joints_in": 15, "joints_out": 15},
            "joint_weights is 'human36m_17', which are 17 weights, but 15 joints come out",
        ),
        ({"frames": 1}, "velocity_weight needs neighbouring output frames"),
        ({"velocity_weight": -1.0}, "velocity_weight is -1.0; a weight cannot be negative"),
    ],
)
def test_bad_settings_say_what_is_wrong(changes, message):
    with pytest.raises(InputError, match=message):
        config(**changes)


@pytest.mark.parametrize("frames", [0, 10])
def test_a_wrong_number_of_frames_says_how_many(frames):
    with pytest.raises(InputError, match=f"got {frames} frames; this MixSTE takes windows of 1 to"):
        mixste()(random_xy(1, frames, 17))


def test_a_wrong_number_of_joints_says_how_many():
    with pytest.raises(ShapeError, match=r"xy has shape \(1, 9, 15, 2\); it must be \(b, f, 17, 2"):
        mixste()(random_xy(1, 9, 15))


def test_what_it_cannot_do_is_refused_also_when_prepared():
    method, xy = MixSTEMethod(config(), ACTIONS), random_xy(1, 9, 17)
    for predict in (method.predict, method.prepared("fp32")):
        with pytest.raises(InputError, match="MixSTE is deterministic: got hypotheses=5"):
            predict(xy, sampling=Sampling(hypotheses=5))
        with pytest.raises(InputError, match=r"MixSTE cannot use an action label \('walk'\)"):
            predict(xy, guidance=Guidance("label", "walk", "given"))


def test_an_empty_batch_is_refused():
    with pytest.raises(InputError, match="there are no windows in the batch; give this MixSTE at"):
        mixste()(torch.zeros(0, 9, 17, 2))
