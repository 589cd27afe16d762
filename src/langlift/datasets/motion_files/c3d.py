"""C3D files: the labelled points of a marker-based recording (the format of c3d.org).

A block is 512 bytes. The header says how many points and analog values a frame has; the parameters,
groups of named arrays, hold the labels, the rate and the unit; the frames follow one by one.
Numbers are in the order of the processor that wrote them: Intel, DEC (little-endian with floats of
its own) or MIPS (big-endian). Everything is checked against the size of the file before it is used:
half a file looks like a shorter recording otherwise.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ...errors import InputError
from .source_motion import SourceMotion

_BLOCK = 512
_INTEL, _DEC, _MIPS = 84, 85, 86
_UNITS = {"mm": 0.001, "cm": 0.01, "m": 1.0, "in": 0.0254}
_MOST_HEADER_FRAMES = 65535
_SIZES = {-1: 1, 1: 1, 2: 2, 4: 4}  # bytes per element by the type of a parameter
_LARGEST = 4 * 2**30

#: ``GROUP:NAME`` -> a number per element, or for text a string per row.
Parameters = dict[str, "list[str] | np.ndarray"]


def read_c3d(path: Path) -> SourceMotion:
    """The labelled points of a C3D file.

    A point that is NaN or has a negative residual was not seen and is NaN. The unit is that of
    POINT:UNITS, None where it is absent; the file does not say which axis is up.

    Raises:
        InputError: when the file is no C3D, is damaged or cut off, or has no labelled points. The
            message does not name the file, see `langlift.formats.files.naming`.
    """
    if path.stat().st_size > _LARGEST:
        raise InputError("the file is larger than 4 GiB; cut the recording into parts")
    content = path.read_bytes()
    if len(content) < _BLOCK or content[1] != 0x50:
        raise InputError("this is no C3D file; give a file that was exported as C3D")
    try:
        return _motion(content)
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise InputError(
            "the header or the parameters of this C3D file point outside of it; it is damaged or "
            "cut off"
        ) from error


def _motion(content: bytes) -> SourceMotion:
    start = _BLOCK * (max(content[0], 1) - 1)
    processor = content[start + 3]
    if processor not in (_INTEL, _DEC, _MIPS):
        raise InputError(
            f"the parameters are of the processor type {processor}; it must be 84 to 86"
        )
    order = ">" if processor == _MIPS else "<"
    parameters = _parameters(content, start, processor)
    points, analog, first, last = struct.unpack(order + "4H", content[2 : 2 + 8])
    (data_block,) = struct.unpack(order + "H", content[16:18])
    stated = _number(parameters, "POINT:SCALE")
    scale = _floats(content[12:16], processor)[0] if stated is None else stated
    frames = _frame_count(parameters, last - first + 1)
    table = _table(
        content, _BLOCK * (data_block - 1), frames, 4 * points + analog, scale < 0, processor
    )
    values = table[:, : 4 * points].reshape(frames, points, 4).astype(np.float64)
    at = values[..., :3] * (1.0 if scale < 0 else scale)
    seen = np.isfinite(at).all(axis=-1) & ~(values[..., 3] < 0)
    labels = _labels(parameters)
    if not points or len(labels) < points:
        raise InputError(
            f"the file holds {points} points but {len(labels)} labels; label the markers and "
            "export again"
        )
    rate = _number(parameters, "POINT:RATE")
    fps = _floats(content[20:24], processor)[0] if rate is None else rate
    positions = np.where(seen[..., None], at, np.nan)
    return SourceMotion(tuple(labels[:points]), positions, float(fps), _unit(parameters))


def _parameters(content: bytes, start: int, processor: int) -> Parameters:
    """All parameters; groups may come after the parameters that belong to them."""
    order = ">" if processor == _MIPS else "<"
    groups: dict[int, str] = {}
    found: list[tuple[int, str, list[str] | np.ndarray]] = []
    position = start + 4
    while content[position]:
        length = abs(struct.unpack("b", content[position : position + 1])[0])
        (number,) = struct.unpack("b", content[position + 1 : position + 2])
        name = content[position + 2 : position + 2 + length].decode("latin-1").upper()
        pointer = position + 2 + length
        (step,) = struct.unpack(order + "h", content[pointer : pointer + 2])
        if number < 0:
            groups[-number] = name
        elif number > 0:
            found.append((number, name, _value(content, pointer + 2, processor)))
        if step == 0:
            break
        if step < 2:
            raise InputError("the parameters of this C3D file run in a circle; it is damaged")
        position = pointer + step
    return {f"{groups.get(number, '')}:{name}": value for number, name, value in found}


def _value(content: bytes, position: int, processor: int) -> list[str] | np.ndarray:
    """One parameter: its type, its dimensions, its elements."""
    (kind,) = struct.unpack("b", content[position : position + 1])
    dimensions = content[position + 2 : position + 2 + content[position + 1]]
    if kind not in _SIZES:
        raise InputError(f"a parameter of this C3D file is of type {kind}; the file is damaged")
    count = int(np.prod([int(d) for d in dimensions], dtype=object)) if dimensions else 1
    begin = position + 2 + len(dimensions)
    raw = content[begin : begin + count * _SIZES[kind]]
    if len(raw) < count * _SIZES[kind]:
        raise InputError("a parameter of this C3D file is not complete; the file is cut off")
    if kind == -1:
        return list(_rows(raw, dimensions[0] if dimensions else 1))
    if kind == 4:
        return _floats(raw, processor)
    endian = ">" if processor == _MIPS else "<"
    return np.frombuffer(raw, dtype="u1" if kind == 1 else endian + "u2").astype(np.float64)


def _rows(raw: bytes, width: int) -> Iterator[str]:
    for at in range(0, len(raw), max(width, 1)):
        yield raw[at : at + width].decode("latin-1").strip(" \0")


def _floats(raw: bytes, processor: int) -> np.ndarray:
    """Floats of 32 bits as float64.

    DEC's have their two halves swapped and an exponent that is larger by two.
    """
    if processor != _DEC:
        return np.frombuffer(raw, dtype=">f4" if processor == _MIPS else "<f4").astype(np.float64)
    halves = np.frombuffer(raw, dtype="<u2").reshape(-1, 2)[:, ::-1]
    return np.ascontiguousarray(halves).reshape(-1).view("<f4").astype(np.float64) / 4


def _table(
    content: bytes, begin: int, frames: int, width: int, floats: bool, processor: int
) -> np.ndarray:
    """The values of all frames (frames, width)."""
    size = 4 if floats else 2
    there = max(len(content) - begin, 0) // (size * width) if width and begin > 0 else 0
    if frames < 1 or there < frames:
        raise InputError(
            f"the file says {frames} frames and holds {there}; it is cut off or damaged: fetch it "
            "again"
        )
    raw = content[begin : begin + size * frames * width]
    if floats:
        return _floats(raw, processor).reshape(frames, width)
    whole = np.frombuffer(raw, dtype=">i2" if processor == _MIPS else "<i2")
    return whole.reshape(frames, width)


def _frame_count(parameters: Parameters, header: int) -> int:
    """Frames of the recording; the header's 16 bits are too few for long ones."""
    if header < _MOST_HEADER_FRAMES:
        return header
    ends = [parameters.get(f"TRIAL:ACTUAL_{end}_FIELD") for end in ("START", "END")]
    if all(isinstance(end, np.ndarray) and len(end) == 2 for end in ends):
        first, last = (int(end[0]) + 65536 * int(end[1]) for end in ends if end is not None)
        return last - first + 1
    stated = _number(parameters, "POINT:FRAMES")
    if stated is None or stated <= _MOST_HEADER_FRAMES:
        raise InputError(
            f"the file has {_MOST_HEADER_FRAMES} frames or more and does not say how many; cut the "
            "recording into shorter ones"
        )
    return int(stated)


def _number(parameters: Parameters, name: str) -> float | None:
    value = parameters.get(name)
    return float(value[0]) if isinstance(value, np.ndarray) and len(value) else None


def _labels(parameters: Parameters) -> list[str]:
    """All labels: beyond 255 they go on in LABELS2, LABELS3, ..."""
    labels: list[str] = []
    for number in range(1, 1000):
        more = parameters.get("POINT:LABELS" + (str(number) if number > 1 else ""))
        if not isinstance(more, list):
            break
        labels += more
    return labels


def _unit(parameters: Parameters) -> float | None:
    value = parameters.get("POINT:UNITS")
    stated = value[0].lower() if isinstance(value, list) and value else ""
    if stated and stated not in _UNITS:
        raise InputError(
            f"the unit of the points (POINT:UNITS) is {stated!r}; known: {', '.join(_UNITS)}"
        )
    return _UNITS[stated] if stated else None
