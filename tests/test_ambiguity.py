"""The ambiguity of a view: invented neighbours where the action decides, and where it does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from langlift.datasets.mocap_views import mocap_views
from langlift.datasets.synthetic import synthetic_clips
from langlift.errors import InputError
from langlift.protocols.ambiguity import (
    Looks,
    ambiguity,
    asked_looks,
    by_view,
    look_at,
    training_looks,
)


def alike(labels: list[str], depths: list[float], seed: int = 0) -> Looks:
    """Windows that all look the same in 2D, each of its own clip, with one depth for all joints."""
    count = len(labels)
    noise = 1e-3 * np.random.default_rng(seed).standard_normal((count, 60))
    depth = np.repeat(np.array(depths)[:, None], 17, axis=1)
    return Looks(noise, depth, np.array(labels), np.arange(count), np.arange(count))


#: Two actions that look alike: one leans a fifth of a metre forwards, the other as much back. Each
#: clip of one is as near as one of the other.
LEANING = alike(["forwards", "back"] * 10, [-0.2, 0.2] * 10)
LEANING = replace(LEANING, features=LEANING.features[np.arange(20) // 2])


def both_looks(one: Looks, other: Looks) -> Looks:
    """Windows of both, of other clips."""
    other = replace(other, clip=other.clip + len(one))
    names = Looks.__dataclass_fields__
    return Looks(*(np.concatenate([getattr(p, n) for p in (one, other)]) for n in names))


def test_the_action_decides_where_only_it_can() -> None:
    asked = alike(["forwards", "back"], [-0.2, 0.2], seed=1)
    found = ambiguity(LEANING, asked, neighbours=10)
    assert found.spread == pytest.approx([0.2, 0.2])  # from a median of 0
    assert found.error == pytest.approx([0.2, 0.2])
    assert found.spread_told == pytest.approx([0, 0])
    assert found.error_told == pytest.approx([0, 0])
    assert found.settled == pytest.approx([0.2, 0.2])


def test_a_wrong_word_misleads() -> None:
    """All agree and are wrong: no spread, and less than nothing is settled."""
    asked = alike(["back"], [-0.2], seed=1)
    found = ambiguity(LEANING, asked, neighbours=10)
    assert found.error_told == pytest.approx([0.4])
    assert found.spread_told == pytest.approx([0])
    assert found.settled == pytest.approx([-0.2])


def test_an_action_that_nobody_was_trained_on_has_no_neighbours() -> None:
    found = ambiguity(LEANING, alike(["jumping"], [0.0], seed=1), neighbours=20)
    assert np.isnan(found.spread_told).all()
    assert np.isnan(found.settled).all()
    assert np.isfinite(found.spread).all()


@pytest.mark.parametrize(("neighbours", "enough"), [(10, True), (11, False)])
def test_all_the_neighbours_or_none(neighbours: int, enough: bool) -> None:
    """Ten clips of each action: a spread of fewer than asked for would be another quantity."""
    found = ambiguity(LEANING, alike(["back"], [0.2], seed=1), neighbours)
    assert np.isfinite(found.error_told).all() == enough
    assert np.isfinite(found.error).all()
    assert np.isnan(ambiguity(LEANING, LEANING, 21).spread).all()


def test_the_nearest_count_and_not_the_rest() -> None:
    near = alike(["a"] * 4, [0.1, 0.1, 0.1, 0.1])
    far = alike(["a"] * 4, [0.9, 0.5, 0.1, -0.3])
    shifted = replace(far, features=far.features + 5)
    known = both_looks(near, shifted)
    found = ambiguity(known, near.taken(np.array([0])), neighbours=3)
    assert found.spread == pytest.approx([0])
    assert ambiguity(known, near.taken(np.array([0])), neighbours=8).spread > 0.1


def test_a_clip_is_asked_once() -> None:
    """Neighbouring windows of one clip are no independent witnesses, however clips are mixed."""
    order = np.random.default_rng(0).permutation(20)
    known = replace(LEANING, clip=np.repeat(np.arange(2), 10)).taken(order)
    asked = alike(["back"], [0.2], seed=1)
    assert np.isnan(ambiguity(known, asked, neighbours=3).spread).all()
    features = known.features.copy()
    nearest = [np.flatnonzero(known.clip == clip)[3] for clip in (0, 1)]
    features[nearest] = asked.features
    depth = known.depth.copy()
    depth[nearest] = [[0.1], [0.5]]
    found = ambiguity(replace(known, features=features, depth=depth), asked, neighbours=2)
    assert found.spread == pytest.approx([0.2])
    assert found.error == pytest.approx([0.1])


def test_means_of_views() -> None:
    values, view = np.array([1.0, 3.0, np.nan, 5.0]), np.array([0, 0, 0, 2])
    assert by_view(values, view, 3) == pytest.approx([2, np.nan, 5], nan_ok=True)


def test_windows_are_of_the_person_and_not_of_its_place_or_size() -> None:
    (clip,) = synthetic_clips(1, seed=4, frames=120)
    views = list(mocap_views([clip], "gt"))[:1]
    looks = look_at(views, every=27)
    assert looks.features.shape == (5, 9 * 17 * 2)
    points = views[0].keypoints
    moved = points.replaced(xy=points.xy * np.float32(0.5) + np.float32(100))
    again = look_at([replace(views[0], keypoints=moved)], every=27)
    assert again.features == pytest.approx(looks.features, abs=1e-3)
    middles = np.arange(60 % 27, 120, 27)
    assert looks.depth == pytest.approx(views[0].truth[middles, :, 2])
    assert set(looks.label) == {clip.action}


def test_training_windows_are_drawn_by_the_seed_and_views_are_numbered() -> None:
    clips = synthetic_clips(2, seed=4, frames=60)
    few, same = (training_looks(clips, "noisy", most=20, seed=3) for _ in range(2))
    assert len(few) == len(same) == 20
    assert (few.features == same.features).all()
    assert len(training_looks(clips, "noisy")) > 20
    asked = asked_looks(clips, "gt")
    assert set(asked.view) == set(range(8))
    assert (asked.clip == asked.view // 4).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda: ambiguity(LEANING, LEANING, neighbours=1), "neighbours is 1; a spread needs at"),
        (
            lambda: ambiguity(LEANING, replace(LEANING, features=np.zeros((20, 3)))),
            "windows with 3 features are asked about among windows with 60; make both with look_at",
        ),
        (lambda: look_at([]), "there are no views to look at; give at least one clip"),
        (lambda: replace(LEANING, depth=np.zeros((3, 17))), "depth"),
    ],
)
def test_refusals(change, message: str) -> None:
    with pytest.raises(InputError, match=message):
        change()
