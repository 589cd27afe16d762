"""ActionPrompt trained, stopped, saved and loaded again."""

import dataclasses
import json

import pytest
import torch
from actionprompt_fixtures import Reader, small, xy_of
from lifting_fixtures import ACTIONS
from safetensors.torch import load_file
from tiny_runs import lines, run, tiny_config, tiny_data

from langlift.actions import ActionVocabulary
from langlift.errors import InputError
from langlift.lifting.bundle import Bundle, load_network, read_bundle, save_bundle
from langlift.lifting.features import FeatureConfig
from langlift.methods import METHODS
from langlift.methods.actionprompt import branch
from langlift.training.folder import BEST, WEIGHTS

KINDS = ("vpose", "a3dhp", "mixste", "dstformer")


@pytest.fixture(autouse=True)
def reader(monkeypatch) -> Reader:
    """The text encoder that training opens, whatever the name."""
    own = Reader()
    monkeypatch.setattr(branch, "open_text_encoder", lambda kind, folder=None: own)
    return own


def settings(kind: str = "vpose", **changes):
    return small(kind, **{"text": "clip", "text_every": 3, **changes})


def run_config(model, **changes):
    """A run with windows as the encoder takes them."""
    frames = model.window or (model.output_frames or 9)
    return tiny_config(model=model, frames=frames, **{"steps": 6, "validate_every": 0, **changes})


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_leaves_a_bundle_that_lifts_without_words(kind, tmp_path):
    model = settings(kind)
    config = run_config(model, steps=4, validate_every=4)
    assert run(tmp_path / "r", config, method=f"{kind}+apm")["finished"]
    for name in (WEIGHTS, BEST):
        held = load_file(tmp_path / "r" / name)
        assert not [key for key in held if key.startswith("text_branch.")]
        assert held["text"].shape[1] == 24 and held["text"].any(dim=1).all()
    bundle, network, _ = load_network(tmp_path / "r" / WEIGHTS)
    assert bundle.method == f"{kind}+apm" and network.text_branch is None
    assert bundle.config == model and type(bundle.config) is type(model)
    said = network.predict(xy_of(kind))
    assert said.joints.isfinite().all() and said.action_logits.shape[-1] == len(bundle.actions)
    terms = lines(tmp_path / "r")[0]
    assert terms["action"] > 0 and ("mpjpe" in terms or "weighted_mpjpe" in terms)


def test_training_finds_the_action_and_the_pose(tmp_path):
    model = settings(text_every=1, temperature=0.1, action_weight=1.0)
    run(tmp_path / "r", run_config(model, steps=60, lr=1e-2, batch=16), method="vpose+apm")
    entries = [entry for entry in lines(tmp_path / "r") if "loss" in entry]

    def mean(name, part):
        return sum(entry[name] for entry in part) / len(part)

    for name in ("action", "mpjpe"):
        assert mean(name, entries[-10:]) < 0.85 * mean(name, entries[:5])


def bundle_of(path, actions=ACTIONS, **changes):
    """A bundle as training leaves one."""
    bundle = Bundle("vpose+apm", settings(**changes), FeatureConfig(), actions)
    network = bundle.build()
    network.start_training()
    return save_bundle(path, bundle, network.lifting_state(network.state_dict())), bundle


def relabelled(path, labels: list[str]):
    """The same tensors under a header with other classes."""
    bundle, state, _ = read_bundle(path)
    other = dataclasses.replace(bundle, actions=ActionVocabulary(tuple(labels)))
    return save_bundle(path, other, state)


def test_classes_that_do_not_fit_the_stored_text_are_refused(tmp_path):
    path, _ = bundle_of(tmp_path / "a.safetensors")
    relabelled(path, ["walk", "squat", "wave", "sit"])
    message = r"app.prompts is \(3, 5, 8\) instead of \(4, 5, 8\)"
    with pytest.raises(InputError, match=message) as error:
        load_network(path)
    assert "text is (3, 24) instead of (4, 24)" in str(error.value)
    relabelled(path, [])
    with pytest.raises(InputError, match="there are no actions; ActionPrompt tells actions apart"):
        load_network(path)


def test_a_bundle_with_a_text_branch_is_refused(tmp_path):
    path, bundle = bundle_of(tmp_path / "a.safetensors")
    network = bundle.build()
    network.start_training()
    save_bundle(path, bundle, network.state_dict())
    with pytest.raises(InputError, match=r"unexpected text_branch\.source\.ctx"):
        load_network(path)


def test_a_bundle_comes_back_with_its_numbers(tmp_path):
    path, bundle = bundle_of(tmp_path / "a.safetensors", template="a person is {}")
    _, network, _ = load_network(path)
    _, state, _ = read_bundle(path)
    again = bundle.build().eval()
    again.load_state_dict(state)
    xy = xy_of("vpose")
    assert torch.equal(network.predict(xy).joints, again.predict(xy).joints)
    header = bundle.metadata()
    assert json.loads(header["config"])["encoder"]["channels"] == 16
    assert "reader" not in json.dumps(header)


def test_every_prompted_encoder_is_a_method():
    assert {f"{kind}+apm" for kind in KINDS} <= set(METHODS)
    data = tiny_data()
    for kind in KINDS:
        entry = METHODS[f"{kind}+apm"]
        assert entry.build(small(kind), data.actions).actions == data.actions
