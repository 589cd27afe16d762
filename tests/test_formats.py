"""Readers of 2D keypoints: our own round trip, and the layouts of other programs."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from format_files import grid

from langlift import formats
from langlift.errors import InputError
from langlift.formats import ReadOptions, joint_names
from langlift.skeletons import (
    BODY_25,
    BODY_25B,
    COCO_17,
    HUMAN36M_17,
    SKELETONS,
    Skeleton,
)
from langlift.tracks import Keypoints

FILLED = ReadOptions(fps=30, image_size=(640, 480))
RIGHT_10 = np.array([10, 0, 0])


def some_keypoints(**changes) -> Keypoints:
    points = grid(4, 17)
    points[1, 3, :2] = np.nan
    fields = {
        "xy": points[..., :2] + 0.1,
        "confidence": points[..., 2],
        "skeleton": "coco_17",
        "fps": 29.97,
        "image_size": (640, 480),
        "person": "left player",
        "provenance": {"detector": "x", "notes": ["a", 1.5, None]},
    }
    return Keypoints(**fields | changes)


def openpose_frame(*people: np.ndarray) -> dict:
    listed = [{"person_id": [-1], "pose_keypoints_2d": p.reshape(-1).tolist()} for p in people]
    return {"version": 1.3, "people": listed}


def openpose_folder(folder: Path, frames: dict[int, dict], prefix: str = "clip_") -> Path:
    folder.mkdir(exist_ok=True)
    for number, content in frames.items():
        (folder / f"{prefix}{number}_keypoints.json").write_text(json.dumps(content))
    return folder


def as_json(path: Path, content) -> Path:
    path.write_text(json.dumps(content))
    return path


def assert_same(one, other) -> None:
    if one is None or other is None:
        assert one is other
        return
    assert one.dtype == other.dtype
    np.testing.assert_array_equal(one, other)


# --- langlift's own keypoints -----------------------------------------------------------------


def test_keypoints_come_back_exactly(tmp_path):
    written = some_keypoints()
    path = formats.write_keypoints(written, tmp_path / "clip.npz")
    back = formats.read(path)
    assert_same(back.xy, written.xy)
    assert_same(back.confidence, written.confidence)
    assert (back.skeleton, back.fps, back.image_size) == (COCO_17, 29.97, (640, 480))
    assert back.person == "left player"
    assert back.provenance == {"file": "clip.npz", "format": "npz"} | dict(written.provenance)


def test_a_skeleton_that_is_not_built_in_comes_back(tmp_path):
    hand = Skeleton("hand_3", ("wrist", "palm", "tip"), (-1, 0, 1), "wrist")
    written = some_keypoints(xy=grid(2, 3)[..., :2], confidence=None, skeleton=hand)
    assert formats.read(formats.write_keypoints(written, tmp_path / "a.npz")).skeleton == hand


def test_options_fill_and_override_what_the_file_says(tmp_path):
    path = tmp_path / "bare.npz"
    np.savez(path, xy=grid(3, 17)[..., :2], fps=25.0)
    got = formats.read(path, ReadOptions(skeleton="coco_17", fps=50, image_size=(300, 400)))
    assert (got.fps, got.image_size, got.skeleton) == (50, (300, 400), COCO_17)
    assert got.provenance["given_by_user"] == ["fps", "image_size"]
    assert got.seen.all()


def test_joint_names_alone_say_the_skeleton_and_the_order(tmp_path):
    path = tmp_path / "named.npz"
    xy = grid(2, 17)[..., :2]
    np.savez(path, xy=xy[:, ::-1], joint_names=np.array(COCO_17.joints[::-1]))
    got = formats.read(path, FILLED)
    assert got.skeleton == COCO_17
    np.testing.assert_array_equal(got.xy, xy.astype(np.float32))


@pytest.mark.parametrize(
    ("spelling", "joint"),
    [
        ("LShoulder", "left_shoulder"),
        ("l_shoulder", "left_shoulder"),
        ("Left Shoulder", "left_shoulder"),
        ("shoulder.L", "left_shoulder"),
        ("RBigToe", "right_big_toe"),
        ("HeadTop", "head_top"),
        ("UpperNeck", "upper_neck"),
        ("MidHip", "pelvis"),
        ("Neck/Nose", "neck_nose"),
        ("Tail-Tip", "tailtip"),
    ],
)
def test_joint_spellings(spelling, joint):
    assert joint_names.canonical(spelling) == joint


def test_every_known_skeleton_is_found_by_its_own_names():
    for skeleton in SKELETONS.values():
        assert joint_names.match_names(skeleton.joints) == skeleton
        assert [joint_names.canonical(j) for j in skeleton.joints] == list(skeleton.joints)


# --- detections -------------------------------------------------------------------------------


def detections_file(path: Path, **changes) -> Path:
    short = [j.replace("left_", "l_").replace("right_", "R") for j in BODY_25B.joints]
    arrays = {
        "det2d_17": grid(3, 17),
        "joint_names": np.array(HUMAN36M_17.joints),
        "det2d_body25b": grid(3, 25) + RIGHT_10,
        "body25b_names": np.array(short),
        "fps": np.float32(60),
        "K": np.diag([900.0, 900.0, 1.0]),
    } | changes
    np.savez(path, **{name: value for name, value in arrays.items() if value is not None})
    return path


def test_detections_prefer_the_detectors_own_layout(tmp_path):
    got = formats.read(detections_file(tmp_path / "d.npz"), ReadOptions(image_size=(640, 480)))
    assert (got.skeleton, got.fps) == (BODY_25B, 60)
    assert got.xy[0, 0].tolist() == [110, 200]
    assert got.provenance["array"] == "det2d_body25b"
    assert got.provenance["arrays_not_used"] == ["det2d_17"]
    assert "--skeleton human36m_17" in got.provenance["layout"]
    assert got.provenance["camera_matrix"] == [[900, 0, 0], [0, 900, 0], [0, 0, 1]]


@pytest.mark.parametrize(
    ("skeleton", "array"),
    [("human36m_17", "det2d_17"), ("body_25b", "det2d_body25b"), ("coco_17", "det2d_body25b")],
)
def test_the_skeleton_option_picks_the_detections_array(tmp_path, skeleton, array):
    options = ReadOptions(skeleton=skeleton, image_size=(640, 480))
    got = formats.read(detections_file(tmp_path / "d.npz"), options)
    assert got.provenance["array"] == array
    assert got.skeleton.name == skeleton


def test_detections_in_another_joint_order_are_put_in_order(tmp_path):
    order = np.random.default_rng(0).permutation(25)
    path = detections_file(
        tmp_path / "d.npz",
        det2d_body25b=grid(3, 25)[:, order],
        body25b_names=np.array(BODY_25B.joints)[order],
    )
    got = formats.read(path, ReadOptions(image_size=(640, 480)))
    np.testing.assert_array_equal(got.xy[0, :, 0], 100 + np.arange(25))


def test_a_real_detections_file(corpus):
    name = "pose2sim_balancing_cam02_openpose.npz"
    path = corpus / "video" / name
    with pytest.raises(InputError, match=f"{name}: the image size is missing.*--image-size"):
        formats.read(path)
    got = formats.read(path, ReadOptions(image_size=(1088, 1920)))
    assert (got.skeleton, got.fps, len(got)) == (BODY_25B, 60, 100)
    assert got.seen.mean() > 0.95
    assert got.provenance["camera_matrix"][0][0] == pytest.approx(1673.73, abs=0.01)
    # The person stands upright: head above shoulders above hips above ankles.
    heights = [
        np.nanmedian(got.xy[:, BODY_25B.index(f"left_{j}"), 1])
        for j in ("ear", "shoulder", "hip", "knee", "ankle")
    ]
    assert heights == sorted(heights)


# --- OpenPose ---------------------------------------------------------------------------------


def test_openpose_folder_in_order_of_frame_numbers(tmp_path):
    points = grid(11, 25)
    folder = openpose_folder(tmp_path / "json", {n: openpose_frame(points[n]) for n in range(11)})
    got = formats.read(folder, FILLED)
    np.testing.assert_array_equal(got.xy, points[..., :2].astype(np.float32))
    assert got.confidence[0, 0] == 0.5
    assert got.skeleton == BODY_25
    assert "BODY_25B has 25 joints too" in got.provenance["layout"]


def test_openpose_with_the_skeleton_given_guesses_nothing(tmp_path):
    path = as_json(tmp_path / "frame.json", openpose_frame(grid(1, 25)[0]))
    got = formats.read(path, ReadOptions(skeleton="body_25b", fps=30, image_size=(640, 480)))
    assert got.skeleton == BODY_25B
    assert "layout" not in got.provenance


def test_openpose_missing_joints_frames_and_people_are_nan(tmp_path):
    points = grid(6, 25)
    points[0, 4] = 0  # OpenPose writes 0, 0, 0 for a joint it did not find
    frames = {n: openpose_frame(points[n]) for n in (0, 1, 5)} | {2: openpose_frame()}
    got = formats.read(openpose_folder(tmp_path / "json", frames), FILLED)
    assert np.isnan(got.xy[0, 4]).all()
    assert got.confidence[0, 4] == 0
    assert got.seen.any(axis=1).tolist() == [True, True, False, False, False, True]
    assert got.provenance["frames_missing_in_file"] == 2


def test_openpose_step_between_frames_is_taken_out(tmp_path):
    frames = {n: openpose_frame(grid(21, 25)[n]) for n in (10, 15, 20)}
    got = formats.read(openpose_folder(tmp_path / "json", frames), FILLED)
    assert got.xy[:, 0, 1].tolist() == [210, 215, 220]
    assert (got.provenance["frame_step"], got.provenance["first_frame_number"]) == (5, 10)


def test_openpose_people_are_listed_and_chosen(tmp_path):
    one, two = grid(3, 25), grid(3, 25) + 5 * RIGHT_10
    frames = {n: openpose_frame(one[n], two[n]) for n in (0, 1)} | {2: openpose_frame(one[2])}
    folder = openpose_folder(tmp_path / "json", frames)
    with pytest.raises(
        InputError, match=r"there are 2 people: 0 \(3 frames\), 1 \(2 frames\); .*--person"
    ):
        formats.read(folder, FILLED)
    got = formats.read(folder, ReadOptions(fps=30, image_size=(640, 480), person="1"))
    assert (got.person, got.xy[0, 0, 0]) == ("1", 150)
    assert np.isnan(got.xy[2]).all()
    assert "not tracked" in got.provenance["people"]
    everybody = formats.read_people(folder, FILLED)
    assert [k.person for k in everybody] == ["0", "1"]
    loaded = formats.READERS["openpose"].load(folder, FILLED)
    np.testing.assert_array_equal(loaded[1].xy, got.xy)


def test_a_person_never_seen_is_no_person(tmp_path):
    content = openpose_frame(grid(1, 25)[0], np.zeros((25, 3)))
    got = formats.read(as_json(tmp_path / "frame.json", content), FILLED)
    assert (got.person, got.provenance["people_never_seen"]) == ("0", ["1"])


# --- COCO -------------------------------------------------------------------------------------


def coco_dataset(points: np.ndarray, **extra) -> dict:
    """One annotation per frame; images listed backwards, ids far apart."""
    images = [
        {"id": 1000 + 7 * f, "width": 640, "height": 480, "file_name": f"{f}.jpg"}
        for f in reversed(range(len(points)))
    ]
    annotations = [
        {"id": f, "image_id": 1000 + 7 * f, "keypoints": p.reshape(-1).tolist(), **extra}
        for f, p in enumerate(points)
    ]
    return {"images": images, "annotations": annotations}


def test_coco_annotations(tmp_path):
    points = grid(3, 17)
    points[..., 2] = 2
    points[0, 5] = 0
    points[0, 6, 2] = 1
    got = formats.read(as_json(tmp_path / "a.json", coco_dataset(points)), ReadOptions(fps=25))
    assert (got.skeleton, got.image_size, len(got)) == (COCO_17, (640, 480), 3)
    assert got.xy[:, 0, 1].tolist() == [200, 201, 202]
    assert np.isnan(got.xy[0, 5]).all()
    assert got.confidence[0, 5:8].tolist() == [0, 1, 1]
    assert got.provenance["confidence"].startswith("visibility flags")


def test_coco_categories_name_the_joints(tmp_path):
    content = coco_dataset(grid(2, 17)[:, ::-1])
    content["categories"] = [{"id": 1, "keypoints": list(COCO_17.joints[::-1])}]
    got = formats.read(as_json(tmp_path / "a.json", content), ReadOptions(fps=25))
    assert got.xy[0, :, 0].tolist() == (100 + np.arange(17)).tolist()


def test_coco_images_without_annotation_are_frames(tmp_path):
    content = coco_dataset(grid(3, 17))
    del content["annotations"][1]
    got = formats.read(as_json(tmp_path / "a.json", content), ReadOptions(fps=25))
    assert got.seen.any(axis=1).tolist() == [True, False, True]


def test_coco_results_keep_scores_and_gaps(tmp_path):
    points = grid(4, 17)
    results = [
        {"image_id": f"{f}.jpg", "keypoints": points[f].reshape(-1).tolist(), "score": 2.5}
        for f in (3, 0, 1)
    ]
    got = formats.read(as_json(tmp_path / "r.json", results), FILLED)
    assert got.xy[:, 0, 1].tolist()[:2] == [200, 201]
    assert got.seen.any(axis=1).tolist() == [True, True, False, True]
    assert got.confidence[0, 0] == 0.5
    assert got.provenance["confidence"] == "detector scores"


def test_coco_people_by_track_and_by_index(tmp_path):
    results = [
        {"image_id": f, "keypoints": (grid(2, 17)[f] + [t, 0, 0]).reshape(-1).tolist()}
        for f, t in itertools.product((0, 1), (0, 40))
    ]
    path = as_json(tmp_path / "r.json", results)
    assert [k.person for k in formats.read_people(path, FILLED)] == ["0", "1"]
    for result, track in zip(results, (7, 9, 9, 7), strict=True):
        result["track_id"] = track
    seven = formats.read(as_json(path, results), ReadOptions("coco", None, 30, (640, 480), "7"))
    assert seven.xy[:, 0, 0].tolist() == [100, 140]
    assert seven.provenance["people"] == "by track_id"


def test_the_registries_can_be_listed():
    assert set(formats.READERS) == {"npz", "detections", "openpose", "coco", "videopose"}
    assert set(formats.WRITERS) == {"npz", "json", "csv"}
    for name, entry in [*formats.READERS.items(), *formats.WRITERS.items()]:
        assert entry.name == name
        assert entry.description
        assert "\n" not in entry.description
