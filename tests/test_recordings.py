"""What every dataset of recordings does alike: what is asked for, what is kept in memory."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import pytest
from evaluation_fixtures import Films, film, films
from human36m_files import write_human36m, write_motionbert
from humaneva_files import write_humaneva
from mpi_inf_3dhp_files import write_mpi_inf_3dhp
from pair_files import write_ego, write_pair

from langlift.datasets.recorded.custom import CustomPairs
from langlift.datasets.recorded.motionbert import FILE
from langlift.datasets.recordings import LastRead, RecordedDataset
from langlift.datasets.registry import DATASETS, open_dataset
from langlift.errors import InputError

NAMES = ("S1/Walking/c", "S2/Sitting/c", "S1/Sitting/c")


@pytest.fixture
def dataset() -> Films:
    return films(*(film(name, name.split("/")[1]) for name in NAMES))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RecordedDataset]:
    """Every dataset, tiny; opened by a path that is text."""
    folder = tmp_path_factory.mktemp("all")
    for name in DATASETS:
        (folder / name).mkdir()
    write_human36m(folder / "human36m", ("S9",), ("Walking 1",), frames=4, sources=("gt", "cpn"))
    write_motionbert(folder / "human36m-motionbert" / FILE, frames=4)
    write_humaneva(folder / "humaneva", frames=4)
    write_mpi_inf_3dhp(folder / "mpi-inf-3dhp")
    write_ego(folder / "egohumans" / "a.npz", {"ann": [0, 1]})
    write_pair(folder / "custom" / "a.npz")
    options = {"mpi-inf-3dhp": {"annotation": "annot3"}}
    return {n: open_dataset(n, str(folder / n), **options.get(n, {})) for n in DATASETS}


def test_subjects_and_actions_choose_in_the_order_of_the_files(dataset: Films) -> None:
    assert [r.name for r in dataset.recordings("gt")] == [*NAMES]
    assert [r.name for r in dataset.recordings("gt", ["S2", "S1"])] == [*NAMES]
    assert [e.name for e in dataset.entries("gt", ["S1"])] == [NAMES[0], NAMES[2]]
    assert [r.name for r in dataset.recordings("gt", ["S1"], ["Sitting"])] == [NAMES[2]]


def test_what_is_not_there_is_told_at_once(dataset: Films) -> None:
    for asked, words in (
        (("hr",), "unknown 2D source 'hr'; known: gt"),
        (("gt", ["S3"]), "unknown subject 'S3'; known: S1, S2"),
        (("gt", ["S2"], ["Walking"]), "unknown action 'Walking'; known: Sitting"),
    ):
        with pytest.raises(InputError, match=words):
            dataset.recordings(*asked)
    with pytest.raises(InputError, match="unknown 2D source 'hr'"):
        dataset.entries("hr")


def test_one_recording_is_in_memory_at_a_time(dataset: Films) -> None:
    alive: list[weakref.ref] = []

    def counted(name: str):
        gc.collect()
        assert not [each for each in alive if each() is not None]
        made = film(name)
        alive.append(weakref.ref(made))
        return made

    dataset.makers = {name: (lambda name=name: counted(name)) for name in NAMES}
    for recording in dataset.recordings("gt"):
        del recording
    assert len(alive) == 3


def test_the_last_file_goes_before_the_next_one_comes() -> None:
    class Content:
        pass

    read: list[tuple[str, weakref.ref]] = []

    def reading(name: str) -> Content:
        assert not [n for n, content in read if content() is not None]
        made = Content()
        read.append((name, weakref.ref(made)))
        return made

    last = LastRead(reading)
    for name in "aabba":
        assert isinstance(last(name), Content)
    assert [name for name, _ in read] == ["a", "b", "a"]


@pytest.mark.parametrize("name", DATASETS)
def test_all_datasets_say_the_same_of_themselves(
    name: str, written: dict[str, RecordedDataset]
) -> None:
    data = written[name]
    source = data.sources()[0]
    facts = data.facts()
    assert facts["data"] == data.name == name
    assert facts["files"] and all((data.path / file).is_file() for file in facts["files"])
    assert data.facts([source])["files"] and data.facts(data.sources()) == facts
    first = next(data.recordings(source))
    told = first.keypoints.provenance
    assert (told["data"], told["source"], told["recording"]) == (name, source, first.name)
    assert {tuple(e.frames_2d) for e in data.entries(source)} == {(source,)}
    assert first.subject in data.subjects
    assert {e.subject for e in data.entries(source, [first.subject])} == {first.subject}


def test_files_of_a_dataset_in_words() -> None:
    assert DATASETS["human36m"].files_of("gt") == "data_3d_h36m.npz, data_2d_h36m_gt.npz"
    assert DATASETS["custom"].files_of("gt") == ""


def test_a_path_without_files_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none: there is no such file or folder; check the path"):
        CustomPairs(tmp_path / "none")
