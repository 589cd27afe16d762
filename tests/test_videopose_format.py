"""VideoPose3D's 2D files as input of ``langlift lift``."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from format_files import GOOD, XY, one_sentence_about

from langlift.errors import InputError
from langlift.formats import READERS, ReadOptions, read, read_people

METADATA = {
    "layout_name": "coco",
    "num_joints": 17,
    "keypoints_symmetry": [[1, 3, 5, 7, 9, 11, 13, 15], [2, 4, 6, 8, 10, 12, 14, 16]],
    "video_metadata": {"walk.mp4": {"w": 640, "h": 480}, "run.mp4": {"w": 320, "h": 240}},
}
ONE = {"walk.mp4": {"custom": [XY]}}
RATE = ReadOptions(fps=50)


def file(folder: Path, positions: object = None, metadata: object = METADATA, **more) -> Path:
    path = folder / "data_2d_custom_mine.npz"
    arrays = {"positions_2d": np.array(ONE if positions is None else positions, dtype=object)}
    if metadata is not None:
        arrays["metadata"] = np.array(metadata, dtype=object)
    np.savez_compressed(path, **arrays, **more)
    return path


def test_a_video_is_read(tmp_path: Path) -> None:
    keypoints = read(file(tmp_path), RATE)
    np.testing.assert_array_equal(keypoints.xy, XY.astype(np.float32))
    assert (keypoints.skeleton.name, keypoints.image_size) == ("coco_17", (640, 480))
    assert (keypoints.person, keypoints.seen.all()) == ("walk.mp4", True)
    assert keypoints.provenance["format"] == "videopose"


def test_the_sides_tell_the_joints_in_any_order(tmp_path: Path) -> None:
    sides = [side[::-1] for side in METADATA["keypoints_symmetry"]]
    told = METADATA | {"layout_name": "mine", "keypoints_symmetry": sides}
    assert read(file(tmp_path, metadata=told), RATE).skeleton.name == "coco_17"


def test_rate_and_scores_are_taken_where_they_are(tmp_path: Path) -> None:
    told = METADATA | {"video_metadata": {"walk.mp4": {"w": 640, "h": 480, "fps": 30}}}
    scored = np.concatenate([XY, np.full((4, 17, 1), 0.25)], axis=-1)
    scored[1, 2] = np.nan
    keypoints = read(file(tmp_path, {"walk.mp4": {"custom": [scored]}}, told))
    assert keypoints.fps == 30
    assert keypoints.confidence[0, 0] == 0.25 and keypoints.confidence[1, 2] == 0


def test_one_of_several_videos_is_chosen(tmp_path: Path) -> None:
    several = {**ONE, "run.mp4": {"custom": [XY[:3]]}}
    path = file(tmp_path, several)
    for reads in (read, read_people):
        with pytest.raises(InputError) as caught:
            reads(path, RATE)
        assert "there are 2 videos: walk.mp4 (4 frames), run.mp4 (3 frames)" in str(caught.value)
        assert "choose one with --person" in str(caught.value)
    run = read(path, ReadOptions(fps=50, person="run.mp4"))
    assert (len(run), run.image_size) == (3, (320, 240))
    with pytest.raises(InputError, match=r"unknown video 'run'.*did you mean 'run\.mp4'"):
        read(path, ReadOptions(fps=50, person="run"))


def test_actions_and_cameras_have_names_of_their_own(tmp_path: Path) -> None:
    layout = {"S1": {"Walking": [XY, XY[:2]], "Eating": [XY]}}
    path = file(tmp_path, layout, {"layout_name": "h36m", "num_joints": 17})
    with pytest.raises(InputError, match=r"3 videos: S1/Walking/0 \(4 frames\), S1/Walking/1 "):
        read(path, GOOD)
    chosen = read(path, ReadOptions(fps=50, image_size=(640, 480), person="S1/Walking/1"))
    assert (len(chosen), chosen.skeleton.name) == (2, "human36m_17")
    assert len(read(path, ReadOptions(fps=50, image_size=(640, 480), person="S1/Eating"))) == 4


def test_what_python_2_wrote_is_read(tmp_path: Path) -> None:
    import io
    import zipfile

    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|O", "fortran_order": False, "shape": ()}
    )
    path = tmp_path / "data_2d_custom_old.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for name, value in {"positions_2d": ONE, "metadata": METADATA}.items():
            stored = np.array(value, dtype=object)
            archive.writestr(f"{name}.npy", header.getvalue() + pickle.dumps(stored, protocol=2))
    np.testing.assert_array_equal(read(path, RATE).xy, XY.astype(np.float32))


class Runs:
    def __reduce__(self):
        return (print, ("it ran",))


BAD = {
    "callable": ({"walk.mp4": {"custom": [Runs()]}}, METADATA, RATE, "it holds code"),
    "no dictionary": (np.zeros(3), METADATA, RATE, "positions_2d is of type list"),
    "no videos": ({}, METADATA, RATE, "positions_2d is an empty dictionary"),
    "video of numbers": ({"a": XY}, METADATA, RATE, "of 'a' is of type ndarray; it must be"),
    "no arrays": ({"a": {"custom": []}}, METADATA, RATE, "'custom', is no list of arrays"),
    "words": ({"a": {"custom": ["b"]}}, METADATA, RATE, "of 'a' is no array of numbers"),
    "wrong rank": ({"a": {"custom": [XY[0]]}}, METADATA, RATE, "has shape (17, 2); it must be"),
    "no frames": ({"a": {"custom": [XY[:0]]}}, METADATA, RATE, "has shape (0, 17, 2)"),
    "metadata": (ONE, [1], RATE, "metadata is of type list; it must be"),
    "video metadata": (ONE, METADATA | {"video_metadata": {"walk.mp4": 1}}, RATE, "no dictionary"),
    "no metadata": (ONE, None, GOOD, "names 17 joints with layout None; known"),
    "layout": (ONE, {"layout_name": "mine"}, RATE, "joints with layout 'mine'; known are 17 "),
    "sides": (ONE, METADATA | {"keypoints_symmetry": [[1], [2]]}, RATE, "one of these; name the "),
    "no rate": (ONE, METADATA, ReadOptions(), "fps is missing"),
    "no size": (ONE, {"layout_name": "coco"}, RATE, "image size is missing"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_sentence(case: str, tmp_path: Path, capsys) -> None:
    positions, metadata, options, words = BAD[case]
    path = file(tmp_path, positions, metadata)
    with pytest.raises(InputError) as caught:
        read(path, options)
    assert one_sentence_about(str(caught.value), path)
    assert str(caught.value).count(str(path)) == 1
    assert words in str(caught.value)
    assert "it ran" not in capsys.readouterr().out


def test_the_skeleton_may_be_named(tmp_path: Path) -> None:
    named = ReadOptions(fps=50, image_size=(640, 480), skeleton="coco_17")
    assert read(file(tmp_path, metadata=None), named).skeleton.name == "coco_17"


def test_half_a_download_is_refused(tmp_path: Path) -> None:
    path = file(tmp_path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match=r"damaged, cut off or of another type"):
        read(path, RATE)
    with pytest.raises(InputError, match=r"cannot be read as npz"):
        read(path, ReadOptions(format="videopose"))
    assert "videopose" in READERS
