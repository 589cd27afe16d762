"""Bundles: exact when saved and loaded, and one clear sentence for every file that is none."""

import json
import os
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from lifting_fixtures import ACTIONS, bundle, config, lifter, randomised, track
from safetensors.torch import load, save, save_file

import langlift
from langlift import weights
from langlift.actions import ActionVocabulary
from langlift.errors import InputError
from langlift.lifting.bundle import Bundle, load_network, read_bundle, save_bundle
from langlift.lifting.features import FeatureConfig
from langlift.lifting.lifter import Lifter
from langlift.methods.vpose import VPoseConfig

CARD = {
    "name": "tiny",
    "licence": "CC0-1.0",
    "metrics": {"mpjpe_mm": 52.25, "protocol": "synthetic"},
    "limits": ["one person", "außen"],
}


@pytest.fixture
def full() -> Bundle:
    return Bundle(
        "vpose",
        VPoseConfig(widths=(3, 5), channels=6, causal=True, action_weight=0.25, zero_head=True),
        FeatureConfig("screen", center_frames=9, scale_frames=33, gap_frames=4),
        ActionVocabulary(("walk", "sitting_down"), ("a person walks", "somebody sits down")),
        fps=59.94,
        card=CARD,
    )


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    of = bundle(card=CARD)
    return save_bundle(tmp_path / "tiny.safetensors", of, randomised(of.build()).state_dict())


def rewritten(path: Path, **changes: str | None) -> Path:
    """The file with entries of its header changed, or taken out where None."""
    raw = path.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    head = json.loads(raw[8 : 8 + length])["__metadata__"] | changes
    kept = {key: value for key, value in head.items() if value is not None}
    path.write_bytes(save(load(raw), metadata=kept))
    return path


