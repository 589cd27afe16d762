"""One pose out of several hypotheses (*, h, f, j, 3), as D3DP names the ways (Shan et al., 2023).

J-Best and P-Best choose with the ground truth. They are upper bounds of what a choice could reach,
never what a model does, and fall with any spread of the hypotheses, noise included; a figure made
with them must be called an oracle. J-Agg and P-Agg need no ground truth.

For every truth: J-Best <= P-Best per pose <= each hypothesis, and J-Best <= J-Agg, in `mpjpe`. With
one hypothesis all of them are that one.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from ..errors import InputError, ShapeError, check_shape, unknown
from ..geometry.alignment import check_finite
from ..geometry.cameras import Camera
from .blocks import by_blocks, distances


def joint_best(hypotheses: Any, gt: Any) -> np.ndarray:
    """J-Best, an oracle: of every joint in every frame the hypothesis nearest to the truth.

    Args:
        hypotheses: (*, h, f, j, 3) metres.
        gt: (*, f, j, 3) metres.

    Returns:
        (*, f, j, 3) metres, a pose put together from joints of different hypotheses.
    """
    several, truth = checked_hypotheses(hypotheses, gt)

    def choose(some: np.ndarray, true: np.ndarray) -> np.ndarray:
        return _taken(some, distances(some, true[:, None]).argmin(axis=1))

    return by_blocks((several, truth), truth.shape[:-3], choose)


def pose_best(hypotheses: Any, gt: Any, per: Literal["pose", "sequence"] = "pose") -> np.ndarray:
    """P-Best, an oracle: the hypothesis with the smallest MPJPE, per frame or per sequence.

    The released code of D3DP and FinePOSE takes the best hypothesis of a whole evaluation batch (4
    sequences, or 2), so that its figure depends on the size of the batch. Here it is chosen for
    every frame (``pose``) or for every leading entry (``sequence``); a report must say which.

    Args:
        hypotheses: (*, h, f, j, 3) metres.
        gt: (*, f, j, 3) metres.
        per: ``pose`` or ``sequence``.

    Returns:
        (*, f, j, 3) metres.
    """
    if per not in ("pose", "sequence"):
        raise unknown("per", str(per), ("pose", "sequence"))
    several, truth = checked_hypotheses(hypotheses, gt)
    leading = truth.shape[:-3]

    def errors(some: np.ndarray, true: np.ndarray) -> np.ndarray:
        return np.moveaxis(distances(some, true[:, None]).mean(axis=-1), 1, -1)  # (b, f, h)

    of_frames = by_blocks((several, truth), leading, errors)
    if per == "sequence":
        best = of_frames.mean(axis=-2).argmin(axis=-1)  # (*)
        chosen = best[..., None, None, None, None]
        return np.take_along_axis(several, chosen, axis=-4)[..., 0, :, :, :].astype(np.float64)
    chosen = of_frames.argmin(axis=-1)[..., None, :, None, None]
    return np.take_along_axis(several, chosen, axis=-4)[..., 0, :, :, :].astype(np.float64)


def pose_mean(hypotheses: Any) -> np.ndarray:
    """P-Agg: the mean of the hypotheses, (*, f, j, 3) metres."""
    several = _hypotheses(hypotheses)
    return by_blocks((several,), several.shape[:-4], lambda some: some.mean(axis=1))


def joint_projected(hypotheses: Any, root: Any, camera: Camera, xy: Any) -> np.ndarray:
    """J-Agg, "JPMA": of every joint in every frame the hypothesis that projects nearest to the 2D.

    Where a joint was not found in the image, or none of its hypotheses lies in front of the camera,
    nothing speaks for one of them: the mean of the hypotheses is taken there, as in P-Agg.

    Args:
        hypotheses: (*, h, f, j, 3) metres relative to the root, camera axes.
        root: (*, f, 3) metres, camera space: where the root is. The released code takes the true
            one, which makes the figure an oracle; estimate it where there is none.
        camera: the camera that saw the joints; its lens is applied.
        xy: (*, f, j, 2) pixels: the 2D joints that were lifted; NaN where one is missing.

    Returns:
        (*, f, j, 3) metres relative to the root.

    Raises:
        ShapeError: for shapes that do not fit each other.
        InputError: for hypotheses or roots that are not finite.
    """
    several = _hypotheses(hypotheses)
    leading, (frames, joints) = several.shape[:-4], several.shape[-3:-1]
    places, seen = np.asarray(root, dtype=np.float64), np.asarray(xy, dtype=np.float64)
    _check_beside(places, (*leading, frames, 3), "root", several.shape)
    _check_beside(seen, (*leading, frames, joints, 2), "xy", several.shape)
    check_finite(places, "root", "places")

    def choose(some: np.ndarray, place: np.ndarray, pixels: np.ndarray) -> np.ndarray:
        apart = distances(camera.project(some + place[:, None]), pixels[:, None])  # (b, h, f, j)
        apart[np.isnan(apart)] = np.inf
        told = np.asarray(np.isfinite(apart).any(axis=1))[..., None]
        return np.where(told, _taken(some, apart.argmin(axis=1)), some.mean(axis=1))

    return by_blocks((several, places[..., None, :], seen), leading, choose)


def spread(hypotheses: Any) -> np.ndarray:
    """Disagreement of the hypotheses: root mean square distance from their mean, (*, f, j) metres.

    It is a model's own estimate of its error only as far as the model is calibrated, see
    `calibration`.
    """
    several = _hypotheses(hypotheses)

    def measure(some: np.ndarray) -> np.ndarray:
        return np.sqrt(some.var(axis=1).sum(axis=-1))

    return by_blocks((several,), several.shape[:-4], measure)


def checked_hypotheses(hypotheses: Any, gt: Any) -> tuple[np.ndarray, np.ndarray]:
    """Hypotheses (*, h, f, j, 3) and their truth (*, f, j, 3), checked to fit each other.

    Raises:
        ShapeError: for shapes that do not fit.
        InputError: for empty arrays or values that are not finite.
    """
    several, truth = _hypotheses(hypotheses), np.asarray(gt)
    _check_beside(truth, (*several.shape[:-4], *several.shape[-3:]), "gt", several.shape)
    check_finite(truth, "gt")
    return several, truth


def _hypotheses(hypotheses: Any) -> np.ndarray:
    several = np.asarray(hypotheses)
    check_shape(several, "* h f j 3", "hypotheses")
    if several.size == 0:
        raise InputError(f"hypotheses are empty, of shape {several.shape}; give at least one pose")
    check_finite(several, "hypotheses")
    return several


def _check_beside(
    array: np.ndarray, wanted: tuple[int, ...], name: str, shape: tuple[int, ...]
) -> None:
    if array.shape != wanted:
        raise ShapeError(
            f"{name} has shape {array.shape}; beside hypotheses of shape {shape} it must be "
            f"{wanted}",
            str(wanted),
            array.shape,
        )


def _taken(some: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Of hypotheses (b, h, f, j, 3) those chosen (b, f, j): (b, f, j, 3)."""
    return np.take_along_axis(some, chosen[:, None, ..., None], axis=1)[:, 0]
