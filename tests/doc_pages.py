"""The pages of the documentation, taken apart for the tests.

Pages mark what is checked: ``<!-- file: examples/x.py -->`` before a block that shows a file,
``<!-- reads as: coco -->`` before JSON that a reader takes, ``<!-- table: name -->`` before a table
that is compared with the code. ``python tests/doc_pages.py`` copies the examples into the pages.
"""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    *(str(p.relative_to(ROOT)) for p in sorted((ROOT / "docs").glob("*.md"))),
    *(
        str(p.relative_to(ROOT))
        for p in sorted((ROOT / "src/langlift/methods").glob("*/README.md"))
    ),
)
BLOCK = re.compile(r"(?:^<!-- ([^\n]*) -->\n)?^```(\w*)\n(.*?)^```$", re.M | re.S)
_TABLE = re.compile(r"^<!-- table: ([^\n]*) -->\n((?:\|[^\n]*\n)+)", re.M)


class Block(NamedTuple):
    """A fenced block of a page: the comment above it, its language, its text."""

    page: str
    mark: str
    language: str
    text: str


def page_text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(language: str) -> list[Block]:
    return [
        Block(page, *match.groups(default=""))
        for page in PAGES
        for match in BLOCK.finditer(page_text(page))
        if match[2] == language
    ]


def table(name: str) -> list[list[str]]:
    """The cells of the only table of that name, without its head."""
    (body,) = (b for page in PAGES for n, b in _TABLE.findall(page_text(page)) if n == name)
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in body.splitlines()]
    return rows[2:]


def first_column(name: str) -> list[str]:
    """The words in backquotes in the first column of a table."""
    return [word for row in table(name) for word in re.findall(r"`([^`]+)`", row[0])]


def title(block: Block) -> str:
    return f"{block.page}: {block.mark or block.text.strip().splitlines()[-1]}"


def run_example(name: str, *arguments: str) -> None:
    before = sys.argv
    sys.argv = [name, *arguments]
    try:
        runpy.run_path(str(ROOT / "examples" / name), run_name="__main__")
    finally:
        sys.argv = before


def file_blocks() -> list[Block]:
    return [b for b in blocks("python") if b.mark.startswith("file: ")]


def update_pages() -> None:
    """Copy the examples into the pages that show them."""
    for block in file_blocks():
        file = block.mark.removeprefix("file: ")
        old = f"<!-- {block.mark} -->\n```python\n{block.text}```"
        new = f"<!-- {block.mark} -->\n```python\n{page_text(file)}```"
        text = page_text(block.page)
        (ROOT / block.page).write_text(text.replace(old, new), encoding="utf-8")


if __name__ == "__main__":
    update_pages()
