"""Augmentation: what every change keeps and what it changes."""

import dataclasses

import numpy as np
import pytest

from langlift.datasets.augment import (
    AugmentConfig,
    change_body,
    coco_like,
    detector_habits,
    drop_joints,
    heading,
    mirror_world,
    mix_limbs,
    nothing,
    through_coco,
    tilt,
)
from langlift.datasets.synthetic import synthetic_clip, synthetic_clips
from langlift.errors import InputError
from langlift.skeletons import COCO_17, HUMAN36M_17

INDEX, BONES, MIRROR = HUMAN36M_17.index, HUMAN36M_17.bones, HUMAN36M_17.mirror
F = 30
LEGS = {"right": (1, 2, 3), "left": (4, 5, 6)}
LIMBS = (*LEGS.values(), (11, 12, 13), (14, 15, 16))


@pytest.fixture(scope="module")
def windows():
    """(12, 30, 17, 3) metres, world: people of different bodies who face different ways."""
    return np.stack([clip.joints[:F] for clip in synthetic_clips(12, seed=3, frames=F)])


def rng(seed=0):
    return np.random.default_rng(seed)


def config(**settings):
    return dataclasses.replace(nothing(), **settings)


def bone_vectors(joints):
    """(*, 16, 3) child minus parent."""
    child, parent = np.array(BONES).T
    return joints[..., child, :] - joints[..., parent, :]


def bone_lengths(joints):
    return np.linalg.norm(bone_vectors(joints), axis=-1)


def angles_between(a, b):
    cos = (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)
    return np.arccos(np.clip(cos, -1, 1))


def test_nothing_changes_nothing(windows):
    none = nothing()
    assert set(dataclasses.asdict(none).values()) == {0.0}
    assert (change_body(windows, none, rng()) == windows).all()
    assert (mix_limbs(windows, none, rng()) == windows).all()
    assert (tilt(windows, none, rng()) == windows).all()
    assert drop_joints((5, F, 17), none, rng()).all()
    assert (mirror_world(windows, np.zeros(12, bool)) == windows).all()


def test_changes_leave_their_input_alone_and_are_seeded(windows):
    before = windows.copy()
    everything = AugmentConfig(mix=0.9, tilt_share=0.9)
    for change in (change_body, mix_limbs, tilt):
        one, same, other = (change(windows, everything, rng(s)) for s in (1, 1, 2))
        assert (one == same).all() and (one != other).any()
        assert one.shape == windows.shape
        assert change(windows.astype(np.float32), everything, rng()).dtype == np.float32
    assert (windows == before).all()


def test_another_body_moves_in_the_same_directions(windows):
    changed = change_body(windows, config(body=0.1, stature=0.1), rng())
    assert angles_between(bone_vectors(windows), bone_vectors(changed)).max() < 1e-6
    assert (changed[:, :, 0] == windows[:, :, 0]).all()  # the pelvis goes its way


def test_another_body_is_constant_in_time_and_the_same_on_both_sides(windows):
    changed = change_body(windows, config(body=0.1, stature=0.1), rng())
    factor = bone_lengths(changed) / bone_lengths(windows)
    np.testing.assert_allclose(factor, np.broadcast_to(factor[:, :1], factor.shape), rtol=1e-9)
    by_child = dict(zip([child for child, _ in BONES], factor[:, 0].T, strict=True))
    for child in by_child:
        np.testing.assert_allclose(by_child[child], by_child[MIRROR[child]], rtol=1e-9)
    # The pelvis stays the middle of the hips where it was.
    hips = changed[:, :, [INDEX("left_hip"), INDEX("right_hip")]].mean(axis=2)
    before = windows[:, :, [INDEX("left_hip"), INDEX("right_hip")]].mean(axis=2)
    np.testing.assert_allclose(
        hips - changed[:, :, 0], by_child[1][:, None, None] * (before - windows[:, :, 0]), atol=1e-9
    )


