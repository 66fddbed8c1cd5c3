"""From ab at working size to the chroma planes that are written, along the edges of the luma.

Fast guided filter (He and Sun 2015, arXiv:1505.00996): in every window ab is a linear function of luma; the slopes and
offsets are found at working size and applied to the luma at the size of the chroma planes. Where the picture rests, its
grain is averaged away for this, so that the colours rest, too.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from vidcolor.color import ChromaTable, read_luma, store_chroma
from vidcolor.errors import ConfigError
from vidcolor.frames import NOTHING, FrameBatch, Memory, PlaneFormat
from vidcolor.grain import RestingLuma


@dataclass(frozen=True)
class Upsampler:
    """Makes chroma for pictures stored as `planes`."""

    source: PlaneFormat
    """Of the luma that comes in."""
    target: PlaneFormat
    """Of the chroma that is made: the writer's."""
    saturation: float = 1.0
    """Gain on ab, before the gamut clamp."""
    radius: int = 4
    """Of the filter's window, in pixels at working size."""
    tolerance: float = 0.02
    """Luma variation (standard deviation, of 1) that counts as flat rather than as an edge."""

    def __post_init__(self) -> None:
        if not 0 <= self.saturation <= 4:
            raise ConfigError(f"saturation must lie in 0..4, got {self.saturation:g}")

    def stream(self, batches: Iterable[FrameBatch], memory: Memory = NOTHING) -> Iterator[FrameBatch]:
        """Batches with ab (N, 2, h, w) and guide -> the same with chroma (N, 2, Hc, Wc).

        Frames without a mark of their shot are each one of their own.
        """
        table, resting = None, RestingLuma(memory)
        for batch in batches:
            if batch.ab is None or batch.guide is None:
                raise ValueError("a batch needs ab and guide before its chroma can be made")
            table = table or ChromaTable(self.target.matrix, batch.ab.device)
            first_of_shot = batch.first_of_shot or (True,) * len(batch)
            chroma = []
            for luma, guide, ab, is_first in zip(batch.luma, batch.guide, batch.ab, first_of_shot, strict=True):
                lumas = resting.follow(guide[None], self._shrink(luma.to(ab.device)), is_first)
                chroma.append(self._chroma(*lumas, ab, table))
            yield replace(batch, chroma=torch.stack(chroma)).remember(resting.memory)

    def _shrink(self, luma: Tensor) -> Tensor:
        """Stored luma (1, H, W) -> Y′ in 0..1 at the size of the chroma planes, (1, 1, Hc, Wc), fields kept apart."""
        whole = read_luma(luma, self.source)[None]
        height, width = self.target.chroma_size(*luma.shape[1:])
        if not self.source.interlaced or height < 2:
            return F.interpolate(whole, (height, width), mode="area")
        shrunk = whole.new_empty((1, 1, height, width))
        for field in (0, 1):
            lines = shrunk[..., field::2, :]
            lines.copy_(F.interpolate(whole[..., field::2, :], lines.shape[2:], mode="area"))
        return shrunk

    def _chroma(self, guide: Tensor, fine: Tensor, ab: Tensor, table: ChromaTable) -> Tensor:
        slope, offset = guided_coefficients(guide, ab[None], self.radius, self.tolerance)
        size = fine.shape[2:]
        slope, offset = (F.interpolate(value, size, mode="bilinear", align_corners=False) for value in (slope, offset))
        chroma = table(fine, torch.addcmul(offset, slope, fine).mul_(self.saturation))
        return store_chroma(chroma[0], self.target)


def guided_coefficients(guide: Tensor, ab: Tensor, radius: int, tolerance: float) -> tuple[Tensor, Tensor]:
    """guide (N, 1, h, w), ab (N, 2, h, w) -> slope and offset (N, 2, h, w) with ab close to slope * guide + offset."""
    mean, mean_ab = _box(guide, radius), _box(ab, radius)
    covariance = _box(guide * ab, radius) - mean * mean_ab
    variance = _box(guide * guide, radius) - mean * mean
    slope = covariance / (variance.clamp_min(0) + tolerance**2)
    return _box(slope, radius), _box(mean_ab - slope * mean, radius)


def _box(picture: Tensor, radius: int) -> Tensor:
    padded = F.pad(picture, (radius,) * 4, mode="replicate")
    return F.avg_pool2d(F.avg_pool2d(padded, (1, 2 * radius + 1), 1), (2 * radius + 1, 1), 1)
