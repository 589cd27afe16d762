"""A bundle: one ``.safetensors`` file from which everything about a trained model is rebuilt.

The metadata holds the method and its full config, how the input is normalised, the skeleton, the
action vocabulary, what it was trained on and under which licence, and measured figures with their
protocol. There is no pickle anywhere.
"""

from __future__ import annotations

import hashlib
import json
import re
import reprlib
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args
from zipfile import BadZipFile, ZipFile

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ..actions import ActionVocabulary
from ..errors import InputError, unknown
from ..formats.files import atomic_write, check_depth, one_line
from ..methods import get_method
from ..methods.base import Method
from ..methods.settings import checked_value, config_from_dict
from ..skeletons import HUMAN36M_17, Skeleton, get_skeleton
from ..tracks import check_fps
from .features import FeatureConfig

Unit = Literal["m", "mm", "screen"]
FORMAT = "langlift-bundle"
FORMAT_VERSION = 1


@dataclass(frozen=True)
class Bundle:
    """What a bundle file says.

    Args:
        method: name in `langlift.methods.METHODS`.
        config: the method's config object.
        features: how its input is normalised.
        actions: the classes of its action head, in order.
        fps: frame rate it was trained at.
        skeleton: joints of its input and its output.
        unit: of its output: ``m``, ``mm``, or ``screen``: halves of the image's width, so that the
            size of the person is not known (the released Human3.6M weights of MotionBERT).
        card: name, training command and data, licence, figures with their protocol, limits.
    """

    method: str
    config: Any
    features: FeatureConfig
    actions: ActionVocabulary
    fps: float = 50.0
    skeleton: Skeleton = field(default_factory=lambda: get_skeleton("human36m_17"))
    card: Mapping[str, Any] = field(default_factory=dict)
    unit: Unit = "m"

    def __post_init__(self) -> None:
        if self.unit not in get_args(Unit):
            raise unknown("unit", str(self.unit), get_args(Unit))
        if self.skeleton.root is None:
            raise InputError(
                f"skeleton {self.skeleton.name!r} has no root joint; a network gives joints "
                "relative to one"
            )
        for what, needs in (
            ("person features", self.features.kind == "person"),
            ("outputs in the unit 'screen'", self.unit == "screen"),
        ):
            if needs and self.skeleton != HUMAN36M_17:
                raise InputError(
                    f"{what} are made for the skeleton {HUMAN36M_17.name}, not for "
                    f"{self.skeleton.name}; use screen features and an output in m or mm"
                )

    def build(self) -> Method:
        """The untrained network."""
        return get_method(self.method).build(self.config, self.actions)

    def metadata(self) -> dict[str, str]:
        """The file's header, text by text."""
        entries = {
            "method": self.method,
            "config": asdict(self.config),
            "features": asdict(self.features),
            "actions": {"labels": self.actions.labels, "texts": self.actions.texts},
            "fps": self.fps,
            "skeleton": self.skeleton.name,
            "unit": self.unit,
            "card": dict(self.card),
        }
        head = {"format": FORMAT, "format_version": str(FORMAT_VERSION)}
        return head | {key: json.dumps(value) for key, value in entries.items()}


def save_bundle(
    path: str | Path,
    bundle: Bundle,
    state: Mapping[str, Tensor],
    dtype: torch.dtype = torch.float32,
) -> Path:
    """Write a bundle; floating-point tensors are stored as `dtype`. Atomic."""
    path = Path(path)
    tensors = {
        name: (value.to(dtype) if value.is_floating_point() else value).contiguous()
        for name, value in state.items()
    }
    with atomic_write(path) as temporary:
        Path(temporary).write_bytes(_ordered(save(tensors, metadata=bundle.metadata())))
    return path


