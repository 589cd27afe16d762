"""Protocol `robustness`: where its cameras stand, what a lifter gets, what is reported."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import leaning
import numpy as np
import pytest

from langlift.datasets.clips import LabelledClip
from langlift.datasets.synthetic import synthetic_clip, synthetic_clips
from langlift.errors import InputError
from langlift.geometry.cameras import Camera
from langlift.geometry.rotations import quaternion_to_matrix
from langlift.protocols import robustness
from langlift.protocols.origin import Origin
from langlift.protocols.robustness import (
    FRONTAL,
    ROBUSTNESS,
    Setting,
    Sweep,
    choose_clips,
    measure_robustness,
    sweep_camera,
    sweep_view,
)
from langlift.skeletons import HUMAN36M_17
from langlift.tracks import Keypoints, Motion
from langlift.view.robustness import save_robustness_figure

PITCH = Sweep("camera pitch", "degrees down", "pitch", (10, 60))
LEFT_HIP, RIGHT_HIP = HUMAN36M_17.index("left_hip"), HUMAN36M_17.index("right_hip")
ALL_SETTINGS = list(dict.fromkeys(s for sweep in ROBUSTNESS for s in sweep.settings()))


def standing(turned: float = 0.7) -> LabelledClip:
    """A clip of somebody away from the world's origin, turned by radians about up."""
    clip = synthetic_clip("squat", np.random.default_rng(1), frames=40)
    cos, sin = np.cos(turned), np.sin(turned)
    turn = np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])
    return replace(clip, joints=(clip.joints @ turn + (3.0, -2.0, 0.0)).astype(np.float32))


def middle(joints: np.ndarray) -> np.ndarray:
    return (joints[:, 0].min(axis=0) + joints[:, 0].max(axis=0)) / 2


def facing(joints: np.ndarray) -> np.ndarray:
    """The mean facing, by its definition: (left hip - right hip) x up."""
    across = np.cross(joints[:, LEFT_HIP] - joints[:, RIGHT_HIP], (0, 0, 1)).mean(axis=0)
    return across / np.linalg.norm(across)


@dataclass
class Knowing:
    """Knows the truth of the view that it is shown, and adds an error to every joint.

    Args:
        errors: setting to error in metres, 0 where not named.
    """

    errors: dict[Setting, float]
    name: str = "double"

    def __post_init__(self) -> None:
        self.calls: list[tuple[Keypoints, Camera | None, Setting]] = []
        self.shown: tuple[np.ndarray, Setting] | None = None

    def lift(self, keypoints: Keypoints, camera: Camera | None = None) -> Motion:
        assert self.shown is not None
        truth, setting = self.shown
        self.calls.append((keypoints, camera, setting))
        moved = truth + np.array([0.0, self.errors.get(setting, 0.0), 0.0])
        return Motion(moved, HUMAN36M_17, keypoints.fps)


@pytest.fixture
def tell(monkeypatch: pytest.MonkeyPatch):
    """Make a double that knows every view's truth."""

    def make(errors: dict[Setting, float] | None = None) -> Knowing:
        double = Knowing(errors or {})

        def spy(clip, camera, setting, source):
            view = sweep_view(clip, camera, setting, source)
            double.shown = (view.truth, setting)
            return view

        monkeypatch.setattr(robustness, "sweep_view", spy)
        return double

    return make


# The sweeps as data.


def test_every_sweep_holds_its_reference_and_changes_a_field_of_a_setting() -> None:
    names = {f.name for f in fields(Setting)}
    for sweep in ROBUSTNESS:
        assert sweep.changes in names
        assert sweep.values.count(sweep.reference) == 1
    assert len({sweep.name for sweep in ROBUSTNESS}) == len(ROBUSTNESS)


def test_one_thing_is_changed_at_a_time() -> None:
    for sweep in ROBUSTNESS:
        for value, setting in zip(sweep.values, sweep.settings(), strict=True):
            assert setting.lens_given == sweep.lens_given
            assert setting == replace(
                FRONTAL, lens_given=sweep.lens_given, **{sweep.changes: value}
            )


# Where the cameras stand.


@pytest.mark.parametrize("setting", ALL_SETTINGS)
def test_the_person_is_at_the_stated_place_depth_and_size(setting: Setting) -> None:
    joints = standing().joints.astype(float)
    camera, back = sweep_camera(joints, setting)
    assert back == 0
    assert camera.image_size == (1000, 1000)
    assert camera.focal == (1000 * setting.focal, 1000 * setting.focal)
    seen = camera.to_camera(middle(joints))
    assert seen[2] == pytest.approx(setting.distance, abs=1e-6)
    place = camera.project(seen)
    np.testing.assert_allclose(place, [500 + 1000 * setting.off_center, 500], atol=1e-3)


