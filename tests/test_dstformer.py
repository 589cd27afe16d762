"""DSTformer: the authors' parameter counts, names and numbers, and what depends on what."""

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
from langlift.methods.dstformer import DSTformer, DSTformerConfig, DSTformerMethod

# (settings, parameters): instantiated with the authors' code.
COUNTS = [({}, 42_466_317), ({"channels": 256, "mlp_ratio": 4.0}, 16_001_549)]


def config(**changes) -> DSTformerConfig:
    """9 frames, 16 channels, two levels."""
    small = {"frames": 9, "channels": 16, "representation": 24, "depth": 2, "heads": 2}
    return DSTformerConfig(**{**small, **changes})


def dstformer(**changes) -> DSTformer:
    return randomised(DSTformer(config(**changes))).eval()


@pytest.mark.parametrize(("settings", "count"), COUNTS)
def test_parameter_counts_are_the_authors(settings, count):
    with torch.device("meta"):
        assert parameter_count(DSTformer(DSTformerConfig(**settings))) == count


def test_the_readme_lists_these_counts():
    rows = [(int(c), float(r), count) for _, c, r, count in table("dstformer parameters")]
    of = [(DSTformerConfig(**settings), count) for settings, count in COUNTS]
    assert rows == [(c.channels, c.mlp_ratio, f"{count:,}") for c, count in of]


def test_state_dict_has_the_authors_names_and_shapes():
    expected = {"temp_embed": (1, 7, 1, 8), "pos_embed": (1, 15, 8)}
    expected |= linear("joints_embed", 3, 8)
    for i in range(2):
        for block in (f"blocks_st.{i}", f"blocks_ts.{i}"):
            for axis in "st":
                expected |= norm(f"{block}.norm1_{axis}", 8) | norm(f"{block}.norm2_{axis}", 8)
                expected |= attention(f"{block}.attn_{axis}", 8)
                expected |= mlp(f"{block}.mlp_{axis}", 8, 24)
        expected |= linear(f"ts_attn.{i}", 16, 2)
    expected |= norm("norm", 8) | linear("pre_logits.fc", 8, 12) | linear("head", 12, 3)
    of = config(frames=7, channels=8, representation=12, mlp_ratio=3.0, joints_in=15, joints_out=15)
    assert shapes(DSTformer(of)) == expected


def test_the_numbers_are_the_authors():
    network = filled(DSTformer(config(channels=64, representation=64, heads=8)))
    observed = wave(1, 9, 17, 3)
    out = network(observed[..., :2], observed[..., 2])
    assert out.shape == (1, 9, 17, 3)
    assert out.sum().item() == pytest.approx(-4.7875361, abs=2e-4)
    expected = [-0.02010401, -0.01184977, 0.00187235]
    assert out[0, 4, 5].tolist() == pytest.approx(expected, abs=1e-5)


def test_all_norms_have_the_authors_epsilon():
    norms = [m for m in dstformer().modules() if isinstance(m, torch.nn.LayerNorm)]
    assert len(norms) == 17 and {m.eps for m in norms} == {1e-6}


def test_streams_count_half_each_at_the_start():
    network = DSTformer(config()).eval()
    x = torch.randn(2, 9, 17, 16, generator=torch.Generator().manual_seed(0))
    for i, fusion in enumerate(network.ts_attn):
        st, ts = network.blocks_st[i](x), network.blocks_ts[i](x)
        assert (st - ts).abs().max() > 1e-4
        share = fusion(torch.cat([st, ts], dim=-1)).softmax(dim=-1)
        assert torch.equal(share, torch.full_like(share, 0.5))
        torch.testing.assert_close(network._level(x, i), (st + ts) / 2, atol=1e-6, rtol=1e-6)


def test_streams_are_mixed_by_a_softmax_per_token():
    network = dstformer()
    x = torch.randn(2, 9, 17, 16, generator=torch.Generator().manual_seed(0))
    st, ts = network.blocks_st[1](x), network.blocks_ts[1](x)
    share = network.ts_attn[1](torch.cat([st, ts], dim=-1)).softmax(dim=-1)
    assert share[..., 0].std() > 0.1
    expected = share[..., :1] * st + share[..., 1:] * ts
    torch.testing.assert_close(network._level(x, 1), expected, atol=1e-5, rtol=1e-5)


