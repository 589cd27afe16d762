"""Skeletons are trees with mirror twins, and conversions go by joint name and say what they guess.

The toy body stands in a T: x to the subject's left, y up, z forward, metres, pelvis at the origin.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from langlift.conversions import conversion
from langlift.errors import InputError, ShapeError
from langlift.skeletons import SKELETONS, Skeleton, get_skeleton

ALL = sorted(SKELETONS)
PAIRS = list(itertools.permutations(ALL, 2))

#: Every joint of the toy body; joints of the middle lie at x = 0.
T_POSE: dict[str, tuple[float, float, float]] = {
    "pelvis": (0.0, 0.0, 0.0),
    "spine": (0.0, 0.25, -0.02),
    "thorax": (0.0, 0.52, 0.0),
    "neck": (0.0, 0.52, 0.0),
    "upper_neck": (0.0, 0.56, 0.0),
    "neck_nose": (0.0, 0.64, 0.06),
    "nose": (0.0, 0.66, 0.12),
    "head": (0.0, 0.68, 0.02),
    "head_top": (0.0, 0.78, 0.0),
    "left_eye": (0.03, 0.69, 0.10),
    "left_ear": (0.07, 0.68, 0.02),
    "left_shoulder": (0.16, 0.48, 0.0),
    "left_elbow": (0.44, 0.48, 0.0),
    "left_wrist": (0.69, 0.48, 0.0),
    "left_hip": (0.13, 0.0, 0.0),
    "left_knee": (0.13, -0.44, 0.0),
    "left_ankle": (0.13, -0.88, 0.0),
    "left_big_toe": (0.13, -0.95, 0.18),
    "left_small_toe": (0.18, -0.95, 0.15),
    "left_heel": (0.13, -0.95, -0.06),
}
T_POSE |= {
    "right_" + joint.removeprefix("left_"): (-x, y, z)
    for joint, (x, y, z) in T_POSE.items()
    if joint.startswith("left_")
}


def t_pose(skeleton: str) -> np.ndarray:
    """(j, 3) the toy body in a skeleton's joint order."""
    return np.array([T_POSE[joint] for joint in get_skeleton(skeleton).joints])


def converted_t_pose(source: str, target: str) -> dict[str, np.ndarray]:
    points = conversion(source, target).apply(t_pose(source))
    return dict(zip(get_skeleton(target).joints, points, strict=True))


@pytest.mark.parametrize(
    ("name", "joints", "roots", "root"),
    [
        ("human36m_17", 17, ["pelvis"], "pelvis"),
        ("coco_17", 17, ["nose"], None),
        ("body_25", 25, ["pelvis"], "pelvis"),
        ("body_25b", 25, ["upper_neck"], None),
        ("humaneva_15", 15, ["pelvis"], "pelvis"),
        ("mpi_inf_3dhp_17", 17, ["pelvis"], "pelvis"),
    ],
)
def test_counts_and_roots(name: str, joints: int, roots: list[str], root: str | None) -> None:
    skeleton = get_skeleton(name)
    assert len(skeleton) == len(skeleton.parents) == joints
    assert [j for j, p in zip(skeleton.joints, skeleton.parents, strict=True) if p < 0] == roots
    assert skeleton.root == root


def test_every_known_skeleton_is_counted_above() -> None:
    expected = "body_25 body_25b coco_17 human36m_17 humaneva_15 mpi_inf_3dhp_17"
    assert expected.split() == ALL


@pytest.mark.parametrize("name", ALL)
def test_parents_are_one_tree(name: str) -> None:
    skeleton = get_skeleton(name)
    assert len(skeleton.bones) == len(skeleton) - 1
    for joint in range(len(skeleton)):
        seen = set()
        while joint >= 0:
            assert joint not in seen
            seen.add(joint)
            joint = skeleton.parents[joint]


@pytest.mark.parametrize("name", ALL)
def test_limbs_hang_together(name: str) -> None:
    """A wrist hangs on its elbow and an elbow on its shoulder; legs likewise; sides never mix."""
    skeleton = get_skeleton(name)
    up = {"wrist": "elbow", "elbow": "shoulder", "ankle": "knee", "knee": "hip"}
    for child, parent in up.items():
        for side in ("left", "right"):
            index = skeleton.parents[skeleton.index(f"{side}_{child}")]
            assert skeleton.joints[index] == f"{side}_{parent}"


