"""The `mocap` protocol and the classical models under it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from langlift.datasets.clips import LabelledClip
from langlift.datasets.mocap_views import EVALUATION_CAMERAS, centered
from langlift.datasets.synthetic import synthetic_clips
from langlift.errors import InputError
from langlift.geometry.cameras import Camera, denormalize_screen
from langlift.geometry.human36m import human36m_cameras
from langlift.protocols import classical, mocap
from langlift.protocols.classical import LinearRegression, MeanPose
from langlift.protocols.measured import Measured, bootstrap, interval
from langlift.protocols.mocap import measure
from langlift.protocols.report import Figure, Report
from langlift.skeletons import HUMAN36M_17
from langlift.tracks import ActionEstimate, Keypoints, Motion

# Averages and intervals, on invented errors.


def measured(clip: Sequence[int], frames: Sequence[float], errors: Sequence[float]) -> Measured:
    """Invented errors in metres, the same for every metric."""
    values = np.array(errors, dtype=float)
    names = ("MPJPE", "D-MPJPE", "P-MPJPE", "MPJVE")
    unanswered = np.full(len(values), np.nan)
    return Measured(
        np.array(clip), np.array(frames, float), dict.fromkeys(names, values), unanswered
    )


def toy_clips(actions: Sequence[str], subjects: Sequence[str] | None = None) -> list[LabelledClip]:
    joints = np.zeros((1, 17, 3), dtype=np.float32)
    people = subjects or ["s"] * len(actions)
    return [
        LabelledClip(f"c{i}", people[i], f"source {i % 2}", action, "", joints)
        for i, action in enumerate(actions)
    ]


def test_bootstrap_keeps_the_cameras_of_a_clip_together() -> None:
    rng = np.random.default_rng(0)
    errors, frames = rng.random(8), rng.integers(50, 150, 8).astype(float)
    alone = measured(range(8), frames, errors)
    four = measured(np.repeat(range(8), 4), np.repeat(frames, 4), np.repeat(errors, 4))
    # Four cameras that say the same are no further evidence: the interval stays as wide.
    one, more = (interval(m, m.errors["MPJPE"], "mm", 8) for m in (alone, four))
    assert (one.value, one.low, one.high) == pytest.approx((more.value, more.low, more.high))
    shuffled = rng.permutation(32)
    mixed = measured(four.clip[shuffled], four.frames[shuffled], np.repeat(errors, 4)[shuffled])
    np.testing.assert_allclose(
        bootstrap(mixed, mixed.errors["MPJPE"], 8), bootstrap(four, four.errors["MPJPE"], 8)
    )


def test_bootstrap_draws_whole_clips_and_is_deterministic() -> None:
    result = measured([0, 0, 1, 1], [10, 10, 10, 10], [1.0, 3.0, 5.0, 9.0])
    draws = bootstrap(result, result.errors["MPJPE"], 2)
    assert set(draws.round(9)) == {2.0, 4.5, 7.0}  # both clips once, or one of them twice
    np.testing.assert_array_equal(draws, bootstrap(result, result.errors["MPJPE"], 2))


def test_the_interval_of_means_has_the_known_width() -> None:
    errors = np.random.default_rng(3).normal(0.05, 0.01, 400)
    figure = interval(measured(range(400), [100] * 400, errors), errors, "mm", 400)
    assert figure.value == pytest.approx(1000 * errors.mean())
    expected = 1000 * 1.96 * errors.std() / np.sqrt(400)
    assert (figure.high or 0) - figure.value == pytest.approx(expected, rel=0.12)
    assert figure.value - (figure.low or 0) == pytest.approx(expected, rel=0.12)


def test_views_without_an_error_are_left_out() -> None:
    errors = np.array([0.1, np.nan, 0.3])
    figure = interval(measured([0, 1, 2], [10, 1000, 30], errors), errors, "mm", 3)
    assert figure.value == pytest.approx(1000 * (0.1 * 10 + 0.3 * 30) / 40)


def overall(report: Report, model: str = "m") -> dict[str, Figure]:
    (row,) = (row for row in report.tables[0].rows if row.model == model)
    return dict(row.figures)


def test_class_mean_counts_classes_of_twenty_clips_only() -> None:
    actions = ["a"] * 20 + ["b"] * 20 + ["c"] * 19 + ["other"] * 30
    clips = toy_clips(actions)
    frames = [50] * 10 + [150] * 10 + [900] * 20 + [500] * 49
    errors = [0.04] * 10 + [0.0] * 10 + [0.05] * 20 + [0.9] * 49
    report = mocap.report({("m", "gt"): measured(range(89), frames, errors)}, clips, "abc", {})
    figures = overall(report)
    assert figures["class-mean MPJPE"].value == pytest.approx(30)
    total = 20 * (100 * 10 + 900 * 50) + 49 * 500 * 900
    assert figures["MPJPE"].value == pytest.approx(total / np.sum(frames))
    assert "class mean over 2 scored classes with >= 20 clips" in report.facts["averages"]


def test_frame_mean_and_class_mean_differ_on_unbalanced_clips() -> None:
    clips = toy_clips(["a"] * 60 + ["b"] * 20)
    result = measured(range(80), [100] * 80, [0.02] * 60 + [0.06] * 20)
    figures = overall(mocap.report({("m", "gt"): result}, clips, "ab", {}))
    assert figures["MPJPE"].value == pytest.approx(30)
    assert figures["class-mean MPJPE"].value == pytest.approx(40)


def test_without_a_large_class_there_is_no_class_mean() -> None:
    clips = toy_clips(["a"] * 3)
    report = mocap.report({("m", "gt"): measured(range(3), [5] * 3, [0.1] * 3)}, clips, "a", {})
    assert "class-mean MPJPE" not in overall(report)


def test_accuracy_is_over_the_views_with_an_answer() -> None:
    clips = toy_clips(["a", "b", "c"])
    result = replace(
        measured(range(3), [5, 50, 500], [0.1] * 3), right=np.array([1.0, 0.0, np.nan])
    )
    report = mocap.report({("m", "gt"): result}, clips, "ab", {})
    assert overall(report)["action accuracy"].value == pytest.approx(50)


def test_differences_are_paired() -> None:
    rng = np.random.default_rng(1)
    base = rng.uniform(0.03, 0.2, 30)  # clips differ a lot, models by 2 mm on every clip
    frames = rng.integers(50, 300, 30)
    results = {
        ("slow", "gt"): measured(range(30), frames, base + 0.002),
        ("best", "gt"): measured(range(30), frames, base),
    }
    report = mocap.report(results, toy_clips(["a"] * 30), "a", {})
    (table,) = (t for t in report.tables if t.title == "Paired differences")
    (row,) = table.rows
    assert row.model == "slow - best"
    figure = row.figures["MPJPE difference"]
    assert (figure.value, figure.low, figure.high) == pytest.approx((2, 2, 2))
    alone = overall(report, "best")["MPJPE"]
    assert (alone.high or 0) - (alone.low or 0) > 20


def test_one_model_has_no_differences() -> None:
    report = mocap.report(
        {("m", "gt"): measured([0], [5], [0.1])}, toy_clips(["a"]), "a", {"data": "toy"}
    )
    assert [t.title for t in report.tables] == [
        "All clips",
        "Frame-mean MPJPE by data source",
        "Frame-mean MPJPE by subject",
        "Frame-mean MPJPE by action",
    ]
    assert report.facts["data"] == "toy"
    assert "S9" in report.facts["protocol"]


def test_groups_add_up_to_the_whole() -> None:
    rng = np.random.default_rng(2)
    subjects = list(rng.choice(["s1", "s2", "s3"], 12))
    clips = toy_clips(list(rng.choice(["a", "b"], 12)), subjects)
    clip = np.repeat(range(12), 4)
    frames = np.repeat(rng.integers(20, 200, 12), 4)
    report = mocap.report({("m", "gt"): measured(clip, frames, rng.random(48))}, clips, "ab", {})
    whole = overall(report)["MPJPE"].value * frames.sum()
    kinds = {"data source": "source", "subject": "subject", "action": "action"}
    for what, attribute in kinds.items():
        (table,) = (t for t in report.tables if t.what == what)
        assert sum(int(row.tags["clips"]) for row in table.rows) == 12
        assert {row.model for row in table.rows} == {getattr(c, attribute) for c in clips}
        parts = 0.0
        for row in table.rows:
            mine = np.array([getattr(c, attribute) == row.model for c in clips])[clip]
            parts += row.figures["m, gt"].value * frames[mine].sum()
        assert parts == pytest.approx(whole)


# Lifting views.


class Knowing:
    """Knows the clips and the cameras, so it answers with the truth plus an offset."""

    def __init__(self, clips: Sequence[LabelledClip], offset: float = 0.0, label: str = "") -> None:
        self.clips = {c.clip_id: centered(c.joints).astype(float) for c in clips}
        self.offset, self.label = np.array([0.0, 0.0, offset]), label
        self.cameras: list[str] = []

    def lift(self, keypoints: Keypoints, camera: Camera | None = None) -> Motion:
        assert camera is not None
        self.cameras.append(camera.name)
        cam = camera.to_camera(self.clips[keypoints.provenance["clip"]])
        action = None
        if self.label:
            action = ActionEstimate((self.label,), np.ones((1, 1)), np.array([[0, len(cam)]]))
        joints = cam - cam[:, :1] + self.offset
        return Motion(joints, HUMAN36M_17, keypoints.fps, action=action)


@pytest.mark.parametrize("source", ["gt", "noisy"])
def test_a_perfect_lifter_makes_no_error(source) -> None:
    clips = synthetic_clips(2, frames=12)
    knowing = Knowing(clips)
    result = measure(knowing, clips, source)
    assert knowing.cameras == [c.name for c in human36m_cameras(EVALUATION_CAMERAS)] * 2
    assert result.clip.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert result.frames.tolist() == [12] * 8
    for errors in result.errors.values():
        np.testing.assert_allclose(errors, 0, atol=1e-6)


def test_each_metric_sees_its_own_error() -> None:
    clips = synthetic_clips(1, frames=12)
    errors = measure(Knowing(clips, offset=0.03), clips, "gt").errors
    np.testing.assert_allclose(errors["MPJPE"], 0.03, atol=1e-6)
    np.testing.assert_allclose(errors["D-MPJPE"], 0.03, atol=1e-6)
    np.testing.assert_allclose(errors["P-MPJPE"], 0, atol=1e-6)
    np.testing.assert_allclose(errors["MPJVE"], 0, atol=1e-6)


def test_clips_of_one_name_from_two_sources_stay_apart() -> None:
    first, second = synthetic_clips(2, frames=5)
    clips = [first, replace(second, clip_id=first.clip_id, source="other")]
    assert measure(MeanPose(clips), clips, "gt").clip.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]


def test_actions_are_judged_on_scored_classes_only() -> None:
    clips = synthetic_clips(3, frames=5, actions=("walk", "run", "jump"))
    lifter = Knowing(clips, label="walk")
    right = measure(lifter, clips, "gt", scored_actions=("walk", "run")).right
    np.testing.assert_array_equal(right[::4], [1, 0, np.nan])
    assert np.isnan(measure(Knowing(clips), clips, "gt", scored_actions=("walk",)).right).all()


def test_a_clip_of_one_frame_has_no_velocity_and_does_no_harm() -> None:
    one, many = synthetic_clips(1, frames=1)[0], synthetic_clips(1, seed=1, frames=9)[0]
    result = measure(Knowing([one, many], offset=0.01), [one, many], "gt")
    assert np.isnan(result.errors["MPJVE"]).tolist() == [True] * 4 + [False] * 4
    figures = overall(mocap.report({("m", "gt"): result}, [one, many], (), {}))
    velocity = figures["MPJVE"]
    assert (velocity.value, velocity.low, velocity.high) == pytest.approx((0, 0, 0), abs=1e-3)
    assert figures["MPJPE"].value == pytest.approx(10, abs=1e-3)
    alone = measure(Knowing([one]), [one], "gt")
    assert "MPJVE" not in overall(mocap.report({("m", "gt"): alone}, [one], (), {}))


def test_progress_counts_views() -> None:
    clips = synthetic_clips(2, frames=3)
    seen: list[tuple[int, int]] = []
    measure(Knowing(clips), clips, "gt", lambda *at: seen.append(at))
    assert seen == [(n, 8) for n in range(1, 9)]


# The classical models.


def test_mean_pose_is_the_mean_of_the_training_frames() -> None:
    clip = synthetic_clips(1, frames=1)[0]
    poses = []
    for camera in human36m_cameras("S1"):
        cam = camera.to_camera(centered(clip.joints).astype(float))
        poses.append(cam[0] - cam[0, :1])
    model = MeanPose([clip])
    np.testing.assert_allclose(model.pose, np.mean(poses, axis=0), atol=1e-5)
    track = Keypoints(np.full((4, 17, 2), 300.0), fps=25, image_size=(1000, 1000))
    motion = model.lift(track)
    assert (len(motion), motion.fps) == (4, 25)
    np.testing.assert_array_equal(motion.joints, np.tile(model.pose, (4, 1, 1)))


def test_linear_regression_recovers_a_linear_world(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    truth_of = rng.normal(0, 1, (34, 51))
    offset = rng.normal(0, 1000, 51)  # far off, for it must not be shrunk

    def world(screen: np.ndarray) -> np.ndarray:
        relative = (screen - screen[:, :1]).reshape(len(screen), -1)
        return (relative @ truth_of + offset).reshape(-1, 17, 3)

    screen = rng.uniform(-0.5, 0.5, (3000, 17, 2))
    monkeypatch.setattr(
        classical, "_training_frames", lambda clips, source: iter([(screen, world(screen))])
    )
    model = LinearRegression([], "gt")
    new = rng.uniform(-0.5, 0.5, (20, 17, 2))
    track = Keypoints(denormalize_screen(new, (1000, 800)), fps=50, image_size=(1000, 800))
    expected = world(new)
    error = np.linalg.norm(model.lift(track).joints - expected, axis=-1).mean()
    assert error < 0.01 * np.linalg.norm(expected - offset.reshape(17, 3), axis=-1).mean()


def test_linear_regression_beats_the_mean_pose() -> None:
    clips = synthetic_clips(16, frames=60)
    train, test = clips, synthetic_clips(3, seed=9, frames=20)
    errors = {
        model.name: measure(model, test, "gt").errors["MPJPE"].mean()
        for model in (MeanPose(train), LinearRegression(train, "gt"))
    }
    assert errors["linear regression"] < 0.8 * errors["mean pose"]
    assert errors["mean pose"] < 0.6


def test_classical_models_need_clips() -> None:
    for model in (lambda: MeanPose([]), lambda: LinearRegression([], "gt")):
        with pytest.raises(InputError, match="no training clips to fit to"):
            model()
