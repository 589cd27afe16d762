"""How recordings are lifted under a protocol: windows, root, unit, joints, frames that count."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from evaluation_fixtures import by_hand, film, rooted, tiny
from lifting_fixtures import LENS

from langlift.conversions import conversion
from langlift.errors import InputError
from langlift.lifting.features import FeatureConfig
from langlift.lifting.lifter import LiftOptions
from langlift.protocols.catalogue import PROTOCOLS
from langlift.protocols.scores import summed
from langlift.protocols.windowing import cut, lift_recording
from langlift.skeletons import COCO_17, HUMAN36M_17, HUMANEVA_15, SKELETONS
from langlift.tracks import ActionEstimate, Motion

SPEC = PROTOCOLS["human36m"]
KEPT = LiftOptions(center=False)


def taken(recording, frames):
    points = recording.keypoints
    return points.replaced(xy=points.xy[frames], confidence=points.confidence[frames])


def mean_error(lifted, name="MPJPE"):
    (sums,) = summed(lifted.pieces, [name], HUMAN36M_17)[0].values()
    return sums[name][0] / sums[name][1], sums[name][1]


def test_windows_lie_side_by_side_and_the_last_one_ends_with_the_video() -> None:
    for windows in ("separate", "averaged"):
        found = cut(23, 9, windows)
        assert [c.frames.tolist() for c in found] == [
            [*range(9)], [*range(9, 18)], [*range(14, 23)],
        ]  # fmt: skip
        assert [c.kept for c in found] == [9, 9, 9]
    assert [c.frames[0] for c in cut(18, 9, "separate")] == [0, 9]


def test_a_short_video_is_padded_with_its_last_frame_which_does_not_count() -> None:
    (window,) = cut(4, 9, "separate")
    assert window.frames.tolist() == [0, 1, 2, 3, 3, 3, 3, 3, 3] and window.kept == 4


@pytest.mark.parametrize(("length", "windows"), [(9, "track"), (None, "separate")])
def test_a_track_stays_whole(length, windows) -> None:
    (window,) = cut(23, length, windows)
    assert window.frames.tolist() == [*range(23)] and window.kept == 23


@pytest.mark.parametrize("method", ["mixste", "dstformer"])
@pytest.mark.parametrize("kind", ["screen", "person"])
@pytest.mark.parametrize("frames", [23, 6])
def test_separate_windows_are_lifted_apart_and_shared_frames_count_twice(
    method, kind, frames
) -> None:
    lifter, recording = tiny(method, features=FeatureConfig(kind)), film("S9/a/1", frames=frames)
    lifted = lift_recording(lifter, recording, replace(SPEC, windows="separate"))
    gt, errors = rooted(recording.joints, 0), []
    for start in (0, 9, 14) if frames == 23 else (0,):
        at = np.minimum(np.arange(start, start + 9), frames - 1)
        kept = min(9, frames)
        pred = lifter.lift(taken(recording, at), LENS, KEPT).joints[:kept]
        errors += by_hand(pred, gt[at[:kept]])["MPJPE"].tolist()
    assert len(errors) == (27 if frames == 23 else 6)
    assert mean_error(lifted) == pytest.approx((np.mean(errors), len(errors)), abs=1e-6)


def test_windows_with_joints_that_are_not_seen_are_filled_apart() -> None:
    """Gaps are filled along a track; a window must not know of its neighbour's joints."""
    recording = film("S9/a/1", frames=23)
    xy = recording.keypoints.xy.copy()
    xy[7:9, 1:12] = np.nan
    recording = replace(recording, keypoints=recording.keypoints.replaced(xy=xy, confidence=None))
    lifter = tiny("mixste")
    lifted = lift_recording(lifter, recording, replace(SPEC, windows="separate"))
    alone = lifter.lift(taken(recording, np.arange(9)), LENS, KEPT)
    whole = lifter.lift(recording.keypoints, LENS, KEPT)
    assert np.abs(alone.joints[8] - whole.joints[8]).max() > 1e-5
    assert lifted.pieces[0].pred == pytest.approx(alone.joints, abs=1e-6)


