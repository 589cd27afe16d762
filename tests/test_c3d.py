"""C3D files, written by ezc3d in the test: points, units, what was not seen, what is refused."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from langlift.datasets.c3d import read_c3d
from langlift.errors import InputError

ezc3d = pytest.importorskip("ezc3d")


def write_c3d(
    path: Path, points: np.ndarray, labels: list[str], unit: str | None = "mm", rate: float = 100.0
) -> Path:
    """A C3D file of points (f, j, 3)."""
    stored = ezc3d.c3d()
    stored["parameters"]["POINT"]["RATE"]["value"] = [rate]
    stored["parameters"]["POINT"]["LABELS"]["value"] = tuple(labels)
    stored["parameters"]["POINT"]["UNITS"]["value"] = [] if unit is None else [unit]
    stored["data"]["points"] = np.concatenate([points, np.ones((*points.shape[:2], 1))], axis=-1).T
    stored["data"]["points"] = stored["data"]["points"].copy()
    stored.write(str(path))
    return path


def points(frames: int = 5) -> np.ndarray:
    """Two points: one goes along x by 10 per frame, one stays at (1, 2, 3)."""
    at = np.zeros((frames, 2, 3))
    at[:, 0, 0] = 10 * np.arange(frames)
    at[:, 1] = (1, 2, 3)
    return at


@pytest.mark.parametrize(
    ("unit", "metres"), [("mm", 0.001), ("m", 1.0), ("cm", 0.01), (None, None)]
)
def test_points_come_back(tmp_path: Path, unit: str | None, metres: float | None) -> None:
    motion = read_c3d(write_c3d(tmp_path / "a.c3d", points(), ["Ann:LKJC", "RKJC "], unit))
    assert motion.joints == ("Ann:LKJC", "RKJC")
    np.testing.assert_allclose(motion.positions, points(), atol=1e-5)
    assert (motion.fps, motion.unit, motion.up) == (100.0, metres, None)


def test_what_was_not_seen_is_nan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NaN as written, and a negative residual, as most programs mark it."""
    at = points()
    at[2, 1] = np.nan
    path = write_c3d(tmp_path / "a.c3d", at, ["A", "B"])
    stored = ezc3d.c3d(str(path))
    stored["data"]["meta_points"]["residuals"][0, 0, 3] = -1
    monkeypatch.setattr(ezc3d, "c3d", lambda name: stored)
    motion = read_c3d(path)
    missing = np.isnan(motion.positions).all(axis=-1)
    assert np.argwhere(missing).tolist() == [[2, 1], [3, 0]]


def test_labels_go_on_beyond_255(tmp_path: Path) -> None:
    names = [f"P{k}" for k in range(260)]
    at = np.zeros((2, 260, 3)) + np.arange(260)[None, :, None]
    motion = read_c3d(write_c3d(tmp_path / "a.c3d", at, names))
    assert motion.joints == tuple(names)
    assert motion.positions[1, 259, 0] == pytest.approx(259)


def test_without_the_library_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_c3d(tmp_path / "a.c3d", points(), ["A", "B"])
    monkeypatch.setitem(sys.modules, "ezc3d", None)
    with pytest.raises(InputError, match=r"not installed; run pip install 'langlift\[data\]'"):
        read_c3d(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"HIERARCHY", "this is no C3D file"),
        (b"", "this is no C3D file"),
        (b"\x02\x50" + b"\x00" * 600, "cannot be read as C3D"),
    ],
)
def test_other_bytes_are_refused(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "a.c3d"
    path.write_bytes(content)
    with pytest.raises(InputError, match=said):
        read_c3d(path)


def test_half_a_file_is_refused(tmp_path: Path) -> None:
    path = write_c3d(tmp_path / "a.c3d", points(4000), ["A", "B"])
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="the file holds 1984 of 4000 frames; it is cut off"):
        read_c3d(path)


def test_more_frames_than_the_format_counts_are_refused(tmp_path: Path) -> None:
    path = write_c3d(tmp_path / "a.c3d", points(65600), ["A", "B"])
    with pytest.raises(InputError, match="65535 frames or more; cut it into shorter ones"):
        read_c3d(path)


def test_an_unknown_unit_is_refused(tmp_path: Path) -> None:
    path = write_c3d(tmp_path / "a.c3d", points(), ["A", "B"], "furlong")
    with pytest.raises(InputError, match="'furlong'; known: mm, cm, m, in"):
        read_c3d(path)


def test_points_without_names_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_c3d(tmp_path / "a.c3d", points(), ["A", "B"])
    stored = ezc3d.c3d(str(path))
    stored["parameters"]["POINT"]["LABELS"]["value"] = ["A"]
    monkeypatch.setattr(ezc3d, "c3d", lambda name: stored)
    with pytest.raises(InputError, match="the file holds 2 points but 1 labels"):
        read_c3d(path)
