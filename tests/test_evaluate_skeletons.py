"""Models of other skeletons are not measured on joints that they do not give."""

import pytest
from cli_fixtures import Command, files_under, tiny_bundle, tiny_corpus

from langlift.actions import ActionVocabulary
from langlift.lifting.features import FeatureConfig
from langlift.skeletons import get_skeleton


@pytest.mark.parametrize("protocol", ["mocap", "robustness"])
@pytest.mark.parametrize("name", ["mpi_inf_3dhp_17", "humaneva_15"])
def test_a_model_of_another_skeleton_is_refused(name, protocol, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tiny_corpus(tmp_path / "corpus")
    skeleton = get_skeleton(name)
    count = len(skeleton)
    tiny_bundle(
        tmp_path / "other.safetensors",
        changes={"joints_in": count, "joints_out": count},
        features=FeatureConfig(kind="screen"),
        actions=ActionVocabulary(()),
        skeleton=skeleton,
    )
    before = files_under(tmp_path)
    line = f"evaluate --protocol {protocol} --data corpus -m other.safetensors --out report"
    said = Command(capsys)(*line.split())
    assert said.status == 2 and said.out == ""
    assert said.err == (
        f"langlift: model other.safetensors gives the joints of {name}; protocol {protocol} "
        "compares those of human36m_17: leave it out\n"
    )
    assert files_under(tmp_path) == before
