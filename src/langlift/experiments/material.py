"""The data of an experiment as training and evaluation take it: whose, which actions, how much."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..datasets.recordings import Entry, RecordedDataset, Recording
from ..datasets.registry import open_dataset
from ..errors import InputError
from ..protocols.catalogue import find_protocol
from ..protocols.spec import ProtocolSpec
from ..training.recorded import Parts
from .experiment import Experiment
from .needs import place_of
from .scales import find_scale


class OfActions(RecordedDataset):
    """A dataset without the recordings of other actions.

    Args:
        dataset: the whole.
        actions: class labels that are kept.
    """

    name = "part of a dataset"

    def __init__(self, dataset: RecordedDataset, actions: Sequence[str]) -> None:
        vars(self)["name"] = dataset.name  # the same to everybody who asks
        self._whole, self._actions = dataset, tuple(actions)
        self.skeleton, self.fps, self.path = dataset.skeleton, dataset.fps, dataset.path

    def sources(self) -> tuple[str, ...]:
        """Those of the whole."""
        return self._whole.sources()

    def entries(self) -> Sequence[Entry]:
        """Those of the actions that are kept."""
        return [entry for entry in self._whole.entries() if entry.action in self._actions]

    def recordings(
        self,
        source: str,
        subjects: Sequence[str] | None = None,
        actions: Sequence[str] | None = None,
    ) -> Iterator[Recording]:
        """Those of the actions that are kept."""
        kept = self._actions if actions is None else [a for a in actions if a in self._actions]
        return self._whole.recordings(source, subjects, kept)

    def facts(self) -> dict[str, Any]:
        """Those of the whole, and the actions."""
        return {**self._whole.facts(), "actions": ", ".join(self._actions)}


@dataclass(frozen=True)
class RecordedMaterial:
    """What an experiment trains and is measured on.

    Args:
        dataset: the recordings, of the actions of the protocol only.
        path: where it lies.
        spec: the protocol.
        parts: subjects for each purpose.
        subjects: that are evaluated; None for those of the protocol.
        actions: that are evaluated; None for those of the protocol.
    """

    dataset: RecordedDataset
    path: Path
    spec: ProtocolSpec
    parts: Parts
    subjects: tuple[str, ...] | None = None
    actions: tuple[str, ...] | None = None

    def training_frames(self, source: str, selection: str) -> int:
        """Frames of the training subjects in all cameras."""
        subjects, _ = self.parts.of_selection(selection)
        return sum(
            entry.frames_3d or 0
            for entry in self.dataset.entries()
            if entry.subject in subjects and source in entry.frames_2d
        )


def open_material(experiment: Experiment, folder: Path, scale: str) -> RecordedMaterial:
    """Open the data of an experiment.

    Args:
        experiment: names protocol, 2D source and labels.
        folder: of the dataset, or with a folder for each.
        scale: one of `SCALES`; the smallest takes one subject and action of each part.

    Raises:
        InputError: for files that are missing or not what they should be, or without the 2D.
    """
    spec = find_protocol(experiment.protocol, experiment.variant or None)
    path = place_of(spec.dataset, folder)
    options = {"annotation": experiment.variant} if experiment.variant else {}
    dataset = open_dataset(spec.dataset, path, **options)
    if experiment.source not in dataset.sources():
        raise InputError(
            f"experiment {experiment.name} needs 2D of the source {experiment.source}, but {path} "
            f"holds {', '.join(dataset.sources()) or 'none'}; get that file, or choose another row"
        )
    parts = Parts.of(spec)
    if not find_scale(scale).first_subject:
        kept = OfActions(dataset, spec.actions) if spec.actions else dataset
        return RecordedMaterial(kept, path, spec, parts)
    parts = replace(parts, train=parts.train[:1], val=parts.val[:1], test=parts.test[:1])
    held = [e.action for e in dataset.entries() if e.subject in parts.test and e.action]
    if not held:
        return RecordedMaterial(dataset, path, spec, parts, parts.test)
    return RecordedMaterial(
        OfActions(dataset, held[:1]), path, spec, parts, parts.test, tuple(held[:1])
    )
