"""Human3.6M in MotionBERT's layout: videos, units of the image, and every kind of wrong file."""

import dataclasses
import pickle
from pathlib import Path

import numpy as np
import pytest
from human36m_files import ACTS, motionbert_parts, world_joints, write_motionbert

from langlift.datasets.checking.recording_checks import check_recording
from langlift.datasets.recorded.motionbert import ASSUMED_METRES_PER_UNIT, FILE, MotionBertHuman36m
from langlift.datasets.registry import open_dataset
from langlift.errors import InputError
from langlift.geometry.human36m import human36m_cameras

FRAMES = 8


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> MotionBertHuman36m:
    """Subjects S1, S8 and S9, S11; two actions, twice each, two cameras."""
    path = write_motionbert(tmp_path_factory.mktemp("motionbert") / FILE, frames=FRAMES)
    found = open_dataset("human36m-motionbert", path)
    assert isinstance(found, MotionBertHuman36m)
    return found


def named(dataset: MotionBertHuman36m, name: str, source: str = "sh"):
    (found,) = (r for r in dataset.recordings(source) if r.name == name)
    return found


def small() -> dict:
    return motionbert_parts(("S1",), ("S9",), ("Walking",), frames=4, cameras=1)


def refused(folder: Path, content) -> str:
    """The message about a file of this content, without its name."""
    (folder / FILE).write_bytes(pickle.dumps(content))
    with pytest.raises(InputError) as caught:
        list(MotionBertHuman36m(folder).recordings("sh"))
    said = str(caught.value)
    assert said.startswith(f"{folder / FILE}: ")
    return said.removeprefix(f"{folder / FILE}: ")


# Videos


def test_videos_are_runs_of_frames_of_one_source(dataset):
    entries = dataset.entries()
    assert [e.name for e in entries[:5]] == [
        "S1/Greeting 1/54138969",
        "S1/Greeting 1/55011271",
        "S1/Greeting 2/54138969",
        "S1/Greeting 2/55011271",
        "S1/Walking 1/54138969",
    ]
    assert [e.name for e in entries] == [r.name for r in dataset.recordings("sh")]
    assert len(entries) == 4 * 2 * 2 * 2
    assert {e.frames_3d for e in entries} == {FRAMES}
    assert entries[0].frames_2d == {"sh": FRAMES, "gt": FRAMES}
    assert dataset.subjects == ("S1", "S8", "S9", "S11")


def test_every_number_of_an_action_is_its_label(tmp_path):
    content = motionbert_parts(("S1",), ("S9",), tuple(ACTS), frames=1, cameras=1)
    for part in content.values():
        assert part["source"][0][5:11] == "act_02"
    path = tmp_path / FILE
    path.write_bytes(pickle.dumps(content))
    labels = [r.action for r in MotionBertHuman36m(path).recordings("sh", ["S9"])]
    assert labels[::2] == list(ACTS)


def test_the_three_bad_sequences_are_named_as_the_protocol_names_them(tmp_path):
    """act_05 subact_02, act_10 subact_02 and act_13 subact_01 of S9."""
    actions = ("Greeting", "SittingDown", "Waiting")
    content = motionbert_parts(("S1",), ("S9",), actions, frames=1, cameras=1)
    sources = [s[:-6] for s in content["test"]["source"]]
    (tmp_path / FILE).write_bytes(pickle.dumps(content))
    names = [e.name for e in MotionBertHuman36m(tmp_path).entries() if e.subject == "S9"]
    bad = ("s_09_act_05_subact_02", "s_09_act_10_subact_02", "s_09_act_13_subact_01")
    assert [names[sources.index(source)][:-9] for source in bad] == [
        "S9/Greeting 2", "S9/SittingDown 2", "S9/Waiting 1",
    ]  # fmt: skip


def test_actions_and_subjects_are_chosen(dataset):
    got = [r.name for r in dataset.recordings("sh", ["S9"], ["Walking"])]
    assert got == [f"S9/Walking {n}/{c}" for n in (1, 2) for c in ("54138969", "55011271")]
    order = [r.subject for r in dataset.recordings("sh", ["S11", "S1"])]
    assert list(dict.fromkeys(order)) == ["S1", "S11"], "the order of the file"


# Numbers


