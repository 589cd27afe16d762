"""Motion files: exact round trips, third-party readers, whole or nothing, bad ones refused."""

import csv
import errno
import json
import os
import stat
from pathlib import Path

import numpy as np
import pytest
from format_files import PICKLED, grid, one_sentence_about

from langlift import formats
from langlift.errors import InputError
from langlift.skeletons import HUMAN36M_17
from langlift.tracks import ActionEstimate, Motion


def some_motion(**changes) -> Motion:
    rng = np.random.default_rng(3)
    fields = {
        "joints": rng.normal(size=(6, 17, 3)).astype(np.float32),
        "skeleton": HUMAN36M_17,
        "fps": 29.97,
        "space": "camera",
        "root": rng.normal(size=(6, 3)),
        "action": ActionEstimate(
            ("squat", "side lunge, left"),
            np.array([[0.75, 0.25], [0.1, 0.9]]),
            np.array([[0, 4], [2, 5]]),
        ),
        "hypotheses": rng.normal(size=(2, 6, 17, 3)).astype(np.float32),
        "spread": rng.random((6, 17)).astype(np.float32),
        "provenance": {"model": "vpose", "options": {"flip": True}, "versions": ["1.0"]},
    }
    return Motion(**fields | changes)


def assert_same(one, other) -> None:
    if one is None or other is None:
        assert one is other
        return
    assert one.dtype == other.dtype
    np.testing.assert_array_equal(one, other)


# --- motion -----------------------------------------------------------------------------------


@pytest.mark.parametrize("bare", [False, True])
def test_motion_comes_back_exactly(tmp_path, bare):
    motion = some_motion()
    if bare:
        motion = motion.replaced(root=None, action=None, hypotheses=None, spread=None)
    path = formats.write(motion, tmp_path / "motion.npz")
    back = formats.read_motion(path)
    for name in ("joints", "root", "hypotheses", "spread"):
        assert_same(getattr(back, name), getattr(motion, name))
    assert (back.skeleton, back.fps, back.space) == (motion.skeleton, 29.97, "camera")
    assert back.provenance == motion.provenance
    assert (back.action is None) == bare
    if back.action and motion.action:
        assert back.action.labels == motion.action.labels
        assert_same(back.action.probabilities, motion.action.probabilities)
        assert_same(back.action.windows, motion.action.windows)
    with np.load(path, allow_pickle=False) as arrays:
        assert arrays["joints"].shape == (6, 17, 3)
        assert ("root" in arrays) != bare
        assert arrays["joint_names"].tolist() == list(HUMAN36M_17.joints)


def test_json_says_axes_and_units_and_holds_the_same(tmp_path):
    motion = some_motion()
    joints = motion.joints.copy()
    joints[2, 3] = np.nan
    text = formats.write(motion.replaced(joints=joints), tmp_path / "m.json").read_text()

    def refuse(word):
        raise AssertionError(f"{word} is not JSON")

    got = json.loads(text, parse_constant=refuse)
    assert got["units"] == "metres and seconds"
    assert got["axes"] == "metres from the camera: x right, y down, z forward"
    assert got["joint_names"] == list(HUMAN36M_17.joints)
    assert got["joints"][2][3] == [None, None, None]
    np.testing.assert_allclose(got["joints"][1], motion.joints[1], atol=6e-7)
    np.testing.assert_allclose(got["hypotheses"], motion.hypotheses, atol=6e-7)
    np.testing.assert_allclose(got["root"], motion.root, atol=6e-7)
    assert got["action"]["windows"] == [[0, 4], [2, 5]]
    assert got["action"]["label"] == motion.action.label
    assert got["provenance"] == motion.provenance


