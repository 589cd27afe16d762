"""The benchmarks run, judge their targets rightly, and the reference form is the same network."""

from __future__ import annotations

import importlib
import io
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from rich.console import Console

from langlift.errors import InputError
from langlift.lifting.lifter import Lifter
from langlift.methods.vpose import VPoseConfig

FOLDER = Path(__file__).parent.parent / "benchmarks"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py"))


@pytest.fixture(scope="module")
def bench() -> Iterator[dict[str, ModuleType]]:
    """The benchmark scripts as modules; their plain names are taken back afterwards."""
    clash = [name for name in NAMES if name in sys.modules]
    assert not clash, f"modules of these names are already loaded: {clash}"
    threads = torch.get_num_threads()
    sys.path.insert(0, str(FOLDER))
    try:
        yield {name: importlib.import_module(name) for name in NAMES}
    finally:
        sys.path.remove(str(FOLDER))
        torch.set_num_threads(threads)
        for name in NAMES:
            sys.modules.pop(name, None)


@pytest.fixture
def tiny(bench: dict[str, ModuleType], tmp_path: Path) -> Any:
    """A setup with a network of two levels."""
    path = bench["material"].random_weights(
        tmp_path / "tiny.safetensors", VPoseConfig(widths=(3, 3), channels=8)
    )
    lifter = Lifter.from_file(path)
    return bench["material"].Setup(
        lifter, str(path), "tiny", tmp_path, threads=1, rounds=1, quick=True
    )


