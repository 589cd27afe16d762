"""Checkpoints that cannot be imported: refused in a sentence that says why, nothing written."""

import pickle
import re
from itertools import permutations

import numpy as np
import pytest
import torch
from cli_fixtures import Command, files_under
from import_fixtures import CASES, official, save, to_mmpose
from lifting_fixtures import randomised
from test_unpickle import touching

from langlift.actions import ActionVocabulary
from langlift.lifting.bundle import Bundle, save_bundle
from langlift.lifting.features import FeatureConfig
from langlift.methods import METHODS
from langlift.methods.vpose import VPoseConfig
from langlift.weights.importing import import_checkpoint


@pytest.fixture
def refused(capsys, tmp_path):
    """Runs the import of a file; gives the message of its refusal."""

    def run(file, method="vpose", *options) -> str:
        before = files_under(tmp_path)
        said = Command(capsys)(
            "weights", "import", file, "--method", method, "--out", tmp_path / "x.safetensors",
            *options,
        )  # fmt: skip
        assert (said.status, said.out, said.err.count("\n")) == (2, "", 1)
        assert "Traceback" not in said.err
        assert files_under(tmp_path) == before, "something was written"
        return said.err

    return run


def vpose_state(**changes) -> dict[str, torch.Tensor]:
    config = VPoseConfig(**{"widths": (3, 3, 3), "channels": 16, **changes})
    return _state("vpose", config)


def _state(method: str, config) -> dict[str, torch.Tensor]:
    network = METHODS[method].build(config, ActionVocabulary(()))
    return dict(randomised(network).encoder.state_dict())


# Code


@pytest.mark.parametrize("as_zip", [True, False], ids=["zip", "older"])
def test_code_is_refused_and_does_not_run(refused, tmp_path, as_zip):
    marker = tmp_path / "ran"
    case = CASES["vpose"]
    content = official(case, case.network()) | {"extra": {"deep": [touching(marker)]}}
    file = save(tmp_path / "evil.bin", content, as_zip)
    said = refused(file)
    assert f"{file}: it holds code (it asks for posix.system); refused" in said
    assert not marker.exists()


def test_code_in_a_tensors_place_is_refused_too(refused, tmp_path):
    marker = tmp_path / "ran"
    save(tmp_path / "evil.pth", {"model_pos": {"expand_conv.weight": touching(marker)}})
    assert "posix.system" in refused(tmp_path / "evil.pth")
    (tmp_path / "evil.pkl").write_bytes(pickle.dumps(touching(marker)))
    assert "posix.system" in refused(tmp_path / "evil.pkl")
    np.savez(tmp_path / "evil.npz", a=np.array([touching(marker)], dtype=object))
    assert "this zip is no checkpoint of torch.save" in refused(tmp_path / "evil.npz")
    assert not marker.exists()


# Files


@pytest.mark.parametrize("as_zip", [True, False], ids=["zip", "older"])
@pytest.mark.parametrize("left", [0.1, 0.5, 0.9, 0.999])
def test_a_cut_file(refused, tmp_path, as_zip, left):
    file = save(tmp_path / "x.bin", vpose_state(), as_zip)
    raw = file.read_bytes()
    file.write_bytes(raw[: int(left * len(raw))])
    assert "the file is damaged, cut off or of another type" in refused(file)


def test_what_is_no_file(refused, tmp_path):
    assert "there is no such file; check the path" in refused(tmp_path / "absent.bin")
    assert "this is a folder; give the checkpoint file" in refused(tmp_path)
    (tmp_path / "empty.bin").touch()
    assert "the file is empty; fetch it again" in refused(tmp_path / "empty.bin")
    (tmp_path / "page.bin").write_text("<!DOCTYPE html>")
    assert "this is no checkpoint" in refused(tmp_path / "page.bin")
    assert "FILE is empty; give the path of a checkpoint" in refused("")


