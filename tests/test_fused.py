"""Fused layers: the numbers of the plain ones, with and without the processor's operators."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from langlift.methods import fused
from langlift.methods.fused import (
    FusedConvolution,
    FusedLinear,
    add_linear,
    gelu_linear,
    packable,
)
from langlift.methods.transformer import Attention, Block, DropPath, attend

TOLERANCE = {torch.float32: 1e-5, torch.bfloat16: 0.05}
DTYPES = list(TOLERANCE)


@pytest.fixture(params=["operators", "plain"])
def form(request, monkeypatch):
    """Layers with the fused operators, and layers of a build that has none."""
    if request.param == "plain":
        monkeypatch.setattr(fused, "_OPERATORS", ("no_such_operator",))
        assert not packable(torch.zeros(2, 2))
    return request.param


def drawn(*shape, dtype=torch.float32, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("bias", [True, False])
def test_linear_layers_give_the_plain_numbers(form, dtype, bias):
    weight, x = drawn(24, 16, dtype=dtype), drawn(2, 5, 3, 16, dtype=dtype, seed=1)
    added = drawn(24, dtype=dtype, seed=2) if bias else None
    residual = drawn(2, 5, 3, 24, dtype=dtype, seed=3)
    layer, y = FusedLinear(weight, added), F.linear(x, weight, added)
    tolerance = {"atol": TOLERANCE[dtype], "rtol": 0.02 if dtype == torch.bfloat16 else 1e-5}
    torch.testing.assert_close(layer(x), y, **tolerance)
    torch.testing.assert_close(layer.gelu(x), F.gelu(y), **tolerance)
    torch.testing.assert_close(layer.relu(x), F.relu(y), **tolerance)
    torch.testing.assert_close(layer.add(x, residual), residual + y, **tolerance)
    assert layer(x).dtype == dtype


def test_the_residual_is_not_written_to(form):
    layer, residual = FusedLinear(drawn(8, 8), None), drawn(4, 8)
    before = residual.clone()
    layer.add(drawn(4, 8, seed=1), residual)
    assert torch.equal(residual, before)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("taps", "dilation"), [(3, 1), (3, 9), (5, 2), (1, 1)])
@pytest.mark.parametrize("batch", [1, 3])
def test_convolutions_give_the_plain_numbers(form, dtype, taps, dilation, batch):
    weight = drawn(24, 16, taps, dtype=dtype) / 4
    bias, x = drawn(24, dtype=dtype, seed=1), drawn(batch, 40, 16, dtype=dtype, seed=2)
    y = F.conv1d(x.transpose(1, 2).float(), weight.float(), bias.float(), dilation=dilation)
    given = FusedConvolution(weight, bias, dilation).relu(x)
    assert given.shape == (batch, 40 - (taps - 1) * dilation, 24)
    expected = F.relu(y).transpose(1, 2)
    bound = 1e-5 if dtype == torch.float32 else 0.1
    torch.testing.assert_close(given.float(), expected, atol=bound, rtol=1e-5)


def test_a_convolution_reads_features_that_do_not_lie_one_after_the_other(form):
    layer = FusedConvolution(drawn(8, 6, 3), drawn(8, seed=1), 2)
    wide = drawn(2, 20, 12, seed=2)
    view = wide[:, 3:, :6]
    torch.testing.assert_close(layer.relu(view), layer.relu(view.contiguous()))


def test_helpers_take_plain_layers_too():
    layer, x = nn.Linear(6, 6), drawn(4, 6)
    made = FusedLinear(layer.weight.detach(), layer.bias.detach())
    torch.testing.assert_close(gelu_linear(made, x), gelu_linear(layer, x))
    torch.testing.assert_close(add_linear(made, x, x), add_linear(layer, x, x))


def test_half_precision_of_another_kind_is_not_packed():
    assert not packable(torch.zeros(2, 2, dtype=torch.float16))
    assert not packable(torch.zeros(2, 2, device="meta"))


@pytest.mark.parametrize("axis", ["joint", "frame"])
@pytest.mark.parametrize("batch", [1, 3])
def test_attention_equals_its_definition(axis, batch):
    b, f, j, h, e = batch, 7, 5, 2, 4
    qkv = drawn(b, f, j, 3 * h * e)
    q, k, v = qkv.view(b, f, j, 3, h, e).unbind(3)
    over = "bfihe,bfkhe->bfhik" if axis == "joint" else "bijhe,bkjhe->bjhik"
    back = "bfhik,bfkhe->bfihe" if axis == "joint" else "bjhik,bkjhe->bijhe"
    weights = (torch.einsum(over, q, k) / e**0.5).softmax(dim=-1)
    expected = torch.einsum(back, weights, v).reshape(b, f, j, h * e)
    torch.testing.assert_close(attend(qkv, h, axis), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("axis", ["joint", "frame"])
def test_attention_with_and_without_gradients_agrees(axis):
    layer, x = Attention(8, 2, axis), drawn(2, 7, 5, 8)
    with torch.no_grad():
        fast = layer(x)
    assert layer(x).requires_grad
    torch.testing.assert_close(layer(x), fast, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("axis", ["joint", "frame"])
def test_drop_path_leaves_out_what_attends_together(axis):
    torch.manual_seed(0)
    layer = DropPath(0.5, axis).train()
    y = layer(torch.ones(4, 6, 5, 3))
    assert set(y.unique().tolist()) == {0.0, 2.0}
    by_row = y[:, :, 0, 0] if axis == "joint" else y[:, 0, :, 0]
    assert set(by_row.unique().tolist()) == {0.0, 2.0}
    spread = y.std(dim=2 if axis == "joint" else 1)
    assert spread.max() == 0
    assert torch.equal(layer.eval()(y), y)


def test_a_block_without_drop_path_adds_to_the_residual_in_one_way():
    block, x = Block(8, 2, 2.0, "joint", 0.3), drawn(1, 4, 5, 8)
    plain = x + block.attn(block.norm1(x))
    plain = plain + block.mlp(block.norm2(plain))
    torch.testing.assert_close(block.eval()(x), plain, atol=1e-6, rtol=1e-5)
