"""Windows as the papers draw them: every one once per epoch, in random order.

Every clip is filmed once by the four cameras of one of Human3.6M's training subjects, the subjects
taking turns; a camera that the person would run into steps back for that clip, as it does for
drawn windows. Recordings are taken as their cameras saw them. The windows of a clip or recording
follow each other without overlap, plain and mirrored. Nothing is changed from epoch to epoch but
the order, so a batch is read and not computed. With a ``window_hop`` above 1 an epoch has
one in so many of the windows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from ..actions import ActionVocabulary
from ..datasets.clips import LabelledClip
from ..datasets.mocap_views import TRAINING_CAMERAS, View, centered, make_view
from ..datasets.windows import WindowStore
from ..errors import InputError
from ..geometry.cameras import Camera, normalize_screen
from ..geometry.human36m import human36m_cameras
from ..methods.base import Batch
from ..skeletons import HUMAN36M_17
from .batches import Sampler, WindowSampler, check_clips, class_indices, way_back
from .config import TrainConfig
from .labels import take_classes, whose_label
from .take_batches import TakeSampler
from .takes import Take, check_takes


@dataclass(frozen=True)
class _Sequences:
    """What windows are cut from: per sequence xy (f, j, c), joints (f, j, 3) and classes (f)."""

    xy: Sequence[np.ndarray]
    joints: Sequence[np.ndarray]
    classes: Sequence[np.ndarray]
    mirror: np.ndarray


class EpochSampler:
    """Batches of an endless row of epochs, each in an order of its own.

    Batches follow each other in that row, so one may hold the last windows of an epoch and the
    first of the next, and all have the same size. A piece is a part of its step's batch: unlike
    drawn windows, they are the same in one piece and in several.

    Args:
        material: the training clips, or takes where the cameras are ``recorded``.
        actions: the vocabulary; labels outside it count as unlabelled.
        config: the run.
        padding: frames the network needs before and after its output frames.
        device: where the windows are kept.

    Raises:
        InputError: for clips or takes that cannot be trained on, or that a camera has no finite
            image of.
    """

    def __init__(
        self,
        material: Sequence[object],
        actions: ActionVocabulary,
        config: TrainConfig,
        padding: tuple[int, int],
        device: torch.device | str = "cpu",
    ) -> None:
        self.config = config
        if config.cameras == "recorded":
            sequences = _recorded(check_takes(material), actions, config)
        else:
            sequences = _filmed(check_clips(material), actions, config)
        store = WindowStore(
            sequences.xy, sequences.joints, sequences.mirror, config.frames, padding
        )
        mirrored = np.array([*actions.mirror, -1])  # what is not labelled stays so
        action = _window_classes(store, sequences.classes, mirrored)
        self._numbers = every_window(store, config.window_hop)
        self._action = torch.from_numpy(action).to(device)
        self._store = store.to(device)
        self._order: tuple[int, np.ndarray] = (-1, np.zeros(0, dtype=int))

    @property
    def windows(self) -> int:
        """Windows of an epoch, mirrored ones included."""
        return len(self._numbers)

    def batch(self, step: int, piece: int = 0) -> Batch:
        """One piece of the batch of a step, see `Sampler`."""
        size = self.config.batch // self.config.accumulate
        first = step * self.config.batch + piece * size
        chosen = self._windows(np.arange(first, first + size))
        xy, joints = self._store.batch(chosen)
        action = self._action[torch.from_numpy(chosen).to(self._action.device)]
        if xy.shape[-1] == 2:
            return Batch(xy, joints, action, torch.ones_like(xy[..., 0]))
        return Batch(xy[..., :2].contiguous(), joints, action, xy[..., 2].contiguous())

    def _windows(self, places: np.ndarray) -> np.ndarray:
        """The windows at so many places from the start of the run."""
        epoch, place = np.divmod(places, self.windows)
        found = np.empty_like(place)
        for each in np.unique(epoch):
            here = epoch == each
            found[here] = self._permutation(int(each))[place[here]]
        return found

    def _permutation(self, epoch: int) -> np.ndarray:
        """The order of an epoch; the last one is kept, because the next batch wants it too."""
        kept, order = self._order
        if kept != epoch:
            rng = np.random.default_rng([self.config.seed, epoch])
            order = self._numbers[rng.permutation(self.windows)]
            self._order = (epoch, order)
        return order


def make_sampler(
    material: Sequence[object],
    actions: ActionVocabulary,
    config: TrainConfig,
    padding: tuple[int, int],
    device: torch.device | str = "cpu",
) -> Sampler:
    """The sampler that the run's settings ask for; arguments as of `EpochSampler`."""
    if config.windows == "epochs":
        return EpochSampler(material, actions, config, padding, device)
    kind = TakeSampler if config.cameras == "recorded" else WindowSampler
    return kind(material, actions, config, padding)


