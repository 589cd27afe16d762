"""What every method's settings say and check: the base of their frozen dataclasses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Self

from ..errors import InputError


class MethodConfig:
    """What lifting and training ask of a method's settings: the base of its frozen dataclass.

    The defaults are those of a network that lifts windows of any length; a method overrides what
    is otherwise for it.
    """

    @property
    def trains_actions(self) -> bool:
        """Whether training uses action labels; without, the network gets no action classes."""
        return True

    @property
    def output_frames(self) -> int | None:
        """Output frames of every window, None where a window may have any number of them."""
        return None

    @property
    def window(self) -> int | None:
        """Most input frames of one pass, None for any number.

        Where `output_frames` is the same number, every pass has exactly so many.
        """
        return None

    @property
    def frames_seen(self) -> int | None:
        """Input frames that an output frame depends on; None where the settings do not say it.

        Of a network that lifts fixed windows, the frames of a window.
        """
        return None

    @property
    def uses_confidence(self) -> bool:
        """Whether the confidence of the 2D joints is an input of the network."""
        return False

    @property
    def batch_normalised(self) -> bool:
        """Whether it has batch norms, which need two values of everything they train on."""
        return False

    @property
    def looks_ahead(self) -> bool:
        """Whether an output frame depends on later input frames."""
        return True

    @property
    def takes_action(self) -> bool:
        """Whether lifting can be told the action (`Guidance`)."""
        return False

    @property
    def lifting_settings(self) -> tuple[str, ...]:
        """Settings that may be changed for weights that are trained: they only say how to lift."""
        return ()

    @property
    def chunk_multiple(self) -> int:
        """Output frames that belong together: a long track is cut at multiples of them."""
        return 1

    def check_whole_numbers(self) -> None:
        """Raise `InputError` unless every setting that is annotated as ``int`` is one."""
        for setting in fields(self):  # type: ignore[arg-type]
            value = getattr(self, setting.name)
            whole = isinstance(value, int) and not isinstance(value, bool)
            if setting.type in ("int", int) and not whole:
                raise InputError(f"{setting.name} is {value!r}; it must be a whole number")

    def check_sizes(self, most: Mapping[str, int], *, least: int = 1) -> None:
        """Raise `InputError` unless every named number is at least that and at most its bound."""
        for name, bound in most.items():
            if not least <= getattr(self, name) <= bound:
                raise InputError(
                    f"{name} is {getattr(self, name)}; it must be at least {least} and at most "
                    f"{bound:,}"
                )

    def check_chance(self, name: str, *, certain: bool = False) -> None:
        """Raise `InputError` unless a chance is at least 0 and below 1, or, if `certain`, is 1."""
        chance = getattr(self, name)
        if not (0 <= chance < 1 or (certain and chance == 1)):
            allowed = "within 0 and 1" if certain else "at least 0 and below 1"
            raise InputError(f"{name} is {chance}; it must be {allowed}")

    def for_lifting(self) -> Self:
        """The settings that the trained weights are saved with; they take windows of any length."""
        return self

    def check_joints(self, count: int) -> None:
        """Raise `InputError`, naming the setting, unless `count` joints go in and come out."""

    def check_training(self) -> None:
        """Raise `InputError` where something that only training needs is not there."""