@pytest.fixture
def no_processes(bench: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """Peak memories are told at once (a process takes seconds); gives what was asked for."""
    asked: list[tuple] = []

    def fake_peak_mb(_: Any, name: str, form: str, work: str = "pass") -> float:
        asked.append((work, name, form))
        return 100.0

    for module in ("encoders", "steps", "window_batches", "metric_speed", "prompted"):
        monkeypatch.setattr(bench[module], "peak_mb", fake_peak_mb)
    return asked


def test_the_help_and_the_docs_list_the_groups(bench: dict[str, ModuleType]) -> None:
    run = bench["run"]
    told = re.search(r"separated by commas: (.*?); all if", run.BenchmarkArguments.__doc__, re.S)
    assert told is not None
    assert re.split(r",\s+", told[1]) == [*run.GROUPS]
    docs = (FOLDER.parent / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    table = docs.partition("## What is measured")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.M) == [*run.GROUPS]


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("widths", [(3, 3), (5, 3, 3)])
def test_the_reference_form_is_the_same_network(
    bench: dict[str, ModuleType], tmp_path: Path, widths: tuple[int, ...], flip: bool
) -> None:
    path = bench["material"].random_weights(
        tmp_path / "w.safetensors", VPoseConfig(widths=widths, channels=12)
    )
    lifter = Lifter.from_file(path)
    lifting, reference_vpose = bench["lifting"], bench["reference_vpose"]
    features = lifting.random_features(lifter, 20)
    ours = lifting._pass(lifter, features, "fp32", flip)()
    reference = reference_vpose.reference_of(lifter)
    wanted = reference_vpose.reference_joints(reference, torch.from_numpy(features), flip)
    assert wanted.shape == (20, 17, 3)
    assert float(wanted.abs().mean()) > 1e-3  # two networks that say nothing would agree, too
    torch.testing.assert_close(torch.from_numpy(ours), wanted, rtol=1e-5, atol=1e-6)


def test_a_network_without_a_reference_form_is_measured_alone(
    bench: dict[str, ModuleType], tmp_path: Path
) -> None:
    causal = VPoseConfig(widths=(3, 3), channels=8, causal=True)
    path = bench["material"].random_weights(tmp_path / "c.safetensors", causal)
    setup = bench["material"].Setup(
        Lifter.from_file(path), str(path), "causal", tmp_path, threads=1, rounds=1, quick=True
    )
    rows = bench["lifting"].network(setup)
    assert len(rows) == 4
    assert all(row.ratio is None and row.reference == "none for vpose" for row in rows)


def test_groups_in_this_process_give_rows(bench: dict[str, ModuleType], tiny: Any) -> None:
    rows = [
        *bench["lifting"].network(tiny),
        *bench["lifting"].whole_lift(tiny),
        *bench["training"].training(tiny),
    ]
    assert len({row.name for row in rows}) == len(rows) == 6 + 4 + 3
    assert all(row.value > 0 and row.target is None for row in rows)
    # bf16 must differ from the reference, fp32 hardly.
    fp32, bf16 = (row.value for row in rows if row.name.startswith("largest difference"))
    assert fp32 < 0.01 < bf16


def test_every_encoder_is_measured_against_its_reference_form(
    bench: dict[str, ModuleType], tiny: Any, no_processes: list[tuple]
) -> None:
    rows = bench["encoders"].encoders(tiny)
    known = bench["pairs"].pairs(quick=True)
    assert set(known) == set(bench["pairs"].pairs(quick=False))
    assert len({row.name for row in rows}) == len(rows) == (5 + 3) * len(known)
    assert sum(row.ratio is not None for row in rows) == 2 * len(known)
    exact = [row.value for row in rows if row.name.endswith("to the reference, fp32")]
    assert len(exact) == len(known) and max(exact) < 1e-5
    assert all(row.value > 0 for row in rows if row.ratio is not None)
    forms = ("fp32", "bf16", "reference")
    assert no_processes == [("pass", name, form) for name in known for form in forms]
    units = ["frames/s", "frames/s", "m", "m", "x authors'", "MB", "MB", "MB"]
    assert [row.unit for row in rows] == units * len(known)  # memory beside its ratios


def test_the_targets_of_the_encoders_are_of_their_ratios(
    bench: dict[str, ModuleType], tiny: Any
) -> None:
    machine, encoders = bench["machine"], bench["encoders"]
    judged = replace(tiny, quick=False)
    pair = bench["pairs"].pairs(quick=False)["mixste"]
    times = machine.Comparison(seconds=0.5, reference_seconds=1.5, ratio=3.0)
    slow = encoders._speed(judged, pair, "bf16", 243, times)
    fast = encoders._speed(judged, pair, "fp32", 243, times)
    assert (slow.value, slow.ratio, str(slow.target), slow.met) == (
        486,
        3.0,
        "at least 3.5 x",
        False,
    )
    assert (str(fast.target), fast.met) == ("at least 1.1 x", True)


def test_windows_are_measured_and_equal(
    bench: dict[str, ModuleType], tiny: Any, no_processes: list[tuple]
) -> None:
    rows = bench["window_batches"].windows(tiny)
    assert len({row.name for row in rows}) == len(rows) == 3 + 4 + 1 + 3
    (difference,) = (row.value for row in rows if "largest difference" in row.name)
    assert difference == 0
    assert [row.unit for row in rows[:7]] == [*("windows/s", "MB", "MB") * 2, "windows/s"]
    assert all(row.ratio > 0 for row in rows if row.unit == "windows/s")
    ways = [("frames", "ours"), ("frames", "reference"), ("sequences", "ours")]
    assert no_processes == [("draw", *way) for way in [*ways, ("sequences", "reference")]]
    assert all("the 500 frames included" in row.name for row in rows if row.unit == "MB")


def test_what_actionprompt_adds_is_measured(
    bench: dict[str, ModuleType], tiny: Any, no_processes: list[tuple]
) -> None:
    rows = bench["prompted"].prompted(tiny)
    encoders = ("vpose", "a3dhp", "mixste", "dstformer")
    assert len({row.name for row in rows}) == len(rows) == 6 * len(encoders) + 2 * 3 + 2 * 3
    passes, (median, late, rate), steps = rows[:24], rows[24:27], rows[30:]
    assert [row.unit for row in passes] == ["frames/s", "frames/s", "m", "m", "MB", "MB"] * 4
    assert all(row.ratio > 0 for row in passes if row.unit == "frames/s")
    exact = [row.value for row in passes if row.name.endswith("eager form, fp32")]
    rounded = [row.value for row in passes if row.name.endswith("eager form, bf16")]
    assert len(exact) == 4 and max(exact) < 1e-5 < min(rounded)
    assert no_processes == [("prompted", n, form) for n in encoders for form in ("fp32", "bf16")]
    assert 0 < median.value <= late.value == pytest.approx(1000 / rate.value)
    for step, text, share in (steps[:3], steps[3:]):
        assert [row.unit for row in (step, text, share)] == ["s", "s", "%"]
        assert share.value == pytest.approx(100 * text.value / step.value)  # of one round


def test_metrics_are_measured_and_agree_with_the_loop(
    bench: dict[str, ModuleType], tiny: Any, no_processes: list[tuple]
) -> None:
    loop, whole, memory, difference = bench["metric_speed"].metric_speed(tiny)
    assert [row.unit for row in (loop, whole, memory, difference)] == ["s", "s", "MB", ""]
    assert loop.ratio > 0 and loop.reference == "a loop over the frames"
    assert whole.value > 0 and "60 frames" in whole.name
    assert difference.value < 1e-6
    assert no_processes == [("measure", "all", "ours")]


def test_work_is_measured_in_processes_of_its_own(bench: dict[str, ModuleType], tiny: Any) -> None:
    peak_mb = bench["encoders"].peak_mb
    assert 100 < peak_mb(tiny, "mixste", "bf16") < 3000
    assert 100 < peak_mb(tiny, "vpose", "reference", work="step") < 3000
    assert 100 < peak_mb(tiny, "frames", "ours", work="draw") < 3000
    assert 100 < peak_mb(tiny, "all", "ours", work="measure") < 3000
    assert 100 < peak_mb(tiny, "mixste", "bf16", work="prompted") < 3000
    with pytest.raises(InputError, match=r"unknown encoder 'mixte'.*did you mean 'mixste'"):
        bench["encoders"].one_pass("mixte", "bf16", quick=True)


@pytest.mark.parametrize("name", ["frames", "sequences"])
@pytest.mark.parametrize(("form", "made"), [("ours", 1), ("reference", 0)])
def test_a_process_that_draws_builds_one_generator(
    bench: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch, name: str, form: str, made: int
) -> None:
    module, built = bench["window_batches"], []
    for number, part in enumerate(("_naive", "_store")):
        build = getattr(module, part)
        monkeypatch.setattr(
            module, part, lambda *a, number=number, build=build: built.append(number) or build(*a)
        )
    xy, joints = module.one_draw(name, form, quick=True)()
    assert built == [made]
    count, chunk = len(xy), {"frames": 1, "sequences": 243}[name]
    assert 0 < count <= 8
    assert xy.shape == (count, 243, 17, 2) and joints.shape == (count, chunk, 17, 3)


def test_steps_measure_time_agreement_and_memory(
    bench: dict[str, ModuleType], tiny: Any, no_processes: list[tuple]
) -> None:
    rows = bench["steps"].steps(tiny)
    assert len({row.name for row in rows}) == len(rows) == 3 * 4
    assert [row.unit for row in rows] == ["s", "x authors'", "MB", "MB"] * 3
    assert all(row.ratio > 0 for row in rows[::4])
    assert no_processes == [
        ("step", name, form)
        for name in ("mixste", "vpose", "a3dhp")
        for form in ("bf16", "reference")
    ]


def test_a_reference_form_may_be_a_little_slower_than_the_authors_code(
    bench: dict[str, ModuleType], tiny: Any
) -> None:
    agreement, judged = bench["agreement"].agreement, replace(tiny, quick=False)
    same = agreement(judged, "a pass", 2.0, 1.0, gauge=163.0)  # half as fast a machine
    assert same.value == pytest.approx(1.0) and same.met
    slow = agreement(judged, "a pass", 1.2, 1.0, gauge=326.0)
    assert slow.value == pytest.approx(1.2) and not slow.met
    one_thread = agreement(judged, "a batch", 1.1, 1.0, gauge=164.0, authors_gauge=164.0)
    assert one_thread.value == pytest.approx(1.1) and one_thread.met


@pytest.mark.parametrize("name", ["dstformer-fp32", "vpose-step"])
def test_a_profile_names_the_operations(
    bench: dict[str, ModuleType], capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert bench["run"].main(["--quick", "--profile", name, "--threads", "1"]) == 0
    table = capsys.readouterr().out
    assert "aten::" in table and "Self CPU" in table


def test_the_command_is_measured_and_its_failure_told(
    bench: dict[str, ModuleType], tiny: Any
) -> None:
    seconds, memory = bench["command"].command(tiny)
    assert seconds.unit == "s"
    assert 0 < seconds.value < 300
    assert 50 < memory.value < 5000
    assert {path.name for path in (tiny.folder / "lifted").iterdir()} == {
        "motion.npz", "motion.json", "motion.png",
    }  # fmt: skip
    with pytest.raises(RuntimeError, match=r"failed: .*no such thing"):
        bench["child"].run_command([sys.executable, "-c", "raise SystemExit('no such thing')"], 1)


def test_a_childs_memory_is_its_own(bench: dict[str, ModuleType]) -> None:
    held = bytearray(b"x") * 400_000_000
    small = bench["child"].run_command([sys.executable, "-c", "print('hello')"], 1)
    code = "block = bytearray(b'x') * 200_000_000"
    large = bench["child"].run_command([sys.executable, "-c", code], 1)
    assert len(held) == 400_000_000
    assert small.output == "hello\n"
    assert 2 < small.peak_mb < 100
    assert 190 < large.peak_mb - small.peak_mb < 220


@pytest.mark.parametrize(
    ("better", "limit", "met"),
    [("at least", 9.0, True), ("at least", 11.0, False), ("at most", 11.0, True),
     ("at most", 9.0, False)],
)  # fmt: skip
def test_targets_are_judged(
    bench: dict[str, ModuleType], better: str, limit: float, met: bool
) -> None:
    table = bench["table"]
    assert table.Row("a", 10.0, "s", table.Target(limit, better)).met is met
    of_ratio = table.Target(limit, better, of="ratio")
    assert table.Row("a", 0.0, "s", of_ratio, ratio=10.0).met is met
    assert table.Row("a", 10.0, "s", of_ratio).met is False  # no ratio, no target met


def test_the_table_and_the_json_say_the_same(bench: dict[str, ModuleType], tmp_path: Path) -> None:
    table = bench["table"]
    rows = [
        table.Row("fast", 12_345.6, "frames/s", table.Target(5_000, "at least"), 2.5, "plain form"),
        table.Row("slow", 6.5, "s", table.Target(5, "at most")).of("command", quiet=False),
        table.Row("plain", 0.01234, "s"),
        table.Row("pass", 0.5, "s", table.Target(3.5, "at least", of="ratio"), 4.0, "plain form"),
    ]
    head = {"machine": {"cpu": "some [cpu]"}}
    console = Console(width=120, file=io.StringIO())
    table.show(rows, head["machine"], console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    for words in (
        *("cpu: some [cpu]", "12,346", "at least 5,000", "2.50", "plain form", "0.0123"),
        *("at least 3.5 x", "slow (busy machine)", "2 of 3 targets met"),
    ):
        assert words in text
    stored = json.loads(table.write_json(rows, head, tmp_path / "new" / "b.json").read_text())
    assert stored["format"] == table.FORMAT
    assert stored["machine"] == head["machine"]
    assert [row["met"] for row in stored["rows"]] == [True, False, None, True]
    assert stored["rows"][0]["value"] == 12_345.6
    assert stored["rows"][1]["target"] == {"limit": 5, "better": "at most", "of": "value"}
    assert (stored["rows"][1]["group"], stored["rows"][1]["quiet"]) == ("command", False)


def test_the_script_writes_what_it_measured(
    bench: dict[str, ModuleType], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "b.json"
    assert bench["run"].main(["--quick", "--only", "import", "--out", str(out)]) == 0
    stored = json.loads(out.read_text())
    assert [row["group"] for row in stored["rows"]] == ["import"]
    assert stored["machine"]["threads"] == 2
    assert stored["sgemm_gflops"]["before"] > 0
    assert f"wrote {out}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--only", "netwrok"], "unknown group 'netwrok'"),
        (["--profile", "mixste-fp16"], "unknown profile 'mixste-fp16'"),
        (["--profile", "mixste-bf16", "--threads", "0"], "threads is 0"),
        (["--threads", "0"], "threads is 0; it must be at least 1"),
        (["--rounds", "0"], "rounds is 0; it must be at least 1"),
    ],
)
def test_wrong_arguments_are_told(
    bench: dict[str, ModuleType],
    capsys: pytest.CaptureFixture[str],
    argv: list[str],
    words: str,
) -> None:
    assert bench["run"].main(argv) == 2
    assert words in capsys.readouterr().err


def test_a_busy_machine_is_noticed(bench: dict[str, ModuleType]) -> None:
    machine, run, row = bench["machine"], bench["run"], bench["table"].Row("a", 1.0, "s")
    assert machine.quiet((100.0, 95.0), best=100.0)
    assert not machine.quiet((100.0, 50.0), best=100.0)
    measured = {"first": [row], "second": [row], "third": [row]}
    told = run._with_circumstances(measured, [100.0, 98.0, 40.0, 99.0])
    assert [(r.group, r.quiet) for r in told] == [
        ("first", True), ("second", False), ("third", False),
    ]  # fmt: skip


def test_comparisons_alternate_and_take_the_median_ratio(
    bench: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = bench["machine"]
    order: list[str] = []
    seconds = iter([1.0, 2.0, 1.0, 9.0, 2.0, 2.0])  # ours, reference, ours, ...

    def fake_timed(work: Any) -> float:
        work()
        return next(seconds)

    monkeypatch.setattr(machine, "timed", fake_timed)
    found = machine.in_turns(lambda: order.append("a"), lambda: order.append("b"), 3)
    assert order == ["a", "b"] * 4  # one round does not count
    assert (found.seconds, found.reference_seconds, found.ratio) == (1.0, 2.0, 2.0)
