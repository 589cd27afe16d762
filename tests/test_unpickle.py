"""Pickles: plain data comes back, leftovers become placeholders, code is refused and never runs."""

import argparse
import collections
import io
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from langlift.errors import InputError
from langlift.formats.unpickle import Inert, unpickle


class Payload:
    """Pickles as a call of its function: what an attacker writes into a file."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def touching(marker: Path) -> Payload:
    return Payload(os.system, f"touch {marker}")


def loaded(value, protocol: int = 2, **options):
    return unpickle(io.BytesIO(pickle.dumps(value, protocol)), **options)


# What is read


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "value",
    [
        {"a": [1, 2.5, None, True], "b": ("x", b"y", 10**30)},
        {"set": {1, 2}, "frozen": frozenset({3}), "complex": 1 + 2j, "bytes": bytearray(b"z")},
        collections.OrderedDict([("b", 1), ("a", 2)]),
        collections.Counter("aab"),
    ],
)
def test_plain_values_come_back(value, protocol):
    assert loaded(value, protocol) == value


def test_a_default_dictionary_is_a_dictionary():
    value = collections.defaultdict(list, {"a": [1]})
    assert loaded(value) == {"a": [1]}
    with pytest.raises(KeyError):
        loaded(value)["b"]


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.asfortranarray(np.arange(6, dtype=np.int16).reshape(2, 3)),
        np.array([1.5, -2], dtype=">f4"),
        np.array(["Walk", "Jog 1"]),
        np.array([True, False]),
        np.zeros((0, 17, 2), np.float32),
        np.float32(0.25),
        np.int64(-3),
    ],
)
def test_arrays_come_back(array, protocol):
    got = loaded(array, protocol)
    assert got.dtype.newbyteorder("=") == array.dtype.newbyteorder("=")
    np.testing.assert_array_equal(got, array)


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_arrays_of_objects_come_back(protocol):
    """How the field's npz files hold dictionaries by subject and action."""
    tracks = {"S1": {"Walking": [np.ones((3, 17, 2)), np.zeros((2, 17, 2))]}}
    got = loaded(np.array(tracks, dtype=object), protocol).item()
    np.testing.assert_array_equal(got["S1"]["Walking"][0], np.ones((3, 17, 2)))


@pytest.mark.parametrize("home", ["numpy.core", "numpy._core"])
def test_arrays_of_old_and_new_numpy_come_back(home):
    raw = pickle.dumps(np.arange(3.0), 2).replace(b"numpy._core.", home.encode() + b".")
    np.testing.assert_array_equal(unpickle(io.BytesIO(raw)), np.arange(3.0))


def test_an_array_of_python_2_comes_back():
    raw = (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01K\x01\x85cnumpy\ndtype\nU\x02f8K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xff"
        b"J\xff\xff\xff\xffK\x00tb\x89U\x08\x00\x00\x00\x00\x00\x00\xf8?tb."
    )
    assert unpickle(io.BytesIO(raw), encoding="latin1").tolist() == [1.5]


def test_leftovers_of_a_training_run_become_placeholders():
    run = {
        "state": np.random.RandomState(1),
        "generator": np.random.default_rng(1),
        "args": argparse.Namespace(lr=0.1, path=Path("x")),
    }
    got = loaded(run)
    assert all(isinstance(value, Inert) for value in got.values())
    assert not hasattr(got["args"], "lr")


def test_pickles_follow_each_other_in_a_stream():
    stream = io.BytesIO(pickle.dumps(1, 2) + pickle.dumps([2], 4) + b"rest")
    assert [unpickle(stream), unpickle(stream), stream.read()] == [1, [2], b"rest"]


# What is refused


@pytest.mark.parametrize("protocol", range(6))
def test_a_system_call_is_refused_and_does_not_run(tmp_path, protocol):
    marker = tmp_path / "ran"
    raw = pickle.dumps(touching(marker), protocol)
    pickle.loads(raw)
    assert marker.exists(), "the payload is none"
    marker.unlink()
    with pytest.raises(InputError, match=r"it holds code \(it asks for posix.system\); refused"):
        unpickle(io.BytesIO(raw))
    assert not marker.exists()


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (eval, "eval"),
        (exec, "exec"),
        (getattr, "getattr"),
        (__import__, "__import__"),
        (os.remove, "posix.remove"),
        (np.load, "numpy.load"),
        (torch.load, "torch.serialization.load"),
        (pickle.loads, "pickle.loads"),
        (type, "type"),
    ],
)
def test_other_code_is_refused_by_name(function, name):
    with pytest.raises(InputError, match=rf"holds code \(it asks for .*{name}\)"):
        loaded({"epoch": 1, "nested": [(Payload(function, "1"),)]})


