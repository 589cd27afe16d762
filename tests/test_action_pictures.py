"""Pictures of what the action changes: they are whole, show their figures, and refuse bad input."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread
from view_fixtures import swinging

from langlift.errors import InputError
from langlift.skeletons import HUMAN36M_17
from langlift.tracks import Keypoints
from langlift.view import actions
from langlift.view.actions import ClassErrors, Example, save_action_bars, save_examples

CLASSES = {
    "standing_lunge": ClassErrors(40.0, 38.0, -3.0, -1.0),
    "squat": ClassErrors(60.0, 60.5, -0.5, 1.5),
}


def example(caption: str = "largest gain") -> Example:
    truth = swinging(12)[4]
    xy = 500 + 200 * truth[None, :, :2]
    points = Keypoints(xy, HUMAN36M_17, fps=50, image_size=(1000, 1000))
    return Example(caption, points, truth * 1.1, truth, truth, HUMAN36M_17)


def texts(ax) -> list[str]:
    return [text.get_text() for text in ax.texts]


def test_the_hardest_class_is_on_top_and_a_sure_difference_is_bold() -> None:
    ax = Figure().add_subplot()
    rows = sorted(CLASSES.items(), key=lambda row: -row[1].bare)
    actions._draw_bars(ax, rows)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["squat", "standing lunge"]
    assert texts(ax) == ["+0.50 [-0.50, +1.50]", "-2.00 [-3.00, -1.00]"]
    assert [text.get_fontweight() for text in ax.texts] == ["normal", "bold"]
    assert [bar.get_width() for bar in ax.patches] == [60.0, 40.0, 60.5, 38.0]  # type: ignore[attr-defined]
    top, bottom = (label.get_position()[1] for label in ax.get_yticklabels())
    assert ax.transData.transform((0, top))[1] > ax.transData.transform((0, bottom))[1]


def test_both_pictures_are_made_whole(tmp_path: Path) -> None:
    bars = save_action_bars(CLASSES, tmp_path / "bars.png", "Depth error by action", "noisy 2D")
    poses = save_examples([example(), example("median gain")], tmp_path / "poses.png", "Poses")
    for path in (bars, poses):
        image = imread(path)
        assert min(image.shape[:2]) > 150
        assert image[..., :3].std() > 0.05
    one = save_examples([example()], tmp_path / "one.png", "Poses")
    assert imread(one).shape[0] < imread(poses).shape[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bars.png", "one.png", "poses.png"]


def test_the_error_of_each_pose_stands_under_it() -> None:
    figure = Figure(figsize=(10, 4))
    actions._draw_example(figure, example(), 1.0)
    shown = example()
    error = 1000 * np.linalg.norm(shown.bare - shown.truth, axis=-1).mean()
    assert [texts(ax) for ax in figure.axes] == [[], [f"{error:.0f} mm"], ["0 mm"], []]
    assert [text.get_text() for text in figure.texts] == ["largest gain"]


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda to: save_action_bars({}, to, "t"), "there are no classes to draw; give at least"),
        (
            lambda to: save_action_bars({"a": ClassErrors(1.0, np.nan, 0, 0)}, to, "t"),
            "the errors of class 'a' are not finite; leave the class out",
        ),
        (lambda to: save_action_bars(CLASSES, to.with_suffix(".jpg"), "t"), "a figure is written"),
        (lambda to: save_examples([], to, "t"), "there are no examples to draw; give at least one"),
        (lambda to: save_examples([example()], to.with_suffix(".pdf"), "t"), "a figure is written"),
        (lambda _: replace(example(), bare=np.zeros((16, 3))), "bare"),
        (
            lambda _: replace(
                example(), keypoints=Keypoints(np.ones((3, 17, 2)), image_size=(9, 9), fps=50)
            ),
            "an example has 3 frames of 2D; give exactly one",
        ),
    ],
)
def test_refusals(draw, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        draw(tmp_path / "picture.png")
    assert not list(tmp_path.iterdir())
