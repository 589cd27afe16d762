"""Synthetic motion: determinism, anatomy, floor contact, smoothness, distinct actions."""

import dataclasses

import numpy as np
import pytest

from langlift.datasets.clips import LabelledClip
from langlift.datasets.synthetic import (
    FPS,
    SYNTHETIC_ACTIONS,
    body,
    synthetic_clip,
    synthetic_clips,
)
from langlift.errors import InputError
from langlift.skeletons import HUMAN36M_17

IN_PLACE = (
    *("squat", "deep_squat", "punch", "wave", "arm_circles", "torso_twist", "toe_touch"),
    *("sit_to_stand", "bow", "side_bend", "inline_lunge", "drink"),
)
LYING = ("crawl", "get_up")
SEEDS = range(12)


@pytest.fixture(scope="module")
def clips():
    """Per action, one clip per seed, all starting towards +x."""
    return {
        action: [synthetic_clip(action, np.random.default_rng(s)) for s in SEEDS]
        for action in SYNTHETIC_ACTIONS
    }


def at(clip, joint):
    return clip.joints[:, HUMAN36M_17.index(joint)]


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def facing(clip):
    """(f, 3) the convention: (left hip - right hip) x up."""
    return unit(np.cross(at(clip, "left_hip") - at(clip, "right_hip"), (0.0, 0.0, 1.0)))


def dot(a, b):
    return (a * b).sum(axis=-1)


def test_every_action_makes_a_labelled_clip_with_its_own_sentence(clips):
    assert len(SYNTHETIC_ACTIONS) == 21
    assert len({clips[a][0].text for a in SYNTHETIC_ACTIONS}) == 21
    for action in SYNTHETIC_ACTIONS:
        clip = clips[action][0]
        assert clip.action == action and clip.source == "synthetic" and clip.fps == FPS == 50.0
        assert clip.text.startswith("a person ")
        assert clip.joints.shape == (150, 17, 3) and np.isfinite(clip.joints).all()
        assert clip.seconds == 3.0


def test_the_generator_decides_everything():
    for action in SYNTHETIC_ACTIONS:
        one, same, other = (
            synthetic_clip(action, np.random.default_rng(s), frames=20).joints for s in (3, 3, 4)
        )
        assert np.array_equal(one, same)
        assert np.abs(one - other).max() > 0.01


def test_a_clip_of_a_set_depends_on_seed_and_place_only():
    few, many = synthetic_clips(4, seed=7), synthetic_clips(30, seed=7)
    for a, b in zip(few, many, strict=False):
        assert a.clip_id == b.clip_id and np.array_equal(a.joints, b.joints)
    assert [c.action for c in many] == [SYNTHETIC_ACTIONS[i % 21] for i in range(30)]
    assert len({c.clip_id for c in many}) == len({c.subject for c in many}) == 30
    assert all(81 <= len(c) <= 250 for c in many) and len({len(c) for c in many}) > 10
    other = synthetic_clips(1, seed=8)[0]
    assert other.joints.shape != few[0].joints.shape or np.any(other.joints != few[0].joints)


def test_a_set_can_be_narrowed_to_actions_and_a_length():
    made = synthetic_clips(3, actions=["run", "bow"], frames=30, random_yaw=False)
    assert [c.action for c in made] == ["run", "bow", "run"]
    assert [len(c) for c in made] == [30, 30, 30]


def test_bodies_are_human_and_bones_keep_their_length(clips):
    for seed in range(50):
        person = body(np.random.default_rng(seed))
        assert 1.5 <= person.stature <= 1.95
        height = person.ankle + person.leg + person.loin + person.chest + person.neck
        assert 0.93 < height / person.stature < 1.0  # head top joint lies below the crown
        assert 0.10 < person.hip < 0.165 and 0.13 < person.shoulder < 0.21
        assert 1.0 < person.upper_arm / person.forearm < 1.3
        assert 1.4 < person.leg / person.arm < 1.9
    for made in clips.values():
        for clip in made:
            bones = np.stack(
                [
                    np.linalg.norm(clip.joints[:, j] - clip.joints[:, p], axis=-1)
                    for j, p in HUMAN36M_17.bones
                ]
            )
            assert np.ptp(bones, axis=1).max() < 1e-6
            order = [j - 1 for j in HUMAN36M_17.mirror if j > 0]
            assert np.abs(bones[order] - bones).max() < 1e-6


def test_people_start_at_the_origin_and_face_plus_x_unless_asked(clips):
    for action, made in clips.items():
        for clip in made:
            assert np.abs(clip.joints[0, 0, :2]).max() < 1e-12
            if action not in ("torso_twist", "punch"):
                assert facing(clip)[0, 0] > 0.85
    turned = [
        facing(synthetic_clip("bow", np.random.default_rng(s), frames=1, random_yaw=True))[0]
        for s in range(20)
    ]
    assert {tuple(np.sign(t[:2])) for t in turned} == {(1, 1), (1, -1), (-1, 1), (-1, -1)}


