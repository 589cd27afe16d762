"""Action vocabulary: the labels a model knows, the words for them, and their mirror words."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import InputError, unknown

#: The label of a motion that belongs to none of the known classes.
UNKNOWN = "unknown"

# A side stands alone, between underscores or as a hump of a CamelCase label; "upright" has none.
_SIDE = re.compile(
    r"(?:(?<![^\W\d_])|(?<=[a-z])(?=[A-Z]))(left|Left|LEFT|right|Right|RIGHT)"
    r"(?:(?![^\W\d_])|(?<=[a-z])(?=[A-Z]))"
)
_OTHER_SIDE = {"left": "right", "Left": "Right", "LEFT": "RIGHT"}
_OTHER_SIDE |= {other: side for side, other in _OTHER_SIDE.items()}


def words_of(label: str) -> str:
    """A label as plain words: ``SittingDown`` and ``sitting_down`` become ``sitting down``."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", label).replace("_", " ")
    return " ".join(spaced.lower().split())


def mirror_words(text: str) -> str:
    """Swap left and right in a text or label, keeping capitals: what a mirrored motion is called.

    Done twice it gives the text back.
    """
    return _SIDE.sub(lambda match: _OTHER_SIDE[match.group(1)], text)


@dataclass(frozen=True)
class ActionVocabulary:
    """The K action classes of a model, in the order of its logits.

    Args:
        labels: unique class labels, such as ``side_lunge``.
        texts: one sentence per label that says what the person does; the label's words if empty.

    Raises:
        InputError: for a label or text that is empty or cannot be printed, a label that occurs
            twice, or another number of texts than of labels.
    """

    labels: tuple[str, ...]
    texts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in (*self.labels, *self.texts):
            if not (isinstance(name, str) and name.strip() and name.isprintable()):
                raise InputError(
                    f"{name!r} is an action's label or text; it must be printable text on one line"
                )
        if len(set(self.labels)) != len(self.labels):
            twice = next(n for k, n in enumerate(self.labels) if n in self.labels[:k])
            raise InputError(f"the action label {twice!r} occurs twice; give each class once")
        if not self.texts:
            sentences = tuple(f"a person: {words_of(label)}" for label in self.labels)
            object.__setattr__(self, "texts", sentences)
        if len(self.texts) != len(self.labels):
            raise InputError(
                f"got {len(self.labels)} action labels but {len(self.texts)} texts; give one each"
            )

    def __len__(self) -> int:
        return len(self.labels)

    def index(self, label: str) -> int:
        """Class index of a label."""
        if label not in self.labels:
            raise unknown("action", label, self.labels)
        return self.labels.index(label)

    @property
    def mirror(self) -> tuple[int, ...]:
        """(k) class index of the mirrored motion of each class; an involution."""
        return tuple(self.index(self.mirrored(label)) for label in self.labels)

    def mirrored(self, label: str) -> str:
        """The label of the mirrored motion: itself unless it names a side that has a twin class."""
        other = mirror_words(label)
        return other if other in self.labels else label
