"""The dice and the drawing tools of the synthetic scripts: easing, sway, standing, arm postures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .body import LEFT, RIGHT, SIDE_SIGN, Body, Script


@dataclass
class Style:
    """The dice of one clip.

    Args:
        rng: every random choice of the clip comes from here.
        seconds: duration of the clip; only what happens once needs to know it.
    """

    rng: np.random.Generator
    seconds: float

    def pick(self, low: float, high: float) -> float:
        """A uniform random number."""
        return float(self.rng.uniform(low, high))

    def side(self) -> int:
        """`LEFT` or `RIGHT`."""
        return int(self.rng.integers(2))

    def one_of(self, *choices):
        """One of the choices, all equally likely."""
        return choices[int(self.rng.integers(len(choices)))]

    def cycles(self, t: np.ndarray, shortest: float, longest: float) -> np.ndarray:
        """(f) how many repetitions have passed, with random period in seconds and phase."""
        return t / self.pick(shortest, longest) + self.pick(0.0, 1.0)


def ease(u: np.ndarray) -> np.ndarray:
    """From 0 to 1 with zero speed and acceleration at both ends (minimum jerk)."""
    u = np.clip(u, 0.0, 1.0)
    return u**3 * (10.0 - 15.0 * u + 6.0 * u * u)


def keys(phase: np.ndarray, times: Sequence[float], values: Sequence) -> np.ndarray:
    """Values (n) or (n, c) at increasing times, eased between; held before and after."""
    at, points = np.asarray(times, float), np.asarray(values, float)
    i = np.clip(np.searchsorted(at, phase, side="right") - 1, 0, len(at) - 2)
    u = ease((phase - at[i]) / (at[i + 1] - at[i]))
    u = u if points.ndim == 1 else u[:, None]
    return points[i] + (points[i + 1] - points[i]) * u


def swell(cycles: np.ndarray) -> np.ndarray:
    """0 at whole cycles, 1 half way, smooth."""
    return 0.5 - 0.5 * np.cos(2.0 * np.pi * cycles)


def bump(u: np.ndarray) -> np.ndarray:
    """From 0 up to 1 and back to 0 while u goes from 0 to 1, highest at 3/7, smooth."""
    u = np.clip(u, 0.0, 1.0)
    return u**3 * (1.0 - u) ** 4 / ((3 / 7) ** 3 * (4 / 7) ** 4)


def wave(cycles: np.ndarray) -> np.ndarray:
    """Sine that rises from 0 at whole cycles."""
    return np.sin(2.0 * np.pi * cycles)


def _drift(t: np.ndarray, style: Style, columns: int, size: float) -> np.ndarray:
    """(f, columns) slow random sway of about the given size: nobody is perfectly still."""
    rates = style.rng.uniform(0.15, 0.9, (3, 1, columns))
    phases = style.rng.uniform(0.0, 1.0, (3, 1, columns))
    return size * wave(t[None, :, None] * rates + phases).sum(axis=0) / 1.5


def stand(t: np.ndarray, who: Body, style: Style) -> Script:
    """Upright, arms hanging, swaying a little."""
    script = Script.empty(len(t))
    script.root[:] = (0.0, 0.0, who.standing - style.pick(0.0, 0.01))
    script.root += _drift(t, style, 3, 0.006) * (1.0, 1.0, 0.3)
    script.pelvis += _drift(t, style, 3, 1.0)
    script.spine += _drift(t, style, 3, 1.2)
    script.head += _drift(t, style, 3, 3.0)
    script.pelvis[:, 1] += style.pick(-3, 4)
    script.spine[:, 1] += style.pick(-3, 8)
    script.head[:, 1] += style.pick(-6, 14)
    half = who.hip * style.pick(0.75, 1.35)
    rest = (style.pick(-6, 8), style.pick(6, 14), 0.0, style.pick(5, 30), style.pick(10, 28))
    for side, sign in enumerate(SIDE_SIGN):
        script.ankles[side] = (style.pick(-0.03, 0.03), sign * half, who.ankle)
        uneven = style.rng.uniform(-3.0, 3.0, 5) * (1.0, 0.6, 0.0, 1.0, 1.0)
        script.arms[side] = rest + uneven + _drift(t, style, 5, 1.5) * (1, 1, 0, 1, 1)
        script.splay[side] = style.pick(4, 18)
    return script


def lay_arms(
    script: Script,
    weight: np.ndarray | float,
    angles: Sequence,
    sides: Sequence[int] = (LEFT, RIGHT),
) -> None:
    """Blend arms towards five angles (numbers or (f)), in place."""
    f = len(script.root)
    target = np.stack([np.broadcast_to(np.asarray(a, float), (f,)) for a in angles], axis=-1)
    for side in sides:
        by = np.broadcast_to(np.asarray(weight, float), (f,))[:, None]
        script.arms[side] += by * (target - script.arms[side])


def arm_posture(script: Script, style: Style, weight: np.ndarray | float) -> None:
    """One of the ways people hold their arms while the legs work."""
    straight = (style.pick(70, 95), style.pick(0, 8), 0, 0, style.pick(10, 25))
    crossed = (style.pick(45, 60), 8, style.pick(5, 15), style.pick(45, 60), style.pick(115, 130))
    on_hips = (style.pick(-22, -8), style.pick(36, 46), 0, style.pick(68, 84), style.pick(86, 98))
    ready = (style.pick(30, 45), 12, 0, style.pick(15, 35), style.pick(80, 105))
    lay_arms(script, weight, style.one_of(straight, crossed, on_hips, ready))
