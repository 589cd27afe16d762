"""What a run is trained on: the corpus and synthetic motion, or synthetic motion alone.

Recordings, which are 2D with its 3D, come from `langlift.training.recorded`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..actions import ActionVocabulary
from ..datasets.clips import LabelledClip
from ..datasets.corpus import Corpus
from ..datasets.recordings import Recording
from ..datasets.synthetic import SYNTHETIC_ACTIONS, synthetic_clips
from ..errors import InputError
from ..lifting.bundle import Bundle, Unit
from ..protocols.spec import ProtocolSpec
from ..skeletons import HUMAN36M_17, Skeleton
from .config import TrainConfig
from .takes import Take
from .validation import Measure, RecordedValidator, Validator, evenly

SYNTHETIC = "synthetic"
_SYNTHETIC_TRAINING, _SYNTHETIC_VALIDATION = 420, 42
_VALIDATION_SEED = 1_000_003  # far from any training seed


@dataclass(frozen=True)
class Data:
    """What a run is trained and validated on.

    Args:
        train: training clips, synthetic ones included; or takes of recordings.
        validation: clips or recordings of the subjects that choose the weights; may be empty.
        actions: classes of the action head.
        card: where the data is from and what it may be used for.
        source: the same in a few words for messages; never a path.
        skeleton: joints of all of them.
        fps: frames per second of all of them.
        unit: of the targets, see `Bundle`.
        scoring: how recordings are measured, see `RecordedValidator`; None where there are clips.
    """

    train: Sequence[LabelledClip] | Sequence[Take]
    validation: Sequence[LabelledClip] | Sequence[Recording]
    actions: ActionVocabulary
    card: dict[str, Any]
    source: str = "clips of the caller"
    skeleton: Skeleton = field(default=HUMAN36M_17)
    fps: float = Bundle.fps
    unit: Unit = "m"
    scoring: ProtocolSpec | None = None

    def measure(self, config: TrainConfig) -> Measure | None:
        """What chooses the weights of a run; None where nothing does."""
        if config.selection == "fixed" or not self.validation:
            return None
        if self.scoring is not None:
            recordings = [r for r in self.validation if isinstance(r, Recording)]
            return RecordedValidator(recordings, self.scoring)
        return Validator([clip for clip in self.validation if isinstance(clip, LabelledClip)])


def load_data(source: str | Path | None, config: TrainConfig) -> Data:
    """Clips and vocabulary of a run.

    Args:
        source: a corpus folder, None for ``LANGLIFT_CORPUS``, or the word ``synthetic``.
        config: names the split and the synthetic share.

    Raises:
        InputError: for an unknown split, a split of synthetic data, a folder without a corpus, or
            settings that are for recordings.
    """
    _check_clips_will_do(config)
    if source is not None and str(source) == SYNTHETIC:
        return _synthetic_data(config)
    corpus = Corpus(source)
    split = corpus.split(config.split)
    train = corpus.clips("train", config.split)
    validation = corpus.clips("val", config.split)
    subjects = "train subjects"
    if config.selection == "fixed":
        train, validation, subjects = train + validation, [], "train and validation subjects"
    train = train + synthetic_clips(config.synthetic_clips, config.seed)
    actions = corpus.vocabulary_of({clip.action for clip in train})
    card = {
        "data": f"motion corpus, split {split.name}, {subjects}; "
        f"{config.synthetic_clips} synthetic clips in {config.synthetic_share:.0%} of the windows",
        "licence": split.licence,
        "sources": list(split.files),
    }
    validation = evenly(validation, config.validation_clips)
    return Data(train, validation, actions, card, f"split {split.name} of a motion corpus")


def _synthetic_data(config: TrainConfig) -> Data:
    if config.split != TrainConfig.split:
        raise InputError(
            f"split is {config.split!r}; synthetic data has no splits: leave --split out, or give "
            "a corpus folder with --data"
        )
    train = synthetic_clips(config.synthetic_clips or _SYNTHETIC_TRAINING, config.seed)
    validation = synthetic_clips(_SYNTHETIC_VALIDATION, _VALIDATION_SEED)
    if config.selection == "fixed":
        validation = []
    card = {
        "data": f"{len(train)} synthetic clips, no real motion; every figure is synthetic",
        "licence": "Apache-2.0",
    }
    actions = ActionVocabulary(tuple(sorted(SYNTHETIC_ACTIONS)))
    return Data(train, evenly(validation, config.validation_clips), actions, card, SYNTHETIC)


def _check_clips_will_do(config: TrainConfig) -> None:
    """Raise for settings that only recordings can serve."""
    if config.cameras == "recorded":
        raise InputError(
            "cameras is 'recorded', but clips of motion come without 2D; give a dataset that has "
            "it (--protocol human36m --data FOLDER), or --cameras human36m"
        )
    if config.selection == "test":
        raise InputError(
            "selection is 'test', the habit of the papers' released code, which the motion corpus "
            "has no need of; choose on its validation subjects (--selection validation)"
        )
