"""``langlift lift``: one person's 2D keypoints to 3D motion with an action label."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from ..errors import InputError, printable
from ..formats import WRITERS, ReadOptions, make_folder, read, write
from ..formats.clip import frame_count
from ..formats.files import check_results, naming
from ..tracks import Keypoints, Motion
from .arguments import comma_list, lifting_settings, parse, progress

PICTURES = ("png", "mp4")
STEM = "motion"
FOCAL_RATIOS = (0.1, 100.0)  # focal length over the longer side: wider or longer is no lens


@dataclass(frozen=True)
class LiftArguments:
    """Lift 2D keypoints to 3D motion with an action label.

    Args:
        input: 2D keypoints: a langlift .npz, a detections .npz, an OpenPose JSON file or folder,
            or a COCO keypoint JSON.
        out: folder for the results; made if it is not there.
        model: a name from `langlift weights list`, or a .safetensors file.
        formats: what to write, separated by commas: npz, json, csv, png, mp4.
        format: how to read the input, if it cannot be told from the file.
        skeleton: joint convention of the input, if the file does not say.
        fps: frames per second of the input, if the file does not say.
        image_size: width and height in pixels of the frames, if the file does not say.
        person: which person, if there are several.
        focal: focal length of the camera in pixels; assumed (1.15 times the longer side) if absent.
        flip: average with the lifted mirror image.
        action: what the person does, for models whose poses depend on it, such as vpose+apm; a
            label that the model knows. The model's own estimate is still reported.
        action_over: for these models, when no action is given: window: the model names the action
            of each window; video: one action for the whole video, from all of it (two passes).
        label_hop: for these models: frames that share an action; 1: every frame has its own, as
            the paper measures, and it takes several times as long.
        unknown_below: for these models: an action less likely than this (0 to 1) counts as unknown
            and changes nothing.
        precision: fp32, or bf16: faster, a little less exact.
        device: where to compute: cuda, cpu, or auto for the first where there is one.
        quiet: print nothing but errors.
        json: print a summary as JSON.
    """

    input: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="INPUT")]
    out: Annotated[str, tyro.conf.arg(aliases=["-o"], metavar="PATH")] = "lifted"
    model: Annotated[str, tyro.conf.arg(aliases=["-m"])] = "default"
    formats: str = "npz,json,png"
    format: str | None = None
    skeleton: str | None = None
    fps: float | None = None
    image_size: tuple[int, int] | None = None
    person: str | None = None
    focal: float | None = None
    flip: bool = True
    action: str | None = None
    action_over: Literal["window", "video"] = "window"
    label_hop: int | None = None
    unknown_below: float | None = None
    precision: Literal["fp32", "bf16"] = "fp32"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    quiet: bool = False
    json: bool = False


def run(argv: Sequence[str]) -> int:
    """Run the verb."""
    args = parse(LiftArguments, argv, "lift")
    formats = comma_list(args.formats, [*WRITERS, *PICTURES], "output format")
    options = ReadOptions(
        format=args.format,
        skeleton=args.skeleton,
        fps=args.fps,
        image_size=args.image_size,
        person=args.person,
    )
    # As text until here: an empty name would be the folder of the shell, as a path.
    source, out = _path("INPUT", args.input), _path("--out", args.out)
    if not args.model.strip():
        raise InputError(
            "--model is empty; give a name from `langlift weights list` or a .safetensors file"
        )
    keypoints = read(source, options)
    from ..geometry.cameras import Camera
    from ..lifting.device import find_device
    from ..lifting.lifter import LiftOptions
    from ..methods.base import Guidance
    from ..weights import load

    camera = None
    if args.focal is not None:
        ratio = _focal_ratio(args.focal, max(keypoints.image_size))
        camera = Camera.assumed(keypoints.image_size, ratio).replaced(name="given focal length")
    check_results(out, [f"{STEM}.{name}" for name in formats])
    lifter = load(args.model).to(find_device(args.device)).with_settings(**lifting_settings(args))
    told = None if args.action is None else Guidance("label", args.action, "given")
    lifter.check_action(told, args.action_over)
    chosen = LiftOptions(flip=args.flip, precision=args.precision, action_over=args.action_over)
    with progress("lifting", args.quiet or args.json) as advance, naming(source):
        motion = lifter.lift(keypoints, camera, chosen, advance, told)
    files = write_results(motion, keypoints, make_folder(out), formats, args.quiet or args.json)
    if args.json:
        print(json.dumps(summary(motion, files)))
    elif not args.quiet:
        print(describe(motion, files))
    return 0


def _path(option: str, text: str) -> Path:
    if not text.strip():
        raise InputError(f"{option} is empty; give the path of a file or folder")
    return Path(text)


def _focal_ratio(focal: float, side: int) -> float:
    """Focal length over the longer side of the image, within what lenses have."""
    least, most = FOCAL_RATIOS[0] * side, FOCAL_RATIOS[1] * side
    if not least <= focal <= most:
        raise InputError(
            f"focal is {focal:g}; it must be a positive number of pixels, {least:g} to {most:g} "
            f"for an image whose longer side is {side}"
        )
    return focal / side


def write_results(
    motion: Motion, keypoints: Keypoints, out: Path, formats: Sequence[str], quiet: bool
) -> list[Path]:
    """Write the motion in every format asked for, each file whole or not at all."""
    files = []
    for name in formats:
        path = out / f"{STEM}.{name}"
        if name == "png":
            from ..view import save_picture

            save_picture(motion, path, keypoints)
        elif name == "mp4":
            from ..view import save_video

            with progress("drawing", quiet) as advance:
                save_video(motion, path, keypoints, progress=advance)
        else:
            write(motion, path)
        files.append(path)
    return files


def describe(motion: Motion, files: Sequence[Path]) -> str:
    """What was found and written, in a few lines."""
    seconds = f"{motion.seconds:.1f}" if motion.seconds >= 0.1 else f"{motion.seconds:.1g}"
    lines = [f"{frame_count(len(motion))} at {motion.fps:g} fps ({seconds} s) lifted to 3D"]
    if motion.action is not None:
        named = ", ".join(f"{label} {p:.0%}" for label, p in motion.action.top())
        lines.append(f"action: {'' if motion.action.certain else 'uncertain: '}{named}")
    if "action_told" in motion.provenance:
        lines.append(f"poses made for the action {motion.provenance['action']}")
    notes = motion.provenance.get("conversion_notes", [])
    lines += [f"note: {note}" for note in (notes if isinstance(notes, list) else [notes])]
    lines.append(f"camera: {motion.provenance.get('camera')}")
    if "scale" in motion.provenance:
        lines.append(f"scale: {motion.provenance['scale']}")
    lines += [f"wrote {path}" for path in files]
    return "\n".join(map(printable, lines))


def summary(motion: Motion, files: Sequence[Path]) -> dict[str, object]:
    """The same for scripts."""
    action = motion.action
    return {
        "frames": len(motion),
        "fps": motion.fps,
        "space": motion.space,
        "action": None if action is None else action.label,
        "action_probability": None if action is None else round(action.probability, 4),
        "files": [str(path) for path in files],
        "provenance": dict(motion.provenance),
    }
