"""The corpus reader: exact values from the documented format, splits, and what it refuses."""

import json

import numpy as np
import pytest

from langlift.datasets.corpus import ENVIRONMENT_VARIABLE, PARTS, Corpus, find_corpus, read_source
from langlift.errors import InputError
from langlift.skeletons import HUMAN36M_17

UNIT = 0.0005
SPLITS = {
    "unit": "subject",
    "core": {
        "licence": "toy licence",
        "files": ["one.npz", "two.npz"],
        "train": ["anna", "ben"],
        "val": ["carl"],
        "test": ["dora"],
        "scored_classes": ["walk"],
    },
    "extended": {
        "files": ["one.npz"],
        "train": ["anna"],
        "val": [],
        "test": ["ben"],
        "scored_classes": [],
    },
}
LABELS = {"walk": {"prompt": "a person walks", "body_parts": "legs alternate"}}


def write_source(path, clips, **changes):
    """A source in the documented layout; clips are (id, subject, action, steps in units)."""
    counts = [len(steps) for *_, steps in clips]
    delta = [np.diff(steps, axis=0, prepend=0) for *_, steps in clips]
    arrays = {
        "delta": np.concatenate(delta).astype(np.int16),
        "frame_start": np.cumsum([0, *counts])[:-1],
        "n_frames": np.array(counts),
        "unit_m": np.array(UNIT),
        "fps": np.array(50),
        "clip_id": np.array([c[0] for c in clips]),
        "subject": np.array([c[1] for c in clips]),
        "action": np.array([c[2] for c in clips]),
        "source": np.array(["toy"] * len(clips)),
        "text": np.array([f"text of {c[0]}" for c in clips]),
        "joint_names": np.array(HUMAN36M_17.joints),
    }
    arrays |= changes
    np.savez(path, **{key: value for key, value in arrays.items() if value is not None})


def steps(frames, seed):
    """(f, 17, 3) whole units, up to 2.5 m from the origin: more than a delta of int8 holds."""
    rng = np.random.default_rng(seed)
    return rng.integers(-2000, 5000, (1, 17, 3)) + np.cumsum(
        rng.integers(-60, 60, (frames, 17, 3)), axis=0
    )


CLIPS = {
    "one.npz": [
        ("a0", "anna", "walk", steps(7, 0)),
        ("b0", "ben", "jump", steps(1, 1)),
        ("a1", "anna", "squat", steps(300, 2)),
    ],
    "two.npz": [("c0", "carl", "walk", steps(4, 3)), ("d0", "dora", "bow", steps(5, 4))],
}


@pytest.fixture
def folder(tmp_path):
    """A tiny corpus."""
    (tmp_path / "splits.json").write_text(json.dumps(SPLITS))
    (tmp_path / "labels.json").write_text(json.dumps(LABELS))
    for name, clips in CLIPS.items():
        write_source(tmp_path / name, clips)
    return tmp_path


def test_joints_are_the_sums_of_the_differences_in_metres(folder):
    clips = Corpus(folder).clips("train")
    assert [c.clip_id for c in clips] == ["a0", "b0", "a1"]  # file order
    for clip, (_, _, _, units) in zip(clips, CLIPS["one.npz"], strict=True):
        assert clip.joints.dtype == np.float32
        assert (clip.joints == (units * UNIT).astype(np.float32)).all()
    assert np.abs(clips[2].joints).max() > 2.0  # the sums left the range of small steps


def test_long_travel_does_not_overflow_the_stored_type(folder):
    """10 m/s for 10 s is 200 000 units: far beyond int16, in which the differences are stored."""
    units = np.zeros((500, 17, 3), dtype=int)
    units[..., 0] = 400 * np.arange(500)[:, None]
    write_source(folder / "one.npz", [("far", "anna", "run", units)])
    clip = Corpus(folder).clips("train")[0]
    assert clip.joints[-1, 0, 0] == np.float32(499 * 0.2)


def test_what_a_clip_says_of_itself(folder):
    clip = Corpus(folder).clips("val")[0]
    assert (clip.clip_id, clip.subject, clip.source) == ("c0", "carl", "toy")
    assert (clip.action, clip.text, clip.fps, len(clip)) == ("walk", "text of c0", 50.0, 4)
    assert clip.seconds == 0.08


def test_parts_hold_the_clips_of_their_subjects(folder):
    corpus = Corpus(folder)
    ids = {part: [c.clip_id for c in corpus.clips(part)] for part in PARTS}
    assert ids == {"train": ["a0", "b0", "a1"], "val": ["c0"], "test": ["d0"]}
    other = {part: [c.clip_id for c in corpus.clips(part, "extended")] for part in PARTS}
    assert other == {"train": ["a0", "a1"], "val": [], "test": ["b0"]}


