"""What the tests of comparisons share: reports of a row or two."""

from __future__ import annotations

from typing import Any

from langlift.protocols.origin import Origin
from langlift.protocols.report import Figure, Report, Row, Table


def row(model: str = "m", value: float = 40.0, tags: dict | None = None, **origin: Any) -> Row:
    figures = {"MPJPE": Figure(value, "mm"), "action accuracy": Figure(value / 2, "%")}
    return Row(model, {"2D": "cpn", **(tags or {})}, figures, Origin(**origin))


def report(*rows: Row, protocol: str = "human36m", **facts: Any) -> Report:
    weights = dict.fromkeys([r.model for r in rows], "1")
    about: dict[str, Any] = {"data": "S9, S11", "labels": "v1", "weights": weights, **facts}
    return Report(protocol, about, [Table("Overall", rows)])
