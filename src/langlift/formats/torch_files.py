"""Files of ``torch.save``, the zip archive and the older form, read without running their code.

``torch.load`` is not used: with its restricted reader it refuses the numpy objects that old
checkpoints hold, and without it runs whatever the file says. Tensors are read one by one, when
asked for, so the optimiser's state in a checkpoint costs nothing.
"""

from __future__ import annotations

import io
import math
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
from .unpickle import Callee, Fixed, Inert, unpickle

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
_DAMAGED = "the file is damaged, cut off or of another type"

#: Reads so many bytes of the storage of that key.
_Read = Callable[[str, int], bytes]


class StorageType(Fixed):
    """The number type of a storage."""

    __slots__ = ("dtype",)

    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype


class Storage(Fixed):
    """Where in the file the numbers of tensors are: key, number type, how many."""

    __slots__ = ("count", "dtype", "key")

    def __init__(self, key: str, dtype: torch.dtype, count: int) -> None:
        self.key, self.dtype, self.count = key, dtype, count


class StoredTensor(Fixed):
    """A tensor that has not been read: a view of a storage."""

    __slots__ = ("offset", "shape", "storage", "stride")

    def __init__(self, storage: Any, offset: Any, shape: Any, stride: Any, *_: Any) -> None:
        numbers = [offset, *shape, *stride]
        whole = all(type(n) is int and n >= 0 for n in numbers)
        if not (isinstance(storage, Storage) and whole and len(shape) == len(stride)):
            raise InputError(f"it holds a tensor that is no view of numbers; {_DAMAGED}")
        self.storage, self.offset = storage, offset
        self.shape, self.stride = tuple(shape), tuple(stride)

    @property
    def bytes(self) -> int:
        """Of all its elements."""
        return math.prod(self.shape) * self.storage.dtype.itemsize


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
        self._left = _SHARED * size

    def tensor(self, stored: StoredTensor) -> Tensor:
        """Its numbers, on the CPU.

        Raises:
            InputError: when the file does not hold them.
        """
        storage = stored.storage
        self._left -= stored.bytes
        if self._left < 0:
            raise InputError(f"its tensors claim more numbers than are in the file; {_DAMAGED}")
        if stored.bytes == 0:
            return torch.empty(stored.shape, dtype=storage.dtype)
        length = storage.count * storage.dtype.itemsize
        raw = self._read(storage.key, length)
        if len(raw) != length:
            raise InputError(f"it holds fewer numbers than its tensors have; {_DAMAGED}")
        flat = torch.frombuffer(bytearray(raw), dtype=storage.dtype)
        try:
            view = flat.as_strided(stored.shape, stored.stride, stored.offset)
        except RuntimeError as error:
            raise InputError(f"it holds a tensor outside of its numbers; {_DAMAGED}") from error
        return view.clone(memory_format=torch.contiguous_format)


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
            content, read = _open_zip(stream, stack)
        elif head[:1] == b"\x80":
            content, read = _open_older(stream)
        else:
            raise InputError("this is no checkpoint: neither of torch.save nor safetensors")
        yield TorchFile(content, read, path.stat().st_size)


def _open_zip(stream: BinaryIO, stack: ExitStack) -> tuple[Any, _Read]:
    """A zip archive: NAME/data.pkl, and NAME/data/KEY for each storage."""
    try:
        archive = stack.enter_context(zipfile.ZipFile(stream))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error) as error:
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

    def member(name: str, length: int = -1) -> bytes:
        try:
            with archive.open(f"{top}/{name}") as stored:
                return stored.read(length)
        except (KeyError, zipfile.BadZipFile, EOFError, ValueError, RuntimeError) as error:
            raise InputError(f"{name} cannot be read ({one_line(error)}); {_DAMAGED}") from error

    if f"{top}/byteorder" in names:
        _check_order(member("byteorder") == b"little")
    content = unpickle(io.BytesIO(member("data.pkl")), _names(), _storage)
    return content, lambda key, length: member(f"data/{key}", length)


def _open_older(stream: BinaryIO) -> tuple[Any, _Read]:
    """Pickles one after the other, then all storages, each with its length before it."""
    if unpickle(stream) != _MAGIC:
        raise InputError("this is a pickle but no checkpoint of torch.save; give the checkpoint")
    protocol, system = unpickle(stream), unpickle(stream)
    if protocol != _PROTOCOL or not isinstance(system, dict):
        raise InputError(f"its head is not that of a checkpoint; {_DAMAGED}")
    _check_order(system.get("little_endian", True) is True)
    storages: dict[str, Storage] = {}

    def known(pid: Any) -> Storage:
        storage = _storage(pid)
        return storages.setdefault(storage.key, storage)

    content = unpickle(stream, _names(), known)
    places: dict[str, int] = {}
    for key in unpickle(stream):
        head = stream.read(8)
        if key not in storages or len(head) != 8:
            raise InputError(f"the list of its storages is wrong; {_DAMAGED}")
        if struct.unpack("<q", head) != (storages[key].count,):
            raise InputError(f"it holds fewer numbers than its tensors have; {_DAMAGED}")
        places[key] = stream.tell()
        stream.seek(storages[key].count * storages[key].dtype.itemsize, 1)

    def read(key: str, length: int) -> bytes:
        if key not in places:
            raise InputError(f"it lacks the numbers of a tensor; {_DAMAGED}")
        stream.seek(places[key])
        return stream.read(length)

    return content, read


def _check_order(little: bool) -> None:
    if not little:
        raise InputError("it was written on a big-endian machine; save it again as safetensors")


def _storage(pid: Any) -> Storage:
    """What ``("storage", type, key, device, count, ...)`` refers to; the device does not matter."""
    if isinstance(pid, tuple) and pid[:1] == ("storage",) and len(pid) in (5, 6):
        _, kind, key, _, count, *view = pid
        known = isinstance(kind, StorageType) and isinstance(key, str) and view in ([], [None])
        if known and type(count) is int and count >= 0:
            return Storage(key, kind.dtype, count)
    raise InputError("it refers to something other than the numbers of a tensor; refused")


def _names() -> dict[str, Any]:
    """What the pickle in a checkpoint may ask for, besides plain data."""
    names: dict[str, Any] = {
        "torch._utils._rebuild_tensor": Callee(StoredTensor),
        "torch._utils._rebuild_tensor_v2": Callee(StoredTensor),
        "torch._utils._rebuild_parameter": Callee(lambda data, *_: data),
        "torch.Size": Callee(tuple),
        "torch.device": type("Leftover", (Inert,), {}),
    }
    for name, dtype in _TYPES.items():
        for home in ("torch", "torch.cuda"):
            names[f"{home}.{name}Storage"] = StorageType(dtype)
        names[str(dtype)] = Inert()
    return names
