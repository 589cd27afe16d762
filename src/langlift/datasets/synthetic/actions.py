"""What the synthetic people do: one script per action.

Every action starts from `stand` and changes it. Time `t` (f) runs in seconds and may be negative;
a `Style` is the dice of one clip, so the same action never looks the same twice. Angles are
degrees, lengths metres; the person starts facing +x with the feet about the origin.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .body import (
    ABDUCT,
    ACROSS,
    ELBOW,
    FLEX,
    LEFT,
    RIGHT,
    SIDE_SIGN,
    TWIST,
    Body,
    Script,
    swing_leg,
)
from .style import Style, arm_posture, ease, keys, lay_arms, stand, swell, wave
from .travel import crawl, get_up, jump, run, walk


def _jumping_jack(t: np.ndarray, who: Body, style: Style) -> Script:
    script = stand(t, who, style)
    cycles = style.cycles(t, 0.95, 1.35)
    apart, hop = swell(cycles), swell(2.0 * cycles + style.pick(-0.05, 0.05))
    lift = style.pick(0.03, 0.07)
    script.root[:, 2] += lift * hop - 0.06 * (1.0 - hop)
    half, wide = who.hip * style.pick(0.5, 0.9), who.leg * style.pick(0.35, 0.5)
    for side, sign in enumerate(SIDE_SIGN):
        script.ankles[side][:, 1] = sign * (half + (wide - half) * apart)
        script.ankles[side][:, 2] += (lift + 0.02) * hop
        script.arms[side][:, ABDUCT] += style.pick(135, 155) * apart
        script.arms[side][:, TWIST] -= 50 * apart
        script.arms[side][:, ELBOW] += style.pick(5, 20) * hop
    return script


def _squatting(t: np.ndarray, who: Body, style: Style, depth: float, lean: float) -> Script:
    script = stand(t, who, style)
    down = keys(style.cycles(t, 2.0, 3.2) % 1.0, (0, 0.06, 0.46, 0.58, 0.96, 1), (0, 0, 1, 1, 0, 0))
    wide = style.pick(1.0, 1.5)
    script.ankles[:, :, 1] *= wide
    script.splay += style.pick(5, 20) * down
    script.root[:, 2] -= depth * who.leg * down
    script.root[:, 0] -= style.pick(0.16, 0.22) * who.leg * down
    script.pelvis[:, 1] += lean * down
    script.spine[:, 1] += style.pick(5, 18) * down
    script.head[:, 1] -= 0.6 * lean * down
    arm_posture(script, style, style.one_of(1.0, ease(1.5 * down)))
    return script


def _squat(t: np.ndarray, who: Body, style: Style) -> Script:
    return _squatting(t, who, style, style.pick(0.22, 0.36), style.pick(18, 32))


def _deep_squat(t: np.ndarray, who: Body, style: Style) -> Script:
    return _squatting(t, who, style, style.pick(0.5, 0.6), style.pick(26, 40))


def _side_lunge(t: np.ndarray, who: Body, style: Style) -> Script:
    script = stand(t, who, style)
    cycles = style.cycles(t, 2.2, 3.2)
    first, change = style.side(), style.one_of(0, 1)
    out = keys(cycles % 1.0, (0, 0.05, 0.35, 0.62, 0.94, 1), (0, 0, 1, 1, 0, 0))
    down = keys(cycles % 1.0, (0, 0.15, 0.46, 0.56, 0.85, 1), (0, 0, 1, 1, 0, 0))
    step, depth = who.leg * style.pick(0.55, 0.75), who.leg * style.pick(0.24, 0.36)
    lean = style.pick(18, 34)
    for side, sign in enumerate(SIDE_SIGN):
        turn_of = (np.floor(cycles) * change + first) % 2 == side
        moved = np.where(turn_of, out, 0.0)
        script.ankles[side][:, 1] += sign * step * moved
        script.ankles[side][:, 2] += np.where(turn_of, 0.1 * 4 * out * (1.0 - out), 0.0)
        script.root[:, 1] += sign * step * 0.72 * np.where(turn_of, 0.4 * out + 0.6 * down, 0.0)
    script.root[:, 2] -= depth * down
    script.root[:, 0] -= 0.12 * down
    script.pelvis[:, 1] += lean * down
    script.spine[:, 1] += 10 * down
    script.head[:, 1] -= 0.6 * lean * down
    arm_posture(script, style, 1.0)
    return script


def _inline_lunge(t: np.ndarray, who: Body, style: Style) -> Script:
    script = stand(t, who, style)
    front = style.side()
    down = swell(style.cycles(t, 2.0, 3.0))
    reach = who.leg * style.pick(0.36, 0.46)
    for side, sign in enumerate(SIDE_SIGN):
        script.ankles[side][:, 0] += reach if side == front else -reach
        script.ankles[side][:, 1] = sign * who.hip * style.pick(0.15, 0.6)
        script.splay[side] *= 0.3
    # The rear foot stands on its toes and the heel comes up as the knee goes down.
    script.ankles[1 - front][:, 2] += 0.07 + 0.05 * down
    script.root[:, 2] += -0.07 * who.leg - who.leg * style.pick(0.32, 0.42) * down
    script.root[:, 0] += 0.06 * down
    script.pelvis[:, 1] += style.pick(0, 12) * down
    arm_posture(script, style, 1.0)
    return script


def _kick(t: np.ndarray, who: Body, style: Style) -> Script:
    script = stand(t, who, style)
    side, high = style.side(), style.pick(55, 95)
    sign = SIDE_SIGN[side]
    c = style.cycles(t, 1.7, 2.4) % 1.0
    free = keys(c, (0, 0.08, 0.28, 0.6, 0.9, 1), (0, 0, 1, 1, 0, 0))
    flex = keys(c, (0, 0.08, 0.28, 0.55, 0.88, 1), (0, 0, -22, high, 0, 0))
    knee = keys(c, (0, 0.08, 0.32, 0.56, 0.74, 0.9, 1), (12, 12, 72, 14, 45, 12, 12))
    thrown = np.clip(flex / high, 0.0, 1.0)
    script.root[:, 1] -= sign * 0.8 * who.hip * free
    script.root[:, 2] -= 0.02 * free
    script.pelvis[:, 1] -= 12 * thrown
    script.pelvis[:, 0] -= sign * 12 * thrown
    script.spine[:, 1] += 14 * thrown
    script.spine[:, 0] += sign * 14 * thrown
    swing_leg(script, who, side, free, (flex, style.pick(0, 8), knee))
    lay_arms(script, 0.7, (25, 14, 0, 20, 70), (side, 1 - side))
    script.arms[1 - side][:, FLEX] += 40 * flex / high
    script.arms[side][:, FLEX] -= 30 * flex / high
    script.arms[:, :, ABDUCT] += 18 * free
    return script


def _punch(t: np.ndarray, who: Body, style: Style) -> Script:
    script = stand(t, who, style)
    front = style.side()
    sign = SIDE_SIGN[front]
    cycles = style.cycles(t, 1.1, 1.6)
    stagger = who.leg * style.pick(0.12, 0.24)
    script.ankles[front][:, 0] += stagger
    script.ankles[1 - front][:, 0] -= stagger
    script.root[:, 2] -= who.leg * style.pick(0.03, 0.08)
    script.root[:, 0] += 0.02 * wave(2 * cycles)
    script.pelvis[:, 0] -= sign * style.pick(10, 25)
    script.pelvis[:, 1] += style.pick(2, 8)
    guard = (style.pick(28, 42), style.pick(8, 18), 0, style.pick(15, 35), style.pick(120, 135))
    thrust = (style.pick(78, 92), style.pick(2, 8), style.pick(0, 8), 20, style.pick(10, 22))
    lay_arms(script, 1.0, guard)
    for side, shift in ((front, 0.0), (1 - front, 0.5)):
        out = keys((cycles + shift) % 1.0, (0, 0.08, 0.28, 0.32, 0.56, 1), (0, 0, 1, 1, 0, 0))
        lay_arms(script, out * style.pick(0.85, 1.0), thrust, (side,))
        script.spine[:, 0] -= SIDE_SIGN[side] * 22 * out
        script.pelvis[:, 0] -= SIDE_SIGN[side] * 8 * out
    return script


def _wave_hand(t: np.ndarray, who: Body, style: Style) -> Script:
    script = stand(t, who, style)
    side, beat = style.side(), wave(style.cycles(t, 0.55, 1.0))
    raised, wide = style.pick(70, 115), style.pick(12, 26)
    up = (style.pick(0, 10), raised, style.pick(15, 40), -style.pick(70, 88), style.pick(78, 105))
    lay_arms(script, 1.0, up, (side,))
    script.arms[side][:, ELBOW] += wide * beat
    script.arms[side][:, ABDUCT] += 5 * beat
    script.spine[:, 2] -= SIDE_SIGN[side] * 3
    return script


def _arm_circles(t: np.ndarray, who: Body, style: Style) -> Script:
    script = stand(t, who, style)
    cycles, way = style.cycles(t, 0.9, 1.6), style.one_of(-1.0, 1.0)
    angle = 2.0 * np.pi * way * cycles
    if style.one_of(True, False):
        # Big circles in the sagittal plane, both arms together or against each other.
        apart = style.one_of(0.0, 180.0)
        for side in (LEFT, RIGHT):
            script.arms[side][:, FLEX] = np.degrees(angle) + side * apart
            script.arms[side][:, ABDUCT] = style.pick(10, 18)
        script.spine[:, 1] -= 4 * np.sin(angle)
        return script
    size = style.pick(14, 38)
    for side in (LEFT, RIGHT):
        script.arms[side][:, ABDUCT] = 82 + size * np.sin(angle)
        script.arms[side][:, ACROSS] = 8 + size * np.cos(angle)
        script.arms[side][:, TWIST] = 0.0
    return script


def _torso_twist(t: np.ndarray, who: Body, style: Style) -> Script:
    script = stand(t, who, style)
    beat = wave(style.cycles(t, 1.4, 2.4))
    script.ankles[:, :, 1] *= style.pick(1.1, 1.6)
    script.pelvis[:, 0] += style.pick(6, 16) * beat
    script.spine[:, 0] += style.pick(34, 50) * beat
    script.head[:, 0] += style.pick(-10, 20) * beat
    chest = (style.pick(20, 40), style.pick(50, 65), 30, style.pick(25, 45), style.pick(100, 125))
    sides = (0, style.pick(70, 85), style.pick(0, 15), 0, style.pick(10, 30))
    hips = (-15, style.pick(36, 46), 0, 76, style.pick(86, 98))
    lay_arms(script, 1.0, style.one_of(chest, sides, hips))
    return script


def _toe_touch(t: np.ndarray, who: Body, style: Style) -> Script:
    script = stand(t, who, style)
    down = keys(style.cycles(t, 2.2, 3.4) % 1.0, (0, 0.08, 0.44, 0.56, 0.94, 1), (0, 0, 1, 1, 0, 0))
    script.root[:, 0] -= style.pick(0.14, 0.2) * who.leg * down
    script.root[:, 2] -= style.pick(0.0, 0.05) * who.leg * down
    script.pelvis[:, 1] += style.pick(70, 84) * down
    script.spine[:, 1] += style.pick(54, 68) * down
    script.head[:, 1] += style.pick(-10, 20) * down
    lay_arms(script, ease(1.6 * down), (95, 4, 0, 0, 10))
    low = style.pick(0.02, 0.16)
    for side in (LEFT, RIGHT):
        script.hands[side] = script.ankles[side] + (0.13, 0.0, low)
        script.reach[side] = ease((down - 0.35) / 0.6)
    return script


def _bow(t: np.ndarray, who: Body, style: Style) -> Script:
    script = stand(t, who, style)
    down = keys(style.cycles(t, 2.0, 3.2) % 1.0, (0, 0.08, 0.38, 0.6, 0.94, 1), (0, 0, 1, 1, 0, 0))
    script.ankles[:, :, 1] *= 0.6
    script.root[:, 0] -= 0.09 * who.leg * down
    script.pelvis[:, 1] += style.pick(28, 44) * down
    script.spine[:, 1] += style.pick(12, 24) * down
    script.head[:, 1] += style.pick(5, 20) * down
    front = (style.pick(20, 32), style.pick(2, 6), 0, style.pick(15, 30), style.pick(15, 30))
    seams = (style.pick(-2, 4), 4, 0, 5, 12)
    lay_arms(script, style.one_of(1.0, ease(down)), style.one_of(front, seams))
    return script


def _side_bend(t: np.ndarray, who: Body, style: Style) -> Script:
    script = stand(t, who, style)
    beat = wave(style.cycles(t, 2.0, 3.4))
    script.ankles[:, :, 1] *= style.pick(1.2, 1.7)
    script.spine[:, 2] += style.pick(26, 38) * beat
    script.pelvis[:, 2] += style.pick(2, 7) * beat
    script.head[:, 2] += 8 * beat
    script.root[:, 1] += 0.05 * beat
    overhead, both = style.one_of(True, False), style.one_of(True, False)
    for side, sign in enumerate(SIDE_SIGN):
        # The arm away from the bend goes over the head, the other slides down the thigh.
        away = ease(0.5 + 0.5 * sign * beat)
        raise_it = (0, style.pick(140, 160), 10, -60, style.pick(15, 40))
        if both:
            lay_arms(script, 1.0, raise_it, (side,))
        elif overhead:
            lay_arms(script, away, raise_it, (side,))
        script.arms[side][:, ABDUCT] += 0.0 if both else 4 * (1.0 - away)
    return script


def _knee_raise(t: np.ndarray, who: Body, style: Style) -> Script:
    script = stand(t, who, style)
    cycles = style.cycles(t, 1.5, 2.3)
    high, bent, arm = style.pick(72, 102), style.pick(80, 110), style.pick(0, 40)
    for side, shift in ((LEFT, 0.0), (RIGHT, 0.5)):
        sign = SIDE_SIGN[side]
        up = keys((cycles + shift) % 1.0, (0, 0.03, 0.22, 0.28, 0.47, 1), (0, 0, 1, 1, 0, 0))
        script.root[:, 1] -= sign * 0.06 * up
        script.pelvis[:, 1] -= 5 * up
        swing_leg(script, who, side, ease(2.0 * up), (high * up, 4, 12 + bent * up))
        script.arms[1 - side][:, FLEX] += arm * up
        script.arms[1 - side][:, ELBOW] += 1.6 * arm * up
    if arm < 12:
        arm_posture(script, style, 1.0)
    return script


def _sit_to_stand(t: np.ndarray, who: Body, style: Style) -> Script:
    script = stand(t, who, style)
    c, seat = style.cycles(t, 2.6, 3.8) % 1.0, style.pick(0.48, 0.56) * who.leg
    along = keys(c, (0, 0.06, 0.4, 0.58, 0.9, 1), (0, 0, 1, 1, 0, 0))
    up = keys(c, (0, 0.14, 0.46, 0.56, 0.86, 1), (0, 0, 1, 1, 0, 0))
    script.root[:, 0] -= (1.0 - along) * style.pick(0.46, 0.52) * who.leg
    script.root[:, 2] += (1.0 - up) * (who.ankle + seat - script.root[:, 2])
    lean = style.pick(28, 42)
    script.pelvis[:, 1] += lean * keys(
        c, (0, 0.03, 0.2, 0.44, 0.58, 0.78, 0.95, 1), (0.1, 0.1, 1, 0, 0, 1, 0.1, 0.1)
    )
    script.spine[:, 1] += 10 * (1.0 - up)
    on_thighs = (style.pick(16, 30), 6, 0, style.pick(10, 20), style.pick(50, 70))
    ahead = (style.pick(60, 80), 5, 0, 0, 20)
    crossed = (50, 8, 10, 52, 122)
    lay_arms(script, 1.0 - up, style.one_of(on_thighs, on_thighs, ahead, crossed))
    return script


def _drink(t: np.ndarray, who: Body, style: Style) -> Script:
    script = stand(t, who, style)
    side = style.side()
    up = keys(style.cycles(t, 2.2, 3.4) % 1.0, (0, 0.08, 0.36, 0.62, 0.92, 1), (0, 0, 1, 1, 0, 0))
    holds = (style.pick(5, 20), style.pick(8, 16), 0, style.pick(15, 30), style.pick(70, 92))
    drinks = (style.pick(56, 66), style.pick(12, 22), 0, style.pick(32, 42), style.pick(130, 138))
    lay_arms(script, 1.0, holds, (side,))
    lay_arms(script, up, drinks, (side,))
    script.head[:, 1] -= style.pick(14, 28) * ease((up - 0.6) / 0.4)
    script.spine[:, 1] -= 4 * up
    return script


Action = Callable[[np.ndarray, Body, Style], Script]

#: Label -> (sentence, script).
ACTIONS: dict[str, tuple[str, Action]] = {
    "walk": ("a person walks along at an easy pace", walk),
    "run": ("a person runs", run),
    "jump": ("a person jumps off the ground with both feet", jump),
    "jumping_jack": ("a person does jumping jacks", _jumping_jack),
    "squat": ("a person bends the knees into a half squat and comes up again", _squat),
    "deep_squat": ("a person squats all the way down and stands up again", _deep_squat),
    "side_lunge": ("a person steps out to the side into a lunge", _side_lunge),
    "inline_lunge": ("a person lunges with one foot in line before the other", _inline_lunge),
    "kick": ("a person kicks forward with one leg", _kick),
    "punch": ("a person throws punches with both fists", _punch),
    "wave": ("a person waves with one raised hand", _wave_hand),
    "arm_circles": ("a person swings both arms in circles", _arm_circles),
    "torso_twist": ("a person twists the upper body from side to side", _torso_twist),
    "toe_touch": ("a person bends down to touch the toes", _toe_touch),
    "knee_raise": ("a person lifts one knee after the other to hip height", _knee_raise),
    "sit_to_stand": ("a person stands up from a seat and sits down again", _sit_to_stand),
    "bow": ("a person bows", _bow),
    "side_bend": ("a person bends the upper body sideways", _side_bend),
    "crawl": ("a person crawls on hands and knees", crawl),
    "get_up": ("a person gets up from lying on the back", get_up),
    "drink": ("a person drinks from a cup", _drink),
}
