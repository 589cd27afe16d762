"""One optimiser step: what is minimised, pieces of a batch, and what both are told as."""

import copy
import dataclasses

import pytest
import torch
from tiny_runs import losses, run, tiny_config, tiny_data

from langlift.errors import InputError
from langlift.lifting.device import find_device
from langlift.lifting.features import FeatureConfig
from langlift.methods import METHODS
from langlift.methods.base import Batch
from langlift.training.config import TrainConfig
from langlift.training.distributed import ALONE, Team
from langlift.training.epochs import make_sampler
from langlift.training.optim import make_optimizer
from langlift.training.step import Prefetch, run_step

#: No batch norm, so that the gradient of a batch is the mean of those of its parts.
ATTENTION = METHODS["mixste"].config(
    frames=9, channels=8, depth=1, heads=2, drop_path=0.0, action_weight=0.1
)


def config_of(**changes) -> TrainConfig:
    return tiny_config(model=ATTENTION, features=FeatureConfig(), **changes)


def network_of(config, seed=0):
    torch.manual_seed(seed)
    return METHODS["mixste"].build(config.model, tiny_data().actions).train()


def batch_of(config, step=0, piece=0):
    data = tiny_data()
    return make_sampler(data.train, data.actions, config, (0, 0)).batch(step, piece)


def gradients(network, pieces, config):
    """What a step leaves in the parameters, and what it says."""
    optimizer = torch.optim.SGD(network.parameters())
    said = run_step(network, optimizer, pieces, config, 0)
    return {name: p.grad.clone() for name, p in network.named_parameters()}, said


@pytest.mark.parametrize("self_weighted", [False, True])
def test_the_objective_is_minimised_and_the_total_is_told(self_weighted):
    """Half the square of what the poses add up to, and the action beside it."""
    model = dataclasses.replace(ATTENTION, self_weighted=self_weighted)
    config = config_of(grad_clip=0.0)
    network = network_of(dataclasses.replace(config, model=model))
    batch = batch_of(config)
    expected = copy.deepcopy(network)
    losses = expected.training_loss(batch)
    action = losses.weights["action"] * losses.terms["action"]
    poses = losses.total - action
    factor = float(poses.detach()) if self_weighted else 1.0
    (factor * poses + action).backward()
    found, said = gradients(network, batch, config)
    assert said["loss"] == float(losses.total.detach())
    assert not self_weighted or abs(factor - 1) > 0.1  # the two can be told apart
    for name, parameter in expected.named_parameters():
        torch.testing.assert_close(found[name], parameter.grad, rtol=1e-3, atol=1e-6)


def test_pieces_give_the_mean_gradient():
    """Without batch norm and with all windows labelled, a batch in pieces is the batch."""
    config = config_of(grad_clip=0.0)
    batch = batch_of(config)
    parts = [
        Batch(*(value[part] for value in vars(batch).values()))
        for part in (slice(0, 4), slice(4, 8))
    ]
    in_two = dataclasses.replace(config, accumulate=2)
    whole, told = gradients(network_of(config), batch, config)
    pieces, said = gradients(network_of(config), iter(parts), in_two)
    assert set(said) == set(told)
    for name, value in told.items():
        assert said[name] == pytest.approx(value, rel=1e-6), name
    for name, value in whole.items():
        torch.testing.assert_close(pieces[name], value, rtol=1e-4, atol=1e-7)


