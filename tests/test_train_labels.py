"""Shuffled labels, the control of what an action is worth; and epochs of fewer windows."""

import dataclasses
from collections import Counter

import numpy as np
import pytest
import torch
from recorded_runs import DRAWN, load, recorded_config, recording, subjects
from recorded_runs import EPOCHS as RECORDED_EPOCHS
from test_epochs import EPOCHS
from tiny_runs import MODEL, run, tiny_config, tiny_data

from langlift.actions import ActionVocabulary
from langlift.datasets.windows import WindowStore, chunk_pairs
from langlift.errors import InputError
from langlift.lifting.bundle import read_bundle
from langlift.training.cost import measure_cost
from langlift.training.epochs import EpochSampler, every_window, make_sampler
from langlift.training.folder import WEIGHTS
from langlift.training.labels import labels_fact, take_classes, whose_label
from langlift.training.takes import check_takes

PADDING = (4, 4)
SHUFFLED = {"labels": "shuffled"}


# Shuffled labels


def test_everyone_has_the_label_of_another_one():
    config = tiny_config(**SHUFFLED)
    found = whose_label(50, config)
    assert sorted(found) == list(range(50)) and not (found == np.arange(50)).any()
    np.testing.assert_array_equal(found, whose_label(50, config))
    assert (found != whose_label(50, dataclasses.replace(config, seed=4))).any()
    np.testing.assert_array_equal(whose_label(50, tiny_config()), np.arange(50))
    assert list(whose_label(2, config)) == [1, 0]


@pytest.mark.parametrize("windows", [{}, EPOCHS, DRAWN, RECORDED_EPOCHS])
def test_windows_stay_and_their_labels_change(windows):
    """The same windows in the same order, mirrored or not."""
    recorded = windows in (DRAWN, RECORDED_EPOCHS)
    true = recorded_config(**windows) if recorded else tiny_config(**windows)
    data = load(true) if recorded else tiny_data(0)
    config = dataclasses.replace(true, **SHUFFLED)
    changed = []
    for step in range(4):
        batches = (
            make_sampler(data.train, data.actions, c, PADDING).batch(step) for c in (true, config)
        )
        own, other = batches
        assert torch.equal(own.xy, other.xy) and torch.equal(own.joints, other.joints)
        changed.append(own.action != other.action)
    assert torch.cat(changed).any()


def test_labels_of_frames_are_stretched():
    held = [
        recording("A/1", frames=10, frame_actions=np.array(["x"] * 5 + ["y"] * 5)),
        recording("A/2", frames=4, action="z"),
        recording("C/1", frames=10, action="z"),
    ]
    config = recorded_config(**DRAWN, **SHUFFLED)
    data = load(config, subjects(("A",), ("C",)), held=held)
    assert data.actions.labels == ("x", "y", "z")
    found = take_classes(check_takes(data.train), data.actions, config)
    assert [list(classes) for classes in found] == [[2] * 10, [0, 0, 1, 1]]


def test_the_card_tells_how_many_are_right_by_chance(tmp_path):
    data = tiny_data(0)
    labels = np.array([clip.action for clip in data.train])
    right = (labels == labels[whose_label(len(labels), tiny_config(**SHUFFLED))]).mean()
    told = {"labels": f"shuffled; {right:.0%} of the clips have a right one by chance"}
    for name, labels, said in (("a", "true", {}), ("b", "shuffled", told)):
        run(tmp_path / name, tiny_config(steps=1, labels=labels, validate_every=0), data)
        card = read_bundle(tmp_path / name / WEIGHTS)[0].card
        assert {k: v for k, v in card.items() if k == "labels"} == said


