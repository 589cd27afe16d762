"""What the tests of MPI-INF-3DHP share: names of files, what is read, and what is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from humaneva_files import object_npz

from langlift.datasets.recorded.mpi_inf_3dhp import MpiInf3dhp
from langlift.datasets.recordings import Recording
from langlift.errors import InputError
from langlift.formats.object_arrays import load_objects

TRAIN, TEST = "data_train_3dhp_ori.npz", "data_test_3dhp_ori.npz"


def read(folder: Path, annotation: str = "annot3", **asked: Any) -> dict[str, Recording]:
    return {r.name: r for r in MpiInf3dhp(folder, annotation).recordings("gt", **asked)}


def said(folder: Path, annotation: str | None = "annot3", **asked: Any) -> str:
    with pytest.raises(InputError) as caught:
        list(MpiInf3dhp(folder, annotation).recordings("gt", **asked))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def changed(file: Path, change: Callable[[Any], Any]) -> None:
    """Write an npz again with its object changed in place."""
    data = load_objects(file, ["data"])["data"]
    change(data)
    object_npz(file, data=data)
