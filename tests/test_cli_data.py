"""``langlift data``: what is printed, the exit status, which dataset is meant."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from cli_fixtures import Command, files_under, tiny_corpus
from human36m_files import write_human36m
from pair_files import CAMERAS, moving, pair_arrays, pair_folder, write_ego, write_pair
from view_fixtures import pixels

from langlift.datasets.checking.guess import guess_dataset
from langlift.datasets.places import DATA_VARIABLE
from langlift.errors import InputError


@pytest.fixture
def langlift(capsys, tmp_path, monkeypatch) -> Command:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(DATA_VARIABLE, raising=False)
    return Command(capsys)


def swapped(folder: Path) -> Path:
    """Ann's 2D beside Bob's 3D and the other way round."""
    for subject, seed in (("ann", 0), ("bob", 9)):
        xy = CAMERAS[0].project(CAMERAS[0].to_camera(moving("wave", 9 - seed)))
        write_pair(folder / f"{subject}.npz", subject, "wave", seed, xy=xy)
    return folder


# check


def test_a_sound_dataset_has_status_0(langlift: Command, tmp_path: Path) -> None:
    said = langlift("data", "check", pair_folder(tmp_path / "mine"))
    assert (said.status, said.err) == (0, "")
    assert f"custom: {tmp_path / 'mine'}" in said.out
    assert "What the files hold" in said.out and "What was found" in said.out
    assert "3D through its camera lies 0.0 pixels from the 2D" in said.out
    assert said.out.endswith("0 errors, 0 warnings\n")


def test_a_dataset_with_errors_has_status_1(langlift: Command, tmp_path: Path) -> None:
    said = langlift("data", "check", swapped(tmp_path / "mine"))
    assert (said.status, said.err) == (1, "")
    assert "the 2D of ann fits the 3D of bob: subjects are swapped" in said.out
    assert "4 errors, 0 warnings" in said.out
    assert langlift("data", "check", tmp_path / "mine", "--quiet") == (1, "", "")


def test_everything_is_there_as_json(langlift: Command, tmp_path: Path) -> None:
    said = langlift("data", "check", swapped(tmp_path / "mine"), "--json")
    assert said.status == 1
    content = json.loads(said.out)
    assert (content["dataset"], content["level"]) == ("custom", "error")
    assert [c["subject"] for c in content["contents"]] == ["ann", "bob"]
    assert {f["where"] for f in content["findings"] if f["level"] == "error"} == {"ann", "bob"}
    assert content["facts"] == {"data": "custom", "files": ["ann.npz", "bob.npz"]}


def test_published_layouts_are_checked(langlift: Command, tmp_path: Path) -> None:
    folder = write_human36m(tmp_path / "h36m", subjects=("S9", "S11"), frames=12)
    said = langlift("data", "check", folder, "--source", "gt", "--json")
    assert said.status == 0
    content = json.loads(said.out)
    assert content["dataset"] == "human36m"
    warnings = [f["message"] for f in content["findings"] if f["level"] == "warning"]
    assert any(message.startswith("missing: S1, S5, S6, S7, S8;") for message in warnings)
    fits = [f["value"] for f in content["findings"] if f["check"] == "2D and 3D"]
    assert len(fits) == 16 and max(fits) < 0.01
    assert {f["source"] for f in content["findings"]} == {"", "gt"}


BAD = {
    "no path": ("check", "no path given; give the folder or file of the dataset, or set LANGLIFT"),
    "option data": ("check --data mine", "unknown option --data"),
    "several": (
        "check .",
        "has a folder for egohumans, custom; say which with --dataset egohumans",
    ),
    "nowhere": ("check nowhere", "nowhere: there is no such file or folder; check the path"),
    "empty": ("check empty", "empty holds no dataset that is known by its files"),
    "dataset": (
        "check mine --dataset costum",
        "unknown dataset 'costum'",
        "did you mean 'custom'?",
    ),
    "option": (
        "check mine --annotation univ",
        "protocol custom has only one set of labels; leave --annotation out",
    ),
    "annotation": (
        "check empty --dataset mpi-inf-3dhp",
        "annotation is missing",
        "choose one with --annotation annot3 or --annotation univ",
    ),
    "source": ("check mine --source cpn", "unknown 2D source 'cpn'; known: gt"),
    "no source": ("check mine --source ,", "no 2D source given; choose from gt"),
    "two sources": ("describe mine --source gt,gt,cpn", "unknown 2D source 'cpn'"),
    "frames": ("check mine --frames 1", "frames is 1; at least 2 must be looked at"),
    "command": ("chek mine", "unknown data command 'chek'", "did you mean 'check'?"),
    "corpus": ("check corpus", "corpus is a motion corpus, which has no 2D to check"),
    "subject": ("describe mine --subjects eve", "unknown subject 'eve'; known: ann, bob"),
    "2D": ("describe mine --source cpn", "unknown 2D source 'cpn'"),
    "split": ("describe corpus --split large", "unknown split 'large'; known: core"),
    "no folder": ("describe mine -o mine/a.npz/b.png", "cannot make the folder mine/a.npz"),
    "motion": ("describe motion", "motion files without 2D; bring them into a motion corpus"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_sentence(case: str, langlift: Command, tmp_path: Path) -> None:
    arguments, *words = BAD[case]
    write_pair(tmp_path / "mine" / "a.npz")
    write_pair(tmp_path / "mine" / "b.npz", "bob")
    tiny_corpus(tmp_path / "corpus")
    for name in ("empty", "motion", "egohumans", "custom"):
        (tmp_path / name).mkdir()
    (tmp_path / "motion" / "walk.bvh").write_text("HIERARCHY")
    before = files_under(tmp_path)
    said = langlift("data", *arguments.split())
    assert (said.status, said.out) == (2, "")
    assert said.err.startswith("langlift: ") and said.err.count("\n") == 1
    for word in words:
        assert word in said.err
    assert files_under(tmp_path) == before


def test_hostile_names_move_no_cursor_and_are_drawn_without_warnings(
    langlift: Command, tmp_path: Path
) -> None:
    arrays = pair_arrays("ann", "wave", 0, CAMERAS[0])
    hostile = {"action": "wave\x1b[31m\n\u202e\u4e2d[red]", "subject": "a|n\x1b[2J\rx"}
    np.savez(tmp_path / "a.npz", **{**arrays, **hostile})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        said = langlift("data", "describe", ".", "--dataset", "custom", "-o", "poses.png")
    assert (said.status, said.err) == (0, "")
    assert not set("\x1b\r\u202e") & set(said.out)
    assert "a|n\\x1b[2J\\rx" in said.out and "[red]" in said.out
    assert (tmp_path / "poses.png").stat().st_size > 1000


@pytest.mark.parametrize("verb", ["check", "describe"])
def test_the_environment_names_the_folder(
    verb: str, langlift: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for `langlift experiment`: that of one dataset, or one with a folder for each."""
    pair_folder(tmp_path / "all" / "custom")
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path / "all" / "custom"))
    itself = langlift("data", verb, "--json")
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path / "all"))
    chosen = langlift("data", verb, "--dataset", "custom", "--json")
    given = langlift("data", verb, tmp_path / "all", "--dataset", "custom", "--json")
    assert itself == chosen == given
    assert json.loads(given.out)["path"] == str(tmp_path / "all" / "custom")


