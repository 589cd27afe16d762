"""What the picture and the video say in words, and the action strip under the figures."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..actions import UNKNOWN, words_of
from ..tracks import ActionEstimate, Keypoints, Motion
from .drawing import ACTION, FAINT, INK, MUTED, OTHER_ACTION

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def frame_probabilities(action: ActionEstimate, frames: int) -> np.ndarray:
    """(f, k): the windows' probabilities by frame, overlapping windows averaged; 0 outside."""
    total = np.zeros((frames, len(action.labels)))
    cover = np.zeros((frames, 1))
    for (first, last), row in zip(
        np.asarray(action.windows, int), action.probabilities, strict=True
    ):
        total[max(first, 0) : max(last, 0)] += row
        cover[max(first, 0) : max(last, 0)] += 1
    return total / np.maximum(cover, 1)


def headline(action: ActionEstimate | None, longest: int) -> str:
    """The estimated action as words for a heading of so many characters at most.

    An estimate that is close to a guess gets no name here: `guesses` lists what it may be.
    """
    if action is None:
        return "No action estimated"
    words = _named(action.label) if action.certain else "action uncertain"
    return cut(f"{words[:1].upper()}{words[1:]}", longest)


def guesses(action: ActionEstimate, longest: int = 60) -> str:
    """The two most probable classes in words with their percents, on one line."""
    best = action.top(2)
    room = longest // len(best) - 7
    return ", ".join(f"{cut(_named(label), room)} {percent(share)}" for label, share in best)


def _named(label: str) -> str:
    return "unknown action" if label == UNKNOWN else words_of(label)


def cut(text: str, longest: int) -> str:
    """The text on one line, its end replaced by … where it is longer than so many characters."""
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[: longest - 2].rstrip()} …"


def percent(share: float) -> str:
    """A probability as people read it: never 0 % or 100 % unless it is."""
    if 0 < share < 0.01:
        return "< 1 %"
    if 0.99 < share < 1 - 1e-6:
        return "> 99 %"
    return f"{100 * share:.0f} %"


def draw_actions(
    ax: Axes, action: ActionEstimate, motion: Motion, rows: int, size: float = 9.0, wrap: int = 22
) -> None:
    """The most probable classes over time, one row each, words and mean percent at the left.

    Args:
        ax: a panel with room at its left; its x axis becomes seconds.
        action: estimate to draw.
        motion: gives frames and fps.
        rows: how many classes at most.
        size: text size, typographic points.
        wrap: characters of a class name in one line; two lines at most.
    """
    from matplotlib.patches import StepPatch

    frames = len(motion)
    best = action.top(rows)
    shares = frame_probabilities(action, frames)
    ax.set_xlim(0, frames / motion.fps)
    ax.set_ylim(len(best), 0)
    for row, (label, mean) in enumerate(best):
        values = shares[:, action.labels.index(label)]
        starts = np.flatnonzero(np.diff(values, prepend=np.nan) != 0)
        edges = np.append(starts, frames) / motion.fps
        floor, colour = row + 0.92, OTHER_ACTION if row else ACTION
        ax.axhline(floor, color=FAINT, linewidth=0.8, zorder=1)
        # As Axes.stairs does, less its search for the limits, which takes a second for an hour.
        heights = floor - 0.8 * values[starts]
        ax.add_artist(
            StepPatch(
                heights, edges, baseline=floor, fill=True, facecolor=colour, linewidth=0, zorder=2
            )
        )
        style: dict[str, Any] = {
            "xycoords": ("axes fraction", "data"),
            "textcoords": "offset points",
            "ha": "right",
            "va": "center",
            "parse_math": False,
            "linespacing": 1.0,
            "fontsize": size,
            "fontweight": "normal" if row else "bold",
        }
        colour = MUTED if row else INK
        ax.annotate(percent(mean), (0, row + 0.54), xytext=(-8, 0), color=colour, **style)
        words = words_of(label)
        small = 0.84 if len(words) > wrap else 1.0
        lines = textwrap.wrap(words, int(wrap / small), max_lines=2, placeholder=" …")
        style["fontsize"] = small * size
        place = (-8 - 4.6 * size, 0)
        ax.annotate("\n".join(lines), (0, row + 0.54), xytext=place, color=colour, **style)
    if frames > 1:
        _seconds(ax, size)


def _seconds(ax: Axes, size: float) -> None:
    """Label the x axis in seconds, under the last row."""
    from matplotlib.ticker import MaxNLocator

    ticks = MaxNLocator(nbins=10, steps=[1, 2, 5, 10]).tick_values(*ax.get_xlim())
    ticks = [t for t in ticks if ax.get_xlim()[0] <= t <= ax.get_xlim()[1]]
    ax.set_xticks(ticks, [f"{t:g}" if i else "0 s" for i, t in enumerate(ticks)])
    ax.tick_params(axis="x", labelsize=size - 1, labelcolor=MUTED, color=FAINT, length=3, pad=3)


def footnotes(motion: Motion, keypoints: Keypoints | None) -> str:
    """Where the result comes from: model, weights, camera, precision, action, 2D conversions."""
    given: Mapping[str, Any] = motion.provenance
    shown = {"model": "model", "weights": "weights_sha256", "camera": "camera"}
    parts = [
        f"{name}: {cut(str(given[key]), 12 if name == 'weights' else 120)}"
        for name, key in (shown | {"precision": "precision"}).items()
        if given.get(key) is not None
    ]
    if "action_told" in given:
        parts.append(f"poses made for the action {cut(str(given.get('action')), 120)}")
    source = given if given.get("conversion_notes") or keypoints is None else keypoints.provenance
    notes = source.get("conversion_notes") or ()
    notes = [notes] if isinstance(notes, str) else [str(note) for note in notes]
    if notes:
        origin = source.get("converted_from")
        parts.append(f"2D converted{f' from {origin}' if origin else ''}: {'; '.join(notes)}")
    return "  ·  ".join(parts)
