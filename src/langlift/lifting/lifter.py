"""The Lifter: 2D keypoints in, 3D motion with an action label out.

It owns everything about the *image* (camera, crop, gaps, frame rate) so that networks see only
normalised poses. How a track goes through the network is the business of `langlift.lifting.engine`.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .._version import __version__
from ..actions import ActionVocabulary
from ..errors import InputError
from ..geometry.cameras import Camera, normalize_screen
from ..methods.base import Guidance, Method, refuse_guidance
from ..skeletons import Skeleton
from ..tracks import ActionEstimate, Keypoints, Motion
from .bundle import Bundle, load_network
from .engine import ActionOver, Engine, LiftOptions, Progress
from .features import FeatureConfig, from_virtual, person_features, screen_features
from .resample import frame_times, resample_joints, resample_points

MINIMUM_JOINTS = 4  # in at least one frame
ACTION_WINDOW = 81  # frames at the model's rate; windows follow each other by a third
#: What the provenance says of an action that nobody told.
ESTIMATED = "estimated by the model from the 2D motion"
_TOLD = {
    "given": "given by the user",
    "oracle": "oracle: true action given",
    "predicted": f"{ESTIMATED}, one for the whole video",
}
#: Metres: the bones of the 17 joints, one after the other, of a person 1.7 m tall.
_BONES = 4.1


class Lifter:
    """A trained network with everything that has to happen around it.

    Args:
        bundle: what the network is and how its input is normalised.
        network: the torch module, exactly (b, f, j, 2) -> (b, f_out, j, 3).
        name: what to call the model in results.
        digest: SHA-256 of the weights, see `bundle.weights_digest`.
    """

    def __init__(self, bundle: Bundle, network: Method, name: str = "", digest: str = "") -> None:
        self.bundle = bundle
        self.name = name
        self.digest = digest
        self.engine = Engine(network, bundle.skeleton)

    @classmethod
    def from_file(cls, path: str | Path, name: str | None = None) -> Lifter:
        """The lifter in a bundle file."""
        bundle, network, digest = load_network(path)
        return cls(bundle, network, name or Path(path).stem, digest)

    @property
    def network(self) -> Method:
        """The network; its weights are prepared on first use, so they must not change after."""
        return self.engine.network

    def to(self, device: torch.device | str) -> Lifter:
        """Move the network to a device (``cpu``, ``cuda``); returns the lifter."""
        self.engine.to(device)
        return self

    def with_settings(self, **settings: Any) -> Lifter:
        """The same weights with other settings of how they are used.

        Args:
            settings: by name, some of the config's ``lifting_settings``.

        Returns:
            A lifter with a network of its own that shares the weights; its bundle says the new
            settings, its name names them, so that the provenance of results does. Move the first
            one to its device before: the weights move for both.

        Raises:
            InputError: for a setting that the method does not have, or that only training can
                change.
        """
        config = self.bundle.config
        if not settings:
            return self
        for name in settings:
            if name not in config.lifting_settings:
                known = ", ".join(config.lifting_settings) or "none"
                raise InputError(
                    f"{self.bundle.method} has no setting {name} that could be changed for trained "
                    f"weights; it has {known}: leave it out"
                )
        config = replace(config, **settings)
        network = copy.copy(self.network)
        network.config = replace(network.config, **settings)
        said = ", ".join([self.name, *(f"{n} {v}" for n, v in settings.items())])
        return Lifter(replace(self.bundle, config=config), network, said, self.digest)

    @property
    def actions(self) -> ActionVocabulary:
        """The classes the action head knows."""
        return self.bundle.actions

    def lift(
        self,
        keypoints: Keypoints,
        camera: Camera | None = None,
        options: LiftOptions | None = None,
        progress: Progress | None = None,
        guidance: Guidance | None = None,
    ) -> Motion:
        """Lift one person's track.

        Args:
            keypoints: 2D joints of any known skeleton, any length from one frame, any rate.
            camera: the lens, if it is known; otherwise a plain one is assumed and stated in the
                provenance.
            options: flip averaging, precision, chunk length.
            progress: called with (frames done, frames in all).
            guidance: what is known about the action, ``given`` or an ``oracle``'s. The pose is made
                for it, and the provenance says so; the action of the result stays what the model
                estimates. ``predicted`` is refused: of an estimate only the lifter can say so.

        Returns:
            Joints in metres relative to the pelvis, in camera axes, at the keypoints' own rate,
            with the estimated action per window. Where poses depend on the action and nobody told
            it, the provenance has ``action_frames``: which share of the frames has which label.

        Raises:
            InputError: for keypoints that give no joint of the model, or another camera's images;
                for an action that the model does not know, of which it can make no use, or that
                is said to be predicted.
        """
        options = options or LiftOptions()
        self.check_action(guidance, options.action_over)
        skeleton = self.bundle.skeleton
        points = keypoints.converted(skeleton)
        _check_evidence(points)
        lens = camera or Camera.assumed(points.image_size)
        if lens.image_size != points.image_size:
            raise InputError(
                f"camera {lens.name!r} has images of {lens.image_size[0]} x {lens.image_size[1]} "
                f"pixels but the keypoints are of {points.image_size[0]} x "
                f"{points.image_size[1]}; give the camera of these images"
            )
        xy, seen, sure = points.xy, points.seen, points.confidence
        at = frame_times(len(points), points.fps, self.bundle.fps)
        if points.fps != self.bundle.fps:
            xy, seen = resample_points(xy, seen, at)
            sure = np.where(seen, resample_joints(sure[..., None], at)[..., 0], 0)
        joints, logits, told = self._lift_frames(xy, seen, sure, lens, options, progress, guidance)
        joints, scale = self._metres(joints, options.sized)
        action = self._action(logits, points) if logits is not None else None
        if points.fps != self.bundle.fps:
            back = np.interp(np.arange(len(points)), at, np.arange(len(at)))
            joints = resample_joints(joints, back)
        return Motion(
            joints=joints,
            skeleton=skeleton,
            fps=points.fps,
            space="root",
            action=action,
            provenance={
                **self._provenance(points, camera is not None, lens, options),
                **scale,
                **_of_action(told, action),
                **self._of_frames(logits, told),
            },
        )

    def check_action(self, guidance: Guidance | None, over: ActionOver = "window") -> None:
        """Raise `InputError` unless the model can be told this action, or find it in this way.

        Args:
            guidance: what is known about the action.
            over: see `LiftOptions.action_over`.
        """
        if not self.network.config.takes_action:
            refuse_guidance(self.bundle.method, guidance)
            if over == "video":
                raise InputError(
                    f"action_over is 'video', but the poses of {self.bundle.method} do not depend "
                    "on the action; leave it at 'window'"
                )
        elif guidance is not None and guidance.kind != "none":
            if over == "video":
                raise InputError(
                    f"action_over is 'video' and the action {guidance.value!r} is given; leave one "
                    "of them out"
                )
            if guidance.source not in ("given", "oracle"):
                raise InputError(
                    f"the action {guidance.value!r} has the source {guidance.source!r}; one that "
                    "is told is 'given', or 'oracle' where it is ground truth of the test data: "
                    "for the model's own estimate leave the action out"
                )
            if guidance.kind == "label":
                self.actions.index(guidance.value)

    def _lift_frames(
        self,
        xy: np.ndarray,
        seen: np.ndarray,
        confidence: np.ndarray,
        lens: Camera,
        options: LiftOptions,
        progress: Progress | None,
        guidance: Guidance | None,
    ) -> tuple[np.ndarray, np.ndarray | None, Guidance | None]:
        """(f, j, 2) pixels at the model's rate to (f, j, 3) root-relative and (f, k) logits.

        The third is what the network was told of the action.
        """
        before, after = self.network.padding
        frames = np.clip(np.arange(-before, len(xy) + after), 0, len(xy) - 1)
        skeleton = self.bundle.skeleton
        features, rotation = encode(xy, seen, frames, lens, self.bundle.features, skeleton)
        sure = None
        if self.network.config.uses_confidence:
            sure = np.clip(confidence[frames], 0, 1).astype(np.float32)
        lifted, logits, told = self._run(features, sure, options, progress, guidance)
        if rotation is not None:
            lifted = from_virtual(lifted, rotation[before : before + len(xy)])
        if options.center:
            lifted = lifted - lifted[:, [skeleton.root_index]]
        return lifted, logits, told

    def _run(
        self,
        features: np.ndarray,
        confidence: np.ndarray | None,
        options: LiftOptions,
        progress: Progress | None,
        guidance: Guidance | None,
    ) -> tuple[np.ndarray, np.ndarray | None, Guidance | None]:
        """The network over the track: once, or a second time with the action of the first."""
        if options.action_over == "window":
            lifted, logits = self.engine.run(features, confidence, options, progress, guidance)
            return lifted, logits, guidance
        first, second = _halves(progress)
        _, logits = self.engine.run(features, confidence, options, first)
        if logits is None:
            raise InputError(
                f"{self.bundle.method} names no action, so there is none of the whole video; leave "
                "action_over at 'window'"
            )
        named = self.actions.labels[int(logits.mean(axis=0, dtype=np.float64).argmax())]
        told = Guidance("label", named, "predicted")
        lifted, _ = self.engine.run(features, confidence, options, second, told)
        return lifted, logits, told

    def _metres(self, joints: np.ndarray, sized: bool) -> tuple[np.ndarray, dict[str, str]]:
        """Root-relative joints from the network's unit to metres, and how, for the provenance."""
        unit = self.bundle.unit
        if unit == "m":
            return joints, {}
        if not sized:
            return joints, {"unit": f"the network's own ({unit}), as was asked for"}
        if unit == "mm":
            return joints / 1000, {"unit": "the network's millimetres divided by 1000"}
        ends = np.array(self.bundle.skeleton.bones)
        bones = np.linalg.norm(joints[:, ends[:, 0]] - joints[:, ends[:, 1]], axis=-1).sum(axis=-1)
        size = max(float(np.median(bones)), 1e-6)
        said = "assumed: the network gives no size; the person is made 1.7 m tall"
        return joints * np.float32(_BONES / size), {"scale": said}

    def _action(self, logits: np.ndarray, points: Keypoints) -> ActionEstimate:
        """Window probabilities; windows are told in the keypoints' own frames."""
        count = len(logits)
        hop = ACTION_WINDOW // 3
        starts = np.arange(0, max(1, count - ACTION_WINDOW + hop), hop)
        stops = np.minimum(starts + ACTION_WINDOW, count)
        sums = np.concatenate([np.zeros((1, logits.shape[1])), np.cumsum(logits, 0, np.float64)])
        mean = (sums[stops] - sums[starts]) / (stops - starts)[:, None]
        mean -= mean.max(axis=1, keepdims=True)
        odds = np.exp(mean)
        ratio = points.fps / self.bundle.fps
        windows = np.rint(np.stack([starts, stops], axis=1) * ratio).astype(int)
        windows[-1, 1] = len(points)
        windows[:, 0] = np.minimum(windows[:, 0], len(points) - 1)
        windows[:, 1] = np.clip(windows[:, 1], windows[:, 0] + 1, len(points))
        return ActionEstimate(
            self.actions.labels,
            (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32),
            windows,
        )

    def _of_frames(self, logits: np.ndarray | None, told: Guidance | None) -> dict[str, Any]:
        """For the provenance: the labels of the frames, by their share, where they choose poses."""
        free = told is None or told.kind == "none"
        if logits is None or not free or not self.network.config.takes_action:
            return {}
        times = np.bincount(logits.argmax(axis=1), minlength=logits.shape[1]) / len(logits)
        order = [k for k in np.argsort(-times, kind="stable") if times[k] > 0]
        return {"action_frames": {self.actions.labels[k]: float(times[k]) for k in order}}

    def _provenance(
        self, points: Keypoints, known: bool, lens: Camera, options: LiftOptions
    ) -> dict[str, Any]:
        origin = "given" if known else "assumed"
        return {
            **points.provenance,
            "langlift": __version__,
            "model": self.name,
            "method": self.bundle.method,
            "weights_sha256": self.digest,
            "weights_licence": self.bundle.card.get("licence", "not stated"),
            "camera": f"{origin}: focal length {lens.focal[0]:.0f} px, image "
            f"{lens.image_size[0]} x {lens.image_size[1]}",
            "precision": options.precision,
            "flip": options.flip,
            "model_fps": self.bundle.fps,
            "input_fps": points.fps,
            "joints_seen": f"{points.seen.mean():.0%} of the joints, the rest filled in",
            "smoothing": "none",
            **({} if options.center else {"root": "kept where the network put it"}),
        }


