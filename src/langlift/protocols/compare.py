"""Two motions or two reports side by side."""

from __future__ import annotations

import zipfile
from pathlib import Path

from ..errors import InputError
from ..formats import motion_json
from ..formats.files import check_exists, naming, read_json
from ..formats.npz import read_motion
from ..formats.npz_arrays import array_names
from ..tracks import Motion
from .compare_motions import MotionComparison, compare_motions, converted
from .compare_reports import ReportComparison, compare_reports
from .report import Report

_ACCEPTED = (
    "give two motions (.npz or .json that langlift lift wrote) or two reports (.json that langlift "
    "evaluate wrote)"
)


def compare(
    a: str | Path, b: str | Path, skeleton: str | None = None, worst: int = 5
) -> MotionComparison | ReportComparison:
    """Compare two files, both motions or both reports.

    Args:
        a: a motion or report.
        b: another one of the same kind.
        skeleton: joint convention to bring both motions to first.
        worst: so many of the joints of motions that are farthest apart.

    Raises:
        InputError: for a file that is neither, one of each, motions that do not correspond, or a
            skeleton named for reports.
    """
    first, second = open_file(a), open_file(b)
    names = (str(a), str(b))
    if isinstance(first, Report) and isinstance(second, Report):
        if skeleton is not None:
            raise InputError(
                f"{names[0]} and {names[1]} are reports, which have no joints to convert; leave "
                "--skeleton out"
            )
        return compare_reports(first, second, names)
    if isinstance(first, Motion) and isinstance(second, Motion):
        return _motions(first, second, names, skeleton, worst)
    kinds = ["a motion" if isinstance(each, Motion) else "a report" for each in (first, second)]
    raise InputError(f"{names[0]} is {kinds[0]} and {names[1]} is {kinds[1]}; {_ACCEPTED}")


def open_file(path: str | Path) -> Motion | Report:
    """The motion or report in a file; what it is, its content tells.

    Raises:
        InputError: when it is neither; the message names the file.
    """
    file = Path(path)
    with naming(path):
        check_exists(file)
        if file.is_dir():
            raise InputError(f"this is a folder; {_ACCEPTED}")
        packed = zipfile.is_zipfile(file) or file.suffix.lower() == ".npz"
    if packed:
        if (names := array_names(file)) and "joints" not in names:
            raise InputError(f"{path}: this npz holds no motion (no array 'joints'); {_ACCEPTED}")
        return read_motion(file)
    with naming(path):
        content = read_json(file)
        if motion_json.is_motion(content):
            return motion_json.parse_motion(content)
        if isinstance(content, dict) and {"protocol", "tables"} <= set(content):
            return Report.from_content(content)
        raise InputError(f"this JSON is neither a motion nor a report of langlift; {_ACCEPTED}")


def _motions(
    a: Motion, b: Motion, names: tuple[str, str], skeleton: str | None, worst: int
) -> MotionComparison:
    notes: list[str] = []
    if skeleton is not None:
        (a, of_a), (b, of_b) = (
            converted(motion, skeleton, name) for motion, name in zip((a, b), names, strict=True)
        )
        notes = [*of_a, *of_b]
    return compare_motions(a, b, names, worst, notes)
