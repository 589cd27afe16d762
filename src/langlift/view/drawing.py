"""What the picture and the video share: colours, views, skeletons as lines, the action strip.

Everything here draws into an Axes that the caller made with matplotlib's object interface;
pyplot and the global settings of the caller's session are never touched. matplotlib is imported
inside functions so that importing langlift stays light.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..actions import UNKNOWN, words_of
from ..skeletons import Skeleton
from ..tracks import ActionEstimate, Keypoints, Motion

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Blue and vermilion of Okabe & Ito's palette: told apart with every common colour blindness.
SIDE_COLOURS = {"left": "#0072b2", "right": "#d55e00", "trunk": "#39424e"}
INK, MUTED, FAINT, CARD, PAPER = "#1d2530", "#66717e", "#c3cad2", "#f2f4f7", "#ffffff"
#: What lies outside the image in a panel of the 2D input.
OUTSIDE = "#dfe4ea"
GHOST, ACTION, OTHER_ACTION = "#a4a9b0", "#009e73", "#93a1b1"

#: Gap between two views of one person, metres.
_GAP = 0.18


def side_of(joint: str) -> str:
    """``left``, ``right`` or ``trunk``, by the joint's name."""
    side = joint.partition("_")[0]
    return side if side in ("left", "right") else "trunk"


def links_of(skeleton: Skeleton) -> list[tuple[int, int, str]]:
    """(joint, joint, side) of every line that is drawn for a skeleton.

    These are the bones of its tree. Detectors without a neck or pelvis hang the arms on the nose
    and leave the hips apart; there the shoulders and the hips are joined instead.
    """
    names = set(skeleton.joints)
    neckless = not names & {"neck", "thorax", "upper_neck"}
    links = []
    for child, parent in skeleton.bones:
        ends = {skeleton.joints[child], skeleton.joints[parent]}
        parts = {end.partition("_")[2] for end in ends}
        if not (neckless and "nose" in ends and "shoulder" in parts):
            side = "trunk" if parts == {"shoulder", "hip"} else side_of(skeleton.joints[child])
            links.append((child, parent, side))
    for part, missing in (("shoulder", neckless), ("hip", "pelvis" not in names)):
        pair = [f"left_{part}", f"right_{part}"]
        if missing and names.issuperset(pair):
            links.append((skeleton.index(pair[0]), skeleton.index(pair[1]), "trunk"))
    return links


def turned(motion: Motion, joints: np.ndarray) -> np.ndarray:
    """Joints (f, j, 3) in the motion's space as (f, j, 3) metres: right, up, away."""
    x, y, z = np.moveaxis(np.asarray(joints, dtype=np.float64), -1, 0)
    return np.stack([x, z, y] if motion.space == "world" else [x, -y, z], axis=-1)


def anchor(skeleton: Skeleton, joints: np.ndarray) -> np.ndarray:
    """(f, 1, 3): the root joint, or the mean of the joints where there is no root."""
    if skeleton.root is not None:
        return joints[:, [skeleton.root_index]]
    count = np.isfinite(joints).sum(axis=1, keepdims=True)
    return np.nansum(joints, axis=1, keepdims=True) / np.maximum(count, 1)


def on_stage(motion: Motion, steady: int = 1) -> np.ndarray:
    """The motion as it is drawn: (f, j, 3) metres, right, up, away.

    Every frame is centred on its root. In world space up is measured from the floor; elsewhere
    the floor is not known and the figure stands on its lowest joint.

    Args:
        motion: what to draw.
        steady: frames over which the height of the lowest joint is averaged, so that a video
            does not tremble.
    """
    points = turned(motion, motion.joints)
    points[..., ::2] -= np.nan_to_num(anchor(motion.skeleton, points))[..., ::2]
    if motion.space != "world":
        low = np.nan_to_num(np.fmin.reduce(points[..., 1], axis=1))
        if steady > 1:
            from scipy.ndimage import uniform_filter1d

            low = uniform_filter1d(low, size=steady, mode="nearest")
        points[..., 1] -= low[:, None]
    return points


