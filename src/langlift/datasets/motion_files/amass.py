"""AMASS motion as joints that its users export, and the action labels of BABEL for it.

AMASS holds the parameters of a body model that is licensed to each user, so langlift starts from
the model's joints: an ``.npz`` per recording with ``joints`` and the frame rate. BABEL (Punnakkal
et al., CVPR 2021) labels recordings with ``seq_ann`` as a whole and, of many, spans of seconds with
``frame_ann``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from ...errors import InputError
from ...formats.files import naming, read_json
from ...formats.npz_arrays import load_arrays, numeric, scalar
from .source_motion import SourceMotion

#: The body joints of SMPL, SMPL-H and SMPL-X, in their order; hands and face come after them.
_BODY = (
    "pelvis left_hip right_hip spine1 left_knee right_knee spine2 left_ankle right_ankle spine3 "
    "left_foot right_foot neck left_collar right_collar head left_shoulder right_shoulder "
    "left_elbow right_elbow left_wrist right_wrist"
)
SMPL_BODY = tuple(_BODY.split())
#: Numbers of joints of the body alone, SMPL, SMPL-H and SMPL-X.
JOINT_COUNTS = (22, 24, 52, 55)
_RATES = ("mocap_frame_rate", "mocap_framerate", "fps")
_ENDINGS = ("_poses", "_stageii", "_joints")


@dataclass(frozen=True)
class Span:
    """One labelled part of a recording.

    Args:
        action: the first action category of the label; None where it has none.
        text: what the annotator wrote.
        start: seconds; None for the start of the recording.
        end: seconds; None for its end.
    """

    action: str | None
    text: str
    start: float | None = None
    end: float | None = None


def read_amass(path: Path) -> SourceMotion:
    """The body joints of an exported recording.

    Args:
        path: an ``.npz`` with ``joints`` (f, 22 | 24 | 52 | 55, 3) in the order of SMPL, metres,
            z up, and the rate as ``mocap_frame_rate``, ``mocap_framerate`` or ``fps``.

    Raises:
        InputError: when the file is damaged or holds something else. The message does not name
            the file, see `langlift.formats.files.naming`.
    """
    arrays = load_arrays(path, lambda name: name in ("joints", "poses", *_RATES))
    if "joints" not in arrays and "poses" in arrays:
        raise InputError(
            "the file holds the parameters of a body model ('poses') and no joints; export the "
            "joints with the body model that you have a licence for, as the array 'joints'"
        )
    joints = numeric({k: v for k, v in arrays.items() if k == "joints"}, "joints")
    if joints.ndim != 3 or joints.shape[1] not in JOINT_COUNTS or joints.shape[2] != 3:
        raise InputError(
            f"the array 'joints' has shape {joints.shape}; it must be (f, j, 3) with the "
            f"{', '.join(map(str, JOINT_COUNTS))} joints of the body, SMPL, SMPL-H or SMPL-X"
        )
    given = [name for name in _RATES if name in arrays]
    if not given:
        raise InputError(f"the file has no frame rate; add the number {_RATES[0]!r} to it")
    body = joints[:, : len(SMPL_BODY)].astype(np.float64)
    positions = np.where(np.isfinite(body).all(axis=-1, keepdims=True), body, np.nan)
    return SourceMotion(SMPL_BODY, positions, scalar(arrays, given[0]), 1.0, "z")


class Babel:
    """The labels of BABEL files.

    Args:
        files: BABEL's JSON files, such as ``train.json`` and ``val.json``.

    Raises:
        InputError: when a file is none of BABEL's; the message names it.
    """

    def __init__(self, *files: str | Path) -> None:
        self._spans: dict[str, tuple[Span, ...]] = {}
        self._by_name: dict[str, set[str]] = {}
        for file in map(Path, files):
            with naming(file):
                for feature, spans in _recordings(read_json(file)):
                    self._spans[feature] = self._spans.get(feature, ()) + spans
                    self._by_name.setdefault(_plain(feature).name, set()).add(feature)

    def __len__(self) -> int:
        return len(self._spans)

    def find(self, relative: PurePosixPath) -> str | None:
        """The recording, by its path in BABEL (``feat_p``), that a file is; None where it is none.

        Args:
            relative: the file's path, of which BABEL's path may have more folders in front. The
                endings ``_poses``, ``_stageii`` and ``_joints`` of AMASS's names count as equal.

        Raises:
            InputError: when several recordings end in that path.
        """
        wanted = _plain(relative)
        fits = sorted(
            feature
            for feature in self._by_name.get(wanted.name, ())
            if _plain(feature).parts[-len(wanted.parts) :] == wanted.parts
        )
        if len(fits) > 1:
            raise InputError(
                f"{relative} may be {fits[0]} or {fits[1]} of BABEL; keep the folders that AMASS "
                "has above it"
            )
        return fits[0] if fits else None

    def spans(self, feature: str) -> tuple[Span, ...]:
        """The labelled parts of a recording; one without times is the whole of it."""
        return self._spans[feature]

    @staticmethod
    def subject(feature: str) -> str:
        """Who moves in a recording: data set and folder, such as ``KIT_3``."""
        parts = PurePosixPath(feature).parts
        return "_".join(dict.fromkeys((parts[0], *parts[-2:-1])))


def _plain(feature: str | PurePosixPath) -> PurePosixPath:
    """A path without suffix and without the endings that AMASS's versions differ in."""
    path = PurePosixPath(feature).with_suffix("")
    for ending in _ENDINGS:
        path = path.with_name(path.name.removesuffix(ending) or path.name)
    return path


def _recordings(content: Any) -> Iterator[tuple[str, tuple[Span, ...]]]:
    """Path and labelled parts of every recording of a BABEL file."""
    if not isinstance(content, dict) or not content:
        raise InputError(
            "this is no BABEL file (a JSON object of recordings); give train.json or so"
        )
    for key, recording in content.items():
        feature = recording.get("feat_p") if isinstance(recording, dict) else None
        if not isinstance(feature, str) or not feature:
            raise InputError(f"recording {key!r} has no feat_p; give a JSON file of BABEL")
        try:
            spans = tuple(_spans(recording))
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise InputError(
                f"the labels of recording {key!r} are not laid out as BABEL's, where each has "
                "raw_label and act_cat, and in frame_ann a start_t before its end_t; fetch the "
                "file again"
            ) from error
        yield feature, spans


def _spans(recording: dict[str, Any]) -> Iterator[Span]:
    """Labels of frames where there are any, else of the whole (BABEL's extra files have lists)."""
    frames = [a for a in _annotations(recording, "frame_ann") if a.get("labels")]
    for annotation in frames or _annotations(recording, "seq_ann"):
        for label in annotation.get("labels") or []:
            categories = label.get("act_cat") or [None]
            text = label.get("raw_label") or label.get("proc_label") or ""
            if not (isinstance(text, str) and isinstance(categories, list)):
                raise TypeError
            action = categories[0]
            if not isinstance(action, str | None):
                raise TypeError
            if not frames:
                yield Span(action, text)
                continue
            start, end = float(label["start_t"]), float(label["end_t"])
            if not 0 <= start < end < math.inf:
                raise ValueError
            yield Span(action, text, start, end)


def _annotations(recording: dict[str, Any], name: str) -> list[dict[str, Any]]:
    if recording.get(name):
        return [recording[name]]
    return [annotation for annotation in recording.get(f"{name}s") or [] if annotation]
