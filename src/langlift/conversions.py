"""How the joints of one convention are made from those of another, by joint names.

A conversion is a sparse weight table. Where the source has no such joint the rule is an
approximation and says so in `Conversion.notes`, because a lifter trained on real Human3.6M joints
pays for every guess. Detectors lose joints (the far ear of a profile), so a joint may have several
rules; in every frame the first one whose joints were all seen is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from .errors import check_shape
from .skeletons import Skeleton, get_skeleton


# No comparison by value (eq=False): arrays have no single truth value to compare with.
@dataclass(frozen=True, eq=False)
class Conversion:
    """How every target joint is made from source joints.

    Args:
        source: the convention that is read.
        target: the convention that is made.
        weights: (target joints, source joints); a row of zeros is a joint that cannot be made.
        notes: the approximations, one sentence per guessed joint, for people to read.
        fallbacks: further tables for frames in which a joint that `weights` needs is missing,
            tried in order; a row of zeros is no rule.
    """

    source: Skeleton
    target: Skeleton
    weights: np.ndarray
    notes: tuple[str, ...] = field(default=())
    fallbacks: tuple[np.ndarray, ...] = ()

    @property
    def missing(self) -> tuple[str, ...]:
        """Target joints that the source cannot give."""
        return tuple(
            joint
            for joint, row in zip(self.target.joints, self.weights, strict=True)
            if not row.any()
        )

    def apply(self, points: np.ndarray) -> np.ndarray:
        """Convert points (*, j_source, c) to (*, j_target, c); joints without source are NaN.

        A target joint is NaN where every rule for it needs a source joint that is NaN or infinite.
        Units and frame of reference stay; whole numbers become float64, because they cannot hold a
        NaN.

        Raises:
            ShapeError: when the points are not of the source skeleton.
        """
        check_shape(points, f"* {len(self.source)} c", f"points of skeleton {self.source.name!r}")
        dtype = points.dtype if np.issubdtype(points.dtype, np.floating) else np.float64
        finite = np.asarray(np.isfinite(points).all(axis=-1))
        shape = (*points.shape[:-2], len(self.target), points.shape[-1])
        converted = np.full(shape, np.nan, dtype=dtype)
        for t, sources, weights in self._rules():
            # A missing point makes the sum NaN or infinite; such sums are not taken.
            wanted = np.isnan(converted[..., t, 0]) & finite[..., sources].all(axis=-1)
            made = sum(w * points[..., j, :] for j, w in zip(sources, weights, strict=True))
            converted[..., t, :] = np.where(wanted[..., None], made, converted[..., t, :])
        return converted

    def apply_confidence(self, confidence: np.ndarray) -> np.ndarray:
        """Confidence (*, j_source) to (*, j_target): the least confident source joint used.

        A joint with confidence 0 counts as missing, as in `apply` a NaN does.

        Raises:
            ShapeError: when the confidence is not of the source skeleton.
        """
        check_shape(confidence, f"* {len(self.source)}", "confidence")
        converted = np.zeros((*confidence.shape[:-1], len(self.target)), dtype=confidence.dtype)
        for t, sources, _ in self._rules():
            least = confidence[..., sources].min(axis=-1)
            converted[..., t] = np.where(converted[..., t] > 0, converted[..., t], least)
        return converted

    def _rules(self) -> Iterator[tuple[int, list[int], np.ndarray]]:
        """Target joint, source joints and their weights of every rule, best rules first."""
        for table in (self.weights, *self.fallbacks):
            for t, row in enumerate(table):
                sources = np.flatnonzero(row)
                if sources.size:
                    yield t, sources.tolist(), row[sources]


# A joint made from others: target name -> rules, tried in order; those whose source joints the
# source convention has are kept. The note is None where this is a definition and no guess.
#
# The weights of thorax, neck_nose and head_top over ears, nose, shoulders and hips are least
# squares over real motion capture (UI-PRMD and CMU) with an average head: mean distances 33, 15 and
# 37 mm, against 52, 55 and 35 mm of the usual middles. An ear stands for the middle of both.
_Rule = tuple[dict[str, float], str | None]
_EARS = (("left_ear", "right_ear"), ("left_ear",), ("right_ear",))


def _mix(ears: tuple[str, ...] = (), **parts: float) -> dict[str, float]:
    """Weights where ``shoulder``, ``hip`` and ``ear`` stand for the middle of both sides."""
    weights: dict[str, float] = {}
    for part, weight in parts.items():
        sides = ears if part == "ear" else (part,)
        if part in ("shoulder", "hip"):
            sides = (f"left_{part}", f"right_{part}")
        weights |= dict.fromkeys(sides, weight / len(sides))
    return weights


def _by_ears(note: str, **parts: float) -> tuple[_Rule, ...]:
    """One rule for both ears seen and one for each alone."""
    return tuple((_mix(ears, **parts), note) for ears in _EARS)


_MID_SHOULDERS: _Rule = (
    _mix(shoulder=1.0),
    "{target} is the middle of the shoulders: some centimetres below the real base of the neck",
)
_THORAX = "{target} is estimated from ears, shoulders and hips (3 cm off on average)"
_NOSE = "{target} is estimated from nose, ears and shoulders (2 cm off on average)"
_TOP = "{target} is estimated from ears and shoulders (4 cm off on average)"
_BACK = "spine is the middle of {0}: the bend of the back is lost"
_RULES: dict[str, tuple[_Rule, ...]] = {
    "pelvis": ((_mix(hip=1.0), None),),
    "thorax": (
        *_by_ears(_THORAX, ear=0.54, hip=0.19, shoulder=0.27),
        ({"neck": 1.0}, "thorax is the neck joint"),
        _MID_SHOULDERS,
    ),
    "neck": (({"thorax": 1.0}, "neck is the thorax joint"), _MID_SHOULDERS),
    "spine": (
        (_mix(pelvis=0.5, thorax=0.5), _BACK.format("pelvis and base of the neck")),
        (_mix(pelvis=0.5, neck=0.5), _BACK.format("pelvis and neck")),
        (_mix(hip=0.5, shoulder=0.5), _BACK.format("hips and shoulders")),
    ),
    "neck_nose": (
        *_by_ears(_NOSE, nose=0.48, ear=0.44, shoulder=0.08),
        (_mix(nose=0.82, shoulder=0.18), "neck_nose is near the nose, some centimetres off"),
        (_mix(neck=0.5, head_top=0.5), "neck_nose is the middle of neck and head top"),
        (_mix(thorax=0.6, head=0.4), "neck_nose lies 40 % of the way from the thorax to the head"),
    ),
    "nose": (({"neck_nose": 1.0}, "nose is neck_nose: some centimetres too far back"),),
    "head_top": (
        *_by_ears(_TOP, ear=1.7, shoulder=-0.7),
        (
            _mix(nose=0.56, hip=-0.41, shoulder=0.85),
            "head_top is estimated from nose, shoulders and hips (6 cm off on average)",
        ),
        ({"head": 1.5, "thorax": -0.5}, "head_top lies half a neck above the head joint"),
    ),
    "head": (
        (_mix(head_top=0.6, thorax=0.4), "head lies 60 % of the way from thorax to head top"),
        (_mix(head_top=0.6, neck=0.4), "head lies 60 % of the way from neck to head top"),
        (_mix(("left_ear", "right_ear"), ear=1.0), "head is the middle of the ears"),
    ),
}


def conversion(source: str | Skeleton, target: str | Skeleton) -> Conversion:
    """The conversion between two known skeletons, by joint names.

    Joints that the source cannot give are listed in `Conversion.missing` and become NaN.
    """
    source, target = get_skeleton(source), get_skeleton(target)
    tables: list[np.ndarray] = [np.zeros((len(target), len(source)))]
    notes: list[str] = []
    for t, joint in enumerate(target.joints):
        own: tuple[_Rule, ...] = (({joint: 1.0}, None),)
        rules = own if joint in source.joints else _RULES.get(joint, ())
        usable = [rule for rule in rules if all(part in source.joints for part in rule[0])]
        for k, (parts, _) in enumerate(usable):
            if k == len(tables):
                tables.append(np.zeros_like(tables[0]))
            for part, weight in parts.items():
                tables[k][t, source.index(part)] = weight
        if usable and usable[0][1]:
            notes.append(usable[0][1].format(target=joint))
    return Conversion(source, target, tables[0], tuple(notes), tuple(tables[1:]))
