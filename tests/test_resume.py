"""Nothing is lost: a killed or stopped run continues with its losses, to the bit."""

import dataclasses
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from tiny_runs import lines, losses, run, tiny_config, tiny_data

from langlift.cli.main import INTERRUPTED, main
from langlift.errors import InputError
from langlift.lifting.bundle import read_bundle
from langlift.training import loop
from langlift.training.checkpoint import NAME as CHECKPOINT
from langlift.training.data import load_data
from langlift.training.folder import BEST, CONFIG, METRICS, WEIGHTS

#: The run in a process of its own, which waits before its end until it is killed.
CHILD = """
import sys, time
from pathlib import Path
from tiny_runs import run
run(Path(sys.argv[1]), report=lambda entry: time.sleep(60 if entry["step"] > 30 else 0.02))
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of the run that nobody interrupts, and what `train` said at its end."""
    out = tmp_path_factory.mktemp("whole")
    return out, run(out)


def assert_same_run(out, whole):
    """Every line of the log, the saved weights and the whole checkpoint, to the bit."""
    assert len(losses(whole)) == 40
    assert losses(out) == losses(whole)
    assert lines(out) == lines(whole)  # validation figures and learning rates included
    for name in (WEIGHTS, BEST):
        (one, a, _), (two, b, _) = (read_bundle(folder / name) for folder in (out, whole))
        assert set(a) == set(b) and all(torch.equal(a[n], b[n]) for n in a), name
        assert one.card == two.card
    assert_same_state(*(torch.load(f / CHECKPOINT, weights_only=True) for f in (out, whole)))


def assert_same_state(a, b):
    """Nested state, tensors to the bit."""
    if isinstance(a, torch.Tensor):
        assert torch.equal(a, b)
    elif isinstance(a, dict):
        assert set(a) == set(b)
        for key in a:
            assert_same_state(a[key], b[key])
    elif isinstance(a, list):
        assert len(a) == len(b)
        for one, two in zip(a, b, strict=True):
            assert_same_state(one, two)
    else:
        assert a == b


def environment():
    """The environment of a child that can import the tests' helpers."""
    here = Path(__file__).parent
    paths = [str(here.parent / "src"), str(here), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def wait_for_lines(path, count, child):
    """Until the log of a child has so many lines."""
    until = time.monotonic() + 120
    while not path.exists() or len(path.read_bytes().splitlines()) < count:
        assert child.poll() is None, child.communicate()
        assert time.monotonic() < until
        time.sleep(0.002)


def test_a_killed_run_continues_as_if_nothing_had_happened(tmp_path, whole):
    """SIGKILL from outside in the middle; the end is the uninterrupted run's, to the bit."""
    out = tmp_path / "run"
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(out)], env=environment(), stderr=subprocess.PIPE
    )
    wait_for_lines(out / METRICS, 15, child)
    child.kill()
    child.communicate()
    assert child.returncode == -signal.SIGKILL
    reached = len(losses(out))
    assert 15 <= reached < 40
    assert not (out / WEIGHTS).exists()
    with (out / METRICS).open("a") as log:
        log.write('{"step": 99, "loss": 0.12')  # what a crash leaves of a line
    reported = []
    result = run(out, resume=True, report=reported.append)
    assert result == whole[1]
    first = reported[0]["step"]
    assert first in (11, 21, 31) and first <= reached + 1  # from the last checkpoint, no sooner
    assert_same_run(out, whole[0])


def stop_at(step, kind):
    """A report that sends this process a signal when the run has reached a step."""

    def report(entry):
        if entry["step"] == step and "loss" in entry:
            os.kill(os.getpid(), kind)

    return report


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_run_finishes_its_step_and_continues(tmp_path, whole, kind):
    before = signal.getsignal(kind)
    result = run(tmp_path, report=stop_at(13, kind))
    assert signal.getsignal(kind) is before
    assert result == {"step": 13, "finished": False, "best": None}
    assert torch.load(tmp_path / CHECKPOINT, weights_only=True)["step"] == 13
    assert read_bundle(tmp_path / WEIGHTS)[0].card["step"] == 13  # usable as it is
    assert run(tmp_path, resume=True) == whole[1]
    assert_same_run(tmp_path, whole[0])


