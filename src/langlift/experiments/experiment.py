"""An experiment: a row of a paper's table as something that can be run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..methods import METHODS
from ..protocols.published import Published, published_row
from .settings import EncoderSettings, Settings

#: What has to be there besides the dataset that is evaluated on.
MOCAP_WITH_TEXTS = "AMASS with BABEL's labels"


@dataclass(frozen=True)
class Experiment:
    """A row of a table.

    Args:
        name: unique, lower case with dashes: what users write.
        paper: short, such as ``ActionPrompt, ICME 2023``.
        table: of the paper; ``langlift study`` for rows of ours that no paper has figures of.
        row: of the table.
        method: name in `langlift.methods.METHODS`, also of one that is not built yet; empty for
            a network that is listed for its figures alone.
        protocol: of the evaluation.
        source: 2D source; that of the table, or the one we take where it names none.
        variant: set of labels where the protocol has several.
        frames: window of the network; None where the table does not say and nothing is run.
        settings: what the row is.
        published: its figure; None where it is not known.
        extra: data that is needed besides the protocol's; empty for none.
        note: what a reader has to know besides.
    """

    name: str
    paper: str
    table: str
    row: str
    method: str
    protocol: str
    source: str
    variant: str = ""
    frames: int | None = 243
    settings: Settings = field(default_factory=EncoderSettings)
    published: Published | None = None
    extra: str = ""
    note: str = ""

    @property
    def lacks(self) -> str:
        """Why it cannot be run by this version, whatever data there is; empty if it can."""
        if not self.method:
            return "listed for its figures alone"
        if self.method not in METHODS:
            return f"method {self.method} is not built yet"
        if isinstance(self.settings, EncoderSettings) and self.settings.pretrained:
            return "pretraining on motion capture is not built yet"
        return ""


def of_row(key: str, method: str, settings: Settings | None = None, **more: Any) -> Experiment:
    """The experiment of a published row, named as the row is.

    Args:
        key: of the row.
        method: that makes it; empty for none of ours.
        settings: what the row is.
        more: fields that differ from those of the row.
    """
    row = published_row(key)
    given: dict[str, Any] = {
        "source": row.source,
        "variant": row.variant,
        "frames": row.frames,
        "settings": settings or EncoderSettings(),
        "published": row,
    }
    return Experiment(key, row.paper, row.table, row.model, method, row.protocol, **given | more)