def test_evaluate_looks_there_too(
    langlift: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pair(tmp_path / "all" / "custom" / "a.npz")
    given = langlift("evaluate", "--protocol", "custom", "--data", tmp_path / "all", "--json")
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path / "all"))
    assert langlift("evaluate", "--protocol", "custom", "--json") == given
    assert json.loads(given.out)["facts"]["files"] == ["a.npz"]


def test_one_kind_of_2d_is_described(langlift: Command, tmp_path: Path) -> None:
    folder = write_human36m(tmp_path / "h36m", subjects=("S9",), frames=4, sources=("gt", "hr"))
    said = langlift("data", "describe", folder, "--source", "gt,hr")
    assert said == (2, "", "langlift: one 2D source is taken here, got gt, hr; give one of them\n")
    assert langlift("data", "describe", folder, "--sources", "hr", "--quiet") == (0, "", "")


def test_usage_is_told(langlift: Command) -> None:
    for arguments in (["data"], ["data", "--help"]):
        said = langlift(*arguments)
        assert said.status == 0
        assert "langlift data check [PATH]" in said.out and "data describe [PATH]" in said.out


# Which dataset


def test_datasets_are_known_by_their_files(tmp_path: Path) -> None:
    write_human36m(tmp_path / "human36m", subjects=("S9",), frames=4)
    write_ego(tmp_path / "egohumans" / "01" / "a.npz", {"ann": [0, 1]})
    write_pair(tmp_path / "custom" / "a.npz")
    tiny_corpus(tmp_path / "corpus")
    for name, file in (
        ("humaneva", "data_3d_humaneva15.npz"),
        ("mpi-inf-3dhp", "data_test_3dhp.npz"),
        ("human36m-motionbert", "h36m_sh_conf_cam_source_final.pkl"),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_bytes(b"1")
        assert guess_dataset(tmp_path / name / file) == name
    (tmp_path / "mpi-inf-3dhp" / "data_test_3dhp.npz").rename(tmp_path / "moved.npz")
    (tmp_path / "mpi-inf-3dhp" / "S1" / "Seq2").mkdir(parents=True)
    (tmp_path / "mpi-inf-3dhp" / "S1" / "Seq2" / "annot.mat").write_bytes(b"1")
    folders = [path for path in tmp_path.iterdir() if path.is_dir()]
    assert len(folders) == 7
    for folder in folders:
        assert guess_dataset(folder) == folder.name


def test_a_folder_above_a_dataset_is_none(tmp_path: Path) -> None:
    """The reader would not find its files there either."""
    file = tmp_path / "mine" / "TS1" / "annot_data.mat"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"1")
    with pytest.raises(InputError, match="holds no dataset that is known by its files"):
        guess_dataset(tmp_path)
    assert guess_dataset(tmp_path / "mine") == "mpi-inf-3dhp"
    (tmp_path / "mine").rename(tmp_path / "mpi_inf_3dhp_test_set")
    assert guess_dataset(tmp_path) == "mpi-inf-3dhp"


