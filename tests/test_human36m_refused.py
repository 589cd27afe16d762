"""Human3.6M in VideoPose3D's layout: every kind of wrong file, and what is said of it."""

from pathlib import Path

import numpy as np
import pytest
from human36m_files import (
    in_32,
    pixels,
    save_2d,
    save_3d,
    world_joints,
    write_human36m,
)
from human36m_fixtures import CAMERAS, refused, written

from langlift.datasets.checking.guess import guess_dataset
from langlift.datasets.checking.quality import check_dataset
from langlift.datasets.checking.recording_checks import refuse_misfit
from langlift.datasets.recorded.human36m import Human36m
from langlift.errors import InputError
from langlift.skeletons import HUMAN36M_17


def changed_2d(folder: Path, views) -> Path:
    """A folder whose exact 2D of the only sequence is made anew from the right one."""
    written(folder)
    right = pixels("S9", world_joints("S9", "Walking 1", 6), "gt")
    save_2d(folder, "gt", {"S9": {"Walking 1": views(right)}})
    return folder


def test_a_folder_without_the_files_is_told(tmp_path):
    with pytest.raises(InputError, match=r"there is no such file or folder"):
        Human36m(tmp_path / "none")
    with pytest.raises(InputError, match=r"there is no data_3d_h36m.npz in this folder; make it"):
        Human36m(tmp_path)
    written(tmp_path)
    (tmp_path / "data_2d_h36m_gt.npz").unlink()
    with pytest.raises(InputError, match=r"no 2D beside the 3D \(data_2d_h36m_<source>.npz\)"):
        Human36m(tmp_path)


@pytest.mark.parametrize("name", ["data_3d_h36m.npz", "data_2d_h36m_gt.npz"])
def test_half_a_download_is_told(tmp_path, name):
    file = written(tmp_path) / name
    file.write_bytes(file.read_bytes()[:-1000])
    said = refused(tmp_path)
    assert said.startswith(f"{file}: this cannot be read as npz") and "damaged, cut off" in said


def test_a_folder_in_the_place_of_the_file_is_told(tmp_path):
    written(tmp_path)
    (tmp_path / "data_3d_h36m.npz").unlink()
    (tmp_path / "data_3d_h36m.npz").mkdir()
    assert guess_dataset(tmp_path) == "human36m"
    assert refused(tmp_path) == (
        f"{tmp_path}: data_3d_h36m.npz is a folder where a file should be; put the file of that "
        "name in its place (some unpackers make a folder around it)"
    )


@pytest.mark.parametrize("size", [1e30, 1e60, 1e300])
@pytest.mark.filterwarnings("error")
def test_numbers_too_large_are_refused_without_a_warning(tmp_path, size):
    written(tmp_path)
    world = world_joints("S9", "Walking 1", 6).astype(np.float64)
    world[3, 2] *= size
    save_3d(tmp_path, {"S9": {"Walking 1": in_32(world)}})
    assert check_dataset(Human36m(tmp_path)).level in ("warning", "error")
    if size > 1e38:
        assert "NaN or infinite 3D joints" in refused(tmp_path)


def test_the_wrong_file_is_told(tmp_path):
    written(tmp_path)
    (tmp_path / "data_2d_h36m_gt.npz").rename(tmp_path / "data_3d_h36m.npz")
    np.savez(tmp_path / "data_2d_h36m_gt.npz", positions_2d={})
    said = refused(tmp_path)
    assert "the array 'positions_3d' is missing; the file holds positions_2d, metadata" in said
    written(tmp_path)
    np.savez(tmp_path / "data_2d_h36m_gt.npz", positions_2d={})
    assert "the array 'metadata' is missing; the file holds positions_2d" in refused(tmp_path)