@pytest.mark.parametrize("setting", ALL_SETTINGS)
def test_pitch_and_roll_are_measured_back(setting: Setting) -> None:
    joints = standing().joints.astype(float)
    camera, _ = sweep_camera(joints, setting)
    right, _, forward = quaternion_to_matrix(camera.orientation).T
    assert np.degrees(np.arcsin(-forward[2])) == pytest.approx(setting.pitch, abs=1e-6)
    # A camera turned clockwise sees upright things lean to the left. Off the centre, perspective
    # makes them lean too, so the roll is then read from the camera's own axis.
    if setting.off_center == 0:
        ends = camera.project(
            camera.to_camera(middle(joints) + np.array([[0, 0, 0.2], [0, 0, -0.2]]))
        )
        lean = np.degrees(np.arctan2(*(ends[1] - ends[0])))
        assert lean == pytest.approx(setting.roll, abs=1e-6)
    assert np.degrees(np.arcsin(-right[2])) == pytest.approx(
        np.degrees(np.arcsin(np.sin(np.radians(setting.roll)) * np.cos(np.radians(setting.pitch)))),
        abs=1e-6,
    )


@pytest.mark.parametrize("turned", [0.0, 0.7, 3.0, -2.0])
@pytest.mark.parametrize("yaw", [0, 45, 90, 180, 270])
def test_yaw_is_counted_from_the_facing_to_the_persons_left(turned: float, yaw: float) -> None:
    joints = standing(turned).joints.astype(float)
    camera, _ = sweep_camera(joints, Setting(yaw=yaw))
    ahead = facing(joints)
    left = np.cross((0, 0, 1), ahead)
    towards = (np.array(camera.position) - middle(joints)) / 5.0
    level = np.cos(np.radians(10))
    assert towards @ ahead == pytest.approx(level * np.cos(np.radians(yaw)), abs=1e-5)
    assert towards @ left == pytest.approx(level * np.sin(np.radians(yaw)), abs=1e-5)


def test_a_frontal_camera_sees_the_left_side_on_the_right() -> None:
    clip = standing()
    camera, _ = sweep_camera(clip.joints, FRONTAL)
    xy = sweep_view(clip, camera, FRONTAL, "gt").keypoints.xy.mean(axis=0)
    assert xy[LEFT_HIP, 0] > 500 > xy[RIGHT_HIP, 0]
    assert xy[HUMAN36M_17.index("head_top"), 1] < xy[HUMAN36M_17.index("left_ankle"), 1]


def test_off_centre_moves_the_camera_and_keeps_the_truth() -> None:
    clip = standing()
    views = [
        sweep_view(clip, sweep_camera(clip.joints, s)[0], s, "gt")
        for s in (FRONTAL, Setting(off_center=0.4))
    ]
    np.testing.assert_allclose(views[0].truth, views[1].truth, atol=1e-5)
    shift = views[1].keypoints.xy[:, 0] - views[0].keypoints.xy[:, 0]
    np.testing.assert_allclose(shift.mean(axis=0), [400, 0], atol=20)


@pytest.mark.parametrize("setting", [Setting(distance=2), Setting(distance=2, off_center=0.3)])
def test_a_camera_steps_back_from_who_comes_too_near(setting: Setting) -> None:
    clip = standing()
    steps = np.linspace(-2, 2, len(clip))[:, None, None]
    joints = clip.joints + steps * facing(clip.joints.astype(float))
    camera, back = sweep_camera(joints, setting)
    assert camera.to_camera(joints.astype(float))[..., 2].min() == pytest.approx(1.0, abs=1e-6)
    seen = camera.to_camera(middle(joints.astype(float)))
    assert 0.5 < back == pytest.approx(seen[2] - 2, abs=1e-5)
    np.testing.assert_allclose(
        camera.project(seen), [500 + 1000 * setting.off_center, 500], atol=1e-2
    )


# What a lifter gets.


def test_the_noise_of_a_clip_is_the_same_in_every_setting() -> None:
    clip = standing()
    offsets = []
    for setting in (FRONTAL, Setting(focal=0.6), Setting(focal=1.6)):
        camera, _ = sweep_camera(clip.joints, setting)
        gt, noisy = (sweep_view(clip, camera, setting, s).keypoints.xy for s in ("gt", "noisy"))
        offsets.append((noisy - gt) / setting.focal)
    assert np.abs(offsets[0]).max() > 5
    np.testing.assert_allclose(offsets[1], offsets[0], atol=2e-3)
    np.testing.assert_allclose(offsets[2], offsets[0], atol=2e-3)