def test_left_is_left_and_walkers_go_where_they_face(clips):
    for action in ("walk", "run", "crawl"):
        for clip in clips[action]:
            velocity = np.gradient(at(clip, "pelvis"), 1.0 / FPS, axis=0)
            along = dot(velocity, facing(clip))
            assert along.mean() > 0.95 * np.linalg.norm(velocity[:, :2], axis=1).mean() > 0.15
    for action in SYNTHETIC_ACTIONS:
        for clip in clips[action]:
            left = np.cross((0.0, 0.0, 1.0), facing(clip))
            for pair in ("hip", "shoulder"):
                across = at(clip, f"left_{pair}") - at(clip, f"right_{pair}")
                assert dot(across, left).min() > 0.0
            ahead = dot(at(clip, "neck_nose") - at(clip, "thorax"), facing(clip))
            if action not in LYING:
                assert ahead.mean() > 0.02


def test_knees_bend_backwards_only(clips):
    for action, made in clips.items():
        for clip in made:
            left = unit(at(clip, "left_hip") - at(clip, "right_hip"))
            for side in ("left", "right"):
                thigh = unit(at(clip, f"{side}_knee") - at(clip, f"{side}_hip"))
                shin = unit(at(clip, f"{side}_ankle") - at(clip, f"{side}_knee"))
                # thigh x shin points to the person's left when the shin goes back.
                assert dot(np.cross(thigh, shin), left).min() > 0.0, action
                assert np.degrees(np.arccos(dot(thigh, shin))).max() < 160.0, action


def carried_forward(left, up, limb):
    """Forward axis of a frame, carried from hanging down to the limb by the shortest way."""
    up = unit(up - dot(up, left)[:, None] * left)
    forward, axis = np.cross(left, up), np.cross(-up, limb)
    cosine = dot(-up, limb)[:, None]
    carried = forward * cosine + np.cross(axis, forward)
    return carried + axis * dot(axis, forward)[:, None] / (1.0 + cosine), cosine[:, 0]


def test_elbows_bend_forward_only(clips):
    for action, made in clips.items():
        for clip in made:
            left = unit(at(clip, "left_shoulder") - at(clip, "right_shoulder"))
            for side in ("left", "right"):
                upper = unit(at(clip, f"{side}_elbow") - at(clip, f"{side}_shoulder"))
                lower = unit(at(clip, f"{side}_wrist") - at(clip, f"{side}_elbow"))
                trunk = at(clip, "thorax") - at(clip, "spine")
                forward, down = carried_forward(left, trunk, upper)
                # For arms near overhead "forward" depends on the way they got there.
                bend = dot(lower, forward)[down > -0.3]
                lowest = -0.3 if action in ("get_up", "torso_twist") else -0.05
                assert bend.size == 0 or bend.min() > lowest, action
                assert np.degrees(np.arccos(dot(upper, lower))).max() < 155.0, action


def test_feet_stand_on_the_floor(clips):
    for action, made in clips.items():
        for clip in made:
            assert clip.joints[..., 2].min() > 0.02, action
            lowest = np.minimum(at(clip, "left_ankle")[:, 2], at(clip, "right_ankle")[:, 2])
            if action in ("jump", "run"):
                assert lowest.max() > 0.1 and 0.05 < lowest.min() < 0.1
            elif action == "jumping_jack":
                assert 0.05 < lowest.min() < 0.1
            else:
                assert lowest.min() > 0.05 and lowest.max() < 0.12, action


def test_planted_feet_do_not_slide(clips):
    for action in IN_PLACE:
        for clip in clips[action]:
            for side in ("left", "right"):
                assert np.ptp(at(clip, f"{side}_ankle")[:, :2], axis=0).max() < 0.01, action
    for clip in clips["walk"]:
        speed = np.linalg.norm(np.gradient(clip.joints, 1.0 / FPS, axis=0), axis=-1)
        feet = speed[:, [HUMAN36M_17.index(s) for s in ("left_ankle", "right_ankle")]]
        assert np.median(feet.min(axis=1)) < 0.02
        assert feet.min(axis=1).max() < 0.6


def test_motion_is_smooth_and_never_still(clips):
    for action, made in clips.items():
        for clip in made:
            second = np.diff(clip.joints, 2, axis=0) * FPS**2
            assert np.linalg.norm(second, axis=-1).max() < 120.0, action
            moved = np.linalg.norm(np.diff(clip.joints, axis=0), axis=-1)
            assert moved.max(axis=1).min() > 1e-5, action