def _ordered(raw: bytes) -> bytes:
    """A safetensors file with the texts of its header sorted.

    The library writes them in an order that changes from call to call; the same bundle shall always
    have the same SHA-256. Places of tensors count from the end of the header, so they stay right.
    """
    (length,) = struct.unpack("<Q", raw[:8])
    head = json.loads(raw[8 : 8 + length])
    head["__metadata__"] = dict(sorted(head["__metadata__"].items()))
    text = json.dumps(head, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # tensors stay aligned
    return struct.pack("<Q", len(text)) + text + raw[8 + length :]


def read_bundle(path: str | Path) -> tuple[Bundle, dict[str, Tensor], str]:
    """Read a bundle: what it says, its tensors (float32), and the digest of its weights.

    Raises:
        InputError: when the file is absent, damaged, no bundle, or of a newer format.
    """
    path = Path(path)
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise InputError(f"{path} is no ordinary file; give a .safetensors file on disk")
    if not path.is_file():
        raise InputError(
            f"there is no weights file {path}; give a .safetensors file or one of the names that "
            "`langlift weights list` shows"
        )
    try:
        with safe_open(path, framework="pt") as file:
            head = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        if _is_torch_file(path):
            raise InputError(
                f"{path} looks like a checkpoint of PyTorch; make a bundle of it first: langlift "
                "weights import FILE --method METHOD --out FILE.safetensors"
            ) from error
        raise InputError(
            f"{path} is damaged or no safetensors file ({one_line(error)}); fetch or train it again"
        ) from error
    bundle = _parse(path, head)
    state = {n: t.float() if t.is_floating_point() else t for n, t in tensors.items()}
    return bundle, state, weights_digest(tensors)


def _is_torch_file(path: Path) -> bool:
    """Whether a file is made as `torch.save` makes them: a zip archive around a pickle, or one."""
    try:
        with path.open("rb") as file:
            if file.read(1) == b"\x80":
                return True
        with ZipFile(path) as archive:
            return any(name.endswith("/data.pkl") for name in archive.namelist())
    except (OSError, BadZipFile):
        return False


def weights_digest(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, types and values of tensors as stored.

    The header is left out, so adding measured figures to a card does not make other weights of it.
    """
    digest = hashlib.sha256()
    for name in sorted(tensors):
        value = tensors[name].contiguous()
        digest.update(f"{name} {value.dtype} {tuple(value.shape)};".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def load_network(path: str | Path) -> tuple[Bundle, Method, str]:
    """The bundle, its network in evaluation mode with the weights in, and their digest.

    Raises:
        InputError: also when tensors are missing, unexpected, of another shape or not finite,
            naming them.
    """
    bundle, state, digest = read_bundle(path)
    try:
        with torch.device("meta"):  # shapes only: a damaged config must not fill the memory
            wanted = bundle.build().state_dict()
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise InputError(
            f"no network can be built from the header of {path} ({one_line(error)}); fetch or "
            "train it again"
        ) from error
    wrong = _differences(wanted, state)
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise InputError(
            f"{path} does not hold the weights its header describes: {'; '.join(wrong[:3])}{more}; "
            "fetch or train it again"
        )
    network = bundle.build()
    network.load_state_dict(state)
    return bundle, network.eval(), digest


def _differences(wanted: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> list[str]:
    """What is wrong with the tensors of a file, one phrase each."""
    wrong = [f"missing {n}" for n in wanted if n not in state]
    wrong += [f"unexpected {n}" for n in state if n not in wanted]
    wrong += [
        f"{n} is {tuple(state[n].shape)} instead of {tuple(wanted[n].shape)}"
        for n in wanted
        if n in state and state[n].shape != wanted[n].shape
    ]
    wrong += [f"{n} is not finite" for n, value in state.items() if not value.isfinite().all()]
    variances = (n for n in state if n.endswith("running_var"))
    return wrong + [f"{n} is below zero" for n in variances if (state[n] < 0).any()]


def _check_header(path: Path, head: Mapping[str, str]) -> None:
    """Raise unless this is the header of a bundle of a format that is known here."""
    if head.get("format") != FORMAT:
        raise InputError(
            f"{path} is a safetensors file but no langlift bundle; official checkpoints have to be "
            "imported first"
        )
    stated = head.get("format_version", "")
    if not re.fullmatch("[1-9][0-9]{0,8}", stated):  # as int() it may have any length
        raise InputError(
            f"the header of {path} cannot be used (its format version is {reprlib.repr(stated)}); "
            "fetch or train it again"
        )
    version = int(stated)
    if version > FORMAT_VERSION:
        raise InputError(
            f"{path} has bundle format {version}; this langlift reads up to {FORMAT_VERSION}: "
            "install a newer langlift"
        )
    absent = [key for key in _ENTRIES if key not in head and key != "unit"]
    if absent:
        raise InputError(
            f"the header of {path} cannot be used (it has no {', '.join(absent)}); fetch or train "
            "it again"
        )


def _parse(path: Path, head: Mapping[str, str]) -> Bundle:
    _check_header(path, head)
    try:
        head = {"unit": '"m"', **head}  # files of before there were others
        entries = {key: _entry(key, head[key]) for key in _ENTRIES}
        method = get_method(entries["method"])
        config = config_from_dict(method.config, entries["config"])
        skeleton = get_skeleton(entries["skeleton"])
        config.check_joints(len(skeleton))
        return Bundle(
            method=entries["method"],
            config=config,
            features=config_from_dict(FeatureConfig, entries["features"]),
            actions=config_from_dict(ActionVocabulary, entries["actions"]),
            fps=check_fps(entries["fps"]),
            skeleton=skeleton,
            card=entries["card"],
            unit=entries["unit"],
        )
    except InputError as error:
        raise InputError(
            f"the header of {path} cannot be used ({one_line(error)}); fetch or train it again"
        ) from error


def _entry(key: str, text: str) -> Any:
    """One entry of the header as plain values of the kind it must be."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"its {key} is no JSON that can be read") from error
    check_depth(value, f"its {key}")
    return checked_value(key, _ENTRIES[key], value)


_ENTRIES = {
    "method": str,
    "config": dict,
    "features": dict,
    "actions": dict,
    "fps": float,
    "skeleton": str,
    "unit": Unit,
    "card": dict,
}
