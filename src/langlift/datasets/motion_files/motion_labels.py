"""What the files of a motion folder show and who moves in them, before they are read.

The label of a file comes from its folder, a table, its name or BABEL; the subject from the table,
the name, BABEL, the skeleton or an option.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from ...actions import words_of
from ...errors import InputError, unknown
from ...formats.files import naming, one_line
from .amass import Babel, Span
from .placing import FLOORS, UNITS, UPS, Floor

ActionSource = Literal["folder", "csv", "name", "babel"]
ACTION_SOURCES: tuple[ActionSource, ...] = ("folder", "csv", "name", "babel")
SUFFIXES = (".bvh", ".amc", ".c3d", ".npz")


@dataclass(frozen=True)
class FolderOptions:
    """How a folder of motion files is read.

    Args:
        action: where the label is from: the ``folder`` a file lies in, a ``csv`` table, the file's
            ``name``, or ``babel``.
        table: a CSV file with the columns ``file`` (relative to the folder) and ``action``, and if
            you like ``subject`` and ``text``; files that it does not list are left out.
        pattern: a regular expression for the whole path of a file relative to the folder, without
            suffix and with ``/``; its groups ``action`` and ``subject`` are taken.
        babel: JSON files of BABEL.
        subject: who moves, where nothing else says so.
        source: name of the data set; the folder's if None.
        joints: a JSON map of joints, see `joint_families.read_joint_map`; found by the joints'
            names if None.
        unit: of positions, one of `placing.UNITS`; ``auto`` takes what the file says or finds it.
        up: ``y``, ``z`` or ``auto``.
        fps: of files that hold no rate (AMC).
        floor: ``ankles`` or ``keep``, see `placing.place`.
        licence: terms of the data.
        skip_broken: go on after a file that cannot be read, and report it.

    Raises:
        InputError: for a value that is not known, or options that do not go together.
    """

    action: ActionSource = "folder"
    table: str | Path | None = None
    pattern: str | None = None
    babel: tuple[str | Path, ...] = ()
    subject: str | None = None
    source: str | None = None
    joints: str | Path | None = None
    unit: str = "auto"
    up: str = "auto"
    fps: float | None = None
    floor: Floor = "ankles"
    licence: str = ""
    skip_broken: bool = False

    def __post_init__(self) -> None:
        for kind, value, known in (
            ("action source", self.action, ACTION_SOURCES),
            ("unit", self.unit, ("auto", *UNITS)),
            ("up axis", self.up, ("auto", *UPS)),
            ("floor", self.floor, FLOORS),
        ):
            if value not in known:
                raise unknown(kind, value, known)
        for action, given, what in (
            ("csv", self.table, "the table (--table FILE.csv)"),
            ("name", self.pattern, "a pattern with the group action (--pattern REGEX)"),
            ("babel", self.babel, "BABEL's files (--babel FILE.json ...)"),
        ):
            if self.action == action and not given:
                raise InputError(f"the action is from {action}, which needs {what}")
            if self.action != action and given and action != "name":
                raise InputError(f"{what} is for --action {action}, not {self.action}; choose one")
        if self.pattern is not None:
            groups = set(_compiled(self.pattern).groupindex)
            if not groups & {"action", "subject"} or (
                self.action == "name" and "action" not in groups
            ):
                raise InputError(
                    f"the pattern {self.pattern!r} has no group for what it shall find; write "
                    "(?P<action>...), and (?P<subject>...) for who moves"
                )


@dataclass(frozen=True)
class FileLabel:
    """What is known of a file before it is read.

    Args:
        path: the file.
        name: its path relative to the folder.
        subject: who moves; None where only the file itself can say so.
        spans: its labelled parts.
    """

    path: Path
    name: PurePosixPath
    subject: str | None
    spans: tuple[Span, ...]

    @property
    def clip_id(self) -> str:
        """A name for the clip: the folders and the file's name without suffix."""
        return "_".join(self.name.with_suffix("").parts)


