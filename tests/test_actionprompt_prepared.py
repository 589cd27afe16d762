"""Prompted encoders for inference: the same numbers, in a stream too, and no text library."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
import torch
from actionprompt_fixtures import (
    ENCODERS,
    KINDS,
    MIRROR,
    SIDES,
    close_gates,
    prompted,
    small,
    xy_of,
)
from lifting_fixtures import ACTIONS

from langlift.actions import ActionVocabulary
from langlift.lifting.bundle import Bundle, save_bundle
from langlift.lifting.features import FeatureConfig
from langlift.methods.actionprompt import ActionPrompted, app, windows
from langlift.methods.actionprompt.app import Choice, read
from langlift.methods.actionprompt.fast import FastTexts
from langlift.methods.base import Guidance, Prediction
from langlift.methods.vpose import VPoseConfig

MANY = ActionVocabulary(tuple(f"a{k}" for k in range(40)))


def assert_same(found: Prediction, expected: Prediction, atol: float = 1e-6) -> None:
    torch.testing.assert_close(found.joints, expected.joints, atol=atol, rtol=1e-5)
    assert found.action_logits is not None and expected.action_logits is not None
    # A cosine is divided by 0.01.
    torch.testing.assert_close(
        found.action_logits, expected.action_logits, atol=100 * atol, rtol=1e-5
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"tap": 2},
        {"projector": "pooling"},
        {"blocks": 3},
        {"pose_to_text": False},
        {"text": "one-hot", "pose_to_text": False},
        {"pose_prompts": False},
        {"layers": 3},
        {"label_hop": 1},
        {"label_hop": 7},
        {"choice": "weighted", "temperature": 1.0},
        {"choice": "weighted", "unknown_below": 0.5, "temperature": 1.0},
    ],
    ids=str,
)
@torch.no_grad()
def test_every_setting_has_a_prepared_form(changes):
    method, xy = prompted("vpose", **changes), xy_of("vpose")
    assert_same(method.prepared("fp32")(xy), method.predict(xy))


@torch.no_grad()
def test_many_classes_have_it_too():
    method, xy = prompted("vpose", MANY), xy_of("vpose")
    assert len(MANY) * method.config.heads > method.config.text_width  # eager takes another way
    assert_same(method.prepared("fp32")(xy), method.predict(xy))


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_given_actions_and_mirror_images_are_those_of_the_network(kind):
    method, xy = prompted(kind, SIDES), xy_of(kind)
    given = Guidance("label", "kick_left", "given")
    ready, eager = method.prepared("fp32"), method._prompted()
    for options in ({"guidance": given}, {"mirror": MIRROR}, {"guidance": given, "mirror": MIRROR}):
        # A3DHP's own prepared form is further from it than the others'.
        assert_same(ready(xy, **options), eager(xy, **options), 3e-6)


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_bf16_is_close_in_every_stage(kind):
    method, xy = prompted(kind), xy_of(kind)
    given = Guidance("label", "squat", "given")
    expected = method.predict(xy, guidance=given)
    found = method.prepared("bf16")(xy, guidance=given)
    assert found.joints.dtype == found.action_logits.dtype == torch.float32
    error = (found.joints - expected.joints).abs().max()
    assert 0 < error < 0.03 * expected.joints.abs().max()
    assert 0 < (found.action_logits - expected.action_logits).abs().max() < 2  # of 100


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "foreign"])
@torch.no_grad()
def test_closed_gates_are_the_encoder_to_the_bit_in_bf16_too(kind):
    method, xy = prompted(kind), xy_of(kind)
    bare: Any = method.encoder
    expected = bare.prepared(torch.bfloat16)(xy)
    assert not torch.equal(method.prepared("bf16")(xy).joints, expected)
    close_gates(method)
    assert torch.equal(method.prepared("bf16")(xy).joints, expected)


@torch.no_grad()
def test_an_unknown_action_leaves_its_frames_as_the_encoder_has_them():
    xy, settings = xy_of("vpose"), {"temperature": 0.3}
    chances = likeliest(prompted("vpose", **settings).predict(xy))
    between = float(chances.min() + chances.max()) / 2
    method = prompted("vpose", unknown_below=between, **settings)
    encoder: Any = method.encoder
    bare, said = encoder.prepared(torch.float32)(xy), method.prepared("fp32")(xy)
    known = likeliest(said) >= between
    assert known.any() and not known.all()
    changed = (said.joints != bare).flatten(2).any(dim=-1)
    assert torch.equal(changed, known)


def likeliest(said: Prediction) -> torch.Tensor:
    """(b, f) probability of the likeliest class."""
    assert said.action_logits is not None
    return said.action_logits.softmax(dim=-1).amax(dim=-1)


@torch.no_grad()
def test_it_keeps_the_weights_that_it_was_prepared_with():
    method, xy = prompted("vpose"), xy_of("vpose")
    ready = method.prepared("fp32")
    before = ready(xy)
    for part in (method.atp, method.app):
        for value in part.state_dict().values():
            value.zero_()
    assert torch.equal(ready(xy).joints, before.joints)
    assert torch.equal(ready(xy).action_logits, before.action_logits)


def test_prompts_of_many_labels_are_read_class_by_class_with_the_same_result(monkeypatch):
    drawn = torch.Generator().manual_seed(0)
    query = torch.randn(2, 5, 4, 6, generator=drawn)
    keys, values = (torch.randn(3, 2, 7, 3, generator=drawn) for _ in range(2))
    label = torch.tensor([[0, 2, 2, 0, 2], [2, 0, 0, 0, 0]])
    choice = Choice(label, torch.ones_like(label, dtype=torch.bool))
    grouped = read(query, (keys, values), choice)
    monkeypatch.setattr(app, "_by_class", lambda *_: pytest.fail("class by class"))
    with pytest.raises(pytest.fail.Exception):
        read(query, (keys, values), choice)
    for n in range(5):  # two labels at a time: fewer than classes
        at = slice(n, n + 1)
        few = read(query[:, at], (keys, values), Choice(label[:, at], choice.known[:, at]))
        torch.testing.assert_close(grouped[:, at], few, atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", ["vpose", "a3dhp", "foreign"])
@torch.no_grad()
def test_windows_of_labels_are_looked_at_a_few_at_a_time(kind, monkeypatch):
    method, xy = prompted(kind, label_hop=1), xy_of(kind)
    ready = method.prepared("fp32")
    expected, asked = ready(xy), []
    features = windows.Labels.features
    monkeypatch.setattr(windows, "WINDOWS", 16)

    def noted(self, *args):
        asked.append(found := features(self, *args))
        return found

    monkeypatch.setattr(windows.Labels, "features", noted)
    found = ready(xy)
    assert [part.shape[1] for part in asked] == [16, 16, 8]
    torch.testing.assert_close(found.action_logits, expected.action_logits, atol=1e-4, rtol=0)
    torch.testing.assert_close(found.joints, expected.joints, atol=1e-6, rtol=0)


@pytest.mark.parametrize("looks_ahead", [True, False])
@pytest.mark.parametrize(
    ("changes", "shared"),
    [
        ({"label_hop": 9}, 4),  # of 5 labels; the last has fewer frames
        ({"label_hop": 9, "projector": "pooling"}, 4),
        ({"label_hop": 3, "projector": "pooling"}, 13),
        ({"label_hop": 9, "tap": 2}, 0),  # a block leaves no third of 1 step between two windows
        ({"label_hop": 9, "tap": 2, "projector": "pooling"}, 4),
        ({"label_hop": 18, "encoder": replace(ENCODERS["vpose"], widths=(3, 9))}, 2),
        ({"label_hop": 7}, 0),
        ({"label_hop": 27}, 0),  # they do not overlap
    ],
    ids=str,
)
@torch.no_grad()
def test_labels_whose_windows_overlap_are_made_of_one_track(
    changes, shared, looks_ahead, monkeypatch
):
    encoder = replace(changes.get("encoder", ENCODERS["vpose"]), causal=not looks_ahead)
    method, xy = prompted("vpose", **{**changes, "encoder": encoder}), xy_of("vpose")
    over, found = FastTexts.over, []

    def noted(self, track, steps, apart):
        found.append(over(self, track, steps, apart))
        return found[-1]

    monkeypatch.setattr(FastTexts, "over", noted)
    assert_same(method.prepared("fp32")(xy), method.predict(xy))
    assert [said.shape[:2] for said in found[:-1]] == [(2, shared)] * bool(shared)
    if not shared:
        assert len(found) == 1 and found[0].shape[1] == 1  # every window by itself


@torch.no_grad()
def test_a_window_of_one_step_has_no_velocity():
    method, xy = prompted("mixste"), xy_of("mixste")[:, :1]
    assert_same(method.prepared("fp32")(xy), method.predict(xy))


def causal(form: str = "dilated", **changes: Any) -> ActionPrompted:
    encoder = replace(ENCODERS["vpose"], causal=True, form=form)
    return prompted("vpose", encoder=encoder, **changes)


@pytest.mark.parametrize("prepared", [False, True])
@pytest.mark.parametrize("hop", [1, 9])
@torch.no_grad()
def test_a_later_frame_changes_nothing_before_it(hop, prepared):
    method, xy = causal(label_hop=hop), xy_of("vpose")
    lift = method.prepared("fp32") if prepared else method._prompted()
    said, changed, at = lift(xy), xy.clone(), 50
    changed[:, at] += 1
    other, out = lift(changed), at - method.padding[0]
    torch.testing.assert_close(other.joints[:, :out], said.joints[:, :out], atol=1e-6, rtol=0)
    same = (other.action_logits - said.action_logits).abs().amax(dim=(0, 2)) < 1e-4
    assert same[:out].all() and not same.all()
    assert (other.joints[:, out] - said.joints[:, out]).abs().max() > 1e-3
    first = -(-out // hop) * hop  # the label of a group is that of its first frame
    assert same.tolist() == [n < first for n in range(40)]


@pytest.mark.parametrize("form", ["dilated", "strided"])
@torch.no_grad()
def test_a_stream_gives_every_frame_as_the_whole_track_does(form):
    track, xy = causal(label_hop=1), xy_of("vpose", 1)
    stream = causal(form, label_hop=1)
    stream.load_state_dict(track.state_dict())
    lift = stream.prepared("fp32")
    expected, field = track.prepared("fp32")(xy), 27
    for n in (0, 1, 17, 39):
        said = lift(xy[:, n : n + field])
        assert said.joints.shape == (1, 1, 17, 3)
        one = Prediction(expected.joints[:, n : n + 1], expected.action_logits[:, n : n + 1])
        assert_same(said, one)


def test_lifting_imports_no_text_library(tmp_path):
    config = small("vpose", text="clip", encoder=VPoseConfig(widths=(3, 3), channels=8))
    bundle = Bundle("vpose+apm", config, FeatureConfig(), ACTIONS)
    path = save_bundle(tmp_path / "net.safetensors", bundle, bundle.build().state_dict())
    code = f"""
import sys
import numpy as np
import langlift
from langlift.tracks import Keypoints
xy = np.random.default_rng(0).uniform(100, 500, (30, 17, 2))
motion = langlift.load({str(path)!r}).lift(Keypoints(xy, "human36m_17", 50.0, (640, 640)))
assert np.isfinite(motion.joints).all()
print([name for name in ("transformers", "tokenizers", "huggingface_hub") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
