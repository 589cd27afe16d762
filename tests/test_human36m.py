"""Human3.6M in VideoPose3D's layout: joints, cameras, names, lists and lengths."""

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
from human36m_fixtures import CAMERAS, refused, written

from langlift.datasets.checking.quality import check_dataset
from langlift.datasets.recorded import videopose_layout
from langlift.datasets.recorded.human36m import ACTIONS, REMOVED, SUBJECTS, Human36m, action_of
from langlift.datasets.registry import open_dataset
from langlift.errors import InputError
from langlift.geometry.human36m import human36m_cameras
from langlift.skeletons import COCO_17, HUMAN36M_17


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Human36m:
    """Two subjects, three sequences, 2D three frames longer than the 3D."""
    folder = tmp_path_factory.mktemp("human36m")
    keys = ("Directions", "Sitting 1", "SittingDown")
    write_human36m(folder, ("S1", "S9"), keys, frames=12, longer=3)
    dataset = open_dataset("human36m", folder)
    assert isinstance(dataset, Human36m)
    return dataset


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
