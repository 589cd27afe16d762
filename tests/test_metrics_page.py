"""The page about metrics and its example say what is true."""

from __future__ import annotations

import inspect
import runpy

import pytest
from doc_pages import ROOT, first_column, page_text, run_example

from langlift import metrics

EXAMPLE = "oracle_is_cheap.py"


def test_the_table_lists_every_function() -> None:
    functions = {n for n in metrics.__all__ if inspect.isfunction(getattr(metrics, n))}
    listed = first_column("metrics")
    assert sorted(listed) == sorted(functions)


@pytest.mark.parametrize(
    ("millimetres", "single", "mean", "best"),
    [(0, 39.9, 39.9, 39.9), (2, 40.0, 39.9, 36.3), (5, 40.7, 39.9, 31.6), (10, 43.0, 40.1, 25.7)],
)
def test_noise_lowers_the_oracle_and_nothing_else(
    millimetres: float, single: float, mean: float, best: float
) -> None:
    simulate = runpy.run_path(str(ROOT / "examples" / EXAMPLE))["simulate"]
    assert simulate(millimetres / 1000) == {
        "single": pytest.approx(single, abs=0.2),
        "P-Agg": pytest.approx(mean, abs=0.2),
        "J-Best (oracle)": pytest.approx(best, abs=0.2),
    }


def test_the_page_shows_what_the_example_prints(capsys: pytest.CaptureFixture[str]) -> None:
    run_example(EXAMPLE)
    printed = capsys.readouterr().out
    assert printed in page_text("docs/metrics.md")
    lines = [line for line in printed.splitlines() if "J-Best" in line]
    assert len(lines) == 4 and all("oracle" in line for line in lines)
