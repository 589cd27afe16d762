"""Whole evaluations by the command: published figures, damaged files, kills, several models."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
from cli_fixtures import Command
from evaluation_fixtures import model, shown_by, tiny, values
from human36m_files import MOTIONS, write_human36m
from humaneva_files import write_humaneva
from lifting_fixtures import randomised
from mpi_inf_3dhp_files import write_mpi_inf_3dhp

from langlift.lifting.bundle import save_bundle
from langlift.skeletons import HUMANEVA_15, MPI_INF_3DHP_17


@pytest.fixture
def evaluate(capsys, tmp_path, monkeypatch):
    """Run the verb in a folder of its own; gives the report's tables by title."""
    monkeypatch.chdir(tmp_path)
    return partial(shown_by, Command(capsys))


def test_published_figures_of_the_same_class_alone_stand_beside_ours(evaluate, tmp_path) -> None:
    keys = [f"{action}{end}" for action in MOTIONS for end in ("", " 1")]
    write_human36m(tmp_path / "h36m", ("S9", "S11"), keys, frames=3)
    model(tmp_path / "m.safetensors")
    asked = "--protocol human36m --data h36m --model m.safetensors --source gt"
    report = evaluate(asked)
    assert "published figures" not in report["facts"]
    published = report["Published, same class (human36m, gt, single, action not given)"]
    shown = {(row["model"], row["figures"]["MPJPE"]["value"]) for row in published}
    assert ("MixSTE + APM", 22.7) in shown
    assert {value for _, value in shown}.isdisjoint({16.7, 18.4})  # FinePOSE, D3DP: best hypotheses
    by_action = report[
        "Published, same class (human36m, gt, single, action not given): MPJPE by action"
    ]
    vpose = next(row for row in by_action if row["model"] == "VPose")
    assert next(iter(vpose["figures"])) == "Directions"
    assert vpose["figures"]["Walking"]["value"] == 29.3
    part = evaluate(f"{asked} --actions Walking")
    assert not [title for title in part if title.startswith("Published")]
    assert part["facts"]["published figures"].startswith(
        "not shown: they are of the whole test set, and these are of actions Walking instead of"
    )


def test_no_published_figures_stand_beside_a_part_of_the_data(evaluate, tmp_path) -> None:
    write_human36m(tmp_path / "h36m", ("S9", "S11"), [*MOTIONS], frames=3)  # one video of each
    model(tmp_path / "m.safetensors")
    report = evaluate("--protocol human36m --data h36m --model m.safetensors --source gt")
    assert not [title for title in report if title.startswith("Published")]
    assert report["facts"]["published figures"] == (
        "not shown: they are of the whole test set, and 29 videos of it are missing here"
    )


# What is not measured.


