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
from langlift.formats.stand_ins import Inert
from langlift.formats.unpickle import LONGEST, unpickle


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
    with pytest.raises(InputError, match="it changes a function"):
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


# A few bytes that stand for very much


def refused(raw: bytes) -> str:
    with pytest.raises(InputError) as caught:
        unpickle(io.BytesIO(b"\x80\x04" + raw))
    return str(caught.value)


#: A tuple that holds the one before it twice, 60 times over: 2**60 members to hash or to print.
DOUBLED = b")q\x00" + b"".join(
    b"0h" + bytes([n]) + b"h" + bytes([n]) + b"\x86q" + bytes([n + 1]) for n in range(60)
)
DEEP = b")" + b"\x85" * 200_000  # overflows the stack of the machine when it is hashed


@pytest.mark.parametrize("key", [DOUBLED, DEEP, b"]", b"}", b"(K\x01K\x02t"])
@pytest.mark.parametrize(
    "around",
    [
        (b"}", b"K\x01s"),
        (b"}(", b"K\x01u"),
        (b"(", b"K\x01d"),
        (b"\x8f(", b"\x90"),
        (b"(", b"\x91"),
        (b"cbuiltins\nset\n](", b"e\x85R"),
        (b"cbuiltins\nfrozenset\n](", b"e\x85R"),
        (b"(ibuiltins\nset\n", b""),
        (b"cbuiltins\ndict\n](", b"K\x01\x86e\x85R"),
        (b"ccollections\nOrderedDict\n](](", b"K\x01ee\x85R"),
        (b"ccollections\nCounter\n](", b"K\x01\x86e\x85R"),
    ],
    ids=["setitem", "setitems", "dict", "additems", "frozen", "set()", "frozenset()", "inst",
         "dict()", "OrderedDict()", "Counter()"],
)  # fmt: skip
def test_keys_are_plain_values(around, key):
    before, after = around
    if before.startswith(b"(i"):  # the values come before the name
        before, after = b"(](", b"eibuiltins\nset\n"
    kind = {b"]": "list", b"}": "dict"}.get(key, "tuple")
    said = refused(before + key + after + b".")
    assert said == (
        f"it holds a dictionary or set with a key of type {kind}; only text and numbers are read "
        "as keys"
    )


def test_keys_of_the_usual_kinds_come_back():
    value = {"a": 1, b"b": 2, -3: 3, 2.5: 4, None: 5, True: 6, np.int64(7): 7, np.str_("c"): 8}
    assert loaded(value) == value
    leftover = loaded({Path("x"): 1, torch.float32: 2}, names={"torch.float32": Inert()})
    assert list(leftover.values()) == [1, 2]


def test_numbers_that_collide_are_no_keys():
    """Multiples of 2**61 - 1 all have the hash 0: a dictionary of them takes for ever."""
    for many in (dict.fromkeys([2**63]), {2**100}):
        with pytest.raises(InputError, match="a number of over 63 bits as key"):
            loaded(many)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"cnumpy\ndtype\n" + DOUBLED + b"\x85R.", "arrays of type tuple; only numbers"),
        (b"c_codecs\nencode\nX\x01\0\0\0a" + DOUBLED + b"\x86R.", "in the encoding tuple"),
        (b"cbuiltins\nset\n" + b"U\x01a\x85R.", "it makes a set from str; only lists are read"),
        (b"cbuiltins\ndict\nK\x01\x85R.", "it makes a dictionary from int; only pairs"),
        (b"cbuiltins\ndict\n]K\x01a\x85R.", "from values that are no pairs"),
        (b"cbuiltins\nint\nU\x019\x85R.", "it calls a class, which no file of plain data does"),
        (b"]K\x00K\x01s.", "it sets entries of list, which is no dictionary"),
        (b"](K\x01\x90.", "it adds members to list, which is no set"),
        (b"}(K\x01u.", "a key that has no value"),
        (b"ccollections\nOrderedDict\n)RK\x01a.", "an instruction does not fit its values"),
        (b"ccollections\nOrderedDict\n)\x81.", "an instruction does not fit its values"),
    ],
)
def test_what_cannot_be_told_in_full_is_told_by_kind(raw, said):
    got = refused(raw)
    assert said in got
    assert not any(name in got for name in ("_Dict", "Callee", "Named", "Leftover", "_Array"))


def test_lengths_are_not_believed(tmp_path):
    """The library makes room for so many bytes before it reads them, from a file at any rate."""
    for head in (b"\x96", b"\x8e", b"\x8d", b"\x95"):
        file = tmp_path / "x"
        file.write_bytes(b"\x80\x05" + head + (2**40).to_bytes(8, "little") + b"x.")
        with file.open("rb") as stream, pytest.raises(InputError, match="it ends within a value"):
            unpickle(stream)


def test_bytes_that_can_be_changed_come_back():
    assert loaded(bytearray(b"ab"), 5) == bytearray(b"ab")


def test_a_long_pickle_is_refused():
    assert loaded(b"x" * (LONGEST - 100)) == b"x" * (LONGEST - 100)
    with pytest.raises(InputError, match="more than 8 MiB; give a checkpoint, whose numbers are"):
        loaded(b"x" * LONGEST)


@pytest.mark.parametrize(
    ("function", "value"),
    [
        (b"c_codecs\nencode\n", b"X\x40\x42\x0f\x00" + b"x" * 1_000_000),
        (b"cbuiltins\nbytearray\n", b"B\x40\x42\x0f\x00" + b"x" * 1_000_000),
        (b"cbuiltins\nset\n", b"](" + b"N" * 1_000_000 + b"e"),
    ],
)
def test_copies_without_end_are_refused(function, value):
    again = b"h\x00h\x01U\x06latin1\x86R" if b"encode" in function else b"h\x00h\x01\x85R"
    raw = function + b"q\x00" + value + b"q\x01(" + again * 10_000 + b"l."
    assert refused(raw) == "it makes far more of its values than it holds; refused"


@pytest.mark.parametrize(
    ("kind", "shape"),
    [
        (b"S0", b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x0f\x85"),
        (b"f8", b"(" + b"K\x00" * 65 + b"t"),
        (b"f8", b"\x8a\x09" + b"\0" * 8 + b"\x01K\x00\x86"),
        (b"f8", b"\x8a\x08" + b"\0" * 7 + b"\x40" + b"2K\x00\x87"),
    ],
)
def test_shapes_that_no_array_has_are_refused(kind, shape):
    raw = reconstructed(kind, shape + b"TYPE\x89U\x00")
    with pytest.raises(InputError, match=r"proper shape|does not fit its shape"):
        unpickle(io.BytesIO(raw), encoding="latin1")


def test_a_number_is_no_buffer():
    raw = (
        b"cnumpy.core.numeric\n_frombuffer\n(\x8a\x06\0\0\0\0\0\x01cnumpy\ndtype\nU\x02f8\x85R"
        b"K\x01\x85U\x01CtR."
    )
    assert refused(raw) == "it holds an array whose data does not fit its type"


def test_arrays_in_arrays_do_not_end_the_process():
    inside = b""
    for _ in range(3000):
        inside = (
            b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
            b"(K\x01K\x01\x85cnumpy\ndtype\nU\x02O8\x85R\x89](" + inside
        )
    value = unpickle(io.BytesIO(b"\x80\x02" + inside + b"N" + b"etb" * 3000 + b"."))
    assert value.shape == (1,)
    del value


def test_a_long_name_is_shortened():
    said = refused(b"cos\n" + b"x" * 100_000 + b"\n.")
    assert "it asks for os.xxx" in said and len(said) < 300
