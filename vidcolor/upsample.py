"""From ab at working size to the chroma planes that are written, along the edges of the luma.

Fast guided filter (He and Sun 2015, arXiv:1505.00996): in every window Cb and Cr are linear functions of luma; the
slopes and offsets are found on the grid of ab and applied to the luma at the size of the chroma planes. Where the
picture rests, its grain is averaged away for this, so that the colours rest, too.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from vidcolor.color import ChromaTable, clamp_to_gamut_, read_luma_, store_chroma_
from vidcolor.errors import ConfigError
from vidcolor.frames import NOTHING, FrameBatch, Memory, PlaneFormat
from vidcolor.grain import RestingLuma
from vidcolor.sampling import box, enlarge, shrink

MOST_SATURATION = 4


@dataclass(frozen=True)
class Upsampler:
    """Makes chroma for pictures stored as `planes`."""

    source: PlaneFormat
    """Of the luma that comes in."""
    target: PlaneFormat
    """Of the chroma that is made: the writer's."""
    saturation: float = 1.0
    """Gain on ab, before the gamut clamp."""
    radius: int = 3
    """Of the filter's window, in pixels of ab."""
    tolerance: float = 0.02
    """Luma variation (standard deviation, of 1) that counts as flat rather than as an edge."""

    def __post_init__(self) -> None:
        check_saturation(self.saturation)

    @torch.inference_mode()
    def stream(self, batches: Iterable[FrameBatch], memory: Memory = NOTHING) -> Iterator[FrameBatch]:
        """Batches with ab (N, 2, h, w) and guide -> the same with chroma (N, 2, Hc, Wc), which is on the CPU.

        Frames without a mark of their shot are each one of their own.
        """
        table, resting = None, RestingLuma(memory)
        for batch in batches:
            if batch.ab is None or batch.guide is None:
                raise ValueError("a batch needs ab and guide before its chroma can be made")
            table = table or ChromaTable(self.target.matrix, batch.ab.device)
            first_of_shot = batch.first_of_shot or (True,) * len(batch)
            here, chroma = batch.luma.to(batch.ab.device), []
            for luma, guide, ab, is_first in zip(here, batch.guide, batch.ab, first_of_shot, strict=True):
                lumas = resting.follow(guide[None], self._shrink(luma), is_first)
                chroma.append(self._chroma(*lumas, ab, table))
            yield replace(batch, chroma=torch.stack(chroma).cpu()).remember(resting.memory)

    def _shrink(self, luma: Tensor) -> Tensor:
        """Stored luma (1, H, W) -> Y′ in 0..1 at the size of the chroma planes, (1, 1, Hc, Wc), fields kept apart."""
        height, width = self.target.chroma_size(*luma.shape[1:])
        if not self.source.interlaced or height < 2:
            return read_luma_(self._sited(luma[None], (height, width)), self.source)
        shrunk = torch.empty((1, 1, height, width), device=luma.device)
        for field in (0, 1):
            lines = shrunk[..., field::2, :]
            lines.copy_(self._sited(luma[None, :, field::2], (lines.shape[2], width)))
        return read_luma_(shrunk, self.source)

    def _sited(self, luma: Tensor, size: tuple[int, int]) -> Tensor:
        """Means of luma around where the samples of chroma lie."""
        across, down = self.target.chroma_shift
        luma = _stretch(luma, -2, 0, size[0] << down)
        if not (self.target.left_sited and across):
            return shrink(_stretch(luma, -1, 0, size[1] << across), size)
        half = 1 << across >> 1
        right, left = (shrink(_stretch(luma, -1, start, size[1] << across), size) for start in (1 - half, -half))
        return right.add_(left).div_(2)

    def _chroma(self, guide: Tensor, fine: Tensor, ab: Tensor, table: ChromaTable) -> Tensor:
        chroma = table(guide, ab[None] * self.saturation)
        slope, offset = guided_coefficients(guide, chroma, self.radius, self.tolerance)
        chroma = enlarge(offset, fine).addcmul_(enlarge(slope, fine), fine)
        return store_chroma_(clamp_to_gamut_(fine, chroma, self.target.matrix)[0], self.target)


def _stretch(planes: Tensor, dim: int, start: int, length: int) -> Tensor:
    """So many rows or columns from `start` <= 0 on: where there are none, the edge is repeated."""
    missing = start + length - planes.shape[dim]
    if not start and not missing:
        return planes
    first, last = planes.narrow(dim, 0, 1), planes.narrow(dim, -1, 1)
    parts = [first] * -start + [planes] + [last] * missing
    return torch.cat(parts, dim).narrow(dim, 0, length)


def check_saturation(saturation: float) -> None:
    """Raise ConfigError for a gain that is none, or past all use."""
    if not 0 <= saturation <= MOST_SATURATION:
        raise ConfigError(f"saturation must lie in 0..{MOST_SATURATION}, got {saturation:g}")


def guided_coefficients(guide: Tensor, planes: Tensor, radius: int, tolerance: float) -> tuple[Tensor, Tensor]:
    """guide (N, 1, h, w), planes (N, C, h, w) -> (N, C, h, w) twice, so that slope * guide + offset is about planes."""
    mean, mean_planes = box(guide, radius), box(planes, radius)
    covariance = box(guide * planes, radius) - mean * mean_planes
    variance = box(guide * guide, radius) - mean * mean
    slope = covariance / (variance.clamp_min(0) + tolerance**2)
    return box(slope, radius), box(mean_planes - slope * mean, radius)
