"""Files of torch.save: tensors come back from both forms, damage and code are refused."""

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from test_unpickle import Payload, touching

from langlift.errors import InputError
from langlift.formats.torch_files import StoredTensor, open_torch_file
from langlift.formats.unpickle import Inert, unpickle

ZIP = pytest.mark.parametrize("as_zip", [True, False], ids=["zip", "older"])


def opened(path: Path) -> dict:
    with open_torch_file(path) as file:
        return {
            key: file.tensor(value) if isinstance(value, StoredTensor) else value
            for key, value in file.content.items()
        }


def saved(path: Path, content, as_zip: bool) -> Path:
    torch.save(content, path, _use_new_zipfile_serialization=as_zip)
    return path


@ZIP
def test_tensors_come_back(tmp_path, as_zip):
    base = torch.arange(24.0).reshape(4, 6)
    content = {
        "all": base,
        "view": base[1:, ::2],
        "turned": base.T,
        "scalar": torch.tensor(3),
        "half": torch.ones(3, dtype=torch.float16),
        "brain": torch.full((2,), 1.5, dtype=torch.bfloat16),
        "truth": torch.tensor([True, False]),
        "empty": torch.zeros(0, 3),
        "parameter": torch.nn.Parameter(torch.ones(2)),
    }
    got = opened(saved(tmp_path / "x.pt", content, as_zip))
    for name, value in content.items():
        assert got[name].dtype == value.dtype
        assert torch.equal(got[name], value.data), name


@ZIP
def test_what_training_leaves_in_a_checkpoint_does_not_matter(tmp_path, as_zip):
    network = torch.nn.Linear(2, 1)
    optimizer = torch.optim.Adam(network.parameters(), amsgrad=True)
    network(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    content = {
        "model_pos": network.state_dict(),
        "optimizer": optimizer.state_dict(),
        "random_state": np.random.RandomState(1234),
        "loss": np.float64(0.1),
        "device": torch.device("cuda:0"),
        "dtype": torch.float32,
    }
    with open_torch_file(saved(tmp_path / "x.bin", content, as_zip)) as file:
        weight = file.tensor(file.content["model_pos"]["weight"])
        assert isinstance(file.content["random_state"], Inert)
    assert torch.equal(weight, network.weight.data)


@ZIP
def test_code_in_a_checkpoint_is_refused_and_does_not_run(tmp_path, as_zip):
    marker = tmp_path / "ran"
    path = saved(tmp_path / "x.pt", {"a": torch.ones(2), "b": [touching(marker)]}, as_zip)
    with pytest.raises(InputError, match=r"posix\.system"), open_torch_file(path):
        pass
    assert not marker.exists()
    torch.load(path, weights_only=False)
    assert marker.exists(), "the payload is none"


@pytest.mark.parametrize("where", range(5))
def test_code_anywhere_in_the_older_form_is_refused(tmp_path, where):
    """It is a row of pickles: magic number, version, machine, content, storages."""
    marker = tmp_path / "ran"
    path = saved(tmp_path / "x.pt", {"a": torch.ones(2)}, as_zip=False)
    stream = io.BytesIO(path.read_bytes())
    cuts = [0]
    for _ in range(5):
        unpickle(stream, _Anything(), lambda pid: None)
        cuts.append(stream.tell())
    raw = path.read_bytes()
    code = pickle.dumps(touching(marker), 2)
    path.write_bytes(raw[: cuts[where]] + code + raw[cuts[where + 1] :])
    with pytest.raises(InputError, match=r"posix\.system"), open_torch_file(path):
        pass
    assert not marker.exists()


class _Anything(dict):
    """Placeholders for every name, to find where a pickle ends."""

    def __init__(self):
        names = ("torch._utils._rebuild_tensor_v2", "torch.FloatStorage")
        super().__init__({name: type("Leftover", (Inert,), {}) for name in names})


@ZIP
@pytest.mark.parametrize("left", [0.02, 0.3, 0.6, 0.97])
def test_a_cut_file_is_refused(tmp_path, as_zip, left):
    path = saved(tmp_path / "x.pt", {"a": torch.ones(1000), "b": torch.ones(1000)}, as_zip)
    raw = path.read_bytes()
    path.write_bytes(raw[: int(left * len(raw))])
    with pytest.raises(InputError, match="damaged, cut off"):
        opened(path)


@pytest.mark.filterwarnings("ignore:TypedStorage is deprecated")
@ZIP
@pytest.mark.parametrize(
    ("offset", "shape", "stride"),
    [(0, (5,), (1,)), (3, (2,), (1,)), (0, (2, 2), (3, 1)), (0, (10**6, 10**6), (0, 0))],
)
def test_a_tensor_beyond_its_numbers_is_refused(tmp_path, as_zip, offset, shape, stride):
    """The last one would fill the memory out of a few bytes."""
    tensor = torch.ones(4)
    rebuild = torch._utils._rebuild_tensor_v2
    lie = Payload(rebuild, tensor.storage(), offset, shape, stride, False, {})
    with pytest.raises(InputError, match=r"outside of its numbers|more numbers than are in"):
        opened(saved(tmp_path / "x.pt", {"a": lie}, as_zip))


def test_numbers_that_are_fewer_than_stated_are_refused(tmp_path):
    path = saved(tmp_path / "x.pt", {"a": torch.ones(64)}, as_zip=True)
    cut = tmp_path / "cut.pt"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(cut, "w") as new:
        for name in old.namelist():
            raw = old.read(name)
            new.writestr(name, raw[:16] if name.endswith("data/0") else raw)
    with pytest.raises(InputError, match="fewer numbers than its tensors have"):
        opened(cut)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
def test_other_files_are_refused(tmp_path):
    program = tmp_path / "program.pt"
    torch.jit.script(torch.nn.Linear(1, 1)).save(program)
    arrays = tmp_path / "arrays.npz"
    np.savez(arrays, a=np.ones(3))
    packed = tmp_path / "packed.pt"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", pickle.dumps({"a": 1}, 2))
    plain = tmp_path / "plain.pkl"
    plain.write_bytes(pickle.dumps({"a": 1}, 2))
    text = tmp_path / "text.pt"
    text.write_text("not a checkpoint")
    for path, said in (
        (program, "TorchScript program"),
        (arrays, "this zip is no checkpoint"),
        (packed, "not written by torch.save"),
        (plain, "a pickle but no checkpoint"),
        (text, "neither of torch.save nor safetensors"),
    ):
        with pytest.raises(InputError, match=said), open_torch_file(path):
            pass


def test_a_whole_network_is_refused_by_its_class(tmp_path):
    path = saved(tmp_path / "x.pt", torch.nn.Linear(1, 1), as_zip=True)
    with (
        pytest.raises(InputError, match=r"it asks for torch\.nn\.modules\.linear\.Linear"),
        open_torch_file(path),
    ):
        pass
