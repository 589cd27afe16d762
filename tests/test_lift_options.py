"""Options of a lift that protocols need: the root as it is said, the network's own unit."""

from __future__ import annotations

import numpy as np
import pytest
from lifting_fixtures import LENS, lifter, track

from langlift.lifting.features import FeatureConfig
from langlift.lifting.lifter import LiftOptions

KEPT = LiftOptions(center=False)
OWN = LiftOptions(sized=False)
SCREEN = FeatureConfig("screen")


@pytest.mark.parametrize("kind", ["person", "screen"])
def test_a_kept_root_is_where_the_network_put_it(kind):
    made = lifter(features=FeatureConfig(kind))
    kept = made.lift(track(30), LENS, KEPT)
    centered = made.lift(track(30), LENS)
    assert np.abs(kept.joints[:, 0]).max() > 0.01  # random weights put it anywhere
    assert np.abs(centered.joints[:, 0]).max() == 0
    assert kept.joints - kept.joints[:, :1] == pytest.approx(centered.joints, abs=1e-6)
    assert kept.provenance["root"] == "kept where the network put it"
    assert "root" not in centered.provenance


@pytest.mark.parametrize(("unit", "per_metre"), [("m", 1), ("mm", 1000)])
def test_the_networks_own_unit_is_left(unit, per_metre):
    made = lifter(features=SCREEN, unit=unit)
    metres, own = made.lift(track(30), LENS), made.lift(track(30), LENS, OWN)
    assert own.joints == pytest.approx(metres.joints * per_metre, rel=1e-5)


def test_screen_units_are_left_without_a_size():
    made = lifter(features=SCREEN, unit="screen")
    sized, own = made.lift(track(30), LENS), made.lift(track(30), LENS, OWN)
    ratio = np.linalg.norm(sized.joints) / np.linalg.norm(own.joints)
    assert own.joints * ratio == pytest.approx(sized.joints, rel=1e-4, abs=1e-5)
    assert "scale" in sized.provenance
    assert own.provenance["unit"] == "the network's own (screen), as was asked for"
