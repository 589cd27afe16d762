"""Files: whole or not at all when written, one clear sentence when they cannot be read.

`atomic_write` is the only way langlift writes a result: an interrupted or failed write leaves the
old file, or none, and never a part of the new one.
"""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import InputError, printable

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
_LONGEST = 1000
_DEEPEST = 32  # levels of lists and objects; Python's own limit is near 1000
_TEMPORARY = re.compile(r"\.[0-9a-f]{12}\.tmp")  # the name that atomic_write makes, without suffix


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Write a file under a temporary name in the same folder; rename it when all went well.

    The temporary path keeps the suffix, for libraries that choose the format by it. A link is
    followed, so what it points to is replaced and the link stays.

    Args:
        path: where the finished file shall be; an existing file is replaced.

    Yields:
        The temporary path, an empty file to write to. It is removed on any failure, an interrupt
        from the keyboard included.

    Raises:
        InputError: when the folder does not exist or cannot be written, when the path is a
            folder or a device, when the disk is full.
    """
    given = Path(path)
    target = Path(os.path.realpath(given))
    _check_target(given, target)
    temporary = target.parent / f".{secrets.token_hex(6)}.tmp{target.suffix}"
    try:
        _create(temporary, given)
        yield temporary
        _publish(temporary, target, given)
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise InputError(f"{given}: the disk is full; free some space and repeat") from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def remove_leftovers(folder: Path, suffixes: Iterable[str]) -> None:
    """Remove the temporary files of writes into a folder that were killed half-way.

    Args:
        folder: where `atomic_write` was to put files; nobody may be writing there now.
        suffixes: those of the files, such as ``.json``; others are left alone.
    """
    for path in folder.iterdir():
        if path.suffix in suffixes and _TEMPORARY.fullmatch(path.stem):
            path.unlink(missing_ok=True)


def make_folder(folder: Path) -> Path:
    """Make a folder for results, and those above it.

    Raises:
        InputError: when it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        file = next((p for p in (folder, *folder.parents) if p.exists() and not p.is_dir()), None)
        reason = error.strerror if file is None else f"{file} is a file"
        raise InputError(
            f"cannot make the folder {folder} ({reason}); choose another --out"
        ) from error
    return folder


def check_results(folder: Path, names: Iterable[str]) -> None:
    """Check that results can be written, before the work they come from; writes nothing.

    Args:
        folder: where they shall be; it need not be there yet.
        names: the files' names.

    Raises:
        InputError: when the folder cannot be made or written, or one of the files is a folder or
            a device.
    """
    there = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    if not there.is_dir():
        raise InputError(
            f"cannot make the folder {folder} ({there} is a file); choose another --out"
        )
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"the folder {there} cannot be written; choose another --out")
    for path in (folder / name for name in names):
        _check_ordinary(path, Path(os.path.realpath(path)))


@contextmanager
def naming(path: str | Path) -> Iterator[None]:
    """Put the file's name before the message of every input error raised inside that lacks it.

    Errors of the operating system (no permission, a broken disk) become input errors too.
    """
    try:
        yield
    except InputError as error:
        if str(error).startswith(f"{path}: "):
            raise
        raise InputError(f"{path}: {one_line(error)}") from error
    except OSError as error:
        reason = error.strerror or one_line(error)
        raise InputError(f"{path}: cannot be read ({reason}); check the file") from error


def check_no_folder(file: Path) -> None:
    """Raise `InputError` where a folder has the name of a file; the message names it alone."""
    if file.is_dir():
        raise InputError(
            f"{file.name} is a folder where a file should be; put the file of that name in its "
            "place (some unpackers make a folder around it)"
        )


def check_exists(path: Path) -> None:
    """Raise `InputError` where there is no file or folder, or the file is empty or a device."""
    if not path.exists():
        raise InputError("there is no such file or folder; check the path")
    if not path.is_dir():
        _refuse_special(path)
    if path.is_file() and path.stat().st_size == 0:
        raise InputError("the file is empty; make or get it anew")


def read_json(path: Path) -> Any:
    """The content of a JSON file (UTF-8, or UTF-16/32 with its mark).

    Raises:
        InputError: when it is no JSON; the message does not name the file, see `naming`.
    """
    _refuse_special(path)
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"this is not valid JSON ({one_line(error)}); the file is damaged, cut off or of "
            "another type"
        ) from error


def check_depth(value: Any, what: str) -> None:
    """Raise `InputError` where plain values, as JSON holds, are nested too deep to be copied."""
    if _deeper(value, _DEEPEST):
        raise InputError(f"{what} is nested more than {_DEEPEST} deep; keep what is needed")


def _deeper(value: Any, levels: int) -> bool:
    if not isinstance(value, list | dict):
        return False
    inside = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_deeper(each, levels - 1) for each in inside)


def one_line(error: BaseException) -> str:
    """The text of an error on one line, its type where it has no text.

    Names from a file can hold anything: what cannot be printed is escaped, and the middle of a very
    long text is left out.
    """
    words = " ".join(str(error).split())
    text = printable(words)
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST // 2]} ... {text[-_LONGEST // 2 :]}"
    return text or type(error).__name__


def _check_target(given: Path, target: Path) -> None:
    if not target.parent.is_dir():
        raise InputError(
            f"{given}: the folder {given.parent} does not exist; make it or give another path"
        )
    _check_ordinary(given, target)


def _refuse_special(path: Path) -> None:
    """Raise for a device or pipe, which may have no end, before anything reads it."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise InputError("this is no ordinary file; give a file or folder on disk")


def _check_ordinary(given: Path, target: Path) -> None:
    if target.is_dir():
        raise InputError(f"{given}: this is a folder; give the path of a file")
    if target.exists() and not target.is_file():
        raise InputError(f"{given}: this is no ordinary file; give the path of a file")


def _create(temporary: Path, given: Path) -> None:
    """Make the empty temporary file, with the permissions of any new file of this user."""
    try:
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise
        raise InputError(
            f"{given}: the folder {given.parent} cannot be written ({error.strerror}); "
            "give a path in a folder of yours"
        ) from error


def _publish(temporary: Path, target: Path, given: Path) -> None:
    """Bring the content to the disk, then the name: in this order a crash keeps the old file."""
    with temporary.open("r+b") as stream:
        os.fsync(stream.fileno())
    try:
        temporary.replace(target)
    except OSError as error:
        raise InputError(
            f"{given}: the file cannot be put in place ({error.strerror}); give another path"
        ) from error
    if os.name == "posix":
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
