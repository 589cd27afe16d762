"""Keypoint files for the tests of the formats, sound and broken, made from a few words."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np

from langlift.formats import ReadOptions
from langlift.skeletons import BODY_25B

GOOD = ReadOptions(fps=30, image_size=(640, 480))


def grid(frames: int, joints: int) -> np.ndarray:
    """(f, j, 3): joint j of frame f lies at x = 100 + j, y = 200 + f, with score 0.5."""
    points = np.empty((frames, joints, 3))
    points[..., 0] = 100 + np.arange(joints)
    points[..., 1] = 200 + np.arange(frames)[:, None]
    points[..., 2] = 0.5
    return points


XY = grid(4, 17)[..., :2]


def flat(joints: int, frame: int = 0) -> list[float]:
    return grid(frame + 1, joints)[frame].reshape(-1).tolist()


def npz(**changes):
    """Makes a valid keypoint npz with some arrays changed; None takes one out."""

    def make(folder: Path) -> Path:
        arrays = {"xy": XY, "skeleton": "coco_17", "fps": 30.0, "image_size": (640, 480)} | changes
        np.savez(
            folder / "clip.npz", **{k: np.asarray(v) for k, v in arrays.items() if v is not None}
        )
        return folder / "clip.npz"

    return make


def detections(**changes):
    """The same for a detections file."""
    arrays = {
        "det2d_b": grid(3, 25),
        "b_names": np.array(BODY_25B.joints),
        "fps": 60.0,
    } | changes
    return npz(xy=None, skeleton=None, image_size=None, **arrays)


def raw(name: str, content: bytes):
    """Makes a file of these bytes."""

    def make(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return make


def as_json(content, name: str = "clip.json"):
    return raw(name, json.dumps(content).encode())


def folder_of(**files):
    """Makes a folder of OpenPose files by the part of the name before ``_keypoints.json``."""

    def make(folder: Path) -> Path:
        (folder / "frames").mkdir()
        for name, content in files.items():
            (folder / "frames" / f"{name}_keypoints.json").write_text(
                content if isinstance(content, str) else json.dumps(content)
            )
        return folder / "frames"

    return make


def zip_bytes(**entries: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return stream.getvalue()


def npy_header(shape: str) -> bytes:
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


PERSON = {"pose_keypoints_2d": flat(25)}
FRAME = {"people": [PERSON]}
ANNOTATION = {"image_id": 1, "keypoints": flat(17)}
IMAGE = {"id": 1, "width": 640, "height": 480}
PICKLED = np.array([{"a": 1}], dtype=object)
NOTHING_SEEN = "no joint is seen in any frame"


def one_sentence_about(message: str, path: Path) -> bool:
    """Whether a message names the file first and is a single line of a reasonable length."""
    return message.startswith(f"{path}: ") and "\n" not in message and len(message) < 1200
