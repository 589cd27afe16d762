"""Damaged files: an InputError or keypoints come out, and no other error escapes."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from format_files import (
    ANNOTATION,
    FRAME,
    GOOD,
    IMAGE,
    XY,
    as_json,
    detections,
    npz,
    one_sentence_about,
    zip_bytes,
)

from langlift import formats
from langlift.errors import InputError


def check_read_or_refused(path: Path) -> bool:
    """Read a file that may be damaged; whether it was refused. Any other error fails the test."""
    try:
        formats.read(path, GOOD)
    except InputError as error:
        assert one_sentence_about(str(error), path)
        return True
    return False


VALID = {
    "npz": npz(confidence=np.ones((4, 17)), provenance="{}", person="0"),
    "detections": detections(K=np.eye(3)),
    "openpose": as_json(FRAME),
    "coco": as_json({"images": [IMAGE], "annotations": [ANNOTATION]}),
}


@pytest.mark.parametrize("kind", VALID)
def test_cut_off_anywhere(tmp_path, kind):
    path = VALID[kind](tmp_path)
    content = path.read_bytes()
    assert not check_read_or_refused(path)
    for length in np.linspace(0, len(content) - 1, 40).astype(int):
        path.write_bytes(content[:length])
        assert check_read_or_refused(path), f"{length} of {len(content)} bytes were accepted"


@pytest.mark.parametrize("kind", VALID)
def test_bytes_changed_anywhere(tmp_path, kind):
    path = VALID[kind](tmp_path)
    content = path.read_bytes()
    rng = np.random.default_rng(1)
    refused = 0
    for _ in range(150):
        damaged = bytearray(content)
        for place in rng.integers(len(content), size=rng.integers(1, 6)):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged)
        refused += check_read_or_refused(path)
    assert refused > 30


def test_damaged_arrays_in_a_sound_archive(tmp_path):
    """The archive's checksums hold, so numpy itself meets the damage."""
    stream = io.BytesIO()
    np.save(stream, XY)
    content = stream.getvalue()
    rng = np.random.default_rng(2)
    path = tmp_path / "clip.npz"
    for _ in range(200):
        damaged = bytearray(content)
        for place in rng.integers(128, size=2):
            damaged[place] = rng.integers(256)
        text = io.BytesIO()
        np.save(text, np.array("coco_17"))
        path.write_bytes(zip_bytes(**{"xy.npy": bytes(damaged), "skeleton.npy": text.getvalue()}))
        check_read_or_refused(path)


def test_text_that_is_no_unicode(tmp_path):
    stream = io.BytesIO()
    np.save(stream, np.array("coco_17"))
    content = stream.getvalue()
    path = npz()(tmp_path)
    with np.load(path) as arrays:
        np.savez(path, xy=arrays["xy"])
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("skeleton.npy", content[:-4] + b"\xff\xff\xff\x7f")
    with pytest.raises(InputError, match="'skeleton' holds damaged text"):
        formats.read(path, GOOD)