@pytest.mark.parametrize(
    "value",
    [{}, {"S9": {}}, np.zeros((3, 32, 3)), {"S9": np.zeros((3, 32, 3))}, {"S9": [1]}, {1: {}}],
)
def test_another_layout_is_told(tmp_path, value):
    written(tmp_path)
    save_3d(tmp_path, value)
    assert "it must be a dictionary by name: give the data set's own file" in refused(tmp_path)


def test_a_call_in_the_file_is_refused(tmp_path):
    class Call:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    written(tmp_path)
    save_3d(tmp_path, {"S9": {"Walking 1": Call()}})
    assert "data_3d_h36m.npz: it holds code (it asks for" in refused(tmp_path)
    assert not (tmp_path / "ran").exists()


def test_2d_of_other_subjects_or_sequences_is_told(tmp_path):
    write_human36m(tmp_path, ("S9", "S11"), ("Walking 1",), frames=6, sources=("gt",))
    written(tmp_path / "other")
    (tmp_path / "other" / "data_2d_h36m_gt.npz").replace(tmp_path / "data_2d_h36m_gt.npz")
    assert refused(tmp_path) == (
        f"{tmp_path / 'data_2d_h36m_gt.npz'}: there is no 2D of S11/Walking 1, of which there is "
        "3D in data_3d_h36m.npz; the two do not belong together: get both anew"
    )


def test_2d_without_3d_is_listed_and_left_out(tmp_path):
    written(tmp_path)
    right = pixels("S9", world_joints("S9", "Walking 1", 6), "gt")
    save_2d(tmp_path, "gt", {"S9": {"Walking 1": right, "Eating": right}, "S2": {"Eating": right}})
    dataset = Human36m(tmp_path)
    lacking = {e.name for e in dataset.entries() if e.frames_3d is None}
    assert lacking == {f"{s}/Eating/{c}" for s in ("S9", "S2") for c in CAMERAS}
    assert {r.action for r in dataset.recordings("gt")} == {"Walking"}


def test_three_cameras_are_told(tmp_path):
    changed_2d(tmp_path, lambda right: right[:3])
    assert "S9/Walking 1 has 2D of 3 cameras; it must be a list of 4 (54138969, 55011271, " in (
        refused(tmp_path)
    )
    lengths = [len(e.frames_2d) for e in Human36m(tmp_path).entries()]
    assert lengths == [1, 1, 1, 0]


def test_2d_that_ends_too_early_is_told(tmp_path):
    changed_2d(tmp_path, lambda right: [xy[:5] for xy in right])
    assert "S9/Walking 1/54138969 has 5 frames of 2D but 6 of 3D; the 2D ends too early" in (
        refused(tmp_path)
    )


@pytest.mark.parametrize(
    ("bad", "words"), [(np.nan, " has NaN or infinite 2D points"), (np.inf, ": xy holds infinite")]
)
def test_2d_that_is_not_finite_is_told(tmp_path, bad, words):
    def spoiled(right):
        right[2][3, 4, 0] = bad
        return right

    changed_2d(tmp_path, spoiled)
    assert f"S9/Walking 1/58860488{words}" in refused(tmp_path)


def test_3d_that_is_not_finite_is_told(tmp_path):
    written(tmp_path)
    world = world_joints("S9", "Walking 1", 6)
    world[3, 2] = np.nan
    save_3d(tmp_path, {"S9": {"Walking 1": in_32(world)}})
    said = refused(tmp_path)
    assert "data_3d_h36m.npz: recording 'S9/Walking 1/54138969' has NaN or infinite 3D" in said


def test_the_variant_of_16_joints_is_told_with_a_remedy(tmp_path):
    written(tmp_path)
    save_2d(tmp_path, "hr", {"S9": {"Walking 1": [np.ones((6, 16, 2))] * 4}}, joints=16)
    assert refused(tmp_path, "hr") == (
        f"{tmp_path / 'data_2d_h36m_hr.npz'}: it has 16 joints, the variant without neck_nose "
        "(joint 9); langlift takes 17: use a file with all of them, such as "
        "data_2d_h36m_cpn_ft_h36m_dbb.npz"
    )


