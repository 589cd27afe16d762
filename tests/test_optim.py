"""Learning rate, optimisers, batch-norm momentum and averaged weights."""

import pytest
import torch
from tiny_runs import tiny_config
from torch import nn

from langlift.training.lookahead import Ranger
from langlift.training.optim import (
    Average,
    learning_rate,
    make_optimizer,
    schedule_batch_norm,
)


def test_cosine_learning_rate():
    config = tiny_config(steps=1000, warmup=0, lr=2e-3)
    assert learning_rate(0, config) == pytest.approx(2e-3)
    assert learning_rate(500, config) == pytest.approx(2e-3 * (0.01 + 0.99 / 2))
    assert learning_rate(1000, config) == pytest.approx(2e-5)  # 1 % at the end
    rates = [learning_rate(s, config) for s in range(1000)]
    assert rates == sorted(rates, reverse=True) and len(set(rates)) == 1000


def test_warm_up_is_linear_from_one_part_to_the_whole():
    config = tiny_config(steps=10**9, warmup=4, lr=1.0)
    rates = [learning_rate(s, config) for s in range(6)]
    assert rates == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0, 1.0])


def test_exponential_learning_rate_is_the_papers():
    end = {"lr_schedule": "exponential", "lr_end": 0.95**60}
    config = tiny_config(steps=6000, warmup=0, lr=1e-3, **end)
    assert learning_rate(0, config) == 1e-3
    for epoch in (1, 30, 60):
        assert learning_rate(100 * epoch, config) == pytest.approx(1e-3 * 0.95**epoch)


def test_optimizers():
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    paper = make_optimizer(network, tiny_config(optimizer="adam", weight_decay=0.3))
    assert type(paper) is torch.optim.Adam
    assert paper.defaults["amsgrad"] and paper.param_groups[0]["weight_decay"] == 0
    ours = make_optimizer(network, tiny_config(weight_decay=0.3))
    assert type(ours) is torch.optim.AdamW
    decayed, spared = ours.param_groups
    assert [tuple(p.shape) for p in decayed["params"]] == [(4, 3)]
    assert (decayed["weight_decay"], spared["weight_decay"]) == (0.3, 0.0)
    assert len(spared["params"]) == 3
    ranger = make_optimizer(network, tiny_config(optimizer="ranger", weight_decay=0.3))
    assert type(ranger) is Ranger and ranger.defaults["betas"] == (0.95, 0.999)
    assert [g["weight_decay"] for g in ranger.param_groups] == [0.3, 0.0]


def quadratic(start):
    """A parameter and a loss whose gradient differs from step to step."""
    weight = nn.Parameter(torch.tensor(start))
    return weight, lambda step: ((weight - torch.tensor([1.0, -2.0])) ** 2).sum() * (1 + step % 3)


def descend(optimizer, loss, steps):
    """So many steps, counted on from where the last call ended; the weights after each."""
    found = []
    for step in steps:
        optimizer.zero_grad()
        loss(step).backward()
        optimizer.step()
        found.append(optimizer.param_groups[0]["params"][0].detach().clone())
    return found


def test_ranger_is_radam_that_goes_half_the_way_back_every_sixth_step():
    weight, loss = quadratic([0.0, 0.5])
    found = descend(Ranger([weight], lr=0.1), loss, range(14))
    other, other_loss = quadratic([0.0, 0.5])
    fast = torch.optim.RAdam([other], lr=0.1, betas=(0.95, 0.999), eps=1e-5)
    slow = other.detach().clone()
    for step in range(14):
        descend(fast, other_loss, [step])
        if step in (5, 11):
            with torch.no_grad():
                slow = (slow + other) / 2
                other.copy_(slow)
        torch.testing.assert_close(found[step], other.detach())
    assert (found[5] - found[4]).norm() > 3 * (found[4] - found[3]).norm()  # the step back


def test_the_slow_weights_of_ranger_are_saved_with_it():
    """Continued from its saved state between two steps back, to the bit."""
    weight, loss = quadratic([0.0, 0.5])
    whole = descend(Ranger([weight], lr=0.1), loss, range(20))
    first, first_loss = quadratic([0.0, 0.5])
    before = Ranger([first], lr=0.1)
    descend(before, first_loss, range(8))
    second, second_loss = quadratic(first.tolist())
    after = Ranger([second], lr=0.1)
    after.load_state_dict(before.state_dict())
    rest = descend(after, second_loss, range(8, 20))
    assert all(torch.equal(a, b) for a, b in zip(rest, whole[8:], strict=True))


def test_ranger_leaves_what_has_no_gradient():
    weight, loss = quadratic([0.0, 0.5])
    idle = nn.Parameter(torch.ones(2))
    descend(Ranger([weight, idle], lr=0.1), loss, range(7))
    assert torch.equal(idle.detach(), torch.ones(2))


@pytest.mark.parametrize("schedule", ["cosine", "exponential"])
@pytest.mark.parametrize("end", [0.3, 0.01, 1.0])
def test_the_rate_ends_at_its_share_of_the_peak(schedule, end):
    config = tiny_config(steps=50, warmup=0, lr=2.0, lr_schedule=schedule, lr_end=end)
    assert learning_rate(0, config) == 2.0
    assert learning_rate(50, config) == pytest.approx(2.0 * end)
    middle = 2.0 * (1 + end) / 2 if schedule == "cosine" else 2.0 * end**0.5
    assert learning_rate(25, config) == pytest.approx(middle)


def test_batch_norm_momentum_falls_as_in_the_paper():
    """80 epochs: 0.1 at the start, 0.094406 after one, 0.01 in the middle, 0.001 at the end."""
    network = nn.Sequential(nn.BatchNorm1d(2), nn.Sequential(nn.BatchNorm1d(2)))
    config = tiny_config(steps=8000)
    for epoch, momentum in ((0, 0.1), (1, 0.094406), (40, 0.01), (80, 0.001)):
        schedule_batch_norm(network, epoch * 100, config)
        assert network[0].momentum == pytest.approx(momentum, abs=5e-7)
        assert network[1][0].momentum == network[0].momentum


def numbers(value):
    """A module with one weight and one counter."""
    module = nn.Module()
    module.weight = nn.Parameter(torch.tensor([float(value)]))
    module.register_buffer("count", torch.tensor(int(value)))
    return module


def test_average_by_hand():
    average = Average(numbers(0), 0.9)
    expected = 0.0
    for step in range(120):
        decay = min(0.9, (step + 1) / (step + 10))  # 0.1, 2/11, ... until 0.9 at step 80
        value = float(step % 7)
        average.update(numbers(value), step)
        expected = decay * expected + (1 - decay) * value
        assert float(average.state["weight"]) == pytest.approx(expected, rel=1e-5)
        assert int(average.state["count"]) == int(value)  # a counter is copied


def test_average_of_nothing_is_the_newest_weight():
    average = Average(numbers(5), 0.0)
    average.update(numbers(2), 0)
    assert float(average.state["weight"]) == 2.0


def test_average_does_not_share_memory_with_the_network():
    network = numbers(1)
    average = Average(network, 0.9)
    with torch.no_grad():
        network.weight.fill_(7.0)
    assert float(average.state["weight"]) == 1.0
