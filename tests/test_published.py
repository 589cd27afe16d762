"""Published figures: transcribed as printed, and each with the class that it is of."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from langlift.errors import InputError
from langlift.protocols.origin import Origin
from langlift.protocols.published import PUBLISHED, Published, published_for, published_row
from langlift.protocols.published.actionprompt import COLUMNS as PROMPT_COLUMNS
from langlift.protocols.published.finepose import CLIP, TEXT_TOWER, TRAINED
from langlift.protocols.published.finepose import COLUMNS as POSTER_COLUMNS
from langlift.protocols.published.row import named, numbers

POSTER = [row for row in PUBLISHED.values() if row.table == "Human3.6M, detected 2D"]
TABLE_1 = [row for row in PUBLISHED.values() if row.key.startswith("actionprompt-1-")]
#: What the poster prints as FinePOSE's distance from the best of the others, the mean last.
DELTAS = "-1.6 -3.3 -2.9 -2.4 -3.2 -7.2 -5.6 -3.6 -3.7 -5.3 -3.7 -3.1 -3.6 -1.7 -1.4 -3.5"
#: Gains that Table I prints for APM, in MPJPE, D-MPJPE and its tail.
GAINS = {
    ("vpose", "gt"): (-2.1, -3.9, -5.5),
    ("a3dhp", "gt"): (-1.6, -1.5, -2.4),
    ("mixste", "gt"): (-1.3, -1.9, -2.8),
    ("vpose", "hr"): (-1.0, -1.3, -1.9),
    ("a3dhp", "hr"): (-0.8, -1.1, -1.7),
    ("mixste", "hr"): (-0.7, -1.4, -2.1),
}


def mean(row: Published) -> float:
    return float(np.mean(list(row.actions.values())))


@pytest.mark.parametrize("row", POSTER, ids=lambda row: row.model)
def test_the_poster_prints_the_means_of_its_columns_but_for_two_rows(row: Published) -> None:
    printed = row.figures["MPJPE"]
    if row.model == "PoseFormerV2":
        assert (dict(row.actions), printed) == ({}, 45.2)
    elif row.model in ("MixSTE", "DiffPose"):
        assert abs(mean(row) - printed) > 0.2
        assert f"{mean(row):.2f}" in row.note
    else:
        assert tuple(row.actions) == POSTER_COLUMNS
        assert mean(row) == pytest.approx(printed, abs=0.1)


def test_the_poster_has_fourteen_rows_and_the_deltas_it_prints() -> None:
    assert len(POSTER) == 14
    table = {row.model: [*row.actions.values(), row.figures["MPJPE"]] for row in POSTER}
    del table["PoseFormerV2"]
    own = np.array(table.pop("FinePOSE"))
    best = np.array(list(table.values())).min(axis=0)
    np.testing.assert_allclose(own - best, [float(d) for d in DELTAS.split()], atol=1e-6)


def test_the_poster_repeats_the_last_row_of_table_one() -> None:
    poster = published_row("finepose-human36m-detected-actionprompt")
    own = published_row("actionprompt-1-mixste-apm-hr")
    assert poster.actions == own.actions
    assert tuple(poster.actions) != tuple(own.actions)  # the columns stand in another order
    assert poster.figures["MPJPE"] == own.figures["MPJPE"] == 41.8
    assert (poster.source, poster.origin.kind) == (own.source, own.origin.kind)


@pytest.mark.parametrize("row", TABLE_1, ids=lambda row: row.key)
def test_table_one_prints_the_means_of_its_columns(row: Published) -> None:
    assert tuple(row.actions) == PROMPT_COLUMNS
    assert sorted(PROMPT_COLUMNS) == sorted(POSTER_COLUMNS)
    assert mean(row) == pytest.approx(row.figures["MPJPE"], abs=0.1)


def test_table_one_has_twelve_rows_and_the_gains_it_prints() -> None:
    assert len(TABLE_1) == 12
    for (encoder, source), gains in GAINS.items():
        bare = published_row(f"actionprompt-1-{encoder}-{source}").figures
        prompted = published_row(f"actionprompt-1-{encoder}-apm-{source}").figures
        assert list(bare) == ["MPJPE", "D-MPJPE", "tail D-MPJPE"]
        np.testing.assert_allclose([prompted[n] - bare[n] for n in bare], gains, atol=1e-6)


def test_the_tail_is_of_depth_and_not_the_mean_of_three_columns() -> None:
    row = published_row("actionprompt-1-vpose-gt")
    three = [row.actions[name] for name in ("Posing", "SittingDown", "Sitting")]
    assert np.mean(three) == pytest.approx(44.4, abs=0.05)
    assert row.figures["tail D-MPJPE"] == 39.3


def test_humaneva_rows_are_the_means_of_subjects_and_actions() -> None:
    rows = [row for row in PUBLISHED.values() if row.key.startswith("actionprompt-2-")]
    assert [row.figures["MPJPE"] for row in rows] == [25.3, 24.1, 19.3, 18.3, 21.5, 20.3]
    for row in rows:
        assert len(row.actions) == 6
        assert mean(row) == pytest.approx(row.figures["MPJPE"], abs=0.1)


@pytest.mark.parametrize(
    ("table", "count"),
    [
        *{"I": 12, "II": 6, "III": 5, "IV": 5, "V": 3, "VI": 8, "VII": 5}.items(),
        *{"VIII": 2, "IX": 6}.items(),
    ],
)
def test_every_table_of_actionprompt_is_there(table: str, count: int) -> None:
    rows = [r for r in PUBLISHED.values() if r.paper == "ActionPrompt, ICME 2023"]
    assert len([row for row in rows if row.table == f"Table {table}"]) == count
    assert len(rows) == 52


@pytest.mark.parametrize(
    ("key", "metric", "value"),
    [
        ("actionprompt-3-full", "action accuracy", 96.2),
        ("actionprompt-3-label", "D-MPJPE", 32.1),
        ("actionprompt-4-gp-p2t", "MPJPE", 36.7),
        ("actionprompt-5-embeddings", "D-MPJPE", 30.9),
        ("actionprompt-6-81-atp", "tail D-MPJPE", 35.5),
        ("actionprompt-7-layer-5", "MPJPE", 41.0),
        ("actionprompt-8-given", "MPJPE", 36.4),
        ("actionprompt-9-d1-c1024-l81", "parameters", 31.61),
        ("finepose-human36m-gt-finepose", "P-MPJPE", 12.7),
        ("finepose-mpi-inf-3dhp-finepose", "AUC", 79.7),
        ("motionagformer-l-3dhp", "PCK", 98.2),
        ("langpose-mpi-inf-3dhp", "MPJPE", 15.5),
    ],
)
def test_single_figures(key: str, metric: str, value: float) -> None:
    assert published_row(key).figures[metric] == value


def test_the_mean_of_d3dps_sequences_is_its_figure() -> None:
    """Known by sequence is the MPJPE of J-Best alone; of PCK, AUC and JPMA only the means are."""
    row = published_row("d3dp-mpi-inf-3dhp-10-steps-j-best")
    assert list(row.actions) == ["TS1", "TS2", "TS3", "TS4", "TS5", "TS6"]
    assert mean(row) == pytest.approx(28.2335, abs=5e-5)
    assert row.figures["MPJPE"] == pytest.approx(mean(row), abs=0.005)
    others = [r for r in PUBLISHED.values() if r.key.startswith("d3dp-mpi-inf-3dhp") and r != row]
    assert len(others) == 7 and not [r for r in others if r.actions]


@pytest.mark.parametrize(("model", "exact"), [("FinePOSE", 34.3), ("D3DP", 35.43)])
def test_egohumans_averages(model: str, exact: float) -> None:
    row = published_row(f"finepose-egohumans-{model.lower()}")
    assert mean(row) == pytest.approx(exact, abs=0.005)
    assert row.figures["MPJPE"] == pytest.approx(exact, abs=0.05)


def clip_block(width: int) -> nn.Module:
    """One residual block of a transformer of CLIP, with its own names."""
    mlp = nn.ModuleDict(
        {"c_fc": nn.Linear(width, 4 * width), "c_proj": nn.Linear(4 * width, width)}
    )
    norms = {f"ln_{n}": nn.LayerNorm(width) for n in (1, 2)}
    heads = width // 64
    return nn.ModuleDict({"attn": nn.MultiheadAttention(width, heads), "mlp": mlp, **norms})


def clip_text_tower() -> nn.Module:
    """The parameters of CLIP's text tower (ViT-B/32), by the names of its released weights."""
    tower = nn.Module()
    tower.token_embedding = nn.Embedding(49_408, 512)
    tower.positional_embedding = nn.Parameter(torch.empty(77, 512))
    tower.transformer = nn.Module()
    tower.transformer.resblocks = nn.ModuleList([clip_block(512) for _ in range(12)])
    tower.ln_final = nn.LayerNorm(512)
    tower.text_projection = nn.Parameter(torch.empty(512, 512))
    return tower