def project(points: np.ndarray, view: str) -> tuple[np.ndarray, np.ndarray]:
    """Staged points (*, j, 3) seen from ``front``, ``side`` (the camera's right) or ``top``.

    Returns:
        (*, j, 2) metres to the right and upwards in the drawing, and (*, j) metres towards the
        viewer.
    """
    right, up, away = np.moveaxis(points, -1, 0)
    across, upwards, nearer = {
        "front": (right, up, -away),
        "side": (away, up, right),
        "top": (right, away, up),
    }[view]
    return np.stack([across, upwards], axis=-1), nearer


@dataclass(frozen=True)
class Arrangement:
    """Where the views of one person stand beside each other, metres.

    Args:
        offsets: (right, up) shift of every view.
        width: extent of all views with the gaps between them.
        low: lowest height that is needed, 0 or below.
        high: largest height that is needed.
    """

    offsets: dict[str, tuple[float, float]]
    width: float
    low: float
    high: float


def arrange(points: np.ndarray, views: Sequence[str]) -> Arrangement:
    """Pack the views of staged points (f, j, 3) side by side so that no frame leaves its place."""
    boxes = {view: _box(project(points, view)[0]) for view in views}
    upright = [box for view, box in boxes.items() if view != "top"]
    low = min([0.0, *(box[0][1] for box in upright)])
    high = max([0.3, *(box[1][1] for box in upright)])
    if "top" in boxes:
        high = max(high, low + boxes["top"][1][1] - boxes["top"][0][1])
    offsets, cursor = {}, 0.0
    for view, (least, most) in boxes.items():
        lift = (low + high) / 2 - (least[1] + most[1]) / 2 if view == "top" else 0.0
        offsets[view] = (cursor - least[0], lift)
        cursor += most[0] - least[0] + _GAP
    return Arrangement(offsets, cursor - _GAP, low, high)


