"""Human3.6M in VideoPose3D's layout: joints, cameras, names, and every kind of wrong file."""

from pathlib import Path

import numpy as np
import pytest
from human36m_files import (
    KEPT,
    in_32,
    pixels,
    save_2d,
    save_3d,
    world_joints,
    write_human36m,
)

from langlift.datasets.checking.guess import guess_dataset
from langlift.datasets.checking.quality import check_dataset
from langlift.datasets.checking.recording_checks import refuse_misfit
from langlift.datasets.recorded import videopose_layout
from langlift.datasets.recorded.human36m import ACTIONS, REMOVED, SUBJECTS, Human36m, action_of
from langlift.datasets.registry import open_dataset
from langlift.errors import InputError
from langlift.geometry.human36m import human36m_cameras
from langlift.skeletons import COCO_17, HUMAN36M_17

CAMERAS = ("54138969", "55011271", "58860488", "60457274")


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Human36m:
    """Two subjects, three sequences, 2D three frames longer than the 3D."""
    folder = tmp_path_factory.mktemp("human36m")
    keys = ("Directions", "Sitting 1", "SittingDown")
    write_human36m(folder, ("S1", "S9"), keys, frames=12, longer=3)
    dataset = open_dataset("human36m", folder)
    assert isinstance(dataset, Human36m)
    return dataset


def written(folder: Path, **options) -> Path:
    return write_human36m(folder, ("S9",), ("Walking 1",), frames=6, sources=("gt",), **options)


def changed_2d(folder: Path, views) -> Path:
    """A folder whose exact 2D of the only sequence is made anew from the right one."""
    written(folder)
    right = pixels("S9", world_joints("S9", "Walking 1", 6), "gt")
    save_2d(folder, "gt", {"S9": {"Walking 1": views(right)}})
    return folder


def refused(folder: Path, source: str = "gt", **options) -> str:
    with pytest.raises(InputError) as caught:
        list(Human36m(folder).recordings(source, **options))
    return str(caught.value)


# The joints


def test_removing_joints_leaves_the_tree_of_the_17():
    """The 32 joints hang as the capture system has them; what hung on a removed joint hangs on
    what that one hung on. Shoulders alone are attached anew, to the thorax."""
    parents = (-1, 0, 1, 2, 3, 4, 0, 6, 7, 8, 9, 0, 11, 12, 13, 14, 12, 16, 17, 18, 19, 20, 19, 22,
               12, 24, 25, 26, 27, 28, 27, 30)  # fmt: skip
    kept = [j for j in range(32) if j not in REMOVED]
    assert tuple(kept) == KEPT
    left = []
    for joint in kept:
        parent = parents[joint]
        while parent in REMOVED:
            parent = parents[parent]
        left.append(kept.index(parent) if parent >= 0 else -1)
    assert [j for j, p in enumerate(left) if p != HUMAN36M_17.parents[j]] == [11, 14]
    assert left[11] == left[14] == HUMAN36M_17.parents[8] and HUMAN36M_17.parents[11] == 8


def test_a_recording_is_the_17_joints_in_the_cameras_axes(whole):
    world = world_joints("S9", "Sitting 1", 15)[:12]
    for number, recording in enumerate(whole.recordings("gt", ["S9"], ["Sitting"])):
        camera = human36m_cameras("S9")[number]
        assert (recording.lens, recording.camera) == (camera, CAMERAS[number])
        back = recording.lens.to_world(recording.joints)
        np.testing.assert_allclose(back, world, atol=2e-6)
        assert recording.placed and (recording.joints[..., 2] > 1).all()


def test_exact_2d_is_the_projection_of_the_3d(whole):
    for recording in whole.recordings("gt"):
        again = recording.lens.project(recording.joints)
        np.testing.assert_allclose(again, recording.keypoints.xy, atol=2e-3)
    noisy = next(whole.recordings("cpn_ft_h36m_dbb"))
    off = noisy.lens.project(noisy.joints) - noisy.keypoints.xy
    assert 2 < off.std() < 4, "the 2D is not that of the source"


def test_a_file_of_the_17_joints_is_read_as_well(tmp_path):
    written(tmp_path)
    before = list(Human36m(tmp_path).recordings("gt"))
    save_3d(tmp_path, {"S9": {"Walking 1": world_joints("S9", "Walking 1", 6)}})
    after = Human36m(tmp_path).recordings("gt")
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one.joints, other.joints)


# Names, lists, lengths


