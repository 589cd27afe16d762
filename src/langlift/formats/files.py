"""Files: whole or not at all when written, one clear sentence when they cannot be read.

`atomic_write` is the only way langlift writes a result: an interrupted or failed write leaves the
old file, or none, and never a part of the new one.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import InputError

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
_LONGEST = 1000


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


def make_folder(folder: Path) -> Path:
    """Make a folder for results, and those above it.

    Raises:
        InputError: when it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot make the folder {folder} ({error.strerror}); choose another --out"
        ) from error
    return folder


@contextmanager
def naming(path: str | Path) -> Iterator[None]:
    """Put the file's name before the message of every input error raised inside.

    Errors of the operating system (no permission, a broken disk) become input errors too.
    """
    try:
        yield
    except InputError as error:
        raise InputError(f"{path}: {one_line(error)}") from error
    except OSError as error:
        reason = error.strerror or one_line(error)
        raise InputError(f"{path}: cannot be read ({reason}); check the file") from error


def check_exists(path: Path) -> None:
    """Raise `InputError` where there is no file or folder, or the file is empty."""
    if not path.exists():
        raise InputError("there is no such file or folder; check the path")
    if path.is_file() and path.stat().st_size == 0:
        raise InputError("the file is empty; give a file with keypoints")


def read_json(path: Path) -> Any:
    """The content of a JSON file (UTF-8, or UTF-16/32 with its mark).

    Raises:
        InputError: when it is no JSON; the message does not name the file, see `naming`.
    """
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"this is not valid JSON ({one_line(error)}); the file is damaged, cut off or of "
            "another type"
        ) from error


def one_line(error: BaseException) -> str:
    """The text of an error on one line, its type where it has no text.

    Names from a file can hold anything: what cannot be printed is escaped, and the middle of a very
    long text is left out.
    """
    words = " ".join(str(error).split())
    text = "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in words
    )
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST // 2]} ... {text[-_LONGEST // 2 :]}"
    return text or type(error).__name__


def _check_target(given: Path, target: Path) -> None:
    if not target.parent.is_dir():
        raise InputError(
            f"{given}: the folder {given.parent} does not exist; make it or give another path"
        )
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