def test_each_action_does_what_its_label_says(clips):
    def each(action, measure):
        return [measure(c) for c in clips[action]]

    def pelvis_drop(clip):
        return 1.0 - at(clip, "pelvis")[:, 2].min() / at(clip, "pelvis")[:, 2].max()

    assert max(each("squat", pelvis_drop)) < 0.4 < min(each("deep_squat", pelvis_drop))
    for clip in clips["crawl"]:
        trunk = unit(at(clip, "thorax") - at(clip, "pelvis"))
        assert np.abs(trunk[:, 2]).max() < 0.45
    for clip in clips["get_up"]:
        head = at(clip, "head_top")[:, 2]
        assert head[0] < 0.4 and head[-1] > 1.3
    for clip in clips["wave"]:
        above = np.maximum(
            *(
                at(clip, f"{s}_wrist")[:, 2] - at(clip, f"{s}_elbow")[:, 2]
                for s in ("left", "right")
            )
        )
        assert above.min() > 0.05
    for clip in clips["drink"]:
        gaps = [at(clip, f"{s}_wrist") - at(clip, "neck_nose") for s in ("left", "right")]
        assert min(np.linalg.norm(g, axis=-1).min() for g in gaps) < 0.28
    for clip in clips["toe_touch"]:
        assert at(clip, "left_wrist")[:, 2].min() < 0.4
    for clip in clips["kick"]:
        highest = max(at(clip, f"{s}_ankle")[:, 2].max() for s in ("left", "right"))
        assert highest > 0.45


def features(clip):
    """Mean, spread and extremes of root-relative joints, and how far the pelvis moves."""
    local = clip.joints - clip.joints[:, :1]
    # Left- and right-handed versions are the same action, so both sides go in sorted.
    mirrored = local[:, HUMAN36M_17.mirror] * (1.0, -1.0, 1.0)
    parts = []
    for fold in (np.minimum, np.maximum):
        for measure in (np.mean, np.std, np.max, np.min):
            parts.append(fold(measure(local, axis=0), measure(mirrored, axis=0)).ravel())
    parts.append(3.0 * np.ptp(clip.joints[:, 0], axis=0))
    return np.concatenate(parts)


def test_actions_can_be_told_apart(clips):
    train = {a: np.stack([features(c) for c in made[:8]]) for a, made in clips.items()}
    scores = []
    for action, made in clips.items():
        for clip in made[8:]:
            gaps = {a: np.abs(x - features(clip)).sum(axis=1).min() for a, x in train.items()}
            scores.append(min(gaps, key=lambda a: gaps[a]) == action)
    assert np.mean(scores) > 0.8


def test_unknown_action_is_answered_with_the_nearest_one():
    with pytest.raises(InputError, match=r"unknown synthetic action 'sqat'.*did you mean 'squat'"):
        synthetic_clip("sqat", np.random.default_rng(0))
    with pytest.raises(InputError, match="did you mean 'jump'"):
        synthetic_clips(1, actions=["jmp"])


@pytest.mark.parametrize("frames", [0, -3, 2.5, True])
def test_frames_must_be_a_positive_whole_number(frames):
    with pytest.raises(InputError, match="at least 1"):
        synthetic_clip("walk", np.random.default_rng(0), frames=frames)


def test_a_single_frame_is_enough():
    for action in SYNTHETIC_ACTIONS:
        clip = synthetic_clip(action, np.random.default_rng(1), frames=1)
        assert clip.joints.shape == (1, 17, 3) and np.isfinite(clip.joints).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": -1}, "neither may be negative"),
        ({"n": 1, "seed": -1}, "neither may be negative"),
        ({"n": 1, "actions": []}, "at least one action label"),
        ({"n": 1, "actions": "walk"}, "list with at least one action label"),
        ({"n": 1, "frames": (90, 80)}, "in this order"),
        ({"n": 1, "frames": (0, 80)}, "shortest frames is 0"),
    ],
)
def test_sets_refuse_what_cannot_be_made(arguments, message):
    with pytest.raises(InputError, match=message):
        synthetic_clips(**arguments)


def test_labelled_clips_are_checked():
    good = synthetic_clip("bow", np.random.default_rng(0), frames=2)
    with pytest.raises(InputError, match=r"shape \(2, 16, 3\)"):
        dataclasses.replace(good, joints=good.joints[:, :16])
    with pytest.raises(InputError, match="no frames"):
        dataclasses.replace(good, joints=good.joints[:0])
    with pytest.raises(InputError, match="NaN or infinite"):
        dataclasses.replace(good, joints=np.full((2, 17, 3), np.nan))
    with pytest.raises(InputError, match="fps"):
        LabelledClip("a", "b", "c", "d", "e", good.joints, fps=0.0)
