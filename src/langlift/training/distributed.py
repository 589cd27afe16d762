"""Where a run computes: its device, and the processes that share each step.

``torchrun --nproc-per-node N -m langlift train ...`` starts N processes of one run. A step's batch
is drawn in pieces (`TrainConfig.accumulate`); process r of n takes the pieces r, r + n, ..., the
gradients are averaged over all of them, and every process makes the same step. Process 0 leads: it
alone writes files, validates, reports and prints.

One process that takes all pieces itself makes the same steps up to the order of sums. Batch norm
sees one piece at a time in both; its running statistics are those of the leader's pieces.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from ..errors import InputError
from ..formats.files import one_line
from ..lifting.device import Device, find_device
from ..methods.base import Batch, Losses, Method

T = TypeVar("T")
#: Longer than any validation, during which the other processes wait for the leader.
_PATIENCE = timedelta(minutes=30)
_DDP_ARGUMENTS = inspect.signature(DistributedDataParallel).parameters
#: How DistributedDataParallel is told to leave buffers alone in steps; newer PyTorch warns about
#: the older name, and brings buffers in line once at the start, where they are the same anyway.
_BUFFERS = "forward_sync_buffers"
_KEEP_BUFFERS: dict[str, Any] = {
    _BUFFERS if _BUFFERS in _DDP_ARGUMENTS else "broadcast_buffers": False
}


class LeaderError(InputError):
    """The leading process could not go on; it tells why, so nobody else has to."""


@dataclass(frozen=True)
class Team:
    """The processes of a run, seen from one of them.

    Args:
        device: where this process computes.
        rank: number of this process, from 0.
        size: number of processes.
    """

    device: torch.device
    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes, validates and reports."""
        return self.rank == 0

    def pieces(self, accumulate: int) -> range:
        """The pieces of a step that this process takes.

        Raises:
            InputError: when the processes cannot share them evenly.
        """
        if accumulate % self.size:
            raise InputError(
                f"accumulate is {accumulate}, but {self.size} processes share the pieces of a "
                f"step; set --accumulate to a multiple of {self.size}"
            )
        return range(self.rank, accumulate, self.size)

    def share(self, network: Method) -> Shared:
        """The network's loss, so that its gradients are those of all processes."""
        objective: nn.Module = Objective(network)
        if self.size > 1:
            # Buffers are batch norm's statistics, which training does not read, and how long a
            # text was kept (`text_every`), which each process counts in its own pieces: together
            # they read it at other passes than one process that takes all pieces.
            objective = DistributedDataParallel(objective, **_KEEP_BUFFERS)
        return Shared(self, objective)

    def either(self, wish: bool) -> bool:
        """Whether any process wishes so; all have to ask."""
        if self.size == 1:
            return wish
        votes = torch.tensor([float(wish)], device=self.device)
        dist.all_reduce(votes, dist.ReduceOp.MAX)
        return bool(votes.item())

    def mean(self, values: Sequence[float]) -> list[float]:
        """The mean over the processes of each value."""
        if self.size == 1:
            return list(values)
        total = torch.tensor(values, dtype=torch.float64, device=self.device)
        dist.all_reduce(total)
        return (total / self.size).tolist()

    def first(self, work: Callable[[], T], otherwise: T) -> T:
        """Let the leader do something that the others wait for.

        Returns:
            What the work gives to the leader, `otherwise` to the others.

        Raises:
            LeaderError: in the other processes, when the work fails.
        """
        if self.size == 1:
            return work()
        failed, result = True, otherwise
        try:
            result = work() if self.leads else otherwise
            failed = False
        finally:
            failed = self.either(failed)
        if failed:
            raise LeaderError("process 0 of this run could not go on; see its message")
        return result


ALONE = Team(torch.device("cpu"))


class Objective(nn.Module):
    """A method as a module whose forward pass is its training loss.

    DistributedDataParallel averages gradients of what goes through a module's forward pass.
    """

    def __init__(self, network: Method) -> None:
        super().__init__()
        self.network = network

    def forward(self, batch: Batch) -> Losses:
        """The losses of a batch."""
        return self.network.training_loss(batch)


@dataclass(frozen=True)
class Shared:
    """The loss that the processes of a team minimise together.

    Args:
        team: the processes.
        losses: `Batch` to `Losses`.
    """

    team: Team
    losses: Callable[[Batch], Losses]

    def piece(self, last: bool) -> AbstractContextManager[Any]:
        """Around forward and backward pass of a piece; gradients are exchanged in the last one."""
        if last or not isinstance(self.losses, DistributedDataParallel):
            return nullcontext()
        return self.losses.no_sync()


@contextmanager
def open_team(device: Device = "auto") -> Iterator[Team]:
    """The team of this process: alone, or one of those that ``torchrun`` started.

    Args:
        device: ``cuda``, ``cpu``, or ``auto`` for the first where torch finds one.

    Raises:
        InputError: for a device that is not there, or when the other processes are lost.
    """
    if not (dist.is_available() and dist.is_torchelastic_launched()):
        yield Team(find_device(device, 0))
        return
    rank, size, local = (int(os.environ[n]) for n in ("RANK", "WORLD_SIZE", "LOCAL_RANK"))
    team = Team(find_device(device, local), rank, size)
    if size == 1:
        yield team
        return
    backend = "nccl" if team.device.type == "cuda" else "gloo"
    dist.init_process_group(backend, timeout=_PATIENCE)
    try:
        yield team
    except InputError:
        if backend == "gloo":  # left with its threads running, a process aborts at its end
            dist.destroy_process_group()
        raise
    except RuntimeError as error:
        if not (isinstance(error, dist.DistError) or "gloo" in str(error).lower()):
            raise
        raise InputError(
            f"process {rank} lost the others ({one_line(error)}); see the message of the one that "
            "ended first, then continue the run with --resume"
        ) from error
    # After other errors, and with nccl, the group is left to the end of the process: to take leave,
    # all would have to.
    dist.destroy_process_group()