def clip_vision_tower() -> nn.Module:
    """The parameters of its vision tower: patches of 32 x 32 of an image of 224 x 224."""
    tower = nn.Module()
    tower.conv1 = nn.Conv2d(3, 768, 32, bias=False)
    tower.class_embedding = nn.Parameter(torch.empty(768))
    tower.positional_embedding = nn.Parameter(torch.empty((224 // 32) ** 2 + 1, 768))
    tower.ln_pre, tower.ln_post = nn.LayerNorm(768), nn.LayerNorm(768)
    tower.transformer = nn.Module()
    tower.transformer.resblocks = nn.ModuleList([clip_block(768) for _ in range(12)])
    tower.proj = nn.Parameter(torch.empty(768, 512))
    return tower


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_clip_has_the_parameters_of_its_layout() -> None:
    with torch.device("meta"):
        text, vision = clip_text_tower(), clip_vision_tower()
    names = {name for name, _ in text.named_parameters()}
    assert {name.rpartition("blocks.11.")[2] for name in names if "blocks.11." in name} == {
        *("ln_1.weight", "ln_1.bias", "ln_2.weight", "ln_2.bias"),
        *("attn.in_proj_weight", "attn.in_proj_bias"),
        *("attn.out_proj.weight", "attn.out_proj.bias"),
        *("mlp.c_fc.weight", "mlp.c_fc.bias", "mlp.c_proj.weight", "mlp.c_proj.bias"),
    }
    assert len(names) == 12 * 12 + 5
    assert count(text.get_submodule("transformer.resblocks.0")) == 3_152_384
    assert count(text) == TEXT_TOWER == 63_428_096
    assert count(text) + count(vision) + 1 == CLIP == 151_277_313  # 1: logit_scale


def test_finepose_counts_the_towers_of_clip_apart() -> None:
    assert TRAINED + CLIP == 200_590_084  # of its whole released model
    assert published_row("finepose-human36m-gt-finepose").note.endswith(
        "49.3 million parameters are trained, beside 63.4 million of CLIP's text tower "
        "(200.6 million in all with its vision tower)"
    )


@pytest.mark.parametrize(
    ("key", "mark"),
    [
        ("actionprompt-1-vpose-gt", ""),
        ("actionprompt-8-given", "oracle: true action given"),
        (
            "finepose-human36m-detected-mixste",
            "oracle: weights chosen on subjects that are measured",
        ),
        (
            "finepose-human36m-detected-finepose",
            "oracle: true action given, best hypothesis of each joint, "
            "weights chosen on subjects that are measured",
        ),
        (
            "finepose-mpi-inf-3dhp-finepose",  # it names no action there
            "oracle: best hypothesis of each joint, weights chosen on subjects that are measured",
        ),
        (
            "d3dp-human36m-cpn-j-agg",
            "oracle: true root, weights chosen on subjects that are measured",
        ),
        (
            "d3dp-mpi-inf-3dhp-10-steps-p-agg",
            "oracle: weights chosen on subjects that are measured",
        ),
        ("ktpformer-cpn-j-best", "oracle: best hypothesis of each joint"),
    ],
)
def test_class_marks(key: str, mark: str) -> None:
    row = published_row(key)
    assert row.origin.mark == mark
    assert row.name == (f"{row.model} ({mark})" if mark else row.model)


def test_every_row_made_with_the_truth_says_oracle() -> None:
    for row in PUBLISHED.values():
        if row.model.startswith(("FinePOSE", "D3DP")) or row.origin.kind == ("given", "single"):
            assert "(oracle: " in row.name
        assert ("oracle" in row.name) == bool(row.origin.truth_used)


def test_only_figures_of_the_same_class_stand_beside_ours() -> None:
    single = published_for("human36m", "", "cpn_ft_h36m_dbb", Origin())
    assert {row.origin.kind for row in single} == {("not given", "single")}
    assert not [row for row in single if "D3DP" in row.model or row.model == "FinePOSE"]
    best = published_for("human36m", "", "cpn_ft_h36m_dbb", Origin(aggregation="J-Best"))
    assert {row.model for row in best} == {"D3DP", "KTPFormer with D3DP"}
    given = published_for("human36m", "", "cpn_ft_h36m_dbb", Origin("given", "J-Best"))
    assert [row.model for row in given] == ["FinePOSE"]
    assert published_for("human36m", "", "cpn_ft_h36m_dbb", Origin(aggregation="P-Best")) == []


def test_labels_and_protocols_are_kept_apart() -> None:
    univ = published_for("mpi-inf-3dhp", "univ", "gt", Origin())
    assert {row.variant for row in univ} == {"univ"}
    assert "P-STMO" in {row.model for row in univ}
    assert published_for("mpi-inf-3dhp", "annot3", "gt", Origin()) == []
    assert len(published_for("mpi-inf-3dhp", "annot3", "gt", Origin(aggregation="P-Agg"))) == 1
    ours = {row.model for row in published_for("human36m", "", "gt", Origin())}
    theirs = {row.model for row in published_for("human36m-motionbert", "", "gt", Origin())}
    assert "MixSTE" in ours
    assert "MotionBERT" in theirs
    assert not ours & theirs


def test_averages_of_mpi_inf_3dhp_are_kept_apart() -> None:
    """Papers on univ report the MATLAB total, over frames; D3DP and FinePOSE sequence means."""
    averages = {"univ": "frame", "annot3": "sequence"}
    rows = [row for row in PUBLISHED.values() if row.protocol == "mpi-inf-3dhp"]
    assert {row.variant for row in rows} == set(averages)
    for row in rows:
        assert row.average == averages[row.variant]
        assert f"{row.average} mean" in row.caveats
    for row in PUBLISHED.values():
        assert row in rows or row.average == ""
    univ = ("mpi-inf-3dhp", "univ", "gt", Origin())
    assert published_for(*univ, "sequence") == []
    assert published_for(*univ, "frame") == published_for(*univ) != []
    h36m = ("human36m", "", "gt", Origin())
    assert published_for(*h36m, "action") == published_for(*h36m) != []


def test_what_is_inferred_or_a_study_of_parts_stands_beside_nothing() -> None:
    assert published_row("langpose-human36m").caveats == (
        "inferred: the protocol, from its encoder"
    )
    hidden = [row for row in PUBLISHED.values() if row.ablation or not row.certain]
    assert {row.model for row in hidden} >= {"LangPose", "DiffPose", "baseline"}
    for row in PUBLISHED.values():
        beside = published_for(row.protocol, row.variant, row.source, row.origin)
        assert not [other for other in beside if other.ablation or not other.certain]


def test_a_row_that_says_less_than_another_of_its_model_is_left_out() -> None:
    keys = [row.key for row in published_for("human36m", "", "gt", Origin())]
    assert "actionprompt-1-vpose-gt" in keys
    assert "finepose-human36m-gt-vpose" not in keys  # the mean of that row alone


def test_keys_are_plain_and_metrics_are_known() -> None:
    known = {"MPJPE", "P-MPJPE", "D-MPJPE", "tail D-MPJPE", "PCK", "AUC"}
    known |= {"action accuracy", "parameters", "MACs"}
    for key, row in PUBLISHED.items():
        assert key == row.key
        assert set(key) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.")
        assert set(row.figures) <= known
        assert row.figures or row.actions
    assert len(PUBLISHED) == 150


def test_messages() -> None:
    with pytest.raises(InputError, match=r"unknown published row 'actionprompt-1-vpose'; known"):
        published_row("actionprompt-1-vpose")
    with pytest.raises(InputError, match="published row x has no figure; give at least one"):
        Published("x", "a", "b", "c", "human36m", "gt", {})
    with pytest.raises(InputError, match="unknown place that a figure was read in 'memory'"):
        Published("x", "a", "b", "c", "human36m", "gt", {"MPJPE": 1.0}, read_in="memory")  # type: ignore[arg-type]


def test_printed_rows() -> None:
    assert numbers("1.5 - 2") == [1.5, None, 2.0]
    assert named(("a", "b", "c"), [1.5, None, 2.0]) == {"a": 1.5, "c": 2.0}
