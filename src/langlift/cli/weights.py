"""``langlift weights``: which there are, what a bundle says about itself, public checkpoints."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from ..errors import InputError, unknown
from .arguments import parse
from .tables import cell, console, print_table
from .weights_import import ImportArguments, run_import

_LICENCE = 24  # characters of a licence's name in the list


@dataclass(frozen=True)
class ListArguments:
    """List the weights that come with the package.

    Args:
        json: print JSON.
    """

    json: bool = False


@dataclass(frozen=True)
class InspectArguments:
    """Print what a bundle says about itself.

    Args:
        model: a name from `langlift weights list`, or a .safetensors file.
        json: print JSON.
    """

    model: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="MODEL")]
    json: bool = False


def run(argv: Sequence[str]) -> int:
    """Run the verb."""
    if not argv or argv[0] in ("-h", "--help"):
        print(
            "usage: langlift weights list | langlift weights inspect NAME_OR_FILE | "
            "langlift weights import FILE --method METHOD --out X.safetensors"
        )
        return 0
    if argv[0] == "list":
        return _list(parse(ListArguments, argv[1:], "weights list"))
    if argv[0] == "inspect":
        return _inspect(parse(InspectArguments, argv[1:], "weights inspect"))
    if argv[0] == "import":
        return run_import(parse(ImportArguments, argv[1:], "weights import"))
    raise unknown("weights command", argv[0], ("list", "inspect", "import"))


def _list(args: ListArguments) -> int:
    from ..lifting.bundle import read_bundle
    from ..weights import catalogue

    rows: list[dict[str, Any]] = []
    for name, path in catalogue().items():
        bundle, state, _ = read_bundle(path)
        rows.append(
            {
                "name": name,
                "method": bundle.method,
                "parameters": _count(state),
                "megabytes": round(path.stat().st_size / 1e6, 1),
                "actions": len(bundle.actions),
                "licence": bundle.card.get("licence", "not stated"),
            }
        )
    if not rows:
        raise InputError("this installation holds no weights; install langlift again")
    if args.json:
        print(json.dumps(rows))
        return 0
    shown = [{**row, "licence": _licence_name(str(row["licence"]))} for row in rows]
    cells = [[cell(f"{v:,}" if isinstance(v, int) else v) for v in row.values()] for row in shown]
    print_table(console(), None, [*rows[0]], cells, words=("method", "licence"))
    return 0


def _licence_name(licence: str) -> str:
    """The name at the head of a licence's terms; `--json` and `weights inspect` give them all."""
    name = licence.split(";")[0].strip()
    return name if len(name) <= _LICENCE else f"{name[: _LICENCE - 1]}…"


def _inspect(args: InspectArguments) -> int:
    from ..lifting.bundle import read_bundle
    from ..weights import find_weights

    path = find_weights(args.model)
    bundle, state, digest = read_bundle(path)
    facts = {
        "file": str(Path(path).name),
        "weights_sha256": digest,
        "parameters": _count(state),
        **{key: _plain(value) for key, value in bundle.metadata().items()},
    }
    if args.json:
        print(json.dumps(facts))
        return 0
    for key, value in facts.items():
        print(f"{key}: {json.dumps(value, indent=2) if isinstance(value, dict) else value}")
    return 0


def _plain(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _count(state: dict[str, Any]) -> int:
    """Trainable parameters: everything but the running statistics of batch norms."""
    statistics = ("running_mean", "running_var", "num_batches_tracked")
    return sum(t.numel() for name, t in state.items() if not name.endswith(statistics))