def test_the_share_is_of_frames_where_they_have_labels():
    """A/1 gets z throughout, which half of it is; A/2, all z, gets x and then z."""
    held = [
        recording("A/1", frames=8, frame_actions=np.array(["x"] * 4 + ["z"] * 4)),
        recording("A/2", frames=4, action="z"),
        recording("C/1", frames=8, action="z"),
    ]
    config = recorded_config(**DRAWN, **SHUFFLED)
    data = load(config, subjects(("A",), ("C",)), held=held)
    found = labels_fact(data.train, data.actions, config)
    assert found == "shuffled; 50% of the frames have a right one by chance"
    clips = tiny_data(0)
    one = dataclasses.replace(clips.train[0], action="x")
    three = [one, one, dataclasses.replace(one, action="nobody knows")]
    found = labels_fact(three, ActionVocabulary(("x", "y")), tiny_config(**SHUFFLED))
    assert found == "shuffled; 50% of the clips have a right one by chance"  # of those with a label


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"labels": "random"}, "unknown labels 'random'; known: shuffled, true"),
        (
            {**SHUFFLED, "model": dataclasses.replace(MODEL, action_weight=0.0)},
            "labels is 'shuffled', but this model is trained without labels; set labels to 'true'",
        ),
        ({"window_hop": 0}, "window_hop is 0; it must be at least 1"),
        ({"window_hop": 2}, "window_hop is 2, but drawn windows begin anywhere; leave it at 1, or"),
    ],
)
def test_settings_that_cannot_be(settings, message):
    with pytest.raises(InputError, match=message):
        tiny_config(**settings)


def test_a_single_clip_has_nobody_to_swap_with():
    data = tiny_data(0)
    with pytest.raises(InputError, match="there is 1 clip or take to train on; give at least 2"):
        make_sampler(data.train[:1], data.actions, tiny_config(**SHUFFLED), PADDING)


# Epochs of fewer windows


def store_of(*lengths, chunk=1):
    xy, joints = ([np.zeros((n, 2, c), np.float32) for n in lengths] for c in (2, 3))
    return WindowStore(xy, joints, [1, 0], chunk, (0, 0))


@pytest.mark.parametrize(
    ("length", "hop", "expected"),
    [
        (27, 9, [4, 13, 22]),
        (26, 9, [4, 13, 22]),
        (22, 9, [4, 13]),
        (4, 9, [2]),
        (1, 9, [0]),
        (5, 2, [1, 3]),
        (3, 1, [0, 1, 2]),
    ],
)
def test_one_window_in_so_many(length, hop, expected):
    """Of single frames: every hop-th one, the first in the middle of the first hop frames."""
    store = store_of(6, length)
    sequence, first, flipped = store.sequence_of(every_window(store, hop))
    for mirrored in (False, True):
        assert first[(sequence == 1) & (flipped == mirrored)].tolist() == expected
    assert set(sequence) == {0, 1}


def test_windows_of_several_frames_are_counted_as_windows():
    store = store_of(45, chunk=9)
    _, first, _ = store.sequence_of(every_window(store, 2))
    assert first.tolist() == [9, 27, 9, 27]
    np.testing.assert_array_equal(every_window(store, 1), np.arange(len(chunk_pairs([45], 9))))


def test_an_epoch_is_as_much_shorter():
    """Each of the windows that are left comes once per epoch, and none of the others."""
    data = tiny_data(0)
    whole, thin = (
        EpochSampler(
            data.train[:2],
            data.actions,
            tiny_config(**EPOCHS, frames=1, window_hop=hop, batch=10),
            PADDING,
        )
        for hop in (1, 5)
    )
    kept = sum(len(range(2, len(clip), 5)) for clip in data.train[:2])
    assert whole.windows == 8 * sum(len(clip) for clip in data.train[:2])
    assert thin.windows == 8 * kept
    found = [
        window.numpy().tobytes()
        for step in range(-(-2 * thin.windows // 10))
        for window in thin.batch(step).xy.clone()
    ]
    times = Counter(found[: 2 * thin.windows])
    assert set(times.values()) == {2} and len(times) == thin.windows


def test_the_cost_names_the_shorter_epoch():
    threads = torch.get_num_threads()
    config = tiny_config(**EPOCHS, batch=4)
    long, short = (
        measure_cost("vpose", dataclasses.replace(config, window_hop=hop), tiny_data(0))
        for hop in (1, 3)
    )
    torch.set_num_threads(threads)
    assert short.epoch_steps < 0.5 * long.epoch_steps