@pytest.mark.parametrize("name", ALL)
def test_mirror_swaps_sides_twice_to_nothing(name: str) -> None:
    skeleton = get_skeleton(name)
    mirror = skeleton.mirror
    assert np.array_equal(mirror[mirror], np.arange(len(skeleton)))
    for joint, other in zip(skeleton.joints, mirror, strict=True):
        twin = skeleton.joints[other]
        assert twin.partition("_")[2] == joint.partition("_")[2]
        assert (twin == joint) == (not joint.startswith(("left_", "right_")))
    # A mirrored body that is symmetric is itself with x reversed.
    assert np.allclose(t_pose(name)[mirror], t_pose(name) * [-1, 1, 1])


@pytest.mark.parametrize("name", ALL)
def test_mirrored_parents_are_the_parents_of_mirrored_joints(name: str) -> None:
    skeleton = get_skeleton(name)
    mirror = skeleton.mirror
    sided = ((j, p) for j, p in skeleton.bones if mirror[j] != j)
    for joint, parent in sided:
        assert skeleton.parents[mirror[joint]] == mirror[parent]


@pytest.mark.parametrize("name", ALL)
def test_parts_hold_every_joint_once(name: str) -> None:
    parts = get_skeleton(name).parts
    assert sorted(j for joints in parts.values() for j in joints) == list(
        range(len(get_skeleton(name)))
    )
    assert [len(parts[limb]) for limb in ("right_leg", "left_leg", "left_arm", "right_arm")] == [
        3
    ] * 4


def test_human36m_order_is_the_benchmarks() -> None:
    """Order and parents of the 17 joints that Human3.6M lifters are trained on."""
    skeleton = get_skeleton("human36m_17")
    assert skeleton.parts == {
        "torso_head": (0, 7, 8, 9, 10),
        "right_leg": (1, 2, 3),
        "left_leg": (4, 5, 6),
        "left_arm": (11, 12, 13),
        "right_arm": (14, 15, 16),
    }
    assert skeleton.parents == (-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15)
    assert skeleton.root_index == 0


def test_unknown_names_are_told_with_the_nearest() -> None:
    with pytest.raises(
        InputError, match=r"unknown skeleton 'coco17'; known: .* did you mean 'coco_17'"
    ):
        get_skeleton("coco17")
    with pytest.raises(
        InputError, match=r"unknown joint of skeleton 'coco_17' 'left_hips'.*'left_hip'"
    ):
        get_skeleton("coco_17").index("left_hips")
    with pytest.raises(InputError, match="'coco_17' has no root joint; convert to a skeleton"):
        _ = get_skeleton("coco_17").root_index


