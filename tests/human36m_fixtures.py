"""What the tests of Human3.6M's readers share: one small sequence, and what is said of it."""

from pathlib import Path

import pytest
from human36m_files import (
    write_human36m,
)

from langlift.datasets.recorded.human36m import Human36m
from langlift.errors import InputError

CAMERAS = ("54138969", "55011271", "58860488", "60457274")


def written(folder: Path, **options) -> Path:
    return write_human36m(folder, ("S9",), ("Walking 1",), frames=6, sources=("gt",), **options)


def refused(folder: Path, source: str = "gt", **options) -> str:
    with pytest.raises(InputError) as caught:
        list(Human36m(folder).recordings(source, **options))
    return str(caught.value)