def every_window(store: WindowStore, hop: int) -> np.ndarray:
    """The numbers of one window in so many of each sequence, plain and mirrored ones alike.

    It is the middle one of each row of `hop` windows, and of a sequence that has fewer.
    """
    sequence, _, flipped = store.sequence_of(np.arange(len(store)))
    _, first, count = np.unique(2 * sequence + flipped, return_index=True, return_counts=True)
    place = np.arange(len(store)) - np.repeat(first, count)
    return np.flatnonzero(place % hop == np.repeat(np.minimum(hop // 2, count // 2), count))


def _window_classes(
    store: WindowStore, classes: Sequence[np.ndarray], mirrored: np.ndarray
) -> np.ndarray:
    """The class of each window (n): that of its middle frame, or of that motion mirrored."""
    sequence, first, flipped = store.sequence_of(np.arange(len(store)))
    lengths = np.array([len(frames) for frames in classes])
    middle = np.clip(first + store.chunk // 2, 0, lengths[sequence] - 1)
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    action = np.concatenate(classes)[starts[sequence] + middle]
    return np.where(flipped, mirrored[action], action)


def _recorded(takes: Sequence[Take], actions: ActionVocabulary, config: TrainConfig) -> _Sequences:
    """Takes as they are; where any has confidence it is a third coordinate of all."""
    xy = [take.screen for take in takes]
    if any(take.confidence is not None for take in takes):
        xy = [
            np.concatenate([t.screen, _certain(t)[..., None]], axis=-1, dtype=np.float32)
            for t in takes
        ]
    return _Sequences(
        xy=xy,
        joints=[take.joints for take in takes],
        classes=take_classes(takes, actions, config),
        mirror=takes[0].skeleton.mirror,
    )


def _certain(take: Take) -> np.ndarray:
    return np.ones(take.screen.shape[:2]) if take.confidence is None else take.confidence


def _filmed(
    clips: Sequence[LabelledClip], actions: ActionVocabulary, config: TrainConfig
) -> _Sequences:
    """Clips as the cameras of their turns see them."""
    views = [view for n, clip in enumerate(clips) for view in _film(clip, n, config)]
    noisy = bool(config.augment.noise)
    classes, _ = class_indices(clips, actions)
    given = classes[whose_label(len(clips), config)]
    each = [np.full(len(clip), k) for clip, k in zip(clips, given, strict=True)]
    return _Sequences(
        xy=[_screen(view, noisy) for view in views],
        joints=[view.truth for view in views],
        classes=[frames for frames in each for _ in range(_CAMERAS)],
        mirror=HUMAN36M_17.mirror,
    )


_CAMERAS = 4  # of every subject


def _film(clip: LabelledClip, number: int, config: TrainConfig) -> list[View]:
    """A clip by the cameras of the subject whose turn it is."""
    stand = replace(clip, joints=centered(clip.joints))
    subject = TRAINING_CAMERAS[number % len(TRAINING_CAMERAS)]
    source = "noisy" if config.augment.noise else "gt"
    cameras = (_step_back(camera, stand.joints) for camera in human36m_cameras(subject))
    return [make_view(stand, camera, source) for camera in cameras]


def _step_back(camera: Camera, world: np.ndarray) -> Camera:
    """The camera, as far behind its place as the person in world joints (f, 17, 3) wants."""
    short = float(way_back(camera.to_camera(world.astype(np.float64))))
    if short == 0:
        return camera
    x, y, z = camera.to_world(np.array([0.0, 0.0, -short]))
    return camera.replaced(position=(x, y, z))


def _screen(view: View, noisy: bool) -> np.ndarray:
    """Screen coordinates (f, 17, 2); with noise the confidence is a third one.

    Raises:
        InputError: when these or the view's joints are not finite. The loss would not be, either,
            and be told as that of a run that has diverged.
    """
    screen = normalize_screen(view.keypoints.xy, view.camera.image_size)
    if not (np.isfinite(screen).all() and np.isfinite(view.truth).all()):
        raise InputError(
            f"clip {view.clip.clip_id!r} has no finite image in camera {view.camera.name!r}; "
            "check that its joints are in metres, or leave the clip out"
        )
    if not noisy:
        return screen
    return np.concatenate([screen, view.keypoints.confidence[..., None]], axis=-1)
