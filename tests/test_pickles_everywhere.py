"""Every reader of files that may carry code: it is refused in a sentence, and never runs."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import scipy.io
import torch
from cli_fixtures import Command
from human36m_files import motionbert_parts, save_2d, save_3d, write_human36m
from humaneva_files import object_npz, write_humaneva
from mpi_inf_3dhp_files import write_mpi_inf_3dhp
from pair_files import pair_arrays, write_ego
from test_unpickle import Payload, touching

import langlift
from langlift.datasets.registry import open_dataset
from langlift.errors import InputError


def human36m_3d(folder: Path, call: Payload) -> Path:
    write_human36m(folder, ("S9",), ("Walking 1",), frames=4, sources=("gt",))
    save_3d(folder, {"S9": {"Walking 1": call}})
    return folder / "data_3d_h36m.npz"


def human36m_2d(folder: Path, call: Payload) -> Path:
    write_human36m(folder, ("S9",), ("Walking 1",), frames=4, sources=("gt",))
    save_2d(folder, "gt", {"S9": {"Walking 1": [call] * 4}})
    return folder / "data_2d_h36m_gt.npz"


def human36m_metadata(folder: Path, call: Payload) -> Path:
    write_human36m(folder, ("S9",), ("Walking 1",), frames=4, sources=("gt",))
    path = folder / "data_2d_h36m_gt.npz"
    return object_npz(path, positions_2d={"S9": {"Walking 1": []}}, metadata={"layout_name": call})


def motionbert(folder: Path, call: Payload) -> Path:
    parts = motionbert_parts(("S1",), ("S9",), ("Walking",), frames=2, cameras=1)
    parts["train"]["confidence"] = call
    path = folder / "h36m_sh_conf_cam_source_final.pkl"
    path.write_bytes(pickle.dumps(parts))
    return path


def humaneva_3d(folder: Path, call: Payload) -> Path:
    write_humaneva(folder, frames=2, subjects=("Train/S1",), sources=("gt",))
    positions = {"Train/S1": {"Walking 1 chunk0": call}}
    return object_npz(folder / "data_3d_humaneva15.npz", positions_3d=positions)


def humaneva_2d(folder: Path, call: Payload) -> Path:
    write_humaneva(folder, frames=2, subjects=("Train/S1",), sources=("gt",))
    positions = {"Train/S1": {"Walking 1 chunk0": [call] * 3}}
    path = folder / "data_2d_humaneva15_gt.npz"
    return object_npz(path, positions_2d=positions, metadata={"layout_name": "humaneva15"})


def mpi_train(folder: Path, call: Payload) -> Path:
    write_mpi_inf_3dhp(folder, frames=2, sequences=("S1 Seq1",), cameras=(0,), tests=())
    sequences = {"S1 Seq1": [{"0": {"data_2d": np.zeros((2, 17, 2)), "data_3d": call}}]}
    return object_npz(folder / "data_train_3dhp_ori.npz", data=sequences)


def mpi_test(folder: Path, call: Payload) -> Path:
    write_mpi_inf_3dhp(folder, frames=2, sequences=(), tests=("TS1",))
    return object_npz(folder / "data_test_3dhp_ori.npz", data={"TS1": {"data_2d": call}})


def mpi_mat5(folder: Path, call: Payload) -> Path:
    """A structure in the place of a cell of numbers."""
    write_mpi_inf_3dhp(folder, layout="mat", frames=2, sequences=("S1 Seq1",), tests=())
    path = folder / "S1" / "Seq1" / "annot.mat"
    read = scipy.io.loadmat(path)
    kept = {name: value for name, value in read.items() if not name.startswith("__")}
    code = np.frombuffer(pickle.dumps(call), np.uint8)
    scipy.io.savemat(path, kept | {"annot3": {"class": "function_handle", "code": code}})
    return path


def mpi_mat73(folder: Path, call: Payload) -> Path:
    """A pickle as an opaque value in the place of numbers, as h5py stores objects."""
    write_mpi_inf_3dhp(folder, layout="mat", frames=2, sequences=(), tests=("TS1",))
    path = folder / "TS1" / "annot_data.mat"
    with h5py.File(path, "r+") as file:
        del file["annot3"]
        file["annot3"] = np.void(pickle.dumps(call))
        file["annot3"].attrs["MATLAB_class"] = np.bytes_("function_handle")
    return path


def custom(folder: Path, call: Payload) -> Path:
    arrays: dict[str, Any] = pair_arrays() | {"action": np.array(call, dtype=object)}
    np.savez(folder / "a.npz", **arrays)
    return folder / "a.npz"


def egohumans(folder: Path, call: Payload) -> Path:
    people = np.array([call, call], dtype=object)
    return write_ego(folder / "a.npz", {"ann": [0, 1]}, person=people)


DATASETS: dict[str, tuple[str, Callable[[Path, Payload], Path], dict[str, Any]]] = {
    "human36m, 3D": ("human36m", human36m_3d, {}),
    "human36m, 2D": ("human36m", human36m_2d, {}),
    "human36m, metadata": ("human36m", human36m_metadata, {}),
    "human36m-motionbert": ("human36m-motionbert", motionbert, {}),
    "humaneva, 3D": ("humaneva", humaneva_3d, {}),
    "humaneva, 2D": ("humaneva", humaneva_2d, {}),
    "mpi-inf-3dhp, train": ("mpi-inf-3dhp", mpi_train, {"annotation": "annot3"}),
    "mpi-inf-3dhp, test": ("mpi-inf-3dhp", mpi_test, {"annotation": "annot3"}),
    "mpi-inf-3dhp, MATLAB 5": ("mpi-inf-3dhp", mpi_mat5, {"annotation": "annot3"}),
    "mpi-inf-3dhp, MATLAB 7.3": ("mpi-inf-3dhp", mpi_mat73, {"annotation": "annot3"}),
    "custom": ("custom", custom, {}),
    "egohumans": ("egohumans", egohumans, {}),
}


def test_the_call_would_run(tmp_path: Path) -> None:
    """Or the tests below would show nothing."""
    pickle.loads(pickle.dumps(touching(tmp_path / "ran")))
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("case", DATASETS)
def test_a_dataset_runs_nothing(case: str, tmp_path: Path) -> None:
    name, write, options = DATASETS[case]
    folder, marker = tmp_path / "data", tmp_path / "ran"
    folder.mkdir()
    path = write(folder, touching(marker))
    with pytest.raises(InputError) as refused:
        dataset = open_dataset(name, folder, **options)
        list(dataset.recordings(dataset.sources()[0]))
    assert not marker.exists()
    words = str(refused.value)
    assert words.startswith(f"{path}: ") and "\n" not in words
    assert re.search("it holds code|pickled Python objects|only numbers and cells", words)


@pytest.mark.parametrize("case", DATASETS)
def test_the_check_of_a_dataset_runs_nothing(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, write, options = DATASETS[case]
    folder, marker = tmp_path / "data", tmp_path / "ran"
    folder.mkdir()
    write(folder, touching(marker))
    given = [word for key, value in options.items() for word in (f"--{key}", value)]
    said = Command(capsys)("data", "check", folder, "--dataset", name, "--json", *given)
    assert said.status in (1, 2) and not marker.exists()
    assert "Traceback" not in said.err


@pytest.mark.parametrize("inside", ["positions", "metadata"])
def test_keypoints_of_videopose3d_run_nothing(inside: str, tmp_path: Path) -> None:
    call = touching(tmp_path / "ran")
    seen: Any = {"video": {"custom": [call if inside == "positions" else np.zeros((2, 17, 2))]}}
    about: Any = {"layout_name": call if inside == "metadata" else "coco", "num_joints": 17}
    path = object_npz(tmp_path / "data_2d_custom_a.npz", positions_2d=seen, metadata=about)
    with pytest.raises(InputError, match=r"system"):
        langlift.read(path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("as_zip", [True, False])
def test_weights_run_nothing(
    as_zip: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    content = {"model_pos": {"expand_conv.weight": torch.ones(2)}, "lr": touching(tmp_path / "ran")}
    torch.save(content, "evil.bin", _use_new_zipfile_serialization=as_zip)
    said = Command(capsys)(
        "weights", "import", "evil.bin", "--method", "vpose", "-o", "a.safetensors"
    )
    assert (said.status, said.out) == (2, "") and "system" in said.err
    assert {path.name for path in tmp_path.iterdir()} == {"evil.bin"}
