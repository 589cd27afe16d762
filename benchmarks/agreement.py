"""Whether a reference form is as fast as the authors' code: a slower one flatters every ratio."""

from __future__ import annotations

from material import Setup
from table import Row

#: GF/s of the gauge on the machine, with two threads, that the authors' code was timed on.
AUTHORS_GAUGE = 326.0
_LIMIT = 1.15


def agreement(
    setup: Setup,
    title: str,
    seconds: float,
    authors: float,
    gauge: float,
    authors_gauge: float = AUTHORS_GAUGE,
) -> Row:
    """Time of a reference form as a multiple of the authors', both scaled to one gauge.

    Args:
        setup: of the run.
        title: what both do.
        seconds: of the reference form, here.
        authors: seconds of the authors' code on a machine of `authors_gauge`.
        gauge: GF/s of this machine meanwhile.
        authors_gauge: GF/s of the other one.
    """
    share = seconds / (authors * authors_gauge / gauge)
    name = f"{title}, reference form against the authors' code, time at equal gauge"
    return Row(name, share, "x authors'", setup.target(_LIMIT, "at most"))
