"""What a run is trained on: the corpus and synthetic motion, or synthetic motion alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..actions import ActionVocabulary
from ..datasets.clips import LabelledClip
from ..datasets.corpus import Corpus
from ..datasets.synthetic import SYNTHETIC_ACTIONS, synthetic_clips
from ..errors import InputError
from .config import TrainConfig
from .validation import evenly

SYNTHETIC = "synthetic"
_SYNTHETIC_TRAINING, _SYNTHETIC_VALIDATION = 420, 42
_VALIDATION_SEED = 1_000_003  # far from any training seed


@dataclass(frozen=True)
class Data:
    """What a run is trained and validated on.

    Args:
        train: training clips, synthetic ones included.
        validation: clips of the validation subjects; may be empty.
        actions: classes of the action head.
        card: where the data is from and what it may be used for.
        source: the same in a few words for messages; never a path.
    """

    train: Sequence[LabelledClip]
    validation: Sequence[LabelledClip]
    actions: ActionVocabulary
    card: dict[str, Any]
    source: str = "clips of the caller"


def load_data(source: str | Path | None, config: TrainConfig) -> Data:
    """Clips and vocabulary of a run.

    Args:
        source: a corpus folder, None for ``LANGLIFT_CORPUS``, or the word ``synthetic``.
        config: names the split and the synthetic share.

    Raises:
        InputError: for an unknown split, a split of synthetic data, or a folder without a corpus.
    """
    if source is not None and str(source) == SYNTHETIC:
        return _synthetic_data(config)
    corpus = Corpus(source)
    split = corpus.split(config.split)
    train = corpus.clips("train", config.split)
    train = train + synthetic_clips(config.synthetic_clips, config.seed)
    actions = corpus.vocabulary_of({clip.action for clip in train})
    card = {
        "data": f"motion corpus, split {split.name}, train subjects; "
        f"{config.synthetic_clips} synthetic clips in {config.synthetic_share:.0%} of the windows",
        "licence": split.licence,
        "sources": list(split.files),
    }
    validation = evenly(corpus.clips("val", config.split), config.validation_clips)
    return Data(train, validation, actions, card, f"split {split.name} of a motion corpus")


def _synthetic_data(config: TrainConfig) -> Data:
    if config.split != TrainConfig.split:
        raise InputError(
            f"split is {config.split!r}; synthetic data has no splits: leave --split out, or give "
            "a corpus folder with --data"
        )
    train = synthetic_clips(config.synthetic_clips or _SYNTHETIC_TRAINING, config.seed)
    validation = synthetic_clips(_SYNTHETIC_VALIDATION, _VALIDATION_SEED)
    card = {
        "data": f"{len(train)} synthetic clips, no real motion; every figure is synthetic",
        "licence": "Apache-2.0",
    }
    actions = ActionVocabulary(tuple(sorted(SYNTHETIC_ACTIONS)))
    return Data(train, evenly(validation, config.validation_clips), actions, card, SYNTHETIC)
