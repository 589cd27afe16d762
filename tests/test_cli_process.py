"""The command in a process of its own: pipes, exit statuses, signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from cli_fixtures import TINY_RUN, files_under, keypoint_file, tiny_bundle

from langlift._version import __version__
from langlift.cli.main import NO_READER, TERMINATED, main

ROOT = Path(__file__).parents[1]
signals = pytest.mark.skipif(
    sys.platform == "win32", reason="signals are not sent like this on Windows"
)


def process(*arguments: str, **options) -> subprocess.Popen[str]:
    """The command in a process of its own, with UTF-8 pipes as a terminal has."""
    path = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    env = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"}
    return subprocess.Popen(
        [sys.executable, "-m", "langlift", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=env,
        **options,
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["lift", "a", "--fps", "x"], "--fps is 'x'; it takes a number; langlift lift --help "),
        (
            ["lift", "a", "--skeletn", "x"],
            "unknown option --skeletn x (did you mean --skeleton?); ",
        ),
        (["lift"], "INPUT is missing: 2D keypoints: a langlift .npz, "),
        (["lift", "no.npz"], "no.npz: there is no such file or folder; check the path\n"),
    ],
)
def test_bad_input_in_a_process(arguments, sentence):
    started = process(*arguments)
    out, err = started.communicate(timeout=60)
    assert started.returncode == 2 and out == ""
    assert err.startswith(f"langlift: {sentence}") and err.count("\n") == 1


def test_lifting_in_a_process(tmp_path):
    options = ["--model", "tiny.safetensors", "--out", "out", "--formats", "npz"]
    tiny_bundle(tmp_path / "tiny.safetensors")
    keypoint_file(tmp_path / "clip.npz")
    started = process("lift", "clip.npz", *options, cwd=tmp_path)
    out, err = started.communicate(timeout=60)
    assert (started.returncode, err) == (0, "")
    assert out.endswith("wrote out/motion.npz\n")


@pytest.mark.parametrize("arguments", [["help"], ["lift", "--help"], ["experiment", "list"]])
def test_a_reader_that_leaves(arguments):
    """As in ``langlift lift --help | head -0``: no complaint, and the status of SIGPIPE."""
    started = process(*arguments)
    assert started.stdout is not None and started.stderr is not None
    started.stdout.close()
    err = started.stderr.read()
    assert (started.wait(timeout=60), err) == (NO_READER, "")


@signals
def test_ctrl_c_in_a_process(tmp_path):
    run = TINY_RUN.replace("--steps 4", "--steps 1000000").replace("--log-every 1", "")
    started = process("train", "vpose", *run.split(), "--log-every", "1", "-o", "run", cwd=tmp_path)
    assert started.stdout is not None and started.stderr is not None
    assert started.stdout.readline().startswith("step 1  ")
    started.send_signal(signal.SIGINT)
    out, err = started.communicate(timeout=60)
    assert (started.returncode, err) == (130, "")
    assert "stopped; continue it with --resume; the run is in run" in out.splitlines()[-1]
    assert {"checkpoint.pt", "last.safetensors"} <= files_under(tmp_path / "run")


@signals
def test_sigterm_while_writing_leaves_the_old_file(tmp_path):
    tiny_bundle(tmp_path / "tiny.safetensors")
    keypoint_file(tmp_path / "clip.npz", frames=6000)
    out = tmp_path / "out"
    out.mkdir()
    (out / "motion.mp4").write_bytes(b"old")
    options = ["--model", "tiny.safetensors", "--out", "out", "--formats", "mp4"]
    started = process("lift", "clip.npz", *options, cwd=tmp_path)
    until = time.monotonic() + 60
    while not list(out.glob(".*.tmp.mp4")):  # being drawn, which takes several seconds
        assert started.poll() is None, started.communicate()
        assert time.monotonic() < until
        time.sleep(0.002)
    started.send_signal(signal.SIGTERM)
    printed, err = started.communicate(timeout=60)
    assert (started.returncode, printed) == (TERMINATED, "")
    assert err == "langlift: terminated; nothing half-written was left behind\n"
    assert files_under(out) == {"motion.mp4"} and (out / "motion.mp4").read_bytes() == b"old"


@signals
def test_the_handlers_of_the_caller_come_back(capsys):
    """Also in a thread, where handlers cannot be set."""
    before = signal.getsignal(signal.SIGTERM)
    statuses = [main(["--version"])]
    assert signal.getsignal(signal.SIGTERM) is before
    thread = threading.Thread(target=lambda: statuses.append(main(["--version"])))
    thread.start()
    thread.join()
    assert statuses == [0, 0]
    assert capsys.readouterr().out == f"langlift {__version__}\n" * 2