def test_a_bundle_needs_no_import(refused, tmp_path):
    config = VPoseConfig(widths=(3, 3), channels=8)
    bundle = Bundle("vpose", config, FeatureConfig(), ActionVocabulary(()))
    file = save_bundle(tmp_path / "b.safetensors", bundle, bundle.build().state_dict())
    assert "this is a langlift bundle already; use it as it is" in refused(file)
    file.write_bytes(file.read_bytes()[:-8])
    assert "this safetensors file cannot be read" in refused(file)


def test_content_that_is_no_state_dict(refused, tmp_path):
    for content, said in (
        ([1, 2], "it holds no state dict but list"),
        ({"epoch": 3, "loss": 0.1}, 'only "epoch", "loss"'),
        ({"model_pos": {}}, "its state dict is empty"),
        ({"model_pos": {"a": 3}}, "'a' in its state dict is int; it must be a tensor"),
        ({"model_pos": {1: torch.ones(1)}}, "a name in its state dict is int; names must be text"),
        ({"state_dict": {"a": np.ones(2)}}, "'a' in its state dict is array; it must be a tensor"),
        ({"model_pos": {1, 2}}, "its entry model_pos is set, no state dict; give a trained"),
        ({"model": torch.ones(2), "epoch": 1}, "its entry model is tensor, no state dict"),
        ({"state_dict": torch.device("cpu")}, "its entry state_dict is object, no state dict"),
        ({"model_pos": None}, "its entry model_pos is None, no state dict"),
        (torch.ones(2), "it holds no state dict but tensor"),
        ({1: 2}, "only entries whose names are no text"),
        ({f"e{n}": 1 for n in range(20)}, '"e7" and 12 more'),
        ({"model_pos": {"n" * 5000: torch.ones(1)}}, "has 5000 letters; names have at most 200"),
    ):
        assert said in refused(save(tmp_path / "x.bin", content))


# Methods


@pytest.mark.parametrize(("method", "other"), list(permutations(CASES, 2)))
def test_another_method(refused, tmp_path, method, other):
    case = CASES[other]
    file = save(tmp_path / "x.bin", official(case, case.network()))
    said = refused(file, method)
    titles = {"vpose": "VPose", "a3dhp": "A3DHP", "mixste": "MixSTE", "dstformer": "DSTformer"}
    assert f"looks like a checkpoint of {titles[other]}, not of {titles[method]}" in said
    assert f"import it with --method {other}" in said


@pytest.mark.parametrize(
    ("more", "title"),
    [({}, "D3DP"), ({"module.pose_estimator.clip_text.ln_final.bias": torch.ones(4)}, "FinePOSE")],
)
def test_diffusion_is_recognised(refused, tmp_path, more, title):
    state = {
        "module.betas": torch.ones(1000, dtype=torch.float64),
        "module.pose_estimator.Spatial_patch_to_embedding.weight": torch.ones(4, 5),
        "module.pose_estimator.time_mlp.1.weight": torch.ones(8, 4),
    }
    said = refused(save(tmp_path / "x.bin", {"model_pos": state | more}), "mixste")
    assert f"looks like a checkpoint of {title}, not of MixSTE" in said
    assert "import of those is not in this version" in said


def test_no_method_at_all(refused, tmp_path):
    state = {f"conv{n}.weight": torch.ones(1) for n in range(5)}
    said = refused(save(tmp_path / "x.bin", state), "mixste")
    assert "not those of MixSTE or of any method that can be imported" in said
    assert "(they are called conv0.weight, conv1.weight, conv2.weight, ... 5 in all)" in said


def test_a_method_without_importer(refused, tmp_path):
    said = refused(save(tmp_path / "x.bin", vpose_state()), "vpoze")
    assert "unknown method with an importer 'vpoze'" in said and "did you mean 'vpose'?" in said


# Tensors