def test_code_inside_an_array_of_objects_is_refused(tmp_path):
    marker = tmp_path / "ran"
    inside = io.BytesIO()
    np.save(inside, np.array([touching(marker)], dtype=object), allow_pickle=True)
    inside.seek(0)
    np.lib.format.read_magic(inside)
    np.lib.format.read_array_header_1_0(inside)
    with pytest.raises(InputError, match=r"posix\.system"):
        unpickle(inside)
    assert not marker.exists()


def test_code_behind_dots_or_a_number_is_refused():
    dotted = b"\x80\x04\x8c\x0bcollections\x8c\x1dOrderedDict.__class__.__mro__\x93."
    with pytest.raises(InputError, match=r"OrderedDict\.__class__"):
        unpickle(io.BytesIO(dotted))
    with pytest.raises(InputError, match="it asks for extension 7"):
        unpickle(io.BytesIO(b"\x80\x02\x82\x07."))


def test_a_function_that_may_be_called_cannot_be_changed():
    """Setting attributes of it would change it for everybody who calls it later."""
    raw = b"\x80\x02ccollections\nOrderedDict\nN}U\x0c__defaults__K\x01s\x86b."
    with pytest.raises(InputError, match="it changes Callee"):
        unpickle(io.BytesIO(raw))


def test_a_placeholder_is_changed_for_its_own_file_alone():
    raw = b"\x80\x02cargparse\nNamespace\n."
    first, second = unpickle(io.BytesIO(raw)), unpickle(io.BytesIO(raw))
    assert first is not second and first is not argparse.Namespace


def test_attributes_on_a_dictionary_are_left_out():
    raw = b"\x80\x02ccollections\nOrderedDict\n)RU\x01aK\x01s}U\x05itemsK\x02sb."
    assert vars(pickle.loads(raw)) == {"items": 2}
    assert list(unpickle(io.BytesIO(raw)).items()) == [("a", 1)]


def reconstructed(kind: bytes, state: bytes) -> bytes:
    """An array whose type is asked for by name and which is then filled with a state."""
    return (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01" + state.replace(b"TYPE", b"cnumpy\ndtype\nU\x02" + kind + b"\x85R") + b"tb."
    )


@pytest.mark.parametrize(
    ("kind", "state", "said"),
    [
        (b"f8", b"K\x04\x85TYPE\x89U\x08abcdefgh", "does not fit its shape"),
        (b"f8", b"J\xff\xff\xff\xff\x85TYPE\x89U\x08abcdefgh", "without a proper shape"),
        (b"O8", b"K\x02\x85TYPE\x89](K\x01e", "does not fit its shape"),
        (b"O8", b"K\x01\x85TYPE\x89U\x08abcdefgh", "does not fit its shape"),
        (b"V8", b"K\x01\x85TYPE\x89U\x08abcdefgh", "arrays of type 'V8'"),
        (b"f8", b"K\x01\x85K\x05\x89U\x08abcdefgh", "no known type"),
    ],
)
def test_an_array_that_lies_is_refused(kind, state, said):
    """numpy itself believes some of these and reads beyond its memory."""
    with pytest.raises(InputError, match=said):
        unpickle(io.BytesIO(reconstructed(kind, state)), encoding="latin1")


def test_structured_arrays_are_refused():
    with pytest.raises(InputError, match="only numbers and text are read"):
        loaded(np.zeros(2, dtype=[("a", "f4"), ("b", "i4")]))


def test_a_number_cannot_fill_the_memory():
    """The C form of pickle makes room for as many entries as the number says."""
    assert unpickle(io.BytesIO(b"\x80\x02K\x05r\xff\xff\xff\x7f.")) == 5


@pytest.mark.parametrize("cut", [0, 1, 10, -1])
def test_a_damaged_pickle_is_refused_in_words(cut):
    raw = pickle.dumps({"a": np.arange(3)}, 2)[:cut]
    with pytest.raises(InputError, match=r"pickled part cannot be read .*damaged, cut off"):
        unpickle(io.BytesIO(raw))


def test_a_reference_out_of_the_pickle_needs_its_file():
    with pytest.raises(InputError, match="refers to data outside of itself"):
        unpickle(io.BytesIO(b"\x80\x02K\x01Q."))
