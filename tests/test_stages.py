"""Stages of the encoders: deeper layers, and features of single windows out of a track."""

import math

import pytest
import torch
from a3dhp_fixtures import a3dhp
from encoder_checks import random_xy
from lifting_fixtures import config, randomised
from torch import nn

from langlift.errors import InputError
from langlift.methods.a3dhp import folded
from langlift.methods.dstformer import DSTformer, DSTformerConfig
from langlift.methods.mixste import MixSTE, MixSTEConfig
from langlift.methods.vpose import VPose


def vpose(**changes) -> VPose:
    settings = {"widths": (3, 5, 3), "channels": 8, **changes}
    return randomised(VPose(config(**settings))).eval()


def mixste() -> MixSTE:
    torch.manual_seed(0)
    return MixSTE(MixSTEConfig(9, 16, depth=3, heads=4)).eval()


def dstformer() -> DSTformer:
    torch.manual_seed(0)
    return DSTformer(DSTformerConfig(9, 16, 24, depth=3, heads=4)).eval()


#: Encoder, frames of a pass, and time steps and stride of its features after each layer.
ENCODERS = {
    "vpose": (vpose, 49, [(47, 1), (35, 1), (5, 1)]),
    "vpose causal": (lambda: vpose(causal=True), 49, [(47, 1), (35, 1), (5, 1)]),
    "vpose strided": (lambda: vpose(form="strided"), 45, [(15, 3), (3, 15), (1, 45)]),
    "a3dhp": (lambda: a3dhp(243), 245, [(81, 3), (27, 9), (9, 27), (3, 81), (1, 243)]),
    "mixste": (mixste, 9, [(9, 1)] * 3),
    "dstformer": (dstformer, 9, [(9, 1)] * 3),
}
CLOSE = {"atol": 2e-5, "rtol": 1e-5}
NAMES = {"vpose": "VPose", "a3dhp": "A3DHP", "mixste": "MixSTE", "dstformer": "DSTformer"}


@pytest.fixture(params=list(ENCODERS))
def encoder(request):
    return ENCODERS[request.param][0]()


def frames_of(encoder: nn.Module) -> int:
    """Frames of a pass that has several output frames, where it can."""
    strided = getattr(encoder.config, "form", "") == "strided"
    return sum(encoder.padding) + 1 if strided else sum(encoder.padding) + 5


@pytest.mark.parametrize("name", list(ENCODERS))
def test_layers_have_their_steps_and_strides(name):
    build, frames, expected = ENCODERS[name]
    network = build()
    stage = network.shallow(random_xy(2, frames, 17))
    assert network.layers == len(expected)
    for layer, (steps, stride) in enumerate(expected, 1):
        found = network.advance(stage, layer)
        assert (found.features.shape[1], found.stride) == (steps, stride)
        assert found.layer == layer


def test_deep_goes_on_from_any_layer_to_the_bit(encoder):
    xy = random_xy(2, frames_of(encoder), 17)
    stage = encoder.shallow(xy)
    expected = encoder.deep(stage)
    assert torch.equal(encoder.head(expected), encoder(xy))
    for first in range(1, encoder.layers + 1):
        reached = encoder.advance(stage, first)
        assert torch.equal(encoder.deep(reached), expected)
        for second in range(first, encoder.layers + 1):
            further = encoder.advance(reached, second)
            assert torch.equal(further.features, encoder.advance(stage, second).features)
            assert torch.equal(encoder.deep(further), expected)


def test_a_stage_stays_as_it_was(encoder):
    stage = encoder.shallow(random_xy(2, frames_of(encoder), 17))
    middle = encoder.advance(stage, 2)
    before, expected = middle.features.clone(), encoder.deep(middle)
    assert torch.equal(encoder.deep(middle), expected)  # skips are not joined twice
    assert torch.equal(middle.features, before)


def test_nothing_is_computed_twice(encoder):
    """Every layer with weights runs as often on the way over all stages as in one pass."""
    runs: list[str] = []
    for name, module in encoder.named_modules():
        if not list(module.children()):
            module.register_forward_hook(lambda *_, name=name: runs.append(name))
    xy = random_xy(2, frames_of(encoder), 17)
    encoder(xy)
    once, runs[:] = list(runs), []
    stage = encoder.shallow(xy)
    for layer in range(1, encoder.layers + 1):
        stage = encoder.advance(stage, layer)
    encoder.head(encoder.deep(stage))
    assert runs == once and once


def test_the_form_for_inference_has_the_same_layers(encoder):
    prepared = encoder.prepared(torch.float32)
    xy = random_xy(2, frames_of(encoder), 17)
    plain, stage = encoder.shallow(xy), prepared.shallow(xy)
    strided = getattr(encoder.config, "form", "") == "strided"
    assert prepared.layers == encoder.layers
    with torch.no_grad():
        expected = encoder(xy)
        for layer in range(1, encoder.layers + 1):
            found = prepared.advance(stage, layer)
            torch.testing.assert_close(prepared.head(prepared.deep(found)), expected, **CLOSE)
            if not strided:  # prepared, it slides: more time steps
                wanted = encoder.advance(plain, layer).features
                torch.testing.assert_close(found.features, wanted, **CLOSE)


def test_prepared_a3dhp_takes_windows_in_pieces_from_any_layer(monkeypatch):
    prepared, xy = a3dhp(243).prepared(torch.float32), random_xy(2, 249, 17)
    whole = prepared.advance(prepared.shallow(xy), 3)
    monkeypatch.setitem(folded.WINDOWS, "cpu", 2)
    pieces = prepared.advance(prepared.shallow(xy), 3)
    assert pieces.features.shape == (14, 9, 16)
    torch.testing.assert_close(pieces.features, whole.features)
    torch.testing.assert_close(prepared.deep(pieces), prepared.deep(whole))


