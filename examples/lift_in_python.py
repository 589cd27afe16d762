"""Lift from Python: arrays of a detector in, joints, the action and files out."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import langlift
from langlift.geometry import Camera
from langlift.view import save_picture


def main(out: Path, model: str = "default") -> None:
    """Lift a person who swings an arm; `model` is a bundled name or a bundle file."""
    frames, fps, size = 90, 30.0, (1280, 720)
    pose = np.array([(0, -60), (3, -63), (-3, -63), (7, -61), (-7, -61), (16, -45), (-16, -45),
                     (22, -20), (-22, -20), (24, 3), (-24, 3), (10, 0), (-10, 0), (11, 40),
                     (-11, 40), (12, 78), (-12, 78)], dtype=float)  # COCO order  # fmt: skip
    xy = np.repeat((640, 320) + 3.0 * pose[None], frames, axis=0)
    xy[:, 9] += 60 * np.sin(np.arange(frames) / 8)[:, None] * (1, -1)  # the left wrist
    scores = np.full((frames, 17), 0.9)
    scores[40:50, 10] = 0  # the right wrist is hidden for ten frames
    keypoints = langlift.Keypoints(xy, "coco_17", fps, size, confidence=scores)

    lifter = langlift.load(model)
    camera = Camera.assumed(size, focal_ratio=1.15)  # leave it out if you know no better
    motion = lifter.lift(keypoints, camera, langlift.LiftOptions(flip=True))

    print("joints", motion.joints.shape, "metres,", motion.space, "space")
    if motion.action is not None:
        print("action", motion.action.top(3))
    wrist = motion.joints[:, motion.skeleton.index("left_wrist")]
    print("the left wrist moves by", np.ptp(wrist, axis=0).round(2), "metres in x, y, z")
    langlift.write(motion, out / "motion.npz")
    save_picture(motion, out / "motion.png", keypoints)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
