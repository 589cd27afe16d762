"""Words of labels and their mirror words: a mirrored motion must get the mirrored sentence."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langlift.actions import ActionVocabulary, mirror_words, words_of
from langlift.errors import InputError


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("sitting_down", "sitting down"),
        ("SittingDown", "sitting down"),
        ("WalkTogether", "walk together"),
        ("Directions", "directions"),
        ("sit_to_stand", "sit to stand"),
        ("  side  lunge ", "side lunge"),
        ("wave2Hands", "wave2 hands"),
    ],
)
def test_labels_become_words(label: str, words: str) -> None:
    assert words_of(label) == words
    assert words_of(words) == words


@pytest.mark.parametrize(
    ("text", "mirrored"),
    [
        ("raise the left arm", "raise the right arm"),
        ("Left hand, then RIGHT hand", "Right hand, then LEFT hand"),
        ("left_leg_raise", "right_leg_raise"),
        ("kick_left", "kick_right"),
        ("raise_left_arm", "raise_right_arm"),
        ("RaiseLeftArm", "RaiseRightArm"),
        ("leftHandWave", "rightHandWave"),
        ("a left-handed throw", "a right-handed throw"),
        ("stand upright in bright light", "stand upright in bright light"),
        ("leftover rights", "leftover rights"),
        ("deep_squat", "deep_squat"),
        ("", ""),
    ],
)
def test_sides_are_swapped_and_nothing_else(text: str, mirrored: str) -> None:
    assert mirror_words(text) == mirrored
    assert mirror_words(mirrored) == text


_PIECES = ["left", "Left", "LEFT", "lEFT", "right", "Right", "up", "Arm", "_", " ", "-", "2", "é"]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(_PIECES), max_size=8).map("".join) | st.text(max_size=20))
def test_mirroring_twice_gives_the_text_back(text: str) -> None:
    assert mirror_words(mirror_words(text)) == text


def test_a_vocabulary_makes_its_own_sentences() -> None:
    vocabulary = ActionVocabulary(("side_lunge", "WalkDog"))
    assert vocabulary.texts == ("a person: side lunge", "a person: walk dog")
    assert len(vocabulary) == 2
    assert [vocabulary.index(label) for label in vocabulary.labels] == [0, 1]


def test_given_sentences_are_kept() -> None:
    vocabulary = ActionVocabulary(("jump",), ("a person jumps high",))
    assert vocabulary.texts == ("a person jumps high",)


@pytest.mark.parametrize(
    ("labels", "texts", "message"),
    [
        (("walk", "run", "walk"), (), "action label 'walk' occurs twice; give each class once"),
        (
            ("walk", ""),
            (),
            "'' is an action's label or text; it must be printable text on one line",
        ),
        ((1,), (), "1 is an action's label or text; it must be printable text"),
        (("a\nb",), (), "it must be printable text on one line"),
        (("walk",), ("\x1b[2J",), r"'\\x1b\[2J' is an action's label or text"),
        (("walk", "run"), ("a person walks",), "got 2 action labels but 1 texts; give one each"),
    ],
)
def test_a_broken_vocabulary_is_refused(labels, texts, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ActionVocabulary(labels, texts)


def test_an_unknown_label_is_told_with_the_nearest() -> None:
    vocabulary = ActionVocabulary(("deep_squat", "side_lunge"))
    message = (
        "unknown action 'deep squat'; known: deep_squat, side_lunge; did you mean 'deep_squat'"
    )
    with pytest.raises(InputError, match=message):
        vocabulary.index("deep squat")


def test_a_label_is_mirrored_only_where_the_twin_is_a_class() -> None:
    vocabulary = ActionVocabulary(("kick_left", "kick_right", "wave_left", "walk"))
    assert vocabulary.mirrored("kick_left") == "kick_right"
    assert vocabulary.mirrored("kick_right") == "kick_left"
    assert vocabulary.mirrored("wave_left") == "wave_left"
    assert vocabulary.mirrored("walk") == "walk"
