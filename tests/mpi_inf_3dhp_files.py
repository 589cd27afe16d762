"""MPI-INF-3DHP as its users have it: invented people in every layout of its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy.io
from humaneva_files import object_npz, person

from langlift.geometry import Camera, look_at
from langlift.geometry.mpi_inf_3dhp import TEST_VIDEOS, mpi_inf_3dhp_camera

#: How much larger the person of ``annot3`` is than the one of ``univ``.
LARGER = 1.0467
#: Where the 17 joints are among the 28 of the training annotation.
AMONG_28 = (7, 5, 14, 15, 16, 9, 10, 11, 23, 24, 25, 18, 19, 20, 4, 3, 6)
MOTIONS = ("walk", "squat", "sit_to_stand", "punch", "kick", "wave")
#: Cameras that the training annotation holds, and those of which the npz files are made.
ALL_CAMERAS, CHEST_HIGH = tuple(range(14)), (0, 1, 2, 4, 5, 6, 7, 8)

_Pair = tuple[np.ndarray, np.ndarray, np.ndarray]


def film(motion: str, frames: int, seed: int, lens: Camera, side: int = 0) -> _Pair:
    """2D (f, 17, 2) pixels and both 3D (f, 17, 3) millimetres in the camera's space.

    The lens films the larger person from one of 14 sides; the other has the same root.
    """
    world = person(motion, frames, seed, "mpi_inf_3dhp_17")
    angle = 2 * np.pi * side / len(ALL_CAMERAS)
    position = (4.5 * np.cos(angle), 4.5 * np.sin(angle), 1.4)
    camera = lens.replaced(orientation=look_at(position, (0.0, 0.0, 0.9)), position=position)
    joints = camera.to_camera(world)
    root = joints[:, 14:15]
    return camera.project(joints), joints * 1000, (root + (joints - root) / LARGER) * 1000


def write_mpi_inf_3dhp(
    folder: Path,
    *,
    annotation: str = "annot3",
    layout: str = "npz",
    frames: int = 12,
    sequences: Sequence[str] = ("S1 Seq1", "S2 Seq2"),
    cameras: Sequence[int] = (0, 8),
    tests: Sequence[str] = TEST_VIDEOS,
    invalid: Sequence[int] = (0, 3),
    boxed: bool = True,
    unit: float = 1.0,
) -> dict[str, np.ndarray]:
    """Write the dataset.

    Args:
        folder: an existing folder.
        annotation: ``annot3`` or ``univ``; the ``mat`` layout holds both.
        layout: ``npz``, or ``mat`` for the original folders.
        frames: per training video; test video n (from 1) has n more.
        sequences: training videos such as ``S1 Seq1``; none writes no training file.
        cameras: of the training videos; the ``mat`` layout has all 14.
        tests: test videos; none writes no test file.
        invalid: frames of every test video that are not valid.
        boxed: in the npz, put a sequence's cameras into a list of one, as its makers did.
        unit: 0.001 writes metres.

    Returns:
        By the name of the recording, of the chosen annotation: (f, 17, 3) metres in the camera's
        space, the numbers that the file holds.
    """
    truth: dict[str, np.ndarray] = {}
    train: dict[str, dict[int, _Pair]] = {}
    for s, sequence in enumerate(sequences):
        train[sequence] = {}
        for c in ALL_CAMERAS if layout == "mat" else cameras:
            lens = Camera.assumed((2048, 2048))
            pair = _scaled(film(MOTIONS[s % 6], frames, 1000 + s, lens, c), unit)
            train[sequence][c] = pair
            if c in CHEST_HIGH:
                truth[f"{sequence}/{c}"] = _chosen(pair, annotation) / 1000
    test: dict[str, _Pair] = {}
    for video in tests:
        n = TEST_VIDEOS.index(video) + 1
        test[video] = _scaled(film(MOTIONS[n - 1], frames + n, n, mpi_inf_3dhp_camera(video)), unit)
        truth[video] = _chosen(test[video], annotation) / 1000
    valid = {
        video: np.isin(np.arange(len(p[0])), invalid, invert=True) for video, p in test.items()
    }
    if layout == "mat":
        _write_folders(folder, train, test, valid)
    else:
        _write_npz(folder, annotation, boxed, train, test, valid)
    return truth


def _chosen(pair: _Pair, annotation: str) -> np.ndarray:
    return pair[1] if annotation == "annot3" else pair[2]


def _scaled(pair: _Pair, unit: float) -> _Pair:
    return pair[0], pair[1] * unit, pair[2] * unit


def _write_npz(
    folder: Path,
    annotation: str,
    boxed: bool,
    train: Mapping[str, Mapping[int, _Pair]],
    test: Mapping[str, _Pair],
    valid: Mapping[str, np.ndarray],
) -> None:
    suffix = "_ori" if annotation == "annot3" else ""
    sequences: dict[str, Any] = {}
    for sequence, videos in train.items():
        by_camera = {
            str(c): {"data_2d": pair[0], "data_3d": _chosen(pair, annotation)}
            for c, pair in videos.items()
        }
        sequences[sequence] = [by_camera] if boxed else by_camera
    if train:
        object_npz(folder / f"data_train_3dhp{suffix}.npz", data=sequences)
    videos = {
        video: {
            "data_2d": pair[0],
            "data_3d": _chosen(pair, annotation),
            "valid": valid[video].astype(np.float64),
        }
        for video, pair in test.items()
    }
    if test:
        object_npz(folder / f"data_test_3dhp{suffix}.npz", data=videos)


def _write_folders(
    folder: Path,
    train: Mapping[str, Mapping[int, _Pair]],
    test: Mapping[str, _Pair],
    valid: Mapping[str, np.ndarray],
) -> None:
    for sequence, videos in train.items():
        place = folder.joinpath(*sequence.split(" "))
        place.mkdir(parents=True)
        write_mat5(
            place / "annot.mat",
            {
                name: [_of_28(pair[i]) for pair in videos.values()]
                for i, name in enumerate(("annot2", "annot3", "univ_annot3"))
            },
        )
    for video, pair in test.items():
        (folder / video).mkdir()
        arrays = {
            name: pair[i].transpose(2, 1, 0)[:, :, None]  # (c, 17, 1, f), as MATLAB has it
            for i, name in enumerate(("annot2", "annot3", "univ_annot3"))
        }
        f = len(pair[0])
        arrays["valid_frame"] = valid[video][None].astype(np.float64)
        arrays["activity_annotation"] = (np.arange(f)[None] % 7 + 1).astype(np.float64)
        arrays["bb_crop"] = np.ones((4, f))
        write_mat73(folder / video / "annot_data.mat", arrays)


def _of_28(joints: np.ndarray) -> np.ndarray:
    """(f, 28 * c): every joint of the training annotation; those that nobody reads at the root."""
    f, _, c = joints.shape
    every = np.repeat(joints[:, 14:15], 28, axis=1)
    every[:, AMONG_28] = joints
    return every.reshape(f, 28 * c)


def write_mat5(path: Path, values: Mapping[str, Any]) -> Path:
    """A ``.mat`` of MATLAB 5; a list becomes a cell, one column."""
    columns: dict[str, Any] = {}
    for name, value in values.items():
        columns[name] = value
        if isinstance(value, list):
            columns[name] = np.empty((len(value), 1), dtype=object)
            columns[name][:, 0] = value
    scipy.io.savemat(path, columns, do_compression=True)
    return path


def write_mat73(path: Path, values: Mapping[str, Any]) -> Path:
    """A ``.mat`` of MATLAB 7.3: HDF5 behind 512 bytes; arrays in MATLAB's order of the axes."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in values.items():
            if isinstance(value, list):
                parts = [_dataset(file, f"#refs#/{name}{k}", v).ref for k, v in enumerate(value)]
                cell = file.create_dataset(name, (1, len(parts)), dtype=h5py.ref_dtype)
                cell[0] = parts
                cell.attrs["MATLAB_class"] = np.bytes_("cell")
            else:
                _dataset(file, name, value)
    words = b"MATLAB 7.3 MAT-file, Platform: GLNXA64 HDF5 schema 1.00 ."
    with path.open("r+b") as stream:
        stream.write(words.ljust(116) + bytes(8) + b"\x00\x02IM")
    return path


def _dataset(file: h5py.File, name: str, value: np.ndarray) -> h5py.Dataset:
    made = file.create_dataset(name, data=np.ascontiguousarray(np.asarray(value).T))
    made.attrs["MATLAB_class"] = np.bytes_("double")
    return made
