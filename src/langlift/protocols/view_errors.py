"""What one model did on every view of clips, kept so that any table can be made of it later.

Lifting the test part of the motion corpus takes minutes, and a study asks it many questions: by
class, by joint, by camera, against another model. `ViewErrors` holds the answers to all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..datasets.clips import LabelledClip
from ..datasets.mocap_views import Source2D, View, mocap_views
from ..errors import InputError
from ..formats.files import atomic_write
from ..lifting.lifter import Lifter, LiftOptions
from ..methods.base import Guidance
from ..metrics import pa_mpjpe, per_joint
from ..tracks import Motion

#: The action that a network is told: none, so that it names one itself, or the true one.
Told = Literal["predicted", "given"]


@dataclass(frozen=True)
class ViewErrors:
    """Errors of one model on views, metres, and the actions that it named.

    Args:
        clips: (c) names of the clips.
        actions: (c) their true labels.
        clip: (v) index of each view's clip.
        camera: (v) names of the cameras.
        frames: (v) frames.
        joints: (v, j) mean distance of each joint over the view's frames.
        depth: (v, j) mean absolute distance of each joint in depth.
        aligned: (v) P-MPJPE.
        named: (v) the label that the model named; empty where it names none, or was told one.
        source: of the 2D.
        told: the action that the network was told; ``given`` makes every figure an oracle's.
        weights: digest of the model's weights.
    """

    clips: np.ndarray
    actions: np.ndarray
    clip: np.ndarray
    camera: np.ndarray
    frames: np.ndarray
    joints: np.ndarray
    depth: np.ndarray
    aligned: np.ndarray
    named: np.ndarray
    source: str = "gt"
    told: str = "predicted"
    weights: str = ""

    @property
    def action(self) -> np.ndarray:
        """(v) true label of each view."""
        return self.actions[self.clip]

    @property
    def mpjpe(self) -> np.ndarray:
        """(v) mean over joints and frames."""
        return self.joints.mean(axis=1)

    @property
    def d_mpjpe(self) -> np.ndarray:
        """(v) the same of the distance in depth."""
        return self.depth.mean(axis=1)

    @property
    def right(self) -> np.ndarray:
        """(v) 1 where the action was named rightly, 0 where wrongly, NaN where none was named."""
        return np.where(self.named == "", np.nan, self.named == self.action)

    def save(self, path: Path) -> Path:
        """Write the arrays as npz; the file appears only when it is complete."""
        with atomic_write(path) as part, Path(part).open("wb") as file:
            np.savez_compressed(file, **{f.name: getattr(self, f.name) for f in fields(self)})
        return path

    @classmethod
    def from_file(cls, path: Path) -> ViewErrors:
        """Read what `save` wrote.

        Raises:
            InputError: for a file that is no such measurement.
        """
        try:
            with np.load(path, allow_pickle=False) as stored:
                found: dict[str, Any] = {f.name: stored[f.name] for f in fields(cls)}
        except (OSError, ValueError, KeyError) as error:
            raise InputError(
                f"{path} holds no errors of views ({error}); measure the model again"
            ) from error
        texts = {name: str(found[name]) for name in ("source", "told", "weights")}
        return cls(**{**found, **texts})

    def check_beside(self, other: ViewErrors) -> None:
        """Raise unless both are of the same views, so that they pair."""
        same = all(
            np.array_equal(getattr(self, name), getattr(other, name))
            for name in ("clips", "actions", "clip", "camera", "frames")
        )
        if not same or self.source != other.source:
            raise InputError(
                f"measurements of {len(self.clip)} views of {self.source} 2D and of "
                f"{len(other.clip)} of {other.source} 2D do not pair; measure both models on the "
                "same clips and 2D"
            )


def measure_views(
    lifter: Lifter,
    clips: Sequence[LabelledClip],
    source: Source2D,
    told: Told = "predicted",
    missing: float = 0.0,
    progress: Callable[[int, int], None] | None = None,
    options: LiftOptions | None = None,
) -> ViewErrors:
    """Lift every view of every clip and keep what the tables need.

    Args:
        lifter: the model.
        clips: what is lifted, by the protocol's four cameras.
        source: of the 2D.
        told: ``given`` tells the network the true action of each clip that is a class of its own.
        missing: share of the joints that are not found.
        progress: called with (views done, views in all).
        options: of lifting; the usual ones if None.

    Raises:
        InputError: without clips, or where the model cannot be told the action.
    """
    if not clips:
        raise InputError("there are no clips to measure on; give at least one")
    labels = lifter.actions.labels
    number = {clip.clip_id: n for n, clip in enumerate(clips)}
    rows: list[tuple[Any, ...]] = []
    for view in mocap_views(clips, source, missing):
        guided = _guided(view, told, labels)
        motion = lifter.lift(view.keypoints, view.camera, options, **guided)
        rows.append((number[view.clip.clip_id], view.camera.name, *_errors(motion, view, told)))
        if progress is not None:
            progress(len(rows), 4 * len(clips))
    clip, camera, frames, joints, depth, aligned, named = map(np.array, zip(*rows, strict=True))
    names, actions = ([getattr(c, n) for c in clips] for n in ("clip_id", "action"))
    return ViewErrors(
        np.array(names), np.array(actions), clip, camera, frames.astype(float), joints, depth,
        aligned, named.astype(str), source, told, lifter.digest,
    )  # fmt: skip


def _guided(view: View, told: Told, labels: Sequence[str]) -> dict[str, Any]:
    """What the lifter is told besides the points."""
    if told == "predicted" or view.clip.action not in labels:
        return {}
    return {"guidance": Guidance("label", view.clip.action, source="oracle")}


def _errors(motion: Motion, view: View, told: Told) -> tuple[Any, ...]:
    truth, named = view.truth, ""
    if motion.action is not None and told == "predicted":
        named = motion.action.label
    return (
        len(motion),
        per_joint(motion.joints, truth),
        np.abs(motion.joints[..., 2] - truth[..., 2]).mean(axis=0),
        float(pa_mpjpe(motion.joints, truth)),
        named,
    )
