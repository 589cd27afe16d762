"""Each method at the size of its paper, beside the same network in its reference form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import torch
from material import randomised
from reference_a3dhp import ReferenceA3DHP, reference_joints
from reference_dstformer import ReferenceDSTformer
from reference_mixste import ReferenceMixSTE
from reference_vpose import ReferenceVPose
from torch import Tensor, nn

from langlift.actions import ActionVocabulary
from langlift.errors import unknown
from langlift.methods import get_method
from langlift.methods.a3dhp import A3DHPConfig
from langlift.methods.base import DTYPES, Precision
from langlift.methods.dstformer import DSTformerConfig
from langlift.methods.encoder import EncoderMethod
from langlift.methods.mixste import MixSTEConfig
from langlift.methods.vpose import VPoseConfig

#: Ours in both precisions, and the reference form.
FORMS = (*DTYPES, "reference")


@dataclass(frozen=True)
class Pair:
    """A method and its reference form, which takes the state dict of the method's encoder.

    Args:
        title: for people, with the size.
        method: name in `langlift.methods.METHODS`.
        config: its settings.
        build_reference: makes the reference form of a config.
        frames: input frames of the pass that is measured.
        seconds: the authors' code takes for that pass, fp32, on a machine of
            `agreement.AUTHORS_GAUGE`.
        limits: how many times as fast as the reference form ours is to be, by precision.
        sliding: the reference form lifts one frame from a window; a pass takes all windows as one
            batch, as the authors evaluate.
    """

    title: str
    method: str
    config: Any
    build_reference: Callable[[Any], nn.Module]
    frames: int
    seconds: float
    limits: dict[Precision, float]
    sliding: bool = False

    def network(self) -> EncoderMethod:
        """Ours with random weights, without an action head, which the reference has not."""
        entry = get_method(self.method)
        build = lambda: entry.build(self.config, ActionVocabulary(()))  # noqa: E731
        return cast(EncoderMethod, randomised(build))

    def reference(self, network: EncoderMethod | None = None) -> nn.Module:
        """The reference form with the weights of ours, or with random ones."""
        if network is None:
            return randomised(lambda: self.build_reference(self.config))
        reference = self.build_reference(self.config)
        reference.load_state_dict(network.encoder.state_dict())
        return reference.eval()

    def features(self) -> Tensor:
        """(1, frames, 17, 2) random features of about the size of real ones."""
        return torch.randn(1, self.frames, 17, 2, generator=torch.Generator().manual_seed(0))

    def our_pass(self, network: EncoderMethod, precision: Precision) -> Callable[[], Tensor]:
        """One pass through the prepared form: gives (1, f_out, 17, 3)."""
        predict, xy = network.prepared(precision), self.features()

        def run() -> Tensor:
            with torch.inference_mode():
                return predict(xy).joints

        return run

    def reference_pass(self, reference: nn.Module) -> Callable[[], Tensor]:
        """The same pass through the reference form."""
        xy = self.features()

        @torch.no_grad()
        def run() -> Tensor:
            if self.sliding:
                return reference_joints(reference, xy[0], flip=False)[None]
            return reference(xy)

        return run


def pairs(quick: bool) -> dict[str, Pair]:
    """The methods by the name of their rows; tiny ones of the same structure if quick."""
    return (_tiny if quick else _published)()


def find_pair(name: str, quick: bool) -> Pair:
    """The pair of that name.

    Raises:
        InputError: for an unknown name.
    """
    known = pairs(quick)
    if name not in known:
        raise unknown("encoder", name, known)
    return known[name]


def _published() -> dict[str, Pair]:
    lite = DSTformerConfig(channels=256, mlp_ratio=4.0)
    frames = 243
    return {
        "vpose": Pair(
            "VPose 243 x 1024", "vpose", VPoseConfig(), _vpose, 2 * frames - 1, 0.056,
            {"fp32": 0.95, "bf16": 3.5},
        ),
        "a3dhp": Pair(
            "A3DHP 243 x 1024", "a3dhp", A3DHPConfig(), _a3dhp, 2 * frames - 1, 0.77,
            {"fp32": 1.5, "bf16": 2.3}, sliding=True,
        ),
        "mixste": Pair(
            "MixSTE 512 x 8", "mixste", MixSTEConfig(), _mixste, frames, 1.47,
            {"fp32": 1.1, "bf16": 3.5},
        ),
        "dstformer": Pair(
            "DSTformer 512 x 5", "dstformer", DSTformerConfig(), _dstformer, frames, 1.76,
            {"fp32": 1.05, "bf16": 3.5},
        ),
        "dstformer-lite": Pair(
            "DSTformer Lite 256 x 5", "dstformer", lite, _dstformer, frames, 0.98,
            {"fp32": 1.05, "bf16": 3.5},
        ),
    }  # fmt: skip


def _tiny() -> dict[str, Pair]:
    sizes = {"channels": 16, "depth": 2, "heads": 2}
    vpose, a3dhp = VPoseConfig(widths=(3, 3), channels=16), A3DHPConfig(channels=16)
    mixste = MixSTEConfig(frames=9, **sizes)
    dstformer = DSTformerConfig(frames=9, representation=16, **sizes)
    lite = DSTformerConfig(frames=9, representation=16, mlp_ratio=4.0, **sizes)
    none: dict[Precision, float] = {"fp32": 0.0, "bf16": 0.0}
    return {
        "vpose": Pair("tiny VPose", "vpose", vpose, _vpose, 17, 1.0, none),
        "a3dhp": Pair("tiny A3DHP", "a3dhp", a3dhp, _a3dhp, 245, 1.0, none, sliding=True),
        "mixste": Pair("tiny MixSTE", "mixste", mixste, _mixste, 9, 1.0, none),
        "dstformer": Pair("tiny DSTformer", "dstformer", dstformer, _dstformer, 9, 1.0, none),
        "dstformer-lite": Pair("tiny Lite", "dstformer", lite, _dstformer, 9, 1.0, none),
    }


def _vpose(config: VPoseConfig) -> nn.Module:
    strided = config.form == "strided"
    return ReferenceVPose(
        config.widths, config.channels, config.joints_in, config.dropout, strided=strided
    )


def _a3dhp(config: A3DHPConfig) -> nn.Module:
    return ReferenceA3DHP(channels=config.channels, dropout=config.dropout)


def _mixste(config: MixSTEConfig) -> nn.Module:
    return ReferenceMixSTE(
        config.frames, config.channels, config.depth, config.heads, config.mlp_ratio,
        config.drop_path,
    )  # fmt: skip


def _dstformer(config: DSTformerConfig) -> nn.Module:
    return ReferenceDSTformer(
        config.frames, config.channels, config.representation, config.depth, config.heads,
        config.mlp_ratio,
    )  # fmt: skip