def test_stopping_again_and_again(tmp_path, whole):
    """Stops at steps that are no multiples of anything, one at a validation."""
    assert run(tmp_path, report=stop_at(1, signal.SIGTERM))["step"] == 1
    for step in (4, 20, 37):
        result = run(tmp_path, resume=True, report=stop_at(step, signal.SIGTERM))
        assert (result["step"], result["finished"]) == (step, False)
    assert run(tmp_path, resume=True) == whole[1]
    assert_same_run(tmp_path, whole[0])


def test_the_command_stops_cleanly(tmp_path):
    """``langlift train`` and Ctrl-C: a result, and the status of an interruption."""
    out = tmp_path / "run"
    options = ["--data", "synthetic", "--synthetic-clips", "4", "--steps", "100000", "--batch", "2"]
    options += ["--frames", "9", "--model.widths", "3", "3", "--model.channels", "8"]
    options += ["--precision", "fp32", "--threads", "1", "--log-every", "1"]
    options += ["--validate-every", "0", "--validation-clips", "1", "--checkpoint-every", "7"]
    code = "import sys; from langlift.cli.main import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "train", "vpose", "--out", str(out), "--json", *options]
    child = subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait_for_lines(out / METRICS, 10, child)
    child.send_signal(signal.SIGINT)
    printed, errors = child.communicate(timeout=60)
    assert child.returncode == INTERRUPTED, errors
    result = json.loads(printed)
    assert result["finished"] is False and result["step"] >= 10
    state = torch.load(out / CHECKPOINT, weights_only=True)
    assert state["step"] == result["step"] == losses(out)[-1][0]
    assert errors == ""


def test_the_command_resumes_with_the_settings_of_the_run(tmp_path):
    """Nothing but the folder and the data has to be said again."""
    config = tiny_config(synthetic_clips=4, validation_clips=1, validate_every=0, steps=20)
    data = load_data("synthetic", config)
    run(tmp_path / "whole", config, data)
    out = tmp_path / "run"
    assert run(out, config, data, report=stop_at(13, signal.SIGTERM))["step"] == 13
    threads = torch.get_num_threads()
    try:
        arguments = ["--out", str(out), "--data", "synthetic", "--resume", "--quiet"]
        assert main(["train", "vpose", *arguments]) == 0
    finally:
        torch.set_num_threads(threads)
    assert losses(out) == losses(tmp_path / "whole")
    assert lines(out) == lines(tmp_path / "whole")


def test_a_run_killed_before_its_first_checkpoint_can_be_resumed(tmp_path, whole):
    class Killed(BaseException):
        """Stands for a kill: nothing after it is run."""

    def report(entry):
        if entry["step"] == 4:
            raise Killed

    with pytest.raises(Killed):
        run(tmp_path, report=report)
    assert [step for step, _ in losses(tmp_path)] == [1, 2, 3, 4]
    assert run(tmp_path, resume=True) == whole[1]
    assert_same_run(tmp_path, whole[0])


