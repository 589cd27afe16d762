"""MixSTE: alternating attention over joints and over frames (Zhang et al., CVPR 2022).

What is unusual about it:

- Every joint of every frame is a token. A block over the joints of a frame and a block over the
  frames of a joint take turns; the tokens stay (b, f, j, d) throughout.
- One norm is shared by all blocks over joints and one by all blocks over frames; they stand after
  each block, on the residual stream itself.
- The frames' embedding is added once, after the first block over joints.
- As many frames come out as go in. A network that was built for more frames takes fewer: it then
  uses the first embeddings. It was trained on full windows, so lifting gives it those.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...actions import ActionVocabulary
from ..base import Stage
from ..encoder import EncoderMethod
from ..inference import inference_copy
from ..stages import layer_of, token_stage
from ..transformer import Block, ExactLinear
from .config import MixSTEConfig


class Head(nn.Sequential):
    """The last stage: norm and output layer, in float32 always: metres need the digits."""

    def __init__(self, width: int) -> None:
        super().__init__(nn.LayerNorm(width), ExactLinear(width, 3))

    def forward(self, zd: Tensor) -> Tensor:
        """(b, f, j, d) to (b, f, j, 3), metres relative to the root."""
        return super().forward(zd.float())  # type: ignore[arg-type]


class MixSTE(nn.Module):
    """The temporal encoder. Module names follow the authors' checkpoints."""

    def __init__(self, config: MixSTEConfig) -> None:
        super().__init__()
        self.config = config
        d, depth = config.channels, config.depth
        self.Spatial_pos_embed = nn.Parameter(torch.zeros(1, config.joints_in, d))
        self.Temporal_pos_embed = nn.Parameter(torch.zeros(1, config.frames, d))
        self.Spatial_patch_to_embedding = ExactLinear(2, d)
        self.STEblocks, self.TTEblocks = nn.ModuleList(), nn.ModuleList()
        for i in range(depth):
            settings = (d, config.heads, config.mlp_ratio)
            drop = config.drop_path * i / max(depth - 1, 1)
            self.STEblocks.append(Block(*settings, "joint", drop))
            self.TTEblocks.append(Block(*settings, "frame", drop))
        self.Spatial_norm = nn.LayerNorm(d, eps=1e-6)
        self.Temporal_norm = nn.LayerNorm(d, eps=1e-6)
        self.head = Head(d)

    @property
    def width(self) -> int:
        """Size of the last features."""
        return self.config.channels

    @property
    def layers(self) -> int:
        """Pairs of a block over joints and one over frames."""
        return self.config.depth

    @property
    def padding(self) -> tuple[int, int]:
        """None: as many frames come out as go in."""
        return 0, 0

    def forward(self, xy: Tensor, confidence: Tensor | None = None) -> Tensor:
        """Lift (b, f, j, 2) to (b, f, j, 3), f at most `frames`."""
        return self.head(self.deep(self.shallow(xy, confidence)))

    def shallow(self, xy: Tensor, confidence: Tensor | None = None) -> Stage:
        """Tokens after the first two blocks; their mean over the joints is the features.

        The confidence is not used by MixSTE.
        """
        self.config.check_window(xy, "MixSTE")
        frames = xy.shape[1]
        x = self.Spatial_patch_to_embedding(xy) + self.Spatial_pos_embed
        x = x.to(self.Temporal_pos_embed.dtype)
        x = self.Spatial_norm(self.STEblocks[0](x))
        x = x + self.Temporal_pos_embed[:, :frames, None]
        x = self.Temporal_norm(self.TTEblocks[0](x))
        return token_stage(x, 1)

    def deep(self, stage: Stage) -> Tensor:
        """The other blocks: (b, f, j, d), from the tokens that the stage left."""
        return self._pairs(stage, self.layers)

    def advance(self, stage: Stage, layer: int) -> Stage:
        """The stage after a deeper pair of blocks; that of `shallow` is 1."""
        return token_stage(self._pairs(stage, layer), layer)

    def _pairs(self, stage: Stage, last: int) -> Tensor:
        """The tokens after a pair of blocks."""
        x: Tensor = stage.state
        for i in range(layer_of(stage, last, self.layers, "MixSTE"), last):
            x = self.Spatial_norm(self.STEblocks[i](x))
            x = self.Temporal_norm(self.TTEblocks[i](x))
        return x

    def prepared(self, dtype: torch.dtype) -> MixSTE:
        """The same network for inference, its blocks in `dtype`.

        What is cheap and near the numbers that matter, the embedding of the 2D joints and the head,
        stays in float32. See `inference_copy` for what is shared.
        """
        keep = ("Spatial_pos_embed", "Spatial_patch_to_embedding", "head")
        return inference_copy(self, dtype, keep)


class MixSTEMethod(EncoderMethod):
    """MixSTE as a Method, see `langlift.methods.encoder`."""

    def __init__(self, config: MixSTEConfig, actions: ActionVocabulary) -> None:
        super().__init__("MixSTE", MixSTE(config), config, actions)
