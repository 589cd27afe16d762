"""A video of a result: the 2D input beside the 3D skeleton from two sides, the action below."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import LangliftError
from ..formats.files import atomic_write
from ..tracks import ActionEstimate, Keypoints, Motion
from .drawing import (
    ACTION,
    FAINT,
    INK,
    MUTED,
    PAPER,
    Limbs,
    add_panel,
    arrange,
    on_stage,
    project,
    show_image,
    write,
)
from .picture import check_frames, checked_suffix
from .strip import draw_actions, guesses, headline, percent

# The frame, inches at 100 dots each: 960 x 540 pixels.
_WIDTH, _HEIGHT, _DPI = 9.6, 5.4, 100
_MARGIN, _HEADER, _GUTTER, _ROW, _TIME_AXIS = 0.16, 0.5, 1.75, 0.27, 0.3
_CLASSES = 3


def save_video(
    motion: Motion,
    path: str | Path,
    keypoints: Keypoints | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Draw every frame of a motion as an H.264 video (mp4, yuv420p, 960 x 540).

    Figures are centred on the root. Only in world space is there a floor: elsewhere up is the
    image's up.

    Args:
        motion: result to draw, any space.
        path: file to write, ending in ``.mp4``; it appears only when it is complete.
        keypoints: the 2D input of the same frames, in any skeleton.
        progress: called with (frames done, frames in all) after every frame.

    Returns:
        The path that was written.

    Raises:
        InputError: for another suffix, a path that cannot be written, or other frame counts.
        LangliftError: when this build of PyAV has no H.264 encoder.
    """
    target = checked_suffix(path, ".mp4", "a video")
    check_frames(motion, keypoints)
    import av

    if "libx264" not in av.codecs_available:
        raise LangliftError(
            "this build of PyAV has no H.264 encoder (libx264); install the wheel from PyPI: "
            "pip install --force-reinstall av"
        )
    with atomic_write(target) as part:
        _encode(_Screen(motion, keypoints), part, motion, progress)
    return target


def frame_rate(fps: float) -> Fraction:
    """Frames per second as a fraction that video files can hold; 29.97003 is 30000/1001."""
    return max(Fraction(fps).limit_denominator(1001), Fraction(1, 1001))