def test_a_loss_that_is_not_finite_is_told_as_it_is():
    """In a run and in a dry run, which saves nothing; the weights stay what they were."""
    config = config_of(lr=2e-3)
    network, batch = network_of(config), batch_of(config)
    before = copy.deepcopy(network.state_dict())
    broken = dataclasses.replace(batch, joints=batch.joints * float("nan"))
    message = (
        r"the loss is nan at step 5; start a new run with a lower learning rate \(--lr, now "
        r"0.002\); whatever was saved before this step is kept"
    )
    with pytest.raises(InputError, match=message):
        run_step(network, make_optimizer(network, config), broken, config, 5)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_dropout_of_a_piece_depends_on_seed_step_and_piece_only():
    model = dataclasses.replace(ATTENTION, drop_path=0.5, depth=2)
    config = dataclasses.replace(config_of(grad_clip=0.0, accumulate=2), model=model)
    pieces = [batch_of(config, 0, n) for n in (0, 1)]
    network = network_of(config)
    one, told = gradients(network, pieces, config)
    torch.rand(13)
    other, said = gradients(network_of(config), pieces, config)
    assert said == told and all(torch.equal(one[n], other[n]) for n in one)
    seeded = dataclasses.replace(config, seed=9)
    assert gradients(network_of(config), pieces, seeded)[1] != told


def test_the_number_of_pieces_must_be_that_of_the_settings():
    config = config_of(accumulate=2)
    with pytest.raises(ValueError, match="shorter"):
        run_step(
            network_of(config),
            make_optimizer(network_of(config), config),
            [batch_of(config)],
            config,
            0,
        )


def test_pieces_are_drawn_in_order_and_one_ahead():
    asked = []

    class Recorder:
        def batch(self, step, piece=0):
            asked.append((step, piece))
            return (step, piece)

    with Prefetch(Recorder(), range(1, 6, 2), 7) as batches:
        first = [*batches.take(7)]
        second = [*batches.take(8)]
    assert first == [(7, 1), (7, 3), (7, 5)] and second == [(8, 1), (8, 3), (8, 5)]
    assert asked[:6] == first + second and asked[6:] in ([], [(9, 1)])


def test_a_run_in_pieces_resumes_exactly(tmp_path):
    config = config_of(steps=12, accumulate=4, validate_every=0, checkpoint_every=5)

    def report(entry):
        if entry["step"] == 8:
            raise KeyboardInterrupt

    run(tmp_path / "whole", config, tiny_data(0), method="mixste")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "run", config, tiny_data(0), report=report, method="mixste")
    torch.rand(3)
    run(tmp_path / "run", config, tiny_data(0), resume=True, method="mixste")
    assert losses(tmp_path / "run") == losses(tmp_path / "whole")


def test_ranger_resumes_exactly(tmp_path):
    """Stopped between two of its steps back: the slow weights are those of before."""
    config = tiny_config(steps=20, optimizer="ranger", validate_every=0, checkpoint_every=9)

    def report(entry):
        if entry["step"] == 11:
            raise KeyboardInterrupt

    run(tmp_path / "whole", config, tiny_data(0))
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "run", config, tiny_data(0), report=report)
    run(tmp_path / "run", config, tiny_data(0), resume=True)
    assert losses(tmp_path / "run") == losses(tmp_path / "whole")


def test_processes_take_pieces_in_turns():
    teams = [Team(torch.device("cpu"), rank, 3) for rank in range(3)]
    assert [[*team.pieces(6)] for team in teams] == [[0, 3], [1, 4], [2, 5]]
    assert [team.leads for team in teams] == [True, False, False]
    assert [*ALONE.pieces(1)] == [0]
    message = "accumulate is 4, but 3 processes share .* a multiple of 3"
    for team in teams:
        with pytest.raises(InputError, match=message):
            team.pieces(4)


def test_devices(monkeypatch):
    assert find_device("cpu", 0) == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert find_device("auto", 3) == torch.device("cpu")
    with pytest.raises(InputError, match="device is cuda, but torch finds no GPU here; give --dev"):
        find_device("cuda", 0)
    chosen = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    assert find_device("auto", 1) == find_device("cuda", 1) == torch.device("cuda", 1)
    assert chosen == [1, 1] and find_device("cpu", 1) == torch.device("cpu")
    with pytest.raises(InputError, match=r"process 2 .* there are 2; start at most 2 processes \("):
        find_device("auto", 2)
