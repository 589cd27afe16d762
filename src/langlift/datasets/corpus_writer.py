"""Writer of the corpus layout that `corpus` reads: labelled clips, split by who moves."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..actions import words_of
from ..errors import InputError, unknown
from ..formats.files import atomic_write, check_results, make_folder
from ..skeletons import HUMAN36M_17
from .clips import LabelledClip

#: Metres per integer step: half a millimetre.
UNIT = 0.0005
_TEXTS = ("clip_id", "source", "subject", "action", "text")


def write_source(clips: Sequence[LabelledClip], path: Path) -> None:
    """Write one source file: whole steps of `UNIT` from frame to frame, rounded without drift.

    Args:
        clips: at least one, all of one rate, each with an id of its own.
        path: the ``.npz``.

    Raises:
        InputError: for clips that the layout cannot hold, or a path that cannot be written.
    """
    if not clips:
        raise InputError("there are no clips to write; give at least one")
    rates = sorted({clip.fps for clip in clips})
    if len(rates) > 1:
        raise InputError(
            f"the clips have {rates[0]:g} and {rates[1]:g} fps, but a source file has one rate; "
            "resample them"
        )
    seen: set[str] = set()
    for clip in clips:
        if clip.clip_id in seen:
            raise InputError(f"clip {clip.clip_id!r} occurs twice; give each an id of its own")
        seen.add(clip.clip_id)
    deltas = [_steps(clip) for clip in clips]
    lengths = np.array([len(clip) for clip in clips])
    texts: dict[str, Any] = {
        name: np.array([getattr(clip, name) for clip in clips]) for name in _TEXTS
    }
    with atomic_write(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(
            stream,
            delta=np.concatenate(deltas),
            frame_start=np.cumsum(lengths) - lengths,
            n_frames=lengths,
            unit_m=UNIT,
            fps=rates[0],
            joint_names=np.array(HUMAN36M_17.joints),
            **texts,
        )


def _steps(clip: LabelledClip) -> np.ndarray:
    """(f, 17, 3) int16: the first frame, then what each differs from the one before."""
    steps = np.rint(np.asarray(clip.joints, dtype=np.float64) / UNIT)
    delta = np.diff(steps, axis=0, prepend=np.zeros_like(steps[:1]))
    limit = np.iinfo(np.int16).max
    if np.abs(delta).max() > limit:
        raise InputError(
            f"clip {clip.clip_id!r} begins or jumps more than {limit * UNIT:.0f} m away; move it "
            "to the origin and check its unit"
        )
    return delta.astype(np.int16)


def write_corpus(
    clips: Sequence[LabelledClip],
    folder: str | Path,
    val: Iterable[str] = (),
    test: Iterable[str] = (),
    split: str = "mine",
    licence: str = "not stated",
    labels: Mapping[str, Mapping[str, str]] | None = None,
) -> dict[str, Any]:
    """Write a corpus of one source file with one split.

    The file is called after the source that the clips are from, or after the split where they are
    from several.

    Args:
        clips: all clips; z up, floor about z = 0, metres.
        folder: where it shall be; made if absent, and it must hold no corpus yet.
        val: subjects that choose between networks.
        test: subjects that are only measured; all others are for training.
        split: its name.
        licence: what the data may be used for.
        labels: a ``prompt`` and a ``body_parts`` sentence per action; "a person: " and the label's
            words where there is none.

    Returns:
        The entry of the split in ``splits.json``.

    Raises:
        InputError: for subjects that no clip has or that are in two parts, no subject left for
            training, clips that the layout cannot hold, or a folder that cannot be written.
    """
    folder = Path(folder)
    entry = plan_split(clips, val, test, split, licence)
    if (folder / "splits.json").exists():
        raise InputError(f"{folder} holds a corpus already; choose another folder")
    check_results(folder, (*entry["files"], "labels.json", "splits.json"))
    actions = sorted({clip.action for clip in clips})
    sentences = {
        action: {"prompt": f"a person: {words_of(action)}", "body_parts": ""}
        | dict((labels or {}).get(action, {}))
        for action in actions
    }
    make_folder(folder)
    write_source(clips, folder / entry["files"][0])
    # The splits come last: they are what makes the folder a corpus.
    for name, content in (("labels.json", sentences), ("splits.json", {split: entry})):
        with atomic_write(folder / name) as temporary:
            text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
            temporary.write_text(text, encoding="utf-8")
    return entry


def plan_split(
    clips: Sequence[LabelledClip],
    val: Iterable[str],
    test: Iterable[str],
    split: str = "mine",
    licence: str = "not stated",
) -> dict[str, Any]:
    """The entry of a split in ``splits.json``; see `write_corpus`."""
    if not split or not split.replace("_", "").replace("-", "").isalnum():
        raise InputError(f"the split is called {split!r}; use letters, digits, - and _")
    subjects = sorted({clip.subject for clip in clips})
    parts = {"val": sorted(set(val)), "test": sorted(set(test))}
    for name in (*parts["val"], *parts["test"]):
        if name not in subjects:
            raise unknown("subject", name, subjects)
    twice = sorted(set(parts["val"]) & set(parts["test"]))
    if twice:
        raise InputError(f"subject {twice[0]!r} is in val and in test; put it into one of them")
    parts["train"] = [s for s in subjects if s not in parts["val"] + parts["test"]]
    if not parts["train"]:
        raise InputError("no subject is left for training; take one out of val or test")
    actions = {
        part: {clip.action for clip in clips if clip.subject in parts[part]}
        for part in ("train", "test")
    }
    return {
        "files": [f"{_file_name(clips) or split}.npz"],
        **{part: parts[part] for part in ("train", "val", "test")},
        "scored_classes": sorted(actions["train"] & actions["test"]),
        "licence": licence,
    }


def _file_name(clips: Sequence[LabelledClip]) -> str:
    """The one source of the clips as a file name; empty where there are several."""
    sources = {clip.source for clip in clips}
    return re.sub(r"[^\w-]+", "_", sources.pop()).strip("_") if len(sources) == 1 else ""
