"""Where the things in one frame were in another, and how far that can be believed."""

from dataclasses import dataclass
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor

from vidcolor.device import Portions
from vidcolor.flow import find_flow, sampling_grid
from vidcolor.sampling import enlarge

LUMA_TOLERANCE = 0.025
"""Difference of Y′ at which a match is believed to 61 % (one standard deviation)."""
LEAST_GAIN = 0.005
"""Difference of Y′ by which moving must match better than staying: else grain alone would make things move."""
MEDIAN_SIDE = 24
"""Pixels of the shorter side that a median is taken from."""
NEIGHBOURHOOD = 5
"""Side, in pixels, of what moves or stays together."""


@dataclass(frozen=True)
class Motion:
    """How to fetch the pixels of N pictures to where they are in N others."""

    places: Tensor
    """(N, h, w, 2) float32: where each pixel lies in the other picture, as `grid_sample` wants it."""
    confidence: Tensor
    """(N, 1, h, w) in 0..1: near 1 where the luma fetched is the luma here."""

    def fetch(self, planes: Tensor) -> Tensor:
        """(N, C, h, w) of the other pictures -> (N, C, h, w), moved; 0 where it comes from outside."""
        return F.grid_sample(planes, self.places, align_corners=True)

    def every(self, step: int) -> Self:
        """The same for every `step`-th pixel of every `step`-th row."""
        return type(self)(self.places[:, ::step, ::step], self.confidence[..., ::step, ::step])

    def __getitem__(self, pictures: slice) -> Self:
        return type(self)(self.places[pictures], self.confidence[pictures])


def find_motion(luma: Tensor, other: Tensor, portions: Portions | None = None) -> Motion:
    """N pairs of pictures (N, 1, h, w) of Y′ in 0..1 -> the motion that fetches from `other` to `luma`.

    `portions` are the pairs that memory holds at once.

    Confidence is exp(-d² / 2σ²) for the luma difference d, as in Lai et al. (arXiv:1808.00449) with a smaller σ. It is
    the whole of the occlusion test: what was covered has another luma. To ask besides that the flows there and back
    meet takes steadiness and no error away, in covered places too (`benchmarks/steadiness.py --occlusion`).
    """
    found = (portions or Portions()).run(len(luma), lambda part: _find_motion(luma[part], other[part]))
    return Motion(torch.cat([one.places for one in found]), torch.cat([one.confidence for one in found]))


def _find_motion(luma: Tensor, other: Tensor) -> Motion:
    flow = find_flow(luma, other)
    staying = _difference(luma, other)
    moving = _difference(luma, F.grid_sample(other, sampling_grid(flow), align_corners=True))
    moves = enlarge(to_cells(staying.abs() - moving.abs()), like=luma) > LEAST_GAIN
    difference = torch.where(moves, moving, staying)
    return Motion(sampling_grid(flow * moves), torch.exp(difference.square() * (-0.5 / LUMA_TOLERANCE**2)))


def to_cells(planes: Tensor) -> Tensor:
    """(N, C, h, w) -> means over cells of NEIGHBOURHOOD² pixels."""
    return F.avg_pool2d(planes, NEIGHBOURHOOD, ceil_mode=True)


def _difference(luma: Tensor, other: Tensor) -> Tensor:
    """luma - other, less its median, because film that flickers as a whole has not moved."""
    difference = luma - other
    step = max(1, min(luma.shape[2:]) // MEDIAN_SIDE)
    return difference - difference[..., ::step, ::step].flatten(1).median(dim=1).values.view(-1, 1, 1, 1)
