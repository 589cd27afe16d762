"""What docs/data.md says of recordings is what the readers and the checks do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from doc_pages import blocks, first_column, page_text, table
from pair_files import CAMERAS, FRAMES, ego_arrays, pair_arrays

from langlift.datasets.checking import recording_checks
from langlift.datasets.recorded.custom import CustomPairs
from langlift.datasets.recorded.egohumans import _NOTES, SEQUENCES, TO_HUMAN36M, EgoHumans
from langlift.datasets.recorded.person_tracks import LONGEST_GAP
from langlift.datasets.registry import DATASETS
from langlift.errors import InputError

PAGE = "docs/data.md"
SAID = " ".join(page_text(PAGE).split())


def test_the_datasets_are_those_of_the_registry() -> None:
    rows = {row[0].strip("`"): row[1] for row in table("datasets")}
    assert rows == {name: entry.description for name, entry in DATASETS.items()}


def full_pair() -> dict[str, object]:
    """Every array of the layout."""
    camera = CAMERAS[0]
    more = {
        "confidence": np.ones((FRAMES, 17)),
        "part": "test",
        "scored": np.ones(FRAMES),
        "orientation": camera.orientation,
        "position": camera.position,
    }
    return pair_arrays(**more)


def test_the_table_of_your_own_pairs_names_what_is_needed(tmp_path: Path) -> None:
    arrays = full_pair()
    path = tmp_path / "a.npz"
    rows = {row[0].strip("`"): row[3] for row in table("custom npz")}
    assert sorted(rows) == sorted(arrays)
    assert set(rows.values()) == {"yes", "no"}
    # The focal length and the principal point go together.
    pairs = {"focal": "center", "center": "focal"}
    for left_out, may in rows.items():
        kept = {k: v for k, v in arrays.items() if k != left_out}
        if left_out in pairs:
            kept = {k: v for k, v in kept.items() if k not in (*pairs, "radial", "tangential")}
        np.savez(path, **kept)  # type: ignore[arg-type]
        if may == "no":
            with pytest.raises(InputError, match=left_out):
                CustomPairs(path)
        else:
            source = "given" if left_out == "source" else "gt"
            assert len(list(CustomPairs(path).recordings(source))) == 1


def test_the_block_of_the_page_makes_a_pair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (block,) = (b for b in blocks("python") if 'savez(\n    "ann_wave_left.npz"' in b.text)
    exec(compile(block.text, block.page, "exec"), {"__name__": "block"})
    (recording,) = CustomPairs("ann_wave_left.npz").recordings("given")
    assert (recording.subject, recording.action, len(recording)) == ("ann", "wave", 50)


def test_the_table_of_egohumans_names_what_is_needed(tmp_path: Path) -> None:
    arrays = ego_arrays({"ann": [0, 1]}, source="hrnet", radial=(0, 0, 0), tangential=(0, 0))
    path = tmp_path / "a.npz"
    rows = {row[0].strip("`"): row[3] for row in table("egohumans npz")}
    assert sorted(rows) == sorted([*arrays, "keypoints"])
    pairs = {"focal": "center", "center": "focal"}
    for left_out in arrays:
        kept = {k: v for k, v in arrays.items() if k not in (left_out, pairs.get(left_out))}
        if left_out in pairs:
            kept = {k: v for k, v in kept.items() if k not in ("radial", "tangential")}
        np.savez(path, **kept)
        if rows[left_out] == "no":
            with pytest.raises(InputError, match=left_out):
                EgoHumans(path)
        else:
            source = "given" if left_out == "source" else "hrnet"
            assert len(list(EgoHumans(path).recordings(source))) == 1


def test_sequences_and_gaps_are_those_of_the_code() -> None:
    (said,) = (row[2] for row in table("egohumans npz") if row[0] == "`sequence`")
    assert tuple(re.findall(r"`(\d\d_\w+)`", said)) == SEQUENCES
    assert f"missing for up to {LONGEST_GAP} frames stays one track" in SAID


def test_joints_of_egohumans_are_made_as_the_page_says() -> None:
    made = {row[0].strip("`"): row[1] for row in table("egohumans joints")}
    for note in _NOTES:
        joint, _, how = note.partition(" is ")
        assert made.pop(joint) == how
    assert made == {"pelvis": "the middle of the hips"}
    same = [
        joint
        for joint, row in zip(TO_HUMAN36M.target.joints, TO_HUMAN36M.weights, strict=True)
        if joint in TO_HUMAN36M.source.joints and row.max() == 1
    ]
    assert len(same) + len(_NOTES) + 1 == 17


def test_the_table_of_checks_names_every_check() -> None:
    assert sorted(first_column("data checks")) == sorted(get_args(recording_checks.Check))


def test_limits_are_those_of_the_checks() -> None:
    low, high = recording_checks._LEG
    assert f"shorter than {low} m or longer than {high} m" in SAID
    assert f"changes by over {100 * recording_checks._BONE_WARNING:.0f} %" in SAID
    assert f"within {recording_checks._EXACT:.0f} pixels of it" in SAID
    assert f"other 2D within {recording_checks._DETECTED:.0f}, in an image of 1000" in SAID
    (_, fitted), (_, scaled) = recording_checks._SHARES.values()
    assert f"is not known, within {100 * fitted:.0f} % of the person's size" in SAID
    assert f"without the place within {100 * scaled:.0f} %" in SAID
