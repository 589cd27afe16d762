"""Datasets of recordings as the data of a run: who is trained on, who chooses, who measures.

What the papers' released code does is ``selection = "test"``: it trains on all training subjects,
measures on the test subjects after every epoch and keeps the best. Published figures with a fixed
number of epochs are ``fixed``: all training subjects, the last step. The default keeps a subject
back to choose by.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

from ..actions import ActionVocabulary
from ..datasets.recordings import PARTS, RecordedDataset, Recording
from ..errors import InputError, unknown
from ..lifting.bundle import Unit
from .config import TrainConfig
from .data import Data
from .takes import Take, takes_of
from .validation import Root, Scoring, evenly


@dataclass(frozen=True)
class Parts:
    """What of a dataset is for what.

    Args:
        name: of the protocol, for the card.
        train: training subjects.
        val: subjects that choose the weights; trained on, too, where they do not.
        test: test subjects.
        variant: which labels or processing, where there are two; empty if there is only one.
        excluded: names of recordings, or their parts before a slash, that are left out.
        actions: class labels that are trained on and validated; all if there are none.
        root: what is done with the predicted root when weights are chosen, see `Scoring`.
        own_unit: targets are in the image's unit, see `Recording.metres_per_unit`.
    """

    name: str
    train: tuple[str, ...]
    val: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    variant: str = ""
    excluded: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    root: Root = "keep"
    own_unit: bool = False

    @classmethod
    def of(cls, spec: Any) -> Parts:
        """Those that a `ProtocolSpec`, or anything with attributes of these names, states."""
        return cls(**{f.name: getattr(spec, f.name) for f in fields(cls)})

    def of_selection(self, selection: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The subjects that are trained on, and those that choose the weights.

        Raises:
            InputError: where there are none to train on, or none to choose by.
        """
        if not self.train:
            raise InputError(
                f"protocol {self.name} names no training subjects; name them (--train-subjects)"
            )
        if selection == "validation" and not self.val:
            raise InputError(
                f"protocol {self.name} has no validation subjects to choose weights by; name some "
                "of the training subjects (--val-subjects), or take the last step (--selection "
                "fixed)"
            )
        if selection == "test" and not self.test:
            raise InputError(
                f"protocol {self.name} has no test subjects to choose weights by; give --selection "
                "validation or fixed"
            )
        if selection == "validation":
            return self.train, self.val
        return (*self.train, *self.val), self.test if selection == "test" else ()


def parts_of(
    spec: Any,
    dataset: RecordedDataset,
    train: tuple[str, ...] = (),
    val: tuple[str, ...] = (),
    actions: tuple[str, ...] = (),
) -> Parts:
    """What is for what under a protocol, where the user may know better.

    Args:
        spec: a `ProtocolSpec`. Where it names no subjects, those count that the dataset's files
            say are for training, validation and test.
        dataset: the opened data.
        train: training subjects instead of the protocol's.
        val: subjects that choose the weights instead; those of the protocol are trained on then.
        actions: class labels instead.
    """
    parts = Parts.of(spec)
    if not (parts.train or parts.val or parts.test):
        stated = getattr(dataset, "parts", {})
        parts = replace(parts, **{part: tuple(stated.get(part, ())) for part in PARTS})
    if val:
        others = (s for s in (*parts.train, *parts.val) if s not in val)
        parts = replace(parts, train=tuple(others), val=val)
    if train:
        parts = replace(parts, train=train, val=tuple(s for s in parts.val if s not in train))
    return replace(parts, actions=actions or parts.actions)


