"""The folder of a run: what it says of settings and data, and that two runs are never mixed."""

import dataclasses
import json
import signal

import pytest
from tiny_runs import run, tiny_config, tiny_data

from langlift.errors import InputError
from langlift.lifting.bundle import read_bundle
from langlift.training.folder import CONFIG, DATA, WEIGHTS, describe_data, prepare_folder

SHORT = tiny_config(steps=2, validate_every=0)


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    """The folder of a finished run of two steps."""
    out = tmp_path_factory.mktemp("short")
    run(out, SHORT)
    return out


def copied(short, tmp_path):
    """A copy of the run, to damage."""
    (tmp_path / "run").mkdir()
    for path in short.iterdir():
        (tmp_path / "run" / path.name).write_bytes(path.read_bytes())
    return tmp_path / "run"


def contents(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def other_length(data):
    clip = dataclasses.replace(data.train[2], joints=data.train[2].joints[:-1])
    return dataclasses.replace(data, train=[*data.train[:2], clip, *data.train[3:]])


def other_motion(data):
    joints = data.train[0].joints.copy()
    joints[3, 5, 1] += 0.01
    clip = dataclasses.replace(data.train[0], joints=joints)
    return dataclasses.replace(data, train=[clip, *data.train[1:]])


def other_label(data):
    clip = dataclasses.replace(data.train[0], action=data.train[1].action)
    return dataclasses.replace(data, train=[clip, *data.train[1:]])


def other_order(data):
    return dataclasses.replace(data, train=data.train[::-1])


def other_people_to_validate_on(data):
    return dataclasses.replace(data, validation=data.train[:1])


def other_classes(data):
    labels = data.actions.labels[::-1]
    return dataclasses.replace(data, actions=type(data.actions)(labels))


@pytest.mark.parametrize(
    "change",
    [
        *(other_length, other_motion, other_label, other_order),
        *(other_people_to_validate_on, other_classes),
    ],
)
def test_resuming_with_other_data_is_refused(short, tmp_path, change):
    out = copied(short, tmp_path)
    before = contents(out)
    changed = dataclasses.replace(change(tiny_data()), source="split mine")
    counts = "6 training and 1 validation clips, digest"
    message = (
        rf"the data differ .* \(was: clips of the caller, {counts} (\w+); "
        rf"now: split mine, {counts} (?!\1)\w+\); give the same --data"
    )
    with pytest.raises(InputError, match=message):
        run(out, SHORT, changed, resume=True)
    assert contents(out) == before


def test_rounding_is_no_other_data():
    data = tiny_data()
    moved = [dataclasses.replace(c, joints=c.joints + 1e-9) for c in data.train]
    changed = dataclasses.replace(data, train=moved)
    assert describe_data(changed)["digest"] == describe_data(data)["digest"]


def stopped_at_once(out):
    """A run that is stopped after its third step."""

    def report(entry):
        if entry["step"] == 3:
            signal.raise_signal(signal.SIGTERM)

    return run(out, report=report)


def test_the_card_is_that_of_the_start(tmp_path):
    assert stopped_at_once(tmp_path)["step"] == 3
    told = json.loads((tmp_path / DATA).read_text())
    assert told["card"] == {"licence": "toy"}
    assert told["actions"] == list(tiny_data().actions.labels)
    other = dataclasses.replace(tiny_data(), card={"licence": "another", "command": "later"})
    run(tmp_path, data=other, resume=True)
    assert read_bundle(tmp_path / WEIGHTS)[0].card == {
        "licence": "toy",
        "step": 40,
        "selection": "fixed",
    }


@pytest.mark.parametrize("text", ["{", "[]", '{"card": {}}', '{"digest": 3}'])
def test_damaged_description_of_the_data(short, tmp_path, text):
    out = copied(short, tmp_path)
    (out / DATA).write_text(text)
    with pytest.raises(InputError, match=r"data\.json .*restore the file"):
        run(out, SHORT, resume=True)
    (out / DATA).unlink()
    with pytest.raises(InputError, match=r"data\.json is missing; restore it or start a new run"):
        run(out, SHORT, resume=True)


def test_leftovers_of_killed_writes_are_removed(short, tmp_path):
    out = copied(short, tmp_path)
    left = [out / f".0123456789ab.tmp{s}" for s in (".pt", ".safetensors", ".json", ".jsonl")]
    kept = [out / ".0123456789ab.tmp.npz", out / ".mine.tmp.pt", out / "0123456789ab.tmp.pt"]
    for path in (*left, *kept):
        path.write_bytes(b"half")
    run(out, SHORT, resume=True)
    assert not any(path.exists() for path in left) and all(path.exists() for path in kept)
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / ".0123456789ab.tmp.pt").write_bytes(b"half")
    prepare_folder(tmp_path / "new", tiny_config(), tiny_data(), resume=False)
    assert {p.name for p in (tmp_path / "new").iterdir()} == {CONFIG, DATA}


def test_preparing_writes_the_settings_and_nothing_else(tmp_path):
    data = tiny_data()
    assert prepare_folder(tmp_path / "a" / "b", tiny_config(), data, resume=False) == data
    assert {p.name for p in (tmp_path / "a" / "b").iterdir()} == {CONFIG, DATA}
    # A start that failed before anything was trained does not stand in the way.
    prepare_folder(tmp_path / "a" / "b", tiny_config(seed=8), data, resume=False)
    assert json.loads((tmp_path / "a" / "b" / CONFIG).read_text())["seed"] == 8
