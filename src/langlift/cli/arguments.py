"""What the verbs share: parsing with tyro, progress bars, comma lists."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import tyro

from ..errors import InputError, unknown

T = TypeVar("T")
Advance = Callable[[int, int], None]


def parse(kind: Callable[..., T], argv: Sequence[str], verb: str, default: T | None = None) -> T:
    """Parse a verb's options into its dataclass; tyro prints help and usage errors itself."""
    extra = {} if default is None else {"default": default}
    return tyro.cli(kind, args=list(argv), prog=f"langlift {verb}", **extra)  # type: ignore[arg-type]


def comma_list(text: str, known: Sequence[str], what: str) -> list[str]:
    """``a,b`` as a list without repeats; every name must be known."""
    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        raise InputError(f"no {what} given; choose from {', '.join(known)}")
    for name in names:
        if name not in known:
            raise unknown(what, name, known)
    return names


@contextmanager
def progress(label: str, quiet: bool) -> Iterator[Advance]:
    """A progress bar on standard error; ``advance(done, total)`` moves it."""
    if quiet or not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    bar = Progress(
        "{task.description}",
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
