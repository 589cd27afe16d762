"""EgoHumans (Khirodkar et al., ICCV 2023): several people, cameras that they wear and still ones.

The 3D is read in a layout of ours, which docs/data.md describes: how the published figures were
made from the official files is not known. The 2D may be in the same file or in the dataset's own
COCO JSON (``person_keypoints_*.json``), which holds no 3D.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ...conversions import Conversion
from ...errors import InputError, check_shape, unknown
from ...formats import READERS, ReadOptions
from ...formats.clip import Clip
from ...formats.files import naming
from ...formats.npz_arrays import array_shapes, load_arrays, numeric, scalar, string, strings, whole
from ...geometry.cameras import Camera
from ...skeletons import COCO_17, HUMAN36M_17, Skeleton
from ...tracks import Keypoints, check_fps
from ..recordings import Entry, LastRead, RecordedDataset, Recording
from .npz_pairs import (
    CAMERA_ARRAYS,
    camera_of,
    check_present,
    names_in,
    npz_files,
    same_everywhere,
    size_of,
    text_or,
)
from .person_tracks import PersonTrack, bridged, person_tracks

#: The seven sequences; their actions are what follows the number.
SEQUENCES = (
    *("01_tagging", "02_lego", "03_fencing", "04_basketball"),
    *("05_volleyball", "06_badminton", "07_tennis"),
)
GIVEN = "given"
_JSON = "person_keypoints_"
_NEEDED = ("sequence", "camera", "fps", "image_size", "person", "frame", "joints_3d")
_HEAD = ("sequence", "take", "camera", "fps", "source", "keypoints")

_MADE = {
    "pelvis": {"left_hip": 0.5, "right_hip": 0.5},
    "thorax": {"left_shoulder": 0.5, "right_shoulder": 0.5},
    "spine": dict.fromkeys(("left_hip", "right_hip", "left_shoulder", "right_shoulder"), 0.25),
    "neck_nose": {"nose": 1.0},
    "head_top": {"left_ear": 0.5, "right_ear": 0.5},
}
_WITHOUT_EARS = {"head_top": {"left_eye": 0.5, "right_eye": 0.5}}
_NOTES = (
    "thorax is the middle of the shoulders",
    "spine is the middle of pelvis and thorax",
    "neck_nose is the nose",
    "head_top is the middle of the ears, of the eyes where an ear is not there",
)


def _table(made: Mapping[str, Mapping[str, float]], same: bool) -> np.ndarray:
    weights = np.zeros((len(HUMAN36M_17), len(COCO_17)))
    for t, joint in enumerate(HUMAN36M_17.joints):
        parts = {joint: 1.0} if same and joint in COCO_17.joints else made.get(joint, {})
        for part, weight in parts.items():
            weights[t, COCO_17.index(part)] = weight
    return weights


#: COCO-17 to Human3.6M-17 for 2D and 3D alike, so that both mean the same points. Ours: no rule is
#: published. It differs from `langlift.conversions`, which estimates where Human3.6M's markers
#: would be; here the truth itself has no such markers.
TO_HUMAN36M = Conversion(
    COCO_17, HUMAN36M_17, _table(_MADE, True), _NOTES, (_table(_WITHOUT_EARS, False),)
)


@dataclass(frozen=True)
class _File:
    """One sequence in one camera, before its rows are read."""

    name: str
    path: Path
    sequence: str
    camera: str
    fps: float
    source: str
    keypoints: Path | None


@dataclass(frozen=True, eq=False)
class _Rows:
    """The rows of a file: (n, 17, 2) pixels with NaN, (n, 17) scores and the tracks in them."""

    xy: np.ndarray
    confidence: np.ndarray
    tracks: list[PersonTrack]


@dataclass(frozen=True, eq=False)
class _Truth:
    """(n, 17, 3) joints of the rows, the size of the image and the camera, None if not known."""

    joints: np.ndarray
    size: tuple[int, int]
    lens: Camera | None


class EgoHumans(RecordedDataset):
    """A folder (or file) of npz files in the layout of docs/data.md, and the official COCO JSON.

    Args:
        path: the folder or file.

    Raises:
        InputError: for a file that lacks something or contradicts another one; it names the file.
    """

    name: ClassVar[str] = "egohumans"
    skeleton: Skeleton = HUMAN36M_17

    def __init__(self, path: str | Path) -> None:
        super().__init__(path)
        found = npz_files(self.path) if _has_npz(self.path) else {}
        self._files = {name: _head(name, file) for name, file in found.items()}
        self._clips = LastRead(_clip)
        self._rows = LastRead(self._rows_of)
        self._truth = LastRead(self._truth_of)
        self._entries: dict[str, list[Entry]] = {}  # by file
        used = {file.keypoints for file in self._files.values()}
        self._json = [p for p in _json_files(self.path) if p not in used]
        if not self._files and not self._json:
            raise InputError(
                f"{self.path} holds neither .npz files nor {_JSON}*.json; give a folder in the "
                "layout of docs/data.md"
            )
        # Without 3D there is nothing to evaluate, and so no rate to know.
        self.fps = self._rate() if self._files else float("nan")

    def _rate(self) -> float:
        return same_everywhere(
            {str(file.path): file.fps for file in self._files.values()},
            "an fps of",
            "one dataset has one rate: resample them or put them into two folders",
            "{:g}".format,
        )

    def sources(self) -> tuple[str, ...]:
        """``given`` or what the npz files name; of COCO JSON what stands in the file's name."""
        named = [file.source for file in self._files.values()]
        return tuple(dict.fromkeys([*named, *map(_kind, self._json)]))

    @property
    def subjects(self) -> tuple[str, ...]:
        """The sequences."""
        named = [file.sequence for file in self._files.values()]
        return tuple(dict.fromkeys([*named, *map(_sequence_of, self._json)]))

    def recordings(
        self,
        source: str,
        subjects: Sequence[str] | None = None,
        actions: Sequence[str] | None = None,
    ) -> Iterator[Recording]:
        """Every track of the asked sequences, file by file; see `RecordedDataset`.

        Frames in which the person is not seen are filled in by straight lines in 2D, and neither
        they nor frames whose 3D lacks a joint are scored.

        Raises:
            InputError: also where there is 2D but no 3D.
        """
        return super().recordings(source, subjects, actions)

    def facts(self, sources: Sequence[str] | None = None) -> dict[str, Any]:
        """The name, the files with their folders, how joints were made."""
        return {
            "data": self.name,
            "files": names_in(self.path, [file.path for file in self._files.values()]),
            "joints": f"COCO-17 made into Human3.6M-17 by langlift's own rule: {'; '.join(_NOTES)}",
        }

    def _listed(self, sources: Sequence[str], subjects: Sequence[str] | None) -> Sequence[Entry]:
        """A track of a person for each; those of COCO JSON alone have no 3D."""
        found: list[Entry] = []
        for name, file in self._files.items():
            if file.source in sources and (subjects is None or file.sequence in subjects):
                if name not in self._entries:
                    with naming(file.path):
                        self._entries[name] = [_entry(file, t) for t in self._rows(name).tracks]
                found += self._entries[name]
        for path in self._json:
            if _kind(path) in sources and (subjects is None or _sequence_of(path) in subjects):
                found += self._without_3d(path)
        return found

    def _rows_of(self, name: str) -> _Rows:
        return _rows(self._files[name], self._clips)

    def _truth_of(self, name: str) -> _Truth:
        return _truth(self._files[name], len(self._rows(name).xy))

    def _without_3d(self, path: Path) -> list[Entry]:
        (name,) = names_in(self.path, [path])
        if name not in self._entries:
            self._entries[name] = [
                Entry(
                    name=f"{name.removesuffix('.json')}/{person}",
                    subject=_sequence_of(path),
                    key=name,
                    action=_action(_sequence_of(path)),
                    camera="",
                    frames_3d=None,
                    frames_2d={_kind(path): track.frames_seen},
                )
                for person, track in self._clips(path).people.items()
            ]
        return self._entries[name]

    def _read(self, entry: Entry, source: str) -> Recording | None:
        if source not in entry.frames_2d:
            return None
        if entry.frames_3d is None:
            raise InputError(
                f"{self.path / entry.key if self.path.is_dir() else self.path}: this COCO JSON "
                "holds 2D only; save the dataset's 3D poses in camera axes as .npz in the layout "
                "of docs/data.md (EgoHumans), naming this file in its 'keypoints'"
            )
        file = self._files[entry.key]
        with naming(file.path):
            rows = self._rows(entry.key)
            track = next(t for t in rows.tracks if _entry(file, t).name == entry.name)
            about = self._about(entry, source)
            return _recording(entry, file.fps, track, rows, self._truth(entry.key), about)


