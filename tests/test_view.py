"""Pictures: they exist, show the right thing, and appear whole or not at all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from view_fixtures import in_world, pixels, seen_by_camera, share_of, swinging, toy, unsure

from langlift.errors import InputError, ShapeError
from langlift.skeletons import COCO_17, HUMAN36M_17, SKELETONS, Skeleton
from langlift.tracks import ActionEstimate, Motion
from langlift.view import drawing, picture, save_picture, save_video, strip


def texts_of(motion: Motion, keypoints=None, truth=None, title=None, note=None) -> str:
    """All words that the picture would hold."""
    figure = Figure(dpi=100)
    FigureCanvasAgg(figure)
    picture._Page(figure, motion, keypoints, truth).draw(title, note)
    found = [t.get_text() for t in figure.texts]
    found += [t.get_text() for ax in figure.axes for t in ax.texts]
    return "\n".join(found)


# --- picture --------------------------------------------------------------------------------


def test_picture_has_its_size_and_both_sides(tmp_path):
    motion = toy()
    path = save_picture(motion, tmp_path / "a.png", seen_by_camera(motion))
    image = pixels(path)
    assert path == tmp_path / "a.png"
    assert image.shape[1] == 1600 and 1000 < image.shape[0] < 1300
    for side in ("left", "right", "trunk"):
        assert share_of(image, drawing.SIDE_COLOURS[side]) > 0.001
    assert share_of(image, drawing.ACTION) > 0.005
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_left_arm_of_a_person_facing_the_camera_is_right_in_the_picture(tmp_path):
    image = pixels(save_picture(toy(1, action=False), tmp_path / "a.png"))
    front = image[150:900, 260:680]
    columns = {}
    for side in ("left", "right"):
        wanted = np.array([int(drawing.SIDE_COLOURS[side][i : i + 2], 16) for i in (1, 3, 5)])
        columns[side] = np.nonzero(np.abs(front - wanted).max(axis=-1) < 24)[1]
    assert columns["left"].min() > columns["right"].max()


def test_picture_without_keypoints_and_without_action(tmp_path):
    image = pixels(save_picture(toy(action=False), tmp_path / "a.png"))
    assert share_of(image, drawing.ACTION) == 0
    assert share_of(image, drawing.SIDE_COLOURS["left"]) > 0.001
    assert "No action estimated" in texts_of(toy(action=False))


def test_one_frame(tmp_path):
    motion = toy(1)
    image = pixels(save_picture(motion, tmp_path / "a.png", seen_by_camera(motion)))
    assert share_of(image, drawing.SIDE_COLOURS["right"]) > 0.001
    assert "1 frame  ·" in texts_of(motion)


@pytest.mark.filterwarnings("error")
def test_missing_joints_are_left_out(tmp_path):
    motion = toy(10)
    xy = seen_by_camera(motion).xy.copy()
    xy[:, 1:7] = np.nan
    xy[4:6] = np.nan
    keypoints = seen_by_camera(motion).replaced(xy=xy, confidence=None)
    save_picture(motion, tmp_path / "a.png", keypoints)
    joints = motion.joints.copy()
    joints[3:7] = np.nan
    save_picture(motion.replaced(joints=joints), tmp_path / "b.png")
    assert "no joint seen" in texts_of(motion, keypoints)


def test_words_percent_and_provenance_are_on_the_page():
    words = texts_of(toy(), title="Clip $7$")
    for text in ("Clip $7$", "Side lunge  70 %", "side lunge", "70 %", "deep squat", "20 %"):
        assert text in words
    assert "12 frames  ·  25 fps  ·  0.48 s" in words
    assert "model: toy  ·  weights: 0123456789 …  ·  camera: focal length assumed" in words
    assert "lowest joints at one height" in words


def test_an_action_that_is_close_to_a_guess_is_not_the_headline():
    words = texts_of(unsure(toy(), 0.39)).splitlines()
    assert words[:2] == ["Action uncertain", "straight leg raise 39 %, walk 35 %"]
    words = texts_of(unsure(toy(), 0.39), title="A clip").splitlines()
    assert words[1] == "Action uncertain: straight leg raise 39 %, walk 35 %"
    assert texts_of(unsure(toy(), 0.41)).startswith("Straight leg raise 41 %\n")


def test_the_note_stands_under_the_title():
    words = texts_of(toy(), title="A clip", note="true action: kick").splitlines()
    assert words[:3] == ["A clip", "Side lunge  70 %", "true action: kick"]


def test_long_words_of_the_guesses_are_cut():
    labels = ("a_very_long_name_" * 6, "another_long_name_" * 6, "c", "d")
    rows, windows = np.array([[0.3, 0.28, 0.22, 0.2]]), np.array([[0, 2]])
    line = strip.guesses(ActionEstimate(labels, rows, windows))
    assert len(line) <= 60 and line.count(" …") == 2 and line.endswith(" 28 %")


def test_conversion_notes_of_the_keypoints_are_on_the_page():
    motion = toy()
    keypoints = seen_by_camera(
        motion, provenance={"converted_from": "coco_17", "conversion_notes": ["spine is a guess"]}
    )
    assert "2D converted from coco_17: spine is a guess" in texts_of(motion, keypoints)


def test_truth_gives_mpjpe_in_millimetres_after_root_alignment(tmp_path):
    motion = toy()
    truth = motion.joints.astype(float) + 5.0  # another place: taken out at the root
    truth[:, 1:] += [0.017, 0, 0]  # 16 of 17 joints are 17 mm off
    assert "MPJPE 16.0 mm, pelvis aligned" in texts_of(motion, truth=truth)
    path = save_picture(motion, tmp_path / "a.png", truth=truth)
    assert share_of(pixels(path), drawing.GHOST) > share_of(
        pixels(save_picture(motion, tmp_path / "b.png")), drawing.GHOST
    )


def test_world_space_is_drawn_upright():
    motion = toy()
    world = in_world(motion)
    staged, standing = drawing.on_stage(world), drawing.on_stage(motion)
    low = 1.1 - 0.95 + 0.08  # the ankles over the real floor
    np.testing.assert_allclose(staged[..., 1], standing[..., 1] + low, atol=1e-6)
    np.testing.assert_allclose(staged[..., ::2], standing[..., ::2], atol=1e-6)
    assert "along the y axis" in texts_of(world)


def drawn(motion: Motion, keypoints=None) -> picture._Page:
    figure = Figure(dpi=100)
    FigureCanvasAgg(figure)
    page = picture._Page(figure, motion, keypoints, None)
    page.draw(None)
    return page


def test_only_world_space_has_a_floor():
    motion = toy(action=False)
    floors = {
        name: sum(len(ax.lines) for ax in drawn(m).figure.axes)
        for name, m in (("root", motion), ("world", in_world(motion)))
    }
    assert floors == {"root": 0, "world": 10}  # front and side of five moments
    hint = "no floor: up is the image's up"
    assert hint in texts_of(motion) and hint not in texts_of(in_world(motion))
    assert hint in texts_of(toy(1)) and hint not in texts_of(in_world(toy(1)))


@pytest.mark.parametrize("frames", [1, 12])
@pytest.mark.parametrize("turn", [False, True], ids=["upright", "lying"])
def test_figures_fill_their_panels_and_no_limb_is_clipped(frames, turn):
    motion = toy(frames, action=False)
    if turn:
        motion = motion.replaced(joints=motion.joints[..., [1, 0, 2]])
    page = drawn(motion, seen_by_camera(motion))
    page.figure.canvas.draw()
    filled = []
    for ax in page.figure.axes:
        dots = ax.collections[-1].get_offsets()
        inside = ax.transAxes.inverted().transform(ax.transData.transform(dots))
        assert inside.min() > 0.02 and inside.max() < 0.98
        filled.append(np.ptp(inside, axis=0))
    assert np.max(filled, axis=0).max() > 0.8
    assert page.scale * 1.62 > 2  # inches from ankle to head


def test_joints_of_the_face_are_smaller():
    figure = Figure(figsize=(2, 2), dpi=50)
    limbs = drawing.Limbs(drawing.add_panel(figure, (0, 0, 2, 2)), COCO_17, 4)
    limbs.move(np.random.default_rng(0).random((17, 2)))
    sizes = dict(zip(COCO_17.joints, limbs.artists[1].get_sizes(), strict=True))
    assert sizes["left_ear"] == sizes["right_eye"] < 0.5 * sizes["nose"]
    assert sizes["nose"] == sizes["left_wrist"]


def test_writing_again_gives_the_same_bytes(tmp_path):
    first = save_picture(toy(), tmp_path / "a.png").read_bytes()
    assert save_picture(toy(), tmp_path / "b.png").read_bytes() == first


# --- drawing --------------------------------------------------------------------------------


def test_views_are_right_handed():
    points = np.array([[1.0, 2.0, 3.0]])  # right, up, away
    for view, flat, nearer in (
        ("front", [1, 2], -3),
        ("side", [3, 2], 1),
        ("top", [1, 3], 2),
    ):
        got, depth = drawing.project(points, view)
        assert got.tolist() == [flat]
        assert depth.tolist() == [nearer]


def test_arranged_views_do_not_overlap():
    staged = drawing.on_stage(toy(30))
    place = drawing.arrange(staged, ["front", "side", "top"])
    spans = []
    for view, shift in place.offsets.items():
        across = drawing.project(staged, view)[0][..., 0] + shift[0]
        spans.append((across.min(), across.max()))
    assert spans[0][0] >= 0
    assert spans[0][1] < spans[1][0] < spans[1][1] < spans[2][0]
    assert spans[2][1] <= place.width + 1e-9


def test_steady_floor_moves_less():
    motion = toy(40)
    joints = motion.joints.copy()
    joints[::2, HUMAN36M_17.index("left_ankle"), 1] += 0.05
    shaky = motion.replaced(joints=joints)
    head = HUMAN36M_17.index("head_top")
    rough, calm = (drawing.on_stage(shaky, steady=n)[:, head, 1] for n in (1, 10))
    assert np.ptp(calm[10:30]) < 0.25 * np.ptp(rough[10:30])


def test_overlapping_windows_are_averaged_and_gaps_are_zero():
    estimate = ActionEstimate(
        ("a", "b"), np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[0, 4], [2, 6]])
    )
    got = strip.frame_probabilities(estimate, 8)
    assert got[:, 0].tolist() == [1, 1, 0.5, 0.5, 0, 0, 0, 0]
    assert got[:, 1].tolist() == [0, 0, 0.5, 0.5, 1, 1, 0, 0]


def test_detectors_without_neck_get_a_trunk():
    sides = {
        frozenset((COCO_17.joints[a], COCO_17.joints[b])): side
        for a, b, side in drawing.links_of(COCO_17)
    }
    assert sides[frozenset(("left_hip", "right_hip"))] == "trunk"
    assert sides[frozenset(("left_shoulder", "left_hip"))] == "trunk"
    assert sides[frozenset(("left_knee", "left_hip"))] == "left"
    assert frozenset(("nose", "left_shoulder")) not in sides
    pairs = {(a, b) for a, b, _ in drawing.links_of(HUMAN36M_17)}
    assert pairs == set(HUMAN36M_17.bones)


@pytest.mark.parametrize("kind", [*SKELETONS.values(), Skeleton("loose", ("nose", "tail"))])
def test_every_skeleton_can_be_drawn(kind):
    figure = Figure(figsize=(2, 2), dpi=50)
    canvas = FigureCanvasAgg(figure)
    ax = drawing.add_panel(figure, (0, 0, 2, 2))
    canvas.draw()
    empty = np.asarray(canvas.buffer_rgba()).copy()
    limbs = drawing.Limbs(ax, kind, 3)
    limbs.move(np.random.default_rng(0).random((len(kind), 2)))
    canvas.draw()
    assert (np.asarray(canvas.buffer_rgba()) != empty).any()


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0 %"), (0.004, "< 1 %"), (0.694, "69 %"), (0.997, "> 99 %"), (1, "100 %")],
)
def test_percent(share, text):
    assert strip.percent(share) == text


# --- what goes wrong ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("save", "good", "bad"), [(save_picture, "a.png", "a.gif"), (save_video, "a.mp4", "a.avi")]
)
def test_bad_inputs_say_what_to_do(tmp_path, save, good, bad):
    motion = toy(3)
    with pytest.raises(InputError, match=f"give a name that ends in {good[1:]}"):
        save(motion, tmp_path / bad)
    with pytest.raises(InputError, match=r"the folder .* does not exist"):
        save(motion, tmp_path / "no" / good)
    with pytest.raises(InputError, match="the keypoints have 5 frames but the motion has 3"):
        save(motion, tmp_path / good, seen_by_camera(toy(5)))
    assert not list(tmp_path.iterdir())


def test_truth_of_another_shape(tmp_path):
    with pytest.raises(ShapeError, match=r"truth has shape \(2, 17, 3\); it must be \(3, 17, 3\)"):
        save_picture(toy(3), tmp_path / "a.png", truth=swinging(2))


def test_interrupted_picture_leaves_nothing(tmp_path, monkeypatch):
    def half(self, path):
        Path(path).write_bytes(b"\x89PNG")
        raise KeyboardInterrupt

    monkeypatch.setattr(FigureCanvasAgg, "print_png", half)
    with pytest.raises(KeyboardInterrupt):
        save_picture(toy(3), tmp_path / "a.png")
    assert not list(tmp_path.iterdir())


def test_importing_the_view_stays_light():
    code = (
        "import sys, langlift.view; "
        "print([m for m in ('matplotlib', 'av', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
