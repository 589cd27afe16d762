"""Add a dataset: bring motion of another layout into the corpus layout, and read it back."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from langlift.conversions import conversion
from langlift.datasets.clips import LabelledClip
from langlift.datasets.corpus import Corpus
from langlift.formats import atomic_write
from langlift.lifting.resample import frame_times, resample_joints
from langlift.skeletons import HUMAN36M_17, MPI_INF_3DHP_17

UNIT = 0.0005  # metres per integer step: half a millimetre


def read_recordings(folder: Path, fps: float) -> Iterator[LabelledClip]:
    """`<subject>_<action>.npy` files of (f, 17, 3): MPI-INF-3DHP joints, millimetres, y up."""
    for path in sorted(folder.glob("*.npy")):
        subject, _, action = path.stem.partition("_")
        right, up, back = np.moveaxis(np.load(path) / 1000, -1, 0)
        world = np.stack([right, -back, up], axis=-1)  # right-handed, z up
        joints = conversion(MPI_INF_3DHP_17, HUMAN36M_17).apply(world)
        joints = resample_joints(joints, frame_times(len(joints), fps, 50.0))
        yield LabelledClip(path.stem, subject, "recordings", action, action, joints)


def write_source(clips: Sequence[LabelledClip], path: Path) -> None:
    """One source file: whole steps of UNIT from frame to frame, rounded without drift."""
    steps = [np.rint(clip.joints / UNIT).astype(np.int32) for clip in clips]
    delta = [np.diff(s, axis=0, prepend=np.zeros_like(s[:1])) for s in steps]
    lengths = np.array([len(clip) for clip in clips])
    texts = ("clip_id", "source", "subject", "action", "text")
    with atomic_write(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(
            stream,
            delta=np.concatenate(delta).astype(np.int16),
            frame_start=np.cumsum(lengths) - lengths,
            n_frames=lengths,
            unit_m=UNIT,
            fps=50.0,
            joint_names=np.array(HUMAN36M_17.joints),
            **{name: np.array([getattr(clip, name) for clip in clips]) for name in texts},
        )


def main(out: Path) -> None:
    """Record three people, convert, split by subject and read the training part back."""
    recordings, corpus = out / "recordings", out / "corpus"
    recordings.mkdir()
    corpus.mkdir()
    rng = np.random.default_rng(0)
    for name in ("ann_wave", "bob_wave", "cat_wave"):
        still = rng.uniform(0, 1800, (1, 17, 3))
        np.save(recordings / f"{name}.npy", still + rng.normal(0, 5, (30, 17, 3)).cumsum(axis=0))
    clips = list(read_recordings(recordings, fps=25.0))
    write_source(clips, corpus / "recordings.npz")
    split = {"files": ["recordings.npz"], "train": ["ann"], "val": ["bob"], "test": ["cat"]}
    split |= {"scored_classes": ["wave"], "licence": "our own recordings"}
    (corpus / "splits.json").write_text(json.dumps({"mine": split}))
    prompts = {"wave": {"prompt": "a person waves", "body_parts": "one hand moves to and fro"}}
    (corpus / "labels.json").write_text(json.dumps(prompts))
    (read,) = Corpus(corpus).clips("train", "mine")
    error = np.abs(read.joints - clips[0].joints).max()
    print(
        f"{read.subject}, {read.action}: {len(read)} frames, off by {1000 * error:.2f} mm at most"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
