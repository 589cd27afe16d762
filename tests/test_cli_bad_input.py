"""What the command says to input it cannot use: one sentence, status 2, and nothing written."""

from __future__ import annotations

import errno
import json
import pickle
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from cli_fixtures import (
    TINY_RUN,
    Command,
    Said,
    files_under,
    keypoint_file,
    tiny_bundle,
    tiny_corpus,
)
from format_files import ANNOTATION, FRAME, PICKLED, XY, as_json, folder_of, npz, raw
from safetensors.torch import load_file, save_file

from langlift.lifting.lifter import Lifter


@pytest.fixture
def langlift(capsys, tmp_path, monkeypatch) -> Command:
    """The command in an empty folder with a bundle, without a corpus."""
    monkeypatch.delenv("LANGLIFT_CORPUS", raising=False)
    monkeypatch.chdir(tmp_path)
    tiny_bundle(tmp_path / "tiny.safetensors")
    return Command(capsys)


def check_refused(said: Said, *words: str) -> None:
    assert said.status == 2, said
    assert said.out == ""
    assert said.err.startswith("langlift: ") and said.err.count("\n") == 1, said.err
    assert said.err.endswith("\n") and len(said.err) < 700
    for word in words:
        assert word in said.err
    for word in ("Traceback", "Error(", "│", "[bold]"):
        assert word not in said.err


FPS_AND_SIZE = "--fps 30 --image-size 640 480"
NOT_SEEN = "no joint is seen in any frame"

# What makes the input, further options, what the sentence has to say: what was got, what to do.
KEYPOINTS = {
    "no such file": (lambda _: Path("no.npz"), "", "no.npz", "no such file", "check the path"),
    "empty file": (raw("clip.npz", b""), "", "clip.npz", "is empty", "make or get it anew"),
    "wrong shape": (npz(xy=XY[0]), "", "xy has shape (17, 2)", "must be (f, j, 2)"),
    "joint count": (npz(xy=XY[:, :13]), "", "13 joints", "has 17", "name the skeleton"),
    "skeleton in file": (npz(skeleton="coco17"), "", "unknown", "did you mean 'coco_17'?"),
    "skeleton given": (npz(), "--skeleton body25", "'body25'", "did you mean 'body_25'?"),
    "no skeleton": (npz(skeleton=None), "", "does not say its skeleton", "--skeleton"),
    "format given": (npz(), "--format opnpose", "'opnpose'", "did you mean 'openpose'?"),
    "NaN everywhere": (npz(xy=XY * np.nan), "", NOT_SEEN, "NaN", "nothing to lift"),
    "infinite": (npz(xy=np.where(XY == 103, np.inf, XY)), "", "infinite values", "with NaN"),
    "no frames": (npz(xy=XY[:0]), "", "no frames", "give at least one"),
    "zero confidence": (npz(confidence=np.zeros((4, 17))), "", NOT_SEEN, "confidence 0"),
    "fps 0": (npz(), "--fps 0", "fps is 0", "must be between 1 and 1000 frames"),
    "low fps": (npz(), "--fps 0.001", "fps is 0.001", "must be between 1 and 1000 frames"),
    "low fps in file": (npz(fps=0.001), "", "fps is 0.001", "must be between 1 and 1000 frames"),
    "high fps": (npz(), "--fps 1e6", "fps is 1000000", "must be between 1 and 1000 frames"),
    "negative fps": (npz(fps=-25.0), "", "fps is -25", "must be between 1 and 1000 frames"),
    "fps in words": (npz(), "--fps fast", "--fps is 'fast'; it takes a number"),
    "no fps": (npz(fps=None), "", "fps is missing", "(--fps)"),
    "no image size": (npz(image_size=None), "", "image size is missing", "--image-size WIDTH"),
    "image size 0": (npz(), "--image-size 0 5", "(0, 5)", "two positive numbers"),
    "half an image size": (npz(), "--image-size 640", "--image-size is '640'; it takes a whole"),
    "far outside": (npz(xy=XY * 1000), "", "far outside the 640 x 480 image", "check the image"),
    "normalised": (npz(xy=XY / 1000), "", "normalised coordinates", "give xy in pixels"),
    "corrupted npz": (raw("clip.npz", b"PK\3\4 broken"), "", "cannot be read as npz", "damaged"),
    "corrupted json": (raw("clip.json", b'{"people": ['), "", "not valid JSON", "damaged, cut"),
    "pickled array": (npz(xy=PICKLED), "", "pickled Python objects", "save plain numeric"),
    "pickle": (raw("clip.npz", pickle.dumps({"xy": 1})), "", "cannot be read as npz", "damaged"),
    "foreign json": (as_json({"poses": []}), "", "no keypoint format", "accepted: openpose"),
    "empty folder": (lambda folder: folder, "", "no *_keypoints.json", "the folder OpenPose wrote"),
    "two people": (
        as_json([ANNOTATION, ANNOTATION]),
        FPS_AND_SIZE,
        "there are 2 people",
        "choose one with --person",
    ),
    "unknown person": (folder_of(a_1=FRAME), f"--person 7 {FPS_AND_SIZE}", "'7'", "known: 0"),
    "video": (raw("clip.mp4", b"1"), "", "video", "2D keypoints", "run one first"),
    "foreign suffix": (raw("clip.bvh", b"1"), "", "'.bvh'", "accepted are .npz, .json"),
    "output format": (npz(), "--formats npz,jpg", "'jpg'", "did you mean 'png'?"),
    "no output format": (npz(), "--formats ,", "no output format", "choose from npz, json"),
    "focal 0": (npz(), "--focal 0", "focal is 0", "must be a positive number of pixels"),
    "focal NaN": (npz(), "--focal nan", "focal is nan", "must be a positive number of pixels"),
    "tiny focal": (npz(), "--focal 1e-9", "focal is 1e-09", "64 to 64000", "longer side is 640"),
    "giant focal": (npz(), "--focal 1e30", "focal is 1e+30", "64 to 64000"),
    "person of a file without": (npz(), "--person 7", "unknown person '7'", "known: 0", "leave it"),
    "model of no name": (npz(), "--model=", "--model is empty", "langlift weights list"),
    "no pose": (npz(xy=XY * [[[0, 0]]] + 100), "", "clip.npz", "all joints lie on one pixel"),
    "out of no name": (npz(), "--out=", "--out is empty", "give the path"),
    "focal inf": (npz(), "--focal inf", "focal is inf", "must be a positive number of pixels"),
    "precision": (npz(), "--precision fp16", "--precision is 'fp16'; choose from 'fp32', 'bf16'"),
    "unknown option": (npz(), "--formts npz", "unknown option --formts", "did you mean --format"),
    "option without value": (npz(), "--model", "--model has no value"),
    "second input": (npz(), "other.npz", "unknown argument other.npz"),
}


