"""MPI-INF-3DHP in every form that people have it in: what is refused, and what is said of it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
from humaneva_files import object_npz
from mpi_inf_3dhp_files import (
    TEST_VIDEOS,
    write_mat5,
    write_mat73,
    write_mpi_inf_3dhp,
)
from mpi_inf_3dhp_fixtures import TEST, TRAIN, changed, read, said

from langlift.datasets.checking.recording_checks import refuse_misfit
from langlift.datasets.recorded.mpi_inf_3dhp import MpiInf3dhp
from langlift.errors import InputError
from langlift.formats.matlab import load_mat
from langlift.formats.object_arrays import load_objects


@pytest.fixture
def npz(tmp_path: Path) -> Path:
    write_mpi_inf_3dhp(tmp_path, tests=TEST_VIDEOS[:2])
    return tmp_path


@pytest.fixture
def mat(tmp_path: Path) -> Path:
    write_mpi_inf_3dhp(tmp_path, layout="mat", sequences=["S1 Seq1"], tests=TEST_VIDEOS[:2])
    return tmp_path


def test_the_annotation_must_be_chosen(npz: Path) -> None:
    assert said(npz, None) == (
        "MPI-INF-3DHP has two kinds of 3D labels, and figures of the two must not be compared; "
        "choose the annotation: 'annot3' (as measured, in the camera's metres; *_ori.npz) or "
        "'univ' (univ_annot3, all bodies scaled to one size; npz files without _ori)"
    )
    assert "unknown annotation of MPI-INF-3DHP 'univ_annot3'; known: annot3, univ; did you" in said(
        npz, "univ_annot3"
    )


def test_the_other_annotation_is_not_taken_instead(npz: Path) -> None:
    assert said(npz, "univ") == (
        f"{npz} holds the npz files of 'annot3' only, and 'univ' was asked for; add "
        "data_train_3dhp.npz and data_test_3dhp.npz, or choose 'annot3', whose figures are others"
    )
    (npz / TRAIN).rename(npz / "data_train_3dhp.npz")
    assert said(npz, "univ", subjects=["TS1"]) == (
        f"{npz} has no data_test_3dhp.npz, only {TEST}, which is 'annot3'; put it there, or ask "
        "for other videos"
    )


def test_folders_without_the_files_are_told(tmp_path: Path) -> None:
    assert "holds neither data_train_3dhp_ori.npz and data_test_3dhp_ori.npz nor" in said(tmp_path)
    assert said(tmp_path / "no").endswith("no: there is no such file or folder; check the path")
    (tmp_path / "file").write_text("x")
    assert "file is a file; give the folder" in said(tmp_path / "file")


def test_npz_beside_the_original_folders_are_refused(npz: Path) -> None:
    write_mpi_inf_3dhp(npz, layout="mat", tests=["TS1"], sequences=())
    assert "holds npz files and the original folders, which may differ" in said(npz)


def test_videos_that_are_not_there_are_told(tmp_path: Path) -> None:
    write_mpi_inf_3dhp(tmp_path, tests=["TS1"], sequences=())
    assert said(tmp_path, subjects=["TS9"]).startswith("unknown subject 'TS9'; known: TS1, TS2, ")
    assert said(tmp_path, subjects=["TS3"]).startswith("the files lack TS3 (there are TS1 in ")
    assert said(tmp_path, subjects=["S1"]).startswith(f"{tmp_path} has no {TRAIN}; put it there")
    (tmp_path / "mat").mkdir()
    write_mpi_inf_3dhp(tmp_path / "mat", layout="mat", tests=["TS1"], sequences=())
    assert "has no S1/Seq1/annot.mat or its like" in said(tmp_path / "mat", subjects=["S1"])
    with pytest.raises(InputError, match="unknown 2D source 'cpn'; known: gt"):
        list(MpiInf3dhp(tmp_path, "annot3").recordings("cpn"))


def test_half_an_npz_is_refused(npz: Path) -> None:
    (npz / TEST).write_bytes((npz / TEST).read_bytes()[:-500])
    assert said(npz).startswith(f"{npz / TEST}: this cannot be read as npz (")


@pytest.mark.parametrize("name", ["S1/Seq1/annot.mat", "TS1/annot_data.mat"])
def test_half_a_mat_is_refused(name: str, mat: Path) -> None:
    file = mat / name
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    assert said(mat).startswith(f"{file}: this .mat file cannot be read (")


@pytest.mark.parametrize("name", [TRAIN, TEST])
def test_a_pickle_that_calls_is_refused(name: str, npz: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(npz / "made"),)

    object_npz(npz / name, data={"TS1": Evil()})
    assert said(npz).startswith(f"{npz / name}: it holds code (it asks for ")
    assert not (npz / "made").exists()


@pytest.mark.parametrize("layout", ["npz", "mat"])
def test_metres_are_told(layout: str, tmp_path: Path) -> None:
    write_mpi_inf_3dhp(tmp_path, layout=layout, unit=0.001)
    for recording in (found := read(tmp_path)).values():
        with pytest.raises(
            InputError, match=r"legs are 0\.000\d+ m long, a person's are .*kilomet"
        ):
            refuse_misfit(recording, "gt")
    assert "TS1" in found


def test_a_video_without_a_valid_frame_is_refused(npz: Path) -> None:
    changed(npz / TEST, lambda data: data["TS2"]["valid"].fill(0))
    assert said(npz) == (
        f"{npz / TEST}: TS2 has no valid frame, so there is nothing to score; fetch the file again"
    )


@pytest.mark.parametrize("what", ["data_2d", "data_3d"])
@pytest.mark.filterwarnings("error")
def test_numbers_too_large_are_refused_without_a_warning(what: str, npz: Path) -> None:
    changed(npz / TEST, lambda data: data["TS1"][what][5:7].fill(1e300))
    assert re.search("'TS1' has NaN or infinite 3D joints|xy holds infinite", said(npz))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda v: v.update(data_2d=v["data_2d"][:-2]), "TS1 has 11 frames of 2D but 13 of 3D; th"),
        (lambda v: v.update(data_3d=v["data_3d"][:-2]), "TS1 has 13 frames of 2D but 11 of 3D; th"),
        (lambda v: v.update(valid=v["valid"][1:]), "TS1 has 13 frames of 2D but 12 of valid; they"),
        (
            lambda v: v.update(data_3d=v["data_3d"][:, :16]),
            "has shape (13, 16, 3); it must be (f, ",
        ),
        (lambda v: v.update(valid=v["valid"] * 2), "TS1 has marks of validity other than 0 and 1;"),
        (lambda v: v.pop("valid"), "TS1 lacks 'valid' and holds data_2d, data_3d; the file is of "),
        (lambda v: v.update(data_2d="x"), "data_2d of TS1 is no array of numbers (str); give the "),
    ],
)
def test_parts_that_do_not_belong_together(
    change: Callable[[Any], Any], words: str, npz: Path
) -> None:
    changed(npz / TEST, lambda data: change(data["TS1"]))
    told = said(npz)
    assert told.startswith(f"{npz / TEST}: ")
    assert words in told


def test_other_structures_of_the_npz_are_refused(npz: Path) -> None:
    object_npz(npz / TEST, data={"TS7": load_objects(npz / TEST, ["data"])["data"]["TS1"]})
    assert "unknown subject 'TS7'; known: TS1, " in said(npz, subjects=["TS7"])
    object_npz(npz / TRAIN, data={"S1 Seq1": [3]})
    assert "S1 Seq1 is of type list; it must hold a dictionary by camera" in said(npz)
    object_npz(npz / TRAIN, data=[1])
    assert "data is of type list; it must be a dictionary by name" in said(npz)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda v: v.pop("annot3"), "the variable 'annot3' is missing; the file holds annot2"),
        (lambda v: v.update(annot3=v["annot3"][:5]), "annot3 is a cell of 5; it must be a cell wi"),
        (lambda v: v.update(annot3=np.ones((3, 3))), "annot3 is no cell; it must be a cell with "),
        (
            lambda v: v["annot3"].__setitem__(0, v["annot3"][0][:, :51]),
            "annot3 has shape (12, 51); it must be (f, 84)",
        ),
        (
            lambda v: v["annot2"].__setitem__(0, v["annot2"][0][:9]),
            "S1 Seq1/0 has 9 frames of 2D but 12 of 3D; they must be of the same video",
        ),
    ],
)
def test_other_training_files_are_refused(
    change: Callable[[Any], Any], words: str, mat: Path
) -> None:
    file = mat / "S1" / "Seq1" / "annot.mat"
    values: dict[str, Any] = load_mat(file, ["annot2", "annot3"])
    change(values)
    write_mat5(file, values)
    told = said(mat)
    assert told.startswith(f"{file}: ")
    assert words in told


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        (
            "activity_annotation",
            np.full((1, 13), 8.0),
            "TS1 has activity 8; it must be from 1 to 7",
        ),
        ("activity_annotation", np.ones((1, 9)), "TS1 has 13 frames of 2D but 9 of activities;"),
        ("annot3", np.ones((3, 16, 1, 13)), "annot3 has shape (3, 16, 1, 13); it must be (f, 1, "),
        ("annot2", [np.ones((2, 17))], "annot2 is no array of numbers (list)"),
    ],
)
def test_other_test_files_are_refused(name: str, value: Any, words: str, mat: Path) -> None:
    file = mat / "TS1" / "annot_data.mat"
    names = ("annot2", "annot3", "valid_frame", "activity_annotation")
    write_mat73(file, load_mat(file, names) | {name: value})
    told = said(mat)
    assert told.startswith(f"{file}: ")
    assert words in told


def test_a_mat_of_another_type_is_told(mat: Path) -> None:
    scipy.io.savemat(mat / "TS1" / "annot_data.mat", {"annot2": np.ones(3)}, format="4")
    assert "annot_data.mat: this is no .mat file of MATLAB 5 or later" in said(mat)
