"""What the transformer encoders promise alike, as checks that the tests of each method call."""

import math
import os
import signal

import torch
from lifting_fixtures import ACTIONS, randomised
from tiny_runs import lines, tiny_config, tiny_data
from torch import Tensor, nn

from langlift.lifting.bundle import Bundle, load_network, read_bundle, save_bundle
from langlift.lifting.features import FeatureConfig
from langlift.methods import METHODS
from langlift.methods.base import Batch
from langlift.training.folder import WEIGHTS
from langlift.training.loop import train


def parameter_count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def shapes(network: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in network.state_dict().items()}


def linear(name: str, inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a linear layer."""
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a layer norm."""
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def attention(name: str, width: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of an attention."""
    return linear(f"{name}.qkv", width, 3 * width) | linear(f"{name}.proj", width, width)


def mlp(name: str, width: int, hidden: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of an MLP."""
    return linear(f"{name}.fc1", width, hidden) | linear(f"{name}.fc2", hidden, width)


def wave(*shape: int) -> Tensor:
    """The input of the numeric fixtures: 0.5 sin(0.11 i) over the flat index."""
    flat = torch.arange(math.prod(shape), dtype=torch.float64)
    return (0.5 * torch.sin(0.11 * flat)).float().reshape(shape)


def filled(network: nn.Module) -> nn.Module:
    """The weights of the numeric fixtures: 0.02 sin(0.37 i + 1.3 k), norms' weights around 1.

    k counts the parameters in the order of their names.
    """
    parameters = dict(network.named_parameters())
    with torch.no_grad():
        for k, name in enumerate(sorted(parameters)):
            flat = torch.arange(parameters[name].numel(), dtype=torch.float64)
            values = 0.02 * torch.sin(0.37 * flat + 1.3 * k)
            values += name.endswith("weight") and "norm" in name
            parameters[name].copy_(values.reshape(parameters[name].shape))
    return network.eval()


def random_xy(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, 2, generator=torch.Generator().manual_seed(seed))


def random_batch(frames: int, joints: int = 17, action=(0, 2, -1)) -> Batch:
    b = len(action)
    generator = torch.Generator().manual_seed(3)
    target = torch.randn(b, frames, joints, 3, generator=generator)
    sure = torch.rand(b, frames, joints, generator=generator)
    return Batch(random_xy(b, frames, joints), target, torch.tensor(action), sure)


def check_stages(encoder, frames: int, tokens: int) -> None:
    """The forward is the three stages to the bit; shapes of what lies between."""
    xy = random_xy(2, frames, 17)
    stage = encoder.shallow(xy)
    assert stage.features.shape == (2, frames, tokens) and stage.stride == 1
    assert stage.layer == 1 and stage.state.shape == (2, frames, 17, tokens)
    torch.testing.assert_close(stage.features, stage.state.mean(dim=2))
    deep = encoder.deep(stage)
    assert deep.shape == (2, frames, 17, encoder.width)
    assert torch.equal(encoder.head(deep), encoder(xy))
    assert encoder.padding == (0, 0)


def check_independence(method, frames: int) -> None:
    """An output depends on its own input only."""
    xy = random_xy(3, frames, 17)
    whole, changed = method.predict(xy), xy.clone()
    changed[1] += 2
    other = method.predict(changed)
    for a, b in ((whole.joints, other.joints), (whole.action_logits, other.action_logits)):
        assert torch.equal(a[0], b[0]) and torch.equal(a[2], b[2]) and not torch.equal(a[1], b[1])


def check_every_parameter_learns(method, frames: int) -> None:
    found = method.train().training_loss(random_batch(frames))
    found.objective.backward()
    dead = [
        name
        for name, p in method.named_parameters()
        if p.grad is None or not p.grad.isfinite().all() or not p.grad.any()
    ]
    assert not dead


def check_prepared(encoder, frames: int) -> None:
    """fp32 equal, bf16 close; the network itself stays what it was; the head stays float32."""
    encoder.train()
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    same, half = encoder.prepared(torch.float32), encoder.prepared(torch.bfloat16)
    for form in (same, half):
        assert not form.training and not any(p.requires_grad for p in form.parameters())
        assert {p.dtype for p in form.head.parameters()} == {torch.float32}
    assert encoder.training and all(p.requires_grad for p in encoder.parameters())
    assert all(torch.equal(v, before[n]) for n, v in encoder.state_dict().items())
    encoder.eval()
    xy, sure = random_xy(2, frames, 17), random_xy(2, frames, 17)[..., 0].sigmoid()
    expected = encoder(xy, sure)
    torch.testing.assert_close(same(xy, sure), expected, atol=1e-5, rtol=0)
    found = half(xy, sure)
    assert half.deep(half.shallow(xy, sure)).dtype == torch.bfloat16
    assert found.dtype == torch.float32
    assert 0 < (found - expected).abs().max() < 0.03 * expected.abs().max()


def check_autocast(encoder, frames: int) -> None:
    """Under autocast the metres come out of a float32 head."""
    xy = random_xy(2, frames, 17)
    with torch.autocast("cpu", torch.bfloat16):
        deep = encoder.deep(encoder.shallow(xy))
        half = encoder.head(deep)
    assert half.dtype == torch.float32
    assert torch.equal(half, encoder.head(deep.float()))
    full = encoder(xy)
    assert 0 < (half - full).abs().max() < 0.03 * full.abs().max()


def check_bundle(name: str, config, path) -> None:
    """Config and weights come back from a file; the joints are the same to the bit."""
    assert METHODS[name].config is type(config)
    bundle = Bundle(name, config, FeatureConfig(), ACTIONS)
    network = randomised(bundle.build()).eval()
    save_bundle(path, bundle, network.state_dict())
    loaded, again, _ = load_network(path)
    assert loaded.config == config and type(loaded.config) is type(config)
    xy = random_xy(1, config.frames, 17)
    assert torch.equal(network.predict(xy).joints, again.predict(xy).joints)


def check_training(name: str, config, folder) -> None:
    """The error falls, and a run that was stopped continues with its losses to the bit."""
    run = tiny_config(model=config, steps=24, lr=1e-2, frames=config.frames, validate_every=0)
    threads = torch.get_num_threads()

    def report(entry):
        if entry["step"] == 9 and folder.joinpath("whole", WEIGHTS).exists():
            os.kill(os.getpid(), signal.SIGTERM)

    def start(out, resume=False):
        return train(name, run, tiny_data(validation=0), folder / out, resume, report)

    try:
        assert start("whole")["finished"]
        assert start("parts") == {"step": 9, "finished": False, "best": None}
        assert start("parts", resume=True)["finished"]
    finally:
        torch.set_num_threads(threads)
    whole, parts = folder / "whole", folder / "parts"
    assert lines(whole) == lines(parts)
    (_, a, _), (_, b, _) = read_bundle(whole / WEIGHTS), read_bundle(parts / WEIGHTS)
    assert set(a) == set(b) and all(torch.equal(a[key], b[key]) for key in a)
    term = "mpjpe" if config.joint_weights == "even" else "weighted_mpjpe"
    found = [entry[term] for entry in lines(whole)]
    assert len(found) == 24 and sum(found[-5:]) < 0.75 * sum(found[:5])
