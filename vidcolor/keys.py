"""Key frames: those the network sees where it does not see all. The temporal filter carries their colours on."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from vidcolor.frames import NOTHING, FrameBatch, Memory
from vidcolor.sampling import shrink

LONGEST = 8
"""Frames from one key frame to the next, at most."""
CHANGE = 0.03
"""Mean change of Y′ since the last key frame, cell by cell, that asks for another."""
CELLS = (18, 32)
"""Down and across: grain is gone in them."""


def mark_keys(batches: Iterable[FrameBatch], memory: Memory = NOTHING) -> Iterator[FrameBatch]:
    """The same batches, which need guide and shots, with `is_key`: True on the first frame of every shot."""
    last = _LastKey.recall(memory)
    for batch in batches:
        if batch.guide is None or batch.first_of_shot is None:
            raise ValueError("a batch needs guide and first_of_shot before its key frames can be picked")
        flags = []
        for cells, is_first in zip(shrink(batch.guide, CELLS).flatten(1), batch.first_of_shot, strict=True):
            is_key = is_first or last is None or last.is_far_from(cells)
            last = _LastKey(cells) if is_key or last is None else replace(last, frames=last.frames + 1)
            flags.append(is_key)
        assert last is not None
        yield replace(batch, is_key=tuple(flags)).remember(last.memory)


@dataclass(frozen=True)
class _LastKey:
    cells: Tensor
    """Means of its Y′ over the cells, flat."""
    frames: int = 1
    """Since then, itself included."""

    @classmethod
    def recall(cls, memory: Memory) -> Self | None:
        return cls(memory["keys.cells"], int(memory["keys.frames"])) if "keys.cells" in memory else None

    @property
    def memory(self) -> Memory:
        return {"keys.cells": self.cells, "keys.frames": torch.tensor(self.frames)}

    def is_far_from(self, cells: Tensor) -> bool:
        """Less the median of the change, because film that flickers as a whole looks the same to the network."""
        change = cells - self.cells
        return self.frames >= LONGEST or float((change - change.median()).abs().mean()) >= CHANGE
