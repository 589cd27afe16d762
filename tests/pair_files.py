"""Invented pairs of 2D and 3D in the layouts of docs/data.md, sound ones and some that are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from langlift.datasets.mocap_views import centered
from langlift.datasets.synthetic import synthetic_clip
from langlift.geometry import Camera, human36m_cameras
from langlift.skeletons import COCO_17, HUMAN36M_17

FRAMES = 20
CAMERAS = human36m_cameras("S1")


def moving(action: str = "squat", seed: int = 0, frames: int = FRAMES) -> np.ndarray:
    """(f, 17, 3) world metres: a person in the middle of the room who does something."""
    clip = synthetic_clip(action, np.random.default_rng(seed), frames=frames)
    return centered(clip.joints).astype(np.float64)


def pair_arrays(
    subject: str = "ann",
    action: str = "squat",
    seed: int = 0,
    camera: Camera = CAMERAS[0],
    **changes: Any,
) -> dict[str, Any]:
    """The arrays of a file of your own 2D and 3D; a change to None takes one out."""
    joints = camera.to_camera(moving(action, seed))
    arrays = {
        "xy": camera.project(joints),
        "skeleton": "human36m_17",
        "joints_3d": joints,
        "skeleton_3d": "human36m_17",
        "space": "camera",
        "fps": 50.0,
        "image_size": camera.image_size,
        "subject": subject,
        "action": action,
        "camera": camera.name,
        "source": "gt",
        "focal": camera.focal,
        "center": camera.center,
        "radial": camera.radial,
        "tangential": camera.tangential,
    } | changes
    return {name: value for name, value in arrays.items() if value is not None}


def write_pair(path: Path, *args: Any, **changes: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **pair_arrays(*args, **changes))
    return path


def pair_folder(folder: Path) -> Path:
    """Two subjects who squat and wave, each in front of two cameras."""
    for s, subject in enumerate(("ann", "bob")):
        for a, action in enumerate(("squat", "wave")):
            for camera in CAMERAS[:2]:
                path = folder / subject / f"{action}_{camera.name}.npz"
                write_pair(path, subject, action, 2 * s + a, camera)
    return folder


def as_coco(joints: np.ndarray) -> np.ndarray:
    """Human3.6M joints (*, 17, c) as COCO's, with a face around the nose: enough for a test."""
    made = np.empty((*joints.shape[:-2], len(COCO_17), joints.shape[-1]))
    for k, joint in enumerate(COCO_17.joints):
        known = joint if joint in HUMAN36M_17.joints else "neck_nose"
        known = "head_top" if joint.endswith("_ear") else known
        made[..., k, :] = joints[..., HUMAN36M_17.index(known), :]
    return made


def ego_arrays(frames: dict[str, list[int]], **changes: Any) -> dict[str, Any]:
    """The arrays of an EgoHumans file of the people by name in these frames, pinhole camera."""
    camera = CAMERAS[1].replaced(radial=(0, 0, 0), tangential=(0, 0))
    names, numbers, rows = [], [], []
    for seed, (name, at) in enumerate(frames.items()):
        joints = camera.to_camera(moving("wave", seed, max(at) + 1))
        names += [name] * len(at)
        numbers += at
        rows.append(as_coco(joints[at]))
    joints_3d = np.concatenate(rows)
    arrays = {
        "sequence": "01_tagging",
        "camera": "cam01",
        "fps": 20.0,
        "image_size": camera.image_size,
        "person": np.array(names),
        "frame": np.array(numbers),
        "xy": camera.project(joints_3d),
        "confidence": np.full((len(names), 17), 0.9),
        "joints_3d": joints_3d,
        "focal": camera.focal,
        "center": camera.center,
    } | changes
    return {name: value for name, value in arrays.items() if value is not None}


def write_ego(path: Path, frames: dict[str, list[int]], **changes: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **ego_arrays(frames, **changes))
    return path
