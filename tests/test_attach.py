"""What an encoder must be for APM to attach to it, and what is said where it is something else."""

import pytest
import torch
from a3dhp_fixtures import a3dhp
from actionprompt_fixtures import ENCODERS, Foreign
from torch import Tensor, nn

from langlift.errors import InputError
from langlift.methods.a3dhp import A3DHP
from langlift.methods.actionprompt import attach
from langlift.methods.actionprompt.attach import Widths, check_encoder, encoder_padding
from langlift.methods.base import Stage, TemporalEncoder
from langlift.methods.dstformer import DSTformer
from langlift.methods.mixste import MixSTE
from langlift.methods.vpose import VPose, VPoseConfig

HOUSE = {"vpose": VPose, "a3dhp": A3DHP, "mixste": MixSTE, "dstformer": DSTformer}


class Recurrent(nn.Module):
    """A recurrent lifter that offers deeper layers."""

    layers = 3

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.GRU(34, 12, batch_first=True)
        self.more = nn.ModuleList(nn.GRU(12, 12, batch_first=True) for _ in range(2))
        self.leave = nn.Sequential(nn.Dropout(0.5), nn.Linear(12, 51))

    def shallow(self, xy: Tensor, confidence: Tensor | None = None) -> Stage:
        return Stage(self.first(xy.flatten(2))[0], 1, state=1)

    def advance(self, stage: Stage, layer: int) -> Stage:
        x = stage.features
        for gru in list(self.more)[stage.state - 1 : layer - 1]:
            x = gru(x)[0]
        return Stage(x, 1, state=layer)

    def deep(self, stage: Stage) -> Tensor:
        return self.advance(stage, self.layers).features

    def head(self, zd: Tensor) -> Tensor:
        return self.leave(zd).unflatten(-1, (17, 3))

    def forward(self, xy: Tensor) -> Tensor:
        return self.head(self.deep(self.shallow(xy)))


class Shortening(Recurrent):
    """One that loses a frame at either end."""

    padding = (1, 1)

    def deep(self, stage: Stage) -> Tensor:
        return super().deep(stage)[:, 1:-1]


@pytest.mark.parametrize("kind", list(HOUSE))
def test_sizes_of_the_encoders_of_the_house_are_those_that_a_pass_has(kind, monkeypatch):
    encoder = HOUSE[kind](ENCODERS[kind])
    frames = ENCODERS[kind].window or sum(encoder.padding) + 4
    said = check_encoder(encoder, 17, frames, tap=2)
    monkeypatch.setattr(attach, "_PER_JOINT", {})  # now as a stranger
    assert check_encoder(encoder, 17, frames, tap=2) == said
    assert check_encoder(encoder, 17, frames, tap=encoder.layers).last == said.last
    with torch.device("meta"):
        shapes_only = HOUSE[kind](ENCODERS[kind])
    assert check_encoder(shapes_only, 17, frames) == said
    expected = {"vpose": (16, 16, False, 4), "dstformer": (16, 24, True, 9)}
    if kind in expected:
        assert said == Widths(*expected[kind])


def test_the_strided_form_is_accepted(monkeypatch):
    monkeypatch.setattr(attach, "_PER_JOINT", {})
    encoder = VPose(VPoseConfig(widths=(3, 3), channels=8, form="strided"))
    assert check_encoder(encoder, 17, 9, tap=2) == Widths(8, 8, False, 1)


@pytest.mark.parametrize("frames", [1, 7])
def test_a_foreign_encoder_is_measured(frames):
    assert isinstance(Foreign(), TemporalEncoder)
    assert check_encoder(Foreign(), 17, frames) == Widths(12, 10, False, frames)
    assert check_encoder(Recurrent(), 17, frames, tap=3) == Widths(12, 12, False, frames)
    assert check_encoder(Shortening(), 17, frames + 2).output_frames == frames


def test_an_encoder_stays_as_it_was():
    encoder, calls = Recurrent().train(), []
    encoder.first.eval()
    encoder.register_forward_hook(lambda *_: calls.append(torch.is_grad_enabled()))
    state, before = torch.get_rng_state(), [m.training for m in encoder.modules()]
    check_encoder(encoder, 17, 5)
    assert calls == [False] and [m.training for m in encoder.modules()] == before
    assert torch.equal(torch.get_rng_state(), state) and not before[1] and before[0]
    assert all(p.requires_grad and p.grad is None for p in encoder.parameters())

    encoder.head = None  # type: ignore[assignment]
    with pytest.raises(InputError):
        check_encoder(encoder, 17, 5)
    assert [m.training for m in encoder.modules()] == before


def test_nothing_is_drawn_where_there_are_only_shapes():
    with torch.device("meta"):
        encoder = Recurrent()
    assert check_encoder(encoder, 17, 5, tap=2) == Widths(12, 12, False, 5)


def test_padding_is_none_where_nothing_is_said():
    assert encoder_padding(Foreign()) == (0, 0)
    assert encoder_padding(a3dhp(27)) == (13, 13)
    for wrong in (3, (1,), (1, -1), (1.0, 2)):
        encoder = Foreign()
        encoder.padding = wrong
        with pytest.raises(InputError) as refused:
            encoder_padding(encoder)
        assert str(refused.value) == (
            f"Foreign.padding is {wrong!r}; it must be a tuple of two whole numbers, the frames "
            "needed before and after an output frame"
        )


