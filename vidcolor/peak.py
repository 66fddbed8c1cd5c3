"""How much memory a piece of work takes at most, in a process that does nothing else."""

import re
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from vidcolor.errors import DeviceError

MIB = 2**20


@dataclass(frozen=True)
class Peak:
    """The most that was held at once, in MiB."""

    resident: float | None
    """Of the process, libraries included; None where the system does not tell."""
    on_card: float | None
    """Taken from the graphics cards by torch; None where no card was used."""

    def __str__(self) -> str:
        resident = "unknown" if self.resident is None else f"{self.resident:.0f} MiB"
        return resident if self.on_card is None else f"{resident}, {self.on_card:.0f} MiB on the card"


def measure_peak(work: Callable[[], object]) -> Peak:
    """Do `work`, which must be picklable, in a fresh process. Raises what it raises, DeviceError where it dies."""
    context = get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_watch, args=(work, theirs))
    process.start()
    theirs.close()
    try:
        found: Peak | Exception = ours.recv()
    except EOFError:
        raise DeviceError("the process whose memory is measured was killed: use a smaller or shorter film") from None
    finally:
        process.kill()
        process.join()
    if isinstance(found, Exception):
        raise found
    return found


def _watch(work: Callable[[], object], answer: "Connection[Peak | Exception, None]") -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it, too, and ends this process
    try:
        work()
        answer.send(Peak(_resident(), _on_card()))
    except Exception as error:
        answer.send(error)


def _resident() -> float | None:
    if sys.platform == "linux":  # where getrusage begins with the parent's peak
        found = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
        return int(found[1]) * 1024 / MIB if found else None
    try:
        import resource
    except ImportError:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB


def _on_card() -> float | None:
    if not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        return None
    return sum(torch.cuda.max_memory_reserved(card) for card in range(torch.cuda.device_count())) / MIB
