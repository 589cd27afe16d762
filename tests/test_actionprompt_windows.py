"""Which windows of a track get a label, and that a track is lifted as its windows are."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from actionprompt_fixtures import ENCODERS, Foreign, generator, prompted, small, xy_of
from lifting_fixtures import ACTIONS, randomised
from torch import Tensor, nn

from langlift.errors import InputError
from langlift.methods.actionprompt import ActionPromptConfig, ActionPrompted
from langlift.methods.actionprompt.app import frames_of
from langlift.methods.actionprompt.windows import Labels
from langlift.methods.base import Batch, Guidance, MethodConfig, Stage

#: Output frame whose window names each label, of 40 frames in steps of 9: 36 to 39 are the last.
MIDDLES, FIRSTS = [4, 13, 22, 31, 37], [0, 9, 18, 27, 36]
CAUSAL = replace(ENCODERS["vpose"], causal=True)


def drawn(*shape: int, seed: int = 3) -> Tensor:
    return 0.5 * torch.randn(*shape, generator=generator(seed))


def labels(**changes: Any) -> Labels:
    settings: dict[str, Any] = {
        **{"hop": 3, "length": 9, "padding": (0, 0), "looks_ahead": True, "whole": False},
        **changes,
    }
    return Labels(**settings)


def numbered(steps: int, stride: int = 1) -> Stage:
    """Features that say which step they are."""
    return Stage(torch.arange(float(steps))[None, :, None], stride)


def steps_of(found: Tensor) -> list[list[int]]:
    """The steps of each window of `numbered` features."""
    return found[0, :, :, 0].int().tolist()


@pytest.mark.parametrize("tap", [1, 2, 3])
@pytest.mark.parametrize("causal", [False, True])
def test_with_a_hop_of_one_a_track_is_lifted_as_its_windows(tap, causal):
    encoder = replace(ENCODERS["vpose"], causal=causal)
    track = prompted("vpose", encoder=encoder, label_hop=1, tap=tap)
    strided = prompted("vpose", encoder=replace(encoder, form="strided"), tap=tap)
    strided.load_state_dict(track.state_dict())
    xy = xy_of("vpose", 1)
    with torch.no_grad():
        whole = track.predict(xy)
        parts = [strided.predict(xy[:, at : at + 27]) for at in range(40)]
        ready = track.prepared("fp32")(xy)
    joints = torch.cat([part.joints for part in parts], dim=1)
    logits = torch.cat([part.action_logits for part in parts], dim=1)
    assert joints.shape == (1, 40, 17, 3)
    for said in (whole, ready):
        torch.testing.assert_close(said.joints, joints, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(said.action_logits, logits, atol=1e-2, rtol=1e-3)
    assert logits.std(dim=1).max() > 1e-2  # the windows are not all alike


def test_windows_of_a3dhp_are_lifted_as_one_by_one():
    method, xy = prompted("a3dhp", label_hop=1), xy_of("a3dhp", 2)
    with torch.no_grad():
        whole = method.predict(xy)
        parts = [method.predict(xy[:, at : at + 27]) for at in range(40)]
    joints = torch.cat([part.joints for part in parts], dim=1)
    logits = torch.cat([part.action_logits for part in parts], dim=1)
    torch.testing.assert_close(whole.action_logits, logits, atol=1e-2, rtol=1e-3)
    torch.testing.assert_close(whole.joints, joints, atol=1e-4, rtol=1e-4)
    assert len(logits.argmax(dim=-1).unique()) > 1


@pytest.mark.parametrize(
    ("kind", "changes", "at"),
    [
        ("vpose", {}, MIDDLES),
        ("vpose", {"encoder": CAUSAL}, FIRSTS),
        ("a3dhp", {}, MIDDLES),
        ("foreign", {"label_hop": 9, "label_frames": 27}, MIDDLES),
    ],
)
def test_frames_share_the_label_of_the_window_in_their_middle(kind, changes, at):
    method, each = prompted(kind, **changes), prompted(kind, **{**changes, "label_hop": 1})
    assert method.config.hop == 9
    xy = xy_of(kind)
    with torch.no_grad():
        said, single = method.predict(xy), each.predict(xy)
        ready = method.prepared("fp32")(xy)
    for found in (said, ready):
        shared = found.action_logits[:, ::9]
        torch.testing.assert_close(shared, single.action_logits[:, at], atol=1e-2, rtol=1e-3)
    repeated = said.action_logits[:, ::9].repeat_interleave(9, dim=1)[:, :40]
    assert torch.equal(repeated, said.action_logits)


def test_the_poses_are_those_of_the_shared_label():
    method, xy = prompted("vpose"), xy_of("vpose")
    with torch.no_grad():
        said = method.predict(xy)
        told = [
            method.predict(xy, guidance=Guidance("label", label, "given")).joints
            for label in ACTIONS.labels
        ]
    found = said.action_logits.argmax(dim=-1)
    for b in range(2):
        for f in range(40):
            expected = told[int(found[b, f])][b, f]
            torch.testing.assert_close(said.joints[b, f], expected, atol=1e-5, rtol=1e-5)


def test_a_causal_label_knows_no_later_frame():
    method = prompted("vpose", encoder=CAUSAL)
    xy = xy_of("vpose", 1).requires_grad_()
    said = method.predict(xy)
    for f in (0, 8, 9, 20, 39):
        (seen,) = torch.autograd.grad(
            said.action_logits[0, f].sum() + said.joints[0, f].sum(), xy, retain_graph=True
        )
        assert not seen[0, f + 27 :].any() and seen[0, f + 26].any()
        begin = 9 * (f // 9)  # of the label's window
        assert seen[0, begin].any() and not seen[0, :begin].any()


@pytest.mark.parametrize("kind", ["vpose", "a3dhp"])
def test_pieces_of_whole_labels_are_lifted_as_the_track(kind):
    method, xy = prompted(kind), xy_of(kind, 1)
    assert method.config.chunk_multiple == 9
    with torch.no_grad():
        whole = method.predict(xy)
        assert len(whole.action_logits[0].unique(dim=0)) == 5  # of 40 frames, nine by nine
        pieces = [method.predict(xy[:, at : min(at + 18, 40) + 26]) for at in (0, 18, 36)]
    joints = torch.cat([piece.joints for piece in pieces], dim=1)
    logits = torch.cat([piece.action_logits for piece in pieces], dim=1)
    torch.testing.assert_close(joints, whole.joints, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(logits, whole.action_logits, atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("frames", [9, 5, 1])
@pytest.mark.parametrize("kind", ["mixste", "dstformer"])
def test_an_encoder_of_whole_windows_has_one_label_for_a_pass(kind, frames):
    method, xy = prompted(kind), xy_of(kind)[:, :frames]
    logits = method.predict(xy).action_logits
    assert logits.shape == (2, frames, 3)
    assert torch.equal(logits, logits[:, :1].expand(-1, frames, -1))
    x = method.encoder.shallow(xy).features
    torch.testing.assert_close(logits[:, 0], method.atp(x, method.text), atol=1e-3, rtol=1e-4)


def test_a_third_of_the_window_shares_a_label():
    assert [prompted(kind).config.hop for kind in ("vpose", "a3dhp", "foreign")] == [9, 9, 3]
    assert frames_of(torch.arange(3)[None], 20, 9).tolist() == [[0] * 9 + [1] * 9 + [2] * 2]
    assert frames_of(torch.zeros(1, 1), 20, 9).tolist() == [[0] * 20]


def test_windows_of_an_encoder_that_says_nothing_are_cut_around_the_frame():
    found = steps_of(labels().features(None, numbered(20), 20))
    assert len(found) == 7
    starts = [0, 0, 3, 6, 9, 11, 11]  # frames 1, 4, 7, ... 16, 18; at the ends as far as it goes
    assert found == [list(range(start, start + 9)) for start in starts]


def test_a_causal_window_is_cut_before_the_frame():
    found = steps_of(labels(looks_ahead=False).features(None, numbered(20), 20))
    assert found[3] == list(range(1, 10)) and found[6] == list(range(10, 19))
    assert found[0] == [0] * 9  # there is nothing before it but itself
    assert found[1] == [0] * 6 + [1, 2, 3]


def test_a_track_shorter_than_a_window_is_one_window():
    assert steps_of(labels().features(None, numbered(5), 5)) == [[0, 1, 2, 3, 4]] * 2
    assert steps_of(labels().features(None, numbered(1), 1)) == [[0]]


def test_windows_of_a_strided_stage_have_as_many_steps_as_in_training():
    """A window of 9 frames has 3 steps; 21 frames, from which nothing is lost, have 7."""
    found = steps_of(labels().features(None, numbered(7, stride=3), 21))
    assert found == [[0, 1, 2], [0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5], [4, 5, 6], [4, 5, 6]]


class Sliding(nn.Module):
    """Valid convolutions of a stranger: 3 frames in the first stage, 7 in the second."""

    padding = (4, 4)

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(34, 12, 3)
        self.second = nn.Conv1d(12, 10, 7)
        self.last = nn.Linear(10, 51)

    def shallow(self, xy: Tensor, confidence: Tensor | None = None) -> Stage:
        return Stage(self.first(xy.flatten(2).mT).mT.tanh(), stride=1)

    def deep(self, stage: Stage) -> Tensor:
        return self.second(stage.features.mT).mT.tanh()

    def head(self, zd: Tensor) -> Tensor:
        return self.last(zd).unflatten(-1, (17, 3))

    def forward(self, xy: Tensor) -> Tensor:
        return self.head(self.deep(self.shallow(xy)))


def test_the_window_of_a_label_follows_from_the_padding():
    settings: dict[str, Any] = {"text": "learned", "text_width": 24, "width": 8, "heads": 2}
    config = ActionPromptConfig(encoder=MethodConfig(), **settings)
    assert config.frames_seen is None and config.label_window == 81
    method = ActionPrompted(Sliding(), ACTIONS, config=config)
    assert (method.config.label_window, method.config.hop, method.config.chunk_multiple) == (
        9,
        3,
        3,
    )
    with pytest.raises(InputError, match=r"sees 27 frames .* its padding \(4, 4\) that it sees 9"):
        ActionPrompted(Sliding(), ACTIONS, config=replace(config, label_frames=27))
    seen = {kind: small(kind).frames_seen for kind in ENCODERS}
    assert seen == {"vpose": 27, "a3dhp": 27, "mixste": 9, "dstformer": 9}


def test_an_encoder_of_nobodys_is_lifted_as_its_windows():
    settings: dict[str, Any] = {"encoder": MethodConfig(), "label_hop": 1, "text": "learned"}
    sizes: dict[str, Any] = {"text_width": 24, "prompts": 5, "width": 8, "heads": 2}
    config = ActionPromptConfig(**settings, **sizes)
    method = randomised(ActionPrompted(Sliding(), ACTIONS, config=config)).eval()
    assert method.padding == (4, 4)
    xy = drawn(2, 20, 17, 2)
    with torch.no_grad():
        whole = method.predict(xy)
        parts = [method.predict(xy[:, at : at + 9]) for at in range(12)]
    joints = torch.cat([part.joints for part in parts], dim=1)
    logits = torch.cat([part.action_logits for part in parts], dim=1)
    torch.testing.assert_close(whole.joints, joints, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(whole.action_logits, logits, atol=1e-3, rtol=1e-4)
    assert logits.std(dim=1).max() > 1e-2


def test_training_windows_with_many_outputs_have_labels_as_in_lifting():
    method = prompted("vpose", projector="pooling")
    xy, target = xy_of("vpose", 2), drawn(2, 40, 17, 3)
    found = method.training_loss(Batch(xy, target, torch.tensor([0, 2]))).terms["action"]
    logits = method.predict(xy).action_logits[:, ::9]  # one row per label
    expected = nn.functional.cross_entropy(logits.mT, torch.tensor([[0] * 5, [2] * 5]))
    torch.testing.assert_close(found, expected)


def test_a_recurrent_encoder_tells_the_action_of_every_part_of_a_track():
    method = prompted("foreign")
    assert isinstance(method.encoder, Foreign) and method.padding == (0, 0)
    xy = xy_of("foreign", 1).requires_grad_()
    said = method.predict(xy)
    assert said.action_logits.shape == (1, 40, 3)
    (seen,) = torch.autograd.grad(said.action_logits[0, 19].sum(), xy)
    assert not seen[0, 24:].any() and seen[0, 23].any()  # frames 18 to 20: around 19, 4 each way
