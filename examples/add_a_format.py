"""Add formats: a reader of 2D keypoints in a CSV file and a writer of 3D motion as text."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np

import langlift
from langlift.datasets.synthetic import synthetic_clip
from langlift.errors import InputError
from langlift.formats import READERS, WRITERS, Reader, ReadOptions, Writer, atomic_write
from langlift.formats.clip import Clip, frame_positions, tracks_from_frames
from langlift.skeletons import get_skeleton

COLUMNS = ("frame", "joint", "x", "y", "score")


def sniff(path: Path) -> bool:
    """Whether the first line names the columns; damaged content must not raise."""
    with path.open(errors="replace") as file:
        return file.readline().strip() == ",".join(COLUMNS)


def parse(path: Path, options: ReadOptions) -> Clip:
    """Take the file apart; people, frame rate, image size and validity are settled by the caller.

    The file's name is put before every `InputError` by the caller, too.
    """
    skeleton = get_skeleton(options.skeleton or "coco_17")
    frames: dict[int, np.ndarray] = {}
    with path.open(errors="replace", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), start=2):
            try:
                frame, point = int(row["frame"]), [float(row[c]) for c in COLUMNS[2:]]
            except (TypeError, ValueError) as error:
                raise InputError(
                    f"line {number} is not {','.join(COLUMNS)} with numbers ({error}); mend it"
                ) from error
            joints = frames.setdefault(frame, np.full((len(skeleton), 3), np.nan))
            joints[skeleton.index(row["joint"])] = point
    if not frames:
        raise InputError("there are no rows below the header; give at least one frame")
    positions, note = frame_positions(frames, "frame numbers")
    return Clip(
        length=max(positions.values()) + 1,
        skeleton=skeleton,
        people=tracks_from_frames({"0": {positions[n]: p for n, p in frames.items()}}, skeleton),
        provenance={"file": path.name, "format": "csv", **note},
    )


def write_xyz(motion: langlift.Motion, path: str | Path) -> Path:
    """One line per frame: the x y z of all joints in metres; whole or not at all."""
    with atomic_write(path) as temporary:
        np.savetxt(temporary, motion.joints.reshape(len(motion), -1), fmt="%.4f")
    return Path(path)


READERS["csv"] = Reader("csv", "one line per frame and joint", (".csv",), sniff, parse)
WRITERS["xyz"] = Writer("xyz", "one line per frame, x y z of all joints, metres", write_xyz)


def main(out: Path) -> None:
    """Read a file of two frames, and write a synthetic motion."""
    file = out / "clip.csv"
    file.write_text(
        "frame,joint,x,y,score\n0,left_hip,330,240,0.9\n0,right_hip,310,240,0.8\n"
        "1,left_hip,331,240,0.9\n1,right_hip,311,241,0.7\n"
    )
    keypoints = langlift.read(file, ReadOptions(fps=30, image_size=(640, 480)))
    print("read", len(keypoints), "frames,", int(keypoints.seen.sum()), "joints seen")
    clip = synthetic_clip("walk", np.random.default_rng(0), frames=20)
    motion = langlift.Motion(clip.joints, "human36m_17", clip.fps, space="world")
    print("wrote", langlift.write(motion, out / "walk.xyz").name)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
