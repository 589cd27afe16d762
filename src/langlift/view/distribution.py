"""One PNG with a panel per action: the poses it is made of, and how much they differ.

After the idea of Fig. 1b of ActionPrompt (Zheng et al., 2023): actions differ in where their poses
lie, which is what makes the label worth knowing.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..actions import words_of
from ..datasets.description import ActionPoses
from ..errors import InputError, printable
from ..formats.files import atomic_write
from ..skeletons import Skeleton
from .drawing import (
    FAINT,
    INK,
    MUTED,
    PAPER,
    SIDE_COLOURS,
    Limbs,
    add_panel,
    links_of,
    write,
)
from .picture import checked_suffix
from .strip import cut

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Actions that fit on a page; those with the most frames are drawn.
MOST_ACTIONS = 16
_POSES = 220  # overlaid in a panel
_COLUMNS, _FEWEST_COLUMNS, _DPI = 4, 2, 100
_WIDE, _PANEL, _HEAD, _GAP, _MARGIN = 3.68, 2.75, 0.62, 0.16, 0.4  # inches
_TOP, _FOOT, _NOTE_LINE = 1.12, 0.3, 0.2
_BAR = 0.9  # length of the bar of the largest spread
_OPACITY = 0.06
_LEGEND = (
    "Poses moved to one root and turned to face the viewer, from the front and from the person's "
    "left; on top the pose next to the mean. Number and bar: spread, the root mean square distance "
    "of the joints from the mean pose."
)


def save_distribution(
    actions: Sequence[ActionPoses],
    skeleton: Skeleton,
    path: str | Path,
    title: str,
    note: str = "",
) -> Path:
    """Draw the poses of each action from the front and from the person's left, at one scale.

    Everybody is moved to one root and turned to face the viewer. Left limbs are blue, right limbs
    vermilion; the pose next to the mean is drawn on top. Actions come in the order of their spread.

    Args:
        actions: what to draw; of more than `MOST_ACTIONS` those with the most frames.
        skeleton: of the poses.
        path: file to write, ending in ``.png``; it appears only when it is complete.
        title: heading.
        note: a line under the heading.

    Returns:
        The path that was written.

    Raises:
        InputError: without actions, for another suffix or a path that cannot be written.
    """
    target = checked_suffix(path, ".png", "a picture")
    if not actions:
        raise InputError("there are no poses to draw; give at least one action")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    kept = sorted(actions, key=lambda a: -a.frames)[:MOST_ACTIONS]
    kept = sorted(kept, key=lambda a: -a.spread)
    with atomic_write(target) as part:
        page = _Page(len(kept))
        figure = Figure(figsize=(page.width, page.height), dpi=_DPI, facecolor=PAPER)
        canvas = FigureCanvasAgg(figure)
        page.write_on(figure, title, note, len(actions) - len(kept))
        reach = _Reach.of(kept)
        for k, each in enumerate(kept):
            panel = add_panel(figure, page.box(k))
            panel.set_xlim(0, _WIDE)
            panel.set_ylim(0, _PANEL)
            _label(panel, each, kept[0].spread)
            _draw(panel, each, skeleton, reach)
        canvas.print_png(str(part))
    return target


class _Page:
    """Where the panels stand on a page of so many, inches, and the words around them."""

    def __init__(self, panels: int) -> None:
        columns = max(min(_COLUMNS, panels), _FEWEST_COLUMNS)
        self._columns = columns
        self.width = 2 * _MARGIN + columns * _WIDE + (columns - 1) * _GAP
        self._notes = textwrap.wrap(_LEGEND, int(self.width * 14.6))
        rows = -(-panels // columns)
        self.height = _TOP + rows * (_PANEL + _GAP) + _FOOT + _NOTE_LINE * len(self._notes)

    def box(self, k: int) -> tuple[float, float, float, float]:
        """Left, bottom, width and height of the panel of that number."""
        row, column = divmod(k, self._columns)
        left = _MARGIN + column * (_WIDE + _GAP)
        return left, self.height - _TOP - (row + 1) * _PANEL - row * _GAP, _WIDE, _PANEL

    def write_on(self, figure: Figure, title: str, note: str, left_out: int) -> None:
        """Heading, note and legend."""
        at, end, unit = _MARGIN / self.width, 1 - _MARGIN / self.width, 1 / self.height
        heading = cut(printable(title), int(6.3 * self.width))
        write(figure, at, 1 - 0.26 * unit, heading, 18, va="top", fontweight="bold")
        said = [note] if note else []
        if left_out:
            said.append(f"{left_out} actions with fewer frames are not drawn")
        words = cut(printable("; ".join(said)), int(9.5 * self.width))
        write(figure, at, 1 - 0.68 * unit, words, 11, va="top", color=MUTED)
        style = {"va": "top", "ha": "right", "fontweight": "bold"}
        for k, side in enumerate(("right", "left")):
            x = end - 0.55 * k / self.width
            write(figure, x, 1 - 0.68 * unit, side, 11, color=SIDE_COLOURS[side], **style)
        legend = "\n".join(self._notes)
        write(figure, at, 0.2 * unit, legend, 9.5, va="bottom", color=MUTED, linespacing=1.4)


class _Reach:
    """How far the poses go, metres, the same in every panel."""

    def __init__(self, half: float, low: float, high: float) -> None:
        self.half, self.low, self.high = half, low, high

    @classmethod
    def of(cls, actions: Sequence[ActionPoses]) -> _Reach:
        """What holds nearly all joints of all actions."""
        every = np.concatenate([a.poses.reshape(-1, 3) for a in actions])
        half = float(np.quantile(np.abs(every[:, :2]).max(axis=1), 0.9985))
        low, high = np.quantile(every[:, 2], (0.0005, 0.9995))
        return cls(max(half, 0.3), min(float(low), -0.3) - 0.05, max(float(high), 0.3) + 0.05)


def _label(ax: Axes, each: ActionPoses, most: float) -> None:
    """Name, amount and spread of an action, at the top of its panel."""
    name = words_of(each.action) if each.action else "no label"
    shown = cut(printable(f"{name[:1].upper()}{name[1:]}"), 24)
    top, end = _PANEL - 0.13, _WIDE - 0.14
    write(ax, 0.14, top, shown, 12.5, va="top", fontweight="bold")
    counted = f"{each.recordings:,} recordings, {each.frames:,} frames"
    write(ax, 0.14, top - 0.28, counted, 9, va="top", color=MUTED)
    write(ax, end, top, f"{1000 * each.spread:.0f} mm", 12.5, va="top", ha="right")
    style = {"linewidth": 3.5, "solid_capstyle": "butt"}
    length = _BAR * each.spread / max(most, 1e-9)
    ax.plot([end - _BAR, end], [top - 0.37] * 2, color=FAINT, **style)
    ax.plot([end - _BAR, end - _BAR + length], [top - 0.37] * 2, color=INK, **style)


def _draw(ax: Axes, each: ActionPoses, skeleton: Skeleton, reach: _Reach) -> None:
    """The poses from the front and from the person's left."""
    room = _PANEL - _HEAD
    scale = min(room / (reach.high - reach.low), _WIDE / (4.2 * reach.half))  # inches per metre
    chosen = each.poses[np.linspace(0, len(each.poses) - 1, _POSES).round().astype(int)]
    middle = (room - scale * (reach.high + reach.low)) / 2
    for across, axis in ((0.27 * _WIDE, 0), (0.74 * _WIDE, 1)):
        place = np.array([across, middle])
        _overlay(ax, chosen[..., [axis, 2]] * scale + place, skeleton)
        # From the front what is nearer has a smaller `back`; from the left, a larger `left`.
        nearer = -each.typical[:, 1] if axis == 0 else each.typical[:, 0]
        Limbs(ax, skeleton, 3.0).move(each.typical[:, [axis, 2]] * scale + place, nearer)


def _overlay(ax: Axes, flat: np.ndarray, skeleton: Skeleton) -> None:
    """Poses (n, j, 2) as faint lines."""
    from matplotlib.collections import LineCollection
    from matplotlib.colors import to_rgba

    links = links_of(skeleton)
    ends = np.array([link[:2] for link in links])
    colours = [to_rgba(SIDE_COLOURS[side], _OPACITY) for *_, side in links]
    segments = flat[:, ends]  # pose, link, end, 2
    lines = LineCollection(
        list(segments.reshape(-1, 2, 2)),
        colors=colours * len(flat),
        linewidths=1.4,
        capstyle="round",
        zorder=2,
    )
    ax.add_collection(lines, autolim=False)
