"""Key frames: those the network sees where it does not see all. The temporal filter carries their colours on."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from vidcolor.frames import NOTHING, FrameBatch, Memory, Motion

LONGEST = 24
"""Frames from one key frame to the next, at most."""
TRACED = 0.75
"""Share of the picture that must be found again in the key frame before; less asks for another."""


def mark_keys(batches: Iterable[FrameBatch], memory: Memory = NOTHING) -> Iterator[FrameBatch]:
    """The same batches, which need motion and shots, with `is_key`: True on the first frame of every shot."""
    trace = _Trace.recall(memory)
    for batch in batches:
        if batch.to_previous is None or batch.first_of_shot is None:
            raise ValueError("a batch needs its motion and first_of_shot before its key frames can be picked")
        flags = []
        for index, is_first in enumerate(batch.first_of_shot):
            trace = None if is_first or trace is None else trace.follow(batch.to_previous[index : index + 1])
            flags.append(trace is None or trace.is_lost)
            if flags[-1]:
                trace = _Trace(torch.ones_like(batch.to_previous.confidence[:1]))
        assert trace is not None
        yield replace(batch, is_key=tuple(flags)).remember(trace.memory)


@dataclass(frozen=True)
class _Trace:
    """What of a frame was in the last key frame, as far as the motion can tell."""

    share: Tensor
    """(1, 1, h, w) in 0..1"""
    frames: int = 0
    """Since then."""

    @classmethod
    def recall(cls, memory: Memory) -> Self | None:
        return cls(memory["keys.share"], int(memory["keys.frames"])) if "keys.share" in memory else None

    @property
    def memory(self) -> Memory:
        return {"keys.share": self.share, "keys.frames": torch.tensor(self.frames)}

    def follow(self, motion: Motion) -> Self:
        """The trace on the next frame."""
        return type(self)(motion.fetch(self.share) * motion.confidence, self.frames + 1)

    @property
    def is_lost(self) -> bool:
        return self.frames >= LONGEST or float(self.share.mean()) < TRACED
