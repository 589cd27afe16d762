"""The ``langlift`` command: finds the verb, runs it, and turns errors into one sentence."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from .._version import __version__
from ..errors import InputError, LangliftError, printable, unknown

#: Verb -> what it does; the module of the same name has ``run(argv) -> int``.
VERBS = {
    "lift": "2D keypoints to 3D motion with an action label",
    "demo": "lift a synthetic clip with the bundled weights and show the result",
    "train": "train a method",
    "evaluate": "measure models under a protocol",
    "data": "check or describe a dataset that you have",
    "compare": "two motions or two reports side by side",
    "experiment": "list the rows of the papers' tables, or run one",
    "weights": "list or inspect weights",
    "export": "write a network as a file for other programs (ONNX)",
}
#: The last three as for a command that the signals SIGINT, SIGPIPE and SIGTERM end.
BAD_INPUT, INTERRUPTED, NO_READER, TERMINATED = 2, 130, 141, 143


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit status: 0, 1 for a dataset in which errors were found, 2 for input that cannot be
        used, 130 after Ctrl-C, 141 where nobody reads the output any more, 143 after SIGTERM.
    """
    with _sigterm_unwinds():
        return _main(argv)


def _main(argv: Sequence[str] | None) -> int:
    try:
        try:
            return _run(list(sys.argv[1:] if argv is None else argv))
        finally:
            sys.stdout.flush()  # here, where a reader that has gone is dealt with
    except LangliftError as error:
        print(f"langlift: {' '.join(str(error).split())}", file=sys.stderr)
        return BAD_INPUT
    except BrokenPipeError:
        return _without_reader()
    except OSError as error:
        # A path that no file system takes: too long, or under a folder that may not be entered.
        where = "" if error.filename is None else f"{error.filename}: "
        said = f"{where}{error.strerror or error}; give another path"
        print(f"langlift: {printable(' '.join(said.split()))}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("langlift: interrupted; nothing half-written was left behind", file=sys.stderr)
        return INTERRUPTED
    except SystemExit as stop:
        if stop.code != TERMINATED:  # --help
            raise
        print("langlift: terminated; nothing half-written was left behind", file=sys.stderr)
        return TERMINATED


def _without_reader() -> int:
    """The reader of our output has gone (`| head`); there is nobody to tell.

    What is still buffered goes nowhere, or Python would complain about it when it exits.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return NO_READER


@contextmanager
def _sigterm_unwinds() -> Iterator[None]:
    """Let SIGTERM end the command as an exception does, so that temporary files are removed.

    By default the process would end at once. Training replaces this handler while it runs, to save
    what it has. Only the main thread may set handlers; elsewhere nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: object) -> None:
        # The files are being removed now; a second SIGTERM must not break that off.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise SystemExit(TERMINATED)

    before = signal.getsignal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        # None stands for a handler that was not set from Python, which cannot be put back.
        signal.signal(signal.SIGTERM, signal.SIG_DFL if before is None else before)


def _run(arguments: Sequence[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(_usage())
        return 0
    verb = arguments[0]
    if verb == "--version":
        print(f"langlift {__version__}")
        return 0
    if verb not in VERBS and Path(verb).exists():
        raise InputError(f"{verb!r} is a file or folder, not a verb; write langlift lift {verb}")
    if verb not in VERBS:
        raise unknown("verb", verb, VERBS)
    return import_module(f".{verb}", __package__).run(arguments[1:])


def _usage() -> str:
    width = max(map(len, VERBS))
    lines = [f"  {verb:<{width}}  {what}" for verb, what in VERBS.items()]
    return "\n".join(
        ["usage: langlift VERB [options]", "", *lines, "", "langlift VERB --help tells the rest."]
    )