def load_recorded(dataset: RecordedDataset, parts: Parts, source: str, config: TrainConfig) -> Data:
    """Takes, validation recordings and vocabulary of a run.

    Recordings are decoded one after the other, and of those to train on only screen coordinates
    and targets are kept. Classes are the labels of the training recordings.

    Args:
        dataset: an opened dataset.
        parts: its subjects.
        source: the kind of 2D, one of the dataset's.
        config: the run.

    Raises:
        InputError: for an unknown source or subject, settings that are for clips of motion, or a
            network of other joints than the dataset's.
    """
    _check(dataset, parts, source, config)
    trained, chosen_by = parts.of_selection(config.selection)
    unit: Unit = "screen" if parts.own_unit else "m"
    takes: list[Take] = []
    for recording in _recordings(dataset, parts, source, trained):
        _check_recording(recording, dataset)
        takes += takes_of(recording, config.features, unit, config.model.uses_confidence)
    if not takes:
        raise InputError(
            f"there is no frame to train on in {dataset.name} of {', '.join(trained)} with the 2D "
            f"{source}; check the files (langlift data check)"
        )
    validation: list[Recording] = []
    if chosen_by:
        validation = list(_recordings(dataset, parts, source, chosen_by))
    part = "test" if config.selection == "test" else "validation"
    scoring = Scoring(
        f"{_named(parts)}, 2D {source}, {part} subjects {', '.join(chosen_by)}, frame mean, no "
        "flip averaging",
        parts.root,
        parts.own_unit,
    )
    return Data(
        train=takes,
        validation=evenly(validation, config.validation_clips),
        actions=ActionVocabulary(_labels(takes)),
        card=_card(dataset, parts, source, trained),
        source=f"{_named(parts)}, 2D {source}, subjects {', '.join(trained)}",
        skeleton=dataset.skeleton,
        fps=dataset.fps,
        unit=unit,
        scoring=scoring,
    )


def _check(dataset: RecordedDataset, parts: Parts, source: str, config: TrainConfig) -> None:
    """Raise before anything is decoded where it would be in vain."""
    if config.cameras != "recorded":
        raise InputError(
            f"cameras is {config.cameras!r}, but {dataset.name} is seen by its own cameras; give "
            "--cameras recorded"
        )
    if source not in dataset.sources():
        raise unknown(f"2D source of {dataset.name}", source, dataset.sources())
    used = [s for some in parts.of_selection(config.selection) for s in some]
    twice = [s for s in used if used.count(s) > 1]
    if twice:
        raise InputError(
            f"subject {twice[0]} would train the network and choose its weights; name it once"
        )
    for subject in used:
        if subject not in dataset.subjects:
            raise unknown(f"subject of {dataset.name}", subject, dataset.subjects)
    config.model.check_joints(len(dataset.skeleton))


def _check_recording(recording: Recording, dataset: RecordedDataset) -> None:
    """Raise for a training recording of another kind than the dataset says."""
    if recording.keypoints.fps != dataset.fps:
        raise InputError(
            f"recording {recording.name!r} has {recording.keypoints.fps:g} frames per second and "
            f"{dataset.name} {dataset.fps:g}; a network is trained at one rate: leave its subject "
            "out, or resample it"
        )


def _recordings(
    dataset: RecordedDataset, parts: Parts, source: str, subjects: tuple[str, ...]
) -> Iterator[Recording]:
    """Recordings of subjects without the excluded ones, one after the other."""
    for recording in dataset.recordings(source, subjects, parts.actions or None):
        name = recording.name
        if not any(name == e or name.startswith(f"{e}/") for e in parts.excluded):
            yield recording


def _labels(takes: list[Take]) -> tuple[str, ...]:
    """All class labels of the takes, in the order of the alphabet."""
    labels: set[str] = set()
    for take in takes:
        frames = take.frame_actions
        labels |= {take.action} if frames is None else set(map(str, frames))
    return tuple(sorted(labels - {""}))


def _named(parts: Parts) -> str:
    return f"{parts.name} ({parts.variant})" if parts.variant else parts.name


def _card(
    dataset: RecordedDataset, parts: Parts, source: str, trained: tuple[str, ...]
) -> dict[str, Any]:
    """Where the data is from; its terms are between the user and its owners."""
    return {
        "data": f"{dataset.name}, 2D {source}, subjects {', '.join(trained)}",
        "protocol": _named(parts),
        "source_2d": source,
        "subjects": list(trained),
        "dataset": dataset.facts(),
        "licence": "that of the dataset; see its terms before you pass these weights on",
    }