def test_damaged_files_that_are_not_measured_do_not_matter(evaluate, tmp_path) -> None:
    for name in ("3dhp", "mat", "he"):
        (tmp_path / name).mkdir()
    write_mpi_inf_3dhp(tmp_path / "3dhp")
    write_mpi_inf_3dhp(tmp_path / "mat", layout="mat")
    write_human36m(tmp_path / "h36m", sources=("gt", "cpn_ft_h36m_dbb"))
    write_humaneva(tmp_path / "he")
    for pattern in (
        "3dhp/data_train*.npz",
        "mat/S*/Seq*/annot.mat",
        "h36m/data_2d_*cpn*.npz",
        "he/data_2d_*detectron*.npz",
    ):
        damaged = [*tmp_path.glob(pattern)]
        for file in damaged:
            whole = file.read_bytes()  # whose end lists what is in an npz
            file.write_bytes(b"\0" * (len(whole) // 2) + whole[len(whole) // 2 :])
        assert damaged
    model(tmp_path / "m.safetensors")
    model(tmp_path / "mpi.safetensors", MPI_INF_3DHP_17)
    model(tmp_path / "he.safetensors", HUMANEVA_15)
    for line in (
        "mpi-inf-3dhp --annotation annot3 --data 3dhp --model mpi.safetensors",
        "mpi-inf-3dhp --annotation annot3 --data mat --model mpi.safetensors",
        "human36m --source gt --data h36m --model m.safetensors",
        "humaneva --source gt --data he --model he.safetensors",
    ):
        actions = "--actions Directions,Walking" if line.startswith("human36m") else ""
        assert evaluate(f"--protocol {line} {actions}")["Overall"]


# Continuing, from file to file.


def test_a_killed_evaluation_is_continued_and_says_the_same(evaluate, capsys, tmp_path) -> None:
    (tmp_path / "he").mkdir()
    write_humaneva(tmp_path / "he", sources=("gt",))
    model(tmp_path / "m.safetensors", HUMANEVA_15)
    line = "--protocol humaneva --data he --model m.safetensors --source gt --out run"
    whole = evaluate(line)
    saved = {name: (tmp_path / "run" / f"humaneva.{name}").read_bytes() for name in ("md", "json")}
    journal = tmp_path / "run" / "recordings.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    assert len(lines) == 1 + 27
    journal.write_bytes(b"".join(lines[:12]) + lines[12][:40])
    (tmp_path / "run" / ".0123456789ab.tmp.jsonl").write_text("left by the kill")
    other_2d = tmp_path / "he" / "data_2d_humaneva15_detectron_pt_coco.npz"
    other_2d.write_bytes(b"added since, stays closed")
    for name in saved:
        (tmp_path / "run" / f"humaneva.{name}").unlink()
    assert evaluate(f"{line} --resume") == whole
    assert {name: (tmp_path / "run" / f"humaneva.{name}").read_bytes() for name in saved} == saved
    assert journal.read_bytes() == b"".join(lines)
    assert len(list((tmp_path / "run").iterdir())) == 3
    assert other_2d.stem not in saved["json"].decode()

    other = tiny(seed=5).bundle
    count = {"joints_in": 15, "joints_out": 15}
    config = replace(other.config, **count)
    bundle = replace(other, config=config, skeleton=HUMANEVA_15)
    state = randomised(bundle.build(), seed=5).state_dict()
    save_bundle(tmp_path / "m.safetensors", bundle, state)
    said = Command(capsys)("evaluate", *line.split(), "--resume")
    assert said.status == 2 and "differs from the one that is there (weights); resume" in said.err
    said = Command(capsys)("evaluate", *line.split())
    assert said.status == 2 and "already holds an evaluation; continue it with --resume" in said.err
    assert journal.read_bytes() == b"".join(lines)


def test_several_models_and_sources_stand_side_by_side(evaluate, tmp_path) -> None:
    (tmp_path / "he").mkdir()
    write_humaneva(tmp_path / "he")
    for name in ("a", "b"):
        model(tmp_path / f"{name}.safetensors", HUMANEVA_15)
    report = evaluate(
        "--protocol humaneva --data he -m a.safetensors,b.safetensors "
        "--source detectron_pt_coco,gt --precision fp32,bf16 --subjects Validate/S2 --out run"
    )
    rows = report["Overall"]
    assert [(r["model"], r["tags"]["2D"]) for r in rows][::2] == [
        (f"{name}.safetensors{precision}", source)
        for name in ("a", "b")
        for precision in ("", ", bf16")
        for source in ("detectron_pt_coco", "gt")
    ]
    found = [values(row)["MPJPE"] for row in rows]
    assert found[:8] == found[8:] and found[0] != found[2]  # equal weights, unequal 2D
    assert found[0] != found[4] and found[0] == pytest.approx(found[4], rel=0.05)
    assert report["facts"]["other than the protocol"] == (
        "subjects Validate/S2 instead of Validate/S1, Validate/S2, Validate/S3"
    )
    assert any("coco_17" in note for note in report["facts"]["approximations"])
