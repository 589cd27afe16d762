"""C3D files, written by ezc3d in the test: points, units, what was not seen, what is refused."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from langlift.datasets.motion_files.c3d import read_c3d
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


def test_what_was_not_seen_is_nan(tmp_path: Path) -> None:
    """NaN as written, and a negative residual, as most programs mark it."""
    at = points()
    at[2, 1] = np.nan
    path = write_c3d(tmp_path / "a.c3d", at, ["A", "B"])
    content = bytearray(path.read_bytes())
    begin = 512 * (struct.unpack("<H", content[16:18])[0] - 1)
    residual = begin + 3 * 2 * 16 + 12  # frame 3, point 0, the fourth of four floats
    content[residual : residual + 4] = struct.pack("<f", -1)
    path.write_bytes(content)
    missing = np.isnan(read_c3d(path).positions).all(axis=-1)
    assert np.argwhere(missing).tolist() == [[2, 1], [3, 0]]
    assert np.isnan(ezc3d.c3d(str(path))["data"]["points"][:3, 1, 2]).all()


def test_labels_go_on_beyond_255(tmp_path: Path) -> None:
    names = [f"P{k}" for k in range(260)]
    at = np.zeros((2, 260, 3)) + np.arange(260)[None, :, None]
    motion = read_c3d(write_c3d(tmp_path / "a.c3d", at, names))
    assert motion.joints == tuple(names)
    assert motion.positions[1, 259, 0] == pytest.approx(259)


def test_analog_values_are_passed_over(tmp_path: Path) -> None:
    """Three channels of five samples per frame lie between the frames of the points."""
    stored = ezc3d.c3d(str(write_c3d(tmp_path / "a.c3d", points(), ["A", "B"])))
    stored["parameters"]["ANALOG"]["RATE"]["value"] = [500.0]
    stored["parameters"]["ANALOG"]["LABELS"]["value"] = ("U", "V", "W")
    stored["data"]["analogs"] = np.random.default_rng(0).normal(size=(1, 3, 25))
    stored.write(str(tmp_path / "b.c3d"))
    motion = read_c3d(tmp_path / "b.c3d")
    np.testing.assert_allclose(motion.positions, points(), atol=1e-5)


def by_hand(order: str, processor: int, whole: bool, frames: int = 2, more: bytes = b"") -> bytes:
    """A C3D byte by byte: one point P at (1, 2, 3), then (4, 5, -6), not seen in further frames.

    Numbers of DEC's are made from those of Intel: four times as large, halves swapped.
    """

    def real(*values: float) -> bytes:
        if processor != 85:
            return struct.pack(f"{order}{len(values)}f", *values)
        halves = (struct.unpack("<2H", struct.pack("<f", 4 * v)) for v in values)
        return b"".join(struct.pack("<2H", high, low) for low, high in halves)

    def record(name: str, number: int, body: bytes) -> bytes:
        head = struct.pack("bb", len(name), number) + name.encode()
        return head + struct.pack(order + "h", 2 + len(body)) + body

    scale = 0.5 if whole else -1.0
    header = b"\x02\x50" + struct.pack(order + "5H", 1, 0, 1, frames, 0) + real(scale)
    header += struct.pack(order + "2H", 3, 0) + real(50.0)
    words = struct.pack("bb2B", -1, 2, 1, 1) + b"P" + b"\0"
    parameters = bytes([1, 80, 1, processor]) + record("LABELS", 1, words)
    parameters += record("USED", 1, b"\x02\0" + struct.pack(order + "h", 1) + b"\0")
    parameters += record("RATE", 1, struct.pack("bb", 4, 0) + real(50.0) + b"\0")
    parameters += record("UNITS", 1, struct.pack("bb2B", -1, 2, 2, 1) + b"mm" + b"\0")
    parameters += record("POINT", -1, b"\0") + more + b"\0"
    at = [(1, 2, 3, 0), (4, 5, -6, 0)] + [(9, 9, 9, -1)] * (frames - 2)
    data = b"".join(
        struct.pack(order + "4h", *(int(2 * v) for v in xyz), r) if whole else real(*xyz, r)
        for *xyz, r in at
    )
    return header.ljust(512, b"\0") + parameters.ljust(512, b"\0") + data


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize(("order", "processor"), [("<", 84), ("<", 85), (">", 86)])
def test_every_processor_and_whole_numbers(
    tmp_path: Path, order: str, processor: int, whole: bool
) -> None:
    path = tmp_path / "a.c3d"
    path.write_bytes(by_hand(order, processor, whole, frames=3))
    motion = read_c3d(path)
    assert (motion.joints, motion.fps, motion.unit) == (("P",), 50.0, 0.001)
    expected = [[(1, 2, 3)], [(4, 5, -6)], [(np.nan,) * 3]]
    np.testing.assert_array_equal(motion.positions, expected)
    if processor == 84 and not whole:  # the library wants more parameters for whole numbers
        np.testing.assert_allclose(ezc3d.c3d(str(path))["data"]["points"][:3, 0, 1], (4, 5, -6))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"HIERARCHY", "this is no C3D file"),
        (b"", "this is no C3D file"),
        (b"\x02\x50" + b"\x00" * 600, "of the processor type 0; it must be 84 to 86"),
        (b"\x09\x50" + b"\x00" * 600, "point outside of it; it is damaged or cut off"),
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
    with pytest.raises(InputError, match="the file says 4000 frames and holds 1984; it is cut off"):
        read_c3d(path)
    path.write_bytes(content[:700])
    with pytest.raises(InputError, match="cut off"):
        read_c3d(path)


def test_more_frames_than_the_header_counts(tmp_path: Path) -> None:
    """A file that does not say how many there are is refused; the end of the trial says it."""
    path = write_c3d(tmp_path / "a.c3d", points(65600), ["A", "B"])
    with pytest.raises(InputError, match="65535 frames or more and does not say how many"):
        read_c3d(path)

    def word(name: bytes, value: bytes) -> bytes:
        head = struct.pack("bb", len(name), 2) + name + struct.pack("<h", 10)
        return head + b"\x02\x01\x02" + value + b"\0"

    trial = word(b"ACTUAL_START_FIELD", struct.pack("<2H", 1, 0))
    trial += word(b"ACTUAL_END_FIELD", struct.pack("<2H", 4, 1))
    trial += struct.pack("bb", 5, -2) + b"TRIAL" + struct.pack("<h", 3) + b"\0"
    content = by_hand("<", 84, True, frames=65535, more=trial)
    path.write_bytes(content + struct.pack("<4h", 14, 14, 14, 0) * 5)
    assert len(read_c3d(path).positions) == 65540


def test_an_unknown_unit_is_refused(tmp_path: Path) -> None:
    path = write_c3d(tmp_path / "a.c3d", points(), ["A", "B"], "furlong")
    with pytest.raises(InputError, match="'furlong'; known: mm, cm, m, in"):
        read_c3d(path)


def test_points_without_names_are_refused(tmp_path: Path) -> None:
    content = by_hand("<", 84, False).replace(b"LABELS", b"LABELZ")
    (tmp_path / "a.c3d").write_bytes(content)
    with pytest.raises(InputError, match="the file holds 1 points but 0 labels"):
        read_c3d(tmp_path / "a.c3d")


def test_damaged_bytes_are_refused_and_never_crash(tmp_path: Path) -> None:
    """The library breaks the process on some of these, which is why it does not read them here."""
    content = write_c3d(tmp_path / "a.c3d", points(), ["A", "B"]).read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        broken = bytearray(content)
        for at in rng.integers(0, 900, 5):
            broken[at] = rng.integers(256)
        (tmp_path / "b.c3d").write_bytes(broken)
        try:
            read_c3d(tmp_path / "b.c3d")
        except InputError:
            refused += 1
    assert 50 < refused < 300
