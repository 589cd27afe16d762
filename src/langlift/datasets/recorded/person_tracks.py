"""Rows of people in frames, as multi-person data has them, made into tracks without long gaps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import InputError

#: Frames without the person that are filled in; longer gaps part a track. Ours: nobody published
#: how the EgoHumans figures were made.
LONGEST_GAP = 13


@dataclass(frozen=True, eq=False)
class PersonTrack:
    """One person, from a frame to a frame, with no gap longer than `LONGEST_GAP`.

    Args:
        name: the person's, with ``.2``, ``.3`` ... for what comes after a long gap.
        person: the person's name.
        rows: (n) rows that are of it, in the order of the frames.
        frames: (n) the frames of these rows, counted from the track's first.
    """

    name: str
    person: str
    rows: np.ndarray
    frames: np.ndarray

    def __len__(self) -> int:
        return int(self.frames[-1]) + 1

    @property
    def present(self) -> np.ndarray:
        """(f,) True in frames that have a row."""
        there = np.zeros(len(self), dtype=bool)
        there[self.frames] = True
        return there

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Values of all rows (n, ...) as (f, ...) of this track's frames, NaN where it has none."""
        full = np.full((len(self), *values.shape[1:]), np.nan, dtype=np.float64)
        full[self.frames] = values[self.rows]
        return full


def person_tracks(person: np.ndarray, frame: np.ndarray, seen: np.ndarray) -> list[PersonTrack]:
    """The tracks in rows of people.

    Args:
        person: (n) name of the person of each row.
        frame: (n) number of its frame.
        seen: (n) False where the row says nothing, as if it were not there.

    Raises:
        InputError: when a person has two rows in a frame.
    """
    found = []
    for name in dict.fromkeys(person.tolist()):
        rows = np.flatnonzero((person == name) & seen)
        rows = rows[np.argsort(frame[rows], kind="stable")]
        steps = np.diff(frame[rows])
        if (steps == 0).any():
            twice = frame[rows][int(np.argmin(steps))]
            raise InputError(f"person {name!r} is twice in frame {twice}; give one row for each")
        for number, part in enumerate(np.split(rows, np.flatnonzero(steps > LONGEST_GAP + 1) + 1)):
            if len(part):
                shown = str(name) if number == 0 else f"{name}.{number + 1}"
                found.append(PersonTrack(shown, str(name), part, frame[part] - frame[part[0]]))
    return found


def bridged(values: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Values (f, ...) with the frames that are not present filled in by straight lines.

    A value that is missing on one side of a gap stays missing in it.

    Args:
        values: of each frame; the first and last are present.
        present: (f,) which frames have values of their own.
    """
    at = np.flatnonzero(present)
    gaps = np.flatnonzero(~present)
    after = np.searchsorted(at, gaps)
    first, last = at[after - 1], at[after]
    share = ((gaps - first) / (last - first)).reshape(-1, *[1] * (values.ndim - 1))
    filled = values.copy()
    filled[gaps] = (1 - share) * values[first] + share * values[last]
    return filled
