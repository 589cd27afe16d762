"""The tables of the documents are those of the code."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from doc_pages import ROOT, blocks, first_column, page_text, run_example, table


def full_motion() -> object:
    from langlift.tracks import ActionEstimate, Motion

    joints = np.zeros((4, 17, 3))
    return Motion(
        joints,
        "human36m_17",
        50.0,
        root=joints[:, 0],
        action=ActionEstimate(("a", "b"), np.array([[0.5, 0.5]]), np.array([[0, 4]])),
        hypotheses=joints[None],
        spread=joints[..., 0],
    )


def test_output_tables_match_the_files(tmp_path: Path) -> None:
    from langlift.formats import write

    motion = full_motion()
    with np.load(write(motion, tmp_path / "m.npz")) as stored:  # type: ignore[arg-type]
        assert sorted(first_column("motion npz")) == sorted(stored.files)
    stored = json.loads(write(motion, tmp_path / "m.json").read_text())  # type: ignore[arg-type]
    assert first_column("motion json") == list(stored)
    said = {row[0].strip("`"): row[1].strip("`") for row in table("motion json")}
    assert [json.loads(said[k]) for k in ("format", "units")] == [stored["format"], stored["units"]]
    text = write(motion, tmp_path / "m.csv").read_text()  # type: ignore[arg-type]
    header = next(csv.reader(text.splitlines()))
    names = [re.sub(r".*(_[xyz])$", r"<joint>\1", name) for name in header[2:53]]
    assert first_column("motion csv") == list(dict.fromkeys(header[:2] + names + header[53:]))


def test_input_table_matches_the_file(tmp_path: Path) -> None:
    from langlift.formats import write_keypoints
    from langlift.tracks import Keypoints

    points = Keypoints(np.full((3, 17, 2), 99.0), fps=50, image_size=(640, 480))
    with np.load(write_keypoints(points, tmp_path / "k.npz")) as stored:
        assert sorted(first_column("keypoints npz")) == sorted(stored.files)


def test_registry_tables_match_the_code() -> None:
    from langlift.cli.lift import PICTURES
    from langlift.formats import READERS, WRITERS
    from langlift.tracks import SPACE_AXES

    assert first_column("readers") == list(READERS)
    assert first_column("writers") == [*WRITERS, *PICTURES]
    assert {row[0].strip("`"): row[1] for row in table("spaces")} == SPACE_AXES


def test_skeleton_table_matches_the_code() -> None:
    from langlift.conversions import conversion
    from langlift.skeletons import HUMAN36M_17, SKELETONS

    rows = {row[0].strip("`"): (int(row[1]), row[2]) for row in table("skeletons")}
    for name, skeleton in SKELETONS.items():
        guessed = [note.split()[0] for note in conversion(name, HUMAN36M_17).notes]
        assert rows.pop(name) == (len(skeleton), ", ".join(guessed) or "nothing")
    assert not rows


def test_rooms_are_those_of_the_source() -> None:
    package = ROOT / "src" / "langlift"
    folders = {p.parent.name for p in package.glob("*/__init__.py")}
    modules = {p.stem for p in package.glob("*.py")} - {"__init__", "_version", "_lazy"}
    assert sorted(first_column("rooms")) == sorted(folders | modules)


def test_planned_methods_are_not_there_yet() -> None:
    planned = first_column("planned")
    assert len(set(planned)) == 4
    assert [p for p in planned if (ROOT / "src" / "langlift" / p).exists()] == []


def test_parameters_of_vpose_are_those_in_its_readme() -> None:
    import torch

    from langlift.methods.vpose import VPose, VPoseConfig

    assert len(table("vpose parameters")) == 4
    for widths, frames, parameters in table("vpose parameters"):
        config = VPoseConfig(widths=tuple(int(w) for w in widths.strip("`").split(",")))
        with torch.device("meta"):
            count = sum(p.numel() for p in VPose(config).parameters())
        assert (str(config.receptive_field), f"{count:,}") == (frames, parameters)


# The corpus layout


@pytest.fixture
def own_corpus(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    run_example("add_a_dataset.py", str(tmp_path))
    capsys.readouterr()
    return tmp_path / "corpus"


def test_corpus_table_names_exactly_the_keys_that_are_needed(own_corpus: Path) -> None:
    from langlift.datasets.corpus import Corpus
    from langlift.errors import InputError

    path = own_corpus / "recordings.npz"
    with np.load(path) as stored:
        arrays = dict(stored)
    assert sorted(first_column("corpus npz")) == sorted(arrays)
    for left_out in arrays:
        np.savez(path, **{k: v for k, v in arrays.items() if k != left_out})
        with pytest.raises(InputError, match=r"docs/data\.md"):
            Corpus(own_corpus).clips("train", "mine")


def test_split_table_names_exactly_the_keys_of_a_split(own_corpus: Path) -> None:
    from langlift.datasets.corpus import Corpus

    entry = json.loads((own_corpus / "splits.json").read_text())["mine"]
    assert sorted(first_column("splits json")) == sorted(entry)
    entry.pop("licence")
    (own_corpus / "splits.json").write_text(json.dumps({"mine": entry}))
    assert Corpus(own_corpus).split("mine").licence == "not stated"


def test_own_corpus_can_be_trained_on(own_corpus: Path) -> None:
    from langlift.training.config import TrainConfig
    from langlift.training.data import load_data

    data = load_data(own_corpus, TrainConfig(split="mine"))
    assert [clip.subject for clip in data.train] == ["ann"]
    assert [clip.subject for clip in data.validation] == ["bob"]
    assert data.actions.texts == ("a person waves",)


def test_clips_of_another_rate_are_refused(own_corpus: Path) -> None:
    """The page says to resample to 50 frames per second."""
    from langlift.errors import InputError
    from langlift.training.batches import WindowSampler
    from langlift.training.config import TrainConfig
    from langlift.training.data import load_data

    with np.load(own_corpus / "recordings.npz") as stored:
        arrays = dict(stored) | {"fps": np.array(30.0)}
    np.savez(own_corpus / "recordings.npz", **arrays)
    config = TrainConfig(split="mine")
    data = load_data(own_corpus, config)
    with pytest.raises(InputError, match=r"ann_wave.*30 frames per second.*at 50.*resample"):
        WindowSampler(data.train, data.actions, config, (4, 4))


def test_joint_order_is_that_of_the_skeleton() -> None:
    from langlift.skeletons import HUMAN36M_17

    (block,) = (b for b in blocks("") if b.mark == "list: human36m_17")
    assert tuple(block.text.split()) == HUMAN36M_17.joints


def test_core_is_as_large_as_the_page_says(corpus: Path) -> None:
    core = json.loads((corpus / "splits.json").read_text())["core"]
    said = " ".join(page_text("docs/data.md").split())
    clips, frames = core["clips"], core["frames"]
    assert (
        f"{clips['train']:,} training clips ({frames['train']:,} frames) of "
        f"{len(core['train'])} subjects, {clips['val']:,} validation clips ({frames['val']:,}) of "
        f"{len(core['val'])}, {clips['test']:,} test clips ({frames['test']:,}) of "
        f"{len(core['test'])}; {len(core['scored_classes'])} scored classes"
    ) in said
