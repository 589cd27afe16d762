"""Your own 2D and 3D: what is read, and what every doubt is answered with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pair_files import CAMERAS, FRAMES, moving, pair_arrays, pair_folder, write_pair

from langlift.datasets.registry import open_dataset
from langlift.errors import InputError
from langlift.formats import read

COCO_POINTS = np.random.default_rng(0).uniform(100, 900, (FRAMES, 17, 2))


def test_a_folder_is_a_dataset(tmp_path: Path) -> None:
    dataset = open_dataset("custom", pair_folder(tmp_path))
    assert (dataset.subjects, dataset.sources(), dataset.fps) == (("ann", "bob"), ("gt",), 50.0)
    names = [entry.name for entry in dataset.entries()]
    assert names[:2] == ["ann/squat_54138969", "ann/squat_55011271"]
    assert all((e.frames_3d, dict(e.frames_2d)) == (20, {"gt": 20}) for e in dataset.entries())
    assert [r.name for r in dataset.recordings("gt")] == names
    chosen = [r.name for r in dataset.recordings("gt", ["bob"], ["wave"])]
    assert chosen == ["bob/wave_54138969", "bob/wave_55011271"]


def test_a_recording_is_the_file(tmp_path: Path) -> None:
    path = write_pair(tmp_path / "one.npz")
    dataset = open_dataset("custom", path)
    (recording,) = dataset.recordings("gt")
    assert (recording.name, recording.subject, recording.action) == ("one", "ann", "squat")
    assert (recording.camera, recording.placed, len(recording)) == ("54138969", True, FRAMES)
    joints = CAMERAS[0].to_camera(moving())
    np.testing.assert_allclose(recording.joints, joints, atol=1e-6)
    np.testing.assert_allclose(recording.keypoints.xy, CAMERAS[0].project(joints), atol=1e-3)
    assert recording.lens is not None
    assert recording.lens.focal == CAMERAS[0].focal
    assert recording.lens.radial == CAMERAS[0].radial


def test_world_space_becomes_camera_axes(tmp_path: Path) -> None:
    camera = CAMERAS[2]
    placed = {"orientation": camera.orientation, "position": camera.position}
    write_pair(tmp_path / "a.npz", camera=camera, joints_3d=moving(), space="world", **placed)
    bare = dict.fromkeys(("focal", "center", "radial", "tangential"))
    write_pair(
        tmp_path / "b.npz", camera=camera, joints_3d=moving(), space="world", **placed, **bare
    )
    with_lens, without = open_dataset("custom", tmp_path).recordings("gt")
    np.testing.assert_allclose(with_lens.joints, camera.to_camera(moving()), atol=1e-6)
    np.testing.assert_allclose(without.joints, with_lens.joints, atol=1e-6)
    assert with_lens.lens is not None and with_lens.lens.position == camera.position
    assert without.lens is None and without.placed


def test_root_space_is_not_placed(tmp_path: Path) -> None:
    joints = CAMERAS[0].to_camera(moving())
    path = write_pair(tmp_path / "a.npz", joints_3d=joints - joints[:, :1], space="root")
    (recording,) = open_dataset("custom", path).recordings("gt")
    assert not recording.placed
    np.testing.assert_allclose(recording.joints[:, 0], 0, atol=1e-9)


def test_what_may_be_left_out(tmp_path: Path) -> None:
    optional = ("action", "camera", "source", "focal", "center", "radial", "tangential")
    needed = {k: v for k, v in pair_arrays().items() if k not in optional}
    np.savez(path := tmp_path / "a.npz", **needed)
    dataset = open_dataset("custom", path)
    (recording,) = dataset.recordings("given")
    assert (dataset.sources(), recording.action, recording.camera) == (("given",), "", "")
    assert recording.lens is None and recording.scored is None


def test_the_2d_may_be_of_another_skeleton(tmp_path: Path) -> None:
    write_pair(tmp_path / "a.npz", xy=COCO_POINTS, skeleton="coco_17", source="hrnet")
    (recording,) = open_dataset("custom", tmp_path).recordings("hrnet")
    assert recording.keypoints.skeleton.name == "coco_17"
    assert recording.skeleton.name == "human36m_17"


def test_each_source_has_its_own_files(tmp_path: Path) -> None:
    write_pair(tmp_path / "a.npz")
    write_pair(tmp_path / "b.npz", source="hrnet")
    dataset = open_dataset("custom", tmp_path)
    assert dataset.sources() == ("gt", "hrnet")
    assert [r.name for r in dataset.recordings("hrnet")] == ["b"]


def test_frames_may_not_count(tmp_path: Path) -> None:
    joints = CAMERAS[0].to_camera(moving())
    joints[3] = np.nan
    counts = np.arange(FRAMES) != 3
    write_pair(tmp_path / "a.npz", joints_3d=joints, scored=counts)
    (recording,) = open_dataset("custom", tmp_path).recordings("gt")
    np.testing.assert_array_equal(recording.counted, counts)


def test_parts_go_by_subject(tmp_path: Path) -> None:
    for subject, part in (("ann", "train"), ("bob", "test"), ("cat", "train")):
        write_pair(tmp_path / f"{subject}.npz", subject, part=part)
    parts = open_dataset("custom", tmp_path).parts  # type: ignore[attr-defined]
    assert parts == {"train": ("ann", "cat"), "test": ("bob",)}
    write_pair(tmp_path / "other" / "a.npz")
    assert open_dataset("custom", tmp_path / "other").parts == {}  # type: ignore[attr-defined]


def test_the_same_file_can_be_lifted(tmp_path: Path) -> None:
    keypoints = read(write_pair(tmp_path / "a.npz"))
    assert (len(keypoints), keypoints.image_size) == (FRAMES, (1000, 1002))


HALF = CAMERAS[0].to_camera(moving())[:9]
NAN = np.where(np.arange(FRAMES)[:, None, None] == 3, np.nan, CAMERAS[0].to_camera(moving()))

# What is changed in a file, what the sentence has to say.
ALONE = {
    "no 3D": ({"joints_3d": None}, "lacks joints_3d", "docs/data.md"),
    "no space": ({"space": None}, "lacks space"),
    "no subject": ({"subject": None}, "lacks subject"),
    "no rate": ({"fps": None}, "lacks fps"),
    "no joints named": ({"skeleton": None}, "names no joints of xy", "add skeleton or joint_names"),
    "space": ({"space": "wrld"}, "unknown space 'wrld'", "did you mean 'world'?"),
    "part": ({"part": "valid"}, "unknown part 'valid'", "test, train, val"),
    "skeleton": ({"skeleton_3d": "h36m_17"}, "unknown skeleton", "did you mean 'human36m_17'?"),
    "skeleton without root": ({"skeleton_3d": "coco_17"}, "no root joint", "such as human36m_17"),
    "other joints": ({"skeleton_3d": "humaneva_15"}, "joints_3d (humaneva_15) has shape (20, 17"),
    "pickled": ({"joints_3d": np.array([{}], dtype=object)}, "joints_3d has shape (1,)"),
    "callable": ({"subject": np.array([print], dtype=object)}, "pickled Python objects"),
    "2D in 3D": ({"joints_3d": HALF[0]}, "joints_3d has shape (17, 3); it must be (frames, joi"),
    "beyond numbers": ({"joints_3d": np.full((FRAMES, 17, 3), 1e300)}, "NaN or infinite 3D joints"),
    "half the 3D": ({"joints_3d": HALF}, "20 frames of 2D but 9 of 3D", "of the same video"),
    "NaN": ({"joints_3d": NAN}, "NaN or infinite 3D joints", "not scored"),
    "scored": ({"scored": np.full(FRAMES, 2)}, "other values than 0 and 1"),
    "scored length": ({"scored": np.ones(3)}, "scored has shape (3,)"),
    "world": ({"space": "world"}, "no orientation and no position of the camera", "space 'camera'"),
    "root": ({"space": "root"}, "the pelvis lies up to 5.", "subtract it"),
    "half a camera": ({"focal": None}, "it has center but no focal"),
    "other half": ({"center": None}, "it has focal but no center"),
    "focal": ({"focal": (0.0, 1.0)}, "focal is (0.0, 1.0); it must be positive, in pixels"),
    "one focal": ({"focal": 1100.0}, "focal has shape (); it must be (2)"),
    "no image": ({"image_size": (0, 0)}, "image_size is [0, 0]; it must be the width and height"),
    "part of a pixel": ({"image_size": (99.5, 9)}, "image_size is [99.5, 9.0]; it must be"),
    "one side": ({"image_size": 1000}, "image_size is 1000; it must be the width and height of"),
    "image": ({"image_size": (np.inf, 9)}, "image_size is [inf, 9.0]; it must be", "1 to 100,000"),
    "normalised 2D": ({"xy": np.zeros((FRAMES, 17, 2))}, "within two pixels of the origin"),
    "text in 2D": ({"xy": np.full((FRAMES, 17, 2), "a")}, "it must be numbers"),
}


@pytest.mark.parametrize("case", ALONE)
def test_a_bad_file_is_refused_by_name(case: str, tmp_path: Path) -> None:
    changes, *words = ALONE[case]
    path = write_pair(tmp_path / "pair.npz", **changes)
    with pytest.raises(InputError) as caught:
        list(open_dataset("custom", path).recordings("gt"))
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and message.count(str(path)) == 1, message
    for word in words:
        assert word in message


TOGETHER = {
    "skeletons": ({"skeleton_3d": "mpi_inf_3dhp_17"}, "has skeleton_3d 'human36m_17' but", "one"),
    "rates": ({"fps": 25.0}, "has an fps of 50 but", "has 25; one dataset has one rate"),
    "a part of one": ({"part": "test"}, "does not say its part but", "give every file one"),
}


@pytest.mark.parametrize("case", TOGETHER)
def test_files_that_contradict_are_refused(case: str, tmp_path: Path) -> None:
    changes, *words = TOGETHER[case]
    write_pair(tmp_path / "a.npz")
    write_pair(tmp_path / "b.npz", **changes)
    with pytest.raises(InputError) as caught:
        open_dataset("custom", tmp_path)
    for word in (str(tmp_path / "a.npz"), str(tmp_path / "b.npz"), *words):
        assert word in str(caught.value)


def test_a_subject_is_in_one_part(tmp_path: Path) -> None:
    write_pair(tmp_path / "a.npz", part="train")
    write_pair(tmp_path / "b.npz", part="test")
    with pytest.raises(
        InputError, match=r"subject 'ann' is in part train by .*a\.npz and in test"
    ) as got:
        open_dataset("custom", tmp_path)
    assert "splits go by subject" in str(got.value)
    assert "two names, such as 'ann/train' and 'ann/test'" in str(got.value)
    write_pair(tmp_path / "a.npz", part="train", subject="ann/train")
    write_pair(tmp_path / "b.npz", part="test", subject="ann/test")
    found = open_dataset("custom", tmp_path)
    assert found.parts == {"train": ("ann/train",), "test": ("ann/test",)}
    (entry,) = found.entries(subjects=["ann/test"])
    assert entry.subject == "ann/test"


def test_other_files_and_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere: there is no such file or folder"):
        open_dataset("custom", tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"holds no \.npz files; give a file or folder"):
        open_dataset("custom", tmp_path)
    write_pair(tmp_path / "a.npz")
    dataset = open_dataset("custom", tmp_path)
    for arguments, words in (
        (("cpn",), "unknown 2D source 'cpn'; known: gt"),
        (("gt", ["eve"]), "unknown subject 'eve'; known: ann"),
        (("gt", None, ["jump"]), "unknown action 'jump'; known: squat"),
    ):
        with pytest.raises(InputError, match=words):
            list(dataset.recordings(*arguments))  # type: ignore[arg-type]
    (tmp_path / "b.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:-300])
    with pytest.raises(InputError, match=r"b\.npz: .*damaged, cut off"):
        open_dataset("custom", tmp_path)
