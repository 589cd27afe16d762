"""The shape of the house: who may import whom, what an import costs, and what is never used."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "langlift"

#: Lowest first; a module imports only from layers below its own (and from its own package).
LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"errors", "_version", "_lazy"}),
    frozenset({"skeletons"}),
    frozenset({"conversions"}),
    frozenset({"actions", "tracks"}),
    frozenset({"geometry", "metrics"}),
    frozenset({"text"}),
    frozenset({"methods"}),
    frozenset({"formats"}),
    frozenset({"datasets"}),
    frozenset({"lifting", "training", "protocols", "view", "detection"}),
    frozenset({"weights"}),  # opens a bundle by name, so it stands on lifting
    frozenset({"experiments"}),
    frozenset({"cli"}),
    frozenset({"__main__"}),
)
#: Imports between neighbours of one layer, each for a reason that a reader would accept.
SIDEWAYS: dict[str, frozenset[str]] = {
    "metrics": frozenset({"geometry"}),  # Procrustes alignment inside PA-MPJPE
    "training": frozenset({"lifting", "protocols"}),  # validation is an evaluation on few
    "protocols": frozenset({"lifting"}),  # an evaluation lifts recordings
}
#: Imports that would point downwards and are still wrong.
FORBIDDEN: dict[str, frozenset[str]] = {
    "geometry": frozenset({"actions", "tracks"}),  # pure functions over arrays
}
#: A method builds on another one only where its paper does.
METHOD_IMPORTS: dict[str, frozenset[str]] = {
    "actionprompt": frozenset({"vpose", "a3dhp", "mixste", "dstformer"}),  # it wraps encoders
}
#: Unpickling runs code from the file, so no module may. One reads pickles without running them:
#: it subclasses the reader of the standard library and looks every name up in a table of its own.
PICKLE_READER = ("formats", "unpickle")
PICKLES = frozenset({"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve"})
#: Heavy, and each brings a second copy of what is here.
NEVER = frozenset({"torchvision", "cv2"})
#: Import names that differ from the name of the package that is installed.
INSTALLED_AS = {"ai_edge_litert": "ai-edge-litert", "rerun": "rerun-sdk"}
MAX_LINES, MAX_COLUMNS, MAX_BODY = 400, 100, 40
IMPORT_SECONDS = 0.3
FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef
HEAVY = ("torch", "matplotlib", "scipy", "av", "rich", "tyro")


@dataclass(frozen=True)
class Import:
    """One import statement: who (parts below ``langlift``), what, where, and how deep."""

    importer: tuple[str, ...]
    target: str
    place: str
    in_function: bool


def module_of(path: Path, package: Path) -> tuple[str, ...]:
    parts = path.relative_to(package).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def imports_of(path: Path, package: Path) -> Iterator[Import]:
    """Every import of a file as absolute dotted names, also those inside functions."""
    importer = module_of(path, package)
    inside = importer if path.name == "__init__.py" else importer[:-1]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = (n for n in ast.walk(tree) if isinstance(n, FUNCTIONS))
    deep = {id(node) for function in functions for node in ast.walk(function)}
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = [node.module] if node.module else []
            if node.level:
                base = ["langlift", *inside[: len(inside) - node.level + 1], *base]
            start = ".".join(base)
            names = [f"{start}.{alias.name}" for alias in node.names]
        for name in names:
            place = f"{path.relative_to(package)}:{getattr(node, 'lineno', 0)}"
            yield Import(importer, name, place, id(node) in deep)


def all_imports(package: Path) -> list[Import]:
    return [i for path in sorted(package.rglob("*.py")) for i in imports_of(path, package)]


def level(name: str) -> int | None:
    return next((n for n, layer in enumerate(LAYERS) if name in layer), None)


def layer_faults(imports: list[Import]) -> list[str]:
    """Imports of langlift modules that do not point downwards."""
    faults = []
    for i in imports:
        package, _, rest = i.target.partition(".")
        if package != "langlift" or not i.importer:
            continue
        own, other = i.importer[0], rest.split(".")[0]
        if level(own) is None:
            faults.append(f"{i.place}: {own} has no layer; give it one in LAYERS")
        elif level(other) is None:
            if own != "cli":
                faults.append(f"{i.place}: {own} imports {i.target}, the root or without a layer")
        elif other in FORBIDDEN.get(own, frozenset()):
            faults.append(f"{i.place}: {own} must not import {other}")
        elif other != own and other not in SIDEWAYS.get(own, frozenset()):
            mine, theirs = level(own), level(other)
            assert mine is not None
            assert theirs is not None
            if theirs >= mine:
                faults.append(f"{i.place}: {own} imports {other}, which is not below it")
    return faults


def method_faults(imports: list[Import], folders: set[str]) -> list[str]:
    """Imports from one method's folder into another that no paper asks for."""
    faults = []
    for i, target in ((i, i.target.split(".")) for i in imports):
        if i.importer[:1] != ("methods",) or target[:2] != ["langlift", "methods"]:
            continue
        own, other = (*i.importer, "")[1], (*target, "")[2]
        between = own in folders and other in folders and own != other
        if between and other not in METHOD_IMPORTS.get(own, frozenset()):
            faults.append(f"{i.place}: method {own} imports method {other}")
    return faults


