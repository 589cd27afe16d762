"""The datasets that users own, by name: what each is, and how it is opened."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from ..errors import InputError, unknown
from .recordings import RecordedDataset


@dataclass(frozen=True)
class DatasetEntry:
    """One dataset.

    Args:
        module: of `langlift.datasets` that reads it; imported when it is opened.
        reader: the class in it.
        words: what it is, for people, with ``{files}`` in it.
        files: patterns of the files that are read, relative to its folder, ``{source}`` being the
            kind of 2D; empty where any name will do.
        also: patterns of another form of the files.
    """

    module: str
    reader: str
    words: str
    files: tuple[str, ...] = ()
    also: tuple[str, ...] = ()

    @property
    def description(self) -> str:
        """What it is and which files are read, for people."""
        return self.words.format(files=self.files_of("*", " and "))

    def files_of(self, source: str, between: str = ", ") -> str:
        """The files of one kind of 2D, in words; empty where any name will do."""
        return between.join(self.files).format(source=source)

    def files_in(self, folder: Path) -> Iterator[Path]:
        """Those that are in a folder, in either form."""
        for pattern in (*self.files, *self.also):
            yield from folder.glob(pattern.format(source="*"))


DATASETS: dict[str, DatasetEntry] = {
    "human36m": DatasetEntry(
        "recorded.human36m",
        "Human36m",
        "Human3.6M in VideoPose3D's layout: {files} in a folder",
        ("data_3d_h36m.npz", "data_2d_h36m_{source}.npz"),
    ),
    "human36m-motionbert": DatasetEntry(
        "recorded.motionbert",
        "MotionBertHuman36m",
        "Human3.6M in MotionBERT's layout: {files}",
        ("h36m_sh_conf_cam_source_final.pkl",),
    ),
    "humaneva": DatasetEntry(
        "recorded.humaneva",
        "HumanEva",
        "HumanEva-I: {files} in a folder",
        ("data_3d_humaneva15.npz", "data_2d_humaneva15_{source}.npz"),
    ),
    "mpi-inf-3dhp": DatasetEntry(
        "recorded.mpi_inf_3dhp",
        "MpiInf3dhp",
        "MPI-INF-3DHP: {files}, or the original folders",
        ("data_train_3dhp*.npz", "data_test_3dhp*.npz"),
        (
            "S[1-8]/Seq[12]/annot.mat",
            "TS[1-6]/annot_data.mat",
            "mpi_inf_3dhp_test_set/TS[1-6]/annot_data.mat",
        ),
    ),
    "egohumans": DatasetEntry(
        "recorded.egohumans",
        "EgoHumans",
        "EgoHumans: a folder of .npz files in the layout of docs/data.md, one per sequence",
        also=("person_keypoints_*.json", "*/person_keypoints_*.json"),
    ),
    "custom": DatasetEntry(
        "recorded.custom",
        "CustomPairs",
        "your own 2D and 3D: .npz files in the layout of docs/data.md",
    ),
}


def open_dataset(name: str, path: str | Path, **options: Any) -> RecordedDataset:
    """Open a dataset.

    Args:
        name: in `DATASETS`.
        path: the folder or file.
        options: of the reader, such as ``annotation`` of MPI-INF-3DHP.

    Raises:
        InputError: for an unknown name, an option that the reader lacks or wants, or files that
            are not what they should be.
    """
    if name not in DATASETS:
        raise unknown("dataset", name, DATASETS)
    entry = DATASETS[name]
    reader = getattr(import_module(f".{entry.module}", __package__), entry.reader)
    known = [p for p in inspect.signature(reader).parameters if p != "path"]
    for option in options:
        if option not in known:
            takes = f"it takes {', '.join(known)}" if known else "it takes none"
            raise InputError(f"dataset {name} has no option {option!r}; {takes}")
    return reader(Path(path), **options)
