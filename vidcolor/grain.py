"""Grain belongs to the luma that is written. Colours that followed it would never rest."""

import torch
import torch.nn.functional as F
from torch import Tensor

from vidcolor.frames import NOTHING, Memory
from vidcolor.sampling import enlarge, to_cells

REST = 0.05
"""Share of the newest frame in the luma of what rests."""
STILL, MOVING = 0.01, 0.02
"""Mean change of Y′ over a few pixels up to which they rest, and from which they move."""
DARK_STILL, DARK_MOVING = 0.5, 0.9
"""The same as shares of Y′ itself: in the dark a little is much, and a picture that fades to black must reach it."""
BLACK = 1e-3
"""Y′ around which nothing rests, as there is nothing."""
GRAIN, TEXTURE = 0.04, 0.08
"""Mean size of the changes of Y′ of a few pixels that is still grain, and that is texture on the move."""


class RestingLuma:
    """Luma averaged over time where the picture rests, and as it is where it moves; starts anew at every cut."""

    def __init__(self, memory: Memory = NOTHING) -> None:
        nothing = torch.empty(0)
        self._guide, self._fine = memory.get("grain.guide", nothing), memory.get("grain.fine", nothing)
        self._frames = int(memory.get("grain.frames", 0))

    @property
    def memory(self) -> Memory:
        """What to go on from after the last frame."""
        return {"grain.guide": self._guide, "grain.fine": self._fine, "grain.frames": torch.tensor(self._frames)}

    def follow(self, guide: Tensor, fine: Tensor, first_of_shot: bool) -> tuple[Tensor, Tensor]:
        """The next frame's Y′ in 0..1, twice: guide (1, 1, h, w) and fine (1, 1, H, W) -> both without their grain."""
        self._frames = 1 if first_of_shot else self._frames + 1
        if self._frames == 1:
            self._guide, self._fine = guide, fine
        else:
            share = self._share(guide - self._guide)
            self._guide = torch.lerp(self._guide, guide, enlarge(share, like=guide))
            self._fine = torch.lerp(self._fine, fine, enlarge(share, like=fine))
        return self._guide, self._fine

    def _share(self, change: Tensor) -> Tensor:
        """What the new frame counts in every cell, in 0..1."""
        together, apart = to_cells(change).abs(), to_cells(change.abs())
        relative = (together + BLACK) / (to_cells(self._guide) + BLACK)
        moves = torch.stack(
            (
                (together - STILL) / (MOVING - STILL),
                (relative - DARK_STILL) / (DARK_MOVING - DARK_STILL),
                (apart - GRAIN) / (TEXTURE - GRAIN),
            )
        )
        return moves.amax(0).clamp(max(1 / self._frames, REST), 1)


def blur_grain(luma: Tensor) -> Tensor:
    """(N, 1, h, w) blurred with a deviation of one pixel, by the binomial weights 1 4 6 4 1 along both axes."""
    padded = F.pad(luma, (2, 2, 2, 2), mode="replicate")
    for axis in (2, 3):
        taps = [padded.narrow(axis, start, luma.shape[axis]) for start in range(5)]
        padded = (taps[0] + taps[4] + 4 * (taps[1] + taps[3]) + 6 * taps[2]) / 16
    return padded
