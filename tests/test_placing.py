"""From any joints to Human3.6M-17: families, maps, units, axes, floor, gaps and rates."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from doc_pages import table
from motion_fixtures import (
    BODY,
    H36M,
    amc_text,
    asf_text,
    bvh_text,
    h36m_pose,
    smpl_pose,
    write_json,
)
from scipy.spatial.transform import Rotation

from langlift.datasets.motion_files.amass import SMPL_BODY
from langlift.datasets.motion_files.asf_amc import read_amc
from langlift.datasets.motion_files.bvh import read_bvh
from langlift.datasets.motion_files.joint_families import (
    FAMILIES,
    NEEDED,
    find_family,
    read_joint_map,
)
from langlift.datasets.motion_files.placing import UNITS, at_rate, fill_gaps, place
from langlift.datasets.motion_files.source_motion import SourceMotion
from langlift.errors import InputError
from langlift.skeletons import HUMAN36M_17

J = {joint: k for k, joint in enumerate(HUMAN36M_17.joints)}


def person(frames: int = 1, **changes: object) -> SourceMotion:
    """The invented person of `motion_fixtures`, by target names: metres, z up, 50 fps."""
    at = np.repeat(np.array(list(H36M.values()))[None], frames, axis=0)
    given = {"joints": tuple(H36M), "positions": at, "fps": 50.0, "unit": 1.0, "up": "z"} | changes
    return SourceMotion(**given)  # type: ignore[arg-type]


@pytest.fixture
def identity(tmp_path: Path):
    """A map that takes every joint but the nose from the joint of its own name."""
    names = {joint: joint for joint in H36M if joint != "neck_nose"}
    return read_joint_map(write_json(tmp_path / "map.json", names))


def bvh(folder: Path, **options: object) -> SourceMotion:
    path = folder / "a.bvh"
    path.write_text(bvh_text([{}], **options))  # type: ignore[arg-type]
    return read_bvh(path)


@pytest.mark.parametrize("prefix", ["", "mixamorig:", "mixamorig7:", "Ann:", "mixamorig_"])
def test_a_humanik_bvh_becomes_the_person(tmp_path: Path, prefix: str) -> None:
    placed = place(bvh(tmp_path, prefix=prefix))
    assert (placed.family, placed.unit, placed.up, placed.up_found) == ("humanik", 0.01, "y", True)
    np.testing.assert_allclose(placed.joints[0], h36m_pose(), atol=1e-6)


@pytest.mark.parametrize("unit", list(UNITS))
@pytest.mark.parametrize("z_up", [False, True])
def test_unit_and_up_axis_are_found(tmp_path: Path, unit: str, z_up: bool) -> None:
    placed = place(bvh(tmp_path, scale=0.01 / UNITS[unit], z_up=z_up))
    assert placed.unit == UNITS[unit]
    assert placed.up == ("z" if z_up else "y")
    np.testing.assert_allclose(placed.joints[0], h36m_pose(), atol=1e-5)


def test_no_two_units_fit_one_body() -> None:
    """A body is 1.2 to 2.2 m in at most one unit, so the rule cannot be ambiguous."""
    sizes = sorted(UNITS.values())
    assert all(larger / smaller > 2.2 / 1.2 for smaller, larger in pairwise(sizes))


@pytest.mark.parametrize("scale", [0.05, 0.002])
def test_a_unit_that_is_none_is_refused(tmp_path: Path, scale: float) -> None:
    with pytest.raises(
        InputError, match="in none of m, cm, mm, inch, cmu; choose the unit by --unit"
    ):
        place(bvh(tmp_path, scale=scale))


def test_a_unit_that_was_given_wrongly_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the person would be 181 m tall with 1 m per unit"):
        place(bvh(tmp_path), unit=1.0)


def test_a_lying_person_needs_the_up_axis(tmp_path: Path) -> None:
    """On the side, along x: no rule can tell, the option does."""
    path = tmp_path / "a.bvh"
    path.write_text(bvh_text([{"Hips": (90.0, 0.0, 0.0)}]))
    motion = read_bvh(path)
    with pytest.raises(InputError, match=r"stands neither along y nor along z .* by --up"):
        place(motion)
    lying = place(motion, up="y").joints[0]
    assert abs(lying[J["head_top"], 2] - lying[J["pelvis"], 2]) < 1e-6
    assert np.ptp(lying[:, 0]) > 1.6


def test_cmu_joints_are_the_ends_of_bones(tmp_path: Path) -> None:
    (tmp_path / "1.asf").write_text(asf_text())
    (tmp_path / "1.amc").write_text(amc_text([{}]))
    placed = place(read_amc(tmp_path / "1.amc", tmp_path / "1.asf", 120))
    assert (placed.family, placed.up, placed.up_found) == ("cmu", "y", False)
    unit, joints = 0.0254 / 0.45, placed.joints[0]
    legs = 2 * 7.4 * unit
    np.testing.assert_allclose(joints[J["pelvis"]], (0, 0, 0.08 + legs), atol=1e-6)
    up = {"left_hip": (1.6, 0), "spine": (0, 3.6), "thorax": (0, 8), "head_top": (0, 13)}
    up |= {"left_shoulder": (3, 8), "left_elbow": (8, 8), "left_wrist": (8 + 0.87 * 5, 8)}
    up |= {"right_shoulder": (-3, 8), "right_wrist": (-8 - 0.87 * 5, 8)}
    for joint, (x, z) in up.items():
        expected = (x * unit, 0, 0.08 + legs + z * unit)
        np.testing.assert_allclose(joints[J[joint]], expected, atol=1e-6, err_msg=joint)


def test_smpl_joints_become_the_person() -> None:
    """The head joint leans 29 degrees forward; the top lies 20 cm above it."""
    motion = SourceMotion(SMPL_BODY, smpl_pose(SMPL_BODY)[None], 50.0, 1.0, "z")
    placed = place(motion)
    assert placed.family == "smpl"
    close = [joint for joint in H36M if joint not in ("head_top", "neck_nose")]
    rows = [J[joint] for joint in close]
    np.testing.assert_allclose(placed.joints[0, rows], h36m_pose()[rows], atol=1e-9)
    top = placed.joints[0, J["head_top"]] - (smpl_pose(("head",))[0] + (0, 0, 0.02))
    assert np.linalg.norm(top) == pytest.approx(0.20)
    assert top[2] > 0.199


NAMES = {
    "bandai": "Hips Spine Chest Neck Head Shoulder_L UpperArm_L LowerArm_L Hand_L UpperLeg_L "
    "LowerLeg_L Foot_L UpperArm_R LowerArm_R Hand_R UpperLeg_R LowerLeg_R Foot_R",
    "cgspeed": "Hips LHipJoint LeftUpLeg LeftLeg LeftFoot RHipJoint RightUpLeg RightLeg RightFoot "
    "LowerBack Spine Spine1 Neck Neck1 Head Head_end LeftArm LeftForeArm LeftHand RightArm "
    "RightForeArm RightHand",
    "daz": "hip abdomen chest neck head lShldr lForeArm lHand lThigh lShin lFoot rShldr rForeArm "
    "rHand rThigh rShin rFoot",
    "biovision": "Hips Chest Neck Head LeftShoulder LeftElbow LeftWrist LeftHip LeftKnee LeftAnkle "
    "RightShoulder RightElbow RightWrist RightHip RightKnee RightAnkle",
    "humanik": " ".join(BODY),
    "unreal": "pelvis spine_01 spine_02 neck_01 head upperarm_l lowerarm_l hand_l thigh_l calf_l "
    "foot_l upperarm_r lowerarm_r hand_r thigh_r calf_r foot_r",
    "smpl": "Pelvis L_Hip R_Hip Spine1 L_Knee R_Knee Spine2 L_Ankle R_Ankle Neck Head L_Shoulder "
    "R_Shoulder L_Elbow R_Elbow L_Wrist R_Wrist",
    "plug-in-gait": "LHJC RHJC LKJC RKJC LAJC RAJC LSJC RSJC LEJC REJC LWJC RWJC C7 CLAV T10 STRN "
    "LFHD RFHD LBHD RBHD",
    "cmu": "root lhipjoint lfemur ltibia rhipjoint rfemur rtibia lowerback thorax head lclavicle "
    "lhumerus lwrist rclavicle rhumerus rwrist",
}


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_family_is_told_from_the_others(name: str) -> None:
    assert sorted(NAMES) == sorted(FAMILIES)
    names = tuple(NAMES[name].split())
    assert find_family(names).name == name
    assert find_family(tuple(f"Skeleton:{n}" for n in reversed(names))).name == name
    for made in FAMILIES[name].weights(names).values():
        assert sum(made.values()) == pytest.approx(1.0)
        assert set(made) <= set(names)


def test_joints_of_two_people_are_refused(tmp_path: Path) -> None:
    """A map may name those of one of them in full."""
    at = person()
    both = tuple(f"{who}:{joint}" for who in ("Ann", "Bob") for joint in at.joints)
    positions = np.concatenate([at.positions, at.positions + 1], axis=1)
    motion = SourceMotion(both, positions, 50.0, 1.0, "z")
    plain_map = write_json(tmp_path / "a.json", {j: j for j in H36M})
    with pytest.raises(InputError, match="Ann:pelvis and Bob:pelvis may both be 'pelvis'"):
        place(motion, read_joint_map(plain_map))
    full = read_joint_map(write_json(tmp_path / "b.json", {j: f"Ann:{j}" for j in H36M}))
    np.testing.assert_allclose(place(motion, full).joints[0], h36m_pose(), atol=1e-9)


def test_the_page_lists_the_families_in_their_order() -> None:
    assert [row[0].strip("`") for row in table("motion families")] == list(FAMILIES)
    for name, joints in table("motion families"):
        told = set(re.findall(r"`(\w+)`", joints)) - {"L_Hip"}
        assert told <= {*NAMES[name.strip("`")].split(), "LeftCollar", "left_hip", "spine2", "neck"}


def test_unknown_joints_are_listed() -> None:
    with pytest.raises(InputError) as refused:
        find_family(("alpha", "beta"))
    assert str(refused.value).startswith("the joints alpha, beta are of no known convention (cmu, ")
    assert "--joints MAP.json" in str(refused.value)


def test_the_end_of_the_head_may_be_only_a_mark(tmp_path: Path) -> None:
    """An End Site 1 cm above the head joint is no top: it is put 17 cm above."""
    placed = place(bvh(tmp_path, end=(0.0, 1.0, 0.0)))
    np.testing.assert_allclose(
        placed.joints[0, J["head_top"]], (0, 0, 1.57 + 0.17 + 0.02), atol=1e-6
    )


def test_the_nose_is_in_front_whichever_way_the_person_looks(identity) -> None:
    turn = Rotation.from_euler("z", 130, degrees=True).as_matrix()
    still, turned = person(), person(positions=person().positions @ turn.T)
    a, b = place(still, identity).joints[0], place(turned, identity).joints[0]
    np.testing.assert_allclose(a, h36m_pose(), atol=1e-9)
    np.testing.assert_allclose(b, a @ turn.T, atol=1e-9)


def test_a_map_with_weights(tmp_path: Path) -> None:
    """What may be left out: pelvis, spine, nose; ``head`` stands for the top."""
    names = {joint: joint for joint in NEEDED} | {"head": "neck_nose"}
    names["left_wrist"] = {"left_wrist": 0.5, "left_elbow": 0.5}
    path = write_json(tmp_path / "map.json", names)
    placed = place(person(), read_joint_map(path))
    joints = placed.joints[0]
    assert placed.family == str(path)
    np.testing.assert_allclose(joints[J["left_wrist"]], (0.575, 0, 1.43))
    np.testing.assert_allclose(joints[J["pelvis"]], (0, 0, 0.92))
    np.testing.assert_allclose(joints[J["spine"]], (0, 0, (0.92 + 1.47) / 2))
    top = joints[J["head_top"]] - (0, -0.05, 1.62)
    assert np.linalg.norm(top) == pytest.approx(0.17)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"left_toe": "x"}, "unknown target joint 'left_toe'; known: head, head_top"),
        ({"left_hip": None}, "left_hip is made of None; give the name of a source joint"),
        (
            {"left_hip": {"a": 0.5, "b": 0.4}},
            "the weights of left_hip sum to 0.9; they must sum to 1",
        ),
        ({"left_hip": {"a": "1"}}, "left_hip is made of"),
    ],
)
def test_a_wrong_map_is_refused(tmp_path: Path, change: dict, said: str) -> None:
    names: dict = {joint: joint for joint in H36M} | change
    with pytest.raises(InputError, match=said) as refused:
        read_joint_map(write_json(tmp_path / "map.json", names))
    assert str(tmp_path / "map.json") in str(refused.value)


def test_a_map_that_lacks_joints_is_refused(tmp_path: Path) -> None:
    path = write_json(tmp_path / "map.json", {j: j for j in NEEDED if j != "left_knee"})
    with pytest.raises(InputError, match="does not say how to make left_knee, head_top; add them"):
        read_joint_map(path)
    with pytest.raises(InputError, match="this is no JSON object"):
        read_joint_map(write_json(path, []))


def test_a_map_of_other_joints_is_refused(identity) -> None:
    at = person()
    fewer = SourceMotion(at.joints[:-1], at.positions[:, :-1], 50.0, 1.0, "z")
    with pytest.raises(InputError, match=r"do not give right_wrist by the map .*map\.json"):
        place(fewer, identity)


def test_the_floor_is_below_the_lowest_ankle(identity) -> None:
    """One foot stays on the floor, the other is lifted; the first percentile forgives a glitch."""
    at = person(frames=400).positions + np.array([0, 0, 3.0])
    at[:, J["left_ankle"], 2] += 0.2
    at[7, J["right_ankle"], 2] -= 0.5
    motion = person(positions=at)
    on_floor = place(motion, identity).joints
    assert np.median(on_floor[:, J["right_ankle"], 2]) == pytest.approx(0.08)
    kept = place(motion, identity, floor="keep").joints
    np.testing.assert_allclose(kept[0, J["pelvis"]], (0, 0, 3.9))


def test_short_gaps_are_filled_and_ends_are_cut(identity) -> None:
    at = person(frames=100).positions.copy()
    at[..., 0] += np.arange(100)[:, None] / 100
    full = at.copy()
    at[:5, J["left_knee"]] = np.nan
    at[97:, J["right_wrist"]] = np.nan
    at[40:52, J["thorax"]] = np.nan  # 0.24 s
    placed = place(person(positions=at), identity, floor="keep")
    assert placed.cut == (5, 3)
    np.testing.assert_allclose(placed.joints[:, J["thorax"]], full[5:97, J["thorax"]], atol=1e-9)


@pytest.mark.parametrize(
    ("gap", "said"),
    [
        (slice(40, 54), r"thorax is not seen for 0.28 s between sightings; gaps of up to 0.25 s"),
        (slice(0, 100), "thorax is seen in no frame; leave the recording out"),
    ],
)
def test_long_gaps_are_refused(identity, gap: slice, said: str) -> None:
    at = person(frames=100).positions.copy()
    at[gap, J["thorax"]] = np.nan
    with pytest.raises(InputError, match=said):
        place(person(positions=at), identity)


def test_joints_that_are_never_seen_together_are_refused() -> None:
    at = np.zeros((10, 2, 3))
    at[5:, 0] = np.nan
    at[:5, 1] = np.nan
    with pytest.raises(InputError, match="no frame lies between the first and the last sighting"):
        fill_gaps(at, 50.0, ["a", "b"])


def test_joints_that_are_not_needed_may_be_missing(identity) -> None:
    at = person(frames=3)
    extra = np.full((3, 1, 3), np.nan)
    more = SourceMotion(
        (*at.joints, "toe"), np.concatenate([at.positions, extra], 1), 50.0, 1.0, "z"
    )
    assert np.isfinite(place(more, identity).joints).all()


@pytest.mark.parametrize("fps", [30.0, 100.0, 120.0, 59.94])
def test_a_rate_becomes_50(fps: float) -> None:
    """A smooth wave of 1 Hz, sampled at another rate, is met to a tenth of a millimetre."""
    times = np.arange(round(2 * fps)) / fps
    wave = np.sin(2 * np.pi * times)[:, None, None] * np.array([0.3, 0.2, 0.1])
    out = at_rate(wave, fps, 50.0)
    assert len(out) == int(times[-1] * 50 + 1e-6) + 1
    expected = np.sin(2 * np.pi * np.arange(len(out)) / 50)[:, None, None] * np.array(
        [0.3, 0.2, 0.1]
    )
    assert np.abs(out - expected).max() < 1e-4


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_very_short_recordings_keep_their_ends(frames: int) -> None:
    line = np.arange(frames, dtype=float)[:, None, None] * np.ones((1, 1, 3))
    out = at_rate(line, 25.0, 50.0)
    np.testing.assert_allclose(out[:, 0, 0], np.arange(2 * frames - 1) / 2)


def test_what_does_not_belong_together_is_refused() -> None:
    with pytest.raises(InputError, match="positions has shape"):
        SourceMotion(("a", "b"), np.zeros((3, 3, 3)), 50.0)
