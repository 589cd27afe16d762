"""Datasets of recordings as the data of a run: who is trained on, who chooses, who measures.

What the papers' released code does is ``selection = "test"``: it trains on all training subjects,
measures on the test subjects after every epoch and keeps the best. Published figures with a fixed
number of epochs are ``fixed``: all training subjects, the last step. The default keeps a subject
back to choose by.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ..actions import ActionVocabulary
from ..datasets.checking.recording_checks import refuse_misfit
from ..datasets.recordings import PARTS, RecordedDataset, Recording
from ..errors import InputError, unknown
from ..lifting.bundle import Unit
from ..protocols.evaluation import excluded
from ..protocols.spec import ProtocolSpec
from .config import TrainConfig
from .data import Data
from .takes import Take, metres_per_unit, takes_of
from .validation import evenly

#: Trained on, and choosing the weights.
Subjects = tuple[tuple[str, ...], tuple[str, ...]]


def parts_of(
    spec: ProtocolSpec,
    dataset: RecordedDataset,
    train: tuple[str, ...] = (),
    val: tuple[str, ...] = (),
    actions: tuple[str, ...] = (),
) -> ProtocolSpec:
    """A protocol with the subjects and actions of a run, where the user may know better.

    Args:
        spec: the protocol. Where it names no subjects, those count that the dataset's files say
            are for training, validation and test.
        dataset: the opened data.
        train: training subjects instead of the protocol's.
        val: subjects that choose the weights instead; those of the protocol are trained on then.
        actions: class labels instead.

    Returns:
        The protocol, in which subjects that are named here are no test subjects.

    Raises:
        InputError: for a subject that is named twice, that neither files nor protocol know, or
            that is one of the test subjects by which published figures are made.
    """
    _check_named(spec, dataset, train, val)
    trained, chooses, test = spec.train, spec.val, spec.test
    if not (trained or chooses or test):
        trained, chooses, test = (tuple(dataset.parts.get(part, ())) for part in PARTS)
    if val:
        trained, chooses = tuple(s for s in (*trained, *chooses) if s not in val), val
    if train:
        trained, chooses = train, tuple(s for s in chooses if s not in train)
    test = tuple(s for s in test if s not in (*trained, *chooses))
    return replace(spec, train=trained, val=chooses, test=test, actions=actions or spec.actions)


def _check_named(
    spec: ProtocolSpec, dataset: RecordedDataset, train: tuple[str, ...], val: tuple[str, ...]
) -> None:
    """Raise for subjects that the user cannot mean."""
    held = dataset.subjects
    for subject in (*train, *val):
        if subject not in (*held, *spec.train, *spec.val, *spec.test):
            raise unknown(f"subject of {dataset.name}", subject, held)
    if twice := [subject for subject in val if subject in train]:
        raise InputError(
            f"{', '.join(twice)} would be trained on and choose the weights; name nobody in both "
            "--train-subjects and --val-subjects"
        )
    if not spec.public_test:
        return
    if tested := [subject for subject in train if subject in spec.test]:
        raise InputError(
            f"--train-subjects names {', '.join(tested)}, on whom protocol {spec.name} measures; "
            "leave them out"
        )
    if tested := [subject for subject in val if subject in spec.test]:
        raise InputError(
            f"--val-subjects names {', '.join(tested)}, on whom protocol {spec.name} measures; "
            "leave them out, or say that the weights are chosen on them with --selection test"
        )


def subjects_of(spec: ProtocolSpec, selection: str) -> Subjects:
    """The subjects that are trained on, and those that choose the weights.

    Raises:
        InputError: where there are none to train on, or none to choose by.
    """
    if not spec.train:
        raise InputError(
            f"protocol {spec.name} names no training subjects; name them (--train-subjects)"
        )
    if selection == "validation" and not spec.val:
        raise InputError(
            f"protocol {spec.name} has no validation subjects to choose weights by; name some "
            "of the training subjects (--val-subjects), or take the last step (--selection fixed)"
        )
    if selection == "test" and not spec.test:
        raise InputError(
            f"protocol {spec.name} has no test subjects to choose weights by; give --selection "
            "validation or fixed"
        )
    if selection == "validation":
        return spec.train, spec.val
    return (*spec.train, *spec.val), spec.test if selection == "test" else ()


def held_subjects(dataset: RecordedDataset, spec: ProtocolSpec, selection: str) -> Subjects:
    """`subjects_of`, all of whom the files hold.

    Raises:
        InputError: as that does, and naming those that the files lack.
    """
    trained, chosen_by = subjects_of(spec, selection)
    held = dataset.subjects
    instead = {"validation": "others with --val-subjects", "test": "--selection validation"}
    for subjects, purpose, remedy in (
        (trained, "trains on", "name the subjects with --train-subjects"),
        (chosen_by, "chooses weights by", f"give {instead.get(selection)}"),
    ):
        if absent := [subject for subject in subjects if subject not in held]:
            raise InputError(
                f"the files lack {', '.join(absent)}, whom protocol {spec.name} {purpose}; get "
                f"them, or {remedy}"
            )
    return trained, chosen_by


def load_recorded(
    dataset: RecordedDataset, spec: ProtocolSpec, source: str, config: TrainConfig
) -> Data:
    """Takes, validation recordings and vocabulary of a run.

    Recordings are decoded one after the other, and of those to train on only screen coordinates
    and targets are kept. Classes are the labels of the training recordings.

    Args:
        dataset: an opened dataset.
        spec: the protocol, with its subjects and actions (see `parts_of`).
        source: the kind of 2D, one of the dataset's.
        config: the run.

    Raises:
        InputError: for an unknown source or subject, settings that are for clips of motion, a
            network of other joints than the dataset's, or a recording whose 2D and 3D do not
            belong together.
    """
    _check(dataset, spec, config)
    trained, chosen_by = held_subjects(dataset, spec, config.selection)
    unit: Unit = "screen" if spec.own_unit else "m"
    takes: list[Take] = []
    for recording in _recordings(dataset, spec, source, trained):
        _check_rate(recording, dataset)
        takes += takes_of(recording, config.features, unit, config.model.uses_confidence)
    _check_any(bool(takes), "train on", dataset, source, trained)
    validation: list[Recording] = []
    if chosen_by:
        validation = list(_recordings(dataset, spec, source, chosen_by))
        counted = any(r.counted.any() for r in validation)
        _check_any(counted, "choose weights by", dataset, source, chosen_by)
    part = "test" if config.selection == "test" else "validation"
    measured = (
        f"{_named(spec)}, 2D {source}, {part} subjects {', '.join(chosen_by)}, frame mean, no flip "
        "averaging"
    )
    return Data(
        train=takes,
        validation=evenly(validation, config.validation_clips),
        actions=ActionVocabulary(_labels(takes)),
        card=_card(dataset, spec, source, trained, chosen_by),
        source=f"{_named(spec)}, 2D {source}, subjects {', '.join(trained)}",
        skeleton=dataset.skeleton,
        fps=dataset.fps,
        unit=unit,
        scoring=replace(spec, title=measured, flip=False, windows="track", metrics=("MPJPE",)),
    )


def _check(dataset: RecordedDataset, spec: ProtocolSpec, config: TrainConfig) -> None:
    """Raise before anything is decoded where it would be in vain."""
    if config.cameras != "recorded":
        raise InputError(
            f"cameras is {config.cameras!r}, but {dataset.name} is seen by its own cameras; give "
            "--cameras recorded"
        )
    config.model.check_joints(len(dataset.skeleton))


def _check_rate(recording: Recording, dataset: RecordedDataset) -> None:
    """Raise for a training recording of another rate than the dataset's."""
    if recording.keypoints.fps != dataset.fps:
        raise InputError(
            f"recording {recording.name!r} has {recording.keypoints.fps:g} frames per second and "
            f"{dataset.name} {dataset.fps:g}; a network is trained at one rate: leave its subject "
            "out, or resample it"
        )