def copied(whole, tmp_path):
    """A copy of the finished run, to damage."""
    for path in whole[0].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def contents(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def test_resuming_a_finished_run_changes_nothing(whole, tmp_path):
    out = copied(whole, tmp_path)
    before = contents(out)
    assert run(out, resume=True) == whole[1]
    after = contents(out)
    assert {n: c for n, c in after.items() if n != CHECKPOINT} == {
        n: c for n, c in before.items() if n != CHECKPOINT
    }
    assert_same_run(out, whole[0])


def test_a_folder_that_holds_a_run_is_not_started_in(whole, tmp_path):
    out = copied(whole, tmp_path)
    before = contents(out)
    with pytest.raises(InputError, match=r"already holds a run; continue it with --resume or cho"):
        run(out)
    (out / CHECKPOINT).unlink()
    with pytest.raises(InputError, match="already holds a run"):
        run(out)
    assert contents(out) == {n: c for n, c in before.items() if n != CHECKPOINT}


@pytest.mark.parametrize("changes", [{"lr": 2e-3}, {"steps": 80}, {"seed": 4}, {"threads": 2}])
def test_resuming_with_other_settings_is_refused(whole, tmp_path, changes):
    out = copied(whole, tmp_path)
    before = contents(out)
    with pytest.raises(InputError, match=rf"config\.json \({next(iter(changes))}\)"):
        run(out, tiny_config(**changes), resume=True)
    assert contents(out) == before


def test_there_must_be_a_run_to_resume(tmp_path):
    with pytest.raises(InputError, match=r"there is no run to resume in .*; start one without"):
        run(tmp_path, resume=True)
    with pytest.raises(InputError, match="there is no run to resume"):
        run(tmp_path / "absent", resume=True)
    assert list(tmp_path.iterdir()) == []


def cut(content):
    return content[: len(content) // 2]


def empty(content):
    return b""


def other_file(content):
    return b"not a checkpoint " * 20


def a_pickle(content):
    return pickle.dumps(os.getcwd, protocol=2)


def zeros(content):
    """Blocks that a power cut never brought to the disk."""
    return content[:2000] + bytes(len(content) - 2000)


@pytest.mark.parametrize("damage", [cut, empty, other_file, a_pickle, zeros])
def test_damaged_checkpoint(whole, tmp_path, damage):
    out = copied(whole, tmp_path)
    (out / CHECKPOINT).write_bytes(damage((out / CHECKPOINT).read_bytes()))
    before = contents(out)
    with pytest.raises(InputError, match=r"checkpoint\.pt is damaged or no checkpoint of this net"):
        run(out, resume=True)
    assert contents(out) == before


def test_checkpoint_of_another_network(whole, tmp_path):
    out = copied(whole, tmp_path)
    state = torch.load(out / CHECKPOINT, weights_only=True)
    state["network"]["encoder.shrink.bias"] = torch.zeros(3)
    torch.save(state, out / CHECKPOINT)
    with pytest.raises(InputError, match="no checkpoint of this network"):
        run(out, resume=True)
    torch.save(["something", "else"], out / CHECKPOINT)
    with pytest.raises(InputError, match="no checkpoint of this network"):
        run(out, resume=True)


def test_damaged_settings(whole, tmp_path):
    out = copied(whole, tmp_path)
    (out / CONFIG).write_text("{")
    with pytest.raises(InputError, match=r"config\.json cannot be read as JSON .*restore the file"):
        run(out, resume=True)


def test_half_a_line_is_dropped_and_the_rest_of_the_log_kept(whole, tmp_path):
    out = copied(whole, tmp_path)
    log = (out / METRICS).read_bytes()
    for tail in (b'{"step": 41, "lo', b"\x00\x00\x00", b'{"step"', b"\n"):
        (out / METRICS).write_bytes(log + tail)
        run(out, resume=True)
        assert (out / METRICS).read_bytes() == log


def test_lines_after_the_checkpoint_are_written_again(whole, tmp_path):
    """A log that is ahead of its checkpoint: the lines in between come once, not twice."""
    result = run(tmp_path, report=stop_at(12, signal.SIGTERM))
    assert result["step"] == 12
    ahead = [{"step": 13, "loss": 1.0}, {"step": 14, "loss": 2.0}]
    with (tmp_path / METRICS).open("a") as log:
        log.writelines(json.dumps(line) + "\n" for line in ahead)
    run(tmp_path, resume=True)
    assert losses(tmp_path) == losses(whole[0])


def test_a_folder_that_cannot_be_made(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(InputError, match=r"cannot make the folder .* \(.*\); choose another"):
            run(out)
        with pytest.raises(InputError, match="there is no run to resume"):
            run(out, resume=True)
    arguments = ["--data", "synthetic", "--synthetic-clips", "2", "--quiet"]
    assert main(["train", "vpose", "--out", str(tmp_path / "file" / "run"), *arguments]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("langlift: cannot make the folder") and said.err.count("\n") == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine").chmod(0o500)
    with pytest.raises(InputError, match="cannot be written"):
        run(tmp_path / "mine")


def test_a_log_that_cannot_be_written_stops_the_run(tmp_path):
    """What was trained so far stays, and the message says how to go on."""

    def block(entry):
        if entry["step"] == 12:
            (tmp_path / METRICS).unlink()
            (tmp_path / METRICS).mkdir()

    with pytest.raises(InputError, match=r"metrics\.jsonl cannot be written .*continue the run"):
        run(tmp_path, report=block)
    assert torch.load(tmp_path / CHECKPOINT, weights_only=True)["step"] == 10


def test_another_order_of_data_would_show(tmp_path, whole):
    """The comparison can fail: a run whose dropout draws once more has other losses."""
    original = loop.run_step

    def run_step(network, optimizer, batch, config, step, shared):
        if step == 20:
            torch.rand(1)
        return original(network, optimizer, batch, config, step, shared)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "run_step", run_step)
        run(tmp_path, dataclasses.replace(tiny_config(), validate_every=0), tiny_data(0))
    assert losses(tmp_path)[:20] == losses(whole[0])[:20]
    assert losses(tmp_path)[21:] != losses(whole[0])[21:]
