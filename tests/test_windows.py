"""Chunks of the published generator: known offsets and counts, every frame exactly once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from langlift.datasets.windows import chunk_pairs, chunk_starts
from langlift.errors import InputError


@pytest.mark.parametrize(
    ("frames", "length", "starts"),
    [
        (1000, 243, [-107, 136, 379, 622, 865]),
        (5, 1, [0, 1, 2, 3, 4]),
        (6, 3, [0, 3]),
        (7, 3, [-1, 2, 5]),
        (8, 3, [0, 3, 6]),  # one frame too many: it comes after the end
        (1, 243, [-121]),
    ],
)
def test_starts_have_their_known_values(frames, length, starts):
    assert chunk_starts(frames, length).tolist() == starts


@given(st.integers(1, 3000), st.integers(1, 300))
def test_chunks_cover_the_sequence_from_its_middle(frames, length):
    starts = chunk_starts(frames, length)
    assert (np.diff(starts) == length).all()
    before, after = -starts[0], starts[-1] + length - frames
    assert 0 <= before <= after <= before + 1  # centred; an odd frame comes after the end
    assert before + after < length  # no chunk more than needed


def test_an_epoch_has_every_frame_twice():
    pairs = chunk_pairs([1000], 1)
    assert pairs.shape == (2000, 4)
    assert np.array_equal(np.unique(pairs, axis=0), pairs[np.lexsort(pairs.T[::-1])])
    assert (pairs[:, 3] == 1).sum() == 1000 and (pairs[:, 2] - pairs[:, 1] == 1).all()
    for flip in (0, 1):
        assert pairs[pairs[:, 3] == flip, 1].tolist() == list(range(1000))


def test_pairs_of_several_sequences_in_their_order():
    assert chunk_pairs([4, 2], 3).tolist() == [
        [0, -1, 2, 0],
        [0, 2, 5, 0],
        [0, -1, 2, 1],
        [0, 2, 5, 1],
        [1, 0, 3, 0],
        [1, 0, 3, 1],
    ]
    assert chunk_pairs([4, 2], 3, mirrored=False).tolist() == [
        [0, -1, 2, 0], [0, 2, 5, 0], [1, 0, 3, 0],
    ]  # fmt: skip


def test_no_sequences_give_no_pairs():
    assert chunk_pairs([], 3).shape == (0, 4)


@pytest.mark.parametrize(("frames", "length"), [(0, 3), (-1, 3), (5, 0), (5, -2)])
def test_empty_sequences_and_chunks_are_refused(frames, length):
    wrong = f"{'frames' if frames < 1 else 'length'} is {min(frames, length)}; a sequence and a "
    with pytest.raises(InputError, match=wrong):
        chunk_starts(frames, length)
    with pytest.raises(InputError, match=wrong):
        chunk_pairs([frames], length)