def label_of(text: str) -> str:
    """Words as a class label: small letters, digits and underscores.

    Raises:
        InputError: when nothing is left.
    """
    label = re.sub(r"[\W_]+", "_", words_of(text)).strip("_")
    if not label:
        raise InputError(f"{text!r} is no action; give a word with letters")
    return label


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise InputError(
            f"the pattern {pattern!r} is no regular expression ({error}); mend it"
        ) from error


def motion_files(folder: Path) -> list[Path]:
    """The motion files below a folder, sorted, without hidden ones."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def file_labels(root: Path, options: FolderOptions, left_out: list[str]) -> Iterator[FileLabel]:
    """The files to read and their labels.

    Args:
        root: the folder.
        options: how it is read.
        left_out: gets a line for every file that has no label.

    Raises:
        InputError: when there is no file, a label cannot be found where it should be, or the table
            or a BABEL file cannot be read.
    """
    files = motion_files(root)
    if not files:
        raise InputError(f"{root} holds no {', '.join(SUFFIXES)} file; check the folder")
    babel = Babel(*options.babel) if options.babel else None
    rows = _table(root, Path(options.table)) if options.table is not None else None
    for path in files:
        name = PurePosixPath(path.relative_to(root).as_posix())
        groups = _groups(options.pattern, path, name)
        row = {} if rows is None else rows.get(name)
        subject = (row or {}).get("subject") or groups.get("subject") or options.subject
        if options.action == "babel" and babel is not None:
            feature = babel.find(name)
            if feature is None:
                left_out.append(f"{path}: BABEL does not label it")
            else:
                yield FileLabel(path, name, subject or babel.subject(feature), babel.spans(feature))
        elif row is None:
            left_out.append(f"{path}: the table does not list it")
        else:
            action = _action(root, path, options, row, groups)
            text = row.get("text") or words_of(action)
            yield FileLabel(path, name, subject, (Span(action, text),))


def _action(
    root: Path, path: Path, options: FolderOptions, row: dict[str, str], groups: dict[str, str]
) -> str:
    if options.action == "csv":
        return row["action"]
    if options.action == "name":
        if "action" not in groups:
            raise InputError(f"{path}: the pattern finds no action in its name; mend the pattern")
        return groups["action"]
    if path.parent == root:
        raise InputError(
            f"{path} lies in no folder of an action; move it into one, or take the action from a "
            "table (--action csv) or the name (--action name)"
        )
    return path.parent.name


def _groups(pattern: str | None, path: Path, name: PurePosixPath) -> dict[str, str]:
    if pattern is None:
        return {}
    match = _compiled(pattern).fullmatch(str(name.with_suffix("")))
    if match is None:
        raise InputError(
            f"{path}: {str(name.with_suffix(''))!r} does not fit the pattern {pattern!r}; mend the "
            "pattern or the name"
        )
    return {group: value for group, value in match.groupdict().items() if value}


def _table(root: Path, path: Path) -> dict[PurePosixPath, dict[str, str]]:
    """Rows of the table by the file's path relative to the folder."""
    with naming(path):
        try:
            with path.open(newline="", encoding="utf-8-sig") as stream:
                lines = list(csv.DictReader(stream))
        except (UnicodeDecodeError, csv.Error) as error:
            raise InputError(
                f"this is no CSV table in UTF-8 ({one_line(error)}); export it again"
            ) from error
        rows: dict[PurePosixPath, dict[str, str]] = {}
        for number, line in enumerate(lines, 2):
            row = {k: (v or "").strip() for k, v in line.items() if isinstance(v, str) and k}
            if not row.get("file") or not row.get("action"):
                raise InputError(
                    f"line {number} has no file or no action; the columns are file, action and if "
                    "you like subject and text"
                )
            name = PurePosixPath(row["file"].replace("\\", "/"))
            if name in rows:
                raise InputError(f"line {number} lists {name} again; list each file once")
            if not (root / name).is_file():
                raise InputError(f"line {number} lists {name}, which is not in {root}; correct it")
            rows[name] = row
        return rows


def check_names(labels: list[FileLabel]) -> None:
    """Raise where two files would give clips of one name."""
    first: dict[str, Path] = {}
    for label in labels:
        other = first.setdefault(label.clip_id, label.path)
        if other is not label.path:
            raise InputError(f"{other} and {label.path} have one name; rename one of them")
