"""Published figures, each with what it is: what ours may be compared with, and what not.

`PUBLISHED` holds every row; `published_for` those that may stand beside a figure of ours.
"""

from __future__ import annotations

from ...errors import unknown
from ..origin import Origin
from . import actionprompt, d3dp, finepose, langpose, others
from .row import Published

__all__ = ["PUBLISHED", "Published", "published_for", "published_row"]

#: Every row by its key.
PUBLISHED: dict[str, Published] = {
    row.key: row for part in (actionprompt, finepose, langpose, d3dp, others) for row in part.ROWS
}


def published_row(key: str) -> Published:
    """The row of that key.

    Raises:
        InputError: when there is none.
    """
    if key not in PUBLISHED:
        raise unknown("published row", key, PUBLISHED)
    return PUBLISHED[key]


def published_for(
    protocol: str, variant: str, source: str, origin: Origin, average: str = ""
) -> list[Published]:
    """The rows that may stand beside a figure of ours: those of the same class.

    The same protocol, labels, 2D source and average, the same use of the true action and the same
    way of making one pose of several (`Origin.kind`). Left out are rows of which any of that is
    inferred, studies of parts, and rows that say nothing that another one of the same model does
    not say.

    Args:
        protocol: name of the evaluation.
        variant: set of labels; empty where a protocol has only one.
        source: 2D source; ``detected`` finds only rows that say no more themselves.
        origin: what our figure is made from.
        average: of our figure; empty for any.
    """
    rows = [
        row
        for row in PUBLISHED.values()
        if (row.protocol, row.variant, row.source) == (protocol, variant, source)
        and row.origin.kind == origin.kind
        and (not average or row.average in ("", average))
        and row.certain
        and not row.ablation
    ]
    return [row for row in rows if not any(_repeats(row, other) for other in rows)]


def _repeats(row: Published, other: Published) -> bool:
    """Whether all figures of a row are in another one, which has more, of the same model."""
    mine, theirs = ({**r.figures, **r.actions}.items() for r in (row, other))
    return row.model == other.model and row.frames == other.frames and mine < theirs
