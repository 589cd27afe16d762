"""EgoHumans: people's tracks out of rows, joints made by langlift's rule, COCO JSON without 3D."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from pair_files import ego_arrays, write_ego

from langlift.datasets.checking.quality import check_dataset
from langlift.datasets.recorded import egohumans
from langlift.datasets.recorded.egohumans import SEQUENCES, TO_HUMAN36M
from langlift.datasets.recorded.person_tracks import bridged, person_tracks
from langlift.datasets.registry import open_dataset
from langlift.errors import InputError
from langlift.skeletons import COCO_17, HUMAN36M_17

# Ann misses 4 frames in between, Bob 14: one more than a track bridges.
FRAMES = {"ann": [*range(3, 10), *range(14, 20)], "bob": [*range(5), *range(19, 25)]}


def coco_json(path: Path, arrays: dict, people: dict[str, int], frames: int = 25) -> Path:
    """The 2D of such arrays as the dataset's export, tracks by number."""
    annotations = []
    for n, person in enumerate(arrays["person"]):
        points = np.concatenate([arrays["xy"][n], np.full((17, 1), 2)], axis=1)
        annotations.append(
            {
                "image_id": 100 + int(arrays["frame"][n]),
                "track_id": people[str(person)],
                "keypoints": points.reshape(-1).tolist(),
            }
        )
    images = [{"id": 100 + f, "width": 1000, "height": 1000} for f in range(frames)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"images": images, "annotations": annotations}))
    return path


def test_rows_become_tracks(tmp_path: Path) -> None:
    dataset = open_dataset("egohumans", write_ego(tmp_path / "take.npz", FRAMES))
    assert [(e.name, e.frames_3d, dict(e.frames_2d)) for e in dataset.entries()] == [
        ("take/ann", 17, {"given": 17}),
        ("take/bob", 5, {"given": 5}),
        ("take/bob.2", 6, {"given": 6}),
    ]
    ann, bob, later = dataset.recordings("given")
    assert [r.name for r in (ann, bob, later)] == ["take/ann", "take/bob", "take/bob.2"]
    assert {(r.subject, r.action, r.camera) for r in (ann, bob, later)} == {
        ("01_tagging", "tagging", "cam01")
    }
    np.testing.assert_array_equal(np.flatnonzero(~ann.counted), [7, 8, 9, 10])
    assert bob.counted.all() and later.counted.all()
    assert (ann.keypoints.person, later.keypoints.person) == ("ann", "bob")
    assert check_dataset(dataset).level == "note"  # of Ann's frames that do not count


def test_gaps_are_bridged_by_straight_lines_in_2d_alone(tmp_path: Path) -> None:
    path = write_ego(tmp_path / "take.npz", {"ann": FRAMES["ann"]})
    (ann,) = open_dataset("egohumans", path).recordings("given")
    before, after = ann.keypoints.xy[6], ann.keypoints.xy[11]
    for step in range(1, 5):
        np.testing.assert_allclose(
            ann.keypoints.xy[6 + step], before + step / 5 * (after - before), atol=1e-3
        )
    assert np.isnan(ann.joints[7:11]).all()
    assert ann.keypoints.seen.all()


def test_the_2d_and_3d_are_those_of_the_rows(tmp_path: Path) -> None:
    arrays = ego_arrays({"ann": [0, 1, 2]})
    (ann,) = open_dataset(
        "egohumans", write_ego(tmp_path / "a.npz", {"ann": [0, 1, 2]})
    ).recordings("given")
    wrist, coco_wrist = HUMAN36M_17.index("left_wrist"), COCO_17.index("left_wrist")
    np.testing.assert_allclose(ann.joints[:, wrist], arrays["joints_3d"][:, coco_wrist], atol=1e-6)
    np.testing.assert_allclose(ann.keypoints.xy[:, wrist], arrays["xy"][:, coco_wrist], atol=1e-3)
    hips = [COCO_17.index(f"{side}_hip") for side in ("left", "right")]
    np.testing.assert_allclose(ann.joints[:, 0], arrays["joints_3d"][:, hips].mean(1), atol=1e-6)


# Our rule for the joints


def test_joints_are_made_by_the_declared_rule() -> None:
    points = np.random.default_rng(0).normal(size=(17, 3))
    at = {joint: points[k] for k, joint in enumerate(COCO_17.joints)}
    made = dict(zip(HUMAN36M_17.joints, TO_HUMAN36M.apply(points), strict=True))
    root = (at["left_hip"] + at["right_hip"]) / 2
    thorax = (at["left_shoulder"] + at["right_shoulder"]) / 2
    wanted = {
        "pelvis": root,
        "thorax": thorax,
        "spine": (root + thorax) / 2,
        "neck_nose": at["nose"],
        "head_top": (at["left_ear"] + at["right_ear"]) / 2,
        "right_knee": at["right_knee"],
    }
    for joint, place in wanted.items():
        np.testing.assert_allclose(made[joint], place, atol=1e-12)
    assert TO_HUMAN36M.missing == ()
    np.testing.assert_allclose(TO_HUMAN36M.weights.sum(axis=1), 1)


