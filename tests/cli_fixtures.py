"""What the tests of the command share: running it, a tiny bundle, a tiny corpus, tiny runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from lifting_fixtures import bundle, randomised, track

from langlift.cli.main import main
from langlift.datasets.synthetic import synthetic_clip
from langlift.formats import write_keypoints
from langlift.lifting.bundle import save_bundle
from langlift.skeletons import HUMAN36M_17

#: Options of a training run of a second or two, on synthetic clips.
TINY_RUN = (
    "--data synthetic --synthetic-clips 21 --validation-clips 2 --steps 4 --batch 4 --frames 9 "
    "--model.widths 3 3 --model.channels 8 --log-every 1 --validate-every 4 --precision fp32"
)
UNIT = 1e-4  # metres, of a corpus file's differences


class Said(NamedTuple):
    """What one call of the command did."""

    status: int
    out: str
    err: str


class Command:
    """Runs ``langlift`` in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: object) -> Said:
        self._capsys.readouterr()
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as stop:  # --help
            status = int(stop.code or 0)
        return Said(status, *self._capsys.readouterr())


def tiny_bundle(path: Path, **fields) -> Path:
    """A bundle of a tiny random network."""
    card = {"data": "none", "licence": "Apache-2.0"}
    of = bundle(**{"card": card, **fields})
    return save_bundle(path, of, randomised(of.build()).state_dict())


def keypoint_file(path: Path, frames: int = 12, fps: float = 30.0, **changes) -> Path:
    """A langlift npz of a moving person."""
    return write_keypoints(track(frames, fps, **changes), path)


def tiny_corpus(folder: Path) -> Path:
    """A corpus of three subjects who do two actions each, in the documented layout."""
    folder.mkdir()
    subjects = {"train": ["ann"], "val": ["bob"], "test": ["cyd"]}
    core = {"files": ["toy.npz"], **subjects, "scored_classes": ["squat", "wave"]}
    (folder / "splits.json").write_text(json.dumps({"core": {**core, "licence": "toy licence"}}))
    (folder / "labels.json").write_text(json.dumps({"squat": {"prompt": "a person squats"}}))
    rng = np.random.default_rng(0)
    rows = [(s, action) for [s] in subjects.values() for action in ("squat", "wave")]
    clips = [synthetic_clip(action, rng, frames=10 + n) for n, (_, action) in enumerate(rows)]
    lengths = [len(clip) for clip in clips]
    np.savez(
        folder / "toy.npz",
        delta=np.concatenate([_differences(clip.joints) for clip in clips]),
        frame_start=np.cumsum([0, *lengths[:-1]]),
        n_frames=np.array(lengths),
        unit_m=UNIT,
        fps=50.0,
        clip_id=np.array([f"{s}_{action}" for s, action in rows]),
        source=np.array(["studio" if action == "squat" else "street" for _, action in rows]),
        subject=np.array([s for s, _ in rows]),
        action=np.array([action for _, action in rows]),
        text=np.array([clip.text for clip in clips]),
        joint_names=np.array(HUMAN36M_17.joints),
    )
    return folder


def _differences(joints: np.ndarray) -> np.ndarray:
    units = np.rint(joints / UNIT).astype(np.int32)
    return np.diff(units, axis=0, prepend=0).astype(np.int16)


def files_under(folder: Path) -> set[str]:
    """Every file and folder below a folder, hidden ones too."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}
