"""Faults of a published layout, written into files: each is told for what it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from human36m_files import in_32, pixels, save_2d, save_3d, world_joints

from langlift.datasets.checking.quality import Finding, check_dataset
from langlift.datasets.registry import open_dataset
from langlift.skeletons import HUMAN36M_17

SUBJECTS, KEYS, FRAMES = ("S9", "S11"), ("Directions", "Walking 1"), 30
Files = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def whole() -> tuple[Files, Files]:
    moves = {s: {k: world_joints(s, k, FRAMES) for k in KEYS} for s in SUBJECTS}
    truth = {s: {k: in_32(v) for k, v in of.items()} for s, of in moves.items()}
    return truth, {s: {k: pixels(s, v, "gt", k) for k, v in of.items()} for s, of in moves.items()}


def each(files: Files, change: Callable[[Any], Any]) -> Files:
    return {s: {k: change(v) for k, v in of.items()} for s, of in files.items()}


def swapped(files: Files) -> Files:
    return {"S9": files["S11"], "S11": files["S9"]}


def errors_of(truth: Files, seen: Files, folder: Path) -> list[Finding]:
    save_3d(folder, truth)
    save_2d(folder, "gt", seen)
    quality = check_dataset(open_dataset("human36m", folder))
    return [finding for finding in quality.findings if finding.level == "error"]


def test_sound_files_have_no_errors(whole: tuple[Files, Files], tmp_path: Path) -> None:
    assert errors_of(*whole, tmp_path) == []


@pytest.mark.parametrize("which", ["2D", "3D"])
def test_swapped_subjects(which: str, whole: tuple[Files, Files], tmp_path: Path) -> None:
    truth, seen = whole
    found = errors_of(
        swapped(truth) if which == "3D" else truth,
        swapped(seen) if which == "2D" else seen,
        tmp_path,
    )
    told = [f.message for f in found if f.value == np.inf]
    for one, other in (("S9", "S11"), ("S11", "S9")):
        start = f"the 2D of {one}/Directions/54138969 fits the 3D of {other}/Directions/54138969: "
        assert any(message.startswith(f"{start}subjects are swapped") for message in told)
    assert {f.check for f in found} == {"2D and 3D"}


def test_cameras_in_another_order(whole: tuple[Files, Files], tmp_path: Path) -> None:
    truth, seen = whole
    found = errors_of(truth, each(seen, lambda cameras: cameras[::-1]), tmp_path)
    told = [f.message for f in found if f.value == np.inf]
    assert len(told) == 2
    assert told[0].startswith(
        "the 2D of S9/Directions/54138969 fits the 3D of S9/Directions/60457274: cameras are in "
        "another order"
    )


def test_videos_in_each_others_place(whole: tuple[Files, Files], tmp_path: Path) -> None:
    truth, seen = whole
    both = {s: {"Walking": of["Directions"], **of} for s, of in seen.items()}
    other = {s: {"Walking": of["Walking 1"], **of} for s, of in truth.items()}
    other = {s: {**of, "Walking 1": of["Directions"]} for s, of in other.items()}
    told = [f.message for f in errors_of(other, both, tmp_path) if f.value == np.inf]
    assert any("3D of S9/Walking 1/" in m and "videos are swapped" in m for m in told)


def test_left_and_right(whole: tuple[Files, Files], tmp_path: Path) -> None:
    truth, seen = whole
    mirror = HUMAN36M_17.mirror
    found = errors_of(truth, each(seen, lambda cameras: [c[:, mirror] for c in cameras]), tmp_path)
    assert {f.check for f in found} == {"left and right"}
    assert len(found) == 16
    assert "left and right are exchanged in one of them" in found[0].message


FAULTS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any], str]] = {
    "half of the 2D": (lambda v: v, lambda c: [x[:9] for x in c], "9 frames of 2D but 30 of 3D"),
    "NaN": (lambda v: v * np.nan, lambda c: c, "NaN or infinite 3D joints"),
    "16 joints": (lambda v: v, lambda c: [x[:, :16] for x in c], "it must be (f, 17, 2)"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_what_a_reader_refuses_is_a_finding(
    case: str, whole: tuple[Files, Files], tmp_path: Path
) -> None:
    of_truth, of_seen, words = FAULTS[case]
    found = errors_of(each(whole[0], of_truth), each(whole[1], of_seen), tmp_path)
    reading = [f for f in found if f.check == "reading"]
    assert [f.where for f in reading] == [
        f"{s} {a}" for s in SUBJECTS for a in ("Directions", "Walking")
    ]
    for finding in reading:
        assert words in finding.message and str(tmp_path) in finding.message


def test_millimetres(whole: tuple[Files, Files], tmp_path: Path) -> None:
    found = errors_of(each(whole[0], lambda v: v * 1000), whole[1], tmp_path)
    units = [f for f in found if f.check == "units"]
    assert len(units) == 16
    assert "these look like millimetres: 3D joints must be in metres" in units[0].message
