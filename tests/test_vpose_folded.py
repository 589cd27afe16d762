"""VPose for inference: the encoder's numbers from folded weights."""

import pytest
import torch
from lifting_fixtures import ACTIONS, config, randomised

from langlift.errors import InputError
from langlift.methods.vpose import VPose, VPoseMethod


def vpose(**changes) -> VPose:
    return randomised(VPose(config(**changes))).eval()


def drawn(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("widths", [(3,), (3, 3), (5, 3, 3)])
def test_the_folded_encoder_gives_the_encoders_numbers(widths, causal):
    network = vpose(widths=widths, causal=causal, channels=16)
    xy = drawn(2, network.config.receptive_field + 11, 17, 2)
    folded = network.prepared(torch.float32)
    with torch.no_grad():
        expected, given = network(xy), folded(xy)
        half = network.prepared(torch.bfloat16)(xy)
    torch.testing.assert_close(given, expected, atol=1e-5, rtol=0)
    assert half.dtype == torch.float32  # metres need the digits
    assert 0 < (half - expected).abs().max() < 0.03 * expected.abs().max()


def test_every_stage_is_the_encoders():
    network = vpose(widths=(3, 3), channels=16)
    folded, xy = network.prepared(torch.float32), drawn(1, 20, 17, 2)
    with torch.no_grad():
        ours, theirs = folded.shallow(xy), network.shallow(xy)
        torch.testing.assert_close(ours.features, theirs.features, atol=1e-5, rtol=0)
        deep = network.deep(theirs)
        torch.testing.assert_close(folded.deep(ours), deep, atol=1e-5, rtol=0)
        assert torch.equal(folded.head(deep), network.head(deep))
    assert (ours.stride, folded.padding, folded.width) == (1, network.padding, network.width)


@pytest.mark.parametrize("causal", [False, True])
def test_the_strided_form_is_prepared_as_itself(causal):
    strided = vpose(widths=(3, 3, 3), form="strided", causal=causal)
    dilated = vpose(widths=(3, 3, 3), causal=causal)
    folded, xy = strided.prepared(torch.float32), drawn(2, 27, 17, 2)
    with torch.no_grad():
        stage, expected = folded.shallow(xy), strided.shallow(xy)
        torch.testing.assert_close(stage.features, expected.features, atol=1e-5, rtol=0)
        assert (stage.features.shape[1], stage.stride) == (9, 3) == (27 // 3, expected.stride)
        for network in (strided, dilated):
            torch.testing.assert_close(folded(xy), network(xy), atol=1e-5, rtol=0)
        deeper = folded.advance(stage, 2)
        assert (deeper.features.shape[1], deeper.stride) == (3, 9)
        windows = folded.window_features(stage, torch.tensor([0]))
    assert torch.equal(windows, stage.features[:, None])
    with pytest.raises(InputError, match="takes exactly 27 frames"):
        folded(drawn(1, 28, 17, 2))


def test_nothing_is_left_for_gradients():
    method = VPoseMethod(config(), ACTIONS).eval()
    said = method.prepared("fp32")(drawn(1, 20, 17, 2))
    assert not said.joints.requires_grad
    assert said.action_logits is not None and not said.action_logits.requires_grad


def test_too_few_frames_and_other_joints_are_refused():
    folded = vpose(widths=(3, 3)).prepared(torch.float32)
    with pytest.raises(InputError, match="got 8 frames; this dilated VPose takes at least 9"):
        folded(drawn(1, 8, 17, 2))
    with pytest.raises(InputError, match="xy has shape"):
        folded(drawn(1, 20, 16, 2))
