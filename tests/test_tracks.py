"""Keypoints and Motion refuse what cannot be used, each in one sentence, and keep what can."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from langlift.errors import InputError
from langlift.skeletons import get_skeleton
from langlift.tracks import SPACE_AXES, ActionEstimate, Keypoints, Motion, check_fps

NAN, INF = float("nan"), float("inf")


def pixels(frames: int = 4, joints: int = 17) -> np.ndarray:
    """(f, j, 2) a person in the middle of a 640 x 480 image: joint j at (200 + 10 j, 100 + f)."""
    xy = np.zeros((frames, joints, 2), dtype=np.float32)
    xy[..., 0] = 200 + 10 * np.arange(joints)
    xy[..., 1] = 100 + np.arange(frames)[:, None]
    return xy


def keypoints(**changes: Any) -> Keypoints:
    return Keypoints(**{"xy": pixels(), "fps": 25, "image_size": (640, 480)} | changes)


def with_value(array: np.ndarray, value: float) -> np.ndarray:
    array[1, 2] = value
    return array


def test_keypoints_are_what_was_given() -> None:
    track = keypoints(fps="29.97", image_size=np.array([640, 480]), person=3)
    assert len(track) == 4
    assert track.skeleton is get_skeleton("human36m_17")
    assert track.fps == 29.97
    assert track.image_size == (640, 480)
    assert track.person == "3"
    assert track.xy.dtype == track.confidence.dtype == np.float32
    assert np.array_equal(track.xy, pixels())
    assert track.seen.all()
    assert (track.confidence == 1).all()


def test_missing_joints_are_nan_with_confidence_zero_whichever_way_they_come() -> None:
    xy = pixels()
    xy[0, 3, 0] = NAN  # half a point is no point
    confidence = np.full((4, 17), 0.5)
    confidence[1, 4] = 0
    confidence[2, 5] = NAN
    track = keypoints(xy=xy, confidence=confidence)
    lost = [(0, 3), (1, 4), (2, 5)]
    assert sorted(map(tuple, np.argwhere(~track.seen).tolist())) == lost
    assert sorted(map(tuple, np.argwhere(np.isnan(track.xy).all(axis=-1)).tolist())) == lost
    assert np.isnan(track.xy).sum() == 6
    assert set(np.unique(track.confidence)) == {0.0, 0.5}


def test_a_frozen_object_does_not_change_with_the_array_it_was_made_from() -> None:
    xy, joints = pixels(), np.zeros((4, 17, 3), dtype=np.float32)
    track, motion = keypoints(xy=xy), Motion(joints, get_skeleton("human36m_17"), 25)
    xy[:], joints[:] = -1, -1
    assert np.array_equal(track.xy, pixels())
    assert (motion.joints == 0).all()
    with pytest.raises(dataclasses.FrozenInstanceError):
        track.fps = 5.0  # pyright: ignore[reportAttributeAccessIssue]


def test_objects_with_arrays_can_be_compared() -> None:
    track = keypoints()
    assert track == track
    assert track != keypoints()
    assert len({track, keypoints()}) == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"xy": "nothing"}, "xy is not an array of numbers; give a regular numeric array"),
        ({"xy": [[[1, 2], [3]]]}, "xy is not an array of numbers"),
        ({"xy": np.zeros((0, 17, 2))}, "there are no frames in the keypoints; give at least one"),
        ({"xy": np.zeros((17, 2))}, r"xy has shape \(17, 2\); it must be \(f, 17, 2\)"),
        ({"xy": np.zeros((4, 17, 3))}, r"xy has shape \(4, 17, 3\); it must be \(f, 17, 2\)"),
        ({"xy": pixels(joints=25)}, "have 25 joints but skeleton 'human36m_17' has 17; name the"),
        ({"skeleton": "coco"}, "unknown skeleton 'coco'; known: .*did you mean 'coco_17'"),
        ({"xy": with_value(pixels(), INF)}, "xy holds infinite values; mark .* with NaN instead"),
        ({"xy": pixels().astype(float) * 1e300}, "xy holds infinite values"),
        ({"xy": pixels() * NAN}, "no joint is seen in any frame .* nothing to lift"),
        ({"confidence": np.zeros((4, 17))}, "no joint is seen in any frame"),
        ({"confidence": np.ones((4, 16))}, r"confidence has shape \(4, 16\); it must be \(4, 17\)"),
        (
            {"confidence": with_value(np.ones((4, 17)), -0.5)},
            "a confidence is -0.5; give finite",
        ),
        (
            {"confidence": with_value(np.ones((4, 17)), INF)},
            "a confidence is inf; give finite",
        ),
        ({"fps": None}, r"fps is missing; give the frames per second \(--fps\)"),
        ({"fps": 0}, r"fps is 0; it must be between 1 and 1000 frames per second$"),
        ({"fps": 0.001}, r"fps is 0\.001; it must be between 1 and 1000"),
        ({"fps": np.float64(0.999)}, r"fps is 0\.999; it must be between"),
        ({"fps": 1000.5}, r"fps is 1000\.5; it must be between"),
        ({"fps": 10**400}, "fps is beyond all numbers of frames; it must be between"),
        ({"fps": -(10**5000)}, "fps is beyond all numbers of frames; it must be between"),
        ({"fps": -25}, "fps is -25; it must be between 1 and 1000"),
        ({"fps": NAN}, "fps is nan; it must be between 1 and 1000"),
        ({"fps": INF}, "fps is inf; it must be between 1 and 1000"),
        ({"fps": "fast"}, "fps is 'fast'; it must be between 1 and 1000"),
        ({"image_size": None}, r"the image size is missing; .*--image-size WIDTH HEIGHT"),
        ({"image_size": (640,)}, r"the image size is \(640,\); it must be two positive"),
        ({"image_size": 640}, "the image size is 640; it must be two positive numbers"),
        ({"image_size": "64"}, "the image size is '64'; it must be two positive numbers"),
        ({"image_size": (0, 480)}, r"the image size is \(0, 480\); it must be two positive"),
        ({"image_size": (640, INF)}, r"the image size is \(640, inf\); it must be two positive"),
        ({"image_size": (640, NAN)}, r"the image size is \(640, nan\); it must be two positive"),
        ({"image_size": (640, 479.5)}, r"the image size is \(640, 479.5\); .* whole pixels"),
        ({"xy": pixels() * 100}, "a joint lies at 36000 pixels, far outside the 640 x 480 image"),
        ({"xy": pixels() / 640}, "look like normalised coordinates; give xy in pixels"),
        ({"xy": pixels() / 320 - 1}, "look like normalised coordinates; give xy in pixels"),
    ],
)
def test_bad_keypoints_are_refused_in_one_sentence(changes: dict, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        keypoints(**changes)
    assert "\n" not in str(caught.value)


def test_joints_somewhat_outside_the_image_are_kept() -> None:
    xy = pixels()
    xy[2, 16] = (-80, 700)
    assert np.array_equal(keypoints(xy=xy).xy, xy)


def test_replaced_changes_one_thing_and_checks_again() -> None:
    track = keypoints(provenance={"file": "walk.npz"})
    faster = track.replaced(fps=50)
    assert (faster.fps, faster.image_size, dict(faster.provenance)) == (
        50, (640, 480), {"file": "walk.npz"},
    )  # fmt: skip
    assert np.array_equal(faster.xy, track.xy)
    with pytest.raises(InputError, match="fps is 0"):
        track.replaced(fps=0)


def test_conversion_of_keypoints_keeps_a_record() -> None:
    confidence = np.full((4, 17), 0.8)
    hip = get_skeleton("coco_17").index("left_hip")
    confidence[1, hip] = 0.3
    confidence[2, hip] = 0
    track = keypoints(skeleton="coco_17", confidence=confidence, provenance={"file": "a.json"})
    made = track.converted("human36m_17")
    assert made.skeleton.name == "human36m_17"
    assert np.allclose(made.confidence[:, 0], [0.8, 0.3, 0, 0.8])
    assert np.isnan(made.xy[2, 0]).all()
    # The hips of the toy track are joints 11 and 12 at x = 310 and 320.
    assert np.allclose(made.xy[0, 0], (315, 100))
    assert made.provenance["file"] == "a.json"
    assert made.provenance["converted_from"] == "coco_17"
    assert any("neck_nose" in note for note in made.provenance["conversion_notes"])
    assert made.converted("human36m_17") is made
    assert "converted_from" not in track.provenance


def test_conversion_tells_what_the_source_does_not_give() -> None:
    made = keypoints().converted("coco_17")
    expected = "not given by human36m_17: left_eye, right_eye, left_ear, right_ear"
    assert expected in made.provenance["conversion_notes"]


def test_conversion_that_leaves_nothing_is_refused() -> None:
    xy = np.full((2, 17, 2), NAN)
    xy[:, get_skeleton("coco_17").index("left_eye")] = 200
    with pytest.raises(
        InputError, match=r"no joint of human36m_17 can be made .* coco_17 keypoints"
    ):
        keypoints(xy=xy, skeleton="coco_17").converted("human36m_17")


def estimate(probabilities: Any = None, windows: Any = None, labels: Any = None) -> ActionEstimate:
    return ActionEstimate(
        ("walk", "run", "jump") if labels is None else labels,
        [[0.6, 0.3, 0.1], [0.0, 0.2, 0.8]] if probabilities is None else probabilities,
        [[0, 30], [30, 40]] if windows is None else windows,
    )


def test_an_estimate_weighs_windows_by_their_length() -> None:
    action = estimate()
    # three quarters of the first window and one quarter of the second
    assert np.allclose(action.mean, (0.45, 0.275, 0.275))
    assert (action.label, action.probability) == ("walk", pytest.approx(0.45))
    even = estimate(windows=[[0, 30], [15, 45]])
    assert np.allclose(even.mean, (0.3, 0.25, 0.45))
    assert even.label == "jump"
    assert [label for label, _ in even.top(2)] == ["jump", "walk"]
    assert [p for _, p in even.top(9)] == pytest.approx([0.45, 0.3, 0.25])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"probabilities": np.ones((2, 2)) / 2}, r"action probabilities has shape \(2, 2\)"),
        ({"windows": [[0, 30]]}, r"action windows has shape \(1, 2\); it must be \(2, 2\)"),
        ({"probabilities": np.zeros((0, 3)), "windows": np.zeros((0, 2))}, "at least one label"),
        ({"probabilities": [[1.0, 2.0, 3.0]] * 2}, "each window's must sum to 1; give the softmax"),
        ({"probabilities": [[1.5, -0.5, 0.0]] * 2}, "must not be negative"),
        ({"probabilities": [[NAN, 0.5, 0.5]] * 2}, "must not be negative"),
        ({"windows": [[0, 30], [30, 30]]}, "an action window ends before it begins"),
        ({"windows": [[0, 30], [30, 10]]}, "an action window ends before it begins"),
    ],
)
def test_a_broken_estimate_is_refused(changes: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        estimate(**changes)


def motion(**changes: Any) -> Motion:
    given: dict[str, Any] = {"joints": np.zeros((5, 17, 3)), "skeleton": "human36m_17", "fps": 50}
    return Motion(**given | changes)


def test_motion_takes_lists_and_names() -> None:
    made = motion(
        root=[[0, 0, 4]] * 5, spread=np.zeros((5, 17)), hypotheses=np.zeros((2, 5, 17, 3))
    )
    assert made.skeleton is get_skeleton("human36m_17")
    assert (len(made), made.seconds, made.space) == (5, 0.1, "root")
    assert made.root is not None
    assert made.root.dtype == made.joints.dtype == np.float32
    assert made.root.shape == (5, 3)


def test_every_space_states_its_axes() -> None:
    for space, axes in SPACE_AXES.items():
        assert "metres" in axes
        assert motion(space=space).space == space


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"joints": "nothing"}, "joints is not an array of numbers"),
        (
            {"joints": np.zeros((5, 16, 3))},
            r"joints has shape \(5, 16, 3\); it must be \(f, 17, 3\)",
        ),
        ({"joints": np.zeros((0, 17, 3))}, "a motion needs at least one frame"),
        ({"joints": np.full((5, 17, 3), INF)}, "joints holds infinite values"),
        ({"skeleton": "h36m"}, "unknown skeleton 'h36m'"),
        ({"fps": None}, "fps is None; it must be between 1 and 1000"),
        ({"space": "camara"}, "space is 'camara'; it must be one of root, camera, world"),
        ({"root": np.zeros((4, 3))}, r"root has shape \(4, 3\); it must be \(5, 3\)"),
        ({"root": "nowhere"}, "root is not an array of numbers"),
        ({"hypotheses": np.zeros((5, 17, 3))}, r"hypotheses has shape .* \(h, 5, 17, 3\)"),
        ({"spread": np.zeros((5, 16))}, r"spread has shape \(5, 16\); it must be \(5, 17\)"),
        ({"spread": np.full((5, 17), INF)}, "spread holds infinite values"),
    ],
)
def test_a_broken_motion_is_refused(changes: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        motion(**changes)


def test_motion_replaced_is_checked_again() -> None:
    assert motion().replaced(space="camera").space == "camera"
    with pytest.raises(InputError, match="space is 'moon'"):
        motion().replaced(space="moon")


@pytest.mark.parametrize(
    ("given", "rate"),
    [(30, 30.0), ("23.976", 23.976), (np.float32(50), 50.0), (1, 1.0), (1000, 1000.0)],
)
def test_frame_rates_come_as_numbers_or_text(given: Any, rate: float) -> None:
    assert check_fps(given) == rate


def test_an_image_larger_than_any_camera_is_refused() -> None:
    with pytest.raises(InputError, match="image size is 1000000 x 2; a side has at most 100,000"):
        Keypoints(np.zeros((1, 17, 2)) + 5, fps=50, image_size=(10**6, 2))