def test_the_start_is_the_authors():
    torch.manual_seed(0)
    network = DSTformer(config(channels=64, heads=8))
    for weight in (network.pos_embed, network.head.weight, network.blocks_ts[1].mlp_t.fc1.weight):
        assert weight.std().item() == pytest.approx(0.02, rel=0.2)
    for name, value in network.named_parameters():
        if name.startswith("ts_attn"):
            assert (value == (0.5 if name.endswith("bias") else 0)).all()
        elif name.endswith("bias"):
            assert not value.any()


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_encoder_is_its_three_stages_to_the_bit(depth):
    check_stages(dstformer(depth=depth), 9, 16)


def test_the_last_features_are_bounded():
    network = dstformer()
    assert network.width == 24
    representation = network.deep(network.shallow(20 * random_xy(2, 9, 17)))
    assert representation.abs().max() <= 1 and representation.abs().max() > 0.5


def test_a_shorter_window_uses_the_first_embeddings():
    long, xy = dstformer(), random_xy(2, 5, 17)
    short = DSTformer(config(frames=5)).eval()
    state = long.state_dict()
    state["temp_embed"] = state["temp_embed"][:, :5]
    short.load_state_dict(state)
    assert long(xy).shape == (2, 5, 17, 3)
    torch.testing.assert_close(long(xy), short(xy))
    assert long(xy[:, :1]).shape == (2, 1, 17, 3)


def test_every_frame_and_joint_sees_all_others():
    network, xy = dstformer(), random_xy(1, 9, 17).requires_grad_()
    network(xy)[0, 0, 3].square().sum().backward()
    assert (xy.grad[0].abs().sum(dim=-1) > 0).all()


def test_an_output_depends_on_its_own_input_only():
    check_independence(randomised(DSTformerMethod(config(), ACTIONS)).eval(), 9)


def test_the_confidence_is_an_input_and_what_is_not_given_is_certain():
    network, xy = dstformer(), random_xy(2, 9, 17)
    assert config().uses_confidence
    certain = network(xy)
    assert torch.equal(network(xy, torch.ones(2, 9, 17)), certain)
    doubt = torch.ones(2, 9, 17)
    doubt[1, 4, 5] = 0
    found = network(xy, doubt)
    assert torch.equal(found[0], certain[0]) and (found[1] - certain[1]).abs().max() > 1e-4


def test_the_confidence_reaches_prediction_and_loss():
    method = randomised(DSTformerMethod(config(), ACTIONS)).eval()
    batch = random_batch(9)
    certain = Batch(batch.xy, batch.joints, batch.action)
    assert method.training_loss(batch).total != method.training_loss(certain).total
    for predict in (method.predict, method.prepared("fp32")):
        doubtful = predict(batch.xy, batch.confidence).joints
        assert (doubtful - predict(batch.xy).joints).abs().max() > 1e-4


def test_every_parameter_learns():
    settings = config(action_weight=0.3)
    check_every_parameter_learns(randomised(DSTformerMethod(settings, ACTIONS)), 9)


def test_the_prepared_form_gives_the_same():
    check_prepared(DSTformer(config(channels=64, depth=3)), 9)


def test_autocast_keeps_the_head_in_float32():
    check_autocast(DSTformer(config(channels=64)).eval(), 9)


def test_prediction_of_the_method():
    method, xy = randomised(DSTformerMethod(config(), ACTIONS)).eval(), random_xy(2, 7, 17)
    found = method.predict(xy)
    assert found.joints.shape == (2, 7, 17, 3) and found.action_logits.shape == (2, 7, 3)
    assert torch.equal(found.joints, method(xy))


