"""Amounts, the poses of an action, and the picture of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pair_files import CAMERAS, moving
from view_fixtures import pixels, share_of

from langlift.datasets.clips import LabelledClip
from langlift.datasets.description import ActionPoses, describe, facing, upright
from langlift.datasets.recordings import Recording
from langlift.errors import InputError
from langlift.geometry import rotation_z
from langlift.skeletons import HUMAN36M_17
from langlift.tracks import Keypoints
from langlift.view import distribution
from langlift.view.distribution import save_distribution
from langlift.view.drawing import SIDE_COLOURS


def clip(action: str = "squat", seed: int = 0, frames: int = 30, subject: str = "ann"):
    joints = moving(action, seed, frames)
    return LabelledClip(f"{subject}_{action}", subject, "toy", action, "", joints, 25.0)


def recording(action: str = "squat") -> Recording:
    camera = CAMERAS[0]
    joints = camera.to_camera(moving(action))
    seen = Keypoints(camera.project(joints), fps=50, image_size=camera.image_size)
    return Recording("a", "ann", action, seen, joints, HUMAN36M_17, camera.name, camera)


def poses_of(spread: float, name: str = "wave", frames: int = 100) -> ActionPoses:
    """Two poses that lie `spread` on both sides of a standing one."""
    still = facing(moving("wave")[:1], HUMAN36M_17)[0]
    off = np.zeros((2, 17, 3))
    off[0, 1:, 1], off[1, 1:, 1] = spread, -spread
    return ActionPoses(name, still + off, 3, frames)


def test_amounts_are_sums() -> None:
    told = describe([clip(), clip(frames=60), clip("wave", subject="bob")])
    assert [(a.subject, a.action, a.recordings, a.frames) for a in told.amounts] == [
        ("ann", "squat", 2, 90),
        ("bob", "wave", 1, 30),
    ]
    assert told.amounts[0].minutes == pytest.approx(90 / 25 / 60)
    assert (told.total().frames, told.total(subject="bob").recordings) == (120, 1)
    assert told.subjects == ("ann", "bob")
    with pytest.raises(InputError, match="there are no recordings"):
        describe([])


def test_everybody_faces_one_way() -> None:
    joints = moving("walk")
    made = facing(joints, HUMAN36M_17)
    turned = facing(joints @ rotation_z(1.2).T + [3, -2, 0], HUMAN36M_17)
    np.testing.assert_allclose(turned, made, atol=1e-9)
    np.testing.assert_allclose(made[:, 0], 0)
    left, right = (HUMAN36M_17.index(f"{side}_hip") for side in ("left", "right"))
    across = made[:, left] - made[:, right]
    assert (across[:, 0] > 0.1).all()
    np.testing.assert_allclose(across[:, 1], 0, atol=1e-9)
    # The nose is before the neck, and what is before has a negative `back`.
    nose, neck = HUMAN36M_17.index("neck_nose"), HUMAN36M_17.index("thorax")
    assert np.median(made[:, nose, 1] - made[:, neck, 1]) < 0


def test_up_is_the_worlds_where_the_camera_says_how_it_stands() -> None:
    of, world = recording(), moving()
    at = np.array([0, 7])
    relative = (world - world[:, :1])[at]
    np.testing.assert_allclose(upright(of, at), relative, atol=1e-6)
    bare = upright(replace(of, lens=None), at)
    x, y, z = np.moveaxis(of.relative[at], -1, 0)
    np.testing.assert_allclose(bare, np.stack([x, z, -y], axis=-1), atol=1e-6)


def test_recordings_and_clips_give_the_same_poses() -> None:
    (from_camera,) = describe([recording()]).actions
    (from_world,) = describe([clip(frames=20)]).actions
    np.testing.assert_allclose(from_camera.poses, from_world.poses, atol=1e-5)


def test_frames_that_do_not_count_give_no_poses() -> None:
    of = recording()
    joints = of.joints.copy()
    joints[::2] = np.nan
    (action,) = describe([replace(of, joints=joints, scored=np.arange(20) % 2 == 1)]).actions
    assert len(action.poses) == 10 and np.isfinite(action.poses).all()
    assert action.frames == 20


def test_actions_within_a_recording_are_counted_by_frame() -> None:
    labels = np.where(np.arange(20) < 5, "Sitting", "Sports")
    told = describe([replace(recording(), action="", frame_actions=labels)])
    assert [(a.action, a.recordings, a.frames) for a in told.amounts] == [
        ("Sitting", 1, 5),
        ("Sports", 1, 15),
    ]
    assert [len(a.poses) for a in told.actions] == [5, 15]


def test_the_spread_is_the_distance_from_the_mean_pose() -> None:
    assert poses_of(0.2).spread == pytest.approx(0.2)
    assert poses_of(0.0).spread == 0
    np.testing.assert_allclose(poses_of(0.3).mean, poses_of(0.1).mean, atol=1e-12)
    one = poses_of(0.2)
    assert any(np.array_equal(one.typical, pose) for pose in one.poses)


def test_a_picture_has_both_sides_and_grows_with_the_actions(tmp_path: Path) -> None:
    few = save_distribution([poses_of(0.1)], HUMAN36M_17, tmp_path / "few.png", "One")
    many = [poses_of(0.01 * k, f"action_{k}") for k in range(1, 6)]
    five = save_distribution(many, HUMAN36M_17, tmp_path / "many.png", "Five", "note $x$ [b]")
    small, large = pixels(few), pixels(five)
    assert large.shape[1] == 1600 > small.shape[1] and large.shape[0] > small.shape[0]
    for side in ("left", "right"):
        assert share_of(small, SIDE_COLOURS[side]) > 1e-3
        assert share_of(large, SIDE_COLOURS[side]) > 1e-3


def test_actions_beyond_a_page_are_counted_not_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distribution, "MOST_ACTIONS", 3)
    page = [poses_of(0.1, f"a{k}", 100) for k in range(3)]
    whole = pixels(save_distribution(page, HUMAN36M_17, tmp_path / "a.png", "A"))
    more = [*page, poses_of(0.5, "rare", 1)]
    cut = pixels(save_distribution(more, HUMAN36M_17, tmp_path / "b.png", "A"))
    assert whole.shape == cut.shape
    # Only the note under the heading differs: the rare action sets neither order nor scale.
    rows = np.flatnonzero((whole != cut).any(axis=(1, 2)))
    assert len(rows) > 0 and rows.max() < 110


def test_bad_pictures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no poses to draw"):
        save_distribution([], HUMAN36M_17, tmp_path / "a.png", "A")
    with pytest.raises(InputError, match=r"give a name that ends in \.png"):
        save_distribution([poses_of(0.1)], HUMAN36M_17, tmp_path / "a.jpg", "A")
    assert list(tmp_path.iterdir()) == []
