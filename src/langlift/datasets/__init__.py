"""Motion and recordings to train and measure on: the users' own, labelled motion, synthetic motion.

>>> from langlift.datasets import open_dataset
>>> dataset = open_dataset("human36m", "h36m")                 # doctest: +SKIP
>>> dataset.subjects, dataset.sources()                        # doctest: +SKIP

What is named here is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import lazily

if TYPE_CHECKING:
    from .clips import LabelledClip
    from .corpus import Corpus
    from .recordings import Entry, RecordedDataset, Recording
    from .registry import DATASETS, DatasetEntry, open_dataset

__all__ = [
    "DATASETS",
    "Corpus",
    "DatasetEntry",
    "Entry",
    "LabelledClip",
    "RecordedDataset",
    "Recording",
    "open_dataset",
]

_HOME = {
    "DATASETS": ".registry",
    "Corpus": ".corpus",
    "DatasetEntry": ".registry",
    "Entry": ".recordings",
    "LabelledClip": ".clips",
    "RecordedDataset": ".recordings",
    "Recording": ".recordings",
    "open_dataset": ".registry",
}

__getattr__, __dir__ = lazily(__name__, _HOME)