@pytest.mark.parametrize(
    ("joints", "parents", "root", "message"),
    [
        (("a", "a"), (), None, "names a joint twice"),
        (("a", "b"), (-1,), None, "has 2 joints but 1 parents; give one parent per joint"),
        (("a", "b"), (1, 0), None, "parents of joint 'a' .* do not lead to a root"),
        (("a", "b"), (-1, 1), None, "parents of joint 'b' .* do not lead to a root"),
        (("a", "b"), (-1, 2), None, "parents of joint 'b' .* do not lead to a root"),
        (("a", "b"), (-1, -2), None, "parents of joint 'b' .* do not lead to a root"),
        (("a", "b"), (-1, 0), "c", "unknown joint of skeleton 'mine' 'c'; known: a, b"),
    ],
)
def test_a_broken_skeleton_is_refused(joints, parents, root, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Skeleton("mine", joints, parents, root)


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_shared_joints_pass_through_unchanged(source: str, target: str) -> None:
    rule = conversion(source, target)
    points = np.random.default_rng(0).normal(size=(2, len(rule.source), 3)).astype(np.float32)
    made = rule.apply(points)
    assert made.shape == (2, len(rule.target), 3)
    assert made.dtype == np.float32
    for joint in set(rule.source.joints) & set(rule.target.joints):
        expected = points[:, rule.source.index(joint)]
        assert np.array_equal(made[:, rule.target.index(joint)], expected)


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_conversion_follows_shifts_and_mirrors(source: str, target: str) -> None:
    """Moving or mirroring a body before or after the conversion gives the same body."""
    rule = conversion(source, target)
    for table in (rule.weights, *rule.fallbacks):
        made = table.any(axis=1)
        assert np.allclose(table.sum(axis=1)[made], 1)
    swapped = rule.weights[rule.target.mirror][:, rule.source.mirror]
    assert np.allclose(swapped, rule.weights)


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_every_guessed_joint_has_its_note(source: str, target: str) -> None:
    """All but the pelvis, which is the middle of the hips by definition."""
    rule = conversion(source, target)
    noted = {note.split()[0] for note in rule.notes}
    guessed = set(rule.target.joints) - set(rule.source.joints) - set(rule.missing)
    assert noted == guessed - {"pelvis"}
    assert len(rule.notes) == len(noted)


@pytest.mark.parametrize("name", ALL)
def test_conversion_to_itself_is_the_identity(name: str) -> None:
    rule = conversion(name, name)
    assert np.array_equal(rule.weights, np.eye(len(rule.source)))
    assert rule.notes == rule.missing == ()


@pytest.mark.parametrize("source", sorted(set(ALL) - {"human36m_17"}))
def test_every_source_gives_all_human36m_joints(source: str) -> None:
    assert conversion(source, "human36m_17").missing == ()
    made = converted_t_pose(source, "human36m_17")
    for joint, point in made.items():
        # The guesses of head and back may be off by some centimetres, but not by ten.
        assert np.linalg.norm(point - T_POSE[joint]) < 0.1, joint


def test_coco_to_human36m_on_the_t_pose() -> None:
    made = converted_t_pose("coco_17", "human36m_17")
    ears, shoulders = np.array([0, 0.68, 0.02]), np.array([0, 0.48, 0])
    thorax = 0.54 * ears + 0.27 * shoulders  # and 0.19 of the hips, which are at the origin
    assert np.allclose(made["pelvis"], (0, 0, 0))
    assert np.allclose(made["thorax"], thorax)
    assert np.allclose(made["spine"], shoulders / 2)
    nose = np.array(T_POSE["nose"])
    assert np.allclose(made["neck_nose"], 0.48 * nose + 0.44 * ears + 0.08 * shoulders)
    assert np.allclose(made["head_top"], 1.7 * ears - 0.7 * shoulders)
    assert np.allclose(made["right_wrist"], (-0.69, 0.48, 0))


def test_a_lost_ear_is_replaced_by_the_other_and_by_the_nose() -> None:
    rule = conversion("coco_17", "human36m_17")
    source, target = rule.source, rule.target
    points = np.tile(np.random.default_rng(1).normal(size=(1, 17, 3)), (4, 1, 1))
    left, right = points[0, source.index("left_ear")], points[0, source.index("right_ear")]
    points[1, source.index("left_ear")] = np.nan
    points[2:, [source.index("left_ear"), source.index("right_ear")]] = np.nan
    points[3, source.index("nose")] = np.nan
    made = rule.apply(points)[:, target.index("head_top")]
    assert np.allclose(made[1] - made[0], 1.7 * (right - (left + right) / 2))
    nose, hips, shoulders = (
        points[0, [source.index(n) for n in names]].mean(axis=0)
        for names in (
            ("nose",),
            ("left_hip", "right_hip"),
            ("left_shoulder", "right_shoulder"),
        )
    )
    assert np.allclose(made[2], 0.56 * nose - 0.41 * hips + 0.85 * shoulders)
    assert np.isnan(made[3]).all()
    confidence = np.isfinite(points).all(axis=-1) * np.linspace(0.5, 1, 17)
    least = rule.apply_confidence(confidence)[:, target.index("head_top")]
    used = [("left_ear", "left_shoulder"), ("right_ear",), ("nose",)]
    expected = [confidence[0, [source.index(n) for n in names]].min() for names in used]
    assert np.allclose(least, [*expected, 0])


def test_body_25_and_body_25b_on_the_t_pose() -> None:
    thorax = 0.54 * np.array([0, 0.68, 0.02]) + 0.27 * np.array([0, 0.48, 0])
    for name in ("body_25", "body_25b"):
        made = converted_t_pose(name, "human36m_17")
        assert np.allclose(made["thorax"], thorax), "the ears' rule comes before the neck's"
        assert np.allclose(made["pelvis"], (0, 0, 0))
    assert np.allclose(made["head_top"], T_POSE["head_top"]), "body_25b has one of its own"


def test_humaneva_and_3dhp_to_human36m_on_the_t_pose() -> None:
    made = converted_t_pose("humaneva_15", "human36m_17")
    assert np.allclose(made["spine"], (0, 0.26, 0))
    assert np.allclose(made["neck_nose"], (0, 0.6 * 0.52 + 0.4 * 0.68, 0.4 * 0.02))
    assert np.allclose(made["head_top"], (0, 1.5 * 0.68 - 0.5 * 0.52, 1.5 * 0.02))
    made = converted_t_pose("mpi_inf_3dhp_17", "human36m_17")
    assert np.allclose(made["spine"], T_POSE["spine"])
    assert np.allclose(made["thorax"], T_POSE["neck"])
    assert np.allclose(made["head_top"], T_POSE["head_top"])
    assert np.isclose(made["neck_nose"][0], 0)


def test_what_cannot_be_made_is_listed_and_nan() -> None:
    rule = conversion("human36m_17", "coco_17")
    assert rule.missing == ("left_eye", "right_eye", "left_ear", "right_ear")
    made = rule.apply(t_pose("human36m_17"))
    lost = np.isnan(made).any(axis=-1)
    assert [rule.target.joints[j] for j in np.flatnonzero(lost)] == list(rule.missing)


@pytest.mark.parametrize("hole", [np.nan, np.inf, -np.inf])
def test_a_missing_source_joint_is_missing_in_all_that_need_it(hole: float) -> None:
    rule = conversion("coco_17", "human36m_17")
    points = np.stack([t_pose("coco_17")] * 2)
    points[1, rule.source.index("left_hip"), 1] = hole
    made = rule.apply(points)
    lost = np.isnan(made)
    assert not lost[0].any()
    assert {rule.target.joints[j] for j in np.flatnonzero(lost[1].any(axis=-1))} == {
        "pelvis", "spine", "left_hip",
    }  # fmt: skip
    # The thorax falls back on the middle of the shoulders; all other joints stay as they were.
    kept = ~lost[1].any(axis=-1)
    kept[rule.target.index("thorax")] = False
    assert np.array_equal(made[1][kept], made[0][kept])
    assert np.allclose(made[1, rule.target.index("thorax")], (0, 0.48, 0))


def test_whole_pixels_are_not_rounded() -> None:
    """Detections stored as integers once came back truncated, with NaN turned into a number."""
    pixels = np.round(t_pose("coco_17")[:, :2] * 100).astype(np.int64)
    pixels[get_skeleton("coco_17").index("left_hip"), 0] += 1
    made = conversion("coco_17", "human36m_17").apply(pixels)
    assert made.dtype == np.float64
    assert np.isclose(made[0, 0], 0.5)


def test_confidence_is_that_of_the_worst_joint_used() -> None:
    rule = conversion("coco_17", "human36m_17")
    confidence = np.full((2, 17), 0.9, dtype=np.float32)
    confidence[1, rule.source.index("right_hip")] = 0.25
    made = rule.apply_confidence(confidence)
    assert made.dtype == np.float32
    assert np.allclose(made[0], 0.9)
    worst = {"pelvis": 0.25, "spine": 0.25, "thorax": 0.25, "neck_nose": 0.9, "left_hip": 0.9}
    for joint, expected in worst.items():
        assert np.isclose(made[1, rule.target.index(joint)], expected)
    back = conversion("human36m_17", "coco_17")
    assert back.apply_confidence(made)[0, back.target.index("left_eye")] == 0


def test_points_of_another_skeleton_are_refused() -> None:
    rule = conversion("body_25", "human36m_17")
    with pytest.raises(ShapeError, match=r"points of skeleton 'body_25' has shape \(4, 17, 2\)"):
        rule.apply(np.zeros((4, 17, 2)))
    with pytest.raises(ShapeError, match=r"confidence has shape \(4, 17\); it must be \(\*, 25\)"):
        rule.apply_confidence(np.zeros((4, 17)))