def test_averaged_windows_count_a_shared_frame_once_with_the_mean_of_both_errors() -> None:
    lifter, recording = tiny("mixste"), film("S9/a/1", frames=23)
    gt, errors = rooted(recording.joints, 0), [[] for _ in range(23)]
    for start in (0, 9, 14):
        at = np.arange(start, start + 9)
        pred = lifter.lift(taken(recording, at), LENS, KEPT).joints
        for t, value in zip(at, by_hand(pred, gt[at])["MPJPE"], strict=True):
            errors[t].append(value)
    expected = np.mean([np.mean(of) for of in errors])
    lifted = lift_recording(lifter, recording, replace(SPEC, windows="averaged"))
    assert mean_error(lifted) == pytest.approx((expected, 23), abs=1e-6)
    separate = lift_recording(lifter, recording, replace(SPEC, windows="separate"))
    assert mean_error(separate)[0] != pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("root", ["keep", "zero", "subtract"])
def test_the_root_is_by_the_rule(root) -> None:
    lifter, recording = tiny(), film("S9/a/1")
    (piece,) = lift_recording(lifter, recording, replace(SPEC, root=root)).pieces
    pred = lifter.lift(recording.keypoints, LENS, KEPT).joints.astype(np.float64)
    assert np.abs(pred[:, 0]).max() > 0.01
    if root == "zero":
        pred[:, 0] = 0
    if root == "subtract":
        pred = rooted(pred, 0)
    assert piece.pred == pytest.approx(pred, abs=1e-6)
    assert piece.gt == pytest.approx(rooted(recording.joints, 0), abs=1e-7)


@pytest.mark.parametrize("flip", [True, False])
def test_flip_averaging_is_by_the_protocol(flip) -> None:
    lifter, recording = tiny(), film("S9/a/1")
    (piece,) = lift_recording(lifter, recording, replace(SPEC, flip=flip)).pieces
    motion = lifter.lift(recording.keypoints, LENS, LiftOptions(flip=flip, center=False))
    assert piece.pred == pytest.approx(motion.joints, abs=1e-6)


@pytest.mark.parametrize("lens", [LENS, None])
def test_the_lens_is_given_where_the_recording_has_one(lens) -> None:
    lifter = tiny(features=FeatureConfig("person"))
    recording = replace(film("S9/a/1"), lens=lens)
    (piece,) = lift_recording(lifter, recording, SPEC).pieces
    assert piece.pred == pytest.approx(
        lifter.lift(recording.keypoints, lens, KEPT).joints, abs=1e-6
    )


def test_joints_in_screen_units_become_metres_by_the_recordings_factor() -> None:
    lifter = tiny("dstformer", unit="screen")
    spec = PROTOCOLS["human36m-motionbert"]
    metres = np.linspace(2, 3, 20)
    recording = film("S9/a/1", metres_per_unit=metres)
    (piece, last) = lift_recording(lifter, recording, replace(spec, windows="track")).pieces * 2
    own = lifter.lift(recording.keypoints, LENS, LiftOptions(sized=False)).joints
    assert piece.pred == pytest.approx(own * metres[:, None, None], abs=1e-5)
    assert last is piece
    windows = lift_recording(lifter, recording, spec).pieces
    assert [len(p.weight) for p in windows] == [9, 9, 9]
    third = lifter.lift(taken(recording, np.arange(11, 20)), LENS, LiftOptions(sized=False))
    assert windows[2].pred == pytest.approx(third.joints * metres[11:, None, None], abs=1e-5)
    assert windows[2].weight.tolist() == [0.5] * 7 + [1, 1]


def test_a_model_in_metres_needs_no_factor_and_one_in_screen_units_does() -> None:
    spec = PROTOCOLS["human36m-motionbert"]
    (piece, *_) = lift_recording(tiny("mixste"), film("S9/a/1"), spec).pieces
    own = tiny("mixste").lift(taken(film("S9/a/1"), np.arange(9)), LENS)
    assert piece.pred == pytest.approx(own.joints, abs=1e-6)
    with pytest.raises(InputError, match=r"'S9/a/1': the data do not say how many metres .* gives"):
        lift_recording(tiny("dstformer", unit="screen"), film("S9/a/1"), spec)


def test_a_size_that_the_lifter_assumes_is_told() -> None:
    lifted = lift_recording(tiny("dstformer", unit="screen"), film("S9/a/1"), SPEC)
    assert lifted.notes == (
        "size assumed: the network gives no size; the person is made 1.7 m tall",
    )
    assert lift_recording(tiny(), film("S9/a/1"), SPEC).notes == ()


