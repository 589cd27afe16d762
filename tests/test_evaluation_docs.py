"""docs/protocols.md is what the code is; run as a script, this prints the tables of its protocols.

And the lines of progress that an evaluation writes where there is no terminal.
"""

from __future__ import annotations

import pytest
from doc_pages import first_column, page_text, table

from langlift.cli import arguments
from langlift.protocols.catalogue import PROTOCOLS
from langlift.protocols.measures import MEASURES
from langlift.protocols.spec import ProtocolSpec


def described(spec: ProtocolSpec) -> list[list[str]]:
    """The rows of a protocol's table; without those that say nothing."""

    def code(names: tuple[str, ...]) -> str:
        return ", ".join(f"`{name}`" for name in names)

    rows = {
        "joints": f"`{spec.skeleton}`" if spec.skeleton else "those of the model",
        "training subjects": ", ".join(spec.train),
        "validation subjects": ", ".join(spec.val),
        "test subjects": ", ".join(spec.test) or "all, or those that the files name",
        "actions": ", ".join(spec.actions),
        "left out": ", ".join(spec.excluded),
        "2D (`--source`)": code(spec.sources) or "as the files name it",
        "measures": ", ".join(spec.metrics),
        "headline": f"{spec.average} mean" if spec.average != "frame" else "frame mean",
        "tail": ", ".join(spec.tail),
        "root (`--root`)": f"`{spec.root}`",
        "windows (`--windows`)": f"`{spec.windows}`",
        "flip averaging": "yes" if spec.flip else "no",
        "action": spec.action,
        "aggregation": spec.aggregation,
        "unit": "the network's own, by a factor of each frame" if spec.own_unit else "",
    }
    return [[name, value] for name, value in rows.items() if value]


@pytest.mark.parametrize("name", PROTOCOLS)
def test_the_table_of_a_protocol_is_its_specification(name: str) -> None:
    assert table(f"protocol {name}") == described(PROTOCOLS[name])


@pytest.mark.parametrize("name", PROTOCOLS)
def test_the_page_holds_title_and_notes(name: str) -> None:
    page = " ".join(page_text("docs/protocols.md").split()).lower()
    for sentence in (PROTOCOLS[name].title, *PROTOCOLS[name].notes):
        assert sentence.lower() in page


def test_measures_are_those_of_the_code() -> None:
    rows = {row[0].strip("`"): row[1:3] for row in table("measures")}
    assert rows == {name: [m.unit, m.description] for name, m in MEASURES.items()}
    assert first_column("measures") == list(MEASURES)


# Progress.


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds, set by the test."""
    now = [100.0]
    monkeypatch.setattr(arguments.time, "monotonic", lambda: now[0])
    return now


def test_a_line_is_written_now_and_then(clock, capsys) -> None:
    with arguments.progress("lifting, gt", quiet=False) as advance:
        for second in range(0, 101, 10):
            clock[0] = 100.0 + second
            advance(40 + second, 1000)
    assert capsys.readouterr().err.splitlines() == [
        "lifting, gt: 7 %, about 0:15:30 left",
        "lifting, gt: 10 %, about 0:15:00 left",
        "lifting, gt: 13 %, about 0:14:30 left",
    ]


def test_the_pace_is_that_of_this_run(clock, capsys) -> None:
    """What was measured before a run was continued took this run no time."""
    with arguments.progress("lifting", quiet=False) as advance:
        advance(900, 1000)
        clock[0] += 50
        advance(950, 1000)
    assert capsys.readouterr().err == "lifting: 95 %, about 0:00:50 left\n"


def test_nothing_is_written_when_quiet_or_quick(clock, capsys) -> None:
    with arguments.progress("lifting", quiet=True) as advance:
        clock[0] += 500
        advance(1, 2)
    with arguments.progress("lifting", quiet=False) as advance:
        advance(1, 2)
        clock[0] += 29
        advance(2, 2)
    assert capsys.readouterr().err == ""


if __name__ == "__main__":
    for spec in PROTOCOLS.values():
        print(f"\n<!-- table: protocol {spec.name} -->\n| What | Is |\n|---|---|")
        print("\n".join(f"| {name} | {value} |" for name, value in described(spec)))
