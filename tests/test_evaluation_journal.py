"""The journal of an evaluation: what is measured once is not measured again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from langlift.errors import InputError
from langlift.protocols.journal import NAME, Journal
from langlift.protocols.scores import Score

IDENTITY = {"weights": {"m": "12"}, "protocol": {"root": "keep", "test": ("S9",)}}
SCORE = Score("S9/a/1", "S9", "S9/a", 2, {"a": {"MPJPE": (0.1 / 3, 2.0)}}, (0.5, 0.1), 2.0)


def started(path: Path) -> Journal:
    journal = Journal(path, IDENTITY, resume=False)
    journal.add("m", "gt", SCORE)
    journal.add("m", "gt", replace(SCORE, name="S9/a/2"))
    return journal


def test_scores_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / NAME
    started(path)
    journal = Journal(path, IDENTITY, resume=True)
    assert journal.get("m", "gt", "S9/a/1") == SCORE
    for other in (("n", "gt", "S9/a/1"), ("m", "cpn", "S9/a/1"), ("m", "gt", "S9/a/3")):
        assert journal.get(*other) is None
    journal.add("m", "gt", replace(SCORE, name="S9/a/3"))
    assert len(path.read_text().splitlines()) == 4


def test_every_line_is_on_the_disk_at_once(tmp_path: Path) -> None:
    path = tmp_path / NAME
    journal = Journal(path, IDENTITY, resume=False)
    head = json.loads(path.read_text())
    assert head["identity"]["protocol"]["test"] == ["S9"]
    journal.add("m", "gt", SCORE)
    assert json.loads(path.read_text().splitlines()[1])["score"]["name"] == "S9/a/1"


@pytest.mark.parametrize("left", [1, 20, -2])
def test_a_half_written_last_line_is_dropped(tmp_path: Path, left: int) -> None:
    path = tmp_path / NAME
    started(path)
    first, second, third = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + second + third[:left])
    journal = Journal(path, IDENTITY, resume=True)
    assert journal.get("m", "gt", "S9/a/1") == SCORE
    assert journal.get("m", "gt", "S9/a/2") is None
    assert path.read_bytes() == first + second
    journal.add("m", "gt", replace(SCORE, name="S9/a/2"))
    assert path.read_bytes() == first + second + third


def test_another_evaluation_is_refused_and_the_file_stays(tmp_path: Path) -> None:
    path = tmp_path / NAME
    started(path)
    before = path.read_bytes()
    for changed in ({**IDENTITY, "weights": {"m": "13"}}, {"protocol": IDENTITY["protocol"]}):
        with pytest.raises(
            InputError,
            match=r"recordings.jsonl: the evaluation differs from the one that is there "
            r"\(weights\); resume it with the same, or choose another --out",
        ):
            Journal(path, changed, resume=True)
    with pytest.raises(InputError, match="already holds an evaluation; continue it with --resume"):
        Journal(path, IDENTITY, resume=False)
    assert path.read_bytes() == before


def test_nothing_to_resume(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no evaluation to resume; start it without --resume"):
        Journal(tmp_path / NAME, IDENTITY, resume=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda lines: [lines[0], lines[1][:30], lines[2]], "the file is damaged"),
        (lambda lines: [lines[0], '{"model": "m"}', lines[2]], "the file is damaged"),
        (lambda lines: [lines[0], "[]", lines[2]], "the file is damaged"),
        (lambda lines: lines[1:], "the file is damaged"),
        (lambda lines: [], "the file is damaged"),
        (lambda lines: ['{"identity": {}}', *lines[1:]], "no evaluation of this langlift"),
    ],
)
def test_damage_elsewhere_is_refused(tmp_path: Path, damage, said: str) -> None:
    path = tmp_path / NAME
    started(path)
    lines = path.read_text().splitlines()
    path.write_text("".join(line + "\n" for line in damage(lines)))
    with pytest.raises(InputError, match=f"{NAME}: .*{said}.* another --out"):
        Journal(path, IDENTITY, resume=True)