def test_missing_joints_are_scattered() -> None:
    clip = synthetic_clip("walk", np.random.default_rng(0), frames=200)
    setting = Setting(missing=20)
    view = sweep_view(clip, sweep_camera(clip.joints, setting)[0], setting, "gt")
    lost = ~view.keypoints.seen
    assert lost.mean() == pytest.approx(0.2, abs=0.02)
    assert lost.mean(axis=0).max() < 0.35
    assert np.isfinite(view.truth).all()


@pytest.mark.parametrize(("hidden", "first"), [("whole clip", 0), ("second half", 20)])
def test_one_limb_is_hidden(hidden: str, first: int) -> None:
    limbs = set()
    for n in range(12):
        clip = replace(standing(), clip_id=f"clip {n}")
        setting = replace(FRONTAL, hidden=hidden)
        view = sweep_view(clip, sweep_camera(clip.joints, setting)[0], setting, "noisy")
        lost = ~view.keypoints.seen
        assert not lost[:first].any()
        assert (lost[first:] == lost[-1]).all()
        limbs.add(tuple(np.flatnonzero(lost[-1]).tolist()))
        assert np.isnan(view.keypoints.xy[lost]).all()
    parts = {joints for part, joints in HUMAN36M_17.parts.items() if part != "torso_head"}
    assert len(limbs) > 1
    assert limbs <= parts


def test_settings_reach_the_lifter(tell) -> None:
    double = tell()
    measure_robustness(double, [standing()], ("gt",))
    assert len(double.calls) == len({*ALL_SETTINGS, FRONTAL}) == 45
    for keypoints, camera, setting in double.calls:
        assert (camera is not None) == setting.lens_given
        assert keypoints.skeleton.name == setting.skeleton
        if camera is not None:
            assert camera.focal[0] == 1000 * setting.focal


# What is measured.


def test_a_perfect_lifter_makes_no_error_anywhere(tell) -> None:
    clips = synthetic_clips(3, frames=20)
    result = measure_robustness(tell(), clips)
    for sweep in ROBUSTNESS:
        for setting in sweep.settings():
            for source in ("gt", "noisy"):
                figure = result.figure(setting, source)
                assert (figure.value, figure.low, figure.high) == (0, 0, 0)
                assert result.ratio(setting, source) is None
    header, body = result.report({}).tables[0].cells()
    assert [name for name in header if "ratio" in name] == []
    assert body[0][-1] == "0.0 [0.0, 0.0]"


def test_ratios_are_to_the_frontal_figure(tell) -> None:
    double = tell({FRONTAL: 0.02, Setting(pitch=60): 0.05})
    result = measure_robustness(double, synthetic_clips(4, frames=20), ("gt",), sweeps=[PITCH])
    assert result.figure(Setting(pitch=60), "gt").value == pytest.approx(50, abs=1e-3)
    ratios = [result.ratio(s, "gt") for s in (FRONTAL, Setting(pitch=60))]
    for ratio, expected in zip(ratios, (1.0, 2.5), strict=True):
        assert ratio is not None
        assert ratio.unit == "x"
        assert (ratio.value, ratio.low, ratio.high) == pytest.approx((expected,) * 3, abs=1e-4)


def test_figures_are_means_over_frames_with_an_interval_over_clips(tell) -> None:
    double = tell()
    clips = [replace(standing(), clip_id=str(n)) for n in range(4)]
    clips[0] = replace(clips[0], joints=clips[0].joints[:10])
    result = measure_robustness(double, clips, ("gt",), sweeps=[PITCH])
    errors = np.array([0.1, 0.0, 0.0, 0.0])
    measured = dict(result.measured)
    measured[FRONTAL, "gt"] = replace(measured[FRONTAL, "gt"], errors={"MPJPE": errors})
    figure = replace(result, measured=measured).figure(FRONTAL, "gt")
    assert figure.value == pytest.approx(100 * 10 / 130)
    assert figure.low == 0
    assert 100 * 10 / 130 < (figure.high or 0) <= 100


def test_progress_counts_every_view(tell) -> None:
    seen: list[tuple[int, int]] = []
    measure_robustness(
        tell(), synthetic_clips(2, frames=5), progress=lambda *at: seen.append(at), sweeps=[PITCH]
    )
    assert seen == [(n, 8) for n in range(1, 9)]