def test_missing_and_further_tensors_are_named_up_to_three(refused, tmp_path):
    state = vpose_state()
    for name in ("shrink.bias", *(f"layers_bn.{n}.weight" for n in range(4))):
        del state[name]
    state |= {"extra": torch.ones(1), "expand_bn.weight": torch.ones(5)}
    said = refused(save(tmp_path / "x.bin", state))
    assert "its tensors are not those of such a VPose: 5 missing (" in said
    assert re.search(r"5 missing \([^,]+, [^,]+, [^,]+ and 2 more\)", said)
    assert "1 not known (extra)" in said
    assert "1 of another shape (expand_bn.weight (5,) instead of (16,))" in said


def test_tensors_that_tell_a_size_must_be_there(refused, tmp_path):
    state = vpose_state()
    del state["shrink.weight"]
    assert "it has no shrink.weight, which tells a size" in refused(save(tmp_path / "x", state))
    state = vpose_state() | {"shrink.weight": torch.ones(51, 16)}
    said = refused(save(tmp_path / "x", state))
    assert "shrink.weight is (51, 16); it must have 3 axes, none of them empty" in said
    state = vpose_state() | {"shrink.weight": torch.ones(50, 16, 1)}
    assert "the width of its output is 50, which is no multiple of 3" in refused(
        save(tmp_path / "x", state)
    )


def test_numbers_that_are_none(refused, tmp_path):
    state = vpose_state()
    state["shrink.bias"][3] = torch.nan
    assert "1 not finite in float32 (shrink.bias)" in refused(save(tmp_path / "x.bin", state))
    state = vpose_state() | {"shrink.bias": torch.full((51,), 1e200, dtype=torch.float64)}
    assert "1 not finite in float32 (shrink.bias)" in refused(save(tmp_path / "x.bin", state))
    state = vpose_state() | {"shrink.bias": torch.ones(51, dtype=torch.int64)}
    assert "1 of another type (shrink.bias torch.int64)" in refused(save(tmp_path / "x", state))


def test_negative_variances(refused, tmp_path):
    state = vpose_state()
    state["expand_bn.running_var"][2] = -1e-6
    said = refused(save(tmp_path / "x.bin", state))
    assert "1 with negative variances (expand_bn.running_var)" in said
    state["expand_bn.running_var"][2] = 0  # a channel that never changed
    out = tmp_path / "ok.safetensors"
    import_checkpoint(save(tmp_path / "x.bin", state), "vpose", out)
    assert out.exists()


def test_joints_that_no_lifter_takes(refused, tmp_path):
    for joints, options, said in (
        ((17, 15), (), "it takes 17 joints and gives 15; lifters need the same joints"),
        ((17, 1), (), "a trajectory network, which cannot lift"),
        ((16, 16), (), "it gives 16 joints; no skeleton with a root joint here has so many"),
        ((25, 25), (), "which says no skeleton; name it with --skeleton (body_25)"),
        ((25, 25), ("--skeleton", "body_25b"), "skeleton body_25b has no root joint"),
        (
            (17, 17),
            ("--skeleton", "coco_17"),
            "skeleton coco_17 has no root joint, which lifting "
            "needs; give another with --skeleton (human36m_17 or mpi_inf_3dhp_17)",
        ),
        ((17, 17), ("--skeleton", "humaneva_15"), "gives 17 joints, but skeleton humaneva_15 has"),
        ((17, 17), ("--skeleton", "human36"), "unknown skeleton 'human36'"),
    ):
        state = vpose_state(joints_in=joints[0], joints_out=joints[1])
        assert said in refused(save(tmp_path / "x.bin", state), "vpose", *options)


def test_a_dense_ablation_and_a_network_for_single_frames(refused, tmp_path):
    """Their tensors have the names of VPose, the networks are others."""
    said = refused(save(tmp_path / "x.bin", vpose_state(widths=(3, 7, 19))))
    assert "(3, 7, 19) frames wide: the dense ablation of the paper" in said
    state = {
        name: value[..., :1] if value.ndim == 3 else value for name, value in vpose_state().items()
    }
    assert "(1, 1, 1) frames wide: a network for single frames" in refused(
        save(tmp_path / "x.bin", state)
    )


