"""Two processes must end where one does that sees the same total batches, however uneven their parts.

The module is also the program that torchrun starts.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from vidcolor.errors import DeviceError, InputError
from vidcolor.parallel import Group, join_group
from vidcolor.training.norms import TotalBatchNorm2d, synchronise_norms

ROOT = Path(__file__).parents[1]
CPU = torch.device("cpu")
PICTURES = (5, 3, 4, 5, 2)
"""Of each total batch: uneven parts, and even ones."""


def some_net() -> nn.Sequential:
    torch.manual_seed(0)
    norms = nn.BatchNorm2d(6), nn.BatchNorm2d(4, momentum=None), nn.BatchNorm2d(4, affine=False)
    net = nn.Sequential(
        *(nn.Conv2d(1, 6, 3), norms[0], nn.ReLU()),
        *(nn.Conv2d(6, 4, 3, stride=2), norms[1], nn.ReLU()),
        *(nn.Conv2d(4, 4, 1), norms[2], nn.Conv2d(4, 2, 1)),
    )
    net[0].weight.data *= 10
    return net


def train(group: Group) -> dict[str, Any]:
    """A few steps of SGD; what came of them."""
    net = some_net()
    synchronise_norms(net)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    gradients, losses = [], []
    for step, pictures in enumerate(PICTURES):
        random = torch.Generator().manual_seed(step)
        batch = torch.rand(pictures, 1, 12, 14, generator=random) * torch.rand(pictures, 1, 1, 1, generator=random)
        part = torch.stack(list(group.share_of(list(batch))))
        loss = (net(part) - part.mean((2, 3), keepdim=True)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        group.average_gradients(net.parameters(), len(part))
        gradients.append([parameter.grad.clone() for parameter in net.parameters()])
        optimizer.step()
        losses.append(group.average({"loss": loss.item()}, len(part))["loss"])
    return {"state": net.state_dict(), "gradients": gradients, "losses": losses, "calm": net.eval()(batch).detach()}


def talk(group: Group, folder: Path) -> dict[str, Any]:
    """What the processes tell each other."""

    def fail() -> None:
        raise InputError(f"process {group.rank} fails")

    with pytest.raises(InputError) as caught:
        group.from_first(fail)
    return {
        "place": (group.rank, group.is_first),
        "agreed": group.agree({"rank": group.rank}),
        "made": group.from_first(lambda: group.rank),
        "failure": str(caught.value),
        "any": (group.any(group.rank == 1), group.any(False)),
    }


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    with join_group(CPU) as group:
        torch.save(train(group) | talk(group, folder), folder / f"{group.rank}.pt")


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[dict[str, Any]]]:
    """What each of two processes has come to."""
    folder = tmp_path_factory.mktemp("two")
    torchrun = ["torch.distributed.run", "--standalone", "--local-addr", "127.0.0.1", "--nproc-per-node", "2"]
    loopback = {"GLOO_SOCKET_IFNAME": "lo0" if sys.platform == "darwin" else "lo", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", *torchrun, "-m", "tests.test_parallel", str(folder)]
    done = subprocess.run(command, env=os.environ | loopback, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    yield [torch.load(folder / f"{rank}.pt") for rank in (0, 1)]


@pytest.fixture(scope="module")
def one() -> dict[str, Any]:
    with join_group(CPU) as group:
        return train(group)


def close(mine: Tensor, other: Tensor) -> bool:
    return torch.allclose(mine, other, rtol=1e-4, atol=1e-5)


def test_two_processes_agree_to_the_bit(two: list[dict[str, Any]]):
    first, second = (result["state"] for result in two)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert two[0]["losses"] == two[1]["losses"]


def test_two_processes_end_where_one_does(two: list[dict[str, Any]], one: dict[str, Any]):
    """Gradients of every step, losses, weights, running statistics, and the net in eval mode."""
    for mine, alone in zip(two[0]["gradients"], one["gradients"], strict=True):
        assert all(close(*pair) for pair in zip(mine, alone, strict=True))
    assert two[0]["losses"] == pytest.approx(one["losses"], rel=1e-5)
    assert list(two[0]["state"]) == list(one["state"])
    assert all(close(value, one["state"][name]) for name, value in two[0]["state"].items())
    assert close(two[0]["calm"], one["calm"])


def test_the_parts_alone_would_not_do(one: dict[str, Any]):
    """The test above can fail: without the others' statistics, the first part leads elsewhere."""
    lonely = train(Lonely(0, 2))
    assert not close(lonely["gradients"][0][0], one["gradients"][0][0])
    assert not close(lonely["state"]["1.running_var"], one["state"]["1.running_var"])


class Lonely(Group):
    """Takes its part of the batch and hears nothing of the others."""

    def average_gradients(self, *_: Any) -> None:
        pass

    def average(self, losses: dict[str, float], weight: int) -> dict[str, float]:
        return losses


def test_the_first_speaks_for_all(two: list[dict[str, Any]]):
    assert [result["place"] for result in two] == [(0, True), (1, False)]
    assert [result["agreed"] for result in two] == [{"rank": 0}] * 2
    assert [result["made"] for result in two] == [0, 0]
    assert [result["failure"] for result in two] == ["process 0 fails"] * 2
    assert [result["any"] for result in two] == [(True, False)] * 2


def test_parts_make_up_the_batch_and_are_never_empty():
    parts = [Group(rank, 3).share_of("abcdefg") for rank in range(3)]
    assert sorted(letter for part in parts for letter in part) == list("abcdefg")
    assert [Group(rank, 3).share_of("ab") for rank in range(3)] == [["a"], ["b"], ["a"]]


def test_alone_nothing_is_shared():
    with join_group(CPU) as group:
        assert (group.rank, group.size, group.is_first) == (0, 1, True)
        assert group.share_of([1, 2]) == [1, 2]
        assert group.agree(7) == 7 and group.average({"loss": 2.0}, 3) == {"loss": 2.0}
        assert group.device(torch.device("mps")) == torch.device("mps")
    assert not torch.distributed.is_initialized()
    net = some_net()
    assert synchronise_norms(net) is net and not any(isinstance(layer, TotalBatchNorm2d) for layer in net)


def test_a_shared_norm_is_the_plain_one_at_rest():
    plain = nn.BatchNorm2d(3).eval()
    plain.running_mean += torch.rand(3)
    shared = TotalBatchNorm2d(plain)
    x = torch.randn(2, 3, 4, 4)
    assert torch.equal(shared(x), plain(x))
    assert shared.weight is plain.weight and shared.running_mean is plain.running_mean
    nn.BatchNorm2d(3).load_state_dict(shared.state_dict())


@pytest.mark.parametrize("device", ["mps", "cuda"])
def test_every_process_needs_a_device_of_its_own(device: str):
    with pytest.raises(DeviceError, match="process"):
        Group(1, 2, local_rank=99).device(torch.device(device))
    assert Group(1, 2, local_rank=99).device(CPU) == CPU


if __name__ == "__main__":
    main(Path(sys.argv[1]))
