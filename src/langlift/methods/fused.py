"""Layers for inference that activate, or add to a residual, in the pass that multiplies.

On a CPU with oneDNN a matrix product can apply GELU or add another tensor while its results are
still in the cache, and its weights can be laid out once for the processor's tiles instead of anew
in every call. torch uses the same operators in compiled graphs; here they are called directly, so
that nothing has to be compiled. Where they are missing (a GPU, another build) plain ones are used.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

#: The layout of a convolution's weights is chosen for tracks of about this length; any will do.
_TYPICAL_FRAMES = 512


class FusedLinear(nn.Module):
    """A linear layer for inference, made from a trained one.

    Args:
        weight: (d_out, d_in), of the type of number that goes in and comes out.
        bias: (d_out) or None.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.bias = bias
        self.packed = packable(weight)
        if self.packed:
            weight = torch.ops.mkldnn._reorder_linear_weight(weight)
        # Neither parameter nor buffer: a packed weight can be neither copied nor saved.
        self._weight = weight

    def forward(self, x: Tensor) -> Tensor:
        """(*, d_in) to (*, d_out)."""
        if not self.packed:
            return F.linear(x, self._weight, self.bias)
        return torch.ops.mkldnn._linear_pointwise(x, self._weight, self.bias, "none", [], "")

    def gelu(self, x: Tensor) -> Tensor:
        """GELU (the exact form) of the layer's output."""
        if not self.packed:
            return F.gelu(self(x))
        return torch.ops.mkldnn._linear_pointwise(x, self._weight, self.bias, "gelu", [], "none")

    def relu(self, x: Tensor) -> Tensor:
        """ReLU of the layer's output."""
        if not self.packed:
            return F.relu(self(x))
        return torch.ops.mkldnn._linear_pointwise(x, self._weight, self.bias, "relu", [], "")

    def add(self, x: Tensor, residual: Tensor) -> Tensor:
        """The layer's output added to `residual` (*, d_out)."""
        if not self.packed:
            return residual + self(x)
        return torch.ops.mkldnn._linear_pointwise.binary(
            x, residual, self._weight, self.bias, "add"
        )


class FusedConvolution(nn.Module):
    """A valid convolution over time with ReLU, for features (b, f, d), for inference.

    Args:
        weight: (d_out, d_in, taps), of the type of number that goes in and comes out.
        bias: (d_out).
        dilation: frames between two taps.
    """

    def __init__(self, weight: Tensor, bias: Tensor, dilation: int) -> None:
        super().__init__()
        self.bias, self.dilation = bias, dilation
        self.taps = weight.shape[2]
        self.packed = packable(weight)
        if self.packed:  # as an image of one row, whose pixels are the frames
            shape = [1, weight.shape[1], 1, _TYPICAL_FRAMES]
            kernel = weight[:, :, None].contiguous(memory_format=torch.channels_last)
            self._weight = torch.ops.mkldnn._reorder_convolution_weight(
                kernel, [0, 0], [1, 1], [1, dilation], 1, shape
            )
        else:
            self._weight = weight.permute(2, 1, 0).contiguous()  # (taps, d_in, d_out)

    def relu(self, x: Tensor) -> Tensor:
        """(b, f, d_in) to (b, f - (taps - 1) * dilation, d_out)."""
        if not self.packed:
            return self._summed(x)
        image = x[:, None].permute(0, 3, 1, 2)  # (b, d, 1, f), channels last as it lies
        y = torch.ops.mkldnn._convolution_pointwise(
            image, self._weight, self.bias, [0, 0], [1, 1], [1, self.dilation], 1, "relu", [], ""
        )
        return y.permute(0, 2, 3, 1)[:, 0]

    def _summed(self, x: Tensor) -> Tensor:
        """The products of the taps, one added to the other."""
        batch, frames = len(x), x.shape[1] - (self.taps - 1) * self.dilation
        total = self.bias.expand(batch * frames, -1)
        for k in range(self.taps):
            part = x[:, k * self.dilation : k * self.dilation + frames].flatten(0, 1)
            total = torch.addmm(total, part, self._weight[k])
        return total.relu_().unflatten(0, (batch, frames))


_OPERATORS = (
    *("_linear_pointwise", "_reorder_linear_weight"),
    *("_convolution_pointwise", "_reorder_convolution_weight"),
)


def packable(weight: Tensor) -> bool:
    """Whether this build has the fused operators for a weight of this device and type."""
    if weight.device.type != "cpu" or not torch.backends.mkldnn.is_available():
        return False
    if not all(hasattr(torch.ops.mkldnn, name) for name in _OPERATORS):
        return False
    return weight.dtype == torch.float32 or (
        weight.dtype == torch.bfloat16 and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    )


def gelu_linear(layer: nn.Module, x: Tensor) -> Tensor:
    """GELU of a linear layer's output, in one pass where the layer can."""
    return layer.gelu(x) if isinstance(layer, FusedLinear) else F.gelu(layer(x))


def add_linear(layer: nn.Module, x: Tensor, residual: Tensor) -> Tensor:
    """A linear layer's output added to a residual, in one pass where the layer can."""
    return layer.add(x, residual) if isinstance(layer, FusedLinear) else residual + layer(x)
