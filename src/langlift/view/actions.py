"""Pictures of what knowing the action changes: depth errors by class, and poses side by side.

As Figs. 3 and 4 of ActionPrompt (Zheng et al., ICME 2023) show it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..actions import words_of
from ..errors import InputError, check_shape
from ..formats.files import atomic_write
from ..skeletons import Skeleton
from ..tracks import Keypoints
from .drawing import (
    ACTION,
    FAINT,
    INK,
    MUTED,
    OTHER_ACTION,
    PAPER,
    Limbs,
    add_panel,
    bounds,
    project,
    show_image,
    write,
)
from .picture import checked_suffix
from .strip import cut

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DPI = 100
_BARS, _BAR, _TOP, _FOOT = 11.0, 0.34, 0.95, 0.75  # inches
_PANEL, _GAP, _LEFT, _HEAD, _CAPTION = 2.35, 0.12, 0.35, 1.15, 0.58
#: What the columns of the poses show.
_COLUMNS = ("2D input", "alone", "+ APM", "truth")


@dataclass(frozen=True)
class ClassErrors:
    """Depth errors of one class, millimetres.

    Args:
        bare: without the action.
        prompted: with it.
        low: lower end of the interval of the difference (prompted minus bare).
        high: its upper end.
    """

    bare: float
    prompted: float
    low: float
    high: float


def save_action_bars(
    classes: Mapping[str, ClassErrors], path: str | Path, title: str, note: str = ""
) -> Path:
    """Draw two bars per class, the hardest class first, and how sure the difference is.

    Args:
        classes: label to its errors.
        path: file to write, ending in ``.png``; it appears only when it is complete.
        title: heading.
        note: a line under the heading.

    Returns:
        The path that was written.

    Raises:
        InputError: without classes, for errors that are not finite, or another suffix.
    """
    target = checked_suffix(path, ".png", "a figure")
    if not classes:
        raise InputError("there are no classes to draw; give at least one")
    for name, found in classes.items():
        if not np.isfinite([found.bare, found.prompted, found.low, found.high]).all():
            raise InputError(f"the errors of class {name!r} are not finite; leave the class out")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    order = sorted(classes, key=lambda name: -classes[name].bare)
    height = len(order) * _BAR * 1.35 + _TOP + _FOOT
    with atomic_write(target) as part:
        figure = Figure(figsize=(_BARS, height), dpi=_DPI, facecolor=PAPER)
        canvas = FigureCanvasAgg(figure)
        write(figure, 0.03, 1 - 0.2 / height, title, 15, va="top", fontweight="bold")
        write(figure, 0.03, 1 - 0.55 / height, note, 9.5, va="top", color=MUTED)
        box = (0.24, _FOOT / height, 0.54, 1 - (_TOP + _FOOT) / height)
        _draw_bars(figure.add_axes(box), [(name, classes[name]) for name in order])
        canvas.print_png(str(part))
    return target


def _draw_bars(ax: Axes, rows: Sequence[tuple[str, ClassErrors]]) -> None:
    at = np.arange(len(rows))
    styles = {"alone": (-0.2, OTHER_ACTION), "+ APM": (0.2, ACTION)}
    for name, (shift, colour) in styles.items():
        values = [e.bare if name == "alone" else e.prompted for _, e in rows]
        ax.barh(at + shift, values, height=0.38, color=colour, label=name, zorder=2)
    ax.set_yticks(at, [cut(words_of(name), 30) for name, _ in rows], fontsize=10, color=INK)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.set_xlabel("D-MPJPE (mm)", fontsize=10, color=INK)
    ax.tick_params(colors=MUTED, labelsize=9, length=3)
    ax.tick_params(axis="y", length=0, labelcolor=INK, labelsize=10)
    ax.grid(axis="x", color=FAINT, linewidth=0.7, zorder=0)
    for side, spine in ax.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(FAINT)
    ax.legend(frameon=False, fontsize=10, loc="lower right")
    for row, (_, found) in enumerate(rows):
        gap = found.prompted - found.bare
        sure = found.low > 0 or found.high < 0
        text = f"{gap:+.2f} [{found.low:+.2f}, {found.high:+.2f}]"
        ax.annotate(
            text,
            (1.02, row),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=9.5,
            color=INK if sure else MUTED,
            fontweight="bold" if sure else "normal",
            annotation_clip=False,
        )


@dataclass(frozen=True)
class Example:
    """One moment, as both models see it.

    Args:
        caption: what it is an example of.
        keypoints: one frame of 2D input.
        bare: (j, 3) joints without the action, metres relative to the root, camera axes.
        prompted: (j, 3) with it.
        truth: (j, 3).
        skeleton: of the joints.
    """

    caption: str
    keypoints: Keypoints
    bare: np.ndarray
    prompted: np.ndarray
    truth: np.ndarray
    skeleton: Skeleton

    def __post_init__(self) -> None:
        if len(self.keypoints) != 1:
            raise InputError(f"an example has {len(self.keypoints)} frames of 2D; give exactly one")
        for name in ("bare", "prompted", "truth"):
            check_shape(getattr(self, name), f"{len(self.skeleton)} 3", name)


def save_examples(
    examples: Sequence[Example], path: str | Path, title: str, note: str = ""
) -> Path:
    """Draw each example as a row: 2D input, and from the side both models and the truth.

    From the side errors in depth are errors across. The truth is drawn grey behind both models.

    Args:
        examples: what is shown, from above.
        path: file to write, ending in ``.png``; it appears only when it is complete.
        title: heading.
        note: a line under the heading, such as by which rule they were chosen.

    Returns:
        The path that was written.

    Raises:
        InputError: without examples, or for another suffix.
    """
    target = checked_suffix(path, ".png", "a figure")
    if not examples:
        raise InputError("there are no examples to draw; give at least one")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = len(_COLUMNS)
    wide = 2 * _LEFT + columns * _PANEL + (columns - 1) * _GAP
    height = _HEAD + len(examples) * (_PANEL + _CAPTION)
    with atomic_write(target) as part:
        figure = Figure(figsize=(wide, height), dpi=_DPI, facecolor=PAPER)
        canvas = FigureCanvasAgg(figure)
        write(figure, _LEFT / wide, 1 - 0.2 / height, title, 15, va="top", fontweight="bold")
        write(figure, _LEFT / wide, 1 - 0.53 / height, note, 9, va="top", color=MUTED)
        for column, name in enumerate(_COLUMNS):
            x = _LEFT + column * (_PANEL + _GAP)
            words = name if not column else f"{name}, from the side"
            write(figure, x / wide, 1 - (_HEAD - 0.08) / height, words, 10.5, va="bottom")
        for row, example in enumerate(examples):
            _draw_example(figure, example, height - _HEAD - row * (_PANEL + _CAPTION) - _PANEL)
        canvas.print_png(str(part))
    return target


def _draw_example(figure: Figure, example: Example, bottom: float) -> None:
    """One row, its panels standing at so many inches."""
    wide, height = figure.get_size_inches()
    boxes = [(_LEFT + n * (_PANEL + _GAP), bottom, _PANEL, _PANEL) for n in range(len(_COLUMNS))]
    _draw_input(figure, example.keypoints, boxes[0])
    poses = {n: _staged(getattr(example, n)) for n in ("bare", "prompted", "truth")}
    flat = {name: project(points, "side") for name, points in poses.items()}
    least, most = bounds(np.concatenate([points for points, _ in flat.values()]))
    half = 0.54 * float(max(most - least))
    middle = (least + most) / 2
    for box, (name, (points, nearer)) in zip(boxes[1:], flat.items(), strict=True):
        ax = add_panel(figure, box)
        ax.set_xlim(middle[0] - half, middle[0] + half)
        ax.set_ylim(middle[1] - half, middle[1] + half)
        if name != "truth":
            Limbs(ax, example.skeleton, 3.0, ghost=True).move(*flat["truth"])
        Limbs(ax, example.skeleton, 3.6).move(points, nearer)
        if name != "truth":
            error = np.linalg.norm(getattr(example, name) - example.truth, axis=-1).mean()
            text = f"{1000 * error:.0f} mm"
            write(ax, 0.04, 0.04, text, 9.5, transform=ax.transAxes, color=MUTED)
    place = (_LEFT / wide, (bottom - 0.1) / height)
    write(figure, *place, cut(example.caption, 130), 9.5, va="top")


def _draw_input(
    figure: Figure, keypoints: Keypoints, box: tuple[float, float, float, float]
) -> None:
    least, most = bounds(keypoints.xy[0])
    extent = max(float(max(most - least)), 1.0) * 1.15
    pixel = _PANEL / extent
    limbs = show_image(add_panel(figure, box), keypoints, (least + most) / 2, pixel, box)
    limbs.move(keypoints.xy[0])


def _staged(joints: np.ndarray) -> np.ndarray:
    """Camera axes (right, down, away) to (right, up, away)."""
    return np.asarray(joints, dtype=np.float64) * np.array([1.0, -1.0, 1.0])