def _check_any(
    found: bool, purpose: str, dataset: RecordedDataset, source: str, subjects: tuple[str, ...]
) -> None:
    """Raise where the data hold nothing for a purpose."""
    if not found:
        raise InputError(
            f"there is no frame to {purpose} in {dataset.name} of {', '.join(subjects)} with the "
            f"2D {source}; check the files (langlift data check)"
        )


def _recordings(
    dataset: RecordedDataset, spec: ProtocolSpec, source: str, subjects: tuple[str, ...]
) -> Iterator[Recording]:
    """Recordings of subjects without the excluded ones, one after the other.

    Raises:
        InputError: for one that an evaluation would refuse, too.
    """
    for recording in dataset.recordings(source, subjects, spec.actions or None):
        if not excluded(spec, recording.name):
            refuse_misfit(recording, source)
            if spec.own_unit:
                metres_per_unit(recording)
            yield recording


def _labels(takes: list[Take]) -> tuple[str, ...]:
    """All class labels of the takes, in the order of the alphabet."""
    labels: set[str] = set()
    for take in takes:
        frames = take.frame_actions
        labels |= {take.action} if frames is None else set(map(str, frames))
    return tuple(sorted(labels - {""}))


def _named(spec: ProtocolSpec) -> str:
    return f"{spec.name} ({spec.variant})" if spec.variant else spec.name


def _card(
    dataset: RecordedDataset,
    spec: ProtocolSpec,
    source: str,
    trained: tuple[str, ...],
    chosen_by: tuple[str, ...],
) -> dict[str, Any]:
    """Where the data is from; its terms are between the user and its owners.

    By dataset, variant and subjects an evaluation knows whether it measures them.
    """
    return {
        "data": f"{dataset.name}, 2D {source}, subjects {', '.join(trained)}",
        "protocol": _named(spec),
        "source_2d": source,
        "dataset": spec.dataset,
        "variant": spec.variant,
        "train_subjects": list(trained),
        "chosen_on": list(chosen_by),
        "files": dataset.facts([source])["files"],
        "licence": "that of the dataset; see its terms before you pass these weights on",
    }
