"""What a dataset's files hold, and what is wrong with them.

Counts are of every video; geometry is looked at in some frames of each recording, so that a whole
dataset takes little longer than its files take to read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from ...errors import InputError
from ..recordings import Entry, RecordedDataset, Recording, spare_frames
from .fitting import Fit, Sample, fit, sample, with_joints_of
from .recording_checks import (
    FRAMES,
    LEVELS,
    Finding,
    Level,
    check_recording,
    limit_of,
    sample_frames,
)

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class SubjectContents:
    """What the files hold of one subject.

    Args:
        subject: who.
        actions: class labels, in the files' order.
        cameras: names of the cameras.
        recordings: how many, each camera by itself.
        frames_3d: in all recordings.
        frames_2d: in all recordings, by source.
    """

    subject: str
    actions: tuple[str, ...]
    cameras: tuple[str, ...]
    recordings: int
    frames_3d: int
    frames_2d: dict[str, int]


@dataclass(frozen=True)
class Group:
    """Findings of one check at one level, as a table shows them.

    Args:
        worst: the one with the largest value.
        others: the rest.
    """

    worst: Finding
    others: tuple[Finding, ...]

    @property
    def count(self) -> int:
        """How many there are."""
        return 1 + len(self.others)

    @property
    def where(self) -> str:
        """The worst place and some others, in words."""
        return _listed([self.worst.where, *(other.where for other in self.others)], 3)


@dataclass(frozen=True)
class Quality:
    """The outcome of a check.

    Args:
        contents: what the files hold.
        findings: all of them, those that are ``ok`` too.
    """

    contents: tuple[SubjectContents, ...]
    findings: tuple[Finding, ...]

    @property
    def level(self) -> Level:
        """The worst level of all findings."""
        worst: Level = "ok"
        for finding in self.findings:
            if LEVELS.index(finding.level) > LEVELS.index(worst):
                worst = finding.level
        return worst

    def content(self) -> dict[str, Any]:
        """The outcome as plain values, for JSON."""
        return {
            "level": self.level,
            "contents": [asdict(each) for each in self.contents],
            "findings": [_plain(each) for each in self.findings],
        }


def _plain(finding: Finding) -> dict[str, Any]:
    """A finding as plain values; JSON knows no infinity."""
    value = finding.value if np.isfinite(finding.value) else None
    return {**asdict(finding), "value": value}


def grouped(findings: Iterable[Finding]) -> list[Group]:
    """Findings by level (worst first), check and source."""
    groups: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.level, finding.check, finding.source), []).append(finding)
    made = []
    for found in groups.values():
        worst, *others = sorted(found, key=lambda finding: -finding.value)
        made.append(Group(worst, tuple(others)))
    return sorted(made, key=lambda group: -LEVELS.index(group.worst.level))


def _contents(entries: Sequence[Entry]) -> tuple[SubjectContents, ...]:
    """What the files hold, by subject."""
    subjects = dict.fromkeys(entry.subject for entry in entries)
    return tuple(_of_subject(s, [e for e in entries if e.subject == s]) for s in subjects)


def _of_subject(subject: str, entries: Sequence[Entry]) -> SubjectContents:
    sources = dict.fromkeys(source for entry in entries for source in entry.frames_2d)
    return SubjectContents(
        subject=subject,
        actions=tuple(dict.fromkeys(e.action for e in entries if e.action)),
        cameras=tuple(dict.fromkeys(e.camera for e in entries if e.camera)),
        recordings=len(entries),
        frames_3d=sum(e.frames_3d or 0 for e in entries),
        frames_2d={s: sum(e.frames_2d.get(s, 0) for e in entries) for s in sources},
    )


def check_dataset(
    dataset: RecordedDataset,
    sources: Sequence[str] | None = None,
    frames: int = FRAMES,
    progress: Progress | None = None,
) -> Quality:
    """Look at everything.

    Args:
        dataset: what to check.
        sources: kinds of 2D to look at; all if None.
        frames: of each recording whose geometry is looked at.
        progress: called with (recordings done, recordings in all).

    Raises:
        InputError: for a source that the files do not have.
    """
    asked = dataset.sources() if sources is None else tuple(sources)
    listed: dict[str, Entry] = {}
    found: list[Finding] = []
    done = 0
    # Each source to its end, so that its file is read once.
    for number, source in enumerate(asked):
        entries = dataset.entries(source)
        for entry in entries:
            counts = {**listed.get(entry.name, entry).frames_2d, **entry.frames_2d}
            listed[entry.name] = replace(entry, frames_2d=counts)
        more = sum(source in entry.frames_2d for entry in entries)
        total = done + more * (len(asked) - number)
        for findings in _of_source(dataset, entries, source, frames):
            found += findings
            done += 1
            if progress is not None:
                progress(min(done, total), total)
    entries = [*listed.values()]
    told = (*_whole(dataset, entries), *_counts(entries, asked), *found)
    return Quality(_contents(entries), told)


def _of_source(
    dataset: RecordedDataset, entries: Sequence[Entry], source: str, frames: int
) -> Iterator[Sequence[Finding]]:
    """The findings of every recording of a source."""
    suspects: dict[str, Recording] = {}  # one of each subject
    for item in _each(dataset, entries, source):
        if isinstance(item, Finding):
            yield [item]
            continue
        found = check_recording(item, source, frames)
        if any(f.level == "error" and f.check == "2D and 3D" for f in found):
            suspects.setdefault(item.subject, item)
        yield found
    for suspect in suspects.values():
        yield _exchanged(dataset, entries, source, suspect, frames)


def _whole(dataset: RecordedDataset, entries: Sequence[Entry]) -> Iterator[Finding]:
    """What a whole copy has and this one has not, and the other way round."""
    held: dict[str, set[str]] = {}
    for entry in entries:
        held.setdefault(entry.subject, set()).add(entry.key)
    wanted = dataset.expected()
    missing = [subject for subject in wanted if subject not in held]
    if missing:
        words = f"missing: {', '.join(missing)}; figures without them are no published ones"
        yield Finding("warning", "subjects", dataset.name, words, value=len(missing))
    unknown = [subject for subject in held if wanted and subject not in wanted]
    if unknown:
        words = f"not of the dataset: {', '.join(unknown)}; known are {', '.join(wanted)}"
        yield Finding("note", "subjects", dataset.name, words, value=len(unknown))
    for subject, keys in wanted.items():
        absent = [key for key in keys if key not in held.get(subject, ())]
        if absent and subject in held:
            words = f"{subject} lacks {_listed(absent)}; get the whole files again"
            yield Finding("warning", "actions", subject, words, value=len(absent))
        extra = [key for key in held.get(subject, ()) if key not in keys]
        if extra:
            words = f"{subject} has {_listed(sorted(extra))} besides what is known"
            yield Finding("note", "actions", subject, words, value=len(extra))


def _listed(names: Sequence[str], most: int = 4) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _counts(entries: Sequence[Entry], sources: Sequence[str]) -> Iterator[Finding]:
    """Frames of 2D against those of 3D, of every recording."""
    for entry in entries:
        truth = entry.frames_3d
        if truth is None:
            words = "there is 2D but no 3D; it cannot be evaluated: add the 3D or leave it out"
            yield Finding("warning", "frame counts", entry.name, words, value=1.0)
            continue
        for source in sources:
            yield _count(entry, source, truth)


def _count(entry: Entry, source: str, truth: int) -> Finding:
    count = entry.frames_2d.get(source)
    if count is None:
        words = "this recording has no 2D of this source; figures leave it out"
        return Finding("warning", "frame counts", entry.name, words, source, 1.0)
    more = count - truth
    words = f"{count} frames of 2D and {truth} of 3D"
    if more < 0:
        words += "; the 2D ends too early: get the whole file again"
        return Finding("error", "frame counts", entry.name, words, source, -more)
    if more > spare_frames(truth):
        words += "; part of the 3D is missing, or they are of two videos: get both files anew"
        return Finding("error", "frame counts", entry.name, words, source, more)
    if more:
        words += "; those beyond the 3D cannot be measured"
    return Finding("note" if more else "ok", "frame counts", entry.name, words, source, more)


def _each(
    dataset: RecordedDataset, listed: Sequence[Entry], source: str
) -> Iterator[Recording | Finding]:
    """Every recording of a source; one that cannot be read is a finding and the rest goes on."""
    for subject in dict.fromkeys(e.subject for e in listed if source in e.frames_2d):
        entries = [e for e in listed if e.subject == subject]
        seen: set[str] = set()
        try:
            for recording in dataset.recordings(source, [subject]):
                seen.add(recording.name)
                yield recording
        except InputError as error:
            actions = dict.fromkeys(e.action for e in entries if e.name not in seen)
            if len(actions) < 2:
                yield Finding("error", "reading", subject, str(error), source)
            else:
                yield from _action_by_action(dataset, source, subject, [*actions], seen)


def _action_by_action(
    dataset: RecordedDataset, source: str, subject: str, actions: Sequence[str], seen: set[str]
) -> Iterator[Recording | Finding]:
    for action in actions:
        try:
            for recording in dataset.recordings(source, [subject], [action]):
                if recording.name not in seen:
                    yield recording
        except InputError as error:
            yield Finding("error", "reading", f"{subject} {action}".strip(), str(error), source)


def _exchanged(
    dataset: RecordedDataset,
    entries: Sequence[Entry],
    source: str,
    suspect: Recording,
    frames: int,
) -> list[Finding]:
    """What the 2D is really of, where it does not fit its 3D."""
    owner = _owner(dataset, entries, source, suspect, frames)
    if owner is None:
        return []
    if owner.subject != suspect.subject:
        what = "subjects are swapped"
    elif owner.camera != suspect.camera:
        what = "cameras are in another order"
    else:
        what = "videos are swapped"
    words = f"the 2D of {suspect.name} fits the 3D of {owner.name}: {what} in one of the files"
    message = f"{words}; put them right"
    return [Finding("error", "2D and 3D", suspect.name, message, source, np.inf)]


def _owner(
    dataset: RecordedDataset,
    entries: Sequence[Entry],
    source: str,
    suspect: Recording,
    frames: int,
) -> Recording | None:
    """The other recording of the action whose 3D the 2D fits best, if it fits at all.

    Of the subject itself all cameras are tried, of others the same camera.
    """
    actions = [suspect.action] if suspect.action else None
    best, least = None, np.inf
    same = [e for e in entries if actions is None or e.action == suspect.action]
    for subject in dict.fromkeys(entry.subject for entry in same):
        try:
            for candidate in dataset.recordings(source, [subject], actions):
                own = subject == suspect.subject
                asked = (
                    candidate.name != suspect.name if own else candidate.camera == suspect.camera
                )
                error = _misfit(suspect, candidate, source, frames) if asked else np.inf
                if error < least:
                    best, least = candidate, error
        except InputError:
            # Its own finding already says so; here it only means that it owns nothing.
            continue
    return best


def _misfit(suspect: Recording, candidate: Recording, source: str, frames: int) -> float:
    """Distance in pixels of one recording's 2D from another's 3D; infinite where it does not fit.

    The 3D is taken as the other camera sees it, and as the world's before the recording's own.
    """
    at = sample_frames(min(len(suspect), len(candidate)), frames)
    mine, theirs = sample(suspect, at), sample(candidate, at)
    if mine is None or theirs is None or mine.xy.shape[1] != theirs.xy.shape[1]:
        return np.inf
    tried = [theirs]
    if suspect.lens is not None and candidate.lens is not None and suspect.placed:
        seen = suspect.lens.to_camera(candidate.lens.to_world(theirs.joints))
        tried.append(replace(theirs, joints=seen, lens=suspect.lens))
    least = np.inf
    for one in tried:
        both: Sample = with_joints_of(mine, one)
        measured = fit(both) if len(both.frames) else None
        if measured is not None and measured.error <= _fitting_limit(measured, suspect, source):
            least = min(least, measured.error)
    return least


def _fitting_limit(measured: Fit, suspect: Recording, source: str) -> float:
    limit = limit_of(suspect, source)
    return max(limit, 0.05 * measured.size) if measured.how == "scaled to the 2D" else limit
