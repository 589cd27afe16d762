"""What the picture and the video share: colours, views, skeletons as lines.

Everything here draws into an Axes that the caller made with matplotlib's object interface;
pyplot and the global settings of the caller's session are never touched. matplotlib is imported
inside functions so that importing langlift stays light.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ..skeletons import Skeleton
from ..tracks import Keypoints, Motion

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Blue and vermilion of Okabe & Ito's palette: told apart with every common colour blindness.
SIDE_COLOURS = {"left": "#0072b2", "right": "#d55e00", "trunk": "#39424e"}
INK, MUTED, FAINT, CARD, PAPER = "#1d2530", "#66717e", "#c3cad2", "#f2f4f7", "#ffffff"
#: What lies outside the image in a panel of the 2D input.
OUTSIDE = "#dfe4ea"
GHOST, ACTION, OTHER_ACTION = "#a4a9b0", "#009e73", "#93a1b1"

#: Joints that lie too close together for dots and lines of full size, by the end of their names.
_DENSE = ("eye", "ear", "toe", "heel")

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
    boxes = {view: bounds(project(points, view)[0]) for view in views}
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


def bounds(flat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
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
        self._dot_widths = width * np.array(
            [0.62 if joint.endswith(_DENSE) else 1.0 for joint in skeleton.joints]
        )
        self._widths = self._dot_widths[self._links].min(axis=1)
        self._ghost = ghost
        self._lines = LineCollection([], capstyle="round", zorder=2 if ghost else 3)
        ax.add_collection(self._lines, autolim=False)
        self.artists: list[Any] = [self._lines]
        self._dots = None
        if not ghost or not links:
            self._dots = PathCollection(
                [Path.unit_circle()],
                offset_transform=ax.transData,
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
        widths = self._widths[drawn]
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
            self._dots.set_sizes((0.72 * self._dot_widths[seen]) ** 2)
            self._dots.set_linewidth(0.28 * self._dot_widths[seen])  # type: ignore[arg-type]
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


@cache
def _drawable() -> frozenset[int]:
    """The characters of the font."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    return frozenset(get_font(findfont(FontProperties())).get_charmap())


def write(where: Any, x: float, y: float, text: str, size: float, **style: Any) -> Any:
    """Text in a figure or Axes; dollar signs in the user's words are no formulas.

    What the font cannot draw is escaped; of that matplotlib would warn, and draw boxes.
    """
    text = "".join(c if c == "\n" or ord(c) in _drawable() else ascii(c)[1:-1] for c in text)
    return where.text(x, y, text, **({"fontsize": size, "color": INK, "parse_math": False} | style))
