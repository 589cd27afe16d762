"""Reader of the motion corpus: labelled real motion capture, Human3.6M-17, metres, 50 fps.

The folder holds one ``.npz`` per source (no pickles), ``splits.json`` (subject-disjoint train,
val and test of each protocol) and ``labels.json`` (a sentence and a body-part sentence per
label). World: metres, right-handed, z up, floor at about z = 0. The files stay where they are:
point ``--data`` or the environment variable ``LANGLIFT_CORPUS`` at the folder.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..actions import ActionVocabulary, words_of
from ..errors import InputError, unknown
from ..skeletons import HUMAN36M_17
from .clips import LabelledClip

ENVIRONMENT_VARIABLE = "LANGLIFT_CORPUS"
PARTS = ("train", "val", "test")
_PER_CLIP = ("frame_start", "n_frames", "clip_id", "source", "subject", "action", "text")


@dataclass(frozen=True)
class Split:
    """One protocol's split of the corpus.

    Args:
        name: ``core`` (permissive sources) or ``extended`` (adds non-commercial ones).
        files: source files, relative to the corpus folder.
        subjects: subjects of each part; no subject is in two parts.
        scored_classes: classes that are both in train and in test.
        licence: what the data of this split may be used for.
    """

    name: str
    files: tuple[str, ...]
    subjects: dict[str, tuple[str, ...]]
    scored_classes: tuple[str, ...]
    licence: str


def find_corpus(path: str | Path | None = None) -> Path:
    """The corpus folder, from the argument or ``LANGLIFT_CORPUS``.

    Raises:
        InputError: when neither names a corpus folder.
    """
    where = path if path is not None else os.environ.get(ENVIRONMENT_VARIABLE)
    if not where:
        raise InputError(
            "no motion corpus given; pass --data FOLDER or set the environment variable "
            f"{ENVIRONMENT_VARIABLE} (langlift train also takes --data synthetic, which needs no "
            "files)"
        )
    folder = Path(where)
    if not (folder / "splits.json").is_file():
        raise InputError(
            f"{folder} is not a motion corpus (it has no splits.json); pass the folder that "
            "holds splits.json, labels.json and the .npz sources"
        )
    return folder


class Corpus:
    """The corpus in a folder; clips are decoded when a part is read."""

    def __init__(self, folder: str | Path | None = None) -> None:
        self.folder = find_corpus(folder)
        self._splits = _read_json(self.folder / "splits.json")
        self._labels = _read_json(self.folder / "labels.json")

    def split(self, name: str = "core") -> Split:
        """The split of that name."""
        names = [k for k, v in self._splits.items() if isinstance(v, dict)]
        if name not in names:
            raise unknown("split", name, names)
        entry = self._splits[name]
        absent = [key for key in ("files", *PARTS, "scored_classes") if key not in entry]
        if absent:
            raise InputError(
                f"split {name!r} in {self.folder / 'splits.json'} has no {', '.join(absent)}; "
                "restore the file"
            )
        return Split(
            name=name,
            files=tuple(entry["files"]),
            subjects={part: tuple(entry[part]) for part in PARTS},
            scored_classes=tuple(entry["scored_classes"]),
            licence=entry.get("licence", "not stated"),
        )

    def clips(self, part: str, split: str = "core") -> list[LabelledClip]:
        """All clips of one part (``train``, ``val``, ``test``), in file order."""
        if part not in PARTS:
            raise unknown("part of the split", part, PARTS)
        chosen = self.split(split)
        subjects = set(chosen.subjects[part])
        return [clip for name in chosen.files for clip in read_source(self.folder / name, subjects)]

    def vocabulary(self, split: str = "core") -> ActionVocabulary:
        """The classes of the train part, sorted, with their sentences."""
        chosen = self.split(split)
        subjects = set(chosen.subjects["train"])
        labels: set[str] = set()
        for name in chosen.files:
            data = _open_source(self.folder / name)
            labels |= {
                str(a)
                for a, s in zip(data["action"], data["subject"], strict=True)
                if s in subjects
            }
        return self.vocabulary_of(labels)

    def vocabulary_of(self, labels: set[str]) -> ActionVocabulary:
        """A vocabulary of the given labels, sorted, with the corpus's sentences if it has any."""
        ordered = tuple(sorted(labels))
        texts = tuple(
            self._labels.get(label, {}).get("prompt", f"a person: {words_of(label)}")
            for label in ordered
        )
        return ActionVocabulary(ordered, texts)

    def body_part_sentence(self, label: str) -> str:
        """What the limbs do in an action, in words; empty where the corpus has no sentence."""
        return self._labels.get(label, {}).get("body_parts", "")


def read_source(path: Path, subjects: set[str] | None = None) -> list[LabelledClip]:
    """The clips of one source file, of all or of the given subjects.

    Raises:
        InputError: when the file is absent, damaged or holds other joints.
    """
    data = _open_source(path)
    joint_names = tuple(str(n) for n in data["joint_names"])
    if joint_names != HUMAN36M_17.joints:
        raise InputError(
            f"{path} holds the joints {', '.join(joint_names)}; the corpus format has the "
            "Human3.6M-17 joints in their order"
        )
    delta, unit = data["delta"], float(data["unit_m"])
    clips = []
    for c, subject in enumerate(data["subject"]):
        if subjects is not None and str(subject) not in subjects:
            continue
        start, count = int(data["frame_start"][c]), int(data["n_frames"][c])
        steps = np.cumsum(delta[start : start + count].astype(np.int32), axis=0)
        clips.append(
            LabelledClip(
                clip_id=str(data["clip_id"][c]),
                subject=str(subject),
                source=str(data["source"][c]),
                action=str(data["action"][c]),
                text=str(data["text"][c]),
                joints=(steps * unit).astype(np.float32),
                fps=float(data["fps"]),
            )
        )
    return clips


def _open_source(path: Path) -> dict[str, Any]:
    needed = ("delta", "unit_m", "fps", "joint_names", *_PER_CLIP)
    try:
        with np.load(path, allow_pickle=False) as archive:
            data = {key: archive[key] for key in needed}
    except FileNotFoundError:
        raise InputError(
            f"{path} is missing from the corpus; fetch it or use another split"
        ) from None
    except Exception as error:  # numpy and zipfile raise many kinds for a damaged archive
        raise InputError(
            f"{path} is not a readable corpus source ({error}); it must be the .npz layout that "
            "docs/data.md describes"
        ) from error
    _check_layout(path, data)
    return data


def _check_layout(path: Path, data: dict[str, Any]) -> None:
    """Raise where the arrays of a source do not belong together."""
    lengths = {key: len(np.atleast_1d(data[key])) for key in _PER_CLIP}
    if len(set(lengths.values())) != 1:
        raise InputError(
            f"{path} does not have one entry per clip in each array ({lengths}); restore the file"
        )
    first, count = data["frame_start"], data["n_frames"]
    frames = len(np.atleast_1d(data["delta"]))
    if ((first < 0) | (count < 1) | (first + count > frames)).any():
        raise InputError(
            f"{path} has clips beyond its {frames} frames; frame_start and n_frames must lie "
            "within delta: restore the file"
        )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as JSON ({error}); restore the file") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} holds no JSON object; restore the file")
    return content
