"""What has been measured so far, a line per recording, so that a long evaluation can go on.

The first line of ``recordings.jsonl`` says what is being measured: weights, protocol, options, data
and the version of langlift. An evaluation of anything else never continues the file, and the score
of a recording that has another content now is refused.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..datasets.recordings import Recording
from ..errors import InputError
from ..formats.files import atomic_write, naming
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
        self._scores: dict[tuple[str, str, str], tuple[Score, str]] = {}
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
            temporary.write_text("".join(map(_line, lines)))

    def get(
        self,
        model: str,
        source: str,
        recording: Recording,
        sequence: str,
        metrics: Sequence[str],
        joints: int,
    ) -> Score | None:
        """The score of a recording, None where it has not been measured.

        Args:
            model: name of the model.
            source: of the 2D.
            recording: as it is now.
            sequence: what it is called, see `Score.sequence`.
            metrics: that are measured.
            joints: number of joints that are compared.

        Raises:
            InputError: where the recording is not the one that was measured, or the score cannot
                be its.
        """
        if (model, source, recording.name) not in self._scores:
            return None
        score, digest = self._scores[model, source, recording.name]
        if digest != _digest(recording):
            raise InputError(
                f"{self.path}: the recording {recording.name!r} ({source}) has another content "
                "than when it was measured; give the same data, or choose another --out"
            )
        if reason := score.misfit(recording, sequence, metrics, joints):
            raise InputError(
                f"{self.path}: the score of {recording.name!r} ({source}) is damaged: {reason}; "
                "start again in another --out"
            )
        return score

    def add(self, model: str, source: str, score: Score, recording: Recording) -> None:
        """Write the score of a recording down; it is on the disk when this returns."""
        digest = _digest(recording)
        line = {"model": model, "2D": source, "digest": digest, "score": score.content()}
        try:
            with self.path.open("a") as file:
                file.write(_line(line))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise InputError(
                f"{self.path} cannot be written ({error.strerror}); mend that and continue with "
                "--resume"
            ) from error
        self._scores[model, source, score.name] = score, digest

    def _read(self, path: Path, wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Take the scores in; returns their lines."""
        if not path.is_file():
            raise InputError("there is no evaluation to resume; start it without --resume")
        whole, _, _ = path.read_bytes().rpartition(b"\n")  # a half-written line has no end
        lines = [_object(line, n) for n, line in enumerate(whole.splitlines(), 1)]
        head = lines.pop(0) if lines else {}
        identity = head.get("identity")
        if not isinstance(identity, dict):
            raise _damaged("its first line does not say what was measured")
        if {key: head.get(key) for key in _FORMAT} != _FORMAT:
            raise InputError("this is no evaluation of this langlift; choose another --out")
        for n, line in enumerate(lines, 2):
            try:
                score = Score.from_content(line.get("score", {}))
            except InputError as error:
                raise _damaged(f"line {n}: {error}") from error
            model, source, digest = (line.get(key) for key in ("model", "2D", "digest"))
            if not (isinstance(model, str) and isinstance(source, str) and digest):
                raise _damaged(f"line {n}: it does not say what the score is of")
            self._scores[model, source, score.name] = score, str(digest)
        if differing := [k for k in {**wanted, **identity} if wanted.get(k) != identity.get(k)]:
            raise InputError(
                f"the evaluation differs from the one that is there ({', '.join(differing)}); "
                "resume it with the same, or choose another --out"
            )
        return lines


def _line(content: Mapping[str, Any]) -> str:
    return json.dumps(content, allow_nan=False) + "\n"


def _object(line: bytes, number: int) -> dict[str, Any]:
    """What a line holds."""
    try:
        content = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _damaged(f"line {number} is cut off or no JSON") from error
    if not isinstance(content, dict):
        raise _damaged(f"line {number} is none that langlift writes")
    return content


def _damaged(why: str) -> InputError:
    return InputError(f"the file is damaged ({why}); start again in another --out")


def _digest(recording: Recording) -> str:
    """Of everything in a recording that decides its score."""
    points, counted, lens = recording.keypoints, recording.counted, recording.lens
    said = [recording.labels.tolist(), points.skeleton.name, points.fps, points.image_size]
    digest = hashlib.sha256(json.dumps([*said, repr(lens)], default=str).encode())
    for values in (
        points.xy,
        points.confidence,
        counted,
        recording.joints[counted],  # other frames may hold anything
        recording.metres_per_unit,
    ):
        digest.update(b"" if values is None else np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def _plain(identity: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON gives it back, so that it can be compared."""
    return json.loads(json.dumps(identity, default=str, sort_keys=True))
