"""HumanEva-I as its users have it: what is read, where the cameras stand, and what is refused."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from humaneva_files import ACTIONS, SUBJECTS, object_npz, write_humaneva

from langlift.datasets.checking.recording_checks import refuse_misfit
from langlift.datasets.recorded.humaneva import HumanEva
from langlift.datasets.recordings import Recording
from langlift.datasets.registry import open_dataset
from langlift.errors import InputError
from langlift.formats.object_arrays import load_objects
from langlift.geometry.cameras import Camera
from langlift.geometry.humaneva import (
    CAMERAS,
    humaneva_placement,
    humaneva_to_camera,
)

FILE_3D = "data_3d_humaneva15.npz"
FILE_GT = "data_2d_humaneva15_gt.npz"
FILE_COCO = "data_2d_humaneva15_detectron_pt_coco.npz"


def read(folder: Path, source: str = "gt", **asked: Any) -> dict[str, Recording]:
    return {r.name: r for r in HumanEva(folder).recordings(source, **asked)}


def said(folder: Path, source: str = "gt", **asked: Any) -> str:
    with pytest.raises(InputError) as caught:
        read(folder, source, **asked)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def changed(file: Path, name: str, change: Callable[[Any], Any]) -> None:
    """Write a file again with one of its objects changed in place."""
    names = ["positions_3d"] if name == "positions_3d" else ["positions_2d", "metadata"]
    stored = load_objects(file, names)
    change(stored[name])
    object_npz(file, **stored)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_humaneva(tmp_path)
    return tmp_path


def test_3d_is_in_the_space_of_each_camera(tmp_path: Path) -> None:
    truth = write_humaneva(tmp_path)
    found = read(tmp_path)
    assert list(found) == list(truth)
    assert len(found) == len(SUBJECTS) * len(ACTIONS) * len(CAMERAS)
    for name, recording in found.items():
        np.testing.assert_allclose(recording.joints, truth[name], atol=1e-5)
        assert recording.joints.dtype == np.float32
        assert recording.skeleton.name == "humaneva_15"
        assert recording.lens is None
        assert recording.placed
        assert recording.scored is None
        assert recording.keypoints.fps == 60
        assert recording.keypoints.image_size == (640, 480)


def test_2d_lies_on_the_3d(folder: Path) -> None:
    for recording in read(folder).values():
        seen = Camera.assumed((640, 480)).project(recording.joints)
        np.testing.assert_allclose(recording.keypoints.xy, seen, atol=0.01)


def test_names_and_labels_are_those_of_the_files(folder: Path) -> None:
    found = read(folder)["Validate/S2/Jog 1 chunk0/C3"]
    assert (found.subject, found.action, found.camera) == ("Validate/S2", "Jog", "C3")
    entry = next(e for e in HumanEva(folder).entries() if e.name == found.name)
    assert (entry.key, entry.action, entry.frames_3d) == ("Jog 1 chunk0", "Jog", 12)
    assert entry.frames_2d == {"gt": 12, "detectron_pt_coco": 12}
    assert HumanEva(folder).subjects == SUBJECTS


def test_sources_are_the_files_that_are_there(folder: Path) -> None:
    dataset = open_dataset("humaneva", folder)
    assert set(dataset.sources()) == {"gt", "detectron_pt_coco"}
    assert dataset.facts()["files"] == [FILE_3D, FILE_COCO, FILE_GT]


def test_detections_are_in_the_joints_of_coco(folder: Path) -> None:
    recording = next(HumanEva(folder).recordings("detectron_pt_coco"))
    assert recording.keypoints.skeleton.name == "coco_17"
    assert recording.keypoints.xy.shape == (12, 17, 2)
    knee = recording.keypoints.xy[:, recording.keypoints.skeleton.index("left_knee")]
    truth = recording.joints[:, recording.skeleton.index("left_knee")]
    np.testing.assert_allclose(Camera.assumed((640, 480)).project(truth), knee, atol=0.01)


def test_subjects_and_actions_choose(folder: Path) -> None:
    found = read(folder, subjects=["Validate/S1"], actions=["Walking", "Box"])
    assert {r.subject for r in found.values()} == {"Validate/S1"}
    assert {r.action for r in found.values()} == {"Walking", "Box"}
    assert len(found) == 3 * len(CAMERAS)


def test_unlabeled_has_no_class_and_is_left_out_without_3d(tmp_path: Path) -> None:
    write_humaneva(tmp_path, subjects=["Train/S1"], unlabeled=True)
    dataset = HumanEva(tmp_path)
    assert dataset.subjects == ("Train/S1", "Unlabeled/S1"), "who has no 3D is in the 2D alone"
    counts = {e.subject: e.frames_3d for e in dataset.entries()}
    assert counts == {"Train/S1": 12, "Unlabeled/S1": 12, "Unlabeled/S2": None}
    found = [r for r in dataset.recordings("gt") if r.subject.startswith("Unlabeled")]
    assert {r.subject for r in found} == {"Unlabeled/S1"}
    assert {r.action for r in found} == {""}


def test_2d_beyond_the_3d_is_cut(tmp_path: Path) -> None:
    write_humaneva(tmp_path, subjects=["Train/S1"], extra_2d=5)
    found = next(HumanEva(tmp_path).recordings("gt"))
    assert len(found) == len(found.keypoints) == 12
    assert HumanEva(tmp_path).entries()[0].frames_2d["gt"] == 17


def test_2d_far_beyond_the_3d_is_refused(tmp_path: Path) -> None:
    write_humaneva(tmp_path, subjects=["Train/S1"], extra_2d=11)
    assert said(tmp_path) == (
        f"{tmp_path / FILE_GT}: Train/S1/Walking 1 chunk0/C1 has 23 frames of 2D but 12 of 3D, and "
        "a detector goes on for 10 at most; part of the 3D is missing, or they are of two videos: "
        "get both files anew"
    )


def test_2d_that_ends_before_the_3d_is_refused(tmp_path: Path) -> None:
    write_humaneva(tmp_path, subjects=["Train/S1"], extra_2d=-2)
    assert said(tmp_path) == (
        f"{tmp_path / FILE_GT}: Train/S1/Walking 1 chunk0/C1 has 10 frames of 2D but 12 of 3D; the "
        "2D ends too early or is of another video: get both files anew"
    )


def test_millimetres_are_told(tmp_path: Path) -> None:
    write_humaneva(tmp_path, subjects=["Train/S1"], unit=1000)
    with pytest.raises(InputError, match=r"Walking 1 chunk0/C1' \(gt\): legs are .* millimetres"):
        refuse_misfit(next(HumanEva(tmp_path).recordings("gt")), "gt")


def test_a_folder_without_the_files_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no data_3d_humaneva15\.npz in this folder"):
        HumanEva(tmp_path)
    write_humaneva(tmp_path, subjects=["Train/S1"], sources=())
    with pytest.raises(InputError, match=r"no 2D beside the 3D \(data_2d_humaneva15_<source>"):
        HumanEva(tmp_path)


@pytest.mark.parametrize("name", [FILE_3D, FILE_GT])
def test_half_a_download_is_refused(name: str, folder: Path) -> None:
    file = folder / name
    file.write_bytes(file.read_bytes()[:-500])
    assert said(folder).startswith(f"{file}: this cannot be read as npz (")


def test_2d_in_the_place_of_3d_is_refused(folder: Path) -> None:
    (folder / FILE_3D).write_bytes((folder / FILE_GT).read_bytes())
    assert said(folder).startswith(f"{folder / FILE_3D}: the array 'positions_3d' is missing; ")


@pytest.mark.parametrize("name", [FILE_3D, FILE_GT])
def test_a_pickle_that_calls_is_refused(name: str, folder: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(folder / "made"),)

    key = "positions_3d" if name == FILE_3D else "positions_2d"
    object_npz(folder / name, **{key: {"Train/S1": Evil()}, "metadata": {}})
    words = said(folder)
    assert words.startswith(f"{folder / name}: it holds code (it asks for ")
    assert not (folder / "made").exists()


def test_unknown_names_are_told(folder: Path) -> None:
    assert "unknown 2D source 'cpn'; known: detectron_pt_coco, gt" in said(folder, "cpn")
    assert "unknown subject 'S1'; known: Train/S1" in said(folder, subjects=["S1"])
    assert "unknown action 'Walk'; known: Box, Jog, Walking" in said(folder, actions=["Walk"])


def test_missing_2d_of_one_video_is_told(folder: Path) -> None:
    changed(folder / FILE_GT, "positions_2d", lambda p: p["Train/S2"].pop("Jog 1 chunk0"))
    assert said(folder).startswith(
        f"{folder / FILE_GT}: there is no 2D of Train/S2/Jog 1 chunk0, of which there is 3D in "
    )
    entry = next(e for e in HumanEva(folder).entries() if e.name == "Train/S2/Jog 1 chunk0/C1")
    assert entry.frames_2d == {"detectron_pt_coco": 12}
    assert read(folder, subjects=["Train/S1"])


def test_missing_3d_of_one_video_is_told(folder: Path) -> None:
    changed(folder / FILE_3D, "positions_3d", lambda p: p["Train/S2"].pop("Jog 1 chunk0"))
    assert said(folder).startswith(
        f"{folder / FILE_3D}: there is no 3D of Train/S2/Jog 1 chunk0, of which there is 2D; "
    )


def test_a_video_of_another_source_alone_is_no_fault_of_this_one(folder: Path) -> None:
    for file, name in ((FILE_GT, "positions_2d"), (FILE_3D, "positions_3d")):
        changed(folder / file, name, lambda p: p["Train/S2"].pop("Jog 1 chunk0"))
    assert len(read(folder)) == (len(SUBJECTS) * len(ACTIONS) - 1) * len(CAMERAS)
    assert "there is no 3D of Train/S2/Jog 1 chunk0" in said(folder, "detectron_pt_coco")


def test_a_lost_camera_is_told(folder: Path) -> None:
    changed(folder / FILE_GT, "positions_2d", lambda p: p["Train/S1"]["Box 1 chunk0"].pop())
    assert "Train/S1/Box 1 chunk0 has 2D of 2 cameras; it must be a list of 3 (C1, C2, C3)" in (
        said(folder)
    )


def test_another_number_of_joints_is_told(folder: Path) -> None:
    def fewer(p: Any) -> None:
        p["Train/S1"]["Box 1 chunk0"] = p["Train/S1"]["Box 1 chunk0"][:, :14]

    changed(folder / FILE_3D, "positions_3d", fewer)
    assert said(folder) == (
        f"{folder / FILE_3D}: the 3D of Train/S1/Box 1 chunk0 has shape (12, 14, 3); it must be "
        "(f, 15, 3)"
    )


def test_a_missing_joint_is_told(folder: Path) -> None:
    changed(
        folder / FILE_3D,
        "positions_3d",
        lambda p: p["Train/S1"].update({"Box 1 chunk0": np.full((12, 15, 3), np.nan)}),
    )
    assert "recording 'Train/S1/Box 1 chunk0/C1' has NaN or infinite 3D joints" in said(folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: m.update(num_joints=16), "its metadata names 16 joints with left and right"),
        (lambda m: m.update(num_joints="15"), "its metadata names '15' joints with left and"),
        (
            lambda m: m["keypoints_symmetry"].reverse(),
            "names 15 joints with left and right [[5, 6, 7, ",
        ),
        (
            lambda m: m.update(keypoints_symmetry=[["a"], None]),
            "names 15 joints with left and right None; known are 15 ",
        ),
        (
            lambda m: m.update(keypoints_symmetry=7),
            "names 15 joints with left and right None; known are 15 ",
        ),
        (lambda m: m.pop("num_joints"), "its metadata names None joints with left and"),
        (lambda m: m.clear(), "metadata is an empty dictionary; it must be a dictionary by name"),
    ],
)
def test_other_joints_of_the_2d_are_refused(
    change: Callable[[Any], None], words: str, folder: Path
) -> None:
    changed(folder / FILE_GT, "metadata", change)
    told = said(folder)
    assert told.startswith(f"{folder / FILE_GT}: ")
    assert words in told


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([1, 2], "positions_3d is of type list; it must be a dictionary by name"),
        (
            {"Train/S1": 3},
            "positions_3d of 'Train/S1' is of type int; it must be a dictionary by name",
        ),
        ({1: {}}, "positions_3d is a dictionary by other things than text"),
        ({"Train/S1": {"Box 1 chunk0": "x"}}, "the 3D of Train/S1/Box 1 chunk0 is no array of n"),
    ],
)
def test_another_structure_is_refused(value: Any, words: str, folder: Path) -> None:
    seen = {"Train/S1": {"Box 1 chunk0": [np.zeros((12, 15, 2))] * 3}}
    sides = [[2, 3, 4, 8, 9, 10], [5, 6, 7, 11, 12, 13]]
    (folder / FILE_COCO).unlink()
    object_npz(folder / FILE_3D, positions_3d=value)
    object_npz(
        folder / FILE_GT,
        positions_2d=seen,
        metadata={"num_joints": 15, "keypoints_symmetry": sides},
    )
    told = said(folder)
    assert told.startswith(f"{folder / FILE_3D}: ")
    assert words in told


def test_nothing_is_decoded_before_it_is_asked_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any) -> None:
        raise AssertionError("a file was decoded")

    monkeypatch.setattr("langlift.datasets.recorded.videopose_layout.load_objects", never)
    assert HumanEva(folder).sources() == ("detectron_pt_coco", "gt")


def test_distances_are_the_same_in_every_camera() -> None:
    points = np.random.default_rng(0).standard_normal((20, 3))
    for subject in SUBJECTS:
        for camera in CAMERAS:
            there = humaneva_to_camera(points, subject, camera)
            apart = np.linalg.norm(points[1:] - points[:-1], axis=1)
            seen = np.linalg.norm(there[1:] - there[:-1], axis=1)
            np.testing.assert_allclose(seen, apart, atol=1e-9)


def test_cameras_look_at_the_floor_from_the_side_with_up_upwards() -> None:
    for subject in ("S1", "S2", "S3"):
        for camera in CAMERAS:
            floor, head = humaneva_to_camera(
                np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 1.7]]), subject, camera
            )
            assert 3.5 < floor[2] < 4.7
            assert head[1] < floor[1] - 1.5


def test_cameras_stand_where_the_calibration_says() -> None:
    orientation, position = humaneva_placement("Validate/S2", "C2")
    np.testing.assert_allclose(position, [0.923574, -3.8779243, 1.5045518])
    np.testing.assert_allclose(orientation, [0.6501393, -0.7476588, -0.0954617, 0.0959808], 1e-5)
    np.testing.assert_allclose(humaneva_to_camera(position, "S2", "C2"), 0, atol=1e-12)
    s1, s3 = (humaneva_placement(s, "C1")[1] for s in ("S1", "S3"))
    np.testing.assert_allclose(s3 - s1, [1e-7, 0, 0], atol=1e-12)


def test_unknown_subjects_and_cameras_have_no_calibration() -> None:
    with pytest.raises(InputError, match="unknown HumanEva subject 'Train/S4'; known: S1, S2, S3"):
        humaneva_placement("Train/S4", "C1")
    with pytest.raises(InputError, match="unknown HumanEva camera 'BW1'; known: C1, C2, C3"):
        humaneva_placement("S1", "BW1")
