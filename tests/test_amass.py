"""Exported joints of AMASS and the labels of BABEL: what is read, matched and refused."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from motion_fixtures import babel, label, write_json

from langlift.datasets.motion_files.amass import SMPL_BODY, Babel, Span, read_amass
from langlift.errors import InputError

KICK = "KIT/KIT/3/kick_high_left02_poses.npz"


def joints(count: int, frames: int = 4) -> np.ndarray:
    """(f, j, 3): joint j at x = j."""
    at = np.zeros((frames, count, 3))
    at[..., 0] = np.arange(count)
    return at


@pytest.mark.parametrize("count", [22, 24, 52, 55])
@pytest.mark.parametrize("rate", ["mocap_frame_rate", "mocap_framerate", "fps"])
def test_the_body_is_the_first_22_joints(tmp_path: Path, count: int, rate: str) -> None:
    np.savez(tmp_path / "a.npz", joints=joints(count), **{rate: 120.0})
    motion = read_amass(tmp_path / "a.npz")
    assert motion.joints == SMPL_BODY and len(SMPL_BODY) == 22
    assert (motion.positions[..., 0] == np.arange(22)).all()
    assert (motion.fps, motion.unit, motion.up) == (120.0, 1.0, "z")
    assert SMPL_BODY[15] == "head" and SMPL_BODY[21] == "right_wrist"


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"poses": np.zeros((4, 156)), "trans": np.zeros((4, 3)), "fps": 60}, "export the joints"),
        ({"fps": 60}, "the array 'joints' is missing"),
        ({"joints": joints(23), "fps": 60}, r"has shape \(4, 23, 3\); it must be \(f, j, 3\)"),
        ({"joints": joints(22)[0], "fps": 60}, r"has shape \(22, 3\)"),
        ({"joints": joints(22)}, "no frame rate; add the number 'mocap_frame_rate'"),
        ({"joints": joints(22), "fps": [60, 60]}, "fps has shape"),
        ({"joints": joints(22), "fps": 0}, "fps is 0; it must be between"),
        ({"joints": joints(22)[:0], "fps": 60}, "the file has no frames"),
        ({"joints": joints(22) + 1e300, "fps": 60}, "positions are infinite or huge numbers"),
        ({"joints": joints(22).astype(str), "fps": 60}, "must be numbers"),
        ({"joints": joints(22).astype(object), "fps": 60}, "pickled Python objects"),
    ],
)  # fmt: skip
def test_other_contents_are_refused(tmp_path: Path, arrays: dict, said: str) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(InputError, match=said):
        read_amass(tmp_path / "a.npz")


def test_labels_of_frames_win_over_those_of_the_whole(tmp_path: Path) -> None:
    whole = [label("walks and kicks", ["walk", "kick"])]
    spans = [label("walk in", ["walk"], 0, 1.5), label("Kick!", ["kick", "leg movement"], 1.5, 3)]
    content = {
        "1": babel(KICK, whole, spans),
        "2": babel("CMU/CMU/01/01_01_poses.npz", whole),
        "3": babel("CMU/CMU/01/01_02_poses.npz", whole, []),
    }
    labels = Babel(write_json(tmp_path / "train.json", content))
    assert len(labels) == 3
    assert labels.spans(KICK) == (
        Span("walk", "walk in", 0.0, 1.5), Span("kick", "Kick!", 1.5, 3.0),
    )  # fmt: skip
    for file in ("01_01", "01_02"):
        assert labels.spans(f"CMU/CMU/01/{file}_poses.npz") == (Span("walk", "walks and kicks"),)


def test_the_extra_files_have_lists_of_annotations(tmp_path: Path) -> None:
    several = {
        "feat_p": KICK,
        "seq_anns": [{"labels": [label("all", ["act"])]}],
        "frame_anns": [
            {"labels": [label("a", ["run"], 0, 1)]},
            {"labels": [label("b", None, 1, 2)]},
        ],
    }
    labels = Babel(write_json(tmp_path / "extra_train.json", {"9": several}))
    assert labels.spans(KICK) == (Span("run", "a", 0.0, 1.0), Span(None, "b", 1.0, 2.0))


@pytest.mark.parametrize(
    "file",
    [
        "KIT/KIT/3/kick_high_left02_poses.npz",
        "KIT/3/kick_high_left02_poses.npz",
        "KIT/3/kick_high_left02_stageii.npz",
        "3/kick_high_left02_joints.npz",
        "kick_high_left02.npz",
    ],
)
def test_a_file_is_found_by_the_end_of_its_path(tmp_path: Path, file: str) -> None:
    labels = Babel(write_json(tmp_path / "train.json", {"1": babel(KICK, [label("k", ["kick"])])}))
    assert labels.find(PurePosixPath(file)) == KICK
    assert labels.find(PurePosixPath("4") / PurePosixPath(file).name) is None
    assert labels.subject(KICK) == "KIT_3"


def test_an_unclear_file_is_refused(tmp_path: Path) -> None:
    content = {str(k): babel(f"KIT/KIT/{k}/walk_poses.npz", []) for k in (3, 4)}
    labels = Babel(write_json(tmp_path / "train.json", content))
    assert labels.find(PurePosixPath("4/walk_poses.npz")) == "KIT/KIT/4/walk_poses.npz"
    with pytest.raises(InputError, match=r"may be KIT/KIT/3/walk_poses.npz or KIT/KIT/4/walk"):
        labels.find(PurePosixPath("walk_poses.npz"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([], "this is no BABEL file"),
        ({}, "this is no BABEL file"),
        ({"1": {"url": "x"}}, "recording '1' has no feat_p"),
        ({"1": babel(KICK, [], [label("a", ["b"])])}, "not laid out as BABEL's.* start_t before"),
        ({"1": babel(KICK, [], [label("a", ["b"], 2, 1)])}, "a start_t before its end_t"),
        ({"1": babel(KICK, [], [label("a", ["b"], 2, np.inf)])}, "a start_t before its end_t"),
        ({"1": babel(KICK, [], [label("a", ["b"], 0, 10**400)])}, "a start_t before its end_t"),
        ({"1": babel(KICK, [label("a", "walk")])}, "each has raw_label and act_cat"),
        ({"1": babel(KICK, [label("a", [5])])}, "each has raw_label and act_cat"),
        (
            {"1": babel(KICK, [{"raw_label": 5, "act_cat": ["b"]}])},
            "each has raw_label and act_cat",
        ),
        ({"1": {"feat_p": KICK, "seq_ann": [1]}}, "not laid out as BABEL's"),
    ],
)
def test_other_json_is_refused(tmp_path: Path, content: object, said: str) -> None:
    with pytest.raises(InputError, match=said) as refused:
        Babel(write_json(tmp_path / "train.json", content))
    assert str(tmp_path / "train.json") in str(refused.value)
