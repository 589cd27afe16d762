"""HumanEva-I as its users have it: an invented person in the files of VideoPose3D's layout."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from langlift.conversions import conversion
from langlift.datasets.synthetic import synthetic_clip
from langlift.geometry.cameras import Camera
from langlift.geometry.humaneva import CAMERAS, IMAGE_SIZE, humaneva_to_camera

#: Video keys of every subject, and the synthetic motion that stands for each.
ACTIONS = {
    "Walking 1 chunk0": "walk",
    "Walking 1 chunk1": "walk",
    "Jog 1 chunk0": "run",
    "Box 1 chunk0": "punch",
}
SUBJECTS = ("Train/S1", "Train/S2", "Train/S3", "Validate/S1", "Validate/S2", "Validate/S3")


def object_npz(path: Path, **values: Any) -> Path:
    """An npz of pickled objects, as VideoPose3D writes it."""
    boxed: dict[str, Any] = {}
    for name, value in values.items():
        boxed[name] = np.empty((), dtype=object)
        boxed[name][()] = value
    np.savez_compressed(path, **boxed)
    return path


def person(action: str, frames: int, seed: int, skeleton: str) -> np.ndarray:
    """(f, j, 3) metres in the world, z up: somebody near the origin, in float64."""
    rng = np.random.default_rng(seed)
    clip = synthetic_clip(action, rng, frames=frames, random_yaw=True)
    joints = clip.joints.astype(np.float64)
    made = conversion("human36m_17", skeleton).apply(joints)
    # What the person does not have (eyes and ears) is on the nose, a little apart.
    lost = np.isnan(made).any(axis=(0, 2))
    made[:, lost] = joints[:, 9:10] + 0.03 * rng.standard_normal((int(lost.sum()), 3))
    return made


def write_humaneva(
    folder: Path,
    *,
    frames: int = 12,
    subjects: Sequence[str] = SUBJECTS,
    sources: Sequence[str] = ("gt", "detectron_pt_coco"),
    unlabeled: bool = False,
    extra_2d: int = 0,
    unit: float = 1.0,
) -> dict[str, np.ndarray]:
    """Write ``data_3d_humaneva15.npz`` and one 2D file per source.

    Args:
        folder: an existing folder.
        frames: of 3D per video.
        subjects: as the files name them.
        sources: of 2D; ``detectron_pt_coco`` has COCO-17 joints, others those of the 3D.
        unlabeled: add ``Unlabeled/S1`` with 3D and ``Unlabeled/S2`` without.
        extra_2d: frames by which 2D is longer; negative for shorter.
        unit: what one unit of the file is not: 1000 writes millimetres.

    Returns:
        Of every video by the name of its recording: (f, 15, 3) metres in the camera's space.
    """
    positions: dict[str, dict[str, np.ndarray]] = {}
    keypoints: dict[str, Any] = {source: {} for source in sources}
    truth = {}
    named = [*subjects, *(("Unlabeled/S1", "Unlabeled/S2") if unlabeled else ())]
    for s, subject in enumerate(named):
        for source in sources:
            keypoints[source][subject] = {}
        for a, (key, action) in enumerate(ACTIONS.items()):
            seed = 100 * s + a
            length = frames + max(extra_2d, 0)
            world = person(action, length, seed, "humaneva_15")
            coco = person(action, length, seed, "coco_17")
            for source in sources:
                seen = coco if source.endswith("coco") else world
                keypoints[source][subject][key] = [
                    _pixels(humaneva_to_camera(seen, subject, c))[: frames + extra_2d]
                    for c in CAMERAS
                ]
            if subject != "Unlabeled/S2":
                kept = world[:frames].astype(np.float32)
                positions.setdefault(subject, {})[key] = kept * np.float32(unit)
                for c in CAMERAS:
                    truth[f"{subject}/{key}/{c}"] = humaneva_to_camera(kept, subject, c)
    object_npz(folder / "data_3d_humaneva15.npz", positions_3d=positions)
    for source in sources:
        coco_like = source.endswith("coco")
        left, right = ([1, 3, 5, 7, 9, 11, 13, 15], [2, 4, 6, 8, 10, 12, 14, 16])
        if not coco_like:
            left, right = ([2, 3, 4, 8, 9, 10], [5, 6, 7, 11, 12, 13])
        metadata = {
            "layout_name": "coco" if coco_like else "humaneva15",
            "num_joints": 17 if coco_like else 15,
            "keypoints_symmetry": [left, right],
        }
        path = folder / f"data_2d_humaneva15_{source}.npz"
        object_npz(path, positions_2d=keypoints[source], metadata=metadata)
    return truth


def _pixels(points: np.ndarray) -> np.ndarray:
    """(f, j, 2) float32 through an invented lens: the dataset's own is in none of its files."""
    return Camera.assumed(IMAGE_SIZE).project(points).astype(np.float32)
