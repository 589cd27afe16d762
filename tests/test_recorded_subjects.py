"""Recordings as training data: who trains and who chooses, and what data are refused."""

import dataclasses

import numpy as np
import pytest
from recorded_runs import (
    ACTIONS,
    DRAWN,
    EPOCHS,
    SPEC,
    Toy,
    load,
    noisy,
    recorded_config,
    recording,
    subjects,
)
from tiny_runs import resized

from langlift.errors import InputError
from langlift.lifting.features import FeatureConfig
from langlift.methods import METHODS
from langlift.methods.vpose import VPoseConfig
from langlift.skeletons import HUMAN36M_17, HUMANEVA_15, MPI_INF_3DHP_17
from langlift.training.epochs import make_sampler
from langlift.training.folder import describe_data
from langlift.training.loop import make_bundle, start_network
from langlift.training.recorded import load_recorded, parts_of


@pytest.mark.parametrize(
    ("selection", "trained", "chooses"),
    [("validation", "AB", "C"), ("fixed", "ABC", ""), ("test", "ABC", "D")],
)
def test_subjects_by_selection(selection, trained, chooses):
    data = load(recorded_config(selection=selection))
    assert {take.subject for take in data.train} == set(trained)
    assert {r.subject for r in data.validation} == set(chooses)
    assert data.card["train_subjects"] == list(trained)
    assert data.card["chosen_on"] == list(chooses)
    assert (data.card["dataset"], data.card["variant"], data.card["files"]) == ("toy", "", ["toy"])
    if chooses:
        part = "test" if selection == "test" else "validation"
        assert f"{part} subjects {chooses}, frame mean" in data.scoring.title
    assert data.actions == ACTIONS
    assert (data.fps, data.skeleton, data.unit) == (50.0, HUMAN36M_17, "m")


def test_what_is_left_out_and_what_is_kept_of_it():
    parts = dataclasses.replace(SPEC, actions=("walk",), excluded=("A/walk", "C/wal"))
    data = load(spec=parts)
    assert [take.name for take in data.train] == ["B/walk/1"]
    assert [r.name for r in data.validation] == ["C/walk/1"]
    assert data.actions.labels == ("walk",)
    assert len(load(recorded_config(validation_clips=2)).validation) == 2


def test_the_user_names_subjects():
    spec, toy = SPEC, Toy()
    assert parts_of(spec, toy) == SPEC
    chosen = parts_of(spec, toy, val=("B",), actions=("walk",))
    assert (chosen.train, chosen.val, chosen.actions) == (("A", "C"), ("B",), ("walk",))
    chosen = parts_of(spec, toy, train=("C", "A"))
    assert (chosen.train, chosen.val, chosen.test) == (("C", "A"), (), ("D",))
    chosen = parts_of(spec, toy, train=("A",), val=("D",))  # so it is no test subject
    assert (chosen.train, chosen.val, chosen.test) == (("A",), ("D",), ())
    bare = subjects()
    assert parts_of(bare, toy) == bare
    toy.parts = {"train": ("A",), "test": ("B", "C")}
    said = parts_of(bare, toy)
    assert (said.train, said.val, said.test) == (("A",), (), ("B", "C"))


PUBLIC = dataclasses.replace(SPEC, public_test=True)


@pytest.mark.parametrize(
    ("spec", "named", "message"),
    [
        (
            PUBLIC,
            {"val": ("D", "C")},
            "--val-subjects names D, .* chosen on them with --selection t",
        ),
        (PUBLIC, {"train": ("A", "D")}, "--train-subjects names D, on whom protocol toy measures"),
        (
            SPEC,
            {"train": ("A", "B"), "val": ("B", "C")},
            "B would be trained on and choose the wei",
        ),
        (SPEC, {"train": ("E",)}, "unknown subject of toy 'E'; known: A, B, C, D"),
        (SPEC, {"val": ("a",)}, "unknown subject of toy 'a'"),
    ],
)
def test_subjects_that_nobody_can_mean(spec, named, message):
    with pytest.raises(InputError, match=message):
        parts_of(spec, Toy(), **named)


def test_subjects_of_the_protocol_are_not_unknown_where_files_lack_them():
    missing = Toy([recording("A/1"), recording("C/1")])
    parts = parts_of(SPEC, missing, train=("A", "B"))
    with pytest.raises(InputError, match="the files lack B, whom protocol toy trains on"):
        load_recorded(missing, parts, "gt", recorded_config())


def swapped(name):
    """A recording with the 2D of another one."""
    other = recording("other").keypoints
    return dataclasses.replace(recording(name), keypoints=other)


