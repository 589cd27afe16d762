"""DSTformer, the network of MotionBERT (Zhu et al., ICCV 2023).

What is unusual about it:

- Two streams see the same input on every level: one attends over joints and then over frames, the
  other the other way round. Each token mixes the two with weights of its own.
- A block holds both attentions with an MLP after each. Both streams have the same parameters by
  name; only the order differs.
- The confidence of a 2D joint is its third input channel; what is not given counts as certain.
- Windows may have any number of frames up to that of the embedding: as many come out.
- The last features are the *motion representation*, bounded by a tanh; the head is one layer.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...actions import ActionVocabulary
from ...errors import check_shape
from ..base import Stage, autocast
from ..encoder import EncoderMethod
from ..inference import inference_copy
from ..stages import layer_of, token_stage
from ..transformer import Attention, ExactLinear, Mlp
from .config import DSTformerConfig


class StreamBlock(nn.Module):
    """Attention and MLP over joints, and over frames, in either order; pre-norm residuals.

    Args:
        config: the network's.
        order: ``st`` (joints first) or ``ts`` (frames first).
    """

    def __init__(self, config: DSTformerConfig, order: Literal["st", "ts"]) -> None:
        super().__init__()
        d, hidden = config.channels, int(config.channels * config.mlp_ratio)
        self.order = order
        self.norm1_s, self.norm1_t = nn.LayerNorm(d, eps=1e-6), nn.LayerNorm(d, eps=1e-6)
        self.norm2_s, self.norm2_t = nn.LayerNorm(d, eps=1e-6), nn.LayerNorm(d, eps=1e-6)
        self.attn_s = Attention(d, config.heads, "joint")
        self.attn_t = Attention(d, config.heads, "frame")
        self.mlp_s, self.mlp_t = Mlp(d, hidden), Mlp(d, hidden)

    def forward(self, x: Tensor) -> Tensor:
        """(b, f, j, d) to (b, f, j, d)."""
        if self.order == "st":
            return self._over_frames(self._over_joints(x))
        return self._over_joints(self._over_frames(x))

    def _over_joints(self, x: Tensor) -> Tensor:
        x = self.attn_s(self.norm1_s(x), residual=x)
        return self.mlp_s(self.norm2_s(x), residual=x)

    def _over_frames(self, x: Tensor) -> Tensor:
        x = self.attn_t(self.norm1_t(x), residual=x)
        return self.mlp_t(self.norm2_t(x), residual=x)


class DSTformer(nn.Module):
    """The temporal encoder. Module names follow the authors' checkpoints."""

    def __init__(self, config: DSTformerConfig) -> None:
        super().__init__()
        self.config = config
        d, levels = config.channels, range(config.depth)
        self.temp_embed = nn.Parameter(torch.zeros(1, config.frames, 1, d))
        self.pos_embed = nn.Parameter(torch.zeros(1, config.joints_in, d))
        self.joints_embed = ExactLinear(3, d)
        self.blocks_st = nn.ModuleList([StreamBlock(config, "st") for _ in levels])
        self.blocks_ts = nn.ModuleList([StreamBlock(config, "ts") for _ in levels])
        self.norm = nn.LayerNorm(d, eps=1e-6)
        fc = nn.Linear(d, config.representation)
        self.pre_logits = nn.Sequential(OrderedDict(fc=fc, act=nn.Tanh()))
        self.head = ExactLinear(config.representation, 3)
        self.ts_attn = nn.ModuleList([nn.Linear(2 * d, 2) for _ in levels])
        self._initialise()

    def _initialise(self) -> None:
        """As the authors' code: narrow normal weights, and streams that count half each."""
        for embedding in (self.temp_embed, self.pos_embed):
            nn.init.trunc_normal_(embedding, std=0.02)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)
        for fusion in self.ts_attn:
            nn.init.zeros_(fusion.weight)  # type: ignore[arg-type]
            nn.init.constant_(fusion.bias, 0.5)  # type: ignore[arg-type]

    @property
    def width(self) -> int:
        """Size of the last features, the motion representation."""
        return self.config.representation

    @property
    def layers(self) -> int:
        """Levels, each with a block per stream."""
        return self.config.depth

    @property
    def padding(self) -> tuple[int, int]:
        """None: as many frames come out as go in."""
        return 0, 0

    def forward(self, xy: Tensor, confidence: Tensor | None = None) -> Tensor:
        """Lift (b, f, j, 2), with confidence (b, f, j), to (b, f, j, 3), f at most `frames`."""
        return self.head(self.deep(self.shallow(xy, confidence)))

    def shallow(self, xy: Tensor, confidence: Tensor | None = None) -> Stage:
        """Tokens after the first level; their mean over the joints is the features."""
        self.config.check_window(xy, "DSTformer")
        frames = xy.shape[1]
        if confidence is None:
            confidence = torch.ones_like(xy[..., 0])
        check_shape(confidence, " ".join(map(str, xy.shape[:3])), "confidence")
        observed = torch.cat([xy, confidence[..., None].to(xy.dtype)], dim=-1)  # (b, f, j, 3)
        x = self.joints_embed(observed) + self.pos_embed
        x = (x + self.temp_embed[:, :frames]).to(self.norm.weight.dtype)
        x = self._level(x, 0)
        return token_stage(x, 1)

    def deep(self, stage: Stage) -> Tensor:
        """The other levels and the motion representation: (b, f, j, representation)."""
        return self.pre_logits(self.norm(self._levels(stage, self.layers)))

    def advance(self, stage: Stage, layer: int) -> Stage:
        """The stage after a deeper level; that of `shallow` is 1."""
        return token_stage(self._levels(stage, layer), layer)

    def _levels(self, stage: Stage, last: int) -> Tensor:
        """The tokens after a level."""
        x: Tensor = stage.state
        for i in range(layer_of(stage, last, self.layers, "DSTformer"), last):
            x = self._level(x, i)
        return x

    def prepared(self, dtype: torch.dtype) -> DSTformer:
        """The same network for inference, its blocks and its representation in `dtype`.

        What is cheap and near the numbers that matter, the embedding of the 2D joints and the head,
        computes in float32. See `inference_copy` for what is shared.
        """
        keep = ("temp_embed", "pos_embed", "joints_embed", "ts_attn", "head")
        return inference_copy(self, dtype, keep)

    def _level(self, x: Tensor, i: int) -> Tensor:
        """Both streams of a level, mixed per token.

        The softmax over two is the sigmoid of their difference, which spares joining the streams.
        """
        st, ts = self.blocks_st[i](x), self.blocks_ts[i](x)
        fusion: nn.Linear = self.ts_attn[i]  # type: ignore[assignment]
        with autocast(x.device, "fp32"):
            weight = (fusion.weight[:1] - fusion.weight[1:]).to(st.dtype)
            bias = (fusion.bias[:1] - fusion.bias[1:]).to(st.dtype)
            of_st, of_ts = weight.chunk(2, dim=1)  # (1, d) each
            share = (F.linear(st, of_st, bias) + F.linear(ts, of_ts)).sigmoid()  # (b, f, j, 1)
        return torch.lerp(ts, st, share)


class DSTformerMethod(EncoderMethod):
    """DSTformer as a Method, see `langlift.methods.encoder`."""

    def __init__(self, config: DSTformerConfig, actions: ActionVocabulary) -> None:
        super().__init__("DSTformer", DSTformer(config), config, actions)