def test_a_folder_of_two_datasets_names_the_flag(tmp_path: Path) -> None:
    write_pair(tmp_path / "a.npz")
    (tmp_path / "data_3d_h36m.npz").write_bytes(b"1")
    with pytest.raises(InputError) as caught:
        guess_dataset(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} holds files of human36m and custom; say which with --dataset human36m or "
        "--dataset custom"
    )


# describe


def test_subjects_and_actions_are_counted(langlift: Command, tmp_path: Path) -> None:
    pair_folder(tmp_path / "mine")
    said = langlift("data", "describe", tmp_path / "mine", "--json")
    assert (said.status, said.err) == (0, "")
    content = json.loads(said.out)
    assert content["amounts"] == [
        {
            "subject": subject,
            "action": action,
            "recordings": 2,
            "frames": 40,
            "minutes": pytest.approx(40 / 50 / 60),
        }
        for subject in ("ann", "bob")
        for action in ("squat", "wave")
    ]
    assert [(a["action"], a["frames"]) for a in content["actions"]] == [("squat", 80), ("wave", 80)]
    one = langlift("data", "describe", tmp_path / "mine", "--subjects", "bob")
    assert "4 recordings, 80 frames, 0.0 minutes" in one.out


def test_a_corpus_is_described_with_a_picture(langlift: Command, tmp_path: Path) -> None:
    tiny_corpus(tmp_path / "corpus")
    said = langlift("data", "describe", "corpus", "--out", "told")
    assert (said.status, said.err) == (0, "")
    assert "motion corpus, split core, all parts" in said.out
    assert "wrote told/poses.png" in said.out
    assert files_under(tmp_path / "told") == {"poses.png"}
    assert np.ptp(pixels(tmp_path / "told" / "poses.png")) > 200
    quiet = langlift("data", "describe", "corpus", "--out", "told/mine.png", "--quiet")
    assert quiet == (0, "", "")
    assert files_under(tmp_path / "told") == {"poses.png", "mine.png"}
