"""``langlift weights import``: a bundle from a checkpoint that the authors of a method publish."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from ..errors import InputError, printable


@dataclass(frozen=True)
class ImportArguments:
    """Make a bundle from a public checkpoint.

    Args:
        file: the authors' file (.bin, .pth, .pt, .safetensors); no code in it is run.
        method: vpose, a3dhp, mixste or dstformer; has to be given.
        out: the bundle to write, X.safetensors, has to be given; an existing one is replaced.
        heads: attention heads, where the method has them; 8, as published, if not given.
        causal: the network looks at past frames only (vpose).
        skeleton: joints that come out; human36m_17 or humaneva_15 by their number if not given.
        unit: of the output, m, mm or screen; if not given, mm for mpi_inf_3dhp_17, screen for
            dstformer, else m.
        fps: frame rate of the training videos; 60 for humaneva_15, else 50 if not given.
        licence: of the weights, for the bundle's card.
        json: print what was inferred and assumed as JSON.
    """

    file: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="FILE")]
    method: str | None = None
    out: Annotated[str | None, tyro.conf.arg(aliases=["-o"], metavar="PATH")] = None
    heads: int | None = None
    causal: bool = False
    skeleton: str | None = None
    unit: str | None = None
    fps: float | None = None
    licence: str | None = None
    json: bool = False


def run_import(args: ImportArguments) -> int:
    """Write the bundle and say what was inferred and assumed."""
    from ..formats.files import check_results
    from ..weights.importing import LAYOUTS, ImportOptions, import_checkpoint

    if not args.method:
        raise InputError(f"--method is missing; choose from {', '.join(LAYOUTS)}")
    if not args.out:
        raise InputError("--out is missing; give the bundle to write, X.safetensors")
    if not args.file.strip():
        raise InputError("FILE is empty; give the path of a checkpoint")
    out = Path(args.out)
    check_results(out.parent, [out.name])
    options = ImportOptions(
        args.heads, args.causal, args.skeleton, args.unit, args.fps, args.licence
    )
    bundle = import_checkpoint(args.file, args.method, out, options)
    facts = dict(bundle.card["imported"])
    licence = bundle.card["licence"]
    if args.json:
        print(json.dumps({"out": args.out, "method": bundle.method, "licence": licence, **facts}))
        return 0
    print(printable(f"wrote {args.out}: {bundle.card['name']}"))
    for kind in ("inferred", "given", "assumed", "left_out"):
        if facts[kind]:
            said = ", ".join(f"{name} {_words(value)}" for name, value in facts[kind].items())
            print(printable(f"{kind.replace('_', ' ')}: {said}"))
    print(printable(f"licence: {licence}"))
    return 0


def _words(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
