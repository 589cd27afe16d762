"""What every reader of 2D keypoint files makes, and how it becomes `Keypoints`.

A reader only takes a file apart. What the user gave on the command line, which person is meant and
whether the points can be lifted at all is settled here, once for all formats.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError, unknown
from ..skeletons import Skeleton
from ..tracks import Keypoints
from .files import check_exists, naming

_LISTED_PEOPLE = 20


@dataclass(frozen=True)
class ReadOptions:
    """What the user says about an input file; it overrides or fills what the file says.

    Args:
        format: a name in `READERS`; found out from the file if None.
        skeleton: joint convention by name; from the file or the format's default if None.
        fps: frames per second.
        image_size: (width, height) of the frames in pixels.
        person: which person, where the file holds several.
    """

    format: str | None = None
    skeleton: str | None = None
    fps: float | None = None
    image_size: tuple[int, int] | None = None
    person: str | None = None


@dataclass(frozen=True)
class Track:
    """One person in a clip.

    Args:
        frames: (n) indices of the frames the person is in.
        points: (n, j, 3) x and y in pixels and the score; NaN or score 0 is a joint not seen.
    """

    frames: np.ndarray
    points: np.ndarray

    @property
    def frames_seen(self) -> int:
        """Number of frames in which at least one joint is seen."""
        seen = np.isfinite(self.points).all(axis=-1) & (self.points[..., 2] > 0)
        return int(seen.any(axis=-1).sum())


@dataclass(frozen=True)
class Clip:
    """The content of a 2D keypoint file, not validated yet.

    Args:
        length: number of frames.
        skeleton: joint convention.
        people: the tracks by the person's name.
        fps: what the file says, None where it says nothing.
        image_size: (width, height) as the file says, None where it says nothing.
        provenance: where the points come from and how they were understood.
    """

    length: int
    skeleton: Skeleton
    people: Mapping[str, Track]
    fps: Any = None
    image_size: Any = None
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def with_options(self, options: ReadOptions) -> Clip:
        """The clip with the user's frame rate and image size; the provenance says they are."""
        given = {
            name: value
            for name in ("fps", "image_size")
            if (value := getattr(options, name)) is not None
        }
        if not given:
            return self
        return replace(self, **given, provenance={**self.provenance, "given_by_user": [*given]})

    def without_unseen(self) -> Clip:
        """The clip without people who are never seen, as long as somebody is."""
        seen = {name: track for name, track in self.people.items() if track.frames_seen}
        if not seen or len(seen) == len(self.people):
            return self
        dropped = [name for name in self.people if name not in seen]
        return replace(
            self, people=seen, provenance={**self.provenance, "people_never_seen": dropped}
        )

    def chosen(self, person: str | None) -> list[str]:
        """Names of the people asked for: the one named, or all."""
        if person is None:
            return list(self.people)
        if str(person) not in self.people:
            error = unknown("person", str(person), self.people)
            raise InputError(f"{error} (choose one of these with --person, or leave it out)")
        return [str(person)]

    def only(self, person: str | None) -> str:
        """The name of the one person that is meant.

        Raises:
            InputError: when there are several and none is chosen; it lists them.
        """
        names = self.chosen(person)
        if len(names) == 1:
            return names[0]
        counts = sorted(((self.people[n].frames_seen, n) for n in names), key=lambda c: -c[0])
        listed = [f"{name} ({frame_count(count)})" for count, name in counts[:_LISTED_PEOPLE]]
        if len(counts) > _LISTED_PEOPLE:
            listed.append(f"and {len(counts) - _LISTED_PEOPLE} more")
        raise InputError(
            f"there are {len(names)} people: {', '.join(listed)}; choose one with --person"
        )

    def keypoints(self, person: str) -> Keypoints:
        """One person's keypoints over the whole clip; frames without the person are NaN.

        Raises:
            InputError: when they cannot be lifted, see `Keypoints`.
        """
        track = self.people[person]
        joints = track.points.shape[1]
        points = np.full((self.length, joints, 3), np.nan)
        points[track.frames] = track.points
        try:
            # A float64 beyond float32 becomes infinite, which Keypoints refuses in words.
            with np.errstate(over="ignore", invalid="ignore"):
                return Keypoints(
                    xy=points[..., :2],
                    confidence=points[..., 2],
                    skeleton=self.skeleton,
                    fps=self.fps,
                    image_size=self.image_size,
                    person=person,
                    provenance=self.provenance,
                )
        except OverflowError as error:
            raise InputError(
                "fps or the image size is not a finite number; give --fps and "
                "--image-size WIDTH HEIGHT"
            ) from error


