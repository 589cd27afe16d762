"""The weights that come with the package, by name."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..errors import InputError, unknown
from ..lifting.lifter import Lifter

DEFAULT = "default"
_FOLDER = Path(__file__).parent


def catalogue() -> dict[str, Path]:
    """Names and files of the bundled weights."""
    return {path.stem: path for path in sorted(_FOLDER.glob("*.safetensors"))}


def find_weights(name_or_path: str | Path, others: Iterable[str] = ()) -> Path:
    """The file of a bundled name, or the path itself.

    Args:
        name_or_path: a name in `catalogue`, or a path.
        others: further names that the caller accepts, for the message.

    Raises:
        InputError: for a name that is neither bundled nor looks like a path.
    """
    known = catalogue()
    name = str(name_or_path)
    if name in known:
        return known[name]
    path = Path(name_or_path)
    if path.suffix or path.exists() or len(path.parts) > 1:
        return path
    if not known:
        raise InputError(
            f"there is no model {name!r}: no weights come with this installation; give the path "
            "of a .safetensors file"
        )
    error = unknown("model", name, [*known, *others])
    raise InputError(f"{error} (a bundle of your own is given by its path: x.safetensors)")


def load(name_or_path: str | Path = DEFAULT) -> Lifter:
    """A lifter from a bundled name or a bundle file.

    Args:
        name_or_path: a name that ``langlift weights list`` shows, or a ``.safetensors`` file.

    Raises:
        InputError: for an unknown name or a file that cannot be used.
    """
    path = find_weights(name_or_path)
    known = str(name_or_path) in catalogue()
    return Lifter.from_file(path, str(name_or_path) if known else None)
