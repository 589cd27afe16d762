"""The figure of the `robustness` protocol: it shows what it is given, whole or not at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from langlift.errors import InputError
from langlift.protocols.robustness import ROBUSTNESS, SweepCurves
from langlift.view import robustness as figure_module
from langlift.view.robustness import save_robustness_figure


def panels(sources: tuple[str, ...] = ("gt", "noisy")) -> list[SweepCurves]:
    """Invented figures for all sweeps."""
    made = []
    for sweep in ROBUSTNESS:
        at = np.arange(len(sweep.values)) - sweep.values.index(sweep.reference)
        curves = {}
        for source, base in zip(sources, (40.0, 50.0, 60.0), strict=False):
            mean = base + 4 * np.abs(at)
            curves[source] = np.stack([mean, mean - 3, mean + 3], axis=1)
        frontal = dict(zip(sources, (40.0, 50.0, 60.0), strict=False))
        made.append(
            SweepCurves(sweep.name, sweep.unit, sweep.values, sweep.reference, curves, frontal)
        )
    return made


def test_the_figure_is_made_whole(tmp_path: Path) -> None:
    path = tmp_path / "robustness.png"
    assert save_robustness_figure(panels(), path) == path
    image = imread(path)
    assert image.shape[1] == 1600
    assert image.shape[0] > 600
    blue = (np.abs(image[..., :3] - (0, 0x72 / 255, 0xB2 / 255)) < 0.02).all(axis=-1)
    orange = (np.abs(image[..., :3] - (0xD5 / 255, 0x5E / 255, 0)) < 0.02).all(axis=-1)
    assert blue.sum() > 2000
    assert orange.sum() > 2000
    assert [p.name for p in tmp_path.iterdir()] == ["robustness.png"]


def test_panels_share_the_scale_and_show_the_figures() -> None:
    figure = Figure()
    pitch, limb = (
        next(p for p in panels() if p.name == n) for n in ("camera pitch", "hidden limb")
    )
    axes = figure_module._axes(figure, 2, 1, 5.0)
    figure_module._draw(axes[0], pitch)
    figure_module._draw(axes[1], limb)
    axes[0].set_ylim(0, 123)
    assert axes[1].get_ylim() == (0, 123)
    lines = [(list(line.get_xdata()), list(line.get_ydata())) for line in axes[0].lines]
    for source in ("gt", "noisy"):
        assert (list(pitch.values), list(pitch.curves[source][:, 0])) in lines
    levels = [y[0] for x, y in lines if len(set(y)) == 1 and len(y) == 2]
    assert sorted(levels) == [80, 100]  # twice the frontal errors
    assert any(set(x) == {10} for x, _ in lines)  # the reference
    assert [t.get_text() for t in axes[1].get_xticklabels()] == list(limb.values)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"curves": {}}, "sweep 'camera pitch' has 0 curves; give 1 to 3"),
        ({"frontal": {"gt": 40.0}}, "sweep 'camera pitch' lacks the frontal figure of 'noisy'"),
        ({"values": (0, 10)}, "curve 'gt' of 'camera pitch' has shape"),
    ],
)
def test_curves_that_do_not_fit_are_refused(tmp_path: Path, change: dict, message: str) -> None:
    pitch = next(p for p in panels() if p.name == "camera pitch")
    with pytest.raises(InputError, match=message):
        save_robustness_figure([replace(pitch, **change)], tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_bad_files_and_nothing_to_draw_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a figure is written as PNG; .* ends in \.png"):
        save_robustness_figure(panels(), tmp_path / "a.pdf")
    with pytest.raises(InputError, match="there are no sweeps to draw"):
        save_robustness_figure([], tmp_path / "a.png")
    with pytest.raises(InputError, match="does not exist"):
        save_robustness_figure(panels(), tmp_path / "nowhere" / "a.png")