def test_csv_for_the_csv_module(tmp_path):
    motion = some_motion()
    with formats.write(motion, tmp_path / "m.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 6
    assert float(rows[3]["time_s"]) == pytest.approx(3 / 29.97, abs=1e-6)
    assert float(rows[3]["left_wrist_y"]) == pytest.approx(
        motion.joints[3, HUMAN36M_17.index("left_wrist"), 1], abs=1e-6
    )
    assert float(rows[3]["trajectory_z"]) == pytest.approx(motion.root[3, 2], abs=1e-6)
    # Frames 0-1 have the first window only, 2-3 both, 4 the second, 5 none.
    lunge = "side lunge, left"
    assert [r["action"] for r in rows] == ["squat", "squat", lunge, lunge, lunge, ""]
    assert [r["action_probability"] for r in rows[1:3]] == ["0.750000", "0.575000"]


def test_csv_for_numpy(tmp_path):
    motion = some_motion(action=None, root=None)
    path = formats.write(motion, tmp_path / "m.csv")
    table = np.genfromtxt(path, delimiter=",", names=True)
    assert len(table.dtype.names) == 2 + 17 * 3
    np.testing.assert_allclose(table["head_top_z"], motion.joints[:, 10, 2], atol=1e-6)
    np.testing.assert_array_equal(table["frame"], np.arange(6))


def test_the_named_format_wins_over_the_suffix(tmp_path):
    path = formats.write(some_motion(), tmp_path / "result.dat", format="json")
    assert json.loads(path.read_text())["frames"] == 6


# --- whole or nothing -------------------------------------------------------------------------


@pytest.mark.parametrize("failure", [KeyboardInterrupt, ValueError, SystemExit])
def test_an_interrupted_write_leaves_no_file(tmp_path, failure):
    target = tmp_path / "out.bin"
    with pytest.raises(failure), formats.atomic_write(target) as temporary:
        temporary.write_bytes(b"half")
        raise failure
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["m.npz", "m.json", "m.csv"])
def test_an_interrupted_writer_keeps_the_old_file(tmp_path, monkeypatch, name):
    path = formats.write(some_motion(), tmp_path / name)
    before = path.read_bytes()

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        formats.write(some_motion(fps=5.0), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_finished_write_replaces_and_keeps_links(tmp_path):
    real = tmp_path / "real.txt"
    real.write_text("old")
    link = tmp_path / "link.txt"
    link.symlink_to(real)
    with formats.atomic_write(link) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".txt"
        temporary.write_text("new")
        assert real.read_text() == "old"
    assert link.is_symlink()
    assert real.read_text() == "new"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link.txt", "real.txt"]


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_a_new_file_has_the_users_usual_permissions(tmp_path):
    plain = tmp_path / "plain"
    plain.touch()
    with formats.atomic_write(tmp_path / "atomic"):
        pass
    mode = stat.S_IMODE((tmp_path / "atomic").stat().st_mode)
    assert mode == stat.S_IMODE(plain.stat().st_mode)


# --- bad motion and bad places ---


def motion_file(folder: Path, **changes) -> Path:
    action = {"action_labels": ["a"], "action_probabilities": [[1.0]], "action_windows": [[0, 4]]}
    arrays = {"joints": grid(4, 17), "skeleton": "human36m_17", "fps": 30.0, "space": "root"}
    arrays = arrays | action | changes
    path = folder / "motion.npz"
    np.savez(path, **{k: np.asarray(v) for k, v in arrays.items() if v is not None})
    return path


@pytest.mark.parametrize(
    ("changes", "fragment"),
    [
        ({"joints": None}, "the array 'joints' is missing; the file holds skeleton"),
        ({"joints": grid(4, 16)}, "joints has shape (4, 16, 3)"),
        ({"joints": grid(0, 17)}, "at least one frame"),
        ({"joints": PICKLED}, "pickled Python objects"),
        ({"space": "moon"}, "space is 'moon'; it must be one of root, camera, world"),
        ({"space": None}, "'space' is missing"),
        ({"skeleton": "human36m"}, "did you mean 'human36m_17'?"),
        ({"fps": None}, "fps is None"),
        ({"fps": -1}, "fps is -1"),
        ({"root": np.zeros((3, 3))}, "root has shape (3, 3)"),
        ({"root": np.full((4, 3), "x")}, "'root' is of type <U1; it must be numbers"),
        ({"spread": np.zeros((4, 3))}, "spread has shape (4, 3)"),
        ({"hypotheses": np.zeros((4, 17, 3))}, "hypotheses has shape (4, 17, 3)"),
        ({"action_probabilities": [[0.5, 0.5]]}, "action probabilities has shape (1, 2)"),
        ({"action_windows": [[0.0, 4.0]]}, "'action_windows' is of type float64; it must be int"),
        ({"action_probabilities": None}, "'action_probabilities' is missing"),
        ({"provenance": "no"}, "the provenance is not valid JSON"),
    ],
)
def test_a_bad_motion_is_refused_in_one_sentence(tmp_path, changes, fragment):
    path = motion_file(tmp_path, **changes)
    with pytest.raises(InputError) as caught:
        formats.read_motion(path)
    assert fragment in str(caught.value)
    assert one_sentence_about(str(caught.value), path)


def test_a_cut_off_motion_is_refused(tmp_path):
    path = motion_file(tmp_path)
    content = path.read_bytes()
    for length in np.linspace(0, len(content) - 1, 30).astype(int):
        path.write_bytes(content[:length])
        with pytest.raises(InputError) as caught:
            formats.read_motion(path)
        assert one_sentence_about(str(caught.value), path)


@pytest.mark.parametrize(
    ("name", "format", "fragment"),
    [
        ("m.jsn", None, "unknown output format 'jsn'; known: csv, json, npz; did you mean 'json'?"),
        ("m", None, "the name has no suffix to choose the format by; end it with one of .npz"),
        ("m.npz", "yaml", "unknown output format 'yaml'"),
        ("no/m.npz", None, "does not exist; make it or give another path"),
        ("folder.npz", None, "this is a folder; give the path of a file"),
        ("pipe.csv", None, "this is no ordinary file"),
    ],
)
def test_writing_to_a_bad_place_leaves_nothing(tmp_path, name, format, fragment):
    (tmp_path / "folder.npz").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    before = sorted(tmp_path.rglob("*"))
    motion = Motion(grid(2, 17), HUMAN36M_17, 30)
    with pytest.raises(InputError) as caught:
        formats.write(motion, tmp_path / name, format)
    assert fragment in str(caught.value)
    assert one_sentence_about(str(caught.value), tmp_path / name)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("call", "code", "fragment"),
    [
        ("open", errno.EACCES, "cannot be written (Permission denied)"),
        ("open", errno.EROFS, "cannot be written (Read-only file system)"),
        ("open", errno.ENOSPC, "the disk is full"),
        ("fsync", errno.ENOSPC, "the disk is full"),
    ],
)
def test_what_the_system_refuses_is_said_and_leaves_nothing(
    tmp_path, monkeypatch, call, code, fragment
):
    def refuse(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, call, refuse)
    path = tmp_path / "m.json"
    with pytest.raises(InputError) as caught:
        formats.write(Motion(grid(2, 17), HUMAN36M_17, 30), path)
    assert fragment in str(caught.value)
    assert one_sentence_about(str(caught.value), path)
    assert list(tmp_path.iterdir()) == []


def test_provenance_that_cannot_be_stored_is_refused(tmp_path):
    motion = Motion(grid(2, 17), HUMAN36M_17, 30, provenance={"model": object()})
    with pytest.raises(InputError, match="the provenance holds a object, which cannot be stored"):
        formats.write(motion, tmp_path / "m.npz")
    assert list(tmp_path.iterdir()) == []
