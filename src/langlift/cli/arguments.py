"""What the verbs share: parsing with tyro, comma lists, progress bars and lines."""

from __future__ import annotations

import io
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, TypeVar

import tyro

from ..errors import InputError, printable, unknown

T = TypeVar("T")
Advance = Callable[[int, int], None]
#: Seconds between two lines of progress where there is no terminal to draw a bar on.
LINE_SECONDS = 30.0
_KINDS = {"INT": "a whole number", "FLOAT": "a number"}


def parse(kind: Callable[..., T], argv: Sequence[str], verb: str, default: T | None = None) -> T:
    """Parse a verb's options into its dataclass; ``--help`` is printed and leaves with status 0.

    Raises:
        InputError: what tyro says about options that cannot be used, in one sentence.
    """
    options: dict[str, Any] = {"prog": f"langlift {verb}", "config": (tyro.conf.DisallowNone,)}
    if default is not None:
        options["default"] = default
    encoding = (sys.stdout.encoding or "utf-8").lower()  # tyro draws frames where it is utf-8
    told = io.TextIOWrapper(io.BytesIO(), encoding, write_through=True)
    said = io.StringIO()
    try:
        with redirect_stdout(told), redirect_stderr(said):
            return tyro.cli(kind, args=list(argv), **options)
    except SystemExit as stop:
        if not stop.code:
            told.seek(0)
            print(_without_none(told.read()).rstrip("\n"))
            raise
        sentence = usage_error(said.getvalue())
    raise InputError(f"{sentence}; langlift {verb} --help lists all options")


def _without_none(text: str) -> str:
    """The text of a help without "(default: None)", which says nothing; the frame stays whole."""
    none = r"\(default:(?: |\s*│?\n│?\s*)None\)"
    blank = re.sub(none, lambda found: re.sub(r"[^\s│]", " ", found[0]), text)
    return re.sub(r"^│? +│?\n", "", blank, flags=re.MULTILINE)


def usage_error(box: str) -> str:
    """One sentence out of the box that tyro draws around a usage error.

    Its parts stand between rules; without UTF-8 the title is a part too, and there is no frame.
    """
    inside = re.sub(r"^[╭╰].*$", "", box, flags=re.MULTILINE).replace("│", " ")
    parts = re.split(r"^ *[─-]{9,} *$", inside, flags=re.MULTILINE)
    texts = [" ".join(part.split()) for part in parts][0 if "╭" in box else 1 :]
    said, more = [*texts, "", ""][:2]
    if found := re.match(r"Unrecognized options: (.*)", said):
        near = re.match(r"(?:Perhaps you meant|Arguments similar to \S+): (\S+)", more)
        hint = f" (did you mean {near[1].rstrip(',')}?)" if near else ""
        kind = "option" if found[1].startswith("-") else "argument"
        return f"unknown {kind} {found[1].replace(', ', ' ')}{hint}"
    if found := re.match(r"Missing from [^:]*: (\S+) (.*?) \(required\)", said):
        return f"{found[1]} is missing: {found[2].rstrip('.')}"
    if found := re.match(r"Missing value for argument '(\S+)'", said):
        return f"{found[1]} has no value"
    if found := re.match(r"invalid choice '(.*)' for argument '(\S+)'\..* one of \((.*)\)", said):
        return f"{found[2]} is {found[1]!r}; choose from {found[3].rstrip(',')}"
    if found := re.match(r"Error parsing (\S+): (.*)", said):
        return _value_error(found[1], found[2])
    return said.rstrip(".") or "the options cannot be used"


def _value_error(option: str, said: str) -> str:
    """What is wrong with an option's value; `option` is a field's name where a check failed."""
    if not option.startswith("-"):
        return said
    if found := re.match(r"no type matching (.*) could be instantiated from \[(.*?)\]\.", said):
        kinds = re.findall(r"[A-Z]+", found[1])
        takes = " and ".join(_KINDS.get(str(kind), str(kind)) for kind in kinds)
        return f"{option} is {found[2].replace(', ', ' ')}; it takes {takes}"
    if found := re.match(
        r"(?:could not convert string to|invalid literal for) (\w+).*?('.*')", said
    ):
        return f"{option} is {found[2]}; it takes {_KINDS[found[1].upper()]}"
    return f"{option}: {said.rstrip('.')}"


def comma_list(text: str, known: Sequence[str] | None, what: str) -> list[str]:
    """``a,b`` as a list without repeats.

    Args:
        text: what a user wrote.
        known: the names that are accepted; None where only the data tell.
        what: the names are, for messages.

    Raises:
        InputError: for an empty list and for an unknown name.
    """
    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        advice = f"choose from {', '.join(known)}" if known else "name one, or leave the option out"
        raise InputError(f"no {what} given; {advice}")
    for name in names:
        if known is not None and name not in known:
            raise unknown(what, name, known)
    return names


def one_of(text: str, known: Sequence[str] | None, what: str) -> str:
    """The same where one name is taken; several are refused."""
    names = comma_list(text, known, what)
    if len(names) > 1:
        raise InputError(f"one {what} is taken here, got {', '.join(names)}; give one of them")
    return names[0]


def step_line(entry: dict[str, Any]) -> str:
    """What the log of a training says of a step, for people."""
    parts = [f"step {entry['step']}"]
    for name, value in entry.items():
        if name == "eta_seconds":
            parts.append(f"eta {_clock(value)}")
        elif name != "step":
            parts.append(f"{name.removeprefix('validation_')} {value:.4g}")
    prefix = "validation: " if any(n.startswith("validation_") for n in entry) else ""
    return prefix + "  ".join(parts)


@contextmanager
def progress(label: str, quiet: bool) -> Iterator[Advance]:
    """A progress bar on standard error; ``advance(done, total)`` moves it.

    Where that is no terminal but a file or pipe, a line every `LINE_SECONDS` instead. The label may
    hold anything: it is shown as it is.
    """
    label = printable(label)
    if quiet:
        yield lambda done, total: None
        return
    if not sys.stderr.isatty():
        yield _Lines(label)
        return
    from rich.console import Console
    from rich.markup import escape
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
        task = bar.add_task(escape(label), total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


class _Lines:
    """Progress as lines of text: part done, and the time that the rest will take."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._started = self._said = time.monotonic()
        self._before: int | None = None

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if self._before is None:  # what was done before, or first, tells nothing of the pace
            self._before, self._started = done, now
        if now - self._said < LINE_SECONDS or total <= 0:
            return
        self._said = now
        pace = (done - self._before) / max(now - self._started, 1e-9)
        left = f", about {_clock((total - done) / pace)} left" if pace > 0 else ""
        print(f"{self._label}: {100 * done / total:.0f} %{left}", file=sys.stderr, flush=True)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"


def lifting_settings(args: Any) -> dict[str, Any]:
    """The settings of how trained weights are used that a verb's options give."""
    chosen = {name: getattr(args, name) for name in ("label_hop", "unknown_below")}
    return {name: value for name, value in chosen.items() if value is not None}