def test_split(folder):
    split = Corpus(folder).split()
    assert split.files == ("one.npz", "two.npz") and split.licence == "toy licence"
    assert split.subjects == {"train": ("anna", "ben"), "val": ("carl",), "test": ("dora",)}
    assert split.scored_classes == ("walk",)
    assert Corpus(folder).split("extended").licence == "not stated"


def test_vocabulary_is_of_the_train_part_alone_and_sorted(folder):
    vocabulary = Corpus(folder).vocabulary()
    assert vocabulary.labels == ("jump", "squat", "walk")  # bow occurs only in test
    assert vocabulary.texts == ("a person: jump", "a person: squat", "a person walks")
    assert Corpus(folder).vocabulary("extended").labels == ("squat", "walk")
    assert Corpus(folder).vocabulary_of({"walk", "sit_down"}).texts == (
        "a person: sit down",
        "a person walks",
    )


def test_body_part_sentences(folder):
    corpus = Corpus(folder)
    assert corpus.body_part_sentence("walk") == "legs alternate"
    assert corpus.body_part_sentence("jump") == ""


def test_read_source_of_all_or_of_some_subjects(folder):
    assert len(read_source(folder / "one.npz")) == 3
    assert [c.clip_id for c in read_source(folder / "one.npz", {"ben", "nobody"})] == ["b0"]
    assert read_source(folder / "one.npz", set()) == []


def test_where_the_corpus_is(folder, tmp_path_factory, monkeypatch):
    monkeypatch.delenv(ENVIRONMENT_VARIABLE, raising=False)
    with pytest.raises(InputError, match="no motion corpus given; pass --data FOLDER or set"):
        find_corpus()
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(folder))
    assert find_corpus() == folder
    assert Corpus().folder == folder
    empty = tmp_path_factory.mktemp("empty")
    with pytest.raises(InputError, match=r"empty\d is not a motion corpus \(it has no splits"):
        find_corpus(empty)  # the argument counts before the environment
    with pytest.raises(InputError, match="is not a motion corpus"):
        find_corpus(folder / "absent")


def test_unknown_names_are_answered_with_the_nearest(folder):
    corpus = Corpus(folder)
    with pytest.raises(InputError, match=r"unknown split 'cor'.*did you mean 'core'"):
        corpus.split("cor")
    with pytest.raises(InputError, match="unknown split 'unit'"):  # an entry, but no split
        corpus.split("unit")
    with pytest.raises(InputError, match=r"unknown part of the split 'tets'.*mean 'test'\?"):
        corpus.clips("tets")
    with pytest.raises(InputError, match=r"unknown split 'extnded'.*did you mean 'extended'"):
        corpus.clips("test", "extnded")


def test_absent_source(folder):
    (folder / "two.npz").unlink()
    with pytest.raises(InputError, match=r"two\.npz is missing from the corpus; fetch it or use"):
        Corpus(folder).clips("val")
    assert len(Corpus(folder).clips("test", "extended")) == 1  # needs one.npz alone


def cut_off(path):
    path.write_bytes(path.read_bytes()[:-400])


def no_archive(path):
    path.write_text("not an archive")


def flipped_bit(path):
    """Damage inside the compressed data, which only its checksum can tell."""
    content = bytearray(path.read_bytes())
    content[200] ^= 0xFF
    path.write_bytes(content)


def an_array_missing(path):
    write_source(path, CLIPS["one.npz"], text=None)


@pytest.mark.parametrize("damage", [cut_off, no_archive, flipped_bit, an_array_missing])
def test_damaged_source(folder, damage):
    damage(folder / "one.npz")
    with pytest.raises(InputError, match=r"one\.npz is not a readable corpus source \("):
        Corpus(folder).clips("train")


class _Touch:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (type(self.path).touch, (self.path,))


def test_a_pickle_inside_is_refused_and_not_run(folder):
    text = np.array([_Touch(folder / "ran")] * 3, dtype=object)
    write_source(folder / "one.npz", CLIPS["one.npz"], text=text)
    with pytest.raises(InputError, match=r"not a readable corpus source .*allow_pickle=False"):
        Corpus(folder).clips("train")
    assert not (folder / "ran").exists()


