"""Public checkpoints become bundles with the same weights and the same numbers."""

import hashlib
import json
from dataclasses import asdict

import pytest
import torch
from cli_fixtures import Command
from import_fixtures import CASES, official, reference, save, to_mmpose, wave
from import_fixtures import filled as fixture_weights
from lifting_fixtures import randomised, track
from safetensors.torch import save_file

from langlift.errors import InputError
from langlift.lifting.bundle import load_network
from langlift.lifting.lifter import Lifter, LiftOptions
from langlift.methods import METHODS
from langlift.protocols.origin import Origin
from langlift.weights.importing import (
    LAYOUTS,
    NO_LICENCE,
    ImportOptions,
    import_checkpoint,
    looks_like,
)

CASE = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


@pytest.fixture
def command(capsys) -> Command:
    return Command(capsys)


def random_xy(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, 2, generator=torch.Generator().manual_seed(1))


def imported(command, tmp_path, case, content, as_zip=True, *options):
    file, out = save(tmp_path / "best_epoch.bin", content, as_zip), tmp_path / "x.safetensors"
    said = command("weights", "import", file, "--method", case.method, "--out", out,
                   *case.options, *options)  # fmt: skip
    assert (said.status, said.err) == (0, "")
    return load_network(out)[:2], said.out


@pytest.mark.parametrize("as_zip", [True, False], ids=["zip", "older"])
@CASE
def test_a_checkpoint_gives_the_numbers_of_the_network_it_is_from(command, tmp_path, case, as_zip):
    network = case.network()
    content = official(case, network)
    (bundle, method), _ = imported(command, tmp_path, case, content, as_zip)
    state = {case.prefix + n.removeprefix("encoder."): v for n, v in method.state_dict().items()}
    assert state.keys() == content["model_pos"].keys()
    assert all(torch.equal(state[name], content["model_pos"][name]) for name in state)
    xy = random_xy(2, case.frames, 17)
    with torch.no_grad():
        torch.testing.assert_close(method(xy), network(xy), atol=1e-5, rtol=1e-5)
    told = {name: asdict(bundle.config)[name] for name in case.config}
    assert told == case.config


@CASE
def test_a_bare_state_dict_and_safetensors_do_as_well(tmp_path, case):
    state = case.network().state_dict()
    heads = case.options[1] if case.options else None
    options = ImportOptions(heads=heads)
    save(tmp_path / "bare.pt", dict(state))
    save(tmp_path / "model.pt", {"model": state})
    save_file({name: value.contiguous() for name, value in state.items()}, tmp_path / "x.st")
    for file in ("bare.pt", "model.pt", "x.st"):
        out = tmp_path / f"{file}.safetensors"
        import_checkpoint(tmp_path / file, case.method, out, options)
        _, method, _ = load_network(out)
        for name, value in state.items():
            assert torch.equal(method.state_dict()[f"encoder.{name}"], value)


@pytest.mark.parametrize("head", ["keypoint_head", "head"])
def test_mmpose_weights_are_vpose_weights(command, tmp_path, head):
    case = CASES["vpose"]
    network = randomised(reference(case.module, case.name)((3, 3, 3), 16)).eval()
    state = to_mmpose(network.state_dict(), head)
    traj = {f"traj_{name.removeprefix('keypoint_')}": value for name, value in state.items()}
    content = {"meta": {"epoch": 80}, "state_dict": state | traj}
    (bundle, method), said = imported(command, tmp_path, case, content)
    assert bundle.config.widths == (3, 3, 3)
    xy = random_xy(2, 30, 17)
    with torch.no_grad():
        torch.testing.assert_close(method(xy), network(xy), atol=1e-5, rtol=1e-5)
    assert f"left out: trajectory network {len(traj)}\n" in said
    names = {name for name in state if ".tcn_blocks.1." in name and name.endswith("conv.weight")}
    assert names == {f"backbone.tcn_blocks.1.conv{n}.0.conv.weight" for n in (1, 2)}


def test_the_trajectory_network_of_a_semi_supervised_run_is_left_out_and_said(command, tmp_path):
    case = CASES["vpose"]
    content = official(case, case.network())
    content["model_traj"] = {"shrink.bias": torch.zeros(3)}
    (bundle, _), said = imported(command, tmp_path, case, content)
    assert "left out: trajectory network 1" in said
    assert bundle.card["imported"]["left_out"] == {"trajectory network": 1}


#: Sum of the output and one joint of it, from the authors' code with the fixtures' weights.
NUMBERS = {
    "vpose": ({"widths": (3, 3, 3), "channels": 64}, 27, 0, 0.0132267,
              [0.00968182, -0.00327272, -0.00122152]),
    "a3dhp": ({"channels": 64}, 243, 0, -0.0021629,
              [-0.01989849, -0.01734607, -0.01483224]),
    "mixste": ({"frames": 9, "channels": 64, "depth": 2}, 9, 4, 1.2527304,
               [-0.01159933, -0.00509345, 0.02223555]),
    "dstformer": ({"frames": 9, "channels": 64, "representation": 64, "depth": 2}, 9, 4,
                  -4.7875361, [-0.02010401, -0.01184977, 0.00187235]),
}  # fmt: skip


