"""Tables of the pilots by view: what neighbours know, and which way a body looks."""

from __future__ import annotations

import numpy as np
import pytest
from test_pilots import CLASSES, errors, write

from langlift.experiments.pilot_results import BARE, Results
from langlift.experiments.pilot_views import facing_of, neighbours_table, tables_by_view
from langlift.experiments.pilots import Pilot
from langlift.protocols.ambiguity import Ambiguity
from langlift.protocols.report import Report

VIEWS = 320


@pytest.fixture
def results(tmp_path) -> Results:
    write(tmp_path, Pilot(BARE), errors(named=""))
    return Results([Pilot(BARE)], tmp_path, CLASSES)


def test_neighbours_are_judged_by_their_error_and_windows_without_are_left_out(results) -> None:
    """By the action they agree more and are further off; a quarter of the windows has too few."""
    full = np.full(VIEWS, 0.03)
    told = np.where(np.arange(VIEWS) % 4 == 0, np.nan, 0.02)
    found = Ambiguity(full + 0.01 * np.isnan(told), told, full, 2 * told)
    table = neighbours_table(results, found, np.arange(VIEWS), VIEWS)
    alone, same = table.rows
    assert [row.tags["left out"] for row in table.rows] == ["25%", "25%"]
    assert alone.figures["spread in depth"].value == pytest.approx(30)  # of the same windows
    assert same.figures["spread in depth"].value == pytest.approx(20)
    assert same.figures["D-MPJPE of their median"].value == pytest.approx(40)
    difference = same.figures["D-MPJPE difference"]
    assert (difference.value, difference.low, difference.high) == pytest.approx((10, 10, 10))
    assert "D-MPJPE difference" not in alone.figures
    assert [row.origin.oracle for row in table.rows] == [False, True]
    assert "oracle" in Report("mocap", {}, [table]).markdown()


def test_there_are_no_tables_without_both_models(results) -> None:
    assert tables_by_view(results, None) == []  # pyright: ignore[reportArgumentType]


def test_where_a_body_looks() -> None:
    """In camera axes: x to the right, z away; facing the camera, its left hip is on the right."""
    hips = np.zeros((3, 17, 3))
    left = hips.copy()
    left[:, 4, 0] = 0.3
    assert facing_of(left) == "towards the camera"
    assert facing_of(-left) == "away"
    turned = hips.copy()
    turned[:, 4, 2] = 0.3
    assert facing_of(turned) == "sideways"
