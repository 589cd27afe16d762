"""Pickled data sets: their values come back as plain ones, damage and code are refused in words."""

import functools
import io
import os
import pickle
import re
import zipfile
from collections import OrderedDict, defaultdict
from pathlib import Path

import numpy as np
import pytest

from langlift.errors import InputError
from langlift.formats import unpickle
from langlift.formats.object_arrays import load_objects, load_pickle

TRACKS = {"S1": {"Walking 1": [np.arange(12, dtype=np.float32).reshape(2, 3, 2)] * 2}}


class Payload:
    """Pickles as a call of its function: what an attacker writes into a file."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def types_in(value) -> set[type]:
    inside = value.values() if isinstance(value, dict) else value
    if not isinstance(value, dict | list | tuple):
        return {type(value)}
    return {type(value)}.union(*(types_in(each) for each in inside))


def pickled(path: Path, value, protocol: int = 4) -> Path:
    path.write_bytes(pickle.dumps(value, protocol))
    return path


def refused(path: Path, *names: str) -> str:
    """The message, without the file's name, which it begins with."""
    with pytest.raises(InputError) as caught:
        load_objects(path, names) if names else load_pickle(path)
    said = str(caught.value)
    assert said.startswith(f"{path}: ")
    return said.removeprefix(f"{path}: ")


# What is read


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_dictionaries_in_an_archive_come_back(tmp_path, save):
    save(tmp_path / "x.npz", positions_3d=TRACKS, metadata={"num_joints": 17}, plain=np.arange(3))
    got = load_objects(tmp_path / "x.npz", ["positions_3d", "metadata", "plain"])
    assert got["metadata"] == {"num_joints": 17}
    assert got["plain"].tolist() == [0, 1, 2]
    views = got["positions_3d"]["S1"]["Walking 1"]
    np.testing.assert_array_equal(views[0], TRACKS["S1"]["Walking 1"][0])
    assert views[0].dtype == np.float32


def test_arrays_that_are_not_wanted_stay_unread(tmp_path):
    np.savez(tmp_path / "x.npz", good={"a": 1}, bad=np.array(Payload(os.system, "x"), dtype=object))
    assert load_objects(tmp_path / "x.npz", ["good"]) == {"good": {"a": 1}}
    assert "it asks for posix.system" in refused(tmp_path / "x.npz", "bad")


def test_arrays_of_objects_with_axes_become_lists(tmp_path):
    cells = np.empty((2, 1), dtype=object)
    cells[0, 0], cells[1, 0] = np.zeros(2), "text"
    np.savez(tmp_path / "x.npz", cells=cells)
    ((first,), (second,)) = load_objects(tmp_path / "x.npz", ["cells"])["cells"]
    assert first.tolist() == [0, 0] and second == "text"


@pytest.mark.parametrize("protocol", range(6))
def test_every_protocol_gives_values_of_plain_types(tmp_path, protocol):
    large = np.random.default_rng(0).normal(size=(300, 17, 3))
    value = {
        "large": large,
        "ordered": OrderedDict(a=[large[:2], np.float32(1.5)]),
        "default": defaultdict(list, b=[True, None, 2**40]),
        "texts": ["s_01", "s_01", b"x", b""],
        np.str_("key"): ("tuple", 1.5),
    }
    got = load_pickle(pickled(tmp_path / "x.pkl", value, protocol))
    assert types_in(got) == {
        *(dict, list, tuple, np.ndarray, np.float32, str, bytes, bool, type(None), int, float),
    }
    np.testing.assert_array_equal(got["large"], large)
    np.testing.assert_array_equal(got["ordered"]["a"][0], large[:2])
    assert (got["default"], got["texts"]) == ({"b": [True, None, 2**40]}, value["texts"])
    assert got["key"] == ("tuple", 1.5)


def test_an_array_that_is_used_twice_is_of_the_plain_type_both_times(tmp_path):
    array = np.arange(3.0)
    got = load_pickle(pickled(tmp_path / "x.pkl", [array, {"again": array}]))
    assert type(got[0]) is type(got[1]["again"]) is np.ndarray
    assert got[0] is got[1]["again"]


def test_what_python_2_wrote_comes_back(tmp_path):
    """A dictionary with an array of one number, 1.5, in the bytes of Python 2's protocol 2."""
    raw = (
        b"\x80\x02}U\x01acnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01K\x01\x85cnumpy\ndtype\nU\x02f8K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xff"
        b"J\xff\xff\xff\xffK\x00tb\x89U\x08\x00\x00\x00\x00\x00\x00\xf8?tbs."
    )
    (tmp_path / "x.pkl").write_bytes(raw)
    assert load_pickle(tmp_path / "x.pkl")["a"].tolist() == [1.5]


