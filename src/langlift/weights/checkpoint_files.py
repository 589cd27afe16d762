"""The state dict in a checkpoint file, whatever the file wraps it in."""

from __future__ import annotations

import hashlib
import json
import reprlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..errors import InputError
from ..formats.files import one_line
from ..formats.stand_ins import kind_of
from ..formats.torch_files import StoredTensor, TorchFile, open_torch_file

#: Where checkpoints keep the weights: the authors' repositories; MMPose and others.
_ENTRIES = ("model_pos", "state_dict", "model")
#: Further networks beside the weights.
_SPARE_ENTRIES = {"model_traj": "trajectory network"}
_PARALLEL = "module."  # before every name that nn.DataParallel saved
_LONGEST_NAME = 200  # letters; those of the networks here have at most 60
_LONGEST_HEADER = 100_000_000  # bytes; safetensors itself takes no longer one


@dataclass(frozen=True)
class FoundState:
    """Weights by name.

    Args:
        state: without the prefix of nn.DataParallel.
        entry: of the file in which they were, "" where they are the whole file.
        left_out: what else the file holds of networks, and how many tensors.
    """

    state: dict[str, Tensor]
    entry: str
    left_out: dict[str, int] = field(default_factory=dict)


def find_state(path: Path) -> FoundState:
    """Read a file of ``torch.save`` or a safetensors file.

    Raises:
        InputError: when it is neither, is damaged, holds code or no state dict. The message does
            not name the file, see `langlift.formats.files.naming`.
    """
    _check_file(path)
    if _is_safetensors(path):
        return FoundState(_plain(_safetensors(path)), "")
    with open_torch_file(path) as file:
        entry, stored = _weights_of(file.content)
        state = _plain({name: _read(file, name, value) for name, value in stored.items()})
        left_out = {}
        for name, what in _SPARE_ENTRIES.items():
            if entry and isinstance(file.content.get(name), dict):
                left_out[what] = len(file.content[name])
    return FoundState(state, entry, left_out)


def sha256_of(path: Path) -> str:
    """Digest of a file, in hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _check_file(path: Path) -> None:
    if not path.exists():
        raise InputError("there is no such file; check the path")
    if path.is_dir():
        raise InputError("this is a folder; give the checkpoint file")
    if not path.is_file():
        raise InputError("this is no ordinary file; give a checkpoint on disk")
    if path.stat().st_size == 0:
        raise InputError("the file is empty; fetch it again")


def _is_safetensors(path: Path) -> bool:
    """Whether it starts with the length of a JSON header and its brace."""
    with path.open("rb") as stream:
        head = stream.read(9)
    return (
        len(head) == 9 and head[8:] == b"{" and struct.unpack("<Q", head[:8])[0] < _LONGEST_HEADER
    )


def _safetensors(path: Path) -> dict[str, Tensor]:
    try:
        with safe_open(path, framework="pt") as file:
            if "langlift" in (file.metadata() or {}).get("format", ""):
                raise InputError("this is a langlift bundle already; use it as it is")
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"this safetensors file cannot be read ({one_line(error)}); fetch it again"
        ) from error


def _weights_of(content: Any) -> tuple[str, Mapping[str, Any]]:
    """The entry that holds a state dict, and the state dict."""
    if isinstance(content, dict):
        for entry in _ENTRIES:
            if isinstance(content.get(entry), dict):
                return entry, content[entry]
        if content and all(isinstance(value, StoredTensor) for value in content.values()):
            return "", content
        present = next((entry for entry in _ENTRIES if entry in content), None)
        if present is not None:
            raise InputError(
                f"its entry {present} is {kind_of(content[present])}, no state dict; give a "
                "trained checkpoint"
            )
        raise InputError(
            f"it holds no state dict: there is no entry {', '.join(_ENTRIES)}, only "
            f"{_names_in(content)}"
        )
    raise InputError(f"it holds no state dict but {kind_of(content)}; give a checkpoint")


def _names_in(content: Mapping[Any, Any]) -> str:
    """The first entries, for a message."""
    names = [key for key in content if isinstance(key, str)]
    if not names:
        return "entries whose names are no text" if content else "nothing"
    said = ", ".join(json.dumps(name[:40]) for name in names[:8])
    return f"{said} and {len(content) - 8} more" if len(content) > 8 else said


def _read(file: TorchFile, name: Any, stored: Any) -> Tensor:
    _check_name(name)
    if not isinstance(stored, StoredTensor):
        raise InputError(f"{name!r} in its state dict is {kind_of(stored)}; it must be a tensor")
    return file.tensor(stored)


def _check_name(name: Any) -> None:
    if not isinstance(name, str):
        raise InputError(f"a name in its state dict is {kind_of(name)}; names must be text")
    if len(name) > _LONGEST_NAME:
        raise InputError(
            f"the name {reprlib.repr(name)} in its state dict has {len(name)} letters; names have "
            f"at most {_LONGEST_NAME}"
        )


def _plain(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state without the prefix of nn.DataParallel."""
    if not state:
        raise InputError("its state dict is empty; give a trained checkpoint")
    for name in state:
        _check_name(name)
    if all(name.startswith(_PARALLEL) for name in state):
        return {name.removeprefix(_PARALLEL): value for name, value in state.items()}
    return state
