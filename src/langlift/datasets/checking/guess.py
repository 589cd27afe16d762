"""Which dataset a path holds, by the names of its files and, for npz files, of their arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ...errors import InputError
from ...formats.npz_arrays import array_names

#: The corpus of labelled motion (`langlift.datasets.corpus`), which is no `RecordedDataset`.
CORPUS = "corpus"
#: Patterns of files that only one dataset has, relative to its folder.
_FILES: dict[str, tuple[str, ...]] = {
    CORPUS: ("splits.json",),
    "human36m": ("data_3d_h36m.npz",),
    "human36m-motionbert": ("h36m_sh_conf_cam_source_final.pkl",),
    "humaneva": ("data_3d_humaneva15.npz",),
    "mpi-inf-3dhp": (
        "data_train_3dhp*.npz",
        "data_test_3dhp*.npz",
        "S*/Seq*/annot.mat",
        "TS*/annot_data.mat",
        "*/TS*/annot_data.mat",
    ),
    "egohumans": ("person_keypoints_*.json", "*/person_keypoints_*.json"),
}
_ARRAYS: dict[str, set[str]] = {
    "egohumans": {"sequence", "person", "frame"},
    "custom": {"joints_3d", "skeleton_3d"},
}
#: Files of motion without any 2D, which are brought into a corpus first.
_MOTION = (".bvh", ".amc", ".c3d")
#: npz files of a folder that are opened to look for arrays.
_OPENED = 8


def guess_dataset(path: Path, among: Sequence[str] | None = None) -> str:
    """The name of the dataset that a file or folder holds, or `CORPUS`.

    Args:
        path: file or folder.
        among: names that are of interest; all if None.

    Raises:
        InputError: when there is none, or several; the message says with which flag to settle it.
    """
    if not path.exists():
        raise InputError(f"{path}: there is no such file or folder; check the path")
    found = [n for n in dict.fromkeys(_found(path)) if among is None or n in among]
    if len(found) > 1:
        flags = " or ".join(f"--dataset {name}" for name in found)
        raise InputError(f"{path} holds files of {' and '.join(found)}; say which with {flags}")
    if not found and any(p.suffix.lower() in _MOTION for p in _inside(path)):
        raise InputError(
            f"{path} holds motion files without 2D; bring them into a motion corpus with langlift "
            "data import, which can be described and trained on"
        )
    if not found:
        known = "; ".join(f"{name} ({files[0]})" for name, files in _FILES.items())
        raise InputError(
            f"{path} holds no dataset that is known by its files: {known}; custom (.npz with "
            "joints_3d); name it with --dataset where the files have other names"
        )
    return found[0]


def _inside(path: Path) -> Iterator[Path]:
    return iter((path,)) if path.is_file() else path.rglob("*")


def _found(path: Path) -> Iterator[str]:
    for name, patterns in _FILES.items():
        if path.is_file():
            fits = any(path.match(pattern) for pattern in patterns)
        else:
            fits = any(next(path.glob(pattern), None) is not None for pattern in patterns)
        if fits:
            yield name
    files = [path] if path.is_file() else sorted(path.rglob("*.npz"))[:_OPENED]
    for file in files:
        arrays = set(array_names(file))
        yield from (name for name, needed in _ARRAYS.items() if needed <= arrays)
