"""What a lifter refuses, and what it says of how much it saw."""

import numpy as np
import pytest
from lifting_fixtures import LENS, lifter, mirrored, track

from langlift.actions import ActionVocabulary
from langlift.errors import InputError
from langlift.geometry import Camera
from langlift.lifting.lifter import LiftOptions
from langlift.skeletons import HUMAN36M_17
from langlift.tracks import Keypoints

LEFT_WRIST = HUMAN36M_17.index("left_wrist")


def test_joints_that_no_ray_reaches_count_as_not_seen():
    barrel = Camera("barrel", (1000, 1000), (700.0, 700.0), (500.0, 500.0), (-0.4, 0.0, 0.0))
    keypoints = track(40, camera=barrel)
    xy = keypoints.xy.copy()
    xy[10:14, LEFT_WRIST] = [4000.0, 4000.0]
    assert np.isnan(barrel.rays(xy[10, LEFT_WRIST])).all()
    confidence = np.ones((40, 17))
    confidence[10:14, LEFT_WRIST] = 0
    made = lifter()
    lost = made.lift(keypoints.replaced(confidence=confidence), barrel).joints
    assert np.array_equal(made.lift(keypoints.replaced(xy=xy), barrel).joints, lost)


def test_a_lens_that_sees_none_of_the_joints_is_an_error():
    barrel = Camera("barrel", (1000, 1000), (700.0, 700.0), (500.0, 500.0), (-0.4, 0.0, 0.0))
    far = np.full((3, 17, 2), 4000.0) + np.arange(17)[:, None]
    keypoints = Keypoints(far, "human36m_17", 50, (1000, 1000))
    with pytest.raises(InputError, match="no joint lies where the lens of camera 'barrel' can see"):
        lifter().lift(keypoints, barrel)


def test_a_camera_of_other_images_is_an_error():
    other = Camera.assumed((1920, 1080))
    with pytest.raises(InputError, match="images of 1920 x 1080 pixels but the keypoints are of 1"):
        lifter().lift(track(3), other)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"precision": "fp16"}, "precision is 'fp16'; it must be 'fp32' or 'bf16'"),
        ({"chunk": 0}, "chunk is 0; it must be at least 1 frame"),
    ],
)
def test_bad_options_say_what_is_wrong(changes, message):
    with pytest.raises(InputError, match=message):
        LiftOptions(**changes)


def test_a_track_that_shows_no_pose_is_refused():
    """A network would name an action and draw a body from a single shoulder."""
    three = np.zeros((5, 17))
    three[:, [0, 11, 14]] = 1
    with pytest.raises(InputError, match=r"at most 3 of 17 joints are seen .* at least 4"):
        lifter().lift(track(5, confidence=three))
    point = np.tile(np.arange(5.0)[:, None, None] + 300, (1, 17, 2))
    with pytest.raises(InputError, match="all joints lie on one pixel in every frame"):
        lifter().lift(Keypoints(point, "human36m_17", 50, LENS.image_size))


def test_the_provenance_says_how_much_was_seen():
    confidence = np.ones((4, 17))
    confidence[:2, :] = 0
    said = lifter().lift(track(4, confidence=confidence)).provenance
    assert said["joints_seen"] == "50% of the joints, the rest filled in"


def test_flip_averaging_swaps_the_classes_of_left_and_right():
    sided = ActionVocabulary(("raise_left_arm", "raise_right_arm", "walk"))
    made, points = lifter(actions=sided), track(30)
    mirror = mirrored(points)
    seen = made.lift(points, LENS).action.mean
    other = made.lift(mirror, LENS.mirrored()).action.mean
    assert np.allclose(seen, other[[1, 0, 2]], atol=1e-5)
    assert not np.allclose(seen[0], seen[1], atol=1e-4)
