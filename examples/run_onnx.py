"""Run an exported network: numpy and onnxruntime are all that lifting needs here."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime


def lift(file: Path, xy: np.ndarray, image_size: tuple[int, int]) -> tuple[np.ndarray, list[str]]:
    """(f, 17, 2) pixels of every joint to (f, 17, 3) metres, and the likeliest action per frame."""
    session = onnxruntime.InferenceSession(str(file))
    texts = session.get_modelmeta().custom_metadata_map
    features, padding, actions = (json.loads(texts[n]) for n in ("features", "padding", "actions"))
    if features["kind"] != "screen":
        raise SystemExit("this example prepares screen features only")
    width, height = image_size
    screen = xy * 2 / width - np.array([1, height / width])  # x from -1 to 1, y in the same scale
    padded = np.pad(screen.astype(np.float32), (padding, (0, 0), (0, 0)), mode="edge")
    joints, logits = session.run(["joints", "action_logits"], {"xy": padded[None]})
    return joints[0] - joints[0, :, :1], [actions["labels"][k] for k in logits[0].argmax(axis=-1)]


def export(file: Path) -> None:
    """`langlift export onnx vpose-bare --out FILE` in Python."""
    import langlift
    from langlift.lifting.onnx_export import export_onnx

    export_onnx(langlift.load("vpose-bare"), file)


def main(out: Path) -> None:
    """Export a bundled network and lift a person who bends one knee."""
    file = out / "vpose-bare.onnx"
    export(file)
    pose = np.array([(0, 0), (-5, 0), (-5, 25), (-5, 50), (5, 0), (5, 25), (5, 50), (0, -12),
                     (0, -25), (0, -30), (0, -36), (9, -24), (14, -10), (14, 4), (-9, -24),
                     (-14, -10), (-14, 4)], dtype=float)  # Human3.6M order  # fmt: skip
    xy = np.repeat(320 + 4.0 * pose[None], 100, axis=0)
    xy[:, 6, 1] -= np.linspace(0, 80, 100)  # the left ankle rises
    joints, actions = lift(file, xy, (640, 640))
    print("joints", joints.shape, "metres; the last frame looks like", actions[-1])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