WRONG = [
    ({"spec": subjects()}, r"names no training subjects; name them \(--train-subjects\)"),
    ({"spec": subjects(("A",))}, r"no validation subjects to choose weights by; .*--selectio"),
    (
        {"spec": subjects(("A",)), "config": recorded_config(selection="test")},
        "no test subjects to choose weights by",
    ),
    (
        {"spec": subjects(("A", "E", "F"), ("C",))},
        "the files lack E, F, whom protocol toy trains on; get them, or name the subjects with --t",
    ),
    (
        {"spec": subjects(("A",), ("E",))},
        "the files lack E, whom protocol toy chooses weights by; .* or give others with --val-subj",
    ),
    (
        {"spec": subjects(("A",), (), ("E",)), "config": recorded_config(selection="test")},
        "the files lack E, whom protocol toy chooses weights by; .* give --selection validation",
    ),
    ({"source": "cpn"}, "unknown 2D source 'cpn'; known: gt, late"),
    (
        {"config": recorded_config(cameras="human36m")},
        "cameras is 'human36m', but toy is seen by its own cameras; give --cameras recorded",
    ),
    (
        {"config": recorded_config(model=VPoseConfig(widths=(3, 3), joints_in=15, joints_out=15))},
        "joints_in is 15; .* 17 joints",
    ),
    (
        {"held": [recording(f"{s}/a", scored=np.zeros(30, dtype=bool)) for s in "ABC"]},
        "there is no frame to train on in toy of A, B with the 2D gt; check the files",
    ),
    (
        {
            "held": [
                recording("A/a"),
                recording("B/a"),
                recording("C/a", scored=np.zeros(30, dtype=bool)),
            ]
        },
        "there is no frame to choose weights by in toy of C with the 2D gt; check the files",
    ),
    (
        {"held": [swapped("A/a"), recording("B/a"), recording("C/a")]},
        r"recording 'A/a' \(gt\): .*langlift data check looks at all of them",
    ),
    (
        {"held": [recording("A/a"), recording("B/a"), swapped("C/a")]},
        r"recording 'C/a' \(gt\): ",
    ),
    (
        {"spec": dataclasses.replace(SPEC, own_unit=True)},
        "does not say how many metres a unit of the image is",
    ),
    (
        {
            "held": [
                dataclasses.replace(r, keypoints=r.keypoints.replaced(fps=25))
                for r in (recording("A/a"), recording("B/a"), recording("C/a"))
            ]
        },
        "'A/a' has 25 frames per second and toy 50; a network is trained at one rate",
    ),
]


@pytest.mark.parametrize(("options", "message"), WRONG)
def test_data_that_cannot_be(options, message):
    with pytest.raises(InputError, match=message):
        load(**options)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"features": FeatureConfig()}, r"in screen coordinates, .*; give --features\.kind screen"),
        ({"split": "mine"}, r"split is 'mine', which is of the motion corpus .*--protocol mocap"),
        ({"synthetic_clips": 3}, "synthetic_clips is 3, which is of the motion corpus"),
        (
            {"augment": noisy(body=0.1)},
            r"augment\.body is 0\.1, but the 2D .* only noise, noise_am",
        ),
        ({"augment": noisy(speed=0.1)}, r"augment\.speed is 0\.1"),
        ({**EPOCHS, "augment": noisy(drop=0.1)}, r"stored once .* augment\.drop is 0\.1"),
        (
            {**EPOCHS, "augment": noisy(noise=1.0, noise_amount=1.0)},
            r"augment\.noise is 1\.0, but windows of recordings in epochs are as they were record",
        ),
        ({"selection": "best"}, "unknown selection 'best'; known: fixed, test, validation"),
    ],
)
def test_settings_that_cannot_be(settings, message):
    with pytest.raises(InputError, match=message):
        recorded_config(**{**DRAWN, **settings})


def changed(**changes):
    return [dataclasses.replace(r, **changes) if r.name == "A/walk/1" else r for r in Toy().held]


def test_the_digest_tells_data_apart():
    data, same_view = load(), recording()
    seen = same_view.keypoints
    variants = [
        load(source="late"),
        load(spec=dataclasses.replace(SPEC, variant="univ")),
        load(spec=dataclasses.replace(SPEC, root="zero")),
        load(spec=dataclasses.replace(SPEC, train=("B", "A"), val=("D",), test=())),
        load(recorded_config(selection="fixed")),
        load(held=changed(action="wave")),
        load(held=changed(joints=same_view.joints * 1.01)),
        load(held=changed(keypoints=seen.replaced(xy=seen.xy + 1))),
        load(held=changed(frame_actions=np.array(["walk"] * 29 + ["raise_left_arm"]))),
    ]
    digests = [describe_data(d)["digest"] for d in (data, *variants)]
    assert len(set(digests)) == len(digests)
    assert describe_data(load())["digest"] == digests[0]
    rounded = load(held=changed(joints=recording().joints + 1e-9))
    assert describe_data(rounded)["digest"] == digests[0]


TINY = {
    "vpose": {"widths": (3, 3), "channels": 8, "zero_head": False},
    "a3dhp": {"frames": 27, "channels": 8},
    "mixste": {"frames": 9, "channels": 8, "depth": 2, "heads": 2},
    "dstformer": {"frames": 9, "channels": 8, "representation": 8, "depth": 1, "heads": 2},
}


@pytest.mark.parametrize("skeleton", [HUMAN36M_17, HUMANEVA_15, MPI_INF_3DHP_17])
@pytest.mark.parametrize("method", METHODS)
def test_every_parameter_learns(method, skeleton):
    count = len(skeleton)
    joints = {"joints_in": count, "joints_out": count, "joint_weights": "even"}
    sizes = {name: {**values, **joints} for name, values in TINY.items()}
    model = resized(METHODS[method].config(), sizes, action_weight=0.1)
    held = [
        recording(f"{s}/1", skeleton=skeleton, action=a) for s, a in zip("ABC", "xyx", strict=True)
    ]
    config = recorded_config(model=model, precision="fp32")
    data = load(config, held=held)
    network = start_network(make_bundle(method, config, data))
    batch = make_sampler(data.train, data.actions, config, network.padding).batch(0)
    network.training_loss(batch).total.backward()
    still = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert not still and len(list(network.parameters())) > 10