@dataclass(frozen=True)
class Reader:
    """One format of 2D keypoint files.

    Args:
        name: the name users write after --format.
        description: one line for people.
        suffixes: file name endings, lower case with the dot; ``/`` stands for a folder.
        sniff: whether a file looks like this format; never raises on damaged content.
        parse: takes the file apart; raises `InputError` without the file's name.
    """

    name: str
    description: str
    suffixes: tuple[str, ...]
    sniff: Callable[[Path], bool]
    parse: Callable[[Path, ReadOptions], Clip]

    def clip(self, path: Path, options: ReadOptions) -> Clip:
        """The file's content with the user's options; errors do not name the file yet."""
        check_exists(path)
        return self.parse(path, options).with_options(options).without_unseen()

    def load(self, path: str | Path, options: ReadOptions | None = None) -> list[Keypoints]:
        """The people in a file, each with the clip's full length.

        Raises:
            InputError: one sentence that names the file.
        """
        options = options or ReadOptions()
        with naming(path):
            clip = self.clip(Path(path), options)
            return [clip.keypoints(name) for name in clip.chosen(options.person)]


def points_from_flat(values: Any, what: str) -> np.ndarray:
    """(j, 3) points from the flat list x, y, score, x, y, score, ... of OpenPose and COCO."""
    try:
        flat = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        flat = np.empty(0)
    if flat.ndim != 1 or flat.size == 0 or flat.size % 3:
        raise InputError(f"{what} must be a flat list of numbers x, y, score for each joint")
    return flat.reshape(-1, 3)


def tracks_from_frames(
    people: Mapping[str, Mapping[int, np.ndarray]], skeleton: Skeleton
) -> dict[str, Track]:
    """Tracks from each person's (j, 3) points by frame index.

    Raises:
        InputError: when any points have another number of joints than the skeleton.
    """
    for name, frames in people.items():
        for frame, points in frames.items():
            if len(points) != len(skeleton):
                raise InputError(
                    f"person {name} has {len(points)} joints in frame {frame} but skeleton "
                    f"{skeleton.name!r} has {len(skeleton)}; name the right one with --skeleton"
                )
    return {
        name: Track(np.array(list(frames)), np.stack(list(frames.values())))
        for name, frames in people.items()
    }


def frame_positions(numbers: Iterable[int], what: str) -> tuple[dict[int, int], dict[str, Any]]:
    """Position of each frame number in a clip, gaps kept, and a note for the provenance.

    A step that all numbers share (every fifth frame was written) is taken out, so the frame rate
    is that of the frames that were written.

    Raises:
        InputError: when the numbers lie so far apart that they cannot be one clip.
    """
    order: Sequence[int] = sorted(set(numbers))
    first, last = order[0], order[-1]
    step = math.gcd(*(n - first for n in order)) or 1
    length = (last - first) // step + 1
    if length > 100 * len(order) + 1000:
        raise InputError(
            f"the {what} run from {first} to {last} though there are only {len(order)} of them; "
            "give the frames of one clip"
        )
    note: dict[str, Any] = {"first_frame_number": first}
    if step > 1:
        note["frame_step"] = step
    if length > len(order):
        note["frames_missing_in_file"] = length - len(order)
    return {n: (n - first) // step for n in order}, note


def frame_count(count: int) -> str:
    """How many frames, in words."""
    return f"{count} frame" if count == 1 else f"{count} frames"
