"""Add a dataset: bring motion of another layout into the corpus layout, and read it back."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from langlift.conversions import conversion
from langlift.datasets.clips import LabelledClip
from langlift.datasets.corpus import Corpus
from langlift.datasets.corpus_writer import write_corpus
from langlift.datasets.motion_files.placing import at_rate
from langlift.skeletons import HUMAN36M_17, MPI_INF_3DHP_17


def read_recordings(folder: Path, fps: float) -> Iterator[LabelledClip]:
    """`<subject>_<action>.npy` files of (f, 17, 3): MPI-INF-3DHP joints, millimetres, y up."""
    for path in sorted(folder.glob("*.npy")):
        subject, _, action = path.stem.partition("_")
        right, up, back = np.moveaxis(np.load(path) / 1000, -1, 0)
        world = np.stack([right, -back, up], axis=-1)  # right-handed, z up
        joints = conversion(MPI_INF_3DHP_17, HUMAN36M_17).apply(world)
        joints = at_rate(joints, fps, 50.0)
        yield LabelledClip(path.stem, subject, "recordings", action, action, joints)


def main(out: Path) -> None:
    """Record three people, convert, split by subject and read the training part back."""
    recordings, corpus = out / "recordings", out / "corpus"
    recordings.mkdir()
    rng = np.random.default_rng(0)
    for name in ("ann_wave", "bob_wave", "cat_wave"):
        still = rng.uniform(0, 1800, (1, 17, 3))
        np.save(recordings / f"{name}.npy", still + rng.normal(0, 5, (30, 17, 3)).cumsum(axis=0))
    clips = list(read_recordings(recordings, fps=25.0))
    labels = {"wave": {"prompt": "a person waves", "body_parts": "one hand moves to and fro"}}
    terms = "our own recordings"
    write_corpus(clips, corpus, val=["bob"], test=["cat"], licence=terms, labels=labels)
    (read,) = Corpus(corpus).clips("train", "mine")
    error = np.abs(read.joints - clips[0].joints).max()
    print(
        f"{read.subject}, {read.action}: {len(read)} frames, off by {1000 * error:.2f} mm at most"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
