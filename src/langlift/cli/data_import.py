"""``langlift data import``: a folder of motion files becomes a corpus to train on."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from ..errors import InputError, printable
from .arguments import comma_list, parse, progress

if TYPE_CHECKING:
    from ..datasets.motion_files.motion_folders import MotionFolder

_SHOWN = 10


@dataclass(frozen=True)
class ImportArguments:
    """Read a folder of BVH, ASF/AMC, C3D or exported AMASS files and write a motion corpus.

    Args:
        folder: folder of the motion files.
        out: folder of the corpus; it is made.
        action: where an action label is from: the folder a file lies in, a CSV table, the file's
            name, or BABEL.
        table: CSV with the columns file and action, and if you like subject and text.
        pattern: regular expression for a file's path relative to the folder without suffix, with
            the groups (?P<action>...) and (?P<subject>...).
        babel: JSON files of BABEL.
        subject: who moves, where nothing else says so.
        val: subjects that choose between networks, separated by commas.
        test: subjects that are only measured, separated by commas.
        joints: JSON map from joints of human36m_17 to those of the files.
        unit: of the positions; auto takes what a file says or finds it by the person's height.
        up: axis that points upwards; auto takes what a file says or finds it by the posture.
        fps: frames per second of AMC files, which hold none.
        floor: ankles puts the floor below the lowest ankle, keep leaves the heights.
        split: name of the split.
        name: of the data set; the folder's if absent.
        licence: terms of the data, for the cards of networks trained on it.
        skip_broken: go on after files that cannot be read, and list them.
        quiet: print nothing but errors.
        json: print everything that was found as JSON.
    """

    folder: Annotated[tyro.conf.Positional[Path | None], tyro.conf.arg(metavar="FOLDER")] = None
    out: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    action: Literal["folder", "csv", "name", "babel"] = "folder"
    table: Path | None = None
    pattern: str | None = None
    babel: tuple[Path, ...] = ()
    subject: str | None = None
    val: str | None = None
    test: str | None = None
    joints: Path | None = None
    unit: Literal["auto", "m", "cm", "mm", "inch", "cmu"] = "auto"
    up: Literal["auto", "y", "z"] = "auto"
    fps: float | None = None
    floor: Literal["ankles", "keep"] = "ankles"
    split: str = "mine"
    name: str | None = None
    licence: str = "not stated"
    skip_broken: bool = False
    quiet: bool = False
    json: bool = False


def run(argv: Sequence[str]) -> int:
    """Run ``langlift data import``."""
    args = parse(ImportArguments, argv, "data import")
    if args.folder is None or args.out is None:
        what = "FOLDER" if args.folder is None else "--out"
        raise InputError(f"{what} is missing; write langlift data import FOLDER --out CORPUS")
    if (args.out / "splits.json").exists():
        raise InputError(f"{args.out} holds a corpus already; choose another --out")
    if args.fps is not None and not 0 < args.fps < math.inf:
        raise InputError(f"fps is {args.fps:g}; give frames per second, such as --fps 120")
    from ..datasets.corpus_writer import write_corpus
    from ..datasets.motion_files.motion_folders import FolderOptions, read_motion_folder

    given = {**vars(args), "source": args.name}
    options = FolderOptions(**{field: given[field] for field in FolderOptions.__dataclass_fields__})
    with progress(f"reading {args.folder.name}", args.quiet or args.json) as advance:
        read = read_motion_folder(args.folder, options, advance)
    subjects = sorted({clip.subject for clip in read.clips})
    val, test = (
        [] if given is None else comma_list(given, subjects, "subject")
        for given in (args.val, args.test)
    )
    entry = write_corpus(read.clips, args.out, val, test, args.split, args.licence)
    if args.json:
        print(json.dumps(summary(args.out, read, entry)))
    elif not args.quiet:
        print(describe(args.out, read, entry))
    return 0


def summary(out: Path, read: MotionFolder, entry: dict[str, Any]) -> dict[str, Any]:
    """What was read and written, for scripts."""
    return {
        "corpus": str(out),
        "clips": len(read.clips),
        "frames": sum(len(clip) for clip in read.clips),
        "actions": dict(sorted(Counter(clip.action for clip in read.clips).items())),
        "subjects": {part: entry[part] for part in ("train", "val", "test")},
        "found": read.found,
        "left_out": read.left_out,
        "broken": read.broken,
    }


def describe(out: Path, read: MotionFolder, entry: dict[str, Any]) -> str:
    """The same in a few lines."""
    seconds = sum(clip.seconds for clip in read.clips)
    long = f"{seconds / 60:.1f} minutes" if seconds >= 60 else f"{seconds:.1f} s"
    actions = Counter(clip.action for clip in read.clips)
    lines = [
        f"wrote {out}: {len(read.clips)} clips, {long}, {len(actions)} actions",
        *(f"{part}: {', '.join(entry[part]) or 'nobody'}" for part in ("train", "val", "test")),
        "actions: " + ", ".join(f"{action} {count}" for action, count in sorted(actions.items())),
        *(f"read {line}" for line in read.found[:_SHOWN]),
        *_some("left out", read.left_out),
        *_some("cannot be read", read.broken),
    ]
    return "\n".join(map(printable, lines))


def _some(what: str, lines: list[str]) -> list[str]:
    """The first of many lines, and how many there are."""
    if not lines:
        return []
    more = [f"  and {len(lines) - _SHOWN} more (--json lists all)"] if len(lines) > _SHOWN else []
    return [f"{what}: {len(lines)}", *(f"  {line}" for line in lines[:_SHOWN]), *more]
