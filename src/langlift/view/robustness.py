"""One PNG with a small panel per sweep: the error away from the frontal view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ..errors import InputError, check_shape
from ..formats.files import atomic_write
from .drawing import FAINT, INK, MUTED, PAPER, SIDE_COLOURS, write
from .picture import checked_suffix

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Blue and vermilion, told apart with every common colour blindness; marks differ as well.
_STYLES = ((SIDE_COLOURS["left"], "o"), (SIDE_COLOURS["right"], "s"), (INK, "^"))
_WORDS = {"gt": "exact 2D", "noisy": "2D with detector noise"}
_COLUMNS, _DPI = 5, 100
_WIDTH, _ROW, _TOP, _FOOT = 16.0, 2.9, 1.15, 0.55  # inches
_LINE = 2.0  # the line that a robust lifter stays below, times the frontal error


class Curves(Protocol):
    """One sweep as plain values; any object with these attributes is drawn."""

    @property
    def name(self) -> str:
        """What is changed."""
        ...

    @property
    def unit(self) -> str:
        """Unit of the values; empty for words."""
        ...

    @property
    def values(self) -> tuple[float | str, ...]:
        """(v) numbers in rising order, or words."""
        ...

    @property
    def reference(self) -> float | str:
        """The value of the frontal view."""
        ...

    @property
    def curves(self) -> Mapping[str, np.ndarray]:
        """2D source to (v, 3) mm: figure, low and high end of its interval."""
        ...

    @property
    def frontal(self) -> Mapping[str, float]:
        """2D source to the figure of the frontal view, mm."""
        ...


def save_robustness_figure(
    panels: Sequence[Curves], path: str | Path, title: str | None = None
) -> Path:
    """Draw the error over every sweep's values, all panels on one scale of mm.

    A grey line marks the reference value, dotted lines twice the frontal error of each curve's
    2D source; bands (bars where the values are words) are the intervals.

    Args:
        panels: the sweeps, all with the same 2D sources, three at most.
        path: file to write, ending in ``.png``; it appears only when it is complete.
        title: heading; a general one if omitted.

    Returns:
        The path that was written.

    Raises:
        InputError: without panels, for more sources than can be told apart, curves of another
            shape, another suffix or a path that cannot be written.
    """
    target = checked_suffix(path, ".png", "a figure")
    _check(panels)
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = -(-len(panels) // _COLUMNS)
    height = rows * _ROW + _TOP
    with atomic_write(target) as part:
        figure = Figure(figsize=(_WIDTH, height), dpi=_DPI, facecolor=PAPER)
        canvas = FigureCanvasAgg(figure)
        heading = title or "Robustness: one thing changed at a time around a frontal view"
        write(figure, 0.035, 1 - 0.28 / height, heading, 17, va="top", fontweight="bold")
        axes = _axes(figure, len(panels), rows, height)
        for ax, panel in zip(axes, panels, strict=True):
            _draw(ax, panel)
        axes[0].set_ylim(0, _top(panels))
        _legend(figure, list(panels[0].curves), height)
        canvas.print_png(str(part))
    return target


def _check(panels: Sequence[Curves]) -> None:
    if not panels:
        raise InputError("there are no sweeps to draw; give at least one")
    for panel in panels:
        if not 1 <= len(panel.curves) <= len(_STYLES):
            raise InputError(
                f"sweep {panel.name!r} has {len(panel.curves)} curves; give 1 to {len(_STYLES)}"
            )
        for source, curve in panel.curves.items():
            check_shape(curve, f"{len(panel.values)} 3", f"curve {source!r} of {panel.name!r}")
            if source not in panel.frontal:
                raise InputError(f"sweep {panel.name!r} lacks the frontal figure of {source!r}")


def _axes(figure: Figure, count: int, rows: int, height: float) -> list[Axes]:
    grid = figure.add_gridspec(
        rows,
        _COLUMNS,
        left=0.045,
        right=0.985,
        top=1 - _TOP / height,
        bottom=_FOOT / height,
        hspace=0.38,
        wspace=0.1,
    )
    axes: list[Axes] = []
    for k in range(count):
        share = axes[0] if axes else None
        ax = figure.add_subplot(grid[k // _COLUMNS, k % _COLUMNS], sharey=share)
        ax.tick_params(colors=MUTED, labelsize=8.5, length=3, labelleft=k % _COLUMNS == 0)
        for side, spine in ax.spines.items():
            spine.set_visible(side in ("left", "bottom"))
            spine.set_color(FAINT)
        if k % _COLUMNS == 0:
            ax.set_ylabel("MPJPE (mm)", color=INK, fontsize=10)
        axes.append(ax)
    return axes


def _draw(ax: Axes, panel: Curves) -> None:
    numeric = all(isinstance(v, int | float) for v in panel.values)
    at = np.array(panel.values, dtype=float) if numeric else np.arange(len(panel.values))
    ax.set_title(
        f"{panel.name[:1].upper()}{panel.name[1:]}",
        fontsize=11,
        color=INK,
        loc="left",
        fontweight="bold",
    )
    ax.set_xlabel(panel.unit, fontsize=9, color=MUTED, labelpad=2)
    ax.set_xticks(at, [v if isinstance(v, str) else f"{v:g}" for v in panel.values])
    room = 0.05 * (at[-1] - at[0]) if numeric and len(at) > 1 else 0.4
    ax.set_xlim(at.min() - room, at.max() + room)
    if panel.reference in panel.values:
        ax.axvline(at[panel.values.index(panel.reference)], color=FAINT, linewidth=5, zorder=0)
    beside = 0.12 * (np.arange(len(panel.curves)) - (len(panel.curves) - 1) / 2)
    for k, (source, curve) in enumerate(panel.curves.items()):
        colour, mark = _STYLES[k]
        middle, low, high = np.asarray(curve, dtype=float).T
        style = {"color": colour, "marker": mark, "markersize": 4.5, "zorder": 3}
        if numeric:
            ax.fill_between(at, low, high, color=colour, alpha=0.2, linewidth=0, zorder=2)
            ax.plot(at, middle, linewidth=1.6, **style)
        else:
            spans = np.maximum([middle - low, high - middle], 0)
            ax.errorbar(
                at + beside[k], middle, spans, linestyle="none", elinewidth=1.6, capsize=4, **style
            )
        ax.axhline(_LINE * panel.frontal[source], color=colour, linestyle=":", linewidth=1.2)


def _top(panels: Sequence[Curves]) -> float:
    """A little above everything that is drawn, mm."""
    highest = [np.nanmax(curve) for panel in panels for curve in panel.curves.values()]
    lines = [_LINE * value for panel in panels for value in panel.frontal.values()]
    return max(1.06 * max(*highest, *lines), 1.0)


def _legend(figure: Figure, sources: Sequence[str], height: float) -> None:
    from matplotlib.lines import Line2D

    shown = [
        (_WORDS.get(source, source), {"color": colour, "marker": mark, "linewidth": 1.6})
        for source, (colour, mark) in zip(sources, _STYLES, strict=False)
    ]
    shown += [
        ("frontal reference", {"color": FAINT, "linewidth": 5}),
        (
            f"{_LINE:g} x the frontal error of the same 2D",
            {"color": MUTED, "linestyle": ":", "linewidth": 1.2},
        ),
    ]
    figure.legend(
        [Line2D([], [], markersize=4.5, **style) for _, style in shown],
        [words for words, _ in shown],
        loc="upper left",
        bbox_to_anchor=(0.03, 1 - 0.55 / height),
        ncols=len(shown),
        frameon=False,
        fontsize=10,
    )
