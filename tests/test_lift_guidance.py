"""An action that is known from outside: told to the network, named in the result, or refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import leaning
import numpy as np
import pytest
from cli_fixtures import Command, keypoint_file, tiny_bundle
from leaning import ACTIONS, GROUP, STEP
from lifting_fixtures import LENS, randomised, track
from lifting_fixtures import lifter as vpose

from langlift.actions import ActionVocabulary
from langlift.errors import InputError
from langlift.lifting.bundle import Bundle, save_bundle
from langlift.lifting.engine import LiftOptions
from langlift.lifting.features import FeatureConfig
from langlift.lifting.lifter import ESTIMATED, Lifter
from langlift.methods import METHODS
from langlift.methods.base import Guidance
from langlift.methods.mixste import MixSTEConfig
from langlift.methods.vpose import VPoseConfig
from langlift.tracks import Keypoints
from langlift.view.strip import footnotes

PLAIN, VIDEO = LiftOptions(flip=False), LiftOptions(flip=False, action_over="video")


def told(label: str, source: Any = "given") -> Guidance:
    return Guidance("label", label, source)


def lean(motion) -> np.ndarray:
    """(f) the number of the action that the poses were made for, read off their depth."""
    return motion.joints[:, 5, 2] / STEP


# Told by the caller.


@pytest.mark.parametrize("flip", [True, False])
@pytest.mark.parametrize("label", ACTIONS)
def test_poses_are_those_of_the_action_that_is_told(label: str, flip: bool) -> None:
    made, options = leaning.lifter(), LiftOptions(flip=flip)
    motion = made.lift(track(50), LENS, options, guidance=told(label))
    assert lean(motion) == pytest.approx(ACTIONS.index(label), abs=1e-5)


def test_the_estimate_stays_the_models_own() -> None:
    made = leaning.lifter()
    free = made.lift(track(50), LENS).action
    assert free is not None
    for label in ACTIONS:
        given = made.lift(track(50), LENS, guidance=told(label)).action
        assert given is not None and given.label == free.label
        assert np.array_equal(free.probabilities, given.probabilities)


def test_the_provenance_says_who_told_what() -> None:
    made = leaning.lifter()
    free = made.lift(track(20), LENS).provenance
    assert free["action"] == ESTIMATED and "action_told" not in free
    given = made.lift(track(20), LENS, guidance=told("squat")).provenance
    assert (given["action"], given["action_told"]) == ("given by the user: squat", "squat")
    true = made.lift(track(20), LENS, guidance=told("squat", "oracle")).provenance
    assert true["action"] == "oracle: true action given: squat"


def test_what_a_caller_tells_is_given_and_never_the_models_own_estimate() -> None:
    made = leaning.lifter()
    assert made.lift(track(20), LENS, guidance=Guidance("label", "squat")).provenance["action"] == (
        "given by the user: squat"
    )
    for source in ("predicted", "guessed"):
        said = (
            f"the action 'squat' has the source '{source}'; one that is told is 'given', or "
            "'oracle' where it is ground truth of the test data: for the model's own estimate "
            "leave the action out"
        )
        with pytest.raises(InputError, match=f"^{said}$"):
            made.lift(track(20), LENS, guidance=told("squat", source))


def test_the_provenance_says_which_labels_chose_the_poses() -> None:
    made, points = leaning.lifter(), track(120, seed=3)
    free = made.lift(points, LENS, PLAIN)
    shares = free.provenance["action_frames"]
    chosen = lean(free).round().astype(int)
    assert shares == {a: (chosen == ACTIONS.index(a)).mean() for a in shares}
    assert list(shares.values()) == sorted(shares.values(), reverse=True) and len(shares) > 1
    assert sum(shares.values()) == pytest.approx(1)
    for told_or_video in (
        made.lift(points, LENS, PLAIN, guidance=told("squat")),
        made.lift(points, LENS, VIDEO),
        leaning.lifter(takes=False).lift(points, LENS, PLAIN),
        leaning.lifter(names=False).lift(points, LENS, PLAIN),
    ):
        assert "action_frames" not in told_or_video.provenance


def test_no_guidance_and_that_of_no_kind_are_the_same() -> None:
    for made in (leaning.lifter(), vpose()):
        free, none = (made.lift(track(20), LENS, guidance=g) for g in (None, Guidance()))
        assert np.array_equal(free.joints, none.joints)
        assert none.provenance == free.provenance


def test_it_holds_for_tracks_of_another_rate_and_in_many_passes() -> None:
    many = LiftOptions(flip=False, chunk=GROUP)
    motion = leaning.lifter().lift(track(40, fps=25.0), LENS, many, guidance=told("squat"))
    assert (len(motion), motion.fps) == (40, 25.0)
    assert lean(motion) == pytest.approx(1, abs=1e-5)


def test_the_picture_says_it() -> None:
    motion = leaning.lifter().lift(track(20), LENS, guidance=told("squat"))
    assert "poses made for the action given by the user: squat" in footnotes(motion, None)
    assert "poses made" not in footnotes(leaning.lifter().lift(track(20), LENS), None)


# One action for the whole video.


def test_over_the_video_the_mean_of_the_logits_names_one_action() -> None:
    made, points = leaning.lifter(), track(120, seed=3)
    free, whole = made.lift(points, LENS, PLAIN), made.lift(points, LENS, VIDEO)
    _, logits = made.engine.run(*_features(made, points), PLAIN)
    assert logits is not None
    named = int(logits.mean(axis=0).argmax())
    assert len(set(lean(free).round(3))) > 1  # the windows do not agree
    assert lean(whole) == pytest.approx(named, abs=1e-5)
    same = made.lift(points, LENS, PLAIN, guidance=told(ACTIONS[named]))
    assert np.array_equal(whole.joints, same.joints)
    assert whole.action is not None and free.action is not None
    assert np.array_equal(whole.action.probabilities, free.action.probabilities)
    assert whole.provenance["action"] == f"{ESTIMATED}, one for the whole video: {ACTIONS[named]}"


def _features(made: Lifter, points: Keypoints) -> tuple[Any, Any]:
    """Features and confidence that the lifter gives to its engine."""
    given: list[Any] = []
    inner = made.engine.run
    spy: Any = lambda *all_of_it: given.append(all_of_it[:2]) or inner(*all_of_it)  # noqa: E731
    made.engine.run = spy
    made.lift(points, LENS, PLAIN)
    made.engine.run = inner
    return given[0][0], given[0][1]


def test_the_progress_of_two_passes_is_that_of_one() -> None:
    seen: list[tuple[int, int]] = []
    options = LiftOptions(flip=False, chunk=8, action_over="video")
    leaning.lifter().lift(track(20), LENS, options, lambda *at: seen.append(at))
    assert seen == [(n, 40) for n in (8, 16, 20, 28, 36, 40)]


# Frames that share a label.


@pytest.mark.parametrize(("chunk", "kept"), [(10, [8, 8, 5]), (3, [4, 4, 4, 4, 4, 1]), (8, None)])
def test_a_track_is_cut_where_labels_end(chunk: int, kept: list[int] | None) -> None:
    made = leaning.lifter()
    assert [w.kept for w in made.engine.windows(21, chunk)] == (kept or [8, 8, 5])
    points = track(53, seed=3)
    cut = made.lift(points, LENS, LiftOptions(flip=False, chunk=chunk))
    assert np.array_equal(cut.joints, made.lift(points, LENS, PLAIN).joints)


# ActionPrompt.


@pytest.mark.parametrize("name", ["vpose+apm", "mixste+apm"])
def test_action_prompt_is_told_and_cut_like_this(name: str) -> None:
    encoders: dict[str, Any] = {
        "vpose+apm": VPoseConfig(widths=(3, 3), channels=8, dropout=0.0),
        "mixste+apm": MixSTEConfig(frames=9, channels=8, depth=2, heads=2),
    }
    sizes: dict[str, Any] = {"text_width": 16, "width": 16, "prompts": 5, "heads": 2}
    settings = {"encoder": encoders[name], "text": "learned", **sizes}
    config = METHODS[name].config(**settings)
    of = Bundle(name, config, FeatureConfig("screen"), ActionVocabulary(ACTIONS))
    made, points = Lifter(of, randomised(of.build()).eval()), track(100, seed=3)
    poses = {a: made.lift(points, LENS, guidance=told(a)).joints for a in ACTIONS}
    assert all(np.abs(poses["walk"] - poses[a]).max() > 1e-4 for a in ACTIONS[1:])
    whole = made.lift(points, LENS, LiftOptions(action_over="video"))
    assert np.array_equal(whole.joints, poses[whole.provenance["action_told"]])
    free = made.lift(points, LENS)
    for chunk in (1, 7):
        cut = made.lift(points, LENS, LiftOptions(chunk=chunk))
        assert cut.joints == pytest.approx(free.joints, abs=1e-5)


# Refused.


@pytest.mark.parametrize(
    ("made", "guidance", "options", "said"),
    [
        (vpose, told("squat"), PLAIN, r"use an action label \('squat'\).*: leave the action out$"),
        (vpose, None, VIDEO, "action_over is 'video', but the poses of vpose do not depend on"),
        (leaning.lifter, told("squats"), PLAIN,
         "unknown action 'squats'; known: squat, walk, wave; did you mean 'squat'"),
        (leaning.lifter, told("squat"), VIDEO,
         "action_over is 'video' and the action 'squat' is given; leave one of them out"),
        (lambda: leaning.lifter(names=False), None, VIDEO,
         r"straight\+leaning names no action, so there is none of the whole video; leave"),
    ],
)  # fmt: skip
def test_an_action_that_cannot_be_told_is_refused(made, guidance, options, said) -> None:
    with pytest.raises(InputError, match=said):
        made().lift(track(20), LENS, options, guidance=guidance)


def test_the_ways_to_find_an_action_are_two() -> None:
    with pytest.raises(InputError, match="unknown action_over 'clip'; known: video, window"):
        LiftOptions(action_over="clip")  # pyright: ignore[reportArgumentType]


# The command.


@pytest.fixture
def langlift(capsys, tmp_path: Path, monkeypatch) -> Command:
    """The command in a folder with a clip, a bundle that takes actions and one that does not."""
    monkeypatch.chdir(tmp_path)
    leaning.registered(monkeypatch)
    made = leaning.lifter()
    save_bundle(tmp_path / "leaning.safetensors", made.bundle, made.network.state_dict())
    tiny_bundle(tmp_path / "bare.safetensors")
    keypoint_file(tmp_path / "clip.npz")
    return Command(capsys)


LIFT = ("lift", "clip.npz", "--formats", "json", "-o", "out", "-m")


def test_the_command_tells_an_action(langlift: Command, tmp_path: Path) -> None:
    said = langlift(*LIFT, "leaning.safetensors", "--action", "wave")
    assert (said.status, said.err) == (0, "")
    assert "poses made for the action given by the user: wave\n" in said.out
    stored = json.loads((tmp_path / "out" / "motion.json").read_text())
    assert np.array(stored["joints"])[:, 5, 2] == pytest.approx(2 * STEP, abs=1e-4)
    assert stored["provenance"]["action"] == "given by the user: wave"
    shown = json.loads(langlift(*LIFT, "leaning.safetensors", "--action", "wave", "--json").out)
    assert shown["provenance"]["action_told"] == "wave"
    assert shown["action"] == "squat"  # the model's own


def test_the_command_takes_one_action_from_the_whole_video(langlift: Command) -> None:
    said = langlift(*LIFT, "leaning.safetensors", "--action-over", "video")
    assert (said.status, said.err) == (0, "")
    assert f"poses made for the action {ESTIMATED}, one for the whole video: " in said.out
    assert "poses made" not in langlift(*LIFT, "leaning.safetensors").out


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("leaning.safetensors --action run", "unknown action 'run'; known: squat, walk, wave"),
        ("leaning.safetensors --action squat --action-over video", "leave one of them out"),
        ("bare.safetensors --action squat", "cannot use an action label ('squat')"),
        ("bare.safetensors --action-over video", "do not depend on the action"),
        ("leaning.safetensors --action-over clip", "--action-over is 'clip'; choose from"),
    ],
)
def test_the_command_refuses_before_anything_is_lifted(
    langlift: Command, tmp_path: Path, line: str, words: str
) -> None:
    said = langlift(*LIFT, *line.split())
    assert said.status == 2 and said.err.count("\n") == 1
    assert words in said.err
    assert not (tmp_path / "out").exists()