def _action(sequence: str) -> str:
    return sequence.partition("_")[2]


def _has_npz(path: Path) -> bool:
    return path.suffix == ".npz" if path.is_file() else next(path.rglob("*.npz"), None) is not None


def _json_files(path: Path) -> list[Path]:
    if path.is_file():
        return [path] if path.suffix == ".json" else []
    return sorted(path.rglob(f"{_JSON}*.json"))


def _kind(path: Path) -> str:
    """``exo`` of ``person_keypoints_exo.json``."""
    return path.stem.removeprefix(_JSON)


def _sequence_of(path: Path) -> str:
    """The sequence whose folder a COCO JSON lies in."""
    for part in reversed(path.absolute().parts):
        if part in SEQUENCES:
            return part
    raise InputError(
        f"{path}: the file does not say its sequence; put it into a folder with the sequence's "
        f"name ({', '.join(SEQUENCES)})"
    )


def _head(name: str, path: Path) -> _File:
    """What a file says of itself."""
    with naming(path):
        shapes = array_shapes(path)
        check_present(shapes, _NEEDED, "EgoHumans file")
        if ("xy" in shapes) == ("keypoints" in shapes):
            has = "both xy and keypoints" if "xy" in shapes else "neither xy nor keypoints"
            raise InputError(f"it has {has}; give the 2D, or the name of the COCO JSON with it")
        head = load_arrays(path, _HEAD.__contains__)
        sequence = string(head, "sequence")
        if sequence not in SEQUENCES:
            raise unknown("EgoHumans sequence", sequence, SEQUENCES)
        beside = path.parent / string(head, "keypoints") if "keypoints" in head else None
        if beside is not None and not beside.is_file():
            raise InputError(f"its keypoints are in {beside.name}, which is not beside it; add it")
        return _File(
            name=name,
            path=path,
            sequence=sequence,
            camera=string(head, "camera"),
            fps=check_fps(scalar(head, "fps")),
            source=text_or(head, "source", GIVEN if beside is None else _kind(beside)),
            keypoints=beside,
        )