def test_without_an_ear_the_eyes_are_taken() -> None:
    points = np.random.default_rng(0).normal(size=(2, 17, 2))
    points[1, COCO_17.index("left_ear")] = np.nan
    top = TO_HUMAN36M.apply(points)[:, HUMAN36M_17.index("head_top")]
    eyes = points[1, [COCO_17.index("left_eye"), COCO_17.index("right_eye")]].mean(0)
    np.testing.assert_allclose(top[1], eyes)
    assert not np.allclose(top[0], eyes)


def test_frames_whose_3d_lacks_a_joint_do_not_count(tmp_path: Path) -> None:
    joints = ego_arrays({"ann": [0, 1, 2]})["joints_3d"]
    joints[1, COCO_17.index("left_knee")] = np.nan
    path = write_ego(tmp_path / "a.npz", {"ann": [0, 1, 2]}, joints_3d=joints)
    (ann,) = open_dataset("egohumans", path).recordings("given")
    np.testing.assert_array_equal(ann.counted, [True, False, True])


# Tracks


def test_a_row_that_shows_nothing_is_no_row(tmp_path: Path) -> None:
    confidence = np.full((4, 17), 0.9)
    confidence[[0, 2]] = 0
    path = write_ego(tmp_path / "a.npz", {"ann": [0, 1, 2, 3]}, confidence=confidence)
    (ann,) = open_dataset("egohumans", path).recordings("given")
    np.testing.assert_array_equal(ann.counted, [True, False, True])


def test_tracks_keep_the_order_of_the_frames() -> None:
    person = np.array(["a", "b", "a", "a"])
    (a, b) = person_tracks(person, np.array([9, 1, 7, 8]), np.ones(4, dtype=bool))
    assert (a.name, a.rows.tolist(), a.frames.tolist()) == ("a", [2, 3, 0], [0, 1, 2])
    assert (b.name, len(b)) == ("b", 1)


@pytest.mark.parametrize(("gap", "tracks"), [(13, 1), (14, 2)])
def test_the_longest_gap_is_thirteen_frames(gap: int, tracks: int) -> None:
    found = person_tracks(np.array(["a", "a"]), np.array([0, gap + 1]), np.ones(2, dtype=bool))
    assert [len(t) for t in found] == ([gap + 2] if tracks == 1 else [1, 1])


def test_what_is_missing_beside_a_gap_stays_missing() -> None:
    values = np.array([[1.0, np.nan], [np.nan, np.nan], [3.0, 5.0]])
    filled = bridged(values, np.array([True, False, True]))
    np.testing.assert_array_equal(filled[1], [2.0, np.nan])


# COCO JSON


def test_coco_json_gives_the_2d_of_the_rows(tmp_path: Path) -> None:
    arrays = ego_arrays({"7": [0, 1, 2, 3], "9": [2, 3]})
    coco_json(tmp_path / "person_keypoints_exo.json", arrays, {"7": 7, "9": 9})
    write_ego(tmp_path / "a.npz", {"7": [0, 1, 2, 3], "9": [2, 3]}, xy=None, confidence=None,
              keypoints="person_keypoints_exo.json")  # fmt: skip
    np.savez(tmp_path / "b.npz", **ego_arrays({"7": [0, 1, 2, 3]}, person=np.full(4, 7)))
    dataset = open_dataset("egohumans", tmp_path)
    assert dataset.sources() == ("exo", "given")
    from_json = [*dataset.recordings("exo")]
    (given,) = dataset.recordings("given")
    assert [r.name for r in from_json] == ["a/7", "a/9"]
    np.testing.assert_allclose(from_json[0].keypoints.xy, given.keypoints.xy, atol=1e-3)
    np.testing.assert_array_equal(from_json[0].joints, given.joints)


def test_a_coco_json_of_several_files_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    coco_json(tmp_path / "person_keypoints_exo.json", ego_arrays({"7": [0, 1]}), {"7": 7})
    for name in "ab":
        write_ego(tmp_path / f"{name}.npz", {"7": [0, 1]}, xy=None, confidence=None,
                  keypoints="person_keypoints_exo.json")  # fmt: skip
    read: list[Path] = []
    real = egohumans._clip
    monkeypatch.setattr(egohumans, "_clip", lambda path: (read.append(path), real(path))[1])
    dataset = open_dataset("egohumans", tmp_path)
    dataset.entries()
    assert [r.name for r in dataset.recordings("exo")] == ["a/7", "b/7"]
    assert len(read) == 1


