"""Files of ``torch.save``, the zip archive and the older form, read without running their code.

``torch.load`` is not used: with its restricted reader it refuses the numpy objects that old
checkpoints hold, and without it runs whatever the file says. Tensors are read one by one, when
asked for, so the optimiser's state in a checkpoint costs nothing.
"""

from __future__ import annotations

import io
import math
import reprlib
import struct
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from ..errors import InputError
from .files import one_line
from .stand_ins import Callee, Fixed, Inert, are_sizes
from .unpickle import LONGEST, unpickle

_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001  # first two objects of the older form
_TYPES = {
    "Double": torch.float64,
    "Float": torch.float32,
    "Half": torch.float16,
    "BFloat16": torch.bfloat16,
    "Long": torch.int64,
    "Int": torch.int32,
    "Short": torch.int16,
    "Char": torch.int8,
    "Byte": torch.uint8,
    "Bool": torch.bool,
}
_SHARED = 4  # times that a file's numbers may be in use: networks may share weights
_LARGEST = 2**30  # bytes of a storage; 1 GiB is six times the largest network here
_MOST = 2 * _LARGEST  # bytes of all tensors that are read
_DAMAGED = "the file is damaged, cut off or of another type"

#: What the library raises where a zip is damaged.
_BAD_ZIP = (
    *(zipfile.BadZipFile, EOFError, ValueError, RuntimeError, struct.error, OverflowError),
    *(KeyError, IndexError),
)

#: Reads so many bytes of the storage of that key.
_Read = Callable[[str, int], bytes]


class StorageType(Fixed):
    """The number type of a storage."""

    __slots__ = ("dtype",)
    shown = "number type"

    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype


class Storage(Fixed):
    """Where in the file the numbers of tensors are: key, number type, how many."""

    __slots__ = ("count", "dtype", "key")
    shown = "storage"

    def __init__(self, key: str, dtype: torch.dtype, count: int) -> None:
        self.key, self.dtype, self.count = key, dtype, count

    @property
    def bytes(self) -> int:
        """Of all its numbers."""
        return self.count * self.dtype.itemsize


class StoredTensor(Fixed):
    """A tensor that has not been read: a view of a storage."""

    __slots__ = ("offset", "shape", "storage", "stride")
    shown = "tensor"

    def __init__(self, storage: Any, offset: Any, shape: Any, stride: Any, *_: Any) -> None:
        if not isinstance(storage, Storage) or not _is_view(offset, shape, stride):
            raise InputError(f"it holds a tensor that is no view of numbers; {_DAMAGED}")
        self.storage, self.offset = storage, offset
        self.shape, self.stride = tuple(shape), tuple(stride)
        last = offset + sum((n - 1) * step for n, step in zip(shape, stride, strict=True))
        if 0 not in shape and last >= storage.count:
            raise InputError(f"it holds a tensor outside of its numbers; {_DAMAGED}")

    @property
    def bytes(self) -> int:
        """Of all its elements."""
        return math.prod(self.shape) * self.storage.dtype.itemsize


def _is_view(offset: Any, shape: Any, stride: Any) -> bool:
    """Whether these may be of a tensor: whole numbers of a machine's size, a few of them."""
    if not all(isinstance(part, list | tuple) for part in (shape, stride)):
        return False
    # A step may be anything where its axis has one element, so their product says nothing.
    steps = len(stride) == len(shape) and all(are_sizes([step]) for step in stride)
    return are_sizes([offset]) and are_sizes(shape) and steps


