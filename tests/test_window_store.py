"""The store's batches are, to the bit, the windows cut, padded and mirrored one by one."""

import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from langlift.datasets.windows import WindowStore, chunk_pairs
from langlift.errors import InputError, ShapeError

MIRROR = [0, 2, 1]


def sequences(lengths: list[int]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """xy and joints of three joints: random, in float64 so that the store has to round."""
    rng = np.random.default_rng(0)
    return [rng.normal(size=(f, 3, 2)) for f in lengths], [
        rng.normal(size=(f, 3, 3)) for f in lengths
    ]


def window(sequence: np.ndarray, first: int, last: int, flip: bool) -> np.ndarray:
    """Frames first to last of a sequence, its ends repeated, one frame at a time."""
    frames = [sequence[min(max(f, 0), len(sequence) - 1)] for f in range(first, last)]
    cut = np.stack(frames).astype(np.float32)
    if flip:
        cut = cut[:, MIRROR] * np.float32([-1] + [1] * (cut.shape[-1] - 1))
    return cut


@settings(max_examples=40)
@given(
    st.lists(st.integers(1, 12), min_size=1, max_size=4),
    st.integers(1, 7),
    st.tuples(st.integers(0, 5), st.integers(0, 5)),
    st.booleans(),
)
def test_every_window_is_the_one_cut_by_hand(lengths, chunk, padding, mirrored):
    xy, joints = sequences(lengths)
    store = WindowStore(xy, joints, MIRROR, chunk, padding, mirrored)
    pairs = chunk_pairs(lengths, chunk, mirrored)
    assert len(store) == len(pairs)
    got_xy, got_joints = store.batch(np.arange(len(store)))
    for (number, first, last, flip), a, b in zip(pairs, got_xy, got_joints, strict=True):
        wanted = window(xy[number], first - padding[0], last + padding[1], bool(flip))
        assert np.array_equal(a.numpy(), wanted)
        assert np.array_equal(b.numpy(), window(joints[number], first, last, bool(flip)))


def test_known_windows_of_243_frames():
    ramp = np.zeros((1000, 3, 2))
    ramp[..., 0], ramp[..., 1] = np.arange(1000)[:, None], [5, 6, 7]
    store = WindowStore([ramp], [np.zeros((1000, 3, 3))], MIRROR, 243, (0, 0))
    assert len(store) == 10
    number, first, flip = store.sequence_of(range(10))
    assert number.tolist() == [0] * 10
    assert first.tolist() == [-107, 136, 379, 622, 865] * 2
    assert flip.tolist() == [False] * 5 + [True] * 5
    xy, joints = store.batch([0, 4, 5])
    assert xy.shape == (3, 243, 3, 2) and joints.shape == (3, 243, 3, 3)
    assert xy[0, :, 0, 0].tolist() == [0] * 107 + list(range(136))
    assert xy[1, :, 0, 0].tolist() == [*range(865, 1000), *[999] * 108]
    assert torch.equal(xy[2, ..., 0], -xy[0, ..., 0])
    assert xy[2, 0, :, 1].tolist() == [5, 7, 6]


def test_a_frame_with_its_field_of_view():
    xy, joints = sequences([1000])
    store = WindowStore(xy, joints, MIRROR, 1, (121, 121))
    assert len(store) == 2000
    seen, target = store.batch([0, 500, 999, 1999])
    assert seen.shape == (4, 243, 3, 2) and target.shape == (4, 1, 3, 3)
    assert np.array_equal(seen[0, :122], np.repeat(np.float32(xy[0][:1]), 122, axis=0))
    assert np.array_equal(seen[1], np.float32(xy[0][379:622]))
    assert np.array_equal(seen[2, 121:], np.repeat(np.float32(xy[0][-1:]), 122, axis=0))
    assert np.array_equal(target[2, 0], np.float32(joints[0][999]))
    mirrored = np.float32(joints[0][999][MIRROR] * [-1, 1, 1])
    assert np.array_equal(target[3, 0], mirrored)


def test_a_batch_keeps_its_values_until_the_call_after_the_next():
    store = WindowStore(*sequences([40]), MIRROR, 1, (2, 2))
    first, _ = store.batch([3, 4, 5])
    kept = first.clone()
    second, _ = store.batch([20, 21, 22])
    assert torch.equal(first, kept) and not torch.equal(second, kept)
    third, _ = store.batch([30, 31])
    assert third.data_ptr() == first.data_ptr()  # its memory, and no longer its values
    assert not torch.equal(first, kept)
    larger, _ = store.batch(range(10))
    assert larger.shape[0] == 10 and torch.equal(larger[3:6], kept)


def test_batches_go_where_they_are_asked_to():
    store = WindowStore(*sequences([40]), MIRROR, 4, (1, 3))
    out = torch.zeros(2, 8, 3, 2), torch.zeros(2, 4, 3, 3)
    xy, joints = store.batch(torch.tensor([7, 1]), out)
    assert xy is out[0] and joints is out[1]
    wanted = store.batch([7, 1])
    assert torch.equal(xy, wanted[0]) and torch.equal(joints, wanted[1])


def test_a_store_moves_as_a_whole():
    store = WindowStore(*sequences([9, 5]), MIRROR, 2, (1, 1))
    moved = store.to("cpu")
    assert moved is not store and moved.device == torch.device("cpu") and len(moved) == len(store)
    for ours, theirs in zip(moved.batch(range(8)), store.batch(range(8)), strict=True):
        assert torch.equal(ours, theirs) and ours.data_ptr() != theirs.data_ptr()
    shadow = store.to("meta")
    assert shadow.device.type == "meta" and store.device.type == "cpu"


@pytest.mark.parametrize("index", [16, 1000])
def test_a_number_that_no_window_has_is_refused(index):
    store = WindowStore(*sequences([8]), MIRROR, 1, (0, 0))
    assert len(store) == 16
    with pytest.raises(IndexError, match=f"index {index} is out of bounds"):
        store.batch([index])


def test_negative_numbers_do_not_count_from_the_end():
    store = WindowStore(*sequences([8]), MIRROR, 1, (0, 0))
    with pytest.raises(IndexError, match="window -1: numbers count from 0"):
        store.batch([3, -1])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sequences_xy": [], "sequences_joints": []}, "there are no sequences"),
        ({"sequences_xy": [np.zeros((8, 3, 2))] * 2}, "got 2 sequences of xy and 1 of joints"),
        ({"sequences_xy": [np.zeros((7, 3, 2))]}, "sequence 0 has 7 frames of xy and 8 of joints"),
        ({"mirror": [0, 1, 1]}, "mirror is [0, 1, 1]; it must name each joint once"),
        ({"padding": (0, -1)}, "padding is (0, -1)"),
        ({"chunk": 0}, "length is 0; a sequence and a chunk have at least 1 frame"),
    ],
)
def test_what_does_not_go_together_is_refused(change, words):
    given_ = {
        "sequences_xy": [np.zeros((8, 3, 2))],
        "sequences_joints": [np.zeros((8, 3, 3))],
        "mirror": MIRROR,
        "chunk": 1,
        "padding": (0, 0),
    }
    with pytest.raises(InputError, match=re.escape(words)):
        WindowStore(**(given_ | change))


def test_other_shapes_are_refused():
    with pytest.raises(ShapeError, match="joints of sequence 0"):
        WindowStore([np.zeros((8, 3, 2))], [np.zeros((8, 4, 3))], MIRROR, 1, (0, 0))