@pytest.mark.parametrize("case", KEYPOINTS)
def test_keypoints(case, langlift, tmp_path):
    make, options, *words = KEYPOINTS[case]
    (tmp_path / "input").mkdir()
    path = make(tmp_path / "input")
    before = files_under(tmp_path)
    said = langlift("lift", path, "--out", "out", "--model", "tiny.safetensors", *options.split())
    check_refused(said, *words)
    assert files_under(tmp_path) == before


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def text_changed(before: str, after: str):
    """Changes the header in place; it keeps its length, so the file stays sound."""

    def change(path: Path) -> None:
        content = path.read_bytes()
        assert content.count(before.encode()) == 1 and len(before) == len(after)
        path.write_bytes(content.replace(before.encode(), after.encode()))

    return change


def without_header(path: Path) -> None:
    save_file(load_file(path), path)


def pickled(path: Path) -> None:
    torch.save({"weight": torch.zeros(3)}, path)


def one_tensor_less(path: Path) -> None:
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        head = file.metadata()
    tensors = load_file(path)
    del tensors[min(tensors)]
    save_file(tensors, path, head)


BUNDLES = {
    "truncated": (truncated, "damaged or no safetensors file", "fetch or train it again"),
    "empty": (lambda path: path.write_bytes(b""), "damaged or no safetensors file", "fetch"),
    "pickle": (pickled, "looks like a checkpoint of PyTorch", "langlift weights import"),
    "newer": (
        text_changed('"format_version":"1"', '"format_version":"9"'),
        "bundle format 9",
        "reads up to 1",
        "install a newer langlift",
    ),
    "no bundle": (without_header, "no langlift bundle", "have to be imported first"),
    "unknown method": (
        text_changed(r'"method":"\"vpose\""', r'"method":"\"vposf\""'),
        "unknown method 'vposf'",
        "did you mean 'vpose'?",
    ),
    "damaged header": (text_changed(r"{\"labels\"", r"{\"label_\""), "header of", "fetch or train"),
    "missing tensor": (one_tensor_less, "does not hold the weights", "missing", "fetch or train"),
    "absent": (Path.unlink, "no weights file", "langlift weights list"),
}


