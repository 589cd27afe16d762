"""The engine: networks of every kind of window lift a track as they would window by window."""

import numpy as np
import pytest
import torch
from lifting_fixtures import ACTIONS, LENS, config, lifter, randomised, track

from langlift.actions import ActionVocabulary
from langlift.errors import InputError
from langlift.lifting.bundle import Bundle
from langlift.lifting.engine import Engine, LiftOptions
from langlift.lifting.features import FeatureConfig
from langlift.lifting.lifter import Lifter
from langlift.methods import get_method
from langlift.methods.dstformer import DSTformerConfig
from langlift.methods.mixste import MixSTEConfig
from langlift.skeletons import HUMAN36M_17, HUMANEVA_15, get_skeleton
from langlift.tracks import Keypoints

SCREEN = FeatureConfig(kind="screen")
PLAIN, FLIP = LiftOptions(flip=False), LiftOptions(flip=True)
FIXED = MixSTEConfig(frames=9, channels=8, depth=2, heads=2)
EVEN = DSTformerConfig(frames=9, channels=8, representation=8, depth=2, heads=2)


def built(name, of, actions=ACTIONS):
    return randomised(get_method(name).build(of, actions)).eval()


def engine(name, of, actions=ACTIONS) -> Engine:
    return Engine(built(name, of, actions), HUMAN36M_17)


def features(frames, seed=0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(frames, 17, 2)).astype(np.float32)


def said(network, xy, sure=None) -> np.ndarray:
    sure = None if sure is None else torch.from_numpy(sure)[None]
    with torch.inference_mode():
        return network(torch.from_numpy(xy)[None], sure)[0].numpy()


def test_fixed_windows_give_what_the_network_gives_for_each():
    made, xy = engine("mixste", FIXED), features(21)
    joints, logits = made.run(xy, None, PLAIN)
    alone = [said(made.network, xy[a:b]) for a, b in ((0, 9), (9, 18), (12, 21))]
    expected = np.concatenate([alone[0], alone[1], alone[2][6:]])
    assert joints == pytest.approx(expected, abs=1e-5)
    assert logits is not None and logits.shape == (21, 3)


def test_even_windows_give_what_the_network_gives_for_each():
    made, xy = engine("dstformer", EVEN), features(20)
    joints, _ = made.run(xy, None, PLAIN)
    alone = [said(made.network, xy[a:b]) for a, b in ((0, 7), (7, 13), (13, 20))]
    assert joints == pytest.approx(np.concatenate(alone), abs=1e-5)


def test_one_frame_is_lifted_by_every_kind_of_network():
    for name, of in (("mixste", FIXED), ("dstformer", EVEN)):
        joints, _ = engine(name, of).run(features(1), None, FLIP)
        assert joints.shape == (1, 17, 3)
        assert np.isfinite(joints).all()


def test_confidence_goes_with_its_frames_and_its_mirrored_joints():
    made, xy = engine("dstformer", EVEN), features(13)
    sure = np.random.default_rng(1).random((13, 17)).astype(np.float32)
    plain, _ = made.run(xy, sure, PLAIN)
    alone = [said(made.network, xy[a:b], sure[a:b]) for a, b in ((0, 6), (6, 13))]
    assert plain == pytest.approx(np.concatenate(alone), abs=1e-5)
    assert np.abs(plain - made.run(xy, None, PLAIN)[0]).max() > 1e-3
    mirror, both = HUMAN36M_17.mirror, made.run(xy, sure, FLIP)[0]
    other = made.run(xy[:, mirror] * np.float32([-1, 1]), sure[:, mirror], PLAIN)[0]
    expected = (plain + other[:, mirror] * np.float32([-1, 1, 1])) / 2
    assert both == pytest.approx(expected, abs=1e-5)


def test_progress_counts_every_frame_once():
    seen: list[tuple[int, int]] = []
    engine("mixste", FIXED).run(features(500), None, PLAIN, lambda *at: seen.append(at))
    assert seen == [(252, 500), (500, 500)]  # 28 windows together, then 27 and the rest


def test_windows_of_a_graphics_card_go_together():
    """Without one here: the grouping is asked for as if the network were there."""

    class Elsewhere(Engine):
        device = torch.device("meta")

    made = Elsewhere(built("mixste", FIXED), HUMAN36M_17)
    groups = list(made._groups(made.windows(9 * 1000, 2048)))
    assert [len(group) for group in groups] == [455, 455, 90]  # up to 4,096 frames
    assert [w.frames[0] for group in groups for w in group] == list(range(0, 9000, 9))
    uneven = Elsewhere(built("dstformer", EVEN), HUMAN36M_17)
    lengths = [[len(w.frames) for w in g] for g in uneven._groups(uneven.windows(20, 2048))]
    assert lengths == [[7], [6], [7]]
    dense = Elsewhere(built("vpose", config()), HUMAN36M_17)
    parts = [[w.kept for w in g] for g in dense._groups(dense.windows(5000, 2048))]
    assert parts == [[2048], [2048], [904]]


