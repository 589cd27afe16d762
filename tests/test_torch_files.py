"""Files of torch.save: tensors come back from both forms, damage and code are refused."""

import io
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from test_unpickle import Payload, touching

from langlift.errors import InputError
from langlift.formats.stand_ins import Inert
from langlift.formats.torch_files import StoredTensor, open_torch_file
from langlift.formats.unpickle import unpickle

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


# Sizes that nothing has


def lying(path: Path, arguments: tuple, count: int = 12, as_zip: bool = True) -> Path:
    """A checkpoint of one tensor of 12 numbers, written by hand, with what it says of itself."""
    kind = b"ctorch\nFloatStorage\n"
    storage = b"(U\x07storage" + kind + b"U\x010U\x03cpu" + plain(count) + b"tQ"
    tensor = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage
    content = b"\x80\x02}U\x01a" + tensor + b"".join(map(plain, arguments)) + b"tRs."
    numbers = bytes(48)
    if as_zip:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("x/data.pkl", content)
            archive.writestr("x/data/0", numbers)
        return path
    path.write_bytes(OLDER + content + pickle.dumps(["0"], 2) + struct.pack("<q", count) + numbers)
    return path


def plain(value: object) -> bytes:
    """A value without the start and the end of a pickle; it must not use the memo."""
    raw = io.BytesIO()
    pickler = pickle.Pickler(raw, 2)
    pickler.fast = True
    pickler.dump(value)
    return raw.getvalue()[2:-1]


OLDER = b"".join(
    pickle.dumps(each, 2) for each in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})
)


@ZIP
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((2**63, (3, 4), (4, 1)), "a tensor that is no view of numbers"),
        ((0, (2**62, 2**62, 0), (1, 1, 1)), "a tensor that is no view of numbers"),
        ((0, (2**70, 0), (1, 1)), "a tensor that is no view of numbers"),
        ((0, (3, 4), (2**64, 1)), "a tensor that is no view of numbers"),
        ((0, (1,) * 65, (1,) * 65), "a tensor that is no view of numbers"),
        ((0, (3, 4), (4,)), "a tensor that is no view of numbers"),
        ((0, "ab", "cd"), "a tensor that is no view of numbers"),
        ((None, None, None), "a tensor that is no view of numbers"),
        ((10**15, (3, 4), (4, 1)), "a tensor outside of its numbers"),
        ((0, (3, 4), (2**62, 1)), "a tensor outside of its numbers"),
        ((1, (3, 4), (4, 1)), "a tensor outside of its numbers"),
    ],
)
def test_a_tensor_of_impossible_sizes_is_refused(tmp_path, as_zip, arguments, said):
    with pytest.raises(InputError, match=said):
        opened(lying(tmp_path / "x.pt", arguments, as_zip=as_zip))


@ZIP
@pytest.mark.parametrize("count", [2**35, 2**58, 2**62, 2**63, 2**70, -12, True])
def test_a_storage_that_the_file_cannot_hold_is_refused(tmp_path, as_zip, count):
    said = r"more numbers than are in|fewer numbers than|something other than the numbers"
    if not -(2**63) <= count < 2**63:  # the length before the numbers has 64 bits
        as_zip = True
    with pytest.raises(InputError, match=said):
        opened(lying(tmp_path / "x.pt", (0, (3, 4), (4, 1)), count, as_zip))


@ZIP
def test_what_these_files_are_made_of_is_read(tmp_path, as_zip):
    got = opened(lying(tmp_path / "x.pt", (0, (3, 4), (4, 1)), as_zip=as_zip))
    assert torch.equal(got["a"], torch.zeros(3, 4))
    got = opened(lying(tmp_path / "x.pt", (2, (3, 0), (4, 1)), as_zip=as_zip))
    assert got["a"].shape == (3, 0)


@pytest.mark.parametrize("count", [2**28 + 1, 2**35])
def test_a_hollow_file_is_refused_before_it_is_read(tmp_path, count):
    """A file system stores no zeros: this takes a few bytes of the disk and fills the memory."""
    path = lying(tmp_path / "x.pt", (0, (3, 4), (4, 1)), count, as_zip=False)
    with path.open("r+b") as stream:
        stream.truncate(path.stat().st_size + 4 * count)
    with pytest.raises(InputError, match="a tensor's numbers have over 1 GiB; no network here"):
        opened(path)


@pytest.mark.parametrize(
    "keys", [5, None, [[]], [5], ["0", "0"], {"0": 1}, "0", ["other"], [("0",)]]
)
def test_a_list_of_storages_that_is_none_is_refused(tmp_path, keys):
    path = lying(tmp_path / "x.pt", (0, (3, 4), (4, 1)), as_zip=False)
    listed = pickle.dumps(["0"], 2)
    raw = path.read_bytes()
    start = raw.rindex(listed)
    numbers = raw[start + len(listed) :]
    path.write_bytes(raw[:start] + pickle.dumps(keys, 2) + numbers * 2)
    with pytest.raises(InputError, match="the list of its storages is wrong"):
        opened(path)


@pytest.mark.parametrize("head", [np.ones(2), (((),),), [1], 0x1950A86A20F9469CFC6C + 1, "x"])
def test_a_head_of_any_kind_is_refused(tmp_path, head):
    path = tmp_path / "x.pt"
    path.write_bytes(pickle.dumps(head, 2))
    with pytest.raises(InputError, match=r"a pickle but no checkpoint of torch\.save"):
        opened(path)
    path.write_bytes(pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(head, 2) * 2)
    with pytest.raises(InputError, match="its head is not that of a checkpoint"):
        opened(path)


def test_a_zip_with_parts_larger_than_itself_is_refused(tmp_path):
    path = lying(tmp_path / "x.pt", (0, (3, 4), (4, 1)))
    raw = bytearray(path.read_bytes())
    entry = raw.rindex(b"PK\x01\x02")
    raw[entry + 20 : entry + 28] = struct.pack("<II", 2**31, 2**31)
    path.write_bytes(raw)
    with pytest.raises(InputError, match="its parts are larger than the file"):
        opened(path)


def test_views_of_one_storage_are_read_once(tmp_path):
    base = torch.arange(4000.0)
    got = opened(saved(tmp_path / "x.pt", {str(n): base[n : n + 2] for n in range(500)}, True))
    assert all(got[str(n)].tolist() == [n, n + 1] for n in range(500))
