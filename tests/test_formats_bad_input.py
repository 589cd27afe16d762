"""Bad input: one sentence that names the file, what was got, what to do."""

import errno
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from format_files import (
    ANNOTATION,
    FRAME,
    GOOD,
    IMAGE,
    NOTHING_SEEN,
    PERSON,
    PICKLED,
    XY,
    as_json,
    detections,
    flat,
    folder_of,
    grid,
    npy_header,
    npz,
    one_sentence_about,
    raw,
    zip_bytes,
)

from langlift import formats
from langlift.errors import InputError
from langlift.formats import ReadOptions
from langlift.skeletons import BODY_25B, HUMAN36M_17

# name: (what makes the file, the options, a part of the message)
CASES = {
    "not found": (lambda folder: folder / "no.npz", GOOD, "no such file or folder"),
    "empty file": (raw("clip.npz", b""), GOOD, "the file is empty"),
    "empty json": (raw("clip.json", b""), GOOD, "the file is empty"),
    "unknown suffix": (raw("clip.xyz", b"1"), GOOD, "accepted are .npz, .json and a folder"),
    "unknown format": (npz(), ReadOptions(format="opnpose"), "did you mean 'openpose'?"),
    "wrong format named": (npz(), ReadOptions(format="coco"), "not valid JSON"),
    "folder as npz": (folder_of(f_0=FRAME), ReadOptions(format="npz"), "(Is a directory)"),
    # npz files
    "text as npz": (raw("clip.npz", b"hello world"), GOOD, "damaged, cut off or of another type"),
    "pickle as npz": (raw("clip.npz", pickle.dumps({"xy": 1})), GOOD, "cannot be read as npz"),
    "pickled xy": (npz(xy=PICKLED), GOOD, "pickled Python objects, which are never loaded"),
    "pickled names": (npz(joint_names=PICKLED), GOOD, "pickled Python objects"),
    "foreign arrays": (npz(xy=None, poses=XY), GOOD, "its arrays (skeleton, fps, image_size, pos"),
    "empty archive": (raw("clip.npz", zip_bytes()), GOOD, "its arrays (none)"),
    "not an array": (raw("clip.npz", zip_bytes(xy=b"hello")), GOOD, "'xy' is no array"),
    "huge header": (
        raw("clip.npz", zip_bytes(**{"xy.npy": npy_header("(10000000000000000, 17, 2)")})),
        GOOD,
        "cannot be read as npz",
    ),
    "many empty frames": (
        raw("clip.npz", zip_bytes(**{"xy.npy": npy_header("(10000000000000000, 0, 2)")})),
        GOOD,
        "xy holds no joints",
    ),
    "not numbers": (npz(xy=np.full((4, 17, 2), "a")), GOOD, "it must be numbers"),
    "complex numbers": (npz(xy=XY * 1j), GOOD, "it must be numbers"),
    "wrong rank": (npz(xy=XY[0]), GOOD, "xy has shape (17, 2); it must be (f, j, 2)"),
    "three columns": (npz(xy=grid(4, 17)), GOOD, "xy has shape (4, 17, 3)"),
    "no frames": (npz(xy=XY[:0]), GOOD, "there are no frames"),
    "wrong joint count": (npz(xy=XY[:, :13]), GOOD, "have 13 joints but skeleton 'coco_17' has 17"),
    "all NaN": (npz(xy=XY * np.nan), GOOD, NOTHING_SEEN),
    "zero confidence": (npz(confidence=np.zeros((4, 17))), GOOD, NOTHING_SEEN),
    "NaN confidence": (npz(confidence=np.full((4, 17), np.nan)), GOOD, NOTHING_SEEN),
    "negative confidence": (npz(confidence=-XY[..., 0]), GOOD, "a confidence is -100"),
    "confidence shape": (npz(confidence=np.ones((4, 3))), GOOD, "confidence has shape (4, 3)"),
    "infinite": (npz(xy=np.where(XY == 103, np.inf, XY)), GOOD, "infinite values"),
    "beyond float32": (npz(xy=XY * 1e300), GOOD, "infinite values"),
    "far outside": (npz(xy=XY * 1000), GOOD, "far outside the 640 x 480 image"),
    "normalised": (npz(xy=XY / 1000), GOOD, "look like normalised coordinates"),
    "unknown skeleton": (npz(skeleton="coco17"), GOOD, "did you mean 'coco_17'?"),
    "unknown skeleton given": (npz(), ReadOptions(skeleton="body25"), "did you mean 'body_25'?"),
    "no skeleton": (npz(skeleton=None), GOOD, "does not say its skeleton; name it with --skeleton"),
    "skeleton of numbers": (npz(skeleton=3), GOOD, "'skeleton' is missing or of type int64"),
    "two skeletons": (npz(skeleton=["a", "b"]), GOOD, "'skeleton' holds 2 texts"),
    "other joint order": (
        npz(skeleton="human36m_17", joint_names=HUMAN36M_17.joints[::-1]),
        GOOD,
        "not the joints of skeleton 'human36m_17' in its order",
    ),
    "unknown joints": (npz(skeleton=None, joint_names=[*"abcdefghijklmnopq"]), GOOD, "fit no know"),
    "joint named twice": (
        npz(skeleton=None, joint_names=["nose"] * 17),
        GOOD,
        "contain nose twice",
    ),
    "too few names": (npz(skeleton=None, joint_names=["nose"]), GOOD, "joint_names has 1"),
    "root of a tree": (
        npz(skeleton="mine", joint_names=[*"ab"], joint_parents=[np.nan, 0]),
        GOOD,
        "'joint_parents' is of type float64; it must be integers",
    ),
    "fps missing": (npz(fps=None), ReadOptions(), "fps is missing; give the frames per second (--"),
    "fps zero": (npz(fps=0), ReadOptions(), "fps is 0; it must be between 1 and 1000"),
    "fps negative": (npz(), ReadOptions(fps=-30), "fps is -30; it must be between 1 and 1000"),
    "fps NaN": (npz(fps=np.nan), ReadOptions(), "fps is nan"),
    "fps of frames": (
        npz(fps=[30, 30]),
        ReadOptions(),
        "fps has shape (2,); it must be one number",
    ),
    "fps text": (npz(fps="fast"), ReadOptions(), "it must be numbers"),
    "image size missing": (npz(image_size=None), ReadOptions(), "(--image-size WIDTH HEIGHT)"),
    "image size zero": (
        npz(image_size=(0, 480)),
        ReadOptions(),
        "size is [0, 480]; it must be two",
    ),
    "image size infinite": (
        npz(image_size=(np.inf, 480)),
        ReadOptions(),
        "the image size is [inf, 480",
    ),
    "image size of one": (npz(image_size=640), ReadOptions(), "size is 640; it must be two"),
    "no such person": (npz(), ReadOptions(person="7"), "unknown person '7'; known: 0 (choose one"),
    "detections no such person": (detections(), ReadOptions(person="7"), "known: 0 (choose one of"),
    "other person": (npz(person="anna"), ReadOptions(person="ana"), "did you mean 'anna'?"),
    "provenance": (npz(provenance="{"), GOOD, "the provenance is not valid JSON"),
    "deep provenance": (
        npz(provenance='{"a":' * 900 + "1" + "}" * 900),
        GOOD,
        "the provenance is nested more than 32 deep; keep what is needed",
    ),
    "provenance list": (npz(provenance="[1]"), GOOD, "the provenance is no JSON object"),
    "a motion": (npz(xy=None, joints=grid(4, 17), space="root"), GOOD, "this is a 3D motion alrea"),
    "two npz formats": (npz(det2d_b=grid(4, 25)), GOOD, "--format npz or --format detections"),
    # detections
    "detections shape": (detections(det2d_b=grid(3, 25)[0]), GOOD, "det2d_b has shape (25, 3)"),
    "detections no frames": (detections(det2d_b=grid(0, 25)), GOOD, "there are no frames"),
    "detections image size": (detections(), ReadOptions(), "--image-size"),
    "detections unnamed": (detections(b_names=None), GOOD, "does not name the joints of det2d_b"),
    "detections few names": (detections(b_names=BODY_25B.joints[:17]), GOOD, "25 joints but 17 na"),
    "detections layouts": (
        detections(det2d_c=grid(3, 17), c_names=BODY_25B.joints[:17]),
        GOOD,
        "several layouts: det2d_b (body_25b), det2d_c (coco_17); choose one with --skeleton",
    ),
    "detections other skeleton": (
        detections(),
        ReadOptions(skeleton="human36m_17"),
        "none of det2d_b has the joints of 'human36m_17'",
    ),
    "detections camera": (detections(K=np.eye(4)), GOOD, "the camera matrix K has shape (4, 4)"),
    "detections camera NaN": (
        detections(K=np.eye(3) * np.nan),
        GOOD,
        "K holds values that are not",
    ),
    "detections none": (npz(), ReadOptions(format="detections"), "no array det2d_<layout>"),
    # JSON
    "text as json": (raw("clip.json", b"hello"), GOOD, "not valid JSON (Expecting value"),
    "binary json": (raw("clip.json", bytes(range(128, 256))), GOOD, "not valid JSON"),
    "deep json": (raw("clip.json", b"[" * 200_000), GOOD, "not valid JSON"),
    "no keypoint format": (as_json({"a": 1}), GOOD, "no keypoint format that is known; accepted:"),
    "json number": (as_json(3), GOOD, "no keypoint format that is known"),
    "two json formats": (
        as_json([{"image_id": 1, "keypoints": [], "people": []}]),
        GOOD,
        "--format openpose or --format coco",
    ),
    # OpenPose
    "folder without json": (folder_of(), GOOD, "no *_keypoints.json files"),
    "folder named openpose": (folder_of(), ReadOptions(format="openpose"), "no *_keypoints.json"),
    "truncated frame": (
        folder_of(a_0=FRAME, a_1='{"people": ['),
        GOOD,
        "a_1_keypoints.json: this ",
    ),
    "two clips": (folder_of(a_0=FRAME, b_1=FRAME), GOOD, "more than one clip"),
    "same frame twice": (folder_of(a_1=FRAME, a_01=FRAME), GOOD, "more than one clip"),
    "no frame number": (folder_of(a_0=FRAME, b=FRAME), GOOD, "has no frame number"),
    "frames far apart": (
        folder_of(a_0=FRAME, a_1=FRAME, a_99999999999=FRAME),
        GOOD,
        "run from 0 to 99999999999 though there are only 3",
    ),
    "nobody": (
        as_json({"people": []}),
        GOOD,
        "nobody was found in it (1 frame); give the detector",
    ),
    "people no list": (as_json({"people": 3}), GOOD, "has no list 'people'"),
    "no pose": (as_json({"people": [{}]}), GOOD, "has no 'pose_keypoints_2d'"),
    "openpose 18 joints": (
        as_json({"people": [{"pose_keypoints_2d": flat(18)}]}),
        GOOD,
        "18 joints in frame 0 but skeleton 'body_25' has 25; name the right one with --skeleton",
    ),
    "not thirds": (as_json({"people": [{"pose_keypoints_2d": [1, 2]}]}), GOOD, "flat list of numb"),
    "nested list": (as_json({"people": [{"pose_keypoints_2d": [[1, 2, 3]]}]}), GOOD, "flat list"),
    "words": (as_json({"people": [{"pose_keypoints_2d": ["a"] * 75}]}), GOOD, "flat list of numb"),
    "giant numbers": (
        as_json({"people": [{"pose_keypoints_2d": [10**400] * 75}]}),
        GOOD,
        "flat list of numbers",
    ),
    "openpose zeros": (as_json({"people": [{"pose_keypoints_2d": [0] * 75}]}), GOOD, NOTHING_SEEN),
    "openpose fps": (as_json(FRAME), ReadOptions(image_size=(640, 480)), "fps is missing"),
    "openpose image size": (as_json(FRAME), ReadOptions(fps=30), "--image-size"),
    "giant fps": (as_json(FRAME), ReadOptions(fps=10**400, image_size=(9, 9)), "fps is beyond"),
    "several people": (
        as_json({"people": [PERSON] * 30}),
        GOOD,
        "there are 30 people: 0 (1 frame), 1 (1 frame)",
    ),
    "unprintable names": (
        as_json([ANNOTATION | {"track_id": "a\nb"}, ANNOTATION | {"track_id": "\x1b\ud800"}]),
        GOOD,
        "there are 2 people: a\\nb (1 frame), \\x1b\\ud800 (1 frame)",
    ),
    "very long names": (npz(skeleton="a" * 100_000), GOOD, "aaa ... "),
    "nobody of that name": (
        as_json({"people": [PERSON] * 2}),
        ReadOptions(person="7"),
        "unknown person '7'; known: 0, 1 (choose one of these with --person, or leave it out)",
    ),
    # COCO
    "captions": (
        as_json({"annotations": [{"image_id": 1, "keypoints": []}]}),
        GOOD,
        "no annotation holds keypoints",
    ),
    "annotations no list": (
        as_json({"annotations": {"image_id": 1, "keypoints": 2}}),
        GOOD,
        "'annotations' is not a list of objects",
    ),
    "coco joints": (
        as_json([ANNOTATION | {"keypoints": flat(26)}]),
        GOOD,
        "26 joints in frame 0 but skeleton 'coco_17' has 17",
    ),
    "coco size zero": (
        as_json({"images": [IMAGE | {"width": 0}], "annotations": [ANNOTATION]}),
        ReadOptions(fps=30),
        "the image size is (0, 480)",
    ),
    "coco sizes": (
        as_json({"images": [IMAGE, IMAGE | {"id": 2, "width": 9}], "annotations": [ANNOTATION]}),
        ReadOptions(fps=30),
        "several sizes (640 x 480 and 9 x 480)",
    ),
    "coco other image": (
        as_json({"images": [IMAGE | {"id": 2}], "annotations": [ANNOTATION]}),
        GOOD,
        "is of image 1, which is not in 'images'",
    ),
    "coco image twice": (
        as_json({"images": [IMAGE, IMAGE], "annotations": [ANNOTATION]}),
        GOOD,
        "two images have the same id",
    ),
    "coco videos": (
        as_json(
            {
                "images": [IMAGE | {"video_id": 1}, IMAGE | {"id": 2, "video_id": 2}],
                "annotations": [ANNOTATION],
            }
        ),
        GOOD,
        "several videos",
    ),
    "coco image id": (as_json([ANNOTATION | {"image_id": [1]}]), GOOD, "image_id is [1]"),
    "coco image name": (as_json([ANNOTATION | {"image_id": "a.jpg"}]), GOOD, "holds no frame numb"),
    "coco some tracks": (
        as_json([ANNOTATION, ANNOTATION | {"image_id": 2, "track_id": 1}]),
        GOOD,
        "1 of 2 annotations have a track_id",
    ),
    "coco track twice": (
        as_json([ANNOTATION | {"track_id": 1}] * 2),
        GOOD,
        "track_id 1 occurs twi",
    ),
    "coco image set": (
        as_json([ANNOTATION, ANNOTATION | {"image_id": 397133}, ANNOTATION | {"image_id": 37776}]),
        GOOD,
        "give the frames of one clip",
    ),
    "coco category": (
        as_json(
            {
                "annotations": [ANNOTATION | {"keypoints": flat(16)}],
                "categories": [{"keypoints": list(BODY_25B.joints[:17])}],
            }
        ),
        GOOD,
        "16 joints in frame 0 but the category names 17",
    ),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_refused_in_one_sentence(tmp_path, name):
    make, options, fragment = CASES[name]
    path = make(tmp_path)
    with pytest.raises(InputError) as caught:
        formats.read(path, options)
    message = str(caught.value)
    assert fragment in message
    assert one_sentence_about(message, path)
    assert message.count(str(path)) == 1


def test_a_readers_own_load_names_the_file_too(tmp_path):
    path = npz(fps=0)(tmp_path)
    with pytest.raises(InputError) as caught:
        formats.READERS["npz"].load(path)
    assert one_sentence_about(str(caught.value), path)


def test_an_unreadable_file_is_an_input_error(tmp_path, monkeypatch):
    path = as_json(FRAME)(tmp_path)

    def refuse(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(InputError, match=r"cannot be read \(Permission denied\); check"):
        formats.read(path, GOOD)


def fifo(path: Path) -> Path:
    os.mkfifo(path)
    return path


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes have no names on Windows")
@pytest.mark.parametrize("name", ["clip.npz", "clip.json"])
def test_a_pipe_is_refused_before_anything_reads_it(tmp_path, name):
    path = fifo(tmp_path / name)
    for options in (GOOD, ReadOptions(format="npz"), ReadOptions(format="openpose")):
        with pytest.raises(InputError, match=f"{name}: this is no ordinary file; give a file"):
            formats.read(path, options)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes have no names on Windows")
def test_a_pipe_among_the_frames_of_a_folder_is_refused(tmp_path):
    folder = folder_of(a_0=FRAME)(tmp_path)
    fifo(folder / "a_1_keypoints.json")
    with pytest.raises(InputError, match=r"a_1_keypoints\.json: this is no ordinary file"):
        formats.read(folder, GOOD)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no devices here")
def test_a_device_without_end_is_refused():
    with pytest.raises(InputError, match="/dev/zero: this is no ordinary file"):
        formats.read("/dev/zero", ReadOptions(format="npz"))


def test_names_of_files_cannot_write_to_the_terminal(tmp_path):
    path = tmp_path / "a\x1b[31m\nlanglift: all is well\u202e.npz"
    with pytest.raises(InputError) as caught:
        formats.read(path)
    message = str(caught.value)
    assert message.isprintable()
    assert "a\\x1b[31m\\nlanglift: all is well\\u202e.npz: there is no such file" in message
