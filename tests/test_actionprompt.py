"""ActionPrompt as a whole: its size, what it is with closed gates, and what it refuses."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from actionprompt_fixtures import (
    ENCODERS,
    KINDS,
    bare,
    batch_of,
    build,
    close_gates,
    count,
    prompted,
    small,
    xy_of,
)
from doc_pages import table
from lifting_fixtures import ACTIONS

from langlift.actions import ActionVocabulary
from langlift.errors import InputError
from langlift.methods import METHODS
from langlift.methods.actionprompt import (
    PromptedA3DHPConfig,
    PromptedDSTformerConfig,
    PromptedMixSTEConfig,
    PromptedVPoseConfig,
)
from langlift.methods.base import Mirror, Sampling, TemporalEncoder
from langlift.skeletons import HUMAN36M_17

FIFTEEN = ActionVocabulary(tuple(f"class_{n}" for n in range(15)))
#: Encoder, and parameters: of the encoder, the projector, P2T and APP, with 15 classes.
COUNTS = {
    "vpose": (16_952_371, 4_723_200, 1_578_496, 1_365_248),
    "a3dhp": (None, 4_723_200, 1_578_496, 1_365_248),
    "mixste": (16_961_539, 1_313_280, 1_053_184, 1_102_080),
    "dstformer": (None, 1_313_280, 1_053_184, 1_102_080),
}
#: Layers, width and prompts of the decoder (Table IX), and the parameters of VPose with APM.
SIZES = {
    (1, 256, 81): 24_619_315,
    (4, 256, 81): 26_202_163,
    (1, 128, 81): 23_806_643,
    (1, 1024, 81): 35_000_371,
    (1, 256, 27): 24_411_955,
    (1, 256, 243): 25_241_395,
}
JOINTS = Mirror(torch.tensor(HUMAN36M_17.mirror), ACTIONS.mirror)


def on_meta(kind: str, **settings: Any) -> Any:
    entry = METHODS[f"{kind}+apm"]
    with torch.device("meta"):
        return entry.build(entry.config(**settings), FIFTEEN)


@pytest.mark.parametrize("kind", COUNTS)
def test_each_part_has_the_parameters_of_the_closed_form(kind):
    method, (encoder, projector, p2t, app) = on_meta(kind), COUNTS[kind]
    assert encoder in (None, count(method.encoder))
    assert count(method.atp.projector) == projector
    assert count(method.atp.pose_to_text) == p2t
    assert count(method.app) == app
    assert count(method) == count(method.encoder) + projector + p2t + app


def test_vpose_with_apm_has_24619315_parameters_and_the_stored_text():
    method = on_meta("vpose")
    assert count(method) == 24_619_315
    assert {name: tuple(b.shape) for name, b in method.named_buffers() if name == "text"} == {
        "text": (15, 512)
    }


@pytest.mark.parametrize(("d", "c", "n"), SIZES)
def test_sizes_of_table_nine_are_counted_by_ours(d, c, n):
    layer = 8 * c * c + 4 * c + 3 * c + 6 * c
    app = 1024 * c + c + d * layer + 15 * n * c + c * 1024 + 1024 + 1024
    expected = 16_952_371 + 4_723_200 + 1_578_496 + app
    assert count(on_meta("vpose", layers=d, width=c, prompts=n)) == expected == SIZES[d, c, n]


def test_the_readme_lists_these_counts():
    rows = [[int(cell.replace(",", "")) for cell in row[:4]] for row in table("apm parameters")]
    assert {(d, c, n): total for d, c, n, total in rows} == SIZES


@pytest.mark.parametrize("kind", KINDS)
def test_with_closed_gates_it_is_the_encoder_to_the_bit(kind):
    method, xy = prompted(kind), xy_of(kind)
    close_gates(method)
    encoder: Any = method.encoder
    assert isinstance(encoder, TemporalEncoder)
    with torch.no_grad():
        expected = encoder(xy)
        assert torch.equal(method(xy), expected)
        ready = encoder.prepared(torch.float32) if hasattr(encoder, "prepared") else encoder
        assert torch.equal(method.prepared("fp32")(xy).joints, ready(xy))
        both = (ready(xy) + JOINTS.points(ready(JOINTS.points(xy)))) / 2
        assert torch.equal(method.prepared("fp32")(xy, mirror=JOINTS).joints, both)
    assert not torch.equal(prompted(kind)(xy), expected)  # the gates were what closed it


@pytest.mark.parametrize("kind", ENCODERS)
def test_with_closed_gates_it_is_trained_by_the_encoders_own_losses(kind):
    method = prompted(kind)
    close_gates(method)
    entry = METHODS[kind]
    alone: Any = entry.build(ENCODERS[kind], ActionVocabulary(()))
    alone.encoder.load_state_dict(method.encoder.state_dict())
    batch = batch_of(method, kind)
    expected = alone.train().training_loss(batch)
    found = method.train().training_loss(batch)
    terms = dict(found.terms)
    assert terms.pop("action") > 0
    assert list(terms) == list(expected.terms)
    assert all(torch.equal(terms[name], expected.terms[name]) for name in terms)
    assert found.weights == {**expected.weights, "action": 0.1}
    assert found.self_weighted == expected.self_weighted


def test_losses_of_the_encoders_settings_are_kept():
    encoder = replace(ENCODERS["mixste"], self_weighted=True)
    method = build("mixste", encoder=encoder, action_weight=0.7)
    found = method.training_loss(batch_of(method, "mixste"))
    assert found.self_weighted
    assert set(found.terms) == {"weighted_mpjpe", "velocity", "consistency", "action"}
    assert found.weights["action"] == 0.7 and found.weights["velocity"] == 2.0


@pytest.mark.parametrize("kind", KINDS)
def test_an_output_depends_on_its_own_input_only(kind):
    method, xy = prompted(kind), xy_of(kind, 3).requires_grad_()
    said = method.predict(xy)
    (said.joints[1].square().sum() + said.action_logits[1].sum()).backward()
    assert not xy.grad[0].any() and not xy.grad[2].any() and xy.grad[1].any()
    changed = xy.detach().clone()
    changed[1] = 2 * changed[1].flip(0)
    other = method.predict(changed)
    for a, b in ((said.joints, other.joints), (said.action_logits, other.action_logits)):
        torch.testing.assert_close(a[[0, 2]], b[[0, 2]], atol=1e-4, rtol=1e-5)
        assert (a[1] - b[1]).abs().max() > 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_the_prepared_form_gives_the_same_numbers_and_leaves_the_network_alone(kind):
    method, xy = prompted(kind).train(), xy_of(kind)
    before = {name: value.clone() for name, value in method.state_dict().items()}
    same, half = method.prepared("fp32"), method.prepared("bf16")
    assert method.training and all(p.requires_grad for p in method.parameters())
    assert all(torch.equal(value, before[name]) for name, value in method.state_dict().items())
    method.eval()
    expected, given = method.predict(xy), same(xy)
    torch.testing.assert_close(given.joints, expected.joints, atol=1e-5, rtol=0)
    torch.testing.assert_close(given.action_logits, expected.action_logits, atol=1e-2, rtol=0)
    assert half(xy).joints.dtype == torch.float32
    assert not given.joints.requires_grad or kind == "foreign"  # which has no such form


def test_the_papers_settings_are_the_defaults():
    config = PromptedVPoseConfig()
    assert config.encoder.receptive_field == 243 and config.encoder.channels == 1024
    assert (config.action_weight, config.layers, config.width, config.prompts) == (0.1, 1, 256, 81)
    assert (config.text, config.context, config.text_width, config.tap) == ("clip", 16, 512, 1)
    assert PromptedMixSTEConfig().encoder.depth == 4
    assert {METHODS[f"{kind}+apm"].config for kind in ENCODERS} == {
        PromptedVPoseConfig,
        PromptedA3DHPConfig,
        PromptedMixSTEConfig,
        PromptedDSTformerConfig,
    }


def test_what_lifting_and_training_ask_is_the_encoders():
    vpose = small("vpose", encoder=replace(ENCODERS["vpose"], form="strided", causal=True))
    assert (vpose.output_frames, vpose.window, vpose.looks_ahead) == (1, None, False)
    assert vpose.for_lifting().output_frames is None and vpose.for_lifting().text == "learned"
    mixste = small("mixste", projector="pooling")
    assert (mixste.output_frames, mixste.window) == (9, 9)
    assert not mixste.batch_normalised and small("mixste").batch_normalised
    assert small("dstformer").uses_confidence and not mixste.uses_confidence
    assert mixste.trains_actions and mixste.takes_action
    assert not small("mixste", pose_prompts=False).takes_action
    assert (vpose.label_window, vpose.hop, vpose.chunk_multiple) == (27, 9, 9)
    assert small("vpose", label_hop=1).chunk_multiple == 1
    with pytest.raises(InputError, match="joints_in is 17; lifters work on 15 joints"):
        vpose.check_joints(15)


REFUSED = [
    ({"encoder": None}, "encoder is None; it must be the settings of an encoder"),
    ({"text": "bert"}, "unknown text 'bert'; known: clip, learned, minilm, one-hot, random"),
    ({"projector": "gru"}, "unknown projector 'gru'; known: convolutions, pooling"),
    ({"choice": "best"}, "unknown choice 'best'; known: likeliest, weighted"),
    ({"prompts": 0}, "prompts is 0; it must be at least 1 and at most 100,000"),
    ({"layers": 101}, "layers is 101; it must be at least 1 and at most 100$"),
    ({"tap": 0}, "tap is 0; it must be at least 1"),
    ({"heads": 0}, "heads is 0; it must be at least 1"),
    ({"context": -1}, "context is -1; it must be at least 0"),
    ({"label_hop": -1}, "label_hop is -1; it must be at least 0"),
    ({"action_weight": math.nan}, "action_weight is nan; it must be at least 0"),
    ({"text_every": 0}, "text_every is 0; it must be at least 1"),
    ({"context": 2.5}, "context is 2.5; it must be a whole number"),
    ({"label_hop": 9.0}, "label_hop is 9.0; it must be a whole number"),
    ({"prompts": True}, "prompts is True; it must be a whole number"),
    ({"unknown_below": 1.5}, "unknown_below is 1.5; it must be within 0 and 1"),
    ({"label_dropout": math.nan}, "label_dropout is nan; it must be within 0 and 1"),
    ({"temperature": 0.0}, "temperature is 0.0; it must be above 0 and at most 100"),
    ({"width": 9}, "width is 9 and heads is 2; heads must divide width"),
    ({"text_width": 25}, "text_width is 25 and heads is 2; heads must divide text_width"),
    ({"template": "doing"}, "template is 'doing'; it must hold {} once, where the words go"),
    ({"template": "{} {}"}, "template is '{} {}'; it must hold {} once"),
    ({"text": "one-hot"}, "text is 'one-hot', which has no embeddings that a pose could change"),
    (
        {"encoder": replace(ENCODERS["vpose"], action_weight=0.5)},
        "encoder.action_weight is 0.5; inside ActionPrompt an encoder has no action head",
    ),
]


IDLE = [
    ({"text_every": 4}, "text_every is 4, which does nothing where text is 'learned'; leave"),
    ({"text": "random", "context": 4}, "context is 4, which does nothing where text is 'random'"),
    ({"template": "doing {}"}, "template is 'doing {}', which does nothing where text is"),
    (
        {"text": "clip", "template": "doing {}", "class_context": True},
        "class_context is True, which does nothing where template is 'doing {}'",
    ),
    ({"pose_prompts": False, "choice": "weighted"}, "choice is 'weighted', which does nothing"),
    ({"pose_prompts": False, "unknown_chance": 0.1}, "where pose_prompts is False"),
    ({"choice": "weighted", "label_dropout": 0.5}, "label_dropout is 0.5, which does nothing"),
    ({"projector": "pooling", "blocks": 2}, "blocks is 2, which does nothing where projector"),
]


@pytest.mark.parametrize(("changes", "message"), IDLE, ids=[str(c) for c, _ in IDLE])
def test_settings_that_would_do_nothing_are_refused_in_training(changes, message):
    config = small("vpose", **changes)  # what is trained already can still be read
    for refuse in (config.check_training, build("vpose", **changes).start_training):
        with pytest.raises(InputError, match=message.replace("{}", r"\{\}")):
            refuse()


@pytest.mark.parametrize("kind", ENCODERS)
def test_an_encoder_takes_whole_numbers(kind):
    with pytest.raises(InputError, match=r"joints_in is 17\.0; it must be a whole number"):
        replace(ENCODERS[kind], joints_in=17.0)


@pytest.mark.parametrize(("changes", "message"), REFUSED, ids=[str(c) for c, _ in REFUSED])
def test_settings_that_cannot_be_are_refused(changes, message):
    with pytest.raises(InputError, match=message.replace("{}", r"\{\}")):
        small("vpose", **changes)


def test_without_classes_there_is_no_method():
    with pytest.raises(InputError, match="there are no actions; ActionPrompt tells actions apart"):
        build("vpose", ActionVocabulary(()))


def test_a_layer_that_the_encoder_does_not_have_is_refused():
    with pytest.raises(InputError, match="tap is 4, but VPose has layers 1 to 3"):
        build("vpose", tap=4)
    with pytest.raises(InputError, match="tap is 2, but Foreign does not offer deeper layers"):
        build("foreign", tap=2)


@pytest.mark.parametrize("kind", ["vpose", "a3dhp", "mixste", "dstformer"])
def test_a_deeper_layer_names_the_action_and_changes_no_pose_of_a_given_one(kind):
    method, xy = prompted(kind), xy_of(kind)
    deeper = prompted(kind, tap=2)
    deeper.load_state_dict(method.state_dict())
    a, b = method.predict(xy), deeper.predict(xy)
    assert not torch.equal(a.action_logits, b.action_logits)
    close_gates(deeper)
    assert torch.equal(deeper(xy), bare(method, xy))


def test_it_is_deterministic_and_says_so():
    method, xy = prompted("mixste"), xy_of("mixste")
    with pytest.raises(InputError, match="ActionPrompt is deterministic: got hypotheses=5"):
        method.predict(xy, sampling=Sampling(hypotheses=5))