def _box(flat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least and most (x, y) of the finite points, at least 0.3 m apart."""
    flat = flat[np.isfinite(flat).all(axis=-1)]
    if not len(flat):
        return np.array([-0.15, 0.0]), np.array([0.15, 0.3])
    least, most = flat.min(axis=0), flat.max(axis=0)
    slack = np.maximum(0.3 - (most - least), 0) / 2
    return least - slack, most + slack


class Limbs:
    """One skeleton as lines in an Axes: made once, moved for every frame.

    Bones nearer to the viewer are drawn later and cut a thin gap into those behind, which is
    what lets crossing limbs be told apart in a flat drawing.

    Args:
        ax: where to draw.
        skeleton: joint convention of the points.
        width: width of a bone, typographic points.
        ghost: draw thin and grey, without joints.
    """

    def __init__(self, ax: Axes, skeleton: Skeleton, width: float, ghost: bool = False) -> None:
        from matplotlib.collections import LineCollection, PathCollection
        from matplotlib.colors import to_rgba_array
        from matplotlib.path import Path

        links = links_of(skeleton)
        sides = [side_of(joint) for joint in skeleton.joints]
        self._joint_colours = to_rgba_array([SIDE_COLOURS[side] for side in sides])
        colours = [GHOST if ghost else SIDE_COLOURS[side] for *_, side in links]
        self._link_colours = to_rgba_array(colours).reshape(-1, 4)
        self._links = np.array([link[:2] for link in links], dtype=int).reshape(-1, 2)
        self._gap = to_rgba_array(CARD)[0]
        self._width = width
        self._ghost = ghost
        self._lines = LineCollection([], capstyle="round", zorder=2 if ghost else 3)
        ax.add_collection(self._lines, autolim=False)
        self.artists: list[Any] = [self._lines]
        self._dots = None
        if not ghost or not links:
            self._dots = PathCollection(
                [Path.unit_circle()],
                sizes=[(0.72 * width) ** 2],
                offset_transform=ax.transData,
                linewidths=0.28 * width,
                zorder=4,
            )
            self._dots.set_transform(_identity())
            self._dots.set_facecolor(PAPER)
            ax.add_collection(self._dots, autolim=False)
            self.artists.append(self._dots)

    def move(self, points: np.ndarray, nearer: np.ndarray | None = None) -> None:
        """Draw the skeleton at points (j, 2); joints with NaN and their bones are left out.

        Args:
            points: data coordinates of the Axes.
            nearer: (j) how near to the viewer each joint is, for the order of drawing.
        """
        seen = np.asarray(np.isfinite(points).all(axis=-1))
        drawn = np.flatnonzero(seen[self._links].all(axis=1))
        if nearer is not None:
            drawn = drawn[np.argsort(nearer[self._links[drawn]].sum(axis=1), kind="stable")]
        ends = points[self._links[drawn]]  # link, end, 2
        colours = self._link_colours[drawn]
        widths = np.full(len(drawn), self._width)
        if not self._ghost:
            trimmed = ends + 0.22 * (ends[:, ::-1] - ends)
            ends = np.stack([trimmed, ends], axis=1).reshape(-1, 2, 2)
            gaps = np.broadcast_to(self._gap, colours.shape)
            colours = np.stack([gaps, colours], axis=1).reshape(-1, 4)
            widths = np.stack([1.9 * widths, widths], axis=1).ravel()
        self._lines.set_segments(list(ends))
        self._lines.set_color(colours)  # type: ignore[arg-type]
        self._lines.set_linewidth(widths)  # type: ignore[arg-type]
        if self._dots is not None:
            self._dots.set_offsets(points[seen])
            self._dots.set_edgecolor(self._joint_colours[seen])  # type: ignore[arg-type]


def _identity() -> Any:
    from matplotlib.transforms import IdentityTransform

    return IdentityTransform()


def add_panel(fig: Figure, box: tuple[float, float, float, float], colour: str = CARD) -> Axes:
    """A bare Axes at (left, bottom, width, height) inches."""
    width, height = fig.get_size_inches()
    left, bottom, wide, high = box
    ax = fig.add_axes((left / width, bottom / height, wide / width, high / height))
    ax.set_facecolor(colour)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_autoscale_on(False)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return ax


def show_image(
    ax: Axes, keypoints: Keypoints, middle: np.ndarray, pixel: float, box: Sequence[float]
) -> Limbs:
    """Turn a panel into a window on the image, y down; returns the skeleton to move in it.

    Args:
        ax: panel of the size `box`.
        keypoints: give the image size and the skeleton.
        middle: (2) pixel in the middle of the panel.
        pixel: inches per pixel.
        box: (left, bottom, width, height) of the panel, inches.
    """
    from matplotlib.patches import Rectangle

    ax.set_facecolor(OUTSIDE)
    width, height = keypoints.image_size
    ax.add_patch(Rectangle((0, 0), width, height, facecolor=CARD, linewidth=0, zorder=1))
    half = np.array(box[2:]) / (2 * pixel)
    ax.set_xlim(middle[0] - half[0], middle[0] + half[0])
    ax.set_ylim(middle[1] + half[1], middle[1] - half[1])
    return Limbs(ax, keypoints.skeleton, 3.6)


def write(where: Any, x: float, y: float, text: str, size: float, **style: Any) -> Any:
    """Text in a figure or Axes; dollar signs in the user's words are no formulas."""
    return where.text(x, y, text, **({"fontsize": size, "color": INK, "parse_math": False} | style))


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
    """The estimated action as words for a heading of so many characters at most."""
    if action is None:
        return "No action estimated"
    words = "unknown action" if action.label == UNKNOWN else words_of(action.label)
    return cut(f"{words[:1].upper()}{words[1:]}", longest)


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
    """Where the result comes from: model, weights, camera, precision, 2D conversions."""
    given: Mapping[str, Any] = motion.provenance
    shown = {"model": "model", "weights": "weights_sha256", "camera": "camera"}
    parts = [
        f"{name}: {cut(str(given[key]), 12 if name == 'weights' else 120)}"
        for name, key in (shown | {"precision": "precision"}).items()
        if given.get(key) is not None
    ]
    source = given if given.get("conversion_notes") or keypoints is None else keypoints.provenance
    notes = source.get("conversion_notes") or ()
    notes = [notes] if isinstance(notes, str) else [str(note) for note in notes]
    if notes:
        origin = source.get("converted_from")
        parts.append(f"2D converted{f' from {origin}' if origin else ''}: {'; '.join(notes)}")
    return "  ·  ".join(parts)