def changed(base: type[nn.Module], **methods) -> nn.Module:
    """An encoder with other methods; None takes one away."""
    return type("Lifter", (base,), methods)()


def flat(self, xy, confidence=None):
    return Stage(self.first(xy.flatten(2))[0].mean(dim=1), 1)


def three_rows(self, xy, confidence=None):
    return Stage(torch.zeros(3, 5, 12), 1)


def sparse(self, xy, confidence=None):
    return Stage(self.first(xy.flatten(2))[0], 2)


def twice(self, xy):
    return 2 * self.head(self.deep(self.shallow(xy)))


def from_the_start(self, stage):
    x = stage.features
    for gru in self.more:
        x = gru(x)[0]
    return x


SHALLOW = "shallow(xy, confidence=None), which gives a Stage with features (b, t, d)"
REFUSED = {
    "no shallow": ({"shallow": None}, f"Lifter has no shallow; an encoder needs {SHALLOW}"),
    "no deep": (
        {"deep": None},
        "Lifter has no deep; an encoder needs deep(stage), which gives the last features "
        "(b, f_out, d) or (b, f_out, j, d)",
    ),
    "no head": (
        {"head": 3},
        "Lifter has no head; an encoder needs head(zd), which gives joints (b, f_out, j, 3)",
    ),
    "no confidence": (
        {"shallow": lambda self, xy: Stage(xy.flatten(2), 1)},
        f"Lifter.shallow cannot be called with 2 arguments; an encoder needs {SHALLOW}",
    ),
    "features alone": (
        {"shallow": lambda self, xy, confidence=None: xy.flatten(2)},
        f"Lifter.shallow gave type Tensor; an encoder needs {SHALLOW}: import Stage from "
        "langlift.methods.base",
    ),
    "no features": (
        {"shallow": lambda self, xy, confidence=None: Stage(None, 1)},  # type: ignore[arg-type]
        "Lifter.shallow gave a Stage whose features are of type NoneType; an encoder needs "
        f"{SHALLOW}: import Stage from langlift.methods.base",
    ),
    "rank of shallow": (
        {"shallow": flat},
        "Lifter.shallow gave features of shape (2, 12) for 2 windows; they must be (b, t, d), or "
        "(b n, t, d) with n windows of each after the other",
    ),
    "rows of shallow": (
        {"shallow": three_rows},
        "Lifter.shallow gave features of shape (3, 5, 12) for 2 windows; they must be (b, t, d), "
        "or (b n, t, d) with n windows of each after the other",
    ),
    "stride of shallow": (
        {"shallow": sparse},
        "Lifter.shallow gave 5 time steps with a stride of 2 for 5 frames; the stride must be the "
        "frames between two steps",
    ),
    "rank of deep": (
        {"deep": lambda self, stage: stage.features.mean(dim=1)},
        "Lifter.deep gave (2, 12) for 2 windows with 5 output frames; it must give (2, 5, d) or "
        "(2, 5, j, d), and padding must name the frames that get lost",
    ),
    "frames of deep": (
        {"deep": lambda self, stage: stage.features[:, 1:]},
        "Lifter.deep gave (2, 4, 12) for 2 windows with 5 output frames; it must give (2, 5, d) or "
        "(2, 5, j, d), and padding must name the frames that get lost",
    ),
    "kind of deep": (
        {"deep": lambda self, stage: stage},
        "Lifter.deep gave Stage for 2 windows with 5 output frames; it must give (2, 5, d) or "
        "(2, 5, j, d), and padding must name the frames that get lost",
    ),
    "rank of head": (
        {"head": lambda self, zd: self.leave(zd)},
        "Lifter.head gave (2, 5, 51); it must give joints in metres of shape (2, 5, j, 3)",
    ),
    "another pass": (
        {"forward": twice},
        "the stages shallow, deep and head of Lifter give other joints than its own pass: "
        "forward(xy) must be head(deep(shallow(xy))), to the bit in evaluation",
    ),
    "deep starts again": (
        {"deep": from_the_start, "tap": 2},
        "the stages shallow, deep and head of Lifter give other joints than deep after "
        "advance(stage, 2): deep must go on from the stage's own layer, to the bit in evaluation",
    ),
    "too deep": (
        {"tap": 4},
        "tap is 4, but Lifter has layers 1 to 3; set tap to one of them",
    ),
    "no layers": (
        {"layers": None, "tap": 2},
        "tap is 2, but Lifter does not offer deeper layers; set tap to 1, or give it "
        "advance(stage, layer) and the number of its layers",
    ),
    "kind of advance": (
        {"advance": lambda self, stage, layer: stage.features, "deep": from_the_start, "tap": 2},
        "Lifter.advance gave type Tensor; an encoder needs advance(stage, layer), which gives the "
        "Stage after a deeper layer: import Stage from langlift.methods.base",
    ),
    "windows": (
        {"window_features": lambda self, stage, starts: stage.features},
        "Lifter.window_features gave (2, 5, 12) for one window of each of 2; it must give "
        "(2, 1, t, 12)",
    ),
}


@pytest.mark.parametrize("name", list(REFUSED))
def test_what_is_no_encoder_is_refused_by_name(name):
    changes, message = REFUSED[name]
    methods = dict(changes)
    tap = methods.pop("tap", 1)
    with pytest.raises(InputError) as refused:
        check_encoder(changed(Recurrent, **methods), 17, 5, tap=tap)
    assert str(refused.value) == message
