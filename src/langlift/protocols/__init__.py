"""Evaluations as the papers make them: from a dataset and a model to figures with what they are.

>>> from langlift.protocols import Request, evaluate_recorded
>>> request = Request("human36m", Path("h36m"), sources=("gt",))      # doctest: +SKIP
>>> report = evaluate_recorded({"mine": lifter}, request)             # doctest: +SKIP
>>> report.save(Path("report"), "mine")                               # doctest: +SKIP

What is named here is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import lazily

if TYPE_CHECKING:
    from .catalogue import PROTOCOLS, find_protocol
    from .evaluation import EvaluationOptions, evaluate_recordings, open_for, plan
    from .origin import Origin
    from .recorded import Request, evaluate_recorded
    from .report import Figure, Report, Row, Table
    from .spec import ProtocolSpec

__all__ = [
    "PROTOCOLS",
    "EvaluationOptions",
    "Figure",
    "Origin",
    "ProtocolSpec",
    "Report",
    "Request",
    "Row",
    "Table",
    "evaluate_recorded",
    "evaluate_recordings",
    "find_protocol",
    "open_for",
    "plan",
]

_HOME = {
    "PROTOCOLS": ".catalogue",
    "EvaluationOptions": ".evaluation",
    "Figure": ".report",
    "Origin": ".origin",
    "ProtocolSpec": ".spec",
    "Report": ".report",
    "Request": ".recorded",
    "Row": ".report",
    "Table": ".report",
    "evaluate_recorded": ".recorded",
    "evaluate_recordings": ".evaluation",
    "find_protocol": ".catalogue",
    "open_for": ".evaluation",
    "plan": ".evaluation",
}

__getattr__, __dir__ = lazily(__name__, _HOME)
