"""Which dataset a path holds, by the names of its files and, for npz files, of their arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ...errors import InputError
from ...formats.npz_arrays import array_names
from ..registry import DATASETS

#: The corpus of labelled motion (`langlift.datasets.corpus`), which is no `RecordedDataset`.
CORPUS = "corpus"
_CORPUS_FILE = "splits.json"
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
        patterns = {name: (*entry.files, *entry.also) for name, entry in DATASETS.items()}
        known = "; ".join(f"{name} ({files[0]})" for name, files in patterns.items() if files)
        raise InputError(
            f"{path} holds no dataset that is known by its files: {CORPUS} ({_CORPUS_FILE}); "
            f"{known}; custom (.npz with joints_3d); name it with --dataset where the files have "
            "other names"
        )
    return found[0]


def _inside(path: Path) -> Iterator[Path]:
    return iter((path,)) if path.is_file() else path.rglob("*")


def _found(path: Path) -> Iterator[str]:
    folder = path.parent if path.is_file() else path
    if (folder / _CORPUS_FILE).is_file() and path in (folder, folder / _CORPUS_FILE):
        yield CORPUS
    for name, entry in DATASETS.items():
        if any(path in (folder, file) for file in entry.files_in(folder)):
            yield name
    files = [path] if path.is_file() else sorted(path.rglob("*.npz"))[:_OPENED]
    for file in files:
        arrays = set(array_names(file))
        yield from (name for name, needed in _ARRAYS.items() if needed <= arrays)
