"""What a check finds in recordings that are sound, and in those that are not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pair_files import CAMERAS, moving, pair_folder, write_pair

from langlift.datasets.checking.quality import Finding, check_dataset, grouped
from langlift.datasets.checking.recording_checks import check_recording, refuse_misfit
from langlift.datasets.recorded.custom import CustomPairs
from langlift.datasets.recordings import Entry, Recording
from langlift.errors import InputError
from langlift.skeletons import COCO_17, HUMAN36M_17
from langlift.tracks import Keypoints

MIRROR = HUMAN36M_17.mirror


def recording(action: str = "squat", seed: int = 0, **changes) -> Recording:
    """Somebody in front of a camera, the 2D exact."""
    camera = CAMERAS[0]
    joints = camera.to_camera(moving(action, seed, 40))
    seen = Keypoints(camera.project(joints), fps=50, image_size=camera.image_size)
    made = Recording("ann/squat", "ann", action, seen, joints, HUMAN36M_17, camera.name, camera)
    return replace(made, **changes)


def seen_as(of: Recording, xy: np.ndarray) -> Recording:
    return replace(of, keypoints=of.keypoints.replaced(xy=xy))


def levels(of: Recording, source: str = "gt") -> dict[str, str]:
    return {f.check: f.level for f in check_recording(of, source) if f.level != "ok"}


def found(of: Recording, check: str, source: str = "gt") -> Finding:
    (one,) = (f for f in check_recording(of, source) if f.check == check and f.level != "ok")
    return one


def test_a_sound_recording_is_ok() -> None:
    checks = {f.check: f for f in check_recording(recording(), "gt")}
    assert set(checks) == {"2D joints", "units", "bone lengths", "place", "left and right",
                           "2D and 3D"}  # fmt: skip
    assert {f.level for f in checks.values()} == {"ok"}
    assert checks["2D and 3D"].value < 1e-3
    assert {f.where for f in checks.values()} == {"ann/squat"}
    assert {f.source for f in checks.values()} == {"gt"}
    refuse_misfit(recording(), "gt")


@pytest.mark.parametrize("lens", [True, False])
@pytest.mark.parametrize("placed", [True, False])
def test_it_is_ok_whatever_is_known_of_the_camera(lens: bool, placed: bool) -> None:
    of = recording()
    joints = of.joints if placed else of.relative
    of = replace(of, joints=joints, lens=of.lens if lens else None, placed=placed)
    assert levels(of) == {}
    (fits,) = (f for f in check_recording(of, "gt") if f.check == "2D and 3D")
    how = "through its camera" if lens else "with a fitted focal length"
    assert (how if placed else "scaled to the 2D") in fits.message


@pytest.mark.parametrize(
    ("factor", "unit"),
    [
        (1000.0, "millimetres"),
        (100.0, "centimetres"),
        (1 / 0.0254, "inches"),
        (0.001, "kilometres"),
    ],
)
def test_units_are_told_by_the_legs(factor: float, unit: str) -> None:
    of = recording()
    wrong = found(replace(of, joints=of.joints * factor), "units")
    assert (wrong.level, f"look like {unit}" in wrong.message) == ("error", True)
    assert "3D joints must be in metres" in wrong.message


def test_a_unit_of_no_name_is_an_error_without_a_guess() -> None:
    of = recording()
    wrong = found(replace(of, joints=of.joints * 7), "units")
    assert wrong.level == "error" and "look like" not in wrong.message


def test_bones_that_change_are_told_by_name() -> None:
    of = recording()
    joints = of.joints.copy()
    knee, ankle = (HUMAN36M_17.index(f"left_{j}") for j in ("knee", "ankle"))
    stretch = np.where(np.arange(40) % 2, 1.5, 0.75)[:, None]
    joints[:, ankle] = joints[:, knee] + stretch * (joints[:, ankle] - joints[:, knee])
    changed = found(replace(of, joints=joints, lens=None), "bone lengths")
    assert changed.level == "warning"
    assert "left_knee to left_ankle changes by 33.3 %" in changed.message
    assert changed.value == pytest.approx(1 / 3, abs=1e-3)


def moved(of: Recording) -> Recording:
    return seen_as(of, of.keypoints.xy + 60)


def other_pose(of: Recording) -> Recording:
    return seen_as(of, recording("arm_circles", 5).keypoints.xy)


def late(of: Recording) -> Recording:
    return seen_as(of, np.roll(of.keypoints.xy, 15, axis=0))


def mirrored_truth(of: Recording) -> Recording:
    return replace(of, joints=of.joints * np.array([-1, 1, 1]))


WRONG: dict[str, Callable[[Recording], Recording]] = {
    "moved": moved,
    "another pose": other_pose,
    "mirrored truth": mirrored_truth,
}


@pytest.mark.parametrize("case", WRONG)
def test_2d_that_is_not_of_the_3d_is_an_error(case: str) -> None:
    wrong = found(WRONG[case](recording()), "2D and 3D")
    assert wrong.level == "error"
    assert "more than 5: they are of different videos" in wrong.message
    with pytest.raises(InputError, match=r"recording 'ann/squat' \(gt\): 3D through its camera"):
        refuse_misfit(WRONG[case](recording()), "gt")


def test_2d_that_comes_late_is_told() -> None:
    wrong = found(late(recording()), "2D and 3D")
    assert wrong.level == "warning" and "some frames late" in wrong.message


@pytest.mark.parametrize("case", ["another pose", "mirrored truth"])
@pytest.mark.parametrize("placed", [True, False])
def test_it_is_found_without_the_camera_too(case: str, placed: bool) -> None:
    of = WRONG[case](recording())
    of = replace(of, lens=None, placed=placed, joints=of.joints if placed else of.relative)
    assert levels(of) == {"2D and 3D": "error"} | ({} if case == "another pose" else
                                                   {"left and right": "warning"})  # fmt: skip


def test_bodies_scaled_to_one_size_are_no_error() -> None:
    """As in MPI-INF-3DHP's ``univ_annot3``, which comes without a camera."""
    of = recording("walk")
    root = of.joints[:, :1]
    scaled = replace(of, joints=root + 1.06 * (of.joints - root), lens=None)
    assert levels(scaled) == {}
    assert levels(replace(scaled, lens=of.lens)) != {}


