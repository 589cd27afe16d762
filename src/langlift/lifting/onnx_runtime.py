"""The `onnx` extra: whether it is installed, and what onnxruntime makes of a written file.

Nothing here needs torch, so a missing extra is told at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..formats.files import one_line

Arrays = dict[str, np.ndarray]


def check_installed(check: bool = True) -> None:
    """Raise `InputError` unless the libraries of an export are installed.

    Args:
        check: the written file shall be run too, which takes onnxruntime.
    """
    wanted = ["onnx", "onnxscript", *(["onnxruntime"] if check else [])]
    if absent := [name for name in wanted if find_spec(name) is None]:
        raise InputError(
            f"{', '.join(absent)} cannot be imported, which exporting to ONNX needs; install it "
            "with: pip install 'langlift[onnx]'"
        )


class OnnxNetwork:
    """An ONNX file, opened by onnxruntime on the processor.

    Args:
        path: the file.

    Raises:
        InputError: where the installed onnxruntime cannot open it.
    """

    def __init__(self, path: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # errors; its warnings are about its own optimisations
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its errors have no class in common but this
            raise InputError(
                f"onnxruntime {onnxruntime.__version__} cannot open the exported file "
                f"({one_line(error)}); choose a lower --opset or install a newer onnxruntime"
            ) from error

    @property
    def shapes(self) -> dict[str, tuple[int | str, ...]]:
        """Shapes of the inputs and outputs by name; an axis of any size has a name."""
        session = self._session
        return {n.name: tuple(n.shape) for n in (*session.get_inputs(), *session.get_outputs())}

    @property
    def metadata(self) -> dict[str, str]:
        """The file's own texts, those of the bundle's header among them."""
        return dict(self._session.get_modelmeta().custom_metadata_map)

    def run(self, inputs: Mapping[str, np.ndarray]) -> Arrays:
        """Outputs by name.

        Raises:
            InputError: where onnxruntime cannot run the file on them.
        """
        names = [output.name for output in self._session.get_outputs()]
        try:
            found = self._session.run(names, dict(inputs))
        except Exception as error:  # its errors have no class in common but this
            raise InputError(
                f"onnxruntime cannot run the exported file ({one_line(error)}); the network's code "
                "has to hold for a batch and frames of any size"
            ) from error
        return {name: np.asarray(value) for name, value in zip(names, found, strict=True)}


def difference(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference of two arrays, relative to the largest value where that is above 1.

    Joints in metres are mostly below, so theirs is in metres; logits and millimetres are above. It
    is infinite where the shapes differ or a value is not finite.
    """
    if found.shape != expected.shape or not np.isfinite(found).all():
        return float("inf")
    largest = max(1.0, float(np.abs(expected).max(initial=0)))
    return float(np.abs(found - expected).max(initial=0)) / largest