@pytest.mark.parametrize(
    ("about", "words"),
    [
        ({}, "metadata is an empty dictionary"),
        ({"num_joints": 17}, "its metadata names 17 joints with layout None; known are 17 with [["),
        (
            {"num_joints": 17, "keypoints_symmetry": [[1], [2]]},
            "17 joints with left and right [[1]",
        ),
        (17, "metadata is of type ndarray; it must be a dictionary by name"),
    ],
)
def test_2d_of_unknown_joints_is_told(tmp_path, about, words):
    written(tmp_path)
    np.savez(tmp_path / "data_2d_h36m_gt.npz", positions_2d={}, metadata=about)
    assert words in refused(tmp_path)


def test_the_sides_of_the_2d_may_be_listed_in_any_order(tmp_path):
    """One rule with `humaneva` and with ``langlift lift``."""
    written(tmp_path)
    right = pixels("S9", world_joints("S9", "Walking 1", 6), "gt")
    sides = [[13, 12, 11, 6, 5, 4], [16, 1, 15, 2, 14, 3]]
    about = {"num_joints": 17, "keypoints_symmetry": sides}
    file = tmp_path / "data_2d_h36m_gt.npz"
    np.savez(file, positions_2d={"S9": {"Walking 1": right}}, metadata=about)
    assert next(Human36m(tmp_path).recordings("gt")).keypoints.skeleton == HUMAN36M_17


@pytest.mark.parametrize(
    ("shape", "said"),
    [((6, 17, 3), r"must be (f, 17, 2)"), ((6, 16, 2), r"must be (f, 17, 2)")],
)
def test_2d_of_another_shape_is_told(tmp_path, shape, said):
    changed_2d(tmp_path, lambda right: [np.ones(shape)] * 4)
    assert said in refused(tmp_path)


def test_2d_far_outside_the_image_is_told_by_name(tmp_path):
    changed_2d(tmp_path, lambda right: [xy * 1000 for xy in right])
    assert "data_2d_h36m_gt.npz: S9/Walking 1/54138969: a joint lies at" in refused(tmp_path)


def test_3d_of_another_number_of_joints_is_told(tmp_path):
    written(tmp_path)
    save_3d(tmp_path, {"S9": {"Walking 1": np.ones((6, 25, 3))}})
    assert "the 3D of S9/Walking 1 has shape (6, 25, 3); it must be (frames, 32, 3)" in (
        refused(tmp_path)
    )


def test_what_is_no_array_of_numbers_is_told(tmp_path):
    written(tmp_path)
    save_3d(tmp_path, {"S9": {"Walking 1": "text"}})
    assert "the 3D of S9/Walking 1 is no array of numbers (str)" in refused(tmp_path)
    changed_2d(tmp_path, lambda right: ["text"] * 4)
    assert "the 2D of S9/Walking 1/54138969 is no array of numbers" in refused(tmp_path)


def test_millimetres_are_told(tmp_path):
    written(tmp_path)
    world = world_joints("S9", "Walking 1", 6)
    save_3d(tmp_path, {"S9": {"Walking 1": in_32(world * 1000)}})
    with pytest.raises(InputError, match=r"S9/Walking 1/54138969' \(gt\): legs are .* millimetres"):
        refuse_misfit(next(Human36m(tmp_path).recordings("gt")), "gt")


def test_a_subject_without_calibration_is_told(tmp_path):
    written(tmp_path)
    joints, right = in_32(world_joints("S9", "Walking 1", 6)), [np.ones((6, 17, 2)) * 9] * 4
    save_3d(tmp_path, {"S2": {"Walking 1": joints}})
    save_2d(tmp_path, "gt", {"S2": {"Walking 1": right}})
    assert "unknown Human3.6M subject 'S2'; known: S1" in refused(tmp_path)
