"""The journal of an evaluation: what is measured once is not measured again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from evaluation_fixtures import film

from langlift.errors import InputError
from langlift.protocols.journal import NAME, Journal
from langlift.protocols.scores import Score

IDENTITY = {"weights": {"m": "12"}, "protocol": {"root": "keep", "test": ("S9",)}}
SCORE = Score("S9/a/1", "S9", "S9/a", 2, {"a": {"MPJPE": (0.1 / 3, 2.0)}}, (0.5, 0.1), 2.0)


def add(journal: Journal, take: int) -> None:
    name = f"S9/a/{take}"
    journal.add("m", "gt", replace(SCORE, name=name), film(name, "a", 2))


def get(journal: Journal, take: int = 1, model: str = "m", source: str = "gt") -> Score | None:
    return journal.get(model, source, film(f"S9/a/{take}", "a", 2), "S9/a", ["MPJPE"], 2)


def started(path: Path) -> Journal:
    journal = Journal(path, IDENTITY, resume=False)
    add(journal, 1)
    add(journal, 2)
    return journal


def test_scores_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / NAME
    started(path)
    journal = Journal(path, IDENTITY, resume=True)
    assert get(journal) == SCORE
    assert get(journal, model="n") is get(journal, source="cpn") is get(journal, take=3) is None
    add(journal, 3)
    assert len(path.read_text().splitlines()) == 4


def test_every_line_is_on_the_disk_at_once(tmp_path: Path) -> None:
    path = tmp_path / NAME
    journal = Journal(path, IDENTITY, resume=False)
    head = json.loads(path.read_text())
    assert head["identity"]["protocol"]["test"] == ["S9"]
    add(journal, 1)
    assert json.loads(path.read_text().splitlines()[1])["score"]["name"] == "S9/a/1"


@pytest.mark.parametrize("left", [1, 20, -2])
def test_a_half_written_last_line_is_dropped(tmp_path: Path, left: int) -> None:
    path = tmp_path / NAME
    started(path)
    first, second, third = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + second + third[:left])
    journal = Journal(path, IDENTITY, resume=True)
    assert get(journal) == SCORE
    assert get(journal, take=2) is None
    assert path.read_bytes() == first + second
    add(journal, 2)
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
        (lambda lines: [lines[0], lines[1][:30], lines[2]], "line 2 is cut off or no JSON"),
        (lambda lines: [lines[0], "[" * 100_000, lines[2]], "line 2 is cut off or no JSON"),
        (lambda lines: [lines[0][:30], *lines[1:]], "line 1 is cut off or no JSON"),
        (lambda lines: [lines[0], '{"model": "m"}', lines[2]], "line 2: it holds no score as lang"),
        (lambda lines: [lines[0], '{"score": 5}', lines[2]], "line 2: it holds no score as lang"),
        (lambda lines: [*lines[:2], "[]"], "line 3 is none that langlift writes"),
        (lambda lines: [*lines[:2], "5"], "line 3 is none that langlift writes"),
        (lambda lines: changed(lines, model=3), "line 2: it does not say what the score is of"),
        (lambda lines: changed(lines, digest=""), "line 2: it does not say what the score is of"),
        (lambda lines: lines[1:], "its first line does not say what was measured"),
        (lambda lines: ["[]"], "line 1 is none that langlift writes"),
        (lambda lines: [], "its first line does not say what was measured"),
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


def changed(lines: list[str], score: dict | None = None, **entries) -> list[str]:
    """The lines, the second of them with other values."""
    line = json.loads(lines[1])
    line = {**line, **entries, "score": {**line["score"], **(score or {})}}
    return [lines[0], json.dumps(line), *lines[2:]]


@pytest.mark.parametrize(
    ("score", "said"),
    [
        ({"sums": {"a": {"MPJPE": [float("nan"), 2]}}}, "the sum of MPJPE .* is nan"),
        ({"sums": {"a": {"MPJPE": [float("inf"), 2]}}}, "the sum of MPJPE .* is inf"),
        ({"sums": {"a": {"MPJPE": [-1, 2]}}}, "the sum of MPJPE .* is -1"),
        ({"sums": {"a": {"MPJPE": [1, -2]}}}, "the weight of MPJPE .* is -2"),
        ({"sums": {"a": {"MPJPE": [10**400, 2]}}}, "it holds no score as langlift writes it"),
        ({"sums": {"a": {"MPJPE": 3}}}, "it holds no score as langlift writes it"),
        ({"sums": {"a": {"MPJPE": None}}}, "it holds no score as langlift writes it"),
        ({"joints": [0.5, -0.1]}, "the sum of a joint .* is -0.1"),
        ({"weight": float("nan")}, "the weight .* is nan"),
        ({"named": [-1, 1]}, "the count of named actions .* is -1"),
    ],
)
def test_numbers_that_no_score_has_are_refused(tmp_path: Path, score, said: str) -> None:
    path = tmp_path / NAME
    started(path)
    path.write_text("\n".join(changed(path.read_text().splitlines(), score)) + "\n")
    with pytest.raises(InputError, match=rf"{NAME}: the file is damaged \(line 2: {said}"):
        Journal(path, IDENTITY, resume=True)
