"""What all tests share: the motion corpus, and a thread limit that leaves the machine usable.

Tests marked ``corpus`` (or using the `corpus` fixture) need the folder that LANGLIFT_CORPUS names.
Without it they are skipped and the summary says so; with LANGLIFT_REQUIRE_CORPUS=1 a corpus test
that does not run is a failure, so that CI cannot pass by leaving them out.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest

# Read by torch when a test first imports it, and by the processes that tests start. Set here and
# not through torch, because most tests never need torch and its import takes seconds.
os.environ.setdefault("OMP_NUM_THREADS", "2")

_HOW_TO = "set LANGLIFT_CORPUS to the folder of the motion corpus (it holds splits.json)"


def _required() -> bool:
    return os.environ.get("LANGLIFT_REQUIRE_CORPUS", "") not in ("", "0")


def _corpus_folder() -> Path | None:
    """The corpus folder; None where none is named; a named folder without a corpus is an error."""
    named = os.environ.get("LANGLIFT_CORPUS", "")
    if not named:
        return None
    folder = Path(named)
    if not (folder / "splits.json").is_file():
        raise pytest.UsageError(f"LANGLIFT_CORPUS is {named!r}, which holds no corpus; {_HOW_TO}")
    return folder


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a LANGLIFT_CORPUS that is no corpus before any test runs."""
    if _required() and _corpus_folder() is None:
        raise pytest.UsageError(f"LANGLIFT_REQUIRE_CORPUS is set without a corpus; {_HOW_TO}")
    _corpus_folder()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests that use the fixture, and skip marked tests where there is no corpus."""
    for item in items:
        if "corpus" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.corpus)
        if item.get_closest_marker("corpus") and _corpus_folder() is None:
            item.add_marker(pytest.mark.skip(reason=f"no motion corpus: {_HOW_TO}"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where the corpus is required, turn a skipped corpus test into a failed one."""
    report = yield
    skipped = report.skipped and not hasattr(report, "wasxfail")
    if skipped and _required() and item.get_closest_marker("corpus"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped although the corpus is required"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many corpus tests did not run."""
    skipped = terminalreporter.stats.get("skipped", [])
    left_out = sum("no motion corpus" in str(report.longrepr) for report in skipped)
    if left_out:
        terminalreporter.write_line(
            f"NOT RUN: {left_out} tests need the motion corpus; {_HOW_TO}", yellow=True, bold=True
        )


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of the motion corpus; tests that use it carry the marker ``corpus``."""
    folder = _corpus_folder()
    if folder is None:
        pytest.skip(f"no motion corpus: {_HOW_TO}")
    return folder