def test_nothing_to_measure_is_refused(tell) -> None:
    with pytest.raises(InputError, match="got 0 clips and 2 kinds of 2D; give at least one"):
        measure_robustness(tell(), [])
    with pytest.raises(InputError, match="got 1 clips and 0 kinds of 2D"):
        measure_robustness(tell(), [standing()], ())


# What is reported.


def test_the_report_says_what_it_is(tell) -> None:
    walker = standing()
    steps = np.linspace(-2, 2, len(walker))[:, None, None]
    walker = replace(walker, joints=walker.joints + steps * facing(walker.joints.astype(float)))
    near = Sweep("distance", "m", "distance", (2, 5))
    unknown_lens = Sweep("focal", "x image width", "focal", (1.15,), lens_given=False)
    double = tell({FRONTAL: 0.02, Setting(distance=2): 0.03, Setting(lens_given=False): 0.02})
    result = measure_robustness(double, [standing(), walker], ("gt",), sweeps=[near, unknown_lens])
    report = result.report({"data": "synthetic, 2 clips", "weights": "none"})
    assert report.protocol == "robustness"
    facts = report.content()["facts"]
    assert facts["data"] == "synthetic, 2 clips"
    assert facts["views"].startswith("2 clips, 80 frames")
    assert "assumes its own" in facts["lens"]
    assert "frontal" in facts["ratio"]
    assert "5 m in front of the person, looking down 10 degrees" in facts["frontal view"]
    header, body = report.tables[0].cells()
    assert header == [
        "model", "distance (m)", "lens", "stepped back", "MPJPE, gt (mm)",
        "ratio to frontal, gt (x)",
    ]  # fmt: skip
    assert body == [
        ["double", "2", "given", "1", "30.0 [30.0, 30.0]", "1.50 [1.50, 1.50]"],
        ["double", "5 (frontal)", "given", "0", "20.0 [20.0, 20.0]", "1.00 [1.00, 1.00]"],
    ]
    assert report.tables[1].cells()[1][0][1:3] == ["1.15 (frontal)", "assumed"]
    assert "| double | 2 | given | 1 | 30.0" in report.markdown()


@pytest.mark.parametrize(("takes", "action"), [(True, "predicted"), (False, "none")])
def test_rows_say_where_the_action_of_the_poses_comes_from(takes: bool, action: Any) -> None:
    clips = synthetic_clips(1, frames=5)
    result = measure_robustness(leaning.lifter(takes=takes), clips, ("gt",), sweeps=[PITCH])
    report = result.report({})
    assert {row.origin for t in report.tables for row in t.rows} == {Origin(action=action)}
    said = {"predicted": "predicted by the networks from the 2D", "none": None}
    assert report.facts.get("action") == said[action]
    assert "oracle" not in report.markdown()


# Choosing clips.


def labelled(labels: str) -> list[LabelledClip]:
    clip = standing()
    return [replace(clip, clip_id=f"{a}{i}", action=a) for i, a in enumerate(labels)]


def test_classes_take_turns() -> None:
    clips = labelled("aaaaaaaabbbbccd")
    chosen = choose_clips(clips, 8)
    counts = {a: sum(c.action == a for c in chosen) for a in "abcd"}
    assert counts == {"a": 3, "b": 2, "c": 2, "d": 1}
    places = [clips.index(c) for c in chosen]
    assert places == sorted(places)
    assert places[:3] == [1, 4, 6]  # spread over the eight clips of the class
    assert choose_clips(clips, 8) == chosen


def test_with_fewer_turns_than_classes_the_larger_go_first() -> None:
    assert [c.action for c in choose_clips(labelled("dabbccc"), 2)] == ["b", "c"]


def test_all_clips_where_more_are_asked_for() -> None:
    clips = labelled("abca")
    assert choose_clips(clips, 99) == clips
    with pytest.raises(InputError, match="count is 0; choose at least 1 clip"):
        choose_clips(clips, 0)


def test_the_results_own_curves_can_be_drawn(tell, tmp_path: Path) -> None:
    result = measure_robustness(tell({FRONTAL: 0.01}), [standing()], sweeps=[PITCH])
    (panel,) = result.curves()
    assert panel.values == (10, 60)
    assert panel.reference == 10
    assert panel.frontal == pytest.approx({"gt": 10, "noisy": 10}, abs=1e-3)
    np.testing.assert_allclose(panel.curves["gt"], [[10] * 3, [0] * 3], atol=1e-3)
    assert save_robustness_figure([panel], tmp_path / "a.png", title="one").is_file()