@pytest.mark.parametrize("layout", [*NUMBERS, "mmpose"])
def test_the_numbers_are_the_authors_through_the_import(tmp_path, layout):
    name = "vpose" if layout == "mmpose" else layout
    arguments, frames, frame, total, joint = NUMBERS[name]
    case = CASES[name]
    state = fixture_weights(reference(case.module, case.name)(**arguments)).state_dict()
    state = to_mmpose(state, "head") if layout == "mmpose" else state
    file = save(tmp_path / "x.pt", {"state_dict": state})
    import_checkpoint(file, name, tmp_path / "x.safetensors")
    _, method, _ = load_network(tmp_path / "x.safetensors")
    seen = wave(1, frames, 17, 3) if name == "dstformer" else wave(1, frames, 17, 2)
    sure = seen[..., 2] if name == "dstformer" else None
    with torch.no_grad():
        out = method(seen[..., :2], sure)
    assert out.sum().item() == pytest.approx(total, abs=2e-4)
    assert out[0, frame, 5].tolist() == pytest.approx(joint, abs=1e-5)


# Sizes


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        ("vpose", {"widths": (3, 3, 3, 3, 3)}),
        ("vpose", {"widths": (5, 3, 7), "channels": 12}),
        ("vpose", {"widths": (3,), "joints_in": 15, "joints_out": 15}),
        ("a3dhp", {"frames": 27}),
        ("a3dhp", {"frames": 81, "joints_in": 15, "joints_out": 15}),
        ("mixste", {"frames": 43, "joints_in": 15, "joints_out": 15,
                    "joint_weights": "humaneva_15"}),
        ("mixste", {"depth": 1, "mlp_ratio": 1.5}),
        ("dstformer", {"depth": 12, "representation": 8, "frames": 243}),
        ("dstformer", {"joints_in": 15, "joints_out": 15}),
    ],
)  # fmt: skip
def test_every_size_is_inferred(tmp_path, method, settings):
    small = {} if method in ("vpose", "a3dhp") else {"frames": 9, "depth": 2}
    config = METHODS[method].config(**{"channels": 16, **small, **settings})
    network = METHODS[method].build(config, _no_actions()).encoder
    file = save(tmp_path / "x.pt", {"model_pos": network.state_dict()})
    bundle = import_checkpoint(file, method, tmp_path / "x.safetensors")
    assert bundle.config == config
    joints = settings.get("joints_in", 17)
    assert bundle.skeleton.name == {17: "human36m_17", 15: "humaneva_15"}[joints]
    assert bundle.fps == {17: 50.0, 15: 60.0}[joints]


def _no_actions():
    from langlift.actions import ActionVocabulary

    return ActionVocabulary(())


@pytest.mark.parametrize(
    ("method", "entries"), [("vpose", 56), ("a3dhp", 332), ("mixste", 204), ("dstformer", 260)]
)
def test_published_sizes_are_inferred_from_names_and_shapes(method, entries):
    """On the meta device: the sizes of the published weights without their numbers."""
    from langlift.methods.checkpoint import Choices

    with torch.device("meta"):
        config = METHODS[method].config()
        state = METHODS[method].build(config, _no_actions()).encoder.state_dict()
    assert len(state) == entries  # as the authors' code has
    assert looks_like(state) == method
    assert LAYOUTS[method].config_of(state, Choices()) == config


def test_a_causal_network_is_what_you_say(tmp_path, command):
    (bundle, _), said = imported(
        command, tmp_path, CASES["vpose"], CASES["vpose"].network().state_dict(), True, "--causal"
    )
    assert bundle.config.causal and "given: causal True" in said


def test_counters_of_batches_that_old_files_lack_are_zero(tmp_path):
    """PyTorch before 0.4.1 had none; they count training steps and change no result."""
    state = CASES["vpose"].network().state_dict()
    old = {n: v for n, v in state.items() if not n.endswith("num_batches_tracked")}
    import_checkpoint(save(tmp_path / "x.bin", old), "vpose", tmp_path / "x.safetensors")
    _, method, _ = load_network(tmp_path / "x.safetensors")
    xy = random_xy(1, 9, 17)
    with torch.no_grad():
        torch.testing.assert_close(method(xy), method.encoder(xy))
    assert method.state_dict()["encoder.expand_bn.num_batches_tracked"] == 0


# What the bundle and the command say


