"""Folders with a text model in the layout of the Hugging Face hub: checked, then loaded quietly."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from ..errors import InputError

_OLDEST = (5, 6)  # of transformers: the release that gave CLIP's text model its present layout
_WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
_TOKENIZERS = (("tokenizer.json",), ("vocab.json", "merges.txt"), ("vocab.txt",))


def need_libraries(kind: str) -> None:
    """Raise `InputError` unless what reads text encoders is installed, and new enough."""
    for library in ("transformers", "tokenizers"):
        if find_spec(library) is None:
            raise InputError(
                f"{library} is not installed, which the text encoder {kind!r} needs; "
                "pip install 'langlift[text]'"
            )
    import transformers

    version = transformers.__version__
    if tuple(int(part) for part in version.split(".")[:2]) < _OLDEST:
        raise InputError(
            f"transformers {version} is installed; the text encoder {kind!r} needs 5.6 or newer: "
            "pip install 'langlift[text]'"
        )


def check_folder(kind: str, folder: Path, models: tuple[str, ...]) -> None:
    """Raise `InputError` unless a folder has settings of one of these models and its weights."""
    if not folder.is_dir():
        raise InputError(
            f"{folder} is no folder; the text encoder {kind!r} is read from one with config.json, "
            "model.safetensors and tokenizer.json"
        )
    config = folder / "config.json"
    if not config.is_file():
        raise InputError(
            f"{folder} has no config.json; give the folder of a model of the kind {models[0]!r}"
        )
    try:
        settings = json.loads(config.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{config} is no JSON ({error}); download it again") from error
    found = settings.get("model_type") if isinstance(settings, dict) else None
    if found not in models:
        raise InputError(
            f"{folder} holds a model of the kind {found!r}; the text encoder {kind!r} reads "
            f"{' or '.join(repr(model) for model in models)}"
        )
    if not any((folder / name).is_file() for name in _WEIGHTS):
        raise InputError(
            f"{folder} has settings but no weights; put model.safetensors beside config.json"
        )


def load_model(
    kind: str, model: Any, folder: Path, *, optional: str = "", **options: Any
) -> tuple[Any, bool]:
    """A model of transformers with the weights of a folder: frozen, float32, in evaluation mode.

    Args:
        kind: of the text encoder, for messages.
        model: its class.
        folder: checked by `check_folder`.
        optional: name of a tensor that may be absent from the file.
        options: more for the class.

    Returns:
        The model, and whether the optional tensor is there.

    Raises:
        InputError: when the weights do not fit, or leave a part of the model without numbers.
    """
    try:
        with _quiet():
            loaded, info = model.from_pretrained(
                folder,
                local_files_only=True,
                weights_only=True,
                dtype=torch.float32,
                # Spelled out: of the fused form the backward pass is the slower one on a CPU.
                attn_implementation="eager",
                output_loading_info=True,
                **options,
            )
    except Exception as error:  # transformers raises whatever its readers raise
        raise InputError(
            f"the weights in {folder} cannot be read as {kind!r} ({_first_line(error)}); download "
            "the model again"
        ) from error
    absent = set(info["missing_keys"])
    if lacking := sorted(absent - {optional}):
        raise InputError(
            f"the weights in {folder} are none of {kind!r}: {len(lacking)} tensors are missing, "
            f"such as {lacking[0]}; give the folder of another model"
        )
    return loaded.eval().requires_grad_(False), optional not in absent


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer of a folder (a `tokenizers.Tokenizer`), which neither cuts nor pads."""
    from tokenizers import Tokenizer

    present = [names for names in _TOKENIZERS if all((folder / n).is_file() for n in names)]
    if not present:
        raise InputError(
            f"{folder} has no tokenizer; put the model's tokenizer.json, or vocab.json and "
            "merges.txt, beside its weights"
        )
    try:
        if present[0] == ("tokenizer.json",):
            tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        else:
            from transformers import AutoTokenizer

            with _quiet():
                found = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            tokenizer = Tokenizer.from_str(found.backend_tokenizer.to_str())
    except Exception as error:  # tokenizers raises bare exceptions
        raise InputError(
            f"the tokenizer in {folder} cannot be read ({_first_line(error)}); download the "
            "model again"
        ) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _first_line(error: Exception) -> str:
    """The first line of what an error says, or what kind it is."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def token_id(tokenizer: Any, token: str, folder: Path) -> int:
    """The id of a token that the encoder cannot do without."""
    found = tokenizer.token_to_id(token)
    if found is None:
        raise InputError(
            f"the tokenizer in {folder} has no token {token!r}; give the folder whose tokenizer "
            "belongs to the weights"
        )
    return found


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the library's reports of what a file holds besides, and its progress bars."""
    from transformers.utils import logging as theirs

    level, bars = theirs.get_verbosity(), theirs.is_progress_bar_enabled()
    theirs.set_verbosity(logging.CRITICAL)
    theirs.disable_progress_bar()
    try:
        yield
    finally:
        theirs.set_verbosity(level)
        if bars:
            theirs.enable_progress_bar()
