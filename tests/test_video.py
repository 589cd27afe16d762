"""Videos: they decode, hold every frame, say what the picture says, and appear whole or not."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from view_fixtures import in_world, seen_by_camera, share_of, toy, unsure

from langlift.view import drawing, save_video
from langlift.view.video import _Screen, frame_rate


def frames_of(path: Path) -> tuple[list[np.ndarray], object]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        decoded = [
            frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(stream)
        ]
        return decoded, stream


def test_video_decodes_with_all_frames(tmp_path):
    motion = toy(9)
    calls: list[tuple[int, int]] = []
    path = save_video(
        motion, tmp_path / "a.mp4", seen_by_camera(motion), lambda *done: calls.append(done)
    )
    decoded, stream = frames_of(path)
    assert len(decoded) == 9
    assert decoded[0].shape == (540, 960, 3)
    assert stream.average_rate == 25
    assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
    assert calls == [(f + 1, 9) for f in range(9)]
    for colour in (*drawing.SIDE_COLOURS.values(), drawing.ACTION):
        assert share_of(decoded[4], colour) > 0.001
    assert np.abs(decoded[2] - decoded[6])[:400].max() > 100, "nothing moves"


@pytest.mark.parametrize("action", [True, False])
def test_video_of_one_frame_without_keypoints(tmp_path, action):
    decoded, _ = frames_of(save_video(toy(1, action), tmp_path / "a.mp4"))
    assert len(decoded) == 1
    assert share_of(decoded[0], drawing.SIDE_COLOURS["left"]) > 0.001


@pytest.mark.parametrize(("best", "named"), [(0.39, False), (0.6, True)])
def test_video_says_what_is_certain_and_where_up_is(best, named):
    motion = unsure(toy(4), best)
    for shown, floors in ((motion, 0), (in_world(motion), 1)):
        screen = _Screen(shown, seen_by_camera(motion))
        words = [text.get_text() for text in screen.figure.texts]
        assert words[0] == ("Straight leg raise" if named else "Action uncertain")
        assert words[1] == ("60 %" if named else "straight leg raise 39 %, walk 35 %")
        views = screen.figure.axes[-1]
        assert len(views.lines) == floors
        hints = [text.get_text() for text in views.texts if "up is the image" in text.get_text()]
        assert len(hints) == 1 - floors


@pytest.mark.filterwarnings("error")
def test_video_with_missing_joints(tmp_path):
    motion = toy(4)
    xy = seen_by_camera(motion).xy.copy()
    xy[2] = np.nan
    keypoints = seen_by_camera(motion).replaced(xy=xy, confidence=None)
    decoded, _ = frames_of(save_video(motion, tmp_path / "a.mp4", keypoints))
    left = [share_of(frame[60:400, :450], drawing.SIDE_COLOURS["left"]) for frame in decoded]
    assert left[2] == 0
    assert min(left[0], left[1], left[3]) > 0.001


@pytest.mark.parametrize(
    ("fps", "rate"),
    [
        (25.0, Fraction(25)),
        (30000 / 1001, Fraction(30000, 1001)),
        (29.999999, Fraction(30)),
        (12.5, Fraction(25, 2)),
        (1e-6, Fraction(1, 1001)),
    ],
)
def test_frame_rate(fps, rate):
    assert frame_rate(fps) == rate


def test_interrupted_video_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"old")

    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        save_video(toy(4), path, progress=stop)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]