def _of_action(told: Guidance | None, estimate: ActionEstimate | None) -> dict[str, str]:
    """For the provenance: where the action comes from, and which one the poses were made for."""
    if told is not None and told.kind != "none":
        return {"action": f"{_TOLD[told.source]}: {told.value}", "action_told": told.value}
    return {"action": "none" if estimate is None else ESTIMATED}


def _halves(progress: Progress | None) -> tuple[Progress | None, Progress | None]:
    """The progress of two passes as that of one that is twice as long."""
    if progress is None:
        return None, None
    return (
        lambda done, total: progress(done, 2 * total),
        lambda done, total: progress(total + done, 2 * total),
    )


def encode(
    xy: np.ndarray,
    seen: np.ndarray,
    frames: np.ndarray,
    lens: Camera,
    config: FeatureConfig,
    skeleton: Skeleton,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Features (n, j, 2) of the chosen frames of a track, and the virtual camera's rotations.

    `frames` repeats the end frames where the network looks beyond them; gaps are filled before,
    so that a repeated frame makes no gap longer.

    Raises:
        InputError: when no line of sight through this lens reaches any of the joints.
    """
    points = np.where(seen[..., None], xy, 0).astype(np.float64)
    if config.kind == "screen":
        screen = normalize_screen(points, lens.image_size)
        return screen_features(screen, seen, config, frames, skeleton), None
    rays = lens.rays(points)
    if not (seen & np.isfinite(rays).all(axis=-1)).any():
        raise InputError(
            f"no joint lies where the lens of camera {lens.name!r} can see; check its focal "
            "length and distortion"
        )
    return person_features(rays, seen, config, frames)


def _check_evidence(points: Keypoints) -> None:
    """Refuse a track from which nothing can be concluded; a network would invent a pose."""
    most = int(points.seen.sum(axis=1).max())
    if most < MINIMUM_JOINTS:
        raise InputError(
            f"at most {most} of {len(points.skeleton)} joints are seen in any frame; a pose needs "
            f"at least {MINIMUM_JOINTS}: check the skeleton and the confidences"
        )
    seen = points.seen[..., None]
    high = np.where(seen, points.xy, -np.inf).max(axis=1)
    low = np.where(seen, points.xy, np.inf).min(axis=1)
    if not (high > low).any():
        raise InputError("all joints lie on one pixel in every frame; check the 2D coordinates")
