"""A3DHP's form for inference: the same numbers, whatever the windows that go together."""

import pytest
import torch
from a3dhp_fixtures import a3dhp, config, random_xy, sized
from lifting_fixtures import ACTIONS
from torch.nn import functional as F

from langlift.methods.a3dhp import A3DHPMethod, folded
from langlift.methods.a3dhp.folded import FoldedA3DHP, mish_
from langlift.methods.base import TemporalEncoder


@pytest.mark.parametrize("frames", [27, 81, 243])
@pytest.mark.parametrize("together", [1, 3, 81])
def test_float32_equals_the_plain_form(frames, together, monkeypatch):
    monkeypatch.setitem(folded.WINDOWS, "cpu", together)
    network, xy = a3dhp(frames, 64), random_xy(2, frames + 6, 17)
    with torch.no_grad():
        torch.testing.assert_close(
            network.prepared(torch.float32)(xy), network(xy), atol=1e-5, rtol=0
        )


def test_its_stages_are_those_of_the_plain_form():
    network, xy = a3dhp(81, 32), random_xy(2, 84, 17)
    prepared = network.prepared(torch.float32)
    assert isinstance(prepared, FoldedA3DHP) and isinstance(prepared, TemporalEncoder)
    assert (prepared.padding, prepared.width) == (network.padding, network.width)
    with torch.no_grad():
        plain, stage = network.shallow(xy), prepared.shallow(xy)
        torch.testing.assert_close(stage.features, plain.features, atol=1e-5, rtol=0)
        torch.testing.assert_close(prepared.deep(plain), network.deep(plain), atol=1e-5, rtol=1e-5)
        assert stage.stride == plain.stride == 3


def test_first_features_of_one_sequence_are_shared_by_its_windows():
    features = a3dhp(27, 32).prepared(torch.float32).shallow(random_xy(1, 127, 17)).features
    assert features.shape == (101, 9, 32)
    assert features.untyped_storage().nbytes() <= 4 * 32 * 127


def test_bfloat16_is_close_and_its_head_is_float32():
    network, xy = a3dhp(243, 64), random_xy(1, 250, 17)
    prepared = network.prepared(torch.bfloat16)
    with torch.no_grad():
        exact, rough = network(xy), prepared(xy)
        assert prepared.deep(prepared.shallow(xy)).dtype == torch.bfloat16
    assert rough.dtype == torch.float32
    error = (rough - exact).abs()
    assert 0 < error.max() < 0.06 * exact.abs().max()
    assert error.mean() < 0.01 * exact.abs().mean()


def test_a_method_is_prepared_with_its_action_head():
    network, xy = sized(A3DHPMethod(config(27, 32), ACTIONS)).eval(), random_xy(2, 30, 17)
    with torch.no_grad():
        plain, fast = network.predict(xy), network.prepared("fp32")(xy)
        rough = network.prepared("bf16")(xy)
    torch.testing.assert_close(fast.joints, plain.joints, atol=1e-5, rtol=0)
    torch.testing.assert_close(fast.action_logits, plain.action_logits, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(rough.action_logits, plain.action_logits, atol=0.1, rtol=0)


def test_it_keeps_the_weights_of_the_moment_and_needs_no_gradient():
    network, xy = a3dhp(), random_xy(1, 27, 17)
    prepared = network.prepared(torch.float32)
    before = prepared(xy)
    sized(network).shrink.weight.data.mul_(2)
    network.layers_conv[1].weight.data.zero_()
    assert torch.equal(prepared(xy), before) and not before.requires_grad
    assert not any(p.requires_grad for p in prepared.parameters())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_mish_in_place(dtype):
    x = torch.cat([torch.linspace(-30, 30, 4001), torch.tensor([-1e4, -90.0, 0.0, 90.0, 1e4])])
    x = x.to(dtype)
    expected = F.mish(x.double())
    out = mish_(x.clone())
    assert out.dtype == dtype
    tolerance = 1e-6 if dtype == torch.float32 else 0.02
    torch.testing.assert_close(out.double(), expected, atol=1e-9, rtol=tolerance)
