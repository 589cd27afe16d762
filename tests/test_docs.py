"""The documents say what is true: code runs, commands parse, links lead somewhere."""

from __future__ import annotations

import ast
import io
import json
import re
import shlex
import tokenize
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from doc_pages import BLOCK, PAGES, ROOT, Block, blocks, file_blocks, page_text, run_example, title

#: What each example prints, in part; the ones that pages show are short.
EXAMPLES = {
    "add_a_dataset.py": "ann, wave: 59 frames, off by 0.25 mm at most",
    "add_a_format.py": "read 2 frames, 4 joints seen\nwrote walk.xyz",
    "add_a_method.py": "joints (1, 17, 3) by frame_mlp",
    "attach_apm.py": "joints (30, 17, 3) by gru+apm",
    "evaluate_in_python.py": "'P-MPJPE': '29.5', 'MPJVE': '6.0'}",
    "lift_in_python.py": "joints (90, 17, 3) metres, root space",
    "oracle_is_cheap.py": "noise 5 mm: single 40.7, P-Agg 40.0, J-Best (oracle) 31.6",
    "run_onnx.py": "joints (100, 17, 3) metres; the last frame looks like",
}
MOST_CODE_LINES = 60
PLACEHOLDERS = {"METHOD": "vpose"}

# Code


@pytest.fixture
def registries() -> Iterator[None]:
    """Examples add to the registries; afterwards they are as they were."""
    from langlift.formats import READERS, WRITERS
    from langlift.methods import METHODS
    from langlift.protocols import PROTOCOLS

    known: tuple[dict, ...] = (METHODS, PROTOCOLS, READERS, WRITERS)
    before = [dict(each) for each in known]
    yield
    for each, entries in zip(known, before, strict=True):
        each.clear()
        each.update(entries)


@pytest.fixture(scope="module")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch

    from langlift.actions import ActionVocabulary
    from langlift.lifting.bundle import Bundle, save_bundle
    from langlift.lifting.features import FeatureConfig
    from langlift.methods.vpose import VPoseConfig

    torch.manual_seed(0)
    config = VPoseConfig(widths=(3, 3), channels=8)
    bundle = Bundle("vpose", config, FeatureConfig(), ActionVocabulary(("run", "walk")))
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    return save_bundle(path, bundle, bundle.build().state_dict())


