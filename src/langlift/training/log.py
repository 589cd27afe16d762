"""What a run tells of itself: lines of metrics.jsonl, pace, and TensorBoard's event files."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..formats.files import atomic_write
from .config import TrainConfig

Report = Callable[[dict[str, Any]], None]
#: What names of figures begin with; those of the test subjects, by which weights are chosen, are
#: an oracle's.
VALIDATION, _ORACLE = "validation_", "oracle_"


def marked(config: TrainConfig, figures: dict[str, float], prefix: str = "") -> dict[str, float]:
    """Figures by which weights are chosen, with ``oracle`` in their names on test subjects.

    Args:
        config: the run.
        figures: by name, and the step where it is among them.
        prefix: of names on validation subjects.
    """
    start = _ORACLE if config.selection == "test" else prefix
    return {n if n == "step" else start + n: v for n, v in figures.items()}


class Log:
    """metrics.jsonl; lines of steps that will be run again are dropped when resuming.

    Args:
        path: the file.
        keep_below: last step whose lines are kept.
        report: called with every line.
        tensorboard: write event files beside it, too.
    """

    def __init__(self, path: Path, keep_below: int, report: Report, tensorboard: bool) -> None:
        self._path = path
        self._report = report
        resumed = path.exists()
        if resumed:
            lines = [json.loads(x) for x in path.read_text().splitlines() if x.endswith("}")]
            kept = [line for line in lines if line["step"] <= keep_below]
            with atomic_write(path) as temporary:
                Path(temporary).write_text("".join(json.dumps(line) + "\n" for line in kept))
        # What TensorBoard has of later steps is hidden by it, the lines of a new run are all kept.
        self._events = _events(path.parent, keep_below + 1 if resumed else None, tensorboard)

    def write(self, entry: dict[str, Any]) -> None:
        """Add a line."""
        try:
            with self._path.open("a") as file:
                file.write(json.dumps(entry) + "\n")
        except OSError as error:
            raise InputError(
                f"{self._path} cannot be written ({error.strerror}); mend that and continue the "
                "run with --resume"
            ) from error
        if self._events is not None:
            for name, value in entry.items():
                if name != "step":
                    self._events.add_scalar(_tag(name), value, entry["step"])
        self._report(entry)

    def close(self) -> None:
        """Write what TensorBoard has not written yet."""
        if self._events is not None:
            self._events.close()


def check_tensorboard() -> None:
    """Raise `InputError` unless event files can be written."""
    if find_spec("tensorboard") is None:
        raise InputError(
            "TensorBoard is not installed; pip install 'langlift[log]', or leave --tensorboard out"
        )


def _events(folder: Path, purge_step: int | None, wanted: bool) -> Any:
    if not wanted:
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder), purge_step=purge_step, flush_secs=10)


def _tag(name: str) -> str:
    for prefix in (VALIDATION, _ORACLE):
        if name.startswith(prefix):
            return name.replace("_", "/", 1)
    return f"training/{name}"


class Pace:
    """Throughput since the last measurement, and the time the rest will take."""

    def __init__(self, config: TrainConfig, step: int) -> None:
        self._config, self._step, self._time = config, step, time.monotonic()

    def measure(self, step: int) -> dict[str, float]:
        """Target frames per second of all processes, and seconds until the end."""
        now = time.monotonic()
        rate = (step - self._step) / max(now - self._time, 1e-9)
        self._step, self._time = step, now
        frames = rate * self._config.batch * self._config.frames
        return {
            "frames_per_second": round(frames, 1),
            "eta_seconds": round((self._config.steps - step) / rate, 1),
        }