def dependency_faults(imports: list[Import], core: set[str], extras: set[str]) -> list[str]:
    """Third-party imports that the core dependencies do not bring."""
    faults = []
    for i in imports:
        top = i.target.split(".")[0]
        if top == "langlift" or top in sys.stdlib_module_names:
            continue
        installed = INSTALLED_AS.get(top, top.replace("_", "-")).lower()
        if installed in core or (installed in extras and i.in_function):
            continue
        faults.append(f"{i.place}: {top} is no core dependency (an extra: import it where used)")
    return faults


def refused_imports(imports: list[Import]) -> list[str]:
    """Imports of what unpickles, but for the one module that may, and of what is never used."""
    return [
        i.place
        for i in imports
        if i.target.split(".")[0] in PICKLES | NEVER
        and not (i.target == "pickle" and i.importer == PICKLE_READER)
    ]


def call_faults(path: Path) -> list[str]:
    """Calls that may unpickle: allow_pickle other than False, torch.load without weights_only."""
    faults = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        given = {k.arg: getattr(k.value, "value", ...) for k in node.keywords}
        called = ast.unparse(node.func)
        if given.get("allow_pickle", False) is not False:
            faults.append(f"{path.name}:{node.lineno}: allow_pickle")
        if called in ("np.load", "numpy.load") and len(node.args) > 2:
            faults.append(f"{path.name}:{node.lineno}: allow_pickle by position")
        if called == "torch.load" and given.get("weights_only") is not True:
            faults.append(f"{path.name}:{node.lineno}: torch.load without weights_only=True")
    return faults


def size_faults(path: Path) -> list[str]:
    """Files, lines and functions longer than the house allows (a docstring is not counted)."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    faults = [f"{path.name}: {len(lines)} lines"] if len(lines) > MAX_LINES else []
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_COLUMNS:
            faults.append(f"{path.name}:{number}: {len(line)} columns")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, FUNCTIONS):
            first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
            body = (node.end_lineno or 0) - first.lineno + 1
            if body > MAX_BODY:
                faults.append(f"{path.name}:{node.lineno}: {node.name} has {body} lines")
    return faults


def dependencies() -> tuple[set[str], set[str]]:
    """Names of the core dependencies and of those of the extras, without dev and docs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    def names(lines: list[str]) -> set[str]:
        return {re.split(r"[\[<>=!~; ]", line)[0].lower() for line in lines}

    optional = project.get("optional-dependencies", {})
    kept = [group for name, group in optional.items() if name not in ("dev", "docs")]
    return names(project["dependencies"]), names([line for group in kept for line in group])


def check_none(faults: list[str]) -> None:
    assert not faults, "\n".join(["", *faults])


@pytest.fixture(scope="module")
def source_files() -> list[Path]:
    files = sorted(PACKAGE.rglob("*.py"))
    assert len(files) > 4, "the source files were not found"
    return files


@pytest.fixture(scope="module")
def source_imports() -> list[Import]:
    found = all_imports(PACKAGE)
    assert any(i.target == "langlift.errors.InputError" for i in found)
    return found


def test_imports_point_downwards(source_imports: list[Import]) -> None:
    check_none(layer_faults(source_imports))


def test_allowed_side_imports_form_no_cycle() -> None:
    for own, others in SIDEWAYS.items():
        assert all(level(other) == level(own) for other in others)
        assert not any(own in SIDEWAYS.get(other, frozenset()) for other in others)


def test_methods_do_not_import_each_other(source_imports: list[Import]) -> None:
    folders = {p.name for p in (PACKAGE / "methods").iterdir() if p.is_dir()}
    check_none(method_faults(source_imports, folders))


def test_third_party_imports_are_dependencies(source_imports: list[Import]) -> None:
    check_none(dependency_faults(source_imports, *dependencies()))


def test_pickle_torchvision_and_opencv_are_not_imported(source_imports: list[Import]) -> None:
    check_none(refused_imports(source_imports))


def test_nothing_is_unpickled(source_files: list[Path]) -> None:
    check_none([fault for path in source_files for fault in call_faults(path)])


def test_files_lines_and_functions_stay_short(source_files: list[Path]) -> None:
    check_none([fault for path in source_files for fault in size_faults(path)])


def test_files_of_tests_stay_short() -> None:
    lengths = {p.name: len(p.read_text("utf-8").splitlines()) for p in ROOT.glob("tests/*.py")}
    assert lengths and {n: lines for n, lines in lengths.items() if lines > MAX_LINES} == {}


def test_no_unfinished_work(source_files: list[Path]) -> None:
    pattern = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    check_none([str(path) for path in source_files if pattern.search(path.read_text("utf-8"))])


