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
    arrange,
    cut,
    draw_actions,
    footnotes,
    headline,
    on_stage,
    percent,
    project,
    show_image,
    turned,
    write,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The page, inches at 100 dots each.
_WIDTH, _HEIGHT, _DPI = 16.0, 10.0, 100
_GUTTER, _RIGHT, _TOP, _FOOT, _GAP = 2.55, 0.35, 1.3, 0.74, 0.12
_ROW = 0.37
_TIME_AXIS = 0.34
_MOMENTS = 5
_CLASSES = 4
_NOTE_COLUMNS = 235


def save_picture(
    motion: Motion,
    path: str | Path,
    keypoints: Keypoints | None = None,
    truth: np.ndarray | None = None,
    title: str | None = None,
) -> Path:
    """Draw five moments of a motion, its action over time and where it comes from, as a PNG.

    Each column is one moment: the 2D input above, the 3D skeleton from the camera and from the
    side below, at one scale everywhere. Left limbs are blue, right limbs vermilion. Figures are
    centred on the root; only in world space is the floor the real one.

    Args:
        motion: result to draw, any space.
        path: file to write, ending in ``.png``; it appears only when it is complete.
        keypoints: the 2D input of the same frames, in any skeleton.
        truth: (f, j, 3) metres, real joints in the motion's skeleton and space, drawn grey and
            aligned at the root; MPJPE is then printed.
        title: heading; the estimated action if omitted.

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
        figure = Figure(figsize=(_WIDTH, _HEIGHT), dpi=_DPI, facecolor=PAPER)
        canvas = FigureCanvasAgg(figure)
        _Page(figure, motion, keypoints, truth).draw(title)
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
    """The picture of one motion on a figure."""

    def __init__(
        self,
        figure: Figure,
        motion: Motion,
        keypoints: Keypoints | None,
        truth: np.ndarray | None,
    ) -> None:
        self.figure, self.motion, self.keypoints = figure, motion, keypoints
        count = min(_MOMENTS, len(motion))
        self.moments = ((np.arange(count) + 0.5) * len(motion) / count).astype(int)
        self.staged = on_stage(motion)[self.moments]
        self.ghost: np.ndarray | None = None
        self.errors: np.ndarray | None = None
        if truth is not None:
            self._compare(truth)
        bottom = _FOOT
        if motion.action is not None:
            self.rows = min(_CLASSES, len(motion.action.labels))
            bottom += self.rows * _ROW + _TIME_AXIS + 0.16
        self.bottom = bottom

    def _compare(self, truth: np.ndarray) -> None:
        """Put the truth where the prediction stands, root on root, and measure the distance."""
        motion = self.motion
        lifted, real = turned(motion, motion.joints), turned(motion, truth)
        real -= anchor(motion.skeleton, real)
        lifted -= anchor(motion.skeleton, lifted)
        self.errors = mpjpe(lifted, real, reduce="frame")
        self.ghost = real[self.moments] + anchor(motion.skeleton, self.staged)

    def draw(self, title: str | None) -> None:
        """Fill the figure."""
        self._header(title)
        panels = [["2d"], ["front", "side"]]
        if self.keypoints is None:
            panels = [["front"], ["side", "top"]]
        if len(self.moments) == 1:
            panels = [["2d"]] if self.keypoints is not None else []
            panels += [["front"], ["side"], ["top"]]
        self._figures(panels)
        if self.motion.action is not None:
            self._actions(self.motion.action)
        self._footer()

    def _header(self, title: str | None) -> None:
        """Action and title at the left, frames and error at the right, what the colours mean."""
        figure, motion = self.figure, self.motion
        top = 1 - 0.4 / _HEIGHT
        left = 0.35 / _WIDTH
        action = headline(motion.action, 46)
        if motion.action is not None:
            action += f"  {percent(motion.action.probability)}"
        heading = cut(title or action, 56)
        write(figure, left, top, heading, 23, va="center", fontweight="bold")
        if title:
            write(figure, left, top - 0.42 / _HEIGHT, action, 13, va="center", color=ACTION)
        right = 1 - _RIGHT / _WIDTH
        facts = f"{len(motion)} frame{'s' if len(motion) > 1 else ''}  ·  {motion.fps:.4g} fps"
        facts += f"  ·  {motion.seconds:.2f} s"
        write(figure, right, top, facts, 13, va="center", ha="right", color=MUTED)
        if self.errors is not None:
            text = f"MPJPE {1000 * float(np.mean(self.errors)):.1f} mm"
            text += f", {motion.skeleton.root or 'joint mean'} aligned"
            place = top - 0.34 / _HEIGHT
            write(figure, right, place, text, 13, va="center", ha="right", fontweight="bold")

    def _figures(self, panels: list[list[str]]) -> None:
        """All moments: side by side as columns, or one moment's panels in a row."""
        single = len(self.moments) == 1
        columns = len(panels) if single else len(self.moments)
        wide = (_WIDTH - _GUTTER - _RIGHT - (columns - 1) * _GAP) / columns
        heights = self._measure(panels, wide)
        top = _HEIGHT - _TOP
        for p, views in enumerate(panels):
            high = heights[0 if single else p]
            for m in range(len(self.moments)):
                column = p if single else m
                left = _GUTTER + column * (wide + _GAP)
                box = (left, top - high, wide, high)
                if self.keypoints is not None and views == ["2d"]:
                    self._input(self.keypoints, box, m)
                else:
                    self._views(box, m, views)
                if p == 0:
                    self._column_heading(m, left, wide)
                if column == 0:
                    self._row_heading(views, top)
            top -= 0 if single else high + _GAP
        self._legend(self.bottom)

    def _measure(self, panels: list[list[str]], wide: float) -> list[float]:
        """Heights of the rows in inches; also the scale at which every view fits its panel."""
        points = self.staged
        if self.ghost is not None:
            points = np.concatenate([points, self.ghost], axis=1)
        self.places = {
            (moment, *views): arrange(points[[moment]], views)
            for moment in range(len(points))
            for views in panels
            if views != ["2d"]
        }
        widest = max(place.width for place in self.places.values())
        self.low = min(place.low for place in self.places.values())
        tallest = max(place.high for place in self.places.values()) - self.low
        self.scale = (wide - 0.3) / widest
        rows = 1 if len(self.moments) == 1 else len(panels)
        room = _HEIGHT - _TOP - self.bottom - (rows - 1) * _GAP
        high = room / rows
        if rows > 1 and self.keypoints is not None:
            # The 2D row takes what the views cannot use.
            high = float(np.clip(self.scale * tallest + 0.62, 0.46 * room, 0.6 * room))
        self.scale = min(self.scale, (high - 0.62) / tallest)
        return [room - high, high] if rows > 1 else [high]

    def _column_heading(self, moment: int, left: float, wide: float) -> None:
        frame = int(self.moments[moment])
        text = f"{frame / self.motion.fps:.2f} s"
        note = f"frame {frame}"
        if self.errors is not None:
            note += f"  ·  {1000 * self.errors[frame]:.0f} mm"
        y = 1 - (_TOP - 0.13) / _HEIGHT
        write(self.figure, (left + 0.04) / _WIDTH, y, text, 11, fontweight="bold")
        x = (left + wide - 0.04) / _WIDTH
        write(self.figure, x, y, note, 9, color=MUTED, ha="right")

    def _row_heading(self, views: list[str], top: float) -> None:
        if len(self.moments) == 1:
            name, about = "One moment", "the 3D views at one scale"
        elif self.keypoints is not None and views == ["2d"]:
            width, height = self.keypoints.image_size
            name, about = "2D input", f"pixels of a\n{width} × {height} image"
        else:
            world = self.motion.space == "world"
            captions = {
                "front": "along the y axis" if world else "as the camera sees it",
                "side": "against the x axis" if world else "from the camera's right",
                "top": "from above",
            }
            lines = [f"{view}: {captions[view]}" for view in views]
            if not world and "side" in views:
                # People take the lean for an error; it is the angle at which the camera looks.
                lines += ["a camera that looks down", "makes figures lean here"]
            name, about = "3D pose", "\n".join(lines)
        x = 0.35 / _WIDTH
        write(self.figure, x, (top - 0.16) / _HEIGHT, name, 12, va="center", fontweight="bold")
        style: dict[str, Any] = {"color": MUTED, "va": "top", "linespacing": 1.5}
        write(self.figure, x, (top - 0.34) / _HEIGHT, about, 8.5, **style)

    def _legend(self, low: float) -> None:
        """What the colours mean, upwards from the height `low` in the gutter."""
        entries = [("left limbs", SIDE_COLOURS["left"]), ("right limbs", SIDE_COLOURS["right"])]
        entries.append(("trunk and head", SIDE_COLOURS["trunk"]))
        if self.ghost is not None:
            entries.append(("ground truth", GHOST))
        from matplotlib.lines import Line2D

        for i, (text, colour) in enumerate(reversed(entries)):
            y = (low + 0.12 + 0.24 * i) / _HEIGHT
            ends = [0.37 / _WIDTH, 0.62 / _WIDTH]
            width = 1.6 if colour == GHOST else 4
            style: dict[str, Any] = {"linewidth": width, "solid_capstyle": "round"}
            self.figure.add_artist(Line2D(ends, [y, y], color=colour, **style))
            write(self.figure, 0.76 / _WIDTH, y, text, 9, va="center")

    def _input(
        self, keypoints: Keypoints, box: tuple[float, float, float, float], moment: int
    ) -> None:
        """The 2D skeleton of one moment, at the same pixel scale in every column."""
        ax = add_panel(self.figure, box)
        shown = keypoints.xy[self.moments].astype(np.float64)
        least, most = np.fmin.reduce(shown, axis=1), np.fmax.reduce(shown, axis=1)
        size = np.array(keypoints.image_size)
        extent = np.fmax(np.fmax.reduce(most - least, axis=0), 0.05 * size.max())
        pixel = min((np.array(box[2:]) - 0.4) / extent)
        middle = (least[moment] + most[moment]) / 2
        if not np.isfinite(middle).all():
            middle = size / 2
            style: dict[str, Any] = {"ha": "center", "va": "center", "color": MUTED}
            write(ax, 0.5, 0.5, "no joint seen", 9, transform=ax.transAxes, **style)
        show_image(ax, keypoints, middle, pixel, box).move(shown[moment])
        if len(self.moments) == 1:
            place = (0.5, 0.3 / box[3])
            style = {"ha": "center", "va": "top", "color": MUTED, "transform": ax.transAxes}
            write(ax, *place, "2D input", 8, **style)

    def _views(self, box: tuple[float, float, float, float], moment: int, views: list[str]) -> None:
        """The 3D skeleton of one moment from several sides in one panel."""
        ax = add_panel(self.figure, box)
        place, scale = self.places[(moment, *views)], self.scale
        spare = box[2] / scale - place.width
        ax.set_xlim(-spare / 2, place.width + spare / 2)
        bottom = self.low - 0.4 / scale
        ax.set_ylim(bottom, bottom + box[3] / scale)
        for view in views:
            shift = np.array(place.offsets[view])
            if self.ghost is not None:
                flat, _ = project(self.ghost[moment], view)
                Limbs(ax, self.motion.skeleton, 2.2, ghost=True).move(flat + shift)
            flat, nearer = project(self.staged[moment], view)
            Limbs(ax, self.motion.skeleton, 3.6).move(flat + shift, nearer)
            label = (shift[0], self.low - 0.1 / scale)
            write(ax, *label, view, 8, ha="center", va="top", color=MUTED)
        if views != ["top"]:
            ax.axhline(0, color=FAINT, linewidth=1.2, zorder=1)

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
        floor = "" if motion.space == "world" else ", figures stand on their lowest joint"
        middle = motion.skeleton.root or "joint mean"
        lines = [f"3D in {SPACE_AXES[motion.space]}; drawn centred on the {middle}{floor}."]
        notes = footnotes(motion, self.keypoints)
        if notes:
            lines += textwrap.wrap(notes, _NOTE_COLUMNS, max_lines=3, placeholder=" …")
        style: dict[str, Any] = {"color": MUTED, "va": "bottom", "linespacing": 1.45}
        write(self.figure, 0.35 / _WIDTH, 0.12 / _HEIGHT, "\n".join(lines), 7.2, **style)