def _entry(file: _File, track: PersonTrack) -> Entry:
    return Entry(
        name=f"{file.name}/{track.name}",
        subject=file.sequence,
        key=file.name,
        action=_action(file.sequence),
        camera=file.camera,
        frames_3d=len(track),
        frames_2d={file.source: len(track)},
    )


def _clip(path: Path) -> Clip:
    """The people of a COCO JSON."""
    with naming(path):
        return READERS["coco"].clip(path, ReadOptions(skeleton=COCO_17.name))


def _rows(file: _File, clips: Callable[[Path], Clip]) -> _Rows:
    """The 2D of a file and the tracks in it."""
    arrays = load_arrays(file.path, ("person", "frame", "xy", "confidence").__contains__)
    person, frame = _people(arrays), whole(arrays, "frame").astype(np.int64)
    n = check_shape(frame, "n", "frame")["n"]
    check_shape(person, f"{n}", "person")
    if file.keypoints is None:
        xy = numeric(arrays, "xy").astype(np.float64)
        check_shape(xy, f"{n} 17 2", "xy")
        confidence = np.isfinite(xy).all(axis=-1).astype(np.float64)
        if "confidence" in arrays:
            confidence = numeric(arrays, "confidence").astype(np.float64)
            check_shape(confidence, f"{n} 17", "confidence")
    else:
        xy, confidence = _from_json(clips(file.keypoints), file.keypoints.name, person, frame)
    known = np.asarray(np.isfinite(xy).all(axis=-1) & (confidence > 0))
    tracks = person_tracks(person, frame, np.asarray(known.any(axis=1)))
    if not tracks:
        raise InputError("nobody is seen in any of its rows; look whether xy and confidence are 0")
    xy = np.where(known[..., None], xy, np.nan)
    return _Rows(xy, np.where(known, confidence, 0.0), tracks)


def _people(arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """(n) names of the people of the rows, numbers as text."""
    if "person" in arrays and arrays["person"].dtype.kind in "iu":
        return arrays["person"].astype(str)
    return np.array(strings(arrays, "person"))


def _from_json(
    clip: Clip, name: str, person: np.ndarray, frame: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """2D of the rows out of COCO JSON, by track id and position of the frame among its images."""
    points = np.full((len(person), 17, 3), np.nan)
    for who in dict.fromkeys(person.tolist()):
        if who not in clip.people:
            raise unknown(f"person in {name}", who, clip.people)
        track = clip.people[who]
        rows = np.flatnonzero(person == who)
        at = np.searchsorted(track.frames, frame[rows]).clip(max=len(track.frames) - 1)
        there = track.frames[at] == frame[rows]
        points[rows[there]] = track.points[at[there]]
    return points[..., :2], points[..., 2]


def _truth(file: _File, rows: int) -> _Truth:
    """The 3D of a file's rows in the joints of Human3.6M, and its camera."""
    arrays = load_arrays(file.path, ("joints_3d", "image_size", *CAMERA_ARRAYS).__contains__)
    joints = numeric(arrays, "joints_3d").astype(np.float64)
    check_shape(joints, f"{rows} 17 3", "joints_3d")
    size = size_of(arrays)
    return _Truth(TO_HUMAN36M.apply(joints), size, camera_of(arrays, file.camera, size))


def _recording(
    entry: Entry, fps: float, track: PersonTrack, rows: _Rows, of: _Truth, about: dict[str, Any]
) -> Recording:
    present = track.present
    truth = track.spread(of.joints)
    xy = TO_HUMAN36M.apply(bridged(track.spread(rows.xy), present))
    confidence = TO_HUMAN36M.apply_confidence(bridged(track.spread(rows.confidence), present))
    keypoints = Keypoints(
        xy=xy,
        confidence=np.where(np.isfinite(xy).all(axis=-1), confidence, 0.0),
        skeleton=HUMAN36M_17,
        fps=fps,
        image_size=of.size,
        person=track.person,
        provenance={**about, "conversion_notes": [*_NOTES]},
    )
    return Recording(
        name=entry.name,
        subject=entry.subject,
        action=entry.action,
        keypoints=keypoints,
        joints=truth.astype(np.float32),
        skeleton=HUMAN36M_17,
        camera=entry.camera,
        lens=of.lens,
        scored=present & np.isfinite(truth).all(axis=(1, 2)) & keypoints.seen.any(axis=1),
    )
