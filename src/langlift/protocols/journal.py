"""What has been measured so far, a line per recording, so that a long evaluation can go on.

The first line of ``recordings.jsonl`` says what is being measured: weights, protocol, options, data
and the version of langlift. An evaluation of anything else never continues the file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..formats.files import atomic_write, naming, one_line
from .scores import Score

NAME = "recordings.jsonl"
_FORMAT = {"format": "langlift-evaluation", "version": 1}


class Journal:
    """The scores of an evaluation's recordings, by model and 2D source.

    Args:
        path: the file; made, or read where `resume`.
        identity: what is measured, as plain values.
        resume: go on after what the file holds.

    Raises:
        InputError: where the file exists and `resume` is not set, or the other way round; where it
            is of another evaluation, saying what differs; where it is damaged other than in its
            last line, which a killed run leaves half-written.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any], resume: bool) -> None:
        self.path = path
        self._scores: dict[tuple[str, str, str], Score] = {}
        lines = [{**_FORMAT, "identity": _plain(identity)}]
        if resume:
            with naming(path):
                lines += self._read(path, lines[0]["identity"])
        elif path.exists():
            raise InputError(
                f"{path.parent} already holds an evaluation; continue it with --resume or choose "
                "another --out"
            )
        with atomic_write(path) as temporary:
            temporary.write_text("".join(json.dumps(line) + "\n" for line in lines))

    def get(self, model: str, source: str, recording: str) -> Score | None:
        """The score of a recording, None where it has not been measured."""
        return self._scores.get((model, source, recording))

    def add(self, model: str, source: str, score: Score) -> None:
        """Write a score down; it is on the disk when this returns."""
        line = {"model": model, "2D": source, "score": score.content()}
        try:
            with self.path.open("a") as file:
                file.write(json.dumps(line) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise InputError(
                f"{self.path} cannot be written ({error.strerror}); mend that and continue with "
                "--resume"
            ) from error
        self._scores[model, source, score.name] = score

    def _read(self, path: Path, wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Take the scores in; returns their lines."""
        if not path.is_file():
            raise InputError("there is no evaluation to resume; start it without --resume")
        whole, _, _ = path.read_bytes().rpartition(b"\n")  # a half-written line has no end
        try:
            head, *lines = [json.loads(line) for line in whole.splitlines()]
            identity = dict(head["identity"])
            if {key: head.get(key) for key in _FORMAT} != _FORMAT:
                raise InputError("this is no evaluation of this langlift; choose another --out")
            for line in lines:
                score = Score.from_content(line["score"])
                self._scores[line["model"], line["2D"], score.name] = score
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(
                f"the file is damaged ({one_line(error)}); start again in another --out"
            ) from error
        if differing := [k for k in {**wanted, **identity} if wanted.get(k) != identity.get(k)]:
            raise InputError(
                f"the evaluation differs from the one that is there ({', '.join(differing)}); "
                "resume it with the same, or choose another --out"
            )
        return lines


def _plain(identity: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON gives it back, so that it can be compared."""
    return json.loads(json.dumps(identity, default=str, sort_keys=True))
