"""MPI-INF-3DHP in every form that people have it in: what is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from humaneva_files import object_npz
from mpi_inf_3dhp_files import (
    CHEST_HIGH,
    LARGER,
    TEST_VIDEOS,
    write_mat5,
    write_mat73,
    write_mpi_inf_3dhp,
)
from mpi_inf_3dhp_fixtures import TEST, TRAIN, changed, read, said

from langlift.datasets.checking.recording_checks import refuse_misfit
from langlift.datasets.recorded.mpi_inf_3dhp import ACTIVITIES, MpiInf3dhp
from langlift.datasets.registry import open_dataset
from langlift.errors import InputError
from langlift.formats.matlab import load_mat
from langlift.geometry.mpi_inf_3dhp import mpi_inf_3dhp_camera

FORMS = [("annot3", "npz"), ("annot3", "mat"), ("univ", "npz"), ("univ", "mat")]


@pytest.fixture
def npz(tmp_path: Path) -> Path:
    write_mpi_inf_3dhp(tmp_path, tests=TEST_VIDEOS[:2])
    return tmp_path


@pytest.fixture
def mat(tmp_path: Path) -> Path:
    write_mpi_inf_3dhp(tmp_path, layout="mat", sequences=["S1 Seq1"], tests=TEST_VIDEOS[:2])
    return tmp_path


@pytest.mark.parametrize(("annotation", "layout"), FORMS)
def test_joints_are_the_metres_of_the_files(annotation: str, layout: str, tmp_path: Path) -> None:
    truth = write_mpi_inf_3dhp(tmp_path, annotation=annotation, layout=layout)
    found = read(tmp_path, annotation)
    assert list(found) == list(truth)
    for name, recording in found.items():
        np.testing.assert_allclose(recording.joints, truth[name], atol=1e-6)
        assert recording.joints.dtype == np.float32
        assert recording.skeleton.name == "mpi_inf_3dhp_17"
        assert recording.placed
        assert recording.subject == name[: 3 if name.startswith("TS") else 2]


def test_both_forms_of_the_files_give_the_same(tmp_path: Path) -> None:
    found = []
    for layout in ("npz", "mat"):
        (tmp_path / layout).mkdir()
        write_mpi_inf_3dhp(tmp_path / layout, layout=layout, cameras=CHEST_HIGH)
        found.append(read(tmp_path / layout))
    first, second = found
    assert list(first) == list(second)
    for name, recording in first.items():
        np.testing.assert_array_equal(recording.joints, second[name].joints)
        np.testing.assert_array_equal(recording.keypoints.xy, second[name].keypoints.xy)
        np.testing.assert_array_equal(recording.counted, second[name].counted)


@pytest.mark.parametrize("layout", ["npz", "mat"])
def test_test_cameras_project_3d_onto_2d(layout: str, tmp_path: Path) -> None:
    write_mpi_inf_3dhp(tmp_path, layout=layout, sequences=())
    found = read(tmp_path)
    assert list(found) == list(TEST_VIDEOS)
    for name, recording in found.items():
        assert recording.lens == mpi_inf_3dhp_camera(name)
        assert recording.lens is not None
        seen = recording.lens.project(recording.joints)
        np.testing.assert_allclose(seen, recording.keypoints.xy, atol=0.01)
    sizes = [found[name].keypoints.image_size for name in TEST_VIDEOS]
    assert sizes == [(2048, 2048)] * 4 + [(1920, 1080)] * 2


@pytest.mark.parametrize(("annotation", "layout"), FORMS)
def test_lenses_only_where_they_are_known(annotation: str, layout: str, tmp_path: Path) -> None:
    write_mpi_inf_3dhp(tmp_path, annotation=annotation, layout=layout)
    for name, recording in read(tmp_path, annotation).items():
        known = annotation == "annot3" and name.startswith("TS")
        assert (recording.lens is not None) == known


def test_the_two_annotations_differ_by_the_size_of_the_body(tmp_path: Path) -> None:
    write_mpi_inf_3dhp(tmp_path, layout="mat", sequences=["S1 Seq1"])
    measured, univ = read(tmp_path, "annot3"), read(tmp_path, "univ")
    assert list(measured) == list(univ)
    for name, recording in measured.items():
        other = univ[name]
        np.testing.assert_array_equal(recording.keypoints.xy, other.keypoints.xy)
        np.testing.assert_allclose(recording.relative, LARGER * other.relative, atol=1e-5)
        knee, hip = (recording.skeleton.index(j) for j in ("left_knee", "left_hip"))
        thigh, shorter = (
            np.linalg.norm(r.joints[:, knee] - r.joints[:, hip], axis=1) for r in (recording, other)
        )
        np.testing.assert_allclose(thigh / shorter, 1.0467, atol=1e-4)


@pytest.mark.parametrize("layout", ["npz", "mat"])
def test_valid_frames_are_counted_from_the_data(layout: str, tmp_path: Path) -> None:
    write_mpi_inf_3dhp(tmp_path, layout=layout, invalid=[1, 4, 5], sequences=["S1 Seq1"])
    found = read(tmp_path)
    for n, name in enumerate(TEST_VIDEOS, 1):
        assert np.flatnonzero(~found[name].counted).tolist() == [1, 4, 5]
        assert found[name].counted.sum() == 12 + n - 3
    assert found["S1 Seq1/0"].scored is None


def test_frames_that_do_not_count_may_be_empty(npz: Path) -> None:
    def emptied(data: Any) -> None:
        data["TS1"]["data_3d"] = (
            np.where(data["TS1"]["valid"][:, None, None], 1, np.nan) * (data["TS1"]["data_3d"])
        )

    changed(npz / TEST, emptied)
    recording = read(npz, subjects=["TS1"])["TS1"]
    np.testing.assert_array_equal(np.isnan(recording.joints).any(axis=(1, 2)), ~recording.counted)


def test_a_frame_that_counts_must_not_be_empty(npz: Path) -> None:
    changed(npz / TEST, lambda data: data["TS1"].update(data_3d=np.full((13, 17, 3), np.nan)))
    assert said(npz, subjects=["TS1"]).startswith(
        f"{npz / TEST}: recording 'TS1' has NaN or infinite 3D joints in frames that count"
    )


def test_activities_are_of_frames(mat: Path) -> None:
    recording = read(mat)["TS1"]
    assert recording.frame_actions is not None
    assert recording.frame_actions.tolist() == [ACTIVITIES[f % 7] for f in range(13)]
    assert read(mat)["S1 Seq1/0"].frame_actions is None


def test_actions_choose_frames(mat: Path) -> None:
    found = read(mat, actions=["Sitting", "Standing/Walking"])
    assert list(found) == ["TS1", "TS2"]
    # Frames 0 and 3 are not valid; activities repeat after seven.
    assert np.flatnonzero(found["TS1"].counted).tolist() == [2, 7, 9]
    assert len(found["TS1"]) == 13
    assert "unknown action 'Jumping'; known: Exercising, " in said(mat, actions=["Jumping"])


def test_the_npz_have_no_activities(npz: Path) -> None:
    assert read(npz)["TS1"].frame_actions is None
    assert said(npz, actions=["Sitting"]) == (
        f"{npz} has no activities ('Sitting' was asked for), because the npz files leave them out; "
        "give the original folders, or ask for none"
    )


def test_entries_and_what_a_whole_copy_holds(npz: Path) -> None:
    dataset = open_dataset("mpi-inf-3dhp", npz, annotation="annot3")
    entry = dataset.entries()[0]
    assert (entry.name, entry.subject, entry.key) == ("S1 Seq1/0", "S1", "S1 Seq1")
    assert (entry.camera, entry.frames_3d, entry.frames_2d) == ("0", 12, {"gt": 12})
    assert [e.frames_3d for e in dataset.entries() if e.key == "TS2"] == [14]
    assert {e.subject for e in dataset.entries()} == {"S1", "S2", "TS1", "TS2"}
    assert dataset.subjects == tuple(dataset.expected()), "the names of the files tell no more"
    assert list(dataset.expected()) == [*(f"S{n}" for n in range(1, 9)), *TEST_VIDEOS]
    assert dataset.expected()["S3"] == ("S3 Seq1", "S3 Seq2")
    assert dataset.facts() == {
        "data": "mpi-inf-3dhp",
        "annotation": "annot3",
        "files": [TRAIN, TEST],
    }


def test_subjects_that_the_npz_leave_out_are_told(npz: Path) -> None:
    assert said(npz, subjects=["S1", "S3", "TS1"]) == (
        f"the files lack S3 (there are S1, S2 in {TRAIN}); get the whole files, or name only "
        "subjects that are there"
    )


def test_of_fourteen_cameras_those_at_the_chest_are_read(mat: Path) -> None:
    cameras = [e.camera for e in MpiInf3dhp(mat, "annot3").entries() if e.subject == "S1"]
    assert cameras == [str(c) for c in CHEST_HIGH]
    stored: Any = load_mat(mat / "S1" / "Seq1" / "annot.mat", ["annot3"])["annot3"]
    assert stored[8].shape == (12, 84)
    found = read(mat)["S1 Seq1/8"].joints
    np.testing.assert_allclose(found[:, 14], stored[8].reshape(12, 28, 3)[:, 4] / 1000, atol=1e-6)
    np.testing.assert_allclose(found[:, 0], stored[8].reshape(12, 28, 3)[:, 7] / 1000, atol=1e-6)


def test_a_sequence_without_its_list_is_read_too(tmp_path: Path) -> None:
    truth = write_mpi_inf_3dhp(tmp_path, boxed=False, tests=())
    assert list(read(tmp_path)) == list(truth)


def test_numbers_as_names_of_cameras_are_read_too(npz: Path) -> None:
    changed(npz / TRAIN, lambda d: d.update({"S1 Seq1": [{0: d["S1 Seq1"][0]["0"]}]}))
    assert list(read(npz, subjects=["S1"])) == ["S1 Seq1/0"]


def test_test_files_of_either_matlab_and_either_order_of_axes(mat: Path) -> None:
    before = read(mat)["TS1"]
    file = mat / "TS1" / "annot_data.mat"
    names = ("annot2", "annot3", "univ_annot3", "valid_frame", "activity_annotation")
    stored: dict[str, Any] = load_mat(file, names)
    turned = {k: v.transpose(3, 2, 1, 0) if v.ndim == 4 else v.T for k, v in stored.items()}
    for write, values in ((write_mat5, stored), (write_mat5, turned), (write_mat73, turned)):
        write(file, values)
        after = read(mat)["TS1"]
        np.testing.assert_array_equal(after.joints, before.joints)
        np.testing.assert_array_equal(after.keypoints.xy, before.keypoints.xy)
        np.testing.assert_array_equal(after.counted, before.counted)


def test_the_folder_of_the_test_set_may_be_kept(mat: Path) -> None:
    (mat / "mpi_inf_3dhp_test_set").mkdir()
    for video in ("TS1", "TS2"):
        (mat / video).rename(mat / "mpi_inf_3dhp_test_set" / video)
    assert {r.subject for r in read(mat).values()} == {"S1", "TS1", "TS2"}


@pytest.mark.parametrize("layout", ["npz", "mat"])
def test_a_part_that_is_not_asked_for_stays_closed(layout: str, tmp_path: Path) -> None:
    write_mpi_inf_3dhp(tmp_path, layout=layout)
    train = tmp_path / (TRAIN if layout == "npz" else "S1/Seq1/annot.mat")
    if layout == "npz":
        object_npz(train, data="not what is read")
    else:
        train.write_bytes(b"nothing")
    assert list(read(tmp_path, subjects=["TS2"])) == ["TS2"]
    assert said(tmp_path).startswith(f"{train}: ")


def test_bodies_of_one_size_are_not_refused(tmp_path: Path) -> None:
    """``univ`` bodies are larger or smaller than the one on the image, and where that one is."""
    write_mpi_inf_3dhp(tmp_path, annotation="univ")
    recordings = read(tmp_path, "univ")
    assert {"S1", "TS1"} <= {recording.subject for recording in recordings.values()}
    for recording in recordings.values():
        refuse_misfit(recording, "gt")  # raises where it would refuse
        root = recording.joints[:, [recording.skeleton.root_index]]
        for scale in (0.75, 1.3):
            other = root + scale * recording.relative
            refuse_misfit(replace(recording, joints=other), "gt")


def test_subjects_are_told_by_names_of_files(mat: Path) -> None:
    for file in mat.rglob("*.mat"):
        file.write_bytes(b"nothing")
    assert MpiInf3dhp(mat, "annot3").subjects == ("S1", "TS1", "TS2")


def test_each_original_file_is_opened_once_for_list_and_frames(
    mat: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def counted(path: Path, names: Sequence[str]) -> Any:
        opened.append(path.parts[-2])
        return load_mat(path, names)

    monkeypatch.setattr("langlift.datasets.recorded.mpi_inf_3dhp_layouts.load_mat", counted)
    dataset = MpiInf3dhp(mat, "annot3")
    assert [e.name for e in dataset.entries("gt", ["TS2"])] == ["TS2"]
    assert [r.name for r in dataset.recordings("gt", ["TS2"])] == ["TS2"]
    assert opened == ["TS2"]


def test_frames_that_do_not_count_need_no_activity(mat: Path) -> None:
    with h5py.File(mat / "TS1" / "annot_data.mat", "r+") as file:
        activities: Any = file["activity_annotation"]
        activities[0] = 0
    labels = read(mat)["TS1"].labels
    assert labels[:2].tolist() == ["", "Exercising"]


def test_cameras_by_hand() -> None:
    studio, outdoors = mpi_inf_3dhp_camera("TS1"), mpi_inf_3dhp_camera("TS6")
    np.testing.assert_allclose(studio.focal, (1500.172288, 1500.172288))
    np.testing.assert_allclose(studio.center, (1017.38733568, 1043.03198208))
    np.testing.assert_allclose(outdoors.focal, (1683.98345952, 1683.98345952))
    np.testing.assert_allclose(outdoors.center, (939.85754016, 560.140743168))
    np.testing.assert_allclose(outdoors.project(np.array([0.0, 0.0, 3.0])), outdoors.center)
    with pytest.raises(InputError, match="unknown test video of MPI-INF-3DHP 'S1'; known: TS1"):
        mpi_inf_3dhp_camera("S1")
