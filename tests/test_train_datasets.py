"""Networks trained on small copies of every dataset, by the library and by the command."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from human36m_files import write_human36m, write_motionbert
from humaneva_files import write_humaneva
from mpi_inf_3dhp_files import write_mpi_inf_3dhp
from recorded_runs import Toy, recording
from tiny_runs import run

from langlift.cli import train as cli
from langlift.cli.main import main
from langlift.datasets.places import DATA_VARIABLE
from langlift.datasets.registry import open_dataset
from langlift.errors import InputError
from langlift.lifting.bundle import read_bundle
from langlift.lifting.lifter import Lifter
from langlift.protocols.catalogue import PROTOCOLS, find_protocol
from langlift.skeletons import HUMANEVA_15, MPI_INF_3DHP_17, get_skeleton
from langlift.training.folder import BEST, DATA, WEIGHTS
from langlift.training.recipes import recipe
from langlift.training.recorded import load_recorded, parts_of

LIFTING = {"widths": (3, 3), "channels": 16, "dropout": 0.1}


# Datasets


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A small copy of each dataset."""
    folder = tmp_path_factory.mktemp("datasets")
    every = ("S1", "S5", "S6", "S7", "S8", "S9", "S11")
    write_human36m(folder / "human36m", every, frames=20)
    for name in ("humaneva", "mpi-inf-3dhp"):
        (folder / name).mkdir()
    write_humaneva(folder / "humaneva")
    write_mpi_inf_3dhp(
        folder / "mpi-inf-3dhp", annotation="univ", sequences=[f"S{n} Seq1" for n in range(1, 9)]
    )
    (folder / "human36m-motionbert").mkdir()
    write_motionbert(folder / "human36m-motionbert" / "h36m_sh_conf_cam_source_final.pkl")
    return folder


CHOICES = {
    "human36m": {},
    "humaneva": {"val": ("Train/S3",), "source": "detectron_pt_coco"},
    "mpi-inf-3dhp": {"annotation": "univ"},
    "human36m-motionbert": {},
}


@pytest.mark.parametrize("name", CHOICES)
def test_networks_learn_and_lift_every_dataset(files, name, tmp_path):
    choice = CHOICES[name]
    spec = find_protocol(name, choice.get("annotation"))
    options = {"annotation": spec.variant} if spec.variant else {}
    dataset = open_dataset(spec.dataset, files / name, **options)
    parts = parts_of(spec, dataset, val=choice.get("val", ()))
    entries = dataset.entries()
    held = {e.subject for e in entries}
    used = parts.train + parts.val + parts.test
    parts = dataclasses.replace(
        parts,
        actions=tuple(
            a
            for a in parts.actions
            if all((s, a) in {(e.subject, e.action) for e in entries} for s in used)
        ),
        train=tuple(s for s in parts.train if s in held),
    )
    skeleton = get_skeleton(spec.skeleton)
    base = recipe("bare", "vpose", skeleton)
    model = dataclasses.replace(base.model, **LIFTING, zero_head=False)
    small = {"steps": 6, "batch": 8, "frames": 9, "validation_clips": 2, "precision": "fp32"}
    config = dataclasses.replace(base, model=model, **small, threads=1, log_every=1)
    data = load_recorded(dataset, parts, choice.get("source", spec.sources[0]), config)
    result = run(tmp_path, config, data)
    assert result["finished"] and result["best"]["score"] > 0
    assert data.unit == ("screen" if name == "human36m-motionbert" else "m")
    lifter = Lifter.from_file(tmp_path / BEST)
    assert lifter.bundle.skeleton == dataset.skeleton == skeleton
    assert lifter.bundle.fps == dataset.fps
    source = choice.get("source", spec.sources[0])
    r = next(iter(dataset.recordings(source, parts.test[:1])))
    motion = lifter.lift(r.keypoints)
    assert motion.joints.shape == r.joints.shape and np.isfinite(motion.joints).all()
    if data.actions.labels:
        assert motion.action.label in data.actions.labels


# The command

TINY = "--steps 4 --batch 8 --log-every 1 --threads 1 --precision fp32 --model.channels 16 "
TINY += "--model.widths 3 3 --validation-clips 2 --quiet"