def test_images_have_the_size_of_their_camera(dataset):
    first, second = (named(dataset, f"S9/Walking 1/{c}") for c in ("54138969", "55011271"))
    assert first.keypoints.image_size == (1000, 1002)
    assert second.keypoints.image_size == (1000, 1000)
    assert (first.keypoints.fps, dataset.fps) == (50, 50)
    assert first.lens is None and not first.placed


def test_detections_have_confidence_and_exact_points_have_none(dataset):
    for n, name in enumerate(("S1/Greeting 1/54138969", "S9/Greeting 1/54138969")):
        part = motionbert_parts(frames=FRAMES)[("train", "test")[n]]
        points, exact = named(dataset, name).keypoints, named(dataset, name, "gt").keypoints
        np.testing.assert_array_equal(points.xy, part["joint_2d"][:FRAMES])
        np.testing.assert_array_equal(exact.xy, part["joint3d_image"][:FRAMES, :, :2])
        assert points.confidence == pytest.approx(part["confidence"][:FRAMES, :, 0])
        assert (exact.confidence == 1).all()


def test_the_truth_of_the_test_part_is_in_metres(dataset):
    """The millimetres of the file, relative to the pelvis; close to the real person's."""
    got = named(dataset, "S9/Walking 1/54138969")
    part = motionbert_parts(frames=FRAMES)["test"]
    first = 4 * FRAMES  # behind the four videos of Greeting
    joints = part["joints_2.5d_image"][first : first + FRAMES] / 1000
    np.testing.assert_allclose(got.joints, joints - joints[:, :1], atol=1e-6)
    camera = human36m_cameras("S9")[0]
    real = camera.to_camera(world_joints("S9", "Walking 1", FRAMES))
    assert np.abs(got.joints - (real - real[:, :1])).max() < 0.15
    np.testing.assert_allclose(got.joints[..., 2], (real - real[:, :1])[..., 2], atol=1e-5)


def test_a_network_that_gives_the_screen_exactly_has_no_error(dataset):
    """The chain of the evaluation: screen units, to pixels, by the factor to millimetres."""
    got = named(dataset, "S9/Walking 1/54138969")
    part = motionbert_parts(frames=FRAMES)["test"]
    first = 4 * FRAMES
    image = part["joint3d_image"][first : first + FRAMES].astype(np.float64)
    screen = image / 500 - [1, 1.002, 0]
    metres = screen * got.metres_per_unit[:, None, None]
    np.testing.assert_allclose(metres - metres[:, :1], got.joints, atol=1e-6)
    assert got.metres_per_unit == pytest.approx(part["2.5d_factor"][first : first + FRAMES] / 2)


def test_targets_of_both_parts_are_exact_in_units_of_the_screen(dataset):
    for n, name in enumerate(("S1/Greeting 1/55011271", "S9/Greeting 1/55011271")):
        got = named(dataset, name)
        part = motionbert_parts(frames=FRAMES)[("train", "test")[n]]
        image = part["joint3d_image"][FRAMES : 2 * FRAMES].astype(np.float64) / 500
        units = got.joints / got.metres_per_unit[:, None, None]
        np.testing.assert_allclose(units, image - image[:, :1], atol=1e-6)


def test_metres_of_the_training_part_are_assumed_and_said_to_be(dataset):
    got = named(dataset, "S1/Walking 1/54138969")
    assert got.metres_per_unit.tolist() == [ASSUMED_METRES_PER_UNIT] * FRAMES
    assert pytest.approx(2.18, abs=0.005) == ASSUMED_METRES_PER_UNIT
    assert dataset.facts() == {
        "data": "human36m-motionbert", "files": [FILE], "metres_assumed": ["train"],
    }  # fmt: skip


def test_people_of_assumed_size_are_not_refused_by_it(dataset):
    """Near the camera an assumed size is far too large; nothing is wrong with the file."""
    got = named(dataset, "S1/Walking 1/54138969")
    assert not got.metric and named(dataset, "S9/Walking 1/54138969").metric
    near = dataclasses.replace(got, joints=got.joints * 3)
    assert {f.level for f in check_recording(near, "sh")} <= {"ok", "note", "warning"}
    told = check_recording(dataclasses.replace(near, metric=True), "sh")
    assert [f.check for f in told if f.level == "error"] == ["units"]


