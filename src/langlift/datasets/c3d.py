"""C3D files: labelled points of a marker-based recording, by the library ezc3d (extra ``data``)."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..formats.files import one_line
from .source_motion import SourceMotion

_MOST_FRAMES = 65535
_UNITS = {"mm": 0.001, "cm": 0.01, "m": 1.0, "in": 0.0254}


def read_c3d(path: Path) -> SourceMotion:
    """The labelled points of a C3D file.

    A point that is NaN or has a negative residual was not seen and is NaN. The unit is that of
    POINT:UNITS, None where it is absent; the file does not say which axis is up.

    Raises:
        InputError: when ezc3d is not installed, or the file is damaged or has no labelled points.
            The message does not name the file, see `langlift.formats.files.naming`.
    """
    try:
        import ezc3d
    except ImportError as error:
        raise InputError(
            "C3D files are read by the library ezc3d, which is not installed; run pip install "
            "'langlift[data]'"
        ) from error
    stated = _stated_frames(path)
    try:
        stored = ezc3d.c3d(str(path))
    except Exception as error:  # the library raises many kinds for damaged bytes
        raise InputError(
            f"this cannot be read as C3D ({one_line(error)}); the file is damaged or cut off"
        ) from error
    motion = _points(stored)
    frames = len(motion.positions)
    # The library reads half a file as a short recording, and no more frames than 16 bits count.
    if stated < _MOST_FRAMES and frames < stated:
        raise InputError(
            f"the file holds {frames} of {stated} frames; it is cut off: fetch it again"
        )
    if frames >= _MOST_FRAMES:
        raise InputError(f"the file has {_MOST_FRAMES} frames or more; cut it into shorter ones")
    return motion


def _stated_frames(path: Path) -> int:
    """Frames by the header: words 4 and 5 of 16 bits are the first and the last one."""
    with path.open("rb") as stream:
        header = stream.read(512)
        if len(header) < 512 or header[1] != 0x50:  # every C3D has it; the library trusts its input
            raise InputError("this is no C3D file; give a file that was exported as C3D")
        stream.seek(512 * max(header[0] - 1, 0) + 3)
        big_endian = stream.read(1) == b"\x56"  # of the processors that wrote C3D, only MIPS
    first, last = struct.unpack((">" if big_endian else "<") + "2H", header[6:10])
    return last - first + 1


def _points(stored: Any) -> SourceMotion:
    point = stored["parameters"].get("POINT", {})
    labels = _labels(point)
    points = np.moveaxis(np.asarray(stored["data"]["points"], dtype=np.float64)[:3], 0, -1)
    residuals = np.asarray(stored["data"]["meta_points"]["residuals"])[0]
    count = len(points)
    if not labels or len(labels) < count:
        raise InputError(
            f"the file holds {count} points but {len(labels)} labels; label the markers and export "
            "again"
        )
    seen = np.isfinite(points).all(axis=-1) & ~(residuals < 0)
    positions = np.where(seen[..., None], points, np.nan).transpose(1, 0, 2)
    rate = float(np.ravel(_value(point, "RATE", [0.0]))[0])
    return SourceMotion(tuple(labels[:count]), positions, rate, _unit(point))


def _labels(point: Any) -> list[str]:
    """All labels: beyond 255 they go on in LABELS2, LABELS3, ..."""
    labels = list(_value(point, "LABELS", []))
    more = 2
    while f"LABELS{more}" in point:
        labels += list(_value(point, f"LABELS{more}", []))
        more += 1
    return [str(label).strip() for label in labels]


def _unit(point: Any) -> float | None:
    stated = "".join(str(v) for v in _value(point, "UNITS", [])[:1]).strip().lower()
    if stated and stated not in _UNITS:
        raise InputError(
            f"the unit of the points (POINT:UNITS) is {stated!r}; known: {', '.join(_UNITS)}"
        )
    return _UNITS[stated] if stated else None


def _value(point: Any, name: str, absent: Any) -> Any:
    return point[name]["value"] if name in point else absent