def test_import_is_light_and_quick() -> None:
    """One fresh process per trial; the best counts, because other work only makes it slower."""
    code = (
        "import json, sys, time; start = time.perf_counter(); import langlift; "
        "seconds = time.perf_counter() - start; "
        "print(json.dumps([seconds, langlift.__file__, sorted(sys.modules)]))"
    )
    seconds = []
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    for _ in range(5):
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True, text=True, check=True, env=environment,
        )  # fmt: skip
        taken, file, modules = json.loads(done.stdout)
        assert file is not None, "langlift has no __init__.py"
        assert [name for name in HEAVY if name in modules] == []
        seconds.append(taken)
    assert min(seconds) < IMPORT_SECONDS, seconds


@pytest.mark.parametrize("package", ["langlift", "langlift.datasets", "langlift.protocols"])
def test_every_public_name_is_there(package: str) -> None:
    module = import_module(package)
    assert module.__all__, f"{package} names nothing public"
    assert set(module.__all__) <= set(dir(module))
    assert [name for name in module.__all__ if not hasattr(module, name)] == []
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'nothing'"):
        _ = module.nothing


# The checks above pass by finding nothing, so here each one finds what it is there for.


@pytest.mark.parametrize(
    ("file", "line", "fault"),
    [
        ("skeletons.py", "from .tracks import Motion", "skeletons imports tracks"),
        ("actions.py", "from . import tracks", "actions imports tracks"),
        ("geometry/cameras.py", "from ..tracks import Motion", "geometry must not import tracks"),
        ("geometry/a.py", "import langlift.metrics", "geometry imports metrics"),
        ("methods/vpose/model.py", "from ...datasets import x", "methods imports datasets"),
        ("methods/base.py", "def f():\n    from ..lifting import x", "methods imports lifting"),
        ("formats/npz.py", "from ..datasets.clips import x", "formats imports datasets"),
        ("lifting/a.py", "from langlift import load", "the root or without a layer"),
        ("surprise.py", "from .errors import InputError", "surprise has no layer"),
    ],
)
def test_a_wrong_layer_is_found(tmp_path: Path, file: str, line: str, fault: str) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(line)
    (found,) = layer_faults(all_imports(tmp_path))
    assert fault in found


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("metrics.py", "from .geometry import align"),
        ("training/loop.py", "from ..lifting import Lifter"),
        ("methods/vpose/model.py", "from ..base import Prediction\nfrom .config import A"),
        ("geometry/__init__.py", "from .cameras import Camera"),
        ("__init__.py", "from .cli import main"),
        ("cli/main.py", "from langlift import load"),
    ],
)
def test_an_allowed_import_is_no_fault(tmp_path: Path, file: str, line: str) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(line)
    assert layer_faults(all_imports(tmp_path)) == []


def test_a_foreign_method_is_found(tmp_path: Path) -> None:
    path = tmp_path / "methods" / "mixste" / "model.py"
    path.parent.mkdir(parents=True)
    path.write_text("from ..vpose.model import VPose\nfrom ..base import Prediction\n")
    (found,) = method_faults(all_imports(tmp_path), {"mixste", "vpose"})
    assert "method mixste imports method vpose" in found


def test_a_missing_dependency_is_found(tmp_path: Path) -> None:
    code = "import json\nimport torch.nn\nimport pandas\ndef f():\n    import rerun\nimport rerun\n"
    (tmp_path / "a.py").write_text(code)
    found = dependency_faults(all_imports(tmp_path), {"torch"}, {"rerun-sdk"})
    assert [f.partition(" is ")[0] for f in found] == ["a.py:3: pandas", "a.py:6: rerun"]


@pytest.mark.parametrize(
    ("file", "line", "count"),
    [
        ("formats/unpickle.py", "import pickle", 0),
        ("formats/unpickle.py", "from pickle import loads", 1),
        ("formats/unpickle.py", "import dill", 1),
        ("formats/npz.py", "import pickle", 1),
        ("unpickle.py", "def f():\n    import pickle", 1),
        ("a.py", "import cv2", 1),
    ],
)
def test_a_refused_import_is_found(tmp_path: Path, file: str, line: str, count: int) -> None:
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(line)
    assert len(refused_imports(all_imports(tmp_path))) == count


def test_unpickling_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text(
        "torch.load(p)\ntorch.load(p, weights_only=False)\ntorch.load(p, weights_only=True)\n"
        "np.load(p, allow_pickle=True)\nnp.load(p, allow_pickle=flag)\n"
        "np.load(p, allow_pickle=False)\nnp.load(p, None, True)\n"
    )
    assert [f.split(":")[1] for f in call_faults(path)] == ["1", "2", "4", "5", "7"]


def test_long_code_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    long_function = "def f():\n" + '    """Words."""\n' + "    x = 1\n" * 41
    path.write_text(long_function + "#" * 101 + "\n" + "y = 2\n" * 360)
    said = [f.partition(": ")[2] for f in size_faults(path)]
    assert said == ["404 lines", "101 columns", "f has 41 lines"]