def test_a_pickle_may_be_longer_than_a_checkpoints(tmp_path):
    large = np.arange(3 * 2**20, dtype=np.float32)  # 12 MiB
    for protocol in (2, 4, 5):
        got = load_pickle(pickled(tmp_path / "x.pkl", {"large": large}, protocol))
        np.testing.assert_array_equal(got["large"], large)


@pytest.mark.parametrize("protocol", [4, 5])
def test_large_arrays_stand_on_the_bytes_that_were_read(tmp_path, protocol):
    """No copy: the array does not own its numbers, which are those of the file."""
    got = load_pickle(pickled(tmp_path / "x.pkl", np.zeros(5000), protocol))
    assert not got.flags.owndata
    assert got.flags.writeable  # a copy of bytes would not be


def test_many_short_texts_are_no_bomb(tmp_path):
    texts = [f"{n:04d}" for n in range(200_000)]
    assert load_pickle(pickled(tmp_path / "x.pkl", texts)) == texts


# Code


@pytest.mark.parametrize(
    "function",
    [
        *(os.system, eval, exec, getattr, map, set, functools.partial, pickle.loads, Path),
        *(np.load, np.fromfile, np.random.RandomState),
    ],
)
@pytest.mark.parametrize("protocol", [2, 4])
def test_code_is_refused_by_name(tmp_path, function, protocol):
    pickled(tmp_path / "x.pkl", {"S1": [Payload(function, "1")]}, protocol)
    name = function.__name__  # behind the name of its module, which old protocols write otherwise
    pattern = rf"it holds code \(it asks for [\w.]*{name}\); refused: give a file of plain data"
    assert re.fullmatch(pattern, refused(tmp_path / "x.pkl"))


def test_code_in_an_archive_does_not_run(tmp_path):
    marker = tmp_path / "ran"
    call = Payload(os.system, f"touch {marker}")
    np.savez(tmp_path / "x.npz", positions_3d={"S1": {"Walking": call}})
    with np.load(tmp_path / "x.npz", allow_pickle=True) as stored:
        _ = stored["positions_3d"]
    assert marker.exists(), "the payload is none"
    marker.unlink()
    assert "it holds code (it asks for posix.system)" in refused(tmp_path / "x.npz", "positions_3d")
    assert not marker.exists()


def test_leftovers_of_training_runs_are_no_data(tmp_path):
    pickled(tmp_path / "x.pkl", {"state": np.random.default_rng(0)})
    assert "it asks for numpy.random" in refused(tmp_path / "x.pkl")


@pytest.mark.parametrize(
    ("value", "kind"), [(np.ndarray, "class"), (list, "class"), (OrderedDict, "function")]
)
def test_a_name_is_no_value(tmp_path, value, kind):
    pickled(tmp_path / "x.pkl", {"S1": value})
    assert refused(tmp_path / "x.pkl") == f"it holds a {kind} where data should be; refused"


# Damage