def test_heads_that_do_not_share_the_channels(refused, tmp_path):
    file = save(tmp_path / "x.bin", CASES["mixste"].network().state_dict())
    said = refused(file, "mixste", "--heads", 3)
    assert "its 16 channels cannot be shared among 3 heads; the tensors do not say" in said
    assert "--heads is 0; it must be at least 1" in refused(file, "mixste", "--heads", 0)


def test_sizes_that_no_network_has(refused, tmp_path):
    """Names and shapes of a damaged file must not make it build a network without end."""
    state = CASES["mixste"].network().state_dict()
    state["STEblocks.9999.norm1.bias"] = torch.ones(1)
    said = refused(save(tmp_path / "x.bin", state), "mixste", "--heads", 4)
    assert f"its names count 10000 levels, but it has {len(state)} tensors in all" in said


@pytest.mark.parametrize("number", ["999999999", "9" * 100, "\u0663"])
def test_numbers_in_names_that_no_network_has(refused, tmp_path, number):
    name = f"layers_conv.{number}.weight"
    said = refused(save(tmp_path / "x.bin", vpose_state() | {name: torch.ones(1)}))
    assert f"its tensors are not those of such a VPose: 1 not known ({name})" in said
    theirs = f"backbone.tcn_blocks.{number}.conv1.0.conv.weight"
    state = to_mmpose(vpose_state(), "head") | {theirs: torch.ones(1)}
    said = refused(save(tmp_path / "x.bin", state))
    assert f"1 not known ({theirs})" in said


def test_two_names_for_one_tensor(refused, tmp_path):
    state = to_mmpose(vpose_state(), "head")
    state["keypoint_head.conv.bias"] = state["head.conv.bias"] + 1
    said = refused(save(tmp_path / "x.bin", state))
    assert "several of its names stand for the same tensor; give one network alone" in said


def test_a_shape_of_many_axes_is_shortened(refused, tmp_path):
    state = vpose_state() | {"shrink.weight": torch.ones((1,) * 60)}
    said = refused(save(tmp_path / "x.bin", state))
    assert "shrink.weight is (1, 1, 1, 1, 1, 1, ...); it must have 3 axes" in said


# Options


def test_options_that_the_method_has_not(refused, tmp_path):
    file = save(tmp_path / "x.bin", vpose_state())
    assert "--heads is given, but VPose has no such choice" in refused(file, "vpose", "--heads", 8)
    assert "--causal is given, but MixSTE has no such choice" in refused(file, "mixste", "--causal")
    assert "unknown unit 'cm'; known: m, mm, screen" in refused(file, "vpose", "--unit", "cm")
    assert "fps" in refused(file, "vpose", "--fps", 0)


def test_outputs_that_cannot_be_written(capsys, tmp_path):
    file = save(tmp_path / "x.bin", vpose_state())
    start = ("weights", "import", file, "--method", "vpose")
    run = Command(capsys)
    assert "the name of a bundle ends in .safetensors" in run(*start, "--out", "x.bin").err
    assert "does not exist" in run(*start, "--out", tmp_path / "no" / "x.safetensors").err
    assert "--out is missing; give the bundle to write, X.safetensors" in run(*start).err
    missing = "--method is missing; choose from vpose, a3dhp, mixste, dstformer"
    assert missing in run("weights", "import", file, "--out", "x.safetensors").err
    (tmp_path / "f.safetensors").mkdir()
    assert "this is a folder" in run(*start, "--out", tmp_path / "f.safetensors").err
    own = tmp_path / "own.safetensors"
    own.write_bytes(file.read_bytes())
    said = run("weights", "import", own, "--method", "vpose", "--out", own)
    assert "--out is the checkpoint itself" in said.err
    assert own.read_bytes() == file.read_bytes()
