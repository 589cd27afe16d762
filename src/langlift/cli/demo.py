"""``langlift demo``: a synthetic clip through the bundled weights, and a look at the result."""

from __future__ import annotations

import json
import os
import sys
import webbrowser
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from ..actions import words_of
from ..datasets.mocap_views import make_view
from ..datasets.synthetic import SYNTHETIC_ACTIONS, synthetic_clip
from ..errors import unknown
from ..formats import make_folder, write_keypoints
from ..geometry.human36m import human36m_cameras
from ..metrics import mpjpe
from ..view import save_picture
from .arguments import parse, progress
from .lift import STEM, describe, summary, write_results

_SEED = 20


@dataclass(frozen=True)
class DemoArguments:
    """Lift a synthetic clip with the weights in the package and show the result.

    Args:
        out: folder for the results.
        action: which synthetic action.
        open: open the picture in the system's viewer when there is a screen.
        quiet: print nothing but errors.
        json: print a summary as JSON.
    """

    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("demo")
    action: str = "kick"
    open: bool = True
    quiet: bool = False
    json: bool = False


def run(argv: Sequence[str]) -> int:
    """Run the verb."""
    args = parse(DemoArguments, argv, "demo")
    if args.action not in SYNTHETIC_ACTIONS:
        raise unknown("synthetic action", args.action, SYNTHETIC_ACTIONS)
    from ..weights import load

    lifter = load()
    make_folder(args.out)
    clip = synthetic_clip(args.action, np.random.default_rng(_SEED), frames=200, clip_id="demo")
    view = make_view(clip, human36m_cameras("S9")[0], "noisy")
    write_keypoints(view.keypoints, args.out / "keypoints.npz")
    with progress("lifting", args.quiet or args.json) as advance:
        motion = lifter.lift(view.keypoints, view.camera, progress=advance)
    files = write_results(motion, view.keypoints, args.out, ["npz", "json"], quiet=True)
    picture = args.out / f"{STEM}.png"
    known = f"true action: {words_of(args.action)} (synthetic clip)"
    save_picture(motion, picture, view.keypoints, view.truth, title="langlift demo", note=known)
    files.append(picture)
    error = float(mpjpe(motion.joints, view.truth)) * 1000
    if args.json:
        print(json.dumps({**summary(motion, files), "synthetic_mpjpe_mm": round(error, 1)}))
    elif not args.quiet:
        print(describe(motion, files))
        print(f"synthetic clip of {args.action!r}, noisy 2D: MPJPE {error:.0f} mm")
    if args.open and not (args.quiet or args.json) and _has_screen():
        webbrowser.open(picture.resolve().as_uri())
    return 0


def _has_screen() -> bool:
    on_desktop = sys.platform in ("darwin", "win32")
    return (on_desktop or bool(os.environ.get("DISPLAY"))) and not os.environ.get("CI")