def test_half_a_download_is_told(tmp_path):
    np.savez(tmp_path / "x.npz", positions_3d={"a": np.arange(10_000.0)})
    whole = (tmp_path / "x.npz").read_bytes()
    (tmp_path / "x.npz").write_bytes(whole[: len(whole) // 2])
    assert refused(tmp_path / "x.npz", "positions_3d") == (
        "this cannot be read as npz (File is not a zip file); the file is damaged, cut off or of "
        "another type"
    )
    raw = pickle.dumps({"a": np.arange(10_000.0)}, 4)
    for cut in (1, 20, len(raw) // 2, len(raw) - 1):
        (tmp_path / "x.pkl").write_bytes(raw[:cut])
        assert "cannot be read (it ends within a value)" in refused(tmp_path / "x.pkl")


def test_one_wrong_byte_in_an_archive_is_found(tmp_path):
    """The sum of the bytes is looked at, though the array's own reader is not used."""
    np.savez(tmp_path / "x.npz", positions_3d={"a": np.zeros(1000)})
    raw = bytearray((tmp_path / "x.npz").read_bytes())
    raw[len(raw) // 2] ^= 1
    (tmp_path / "x.npz").write_bytes(raw)
    assert "Bad CRC-32" in refused(tmp_path / "x.npz", "positions_3d")


def test_files_of_other_kinds_are_told(tmp_path):
    (tmp_path / "x.npz").write_text("<html>not found</html>")
    assert "this cannot be read as npz (File is not a zip file)" in refused(tmp_path / "x.npz", "a")
    (tmp_path / "x.pkl").write_text("<html>not found</html>")
    assert "its pickled part cannot be read" in refused(tmp_path / "x.pkl")
    assert "there is no such file" in refused(tmp_path / "none.pkl")
    assert "cannot be read (Is a directory)" in refused(tmp_path)


def test_a_missing_array_is_told_with_those_that_are_there(tmp_path):
    np.savez(tmp_path / "x.npz", positions_2d={}, metadata={})
    assert refused(tmp_path / "x.npz", "positions_3d") == (
        "the array 'positions_3d' is missing; the file holds positions_2d, metadata, so it may be "
        "another of the data set"
    )


def test_structured_arrays_with_objects_are_refused(tmp_path):
    np.savez(tmp_path / "x.npz", a=np.zeros(1, dtype=[("x", "O"), ("y", "f4")]))
    assert "the array 'a' mixes objects and numbers" in refused(tmp_path / "x.npz", "a")


def test_damaged_text_is_refused(tmp_path):
    raw = pickle.dumps(np.array(["walk", "sit"]), 4)
    at = raw.index(b"w\x00\x00\x00")
    (tmp_path / "x.pkl").write_bytes(raw[:at] + b"\xff" * 4 + raw[at + 4 :])
    assert "it holds damaged text" in refused(tmp_path / "x.pkl")


def test_two_objects_in_one_file_are_refused(tmp_path):
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(1) + pickle.dumps(2))
    assert "more follows its first object" in refused(tmp_path / "x.pkl")


# Much from little


def test_values_in_a_ring_or_nested_deep_are_refused(tmp_path):
    ring: list = []
    ring.append(ring)
    deep: list = []
    for _ in range(40):
        deep = [deep]
    for value in (ring, deep):
        pickled(tmp_path / "x.pkl", value)
        assert "nested more than 16 deep" in refused(tmp_path / "x.pkl")


def test_a_tuple_of_tuples_is_looked_at_once(tmp_path):
    """Sixteen levels of a tuple with the one below in it 30 times: 30**15 paths, 16 objects."""
    value: tuple = ("x",)
    for _ in range(14):
        value = (value,) * 30
    got = load_pickle(pickled(tmp_path / "x.pkl", value))
    assert got[0] is got[29]


@pytest.mark.parametrize(
    "instruction",
    [b"]", b"}", b"(", b"]\x94", b"N\x94", b"\x8f", b"c_codecs\nencode\nh\x00h\x01\x86R"],
    ids=["list", "dict", "mark", "kept list", "kept", "set", "copy"],
)
def test_small_instructions_that_make_much_are_refused(tmp_path, monkeypatch, instruction):
    """More than 36 times the file; the room that any file has is left out here."""
    start = b"\x80\x04\x8c\x06latin1q\x01X\x00\x10\x00\x00" + b"x" * 2**12 + b"q\x00"
    (tmp_path / "x.pkl").write_bytes(start + instruction * (2**17 // len(instruction)) + b".")
    monkeypatch.setattr(unpickle, "_MOST_MADE", 0)
    assert refused(tmp_path / "x.pkl") == "it makes far more of its values than it holds; refused"


def test_an_archive_that_unpacks_to_very_much_is_refused(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|O", "fortran_order": False, "shape": ()}
    )
    with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", header.getvalue() + bytes(80 * 2**20))
    said = refused(tmp_path / "x.npz", "a")
    assert "the array 'a' claims 80 MiB in" in said and "far more than any data set shrinks" in said


def test_a_size_that_is_too_large_is_noticed():
    """An archive may say that a member has more bytes than come."""
    stream = io.BytesIO(b"\x80\x04X\x09\x00\x00\x00only")
    with pytest.raises(InputError, match="it ends within a value"):
        unpickle.unpickle_plain(stream, size=1000)


def test_a_length_is_not_believed(tmp_path):
    for head in (b"\x96", b"\x8e", b"\x8d", b"\x95"):
        (tmp_path / "x.pkl").write_bytes(b"\x80\x05" + head + (2**40).to_bytes(8, "little") + b"x.")
        assert "it ends within a value" in refused(tmp_path / "x.pkl")