def _encode(
    screen: _Screen, part: Path, motion: Motion, progress: Callable[[int, int], None] | None
) -> None:
    """Draw and encode all frames into the file `part`."""
    import av

    with av.open(str(part), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream: Any = container.add_stream("libx264", rate=frame_rate(motion.fps))
        height, width = screen.draw(0).shape[:2]
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        # One thread: frames this small are encoded faster without handing them around.
        stream.options = {"preset": "veryfast", "crf": "20", "threads": "1"}
        for f in range(len(motion)):
            picture = av.VideoFrame.from_ndarray(screen.draw(f), format="rgba")
            container.mux(stream.encode(picture))
            if progress is not None:
                progress(f + 1, len(motion))
        container.mux(stream.encode())


class _Screen:
    """A figure whose moving parts alone are redrawn; the rest is copied from a background."""

    def __init__(self, motion: Motion, keypoints: Keypoints | None) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.motion, self.keypoints = motion, keypoints
        self.staged = on_stage(motion, steady=max(1, round(motion.fps / 4)))
        self.figure = Figure(figsize=(_WIDTH, _HEIGHT), dpi=_DPI, facecolor=PAPER)
        self.canvas = FigureCanvasAgg(self.figure)
        self.moving: list[tuple[Any, Any]] = []
        self._header()
        low = self._actions(motion.action) if motion.action is not None else _MARGIN
        self._panels(low, _HEIGHT - _HEADER - low)
        for _, artist in self.moving:
            artist.set_animated(True)
        self.canvas.draw()
        self.background = self.canvas.copy_from_bbox(self.figure.bbox)

    def draw(self, frame: int) -> np.ndarray:
        """(height, width, 4) uint8 picture of one frame; valid until the next call."""
        if self.keypoints is not None:
            self.flat.move(self.keypoints.xy[frame].astype(np.float64))
        for view, limbs in self.solid.items():
            points, nearer = project(self.staged[frame], view)
            limbs.move(points + self.place.offsets[view], nearer)
        seconds = frame / self.motion.fps
        self.clock.set_text(f"{seconds:.2f} s  ·  frame {frame}")
        if self.motion.action is not None:
            when = seconds + 0.5 / self.motion.fps
            self.cursor.set_xdata([when, when])
        self.canvas.restore_region(self.background)
        renderer = self.canvas.get_renderer()
        for _, artist in self.moving:
            artist.draw(renderer)
        return np.asarray(self.canvas.buffer_rgba())

    def _header(self) -> None:
        action = self.motion.action
        y = 1 - 0.5 * _HEADER / _HEIGHT
        left, right = _MARGIN / _WIDTH, 1 - _MARGIN / _WIDTH
        name = write(self.figure, left, y, headline(action, 46), 15, va="center", fontweight="bold")
        if action is not None:
            end = name.get_window_extent().x1 / self.figure.bbox.width
            likely, size, colour = percent(action.probability), 15, ACTION
            if not action.certain:
                likely, size, colour = guesses(action), 10, MUTED
            write(self.figure, end + 0.012, y, likely, size, va="center", color=colour)
        self.clock = write(self.figure, right, y, "", 11, va="center", ha="right", color=MUTED)
        self.moving.append((self.figure, self.clock))

    def _actions(self, action: ActionEstimate) -> float:
        """The strip of probabilities with a moving cursor; returns its height in inches."""
        rows = min(_CLASSES, len(action.labels))
        box = (_GUTTER, _TIME_AXIS, _WIDTH - _GUTTER - _MARGIN - 0.1, rows * _ROW)
        ax = add_panel(self.figure, box, PAPER)
        draw_actions(ax, action, self.motion, rows, size=7.5, wrap=19)
        self.cursor = ax.axvline(0, color=INK, linewidth=1.4, zorder=5)
        self.moving.append((ax, self.cursor))
        return _TIME_AXIS + rows * _ROW + 0.14

    def _panels(self, low: float, high: float) -> None:
        """The panel of the 2D input, if there is one, and the panel of the 3D views."""
        left, wide = _MARGIN, _WIDTH - 2 * _MARGIN
        views = ["front", "side", "top"]
        if self.keypoints is not None:
            half = 0.46 * wide
            self._input(self.keypoints, (left, low, half, high))
            left, wide = left + half + 0.1, wide - half - 0.1
            views = ["front", "side"]
        self._views((left, low, wide, high), views)

    def _input(self, keypoints: Keypoints, box: tuple[float, float, float, float]) -> None:
        """Keep the whole path of the 2D joints in sight, stray points apart."""
        ax = add_panel(self.figure, box)
        seen = keypoints.xy[keypoints.seen].astype(np.float64)
        least, most = np.percentile(seen, [0.2, 99.8], axis=0)
        extent = np.maximum(most - least, 0.1 * max(keypoints.image_size))
        pixel = min((np.array(box[2:]) - 0.5) / extent)
        self.flat = show_image(ax, keypoints, (least + most) / 2, pixel, box)
        self._caption(ax, "2D input")
        self.moving += [(ax, artist) for artist in self.flat.artists]

    def _views(self, box: tuple[float, float, float, float], views: list[str]) -> None:
        """The 3D skeleton from several sides at one scale."""
        ax = add_panel(self.figure, box)
        self.place = place = arrange(self.staged, views)
        scale = min((box[2] - 0.4) / place.width, (box[3] - 0.8) / (place.high - place.low))
        spare = box[2] / scale - place.width
        ax.set_xlim(-spare / 2, place.width + spare / 2)
        bottom = place.low - 0.36 / scale
        ax.set_ylim(bottom, bottom + box[3] / scale)
        if self.motion.space == "world":
            ax.axhline(0, color=FAINT, linewidth=1.2, zorder=1)
            self._caption(ax, "3D pose")
        else:
            self._caption(ax, "3D pose  ·  no floor: up is the image's up")
        self.solid = {}
        for view in views:
            at = (place.offsets[view][0], place.low - 0.1 / scale)
            write(ax, *at, view, 8, ha="center", va="top", color=MUTED)
            self.solid[view] = Limbs(ax, self.motion.skeleton, 3.6)
            self.moving += [(ax, artist) for artist in self.solid[view].artists]

    @staticmethod
    def _caption(ax: Any, text: str) -> None:
        style: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points"}
        style |= {"ha": "left", "va": "top", "fontsize": 9, "color": MUTED}
        ax.annotate(text, (0, 1), xytext=(7, -7), **style)
