"""An evaluation on a dataset that the user owns, from what was asked for to the report."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

from .._version import __version__
from ..datasets.recordings import RecordedDataset
from ..errors import InputError
from ..formats.files import make_folder, remove_leftovers
from ..lifting.lifter import Lifter
from ..methods.base import Precision
from .catalogue import find_protocol
from .evaluation import (
    EvaluationOptions,
    Progress,
    check_model,
    evaluate_recordings,
    open_for,
    plan,
)
from .journal import NAME, Journal
from .report import Report
from .spec import ProtocolSpec
from .tables import Result, report

#: Opens a progress bar of that title.
Bars = Callable[[str], AbstractContextManager[Progress]]


@dataclass(frozen=True)
class Request:
    """What is to be evaluated.

    Args:
        protocol: name in `PROTOCOLS`.
        data: the user's files.
        annotation: set of labels, where the protocol has several.
        sources: of the 2D; the protocol's first one if empty.
        subjects: instead of the protocol's; empty for those.
        actions: instead of the protocol's; empty for those.
        root: instead of the protocol's.
        windows: instead of the protocol's.
        flip: instead of the protocol's.
        precisions: every model is measured in each.
    """

    protocol: str
    data: Path
    annotation: str | None = None
    sources: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    root: str | None = None
    windows: str | None = None
    flip: bool | None = None
    precisions: tuple[Precision, ...] = ("fp32",)

    @property
    def usual(self) -> ProtocolSpec:
        """The protocol as it stands."""
        return find_protocol(self.protocol, self.annotation)

    @property
    def spec(self) -> ProtocolSpec:
        """The protocol as it is to be applied."""
        chosen = {"root": self.root, "windows": self.windows, "flip": self.flip}
        changes: dict[str, Any] = {n: v for n, v in chosen.items() if v is not None}
        return replace(self.usual, **changes)

    def options(self, precision: Precision = "fp32") -> EvaluationOptions:
        """What is evaluated of the data."""
        return EvaluationOptions(self.subjects or None, self.actions or None, precision)


def evaluate_recorded(
    models: Mapping[str, Lifter],
    request: Request,
    bars: Bars,
    out: Path | None = None,
    resume: bool = False,
) -> Report:
    """Evaluate models side by side.

    Args:
        models: by the name that they have in the tables.
        request: what is to be evaluated.
        bars: opens a progress bar for each model and 2D source.
        out: folder for `sequences.jsonl`, from which an evaluation that was broken off goes on.
        resume: go on with the one that is there.

    Raises:
        InputError: as `evaluate_recordings` and `Journal` do; before anything is lifted where the
            request, the models or what the files hold are the reason.
    """
    spec = request.spec
    if resume and out is None:
        raise InputError("--resume continues the evaluation in a folder; name it with --out")
    for name, lifter in models.items():
        check_model(lifter, spec, name)
    dataset = open_for(spec, request.data)
    plans = [plan(dataset, spec, s, request.options()) for s in request.sources or (None,)]
    journal = None
    if out is not None:
        identity = identity_of(models, dataset, request, [p.source for p in plans])
        remove_leftovers(make_folder(out), {Path(NAME).suffix})
        journal = Journal(out / NAME, identity, resume)
    results = []
    for (name, lifter), precision, chosen in product(models.items(), request.precisions, plans):
        title = name if precision == "fp32" else f"{name}, {precision}"
        with bars(f"{title}, {chosen.source}") as advance:
            scores = evaluate_recordings(
                lifter,
                dataset,
                spec,
                chosen.source,
                request.options(precision),
                journal,
                advance,
                title,
            )
        results.append(Result(title, lifter, chosen, scores))
    return report(results, dataset, spec, request.usual, request.options())


def identity_of(
    models: Mapping[str, Lifter],
    dataset: RecordedDataset,
    request: Request,
    sources: list[str],
) -> dict[str, Any]:
    """What a journal is of: nothing of it may change when an evaluation is continued."""
    listed = [(e.name, e.frames_3d, dict(e.frames_2d)) for e in dataset.entries()]
    digest = hashlib.sha256(json.dumps(listed, sort_keys=True).encode()).hexdigest()
    return {
        "langlift version": __version__,
        "protocol": asdict(request.spec),
        "options": asdict(request.options()) | {"precisions": request.precisions},
        "2D": sources,
        "weights": {name: lifter.digest for name, lifter in models.items()},
        "device": {name: lifter.engine.device.type for name, lifter in models.items()},
        "data": {**dataset.facts(), "recordings": digest},
    }
