"""``langlift export``: a trained network as a file for other programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from ..errors import InputError, printable, unknown
from .arguments import parse

if TYPE_CHECKING:
    from ..lifting.onnx_export import Exported


@dataclass(frozen=True)
class OnnxArguments:
    """Write the network of a model as an ONNX file.

    Args:
        model: a name from `langlift weights list`, or a .safetensors file.
        out: the .onnx file.
        opset: version of the ONNX operators, 16 to 23.
        check: compare the file with PyTorch by onnxruntime before it is kept.
        json: print a summary as JSON.
    """

    model: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="MODEL")] = ""
    out: Annotated[str, tyro.conf.arg(aliases=["-o"], metavar="FILE")] = ""
    opset: int = 18
    check: bool = True
    json: bool = False


def run(argv: Sequence[str]) -> int:
    """Run the verb."""
    if not argv or argv[0] in ("-h", "--help"):
        print("usage: langlift export onnx MODEL --out FILE.onnx")
        return 0
    if argv[0] == "onnx":
        return _onnx(parse(OnnxArguments, argv[1:], "export onnx"))
    raise unknown("export format", argv[0], ("onnx",))


def _onnx(args: OnnxArguments) -> int:
    from ..lifting.onnx_runtime import check_installed

    check_installed(args.check)  # before torch, which takes seconds
    for name, value in (("MODEL", args.model), ("--out", args.out)):
        if not value.strip():
            raise InputError(f"{name} is missing; write langlift export onnx MODEL --out FILE.onnx")
    from ..lifting.onnx_export import export_onnx
    from ..weights import load

    exported = export_onnx(load(args.model), args.out, args.opset, args.check)
    print(json.dumps(summary(exported)) if args.json else describe(exported))
    return 0


def describe(exported: Exported) -> str:
    """What was written, in a few lines."""
    lines = [f"wrote {exported.path} ({exported.size / 1e6:.1f} MB, opset {exported.opset})"]
    for name, shape in exported.shapes.items():
        lines.append(f"{name}: ({', '.join(map(str, shape))}) float32")
    lines.append(f"frames: {exported.frames} of the model's rate")
    if exported.differences is None:
        lines.append("not compared with PyTorch")
    else:
        far = (f"{name} {value:.1e}" for name, value in exported.differences.items())
        lines.append(f"largest difference from PyTorch: {', '.join(far)}")
    return "\n".join(map(printable, lines))


def summary(exported: Exported) -> dict[str, Any]:
    """The same for scripts."""
    return {
        "file": str(Path(exported.path)),
        "bytes": exported.size,
        "opset": exported.opset,
        "shapes": exported.shapes,
        "frames": {"least": exported.frames.least, "most": exported.frames.most},
        "differences": exported.differences,
    }