@pytest.mark.parametrize("case", BUNDLES)
def test_bundles(case, langlift, tmp_path):
    damage, *words = BUNDLES[case]
    clip, model = keypoint_file(tmp_path / "clip.npz"), tmp_path / "tiny.safetensors"
    damage(model)
    before = files_under(tmp_path)
    check_refused(langlift("lift", clip, "-m", model, "-o", "out"), "tiny.safetensors", *words)
    if case != "missing tensor":  # `inspect` reads what a file says, not whether it can be built
        check_refused(langlift("weights", "inspect", model), "tiny.safetensors", *words)
    assert files_under(tmp_path) == before


RUN = f"train vpose {TINY_RUN}"
OTHERS = {
    "unknown verb": ("lft clip.npz", "unknown verb 'lft'", "did you mean 'lift'?"),
    "no verb": ("tiny.safetensors", "not a verb", "write langlift lift tiny.safetensors"),
    "no input": ("lift", "INPUT is missing", "OpenPose", "langlift lift --help"),
    "unknown model": ("lift {clip} -m defalt", "'defalt'", "known: ", "x.safetensors"),
    "weights command": ("weights lst", "unknown weights command", "did you mean 'list'?"),
    "inspect nothing": ("weights inspect", "MODEL is missing", "langlift weights list"),
    "inspect a clip": ("weights inspect {clip}", "damaged or no safetensors file"),
    "inspect unknown": ("weights inspect vposebare", "unknown model 'vposebare'"),
    "demo action": ("demo --action sidelunge", "'sidelunge'", "did you mean 'side_lunge'?"),
    # train
    "method": ("train vpos", "unknown method 'vpos'", "did you mean 'vpose'?"),
    "no method": ("train --out run", "unknown method '--out'", "known: a3dhp, a3dhp+apm"),
    "no out": ("train vpose", "no folder for the run", "give --out FOLDER"),
    "train without corpus": ("train vpose -o run", "no motion corpus", "--data FOLDER", "LANGLIFT"),
    "no corpus there": ("train vpose -o run --data input", "input is not a motion", "splits.json"),
    "recipe": (f"{RUN} -o run --recipe robost", "recipe 'robost'", "did you mean 'robust'?"),
    "recipe=": (f"{RUN} -o run --recipe=pper", "recipe 'pper'", "did you mean 'paper'?"),
    "recipe without value": (f"{RUN} -o run --recipe", "--recipe has no value"),
    "recipe before out": (f"{RUN} --recipe --out run", "--recipe has no value"),
    "steps 0": (f"{RUN} -o run --steps 0", "steps is 0", "must be at least 1"),
    "steps in words": (f"{RUN} -o run --steps many", "--steps is 'many'; it takes a whole number"),
    "setting": (f"{RUN} -o run --step 3", "unknown option --step 3 (did you mean --steps?)"),
    "widths": (f"{RUN} -o run --model.widths 2 3", "widths is (2, 3)", "must be odd"),
    "learning rate": (f"{RUN} -o run --lr -1", "lr is -1.0", "must be positive"),
    "endless rate": (f"{RUN} -o run --lr inf", "lr is inf", "positive and finite"),
    "weight": (f"{RUN} -o run --model.action-weight nan", "action_weight is nan", "finite number"),
    "joints": (f"{RUN} -o run --model.joints-in 16", "joints_in is 16", "leave joints_in at 17"),
    "synthetic split": (f"{RUN} -o run --split nope", "split is 'nope'", "leave --split out"),
    "cameras": (f"{RUN} -o run --cameras all", "--cameras is 'all'; choose from 'random'"),
    "a run is there": (f"{RUN} -o old", "old already holds a run", "--resume", "another --out"),
    "nothing to resume": (f"{RUN} -o run --resume", "no run to resume", "without --resume"),
    "run in a file": (f"{RUN} -o tiny.safetensors", "cannot make the folder", "another --out"),
    # evaluate
    "evaluate without corpus": ("evaluate -m mean-pose", "no motion corpus", "--data FOLDER"),
    "protocol": ("evaluate --protocol mocp", "protocol 'mocp'", "did you mean 'mocap'?"),
    "source": ("evaluate {toy} --sources nosy", "2D source 'nosy'", "did you mean 'noisy'?"),
    "no source": ("evaluate {toy} --sources ,", "no 2D source given", "gt, noisy"),
    "part": ("evaluate {toy} --part tset", "part of the split 'tset'", "did you mean 'test'?"),
    "split": ("evaluate {toy} --split cor", "unknown split 'cor'", "did you mean 'core'?"),
    "data source": ("evaluate {toy} --only studoi", "'studoi'", "did you mean 'studio'?"),
    "clips": ("evaluate {toy} --clips -1", "clips is -1", "0 for all"),
    "models": (
        "evaluate --data corpus -m mean-pose,linear-regresion",
        "unknown model 'linear-regresion'",
        "did you mean 'linear-regression'?",
    ),
    "no models": ("evaluate --data corpus -m ,", "no model given", "leave the option out"),
    "out in a file": ("evaluate {toy} -o tiny.safetensors/x", "cannot make the folder", "--out"),
    "many under robustness": (
        "evaluate {toy} --protocol robustness",
        "one trained model at a time, got mean-pose",
        "--models",
    ),
}


