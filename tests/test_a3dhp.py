"""A3DHP: the authors' parameter counts, names and numbers, and what depends on what."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch
from a3dhp_fixtures import a3dhp, config, random_xy, sized
from lifting_fixtures import ACTIONS
from torch import nn

from langlift.errors import InputError, ShapeError
from langlift.methods import METHODS
from langlift.methods.a3dhp import A3DHP, A3DHPConfig, A3DHPMethod
from langlift.methods.base import Batch, Guidance, TemporalEncoder
from langlift.methods.vpose import batch_norm_momentum

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
NORM = ("weight", "bias", "running_mean", "running_var")


@pytest.fixture
def plain(monkeypatch) -> Iterator[ModuleType]:
    """The plain form of the benchmarks; its module name is taken back afterwards."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    yield importlib.import_module("reference_a3dhp")
    sys.modules.pop("reference_a3dhp")


@pytest.mark.parametrize(("joints", "count"), [(17, 14_520_363), (15, 14_497_749)])
def test_parameter_counts_are_the_authors(joints, count):
    with torch.device("meta"):
        network = A3DHP(A3DHPConfig(joints_in=joints, joints_out=joints))
    assert sum(p.numel() for p in network.parameters()) == count


def test_every_part_has_the_authors_number_of_parameters():
    with torch.device("meta"):
        network = A3DHP(A3DHPConfig())
    assert {k: sum(p.numel() for p in m.parameters()) for k, m in network.named_children()} == {
        "expand_conv": 148_136,
        "dilation_conv": 6_312_960,
        "dilation_bn": 6_144,
        "layers_conv": 7_963_136,
        "layers_bn": 8_192,
        "layers_tem_att": 29_280,
        "layers_tem_bn": 240,
        "shrink": 52_275,
    }


#: Parameters that the released code builds for fewer frames, and how many of its three skips have
#: a level to end in there; a skip has 2,106,368.
@pytest.mark.parametrize(
    ("frames", "released", "skips"), [(81, 12_464_253, 1), (27, 10_431_471, 0)]
)
def test_fewer_frames_have_the_released_parameters_without_the_skips_to_nowhere(
    frames, released, skips
):
    with torch.device("meta"):
        network = A3DHP(A3DHPConfig(frames))
    built = sum(p.numel() for p in network.parameters())
    assert built == released - (3 - skips) * 2_106_368


def norm(name: str, size: int) -> dict[str, tuple[int, ...]]:
    parts: dict[str, tuple[int, ...]] = {f"{name}.{part}": (size,) for part in NORM}
    return parts | {f"{name}.num_batches_tracked": ()}


def separable(name: str, wide: int, c: int) -> dict[str, tuple[int, ...]]:
    weights = {f"{name}.DW_conv.weight": (wide, 1, 3), f"{name}.PW_conv.weight": (c, wide, 1)}
    return weights | norm(f"{name}.DW_bn", wide) | norm(f"{name}.PW_bn", c)


