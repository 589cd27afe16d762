"""Evaluate in Python: files of your own layout, under a protocol of your own, to a report."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

import langlift
from langlift.datasets import Entry, RecordedDataset, Recording
from langlift.datasets.mocap_views import centered
from langlift.datasets.synthetic import synthetic_clip
from langlift.geometry import human36m_cameras
from langlift.protocols import PROTOCOLS, Request, evaluate_recorded
from langlift.skeletons import HUMAN36M_17

CAMERA = human36m_cameras("S1")[0]


class Lab(RecordedDataset):
    """`<subject>_<action>.npz` files of `seen` (f, 17, 2) pixels and `true` (f, 17, 3) metres."""

    name = "lab"
    skeleton = HUMAN36M_17
    fps = 50.0

    def sources(self) -> tuple[str, ...]:
        """What kinds of 2D there are."""
        return ("detector",)

    def _listed(self, sources: Sequence[str], subjects: Sequence[str] | None) -> list[Entry]:
        """What there is; files of other subjects need not be opened."""
        entries = []
        for path in sorted(self.path.glob("*.npz")):
            subject, _, action = path.stem.partition("_")
            frames = len(np.load(path)["true"])
            counts = (frames, dict.fromkeys(sources, frames))  # of 3D, and of each kind of 2D
            entries.append(Entry(path.stem, subject, path.stem, action, "left", *counts))
        return entries

    def _read(self, entry: Entry, source: str) -> Recording:
        """One recording, read when it is its turn."""
        stored = np.load(self.path / f"{entry.name}.npz")
        keypoints = langlift.Keypoints(stored["seen"], self.skeleton, self.fps, CAMERA.image_size)
        return Recording(
            entry.name, entry.subject, entry.action, keypoints, stored["true"], self.skeleton,
            entry.camera, CAMERA,
        )  # fmt: skip


PROTOCOLS["lab"] = replace(
    PROTOCOLS["custom"], name="lab", dataset="lab", title="two people in our laboratory",
    metrics=("MPJPE", "P-MPJPE", "MPJVE"), average="action",
)  # fmt: skip


def record(folder: Path) -> None:
    """Film two people who do two things each, with a detector that is off by 2 pixels."""
    rng = np.random.default_rng(0)
    for name in ("ann_walk", "ann_squat", "bob_walk", "bob_squat"):
        clip = synthetic_clip(name.partition("_")[2], rng, frames=60)
        true = CAMERA.to_camera(centered(clip.joints))
        np.savez(
            folder / name, seen=CAMERA.project(true) + rng.normal(0, 2, (60, 17, 2)), true=true
        )


def main(out: Path, model: str = "default") -> None:
    """Measure a model on them; a dataset in `DATASETS` is opened by `Request` itself."""
    folder = out / "lab"
    folder.mkdir()
    record(folder)
    lifter = langlift.load(model)
    report = evaluate_recorded({model: lifter}, Request("lab", folder), dataset=Lab(folder))
    first = report.tables[0].rows[0]
    print(first.tags["average"], {name: str(figure) for name, figure in first.figures.items()})
    report.save(out, "lab")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