def check_refused(path: Path, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        load_network(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_what_is_saved_is_loaded_exactly(full, tmp_path):
    network = randomised(full.build())
    path = save_bundle(tmp_path / "m.safetensors", full, network.state_dict())
    _, loaded, digest = load_network(path)
    state = network.state_dict()
    assert set(loaded.state_dict()) == set(state)
    for name, value in loaded.state_dict().items():
        assert torch.equal(value, state[name]) and value.dtype == state[name].dtype, name
    assert not loaded.training and len(digest) == 64
    xy = torch.randn(1, 20, 17, 2)
    assert torch.equal(loaded(xy), network.eval()(xy))


def test_what_the_file_says_comes_back(full, tmp_path):
    network = full.build()
    path = save_bundle(tmp_path / "m.safetensors", full, network.state_dict())
    read, _, _ = read_bundle(path)
    assert read == full
    assert read.config == full.config and isinstance(read.config.widths, tuple)
    assert read.actions.texts == ("a person walks", "somebody sits down")
    assert read.card["metrics"]["mpjpe_mm"] == 52.25


def test_half_precision_storage_rounds_once(saved, tmp_path):
    of, state, _ = read_bundle(saved)
    small = save_bundle(tmp_path / "half.safetensors", of, state, torch.float16)
    assert small.stat().st_size < 0.75 * saved.stat().st_size
    _, half, _ = read_bundle(small)
    for name, value in state.items():
        assert half[name].dtype == value.dtype
        expected = value.half().float() if value.is_floating_point() else value
        assert torch.equal(half[name], expected), name
    keypoints = track(30)
    exact, rounded = (Lifter.from_file(p).lift(keypoints).joints for p in (saved, small))
    assert 0 < np.abs(exact - rounded).max() < 0.01 * np.abs(exact).max()


def test_saving_again_gives_the_same_bytes(saved, tmp_path):
    of, state, digest = read_bundle(saved)
    again = save_bundle(tmp_path / "again.safetensors", of, state)
    assert again.read_bytes() == saved.read_bytes()
    assert read_bundle(again)[2] == digest


def test_the_file_is_plain_safetensors(saved):
    tensors = load(saved.read_bytes())
    assert "encoder.expand_conv.weight" in tensors and "action_head.bias" in tensors


@pytest.mark.parametrize("twentieth", range(20))
def test_a_file_that_is_cut_off_is_refused(saved, twentieth):
    raw = saved.read_bytes()
    saved.write_bytes(raw[: len(raw) * twentieth // 20])
    check_refused(saved, "damaged or no safetensors file .*fetch or train it again")


@pytest.mark.parametrize("place", range(0, 2400, 97))
def test_damage_in_the_header_is_refused_or_harmless(saved, place):
    raw = bytearray(saved.read_bytes())
    exact = load(bytes(raw))
    raw[place] ^= 0x15
    saved.write_bytes(raw)
    try:
        _, network, _ = load_network(saved)
    except InputError as error:
        assert str(saved) in str(error)
    else:  # a letter of a text was hit; the weights are whole
        assert all(torch.equal(v, exact[n]) for n, v in network.state_dict().items())


def test_no_such_file(tmp_path):
    check_refused(tmp_path / "none.safetensors", "there is no weights file")
    check_refused(tmp_path, "there is no weights file")


def test_a_pickle_under_another_name_is_refused_unread(tmp_path):
    path = tmp_path / "evil.safetensors"
    torch.save({"model_pos": bundle().build().state_dict()}, path)
    check_refused(path, "looks like a checkpoint of PyTorch")


def test_foreign_safetensors_are_refused(tmp_path):
    path = tmp_path / "foreign.safetensors"
    save_file({"w": torch.ones(2)}, path)
    check_refused(
        path, "is a safetensors file but no langlift bundle; official checkpoints have to be"
    )
    save_file({"w": torch.ones(2)}, path, metadata={"format": "pt"})
    check_refused(path, "no langlift bundle")


def test_a_newer_format_asks_for_a_newer_langlift(saved):
    check_refused(
        rewritten(saved, format_version="2"),
        "has bundle format 2; this langlift reads up to 1: install a newer langlift",
    )


@pytest.mark.parametrize(
    "version", [None, "", "0", "01", "one", "-1", "1\n", "²", "9" * 5000], ids=lambda v: str(v)[:9]
)
def test_a_format_version_that_is_no_number_is_refused(saved, version):
    check_refused(rewritten(saved, format_version=version), "its format version is")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("method", '"vposs"', "unknown method 'vposs'; known: .*did you mean 'vpose'"),
        ("method", "7", "method is 7; it must be text"),
        ("method", "[1]", r"method is \[1\]; it must be text"),
        ("method", None, "it has no method"),
        ("card", None, "it has no card"),
        ("config", "{", "its config is no JSON that can be read"),
        ("config", "[3, 3]", r"config is \[3, 3\]; it must be values by name"),
        ("config", '{"depth": 3}', "depth"),
        ("config", '{"widths": [3, 4]}', "every width must be odd"),
        ("config", '{"channels": "8"}', "channels is '8'; it must be a whole number"),
        ("config", '{"channels": 2.5}', "channels is 2.5; it must be a whole number"),
        ("config", '{"channels": 1e30}', r"channels is 1e\+30; it must be a whole number"),
        ("config", f'{{"channels": 1{"0" * 30}}}', "at least 1 and at most 1,000,000"),
        ("config", '{"channels": true}', "channels is True; it must be a whole number"),
        ("config", '{"causal": "x"}', "causal is 'x'; it must be true or false"),
        ("config", '{"causal": 1}', "causal is 1; it must be true or false"),
        ("config", '{"dropout": NaN}', "dropout is nan; it must be a finite number"),
        ("config", f'{{"dropout": 1{"0" * 400}}}', "it must be a finite number"),
        (
            "config",
            '{"widths": 3}',
            "widths is 3; it must be a list of values, each a whole number",
        ),
        ("config", '{"widths": [3, "3"]}', r"widths\[1\] is '3'; it must be a whole number"),
        ("config", json.dumps({"widths": [3] * 100_000}), "100000 levels; give at most 10"),
        ("config", '{"widths": [9, 9, 9, 9, 9, 9]}', "see at most 100,000 frames"),
        ("config", '{"form": []}', r"form is \[\]; it must be one of 'dilated', 'strided'"),
        ("features", '{"kind": "face"}', "kind is 'face'; it must be one of 'person', 'screen'"),
        (
            "features",
            '{"scale_frames": 1000000001.0}',
            "scale_frames is 1000000001.0; it must be a",
        ),
        ("features", '{"scale_frames": 1000000001}', "odd and at least 1, at most 10000"),
        ("features", '{"gap_frames": 1e308}', r"gap_frames is 1e\+308; it must be a whole number"),
        ("features", '{"gap_frames": 10001}', "gap_frames is 10001; it must be at least 0 and at"),
        ("actions", '{"labels": [1, 2, 3]}', r"labels\[0\] is 1; it must be text"),
        ("actions", '{"labels": "abc"}', "labels is 'abc'; it must be a list"),
        (
            "actions",
            '{"labels": ["a\\nb"]}',
            r"'a\\nb' is an action's label or text; it must be pr",
        ),
        (
            "actions",
            '{"labels": ["a"], "texts": ["\\u001b[2J"]}',
            r"'\\x1b\[2J' is an action's label",
        ),
        ("actions", '{"labels": [""]}', "'' is an action's label or text; it must be printable"),
        ("actions", '{"labels": ["a", "a"], "texts": []}', "the action label 'a' occurs twice"),
        ("actions", "{}", "labels"),
        ("actions", "5", "actions is 5; it must be values by name"),
        ("fps", "0", "fps is 0; it must be between 1 and 1000"),
        ("fps", "NaN", "fps is nan"),
        ("fps", '"fast"', "fps is 'fast'; it must be a finite number"),
        ("fps", "true", "fps is True; it must be a finite number"),
        ("fps", "9" * 5000, "its fps is no JSON that can be read"),
        ("skeleton", '"human36m_71"', "unknown skeleton 'human36m_71'"),
        ("skeleton", "[]", r"skeleton is \[\]; it must be text"),
        ("card", "5", "card is 5; it must be values by name"),
        ("card", '[["licence", "mine"]]', "it must be values by name"),
        ("card", "[" * 100_000, "its card is no JSON that can be read"),
        ("card", '{"a":' * 40 + "1" + "}" * 40, "its card is nested more than 32 deep"),
    ],
    ids=lambda text: str(text)[:40],
)
def test_a_header_that_makes_no_sense_is_refused(saved, key, value, message):
    check_refused(rewritten(saved, **{key: value}), f"^the header of .* cannot be used .*{message}")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes have no names on Windows")
def test_a_pipe_is_refused_unread(tmp_path):
    os.mkfifo(tmp_path / "m.safetensors")
    check_refused(
        tmp_path / "m.safetensors", "is no ordinary file; give a .safetensors file on disk"
    )


def test_a_config_that_would_fill_the_memory_is_refused_before_it_does(saved):
    huge = json.dumps({"widths": [3, 3], "channels": 1_000_000})
    check_refused(rewritten(saved, config=huge), r"is \(8, 34, 3\) instead of \(1000000, 34, 3\)")


def resaved(path: Path, change) -> Path:
    of, state, _ = read_bundle(path)
    change(state)
    return save_bundle(path, of, state)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("encoder.shrink.bias"), "missing encoder.shrink.bias"),
        (lambda s: s.update(more=torch.ones(1)), "unexpected more"),
        (
            lambda s: s.update({"encoder.shrink.bias": torch.ones(50)}),
            r"encoder.shrink.bias is \(50,\) instead of \(51,\)",
        ),
        (lambda s: s["encoder.shrink.bias"].fill_(torch.nan), "encoder.shrink.bias is not finite"),
        (
            lambda s: s["encoder.expand_bn.running_var"].fill_(-1),
            "encoder.expand_bn.running_var is below zero",
        ),
    ],
)
def test_tensors_that_do_not_fit_the_header_are_named(saved, change, message):
    check_refused(
        resaved(saved, change), f"does not hold the weights its header describes: {message}"
    )