def expected_state(c: int, steps: tuple[int, ...], skips: int) -> dict[str, tuple[int, ...]]:
    state: dict[str, tuple[int, ...]] = {"shrink.weight": (51, c, 1), "shrink.bias": (51,)}
    for i in range(skips):
        state |= separable(f"dilation_conv.{2 * i}", c, c) | norm(f"dilation_bn.{i}", c)
        state[f"dilation_conv.{2 * i + 1}.weight"] = (c, c, 1)
    for i, t in enumerate(steps):
        state |= separable(f"expand_conv.{i}", 34, c) | norm(f"layers_bn.{i}", c)
        state |= norm(f"layers_tem_bn.{i}", t)
        state[f"layers_tem_att.{i}.weight"] = (t, 3 * steps[0])
        state[f"layers_tem_att.{i}.bias"] = (t,)
        state[f"layers_conv.{2 * i + 1}.weight"] = (c, c, 1)
        kernels = f"layers_conv.{2 * i}"
        state |= {f"{kernels}.fc.weight": (128, c), f"{kernels}.fc.bias": (128,)}
        for k in range(3):
            state[f"{kernels}.convs.{k}.0.weight"] = (c, 1, 3)
            state[f"{kernels}.convs.{k}.2.weight"] = (c, c // 8, 1)
            state |= norm(f"{kernels}.convs.{k}.1", c) | norm(f"{kernels}.convs.{k}.3", c)
            state[f"{kernels}.fcs.{k}.weight"] = (c, 128)
            state[f"{kernels}.fcs.{k}.bias"] = (c,)
    return state


@pytest.mark.parametrize(
    ("frames", "steps", "skips", "entries"),
    [(243, (81, 27, 9, 3), 3, 332), (81, (27, 9, 3), 1, 227), (27, (9, 3), 0, 140)],
)
def test_state_dict_has_the_authors_names_and_shapes(frames, steps, skips, entries):
    expected = expected_state(16, steps, skips)
    state = A3DHP(config(frames)).state_dict()
    assert {name: tuple(value.shape) for name, value in state.items()} == expected
    assert len(expected) == entries


def test_the_numbers_are_the_authors():
    network = A3DHP(config(243, 64)).eval()
    parameters = dict(network.named_parameters())
    assert sum(p.numel() for p in parameters.values()) == 229_803
    with torch.no_grad():
        for k, name in enumerate(sorted(parameters)):
            flat = torch.arange(parameters[name].numel(), dtype=torch.float64)
            values = 0.02 * torch.sin(0.37 * flat + 1.3 * k) + name.endswith("bn.weight")
            parameters[name].copy_(values.reshape(parameters[name].shape))
        flat = torch.arange(243 * 34, dtype=torch.float64)
        out = network((0.5 * torch.sin(0.11 * flat)).float().reshape(1, 243, 17, 2))
    assert out.shape == (1, 1, 17, 3)
    assert out.sum().item() == pytest.approx(-0.0021629, abs=2e-4)
    expected = torch.tensor([-0.01989849, -0.01734607, -0.01483224])
    torch.testing.assert_close(out[0, 0, 5], expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("training", [False, True])
def test_it_equals_the_plain_form_of_the_authors(plain, training):
    network = a3dhp(243, 32, dropout=0.0).train(training)
    reference = plain.ReferenceA3DHP(32, dropout=0.0).train(training)
    reference.load_state_dict(network.state_dict())
    xy = random_xy(245, 17)
    with torch.no_grad():
        out = network(xy[None])[0]
        torch.testing.assert_close(out, reference(plain.windows_of(xy))[:, 0], atol=2e-5, rtol=1e-5)
    for name, value in network.state_dict().items():  # running statistics too
        torch.testing.assert_close(value, reference.state_dict()[name], atol=1e-5, rtol=1e-5)


def test_the_plain_form_averages_with_the_mirror_image(plain):
    reference, xy = plain.ReferenceA3DHP(16).eval(), random_xy(244, 17)
    alone = plain.reference_joints(reference, xy, flip=False)
    both = plain.reference_joints(reference, xy, flip=True)
    assert alone.shape == both.shape == (2, 17, 3)
    swap = [0, 4, 5, 6, 1, 2, 3, 7, 8, 9, 10, 14, 15, 16, 11, 12, 13]
    mirrored = xy[:, swap] * torch.tensor([-1.0, 1.0])
    again = plain.reference_joints(reference, mirrored, flip=True)
    torch.testing.assert_close(again[:, swap] * torch.tensor([-1.0, 1.0, 1.0]), both)


@pytest.mark.parametrize("frames", [27, 81, 243])
def test_every_output_frame_comes_from_its_own_window(frames):
    network, xy = a3dhp(frames), random_xy(2, frames + 4, 17)
    with torch.no_grad():
        whole = network(xy)
        assert whole.shape == (2, 5, 17, 3) and network.padding == (frames // 2,) * 2
        for n in range(5):
            alone = network(xy[:, n : n + frames])
            torch.testing.assert_close(whole[:, n : n + 1], alone, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("frames", [27, 81])
def test_an_output_depends_on_the_whole_of_its_window_and_on_nothing_else(frames):
    network = a3dhp(frames)
    xy = random_xy(2, frames + 2, 17).requires_grad_()
    network(xy)[0, 1].square().sum().backward()
    used = xy.grad.abs().sum(dim=(2, 3)) > 0
    assert used[0].tolist() == [False, *[True] * frames, False] and not used[1].any()


def test_an_output_depends_on_its_own_sample_only():
    network, xy = sized(A3DHPMethod(config(), ACTIONS)).eval(), random_xy(3, 28, 17)
    changed = xy.clone()
    changed[1] += torch.randn(17, 2, generator=torch.Generator().manual_seed(2))
    whole, other = network.predict(xy), network.predict(changed)
    for a, b in ((whole.joints, other.joints), (whole.action_logits, other.action_logits)):
        torch.testing.assert_close(a[[0, 2]], b[[0, 2]])
        assert not torch.allclose(a[1], b[1])


def test_the_encoder_is_its_three_stages_to_the_bit():
    network, xy = a3dhp(), random_xy(2, 30, 17)
    assert isinstance(network, TemporalEncoder)
    stage = network.shallow(xy)
    assert stage.features.shape == (8, 9, 16) and stage.stride == 3
    zd = network.deep(stage)
    assert zd.shape == (2, 4, network.width)
    assert torch.equal(network(xy), network.head(zd))


@pytest.mark.parametrize("frames", [27, 81, 243])
def test_every_parameter_learns(frames):
    network = sized(A3DHPMethod(config(frames, action_weight=0.3), ACTIONS)).train()
    batch = Batch(random_xy(4, frames, 17), torch.randn(4, 1, 17, 3), torch.tensor([0, 2, -1, 1]))
    losses = network.training_loss(batch)
    assert set(losses.terms) == {"mpjpe", "action"}
    losses.objective.backward()
    unreached = [n for n, p in network.named_parameters() if p.grad is None]
    assert not unreached
    # A batch norm takes away any bias before it: what is left of its gradient is rounding.
    dead = [n for n, p in network.named_parameters() if not p.grad.any()]
    assert not [n for n in dead if not (".layers_tem_att." in n and n.endswith(".bias"))]


@pytest.mark.parametrize("frames", [27, 81])
def test_fewer_frames_train(frames):
    torch.manual_seed(0)
    network = A3DHPMethod(config(frames, dropout=0.0), ACTIONS).train()
    batch = Batch(random_xy(8, frames, 17), 0.3 * torch.randn(8, 1, 17, 3), torch.full((8,), -1))
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    values = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = network.training_loss(batch).objective
        loss.backward()
        optimizer.step()
        values.append(loss.item())
    assert values[-1] < 0.5 * values[0]


def test_the_papers_loss_is_the_mean_joint_error_alone():
    network = A3DHPMethod(config(), ACTIONS)
    batch = Batch(random_xy(2, 27, 17), torch.zeros(2, 1, 17, 3), torch.tensor([0, 1]))
    assert set(network.training_loss(batch).terms) == {"mpjpe"}


def test_the_momentum_schedule_reaches_every_batch_norm():
    network = A3DHP(config(243, 8))
    norms = [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    assert len(norms) == 4 * 2 + 3 * 2 + 3 + 4 * 6 + 4 + 4
    assert all(isinstance(norm, nn.BatchNorm1d) and norm.momentum == 0.1 for norm in norms)
    before = {n: b.clone() for n, b in network.named_buffers() if n.endswith("running_var")}
    for each in norms:
        each.momentum = batch_norm_momentum(1, 1)
    network(random_xy(4, 243, 17))
    now = dict(network.named_buffers())
    moved = {name: (now[name] - value).abs().max() for name, value in before.items()}
    assert all(value > 0 for value in moved.values())
    assert max(moved.values()) < 0.1  # a thousandth of the way


def test_dropout_works_in_training_only():
    network, xy = a3dhp(dropout=0.5), random_xy(2, 27, 17)
    assert torch.equal(network(xy), network(xy))
    network.train()
    assert not torch.equal(network(xy), network(xy))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frames": 9}, "frames is 9; it must be 27, 81 or 243"),
        ({"frames": 242}, "frames is 242; it must be 27, 81 or 243"),
        ({"dropout": 1.0}, "dropout is 1.0; it must be at least 0 and below 1"),
        ({"channels": 0}, "channels is 0; it must be at least 1 and at most 1,000,000"),
        ({"channels": 1_000_008}, "channels is 1000008; it must be .* at most 1,000,000"),
        ({"channels": 20}, "channels is 20; it must be a multiple of 8"),
        ({"joints_in": 0}, "joints_in is 0"),
        ({"joints_out": -1}, "joints_out is -1"),
        ({"action_weight": -1.0}, "action_weight is -1.0; a weight cannot be negative"),
    ],
)
def test_bad_settings_say_what_is_wrong(changes, message):
    with pytest.raises(InputError, match=message):
        config(**changes)


def test_too_few_frames_say_how_many_are_needed():
    message = "got 242 frames; this A3DHP takes at least 243 frames: pad the sequence by repeating"
    network = a3dhp(243, 8)
    for form in (network, network.prepared(torch.float32)):
        with pytest.raises(InputError, match=message):
            form(random_xy(1, 242, 17))


def test_a_wrong_number_of_joints_says_how_many():
    with pytest.raises(
        ShapeError, match=r"xy has shape \(1, 27, 15, 2\); it must be \(b, f, 17, 2"
    ):
        a3dhp()(random_xy(1, 27, 15))


def test_training_on_one_window_is_refused():
    network = a3dhp().train()
    with pytest.raises(InputError, match=r"got one window to train on; .* need at least 2: raise"):
        network(random_xy(1, 27, 17))


def test_guidance_is_refused():
    with pytest.raises(InputError, match=r"A3DHP cannot use an action label \('walk'\)"):
        A3DHPMethod(config(), ACTIONS).predict(
            random_xy(1, 27, 17), guidance=Guidance("label", "walk")
        )


def test_joints_other_than_the_lifters_are_refused():
    config().check_joints(17)
    with pytest.raises(InputError, match="joints_in is 15; lifters work on 17 joints"):
        config(joints_in=15).check_joints(17)


def test_the_registry_builds_it():
    entry = METHODS["a3dhp"]
    assert entry.config is A3DHPConfig
    assert isinstance(entry.build(config(), ACTIONS), A3DHPMethod)
