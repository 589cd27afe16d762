"""The command does what its help says: files, printed words, JSON, exit status."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from cli_fixtures import TINY_RUN, Command, files_under, keypoint_file, tiny_bundle, tiny_corpus
from format_files import IMAGE, as_json, flat, folder_of
from lifting_fixtures import track

from langlift._version import __version__
from langlift.cli.lift import describe
from langlift.cli.main import VERBS
from langlift.formats import read_motion
from langlift.skeletons import HUMAN36M_17
from langlift.tracks import ActionEstimate, Motion

ROOT = Path(__file__).parents[1]


@pytest.fixture
def langlift(capsys, tmp_path, monkeypatch) -> Command:
    """The command in a folder with a bundle and a clip, without a corpus."""
    monkeypatch.delenv("LANGLIFT_CORPUS", raising=False)
    monkeypatch.chdir(tmp_path)
    tiny_bundle(tmp_path / "tiny.safetensors")
    keypoint_file(tmp_path / "clip.npz")
    return Command(capsys)


def lift(langlift: Command, *options: object, clip: object = "clip.npz"):
    said = langlift("lift", clip, "--model", "tiny.safetensors", "--out", "out", *options)
    assert (said.status, said.err) == (0, ""), said
    return said.out


def documented_keys() -> dict[str, str]:
    """Name and meaning of the arrays of motion.npz, from the table in the README."""
    table = (ROOT / "README.md").read_text().split("<!-- table: motion npz -->\n")[1]
    rows = [line.split("|") for line in table.split("\n\n")[0].splitlines()[2:]]
    return {row[1].strip(" `"): row[3].strip() for row in rows}


# Lifting.


def test_lifting_writes_what_it_says(langlift, tmp_path):
    out = lift(langlift)
    assert files_under(tmp_path / "out") == {"motion.npz", "motion.json", "motion.png"}
    lines = out.splitlines()
    assert lines[0] == "12 frames at 30 fps (0.4 s) lifted to 3D"
    assert lines[1].startswith("action: ") and lines[1].count("%") == 3
    assert "camera: assumed: focal length 1152 px, image 1000 x 1002" in lines
    assert lines[-3:] == [f"wrote out/motion.{suffix}" for suffix in ("npz", "json", "png")]


def test_motion_npz_holds_the_documented_keys(langlift, tmp_path):
    lift(langlift, "--formats", "npz")
    with np.load(tmp_path / "out" / "motion.npz", allow_pickle=False) as stored:
        arrays = dict(stored)
    only_sometimes = {key for key, meaning in documented_keys().items() if "only" in meaning}
    assert only_sometimes == {"root", "hypotheses", "spread"}
    assert set(arrays) == set(documented_keys()) - only_sometimes
    assert arrays["joints"].shape == (12, 17, 3) and arrays["joints"].dtype == np.float32
    assert (arrays["joints"][:, 0] == 0).all()
    assert tuple(arrays["joint_names"]) == HUMAN36M_17.joints
    assert arrays["action_probabilities"].sum(axis=1) == pytest.approx(1.0, abs=1e-5)
    assert arrays["action_windows"][0, 0] == 0 and arrays["action_windows"][-1, 1] == 12
    provenance = json.loads(str(arrays["provenance"]))
    assert provenance["model"] == "tiny" and len(provenance["weights_sha256"]) == 64
    assert provenance["langlift"] == __version__ and provenance["file"] == "clip.npz"


def test_all_formats_agree(langlift, tmp_path):
    lift(langlift, "--formats", "npz,json,csv,png,mp4")
    out = tmp_path / "out"
    motion = read_motion(out / "motion.npz")
    told = json.loads((out / "motion.json").read_text())
    assert np.abs(np.array(told["joints"]) - motion.joints).max() < 1e-6
    assert motion.action is not None and told["action"]["label"] == motion.action.label
    rows = list(csv.DictReader((out / "motion.csv").open()))
    assert len(rows) == 12
    assert float(rows[3]["head_top_y"]) == pytest.approx(float(motion.joints[3, 10, 1]), abs=1e-6)
    assert (out / "motion.png").read_bytes().startswith(b"\x89PNG")
    import av

    with av.open(str(out / "motion.mp4")) as video:
        assert video.streams.video[0].average_rate == 30
        assert sum(1 for _ in video.decode(video=0)) == 12


def test_json_is_all_that_is_printed(langlift):
    told = json.loads(lift(langlift, "--json"))
    assert told["frames"] == 12 and told["fps"] == 30 and told["space"] == "root"
    assert told["action"] in ("walk", "squat", "wave") and 0 < told["action_probability"] <= 1
    assert told["files"] == [f"out/motion.{suffix}" for suffix in ("npz", "json", "png")]
    assert told["provenance"]["model"] == "tiny"


def test_one_frame_is_no_frames_and_lasts(langlift, tmp_path):
    keypoint_file(tmp_path / "one.npz", frames=1)
    out = lift(langlift, "--formats", "npz", clip="one.npz")
    assert out.startswith("1 frame at 30 fps (0.03 s) lifted to 3D\n")


@pytest.mark.parametrize(
    ("row", "line"),
    [
        ([0.28, 0.5, 0.22], "action: squat 50%, walk 28%, wave 22%"),
        ([0.34, 0.38, 0.28], "action: uncertain: squat 38%, walk 34%, wave 28%"),
    ],
)
def test_a_guess_is_called_one(row, line):
    action = ActionEstimate(("walk", "squat", "wave"), np.array([row]), np.array([[0, 4]]))
    motion = Motion(np.zeros((4, 17, 3)), HUMAN36M_17, 30.0, action=action)
    assert describe(motion, []).splitlines()[1] == line


def test_what_a_file_says_about_itself_cannot_break_the_summary(langlift):
    provenance = {"conversion_notes": 5, "camera": "a\x1b[2J\nb"}
    motion = Motion(np.zeros((4, 17, 3)), HUMAN36M_17, 30.0, provenance=provenance)
    lines = describe(motion, [Path("out\n.npz")]).splitlines()
    assert lines[1:] == ["note: 5", r"camera: a\x1b[2J\nb", r"wrote out\n.npz"]


def test_quiet_prints_nothing(langlift, tmp_path):
    assert lift(langlift, "--quiet", "--formats", "npz,mp4") == ""
    assert files_under(tmp_path / "out") == {"motion.npz", "motion.mp4"}


def lifted(langlift: Command, tmp_path: Path, *options: object, clip: object) -> Motion:
    lift(langlift, "--formats", "npz", *options, clip=clip)
    return read_motion(tmp_path / "out" / "motion.npz")


SIZE = ("--fps", 25, "--image-size", 640, 480)


def test_an_openpose_folder(langlift, tmp_path):
    frames = {
        f"clip_{n:06d}": {"people": [{"pose_keypoints_2d": flat(25, 5 * n)}]} for n in range(3)
    }
    motion = lifted(langlift, tmp_path, *SIZE, clip=folder_of(**frames)(tmp_path))
    assert motion.joints.shape == (3, 17, 3) and motion.fps == 25
    assert motion.provenance["format"] == "openpose"
    assert motion.provenance["converted_from"] == "body_25"


def test_coco_json(langlift, tmp_path):
    notes = [{"image_id": n, "keypoints": flat(17, n), "track_id": 4} for n in (1, 2)]
    images = [IMAGE, {**IMAGE, "id": 2}]
    clip = as_json({"images": images, "annotations": notes})(tmp_path)
    motion = lifted(langlift, tmp_path, "--fps", 25, "--person", 4, clip=clip)
    assert motion.joints.shape == (2, 17, 3) and motion.provenance["format"] == "coco"
    assert "note: spine is the middle" in lift(langlift, "--fps", 25, clip=clip)


def test_one_frame(langlift, tmp_path):
    keypoint_file(tmp_path / "one.npz", frames=1)
    lift(langlift, "--formats", "npz,json,csv,png,mp4", clip="one.npz")
    motion = read_motion(tmp_path / "out" / "motion.npz")
    assert len(motion) == 1 and np.isfinite(motion.joints).all()
    assert motion.action is not None and motion.action.windows.tolist() == [[0, 1]]


def test_25_frames_per_second_come_back_at_25(langlift, tmp_path):
    keypoint_file(tmp_path / "slow.npz", frames=40, fps=25.0)
    motion = lifted(langlift, tmp_path, clip="slow.npz")
    assert motion.fps == 25 and len(motion) == 40
    assert motion.provenance["input_fps"] == 25 and motion.provenance["model_fps"] == 50


def test_missing_joints_and_frames(langlift, tmp_path):
    points = track(20)
    seen = np.ones((20, 17))
    seen[:, 16] = 0
    seen[5:8] = 0
    keypoint_file(tmp_path / "holes.npz", frames=20, fps=50.0, confidence=seen)
    motion = lifted(langlift, tmp_path, clip="holes.npz")
    assert len(motion) == len(points) and np.isfinite(motion.joints).all()


def test_options_reach_the_lifter(langlift, tmp_path):
    plain = lifted(langlift, tmp_path, clip="clip.npz")
    for options in (["--no-flip"], ["--focal", 700], ["--precision", "bf16"]):
        other = lifted(langlift, tmp_path, *options, clip="clip.npz")
        assert not np.array_equal(other.joints, plain.joints), options
    given = lifted(langlift, tmp_path, "--focal", 700, clip="clip.npz").provenance["camera"]
    assert given == "given: focal length 700 px, image 1000 x 1002"


def test_results_of_an_earlier_run_are_replaced(langlift, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "motion.npz").write_bytes(b"old")
    assert len(lifted(langlift, tmp_path, clip="clip.npz")) == 12


# Weights.


def test_weights_inspect_tells_what_the_file_says(langlift):
    told = json.loads(langlift("weights", "inspect", "tiny.safetensors", "--json").out)
    assert told["method"] == "vpose" and told["config"]["widths"] == [3, 3]
    assert told["actions"]["labels"] == ["walk", "squat", "wave"]
    assert told["card"]["licence"] == "Apache-2.0" and told["fps"] == 50
    assert len(told["weights_sha256"]) == 64 and told["parameters"] > 1000
    text = langlift("weights", "inspect", "tiny.safetensors").out
    assert (
        f"weights_sha256: {told['weights_sha256']}\n" in text and '"licence": "Apache-2.0"' in text
    )


def test_weights_list(langlift, tmp_path, monkeypatch):
    shelf = dict.fromkeys(("default", "tiny"), tmp_path / "tiny.safetensors")
    monkeypatch.setattr("langlift.weights.catalogue", lambda: shelf)
    rows = json.loads(langlift("weights", "list", "--json").out)
    assert [row["name"] for row in rows] == ["default", "tiny"]
    told = json.loads(langlift("weights", "inspect", "tiny", "--json").out)
    for row in rows:
        assert row["method"] == "vpose" and row["actions"] == 3 and row["licence"] == "Apache-2.0"
        assert row["parameters"] == told["parameters"]
    assert "default" in langlift("weights", "list").out
    monkeypatch.setattr("langlift.weights.catalogue", dict)
    said = langlift("weights", "list")
    assert said.status == 2 and "holds no weights; install langlift again" in said.err


def test_the_weights_in_the_package_can_be_listed_and_inspected(langlift):
    rows = json.loads(langlift("weights", "list", "--json").out)
    assert {"name", "method", "parameters", "megabytes", "actions", "licence"} == set(rows[0])
    for row in rows:
        assert row["megabytes"] <= 10 and "Apache-2.0" in row["licence"]
        told = json.loads(langlift("weights", "inspect", row["name"], "--json").out)
        assert told["method"] == row["method"] and len(told["actions"]["labels"]) == row["actions"]


def test_the_list_of_weights_has_one_line_each(langlift, tmp_path, monkeypatch):
    licence = "Apache-2.0[red]; trained on " + "permissive sources only " * 5
    tiny_bundle(tmp_path / "short.safetensors", card={"licence": licence})
    tiny_bundle(tmp_path / "long.safetensors", card={"licence": "\x1b[2J" + "very " * 40})
    shelf = {name: tmp_path / f"{name}.safetensors" for name in ("short", "long")}
    monkeypatch.setattr("langlift.weights.catalogue", lambda: shelf)
    monkeypatch.setenv("COLUMNS", "100")
    lines = langlift("weights", "list").out.splitlines()
    assert len(lines) == 6 and max(map(len, lines)) <= 100  # a frame, the head, two rows
    assert "│ Apache-2.0[red] " in lines[3] and "│ \\x1b[2Jvery" in lines[4]
    assert json.loads(langlift("weights", "list", "--json").out)[0]["licence"] == licence


# Training.


def test_training_end_to_end(langlift, tmp_path):
    said = langlift("train", "vpose", *TINY_RUN.split(), "--out", "run")
    assert (said.status, said.err) == (0, "")
    assert said.out.splitlines()[-1] == "step 4 of 4: finished; the run is in run"
    assert sum(line.startswith("step ") for line in said.out.splitlines()) == 5
    assert "validation: step 4  mpjpe_mm_gt " in said.out
    files = {"config.json", "metrics.jsonl", "best.safetensors", "last.safetensors"}
    assert files < files_under(tmp_path / "run")
    told = json.loads(langlift("weights", "inspect", "run/best.safetensors", "--json").out)
    settings = TINY_RUN.removeprefix("--data synthetic ")
    assert told["card"]["command"] == f"langlift train vpose {settings} --data synthetic"
    assert "synthetic" in told["card"]["data"]
    out = langlift("lift", "clip.npz", "-m", "run/best.safetensors", "--json", "-o", "out").out
    assert json.loads(out)["provenance"]["model"] == "best"


def test_the_card_keeps_the_first_command_and_no_path(langlift, tmp_path):
    """However the options are written; resuming does not change what is told of the run."""
    corpus = tiny_corpus(tmp_path / "secret")
    options = TINY_RUN.removeprefix("--data synthetic ")
    start = f"{options} --data={corpus} -o{tmp_path}/run --no-json --quiet"
    assert langlift("train", "vpose", *start.split()) == (0, "", "")
    again = ["--data", corpus, f"--out={tmp_path}/run", "--resume", "--quiet"]
    assert langlift("train", "vpose", *again) == (0, "", "")
    again = ["--data", corpus, f"-o{tmp_path}/run", "--resume", "--quiet"]
    assert langlift("train", "vpose", *again) == (0, "", "")
    for name in ("last", "best"):
        card = json.loads(langlift("weights", "inspect", f"run/{name}.safetensors", "--json").out)
        assert card["card"]["command"] == f"langlift train vpose {options}"
    told = (tmp_path / "run" / "data.json").read_text()
    assert "split core of a motion corpus" in told and str(tmp_path) not in told


def test_training_in_json_and_in_silence(langlift):
    told = json.loads(langlift("train", "vpose", *TINY_RUN.split(), "-o", "a", "--json").out)
    assert told["step"] == 4 and told["finished"] and told["best"]["step"] == 4
    assert langlift("train", "vpose", *TINY_RUN.split(), "-o", "b", "--quiet") == (0, "", "")


def test_a_dry_run_tells_the_cost_and_writes_nothing(langlift, tmp_path):
    before = files_under(tmp_path)
    said = langlift("train", "vpose", *TINY_RUN.split(), "--out", "run", "--dry-run")
    assert (said.status, said.err) == (0, "")
    starts = ("parameters ", "training clips   21 ", "memory ", "time per step", "time for the run")
    for line, start in zip(said.out.splitlines(), starts, strict=True):
        assert line.startswith(start)
    told = json.loads(langlift("train", "vpose", *TINY_RUN.split(), "--dry-run", "--json").out)
    assert f"parameters       {told['parameters']:,} " in said.out
    assert told["clips"] == 21 and told["classes"] == 21 and told["total_seconds"] > 0
    assert files_under(tmp_path) == before


@pytest.mark.parametrize("option", ["--recipe bare", "--recipe=bare"])
def test_the_recipe_is_where_the_settings_start(option, langlift, tmp_path):
    said = langlift("train", "vpose", *TINY_RUN.split(), *option.split(), "-o", "run", "--quiet")
    assert said == (0, "", "")
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["cameras"] == "human36m" and config["features"]["kind"] == "screen"
    assert config["steps"] == 4 and config["model"]["channels"] == 8


# Evaluation.


def test_evaluating_prints_tables_and_writes_them(langlift, tmp_path):
    tiny_corpus(tmp_path / "corpus")
    models = "mean-pose,linear-regression,tiny.safetensors"
    said = langlift("evaluate", "--data", "corpus", "-m", models, "-o", "report")
    assert (said.status, said.err) == (0, "")
    assert "split core, part test: 2 clips, 29 frames, 1 subjects" in said.out
    assert files_under(tmp_path / "report") == {"mocap.md", "mocap.json"}
    report = json.loads((tmp_path / "report" / "mocap.json").read_text())
    rows = report["tables"][0]["rows"]
    assert [(row["model"], row["tags"]["2D"]) for row in rows] == [
        (model, source) for model in models.split(",") for source in ("gt", "noisy")
    ]
    for row in rows:
        assert row["tags"]["views"] == "8" and row["mark"] == ""
        assert 0 < row["figures"]["P-MPJPE"]["value"] <= row["figures"]["MPJPE"]["value"]
    text = (tmp_path / "report" / "mocap.md").read_text()
    assert f"| mean-pose | gt | - | 8 | {rows[0]['figures']['MPJPE']['value']:.1f} [" in text


def test_evaluating_a_choice(langlift, tmp_path, monkeypatch):
    monkeypatch.setenv("LANGLIFT_CORPUS", str(tiny_corpus(tmp_path / "corpus")))
    before = files_under(tmp_path)
    options = ("-m", "mean-pose", "--part", "val", "--sources", "gt", "--only", "street", "--json")
    report = json.loads(langlift("evaluate", *options).out)
    assert "part val: 1 clips" in report["facts"]["data"]
    assert "only street" in report["facts"]["data"]
    assert len(report["tables"][0]["rows"]) == 1
    assert langlift("evaluate", *options[:-1], "--quiet") == (0, "", "")
    assert files_under(tmp_path) == before


# Help, version, and the terminal.


def test_help_names_every_verb(langlift):
    texts = {langlift(*arguments) for arguments in ([], ["-h"], ["--help"], ["help"])}
    assert len(texts) == 1
    (said,) = texts
    assert said.status == 0 and all(f"  {verb} " in said.out for verb in VERBS)
    assert langlift("--version") == (0, f"langlift {__version__}\n", "")


FLAGS = {
    "lift": "out model formats format skeleton fps image-size person focal flip precision device",
    "demo": "out action open",
    "evaluate": "protocol models model data split part sources source annotation root windows "
    "no-flip actions subjects precision device clips only out resume",
    "train vpose": "out data recipe resume dry-run steps batch frames lr seed model.widths "
    "features.kind augment. ranges. synthetic-share validate-every checkpoint-every",
    "weights list": "",
    "weights inspect": "",
    "weights import": "method out heads causal skeleton unit fps licence",
    "export onnx": "out opset check",
}


@pytest.mark.parametrize("verb", FLAGS)
def test_help_names_every_flag(verb, langlift):
    said = langlift(*verb.split(), "--help")
    assert (said.status, said.err) == (0, "")
    assert said.out.startswith(f"usage: langlift {verb} ")
    quiet = [] if verb.startswith(("weights", "export")) else ["quiet"]
    for flag in [*FLAGS[verb].split(), *quiet, "json"]:
        assert f"--{flag}" in said.out
    assert "None" not in said.out
    assert len({len(line) for line in said.out.splitlines() if line.startswith(("╭", "│"))}) == 1


@pytest.mark.parametrize("verb", ["train", "weights"])
def test_help_of_verbs_with_a_second_word(verb, langlift):
    said = langlift(verb, "--help")
    assert said.status == 0 and f"usage: langlift {verb} " in said.out
    assert langlift(verb) == said
