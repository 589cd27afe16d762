"""Invented Human3.6M files in the two published layouts, of people who never were.

The motion is synthetic; cameras and projection are the real ones, so 2D of the source ``gt`` fits
the 3D exactly. Every number follows from subject and key, so two files of one call agree.
"""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from langlift.datasets.mocap_views import centered
from langlift.datasets.synthetic import synthetic_clip
from langlift.geometry.human36m import human36m_cameras

#: Where the 17 joints are among the 32 of the files.
KEPT = (0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27)
#: The 15 actions, and a synthetic one that moves a little like each.
MOTIONS = {
    "Directions": "wave",
    "Discussion": "torso_twist",
    "Eating": "drink",
    "Greeting": "arm_circles",
    "Phoning": "knee_raise",
    "Photo": "squat",
    "Posing": "side_bend",
    "Purchases": "toe_touch",
    "Sitting": "sit_to_stand",
    "SittingDown": "deep_squat",
    "Smoking": "bow",
    "Waiting": "kick",
    "WalkDog": "side_lunge",
    "Walking": "walk",
    "WalkTogether": "run",
}
RAW_NAMES = {"Photo": "TakingPhoto", "WalkDog": "WalkingDog"}
#: Of MotionBERT's file: the number of each action.
ACTS = {
    "Directions": 2,
    "Discussion": 3,
    "Eating": 4,
    "Greeting": 5,
    "Phoning": 6,
    "Posing": 7,
    "Purchases": 8,
    "Sitting": 9,
    "SittingDown": 10,
    "Smoking": 11,
    "Photo": 12,
    "Waiting": 13,
    "Walking": 14,
    "WalkDog": 15,
    "WalkTogether": 16,
}


def generator(*names: object) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32("/".join(map(str, names)).encode()))


def world_joints(subject: str, key: str, frames: int) -> np.ndarray:
    """(f, 17, 3) metres in the world of the files, float32."""
    action = key.split(" ")[0]
    clean = {raw: name for name, raw in RAW_NAMES.items()}.get(action, action)
    clip = synthetic_clip(MOTIONS[clean], generator(subject, key), frames=frames, random_yaw=True)
    return centered(clip.joints).astype(np.float32)


def in_32(joints: np.ndarray) -> np.ndarray:
    """(f, 32, 3): the 17 joints in their places, far-off nonsense in those that are left out."""
    every = np.repeat(joints[:, :1] + np.float32(7.0), 32, axis=1)
    every[:, KEPT] = joints
    return every


def pixels(subject: str, joints: np.ndarray, source: str, key: str = "") -> list[np.ndarray]:
    """(f, 17, 2) float32 for each of the four cameras."""
    seen = []
    for camera in human36m_cameras(subject):
        xy = camera.project(camera.to_camera(joints))
        if source != "gt":
            xy = xy + generator(subject, key, camera.name, source).normal(0, 3, xy.shape)
        seen.append(xy.astype(np.float32))
    return seen


