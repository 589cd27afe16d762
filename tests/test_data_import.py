"""``langlift data import``: from a folder of motion files to a corpus, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from motion_fixtures import h36m_pose, write_bvh

from langlift.cli.data_import import run
from langlift.datasets.corpus import Corpus
from langlift.errors import InputError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three people who walk; two of them bow."""
    for name in ("walk/ann_1", "walk/bob_1", "walk/cat_1", "bow/ann_2", "bow/cat_2"):
        write_bvh(tmp_path / "motion" / f"{name}.bvh")
    return tmp_path / "motion"


ARGUMENTS = ("--pattern", r".*/(?P<subject>[a-z]+)_\d+", "--val", "bob", "--test", "cat")


def test_a_folder_becomes_a_corpus(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "corpus"
    assert (
        run([str(folder), "--out", str(out), *ARGUMENTS, "--licence", "ours", "--name", "gym"]) == 0
    )
    corpus = Corpus(out)
    assert [c.clip_id for c in corpus.clips("train", "mine")] == ["bow_ann_2", "walk_ann_1"]
    assert [c.clip_id for c in corpus.clips("val", "mine")] == ["walk_bob_1"]
    assert corpus.split("mine").scored_classes == ("bow", "walk")
    assert corpus.split("mine").licence == "ours"
    assert {clip.source for clip in corpus.clips("train", "mine")} == {"gym"}
    first = corpus.clips("test", "mine")[0].joints[0]
    np.testing.assert_allclose(first, h36m_pose(), atol=3e-4)
    assert capsys.readouterr().out.splitlines() == [
        f"wrote {out}: 5 clips, 0.6 s, 2 actions",
        "train: ann",
        "val: bob",
        "test: cat",
        "actions: bow 2, walk 3",
        "read .bvh: joints humanik, unit cm, up y (found by the posture)",
    ]


def test_json_tells_all(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for k in range(12):
        (folder / "bow" / f"dan_{k}.bvh").write_text("HIERARCHY\n")
    options = [*ARGUMENTS, "--skip-broken"]
    assert run([str(folder), "--out", str(tmp_path / "a"), *options, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["clips"], told["frames"], len(told["broken"])) == (5, 30, 12)
    assert told["subjects"] == {"train": ["ann"], "val": ["bob"], "test": ["cat"]}
    assert told["actions"] == {"bow": 2, "walk": 3}
    assert run([str(folder), "--out", str(tmp_path / "b"), *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "cannot be read: 12" in lines
    assert lines[-1] == "  and 2 more (--json lists all)"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["FOLDER"], "--out is missing; write langlift data import FOLDER --out CORPUS"),
        (["--out", "OUT"], "FOLDER is missing"),
        (["FOLDER", "--out", "OUT"], "nothing says who moves"),
        (["FOLDER", "--out", "OUT", "--subject", "ann", "--val", "eve"], "unknown subject 'eve'"),
        (["FOLDER", "--out", "OUT", "--subject", "ann", "--test", "ann"], "no subject is left"),
        (["FOLDER", "--out", "OUT", "--subject", "ann", "--val", ","], "no subject given"),
        (["FOLDER", "--out", "OUT", "--unit", "ell"], "--unit is 'ell'; choose from"),
        (["FOLDER", "--out", "OUT", "--fps", "nan"], "fps is nan; give frames per second, such as"),
        (["FOLDER", "--out", "OUT", "--fps", "inf"], "fps is inf; give frames per second, such as"),
        (["FOLDER", "--out", "OUT", "--fps", "-1"], "fps is -1; give frames per second, such as"),
        (["FOLDER", "--out", "OUT", "--action", "csv"], "the action is from csv, which needs"),
    ],
)
def test_bad_input_leaves_nothing_behind(
    folder: Path, tmp_path: Path, arguments: list[str], said: str
) -> None:
    places = {"FOLDER": str(folder), "OUT": str(tmp_path / "out")}
    with pytest.raises(InputError) as refused:
        run([places.get(a, a) for a in arguments])
    assert said in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_a_corpus_is_not_overwritten(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "splits.json").write_text("{}")
    with pytest.raises(InputError, match="holds a corpus already; choose another --out"):
        run([str(folder), "--out", str(tmp_path), *ARGUMENTS])