class TorchFile:
    """An open file: what it holds, with `StoredTensor` for tensors, and how to read these.

    Args:
        content: what was saved.
        read: gives the bytes of a storage.
        size: of the file in bytes; tensors that claim many times more are refused.
    """

    def __init__(self, content: Any, read: _Read, size: int) -> None:
        self.content = content
        self._read = read
        self._size = size
        self._left = self._to_read = _SHARED * size
        self._last: tuple[str, Tensor] | None = None  # views of one storage follow each other
        self._made = 0

    def tensor(self, stored: StoredTensor) -> Tensor:
        """Its numbers, on the CPU.

        Raises:
            InputError: when the file does not hold them, or they are far too many.
        """
        self._left -= stored.bytes
        if self._left < 0:
            raise InputError(f"its tensors claim more numbers than are in the file; {_DAMAGED}")
        self._made += stored.bytes
        if self._made > _MOST:
            raise InputError(
                f"its tensors have over {_MOST >> 30} GiB; no network here is so large"
            )
        if stored.bytes == 0:
            return torch.empty(stored.shape, dtype=stored.storage.dtype)
        flat = self._numbers(stored.storage)
        view = flat.as_strided(stored.shape, stored.stride, stored.offset)
        return view.clone(memory_format=torch.contiguous_format)

    def _numbers(self, storage: Storage) -> Tensor:
        """All numbers of a storage."""
        if self._last and self._last[0] == storage.key:
            kept = self._last[1]
            if (kept.dtype, kept.numel()) == (storage.dtype, storage.count):
                return kept
        self._to_read -= storage.bytes
        if storage.bytes > self._size or self._to_read < 0:
            raise InputError(f"its tensors claim more numbers than are in the file; {_DAMAGED}")
        if storage.bytes > _LARGEST:
            raise InputError(
                f"a tensor's numbers have over {_LARGEST >> 30} GiB; no network here is so large"
            )
        raw = self._read(storage.key, storage.bytes)
        if len(raw) != storage.bytes:
            raise InputError(f"it holds fewer numbers than its tensors have; {_DAMAGED}")
        flat = torch.frombuffer(bytearray(raw), dtype=storage.dtype)
        self._last = (storage.key, flat)
        return flat


@contextmanager
def open_torch_file(path: Path) -> Iterator[TorchFile]:
    """Open a file of ``torch.save``; messages do not name it, see `files.naming`.

    Raises:
        InputError: for anything else, for a file with code in it, and for a damaged one.
    """
    with ExitStack() as stack:
        stream = stack.enter_context(path.open("rb"))
        head = stream.read(4)
        stream.seek(0)
        if head == b"PK\x03\x04":
            content, read = _open_zip(stream, stack, path.stat().st_size)
        elif head[:1] == b"\x80":
            content, read = _open_older(stream, path.stat().st_size)
        else:
            raise InputError("this is no checkpoint: neither of torch.save nor safetensors")
        yield TorchFile(content, read, path.stat().st_size)


def _open_zip(stream: BinaryIO, stack: ExitStack, size: int) -> tuple[Any, _Read]:
    """A zip archive: NAME/data.pkl, and NAME/data/KEY for each storage."""
    try:
        archive = stack.enter_context(zipfile.ZipFile(stream))
    except _BAD_ZIP as error:
        raise InputError(f"it cannot be read as a zip ({one_line(error)}); {_DAMAGED}") from error
    names = [info.filename for info in archive.infolist()]
    top = next((n.removesuffix("/data.pkl") for n in names if n.endswith("/data.pkl")), None)
    if top is None:
        raise InputError("this zip is no checkpoint of torch.save; give the checkpoint itself")
    if f"{top}/constants.pkl" in names:
        raise InputError("this is a TorchScript program; give the state dict it was made from")
    # Nothing in such a file is compressed, so what is read is never larger than the file.
    if any(info.compress_type != zipfile.ZIP_STORED for info in archive.infolist()):
        raise InputError("this zip was not written by torch.save; give the checkpoint itself")
    if any(max(info.file_size, info.compress_size) > size for info in archive.infolist()):
        raise InputError(f"its parts are larger than the file; {_DAMAGED}")

    def member(name: str, length: int) -> bytes:
        try:
            with archive.open(f"{top}/{name}") as stored:
                return stored.read(length)
        except _BAD_ZIP as error:
            name = reprlib.repr(name)[1:-1]
            raise InputError(f"{name} cannot be read ({one_line(error)}); {_DAMAGED}") from error

    if f"{top}/byteorder" in names:
        _check_order(member("byteorder", 16) == b"little")
    content = unpickle(io.BytesIO(member("data.pkl", LONGEST + 1)), _names(), _storage)
    return content, lambda key, length: member(f"data/{key}", length)