def test_other_joints_are_refused(folder):
    names = np.array([*HUMAN36M_17.joints[:-1], "tail"])
    write_source(folder / "one.npz", CLIPS["one.npz"], joint_names=names)
    with pytest.raises(InputError, match=r"holds the joints pelvis, .*, tail; the corpus format"):
        Corpus(folder).clips("train")
    order = np.array(HUMAN36M_17.joints)[::-1]
    write_source(folder / "one.npz", CLIPS["one.npz"], joint_names=order)
    with pytest.raises(InputError, match=r"the Human3.6M-17 joints in their order"):
        Corpus(folder).clips("train")


def test_arrays_that_do_not_belong_together_are_refused(folder):
    path = folder / "one.npz"
    write_source(path, CLIPS["one.npz"], subject=np.array(["anna", "ben"]))
    with pytest.raises(
        InputError, match=r"not have one entry per clip in each array .*'subject': 2"
    ):
        read_source(path)
    for first, count in (
        ([0, 7, 8], [7, 1, 301]),
        ([0, 7, 8], [7, 0, 300]),
        ([-1, 7, 8], [7, 1, 9]),
    ):
        write_source(path, CLIPS["one.npz"], frame_start=np.array(first), n_frames=np.array(count))
        with pytest.raises(InputError, match="has clips beyond its 308 frames"):
            read_source(path)


def test_damaged_json(folder):
    (folder / "labels.json").write_text("{")
    with pytest.raises(InputError, match=r"labels\.json cannot be read as JSON \(.*restore the"):
        Corpus(folder)
    (folder / "labels.json").write_text("[]")
    with pytest.raises(InputError, match=r"labels\.json holds no JSON object; restore the file"):
        Corpus(folder)
    (folder / "labels.json").unlink()
    with pytest.raises(InputError, match=r"labels\.json cannot be read"):
        Corpus(folder)


def test_incomplete_split(folder):
    broken = {"core": {key: value for key, value in SPLITS["core"].items() if key != "val"}}
    (folder / "splits.json").write_text(json.dumps(broken))
    with pytest.raises(InputError, match=r"split 'core' in .*splits\.json has no val; restore"):
        Corpus(folder).clips("train")


def test_the_real_corpus_has_the_documented_size(corpus):
    """Clip and frame counts of the core split; no subject and no clip in two parts."""
    parts = {part: Corpus(corpus).clips(part) for part in PARTS}
    sizes = {part: (len(clips), sum(map(len, clips))) for part, clips in parts.items()}
    assert sizes == {"train": (1118, 230153), "val": (232, 30034), "test": (535, 111406)}
    for kind in ("subject", "clip_id"):
        names = [{getattr(c, kind) for c in clips} for clips in parts.values()]
        assert len(set().union(*names)) == sum(map(len, names))
    assert {c.fps for clips in parts.values() for c in clips} == {50.0}
    assert len({c.clip_id for clips in parts.values() for c in clips}) == 1118 + 232 + 535


def test_the_real_corpus_holds_people(corpus):
    """Bones of one length, z up, plausible heights: what every user of the clips relies on."""
    from langlift.datasets.noise import stature

    child, parent = np.array(HUMAN36M_17.bones).T
    for clip in Corpus(corpus).clips("val")[::8]:
        bones = np.linalg.norm(clip.joints[:, child] - clip.joints[:, parent], axis=-1)
        assert (np.ptp(bones, axis=0) / bones.mean(axis=0)).max() < 0.02
        assert 1.4 < stature(clip.joints).mean() < 2.0
        np.testing.assert_allclose(clip.joints[0, 0, :2], 0, atol=0.03)
        assert clip.joints[..., 2].min() > -0.2


def test_the_real_vocabulary(corpus):
    motion = Corpus(corpus)
    split, vocabulary = motion.split(), motion.vocabulary()
    assert len(split.scored_classes) == 22
    assert set(split.scored_classes) <= set(vocabulary.labels)
    assert vocabulary.labels == tuple(sorted(vocabulary.labels))
    assert all(motion.body_part_sentence(label) for label in split.scored_classes)
    text = vocabulary.texts[vocabulary.index("side_lunge")]
    assert text.startswith("a person") and ":" not in text  # the corpus's own sentence
    assert not any(word in label for label in vocabulary.labels for word in ("left", "right"))


def test_extended_split_without_its_file_says_so(corpus, tmp_path):
    for name in ("splits.json", "labels.json"):
        (tmp_path / name).symlink_to(corpus / name)
    with pytest.raises(InputError, match=r"\.npz is missing from the corpus"):
        Corpus(tmp_path).clips("test", "extended")