def test_deviation_of_bones_and_stature():
    many = np.repeat(synthetic_clip("squat", rng(), frames=1).joints[None], 20_000, axis=0)
    log = np.log(bone_lengths(change_body(many, config(stature=0.2), rng())) / bone_lengths(many))
    assert log.std(axis=0)[0, 0] == pytest.approx(0.2, rel=0.03)
    np.testing.assert_allclose(log, np.broadcast_to(log[..., :1], log.shape), atol=1e-9)
    log = np.log(bone_lengths(change_body(many, config(body=0.1), rng())) / bone_lengths(many))
    spread = {child: log[:, 0, i].std() for i, (child, _) in enumerate(BONES)}
    assert spread[INDEX("spine")] == pytest.approx(0.1, rel=0.03)
    # A limb's factor is the mean of two, which halves the variance.
    assert spread[INDEX("left_knee")] == pytest.approx(0.1 / np.sqrt(2), rel=0.03)


def test_borrowed_limbs_have_their_owners_lengths_and_the_rest_stays(windows):
    mixed = mix_limbs(windows, config(mix=1.0), rng(2))
    trunk = [j for j in range(17) if j not in sum((limb[1:] for limb in LIMBS), ())]
    assert (mixed[:, :, trunk] == windows[:, :, trunk]).all()  # hips and shoulders included
    lengths, taken = bone_lengths(windows), 0
    column = {child: i for i, (child, _) in enumerate(BONES)}
    for w in range(len(windows)):
        for base, *rest in LIMBS:
            same = (mixed[w][:, [base, *rest]] == windows[w][:, [base, *rest]]).all()
            columns = [column[j] for j in rest]
            mine = bone_lengths(mixed[w])[:, columns]
            owners = [np.allclose(mine, lengths[d][:, columns], atol=1e-9) for d in range(12)]
            assert any(owners)
            taken += not same
    assert 12 < taken < 36  # half of the 48 limbs, give or take


def test_borrowed_limbs_keep_their_direction_relative_to_the_person(windows):
    """A donor that faces elsewhere lends the limb as it looks from its own front."""
    person = synthetic_clip("punch", rng(5), frames=F).joints
    turned = person @ np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]])  # by 90 degrees about up
    mixed = mix_limbs(np.stack([person, turned]), config(mix=1.0), rng())
    np.testing.assert_allclose(mixed, np.stack([person, turned]), atol=1e-9)


def test_share_of_mixed_windows(windows):
    many = np.concatenate([windows[:, :2]] * 100)
    mixed = mix_limbs(many, config(mix=0.3), rng())
    touched = (mixed != many).any(axis=(1, 2, 3)).mean()
    assert touched == pytest.approx(0.3 * (1 - 0.5**4), abs=0.04)


def test_heading_is_the_facing_direction():
    person = synthetic_clip("squat", rng(1), frames=5).joints  # faces +x
    assert np.abs(heading(person)).max() < 0.2
    for angle in (0.5, 2.0, -2.5):
        c, s = np.cos(angle), np.sin(angle)
        turned = person @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
        np.testing.assert_allclose(heading(turned), heading(person) + angle, atol=1e-9)


def test_tilt_keeps_distances_and_the_first_pelvis(windows):
    tilted = tilt(windows, config(tilt=30.0, tilt_share=1.0), rng())
    np.testing.assert_allclose(tilted[:, 0, 0], windows[:, 0, 0], atol=1e-12)
    flat, other = windows.reshape(12, -1, 3), tilted.reshape(12, -1, 3)
    pick = rng(1).integers(0, flat.shape[1], (2, 300))
    np.testing.assert_allclose(
        np.linalg.norm(other[:, pick[0]] - other[:, pick[1]], axis=-1),
        np.linalg.norm(flat[:, pick[0]] - flat[:, pick[1]], axis=-1),
        atol=1e-9,
    )


def test_tilt_is_about_a_horizontal_axis_and_no_further_than_allowed():
    frame = np.zeros((4000, 1, 17, 3))
    frame[:, 0, 1:4] = np.eye(3)  # joints 1, 2, 3 are the axes x, y, z
    tilted = tilt(frame, config(tilt=30.0, tilt_share=1.0), rng())[:, 0, 1:4]
    np.testing.assert_allclose(np.linalg.det(tilted), 1.0, atol=1e-9)  # no mirror image
    angle = np.degrees(np.arccos(np.clip(tilted[:, 2, 2], -1, 1)))
    assert angle.max() <= 30.0 and angle.max() > 29.5
    assert angle.mean() == pytest.approx(15.0, abs=0.5)
    # The axis (the antisymmetric part) has no vertical component.
    np.testing.assert_allclose(tilted[:, 0, 1], tilted[:, 1, 0], atol=1e-9)
    some = tilt(frame, config(tilt=30.0, tilt_share=0.25), rng())
    assert (some != frame).any(axis=(1, 2, 3)).mean() == pytest.approx(0.25, abs=0.03)