def _open_older(stream: BinaryIO, size: int) -> tuple[Any, _Read]:
    """Pickles one after the other, then all storages, each with its length before it."""
    if not _is(unpickle(stream), _MAGIC):
        raise InputError("this is a pickle but no checkpoint of torch.save; give the checkpoint")
    protocol, system = unpickle(stream), unpickle(stream)
    if not _is(protocol, _PROTOCOL) or not isinstance(system, dict):
        raise InputError(f"its head is not that of a checkpoint; {_DAMAGED}")
    _check_order(system.get("little_endian", True) is True)
    storages: dict[str, Storage] = {}

    def known(pid: Any) -> Storage:
        storage = _storage(pid)
        return storages.setdefault(storage.key, storage)

    content = unpickle(stream, _names(), known)
    keys = unpickle(stream)
    if not isinstance(keys, list) or not all(type(key) is str for key in keys):
        raise InputError(f"the list of its storages is wrong; {_DAMAGED}")
    places: dict[str, int] = {}
    for key in keys:
        head = stream.read(8)
        if key not in storages or key in places or len(head) != 8:
            raise InputError(f"the list of its storages is wrong; {_DAMAGED}")
        storage = storages[key]
        if struct.unpack("<q", head) != (storage.count,):
            raise InputError(f"it holds fewer numbers than its tensors have; {_DAMAGED}")
        places[key] = stream.tell()
        if storage.bytes > size - places[key]:
            raise InputError(f"it holds fewer numbers than its tensors have; {_DAMAGED}")
        stream.seek(storage.bytes, 1)

    def read(key: str, length: int) -> bytes:
        if key not in places:
            raise InputError(f"it lacks the numbers of a tensor; {_DAMAGED}")
        stream.seek(places[key])
        return stream.read(length)

    return content, read


def _is(value: Any, number: int) -> bool:
    return type(value) is int and value == number


def _check_order(little: bool) -> None:
    if not little:
        raise InputError("it was written on a big-endian machine; save it again as safetensors")


def _storage(pid: Any) -> Storage:
    """What ``("storage", type, key, device, count, ...)`` refers to; the device does not matter."""
    if isinstance(pid, tuple) and pid[:1] == ("storage",) and len(pid) in (5, 6):
        _, kind, key, _, count, *view = pid
        known = isinstance(kind, StorageType) and isinstance(key, str) and view in ([], [None])
        if known and are_sizes([count]):
            return Storage(key, kind.dtype, count)
    raise InputError("it refers to something other than the numbers of a tensor; refused")


def _size(sizes: Any = ()) -> tuple[int, ...]:
    if not isinstance(sizes, list | tuple) or not are_sizes(sizes):
        raise InputError(f"it holds a shape that no tensor has; {_DAMAGED}")
    return tuple(sizes)


def _names() -> dict[str, Any]:
    """What the pickle in a checkpoint may ask for, besides plain data."""
    names: dict[str, Any] = {
        "torch._utils._rebuild_tensor": Callee(StoredTensor),
        "torch._utils._rebuild_tensor_v2": Callee(StoredTensor),
        "torch._utils._rebuild_parameter": Callee(lambda data, *_: data),
        "torch.Size": Callee(_size),
        "torch.device": type("Leftover", (Inert,), {}),
    }
    for name, dtype in _TYPES.items():
        for home in ("torch", "torch.cuda"):
            names[f"{home}.{name}Storage"] = StorageType(dtype)
        names[str(dtype)] = Inert()
    return names