@pytest.mark.usefixtures("registries")
@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_example_runs(
    name: str, tmp_path: Path, tiny_bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = [str(tiny_bundle)] if name == "lift_in_python.py" else []
    run_example(name, str(tmp_path), *model)
    assert EXAMPLES[name] in capsys.readouterr().out


@pytest.mark.usefixtures("registries")
def test_the_command_trains_a_method_from_outside_and_resumes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What CONTRIBUTING says of a registered method."""
    from langlift.cli.main import main

    run_example("add_a_method.py", str(tmp_path / "example"))
    small = "--synthetic-clips 4 --validation-clips 1 --validate-every 0 --batch 2 --frames 9"
    start = ["train", "frame_mlp", "--data", "synthetic", *small.split(), "--model.width", "12"]
    out = str(tmp_path / "run")
    assert main([*start, "--steps", "2", "--out", out]) == 0
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["model"] == {"width": 12}
    resume = ["train", "frame_mlp", "--data", "synthetic", "--out", out, "--resume"]
    assert main(resume) == 0
    assert "step 2 of 2: finished" in capsys.readouterr().out
    assert main(["train", "frame_mlp", "--model.channels", "3"]) == 2
    assert "--model.channels" in capsys.readouterr().err


def test_every_example_is_known() -> None:
    assert sorted(p.name for p in (ROOT / "examples").glob("*.py")) == sorted(EXAMPLES)


def test_pages_show_the_examples_as_they_are() -> None:
    shown = {block.mark.removeprefix("file: "): block.text for block in file_blocks()}
    whole = [name for name in EXAMPLES if name != "lift_in_python.py"]
    assert sorted(shown) == sorted(f"examples/{name}" for name in whole)
    for file, text in shown.items():
        assert text == page_text(file), f"{file} differs; run python tests/doc_pages.py"
        assert code_lines(text) < MOST_CODE_LINES, file


def code_lines(text: str) -> int:
    """Lines of code without comments, docstrings and blank lines."""
    docs: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
        if isinstance(node, kinds) and ast.get_docstring(node) is not None:
            docs |= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    empty = {"COMMENT", "NL", "NEWLINE", "INDENT", "DEDENT", "ENDMARKER"}
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if tokenize.tok_name[token.type] not in empty:
            lines |= set(range(token.start[0], token.end[0] + 1))
    return len(lines - docs)


def test_code_lines_are_counted() -> None:
    assert code_lines('"""a\nb"""\n\n# c\nx = (1,\n     2)\n\ndef f():\n    """d"""\n') == 3


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files that the pages speak of, in the working directory."""
    from langlift.formats import write, write_keypoints
    from langlift.tracks import Keypoints, Motion

    rng = np.random.default_rng(0)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo").mkdir()
    xy = rng.uniform(100, 400, (12, 17, 2))
    write_keypoints(Keypoints(xy, fps=50, image_size=(640, 480)), "demo/keypoints.npz")
    np.save("detections.npy", np.concatenate([xy, np.full((12, 17, 1), 0.5)], axis=-1))
    write(Motion(rng.normal(size=(5, 17, 3)), "human36m_17", 50.0), "motion.npz")
    return tmp_path


@pytest.mark.parametrize(
    "block", [b for b in blocks("python") if not b.mark.startswith("file: ")], ids=title
)
def test_python_block_runs(
    block: Block, workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from langlift.weights import DEFAULT, catalogue

    if "langlift.load()" in block.text and DEFAULT not in catalogue():
        pytest.skip("this installation has no default weights")
    exec(compile(block.text, block.page, "exec"), {"__name__": "block"})
    saved = re.search(r'(?:savez|langlift\.write)\((?:motion, )?"([^"]+)"', block.text)
    assert saved is None or (workplace / saved[1]).is_file()
    assert "print(" not in block.text or capsys.readouterr().out


@pytest.mark.parametrize("file", ["clip.npz", "detected.npz"])
def test_files_made_by_the_format_page_are_read(file: str, workplace: Path) -> None:
    from langlift.formats import ReadOptions, read

    (block,) = (b for b in blocks("python") if f'savez("{file}"' in b.text)
    exec(compile(block.text, block.page, "exec"), {"__name__": "block"})
    keypoints = read(file, ReadOptions(image_size=(640, 480)))
    assert (len(keypoints), keypoints.seen.all()) == (50, True)
    assert keypoints.provenance["given_by_user"] == ["image_size"]


@pytest.mark.parametrize("block", blocks("json"), ids=title)
def test_json_is_read_as_the_page_says(block: Block, tmp_path: Path) -> None:
    from langlift.formats import ReadOptions, read

    path = tmp_path / "clip_000000000000_keypoints.json"
    path.write_text(block.text)
    keypoints = read(path, ReadOptions(fps=25, image_size=(640, 480)))
    name = block.mark.removeprefix("reads as: ")
    assert keypoints.provenance["format"] == name
    assert keypoints.seen.sum() == {"coco": 16, "openpose": 19}[name]


# Commands


def command_lines() -> list[tuple[str, str]]:
    """(page, line) of every shell line, and of every `langlift ...` in a sentence."""
    found = []
    for block in blocks("bash"):
        joined = block.text.replace("\\\n", " ")
        found += [(block.page, line.strip()) for line in joined.splitlines() if line.strip()]
    for page in PAGES:
        prose = BLOCK.sub("", page_text(page))
        spans = re.findall(r"`(langlift [^`]+)`", prose)
        # A sentence may leave out the input: `langlift lift`, `langlift lift --formats csv`.
        whole = [re.sub(r"^langlift lift(?= --|$)", "langlift lift FILE", s) for s in spans]
        found += [(page, " ".join(span.split())) for span in whole]
    return found


def check_command(line: str) -> None:
    """Raise or exit where a line is no command that langlift or the Makefile has."""
    program, *rest = (PLACEHOLDERS.get(word, word) for word in shlex.split(line, comments=True))
    if program == "make":
        targets = re.findall(r"^([a-z]+):", page_text("Makefile"), re.M)
        assert rest[0] in targets, f"no target {rest[0]}"
        assert all(re.match(r"[A-Z_]+=", word) for word in rest[1:])
    elif program == "langlift":
        check_langlift(rest[0], rest[1:])
    elif program == "torchrun":
        module = rest.index("-m")
        assert rest[module + 1] == "langlift"
        check_langlift(rest[module + 2], rest[module + 3 :])
    elif program == ".venv/bin/python":
        assert (ROOT / rest[0]).is_file(), f"no script {rest[0]}"
    else:
        assert program in ("pip", "export"), f"nobody checks {program}"


def check_langlift(verb: str, rest: list[str]) -> None:
    from langlift.cli import (
        compare,
        data,
        data_describe,
        data_import,
        demo,
        evaluate,
        experiment,
        export,
        lift,
        train,
        weights,
        weights_import,
    )
    from langlift.cli.arguments import comma_list, parse
    from langlift.experiments import find_experiment
    from langlift.experiments.scales import SCALES
    from langlift.formats import READERS, WRITERS
    from langlift.skeletons import SKELETONS
    from langlift.training.recipes import recipe

    if verb == "lift":
        args = parse(lift.LiftArguments, rest, verb)
        comma_list(args.formats, [*WRITERS, *lift.PICTURES], "output format")
        assert args.format in (None, *READERS)
        assert args.skeleton in (None, *SKELETONS)
    elif verb == "train":
        method, rest = rest[0], rest[1:]
        start = train.TrainArguments(config=recipe("robust", method))
        recipe(parse(train.TrainArguments, rest, verb, default=start).recipe, method)
    elif verb == "evaluate":
        assert parse(evaluate.EvaluateArguments, rest, verb).protocol in evaluate.PROTOCOLS
    elif verb == "data":
        kinds = {"check": data.CheckArguments, "describe": data_describe.DescribeArguments}
        kinds["import"] = data_import.ImportArguments
        parse(kinds[rest[0]], rest[1:], verb)
    elif verb == "compare":
        parse(compare.CompareArguments, rest, verb)
    elif verb == "experiment":
        kinds = {"list": experiment.ListArguments, "run": experiment.RunArguments}
        args = parse(kinds[rest[0]], rest[1:], verb)
        if isinstance(args, experiment.RunArguments):
            assert find_experiment(args.name).name == args.name
            assert args.scale in SCALES
    elif verb == "weights":
        kinds = {"list": weights.ListArguments, "inspect": weights.InspectArguments}
        kinds["import"] = weights_import.ImportArguments
        parse(kinds[rest[0]], rest[1:], verb)
    elif verb == "export":
        assert rest[0] == "onnx", f"no export format {rest[0]}"
        parse(export.OnnxArguments, rest[1:], verb)
    else:
        assert verb == "demo", f"no verb {verb}"
        parse(demo.DemoArguments, rest, verb)


@pytest.mark.parametrize(("page", "line"), command_lines())
def test_command_parses(page: str, line: str) -> None:
    try:
        check_command(line)
    except SystemExit:
        pytest.fail(f"{page}: langlift does not take {line!r}")


@pytest.mark.parametrize(
    "line",
    [
        "langlift lift a.npz --formatz npz",
        "langlift lift a.npz --formats bvh",
        "langlift train vpose --recipe strong",
        "langlift train vpos",
        "langlift evaluate --protocol human35m",
        "langlift weights show",
        "langlift fly",
        "make coffee",
    ],
)
def test_a_wrong_command_is_found(line: str) -> None:
    with pytest.raises((SystemExit, AssertionError, ValueError, KeyError)):
        check_command(line)


# Links


def anchors(page: Path) -> set[str]:
    """What the headings of a page are called in links, as GitHub does."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    here = ROOT / page
    for target in re.findall(r"\]\(([^)\s]+)\)", BLOCK.sub("", page_text(page))):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        there = (here.parent / file).resolve() if file else here
        assert there.exists(), f"{page}: there is no {target}"
        assert not anchor or anchor in anchors(there), f"{page}: {target} has no such heading"