def test_mirror_is_an_involution_and_swaps_sides(windows):
    which = np.arange(12) % 2 == 0
    once = mirror_world(windows, which)
    assert (mirror_world(once, which) == windows).all()
    assert (once[~which] == windows[~which]).all()
    left, right = INDEX("left_wrist"), INDEX("right_wrist")
    assert (once[which][:, :, left] == windows[which][:, :, right] * (-1, 1, 1)).all()
    np.testing.assert_allclose(
        bone_lengths(once)[which][..., INDEX("left_knee") - 1],
        bone_lengths(windows)[which][..., INDEX("right_knee") - 1],
    )
    # Still a person: facing is (left - right) x up, so it turns as a mirrored person does.
    mirrored_facing = np.pi - heading(windows)[which]
    difference = heading(once)[which] - mirrored_facing
    np.testing.assert_allclose(np.cos(difference), 1.0, atol=1e-12)


def test_drop_rate():
    seen = drop_joints((4000, 20, 17), config(drop=0.4), rng())
    touched = (~seen).any(axis=(1, 2))
    # A chosen window may lose nothing: no joint of its own is drawn, or an empty stretch of time.
    assert 0.33 < touched.mean() <= 0.42
    everything = drop_joints((4000, 20, 17), config(drop=1.0), rng())
    # A quarter each: scattered 0.175, one limb of three joints for a third of the time, lost
    # joints 0.1, scattered and limb.
    limb = 3 / 17 / 3
    mean = (0.175 + limb + 0.1 + (1 - (1 - 0.175) * (1 - limb))) / 4
    assert (~everything).mean() == pytest.approx(mean, rel=0.05)


def test_three_ways_to_go_missing():
    seen = drop_joints((600, 40, 17), config(drop=1.0), rng(1))
    hidden = ~seen
    whole = hidden.all(axis=1)
    never = hidden.any(axis=(1, 2)) & (hidden.any(axis=1) == whole).all(axis=1)
    assert never.mean() > 0.1  # joints lost for the whole window
    parts = {tuple(np.flatnonzero(h.any(axis=0))) for h in hidden}
    assert all(limb in parts for limb in LIMBS)  # one hidden limb alone
    assert (hidden.any(axis=1).sum(axis=1) > 12).any()  # scattered over the body


def test_habits_of_other_joint_definitions_keep_directions_and_spare_most_windows(windows):
    many = np.concatenate([windows[:, :2]] * 100)
    seen = detector_habits(many, config(habit=0.06, habit_share=0.3), rng())
    touched = (seen != many).any(axis=(1, 2, 3))
    assert touched.mean() == pytest.approx(0.3, abs=0.04)
    assert angles_between(bone_vectors(many), bone_vectors(seen)).max() < 1e-6
    log = np.log(bone_lengths(seen) / bone_lengths(many))[touched]
    assert log[..., INDEX("spine") - 1].std() == pytest.approx(0.06, rel=0.15)
    assert (detector_habits(many, config(habit=0.06), rng()) == many).all()


def standing():
    """(17, 3) faces +x, z up, arms hanging."""
    pose = np.zeros((17, 3))
    places = {
        "right_hip": (0, -0.13, 0.9), "right_knee": (0, -0.13, 0.48),
        "right_ankle": (0, -0.13, 0.08),
        "left_hip": (0, 0.13, 0.9), "left_knee": (0, 0.13, 0.48), "left_ankle": (0, 0.13, 0.08),
        "pelvis": (0, 0, 0.9), "spine": (0, 0, 1.15), "thorax": (0, 0, 1.4),
        "neck_nose": (0.05, 0, 1.55), "head_top": (0, 0, 1.7),
        "left_shoulder": (0, 0.17, 1.4), "left_elbow": (0, 0.2, 1.1), "left_wrist": (0, 0.2, 0.85),
        "right_shoulder": (0, -0.17, 1.4), "right_elbow": (0, -0.2, 1.1),
        "right_wrist": (0, -0.2, 0.85),
    }  # fmt: skip
    for joint, place in places.items():
        pose[INDEX(joint)] = place
    return pose