def test_frames_that_the_json_lacks_are_not_seen(tmp_path: Path) -> None:
    arrays = ego_arrays({"7": [0, 2, 3]})
    coco_json(tmp_path / "person_keypoints_exo.json", arrays, {"7": 7})
    write_ego(tmp_path / "a.npz", {"7": [0, 1, 2, 3, 4]}, xy=None, confidence=None,
              keypoints="person_keypoints_exo.json")  # fmt: skip
    (found,) = open_dataset("egohumans", tmp_path).recordings("exo")
    assert found.counted.tolist() == [True, False, True, True]


def test_coco_json_alone_is_listed_and_says_what_to_convert(tmp_path: Path) -> None:
    arrays = ego_arrays({"7": [0, 1, 2]})
    path = coco_json(tmp_path / "03_fencing" / "person_keypoints_ego_rgb.json", arrays, {"7": 7})
    dataset = open_dataset("egohumans", tmp_path)
    (entry,) = dataset.entries()
    assert (entry.subject, entry.action, entry.frames_3d) == ("03_fencing", "fencing", None)
    assert dict(entry.frames_2d) == {"ego_rgb": 3}
    with pytest.raises(InputError) as caught:
        list(dataset.recordings("ego_rgb"))
    assert str(caught.value).startswith(f"{path}: this COCO JSON holds 2D only; save the dataset's")
    assert "docs/data.md" in str(caught.value)
    said = [f.message for f in check_dataset(dataset).findings]
    assert any("2D but no 3D" in message for message in said)


def test_a_json_that_says_no_sequence_is_refused(tmp_path: Path) -> None:
    path = coco_json(tmp_path / "person_keypoints_exo.json", ego_arrays({"7": [0]}), {"7": 7})
    with pytest.raises(
        InputError, match=rf"{path}: the file does not say its sequence.*01_tagging"
    ):
        open_dataset("egohumans", tmp_path).entries()


BAD = {
    "no 3D": ({"joints_3d": None}, "this is no EgoHumans file, it lacks joints_3d"),
    "no 2D": ({"xy": None}, "neither xy nor keypoints"),
    "two kinds of 2D": ({"keypoints": "a.json"}, "both xy and keypoints"),
    "no json": ({"xy": None, "keypoints": "a.json"}, "its keypoints are in a.json, which is not"),
    "sequence": ({"sequence": "01_taging"}, "did you mean '01_tagging'?"),
    "twice": ({"frame": [0, 1, 1]}, "person 'ann' is twice in frame 1"),
    "frames in between": ({"frame": [0.0, 0.5, 1.0]}, "'frame' is of type float64; it must be int"),
    "fewer people": ({"person": np.array(["ann"])}, "person has shape (1,)"),
    "joints": ({"joints_3d": np.zeros((3, 15, 3))}, "joints_3d has shape (3, 15, 3)"),
    "2D joints": ({"xy": np.ones((3, 15, 2))}, "xy has shape (3, 15, 2); it must be (3, 17, 2)"),
    "nobody": ({"confidence": np.zeros((3, 17))}, "nobody is seen in any of its rows"),
    "rate": ({"fps": 0.0}, "fps is 0"),
    "half a camera": ({"focal": None}, "center but no focal"),
    "pickled": ({"person": np.array([print] * 3, dtype=object)}, "pickled Python objects"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_refused_by_name(case: str, tmp_path: Path) -> None:
    changes, words = BAD[case]
    path = write_ego(tmp_path / "take.npz", {"ann": [0, 1, 2]}, **changes)
    with pytest.raises(InputError) as caught:
        list(open_dataset("egohumans", tmp_path).recordings("given"))
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and message.count(str(path)) == 1, message
    assert words in message


def test_an_unknown_person_in_the_json_is_refused(tmp_path: Path) -> None:
    coco_json(tmp_path / "person_keypoints_exo.json", ego_arrays({"7": [0]}), {"7": 7})
    write_ego(tmp_path / "a.npz", {"8": [0]}, xy=None, keypoints="person_keypoints_exo.json")
    with pytest.raises(InputError, match=r"unknown person in person_keypoints_exo\.json '8'"):
        open_dataset("egohumans", tmp_path).entries()


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds neither \.npz files nor person_keypoints_\*"):
        open_dataset("egohumans", tmp_path)
    assert len(SEQUENCES) == 7
