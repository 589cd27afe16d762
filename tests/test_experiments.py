"""The rows of the papers' tables as experiments: complete, typed, and listed with their class."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from doc_pages import table
from human36m_files import write_human36m

from langlift.actions import ActionVocabulary
from langlift.cli.main import main
from langlift.datasets.places import DATA_VARIABLE, data_folder, place_of
from langlift.errors import InputError
from langlift.experiments import EXPERIMENTS, PAPERS, find_experiment, of_paper
from langlift.experiments.listing import class_of, figures_of, tables
from langlift.experiments.needs import DataFinder, files_of
from langlift.experiments.scales import SCALES, train_config
from langlift.experiments.settings import (
    SEGMENTS,
    DiffusionSettings,
    EncoderSettings,
    PretrainingSettings,
    PromptSettings,
    mixste_settings,
)
from langlift.methods import METHODS
from langlift.protocols.catalogue import PROTOCOLS, find_protocol
from langlift.protocols.published import PUBLISHED
from langlift.skeletons import HUMAN36M_17, get_skeleton

RUNNABLE = [experiment for experiment in EXPERIMENTS.values() if not experiment.lacks]


def ids(experiment) -> str:
    return experiment.name


def test_every_row_of_the_three_papers_is_an_experiment() -> None:
    papers = ("ActionPrompt", "FinePOSE", "LangPose")
    for key, row in PUBLISHED.items():
        if row.paper.startswith(papers):
            assert EXPERIMENTS[key].published is row
    assert {name: len(rows) for name, rows in PAPERS.items()} == {
        "actionprompt": 64,
        "finepose": 49,
        "langpose": 12,
        "baselines": 8,
    }
    assert len(EXPERIMENTS) == 133  # no name twice


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=ids)
def test_an_experiment_is_of_a_known_protocol(experiment) -> None:
    spec = find_protocol(experiment.protocol, experiment.variant or None)
    listed_only = experiment.lacks == "listed for its figures alone"
    assert experiment.source in spec.sources or listed_only or not spec.sources
    assert experiment.frames is not None or listed_only
    assert set(experiment.name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.")
    assert find_experiment(experiment.name) is experiment
    row = experiment.published
    if row is not None:
        assert (row.protocol, row.variant) == (experiment.protocol, experiment.variant)
        assert row.frames in (None, experiment.frames)
        assert row.source in (experiment.source, "not stated", "detected")


def test_what_is_built_can_be_run_and_what_is_not_says_so() -> None:
    for experiment in EXPERIMENTS.values():
        if not experiment.lacks:
            assert experiment.method in METHODS
            assert isinstance(experiment.settings, EncoderSettings | PromptSettings)
    assert len(RUNNABLE) >= 75
    assert not [e.name for e in PAPERS["actionprompt"] if e.lacks]
    assert find_experiment("finepose-human36m-detected-rie").lacks == (
        "listed for its figures alone"
    )
    assert find_experiment("finepose-human36m-gt-motionbert").lacks == (
        "pretraining on motion capture is not built yet"
    )
    if "finepose" not in METHODS:
        assert find_experiment("finepose-parts-full").lacks == "method finepose is not built yet"


def test_a_rows_settings_are_the_rows() -> None:
    def settings(name: str) -> Any:
        return find_experiment(name).settings

    assert settings("actionprompt-1-mixste-gt") == mixste_settings(depth=4)
    assert settings("actionprompt-1-mixste-apm-hr") == PromptSettings(
        "mixste", mixste_settings(depth=4)
    )
    assert settings("actionprompt-3-full") == settings("actionprompt-5-atp") == PromptSettings()
    assert settings("actionprompt-4-gp") == PromptSettings(
        projector="pooling", pose_to_text=False, pose_prompts=False
    )
    assert settings("actionprompt-7-layer-3").tap == 3
    assert settings("actionprompt-8-given").label == "given"
    nine = settings("actionprompt-9-d4-c256-l81")
    assert (nine.layers, nine.width, nine.prompts) == (4, 256, 81)
    assert find_experiment("actionprompt-6-27-atp").frames == 27
    assert settings("finepose-human36m-gt-finepose").action == "given"
    assert settings("finepose-mpi-inf-3dhp-finepose").action == "none"
    assert "action" not in settings("finepose-mpi-inf-3dhp-finepose").segments
    assert settings("finepose-parts-full").aggregation == "P-Agg"
    assert settings("langpose-r2") == PretrainingSettings(
        alignment="none", parts=False, windows=False
    )
    assert settings("langpose-r6") == settings("langpose-human36m") == PretrainingSettings()


def test_settings_of_hypotheses_are_those_of_the_published_figure() -> None:
    rows = [e for e in EXPERIMENTS.values() if isinstance(e.settings, DiffusionSettings)]
    published = [(e.settings, e.published.origin) for e in rows if e.published is not None]
    assert len(published) == 8
    for settings, origin in published:
        assert (settings.action, settings.aggregation) == (origin.action, origin.aggregation)
        assert ("action" in settings.segments) == (origin.action != "none")


def test_what_no_row_states_is_named_as_our_choice() -> None:
    chosen = 0
    for e in EXPERIMENTS.values():
        if e.published is None or e.lacks == "listed for its figures alone":
            continue
        for what, ours, theirs in (
            ("2D source", e.source, e.published.source),
            ("window", e.frames, e.published.frames),
        ):
            assert (ours != theirs) == (what in e.note and "our choice" in e.note), e.name
            chosen += ours != theirs
    assert chosen == 2 * 6 + 2 * 2 + 3


def test_rows_that_say_the_same_have_the_same_settings_and_figures() -> None:
    """Several tables repeat a row; what is transcribed and what is run must agree."""
    for first, second in (
        ("1-vpose-gt", "3-baseline"),
        ("1-vpose-gt", "6-243-baseline"),
        ("1-vpose-apm-gt", "3-full"),
        ("3-atp", "4-tcn-p2t"),
        ("3-atp", "6-243-atp"),
        ("3-atp", "7-layer-1"),
        ("3-full", "5-atp"),
        ("3-full", "9-d1-c256-l81"),
        ("3-label-app", "5-one-hot"),
        ("3-label-app", "8-predicted"),
    ):
        a, b = (find_experiment(f"actionprompt-{end}") for end in (first, second))
        assert (a.settings, a.frames, a.source) == (b.settings, b.frames, b.source)
        assert a.published is not None
        assert b.published is not None
        for metric in ("MPJPE", "D-MPJPE"):
            assert a.published.figures[metric] == b.published.figures[metric]


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("experiment", RUNNABLE, ids=ids)
def test_every_scale_has_a_valid_run(experiment, scale: str) -> None:
    skeleton = get_skeleton(PROTOCOLS[experiment.protocol].skeleton)
    config = train_config(experiment, scale, skeleton, selection="fixed", seed=3)
    assert (config.cameras, config.selection, config.seed) == ("recorded", "fixed", 3)
    encoder = getattr(config.model, "encoder", config.model)
    assert encoder.joints_in == len(skeleton)
    on_corpus = train_config(experiment, scale, None)
    assert on_corpus.cameras == "human36m"
    if isinstance(experiment.settings, PromptSettings):
        on_corpus.model.check_idle()  # a scale changes nothing that the row does not use


def test_full_is_the_papers_own_size_and_schedule() -> None:
    bare = train_config(find_experiment("actionprompt-1-vpose-gt"), "full", HUMAN36M_17)
    assert (bare.model.widths, bare.model.channels) == ((3, 3, 3, 3, 3), 1024)
    assert (bare.steps, bare.batch, bare.lr) == (240_000, 1024, 1e-3)
    short = train_config(find_experiment("actionprompt-6-9-baseline"), "full", HUMAN36M_17)
    assert short.model.widths == (3, 3)
    half = train_config(find_experiment("actionprompt-1-mixste-gt"), "full", HUMAN36M_17)
    assert (half.model.depth, half.frames, half.batch) == (4, 243, 4)
    whole = train_config(find_experiment("mixste-cpn-243"), "full", HUMAN36M_17)
    assert whole.model.depth == 8


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("actionprompt-1-vpose-gt", 16_952_371), ("actionprompt-1-mixste-gt", 16_961_539)],
)
def test_full_networks_have_the_papers_parameters(name: str, parameters: int) -> None:
    experiment = find_experiment(name)
    config = train_config(experiment, "full", HUMAN36M_17)
    network = METHODS[experiment.method].build(config.model, ActionVocabulary(()))
    assert sum(p.numel() for p in network.parameters()) == parameters


def test_steps_of_a_full_run_are_epochs_of_its_own_data() -> None:
    experiment = find_experiment("finepose-mpi-inf-3dhp-vpose")
    frames = 1_559_752 // 4
    config = train_config(
        experiment, "full", get_skeleton("mpi_inf_3dhp_17"), training_frames=frames
    )
    assert config.steps == 60_000
    small = train_config(experiment, "small", get_skeleton("mpi_inf_3dhp_17"), training_frames=9)
    assert small.steps == SCALES["small"].runs["vpose"]["steps"]


def test_a_window_may_be_another_one() -> None:
    experiment = find_experiment("actionprompt-1-mixste-gt")
    config = train_config(experiment, "small", None, frames=81)
    assert (config.frames, config.model.frames, config.batch) == (81, 81, 12)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            lambda: PromptSettings(text="clip"),
            r"unknown text 'clip'; known: embeddings, minilm, one-hot, prompts, random$",
        ),
        (
            lambda: DiffusionSettings(action="oracle"),
            r"unknown action 'oracle'; known: given, no",
        ),
        (
            lambda: DiffusionSettings(text="prompts", segments=("hands",)),
            r"unknown segment 'hands'; known: action, arms",
        ),
        (
            lambda: DiffusionSettings(segments=SEGMENTS),
            r"text is 'none' and segments are .*; segments belong to prompts, .*set both or neith",
        ),
        (
            lambda: find_experiment("actionprompt-1-vpos"),
            r"unknown experiment 'actionprompt-1-vpos'; nearest: actionprompt-2-vpose, actionprompt"
            r"-1-vpose-hr, actionprompt-1-vpose-gt; langlift experiment list has all$",
        ),
        (lambda: of_paper("clip"), r"unknown paper 'clip'; known: actionprompt, baselines, fin"),
        (
            lambda: train_config(find_experiment("actionprompt-1-vpose-gt"), "tiny", None),
            r"unknown scale 'tiny'; known: full, small, smoke",
        ),
        (
            lambda: train_config(find_experiment("finepose-human36m-gt-mhformer"), "full", None),
            r"experiment finepose-human36m-gt-mhformer cannot be run: listed for its figures alo"
            r"ne; langlift experiment list shows those that can",
        ),
        (
            lambda: train_config(
                find_experiment("actionprompt-1-vpose-gt"), "small", None, frames=50
            ),
            r"frames is 50; vpose has windows of 3, 9, 27, 81, 243 frames",
        ),
    ],
)
def test_messages(settings, message: str) -> None:
    with pytest.raises(InputError, match=message):
        settings()


# The list


def test_the_list_prints_every_row_with_its_figure_and_class(capsys, monkeypatch) -> None:
    monkeypatch.delenv(DATA_VARIABLE, raising=False)
    assert main(["experiment", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for experiment in EXPERIMENTS.values():
        (line,) = [line for line in lines if f" {experiment.name} " in line]
        assert figures_of(experiment.published) in line
        assert class_of(experiment.published) in line
        row = experiment.published
        if row is None:
            assert "not known" in line
        elif row.origin.oracle:
            assert row.origin.mark in line
        if experiment.lacks:
            assert experiment.lacks in line
    assert "133 rows, 0 ready to run (data: no folder given; --data or LANGLIFT_DATA" in lines[-1]


def test_figures_and_classes_in_words() -> None:
    assert figures_of(PUBLISHED["actionprompt-9-d1-c256-l81"]) == (
        "MPJPE 35.7, D-MPJPE 29.7, parameters 22.87 M"
    )
    assert figures_of(PUBLISHED["finepose-mpi-inf-3dhp-d3dp"]) == (
        "PCK 98.0 %, AUC 79.1 %, MPJPE 28.1 (oracle: best hypothesis of each joint, weights chosen "
        "on subjects that are measured)"
    )
    assert class_of(PUBLISHED["actionprompt-3-full"]) == "one answer, predicted action"
    assert class_of(PUBLISHED["finepose-mpi-inf-3dhp-d3dp"]) == "J-Best"
    assert class_of(PUBLISHED["langpose-human36m"]) == (
        "one answer; inferred: the protocol, from its encoder"
    )


def test_the_list_says_which_data_are_there(tmp_path: Path, capsys, monkeypatch) -> None:
    write_human36m(tmp_path / "human36m", frames=12, sources=("gt",))
    finder = DataFinder(tmp_path)
    assert finder.missing(find_experiment("actionprompt-1-vpose-gt")) == ""
    assert finder.missing(find_experiment("actionprompt-1-vpose-hr")) == "no 2D hr"
    assert finder.missing(find_experiment("actionprompt-2-vpose")).startswith("there is no ")
    assert DataFinder(None).missing(find_experiment("langpose-r1")) == "no folder given"
    assert main(["experiment", "list", "--data", str(tmp_path), "--ready", "--json"]) == 0
    ready = json.loads(capsys.readouterr().out)
    names = {row["name"] for row in ready}
    assert names >= {"actionprompt-1-vpose-gt", "actionprompt-1-a3dhp-gt"}
    assert {row["state"] for row in ready} == {"ready"}
    assert not [row for row in ready if row["source"] != "gt" or row["protocol"] != "human36m"]
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    assert data_folder(None) == tmp_path
    assert data_folder("elsewhere") == Path("elsewhere")
    assert place_of("human36m", tmp_path) == tmp_path / "human36m"
    assert place_of("humaneva", tmp_path) == tmp_path


def test_the_list_as_json_keeps_marks_and_settings(capsys) -> None:
    assert main(["experiment", "list", "--paper", "finepose", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert len(rows) == 49
    row = rows["finepose-human36m-detected-finepose"]
    assert row["published"]["mark"].startswith("oracle: true action given, best hypothesis")
    assert row["settings"]["kind"] == "DiffusionSettings"
    assert row["files"] == "data_3d_h36m.npz, data_2d_h36m_cpn_ft_h36m_dbb.npz"


def test_data_beside_the_datasets_are_named_and_not_looked_for(tmp_path: Path) -> None:
    experiment = find_experiment("langpose-mpi-inf-3dhp")
    assert files_of(experiment) == (
        "data_train_3dhp*.npz, data_test_3dhp*.npz with univ labels; AMASS with BABEL's labels"
    )
    finder = DataFinder(tmp_path)
    finder._sources["mpi-inf-3dhp", "univ"] = ("gt",)
    assert finder.missing(experiment) == "not looked for: AMASS with BABEL's labels"


def test_2d_that_a_table_does_not_name_is_no_file() -> None:
    assert files_of(find_experiment("finepose-human36m-detected-rie")) == (
        "data_3d_h36m.npz, detections, not stated which"
    )
    assert files_of(find_experiment("actionprompt-1-vpose-hr")) == (
        "data_3d_h36m.npz, data_2d_h36m_hr.npz"
    )
    assert not [e.name for e in EXPERIMENTS.values() if "h36m_detected" in files_of(e)]


def test_tables_are_one_for_each_paper() -> None:
    titles = [title for title, _ in tables(of_paper(None), DataFinder(None))]
    assert titles[:3] == [
        "ActionPrompt, ICME 2023", "FinePOSE, CVPR 2024 (poster)", "LangPose, WACV 2026",
    ]  # fmt: skip


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path, capsys, monkeypatch) -> None:
    assert main(["experiment", "list", "--data", str(tmp_path / "data")]) == 2
    sentence = f"there is no folder {tmp_path / 'data'}; give the folder with the datasets with"
    assert sentence in capsys.readouterr().err
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path / "data"))
    assert main(["experiment", "list"]) == 2
    assert "or in LANGLIFT_DATA" in capsys.readouterr().err


def test_the_usage_names_scales_and_their_honesty(capsys) -> None:
    assert main(["experiment"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in SCALES)
    assert "Only full is a reproduction" in out
    assert main(["experiment", "all"]) == 2
    assert "unknown experiment command 'all'; known: list, run" in capsys.readouterr().err


# The page


def test_the_page_counts_the_rows_and_names_the_scales() -> None:
    counts = Counter((e.paper, e.table) for e in EXPERIMENTS.values())
    page = [(paper, name, int(rows)) for paper, name, rows, _ in table("experiments")]
    assert page == [(*key, count) for key, count in counts.items()]
    assert table("scales") == [[f"`{n}`", scale.description] for n, scale in SCALES.items()]


def test_the_page_names_the_2d_of_every_table_that_can_be_run() -> None:
    data = {(paper, name): text for paper, name, _, text in table("experiments")}
    for experiment in EXPERIMENTS.values():
        told = data[experiment.paper, experiment.table]
        if experiment.lacks == "listed for its figures alone":
            continue
        if experiment.protocol == "human36m-motionbert":
            assert "MotionBERT's file" in told
        elif experiment.protocol in ("human36m", "humaneva"):
            assert f"`{experiment.source}`" in told
        elif experiment.protocol == "mpi-inf-3dhp":
            assert f"`{experiment.variant}`" in told