@pytest.mark.parametrize(
    ("method", "options", "unit", "fps"),
    [
        ("vpose", {}, "m", 50.0),
        ("mixste", {"skeleton": "mpi_inf_3dhp_17"}, "mm", 50.0),
        ("dstformer", {}, "screen", 50.0),
        ("dstformer", {"unit": "mm", "fps": 30}, "mm", 30.0),
        ("dstformer", {"skeleton": "mpi_inf_3dhp_17"}, "mm", 50.0),
    ],
)
def test_unit_and_rate_are_those_of_the_published_weights(tmp_path, method, options, unit, fps):
    file = save(tmp_path / "x.pt", CASES[method].network().state_dict())
    bundle = import_checkpoint(file, method, tmp_path / "x.safetensors", ImportOptions(**options))
    assert (bundle.unit, bundle.fps) == (unit, fps)
    kept = load_network(tmp_path / "x.safetensors")[0]
    assert (kept.unit, kept.fps, kept.skeleton) == (unit, fps, bundle.skeleton)
    assert bundle.features.kind == "screen" and len(bundle.actions) == 0


def test_the_card_says_where_the_weights_are_from(tmp_path, command):
    case = CASES["mixste"]
    (bundle, _), said = imported(command, tmp_path, case, official(case, case.network()))
    facts = bundle.card["imported"]
    digest = hashlib.sha256((tmp_path / "best_epoch.bin").read_bytes()).hexdigest()
    assert (facts["file"], facts["sha256"], facts["entry"]) == (
        "best_epoch.bin", digest, "model_pos",
    )  # fmt: skip
    assert facts["inferred"] == {n: v for n, v in case.config.items() if n != "heads"}
    assert facts["given"] == {"heads": 4}
    assert facts["assumed"].keys() == {"skeleton", "unit", "fps", "input"}
    assert bundle.card["licence"] == NO_LICENCE
    assert str(tmp_path) not in json.dumps(bundle.metadata())
    assert "inferred: frames 9, channels 16, depth 3, mlp_ratio 3, joints_in 17" in said
    assert "given: heads 4" in said
    assert "assumed: skeleton human36m_17, unit m, fps 50, input joints in the order" in said
    assert f"licence: {NO_LICENCE}" in said


@pytest.mark.parametrize(
    ("method", "selection"),
    [("vpose", "fixed"), ("a3dhp", "not stated"), ("mixste", "test"), ("dstformer", "test")],
)
def test_the_card_says_how_the_authors_chose_the_weights(tmp_path, method, selection):
    """A figure on the test set by which weights were chosen is an oracle's."""
    file = save(tmp_path / "x.pt", CASES[method].network().state_dict())
    card = import_checkpoint(file, method, tmp_path / "x.safetensors").card
    assert card["selection"] == selection
    assert Origin(selection=card["selection"]).oracle == (selection == "test")


def test_json_and_licence(tmp_path, command):
    file = save(tmp_path / "x.pt", CASES["vpose"].network().state_dict())
    out = tmp_path / "x.safetensors"
    said = command("weights", "import", file, "--method", "vpose", "-o", out, "--json",
                   "--licence", "CC BY-NC 4.0")  # fmt: skip
    facts = json.loads(said.out)
    assert (facts["method"], facts["licence"]) == ("vpose", "CC BY-NC 4.0")
    assert facts["inferred"]["widths"] == [3, 3]
    assert facts["assumed"]["causal"] is False
    shown = json.loads(command("weights", "inspect", out, "--json").out)
    assert shown["card"]["licence"] == "CC BY-NC 4.0"


def test_an_existing_bundle_is_replaced_and_nothing_else_is_written(tmp_path, command):
    case = CASES["vpose"]
    (tmp_path / "x.safetensors").write_text("old")
    imported(command, tmp_path, case, case.network().state_dict())
    assert {path.name for path in tmp_path.iterdir()} == {"best_epoch.bin", "x.safetensors"}


def test_imported_weights_lift_a_track(tmp_path):
    case = CASES["vpose"]
    network = case.network()
    file = save(tmp_path / "x.pt", official(case, network))
    import_checkpoint(file, "vpose", tmp_path / "x.safetensors")
    lifter = Lifter.from_file(tmp_path / "x.safetensors")
    keypoints = track(20)
    joints = lifter.lift(keypoints, options=LiftOptions(flip=False)).joints
    width, height = keypoints.image_size
    screen = torch.tensor((keypoints.xy * 2 - [width, height]) / width, dtype=torch.float32)
    padded = torch.cat([screen[:1]] * 4 + [screen] + [screen[-1:]] * 4)
    with torch.no_grad():
        expected = network(padded[None])[0]
    expected = (expected - expected[:, :1]).numpy()
    assert joints == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("as_zip", [True, False], ids=["zip", "older"])
def test_a_checkpoint_that_was_not_imported_is_said_to_be_one(tmp_path, as_zip):
    file = save(tmp_path / "best_epoch.bin", {"model_pos": {"a": torch.zeros(2)}}, as_zip)
    with pytest.raises(InputError, match=r"looks like a checkpoint of PyTorch; .* weights import"):
        load_network(file)
