"""Folders of motion files: labels, subjects, units and axes, and what stops the reading."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from motion_fixtures import (
    amc_text,
    asf_text,
    babel,
    bvh_text,
    h36m_pose,
    label,
    smpl_pose,
    write_bvh,
    write_json,
)

from langlift.datasets.motion_files.amass import SMPL_BODY
from langlift.datasets.motion_files.motion_folders import MotionFolder, read_motion_folder
from langlift.datasets.motion_files.motion_labels import FolderOptions, label_of, motion_files
from langlift.errors import InputError
from langlift.skeletons import HUMAN36M_17


def read(folder: Path, **options: object) -> MotionFolder:
    return read_motion_folder(folder, FolderOptions(**{"subject": "ann", **options}))  # type: ignore[arg-type]


def write_amass(path: Path, frames: int = 240, fps: float = 60.0) -> Path:
    """Four seconds in which the person goes along x by 1 m per second."""
    path.parent.mkdir(parents=True, exist_ok=True)
    at = np.repeat(smpl_pose(SMPL_BODY)[None], frames, axis=0)
    at[..., 0] += np.arange(frames)[:, None] / fps
    np.savez(path, joints=at, mocap_frame_rate=fps)
    return path


def test_the_folder_is_the_action(tmp_path: Path) -> None:
    """Three files in two folders, 25 frames per second, of which the clips have 50."""
    for name in ("Side Lunge/b", "Side Lunge/a", "more/jumping_jack/c"):
        write_bvh(tmp_path / f"{name}.bvh", frames=6, seconds=0.04)
    result = read(tmp_path, licence="mine alone", source="our lab")
    assert [c.clip_id for c in result.clips] == [
        "Side Lunge_a",
        "Side Lunge_b",
        "more_jumping_jack_c",
    ]
    assert [c.action for c in result.clips] == ["side_lunge", "side_lunge", "jumping_jack"]
    first = result.clips[0]
    assert (first.subject, first.source, first.text) == ("ann", "our lab", "side lunge")
    assert (first.fps, len(first), first.licence) == (50.0, 11, "mine alone")
    assert first.joints.dtype == np.float32
    np.testing.assert_allclose(first.joints[0], h36m_pose(), atol=1e-5)
    assert result.found == [".bvh: joints humanik, unit cm, up y (found by the posture)"]
    assert result.left_out == result.broken == []


def test_the_pelvis_begins_at_the_origin(tmp_path: Path) -> None:
    """With y up, forward is +z, which is -y with z up: nothing is mirrored."""
    path = tmp_path / "walk" / "a.bvh"
    path.parent.mkdir()
    path.write_text(
        bvh_text([{"Hips": (300.0 + f, 95.0, 2.0 * f - 200, 0, 0, 0)} for f in range(5)])
    )
    (clip,) = read(tmp_path).clips
    np.testing.assert_allclose(clip.joints[0, 0, :2], 0, atol=1e-6)
    np.testing.assert_allclose(clip.joints[4, 0], (0.04, -0.08, 0.92), atol=1e-6)


def test_a_table_says_what_files_show(tmp_path: Path) -> None:
    for name in ("x/1", "x/2", "x/3"):
        write_bvh(tmp_path / f"{name}.bvh")
    table = tmp_path / "labels.csv"
    table.write_text(
        'file,action,subject,text\nx/2.bvh,WaveBoth,bob,"waves, twice"\nx\\1.bvh,sit down,,\n'
    )
    result = read(tmp_path, action="csv", table=table)
    said = [(c.clip_id, c.action, c.subject, c.text) for c in result.clips]
    assert said == [
        ("x_1", "sit_down", "ann", "sit down"), ("x_2", "wave_both", "bob", "waves, twice"),
    ]  # fmt: skip
    assert result.left_out == [f"{tmp_path / 'x/3.bvh'}: the table does not list it"]


def test_the_name_says_what_a_file_shows_and_who_moves(tmp_path: Path) -> None:
    for name in ("s01/walk_2", "s02/run_fast_1"):
        write_bvh(tmp_path / f"{name}.bvh")
    pattern = r"(?P<subject>s\d+)/(?P<action>.+)_\d+"
    result = read(tmp_path, action="name", pattern=pattern, subject=None)
    assert [(c.subject, c.action) for c in result.clips] == [("s01", "walk"), ("s02", "run_fast")]
    by_folder = read(tmp_path, pattern=r"(?P<subject>s\d+)/.*", subject=None)
    assert [(c.subject, c.action) for c in by_folder.clips] == [("s01", "s01"), ("s02", "s02")]


def test_amc_files_are_of_the_subject_of_their_skeleton(tmp_path: Path) -> None:
    folder = tmp_path / "walk"
    folder.mkdir()
    (folder / "07.asf").write_text(asf_text())
    (folder / "07_01.amc").write_text(amc_text([{}] * 13))
    result = read(tmp_path, subject=None, fps=120.0)
    (clip,) = result.clips
    assert (clip.subject, clip.action, len(clip)) == ("07", "walk", 6)
    assert result.found == [".amc: joints cmu, unit cmu, up y (stated)"]
    with pytest.raises(
        InputError, match=r"07_01\.amc: an AMC file holds no frame rate; give --fps"
    ):
        read(tmp_path)


def test_babel_cuts_a_recording_into_its_spans(tmp_path: Path) -> None:
    write_amass(tmp_path / "KIT" / "3" / "kick_stageii.npz")
    write_amass(tmp_path / "KIT" / "3" / "other_stageii.npz")
    spans = [label("stands", ["stand"], 0, 1), label("Kicks!", ["kick", "x"], 1, 2.5)]
    spans += [label("blink", ["blink"], 2.5, 2.51), label("?", None, 3, 4)]
    file = write_json(tmp_path / "train.json", {"1": babel("KIT/KIT/3/kick_poses.npz", [], spans)})
    result = read(tmp_path, action="babel", babel=(file,), subject=None)
    said = [(c.clip_id, c.subject, c.action, c.text, len(c)) for c in result.clips]
    assert said == [
        ("KIT_3_kick_stageii_000", "KIT_3", "stand", "stands", 50),
        ("KIT_3_kick_stageii_001", "KIT_3", "kick", "Kicks!", 75),
    ]
    # Each clip begins at the origin; in 1.48 s the person goes 1.48 m.
    np.testing.assert_allclose(result.clips[1].joints[-1, 0, :2], (1.48, 0), atol=1e-5)
    assert [line.partition(": ")[2] for line in result.left_out] == [
        "BABEL does not label it",
        "the part 'blink' is shorter than two frames",
        "the part '?' has no action category",
    ]


def test_seconds_of_labels_count_from_the_first_frame_of_the_file(tmp_path: Path) -> None:
    """Half a second without a wrist is cut from the front; the label keeps its times."""
    path = write_amass(tmp_path / "KIT" / "3" / "kick.npz")
    with np.load(path) as stored:
        at = stored["joints"].copy()
    at[:30, SMPL_BODY.index("left_wrist")] = np.nan
    np.savez(path, joints=at, fps=60.0)
    content = {"1": babel("KIT/KIT/3/kick.npz", [], [label("k", ["kick"], 0.2, 1)])}
    result = read(tmp_path, action="babel", babel=(write_json(tmp_path / "t.json", content),))
    (clip,) = result.clips
    assert len(clip) == 25  # of 0.2 to 1 s the file shows 0.5 to 1 s
    assert "30 frames at the start and 0 at the end were cut" in result.found[-1]


def test_a_label_behind_the_end_is_refused(tmp_path: Path) -> None:
    write_amass(tmp_path / "KIT" / "3" / "kick.npz")
    content = {"1": babel("KIT/KIT/3/kick.npz", [], [label("k", ["kick"], 4.5, 5)])}
    with pytest.raises(InputError, match=r"'k' begins at 4.5 s, but the recording has 4.00 s"):
        read(tmp_path, action="babel", babel=(write_json(tmp_path / "t.json", content),))


def test_a_broken_file_stops_the_reading_or_is_reported(tmp_path: Path) -> None:
    write_bvh(tmp_path / "walk" / "a.bvh")
    (tmp_path / "walk" / "b.bvh").write_text("HIERARCHY\n")
    with pytest.raises(InputError, match=r"walk/b\.bvh: the file has no MOTION part"):
        read(tmp_path)
    result = read(tmp_path, skip_broken=True)
    assert [c.clip_id for c in result.clips] == ["walk_a"]
    (said,) = result.broken
    assert said.startswith(f"{tmp_path / 'walk/b.bvh'}: the file has no MOTION part")
    (tmp_path / "walk" / "a.bvh").unlink()
    with pytest.raises(InputError, match=r"gives no clip \(.*b\.bvh: the file has no MOTION part"):
        read(tmp_path, skip_broken=True)


def test_files_that_disagree_about_the_up_axis_are_refused(tmp_path: Path) -> None:
    """One lying person must not turn a whole recording over."""
    write_bvh(tmp_path / "walk" / "a.bvh")
    write_bvh(tmp_path / "walk" / "b.bvh", z_up=True)
    with pytest.raises(InputError, match=r"b\.bvh: by the posture z is up here but y in .*a\.bvh"):
        read(tmp_path)
    with pytest.raises(InputError, match="by the posture"):
        read(tmp_path, unit="cm")
    assert len(read(tmp_path, up="y").clips) == 2


def test_units_may_differ_from_file_to_file(tmp_path: Path) -> None:
    write_bvh(tmp_path / "walk" / "a.bvh")
    write_bvh(tmp_path / "walk" / "b.bvh", scale=0.01)
    result = read(tmp_path)
    np.testing.assert_allclose(result.clips[0].joints, result.clips[1].joints, atol=1e-5)
    assert [line.split(",")[1] for line in result.found] == [" unit cm", " unit m"]
    with pytest.raises(InputError, match=r"b\.bvh: the person would be 0.0181 m tall"):
        read(tmp_path, unit="cm")


def test_a_map_of_joints_is_used_for_all_files(tmp_path: Path) -> None:
    text = bvh_text([{}, {}])
    for side in ("Left", "Right"):
        text = text.replace(f"JOINT {side}Arm", f"JOINT {side}Humerus")
    path = tmp_path / "walk" / "a.bvh"
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(InputError, match=r"a\.bvh: the joints Hips, .* of no known convention"):
        read(tmp_path)
    limbs = {"hip": "UpLeg", "knee": "Leg", "ankle": "Foot"}
    limbs |= {"shoulder": "Humerus", "elbow": "ForeArm", "wrist": "Hand"}
    names = {
        f"{s.lower()}_{j}": f"{s}{part}" for s in ("Left", "Right") for j, part in limbs.items()
    }
    names |= {"thorax": "Neck", "spine": "Spine1", "head_top": "Head_end"}
    (clip,) = read(tmp_path, joints=write_json(tmp_path / "map.json", names)).clips
    assert clip.joints.shape == (2, len(HUMAN36M_17), 3)
    np.testing.assert_allclose(clip.joints[0], h36m_pose(), atol=1e-5)


def test_hidden_files_and_others_are_passed_over(tmp_path: Path) -> None:
    for name in ("walk/a.bvh", "walk/._a.bvh", ".trash/b.bvh", "walk/notes.txt", "walk/C.BVH"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    assert [p.name for p in motion_files(tmp_path)] == ["C.BVH", "a.bvh"]


def test_progress_is_told(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_bvh(tmp_path / "walk" / f"{name}.bvh")
    told: list[tuple[int, int]] = []
    options = FolderOptions(subject="ann")
    read_motion_folder(tmp_path, options, lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"action": "file"}, "unknown action source 'file'; known: babel, csv, folder, name"),
        ({"unit": "furlong"}, "unknown unit 'furlong'; known: auto, cm, cmu, inch, m, mm"),
        ({"up": "x"}, "unknown up axis 'x'; known: auto, y, z"),
        ({"floor": "feet"}, "unknown floor 'feet'; known: ankles, keep"),
        ({"action": "csv"}, "the action is from csv, which needs the table"),
        ({"action": "name"}, "the action is from name, which needs a pattern"),
        ({"action": "babel"}, "the action is from babel, which needs BABEL's files"),
        ({"table": "a.csv"}, "is for --action csv, not folder; choose one"),
        ({"babel": ("a.json",)}, "is for --action babel, not folder; choose one"),
        ({"action": "name", "pattern": "(?P<subject>.*)"}, "has no group for what it shall find"),
        ({"pattern": "(.*)"}, "has no group for what it shall find"),
        ({"pattern": "(?P<action"}, "is no regular expression"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict, said: str) -> None:
    with pytest.raises(InputError) as refused:
        FolderOptions(**options)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("files", "options", "said"),
    [
        ([], {}, "holds no .bvh, .amc, .c3d, .npz file; check the folder"),
        (["a.bvh"], {}, "a.bvh lies in no folder of an action; move it into one"),
        (["walk/a.bvh"], {"subject": None}, "nothing says who moves, and splits go by that"),
        (["---/a.bvh"], {}, "'---' is no action; give a word with letters"),
        (["w/a.bvh", "w/a.c3d"], {}, "have one name; rename one of them"),
        (["w/a_b.bvh", "w_a/b.bvh"], {}, "have one name; rename one of them"),
        (["w/a.bvh"], {"action": "name", "pattern": r"(?P<action>\d+)"}, "'w/a' does not fit"),
        (["w/a.bvh"], {"action": "name", "pattern": r"w/a|(?P<action>b)"}, "finds no action in"),
    ],
)  # fmt: skip
def test_files_without_a_label_are_named(
    tmp_path: Path, files: list[str], options: dict, said: str
) -> None:
    for name in files:
        write_bvh(tmp_path / name)
    with pytest.raises(InputError) as refused:
        read(tmp_path, **options)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "file,label\nw/a.bvh,x\n",
            "line 2 has no file or no action; the columns are file, action",
        ),
        ("file,action\nw/a.bvh,\n", "line 2 has no file or no action"),
        ("file,action\nw/a.bvh,x\nw/a.bvh,y\n", "line 3 lists w/a.bvh again; list each file once"),
        ("file,action\nw/b.bvh,x\n", "line 2 lists w/b.bvh, which is not in"),
        ("file,action\n", "holds no file that has a label"),
        (b"file,action\n\xff\xfe\xff,x\n", "this is no CSV table in UTF-8"),
    ],
)
def test_a_wrong_table_is_named(tmp_path: Path, text: str | bytes, said: str) -> None:
    write_bvh(tmp_path / "w" / "a.bvh")
    table = tmp_path / "labels.csv"
    table.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError) as refused:
        read(tmp_path, action="csv", table=table)
    assert said in str(refused.value)


def test_a_missing_folder_or_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="absent is no folder; give the folder that holds"):
        read(tmp_path / "absent")
    write_bvh(tmp_path / "w" / "a.bvh")
    with pytest.raises(InputError, match=r"no\.csv: cannot be read \(No such file"):
        read(tmp_path, action="csv", table=tmp_path / "no.csv")


@pytest.mark.parametrize(
    ("text", "label"),
    [("SittingDown", "sitting_down"), ("Side Lunge (left)", "side_lunge_left"), ("walk", "walk")],
)
def test_words_become_labels(text: str, label: str) -> None:
    assert label_of(text) == label
