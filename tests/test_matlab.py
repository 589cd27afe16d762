"""The two formats of MATLAB give the same; what is damaged or odd is refused in one sentence."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import scipy.io
from mpi_inf_3dhp_files import write_mat5, write_mat73

from langlift.errors import InputError
from langlift.formats.matlab import load_mat

CUBE = np.arange(24.0).reshape(2, 3, 4)
CELL = [np.arange(6.0).reshape(2, 3), np.arange(3.0)[None]]
WRITERS = {"5": write_mat5, "7.3": write_mat73}


def said(path: Path, *names: str) -> str:
    with pytest.raises(InputError) as caught:
        load_mat(path, names)
    return str(caught.value).removeprefix(f"{path}: ")


@pytest.mark.parametrize("version", WRITERS)
def test_axes_and_cells_are_as_matlab_has_them(version: str, tmp_path: Path) -> None:
    path = WRITERS[version](tmp_path / "a.mat", {"cube": CUBE, "cell": CELL, "other": CUBE})
    found = load_mat(path, ["cube", "cell"])
    assert list(found) == ["cube", "cell"]
    np.testing.assert_array_equal(found["cube"], CUBE)
    assert len(found["cell"]) == 2
    for part, wanted in zip(found["cell"], CELL, strict=True):
        np.testing.assert_array_equal(part, wanted)


@pytest.mark.parametrize("version", WRITERS)
def test_a_cell_of_two_axes_is_flattened_first_axis_fastest(version: str, tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    if version == "5":
        grid = np.empty((2, 2), dtype=object)
        for k in range(4):
            grid[k % 2, k // 2] = np.array([[float(k)]])
        scipy.io.savemat(path, {"cell": grid})
    else:
        write_mat73(path, {"cell": [np.array([[float(k)]]) for k in range(4)]})
        with h5py.File(path, "r+") as file:
            cell: Any = file["cell"]
            references = cell[()].reshape(2, 2)  # MATLAB's (2, 2), axes the other way round
            del file["cell"]
            file.create_dataset("cell", data=references, dtype=h5py.ref_dtype)
    assert [float(part[0, 0]) for part in load_mat(path, ["cell"])["cell"]] == [0, 1, 2, 3]


@pytest.mark.parametrize("userblock", [0, 512])
def test_hdf5_is_read_with_and_without_the_header_of_matlab(userblock: int, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.mat", "w", userblock_size=userblock) as file:
        file["x"] = CUBE
    np.testing.assert_array_equal(load_mat(tmp_path / "a.mat", ["x"])["x"], CUBE.T)


def test_an_empty_array_of_73_is_its_size_and_no_numbers(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.mat", "w", userblock_size=512) as file:
        file["x"] = np.array([0, 7], dtype=np.uint64)
        file["x"].attrs["MATLAB_empty"] = np.uint8(1)
    assert np.shape(load_mat(tmp_path / "a.mat", ["x"])["x"]) == (0, 7)


@pytest.mark.parametrize("version", WRITERS)
def test_a_missing_variable_is_named_beside_those_there(version: str, tmp_path: Path) -> None:
    path = WRITERS[version](tmp_path / "a.mat", {"annot2": CUBE, "cell": CELL})
    words = said(path, "annot2", "annot3")
    assert words.startswith("the variable 'annot3' is missing; the file holds ")
    assert "annot2" in words
    assert "#refs#" not in words


@pytest.mark.parametrize("version", WRITERS)
def test_half_a_download_is_damaged(version: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).standard_normal((100, 100))
    path = WRITERS[version](tmp_path / "a.mat", {"x": noise})
    path.write_bytes(path.read_bytes()[:-3000])
    words = said(path, "x")
    assert words.startswith("this .mat file cannot be read (")
    assert words.endswith("; it is damaged or cut off: download it again")
    assert "\n" not in words


@pytest.mark.parametrize("content", [b"PK\x03\x04" + bytes(600), b"<html>not found</html>"])
def test_another_type_of_file_is_told(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.mat").write_bytes(content)
    assert said(tmp_path / "a.mat", "x").startswith("this is no .mat file of MATLAB 5 or later")


def test_no_file_an_empty_one_and_a_folder(tmp_path: Path) -> None:
    assert "there is no such file" in said(tmp_path / "a.mat", "x")
    (tmp_path / "b.mat").touch()
    assert "empty" in said(tmp_path / "b.mat", "x")
    assert said(tmp_path, "x") == "this is a folder; give a .mat file"


@pytest.mark.parametrize(
    ("value", "kind"),
    [({"a": 1.0}, "struct"), ("words", "char"), (np.array([["text"]], dtype=object), "cell of")],
)
def test_matlab5_other_things_than_numbers_are_refused(
    value: Any, kind: str, tmp_path: Path
) -> None:
    scipy.io.savemat(tmp_path / "a.mat", {"x": value})
    words = said(tmp_path / "a.mat", "x")
    assert words.startswith(f"the variable 'x' is a {kind}")
    assert words.endswith("only numbers and cells of numbers are read: give the dataset's own file")


def test_matlab73_other_things_than_numbers_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    with h5py.File(path, "w") as file:
        file["inner/x"] = CUBE
        file["text"] = np.array([104, 105], dtype=np.uint16)
        file["text"].attrs["MATLAB_class"] = np.bytes_("char")
        file["cell"] = h5py.SoftLink("/text")
        file.create_dataset("cells", data=[file["inner"].ref], dtype=h5py.ref_dtype)
    assert "'inner' is a group or link;" in said(path, "inner")
    assert "'text' is a text;" in said(path, "text")
    assert "'cell' is a group or link;" in said(path, "cell")
    assert "'cells' is a cell, structure or text;" in said(path, "cells")


def test_matlab73_numbers_outside_of_the_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(bytes(80))
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["x"] = CUBE
    path = tmp_path / "a.mat"
    with h5py.File(path, "w") as file:
        file["linked"] = h5py.ExternalLink("other.h5", "/x")
        file.create_dataset("raw", (10,), "f8", external=[(str(tmp_path / "secret"), 0, 80)])
        layout = h5py.VirtualLayout(CUBE.shape, "f8")
        layout[...] = h5py.VirtualSource("other.h5", "x", CUBE.shape)
        file.create_virtual_dataset("virtual", layout)
    assert "'linked' is a group or link;" in said(path, "linked")
    for name in ("raw", "virtual"):
        assert said(path, name).startswith(f"the numbers of {name!r} are in another file")


def test_matlab73_that_claims_more_than_memory_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.mat", "w") as file:
        file.create_dataset("x", (2**34,), "f8", chunks=(2**20,))  # no number is stored
    assert "take more than 4 GiB" in said(tmp_path / "a.mat", "x")


def test_without_h5py_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = write_mat73(tmp_path / "a.mat", {"x": CUBE})
    real = builtins.__import__

    def without(name: str, *args: Any, **named: Any) -> Any:
        if name == "h5py":
            raise ImportError(name)
        return real(name, *args, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    assert "pip install 'langlift[data]'" in said(path, "x")
