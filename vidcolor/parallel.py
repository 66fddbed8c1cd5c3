"""The processes that torchrun has started, as a group whose members ask and tell each other.

In training, every process computes the mean loss of its part of a batch. Gradients are averaged with the sizes of the
parts as weights, and batch norms see the statistics of the total batch (`training/norms.py`), so that all end where one
process with the total batch would.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar, cast

import torch
import torch.distributed as dist
from torch import nn

from vidcolor.errors import DeviceError, VidcolorError

T = TypeVar("T")


@dataclass(frozen=True)
class Group:
    """The processes of a run, as one of them sees them. All must call the same methods in the same order."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    """Among the processes on this machine."""

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes and reports."""
        return self.rank == 0

    def device(self, picked: torch.device) -> torch.device:
        """Every process has a CUDA card of its own. Raises DeviceError where there is none for this one."""
        if self.size == 1 or picked.type == "cpu":
            return picked
        if picked.type != "cuda":
            raise DeviceError(f"{picked.type} cannot be shared by {self.size} processes; use --device cuda or cpu")
        if self.local_rank >= torch.cuda.device_count():
            raise DeviceError(f"CUDA devices found: {torch.cuda.device_count()}; give torchrun one process for each")
        return torch.device("cuda", self.local_rank)

    def share_of(self, batch: Sequence[T]) -> list[T]:
        """This process's part of a batch.

        One smaller than the group is repeated until everyone has an item: what it teaches is then weighted slightly
        otherwise than by one process. Only the last batch of an epoch is ever so small.
        """
        if len(batch) < self.size:
            return [batch[self.rank % len(batch)]]
        return list(batch[self.rank :: self.size])

    def average_gradients(self, parameters: Iterable[nn.Parameter], weight: int) -> None:
        """Average over the group in place, each process counting by its weight, the number of its pictures."""
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        if self.size == 1 or not gradients:
            return
        flat = torch.cat([gradient.flatten() for gradient in gradients] + [gradients[0].new_ones(1)]) * weight
        dist.all_reduce(flat)
        averaged = torch.split(flat[:-1] / flat[-1], [gradient.numel() for gradient in gradients])
        for gradient, values in zip(gradients, averaged, strict=True):
            gradient.copy_(values.view(gradient.shape))

    def average(self, losses: dict[str, float], weight: int) -> dict[str, float]:
        """The same names everywhere -> their averages, weighted as the gradients are. NaN anywhere is NaN for all."""
        if self.size == 1:
            return losses
        values = torch.tensor([*losses.values(), 1.0], dtype=torch.float64) * weight
        dist.all_reduce(values)
        return dict(zip(losses, (values[:-1] / values[-1]).tolist(), strict=True))

    def agree(self, value: T) -> T:
        """The first process's value, for all; it must be one that pickles."""
        if self.size == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0)
        return box[0]

    def from_first(self, make: Callable[[], T]) -> T:
        """What `make` gives in the first process, for all. A VidcolorError there is raised by all."""
        if self.size == 1:
            return make()
        made: tuple[Any, VidcolorError | None] = None, None
        if self.is_first:
            try:
                made = make(), None
            except VidcolorError as error:
                made = None, error
        result, failure = self.agree(made)
        if failure is not None:
            raise failure
        return cast(T, result)

    def any(self, mine: bool) -> bool:
        """Whether it is so in any process."""
        if self.size == 1:
            return mine
        flag = torch.tensor([float(mine)])
        dist.all_reduce(flag)
        return bool(flag.item())


def launched_group() -> Group:
    """What torchrun has told this process, which it may ask before it joins."""
    if not is_launched():
        return Group()
    return Group(*(int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK")))


def is_launched() -> bool:
    """Whether torchrun has started this process, if only one."""
    return dist.is_available() and dist.is_torchelastic_launched()


@contextmanager
def join_group(device: torch.device) -> Iterator[Group]:
    """The group that torchrun has started this process in, else a group of one. Raises DeviceError."""
    group = launched_group()
    if group.size == 1:
        yield group
        return
    own = group.device(device)
    if own.type == "cuda":
        torch.cuda.set_device(own)
    backend = "cpu:gloo,cuda:nccl" if own.type == "cuda" else "gloo"
    dist.init_process_group(backend, timeout=timedelta(days=1))  # gathering pictures may take hours
    try:
        yield group
    finally:
        dist.destroy_process_group()
