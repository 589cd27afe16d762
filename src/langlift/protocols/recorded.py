"""An evaluation on a dataset that the user owns, from what was asked for to the report."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from .._version import __version__
from ..datasets.recordings import RecordedDataset
from ..errors import InputError
from ..formats.files import make_folder, remove_leftovers
from ..lifting.lifter import Lifter
from ..methods.base import Precision
from .card import origin_of
from .catalogue import find_protocol
from .evaluation import (
    Bars,
    EvaluationOptions,
    Models,
    Plan,
    check_given,
    check_models,
    evaluate_recordings,
    no_bars,
    open_for,
    plan,
)
from .journal import NAME, Journal
from .origin import ActionSource
from .report import Report
from .spec import ProtocolSpec
from .tables import Result, report


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
        action: ``given``: every model that takes an action is told the true one of each recording,
            and its figures are an oracle's; None for the protocol's.
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
    action: ActionSource | None = None

    @property
    def usual(self) -> ProtocolSpec:
        """The protocol as it stands."""
        return find_protocol(self.protocol, self.annotation)

    @property
    def spec(self) -> ProtocolSpec:
        """The protocol as it is to be applied."""
        chosen = {"root": self.root, "windows": self.windows, "flip": self.flip}
        chosen["action"] = self.action
        changes: dict[str, Any] = {n: v for n, v in chosen.items() if v is not None}
        return replace(self.usual, **changes)

    @property
    def options(self) -> EvaluationOptions:
        """What is evaluated of the data."""
        return EvaluationOptions(self.subjects or None, self.actions or None)


def evaluate_recorded(
    models: Mapping[str, Lifter],
    request: Request,
    bars: Bars = no_bars,
    out: Path | None = None,
    resume: bool = False,
    dataset: RecordedDataset | None = None,
) -> Report:
    """Evaluate models side by side.

    Args:
        models: by the name that they have in the tables.
        request: what is to be evaluated.
        bars: opens a progress bar for each 2D source.
        out: folder for `recordings.jsonl`, from which an evaluation that was broken off goes on.
        resume: go on with the one that is there.
        dataset: the data where they are open already.

    Raises:
        InputError: as `evaluate_recordings` and `Journal` do; before anything is lifted where the
            request, the models or what the files hold are the reason.
    """
    spec = request.spec
    if resume and out is None:
        raise InputError("--resume continues the evaluation in a folder; name it with --out")
    check_models(models, spec)
    dataset = dataset or open_for(spec, request.data)
    plans = [plan(dataset, spec, s, request.options) for s in request.sources or (None,)]
    for chosen in plans:
        check_given(models, spec, chosen)
    journal = None
    if out is not None:
        identity = identity_of(models, dataset, request, plans)
        remove_leftovers(make_folder(out), {Path(NAME).suffix})
        journal = Journal(out / NAME, identity, resume)
    titled: Models = {
        name if precision == "fp32" else f"{name}, {precision}": (lifter, precision)
        for name, lifter in models.items()
        for precision in request.precisions
    }
    scores = []
    for chosen in plans:
        with bars(f"{'; '.join(titled)}: {chosen.source}") as advance:
            scores.append(evaluate_recordings(titled, dataset, spec, chosen, journal, advance))
    results = [
        Result(title, lifter, chosen, found[title], origin_of(lifter, spec, chosen.people))
        for title, (lifter, _) in titled.items()
        for chosen, found in zip(plans, scores, strict=True)
    ]
    return report(results, dataset, spec, request.usual, request.options)


def identity_of(
    models: Mapping[str, Lifter],
    dataset: RecordedDataset,
    request: Request,
    plans: Sequence[Plan],
) -> dict[str, Any]:
    """What a journal is of: nothing of it may change when an evaluation is continued."""
    listed = [(e.name, e.frames_3d, e.frames_2d[p.source]) for p in plans for e in p.entries]
    digest = hashlib.sha256(json.dumps(listed, sort_keys=True).encode()).hexdigest()
    return {
        "langlift version": __version__,
        "protocol": asdict(request.spec),
        "options": asdict(request.options) | {"precisions": request.precisions},
        "2D": [p.source for p in plans],
        "weights": {name: lifter.digest for name, lifter in models.items()},
        "marks": {
            name: origin_of(lifter, request.spec, [s for p in plans for s in p.people]).mark
            for name, lifter in models.items()
        },
        "device": {name: lifter.engine.device.type for name, lifter in models.items()},
        # Other files may come and go: which recordings are measured is in the line after this.
        "data": {name: said for name, said in dataset.facts().items() if name != "files"},
        "recordings": digest,
    }