def test_factors_in_the_training_part_are_used(tmp_path):
    content = small()
    for key in ("joint3d_image", "joints_2.5d_image", "2.5d_factor"):
        content["train"][key] = content["test"][key]
    (tmp_path / FILE).write_bytes(pickle.dumps(content))
    dataset = MotionBertHuman36m(tmp_path)
    assert "metres_assumed" not in dataset.facts()
    got = next(dataset.recordings("sh", ["S1"]))
    assert got.metres_per_unit == pytest.approx(content["test"]["2.5d_factor"][:4] / 2)


@pytest.mark.parametrize("protocol", [2, 5])
def test_forms_that_files_may_have(tmp_path, protocol):
    """Texts as arrays, confidences without the last axis, 2D with confidences as third column."""
    content = small()
    for part in content.values():
        part["source"] = np.array(part["source"])
        part["camera_name"] = np.array(part["camera_name"])
        part["action"] = np.arange(len(part["source"]))
        part["joint_2d"] = np.concatenate([part["joint_2d"], part["confidence"]], axis=-1)
        part["confidence"] = part["confidence"][..., 0]
    (tmp_path / FILE).write_bytes(pickle.dumps(content, protocol))
    usual = MotionBertHuman36m(write_motionbert(
        tmp_path / "usual" / FILE, train=("S1",), test=("S9",), actions=("Walking",), frames=4,
        cameras=1,
    ))  # fmt: skip
    for one, other in zip(
        MotionBertHuman36m(tmp_path).recordings("sh"), usual.recordings("sh"), strict=True
    ):
        assert (one.name, one.action) == (other.name, other.action)
        np.testing.assert_array_equal(one.keypoints.xy, other.keypoints.xy)
        np.testing.assert_array_equal(one.keypoints.confidence, other.keypoints.confidence)


def test_what_a_whole_copy_holds(dataset):
    expected = dataset.expected()
    assert expected["S9"][:2] == ["Directions (video 1 of 2)", "Directions (video 2 of 2)"]
    assert {"Walking 1", "Walking 2", "Greeting 1"} <= set(expected["S9"])
    assert (len(expected["S9"]), len(expected["S11"])) == (30, 29)


# Wrong files


def test_a_folder_without_the_file_is_told(tmp_path):
    with pytest.raises(InputError, match=rf"there is no {FILE} in this folder; give the file it"):
        MotionBertHuman36m(tmp_path)


def test_unknown_choices_are_told_at_once(dataset):
    with pytest.raises(InputError, match="unknown 2D source 'cpn'; known: gt, sh"):
        dataset.recordings("cpn")
    with pytest.raises(InputError, match="unknown subject 'S5'; known: S1, S11, S8, S9"):
        dataset.recordings("sh", ["S5"])
    with pytest.raises(InputError, match="subject S9 has no video of Posing; leave the action out"):
        dataset.recordings("sh", ["S9"], ["Posing"])


def test_another_pickle_is_told(tmp_path):
    assert refused(tmp_path, [1]).startswith("its content is of type list; it must be a dictionary")
    content = small()
    del content["test"]
    assert "it lacks 'test' and holds train; " in refused(tmp_path, content)


def test_a_missing_array_is_told(tmp_path):
    content = small()
    del content["test"]["2.5d_factor"]
    said = refused(tmp_path, content)
    assert said.startswith("part 'test' lacks '2.5d_factor' and holds joint_2d, confidence, ")


def test_half_a_download_is_told(tmp_path):
    file = write_motionbert(tmp_path / FILE, frames=4)
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(InputError, match=rf"{FILE}: its pickled part cannot be read"):
        MotionBertHuman36m(tmp_path).entries()


def test_a_call_in_the_file_is_refused(tmp_path):
    class Call:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    assert "it holds code (it asks for" in refused(tmp_path, {"train": Call()})
    assert not (tmp_path / "ran").exists()


def test_arrays_of_other_lengths_and_kinds_are_told(tmp_path):
    content = small()
    content["train"]["joint_2d"] = content["train"]["joint_2d"][:-1]
    assert refused(tmp_path, content) == (
        "'joint_2d' of part 'train' has shape (7, 17, 2); it must be (8, 17, 2)"
    )
    content = small()
    content["train"]["action"] = content["train"]["action"][:-1]
    assert "part 'train' has 7 entries of 'action' but 8 of 'source'" in refused(tmp_path, content)
    content["train"]["joint_2d"] = "text"
    assert "'joint_2d' of part 'train' is no array of numbers" in refused(tmp_path, content)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("S9 Walking", "source 'S9 Walking' of part 'train' is not such as s_09_act_05_subact_02_"),
        (7, "source 7 of part 'train' is not such as"),
        ("s_01_act_17_subact_01_ca_01", "has the action 17; those of Human3.6M are 2 to 16"),
        ("s_01_act_01_subact_01_ca_01", "has the action 1; those of Human3.6M are 2 to 16"),
    ],
)
def test_an_unreadable_source_is_told(tmp_path, source, said):
    content = small()
    content["train"]["source"][:4] = [source] * 4
    assert said in refused(tmp_path, content)