def test_a_detector_may_be_off_as_far_as_detectors_are() -> None:
    rng = np.random.default_rng(0)
    of = recording()
    noisy = seen_as(of, of.keypoints.xy + rng.normal(0, 12, of.keypoints.xy.shape))
    assert levels(noisy, "cpn") == {}
    assert levels(noisy, "gt") == {"2D and 3D": "error"}
    assert levels(other_pose(of), "cpn") == {"2D and 3D": "error"}


def test_detections_beside_a_3d_that_stands_elsewhere_are_not_refused() -> None:
    """The truth of some of Human3.6M's sequences drifts; its poses are right."""
    wrong = found(moved(recording()), "2D and 3D", "cpn")
    assert wrong.level == "warning"
    assert (
        "lies 84.9 pixels from the 2D, but moved to it 0.0 pixels: the pose fits" in wrong.message
    )
    refuse_misfit(moved(recording()), "cpn")
    larger = recording()
    centre = larger.keypoints.xy.mean(axis=1, keepdims=True)
    larger = seen_as(larger, centre + 1.5 * (larger.keypoints.xy - centre) + 30)
    assert levels(larger, "cpn") == {"2D and 3D": "error"}  # images of another size


def test_exchanged_sides_are_told_apart_from_another_person() -> None:
    of = recording("walk")
    wrong = found(seen_as(of, of.keypoints.xy[:, MIRROR]), "left and right")
    assert wrong.level == "error"
    assert "0.0 pixels with left and right of the 2D exchanged" in wrong.message
    assert levels(seen_as(of, of.keypoints.xy[:, MIRROR])) == {"left and right": "error"}


def test_knees_of_a_mirrored_body_bend_backwards() -> None:
    of = recording()
    swapped = replace(of, joints=of.joints[:, MIRROR], lens=None)
    swapped = seen_as(swapped, of.keypoints.xy[:, MIRROR])
    wrong = found(swapped, "left and right")
    assert wrong.level == "warning" and "knees bend backwards in 100 %" in wrong.message


def test_a_person_behind_the_camera_is_an_error() -> None:
    of = recording()
    wrong = found(replace(of, joints=of.joints - [0, 0, 20]), "place")
    assert wrong.level == "error" and "behind the camera" in wrong.message


def test_joints_that_are_not_seen_are_counted() -> None:
    of = recording()
    xy = of.keypoints.xy.copy()
    xy[:10, :4] = np.nan
    some = found(seen_as(of, xy), "2D joints")
    assert (some.level, some.value) == ("note", pytest.approx(40 / 680))
    xy[:10] = np.nan
    lost = found(seen_as(of, xy), "2D joints")
    assert lost.level == "warning" and "none in 10 frames that count" in lost.message
    counted = replace(seen_as(of, xy), scored=np.arange(40) >= 10)
    assert levels(counted) == {"frames": "note"}
    assert found(counted, "frames").message == "10 of 40 frames do not count"
    nothing = replace(of, scored=np.zeros(40, dtype=bool))
    assert levels(nothing)["frames"] == "warning"


def test_frames_that_do_not_count_are_not_looked_at() -> None:
    of = recording()
    joints = of.joints.copy()
    joints[::2] = np.nan
    assert levels(replace(of, joints=joints, scored=np.arange(40) % 2 == 1)) == {"frames": "note"}


def test_detections_of_another_skeleton_are_compared_by_the_joints_they_share() -> None:
    of = recording()
    xy = np.full((40, 17, 2), 100.0)
    for k, joint in enumerate(COCO_17.joints):
        if joint in HUMAN36M_17.joints:
            xy[:, k] = of.keypoints.xy[:, HUMAN36M_17.index(joint)]
    coco = Keypoints(xy, COCO_17, fps=50, image_size=(1000, 1002))
    assert levels(replace(of, keypoints=coco), "hrnet") == {}
    other = replace(of, keypoints=coco.replaced(xy=xy[::-1, ::-1]))
    assert levels(other, "hrnet") == {"2D and 3D": "error"}


