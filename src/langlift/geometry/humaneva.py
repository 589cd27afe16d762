"""The colour cameras of HumanEva-I (Sigal et al., IJCV 2010): three, calibrated for every subject.

Only where they stand is known here, not their lenses: the files of the VideoPose3D family of
papers, for which these numbers are used, hold no intrinsics. World is metres, z up; camera space is
x right, y down, z forward.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import check_shape, unknown
from .rotations import as_double, quaternion_conjugate, quaternion_rotate

#: Names of the cameras, in the order of the 2D files.
CAMERAS = ("C1", "C2", "C3")
#: (width, height) of their images, pixels.
IMAGE_SIZE = (640, 480)


def humaneva_placement(subject: str, camera: str) -> tuple[np.ndarray, np.ndarray]:
    """Where a camera stands and how it is turned.

    Args:
        subject: ``S1``, ``S2`` or ``S3``, also with the subset in front (``Validate/S1``).
        camera: one of `CAMERAS`.

    Returns:
        (4,) unit quaternion (w, x, y, z) camera -> world, and (3,) position in world metres.

    Raises:
        InputError: for a subject or camera without published calibration.
    """
    person = subject.rpartition("/")[2]
    if person not in _PLACEMENTS:
        raise unknown("HumanEva subject", subject, _PLACEMENTS)
    if camera not in CAMERAS:
        raise unknown("HumanEva camera", camera, CAMERAS)
    orientation, millimetres = _PLACEMENTS[person][CAMERAS.index(camera)]
    quaternion = np.array(orientation)
    # The published digits leave the length off 1 by some millionths.
    return quaternion / np.linalg.norm(quaternion), np.array(millimetres) / 1000.0


def humaneva_to_camera(world: Any, subject: str, camera: str) -> np.ndarray:
    """World points (*, 3) in metres to the space of a camera (*, 3), see `humaneva_placement`."""
    points, dtype = as_double(world)
    check_shape(points, "* 3", "world points")
    orientation, position = humaneva_placement(subject, camera)
    return quaternion_rotate(quaternion_conjugate(orientation), points - position).astype(dtype)


_Placement = tuple[tuple[float, float, float, float], tuple[float, float, float]]

_S1: tuple[_Placement, ...] = (
    ((0.424207, -0.4983646, -0.5802981, 0.4847012), (4062.227, 663.2477, 1528.397)),
    ((0.6503354, -0.7481602, -0.0919284, 0.0941766), (844.8131, -3805.2092, 1504.9929)),
    ((0.0664734, -0.0690535, 0.7416416, -0.6639132), (-797.67377, 3916.3174, 1433.6602)),
)

# Orientation (w, x, y, z) camera -> world and position in millimetres, cameras in order.
_PLACEMENTS: dict[str, tuple[_Placement, ...]] = {
    "S1": _S1,
    "S2": (
        ((0.4214752, -0.4961493, -0.5838273, 0.4851187), (4112.9121, 626.4929, 1545.2988)),
        ((0.6501393, -0.7476588, -0.0954617, 0.0959808), (923.574, -3877.9243, 1504.5518)),
        ((0.0699353, -0.0712403, 0.7421637, -0.662742), (-781.4915, 3838.8853, 1444.9929)),
    ),
    "S3": ((_S1[0][0], (4062.2271, 663.2477, 1528.397)), _S1[1], _S1[2]),
}