def test_coco_points_of_a_standing_figure():
    points = dict(zip(COCO_17.joints, coco_like(standing()), strict=True))
    centre = 1.4 + 0.58 * 0.3  # 58 % of the way from thorax to head top
    np.testing.assert_allclose(points["nose"], (0.10, 0, centre - 0.02), atol=1e-9)
    np.testing.assert_allclose(points["left_ear"], (0, 0.075, centre), atol=1e-9)
    np.testing.assert_allclose(points["right_ear"], (0, -0.075, centre), atol=1e-9)
    np.testing.assert_allclose(points["left_eye"], (0.085, 0.032, centre + 0.02), atol=1e-9)
    np.testing.assert_allclose(points["right_eye"], (0.085, -0.032, centre + 0.02), atol=1e-9)
    # 8 % of the hip distance further out on each side, 2 cm up along the trunk
    np.testing.assert_allclose(points["left_hip"], (0, 0.13 + 0.08 * 0.26, 0.92), atol=1e-9)
    np.testing.assert_allclose(points["right_hip"], (0, -0.13 - 0.08 * 0.26, 0.92), atol=1e-9)
    for joint in ("shoulder", "elbow", "wrist", "knee", "ankle"):
        for side in ("left", "right"):
            name = f"{side}_{joint}"
            assert (points[name] == standing()[INDEX(name)]).all()


def test_coco_points_move_with_the_person_and_know_left_from_right(windows):
    turn = np.linalg.qr(rng(3).standard_normal((3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))  # a proper rotation, such as world to camera
    np.testing.assert_allclose(
        coco_like(windows @ turn + 1.5), coco_like(windows) @ turn + 1.5, atol=1e-9
    )
    mirrored = mirror_world(windows, np.ones(12, bool))
    np.testing.assert_allclose(
        coco_like(mirrored), coco_like(windows)[:, :, COCO_17.mirror] * (-1, 1, 1), atol=1e-9
    )


def test_through_coco_keeps_what_both_conventions_have(windows):
    seen = through_coco(windows)
    shared = [
        j
        for j, name in enumerate(HUMAN36M_17.joints)
        if name in COCO_17.joints and "hip" not in name
    ]
    assert len(shared) == 10
    assert (seen[:, :, shared] == windows[:, :, shared]).all()
    assert np.isfinite(seen).all()
    hips = [INDEX("left_hip"), INDEX("right_hip")]
    wide, narrow = (
        np.linalg.norm(x[:, :, hips[0]] - x[:, :, hips[1]], axis=-1) for x in (seen, windows)
    )
    np.testing.assert_allclose(wide, 1.16 * narrow, rtol=1e-9)
    pelvis = np.linalg.norm(seen[:, :, 0] - windows[:, :, hips].mean(axis=2), axis=-1)
    np.testing.assert_allclose(pelvis, 0.02, atol=1e-9)
    for joint in ("thorax", "neck_nose", "head_top"):  # guesses, but no wild ones
        error = np.linalg.norm(seen[:, :, INDEX(joint)] - windows[:, :, INDEX(joint)], axis=-1)
        assert error.mean() < 0.08


def test_habits_of_detectors_vary_by_window_and_not_by_frame(windows):
    one = coco_like(windows, rng()) - coco_like(windows)
    hip = COCO_17.joints.index("left_hip")
    size = np.linalg.norm(windows[:, :, 4] - windows[:, :, 1], axis=-1)
    out = np.linalg.norm(one[:, :, hip], axis=-1)
    assert np.ptp(out / size, axis=1).max() < 0.05
    assert out[:, 0].std() > 0.005
    assert (one[:, :, COCO_17.joints.index("left_knee")] == 0).all()


@pytest.mark.parametrize("name", [f.name for f in dataclasses.fields(AugmentConfig)])
def test_no_negative_settings(name):
    with pytest.raises(InputError, match=f"{name} is -0.1; it cannot be negative"):
        AugmentConfig(**{name: -0.1})


@pytest.mark.parametrize("name", ["mix", "tilt_share", "noise", "drop", "coco", "habit_share"])
def test_no_share_above_one(name):
    with pytest.raises(InputError, match=f"{name} is 1.5; it is a share and must be within 0"):
        AugmentConfig(**{name: 1.5})
