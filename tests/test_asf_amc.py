"""ASF and AMC: the rest pose, 90 degrees by hand, turned axes by scipy, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from motion_fixtures import BONES, amc_text, asf_text
from scipy.spatial.transform import Rotation

from langlift.datasets.motion_files.asf_amc import CMU_UNIT, find_asf, read_amc, read_asf
from langlift.datasets.motion_files.source_motion import SourceMotion
from langlift.errors import InputError


def read(folder: Path, amc: str, asf: str | None = None, fps: float | None = 120) -> SourceMotion:
    (folder / "07.asf").write_text(asf_text() if asf is None else asf)
    (folder / "07_01.amc").write_text(amc)
    return read_amc(folder / "07_01.amc", folder / "07.asf", fps)


def at(motion: SourceMotion, bone: str, frame: int = 0) -> np.ndarray:
    return motion.positions[frame, motion.joints.index(bone)]


def test_the_rest_pose_is_the_sum_of_the_bones(tmp_path: Path) -> None:
    """The axes in which bones turn do not show while nothing turns."""
    motion = read(tmp_path, amc_text([{}]))
    assert motion.joints[0] == "root" and set(motion.joints[1:]) == set(BONES)
    np.testing.assert_allclose(at(motion, "root"), (0, 16.6, 0))
    for bone, (parent, vector, *_) in BONES.items():
        np.testing.assert_allclose(at(motion, bone) - at(motion, parent), vector, atol=1e-8)


def test_what_the_file_says_of_itself(tmp_path: Path) -> None:
    motion = read(tmp_path, amc_text([{}, {}]))
    assert motion.unit == pytest.approx(0.0254 / 0.45) == CMU_UNIT
    assert (motion.fps, motion.up, motion.subject, len(motion.positions)) == (120, "y", "07", 2)
    assert read(tmp_path, amc_text([{}]), asf_text(length=1)).unit is None


def test_a_quarter_turn_by_hand(tmp_path: Path) -> None:
    """The trunk bends forward about x: up goes to +z, and what hangs on it goes along."""
    motion = read(tmp_path, amc_text([{"lowerback": (90, 0, 0)}, {"root": (1, 2, 3, 0, 90, 0)}]))
    np.testing.assert_allclose(at(motion, "lowerback"), (0, 16.6, 2), atol=1e-8)
    np.testing.assert_allclose(at(motion, "head"), (0, 16.6, 11.4), atol=1e-8)
    np.testing.assert_allclose(at(motion, "lclavicle"), (3, 16.6, 6.4), atol=1e-8)
    # About y the left side, +x, goes to -z.
    np.testing.assert_allclose(at(motion, "lhipjoint", 1), (1, 2 - 1.6, 3 - 1.6), atol=1e-8)


def test_angles_are_in_the_axes_of_the_bone(tmp_path: Path) -> None:
    """C M C^-1, angles about fixed axes: small letters of scipy."""
    angles, below = (20.0, -35.0, 50.0), 40.0
    motion = read(tmp_path, amc_text([{"lhumerus": angles, "lwrist": (below,)}]))
    turns = {
        b: Rotation.from_euler("xyz", BONES[b][2], degrees=True) for b in ("lhumerus", "lwrist")
    }
    own = Rotation.from_euler("xyz", angles, degrees=True)
    upper = turns["lhumerus"] * own * turns["lhumerus"].inv()
    hinge = Rotation.from_euler("y", below, degrees=True)
    lower = upper * turns["lwrist"] * hinge * turns["lwrist"].inv()
    elbow = at(motion, "lclavicle") + upper.apply((5, 0, 0))
    np.testing.assert_allclose(at(motion, "lhumerus"), elbow, atol=1e-8)
    np.testing.assert_allclose(at(motion, "lwrist"), elbow + lower.apply((5, 0, 0)), atol=1e-8)


def test_radians_and_another_order(tmp_path: Path) -> None:
    degrees = read(tmp_path, amc_text([{"root": (1, 2, 3, 10, 20, 30), "lfemur": (30, 0, 0)}]))
    text = amc_text([{"root": (*np.radians((10, 20, 30)), 3, 2, 1)}])
    text = text.replace(":DEGREES", ":RADIANS").replace("lfemur 0 ", f"lfemur {np.radians(30)} ")
    asf = asf_text().replace("order TX TY TZ RX RY RZ", "order RX RY RZ TZ TY TX")
    radians = read(tmp_path, text, asf)
    np.testing.assert_allclose(radians.positions, degrees.positions, atol=1e-8)


@pytest.mark.parametrize(
    ("name", "skeletons", "expected"),
    [
        ("07_01.amc", ["07.asf", "07_01.asf", "08.asf"], "07_01.asf"),
        ("07_01.amc", ["07.asf", "08.asf"], "07.asf"),
        ("walk.amc", ["person.asf"], "person.asf"),
    ],
)
def test_the_skeleton_of_a_motion(
    tmp_path: Path, name: str, skeletons: list[str], expected: str
) -> None:
    for skeleton in skeletons:
        (tmp_path / skeleton).write_text(asf_text())
    assert find_asf(tmp_path / name).name == expected


@pytest.mark.parametrize("skeletons", [[], ["a.asf", "b.asf"]])
def test_an_unclear_skeleton_is_refused(tmp_path: Path, skeletons: list[str]) -> None:
    for skeleton in skeletons:
        (tmp_path / skeleton).write_text(asf_text())
    with pytest.raises(InputError, match="its skeleton is unknown") as refused:
        find_asf(tmp_path / "07_01.amc")
    assert str(refused.value).endswith("put the person's skeleton beside it as 07_01.asf or 07.asf")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (":hierarchy", ":hierarchies", "07.asf: the skeleton has no :hierarchy part"),
        ("order TX TY", "order TX TX", "the order of :root is tx tx tz rx ry rz; it must name"),
        ("dof rx ry rz", "dof rx ry l", "has the degree of freedom 'l'; rx, ry and rz can be read"),
        ("angle deg", "angle grad", "the angles are in 'grad'; ASF files have deg or rad"),
        ("axis XYZ", "axis XYY", "the order of orientation of :root is 'xyy'"),
        ("    name lhipjoint\n", "", "bone '' has no name; the file is damaged"),
        ("length 7.400000000", "length long", "length of bone 'lfemur' is no number"),
        ("  end\n:hierarchy", ":hierarchy", "the :bonedata ends inside a bone"),
        ("lfemur ltibia\n", "", "bone 'ltibia' does not hang on the root in :hierarchy"),
        ("lfemur ltibia\n", "lfemur ltibia lshin\n", "the :hierarchy names 'lshin' twice"),
        ("direction 0.000000000 -1.000000000", "direction 0 0", "the direction of bone 'lfemur'"),
    ],
)  # fmt: skip
def test_a_damaged_skeleton_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in asf_text()
    path = tmp_path / "07.asf"
    path.write_text(asf_text().replace(old, new, 1))
    with pytest.raises(InputError) as refused:
        read_asf(path)
    assert said in str(refused.value)
    assert str(refused.value).startswith(str(path))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("lfemur 0 0 0\n", "lfemur 0 0\n", "'lfemur 0 0' does not fit the skeleton (it has 3"),
        ("ltibia 0\n", "shin 0\n", "no numbers for 'shin'); take the ASF file of this person"),
        ("ltibia 0\n", "", "frame 1 does not have bone 'ltibia' once"),
        ("ltibia 0\n", "ltibia 0\nltibia 0\n", "frame 1 does not have bone 'ltibia' once"),
        ("ltibia 0\n", "ltibia inf\n", "bone 'ltibia' holds NaN, infinite or huge numbers"),
        ("1\nroot", "root", "frame 0: 'root 0 16.6"),
    ],
)  # fmt: skip
def test_a_damaged_motion_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    text = amc_text([{}])
    assert old in text
    with pytest.raises(InputError) as refused:
        read(tmp_path, text.replace(old, new, 1))
    assert said in str(refused.value)


def test_a_motion_that_ends_inside_a_frame_is_refused(tmp_path: Path) -> None:
    text = amc_text([{}, {}])
    with pytest.raises(InputError, match="frame 2 does not have bone 'rwrist' once"):
        read(tmp_path, text[: text.rindex("rwrist")])


def test_no_frames_and_no_rate_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="an AMC file holds no frame rate; give --fps"):
        read(tmp_path, amc_text([{}]), fps=None)
    with pytest.raises(InputError, match="the file has no frames; it is no AMC file"):
        read(tmp_path, ":DEGREES\n")