def test_frames_that_are_not_scored_may_have_no_truth() -> None:
    recording = film("S9/a/1")
    joints, scored = recording.joints.copy(), np.ones(20, bool)
    scored[[0, 7]], joints[[0, 7]] = False, np.nan
    (piece,) = lift_recording(tiny(), replace(recording, joints=joints, scored=scored), SPEC).pieces
    assert piece.weight.tolist() == scored.astype(float).tolist()
    assert np.isfinite(piece.gt).all()
    assert piece.gt[scored] == pytest.approx(rooted(recording.joints, 0)[scored], abs=1e-7)


def test_the_truth_is_converted_to_the_models_joints_and_that_is_told() -> None:
    recording = film("S9/a/1")
    rule = conversion(HUMAN36M_17, COCO_17)
    assert rule.missing  # eyes and ears: this way round nothing can be compared
    other = replace(recording, joints=np.zeros((20, 17, 3), np.float32), skeleton=COCO_17)
    spec = PROTOCOLS["custom"]
    rng = np.random.default_rng(0)
    other = replace(other, joints=rng.normal(0, 0.3, (20, 17, 3)).astype(np.float32))
    lifted = lift_recording(tiny(), other, spec)
    truth = conversion(COCO_17, HUMAN36M_17).apply(other.joints.astype(np.float64))
    assert lifted.pieces[0].gt == pytest.approx(rooted(truth, 0), abs=1e-7)
    assert lifted.notes and all(note.startswith("3D from coco_17: ") for note in lifted.notes)


def test_a_truth_that_lacks_joints_is_refused() -> None:
    joints = np.random.default_rng(0).normal(0, 0.3, (20, 15, 3)).astype(np.float32)
    recording = replace(film("S9/a/1"), joints=joints, skeleton=HUMANEVA_15)
    target = SKELETONS["body_25"]
    assert conversion(HUMANEVA_15, target).missing
    spec = replace(PROTOCOLS["custom"], skeleton="body_25")
    with pytest.raises(
        InputError, match=r"'S9/a/1': its 3D joints are those of humaneva_15, which"
    ):
        lift_recording(tiny(), recording, spec)


def test_another_frame_rate_is_told_and_not_cut_into_windows() -> None:
    recording = film("S9/a/1")
    slow = replace(recording, keypoints=recording.keypoints.replaced(fps=25.0))
    lifted = lift_recording(tiny("mixste"), slow, SPEC)
    assert lifted.notes == ("25 frames per second, resampled to the model's 50 and back",)
    with pytest.raises(InputError, match=r"25 frames per second and the model is for 50.*track"):
        lift_recording(tiny("mixste"), slow, replace(SPEC, windows="separate"))


class Naming:
    """A lifter that names a given action, window by window."""

    def __init__(self, *named: str) -> None:
        self.named, self.inner = list(named), tiny("mixste", features=FeatureConfig("person"))
        self.bundle, self.network = self.inner.bundle, self.inner.network

    def lift(self, keypoints, camera, options, guidance=None) -> Motion:
        odds = [[0.9, 0.1] if self.named.pop(0) == "a" else [0.4, 0.6]]
        action = ActionEstimate(("a", "b"), np.array(odds), np.array([[0, len(keypoints)]]))
        return self.inner.lift(keypoints, camera, options).replaced(action=action)


@pytest.mark.parametrize(("named", "label"), [("aab", "a"), ("bbb", "b"), ("abb", "a")])
def test_the_action_is_the_most_probable_over_all_windows(named, label) -> None:
    spec = replace(SPEC, windows="separate")
    lifted = lift_recording(Naming(*named), film("S9/a/1", frames=23), spec)  # type: ignore[arg-type]
    assert lifted.label == label
    assert lift_recording(tiny(), film("S9/a/1"), SPEC).label is None


def test_an_answer_that_is_not_finite_is_refused() -> None:
    class Broken(Naming):
        def lift(self, keypoints, camera, options, guidance=None) -> Motion:
            motion = super().lift(keypoints, camera, options)
            return motion.replaced(
                joints=np.where(np.arange(17)[:, None] == 3, np.nan, motion.joints)
            )

    with pytest.raises(InputError, match="'S9/a/1': the model's answer is not finite"):
        lift_recording(Broken("a"), film("S9/a/1"), SPEC)  # type: ignore[arg-type]