def test_the_loss_is_the_papers():
    method = randomised(DSTformerMethod(DSTformerConfig(**small_windows()), ACTIONS)).eval()
    xy = random_xy(2, 9, 17)
    truth = method(xy).detach()
    perfect = method.training_loss(Batch(xy, truth, torch.tensor([-1, -1])))
    assert perfect.weights == {"mpjpe": 1.0, "velocity": 20.0, "scale": 0.5}
    assert perfect.total.item() == pytest.approx(0, abs=1e-5)
    double = method.training_loss(Batch(xy, 2 * truth, torch.tensor([-1, -1])))
    assert double.terms["scale"].item() == pytest.approx(0, abs=1e-5)
    assert double.terms["mpjpe"].item() == pytest.approx(truth.norm(dim=-1).mean().item(), rel=1e-5)


def small_windows() -> dict[str, int]:
    """Only sizes, so that the losses are the defaults."""
    return {"frames": 9, "channels": 16, "depth": 2, "heads": 2}


def test_bundle_round_trip(tmp_path):
    settings = config(action_weight=0.2, velocity_weight=1.5, mlp_ratio=1.5, self_weighted=True)
    check_bundle("dstformer", settings, tmp_path / "d.safetensors")


def test_training_learns_and_resumes_exactly(tmp_path):
    settings = config(channels=32, action_weight=0.1, velocity_weight=0.5)
    check_training("dstformer", settings, tmp_path)


def test_settings_say_what_a_window_is():
    of = DSTformerConfig()
    assert (of.window, of.output_frames, of.looks_ahead) == (243, None, True)
    assert of.for_lifting() is of
    of.check_joints(17)
    with pytest.raises(InputError, match="joints_in is 17; lifters work on 15 joints: leave"):
        of.check_joints(15)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frames": 0}, "frames is 0; it must be at least 1 and at most 100,000"),
        ({"channels": 100_001}, "channels is 100001; it must be at least 1 and at most 100,000"),
        ({"representation": 0}, "representation is 0; it must be at least 1"),
        ({"depth": 1001}, "depth is 1001; it must be at least 1 and at most 1,000"),
        ({"joints_in": -1, "joints_out": -1}, "joints_in is -1; it must be at least 1"),
        ({"heads": 5}, "channels is 16 and heads is 5; heads must divide the channels"),
        ({"mlp_ratio": 0.0}, "mlp_ratio is 0.0; it must leave the MLP at least one channel"),
        ({"mlp_ratio": float("inf")}, "mlp_ratio is inf; it must .* and be at most 100"),
        ({"joints_out": 15}, "joints_in is 17 and joints_out is 15; DSTformer gives as many"),
        ({"scale_weight": float("inf")}, "scale_weight is inf; a weight must be a finite number"),
    ],
)
def test_bad_settings_say_what_is_wrong(changes, message):
    with pytest.raises(InputError, match=message):
        config(**changes)


@pytest.mark.parametrize("frames", [0, 10])
def test_a_wrong_number_of_frames_says_how_many(frames):
    with pytest.raises(InputError, match=f"got {frames} frames; this DSTformer takes windows of 1"):
        dstformer()(random_xy(1, frames, 17))


def test_wrong_shapes_say_which():
    with pytest.raises(ShapeError, match=r"xy has shape \(1, 9, 15, 2\); it must be \(b, f, 17, 2"):
        dstformer()(random_xy(1, 9, 15))
    message = r"confidence has shape \(2, 9, 16\); it must be \(2, 9, 17\)"
    with pytest.raises(ShapeError, match=message):
        dstformer()(random_xy(2, 9, 17), torch.ones(2, 9, 16))


def test_what_it_cannot_do_is_refused_also_when_prepared():
    method, xy = DSTformerMethod(config(), ACTIONS), random_xy(1, 9, 17)
    for predict in (method.predict, method.prepared("fp32")):
        with pytest.raises(InputError, match="DSTformer is deterministic: got hypotheses=1, st"):
            predict(xy, sampling=Sampling(steps=3))
        with pytest.raises(InputError, match=r"DSTformer cannot use an action text \('jumps'\)"):
            predict(xy, guidance=Guidance("text", "jumps", "given"))