def test_a_name_that_contradicts_the_number_is_told(tmp_path):
    content = small()
    content["train"]["action"] = ["Walking"] * 8
    content["test"]["action"] = ["WalkingDog"] * 8
    assert "is Walking by its number but 'WalkingDog' by the array 'action'" in (
        refused(tmp_path, content)
    )


@pytest.mark.parametrize("cameras", [["1"] * 8, ["54138969", "55011271"] * 4])
def test_another_camera_is_told(tmp_path, cameras):
    content = small()
    content["train"]["camera_name"] = cameras
    assert "it must be one of 54138969, 55011271, 58860488, 60457274" in refused(tmp_path, content)


def test_frames_of_one_video_in_two_places_are_told(tmp_path):
    content = small()
    sources = content["train"]["source"]
    content["train"]["source"] = [*sources[:2], *sources[4:], *sources[2:4]]
    assert "the frames of S1/Walking 1/54138969 do not follow each other" in (
        refused(tmp_path, content)
    )


@pytest.mark.parametrize(
    ("key", "bad", "said"),
    [
        ("joint_2d", np.nan, "S9/Walking 1/54138969: it has NaN or infinite 2D points"),
        ("2.5d_factor", 0.0, "S9/Walking 1/54138969: it has a 2.5d_factor that is not positive"),
        ("2.5d_factor", np.nan, "S9/Walking 1/54138969: it has a 2.5d_factor that is not positive"),
        ("joints_2.5d_image", np.inf, "'S9/Walking 1/54138969' has NaN or infinite 3D joints"),
        ("confidence", -1.0, "S9/Walking 1/54138969: a confidence is -1"),
    ],
)
def test_damaged_values_are_told(tmp_path, key, bad, said):
    content = small()
    content["test"][key][2] = bad
    assert said in refused(tmp_path, content)


@pytest.mark.parametrize("by", [1 / 1000, 0.5, 1.1])
def test_factors_that_do_not_belong_to_the_3d_are_told(tmp_path, by):
    content = small()
    content["test"]["2.5d_factor"][2:] *= by
    said = refused(tmp_path, content)
    assert said.startswith("S9/Walking 1/54138969: in frame 2 joint3d_image times 2.5d_factor is ")
    assert " mm, in 2 of 4 frames in all; the three do not belong together" in said


def test_where_the_pelvis_is_does_not_matter_to_the_factors(tmp_path):
    content = small()
    content["test"]["joints_2.5d_image"] += 5000
    (tmp_path / FILE).write_bytes(pickle.dumps(content))
    assert len(list(MotionBertHuman36m(tmp_path).recordings("sh"))) == 4


def test_a_folder_in_the_place_of_the_file_is_told(tmp_path):
    (tmp_path / FILE).mkdir()
    with pytest.raises(InputError, match=f"{FILE} is a folder where a file should be; put the"):
        MotionBertHuman36m(tmp_path)


@pytest.mark.parametrize("key", ["joint_2d", "joint3d_image", "joints_2.5d_image", "2.5d_factor"])
@pytest.mark.filterwarnings("error")
def test_numbers_too_large_are_refused_without_a_warning(tmp_path, key):
    content = small()
    content["test"][key] = content["test"][key].astype(np.float64)
    content["test"][key][2] = 1e300
    assert "S9/Walking 1/54138969" in refused(tmp_path, content)


@pytest.mark.parametrize("bad", [None, 5, "s_09", {}, np.array("s_09")])
def test_texts_that_are_no_list_are_told(tmp_path, bad):
    content = small()
    content["test"]["source"] = bad
    assert "'source' of part 'test' is no list (" in refused(tmp_path, content)


def test_a_file_without_frames_is_told(tmp_path):
    content = {name: {k: v[:0] for k, v in part.items()} for name, part in small().items()}
    assert refused(tmp_path, content) == "neither part of it has a frame; get the file anew"
