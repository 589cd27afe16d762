"""BVH: forward kinematics by hand and by scipy, channel orders, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from motion_fixtures import BODY, bvh_text
from scipy.spatial.transform import Rotation

from langlift.datasets.motion_files.bvh import read_bvh
from langlift.errors import InputError

TWO_BONES = """HIERARCHY
ROOT hip
{
  OFFSET 0 0 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT knee
  {
    OFFSET 0 -4 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET 0 -3 0
    }
  }
}
MOTION
Frames: 3
Frame Time: 0.025
0 10 0 0 0 0 0 0 0
1 10 2 90 0 0 0 0 0
1 10 2 90 0 0 0 90 0
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "a.bvh"
    path.write_text(text)
    return path


def test_two_bones_by_hand(tmp_path: Path) -> None:
    motion = read_bvh(written(tmp_path, TWO_BONES))
    assert motion.joints == ("hip", "knee", "knee_end")
    assert motion.fps == pytest.approx(40.0)
    assert (motion.unit, motion.up, motion.subject) == (None, None, None)
    expected = [
        [(0, 10, 0), (0, 6, 0), (0, 3, 0)],
        # 90 degrees about z take -y to +x.
        [(1, 10, 2), (5, 10, 2), (8, 10, 2)],
        # The knee turns about its own x, which is the world's y now: x goes to -z.
        [(1, 10, 2), (5, 10, 2), (5, 10, -1)],
    ]
    np.testing.assert_allclose(motion.positions, expected, atol=1e-12)


def test_the_t_pose_is_the_sum_of_the_offsets(tmp_path: Path) -> None:
    motion = read_bvh(written(tmp_path, bvh_text([{}])))
    for name, (parent, offset) in BODY.items():
        start = (0, 95, 0) if parent is None else motion.positions[0, motion.joints.index(parent)]
        place = motion.positions[0, motion.joints.index(name)]
        np.testing.assert_allclose(place, np.add(start, offset), atol=1e-9)
    head = motion.joints.index("Head_end")
    np.testing.assert_allclose(motion.positions[0, head], (0, 95 + 12 + 14 + 24 + 12 + 18, 0))


@pytest.mark.parametrize("order", ["ZXY", "XYZ", "YZX", "ZYX", "XZY", "YXZ"])
def test_channels_turn_in_their_order(tmp_path: Path, order: str) -> None:
    """Capital letters of scipy are rotations about the body's own axes: channel by channel."""
    angles = (30.0, -50.0, 70.0)
    text = bvh_text(
        [{"LeftArm": angles, "LeftForeArm": (10.0, 20.0, 30.0)}],
        " ".join(f"{letter}rotation" for letter in order),
    )
    motion = read_bvh(written(tmp_path, text))
    arm = Rotation.from_euler(order, angles, degrees=True)
    forearm = arm * Rotation.from_euler(order, (10, 20, 30), degrees=True)
    shoulder = motion.positions[0, motion.joints.index("LeftArm")]
    elbow = shoulder + arm.apply((28, 0, 0))
    np.testing.assert_allclose(motion.positions[0, motion.joints.index("LeftForeArm")], elbow)
    np.testing.assert_allclose(
        motion.positions[0, motion.joints.index("LeftHand")], elbow + forearm.apply((25, 0, 0))
    )


def test_joints_may_have_different_channels(tmp_path: Path) -> None:
    """Positions after rotations, a hinge, none at all: the columns follow the CHANNELS."""
    text = TWO_BONES.replace(
        "6 Xposition Yposition Zposition Zrotation Xrotation Yrotation",
        "4 Zrotation Zposition Yposition Xposition",
    ).replace("CHANNELS 3 Zrotation Xrotation Yrotation", "CHANNELS 1 Yrotation")
    rows = "90 2 10 1 45\n"
    text = text[: text.index("Frames")] + "Frames: 1\nFrame Time: 0.025\n" + rows
    motion = read_bvh(written(tmp_path, text))
    np.testing.assert_allclose(motion.positions[0], [(1, 10, 2), (5, 10, 2), (8, 10, 2)])


@pytest.mark.parametrize(("values", "knee"), [("0 -4 0", (0, 6, 0)), ("0 0 0", (0, 6, 0))])
def test_positions_of_an_inner_joint_are_the_whole_way_or_are_added(
    tmp_path: Path, values: str, knee: tuple[float, ...]
) -> None:
    """Programs write both; the one that keeps the bone's length is taken."""
    text = TWO_BONES.replace("CHANNELS 3 Zr", "CHANNELS 6 Xposition Yposition Zposition Zr")
    text = text[: text.index("Frames")] + "Frames: 1\nFrame Time: 0.025\n"
    motion = read_bvh(written(tmp_path, text + f"0 10 0 0 0 0 {values} 0 0 0\n"))
    np.testing.assert_allclose(motion.positions[0, 1], knee)


