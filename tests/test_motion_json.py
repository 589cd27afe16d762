"""A motion written as JSON is read back, and one that was changed is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from langlift.errors import InputError
from langlift.formats import write
from langlift.formats.motion_json import parse_motion
from langlift.protocols.compare import open_file
from langlift.skeletons import Skeleton
from langlift.tracks import ActionEstimate, Motion

ESTIMATE = ActionEstimate(("sit", "walk"), np.array([[0.2, 0.8]]), np.array([[0, 6]]))


@pytest.mark.parametrize("full", [True, False])
def test_a_motion_comes_back_from_json(tmp_path: Path, full: bool) -> None:
    wrist = Skeleton("wrist", ("elbow", "wrist"), (-1, 0), None)
    joints = np.random.default_rng(0).normal(size=(6, 2, 3))
    joints[2, 1] = np.nan
    more = {
        "root": joints[:, 0],
        "action": ESTIMATE,
        "hypotheses": joints[None],
        "spread": np.abs(joints[..., 0]),
        "provenance": {"model": "tiny", "notes": ["a"]},
    }
    a = Motion(joints, wrist, 29.97, "camera", **(more if full else {}))
    b = open_file(write(a, tmp_path / "m.json"))
    assert isinstance(b, Motion)
    assert (b.skeleton, b.fps, b.space, b.provenance) == (wrist, 29.97, "camera", a.provenance)
    assert np.allclose(a.joints, b.joints, atol=1e-6, equal_nan=True)
    for name in ("root", "hypotheses", "spread"):
        before, after = getattr(a, name), getattr(b, name)
        assert (before is None) == (after is None) == (not full)
        assert before is None or np.allclose(before, after, atol=1e-6, equal_nan=True)
    assert (b.action is None) == (not full)
    if b.action is not None:
        assert (b.action.labels, b.action.label) == (("sit", "walk"), "walk")
        assert b.action.windows.tolist() == [[0, 6]]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"joints": None}, "the field 'joints' is of type NoneType; give the file as langlift"),
        ({"joints": [[[1, 2], [3]]]}, "the field 'joints' is no regular array of numbers"),
        ({"joints": [["a"]]}, "the field 'joints' is no regular array of numbers"),
        ({"fps": "50"}, "the field 'fps' is of type str"),
        ({"fps": True}, "the field 'fps' is of type bool"),
        ({"space": "moon"}, "space is 'moon'"),
        ({"joint_names": [1] * 17}, "joint_names must be text"),
        ({"joint_parents": [0.5] * 17}, "joint_parents whole numbers"),
        ({"joint_names": [f"j{n}" for n in range(17)], "root_joint": None}, "not those of skel"),
        ({"action": {"labels": ["a"]}}, "the field 'windows' is missing"),
        ({"action": {"labels": ["a"], "probabilities": [[1]], "windows": [[0, 1.5]]}}, "whole"),
        ({"provenance": []}, "the field 'provenance' is of type list"),
    ],
)
def test_a_json_motion_that_was_changed_is_refused(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    content = json.loads(
        write(Motion(np.zeros((6, 17, 3)), "human36m_17", 50.0), tmp_path / "m.json").read_text()
    )
    with pytest.raises(InputError, match=words):
        parse_motion({**content, **change})
    for name in change:
        del content[name]
    if "action" not in change:
        with pytest.raises(InputError, match="is missing; give the file as langlift wrote it"):
            parse_motion(content)
