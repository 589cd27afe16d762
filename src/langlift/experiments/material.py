"""The data of an experiment as training and evaluation take it: whose, which actions, how much."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from ..datasets.places import place_of
from ..datasets.recordings import RecordedDataset
from ..errors import InputError
from ..protocols.catalogue import find_protocol
from ..protocols.evaluation import open_for
from ..protocols.spec import ProtocolSpec
from ..training.recorded import held_subjects
from .experiment import Experiment
from .scales import find_scale


@dataclass(frozen=True)
class RecordedMaterial:
    """What an experiment trains and is measured on.

    Args:
        dataset: the recordings.
        spec: the protocol, with subjects and actions that the scale takes of it.
        whole: whether these are all of the protocol's.
    """

    dataset: RecordedDataset
    spec: ProtocolSpec
    whole: bool = True

    def training_frames(self, source: str, selection: str) -> int:
        """Frames of the training subjects in all cameras.

        Raises:
            InputError: where the files lack one of them.
        """
        subjects, _ = held_subjects(self.dataset, self.spec, selection)
        return sum(
            entry.frames_3d or 0
            for entry in self.dataset.entries(source, subjects)
            if source in entry.frames_2d
            and (not self.spec.actions or entry.action in self.spec.actions)
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
    dataset = open_for(spec, path)
    if experiment.source not in dataset.sources():
        raise InputError(
            f"experiment {experiment.name} needs 2D of the source {experiment.source}, but {path} "
            f"holds {', '.join(dataset.sources()) or 'none'}; get that file, or choose another row"
        )
    if not find_scale(scale).first_subject:
        return RecordedMaterial(dataset, spec)
    spec = replace(spec, train=spec.train[:1], val=spec.val[:1], test=spec.test[:1])
    held = [e.action for e in dataset.entries(experiment.source, spec.test) if e.action]
    return RecordedMaterial(dataset, replace(spec, actions=tuple(held[:1])), whole=False)