@pytest.fixture
def command(files, tmp_path, monkeypatch):
    """``langlift train vpose --protocol ...`` on the small copies, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    threads = torch.get_num_threads()

    def call(protocol, options=""):
        path = str(files / protocol)
        words = ["vpose", "--protocol", protocol, "--data", path, *TINY.split(), *options.split()]
        return cli.run(words)

    yield call
    torch.set_num_threads(threads)


ACTIONS = "--actions Directions,Walking"


def test_the_command_trains_and_goes_on(command, tmp_path, files, capsys):
    assert command("human36m", f"-o run {ACTIONS}") == 0
    bundle = read_bundle(tmp_path / "run" / BEST)[0]
    assert bundle.card["source_2d"] == "cpn_ft_h36m_dbb"
    opened = ["data_3d_h36m.npz", "data_2d_h36m_cpn_ft_h36m_dbb.npz"]
    assert bundle.card["files"] == opened, "not those of other 2D"
    assert bundle.card["train_subjects"] == ["S1", "S5", "S6", "S7"]
    assert bundle.card["chosen_on"] == ["S8"]
    last = read_bundle(tmp_path / "run" / WEIGHTS)[0].card
    assert (last["selection"], last["chosen_on"]) == ("fixed", [])
    assert bundle.card["command"].startswith("langlift train vpose --protocol human36m --steps 4")
    assert str(files) not in json.dumps(json.loads((tmp_path / "run" / DATA).read_text()))
    assert bundle.features.kind == "screen" and bundle.config.form == "dilated"  # paper
    assert command("human36m", f"-o run {ACTIONS} --resume") == 0
    again = r"now: human36m, 2D gt, .*give the same --data, --protocol, --source, subjects and act"
    with pytest.raises(InputError, match=again):
        command("human36m", f"-o run {ACTIONS} --resume --source gt")
    with pytest.raises(InputError, match="cameras is 'recorded', but clips of motion"):
        cli.run(["vpose", "-o", "run", "--data", "synthetic", "--resume"])
    assert capsys.readouterr().err == ""


def test_labels_and_subjects_of_the_command(command, tmp_path, capsys):
    with pytest.raises(InputError, match=r"annotation is missing, .*--annotation annot3 or"):
        command("mpi-inf-3dhp", "-o run")
    told = TINY.replace("--quiet", "")
    options = "--annotation univ --selection test"
    assert command("mpi-inf-3dhp", f"-o run {options} {told} --no-quiet") == 0
    said = capsys.readouterr().err
    assert said == f"langlift: warning: {cli._CHOSEN_ON_TEST}\n" and "an oracle" in said
    card = read_bundle(tmp_path / "run" / BEST)[0].card
    assert card["selection"] == "test" and card["protocol"] == "mpi-inf-3dhp (univ)"
    assert card["train_subjects"] == [f"S{n}" for n in range(1, 9)]
    assert (card["dataset"], card["variant"]) == ("mpi-inf-3dhp", "univ")
    with pytest.raises(InputError, match=r"humaneva has no validation subjects .*--val-subjects"):
        command("humaneva", "-o other")
    named = "--train-subjects Train/S1 --val-subjects Train/S2 --selection validation"
    assert command("humaneva", f"-o other {named}") == 0
    bundle = read_bundle(tmp_path / "other" / BEST)[0]
    assert bundle.skeleton == HUMANEVA_15 and bundle.card["train_subjects"] == ["Train/S1"]
    assert bundle.card["validation"]["protocol"].startswith(
        "humaneva, 2D detectron_pt_coco, validation subjects Train/S2"
    )


def test_test_subjects_are_no_option(command):
    with pytest.raises(InputError, match=r"--val-subjects names S9, .*with --selection test"):
        command("human36m", "-o run --val-subjects S9")
    with pytest.raises(InputError, match="--train-subjects names S9, S11, on whom"):
        command("human36m", "-o run --train-subjects S9,S11 --selection fixed")
    with pytest.raises(InputError, match="S1 would be trained on and choose the weights; name no"):
        command("human36m", "-o run --train-subjects S1 --val-subjects S5,S1")


def test_options_that_name_nothing_or_are_not_there(command, files, tmp_path):
    for option, what in (
        ("--train-subjects", "training subject"),
        ("--val-subjects", "validation subject"),
        ("--actions", "action"),
    ):
        with pytest.raises(InputError, match=f"no {what} given; "):
            command("human36m", f"-o run {option} ,")
    with pytest.raises(InputError, match="one 2D source is taken here, got gt, hr"):
        command("human36m", "-o run --sources gt,hr")
    (tmp_path / "gt").mkdir()
    for name in ("data_3d_h36m.npz", "data_2d_h36m_gt.npz"):
        (tmp_path / "gt" / name).write_bytes((files / "human36m" / name).read_bytes())
    default = "no 2D of source cpn_ft_h36m_dbb, the one that protocol human36m takes by default, "
    with pytest.raises(InputError, match=f"{default}but gt; choose with --source"):
        cli.run(["vpose", "-o", "run", "--protocol", "human36m", "--data", str(tmp_path / "gt")])


def test_2d_of_another_person_is_never_trained_on(files, tmp_path):
    folder = tmp_path / "swapped"
    folder.mkdir()
    (folder / "data_3d_h36m.npz").write_bytes((files / "human36m/data_3d_h36m.npz").read_bytes())
    with np.load(files / "human36m" / "data_2d_h36m_gt.npz", allow_pickle=True) as held:
        points, metadata = held["positions_2d"].item(), held["metadata"]
    points["S1"], points["S5"] = points["S5"], points["S1"]
    np.savez(folder / "data_2d_h36m_gt.npz", positions_2d=points, metadata=metadata)
    words = ["vpose", "--protocol", "human36m", "--data", str(folder), *TINY.split()]
    named = f"--source gt -o {tmp_path}/run --train-subjects S1 --val-subjects S5 {ACTIONS}"
    with pytest.raises(InputError, match=r"recording 'S1/.*' \(gt\): "):
        cli.run([*words, *named.split()])


def test_a_dry_run_writes_nothing(command, tmp_path, capsys):
    assert command("human36m", f"{ACTIONS} --dry-run --json --source gt") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["clips"] == 4 * 2 * 4 and told["frames"] == 20 * told["clips"]
    assert told["epoch_steps"] == told["frames"] * 2 / 8
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--protocol human36m", "--data is missing: nobody says where the files of human3"),
        ("--protocol human63m", "unknown protocol 'human63m'.*did you mean 'human36m'"),
        ("--protocol custom", "--data is missing: nobody says where the files of custom"),
        ("--protocol human36m --recipe robust", "recipe 'robust' films motion with cameras"),
        ("--protocol human36m --data x --annotation univ", "human36m has only one set of labels"),
        (
            "--source gt",
            r"--source is of files of yours; name their protocol \(--protocol human36m",
        ),
        ("--val-subjects S8", "--val-subjects is of files of yours"),
        ("--protocol human36m --data absent", "absent"),
    ],
)
def test_commands_that_cannot_be(options, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(DATA_VARIABLE, raising=False)
    with pytest.raises(InputError, match=message):
        cli.run(["vpose", *options.split(), "--dry-run"])
    assert main(["train", "vpose", *options.split(), "--dry-run"]) == 2


def test_every_protocol_on_files_is_named_in_the_help(capsys):
    with pytest.raises(SystemExit):
        cli.run(["vpose", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert all(name in said for name in PROTOCOLS)


def test_custom_pairs_have_a_skeleton_of_their_own(tmp_path, monkeypatch):
    held = [recording(f"{s}/walk/1", skeleton=MPI_INF_3DHP_17) for s in "ABC"]
    toy = Toy(held)
    toy.parts = {"train": ("A",), "val": ("B",), "test": ("C",)}
    toy.sources = lambda: ("gt",)
    monkeypatch.setattr(cli, "open_for", lambda spec, path: toy)
    options = f"vpose --protocol custom --data x -o {tmp_path / 'run'} {TINY}"
    threads = torch.get_num_threads()
    assert cli.run(options.split()) == 0
    torch.set_num_threads(threads)
    bundle = read_bundle(tmp_path / "run" / BEST)[0]
    assert bundle.skeleton == MPI_INF_3DHP_17 and bundle.card["source_2d"] == "gt"
    toy.sources = lambda: ("gt", "late")
    with pytest.raises(InputError, match="2D of the sources gt, late; choose with --source"):
        cli.run(options.replace("run", "other").split())
