"""The folder of a run: what it is called there, and that it never holds parts of two runs.

Settings and data are written down when a run starts. Resuming with other ones is refused, because
nobody could say afterwards what the weights were trained on.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..datasets.clips import LabelledClip
from ..datasets.recordings import Recording
from ..errors import InputError
from ..formats.files import atomic_write, make_folder, remove_leftovers
from .checkpoint import NAME
from .config import TrainConfig, as_dict, from_dict
from .data import Data
from .takes import Take

METRICS, CONFIG, DATA = "metrics.jsonl", "config.json", "data.json"
WEIGHTS, BEST = "last.safetensors", "best.safetensors"
_SUFFIXES = {Path(name).suffix for name in (METRICS, CONFIG, DATA, WEIGHTS, BEST, NAME)}
#: What decides the data of a run on recordings beside where they are.
_ALSO_SAID = ", --protocol, --source, subjects and actions"


def prepare_folder(out: Path, config: TrainConfig, data: Data, resume: bool) -> Data:
    """Make the run's folder and write down its settings and data; refuse to mix two runs.

    Returns:
        The data with the card that the run was started with.

    Raises:
        InputError: when the folder holds a run and `resume` is not set, or the other way round, or
            settings or data differ from those the run was started with.
    """
    if resume:
        data = _check_same_run(out, config, data)
    else:
        if (out / NAME).exists() or (out / METRICS).exists():
            raise InputError(
                f"{out} already holds a run; continue it with --resume or choose another --out"
            )
        make_folder(out)
        _write_json(out / CONFIG, as_dict(config))
        _write_json(out / DATA, describe_data(data))
    remove_leftovers(out, _SUFFIXES)
    return data


def describe_data(data: Data) -> dict[str, Any]:
    """What data.json says: source, numbers of clips, digest, action labels and the card.

    The digest is over the classes with their sentences and, of each clip, its names, label, length
    and the sum of its coordinates to the millimetre: coarse enough for rounding on another machine.
    Of recordings it is over the 2D of each and the mean of its 3D, the source and what is compared.
    """
    digest = hashlib.sha256()

    def add(*values: Any) -> None:
        digest.update(json.dumps(values).encode() + b"\n")

    add(data.actions.labels, data.actions.texts)
    if (spec := data.scoring) is not None:
        measured = {"protocol": spec.title, "root": spec.root, "own_unit": spec.own_unit}
        add(data.source, data.skeleton.name, data.fps, data.unit, measured)
    for part in (data.train, data.validation):
        add(len(part))
        for item in part:
            if isinstance(item, LabelledClip):
                total = round(float(item.joints.sum(dtype=np.float64)), 3)
                add(item.clip_id, item.subject, item.source, item.action, len(item), total)
                continue
            add(item.name, item.subject, item.action, len(item))
            digest.update((item.screen if isinstance(item, Take) else item.keypoints.xy).tobytes())
            digest.update(_labels(item))
            # Frames that do not count may hold anything. A mean changes less than a sum.
            add(round(float(np.nanmean(item.joints, dtype=np.float64)), 5))
    return {
        "source": data.source,
        "training_clips": len(data.train),
        "validation_clips": len(data.validation),
        "digest": digest.hexdigest(),
        "actions": list(data.actions.labels),
        "card": data.card,
    }


def _labels(item: Take | Recording) -> bytes:
    """The class labels of single frames, where there are any."""
    frames = item.frame_actions
    return b"" if frames is None else json.dumps([str(label) for label in frames]).encode()


def _check_same_run(out: Path, config: TrainConfig, data: Data) -> Data:
    settings, described = out / CONFIG, out / DATA
    if not (out / NAME).is_file() or not settings.is_file():
        raise InputError(f"there is no run to resume in {out}; start one without --resume")
    # Settings that a run of an older version does not name had today's defaults.
    was, wanted = as_dict(from_dict(_read_json(settings), type(config.model))), as_dict(config)
    if differing := [name for name in wanted if wanted[name] != was[name]]:
        raise InputError(
            f"the settings differ from those in {settings} ({', '.join(differing)}); resume with "
            "the same settings, or start a new run in another folder"
        )
    started, now = _read_json(described), describe_data(data)
    try:
        was, card = _in_words(started), dict(started["card"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{described} does not say what the run was started with; restore the file"
        ) from error
    if started["digest"] != now["digest"]:
        raise InputError(
            f"the data differ from those this run was started with (was: {was}; now: "
            f"{_in_words(now)}); give the same --data{_ALSO_SAID if data.scoring else ''}"
        )
    return replace(data, card=card)


def _in_words(described: dict[str, Any]) -> str:
    return (
        f"{described['source']}, {described['training_clips']} training and "
        f"{described['validation_clips']} validation clips, digest {described['digest'][:12]}"
    )


def _write_json(path: Path, values: dict[str, Any]) -> None:
    with atomic_write(path) as temporary:
        Path(temporary).write_text(json.dumps(values, indent=2) + "\n")


def _read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise InputError(f"{path} is missing; restore it or start a new run in another folder")
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as JSON ({error}); restore the file") from error
