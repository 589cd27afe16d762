"""Settings of how trained weights are used: in Python, in `lift` and in `evaluate`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import evaluation_fixtures as films
import numpy as np
import pytest
from cli_fixtures import Command, keypoint_file, tiny_bundle, tiny_corpus
from lifting_fixtures import LENS, randomised, track
from lifting_fixtures import lifter as bare

from langlift.actions import ActionVocabulary
from langlift.errors import InputError
from langlift.lifting.bundle import Bundle, save_bundle
from langlift.lifting.features import FeatureConfig
from langlift.lifting.lifter import Lifter
from langlift.methods import METHODS
from langlift.methods.mixste import MixSTEConfig
from langlift.methods.vpose import VPoseConfig
from langlift.protocols import recorded

ENCODERS: dict[str, Any] = {
    "vpose+apm": VPoseConfig(widths=(3, 3), channels=8, dropout=0.0),
    "mixste+apm": MixSTEConfig(frames=9, channels=8, depth=2, heads=2),
}
SIZES: dict[str, Any] = {"text_width": 16, "width": 16, "prompts": 5, "heads": 2}


def prompted(name: str = "vpose+apm", **changes: Any) -> Lifter:
    """A lifter with ActionPrompt that is seldom sure of the action."""
    settings = {"encoder": ENCODERS[name], "text": "learned", "temperature": 0.2, **SIZES}
    config = METHODS[name].config(**settings | changes)
    actions = ActionVocabulary(("squat", "wave", "walk"))
    of = Bundle(name, config, FeatureConfig("screen"), actions)
    return Lifter(of, randomised(of.build()).eval(), "tiny", "00")


def joints(made: Lifter) -> np.ndarray:
    return made.lift(track(60, seed=3), LENS).joints


# In Python.


def test_other_settings_lift_like_a_network_that_was_built_with_them() -> None:
    made = prompted()
    first = joints(made)
    changes: list[dict[str, Any]] = [
        {"label_hop": 1},
        {"label_hop": 20},
        {"unknown_below": 0.9},
        {"choice": "weighted"},
        {"label_hop": 1, "unknown_below": 0.5},
    ]
    for settings in changes:
        found = joints(made.with_settings(**settings))
        assert np.array_equal(found, joints(prompted(**settings))), settings
        assert np.abs(found - first).max() > 1e-4, settings
    assert np.array_equal(joints(made), first)


def test_an_action_below_certainty_changes_nothing() -> None:
    made = prompted()
    closed = prompted()
    app: Any = closed.network.app
    app.gate.data.zero_()
    assert np.array_equal(joints(made.with_settings(unknown_below=1.0)), joints(closed))


def test_the_weights_are_shared_and_the_settings_are_not() -> None:
    made = prompted()
    other = made.with_settings(label_hop=1)
    assert made.network is not other.network and made.digest == other.digest
    ours, theirs = dict(made.network.named_parameters()), dict(other.network.named_parameters())
    assert ours.keys() == theirs.keys() and all(ours[n] is theirs[n] for n in ours)
    for lifter, hop in ((made, 0), (other, 1)):
        assert lifter.network.config.label_hop == lifter.bundle.config.label_hop == hop
    assert (made.network.config.chunk_multiple, other.network.config.chunk_multiple) == (3, 1)


def test_name_and_provenance_say_the_settings() -> None:
    made = prompted()
    other = made.with_settings(label_hop=1, unknown_below=0.25)
    assert other.name == "tiny, label_hop 1, unknown_below 0.25"
    told = [m.lift(track(20), LENS).provenance["model"] for m in (made, other)]
    assert told == ["tiny", other.name]
    again = made.with_settings(label_hop=2).with_settings(unknown_below=0.5)
    assert (again.bundle.config.label_hop, again.bundle.config.unknown_below) == (2, 0.5)


def test_without_settings_it_is_the_same_lifter() -> None:
    for made in (prompted(), bare()):
        assert made.with_settings() is made


@pytest.mark.parametrize(
    ("made", "settings", "said"),
    [
        (bare, {"label_hop": 1},
         "vpose has no setting label_hop that could be changed for trained weights; it has none: "
         "leave it out"),
        (prompted, {"prompts": 7},
         r"vpose\+apm has no setting prompts that could be changed for trained weights; it has "
         "label_hop, unknown_below, choice: leave it out"),
        (lambda: prompted(pose_prompts=False), {"unknown_below": 0.5},
         r"vpose\+apm has no setting unknown_below .* it has label_hop: leave it out"),
        (lambda: prompted("mixste+apm"), {"label_hop": 1},
         r"mixste\+apm has no setting label_hop .* it has unknown_below, choice: leave it out"),
        (prompted, {"label_hop": -1}, "label_hop is -1; it must be at least 0"),
        (prompted, {"unknown_below": 1.5}, "unknown_below is 1.5; it must be within 0 and 1"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_changed_are_refused(made, settings, said) -> None:
    with pytest.raises(InputError, match=f"^{said}"):
        made().with_settings(**settings)


# The commands.


@pytest.fixture
def langlift(capsys, tmp_path: Path, monkeypatch) -> Command:
    """The command in a folder with a clip, a corpus, and bundles with and without settings."""
    monkeypatch.chdir(tmp_path)
    for name, kind in (("apm", "vpose+apm"), ("windows", "mixste+apm")):
        made = prompted(kind)
        bundle = replace(made.bundle, card={"data": "none"})
        save_bundle(tmp_path / f"{name}.safetensors", bundle, made.network.state_dict())
    tiny_bundle(tmp_path / "bare.safetensors")
    keypoint_file(tmp_path / "clip.npz", frames=40)
    tiny_corpus(tmp_path / "corpus")
    return Command(capsys)


LIFT = ("lift", "clip.npz", "--formats", "json", "--json", "-m")
MOCAP = ("evaluate", "--data", "corpus", "--sources", "gt", "--json", "-m")


def test_lift_takes_the_settings(langlift: Command) -> None:
    found = {}
    for options in ("", "--label-hop 1", "--label-hop 1 --unknown-below 1"):
        said = langlift(*LIFT, "apm.safetensors", *options.split())
        assert (said.status, said.err) == (0, "")
        stored = json.loads(Path("lifted/motion.json").read_text())
        found[stored["provenance"]["model"]] = np.array(stored["joints"])
    plain, each, unsure = found
    assert each == f"{plain}, label_hop 1" and unsure == f"{each}, unknown_below 1.0"
    assert np.abs(found[plain] - found[each]).max() > 1e-4
    assert np.abs(found[each] - found[unsure]).max() > 1e-4


def models(said: Any) -> list[str]:
    assert (said.status, said.err) == (0, "")
    rows = json.loads(said.out)["tables"][0]["rows"]
    return list(dict.fromkeys(row["model"] for row in rows))


def test_evaluate_names_the_models_that_have_the_settings(langlift: Command) -> None:
    both = "bare.safetensors,apm.safetensors"
    assert models(langlift(*MOCAP, both)) == both.split(",")
    said = langlift(*MOCAP, both, "--label-hop", "1", "--unknown-below", "0.2")
    changed = "apm.safetensors, label_hop 1, unknown_below 0.2"
    assert models(said) == ["bare.safetensors", changed]
    assert changed in json.loads(said.out)["facts"]["weights"]
    three = "mean-pose,windows.safetensors,apm.safetensors"
    assert models(langlift(*MOCAP, three, "--label-hop", "1")) == [
        "mean-pose", "windows.safetensors", "apm.safetensors, label_hop 1",
    ]  # fmt: skip


def test_recordings_are_measured_with_them_too(langlift: Command, monkeypatch) -> None:
    monkeypatch.setattr(recorded, "open_for", lambda spec, path: films.films(*films.four()))
    monkeypatch.setattr(recorded, "find_protocol", lambda name, annotation: films.SPEC)
    Path("h36m").mkdir()
    line = "evaluate --protocol human36m --data h36m --json -m apm.safetensors --label-hop 1"
    assert models(langlift(*line.split())) == ["apm.safetensors, label_hop 1"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ((*LIFT, "bare.safetensors", "--label-hop", 1),
         "vpose has no setting label_hop that could be changed for trained weights"),
        ((*LIFT, "apm.safetensors", "--label-hop", "often"),
         "--label-hop is 'often'; it takes a whole number"),
        ((*LIFT, "apm.safetensors", "--unknown-below", 2),
         "unknown_below is 2.0; it must be within 0 and 1"),
        ((*MOCAP, "bare.safetensors,mean-pose", "--label-hop", 1),
         "bare.safetensors, mean-pose: no model here has label_hop; measure one with ActionPrompt"),
        ((*MOCAP, "windows.safetensors", "--label-hop", 1, "--unknown-below", 0.5),
         "no model here has label_hop and unknown_below"),
        (("demo", "--label-hop", 1), "unknown option --label-hop"),
    ],
)  # fmt: skip
def test_the_command_refuses(langlift: Command, line: tuple[Any, ...], words: str) -> None:
    said = langlift(*line)
    assert said.status == 2 and said.err.count("\n") == 1
    assert words in said.err
    assert not Path("lifted").exists() and not Path("demo").exists()


def test_weights_without_such_settings_lift_as_ever() -> None:
    provenance = bare().lift(track(20), LENS).provenance
    assert provenance["model"] == "tiny" and "action_frames" not in provenance
