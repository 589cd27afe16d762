"""Scripts of the actions that cross or leave the floor: walk, run, jump, crawl, get up.

The conventions are those of `synthetic_actions`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .body import (
    ELBOW,
    FLEX,
    LEFT,
    RIGHT,
    SIDE_SIGN,
    TWIST,
    Body,
    Script,
    hip_positions,
    turn,
)
from .style import Style, bump, ease, keys, lay_arms, stand, wave


def _path(distance: np.ndarray, aside: np.ndarray | float, bend: float) -> np.ndarray:
    """(f, 2) places on a circular path of curvature `bend` (1/m) that starts along +x."""
    heading = bend * distance
    along = np.sinc(heading / np.pi), np.sinc(heading / (2 * np.pi)) ** 2 * heading / 2
    centre = distance[:, None] * np.stack(along, axis=-1)
    left = np.stack([-np.sin(heading), np.cos(heading)], axis=-1)
    return centre + np.asarray(aside).reshape(-1, 1) * left


def _steps(
    cycles: np.ndarray, shift: float, stance: float, stride: float
) -> tuple[np.ndarray, np.ndarray]:
    """Distance (f) along the path of one planted limb, and its progress (f) through the swing."""
    whole = np.floor(cycles + shift)
    swing = (cycles + shift - whole - stance) / (1.0 - stance)
    return stride * (whole - shift + stance / 2.0 + ease(swing)), np.clip(swing, 0.0, 1.0)


@dataclass(frozen=True)
class _Gait:
    """Numbers of one way to go: metres, seconds, degrees."""

    speed: float
    period: float
    stance: float
    heel: float
    bob: float
    drop: float
    lean: float
    swing: float
    elbow: float
    bend: float


def _go(t: np.ndarray, who: Body, style: Style, gait: _Gait) -> Script:
    """Walk or run: feet planted on a curved path, arms against the legs."""
    script = stand(t, who, style)
    start, stride = style.pick(0.0, 1.0), gait.speed * gait.period
    cycles = t / gait.period + start
    travelled, origin = stride * cycles, stride * start
    middle = 2.0 * np.pi * (cycles - gait.stance / 2.0)
    ahead, narrow = style.pick(-0.01, 0.03), who.hip * style.pick(0.35, 0.7)
    sway = 0.02 * np.cos(middle)
    script.root[:, :2] += _path(travelled - origin, sway, gait.bend)
    script.root[:, 2] += -gait.drop - gait.bob * np.cos(2.0 * middle)
    heading = np.degrees(gait.bend * (travelled - origin))
    forward = np.cos(2.0 * np.pi * cycles)
    script.pelvis += np.stack(
        [heading - 6 * forward, gait.lean * np.ones_like(t), 3 * np.cos(middle)], 1
    )
    script.spine += np.stack(
        [(8 + gait.swing / 6) * forward, 0.6 * gait.lean * np.ones_like(t), -2 * np.cos(middle)], 1
    )
    uneven = style.pick(0.85, 1.15), style.pick(0.85, 1.15)
    for side, shift in ((LEFT, 0.0), (RIGHT, 0.5)):
        distance, swing = _steps(cycles, shift, gait.stance, stride)
        sign = SIDE_SIGN[side]
        script.ankles[side][:, :2] = _path(distance - origin + ahead, sign * narrow, gait.bend)
        script.ankles[side][:, 2] = who.ankle + gait.heel * bump(swing)
        arm = -np.cos(2.0 * np.pi * (cycles + shift - 0.04)) * uneven[side]
        script.arms[side][:, FLEX] += gait.swing * arm + 0.15 * gait.swing
        script.arms[side][:, ELBOW] += gait.elbow + 0.4 * gait.swing * arm
        script.splay[side] *= 0.4
    return script


def walk(t: np.ndarray, who: Body, style: Style) -> Script:
    """Walk, straight or along a curve."""
    period = style.pick(0.98, 1.3)
    gait = _Gait(
        speed=style.pick(1.15, 1.5) * who.leg / period,
        period=period,
        stance=0.44,
        heel=style.pick(0.13, 0.19),
        bob=0.008,
        drop=0.012,
        lean=style.pick(0, 5),
        swing=style.pick(12, 28),
        elbow=style.pick(0, 25),
        bend=style.one_of(0.0, style.pick(-0.5, 0.5)),
    )
    return _go(t, who, style, gait)


def run(t: np.ndarray, who: Body, style: Style) -> Script:
    """Run with a flight phase."""
    period = style.pick(0.7, 0.82)
    gait = _Gait(
        speed=style.pick(1.9, 2.4) * who.leg / period,
        period=period,
        stance=0.22,
        heel=style.pick(0.32, 0.46),
        bob=style.pick(0.025, 0.04),
        drop=0.05,
        lean=style.pick(6, 11),
        swing=style.pick(28, 42),
        elbow=style.pick(55, 75),
        bend=style.pick(-0.3, 0.3),
    )
    return _go(t, who, style, gait)


def jump(t: np.ndarray, who: Body, style: Style) -> Script:
    """Crouch, leave the floor with both feet, land, stand; again."""
    script = stand(t, who, style)
    period, height, far = style.pick(1.7, 2.3), style.pick(0.16, 0.36), style.pick(0.0, 0.5)
    cycles = t / period + style.pick(0.0, 1.0)
    c, flight = cycles % 1.0, 0.62 / period
    crouch = keys(c, (0, 0.05, 0.3, 0.44, 0.62, 0.74, 0.98, 1), (0, 0, 1, 0, 0, 0.7, 0, 0))
    script.root[:, 2] -= style.pick(0.2, 0.34) * who.leg * crouch
    script.root[:, 2] += height * _hop((c - 0.39) / flight)
    lifted = np.clip((c - 0.41) / flight * 1.03, 0.0, 1.0)
    gone = far * (np.floor(cycles) + ease(lifted))
    script.root[:, 0] += gone - 0.08 * crouch
    script.ankles[:, :, 0] += gone + 0.03 * crouch
    script.ankles[:, :, 2] += (height + style.pick(0.02, 0.06)) * _hop(lifted)
    script.pelvis[:, 1] += 32 * crouch
    script.spine[:, 1] += 18 * crouch
    script.head[:, 1] -= 30 * crouch
    back, reach = style.pick(-45, -25), style.pick(45, 110)
    script.arms[:, :, FLEX] += keys(c, (0, 0.04, 0.23, 0.52, 0.86, 1), (0, 0, back, reach, 0, 0))
    script.arms[:, :, ELBOW] += 15 * crouch
    return script


def _hop(u: np.ndarray) -> np.ndarray:
    """From 0 up to 1 and back, symmetric, with zero speed at both ends."""
    return np.sin(np.pi * np.clip(u, 0.0, 1.0)) ** 2


def crawl(t: np.ndarray, who: Body, style: Style) -> Script:
    """Hands and knees, the diagonal limbs together, trunk level."""
    script = stand(t, who, style)
    period, stance, bend = style.pick(1.1, 1.6), 0.56, style.pick(-0.3, 0.3)
    stride = who.thigh * style.pick(0.7, 1.1)
    start = style.pick(0.0, 1.0)
    cycles, origin = t / period + start, stride * start
    heading = np.degrees(bend * (stride * cycles - origin))
    beat = wave(cycles)
    script.root[:, :2] = _path(stride * cycles - origin, 0.012 * beat, bend)
    script.root[:, 2] = 0.055 + who.thigh * 0.985 + 0.004 * wave(2 * cycles)
    script.pelvis += np.stack([heading + 4 * beat, 0 * t + style.pick(70, 78), 3 * beat], 1)
    script.spine[:, 0] -= 3 * beat
    script.head[:, 1] -= style.pick(25, 55)
    lay_arms(script, 1.0, (88, 8, 0, 8, 20))
    reach = who.loin + who.chest + style.pick(-0.02, 0.08)
    for side, shift in ((LEFT, 0.0), (RIGHT, 0.5)):
        sign = SIDE_SIGN[side]
        hand, lift = _steps(cycles, shift + 0.5 + style.pick(-0.06, 0.06), stance, stride)
        place = _path(hand - origin + reach, sign * who.shoulder * 1.05, bend)
        script.hands[side] = np.column_stack([place, 0.055 + 0.07 * bump(lift)])
        script.reach[side] = 1.0
        _kneel(script, who, side, _steps(cycles, shift, stance, stride), stride * cycles, heading)
    return script


def _kneel(
    script: Script, who: Body, side: int, steps: tuple, travelled: np.ndarray, heading: np.ndarray
) -> None:
    """Put the ankle where the knee rests on the floor at the wanted place."""
    distance, swing = steps
    ahead = np.clip(distance - travelled + 0.03, -0.6 * who.thigh, 0.6 * who.thigh)
    down = np.sqrt(who.thigh**2 - ahead**2)
    hip = hip_positions(script, who, side)
    knee_height = hip[:, 2] - down
    ankle_height = 0.055 + 0.02 * bump(swing)
    back = np.sqrt(who.shin**2 - (knee_height - ankle_height) ** 2)
    yaw = turn(np.stack([heading, 0 * heading, 0 * heading], 1))
    offset = np.stack([ahead - back, 0 * back, 0 * back], 1)
    script.ankles[side] = hip + np.einsum("fab,fb->fa", yaw, offset)
    script.ankles[side][:, 2] = ankle_height
    script.splay[side] = 0.0


def get_up(t: np.ndarray, who: Body, style: Style) -> Script:
    """Lie on the back, sit up, crouch over the feet, stand; once."""
    script = stand(t, who, style)
    lasts = style.pick(2.5, 3.5)
    spare = style.seconds - lasts
    p = (t - style.pick(min(spare, 0.0) * 0.6, max(spare, 0.0))) / lasts
    leg, floor = who.leg, 0.11
    path = [(-1.1 * leg, 0, floor), (-1.0 * leg, 0, floor), (-0.62 * leg, 0, floor)]
    path += [(-0.14 * leg, 0, 0.42 * leg), (0, 0, who.standing)]
    low = ease((0.85 - p) / 0.3)
    wanted = keys(p, (0, 0.2, 0.46, 0.7, 1), path)
    script.root += (wanted - (0, 0, who.standing)) * np.ones((len(t), 1))
    script.pelvis[:, 1] += keys(p, (0, 0.4, 0.66, 1), (-86, -18, 38, 0))
    script.spine[:, 1] += keys(p, (0, 0.3, 0.62, 0.98), (0, 38, 34, 0))
    script.head[:, 1] += keys(p, (0, 0.22, 0.6, 1), (4, 22, -20, 0))
    stretched = style.pick(0.86, 0.93) * leg - 1.1 * leg
    for side, sign in enumerate(SIDE_SIGN):
        late = style.pick(0.0, 0.06)
        drawn = keys(p, (0.05 + late, 0.42 + late), (0, 1))
        script.ankles[side][:, 0] += (1.0 - drawn) * stretched
        script.ankles[side][:, 2] += 0.03 * 4 * drawn * (1.0 - drawn)
        script.splay[side] += 14 * low
        # Turned inward, so that the elbows point sideways and not into the floor.
        script.arms[side][:, TWIST] += 70 * keys(p, (0.1, 0.4), (1, 0))
        beside = (-1.12 * leg, sign * (who.hip + 0.16), 0.05)
        behind = (-0.98 * leg, sign * (who.hip + 0.16), 0.05)
        ahead = (0.05 * leg, sign * (who.hip + 0.06), 0.22 * leg)
        script.hands[side] = keys(p, (0.05, 0.25, 0.5, 0.72), (beside, behind, behind, ahead))
        script.reach[side] = keys(p, (0.0, 0.05, 0.54, 0.84), (0.9, 0.9, 0.9, 0))
    return script
