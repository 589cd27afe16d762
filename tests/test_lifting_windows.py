"""How tracks are cut for networks: every frame is answered for once, in order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from langlift.lifting.windows import dense_windows, even_windows, fixed_windows


def answered(windows) -> np.ndarray:
    """The track's frame that each kept output stands for, for windows without padding."""
    return np.concatenate([w.frames[w.keep] for w in windows])


@given(st.integers(1, 500), st.integers(1, 60))
def test_every_frame_is_answered_for_once_and_in_order(frames, length):
    for windows in (even_windows(frames, length), fixed_windows(frames, length)):
        assert answered(windows).tolist() == list(range(frames))
        assert sum(w.kept for w in windows) == frames


@given(st.integers(1, 500), st.integers(1, 60))
def test_even_windows_are_as_few_as_possible_and_differ_by_a_frame(frames, most):
    lengths = [len(w.frames) for w in even_windows(frames, most)]
    assert len(lengths) == -(-frames // most)
    assert max(lengths) <= most
    assert max(lengths) - min(lengths) <= 1


@given(st.integers(1, 500), st.integers(1, 60))
def test_fixed_windows_have_one_length_and_stay_in_the_track(frames, length):
    windows = fixed_windows(frames, length)
    assert {len(w.frames) for w in windows} == {length}
    assert min(w.frames.min() for w in windows) == 0
    assert max(w.frames.max() for w in windows) == frames - 1


def test_the_last_fixed_window_ends_with_the_track_and_keeps_only_what_is_left():
    first, second, last = fixed_windows(23, 10)
    assert (first.keep, second.keep) == (slice(0, 10), slice(0, 10))
    assert last.frames.tolist() == list(range(13, 23))
    assert last.keep == slice(7, 10)


def test_a_track_shorter_than_a_fixed_window_holds_its_last_frame():
    (only,) = fixed_windows(3, 5)
    assert only.frames.tolist() == [0, 1, 2, 2, 2]
    assert only.keep == slice(0, 3)


@pytest.mark.parametrize(("frames", "chunk"), [(7, 3), (6, 3), (1, 100)])
def test_dense_chunks_overlap_by_the_padding(frames, chunk):
    windows = dense_windows(frames, padding=8, chunk=chunk)
    assert sum(w.kept for w in windows) == frames
    starts = [w.frames[0] for w in windows]
    assert starts == list(range(0, frames, chunk))
    assert all(len(w.frames) == w.kept + 8 for w in windows)
    assert windows[-1].frames[-1] == frames + 8 - 1