def write_human36m(
    folder: Path,
    subjects: Sequence[str] = ("S1", "S8", "S9", "S11"),
    keys: Sequence[str] = ("Directions", "Walking 1"),
    frames: int = 40,
    sources: Sequence[str] = ("gt", "cpn_ft_h36m_dbb"),
    longer: int = 0,
) -> Path:
    """VideoPose3D's files: ``data_3d_h36m.npz`` and ``data_2d_h36m_<source>.npz``.

    Args:
        folder: made where it is not there.
        subjects: who is in the files.
        keys: names of their sequences, such as ``Walking 1``.
        frames: of each.
        sources: kinds of 2D: ``gt`` is exact, any other has 3 pixels of noise.
        longer: further frames of 2D, as detectors have some.

    Returns:
        The folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    moves = {s: {k: world_joints(s, k, frames + longer) for k in keys} for s in subjects}
    save_3d(folder, {s: {k: in_32(v[:frames]) for k, v in d.items()} for s, d in moves.items()})
    for source in sources:
        seen = {s: {k: pixels(s, v, source, k) for k, v in of.items()} for s, of in moves.items()}
        save_2d(folder, source, seen)
    return folder


def save_3d(folder: Path, positions: Any) -> None:
    """The file of 3D from ``{subject: {key: (f, 32, 3) metres}}``."""
    np.savez_compressed(folder / "data_3d_h36m.npz", positions_3d=positions)


def save_2d(folder: Path, source: str, positions: Any, joints: int = 17) -> None:
    """A file of 2D from ``{subject: {key: [(f, 17, 2) pixels of each camera]}}``."""
    about = {
        "layout_name": "h36m",
        "num_joints": joints,
        "keypoints_symmetry": [[4, 5, 6, 11, 12, 13], [1, 2, 3, 14, 15, 16]],
    }
    path = folder / f"data_2d_h36m_{source}.npz"
    np.savez_compressed(path, positions_2d=positions, metadata=about)


def motionbert_arrays(
    subject: str, action: str, subact: int, camera: int, frames: int
) -> dict[str, Any]:
    """What MotionBERT's file holds of one video; each value has one entry per frame.

    Args:
        subject: such as ``S9``.
        action: one of `ACTS`.
        subact: 1 or 2.
        camera: 0 to 3.
        frames: of the video.
    """
    lens = human36m_cameras(subject)[camera]
    key = f"{action} {subact}"
    cam = lens.to_camera(world_joints(subject, key, frames).astype(np.float64))
    away = cam[:, :1, 2:]  # of the pelvis
    px = lens.project(cam)
    factor = 1000.0 * away[:, 0, 0] / lens.focal[0]  # millimetres per pixel at the pelvis
    depth = 1000.0 * (cam[..., 2:] - away) / factor[:, None, None]
    image = np.concatenate([px, depth], axis=-1)
    number = int(subject[1:])
    name = f"s_{number:02d}_act_{ACTS[action]:02d}_subact_{subact:02d}_ca_{camera + 1:02d}"
    noise = generator(name).normal(0, 3, px.shape)
    return {
        "joint_2d": (px + noise).astype(np.float32),
        "confidence": generator(name, "confidence").uniform(0.5, 1, (frames, 17, 1)),
        "joint3d_image": image.astype(np.float32),
        "joints_2.5d_image": (image * factor[:, None, None]).astype(np.float32),
        "2.5d_factor": factor,
        "camera_name": [lens.name] * frames,
        "source": [name] * frames,
        "action": [f"act_{ACTS[action]:02d}"] * frames,
    }


def motionbert_parts(
    train: Sequence[str] = ("S1", "S8"),
    test: Sequence[str] = ("S9", "S11"),
    actions: Sequence[str] = ("Greeting", "Walking"),
    frames: int = 40,
    cameras: int = 2,
) -> dict[str, dict[str, Any]]:
    """The whole content of MotionBERT's file: ``{train, test}``, texts as lists as it has them."""
    parts = {}
    for part, subjects in (("train", train), ("test", test)):
        videos = [
            motionbert_arrays(subject, action, subact, camera, frames)
            for subject in subjects
            for action in actions
            for subact in (1, 2)
            for camera in range(cameras)
        ]
        left_out = ("joints_2.5d_image", "2.5d_factor") if part == "train" else ()
        parts[part] = {
            name: _joined([video[name] for video in videos])
            for name in videos[0]
            if name not in left_out
        }
    return parts


def _joined(values: list[Any]) -> Any:
    """One after the other: texts as a list, numbers as an array."""
    if isinstance(values[0], list):
        return [text for texts in values for text in texts]
    return np.concatenate(values)


def write_motionbert(path: Path, protocol: int = 4, **options: Any) -> Path:
    """MotionBERT's file; the options are those of `motionbert_parts`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(motionbert_parts(**options), protocol))
    return path
