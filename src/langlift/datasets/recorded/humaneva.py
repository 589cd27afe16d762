"""HumanEva-I in VideoPose3D's layout: 15 joints, three cameras without intrinsics, 60 Hz.

The extrinsics take the 3D to the space of each camera, so depth is known but nothing can be
projected. Videos are cut into chunks in which motion capture was valid.
Source: Sigal et al., IJCV 2010.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ...formats.files import naming
from ...geometry.humaneva import CAMERAS, IMAGE_SIZE, humaneva_to_camera
from ...skeletons import COCO_17, HUMANEVA_15
from ..recordings import Entry, Recording
from .videopose_layout import VideoPoseDataset

_UNLABELED = "Unlabeled/"


class HumanEva(VideoPoseDataset):
    """A folder with ``data_3d_humaneva15.npz`` and ``data_2d_humaneva15_<source>.npz``.

    Subjects are called as in the files, subset first (``Validate/S1``). Chunks of ``Unlabeled/``
    subjects have no class label, and those without 3D are listed but are no recordings.
    """

    name: ClassVar[str] = "humaneva"
    skeleton = HUMANEVA_15
    fps = 60.0
    cameras = CAMERAS
    conventions = (HUMANEVA_15, COCO_17)

    def _action(self, subject: str, key: str) -> str:
        return "" if subject.startswith(_UNLABELED) else key.split(" ")[0]

    def _read(self, entry: Entry, source: str) -> Recording | None:
        if entry.frames_3d is None and entry.subject.startswith(_UNLABELED):
            return None
        world = self._world(entry)
        keypoints = self._keypoints(entry, source, IMAGE_SIZE)
        with naming(self._file):
            return Recording(
                name=entry.name,
                subject=entry.subject,
                action=entry.action,
                keypoints=keypoints,
                joints=humaneva_to_camera(world, entry.subject, entry.camera).astype(np.float32),
                skeleton=self.skeleton,
                camera=entry.camera,
            )
