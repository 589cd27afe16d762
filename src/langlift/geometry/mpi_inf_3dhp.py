"""The cameras of MPI-INF-3DHP's test videos (Mehta et al., 3DV 2017).

The calibration gives lengths on the sensor in millimetres; a pixel is sensor over image width. The
camera space of the annotations is that of the camera, so orientation and position stay at the
identity. The training cameras' calibration is not part of the annotation files that are read.
"""

from __future__ import annotations

from ..errors import unknown
from .cameras import Camera

#: The test videos, in order; each has one camera.
TEST_VIDEOS = ("TS1", "TS2", "TS3", "TS4", "TS5", "TS6")
#: (width, height) of the training images, pixels.
TRAIN_IMAGE_SIZE = (2048, 2048)

# Image size in pixels; focal length, sensor and offset of the principal point in millimetres.
_STUDIO = ((2048, 2048), 7.32506, (10.0, 10.0), (-0.0322884, 0.0929296))
_OUTDOORS = ((1920, 1080), 8.770747185, (10.0, 5.625), (-0.104908645, 0.104899704))


def mpi_inf_3dhp_camera(video: str) -> Camera:
    """The camera of a test video, without distortion; camera space is the world.

    Args:
        video: one of `TEST_VIDEOS`.

    Raises:
        InputError: for another name, those of training videos included.
    """
    if video not in TEST_VIDEOS:
        raise unknown("test video of MPI-INF-3DHP", video, TEST_VIDEOS)
    size, focal, sensor, offset = _STUDIO if video <= "TS4" else _OUTDOORS
    per_mm = (size[0] / sensor[0], size[1] / sensor[1])
    return Camera(
        video,
        size,
        (focal * per_mm[0], focal * per_mm[1]),
        (offset[0] * per_mm[0] + size[0] / 2, offset[1] * per_mm[1] + size[1] / 2),
    )
