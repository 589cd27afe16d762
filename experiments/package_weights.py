"""Turn a trained run into weights that come with the package.

The bundle is the run's best on the *validation* subjects (the loop kept it); tensors are stored as
float16 to halve the file, and the card gets the command, the licence and the limits. Figures on the
test subjects are added afterwards from a saved report, so they are never typed by hand:

    langlift train vpose --recipe robust --out runs/robust
    python experiments/package_weights.py runs/robust default
    langlift evaluate --protocol mocap --out runs/evaluation
    python experiments/package_weights.py runs/robust default --report runs/evaluation/mocap.json
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

import torch

from langlift.lifting.bundle import read_bundle, save_bundle, weights_digest
from langlift.training.loop import BEST

WEIGHTS = Path(__file__).parents[1] / "src" / "langlift" / "weights"
LIMITS = (
    "one person at a time, joints in Human3.6M-17 order or convertible to it",
    "77 minutes of motion capture of 23 subjects: floor work, sports and rare actions are "
    "thinly covered",
    "scale and distance cannot be known from one view: bones are those of an average body",
    "actions are a closed set; a motion of another kind is forced into it",
)
FIXED_CAMERAS = "trained on the cameras of Human3.6M's training subjects only: others cost accuracy"
ATTRIBUTION = (
    "The data used in this project was obtained from mocap.cs.cmu.edu. The database was created "
    "with funding from NSF EIA-0196217. UI-PRMD (ODC PDDL 1.0) and DeepMimic clips (MIT): see "
    "NOTICE."
)


def main() -> None:
    """Package one run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path, help="folder of a finished run")
    parser.add_argument("name", help="name users will load it by")
    parser.add_argument("--command", help="the command that trained it, if the card lacks it")
    parser.add_argument("--report", type=Path, help="mocap.json of an evaluation that names it")
    args = parser.parse_args()
    bundle, state, _ = read_bundle(args.run / BEST)
    limits = [*LIMITS, *([FIXED_CAMERAS] if bundle.features.kind == "screen" else [])]
    card = {**bundle.card, "name": args.name, "limits": limits, "attribution": ATTRIBUTION}
    card["licence"] = "Apache-2.0; trained on " + str(bundle.card["licence"])
    card["storage"] = "float16"
    if args.command:
        card["command"] = args.command
    if args.report:
        stored = {n: t.half() if t.is_floating_point() else t for n, t in state.items()}
        card["test"] = test_figures(args.report, args.name, weights_digest(stored))
    path = WEIGHTS / f"{args.name}.safetensors"
    save_bundle(path, dataclasses.replace(bundle, card=card), state, torch.float16)
    print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB")


def test_figures(report: Path, name: str, digest: str) -> dict[str, object]:
    """The overall figures of these very weights in a saved report, with the facts that hold."""
    content = json.loads(report.read_text())
    measured = content["facts"]["weights"].pop(name, "")
    if not measured.startswith(digest[:12]):
        raise SystemExit(f"{report} measured other weights ({measured or 'none'}); evaluate again")
    content["facts"]["weights"] = digest[:12]
    rows = [row for row in content["tables"][0]["rows"] if row["model"] == name]
    figures = {
        row["tags"]["2D"]: {n: round(f["value"], 1) for n, f in row["figures"].items()}
        for row in rows
    }
    return {"protocol": content["protocol"], "facts": content["facts"], **figures}


if __name__ == "__main__":
    main()
