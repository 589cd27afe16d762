"""Two processes make the steps that one makes alone; they stop, resume and fail together."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from test_resume import environment
from text_fixtures import minilm_folder
from tiny_runs import lines, losses, run, team_configs

from langlift.lifting.bundle import read_bundle
from langlift.training.checkpoint import NAME as CHECKPOINT
from langlift.training.folder import METRICS, WEIGHTS

HERE = Path(__file__).parent


def torchrun(*command):
    """Two processes of a script, on a port that is free."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    launcher += ["--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0"]
    return subprocess.run(
        [*launcher, *map(str, command)],
        env={**environment(), "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """The folder of the runs of two processes, and what each of them said."""
    folder = tmp_path_factory.mktemp("together")
    minilm_folder(folder / "words")
    ended = torchrun(HERE / "team_child.py", folder)
    said = [(folder / f"said-{rank}.txt").read_text().splitlines() for rank in (0, 1)]
    return folder, said, ended


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The folder of the same runs, each in one process that takes all pieces."""
    folder = tmp_path_factory.mktemp("alone")
    for name, (method, config) in team_configs().items():
        run(folder / name, config, method=method)
    return folder


def told(folder):
    """Values of every training line by name."""
    entries = [entry for entry in lines(folder) if "loss" in entry]
    return [{k: v for k, v in entry.items() if k != "step"} for entry in entries]


@pytest.mark.parametrize("name", ["attention", "epochs", "norms", "prompted"])
def test_two_processes_tell_the_losses_of_one(together, alone, name):
    """The mean over all pieces, dropout included; sums in another order differ by rounding.

    With batch norm the same holds, because a piece is normalised by itself in both. Here four
    pieces are added up in another order, which a ReLU that switches may make more of later on.
    """
    found, expected = told(together[0] / name), told(alone / name)
    assert len(found) == len(expected) == 22
    for step, (one, other) in enumerate(zip(found, expected, strict=True)):
        late = name == "norms" and step >= 8
        assert one == pytest.approx(other, rel=5e-3 if late else 2e-6), step
    assert len({entry["loss"] for entry in found}) == 22


def test_weights_are_those_of_one_process(together, alone):
    found, expected = (read_bundle(f / "attention" / WEIGHTS)[1] for f in (together[0], alone))
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-3, atol=1e-5)


def test_steps_in_which_the_text_branch_does_not_learn(together):
    """Every process has a gradient of every parameter all the same, so nobody waits for one."""
    assert [step for step, _ in losses(together[0] / "seldom")] == [1, 2, 3, 4]


def test_running_statistics_are_of_the_leaders_pieces(together, alone):
    """What differs with batch norm, and why validation may: two of four pieces are seen here."""
    two, one = (
        torch.load(f / "norms" / CHECKPOINT, weights_only=True)["network"]
        for f in (together[0], alone)
    )
    name = "encoder.expand_bn"
    torch.testing.assert_close(two[f"{name}.weight"], one[f"{name}.weight"], rtol=1e-4, atol=1e-6)
    assert int(one[f"{name}.num_batches_tracked"]) == 4 * 22
    assert int(two[f"{name}.num_batches_tracked"]) == 2 * 22


def test_a_stop_is_agreed_on_and_the_run_resumes_exactly(together):
    """The second process is asked to stop; the first one writes the checkpoint of that step."""
    folder, said, _ = together
    assert said[0][0] == said[1][0] == "stopped at 7"
    assert_same_log(folder / "stop", folder / "attention")


def assert_same_log(out, whole):
    assert lines(out) == lines(whole)
    a, b = (read_bundle(folder / WEIGHTS)[1] for folder in (out, whole))
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_what_cannot_be_is_refused_by_all(together):
    folder, said, _ = together
    for words in said:
        assert words[1].startswith("accumulate is 1, but 2 processes share the pieces of a step")
    assert not (folder / "odd").exists()
    assert "already holds a run" in said[0][2]
    assert said[1][2] == "process 0 of this run could not go on; see its message"


def test_the_command_is_refused_once():
    options = "train vpose --data synthetic --accumulate 1 --device cpu --dry-run"
    ended = torchrun("-m", "langlift", *options.split())
    assert ended.returncode != 0 and ended.stdout == ""
    told = "langlift: accumulate is 1, but 2 processes share the pieces of a step; set --accumulate"
    assert ended.stderr.count(told) == 1
    assert "process 0 of this run" not in ended.stderr
    assert "SIGABRT" not in ended.stderr


def test_pytorch_has_nothing_to_warn_about(together):
    assert "FutureWarning" not in together[2].stderr


def test_a_process_that_ends_does_not_leave_the_other_waiting(together):
    folder, said, ended = together
    assert ended.returncode != 0
    assert said[0][3].startswith("process 0 lost the others (")
    assert said[0][3].endswith("then continue the run with --resume")
    assert len(said[1]) == 3
    assert [entry["step"] for entry in lines(folder / "crash")] == [1, 2]


def test_the_command_writes_and_prints_once(together):
    """One log, one set of files, one report; where it computes is not told."""
    folder, _, ended = together
    printed = [line for line in ended.stdout.splitlines() if line.startswith(("step", "valid"))]
    assert [line.split("  ")[0] for line in printed[:4]] == [f"step {n}" for n in (1, 2, 3, 4)]
    assert printed[-1] == f"step 4 of 4: finished; the run is in {folder / 'command'}"
    assert printed[4].startswith("validation: step 4") and len(printed) == 6
    log = (folder / "command" / METRICS).read_text().splitlines()
    assert [json.loads(line)["step"] for line in log] == [1, 2, 3, 4, 4]
    card = read_bundle(folder / "command" / WEIGHTS)[0].card
    assert "--device" not in card["command"] and "--accumulate 2" in card["command"]
    assert "pieces per step  2, shared by 2 process(es)" in ended.stdout
    assert ended.stdout.count("parameters ") == 1
