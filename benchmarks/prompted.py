"""What ActionPrompt adds to its encoders: to a pass, to a stream of single frames, to a step."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, cast

import torch
from encoders import peak_mb
from machine import Comparison, in_turns, timed
from material import Setup, randomised
from table import Row
from torch import Tensor

from langlift.actions import ActionVocabulary, words_of
from langlift.errors import unknown
from langlift.methods import get_method
from langlift.methods.a3dhp import A3DHPConfig
from langlift.methods.actionprompt import ActionPrompted
from langlift.methods.base import DTYPES, Batch, Guidance, Precision, autocast
from langlift.methods.dstformer import DSTformerConfig
from langlift.methods.mixste import MixSTEConfig
from langlift.methods.vpose import VPoseConfig
from langlift.text.clip import ClipTextEncoder
from langlift.text.pretrained import need_libraries
from langlift.training.config import TrainConfig
from langlift.training.loop import run_step
from langlift.training.optim import make_optimizer

#: The classes of Human3.6M.
_ACTIONS = ActionVocabulary(
    (
        *("Directions", "Discussion", "Eating", "Greeting", "Phoning", "Photo", "Posing"),
        *("Purchases", "Sitting", "SittingDown", "Smoking", "Waiting", "WalkDog", "Walking"),
        "WalkTogether",
    )
)
_SLOW_ROUNDS = 5
_DIFFERENCE = 1e-5  # metres, fp32
_STREAMED, _RATE = 200, 50  # frames that are timed, and frames per second to keep up with
_STEP_ROUNDS = 3
_STEP_WINDOWS = {"vpose": 128, "mixste": 4}
_TEXT_SHARE = {"mixste": 20.0}  # per cent of a step at most, at 64 windows or fewer
_TINY_TOWER = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2}


@dataclass(frozen=True)
class _Attached:
    """An encoder with ActionPrompt around it.

    Args:
        title: for people, with the size.
        method: name in `langlift.methods.METHODS`.
        encoder: settings of the encoder; those of ActionPrompt are the paper's.
        frames: input frames of the pass that is measured.
        most: the time that is added may be at most this share of the encoder's own.
    """

    title: str
    method: str
    encoder: Any
    frames: int
    most: float | None = None

    def config(self, **changes: Any) -> Any:
        """Settings of the prompted encoder."""
        return get_method(self.method).config(**{"encoder": self.encoder, **changes})

    def network(self, **changes: Any) -> ActionPrompted:
        """It with random weights and embeddings, its gates open."""
        config = self.config(**changes)
        build = lambda: get_method(self.method).build(config, _ACTIONS)  # noqa: E731
        network = cast(ActionPrompted, randomised(build))
        assert network.text is not None
        assert network.app is not None and network.atp.pose_to_text is not None  # as in the paper
        network.text.copy_(_drawn(*network.text.shape))
        with torch.no_grad():
            for gate in (network.app.gate, network.atp.pose_to_text.gate):
                gate.copy_(_drawn(*gate.shape) / 10)
        return network

    def features(self) -> Tensor:
        """(1, frames, 17, 2) random features of about the size of real ones."""
        return _drawn(1, self.frames, 17, 2)


def prompted(setup: Setup) -> list[Row]:
    """Passes of all encoders with and without, and of single frames; text in training steps."""
    rows = [
        row
        for name, attached in _attached(setup.quick).items()
        for row in (*_passes(setup, attached), *_memory(setup, name, attached))
    ]
    steps = [row for name in _STEP_WINDOWS for row in _text_share(setup, name)]
    return [*rows, *_stream(setup), *steps]


def one_prompted(name: str, form: str, quick: bool) -> Callable[[], Tensor]:
    """One pass through the prepared form in that precision, with random weights."""
    known = _attached(quick)
    if name not in known:
        raise unknown("encoder", name, known)
    precision: Precision = "bf16" if form == "bf16" else "fp32"
    return _pass(known[name].network().prepared(precision), known[name].features())


def _attached(quick: bool) -> dict[str, _Attached]:
    if quick:
        sizes: dict[str, Any] = {"channels": 16, "depth": 2, "heads": 2, "frames": 9}
        encoders: tuple[Any, ...] = (
            VPoseConfig(widths=(3, 3), channels=16), A3DHPConfig(frames=27, channels=16),
            MixSTEConfig(**sizes), DSTformerConfig(representation=16, **sizes),
        )  # fmt: skip
        names, frames = ("vpose", "a3dhp", "mixste", "dstformer"), (17, 53, 9, 9)
        return {
            name: _Attached(f"tiny {name} + APM", f"{name}+apm", encoder, f)
            for name, encoder, f in zip(names, encoders, frames, strict=True)
        }
    return {
        "vpose": _Attached("VPose 243 x 1024 + APM", "vpose+apm", VPoseConfig(), 485, 0.25),
        "a3dhp": _Attached("A3DHP 243 x 1024 + APM", "a3dhp+apm", A3DHPConfig(), 485),
        "mixste": _Attached("MixSTE 512 x 4 + APM", "mixste+apm", MixSTEConfig(depth=4), 243, 0.10),
        "dstformer": _Attached("DSTformer 512 x 5 + APM", "dstformer+apm", DSTformerConfig(), 243),
    }


def _passes(setup: Setup, attached: _Attached) -> list[Row]:
    """A pass against that of the encoder alone in the same precision, and against the eager one."""
    network, xy = attached.network(), attached.features()
    encoder: Any = network.encoder
    given = Guidance("label", "Sitting", "given")  # so that rounding chooses no other prompts
    with torch.inference_mode():
        eager = network.predict(xy, guidance=given).joints
    rows, differences = [], []
    for precision, dtype in DTYPES.items():
        predict, bare = network.prepared(precision), encoder.prepared(dtype)  # type: ignore[arg-type]
        times = in_turns(
            _pass(predict, xy), torch.inference_mode()(lambda bare=bare: bare(xy)), setup.rounds
        )
        rows.append(_speed(setup, attached, precision, eager.shape[1], times))
        with torch.inference_mode():
            worst = float((predict(xy, guidance=given).joints - eager).abs().max())
        target = setup.target(_DIFFERENCE, "at most") if precision == "fp32" else None
        name = f"{attached.title}, largest difference to the eager form, {precision}"
        differences.append(Row(name, worst, "m", target))
    return [*rows, *differences]


def _pass(predict: Any, xy: Tensor) -> Callable[[], Tensor]:
    def run() -> Tensor:
        with torch.inference_mode():
            return predict(xy).joints

    return run


def _speed(
    setup: Setup, attached: _Attached, precision: str, frames: int, times: Comparison
) -> Row:
    target = None
    if attached.most is not None:
        target = setup.target(1 / (1 + attached.most), "at least", of="ratio")
    name = f"{attached.title}, {frames} frames, {precision}"
    reference = f"the encoder alone, {precision}"
    return Row(name, frames / times.seconds, "frames/s", target, times.ratio, reference)


def _memory(setup: Setup, name: str, attached: _Attached) -> list[Row]:
    return [
        Row(
            f"{attached.title}, one pass, {precision}: peak memory",
            peak_mb(setup, name, precision, work="prompted"), "MB",
        )
        for precision in DTYPES
    ]  # fmt: skip


def _stream(setup: Setup) -> list[Row]:
    """One frame at a time: the last frames of a causal network's window in, joints and label out.

    The encoder is in its strided form, which computes one output frame and nothing beside it.
    """
    attached = _attached(setup.quick)["vpose"]
    encoder = replace(attached.encoder, causal=True, form="strided")
    network = replace(attached, encoder=encoder).network()
    rows = []
    for precision in DTYPES:
        step = _streamer(network.prepared(precision), encoder.receptive_field)
        step()
        seconds = sorted(timed(step) for _ in range(setup.size(_STREAMED, 3)))
        late = seconds[int(0.95 * (len(seconds) - 1))]
        title = f"{attached.title}, causal, {precision}, one frame at a time"
        most, least = setup.target(1000 / _RATE, "at most"), setup.target(_RATE, "at least")
        rows += [
            Row(f"{title}: median", 1000 * statistics.median(seconds), "ms"),
            Row(f"{title}: 95th percentile", 1000 * late, "ms", most),
            Row(f"{title}: keeps up with", 1 / late, "frames/s", least),
        ]
    return rows


def _streamer(predict: Any, field: int) -> Callable[[], tuple[Tensor, Tensor]]:
    """What takes one frame more and gives its joints and its label."""
    window, frame = _drawn(1, field, 17, 2), _drawn(1, 1, 17, 2)

    @torch.inference_mode()
    def step() -> tuple[Tensor, Tensor]:
        nonlocal window
        window = torch.cat([window[:, 1:], frame], dim=1)
        said = predict(window)
        return said.joints, said.action_logits.argmax(dim=-1)

    return step


def _text_share(setup: Setup, name: str) -> list[Row]:
    """What part of a training step in bf16 goes through a text tower of CLIP's size and back."""
    attached = _attached(setup.quick)[name]
    windows = setup.size(_STEP_WINDOWS[name], 2)
    field = getattr(attached.encoder, "receptive_field", None)
    if field is not None:  # as it is trained: one output frame of each window
        attached = replace(
            attached, encoder=replace(attached.encoder, form="strided"), frames=field
        )
    reader = clip_size_tower(setup.quick)
    config = attached.config(text_width=len(cast(Tensor, reader.projection)))
    built = cast(Any, get_method(attached.method).build(config, _ACTIONS))
    network = ActionPrompted(built.encoder, _ACTIONS, reader, config=config).train()
    network.start_training()
    frames = attached.frames - sum(network.padding)
    batch = Batch(
        _drawn(windows, attached.frames, 17, 2),
        _drawn(windows, frames, 17, 3) / 3,
        torch.arange(windows) % len(_ACTIONS),
    )
    run = TrainConfig(
        model=config, batch=windows, frames=frames, warmup=0, ema=0.0, precision="bf16"
    )
    optimizer, number = make_optimizer(network, run), count()
    times = in_turns(
        lambda: _read(network),
        lambda: run_step(network, optimizer, batch, run, next(number)),
        min(setup.rounds, _STEP_ROUNDS),
    )
    title = f"training step, {attached.title}, {windows} x {frames} frames, bf16"
    most = _TEXT_SHARE.get(name)
    target = None if most is None else setup.target(most, "at most")
    return [
        Row(f"{title}, text tower of CLIP's size", times.reference_seconds, "s"),
        Row(f"{title}: {len(_ACTIONS)} prompts, there and back", times.seconds, "s"),
        Row(f"{title}: share of the text", 100 / times.ratio, "%", target),
    ]