@pytest.mark.parametrize("case", OTHERS)
def test_other_verbs(case, langlift, tmp_path):
    line, *words = OTHERS[case]
    clip = keypoint_file(tmp_path / "clip.npz")
    tiny_corpus(tmp_path / "corpus")
    (tmp_path / "input").mkdir()
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "metrics.jsonl").write_text('{"step": 1}\n')
    before = files_under(tmp_path)
    arguments = line.format(clip=clip, toy="--data corpus -m mean-pose").split()
    check_refused(langlift(*arguments), *words)
    assert files_under(tmp_path) == before


@pytest.mark.parametrize("out", ["tiny.safetensors", "tiny.safetensors/deeper"])
def test_the_results_cannot_be_put_in_a_file(out, langlift, tmp_path):
    clip = keypoint_file(tmp_path / "clip.npz")
    before = files_under(tmp_path)
    said = langlift("lift", clip, "-m", "tiny.safetensors", "-o", out)
    check_refused(said, f"cannot make the folder {out} (", "tiny.safetensors is a file)")
    assert "choose another --out" in said.err
    assert files_under(tmp_path) == before


@pytest.mark.parametrize("suffix", ["npz", "json", "png"])
def test_a_folder_where_a_result_should_be(suffix, langlift, tmp_path, monkeypatch):
    (tmp_path / "out" / f"motion.{suffix}").mkdir(parents=True)
    clip = keypoint_file(tmp_path / "clip.npz")
    before = files_under(tmp_path)
    monkeypatch.setattr(Lifter, "lift", interrupted)  # not come to: it is found out before
    said = langlift("lift", clip, "-m", "tiny.safetensors", "-o", "out")
    check_refused(said, f"motion.{suffix}: this is a folder", "give the path of a file")
    assert files_under(tmp_path) == before


def test_an_input_of_no_name(langlift, tmp_path):
    check_refused(langlift("lift", "", "-m", "tiny.safetensors"), "INPUT is empty", "give the path")


def test_a_device_as_input_or_model(langlift, tmp_path):
    clip = keypoint_file(tmp_path / "clip.npz")
    if not Path("/dev/zero").exists():
        pytest.skip("no devices here")
    said = langlift("lift", "/dev/zero", "-m", "tiny.safetensors")
    check_refused(said, "/dev/zero: this is no ordinary file", "give a file or folder")
    said = langlift("lift", clip, "-m", "/dev/zero")
    check_refused(said, "/dev/zero is no ordinary file", "give a .safetensors file")


def test_file_names_are_escaped(langlift):
    said = langlift("lift", "no\x1b[2J\nlanglift: fine.npz", "-m", "tiny.safetensors")
    check_refused(said, r"no\x1b[2J\nlanglift: fine.npz: there is no such file or folder")