def test_recordings_are_named_and_come_in_order(whole):
    names = [r.name for r in whole.recordings("gt")]
    assert names == [e.name for e in whole.entries()]
    assert names[:5] == [*(f"S1/Directions/{c}" for c in CAMERAS), "S1/Sitting 1/54138969"]
    assert len(names) == 2 * 3 * 4
    assert [r.name for r in whole.recordings("gt", ["S9", "S1"])] == names, "the order of the files"


def test_frames_of_2d_beyond_the_3d_are_cut_off(whole):
    entry, recording = whole.entries()[0], next(whole.recordings("gt"))
    assert entry.frames_3d == len(recording) == len(recording.keypoints) == 12
    assert entry.frames_2d == {"gt": 15, "cpn_ft_h36m_dbb": 15}


@pytest.mark.parametrize(("frames", "most"), [(6, 10), (250, 12)])
def test_2d_far_longer_than_the_3d_is_told(tmp_path, frames, most):
    """Ten frames, or a twentieth of a long video, are a detector's; more are another video's."""
    world = world_joints("S9", "Walking 1", frames + most + 1)
    save_3d(tmp_path, {"S9": {"Walking 1": in_32(world[:frames])}})
    seen = pixels("S9", world, "gt")
    save_2d(tmp_path, "gt", {"S9": {"Walking 1": [xy[:-1] for xy in seen]}})
    assert [len(r) for r in Human36m(tmp_path).recordings("gt")] == 4 * [frames]
    notes = [f for f in check_dataset(Human36m(tmp_path)).findings if f.check == "frame counts"]
    assert {f.level for f in notes} == {"note"}
    save_2d(tmp_path, "gt", {"S9": {"Walking 1": seen}})
    assert (
        f"S9/Walking 1/54138969 has {frames + most + 1} frames of 2D but {frames} of 3D, and a "
        f"detector goes on for {most} at most; part of the 3D is missing" in refused(tmp_path)
    )
    found = [f for f in check_dataset(Human36m(tmp_path)).findings if f.check == "frame counts"]
    assert {f.level for f in found} == {"error"}
    assert "part of the 3D is missing" in found[0].message


def test_each_camera_has_its_image_size_and_the_rate_is_50(whole):
    got = [r.keypoints for r in whole.recordings("gt", ["S1"], ["Directions"])]
    assert [k.image_size for k in got] == [(1000, 1002), (1000, 1000), (1000, 1000), (1000, 1002)]
    assert whole.fps == 50 and {k.fps for k in got} == {50}
    assert whole.skeleton == HUMAN36M_17


def test_an_action_is_a_whole_name(whole):
    """Sitting is not the beginning of SittingDown."""
    got = {r.name for r in whole.recordings("gt", actions=["Sitting"])}
    assert got == {f"{s}/Sitting 1/{c}" for s in ("S1", "S9") for c in CAMERAS}


def test_actions_have_the_papers_names(tmp_path):
    assert [action_of(k) for k in ("TakingPhoto", "WalkingDog 1", "Walking 2", "WalkTogether")] == [
        "Photo", "WalkDog", "Walking", "WalkTogether",
    ]  # fmt: skip
    write_human36m(tmp_path, ("S9",), ("TakingPhoto", "WalkingDog 1"), frames=4, sources=("gt",))
    dataset = Human36m(tmp_path)
    assert [e.action for e in dataset.entries()[::4]] == ["Photo", "WalkDog"]
    (name,) = {r.name[: -len("/54138969")] for r in dataset.recordings("gt", actions=["WalkDog"])}
    assert name == "S9/WalkingDog 1"


def test_sources_subjects_and_facts(whole):
    assert whole.sources() == ("cpn_ft_h36m_dbb", "gt")
    assert whole.subjects == ("S1", "S9")
    assert whole.facts() == {
        "data": "human36m",
        "files": ["data_3d_h36m.npz", "data_2d_h36m_cpn_ft_h36m_dbb.npz", "data_2d_h36m_gt.npz"],
    }
    assert whole.facts(["gt"])["files"] == ["data_3d_h36m.npz", "data_2d_h36m_gt.npz"]


def test_what_a_whole_copy_holds(whole):
    expected = whole.expected()
    assert tuple(expected) == SUBJECTS
    assert {s: len(keys) for s, keys in expected.items()} == dict.fromkeys(SUBJECTS, 30) | {
        "S11": 29
    }
    assert expected["S9"][:3] == ["Directions", "Directions (video 2 of 2)",
                                  "Discussion (video 1 of 2)"]  # fmt: skip
    assert "Directions (video 1 of 1)" in expected["S11"]