def test_layout_of_the_text_does_not_matter(tmp_path: Path) -> None:
    """Tabs, braces on the line of the joint, Windows line ends, small letters."""
    text = TWO_BONES.replace("ROOT hip\n{", "root hip {").replace("    ", "\t")
    text = text.replace("Xrotation", "XROTATION").replace("\n", "\r\n")
    path = tmp_path / "a.bvh"
    path.write_bytes(text.encode())
    assert np.isclose(read_bvh(path).positions[1, 2], (8, 10, 2)).all()


def test_names_with_blanks_and_two_end_sites(tmp_path: Path) -> None:
    text = TWO_BONES.replace("JOINT knee", "JOINT left knee").replace(
        "    End Site", "    End Site\n    {\n      OFFSET 1 0 0\n    }\n    End Site"
    )
    assert read_bvh(written(tmp_path, text)).joints == (
        "hip", "left knee", "left knee_end", "left knee_end2",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("HIERARCHY", "HIERARCHIE", "this is no BVH file (it does not begin with HIERARCHY)"),
        ("MOTION", "", "the file has no MOTION part; it is cut off"),
        ("Frames: 3", "Frames: 4", "MOTION holds 27 numbers, but 4 frames of 9 channels are 36"),
        ("1 10 2 90 0 0 0 90 0", "1 10 2 90", "MOTION holds 22 numbers"),
        ("1 10 2 90 0 0 0 90 0", "1 10 2 90 0 0 0 x 0", "MOTION is no number"),
        ("1 10 2 90 0 0 0 90 0", "1 10 2 90 0 0 0 nan 0", "MOTION holds NaN, infinite or huge"),
        ("Frame Time: 0.025", "Frame Time: 0", "Frame Time is 0; it must be the seconds"),
        ("Frame Time: 0.025", "Frame Time: 25", "fps is 0.04; it must be between 1 and 1000"),
        ("Frame Time: 0.025\n", "", "MOTION has no 'Frame Time:'"),
        ("Frames: 3\n", "", "MOTION does not begin with 'Frames:'"),
        ("CHANNELS 3", "CHANNELS 4", "CHANNELS of joint 'knee' says '4' but names 3"),
        ("Zrotation", "Wrotation", "channel 'Wrotation' of joint 'hip' is unknown; known: X"),
        ("Xposition Y", "Yposition Y", "joint 'hip' has a position channel twice"),
        ("OFFSET 0 -4 0", "OFFSET 0 -4", "OFFSET of joint 'knee' has 2 numbers; it must have 3"),
        ("    OFFSET 0 -4 0\n", "", "joint 'knee' has no OFFSET"),
        ("JOINT knee", "JOINT", "a JOINT of the HIERARCHY has no name"),
        ("JOINT knee", "JOINT hip", "the joint 'hip' occurs twice"),
        ("JOINT knee", "ROOT knee", "a second ROOT; give a file with one tree, of one person"),
        ("}\nMOTION", "MOTION", "the braces of the HIERARCHY do not close"),
        ("}\nMOTION", "}\nROOT b\n{\nOFFSET 0 0 0\n}\nMOTION", "a second ROOT"),
        ("  OFFSET 0 0 0\n", "  OFFSETS 0 0 0\n", "the line 'OFFSETS 0 0 0' has no place"),
    ],
)  # fmt: skip
def test_damage_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in TWO_BONES
    with pytest.raises(InputError) as refused:
        read_bvh(written(tmp_path, TWO_BONES.replace(old, new, 1)))
    assert said in str(refused.value)


@pytest.mark.parametrize("count", ["0", "2.5", "-3"])
def test_no_frames_are_refused(tmp_path: Path, count: str) -> None:
    text = TWO_BONES.replace("Frames: 3", f"Frames: {count}")
    with pytest.raises(InputError, match="the file has no frames to read"):
        read_bvh(written(tmp_path, text))


def test_a_tree_without_channels_is_refused(tmp_path: Path) -> None:
    """A skeleton that cannot move would have any number of frames."""
    text = "HIERARCHY\nROOT a\n{\nOFFSET 0 0 0\n}\nMOTION\nFrames: 900000000\nFrame Time: 1\n"
    with pytest.raises(InputError, match="9e\\+08 frames of 0 channels; the file has no frames"):
        read_bvh(written(tmp_path, text))