@pytest.mark.parametrize("of", ["encoder", "prepared"])
@pytest.mark.parametrize("name", list(NAMES))
def test_a_layer_that_cannot_be_reached_is_refused(name, of):
    network, frames, layers = ENCODERS[name]
    encoder = network() if of == "encoder" else network().prepared(torch.float32)
    stage = encoder.shallow(random_xy(1, frames, 17))
    most = len(layers)
    for layer in (0, -1, most + 1):
        with pytest.raises(InputError) as refused:
            encoder.advance(stage, layer)
        assert str(refused.value) == (
            f"layer is {layer}; the layers of this {NAMES[name]} are 1 to {most}: give one of them"
        )
    with pytest.raises(InputError) as refused:
        encoder.advance(encoder.advance(stage, 3), 2)
    assert str(refused.value) == (
        "layer is 2, but the stage is of layer 3 already; an encoder only goes on: start from the "
        "stage that shallow gives"
    )


# Windows


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("widths", [(3,), (3, 3, 3), (3, 5, 3), (5, 3)])
def test_windows_out_of_the_dilated_form_are_those_of_the_strided_one(widths, causal):
    strided = vpose(widths=widths, causal=causal, form="strided")
    dilated = vpose(widths=widths, causal=causal)
    field = math.prod(widths)
    xy, starts = random_xy(2, field + 20, 17), torch.tensor([0, 7, 4, 20])
    windows = torch.stack([xy[:, s : s + field] for s in starts.tolist()], dim=1)
    for form in (dilated, dilated.prepared(torch.float32)):
        for layer in range(1, strided.layers + 1):
            stage = strided.advance(strided.shallow(windows.flatten(0, 1)), layer)
            expected = stage.features.unflatten(0, (2, 4))
            found = form.window_features(form.advance(form.shallow(xy), layer), starts)
            assert found.shape == expected.shape
            close = 1e-6 if form is dilated else 1e-5  # folded weights are rounded anew
            torch.testing.assert_close(found, expected, atol=close, rtol=1e-5)


def test_the_strided_form_is_one_window_also_where_it_is_prepared():
    network, xy = vpose(form="strided"), random_xy(2, 45, 17)
    prepared = network.prepared(torch.float32)  # slides, but has the same windows
    for layer in (1, 2, 3):
        stage = prepared.advance(prepared.shallow(xy), layer)
        found = prepared.window_features(stage, torch.tensor([0]))
        expected = network.advance(network.shallow(xy), layer).features[:, None]
        torch.testing.assert_close(found, expected, **CLOSE)


def test_the_strided_form_refuses_other_windows():
    network = vpose(form="strided")
    stage = network.shallow(random_xy(2, 45, 17))
    found = network.window_features(stage, torch.tensor([0]))
    assert found.shape == (2, 1, 15, 8) and torch.equal(found[:, 0], stage.features)
    for starts in ([1], [0, 3], []):
        with pytest.raises(InputError) as refused:
            network.window_features(stage, torch.tensor(starts, dtype=torch.long))
        assert str(refused.value) == (
            f"got windows that start at {starts}; a pass of this strided VPose is one window, "
            "which starts at [0]: use the dilated form for more"
        )


@pytest.mark.parametrize("prepared", [False, True])
def test_windows_of_a3dhp_are_its_rows(prepared):
    network, xy = a3dhp(27), random_xy(2, 33, 17)
    form = network.prepared(torch.float32) if prepared else network
    starts = torch.tensor([6, 0, 3])
    with torch.no_grad():
        for layer in range(1, network.layers + 1):
            found = form.window_features(form.advance(form.shallow(xy), layer), starts)
            for n, start in enumerate(starts.tolist()):
                alone = network.advance(network.shallow(xy[:, start : start + 27]), layer)
                torch.testing.assert_close(found[:, n], alone.features, atol=1e-5, rtol=1e-5)


class Windows(nn.Module):
    """What a method does with the windows of a pass of any length."""

    def __init__(self, encoder: nn.Module, layer: int) -> None:
        super().__init__()
        self.encoder, self.layer = encoder, layer

    def forward(self, xy):
        stage = self.encoder.advance(self.encoder.shallow(xy), self.layer)
        starts = torch.arange(-(-(xy.shape[1] - sum(self.encoder.padding)) // 3)) * 3
        return self.encoder.window_features(stage, starts), self.encoder.deep(stage)


@pytest.mark.parametrize("layer", [1, 2])
@pytest.mark.parametrize("build", [lambda: vpose(widths=(3, 3)), a3dhp])
def test_windows_are_traced_for_any_length(build, layer):
    network = Windows(build(), layer).eval()
    least = sum(network.encoder.padding) + 1
    axes = {0: torch.export.Dim("b", min=1), 1: torch.export.Dim("f", min=least)}
    sample = random_xy(2, least + 4, 17)
    with torch.fx.experimental._config.patch(backed_size_oblivious=True):  # as for ONNX
        traced = torch.export.export(
            network,
            (sample,),
            dynamic_shapes=(axes,),
            prefer_deferred_runtime_asserts_over_guards=True,
        ).module()
    for batch, frames in ((1, least + 1), (3, least + 11)):
        xy = random_xy(batch, frames, 17, seed=5)
        for found, expected in zip(traced(xy), network(xy), strict=True):
            torch.testing.assert_close(found, expected)