def test_every_action_can_be_written_and_read(tmp_path):
    write_human36m(tmp_path, ("S11",), ACTIONS, frames=3, sources=("gt",))
    recordings = list(Human36m(tmp_path).recordings("gt"))
    assert tuple(dict.fromkeys(r.action for r in recordings)) == ACTIONS


def test_2d_of_coco_joints_keeps_its_convention(tmp_path):
    written(tmp_path)
    sides = [[1, 3, 5, 7, 9, 11, 13, 15], [2, 4, 6, 8, 10, 12, 14, 16]]
    about = {"layout_name": "coco", "num_joints": 17, "keypoints_symmetry": sides}
    views = [np.full((6, 17, 2), 500.0) + np.arange(17)[:, None]] * 4
    np.savez(tmp_path / "data_2d_h36m_detectron_pt_coco.npz",
             positions_2d={"S9": {"Walking 1": views}}, metadata=about)  # fmt: skip
    recording = next(Human36m(tmp_path).recordings("detectron_pt_coco"))
    assert recording.keypoints.skeleton == COCO_17 and recording.skeleton == HUMAN36M_17


def test_files_are_read_when_they_are_needed_and_once(tmp_path, monkeypatch):
    written(tmp_path)
    (tmp_path / "data_2d_h36m_hr.npz").write_text("never opened")
    read = []
    real = videopose_layout.load_objects

    def counted(path, names):
        read.append(path.name)
        return real(path, names)

    monkeypatch.setattr("langlift.datasets.recorded.videopose_layout.load_objects", counted)
    dataset = Human36m(str(tmp_path))
    assert (read, dataset.sources()) == ([], ("gt", "hr"))
    assert dataset.subjects == ("S9",)
    assert read == ["data_3d_h36m.npz"]
    for _ in range(2):
        assert {tuple(e.frames_2d) for e in dataset.entries("gt")} == {("gt",)}
        list(dataset.recordings("gt", ["S9"]))
    assert read == ["data_3d_h36m.npz", "data_2d_h36m_gt.npz"]


def test_of_several_sources_one_is_kept_and_all_are_counted_once(tmp_path, monkeypatch):
    write_human36m(tmp_path, ("S9",), ("Walking 1",), frames=6, sources=("gt", "cpn"))
    read = []
    real = videopose_layout.load_objects
    monkeypatch.setattr(
        "langlift.datasets.recorded.videopose_layout.load_objects",
        lambda path, names: (read.append(path.name), real(path, names))[1],
    )
    check_dataset(dataset := Human36m(tmp_path))
    assert read == ["data_3d_h36m.npz", "data_2d_h36m_cpn.npz", "data_2d_h36m_gt.npz"]
    assert dataset.entries()[0].frames_2d == {"cpn": 6, "gt": 6}
    list(dataset.recordings("gt"))
    assert len(read) == 3
    list(dataset.recordings("cpn"))
    assert read[3:] == ["data_2d_h36m_cpn.npz"]


# Wrong files


def test_a_folder_without_the_files_is_told(tmp_path):
    with pytest.raises(InputError, match=r"there is no such file or folder"):
        Human36m(tmp_path / "none")
    with pytest.raises(InputError, match=r"there is no data_3d_h36m.npz in this folder; make it"):
        Human36m(tmp_path)
    written(tmp_path)
    (tmp_path / "data_2d_h36m_gt.npz").unlink()
    with pytest.raises(InputError, match=r"no 2D beside the 3D \(data_2d_h36m_<source>.npz\)"):
        Human36m(tmp_path)


def test_unknown_choices_are_told_at_once(whole):
    with pytest.raises(InputError, match=r"unknown 2D source 'cpn'; known: cpn_ft_h36m_dbb, gt"):
        whole.recordings("cpn")
    with pytest.raises(InputError, match=r"unknown subject 'S5'; known: S1"):
        whole.recordings("gt", ["S5"])
    with pytest.raises(InputError, match=r"unknown action 'Sit'; known: .*did you mean 'Sitting'"):
        whole.recordings("gt", actions=["Sit"])


def test_an_action_that_a_subject_lacks_is_told(whole):
    with pytest.raises(InputError) as caught:
        whole.recordings("gt", ["S9"], ["Posing"])
    assert str(caught.value) == (
        "subject S9 has no video of Posing; leave the action out, or get the whole files"
    )


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
