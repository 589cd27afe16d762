"""Why J-Best is no result: noise that knows nothing lowers it, and helps no figure that is usable.

A lifter is off by 25 mm (standard deviation) along each axis. Twenty hypotheses repeat its answer
with noise added to each joint. The oracle J-Best picks, joint by joint, the one nearest to the
truth; a user, who has no truth, gets a single hypothesis or the mean of all.
"""

from __future__ import annotations

import numpy as np

from langlift.metrics import joint_best, mpjpe, pose_mean

ERROR, HYPOTHESES, FRAMES, JOINTS = 0.025, 20, 5000, 17  # metres, and three counts


def simulate(noise: float) -> dict[str, float]:
    """MPJPE in mm of each way to use the hypotheses, for so much noise in metres per axis."""
    rng = np.random.default_rng(0)
    gt = np.zeros((FRAMES, JOINTS, 3))
    answer = gt + rng.normal(scale=ERROR, size=gt.shape)
    hypotheses = answer + noise * rng.normal(size=(HYPOTHESES, *gt.shape))
    ways = {
        "single": hypotheses[0],
        "P-Agg": pose_mean(hypotheses),
        "J-Best (oracle)": joint_best(hypotheses, gt),
    }
    return {name: 1000 * float(mpjpe(poses, gt)) for name, poses in ways.items()}


def main() -> None:
    """Print a row for each amount of noise."""
    print("MPJPE in mm; single and P-Agg can be used, the oracle needs the ground truth")
    for millimetres in (0, 2, 5, 10):
        figures = simulate(millimetres / 1000)
        told = ", ".join(f"{name} {value:.1f}" for name, value in figures.items())
        print(f"noise {millimetres} mm: {told}")


if __name__ == "__main__":
    main()
