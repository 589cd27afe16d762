"""The corpus writer: what it writes is what the reader reads, and what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from langlift.datasets.clips import LabelledClip
from langlift.datasets.corpus import Corpus, read_source
from langlift.datasets.corpus_writer import UNIT, write_corpus, write_source
from langlift.errors import InputError


def clip(name: str, subject: str, action: str = "walk", frames: int = 40) -> LabelledClip:
    """A clip that drifts by fractions of the integer step."""
    rng = np.random.default_rng(len(name))
    at = rng.uniform(0, 1.8, (1, 17, 3)) + 0.00013 * np.arange(frames)[:, None, None]
    return LabelledClip(
        name, subject, "lab", action, f"text of {name}", at.astype(np.float32), 50.0
    )


@pytest.fixture
def clips() -> list[LabelledClip]:
    return [
        clip("a1", "ann"), clip("b22", "bob"), clip("c333", "cat"), clip("a4444", "ann", "jump", 3),
        clip("c55555", "cat", "bow"),
    ]  # fmt: skip


def test_what_is_written_is_read_back(tmp_path: Path, clips: list[LabelledClip]) -> None:
    entry = write_corpus(clips, tmp_path / "new" / "corpus", ["bob"], ["cat"], licence="ours")
    corpus = Corpus(tmp_path / "new" / "corpus")
    parts = {part: corpus.clips(part, "mine") for part in ("train", "val", "test")}
    assert {part: [c.clip_id for c in read] for part, read in parts.items()} == {
        "train": ["a1", "a4444"], "val": ["b22"], "test": ["c333", "c55555"],
    }  # fmt: skip
    by_name = {c.clip_id: c for c in clips}
    for read in (c for each in parts.values() for c in each):
        given = by_name[read.clip_id]
        assert np.abs(read.joints - given.joints).max() <= UNIT / 2 + 1e-6  # no drift
        same = ("subject", "source", "action", "text", "fps")
        assert all(getattr(read, name) == getattr(given, name) for name in same)
    split = corpus.split("mine")
    assert (split.scored_classes, split.licence) == (("walk",), "ours")
    assert (entry["train"], entry["files"]) == (["ann"], ["lab.npz"])
    several = [clips[0], replace(clips[1], source="Other (2)")]
    assert write_corpus(several, tmp_path / "two")["files"] == ["mine.npz"]
    assert write_corpus(several[1:], tmp_path / "one")["files"] == ["Other_2.npz"]


def test_labels_have_the_given_sentences_or_their_words(
    tmp_path: Path, clips: list[LabelledClip]
) -> None:
    write_corpus(clips, tmp_path, labels={"bow": {"prompt": "a person bows"}})
    labels = json.loads((tmp_path / "labels.json").read_text())
    assert labels == {
        "bow": {"prompt": "a person bows", "body_parts": ""},
        "jump": {"prompt": "a person: jump", "body_parts": ""},
        "walk": {"prompt": "a person: walk", "body_parts": ""},
    }
    assert len(Corpus(tmp_path).clips("train", "mine")) == 5


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"val": ["eve"]}, "unknown subject 'eve'; known: ann, bob, cat"),
        ({"val": ["bob"], "test": ["bob"]}, "subject 'bob' is in val and in test"),
        ({"val": ["ann", "bob"], "test": ["cat"]}, "no subject is left for training"),
        ({"split": "../x"}, "the split is called '../x'; use letters, digits, - and _"),
    ],
)
def test_a_wrong_split_is_refused_before_anything_is_written(
    tmp_path: Path, clips: list[LabelledClip], options: dict, said: str
) -> None:
    with pytest.raises(InputError) as refused:
        write_corpus(clips, tmp_path / "out", **options)
    assert said in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_a_corpus_is_not_overwritten(tmp_path: Path, clips: list[LabelledClip]) -> None:
    write_corpus(clips, tmp_path)
    with pytest.raises(InputError, match="holds a corpus already; choose another folder"):
        write_corpus(clips, tmp_path)


def test_clips_that_the_layout_cannot_hold_are_refused(
    tmp_path: Path, clips: list[LabelledClip]
) -> None:
    path = tmp_path / "a.npz"
    far = replace(clips[0], joints=clips[0].joints + 20)
    for wrong, said in (
        ([], "there are no clips to write"),
        ([clips[0], replace(clips[1], fps=60.0)], "the clips have 50 and 60 fps"),
        ([clips[0], clips[0]], "clip 'a1' occurs twice"),
        ([far], "clip 'a1' begins or jumps more than 16 m away"),
    ):
        with pytest.raises(InputError) as refused:
            write_source(wrong, path)
        assert said in str(refused.value)
        assert list(tmp_path.iterdir()) == []


def test_a_rate_other_than_50_is_kept(tmp_path: Path, clips: list[LabelledClip]) -> None:
    write_source([replace(clips[0], fps=59.94)], tmp_path / "a.npz")
    assert read_source(tmp_path / "a.npz")[0].fps == 59.94
