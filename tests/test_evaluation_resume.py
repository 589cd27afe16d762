"""Evaluations that go on: what was measured is kept, and other data are never taken for it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from evaluation_fixtures import (
    SPEC,
    Films,
    film,
    films,
    four,
    report_of,
    scores_of,
    tiny,
)

from langlift.errors import InputError
from langlift.protocols import evaluation, recorded
from langlift.protocols.journal import NAME, Journal
from langlift.protocols.recorded import Request, evaluate_recorded


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """The four films whatever is opened, under a protocol of their actions."""
    monkeypatch.setattr(recorded, "open_for", lambda spec, path: films(*four()))
    monkeypatch.setattr(recorded, "find_protocol", lambda name, annotation: SPEC)


def journal(path: Path, resume: bool = False) -> Journal:
    return Journal(path / NAME, {"of": "four"}, resume)


class Decoded(Films):
    """Films that remember which of them were decoded, with two kinds of 2D."""

    def __init__(self) -> None:
        super().__init__({r.name: (lambda r=r: r) for r in four()})
        self._entries = [replace(e, frames_2d={"gt": 1, "cpn": 1}) for e in self._entries]
        self.decoded: list[tuple[str, str]] = []

    def sources(self) -> tuple[str, ...]:
        return ("gt", "cpn")

    def _read(self, entry, source):
        self.decoded.append((source, entry.name))
        return super()._read(entry, source)


@pytest.mark.usefixtures("opened")
def test_a_recording_is_decoded_once_for_all_models_and_precisions(
    tmp_path: Path, monkeypatch
) -> None:
    dataset = Decoded()
    models = {name: tiny(seed=seed) for seed, name in enumerate("ab")}
    asked = Request("human36m", Path("x"), sources=("gt", "cpn"), precisions=("fp32", "bf16"))

    def evaluated(resume=False):
        return evaluate_recorded(models, asked, out=tmp_path, resume=resume, dataset=dataset)

    report = evaluated()
    names = [entry.name for entry in dataset._entries[:4]]
    assert dataset.decoded == [(source, name) for source in ("gt", "cpn") for name in names]
    rows = report.tables[0].rows
    assert [(r.model, r.tags["2D"]) for r in rows][::2] == [
        (f"{name}{precision}", source)
        for name in "ab"
        for precision in ("", ", bf16")
        for source in ("gt", "cpn")
    ]
    dataset.decoded.clear()
    everything = [(source, name) for source in ("gt", "cpn") for name in names]
    with monkeypatch.context() as patched:
        patched.setattr(evaluation, "score_recording", lambda *of: pytest.fail("lifted again"))
        assert evaluated(resume=True).content() == report.content()
    assert dataset.decoded == everything  # to see that they are still what was measured
    dataset.decoded.clear()
    lines = (tmp_path / NAME).read_bytes().splitlines(keepends=True)
    (tmp_path / NAME).write_bytes(b"".join(lines[:-1]))  # without b in bf16 on the last of cpn
    assert evaluated(resume=True).content() == report.content()
    assert len((tmp_path / NAME).read_bytes().splitlines()) == len(lines)


CHANGES = {
    "2D": lambda r: {"keypoints": r.keypoints.replaced(xy=r.keypoints.xy + 0.01)},
    "confidence": lambda r: {
        "keypoints": r.keypoints.replaced(confidence=np.full((len(r), 17), 0.5))
    },
    "3D": lambda r: {"joints": r.joints + np.float32(1e-3)},
    "counted": lambda r: {"scored": np.arange(len(r)) > 0},
    "label": lambda r: {"frame_actions": np.array(["Sitting", *["Walking"] * (len(r) - 1)])},
}


@pytest.mark.parametrize("what", CHANGES)
def test_other_data_of_the_same_names_are_refused_by_name(what: str, tmp_path: Path) -> None:
    scores_of(tiny(), films(*four()), journal=journal(tmp_path))
    first, second, third, *rest = four()
    changed = replace(third, **CHANGES[what](third))
    with pytest.raises(
        InputError, match=rf"{NAME}: the recording 'S11/Walking 1/lens' \(gt\) has another content"
    ):
        scores_of(tiny(), films(first, second, changed, *rest), journal=journal(tmp_path, True))


def test_frames_that_do_not_count_may_hold_anything(tmp_path: Path) -> None:
    scored = np.arange(20) > 0
    one = [film(f"{s}/Walking 1/lens", scored=scored) for s in ("S9", "S11")]
    spec = replace(SPEC, actions=("Walking",))
    before = scores_of(tiny(), films(*one), spec, journal=journal(tmp_path))
    one[0].joints[0] = np.nan
    assert scores_of(tiny(), films(*one), spec, journal=journal(tmp_path, True)) == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s["sums"].update(Jog=s["sums"].pop("Walking")), "no frame .* label 'Jog'"),
        (lambda s: s.update(frames=19), "it is of 19 frames, and 20 count"),
        (lambda s: s.update(subject="S11"), "its subject is 'S11', not 'S9'"),
        (lambda s: s.update(sequence="a"), "its sequence is 'a', not 'S9/Walking 1'"),
        (lambda s: s["sums"]["Walking"].update(PCK=[1, 20]), "it holds other measures"),
        (lambda s: s["sums"]["Walking"].pop("MPJPE"), "its weights of MPJPE do not add up"),
        (lambda s: s.update(weight=10), "its weights of MPJPE do not add up"),
        (lambda s: s["joints"].pop(), "it is of 16 joints, not 17"),
    ],
)
def test_scores_that_are_not_of_their_recording_are_refused(change, said, tmp_path: Path) -> None:
    scores_of(tiny(), films(*four()), journal=journal(tmp_path))
    head, first, *rest = (tmp_path / NAME).read_text().splitlines()
    line = json.loads(first)
    change(line["score"])
    (tmp_path / NAME).write_text("\n".join([head, json.dumps(line), *rest]) + "\n")
    with pytest.raises(
        InputError, match=rf"score of 'S9/Walking 1/lens' \(gt\) is damaged: {said}"
    ):
        scores_of(tiny(), films(*four()), journal=journal(tmp_path, True))


class Counting:
    """A lifter that counts, and stops at a given call as a kill would."""

    def __init__(self, stop: int = 99) -> None:
        self.inner, self.calls, self.stop = tiny(), 0, stop
        self.name, self.bundle = "tiny", self.inner.bundle
        self.network, self.actions = self.inner.network, self.inner.actions
        self.digest, self.engine = "d", self.inner.engine

    def lift(self, *given, **told):
        self.calls += 1
        if self.calls == self.stop:
            raise KeyboardInterrupt
        return self.inner.lift(*given, **told)


@pytest.mark.parametrize("stop", [1, 3, 4])
def test_an_interrupted_evaluation_goes_on_where_it_was(tmp_path: Path, stop: int) -> None:
    whole = scores_of(tiny(), films(*four()))
    with pytest.raises(KeyboardInterrupt):
        scores_of(Counting(stop), films(*four()), journal=journal(tmp_path))
    with (tmp_path / NAME).open("a") as file:
        file.write('{"model": "tiny", "2D": "gt", "sco')
    rest = Counting()
    scores = scores_of(rest, films(*four()), journal=journal(tmp_path, True))
    assert rest.calls == 4 - (stop - 1)
    assert scores == whole


@pytest.mark.usefixtures("opened")
def test_the_report_after_a_kill_is_the_same(tmp_path: Path) -> None:
    plain = report_of()
    assert report_of(tmp_path).content() == plain.content()
    path = tmp_path / NAME
    path.write_bytes(path.read_bytes()[:-300])
    assert report_of(tmp_path, resume=True).content() == plain.content()
    assert report_of(tmp_path, resume=True).markdown() == plain.markdown()


@pytest.mark.usefixtures("opened")
def test_another_evaluation_is_never_continued(tmp_path: Path) -> None:
    report_of(tmp_path)
    for changed, named in (
        ({"lifter": tiny(seed=1)}, "weights"),
        ({"root": "zero"}, "protocol"),
        ({"actions": ("Walking",)}, "options, recordings"),
        ({"precisions": ("fp32", "bf16")}, "options"),
    ):
        with pytest.raises(InputError, match=rf"differs from the one that is there \({named}\)"):
            report_of(tmp_path, True, **changed)
    with pytest.raises(InputError, match="name it with --out"):
        report_of(None, True)
