"""Rows of the encoders' own papers whose networks are built, beside those of the three papers."""

from __future__ import annotations

from .experiment import of_row
from .settings import EncoderSettings, mixste_settings

_BARE = EncoderSettings()
ROWS = (
    *(of_row(f"vpose-cpn-{frames}", "vpose", _BARE) for frames in (27, 81, 243)),
    of_row("vpose-mask-r-cnn-243", "vpose", _BARE),
    of_row("vpose-gt-243", "vpose", _BARE),
    of_row("mixste-cpn-243", "mixste", mixste_settings()),
    of_row("motionbert-scratch-sh", "dstformer", _BARE),
    of_row("motionbert-scratch-gt", "dstformer", _BARE),
)