def test_settings_that_differ_from_those_of_the_run_that_is_resumed(langlift, tmp_path):
    assert langlift(*RUN.split(), "-o", "run", "--quiet").status == 0
    before = {p: p.read_bytes() for p in (tmp_path / "run").iterdir()}
    said = langlift("train", "vpose", "--data", "synthetic", "-o", "run", "--resume", "--lr", 5)
    check_refused(said, "settings differ", "config.json", "new run in another folder")
    (tmp_path / "run" / "config.json").write_text('{"steps": ')
    said = langlift("train", "vpose", "--data", "synthetic", "-o", "run", "--resume")
    check_refused(said, "config.json cannot be used", "restore the file")
    (tmp_path / "run" / "config.json").write_text(json.dumps({"stps": 3}))
    said = langlift("train", "vpose", "--data", "synthetic", "-o", "run", "--resume")
    check_refused(said, "did you mean 'steps'?")
    untouched = {p: b for p, b in before.items() if p.name != "config.json"}
    assert {p: p.read_bytes() for p in untouched} == untouched


def test_data_that_differ_from_those_of_the_run_that_is_resumed(langlift, tmp_path):
    assert langlift(*RUN.split(), "-o", "run", "--quiet").status == 0
    before = {p: p.read_bytes() for p in (tmp_path / "run").iterdir()}
    said = langlift(
        "train", "vpose", "--data", tiny_corpus(tmp_path / "c"), "-o", "run", "--resume"
    )
    check_refused(said, "data differ", "was: synthetic, 21", "now: split core", "same --data")
    assert {p: p.read_bytes() for p in before} == before


def failing_savez(error: BaseException):
    """A `numpy.savez` that breaks off in the middle."""

    def savez(stream, **arrays) -> None:
        stream.write(b"half")
        raise error

    return savez


def test_a_full_disk(langlift, tmp_path, monkeypatch):
    clip = keypoint_file(tmp_path / "clip.npz")
    monkeypatch.setattr(np, "savez", failing_savez(OSError(errno.ENOSPC, "No space left")))
    said = langlift("lift", clip, "-m", "tiny.safetensors", "-o", "out")
    check_refused(said, "motion.npz", "the disk is full", "free some space and repeat")
    assert files_under(tmp_path / "out") == set()


def interrupted(*_, **__) -> None:
    raise KeyboardInterrupt


def test_ctrl_c_while_writing_leaves_the_old_file(langlift, tmp_path, monkeypatch):
    clip = keypoint_file(tmp_path / "clip.npz")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "motion.npz").write_bytes(b"old")
    monkeypatch.setattr(np, "savez", failing_savez(KeyboardInterrupt()))
    said = langlift("lift", clip, "-m", "tiny.safetensors", "-o", "out")
    assert said == (130, "", "langlift: interrupted; nothing half-written was left behind\n")
    assert files_under(tmp_path / "out") == {"motion.npz"}
    assert (tmp_path / "out" / "motion.npz").read_bytes() == b"old"


def test_ctrl_c_while_lifting(langlift, tmp_path, monkeypatch):
    clip = keypoint_file(tmp_path / "clip.npz")
    monkeypatch.setattr(Lifter, "lift", interrupted)
    said = langlift("lift", clip, "-m", "tiny.safetensors", "-o", "out")
    assert said == (130, "", "langlift: interrupted; nothing half-written was left behind\n")
    assert files_under(tmp_path / "out") == set()


def test_ctrl_c_while_training_can_be_resumed(langlift, tmp_path, monkeypatch):
    from langlift.cli import train

    line = train.step_line
    monkeypatch.setattr(
        train, "step_line", lambda entry: signal.raise_signal(signal.SIGINT) or line(entry)
    )
    said = langlift(*RUN.split(), "-o", "run")
    assert said.status == 130 and said.err == ""
    assert said.out.splitlines()[-1] == (
        "step 1 of 4: stopped; continue it with --resume; the run is in run"
    )
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    said = langlift(*RUN.split(), "-o", "run", "--resume")
    assert said.status == 0 and "step 4 of 4: finished" in said.out


@pytest.mark.parametrize(
    "words",
    [
        ("lift", "{clip}", "--out", "{long}"),
        ("lift", "{clip}", "--model", "{long}.safetensors"),
        ("weights", "inspect", "{long}.safetensors"),
        ("train", "vpose", "--data", "{long}", "--out", "run"),
        ("evaluate", "--data", "{long}"),
        ("demo", "--out", "{long}"),
    ],
)
def test_a_name_too_long_for_the_file_system(langlift, tmp_path, words):
    clip = keypoint_file(tmp_path / "clip.npz")
    said = langlift(*(word.format(clip=clip, long="x" * 300) for word in words))
    check_refused(said)