def _read(network: ActionPrompted) -> None:
    """The text branch there and back, as in a step."""
    with autocast(torch.device("cpu"), "bf16"):
        text = network.embeddings()
    assert text is not None
    text.square().sum().backward()
    network.zero_grad()


def clip_size_tower(quick: bool) -> ClipTextEncoder:
    """A text encoder of the size of CLIP ViT-B/32 with random weights; it knows the classes' words.

    Raises:
        InputError: when the `text` extra is not installed.
    """
    need_libraries("clip")
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
    from transformers import CLIPTextConfig, CLIPTextModelWithProjection

    sizes: dict[str, Any] = {**_TINY_TOWER, "num_attention_heads": 2} if quick else {}
    model = CLIPTextModelWithProjection(CLIPTextConfig(**sizes)).eval().requires_grad_(False)
    names = " ".join(map(words_of, _ACTIONS.labels)).split()
    words = {word: n for n, word in enumerate(sorted({*names, "<other>"}))}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<other>"))
    tokenizer.normalizer = normalizers.Lowercase()  # type: ignore[assignment]
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()  # type: ignore[assignment]
    start, stop, end = 49406, 269, 49407
    projection = model.text_projection.weight.detach()
    return ClipTextEncoder(model.text_model, projection, tokenizer, ([start], [stop, end]))


def _drawn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))
