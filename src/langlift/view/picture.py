"""One PNG that shows a whole result: input, 3D from several sides, the action over time."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError, check_shape
from ..formats.files import atomic_write
from ..metrics import mpjpe
from ..tracks import SPACE_AXES, ActionEstimate, Keypoints, Motion
from .drawing import (
    ACTION,
    FAINT,
    GHOST,
    MUTED,
    PAPER,
    SIDE_COLOURS,
    Limbs,
    add_panel,
    anchor,
    bounds,
    on_stage,
    project,
    show_image,
    turned,
    write,
)
from .strip import cut, draw_actions, footnotes, guesses, headline, percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The page, inches at 100 dots each. It is as high as its figures need.
_WIDTH, _DPI = 16.0, 100
_GUTTER, _RIGHT, _TOP, _FOOT, _GAP = 2.55, 0.35, 1.3, 0.74, 0.12
_ROW = 0.37
_TIME_AXIS = 0.34
# Highest figure of several moments and of a single one; lowest panel, and with the legend beside.
_FIGURE, _SINGLE, _PANEL, _LEGEND_PANEL = 2.4, 4.6, 1.3, 2.15
_MOMENTS = 5
_CLASSES = 4
_NOTE_COLUMNS = 235


def save_picture(
    motion: Motion,
    path: str | Path,
    keypoints: Keypoints | None = None,
    truth: np.ndarray | None = None,
    title: str | None = None,
    note: str | None = None,
) -> Path:
    """Draw five moments of a motion, its action over time and where it comes from, as a PNG.

    Each column is one moment: the 2D input above, the 3D skeleton from the camera and from the
    side below, at one scale everywhere. Left limbs are blue, right limbs vermilion. Figures are
    centred on the root. Only in world space is there a floor: elsewhere up is the image's up.

    Args:
        motion: result to draw, any space.
        path: file to write, ending in ``.png``; it appears only when it is complete.
        keypoints: the 2D input of the same frames, in any skeleton.
        truth: (f, j, 3) metres, real joints in the motion's skeleton and space, drawn grey and
            aligned at the root; MPJPE is then printed.
        title: heading; the estimated action if omitted.
        note: a line under the heading, such as what the clip is known to show.

    Returns:
        The path that was written.

    Raises:
        InputError: for another suffix, a path that cannot be written, other frame counts or a
            truth of another shape.
    """
    target = checked_suffix(path, ".png", "a picture")
    check_frames(motion, keypoints)
    if truth is not None:
        truth = np.asarray(truth, dtype=np.float64)
        check_shape(truth, f"{len(motion)} {len(motion.skeleton)} 3", "truth")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with atomic_write(target) as part:
        figure = Figure(dpi=_DPI, facecolor=PAPER)
        canvas = FigureCanvasAgg(figure)
        _Page(figure, motion, keypoints, truth).draw(title, note)
        canvas.print_png(str(part))
    return target


def checked_suffix(path: str | Path, suffix: str, what: str) -> Path:
    """The path to write, if its name ends as the format does."""
    target = Path(path)
    if target.suffix.lower() != suffix:
        raise InputError(
            f"{target}: {what} is written as {suffix[1:].upper()}; give a name that ends in "
            f"{suffix}"
        )
    return target


def check_frames(motion: Motion, keypoints: Keypoints | None) -> None:
    """The 2D input must have a frame for every frame of the motion."""
    if keypoints is not None and len(keypoints) != len(motion):
        raise InputError(
            f"the keypoints have {len(keypoints)} frames but the motion has {len(motion)}; give "
            "the keypoints that the motion was lifted from"
        )


class _Page:
    """The picture of one motion on a figure, which takes the height that the picture needs."""

    def __init__(
        self,
        figure: Figure,
        motion: Motion,
        keypoints: Keypoints | None,
        truth: np.ndarray | None,
    ) -> None:
        self.figure, self.motion, self.keypoints = figure, motion, keypoints
        count = min(_MOMENTS, len(motion))
        self.single = count == 1
        self.moments = ((np.arange(count) + 0.5) * len(motion) / count).astype(int)
        self.staged = on_stage(motion)[self.moments]
        self.ghost: np.ndarray | None = None
        self.errors: np.ndarray | None = None
        if truth is not None:
            self._compare(truth)
        self.views = ["front", "side"]
        if keypoints is None or self.single:
            self.views.append("top")
        self.panels = self.views if keypoints is None else ["2d", *self.views]
        self.bottom = _FOOT
        if motion.action is not None:
            self.rows = min(_CLASSES, len(motion.action.labels))
            self.bottom += self.rows * _ROW + _TIME_AXIS + 0.16
        self._lay_out(len(self.panels) if self.single else count)

    def _compare(self, truth: np.ndarray) -> None:
        """Put the truth where the prediction stands, root on root, and measure the distance."""
        motion = self.motion
        lifted, real = turned(motion, motion.joints), turned(motion, truth)
        real -= anchor(motion.skeleton, real)
        lifted -= anchor(motion.skeleton, lifted)
        self.errors = mpjpe(lifted, real, reduce="frame")
        self.ghost = real[self.moments] + anchor(motion.skeleton, self.staged)

    def _lay_out(self, columns: int) -> None:
        """Scales at which every figure fits its panel, sizes of the panels and of the page."""
        self.wide = (_WIDTH - _GUTTER - _RIGHT - (columns - 1) * _GAP) / columns
        room = np.array([self.wide - 0.4, _SINGLE if self.single else _FIGURE])
        needed = self._measure_views(room)
        if self.keypoints is not None:
            needed["2d"] = self._measure_input(self.keypoints, room)
        label = 0.25 if self.single else 0.0
        self.highs = {panel: max(needed[panel] + 0.4 + label, _PANEL) for panel in self.panels}
        if self.single:
            self.highs = dict.fromkeys(self.panels, max(self.highs.values()))
        last = self.panels[-1]
        self.highs[last] = max(self.highs[last], _LEGEND_PANEL)
        stack = [self.highs[last]] if self.single else list(self.highs.values())
        self.height = _TOP + sum(stack) + _GAP * (len(stack) - 1) + self.bottom
        self.figure.set_size_inches(_WIDTH, self.height)

    def _measure_views(self, room: np.ndarray) -> dict[str, float]:
        """Set one scale for all views; returns the inches upwards that each needs."""
        points = self.staged
        if self.ghost is not None:
            points = np.concatenate([points, self.ghost], axis=1)
        boxes = {view: [bounds(project(p, view)[0]) for p in points] for view in self.views}
        # The middle of every figure across; from above also its middle in depth.
        self.middles = {view: [(a + b) / 2 for a, b in found] for view, found in boxes.items()}
        upright = boxes["front"] + boxes["side"]
        self.low = min([0.0, *(least[1] for least, _ in upright)])
        tall = max(most[1] for _, most in upright) - self.low
        self.tall = {"front": tall, "side": tall}
        if "top" in boxes:
            self.tall["top"] = max(most[1] - least[1] for least, most in boxes["top"])
        widest = max(most[0] - least[0] for found in boxes.values() for least, most in found)
        self.scale = min(room / [widest, max(self.tall.values())])
        return {view: self.scale * tall for view, tall in self.tall.items()}

    def _measure_input(self, keypoints: Keypoints, room: np.ndarray) -> float:
        """Set one pixel scale for all moments; returns the inches upwards that they need."""
        shown = keypoints.xy[self.moments].astype(np.float64)
        least, most = np.fmin.reduce(shown, axis=1), np.fmax.reduce(shown, axis=1)
        self.pixel_middles = (least + most) / 2
        size = np.array(keypoints.image_size)
        extent = np.fmax(np.fmax.reduce(most - least, axis=0), 0.05 * size.max())
        self.pixel = min(room / extent)
        return self.pixel * extent[1]

    def draw(self, title: str | None, note: str | None = None) -> None:
        """Fill the figure."""
        self._header(title, note)
        top = self.height - _TOP
        for p, panel in enumerate(self.panels):
            high = self.highs[panel]
            for m in range(len(self.moments)):
                column = p if self.single else m
                box = (_GUTTER + column * (self.wide + _GAP), top - high, self.wide, high)
                if self.keypoints is not None and panel == "2d":
                    self._input(self.keypoints, box, m)
                else:
                    self._view(box, m, panel)
                if p == 0:
                    self._column_heading(m, box[0])
            if p == 0 or not self.single:
                self._row_heading(panel, top)
            top -= 0 if self.single else high + _GAP
        self._legend()
        if self.motion.action is not None:
            self._actions(self.motion.action)
        self._footer()

    def _write(self, x: float, y: float, text: str, size: float, **style: Any) -> Any:
        """Text at inches from the lower left corner of the page."""
        return write(self.figure, x / _WIDTH, y / self.height, text, size, **style)

    def _header(self, title: str | None, note: str | None) -> None:
        """Action, title and note at the left, frames and error at the right."""
        motion, left, top = self.motion, 0.35, self.height - 0.4
        middle: dict[str, Any] = {"va": "center"}
        name, likely, colour = headline(motion.action, 46), "", ACTION
        if motion.action is not None and motion.action.certain:
            name += f"  {percent(motion.action.probability)}"
        elif motion.action is not None:
            likely, colour = guesses(motion.action), MUTED
        self._write(left, top, cut(title or name, 56), 23, fontweight="bold", **middle)
        if title:
            likely = f"{name}: {likely}" if likely else name
        for text, ink in ((likely, colour), (cut(note or "", 60), MUTED)):
            if text:
                shown = self._write(left, top - 0.42, text, 13, color=ink, **middle)
                left = shown.get_window_extent().x1 / self.figure.dpi + 0.3
        right, middle = _WIDTH - _RIGHT, middle | {"ha": "right"}
        facts = f"{len(motion)} frame{'s' if len(motion) > 1 else ''}  ·  {motion.fps:.4g} fps"
        facts += f"  ·  {motion.seconds:.2f} s"
        self._write(right, top, facts, 13, color=MUTED, **middle)
        if self.errors is not None:
            text = f"MPJPE {1000 * float(np.mean(self.errors)):.1f} mm"
            text += f", {motion.skeleton.root or 'joint mean'} aligned"
            self._write(right, top - 0.42, text, 13, fontweight="bold", **middle)

    def _column_heading(self, moment: int, left: float) -> None:
        frame = int(self.moments[moment])
        note = f"frame {frame}"
        if self.errors is not None:
            note += f"  ·  {1000 * self.errors[frame]:.0f} mm"
        y = self.height - _TOP + 0.13
        seconds = f"{frame / self.motion.fps:.2f} s"
        self._write(left + 0.04, y, seconds, 11, fontweight="bold")
        self._write(left + self.wide - 0.04, y, note, 9, color=MUTED, ha="right")

    def _row_heading(self, panel: str, top: float) -> None:
        world = self.motion.space == "world"
        if self.single:
            name, lines = "One moment", ["the 3D views at one scale"]
        elif self.keypoints is not None and panel == "2d":
            width, height = self.keypoints.image_size
            name, lines = "2D input", ["pixels of a", f"{width} × {height} image"]
        else:
            captions = {
                "front": "along the y axis" if world else "as the camera sees it",
                "side": "against the x axis" if world else "from the camera's right",
                "top": "from above" if world else "from over the camera",
            }
            name, lines = f"3D {panel}", [captions[panel]]
        if panel == "side" and not world:
            # People take the lean for an error; it is the angle at which the camera looks.
            lines += ["a camera that looks down", "adds to the lean here"]
        elif not world and (panel == "front" or self.single):
            lines += ["no floor: up is the image's up"]
        self._write(0.35, top - 0.16, name, 12, va="center", fontweight="bold")
        style: dict[str, Any] = {"color": MUTED, "va": "top", "linespacing": 1.5}
        self._write(0.35, top - 0.34, "\n".join(lines), 8.5, **style)

    def _legend(self) -> None:
        """What the colours mean, upwards in the gutter from the foot of the last panel."""
        entries = [("left limbs", SIDE_COLOURS["left"]), ("right limbs", SIDE_COLOURS["right"])]
        entries.append(("trunk and head", SIDE_COLOURS["trunk"]))
        if self.ghost is not None:
            entries.append(("ground truth", GHOST))
        from matplotlib.lines import Line2D

        for i, (text, colour) in enumerate(reversed(entries)):
            y = self.bottom + 0.12 + 0.24 * i
            ends, ys = [0.37 / _WIDTH, 0.62 / _WIDTH], [y / self.height] * 2
            width = 1.6 if colour == GHOST else 4
            style: dict[str, Any] = {"linewidth": width, "solid_capstyle": "round"}
            self.figure.add_artist(Line2D(ends, ys, color=colour, **style))
            self._write(0.76, y, text, 9, va="center")

    def _input(
        self, keypoints: Keypoints, box: tuple[float, float, float, float], moment: int
    ) -> None:
        """The 2D skeleton of one moment, at the same pixel scale in every column."""
        ax = add_panel(self.figure, box)
        middle = self.pixel_middles[moment]
        if not np.isfinite(middle).all():
            middle = np.array(keypoints.image_size) / 2
            style: dict[str, Any] = {"ha": "center", "va": "center", "color": MUTED}
            write(ax, 0.5, 0.5, "no joint seen", 9, transform=ax.transAxes, **style)
        if self.single:
            middle = np.add(middle, (0.0, 0.12 / self.pixel))
        shown = keypoints.xy[self.moments[moment]].astype(np.float64)
        show_image(ax, keypoints, middle, self.pixel, box).move(shown)
        self._label(ax, "2D input", box[3])

    def _view(self, box: tuple[float, float, float, float], moment: int, view: str) -> None:
        """The 3D skeleton of one moment from one side."""
        ax = add_panel(self.figure, box)
        half = np.array(box[2:]) / (2 * self.scale)
        middle = self.middles[view][moment].copy()
        if view != "top":  # all moments stand at one height
            middle[1] = self.low + self.tall[view] / 2
        if self.single:
            middle[1] -= 0.12 / self.scale
        ax.set_xlim(middle[0] - half[0], middle[0] + half[0])
        ax.set_ylim(middle[1] - half[1], middle[1] + half[1])
        if self.ghost is not None:
            flat, _ = project(self.ghost[moment], view)
            Limbs(ax, self.motion.skeleton, 2.2, ghost=True).move(flat)
        flat, nearer = project(self.staged[moment], view)
        Limbs(ax, self.motion.skeleton, 3.6).move(flat, nearer)
        self._label(ax, view, box[3])
        if view != "top" and self.motion.space == "world":
            ax.axhline(0, color=FAINT, linewidth=1.2, zorder=1)

    def _label(self, ax: Any, text: str, high: float) -> None:
        """Name a panel at its foot where the panels of one moment stand side by side."""
        if self.single:
            style: dict[str, Any] = {"ha": "center", "va": "top", "color": MUTED}
            write(ax, 0.5, 0.25 / high, text, 8, transform=ax.transAxes, **style)

    def _actions(self, action: ActionEstimate) -> None:
        """Probabilities over time, on an axis whose fifths are the columns above."""
        high = self.rows * _ROW
        box = (_GUTTER, _FOOT + _TIME_AXIS, _WIDTH - _GUTTER - _RIGHT, high)
        ax = add_panel(self.figure, box, PAPER)
        draw_actions(ax, action, self.motion, self.rows)
        for frame in self.moments:
            when = (frame + 0.5) / self.motion.fps
            ax.axvline(when, color=MUTED, linewidth=0.9, linestyle=(0, (2, 3)), zorder=3)

    def _footer(self) -> None:
        motion = self.motion
        floor = "" if motion.space == "world" else ", lowest joints at one height"
        middle = motion.skeleton.root or "joint mean"
        lines = [f"3D in {SPACE_AXES[motion.space]}; drawn centred on the {middle}{floor}."]
        notes = footnotes(motion, self.keypoints)
        if notes:
            lines += textwrap.wrap(notes, _NOTE_COLUMNS, max_lines=3, placeholder=" …")
        style: dict[str, Any] = {"color": MUTED, "va": "bottom", "linespacing": 1.45}
        self._write(0.35, 0.12, "\n".join(lines), 7.2, **style)
