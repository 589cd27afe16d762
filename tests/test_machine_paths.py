"""Nothing that is published names a folder that only one machine has."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: What is published besides the package, and folders that only one machine has.
FOLDERS = ("src", "tests", "docs", "examples", "benchmarks", "experiments", ".ci")
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "NOTICE", "Makefile", "pyproject.toml")
MACHINE = re.compile(r"(?<![\w.~$)}-])/(work|mnt|tmp|root|(home|Users)/\w+)(?![\w-])")


def machine_paths(text: str) -> list[str]:
    """Absolute paths below folders that only one machine has."""
    return [found[0] for found in MACHINE.finditer(text)]


def test_no_path_of_one_machine() -> None:
    paths = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()]
    texts = {p: p.read_bytes() for p in [*paths, *(ROOT / page for page in PAGES)]}
    kept = {p: t for p, t in texts.items() if b"\0" not in t and "__pycache__" not in p.parts}
    assert {path.suffix for path in kept} >= {".py", ".md", ".toml"}
    assert [f"{p}: {where}" for p, t in kept.items() for where in machine_paths(t.decode())] == []


def test_weights_name_no_path_of_one_machine() -> None:
    from langlift.lifting.bundle import read_bundle

    weights = sorted((ROOT / "src" / "langlift" / "weights").glob("*.safetensors"))
    assert weights, "the package holds no weights"
    heads = {path: read_bundle(path)[0].metadata() for path in weights}
    assert [f"{p}: {x}" for p, head in heads.items() for x in machine_paths(str(head))] == []


def test_paths_of_one_machine_are_found() -> None:
    names = ("work/x", "mnt/x", "tmp/x", "root/.cache", "home/ann/x", "Users/ann/x", "tmp")
    for before in ("", " ", "=", "('", '\\"', "`", "file://", "a:"):
        for name in names:
            assert machine_paths(f"{before}/{name}"), (before, name)
    for name in ("../work/x", "$OUT/tmp/x", "frame/root/x", "~/work/x", "/data/motion", "/rooted"):
        assert machine_paths(name) == []
