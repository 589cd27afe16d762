"""Human3.6M (Ionescu et al., TPAMI 2014) in the files that VideoPose3D's scripts make.

Keys are such as ``Walking`` and ``Walking 1``; a file of 3D has the 32 joints of the capture
system.

Actions are whole class labels here: ``Sitting`` is not ``SittingDown``. The option ``-a`` of
VideoPose3D's script takes every action that begins so, and its figures for it are of more videos.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from ...errors import InputError, unknown
from ...formats.files import naming
from ...formats.plain_objects import numbers
from ...geometry.human36m import human36m_cameras
from ...skeletons import COCO_17, HUMAN36M_17
from ..recordings import Entry, Recording
from .videopose_layout import VideoPoseDataset

SUBJECTS = ("S1", "S5", "S6", "S7", "S8", "S9", "S11")
ACTIONS = (
    *("Directions", "Discussion", "Eating", "Greeting", "Phoning", "Photo", "Posing", "Purchases"),
    *("Sitting", "SittingDown", "Smoking", "Waiting", "WalkDog", "Walking", "WalkTogether"),
)
#: Names of the original videos that the papers shorten.
_SHORTENED = {"TakingPhoto": "Photo", "WalkingDog": "WalkDog"}
FPS = 50.0

#: Of the 32 joints of the capture system those that are doubled, or of hands and feet.
REMOVED = (4, 5, 9, 10, 11, 16, 20, 21, 22, 23, 24, 28, 29, 30, 31)
_EACH = 2  # sequences of every action by every subject
_KEPT = [j for j in range(32) if j not in REMOVED]


def action_of(key: str) -> str:
    """Class label of a sequence: its name before the first space, as the papers call it."""
    name = key.split(" ")[0]
    return _SHORTENED.get(name, name)


class Human36m(VideoPoseDataset):
    """Human3.6M in VideoPose3D's layout.

    Recordings are named ``subject/key/camera`` and come in camera axes, metres, with the lens that
    the exact 2D was made with. A sequence without 3D (of the published files, one of S11) is listed
    in `entries` but is no recording. A file of 3D with the 17 joints alone is taken too.
    """

    name: ClassVar[str] = "human36m"
    skeleton = HUMAN36M_17
    fps = FPS
    cameras = tuple(camera.name for camera in human36m_cameras(SUBJECTS[0]))
    conventions = (HUMAN36M_17, COCO_17)

    def expected(self) -> Mapping[str, Sequence[str]]:
        """Two sequences of every action by every subject, one of Directions by S11.

        What the keys are called differs between subjects, so those in the file are taken as they
        are, and what is missing is named by its action.
        """
        return {s: two_of_each(s, [*self._truth.get(s, {})]) for s in SUBJECTS}

    def _action(self, subject: str, key: str) -> str:
        return action_of(key)

    def _check_actions(self, actions: Sequence[str], listed: Sequence[Entry]) -> None:
        check_actions(actions, listed)

    def _reduced(self, joints: np.ndarray, what: str) -> np.ndarray:
        """(f, 17, 3) of the 32 joints of a sequence; 17 are taken as they are."""
        values = numbers(joints, "f j 3", what)
        if values.shape[1] not in (32, 17):
            raise InputError(
                f"{what} has shape {values.shape}; it must be (frames, 32, 3), or 17 joints"
            )
        return values[:, _KEPT] if values.shape[1] == 32 else values

    def _read(self, entry: Entry, source: str) -> Recording | None:
        if entry.frames_3d is None:
            return None
        lenses = {camera.name: camera for camera in human36m_cameras(entry.subject)}
        camera = lenses.get(entry.camera, lenses[self.cameras[0]])  # a fifth is refused below
        keypoints = self._keypoints(entry, source, camera.image_size)
        if not np.isfinite(keypoints.xy).all():
            raise InputError(
                f"{self._files[source]}: {entry.name} has NaN or infinite 2D points; the file is "
                "damaged: get it anew"
            )
        with naming(self._file):
            return Recording(
                name=entry.name,
                subject=entry.subject,
                action=entry.action,
                keypoints=keypoints,
                joints=camera.to_camera(self._world(entry).astype(np.float32)),
                skeleton=HUMAN36M_17,
                camera=entry.camera,
                lens=camera,
            )


def two_of_each(subject: str, keys: Sequence[str]) -> list[str]:
    """The keys that a subject has, two of each action, and a name for every one that is missing."""
    wanted = []
    for action in ACTIONS:
        count = 1 if (subject, action) == ("S11", "Directions") else _EACH
        held = [key for key in keys if action_of(key) == action][:count]
        wanted += [
            *held,
            *(f"{action} (video {n + 1} of {count})" for n in range(len(held), count)),
        ]
    return wanted


def check_actions(actions: Sequence[str], listed: Sequence[Entry]) -> None:
    """Raise `InputError` unless all subjects that have 3D have recordings of these actions.

    Args:
        actions: class labels that were asked for.
        listed: the recordings of the subjects.
    """
    held: dict[str, set[str]] = {}
    for entry in listed:
        if entry.frames_3d is not None:
            held.setdefault(entry.subject, set()).add(entry.action)
    known = set(ACTIONS).union(*held.values())
    for action in actions:
        if action not in known:
            raise unknown("action", action, known)
        for subject, labels in held.items():
            if action not in labels:
                raise InputError(
                    f"subject {subject} has no video of {action}; leave the action out, or get the "
                    "whole files"
                )
