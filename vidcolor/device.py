"""Which processor to compute on, in which precision, and in parts of which size."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch

from vidcolor.errors import DeviceError

T = TypeVar("T")
_NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory", "bad_alloc", "ALLOC_FAILED")
"""What a RuntimeError says where torch has no type of its own for it: a CPU's allocator, Metal, cuDNN, cuBLAS."""


def pick_device(name: str = "auto") -> torch.device:
    """auto, cpu, cuda, cuda:N or mps -> the device. Raises DeviceError where this machine has none such."""
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda", "mps"):
        raise DeviceError(f"unknown device {name!r}: choose auto, cpu, cuda, cuda:N or mps")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise DeviceError(
            f"no such device: {name} (CUDA devices found: {torch.cuda.device_count()}); use --device auto"
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise DeviceError("no such device: mps (this machine has no Metal); use --device auto")
    return device


def pick_dtype(device: torch.device, half_ok: bool) -> torch.dtype:
    """Half precision on a CUDA card where the model allows it, else float32."""
    return torch.float16 if device.type == "cuda" and half_ok else torch.float32


class Portions:
    """How many frames are computed at once: all that come, and where memory runs out half as many, from then on."""

    def __init__(self) -> None:
        self._most: int | None = None

    def run(self, count: int, compute: Callable[[slice], T]) -> list[T]:
        """What `compute` returns for the parts of 0 .. count, in order. A part that does not fit is computed anew.

        Raises what `compute` raises, running out of memory included where a part of one frame does.
        """
        results: list[T] = []
        done = 0
        while done < count:
            size = min(self._most or count, count - done)
            try:
                results.append(compute(slice(done, done + size)))
                done += size
            except Exception as error:
                if size == 1 or not is_out_of_memory(error):
                    raise
                self._most = size // 2
        return results


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, on whatever device."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _NO_MEMORY)


@contextmanager
def memory_watched(device: torch.device, doing: str, advice: str) -> Iterator[None]:
    """Running out of memory becomes a DeviceError that says while doing what, and what to use instead."""
    try:
        yield
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        instead = [advice] if device.type == "cpu" else [advice, "--device cpu"]
        raise DeviceError(f"out of memory on {device} {doing}: use {', or '.join(instead)}") from None