def test_passes_in_one_batch_equal_passes_one_by_one():
    made = engine("mixste", FIXED)
    xy = torch.from_numpy(np.stack([features(9, seed) for seed in range(3)]))
    with torch.inference_mode():
        together = made.passes(xy, None, FLIP)
        for n in range(3):
            alone = made.passes(xy[n : n + 1], None, FLIP)
            torch.testing.assert_close(together.joints[n], alone.joints[0], atol=1e-5, rtol=0)
            assert alone.action_logits is not None and together.action_logits is not None
            torch.testing.assert_close(together.action_logits[n], alone.action_logits[0])


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_network_is_prepared_once_for_each_precision(precision):
    made, calls = engine("vpose", config()), []
    inner = made.network.prepared
    made.network.prepared = lambda p: calls.append(p) or inner(p)
    for _ in range(3):
        made.run(features(20), None, LiftOptions(precision=precision))
    assert calls == [precision]
    made.to("cpu")
    made.run(features(20), None, LiftOptions(precision=precision))
    assert calls == [precision, precision]


def test_confidence_of_the_detector_reaches_the_network():
    bundle = Bundle("dstformer", EVEN, SCREEN, ActionVocabulary(()))
    made = Lifter(bundle, built("dstformer", EVEN, ActionVocabulary(())))
    sure = np.full((20, 17), 0.9)
    other = sure.copy()
    other[:, 5] = 0.2
    high = made.lift(track(20, confidence=sure)).joints
    assert np.abs(high - made.lift(track(20, confidence=other)).joints).max() > 1e-4
    beyond = made.lift(track(20, confidence=np.full((20, 17), 7.0))).joints
    assert np.abs(beyond - made.lift(track(20)).joints).max() < 1e-6  # at most certain


def test_confidence_follows_the_frame_rate():
    bundle = Bundle("dstformer", EVEN, SCREEN, ActionVocabulary(()))
    made = Lifter(bundle, built("dstformer", EVEN, ActionVocabulary(())))
    given: list[np.ndarray] = []
    inner = made.engine.run
    made.engine.run = lambda xy, sure, *rest: given.append(sure) or inner(xy, sure, *rest)
    sure = np.linspace(0.1, 1, 10)[:, None].repeat(17, axis=1)
    sure[4, 3] = 0  # not seen, and so not in what is made of it either
    made.lift(track(10, fps=25.0, confidence=sure))
    assert given[0].shape == (19, 17)
    assert given[0][::2, 0] == pytest.approx(sure[:, 0], abs=1e-6)
    assert given[0][1, 0] == pytest.approx((sure[0, 0] + sure[1, 0]) / 2, abs=1e-6)
    assert given[0][8, 3] == 0


@pytest.mark.parametrize("name", ["humaneva_15", "mpi_inf_3dhp_17"])
def test_networks_of_other_skeletons_lift_their_own_joints(name):
    skeleton = get_skeleton(name)
    count = len(skeleton)
    of = config(joints_in=count, joints_out=count)
    made = Lifter(
        Bundle("vpose", of, SCREEN, ActionVocabulary(()), skeleton=skeleton, unit="mm"),
        built("vpose", of, ActionVocabulary(())),
    )
    xy = np.random.default_rng(0).uniform(100, 900, (15, count, 2))
    xy[3:6, 2] = np.nan
    motion = made.lift(Keypoints(xy, name, 50.0, LENS.image_size))
    assert motion.skeleton == skeleton
    assert np.abs(motion.joints[:, skeleton.root_index]).max() == 0
    metres = Lifter(
        Bundle("vpose", of, SCREEN, ActionVocabulary(()), skeleton=skeleton), made.network
    ).lift(Keypoints(xy, name, 50.0, LENS.image_size))
    assert motion.joints * 1000 == pytest.approx(metres.joints, rel=1e-5)
    assert "divided by 1000" in motion.provenance["unit"] and "unit" not in metres.provenance


def test_image_space_is_scaled_to_a_person_and_says_so():
    bundle = Bundle("dstformer", EVEN, SCREEN, ActionVocabulary(()), unit="screen")
    motion = Lifter(bundle, built("dstformer", EVEN, ActionVocabulary(()))).lift(track(20))
    ends = np.array(HUMAN36M_17.bones)
    bones = motion.joints[:, ends[:, 0]] - motion.joints[:, ends[:, 1]]
    assert np.median(np.linalg.norm(bones, axis=-1).sum(axis=-1)) == pytest.approx(4.1, rel=1e-4)
    assert "1.7 m" in motion.provenance["scale"]
    assert "scale" not in lifter().lift(track(20)).provenance


def test_person_features_and_image_space_are_for_the_joints_of_human36m():
    of = config(joints_in=15, joints_out=15)
    with pytest.raises(InputError, match="person features are made for the skeleton human36m_17"):
        Bundle("vpose", of, FeatureConfig(), ActionVocabulary(()), skeleton=HUMANEVA_15)
    with pytest.raises(InputError, match="unit 'screen' are made for the skeleton human36m_17"):
        Bundle("vpose", of, SCREEN, ActionVocabulary(()), skeleton=HUMANEVA_15, unit="screen")
    with pytest.raises(InputError, match="'coco_17' has no root joint; a network gives joints"):
        Bundle("vpose", config(), SCREEN, ActionVocabulary(()), skeleton=get_skeleton("coco_17"))
    with pytest.raises(InputError, match="unknown unit 'inch'"):
        Bundle("vpose", config(), SCREEN, ActionVocabulary(()), unit="inch")
