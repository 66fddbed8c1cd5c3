"""How long work takes: repeated, in turns with what it is compared with, after a turn that warms up."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from statistics import median, quantiles

import torch


@dataclass(frozen=True)
class Spread:
    """What was measured again and again."""

    median: float
    low: float
    """Lower quartile."""
    high: float
    """Upper quartile."""
    values: tuple[float, ...]
    """All of it, in order."""

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        measured = tuple(values)
        low, _, high = quantiles(measured, n=4, method="inclusive") if len(measured) > 1 else measured * 3
        return cls(median(measured), low, high, measured)

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f} to {self.high:.2f})"


@dataclass(frozen=True)
class Cost:
    """Of a frame."""

    ms: Spread
    """By the clock."""
    processor_ms: Spread
    """Summed over all cores."""


def measure_in_turns(
    works: Mapping[str, Callable[[], int]],
    repeats: int,
    device: torch.device,
    on_turn: Callable[[str], None] = lambda name: None,
) -> dict[str, Cost]:
    """What every work costs for each of the frames that it returns the number of.

    All are done once to warm up, then one after the other `repeats` times. `on_turn` hears which comes next.
    """
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    for _ in range(repeats + 1):
        for name, work in works.items():
            on_turn(name)
            taken[name].append(_time(work, device))
    return {name: Cost(*map(Spread.of, zip(*turns[1:], strict=True))) for name, turns in taken.items()}


def _time(work: Callable[[], int], device: torch.device) -> tuple[float, float]:
    """Milliseconds a frame, by the clock and of all cores."""
    started, busy = time.perf_counter(), time.process_time()
    frames = work()
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
    return (time.perf_counter() - started) * 1000 / frames, (time.process_time() - busy) * 1000 / frames
