"""Evaluate models on the recordings of a dataset, one recording at a time.

Nothing of a recording is kept but the sums of `Score`, so an evaluation of any length needs the
memory of one recording; with a `Journal` it can be broken off and continued at any of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from ..datasets.checking.recording_checks import refuse_misfit
from ..datasets.recordings import Entry, RecordedDataset, Recording
from ..datasets.registry import open_dataset
from ..errors import InputError, unknown
from ..lifting.lifter import Lifter
from ..methods.base import Precision
from .card import action_of
from .journal import Journal
from .scores import Score, summed
from .spec import ProtocolSpec
from .windowing import compared, lift_recording

Progress = Callable[[int, int], None]
#: Opens a progress bar of that title.
Bars = Callable[[str], AbstractContextManager[Progress]]
#: What is measured side by side: a model and its precision, by the name in the tables.
Models = Mapping[str, tuple[Lifter, Precision]]


@dataclass(frozen=True)
class EvaluationOptions:
    """What is evaluated of a dataset.

    Args:
        subjects: instead of those of the protocol.
        actions: instead of those of the protocol.
    """

    subjects: tuple[str, ...] | None = None
    actions: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Plan:
    """The recordings of one 2D source that will be evaluated.

    Args:
        source: of the 2D.
        subjects: whose recordings; None for all.
        actions: class labels; None for all.
        entries: the recordings, as the files list them.
        left_out: what a whole copy of the data holds and these files do not, or not whole.
    """

    source: str
    subjects: tuple[str, ...] | None
    actions: tuple[str, ...] | None
    entries: tuple[Entry, ...]
    left_out: tuple[str, ...]

    @property
    def frames(self) -> int:
        """Frames of 3D in all."""
        return sum(entry.frames_3d or 0 for entry in self.entries)

    @property
    def people(self) -> tuple[str, ...]:
        """Whose recordings these are."""
        return tuple(dict.fromkeys(entry.subject for entry in self.entries))


def measured(plans: Sequence[Plan]) -> str:
    """What tells the recordings of plans from others: number, frames, digest of the names."""
    frames = {entry.name: entry.frames_3d or 0 for chosen in plans for entry in chosen.entries}
    digest = hashlib.sha256(json.dumps(sorted(frames.items())).encode()).hexdigest()[:12]
    return f"{len(frames)} of {sum(frames.values())} frames, digest {digest}"


def no_bars(title: str) -> AbstractContextManager[Progress]:
    """Show nothing of the progress."""
    return nullcontext(lambda done, total: None)


def open_for(spec: ProtocolSpec, path: str | Path) -> RecordedDataset:
    """Open the dataset of a protocol, with the labels of its variant."""
    options = {"annotation": spec.variant} if spec.variant else {}
    return open_dataset(spec.dataset, path, **options)


def plan(
    dataset: RecordedDataset, spec: ProtocolSpec, source: str | None, options: EvaluationOptions
) -> Plan:
    """Find what there is to evaluate, before anything is decoded.

    Args:
        dataset: the data.
        spec: the protocol.
        source: of the 2D; if None the protocol's first one, or where it names none the only one.
        options: what to evaluate of it.

    Raises:
        InputError: for a source, subject or action that the files do not hold, or where nothing
            is left.
    """
    source = source_of(dataset, spec, source)
    subjects = _subjects(dataset, spec, options)
    entries = dataset.entries(source, subjects)
    actions = _actions(entries, spec, options)
    chosen, left_out = [], []
    for entry in entries:
        if actions is not None and entry.action not in actions:
            continue
        if excluded(spec, entry.name):
            continue
        if entry.frames_3d is None or source not in entry.frames_2d:
            left_out.append(f"{entry.name} (no {'3D' if entry.frames_3d is None else '2D'})")
        else:
            chosen.append(entry)
    if not chosen:
        raise InputError(
            f"the data hold no recording with 3D and 2D of source {source} that protocol "
            f"{spec.name} evaluates; see what there is with: langlift data check"
        )
    left_out += _absent(dataset.expected(), entries, subjects or dataset.subjects, actions)
    return Plan(source, subjects, actions, tuple(chosen), tuple(left_out))


def excluded(spec: ProtocolSpec, name: str) -> bool:
    """Whether the protocol leaves a recording out: by its name, or by the part before a slash."""
    return any(name == part or name.startswith(f"{part}/") for part in spec.excluded)


def source_of(dataset: RecordedDataset, spec: ProtocolSpec, asked: str | None = None) -> str:
    """The kind of 2D that is used: the one asked for, the protocol's first, or the only one.

    Raises:
        InputError: where the data do not hold it, or hold several and the protocol names none.
    """
    held = dataset.sources()
    if asked is not None:
        if asked not in held:
            raise unknown("2D source", asked, held)
        return asked
    if not spec.sources:
        if len(held) == 1:
            return held[0]
        raise InputError(f"the data hold 2D of the sources {', '.join(held)}; choose with --source")
    if spec.sources[0] not in held:
        raise InputError(
            f"the data hold no 2D of source {spec.sources[0]}, the one that protocol {spec.name} "
            f"takes by default, but {', '.join(held) or 'none at all'}; choose with --source"
        )
    return spec.sources[0]


def _subjects(
    dataset: RecordedDataset, spec: ProtocolSpec, options: EvaluationOptions
) -> tuple[str, ...] | None:
    if options.subjects is not None:
        for name in options.subjects:
            if name not in dataset.subjects:
                raise unknown("subject", name, dataset.subjects)
        return options.subjects
    if spec.test:
        absent = [name for name in spec.test if name not in dataset.subjects]
        if absent:
            raise InputError(
                f"the data hold nothing of {', '.join(absent)}, which protocol {spec.name} "
                f"evaluates; get the missing files, or name the subjects with --subjects (there "
                f"are {', '.join(dataset.subjects)})"
            )
        return spec.test
    if not dataset.parts:
        return None
    if not dataset.parts.get("test"):
        raise InputError(
            f"no file says that it is of the part test ({', '.join(dataset.parts)} only); name the "
            "subjects to evaluate with --subjects"
        )
    return tuple(dataset.parts["test"])


def _actions(
    entries: Sequence[Entry], spec: ProtocolSpec, options: EvaluationOptions
) -> tuple[str, ...] | None:
    held = tuple(dict.fromkeys(entry.action for entry in entries))
    if options.actions is not None:
        if held == ("",):
            raise InputError(
                f"the recordings that protocol {spec.name} evaluates have no single action each; "
                "leave --actions out"
            )
        for name in options.actions:
            if name not in held:
                raise unknown("action", name, held)
        return options.actions
    if not spec.actions:
        return None
    absent = [name for name in spec.actions if name not in held]
    if absent:
        raise InputError(
            f"the data hold no {', '.join(absent)} of the subjects that are evaluated, and "
            f"protocol {spec.name} averages over {len(spec.actions)} actions; get the missing "
            f"files, or name the actions with --actions (there are {', '.join(held)})"
        )
    return spec.actions


def _absent(
    expected: Mapping[str, Sequence[str]],
    entries: Sequence[Entry],
    subjects: Sequence[str],
    actions: Sequence[str] | None,
) -> list[str]:
    """Sequences that a whole copy holds of these subjects and the files do not."""
    there = {(entry.subject, entry.key) for entry in entries}
    return [
        f"{subject}/{key}"
        for subject, keys in expected.items()
        if subject in subjects
        for key in keys
        if (subject, key) not in there
        and (actions is None or any(key.split(" ")[0] == action for action in actions))
    ]


def evaluate_recordings(
    models: Models,
    dataset: RecordedDataset,
    spec: ProtocolSpec,
    chosen: Plan,
    journal: Journal | None = None,
    progress: Progress | None = None,
) -> dict[str, list[Score]]:
    """Lift every recording of a plan with every model and measure it; each is decoded once.

    Args:
        models: their joints must be those that the protocol compares.
        dataset: the data.
        spec: the protocol.
        chosen: what is measured, see `plan`.
        journal: takes every score as soon as it is there, and holds those that need not be
            measured again; they are read again, to see that they are still the same.
        progress: called with (frames done, frames in all).

    Returns:
        Scores by model, in the order of the plan.

    Raises:
        InputError: for a model of other joints, for data that lack what the protocol needs, and
            for a recording that cannot be evaluated; nothing is left out silently. Where no frame
            counts; and where the journal holds scores of other data.
    """
    check_models({name: lifter for name, (lifter, _) in models.items()}, spec)
    scores: dict[str, dict[str, Score]] = {}
    left, done = {entry.name: entry for entry in chosen.entries}, 0
    for recording in dataset.recordings(chosen.source, chosen.people, chosen.actions):
        entry = left.pop(recording.name, None)
        if entry is None:
            continue
        scores[entry.name] = _scores(models, recording, entry, spec, chosen.source, journal)
        del recording  # or two are in memory while the next one is read
        done += entry.frames_3d or 0
        if progress is not None:
            progress(done, chosen.frames)
    if left:
        raise InputError(
            f"the recording {next(iter(left))} is listed in the data but was not read "
            f"({len(left)} in all); see what is wrong with: langlift data check"
        )
    if not any(score.frames for of in scores.values() for score in of.values()):
        raise InputError(
            "no frame of these recordings counts, so nothing can be measured; see which ones are "
            "marked as not scored with: langlift data check"
        )
    return {model: [scores[entry.name][model] for entry in chosen.entries] for model in models}


def _scores(
    models: Models,
    recording: Recording,
    entry: Entry,
    spec: ProtocolSpec,
    source: str,
    journal: Journal | None,
) -> dict[str, Score]:
    """Scores of one recording by model: those of the journal, and those that are measured now."""
    scores: dict[str, Score] = {}
    for model, (lifter, _) in models.items():
        of = (recording, _sequence(entry), spec.metrics, len(compared(spec, lifter)))
        kept = journal and journal.get(model, source, *of)
        if kept is not None:
            scores[model] = kept
    apart = len(scores) < len(models) and refuse_misfit(recording, source)
    for model, (lifter, precision) in models.items():
        if model in scores:
            continue
        score = score_recording(lifter, recording, spec, precision, _sequence(entry))
        scores[model] = replace(score, apart=apart)
        if journal is not None:
            journal.add(model, source, scores[model], recording)
    return scores


def score_recording(
    lifter: Lifter,
    recording: Recording,
    spec: ProtocolSpec,
    precision: Precision = "fp32",
    sequence: str = "",
) -> Score:
    """Lift and measure one recording of a sequence; see `Score.sequence`."""
    lifted = lift_recording(lifter, recording, spec, precision)
    sums, joints, weight = summed(lifted.pieces, spec.metrics, compared(spec, lifter))
    asked = lifted.label is not None and recording.action in lifter.actions.labels
    return Score(
        recording.name,
        recording.subject,
        sequence or recording.name,
        int(recording.counted.sum()),
        sums,
        tuple(joints.tolist()),
        weight,
        (float(asked and lifted.label == recording.action), float(asked)),
        lifted.notes,
    )


def _sequence(entry: Entry) -> str:
    """The key, with the subject before it unless the data put that there."""
    named = entry.key == entry.subject or entry.key.startswith(f"{entry.subject}/")
    return entry.key if named else f"{entry.subject}/{entry.key}"


def check_model(lifter: Lifter, spec: ProtocolSpec, name: str) -> None:
    """Raise `InputError` for a model that cannot do what the protocol asks for.

    Its joints must be those that are compared. No network here gives several hypotheses, so figures
    of a protocol that has them would not be what they say. Where actions are given, a model that
    takes none is measured as it is, see `check_given`.
    """
    able = spec.action != "predicted" or lifter.actions.labels
    if not able or spec.aggregation != "single":
        raise InputError(
            f"protocol {spec.name} asks for action {spec.action!r} and aggregation "
            f"{spec.aggregation!r}, which model {name} cannot do; evaluate it with 'none' and "
            "'single'"
        )
    if lifter.bundle.skeleton != compared(spec, lifter):
        raise InputError(
            f"model {name} gives the joints of {lifter.bundle.skeleton.name}; protocol "
            f"{spec.name} compares those of {spec.skeleton}: give a model of these with --model"
        )


def check_models(models: Mapping[str, Lifter], spec: ProtocolSpec) -> None:
    """Raise `InputError` where a model cannot follow a protocol, or none takes its actions."""
    for name, lifter in models.items():
        check_model(lifter, spec, name)
    if spec.action == "given" and not any(action_of(m, spec) == "given" for m in models.values()):
        raise InputError(
            f"protocol {spec.name} gives actions to the models, and {', '.join(models)} cannot "
            "take any; leave --action out, or name a model that can (such as one of vpose+apm)"
        )


def check_given(models: Mapping[str, Lifter], spec: ProtocolSpec, chosen: Plan) -> None:
    """Raise `InputError` for an action that a model is to be told and does not know.

    Recordings whose files name no single action are looked at when they are read.
    """
    for name, lifter in models.items():
        if action_of(lifter, spec) != "given":
            continue
        for entry in chosen.entries:
            if entry.action and entry.action not in lifter.actions.labels:
                raise InputError(
                    f"the action {entry.action!r} of recording {entry.name!r} is not among those "
                    f"that model {name} knows ({', '.join(lifter.actions.labels)}); name others "
                    "with --actions, or leave --action out"
                )
