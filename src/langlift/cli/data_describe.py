"""``langlift data describe``: how much there is of each subject and action, and a picture."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from ..datasets.checking.guess import CORPUS
from ..datasets.clips import LabelledClip
from ..datasets.corpus import PARTS, Corpus
from ..datasets.recordings import RecordedDataset, Recording
from ..errors import printable
from ..formats import make_folder
from ..formats.files import check_results
from .arguments import Advance, comma_list, one_of, progress
from .data_choice import choose, open_chosen
from .tables import cell, console, print_line, print_table

if TYPE_CHECKING:
    from ..datasets.description import Amount, Description

PICTURE = "poses.png"


@dataclass(frozen=True)
class DescribeArguments:
    """Count what a dataset or motion corpus holds, and draw the poses of its actions.

    Args:
        path: folder or file of the dataset, or a folder with a folder for each (default: the
            environment variable LANGLIFT_DATA).
        dataset: its name (see docs/data.md), or corpus; found out from the files if absent.
        annotation: labels of MPI-INF-3DHP: annot3 or univ.
        split: of a motion corpus.
        source: kind of 2D whose recordings are counted; the first one if absent.
        subjects: only theirs, separated by commas.
        out: folder for the picture poses.png, or a name that ends in .png; no picture if absent.
        quiet: print nothing but errors.
        json: print the counts as JSON.
    """

    path: Annotated[tyro.conf.Positional[Path | None], tyro.conf.arg(metavar="PATH")] = None
    dataset: str | None = None
    annotation: str | None = None
    split: str = "core"
    source: Annotated[str | None, tyro.conf.arg(aliases=["--sources"])] = None
    subjects: str | None = None
    out: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    quiet: bool = False
    json: bool = False


def run_describe(args: DescribeArguments) -> int:
    """Run ``langlift data describe``."""
    from ..datasets.description import describe

    name, path = choose(args.path, args.dataset)
    picture = None if args.out is None else _picture(args.out)
    if name == CORPUS:
        items, total, facts = _clips(path, args)
    else:
        dataset = open_chosen(path, name, args.annotation)
        items, total, facts = _recordings(dataset, args)
    with progress(f"reading {name}", args.quiet or args.json) as advance:
        description = describe(_counted(items, total, advance))
    if picture is not None:
        from ..view.distribution import save_distribution

        make_folder(picture.parent)
        title = "3D poses of each action"
        save_distribution(description.actions, description.skeleton, picture, title, facts)
    if args.json:
        print(
            json.dumps({"dataset": name, "path": str(path), "of": facts, **description.content()})
        )
    elif not args.quiet:
        _show(name, path, facts, description)
        if picture is not None:
            print(f"wrote {printable(str(picture))}")
    return 0


def _picture(out: Path) -> Path:
    """The file of the picture, checked before anything takes time."""
    path = out if out.suffix.lower() == ".png" else out / PICTURE
    check_results(path.parent, [path.name])
    return path


def _clips(path: Path, args: DescribeArguments) -> tuple[Iterator[LabelledClip], int, str]:
    """The clips of a corpus's split, how many there are, and what they are in words."""
    corpus = Corpus(path)
    clips = [clip for part in PARTS for clip in corpus.clips(part, args.split)]
    if args.subjects is not None:
        known = list(dict.fromkeys(clip.subject for clip in clips))
        wanted = comma_list(args.subjects, known, "subject")
        clips = [clip for clip in clips if clip.subject in wanted]
    words = f"{path.resolve().name}: motion corpus, split {args.split}, all parts"
    return iter(clips), len(clips), words


def _recordings(
    dataset: RecordedDataset, args: DescribeArguments
) -> tuple[Iterator[Recording], int, str]:
    """The same for a dataset of recordings."""
    sources = dataset.sources()
    source = sources[0] if args.source is None else one_of(args.source, sources, "2D source")
    wanted = None
    if args.subjects is not None:
        wanted = comma_list(args.subjects, dataset.subjects, "subject")
    entries = [e for e in dataset.entries() if source in e.frames_2d]
    total = sum(wanted is None or e.subject in wanted for e in entries)
    words = f"{dataset.facts().get('data', dataset.name)}; recordings with 2D of {source}"
    return dataset.recordings(source, wanted), total, words


def _counted(
    items: Iterator[LabelledClip] | Iterator[Recording], total: int, advance: Advance
) -> Iterator[LabelledClip | Recording]:
    for done, item in enumerate(items, 1):
        yield item
        advance(done, max(done, total))


def _show(name: str, path: Path, facts: str, description: Description) -> None:
    on = console()
    print_line(on, f"{name}: {path}")
    print_line(on, f"  {facts}")
    header = ["subject", "actions", "recordings", "frames", "minutes"]
    rows = []
    for subject in description.subjects:
        labels = {a.action for a in description.amounts if a.subject == subject and a.action}
        rows.append([cell(subject), f"{len(labels)}", *_amount(description.total(subject=subject))])
    print_table(on, "Subjects", header, rows)
    header = ["action", "subjects", "recordings", "frames", "minutes", "spread (mm)"]
    rows = []
    for each in description.actions:
        who = {a.subject for a in description.amounts if a.action == each.action}
        amount = _amount(description.total(action=each.action))
        label = cell(each.action or "no label")
        rows.append([label, f"{len(who)}", *amount, f"{1000 * each.spread:.0f}"])
    print_table(on, "Actions", header, rows)
    _, frames, minutes = _amount(whole := description.total())
    counted = f"{whole.recordings:,} recordings, {frames} frames, {minutes} minutes"
    print_line(on, counted)


def _amount(amount: Amount) -> list[str]:
    return [f"{amount.recordings:,}", f"{amount.frames:,}", f"{amount.minutes:,.1f}"]
