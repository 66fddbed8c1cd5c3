"""One decision about what a shot shows, instead of one for each of its frames."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from vidcolor.frames import NOTHING, Memory

SLOWEST_CONTEXT = 0.1
"""The newest frame's share in the global vector of a shot never falls below this."""


@dataclass(frozen=True)
class ShotContext:
    """The global vector averaged over the shot so far."""

    frames: int = 0
    vector: Tensor | None = None

    @classmethod
    def recall(cls, memory: Memory) -> Self:
        """The context that `memory` was made of; a new one where it was made of none."""
        vector = memory.get("context.vector")
        return cls() if vector is None else cls(int(memory["context.frames"]), vector)

    @property
    def memory(self) -> Memory:
        if self.vector is None:
            return NOTHING
        return {"context.frames": torch.tensor(self.frames), "context.vector": self.vector}

    def follow(self, vectors: Tensor, first_of_shot: tuple[bool, ...]) -> tuple[Tensor, "ShotContext"]:
        """Vectors (N, G) of the next frames -> what each is coloured with (N, G), and the context after them."""
        context, averaged = self, []
        for vector, is_first in zip(vectors, first_of_shot, strict=True):
            context = context._with(vector, is_first)
            averaged.append(context.vector)
        return torch.stack(averaged), context  # type: ignore[arg-type]

    def _with(self, vector: Tensor, is_first: bool) -> "ShotContext":
        if is_first or self.vector is None:
            return ShotContext(1, vector)
        share = max(1 / (self.frames + 1), SLOWEST_CONTEXT)
        return ShotContext(self.frames + 1, torch.lerp(self.vector, vector, share))