def test_many_wrong_tensors_are_counted(saved):
    check_refused(
        resaved(saved, lambda s: s.clear()),
        r"missing encoder.expand_conv.weight; .* and \d+ more; fetch or train it again",
    )


class Interrupted(BaseException):
    """As KeyboardInterrupt, which pytest would take for itself."""


@pytest.mark.parametrize("error", [Interrupted, OSError(28, "No space left on device")])
@pytest.mark.parametrize("existing", [b"old", None])
def test_an_interrupted_write_leaves_the_folder_as_it_was(tmp_path, monkeypatch, error, existing):
    path, of = tmp_path / "m.safetensors", bundle()
    state = of.build().state_dict()
    if existing is not None:
        path.write_bytes(existing)
    before = sorted(tmp_path.iterdir())
    write = Path.write_bytes

    def cut_off(self: Path, data: bytes) -> int:
        write(self, data[: len(data) // 2])
        raise error

    monkeypatch.setattr(Path, "write_bytes", cut_off)
    with pytest.raises((Interrupted, InputError)):
        save_bundle(path, of, state)
    assert sorted(tmp_path.iterdir()) == before
    assert existing is None or path.read_bytes() == existing


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    of = bundle()
    with pytest.raises(InputError, match="does not exist; make it or give another path"):
        save_bundle(tmp_path / "no" / "m.safetensors", of, of.build().state_dict())


@pytest.fixture
def shelf(tmp_path, monkeypatch, saved):
    """A folder of bundled weights with one file, default."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    (folder / "default.safetensors").write_bytes(saved.read_bytes())
    monkeypatch.setattr(weights, "_FOLDER", folder)
    return folder


def test_bundled_weights_are_loaded_by_name(shelf):
    assert list(weights.catalogue()) == ["default"]
    named = langlift.load()
    assert named.name == "default" and named.actions == ACTIONS
    by_path = langlift.load(shelf / "default.safetensors")
    assert by_path.digest == named.digest


def test_an_unknown_name_suggests_a_known_one(shelf):
    message = "unknown model 'defualt'; known: default; did you mean 'default'?"
    with pytest.raises(InputError) as caught:
        langlift.load("defualt")
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("path", ["mine.safetensors", "runs/best"])
def test_what_looks_like_a_path_is_looked_for_there(shelf, path):
    with pytest.raises(InputError, match=f"there is no weights file {path}"):
        langlift.load(path)


def test_without_any_bundled_weights_the_message_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "_FOLDER", tmp_path)
    with pytest.raises(InputError, match=r"no weights come with this installation.*give the path"):
        langlift.load()


def test_a_lifter_from_a_file_lifts_as_the_one_that_was_saved(tmp_path):
    made = lifter()
    path = save_bundle(tmp_path / "m.safetensors", made.bundle, made.network.state_dict())
    read = Lifter.from_file(path)
    assert read.name == "m" and read.bundle == made.bundle
    assert np.array_equal(read.lift(track(40)).joints, made.lift(track(40)).joints)


def test_two_bundles_are_equal_when_they_say_the_same():
    assert bundle(card=CARD) == bundle(card=dict(CARD))
    assert bundle().config == config() and bundle() != bundle({"channels": 9})