# Whole datasets


def test_a_sound_dataset_is_ok(tmp_path: Path) -> None:
    done: list[tuple[int, int]] = []
    quality = check_dataset(CustomPairs(pair_folder(tmp_path)), progress=lambda *n: done.append(n))
    assert quality.level == "ok"
    assert done[-1] == (8, 8)
    groups = grouped(quality.findings)
    assert {(g.worst.check, g.count) for g in groups} == {
        (check, 8)
        for check in ("frame counts", "2D joints", "units", "bone lengths", "place",
                      "left and right", "2D and 3D")
    }  # fmt: skip


def test_contents_are_those_of_the_files(tmp_path: Path) -> None:
    ann, bob = check_dataset(CustomPairs(pair_folder(tmp_path))).contents
    assert (ann.subject, ann.actions, ann.recordings) == ("ann", ("squat", "wave"), 4)
    assert ann.cameras == ("54138969", "55011271")
    assert (bob.frames_3d, bob.frames_2d) == (80, {"gt": 80})


def test_swapped_subjects_are_named(tmp_path: Path) -> None:
    for subject, seed in (("ann", 0), ("bob", 9), ("cat", 3)):
        other = {"ann": 9, "bob": 0}.get(subject, seed)
        xy = CAMERAS[0].project(CAMERAS[0].to_camera(moving("wave", other)))
        write_pair(tmp_path / f"{subject}.npz", subject, "wave", seed, xy=xy)
    quality = check_dataset(CustomPairs(tmp_path))
    said = [f.message for f in quality.findings if "swapped" in f.message]
    assert said == [
        f"the 2D of {one} fits the 3D of {other}: subjects are swapped in one of the files; put "
        "them right"
        for one, other in (("ann", "bob"), ("bob", "ann"))
    ]
    assert quality.level == "error"


class _Faulty(CustomPairs):
    """Lists what its files do not hold, as other readers do."""

    def expected(self):
        return {"ann": ["ann/squat_54138969", "ann/jump"], "eve": ["eve/squat"]}

    def _listed(self, sources, subjects):
        listed = [*super()._listed(sources, subjects)]
        listed[1] = replace(listed[1], frames_2d={"gt": 19})
        listed[2] = replace(listed[2], frames_2d={"gt": 22})
        return [*listed, Entry("ann/extra", "ann", "extra", "", "", None, {"gt": 5})]

    def _read(self, entry, source):
        return None if entry.frames_3d is None else super()._read(entry, source)


def test_counts_and_missing_parts_are_told(tmp_path: Path) -> None:
    quality = check_dataset(_Faulty(pair_folder(tmp_path)))
    said = {(f.level, f.check, f.message) for f in quality.findings if f.level != "ok"}
    for words in (
        ("warning", "subjects", "missing: eve; figures without them are no published ones"),
        ("warning", "actions", "ann lacks ann/jump; get the whole files again"),
        ("note", "subjects", "not of the dataset: bob; known are ann, eve"),
        (
            "error",
            "frame counts",
            "19 frames of 2D and 20 of 3D; the 2D ends too early: get the whole file again",
        ),
        (
            "note",
            "frame counts",
            "22 frames of 2D and 20 of 3D; those beyond the 3D cannot be measured",
        ),
        (
            "warning",
            "frame counts",
            "there is 2D but no 3D; it cannot be evaluated: add the 3D or leave it out",
        ),
    ):
        assert words in said
    assert any("ann has ann/squat_55011271, " in message for _, _, message in said)


def test_one_broken_file_does_not_hide_the_others(tmp_path: Path) -> None:
    pair_folder(tmp_path)
    joints = CAMERAS[0].to_camera(moving())
    joints[2] = np.nan
    broken = write_pair(tmp_path / "ann" / "squat_54138969.npz", joints_3d=joints)
    quality = check_dataset(CustomPairs(tmp_path))
    (reading,) = (f for f in quality.findings if f.level == "error")
    assert (reading.check, reading.where) == ("reading", "ann squat")
    assert str(broken) in reading.message and "NaN or infinite" in reading.message
    looked_at = {f.where for f in quality.findings if f.check == "units"}
    assert {"ann/wave_54138969", "ann/wave_55011271", "bob/wave_54138969"} <= looked_at


def test_plain_values_hold_no_infinity(tmp_path: Path) -> None:
    import json

    for subject, seed in (("ann", 0), ("bob", 9)):
        xy = CAMERAS[0].project(CAMERAS[0].to_camera(moving("wave", 9 - seed)))
        write_pair(tmp_path / f"{subject}.npz", subject, "wave", seed, xy=xy)
    content = check_dataset(CustomPairs(tmp_path)).content()
    assert content["level"] == "error"
    assert "Infinity" not in json.dumps(content)
